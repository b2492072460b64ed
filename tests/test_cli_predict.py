"""Attacks that were saved: loaded, retargeted, refused; and the names of attacks."""

from collections import Counter

import joblib
import numpy as np
import pytest
from PIL import Image

from gan_isi import SourceIdentificationPipeline, attacks, datasets, make_pipeline
from gan_isi.cli import main
from gan_isi.cli.app import cli
from gan_isi.cli.attacks import ATTACKS
from gan_isi.cli.saved import remembered
from gan_isi.datasets import archives


def save(folder, images):
    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:02}.png")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Folders, and an attack that was fitted on them and saved."""
    root = tmp_path_factory.mktemp("predict")
    it = datasets.make_membership_problem(
        40, n_generated=24, image_size=32, memorization=0.99, random_state=0
    )
    used, other = (it.images[it.target == label] for label in (1, 0))
    save(root / "used", used[:12])
    save(root / "other", other[:12])
    save(root / "asked", [*used[12:], *other[12:]])
    save(root / "generated", it.generated)
    save(root / "second", it.generated[::-1][:12])
    options = ["--attack", "nearest", "--save", f"{root}/a.joblib"]
    assert main(["predict", *fits(root), *options]) == 0
    return root


def asks(root, name="scores"):
    return ["--candidates", f"{root}/asked", "--output", f"{root}/{name}.csv"]


def fits(root, name="scores"):
    return [
        "--used", f"{root}/used", "--not-used", f"{root}/other",
        "--generated", f"{root}/generated", *asks(root, name),
    ]  # fmt: skip


def test_one_list_of_attacks():
    assert ATTACKS == attacks.ATTACKS
    commands = {"audit": ("names", "epsilon_by"), "predict": ("name",), "submit": ("name",)}
    for command, wanted in commands.items():
        found = {one.name: one for one in cli.commands[command].params}
        assert all(tuple(found[name].type.choices) == attacks.ATTACKS for name in wanted)


@pytest.mark.parametrize("name", sorted(set(ATTACKS) - {"paper"}))
def test_attacks_are_saved_and_loaded(name, world, tmp_path, capsys):
    attack = ["--attack", name, "--save", f"{tmp_path}/a.joblib"]
    assert main(["predict", *fits(world, "simple"), *attack]) == 0
    assert f"The {name} attack calls " in capsys.readouterr().out
    assert main(["predict", "--load", f"{tmp_path}/a.joblib", *asks(world, "again")]) == 0
    assert (world / "again.csv").read_text() == (world / "simple.csv").read_text()
    assert capsys.readouterr().err == ""


def test_what_was_saved_says_the_same(world, capsys):
    assert main(["predict", "--load", f"{world}/a.joblib", *asks(world, "loaded")]) == 0
    assert (world / "loaded.csv").read_text() == (world / "scores.csv").read_text()
    out, err = capsys.readouterr()
    used = np.genfromtxt(world / "loaded.csv", delimiter=",", skip_header=1)[:, 2]
    assert f"The loaded attack calls {used.sum():.0f} of 16 images used." in out
    assert err == ""


def test_candidates_are_read_and_described_once(world, monkeypatch, capsys):
    decoded, described = Counter(), Counter()
    decode, transform = archives.decode, SourceIdentificationPipeline._in_blocks
    monkeypatch.setattr(
        archives, "decode", lambda *given: decoded.update([given[1]]) or decode(*given)
    )
    monkeypatch.setattr(
        SourceIdentificationPipeline, "_in_blocks",
        lambda self, *given: described.update(["all"]) or transform(self, *given),
    )  # fmt: skip
    assert main(["predict", "--load", f"{world}/a.joblib", *asks(world, "once")]) == 0
    assert set(decoded.values()) == {1}
    assert described["all"] == 1


def test_another_generator(world, capsys):
    fitted = joblib.load(world / "a.joblib")
    second = datasets.load_images(world / "second")
    expected = fitted.retarget(second).predict_proba(datasets.load_images(world / "asked"))[:, 1]
    other = ["--retarget", f"{world}/second"]
    kept = ["--save", f"{world}/b.joblib"]
    assert main(["predict", "--load", f"{world}/a.joblib", *asks(world, "r"), *other, *kept]) == 0
    scores = np.genfromtxt(world / "r.csv", delimiter=",", skip_header=1)[:, 1]
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    assert main(["predict", *fits(world, "fitted"), *other, "--attack", "nearest"]) == 0
    assert (world / "fitted.csv").read_text() == (world / "r.csv").read_text()
    assert main(["predict", "--load", f"{world}/b.joblib", *asks(world, "saved")]) == 0
    assert (world / "saved.csv").read_text() == (world / "r.csv").read_text()


