"""What importing the library does, and must not do."""

import subprocess
import sys


def run(code):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_heavy_packages_are_imported_only_when_needed():
    heavy = {"torch", "torchvision", "matplotlib", "pydicom"}
    loaded = run("import sys, gan_isi; print(*sys.modules)")
    assert not heavy & set(loaded)


def test_every_public_name_is_there():
    missing = run("import gan_isi; print(*(n for n in gan_isi.__all__ if not hasattr(gan_isi, n)))")
    assert missing == []


def test_the_typed_marker_is_installed():
    run("import importlib.resources as r; assert (r.files('gan_isi') / 'py.typed').is_file()")


def test_the_command_line_shows_its_help_without_the_library():
    code = "import sys, gan_isi.cli; print(*sys.modules)"
    assert not {"numpy", "scipy", "sklearn", "skimage", "torch"} & set(run(code))


def test_names_that_are_not_there_are_refused():
    code = (
        "import gan_isi\ntry: gan_isi.nothing\nexcept AttributeError as error: print(error)\n"
        "assert sorted(gan_isi.__all__) == sorted(dir(gan_isi))"
    )
    assert run(code)[-1] == "nothing"
