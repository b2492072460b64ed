"""What the options that commands share say reaches the library."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_isi.cli import main
from gan_isi.cli.terminal import in_words
from gan_isi.cli.work import Work

ASKED = [
    "--seed", "11", "--jobs", "2", "--folds", "3", "--permutations", "7", "--patients", "p.csv",
    "--intensity-range", "0", "200", "--cache", "kept",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two images of each patient, the second one in the other order."""
    monkeypatch.chdir(tmp_path)
    rng, lines = np.random.default_rng(0), ["file,patient"]
    for name in ("used", "other", "generated", "second"):
        (tmp_path / name).mkdir()
        for number in range(6):
            image = rng.integers(0, 200, (32, 32), dtype=np.uint8)
            Image.fromarray(image).save(tmp_path / name / f"{name[0]}{number}.png")
            lines.append(f"{name[0]}{number}.png,{name[0]}{min(number, 5 - number)}")
    (tmp_path / "p.csv").write_text("\n".join(lines))
    return tmp_path


@pytest.fixture
def handed(monkeypatch):
    """What the library's functions are called with; they are not run."""
    found = {}

    def stop(*given, **options):
        found.update(options, given=given)
        raise ZeroDivisionError

    for name in ("audit", "withhold", "compare"):
        monkeypatch.setattr(f"gan_isi.audit.{name}", stop)
    return found


def run(command, *more):
    arguments = ["--used", "used", "--not-used", "other", "--generated", "generated", *ASKED]
    return main([command, *arguments, *more])


@pytest.mark.parametrize(
    ("command", "more", "attack_of"),
    [
        ("audit", ["--attack", "nearest"], lambda found: found["given"][0]["nearest"]),
        ("withhold", [], lambda found: found["attacks"]["recommended"]),
        ("withhold", [], lambda found: found["choose_by"]),
        ("compare", ["--generated", "second"], lambda found: found["attack"]),
    ],
)
def test_shared_options_reach_the_library(command, more, attack_of, folder, handed, capsys):
    assert run(command, *more) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    numbers = {name: handed[name] for name in ("random_state", "n_jobs", "cv", "n_permutations")}
    assert numbers == {"random_state": 11, "n_jobs": 2, "cv": 3, "n_permutations": 7}
    assert handed["verbose"] is True
    # The images not used come first.
    assert handed["groups"] == [f"{kind}{n}" for kind in "ou" for n in (0, 1, 2, 2, 1, 0)]
    descriptors = attack_of(handed).named_steps["descriptors"]
    assert (descriptors.n_jobs, descriptors.memory) == (2, "kept")
    assert tuple(descriptors.intensity_range) == (0, 200)
    assert run(command, *more, "--quiet") == 1
    assert handed["verbose"] is False


def test_options_of_an_audit_reach_it(folder, handed):
    options = ["--repeats", "2", "--prior", "0.2", "--choose", "--controls"]
    options += ["--attack", "nearest", "--attack", "retrieval", "--epsilon-by", "nearest"]
    assert run("audit", *options) == 1
    expected = {
        "n_repeats": 2, "prior": 0.2, "choose": True, "controls": True, "epsilon_by": "nearest",
    }  # fmt: skip
    assert {name: handed[name] for name in expected} == expected
    assert str(handed["memory"]) == "kept"
    assert handed["given"][2] == [0] * 6 + [1] * 6


@pytest.mark.parametrize("command", ["audit", "withhold", "predict"])
def test_a_dry_run_fills_no_cache(command, folder, capsys):
    arguments = ["--used", "used", "--not-used", "other", "--generated", "generated"]
    arguments += ["--cache", "kept", "--dry-run"]
    if command == "predict":
        arguments += ["--candidates", "second", "--output", "scores.csv"]
    assert main([command, *arguments]) == 0
    assert "Nothing was written." in capsys.readouterr().out
    assert not (folder / "kept").exists()
    assert not (folder / "scores.csv").exists()


def test_attacks_of_a_dry_run_get_no_cache():
    options = {
        "seed": 0,
        "jobs": 1,
        "cache": Path("kept"),
        "quiet": False,
        "folders": {},
        "outputs": {},
    }
    one, other = (
        Work(**options, intensity_range="dtype", dry_run=dry).of_attacks["memory"]
        for dry in (False, True)
    )
    assert (one, other) == ("kept", None)


def test_the_table_of_patients_is_not_written_over(folder, capsys):
    before = (folder / "p.csv").read_text()
    assert run("audit", "--json", "p.csv") == 2
    assert "--json names p.csv, which is read and would be lost" in capsys.readouterr().err
    assert (folder / "p.csv").read_text() == before


@pytest.mark.parametrize("error", [ValueError, OSError, ImportError, TypeError, MemoryError])
def test_errors_of_the_library_are_said_as_they_are(error):
    assert in_words(error("A picture is torn.")) == "A picture is torn."


def test_other_errors_are_faults():
    text = in_words(KeyError("x"))
    assert text == "KeyError: 'x'. Please report this fault of gan-isi."
