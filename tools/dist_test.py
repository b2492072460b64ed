"""Build the distributions and try both as somebody would who found them.

    python tools/dist_test.py

Needs build and twine. The wheel goes into an empty environment and is used from the shell; the
source distribution goes into another, where its own tests are run against it.
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: What is read at run time, or by type checkers: whatever is not Python.
IN_THE_WHEEL = [
    path.relative_to(ROOT / "src").as_posix()
    for path in (ROOT / "src" / "gan_isi").rglob("*")
    if path.is_file() and path.suffix not in (".py", ".pyc", ".nbi", ".nbc")
]
IN_THE_SDIST = ("src/gan_isi/__init__.py", "tests/conftest.py", "docs/api.md", "CITATION.cff")
#: Quick tests of the source distribution that need no data.
TESTS = (
    "test_import.py",
    "test_documented.py",
    "test_release.py",
    "membership/test_fusion.py",
    "datasets",
)

SETS = ("--used", "used", "--not-used", "other", "--generated", "generated")
FOLDERS = """
from pathlib import Path
from PIL import Image
from gan_isi import datasets

problem = datasets.make_membership_problem(32, n_generated=40, image_size=32, random_state=0)
parts = {"used": problem.images[problem.target == 1], "other": problem.images[problem.target == 0],
         "generated": problem.generated}
for name, images in parts.items():
    Path(name).mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(f"{name}/{number:03}.png")
"""


def main():
    # Stays, for whoever publishes them.
    target = ROOT / "dist"
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        wheel, sdist = build(target)
        check_contents(wheel, sdist)
        try_wheel(wheel, Path(folder, "wheel"))
        try_sdist(sdist, Path(folder, "sdist"))
    print("Both distributions work.")


def run(*command, cwd):
    print("$", *command, flush=True)
    done = subprocess.run(command, cwd=cwd, text=True, stdout=subprocess.PIPE)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\nIt failed with exit code {done.returncode}.")
    return done.stdout


def build(target):
    run(sys.executable, "-m", "build", "--outdir", str(target), str(ROOT), cwd=ROOT)
    (wheel,), (sdist,) = target.glob("*.whl"), target.glob("*.tar.gz")
    run(sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sdist), cwd=ROOT)
    return wheel, sdist


def check_contents(wheel, sdist):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    missing = [name for name in IN_THE_WHEEL if name not in names]
    stray = [name for name in names if not name.startswith("gan_isi") or "__pycache__" in name]
    with tarfile.open(sdist) as archive:
        inside = {name.split("/", 1)[-1] for name in archive.getnames()}
    missing += [name for name in IN_THE_SDIST if name not in inside]
    stray += [name for name in inside if name.startswith(("output", "docs/_build", ".venvs"))]
    if missing or stray:
        raise SystemExit(f"Missing: {missing}; stray: {stray}.")


def environment(folder, *requirements):
    venv.create(folder, with_pip=True)
    binaries = folder / ("Scripts" if sys.platform == "win32" else "bin")
    quiet = ("--quiet", "--disable-pip-version-check")
    run(str(binaries / "python"), "-m", "pip", "install", *quiet, *requirements, cwd=folder)
    return binaries


def try_wheel(wheel, folder):
    binaries = environment(folder, f"gan-isi[report] @ {wheel.as_uri()}")
    version = wheel.name.split("-")[1]
    said = run(str(binaries / "gan-isi"), "--version", cwd=folder)
    if said != f"gan-isi, version {version}\n":
        raise SystemExit(f"The wheel is version {version}, the program says {said!r}.")
    run(str(binaries / "python"), "-c", FOLDERS, cwd=folder)
    asked = ("--permutations", "9", "--report", "audit.html", "--json", "audit.json")
    said = run(str(binaries / "gan-isi"), "audit", *SETS, *asked, cwd=folder)
    run(str(binaries / "gan-isi"), "verify", "audit.json", cwd=folder)
    run(str(binaries / "gan-isi"), "demo", "--output", "demo", cwd=folder)
    run(str(binaries / "python"), "-m", "gan_isi", "--version", cwd=folder)
    if not (folder / "demo" / "demo.html").is_file():
        raise SystemExit("The demo wrote no report.")
    page = (folder / "audit.html").read_text(encoding="utf-8")
    counted = "16 real images known to be used"
    if counted not in said or counted not in page:
        raise SystemExit("The audit says nothing.")


def try_sdist(sdist, folder):
    folder.mkdir()
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = folder.glob("gan_isi-*")
    # The folder: pip keeps the wheel that it built of an archive, and takes it again for the next
    # archive of that path and version.
    project = f"gan-isi[dicom,report] @ {unpacked.as_uri()}"
    binaries = environment(folder / "environment", project, "pytest", "hypothesis")
    # Without its src: what is installed is tested.
    (unpacked / "src").rename(unpacked / "not-src")
    tests = [f"tests/{name}" for name in TESTS]
    run(str(binaries / "python"), "-m", "pytest", "-q", "-m", "not slow", *tests, cwd=unpacked)


if __name__ == "__main__":
    main()
