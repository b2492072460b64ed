"""`gan-isi withhold`, on folders of small images."""

import csv
import json
import re

import numpy as np
import pytest
from PIL import Image

from gan_isi import attacks, datasets
from gan_isi.cli import main
from gan_isi.cli.attacks import CHOICES
from gan_isi.cli.replay import arguments_of, options_of
from gan_isi.cli.withhold import withhold as command
from gan_isi.cli.work import reading


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Half of the generated images are near copies of the used ones."""
    root = tmp_path_factory.mktemp("withhold")
    problem = datasets.make_membership_problem(
        24, n_generated=12, image_size=32, memorization=0.999, random_state=0
    )
    used, other = (problem.images[problem.target == label] for label in (1, 0))
    unrelated = datasets.make_membership_problem(24, image_size=32, random_state=5).images[:12]
    sets = {"used": used, "other": other, "generated": [*unrelated, *problem.generated]}
    for name, images in sets.items():
        (root / name).mkdir()
        for number, image in enumerate(images):
            Image.fromarray(np.asarray(image)).save(root / name / f"{name}{number:02}.png")
    return root


def arguments(root, *others):
    quick = ["--folds", "2", "--permutations", "0", "--choose-by", "local_contrast"]
    folders = [f"--{option}={root / name}" for option, name in
               (("used", "used"), ("not-used", "other"), ("generated", "generated"))]  # fmt: skip
    return ["withhold", *folders, *quick, *map(str, others)]


def test_what_may_choose_is_what_the_registry_has():
    assert (*attacks.REPRESENTATIONS, "recommended") == CHOICES


@pytest.mark.slow
def test_the_table_has_all_in_order_and_the_numbers_are_those_of_the_result(
    folders, tmp_path, capsys
):
    table, numbers, figure = (tmp_path / name for name in ("list.csv", "n.json", "curve.svg"))
    asked = ["--out", table, "--json", numbers, "--figure", figure]
    assert main(arguments(folders, *asked)) == 0
    assert "<svg" in figure.read_text()
    printed = capsys.readouterr().out
    read = json.loads(numbers.read_text())
    assert all(sentence in printed for sentence in read["words"])
    assert "withheld  named" in printed
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["file"] for row in rows] == [
        f"generated{number:02}.png" for number in read["choice"]["order"]
    ]
    n_closer = read["choice"]["n_closer"]
    assert n_closer >= 6
    assert [row["withhold"] for row in rows] == ["1"] * n_closer + ["0"] * (24 - n_closer)
    assert all(row["closest_used"].startswith("used") for row in rows)
    # The near copies come first.
    assert {int(row["file"][9:11]) for row in rows[:6]} <= set(range(12, 24))
    assert read["provenance"]["command"][:2] == ["gan-isi", "withhold"]
    assert main(["verify", str(numbers), "--inputs-only"]) == 0


@pytest.mark.slow
def test_a_list_has_the_share_that_was_asked_for(folders, tmp_path, capsys):
    names = tmp_path / "list.txt"
    asked = arguments(folders, "--out", names, "--share", "0.3", "--json", tmp_path / "w.json")
    assert main(asked) == 0
    assert len(names.read_text().splitlines()) == 7
    capsys.readouterr()
    assert main(["verify", str(tmp_path / "w.json")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "All inputs are those of the audit, byte by byte."
    assert len(said) == 2


def test_a_plan_writes_nothing(folders, tmp_path, capsys):
    assert main(arguments(folders, "--out", tmp_path / "list.csv", "--dry-run")) == 0
    assert re.search(
        r"It takes about .* fits \d+ \w+\. Nothing was written", capsys.readouterr().out
    )
    assert not list(tmp_path.iterdir())


def test_each_option_is_repeated_or_changes_no_number(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("u", "n", "g"):
        (tmp_path / name).mkdir()
    (tmp_path / "p.csv").touch()
    given = [
        *("--used", "u", "--not-used", "n", "--generated", "g", "--share", "0.3"),
        *("--choose-by", "ssim", "--patients", "p.csv", "--patient-from", "csv", "--folds", "3"),
        *("--permutations", "7", "--seed", "4", "--intensity-range", "-10", "300"),
        *("--no-recursive", "--max-pixels", "400", "--exif-transpose"),
    ]
    no_number = {"--out", "--json", "--figure", "--dry-run", "--quiet", "--cache", "--jobs"}
    known = {one.opts[0] for one in command.params} - no_number
    assert known == {one.replace("no-rec", "rec") for one in given if one.startswith("--")}
    with command.make_context("withhold", list(given)) as context:
        options = options_of(context)
        asked = context.params | reading()
    record = {"provenance": {"options": options}, "version": "0"}
    again = arguments_of(record, command, tmp_path / "w.json", {})
    with command.make_context("withhold", again) as context:
        assert context.params | reading() == asked


def test_a_share_without_a_list_is_refused(folders, capsys):
    assert main(arguments(folders, "--share", "0.25")) == 2
    assert "give --out" in capsys.readouterr().err


def test_a_figure_has_a_format(folders, tmp_path, capsys):
    assert main(arguments(folders, "--figure", tmp_path / "curve.doc")) == 2
    assert "has to end in .png, .svg or .pdf" in capsys.readouterr().err


def test_a_list_does_not_overwrite_an_input(folders, capsys):
    target = folders / "used" / "used00.png"
    before = target.read_bytes()
    assert main(arguments(folders, "--out", target)) == 2
    assert "would be lost" in capsys.readouterr().err
    assert target.read_bytes() == before
