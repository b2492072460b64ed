"""What fuzz tests share: tiny folders, a shell that looks at what is left, and a count by area."""

import hashlib
import os
import shutil
import subprocess
import sys
import unicodedata
from collections import Counter

import pytest
from PIL import Image

from gan_isi import datasets

OUTCOMES = ("right", "refused in words", "wrong", "crashed")

#: Of a program that ends by itself or by a signal that it heard.
EXIT_CODES = (0, 1, 2, 129, 130, 143)


def pytest_terminal_summary(terminalreporter):
    counts = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                found = dict(report.user_properties)
                if "area" in found:
                    for outcome, number in found.get("tally", {"wrong": 1}).items():
                        counts[found["area"], outcome] += number
    areas = sorted({key[0] for key in counts if isinstance(key, tuple)})
    if areas:
        terminalreporter.section("situations tried, by area")
        terminalreporter.line(f"{'area':14}{'tried':>8}" + "".join(f"{o:>18}" for o in OUTCOMES))
        for area in areas:
            each = [counts[area, outcome] for outcome in OUTCOMES]
            terminalreporter.line(f"{area:14}{sum(each):8}" + "".join(f"{n:18}" for n in each))


#: Runs a program of root's that permissions bind.
_WITHOUT_POWERS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"]


@pytest.fixture
def tally(record_property):
    """Count outcomes; `tally(area, outcome)` fails for those that must not be."""
    counts = Counter()

    def count(area, outcome, said=""):
        record_property("area", area)
        counts[outcome] += 1
        record_property("tally", dict(counts))
        assert outcome not in ("wrong", "crashed"), said

    return count


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    root = tmp_path_factory.mktemp("template")
    it = datasets.make_membership_problem(
        28, n_generated=12, image_size=24, memorization=0.9, random_state=0
    )
    used, other = it.images[it.target == 1], it.images[it.target == 0]
    parts = {"used": used[:10], "other": other[:10], "generated": it.generated,
             "unknown": [*used[10:13], *other[10:13]]}  # fmt: skip
    for name, images in parts.items():
        (root / name).mkdir()
        for i, image in enumerate(images):
            Image.fromarray(image).save(root / name / f"{name[0]}{i:02}.png")
    return root


class Shell:
    """Runs commands in a copy of the folders, and judges what they leave."""

    inputs = ("used", "other", "generated", "unknown")

    def __init__(self, root):
        self.root = root
        self.known = ["--used", "used", "--not-used", "other", "--generated", "generated"]
        self.audit = ["audit", *self.known, "--attack", "nearest", "--permutations", "3",
                      "--folds", "2"]  # fmt: skip
        self.predict = ["predict", *self.known, "--candidates", "unknown"]

    def start(self, *arguments, env=None, unprivileged=False, **options):
        code = "import sys; sys.argv[0] = 'gan-isi'; from gan_isi.cli.app import run; run()"
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.Popen(
            [*(_WITHOUT_POWERS if unprivileged else ()), sys.executable, "-c", code,
             *map(os.fspath, arguments)],
            cwd=self.root, env={**os.environ, "OMP_NUM_THREADS": "1", **(env or {})}, **options,
        )  # fmt: skip

    def run(self, *arguments, **options):
        before = self.digests()
        process = self.start(*arguments, **options)
        try:
            out, err = (text or b"" for text in process.communicate(timeout=120))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return None, "", "hangs"
        out, err = out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
        self.complaint = self._complaint(process.returncode, out, err, before)
        return process.returncode, out, err

    def _complaint(self, code, out, err, before):
        left = [path.name for path in self.root.rglob(".gan-isi-*")]
        odd = {c for c in out + err if c != "\n" and unicodedata.category(c) in ("Cc", "Cf")}
        return (
            f"exit code {code}" if code not in EXIT_CODES else
            "a traceback" if "Traceback" in err else
            "refused without a word" if code and not err.strip() and self.hears else
            f"control characters {odd}" if odd else
            f"left behind {left}" if left else
            "an input was changed" if before != self.digests() else ""
        )  # fmt: skip

    #: Whether standard error can be read.
    hears = True

    def digests(self):
        return {
            path: hashlib.sha256(path.read_bytes()).hexdigest()
            for name in self.inputs
            for path in sorted((self.root / name).rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def shell(template, tmp_path):
    root = tmp_path / "here"
    shutil.copytree(template, root)
    return Shell(root)
