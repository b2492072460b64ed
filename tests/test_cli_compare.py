"""The commands plan and compare."""

import json

import numpy as np
import pytest
from PIL import Image

from gan_isi import attacks, datasets, make_pipeline
from gan_isi.cli.app import main
from gan_isi.cli.compare import ATTACKS


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("compared")
    it = datasets.make_membership_problem(
        20, n_generated=25, image_size=32, memorization=0.9, random_state=0
    )
    noise = np.random.default_rng(0).integers(0, 256, (25, 32, 32), dtype=np.uint8)
    sets = {
        "used": it.images[it.target == 1], "other": it.images[it.target == 0],
        "late/samples": it.generated, "early/samples": noise,
    }  # fmt: skip
    for name, images in sets.items():
        (root / name).mkdir(parents=True)
        for number, image in enumerate(images):
            Image.fromarray(image).save(root / name / f"{number:03}.png")
    return root


def arguments(root, *more):
    return [
        "compare", "--used", str(root / "used"), "--not-used", str(root / "other"),
        "--generated", str(root / "late/samples"), "--attack", "nearest", "--permutations", "19",
        *more,
    ]  # fmt: skip


def test_two_folders_are_compared_by_name(folders, tmp_path, capsys):
    target = tmp_path / "found.json"
    early = str(folders / "early/samples")
    assert main(arguments(folders, "--generated", early, "--json", str(target))) == 0
    said = capsys.readouterr().out
    assert "better from the images of late/samples than from those of early/samples" in said
    assert json.loads(target.read_text())["difference"]["low"] > 0
    assert main(arguments(folders, "--generated", early, "--crossover")) == 0
    assert "Cross-over AUC" in capsys.readouterr().out


def test_one_generator_is_none_to_compare(folders, capsys):
    assert main(arguments(folders)) == 2
    assert "given twice" in capsys.readouterr().err


def test_attacks_are_those_that_compare_with_generated_images_only():
    def fits(attack):
        return attack.compares and not getattr(attack.steps[1][1], "include_real", False)

    assert set(ATTACKS) == {name for name in attacks.ATTACKS if fits(make_pipeline(name))}


def test_a_plan_needs_no_images(tmp_path, capsys):
    target = tmp_path / "plan.json"
    line = ["plan", "--patients", "20", "--generated", "100", "--json", str(target)]
    assert main(line) == 0
    assert "rule of three" in capsys.readouterr().out
    assert json.loads(target.read_text())["n_generated"] == 100
    assert main(["plan", "--patients", "3"]) == 2
