"""What an audit costs, and how much of it is left for each permutation of the labels.

    python benchmarks/audit_speed.py [--generated N] [--permutations N]

Chest X-rays of 64 x 64 pixels and images of a diffusion model. The bootstrap of decisions beside
scikit-learn's metrics called for each resample; a permutation of the recommended attack beside one
that looks at all distances again, and how both grow with the generated images; and CPU seconds of
three audits by the recommended attack, the nearest image and the blind one.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
from _common import KNOWN_IMAGES, fastest, figure, peak_resident, print_table
from many_generated import load
from sklearn import metrics

from gan_isi import audit, make_pipeline
from gan_isi.attacks import SourceIdentificationPipeline
from gan_isi.audit import prepared as audit_prepared
from gan_isi.audit.crossfit import Folds, null_distribution
from gan_isi.statistics import bootstrap_decisions, confusion_counts

SETS = ("real_used", "real_not_used", "generated")
SCORES = {
    "accuracy": metrics.accuracy_score, "precision": metrics.precision_score,
    "F1": metrics.f1_score, "kappa": metrics.cohen_kappa_score,
    "balanced accuracy": metrics.balanced_accuracy_score,
}  # fmt: skip


def bootstraps(n_resamples=2000):
    rng = np.random.default_rng(0)
    y, used = np.repeat([0, 1], 100), rng.integers(0, 2, 200)

    def one_by_one(metric):
        drawn = [np.concatenate([rng.integers(100, size=100), rng.integers(100, 200, size=100)])
                 for _ in range(n_resamples)]  # fmt: skip
        return np.quantile([metric(y[i], used[i]) for i in drawn], [0.025, 0.975])

    def at_once(name):
        counts = confusion_counts(y, used)[None]
        return bootstrap_decisions(
            name, counts, n_resamples=n_resamples, confidence=0.95, seed=0
        )  # fmt: skip

    rows = []
    for name, metric in SCORES.items():
        ours, peer = fastest(lambda: at_once(name))[0], fastest(lambda: one_by_one(metric), 1)[0]  # noqa: B023
        rows.append([name, *map(figure, (1000 * ours, 1000 * peer, peer / ours))])
    header = ["figure", "counts, ms", "scikit-learn's function, ms", "ratio"]
    print_table(f"Interval from {n_resamples} resamples of 200 decisions", header, rows)


def permutations(sizes=(500, 2000, 8000)):
    images, labels, generated = load(200, 500)
    known = Folds(np.arange(200), np.arange(0), None, cv=5, n_repeats=1)
    attack = {"recommended": make_pipeline("recommended")}
    ((_, one),) = audit_prepared.prepare(attack, images, generated)
    rows, spent = [], []
    for size in sizes:
        # Distances as of other images, without comparing so many.
        bags = np.tile(one.rows, (1, size // 500, 1))
        bags *= np.random.default_rng(0).uniform(0.9, 1.1, bags.shape)
        left = audit_prepared.keep_generated(
            replace(one, rows=bags, n_generated=size), np.arange(size)
        )

        def seconds(attack, n):
            start = time.process_time()
            null_distribution(attack, labels, known, n_permutations=n, seed=0)
            return (time.process_time() - start) / n

        seconds(left, 1)
        spent.append([seconds(left, 20), seconds(replace(left, closest=None, medians=None), 3)])
        ours, whole = spent[-1]
        rows.append([f"{size:,}", *map(figure, (1000 * ours, 1000 * whole, whole / ours))])
    growth = np.polyfit(np.log(sizes), np.log(spent), 1)[0]
    rows.append(["growth", *(f"n^{slope:.2f}" for slope in growth), ""])
    header = ["generated images", "closest distances, ms", "all distances, ms", "ratio"]
    print_table("CPU time of a permutation, 5 fits, 200 real images", header, rows)


def from_files(n_real, n_generated, *options):
    """CPU seconds of the command, with the start of Python and the page."""
    with tempfile.TemporaryDirectory() as folder:
        for name, n in zip(SETS, (n_real, n_real, n_generated), strict=True):
            Path(folder, name).mkdir()
            for file in sorted((KNOWN_IMAGES / name).iterdir())[:n]:
                Path(folder, name, file.name).symlink_to(file)
        arguments = [f"--{option}={Path(folder, name)}" for option, name in
                     zip(("used", "not-used", "generated"), SETS, strict=True)]  # fmt: skip
        before = os.times()
        command = [sys.executable, "-c", "from gan_isi.cli.app import run; run()", "audit"]
        page = f"--report={folder}/audit.html"
        subprocess.run([*command, *arguments, page, *options], check=True, capture_output=True)
        after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


@contextmanager
def cpu_seconds_in(where, name):
    """How long the calls of a function take in all."""
    function, spent = getattr(where, name), []

    def timed(*arguments, **options):
        start = time.process_time()
        try:
            return function(*arguments, **options)
        finally:
            spent.append(time.process_time() - start)

    with mock.patch.object(where, name, timed):
        yield spent


def many(n_generated, n_permutations):
    """CPU seconds of describing, of comparing, and of all the rest of an audit."""
    images, labels, generated = load(200, n_generated)
    start = time.process_time()
    with (
        cpu_seconds_in(audit_prepared, "describe") as describing,
        cpu_seconds_in(SourceIdentificationPipeline, "fit_distances") as comparing,
    ):
        audit.audit(
            ["recommended", "nearest"], images, labels, generated=generated,
            n_permutations=n_permutations, random_state=0,
        )  # fmt: skip
    apart = [sum(describing), sum(comparing)]
    return [*apart, time.process_time() - start - sum(apart)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--generated", type=int, default=10_000)
    parser.add_argument("--permutations", type=int, default=999)
    options = parser.parse_args()
    if not KNOWN_IMAGES.is_dir():
        raise SystemExit(f"No folder {KNOWN_IMAGES}.")
    bootstraps()
    permutations()
    rows = [
        ["20 + 20 + 80, command", "0", "", "", figure(from_files(20, 80, "--permutations=0"))],
        ["100 + 100 + 500, command", "199", "", "", figure(from_files(100, 500))],
    ]
    spent = many(options.generated, options.permutations)
    size, n_permutations = f"{options.generated:,}", str(options.permutations)
    rows.append([f"100 + 100 + {size}", n_permutations, *map(figure, spent)])
    header = ["images", "permutations", "describing", "comparing", "the rest, or all"]
    print_table("CPU seconds of an audit", header, rows)
    print(f"\nPeak of memory: {peak_resident() / 1e9:.1f} GB")


if __name__ == "__main__":
    main()
