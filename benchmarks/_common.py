"""What the benchmarks share: images, attacks' AUCs, time and memory side by side, tables."""

import argparse
import contextlib
import json
import os
import platform
import re
import sys
import threading
import time
import tracemalloc
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
from scipy.stats import sem
from threadpoolctl import threadpool_info

from gan_isi import __version__, audit, datasets
from gan_isi.attacks import ATTACKS

SHARED_IMAGES = Path(__file__).parents[2] / "shared" / "data" / "cxr256"
#: Chest X-rays of 64 x 64 pixels, those that trained a diffusion model, and its images.
KNOWN_IMAGES = SHARED_IMAGES.parent / "cxr64_ddpm"


def load_files(folder=None):
    """Images of a folder, read when asked for; the chest X-rays beside a checkout by default."""
    folder = Path(folder) if folder else SHARED_IMAGES
    if not folder.is_dir():
        raise SystemExit(f"No folder {folder}: give one with images.")
    return datasets.load_images(folder)


def load_pictures(folder=None, n_images=None):
    """Images of a folder as an array, which have to be of one size."""
    return np.stack(list(load_files(folder)[:n_images]))


def load_known(folder=KNOWN_IMAGES):
    """Real images, which of them were used, and generated ones."""
    if not Path(folder).is_dir():
        raise SystemExit(f"No folder {folder} with images of known membership.")
    data = datasets.load_membership(folder)
    return np.stack(list(data.images)), np.asarray(data.target), np.stack(list(data.generated))


class Resampled(Sequence):
    """As many different images as asked for, each made from its file when asked for.

    Image k is image k % n of the sources, flipped and shifted as a seed made from k says,
    so that only the image that is being looked at is in memory. Sizes may differ.
    """

    def __init__(self, sources, n_images, seed=0):
        self.sources, self.n_images, self.seed = sources, n_images, seed

    def __len__(self):
        return self.n_images

    def __getitem__(self, index):
        if not 0 <= index < self.n_images:
            raise IndexError(index)
        rng = np.random.default_rng([self.seed, index])
        image = self.sources[index % len(self.sources)]
        flipped = image[:, :: rng.choice([-1, 1])]
        return np.roll(flipped, rng.integers(0, image.shape[:2]), axis=(0, 1))


def resampled_vectors(vectors, n_vectors, seed=0):
    """As many different vectors as asked for: the given ones with noise of one percent."""
    rng = np.random.default_rng(seed)
    result = np.empty((n_vectors, vectors.shape[1]), dtype=np.float32)
    for index, row in enumerate(result):
        noise = rng.standard_normal(len(row), dtype=np.float32)
        np.multiply(vectors[index % len(vectors)], 1 + 0.01 * noise, out=row)
    return result


def fastest(function, repeats=3):
    """Shortest wall time of several runs in seconds, and the last result."""
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        best = min(best, time.perf_counter() - start)
    return best, result


def side_by_side(*functions, repeats=5):
    """Wall seconds (repeats, n_functions) of functions in turns, after one round untimed."""
    seconds = np.empty((repeats + 1, len(functions)))
    for row in seconds:
        for index, function in enumerate(functions):
            start = time.perf_counter()
            function()
            row[index] = time.perf_counter() - start
    return seconds[1:]


def record(name, ratios):
    """Add the ratios (peer / ours, one a repeat) of something measured to the file BENCH_JSON.

    Only where the variable is set. `tools/compare_bench.py` compares two such files.
    """
    target = os.environ.get("BENCH_JSON")
    if not target:
        return
    path, name = Path(target), f"{Path(sys.argv[0]).stem}: {name}"
    run = {"gan_isi": __version__, "machine": machine_facts(), "ratios": {}}
    if path.exists():
        before = json.loads(path.read_text())
        if (before["gan_isi"], before["machine"]) != (run["gan_isi"], run["machine"]):
            raise SystemExit(
                f"{path} is of another machine or version; give BENCH_JSON a new name."
            )
        run = before
    run["ratios"][name] = [float(f"{ratio:.6g}") for ratio in ratios]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(run, indent=1, sort_keys=True) + "\n")


