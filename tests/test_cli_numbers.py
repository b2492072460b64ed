"""`gan-isi audit --prior --subgroup --patients-csv --epsilon-by`, on folders of small images."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from gan_isi import datasets
from gan_isi.cli import main

SITES = ("north", "south")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two images a patient; every other patient is of the other site, the candidate of none."""
    root = tmp_path_factory.mktemp("numbers")
    problem = datasets.make_membership_problem(
        34, n_generated=40, image_size=32, memorization=0.999, random_state=0
    )
    used, other = (problem.images[problem.target == label][:16] for label in (1, 0))
    unrelated = datasets.make_membership_problem(20, image_size=32, random_state=4).images
    sets = {"unrelated": unrelated, "used": used, "other": other, "generated": problem.generated,
            "candidates": problem.images[problem.target == 0][16:17]}  # fmt: skip
    lines = ["file,patient,site"]
    for name, images in sets.items():
        (root / name).mkdir()
        for number, image in enumerate(images):
            if name == "unrelated":
                image = image[::-1]
            Image.fromarray(np.asarray(image)).save(root / name / f"{name}{number:02}.png")
            site = "" if name == "candidates" else SITES[number // 2 % 2]
            lines.append(f"{name}/{name}{number:02}.png,{name}-{number // 2},{site}")
    (root / "patients.csv").write_text("\n".join(lines) + "\n")
    return root


def arguments(root, *others):
    given = ["--used", root / "used", "--not-used", root / "other", "--generated",
             root / "generated", "--candidates", root / "candidates"]  # fmt: skip
    quick = ["--permutations", "4", "--folds", "2", "--attack", "nearest"]
    return ["audit", *map(str, given), *quick, *map(str, others)]


def test_all_of_it_at_once(folders, tmp_path, capsys):
    table, numbers, page = (tmp_path / name for name in ("p.csv", "n.json", "r.html"))
    asked = ["--patients", folders / "patients.csv", "--subgroup", "site", "--prior", "0.02",
             "--epsilon-by", "nearest", "--patients-csv", table, "--json", numbers,
             "--report", page, "--controls",
             "--unrelated-generated", folders / "unrelated"]  # fmt: skip
    assert main(arguments(folders, *asked)) == 0
    printed = capsys.readouterr().out
    read = json.loads(numbers.read_text())
    rows = read["subgroups"]["nearest"]
    assert [(row["subgroup"], row["n_used"], row["n_not_used"]) for row in rows] == [
        (site, 8, 8) for site in SITES
    ]
    assert "nearest, north (8 used, 8 not used): AUC" in printed
    assert "fewer than 10 patients of a class" in printed
    assert "With 2 % used ones among the images asked about" in printed
    assert "guesses by" in printed
    assert read["epsilon"]["n_guesses"] == 4
    found = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["patient"] for row in found if row["attack"] == "nearest"] == [
        f"{name}-{number}" for name in ("other", "used") for number in range(8)
    ]
    assert all(
        row["n_images"] == "2" and row["used"] == f"{row['patient'][0] == 'u':d}" for row in found
    )
    assert {row["control"].split()[0] for row in read["controls"]} == {"halves", "unrelated"}
    html = page.read_text()
    assert "<h2>Controls</h2>" in html
    assert "<h2>By subgroup</h2>" in html
    assert "predictive value" in html


@pytest.mark.parametrize(
    ("asked", "code", "message"),
    [
        (["--subgroup", "site"], 2, "--subgroup names a column of --patients"),
        (["--patients-csv", "p.csv"], 2, "--patients-csv needs --patients or --patient-from"),
        (["--epsilon-by", "paper"], 2, "--epsilon-by paper needs --attack paper"),
        (["--prior", "1"], 2, "--prior"),
        (["--patients", "TABLE", "--subgroup", "age"], 1, "with the columns file, patient and age"),
    ],
)
def test_what_is_missing_is_named(asked, code, message, folders, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asked = [folders / "patients.csv" if one == "TABLE" else one for one in asked]
    assert main(arguments(folders, *asked)) == code
    assert message in capsys.readouterr().err


def test_a_known_image_without_a_subgroup_is_named(folders, tmp_path, capsys):
    table = tmp_path / "patients.csv"
    text = (folders / "patients.csv").read_text()
    table.write_text(text.replace("used03.png,used-1,south", "used03.png,used-1,"))
    assert main(arguments(folders, "--patients", table, "--subgroup", "site")) == 1
    assert "names no site for 1 images; one of them is" in capsys.readouterr().err