def test_labels_of_any_kind_are_called_used(world, capsys):
    attack = joblib.load(world / "a.joblib")
    images = [*datasets.load_images(world / "other"), *datasets.load_images(world / "used")]
    signed = make_pipeline("nearest", generated=datasets.load_images(world / "generated"))
    joblib.dump(signed.fit(images, np.repeat([-1, 1], 12)), world / "signed.joblib")
    assert main(["predict", "--load", f"{world}/signed.joblib", *asks(world, "signed")]) == 0
    used = np.genfromtxt(world / "signed.csv", delimiter=",", skip_header=1)[:, 2]
    assert set(used) == {0, 1}
    assert attack.generated is None


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("held", "message"),
        [
            ({"a": 1}, "holds no attack of gan_isi but an object of the class dict."),
            (make_pipeline("nearest"), "holds an attack that was not fitted."),
        ],
    )
    def test_files_that_hold_something_else(self, held, message, world, tmp_path, capsys):
        joblib.dump(held, tmp_path / "x.joblib")
        assert main(["predict", "--load", f"{tmp_path}/x.joblib", *asks(world)]) == 1
        assert message in capsys.readouterr().err

    @pytest.mark.parametrize("content", [b"", b"no pickle", b"\x80\x04cno.module\nNo\n."])
    def test_files_that_are_no_pickles(self, content, world, tmp_path, capsys):
        (tmp_path / "x.joblib").write_bytes(content)
        assert main(["predict", "--load", f"{tmp_path}/x.joblib", *asks(world)]) == 1
        err = capsys.readouterr().err
        assert "x.joblib can't be loaded as a fitted attack (" in err
        assert "--load takes what gan-isi predict --save wrote." in err

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--used", "used"], "so that --used would do nothing"),
            (["--attack", "paper", "--seed", "1"], "so that --attack, --seed would do nothing"),
            (["--intensity-range", "0", "9"], "so that --intensity-range would do nothing"),
            (["--save", "again.joblib"], "--save would write again what --load reads"),
        ],
    )
    def test_options_that_contradict(self, options, message, world, monkeypatch, capsys):
        monkeypatch.chdir(world)
        assert main(["predict", "--load", "a.joblib", *asks(world), *options]) == 2
        assert message in capsys.readouterr().err

    def test_what_is_missing_without_it(self, world, capsys):
        assert main(["predict", *asks(world), "--used", f"{world}/used"]) == 2
        err = capsys.readouterr().err
        assert "Missing option '--not-used'. A fitted attack that --save wrote (--load)" in err

    def test_the_loaded_file_is_not_written_over(self, world, capsys):
        path = f"{world}/a.joblib"
        other = ["--retarget", f"{world}/second", "--save", path]
        assert main(["predict", "--load", path, *asks(world), *other]) == 2
        assert "which is read and would be lost" in capsys.readouterr().err

    def test_retrieval_knows_its_images_one_by_one(self, world, capsys):
        attack = ["--attack", "retrieval", "--retarget", f"{world}/second"]
        assert main(["predict", *fits(world, "retrieval"), *attack]) == 1
        assert "Retrieval knows how close" in capsys.readouterr().err

    def test_candidates_of_another_scale(self, world, tmp_path, capsys):
        save(tmp_path / "asked", [one // 20 for one in datasets.load_images(world / "asked")])
        arguments = ["--candidates", f"{tmp_path}/asked", "--output", f"{tmp_path}/s.csv"]
        assert main(["predict", "--load", f"{world}/a.joblib", *arguments]) == 1
        assert "The same intensity does not mean the same" in capsys.readouterr().err
        other = ["--retarget", f"{world}/second"]
        assert main(["predict", "--load", f"{world}/a.joblib", *arguments, *other]) == 1
        assert "The same intensity does not mean the same" in capsys.readouterr().err


@pytest.mark.parametrize("intensity_range", ["dtype", (-10.0, 300.0)])
@pytest.mark.parametrize("colours", [1, 3])
def test_what_is_remembered_are_the_generated_images(intensity_range, colours, rng):
    shape = (6, 64, 64, 3)[: 3 if colours == 1 else 4]
    images, generated = rng.integers(0, 256, (2, *shape))
    images, generated = (
        one.astype(np.uint8 if intensity_range == "dtype" else np.int16)
        for one in (images, generated)
    )
    attack = make_pipeline("nearest", generated=generated, intensity_range=intensity_range)
    attack.fit(images, [0, 1] * 3)
    scale = 255 if intensity_range == "dtype" else 1
    found = remembered(attack, intensity_range)
    np.testing.assert_allclose(found * scale, generated, atol=1e-3)
    assert remembered(make_pipeline("blind").fit(images, [0, 1] * 3), "dtype") is None