def machine_facts():
    """What changes ratios without any change of ours, as text by name."""
    processor = platform.processor() or platform.machine()
    for line in _read(Path("/proc/cpuinfo")).splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    simd = np.show_config(mode="dicts").get("SIMD Extensions", {})
    known = [*simd.get("baseline", []), *simd.get("found", [])]
    affinity = getattr(os, "sched_getaffinity", None)
    packages = ("numpy", "scipy", "scikit-learn", "scikit-image", "numba", "torch")
    facts = {
        "processor": processor,
        "AVX-512": str(any(name.startswith(("AVX512", "X86_V4")) for name in known)),
        "cores": str(len(affinity(0)) if affinity else os.cpu_count()),
        "system": platform.system(),
        "Python": platform.python_version(),
        "linear algebra": ", ".join(sorted(
            " ".join(str(one.get(key)) for key in ("internal_api", "version", "architecture"))
            for one in threadpool_info() if one["user_api"] == "blas"
        )),
    }  # fmt: skip
    for package in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            facts[package] = metadata.version(package)
    return facts


def peak_allocated(function):
    """Largest sum of what numpy has allocated while the function runs, in bytes.

    As tracemalloc counts it: exact and the same in every run, where the resident memory of
    so small a piece drowns in that of the libraries. What C code keeps to itself is missing;
    in the stages measured so that is next to nothing.
    """
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def peak_resident():
    """Largest resident memory so far, in bytes, of this process and those it started.

    Their high-water marks are summed, which is too much where they share pages or peak at
    different times. Where there is no /proc, this process alone.
    """
    if Path("/proc/self/status").exists():
        return sum(_bytes_of(process, "VmHWM:") for process in _with_children(os.getpid()))
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class SampledMemory:
    """Largest memory at one time of this process and those it started, looked at every 0.1 s.

    What each has for itself is summed; of files and what else is shared the most that one of them
    has mapped is added. Where there is no /proc, `peak_resident`.
    """

    def __init__(self):
        self.peak = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        while True:
            self.look()
            time.sleep(0.1)

    def look(self):
        if not Path("/proc/self/status").exists():
            self.peak = peak_resident()
            return
        processes = list(_with_children(os.getpid()))
        own = sum(_bytes_of(process, "RssAnon:") for process in processes)
        shared = max(_bytes_of(process, "RssFile:", "RssShmem:") for process in processes)
        self.peak = max(self.peak, own + shared)


def _with_children(process):
    yield process
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in _read(children).split():
            yield from _with_children(child)


def _bytes_of(process, *names):
    """Sum of some lines of a process's status, which are in kB; 0 where it has ended."""
    lines = _read(Path(f"/proc/{process}/status")).splitlines()
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(names))


def _read(path):
    try:
        return path.read_text()
    except OSError:  # the process has ended in the meantime
        return ""


def megabytes(n_bytes):
    return figure(n_bytes / 1e6)


#: The attacks that are a rule each, by name.
RULES = [name for name in ATTACKS if name not in ("recommended", "paper", "blind")]


def figure(value):
    """A positive number with as many digits as its size deserves."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def print_table(title, header, rows):
    """A Markdown table, in which a page's narrow columns don't break intervals and errors."""
    print(f"\n{title}\n\n| " + " | ".join(header) + " |\n" + "|---" * len(header) + "|")
    for row in rows:
        print(re.sub(r"(?<=\d) (±|to) (?=[-\d])", "\u00a0\\1\u00a0", f"| {' | '.join(row)} |"))


def mean_and_error(values):
    """The mean of some runs and its standard error, as text."""
    return f"{np.mean(values):.2f} ± {sem(values):.2f}"


def measures_of_each(attacks, images, labels, generated, seed):
    """What an audit without permutations measures of each attack out of fold, by its name."""
    result = audit.audit(
        dict(attacks),
        images,
        labels,
        generated=generated,
        n_permutations=0,
        n_resamples=2,
        random_state=seed,
    )
    return {name: one.measures for name, one in result.attacks.items()}


def auc_of_each(attacks, images, labels, generated, seed):
    """AUC of each attack out of fold, by its name."""
    found = measures_of_each(attacks, images, labels, generated, seed)
    return {name: measures["AUC"].value for name, measures in found.items()}


def options_of_runs(description):
    """How many generators of each kind, and how many at once."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--n-jobs", type=int, default=2)
    return parser


def print_means(title, header, values):
    """A table of runs: for each name a list of runs a column, the largest means first."""
    names = sorted(values, key=lambda name: -np.mean(values[name]))
    rows = [[name, *map(mean_and_error, values[name])] for name in names]
    print_table(title, header, rows)
