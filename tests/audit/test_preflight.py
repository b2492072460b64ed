"""Sets of images that do not mean the same, and innocent ones of which nothing is said."""

import importlib
import json
import re
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.transform import resize

from gan_isi import audit, datasets, make_pipeline
from gan_isi.audit import PreflightWarning, preflight
from gan_isi.audit.statements import say
from gan_isi.cli import main

QUICK = {"n_permutations": 0, "n_resamples": 20, "random_state": 0}


@pytest.fixture(scope="module")
def problem():
    return datasets.make_membership_problem(
        40, n_generated=60, memorization=0.95, image_size=32, random_state=0
    )


@pytest.fixture(scope="module")
def small():
    return datasets.make_membership_problem(
        20, n_generated=22, memorization=0.95, image_size=24, random_state=0
    )


@pytest.fixture(scope="module")
def nearest():
    return make_pipeline("nearest")


def found(X, y, generated, **options):
    result = preflight(X, y, generated=generated, **options)
    return result.errors, result.warnings


def floats(images):
    return (images / 127.5 - 1).astype(np.float32)


def framed(images, width, value=0):
    images = images.copy()
    images[:, :width] = images[:, -width:] = value
    images[:, :, :width] = images[:, :, -width:] = value
    return images


def tinted(images):
    return (images[..., np.newaxis] * np.array([1, 0.7, 0.5])).astype(np.uint8)


def sheets(images, n, step=1):
    small = images[:, ::step, ::step]
    return [
        np.block(
            [[small[(n * n * k + n * i + j) % len(small)] for j in range(n)] for i in range(n)]
        )
        for k in range(12)
    ]


#: What becomes of the real and of the generated images, and the fix that is named.
OTHER_SCALE = {
    "8 bits in 16": (lambda a: a.astype(np.uint16), None, "(0, 255)"),
    "12 bits in 16": (lambda a: a.astype(np.uint16) * 16, None, "(0, 4095)"),
    "14 bits in 16": (lambda a: a.astype(np.uint16) * 64, None, "(0, 16383)"),
    "generated -1..1": (None, floats, "(-1, 1)"),
    "generated 0..255": (None, lambda a: a.astype(np.float32), "(0, 255)"),
    "Hounsfield units": (lambda a: a.astype(np.int16) * 8 - 1000, None, None),
}


class TestErrors:
    @pytest.mark.parametrize("case", OTHER_SCALE)
    def test_another_scale_names_both_ranges_and_a_fix_that_works(self, case, problem, nearest):
        of_real, of_generated, fix = OTHER_SCALE[case]
        X = problem.images if of_real is None else of_real(problem.images)
        G = problem.generated if of_generated is None else of_generated(problem.generated)
        errors, _ = found(X, problem.target, G)
        assert len(errors) == 1
        if fix is None:  # no power of 2: whatever reaches a little beyond the values
            fix = re.search(r"intensity_range=(\(.*?\));", errors[0])[1]
        assert f"intensity_range={fix}" in errors[0]
        assert f"--intensity-range {fix[1:-1].replace(',', '')}" in errors[0]
        low, high = np.percentile(X, (1, 99))
        said = re.search(r"real images .*?\((\S+) to (\S+) as stored\)", errors[0])
        assert np.allclose([float(said[1]), float(said[2])], [low, high], atol=0.1 * (high - low))
        pair = tuple(float(one) for one in fix[1:-1].split(","))
        assert found(X, problem.target, G, intensity_range=pair) == ([], [])
        assert found(X, problem.target, G, intensity_range="image")[0] == []
        # fit looks at fewer images, and finds the same.
        with pytest.raises(ValueError, match=r"does not mean the same.*intensity_range"):
            nearest.set_params(generated=G).fit(X, problem.target)
        ranges = {name: pair for name in nearest.get_params() if name.endswith("intensity_range")}
        scaled = make_pipeline("nearest").set_params(**ranges)
        right = nearest.set_params(generated=problem.generated).fit(problem.images, problem.target)
        scores = right.decision_function(problem.images)
        scaled.set_params(generated=G).fit(X, problem.target)
        corr = np.corrcoef(scores, scaled.decision_function(X))[0, 1]
        assert corr > 0.85

    def test_negatives(self, problem, nearest):
        errors, _ = found(problem.images, problem.target, 255 - problem.generated)
        assert len(errors) == 1
        assert "look like negatives" in errors[0]
        X = problem.images.copy()
        X[problem.target == 1] = 255 - X[problem.target == 1]
        with pytest.raises(ValueError, match="look like negatives"):
            nearest.set_params(generated=problem.generated).fit(
                255 - problem.images, problem.target
            )

    def test_rotated_pictures_are_no_negatives(self, rng):
        # A quarter turn of a saddle is its negative.
        row, column = np.mgrid[-1:1:32j, -1:1:32j]
        saddle = 128 + 60 * (row**2 - column**2)
        X, G = saddle + rng.normal(0, 10, size=(2, 30, 32, 32))
        labels = np.arange(30) % 2
        ranges = {"intensity_range": (0, 255)}
        assert found(X, labels, np.rot90(G, axes=(1, 2)), **ranges)[0] == []

    def test_rotated_x_rays_are_no_negatives(self):
        root = Path(__file__).parents[3] / "shared" / "data" / "cxr64_ddpm"
        if not root.is_dir():
            pytest.skip(f"no images in {root}")
        known = datasets.load_membership(root)
        turned = np.rot90(np.stack(list(known.generated[:100])), axes=(1, 2))
        images = known.images[np.arange(0, 200, 4)]
        labels = np.asarray(known.target)[::4]
        assert found(images, labels, turned)[0] == []
        assert "look like negatives" in found(images, labels, 255 - turned)[0][0]

    @pytest.mark.parametrize("part", ["used", "candidates", "half of the generated"])
    def test_one_of_the_sets_alone(self, part, problem):
        X, G, candidates = list(problem.images[:30]), list(problem.generated), problem.images[30:]
        if part == "used":
            X = [x.astype(np.uint16) if y else x for x, y in zip(X, problem.target, strict=False)]
        elif part == "candidates":
            candidates = candidates.astype(np.uint16)
        else:
            G = [g.astype(np.float32) if i % 2 else g for i, g in enumerate(G)]
        errors, _ = found(X, problem.target[:30], G, candidates=candidates)
        assert errors
        assert "(0, 255)" in errors[0]

    @pytest.mark.parametrize("of_copy", ["grey", "rgb", "alpha", "16 bits", "float", "-1..1"])
    def test_used_and_not_used(self, of_copy, problem, nearest):
        copy = {
            "grey": lambda a: a,
            "rgb": lambda a: np.stack([a] * 3, -1),
            "alpha": lambda a: np.stack([a, np.full_like(a, 255)], -1),
            "16 bits": lambda a: a.astype(np.uint16) * 257,
            "float": lambda a: a / 255,
            "-1..1": floats,
        }[of_copy]
        X, y = list(problem.images), problem.target
        i, j = np.flatnonzero(y == 1)[3], np.flatnonzero(y == 0)[2]
        X[j] = copy(X[i])
        assert preflight(X, y, generated=problem.generated).copies == [
            [("used", i), ("not used", j)]
        ]
        if of_copy == "grey":
            names = {"first": f"image {i} (used)", "second": f"image {j} (not used)"}
            said = say("pictures_in_two_sets", n_pictures=1, **names)
            with pytest.raises(ValueError, match=re.escape(said.text)):
                audit.audit(nearest, X, y, generated=problem.generated, **QUICK)
        candidates = [problem.images[0], copy(X[5])]
        X[j] = problem.images[j]
        errors, _ = found(X[1:], y[1:], problem.generated, candidates=candidates)
        assert any("image 4" in e and "image 1 (candidates)" in e for e in errors)


#: What becomes of real and generated images, and what is said.
DIFFERENT = {
    "black frame": (lambda a: framed(a, 3), None, "0 % of the generated images have one"),
    "white border": (None, lambda a: framed(a, 2, 255), "100 % of the generated images"),
    "some with borders": (
        None,
        lambda a: np.concatenate([a[1::2], framed(a[::2], 4)]),
        "Borders of one intensity differ",
    ),
    "wider": (lambda a: np.pad(a, ((0, 0), (0, 0), (10, 10))), None, "32 x 52"),
    "half as large": (None, lambda a: a[:, ::2, ::2], "32 x 32 .* 16 x 16"),
    "twice as large": (None, lambda a: a.repeat(2, 1).repeat(2, 2), r"sheets of samples \(2 x 2\)"),
    "sheets": (None, lambda a: sheets(a, 3), r"sheets of samples \(3 x 3\)"),
    "sheets of the same size": (None, lambda a: sheets(a, 2, 2), "sheets of 2 x 2 pictures"),
    "BGR": (tinted, lambda a: tinted(a)[..., ::-1], "changed places"),
    "blank": (None, np.zeros_like, "Intensities differ"),
}


class TestWarnings:
    @pytest.mark.parametrize("case", DIFFERENT)
    def test_of_all_images_and_in_fit(self, case, problem, nearest):
        of_real, of_generated, said = DIFFERENT[case]
        X = problem.images if of_real is None else of_real(problem.images)
        G = problem.generated if of_generated is None else of_generated(problem.generated)
        errors, warned = found(X, problem.target, G)
        assert errors == []
        assert re.search(said, " ".join(warned))
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            nearest.set_params(generated=G).fit(X, problem.target)
        heard = [str(one.message) for one in heard if one.category is PreflightWarning]
        assert re.search(said, " ".join(heard))

    def test_what_is_alike_is_no_difference(self, problem):
        for change in (framed_3 := lambda a: framed(a, 3), tinted, lambda a: a[:, :20]):
            X, G = change(problem.images), change(problem.generated)
            assert found(X, problem.target, G) == ([], [])
        assert framed_3(problem.images).shape == problem.images.shape

    def test_orientation_notes_are_counted(self, problem, tmp_path):
        tag = Image.Exif()
        for i, picture in enumerate(problem.images):
            tag[274] = 6 if i < 7 else 1
            suffix = ("jpg", "png", "tif")[i % 3]
            Image.fromarray(picture).save(tmp_path / f"{i:02}.{suffix}", exif=tag.tobytes())
        files = datasets.load_images(sorted(tmp_path.iterdir()))
        result = preflight(files, problem.target, generated=problem.generated)
        assert sum(one.turned for one in result.sets.values()) == 7
        assert any(
            "7 of 40 files of real images have an orientation" in text for text in result.warnings
        )

    def test_data_types_within_a_set(self, problem):
        X = [a.astype(np.uint16) * 257 if i % 2 else a for i, a in enumerate(problem.images)]
        errors, warned = found(X, problem.target, problem.generated)
        assert errors == []
        assert any(
            "real images have several data types: 20 uint16, 20 uint8" in text for text in warned
        )

    def test_copies_and_near_copies(self, problem, tmp_path):
        X, y = problem.images, problem.target
        used = np.flatnonzero(y == 1)
        doubled = np.concatenate([X, X[used[:4]], [255 - 0 * X[0]]])
        labels = np.r_[y, [1] * 4, 0]
        result = preflight(doubled, labels, generated=problem.generated)
        twice = [[("used", i), ("used", 40 + n)] for n, i in enumerate(used[:4])]
        assert sorted(result.copies) == sorted(twice)
        assert result.sets["used"].n_copies == 4
        names = {"images": "used", "first": f"image {used[0]}", "second": "image 40"}
        assert result.warnings == [say("copies", n_pictures=4, **names).text]
        groups = np.r_[np.arange(40), used[:4], 99]
        assert found(doubled, labels, problem.generated, groups=groups)[1] == []
        groups[40] = 50
        (text,) = found(doubled, labels, problem.generated, groups=groups)[1]
        assert text == say("copies_of_several_patients", n_pictures=1, **names).text

    def test_near_copies(self, tmp_path):
        it = datasets.make_membership_problem(40, n_generated=20, image_size=64, random_state=0)
        X, y = it.images, it.target
        used = np.flatnonzero(y == 1)
        Image.fromarray(X[used[0]]).save(tmp_path / "a.jpg", quality=75)
        half = (resize(X[used[1]], (32, 32), anti_aliasing=True) * 255).astype(np.uint8)
        bright = np.clip(X[used[2]] * 0.8 + 40, 0, 255).astype(np.uint8)
        more = [*X, np.asarray(Image.open(tmp_path / "a.jpg")), half, bright]
        result = preflight(more, np.r_[y, 0, 0, 0], generated=it.generated)
        pairs = [(("used", used[n]), ("not used", 40 + n)) for n in range(3)]
        assert sorted(result.near_copies) == sorted(pairs)
        names = {"first": f"image {used[0]} (used)", "second": "image 40 (not used)"}
        assert say("near_copies", n_pairs=3, **names).text in result.warnings

    def test_alike_but_for_the_details_is_no_copy(self):
        rng = np.random.default_rng(0)
        shade = np.add.outer(np.arange(48), 2 * np.arange(48))  # all are lit from one side
        X = np.clip(shade + rng.normal(60, 6, (20, 48, 48)), 0, 255).astype(np.uint8)
        result = preflight(X, [0, 1] * 10, generated=X[::-1] // 2 + 30)
        assert result.near_copies == []

    def test_real_images_among_the_generated(self, problem):
        G = np.concatenate([problem.generated, problem.images[3:5]])
        words = found(problem.images, problem.target, np.stack([G] * 3, -1))[1]
        assert problem.target[3:5].tolist() == [1, 0]
        assert words == [
            say("generated_are_not_used", n_images=1, first="image 4 (not used)").text,
            say("generated_are_real", n_images=1, first="image 3 (used)").text,
        ]


class TestInnocent:
    @pytest.mark.parametrize("size", [16, 32, 64])
    @pytest.mark.parametrize("memorization", [0, 0.5, 0.9, 1])
    @pytest.mark.parametrize("n", [4, 20, 60])
    def test_the_built_in_problem(self, n, memorization, size):
        it = datasets.make_membership_problem(
            n, n_generated=n + 3, memorization=memorization, image_size=size, random_state=n
        )
        errors, warned = found(it.images, it.target, it.generated)
        assert errors == []
        # With exact copies the one thing that is said is true.
        assert [text for text in warned if "among those" not in text] == []
        assert found(floats(it.images), it.target, floats(it.generated))[0] == []

    def test_photographs(self):
        names = ("astronaut", "camera", "coins", "moon", "page", "clock", "coffee", "brick")
        images = [getattr(data, name)() for name in names]
        errors, _ = found(images[:6], [0, 1] * 3, images[6:])
        assert errors == []

    def test_what_generators_do_to_pictures(self, problem):
        G = problem.generated
        for changed in (G * 0.7 + 30, 255 * (G / 255) ** 1.5, (G + np.roll(G, 1, 1)) / 2.0):
            assert found(problem.images, problem.target, changed.astype(np.uint8)) == ([], [])

    def test_images_of_one_intensity_and_rows(self):
        flat = np.zeros((10, 16, 16), np.uint8)
        labels = [0, 1] * 5
        assert found(flat, labels, flat + 200) == ([], [])
        rng = np.random.default_rng(0)
        rows, other = rng.normal(size=(2, 20, 6))
        labels = np.repeat([0, 1], 10)
        assert found(rows + 9 * labels[:, np.newaxis], labels, 50 * other) == ([], [])
        pictures = rng.normal(size=(40, 16, 16))
        assert found(pictures[:20], labels, pictures[20:]) == ([], [])


class Counted(datasets.files.ImageFiles):
    reads = None

    def __getitem__(self, key):
        got = super().__getitem__(key)
        if isinstance(got, np.ndarray):
            self.reads.append(key)
        return got


class TestDoors:
    def test_each_file_is_read_once_and_few_by_fit(self, problem, nearest, tmp_path):
        for i, picture in enumerate(problem.images):
            Image.fromarray(picture).save(tmp_path / f"{i:02}.png")
        files = Counted(sorted(tmp_path.iterdir()))
        files.reads = []
        preflight(files, problem.target, generated=problem.generated)
        assert sorted(files.reads) == list(range(40))

    def test_audit_says_it_once_and_keeps_it(self, problem, nearest):
        G = framed(problem.generated, 3)
        with pytest.warns(PreflightWarning) as heard:
            result = audit.audit(nearest, problem.images, problem.target, generated=G, **QUICK)
        assert len(heard) == 1
        text = str(heard[0].message)
        assert heard[0].filename == __file__
        assert result.preflight.warnings == [text]
        assert result.words()["inputs"] == [text]
        assert text in str(result)
        assert json.loads(result.to_json())["preflight"]["warnings"] == [text]
        assert result.preflight.sets["generated"].bordered == 1
        pytest.importorskip("jinja2", reason='needs the extra "report"')
        page = result.to_html()
        assert page.index("The inputs") < page.index(text) < page.index("What was found")

    def test_an_attack_of_another_make_is_fitted_in_silence(self, problem):
        from sklearn.model_selection import GridSearchCV

        search = GridSearchCV(
            make_pipeline("recommended", families=["statistical"], n_levels=8),
            {"descriptors__pixels_none__size": [16]},
            cv=2,
        )
        search.set_params(param_grid={"verbose": [False]})
        with pytest.warns(PreflightWarning) as heard:
            audit.audit(
                {"search": search, "blind": make_pipeline("blind")},
                problem.images[:12],
                problem.target[:12],
                generated=framed(problem.generated, 3),
                cv=2,
                **QUICK,
            )
        assert len([one for one in heard if one.category is PreflightWarning]) == 1

    def test_the_scale_of_the_attack_is_respected(self, problem):
        pair = (0, 255)
        attacks = {"nearest": make_pipeline("nearest", intensity_range=pair)}
        X = problem.images.astype(np.uint16)
        result = audit.audit(attacks, X, problem.target, generated=problem.generated, **QUICK)
        assert result.preflight.warnings == []
        assert result.attacks["nearest"].measures["AUC"].value > 0.9

    def test_copies_are_one_patient_to_attacks_that_calibrate(self, problem, nearest, monkeypatch):
        given = []
        run = importlib.import_module("gan_isi.audit.run")
        prepare = run.prepare
        monkeypatch.setattr(run, "prepare", lambda *args: given.append(args[3]) or prepare(*args))
        keep = np.r_[np.arange(40), np.arange(40)]
        with pytest.warns(PreflightWarning, match="there more than once"):
            audit.audit(
                nearest, problem.images[keep], problem.target[keep], generated=problem.generated,
                **QUICK,
            )  # fmt: skip
        (patients,) = given
        np.testing.assert_array_equal(patients[:40], patients[40:])
        assert len(np.unique(patients)) == 40

    def test_copies_are_one_patient(self, problem, nearest):
        keep = np.r_[np.arange(40), np.arange(40)]
        X, y = problem.images[keep], problem.target[keep]
        with pytest.warns(PreflightWarning, match="there more than once"):
            result = audit.audit(nearest, X, y, generated=problem.generated, **QUICK)
        folds = result.attacks["attack"].answers.folds[0]
        np.testing.assert_array_equal(folds[:40], folds[40:])
        assert len(np.unique(result.groups)) == 40
        with pytest.warns(PreflightWarning, match="under several patients"):
            result = audit.audit(
                nearest, X, y, generated=problem.generated, groups=np.arange(80), **QUICK
            )
        assert len(np.unique(result.groups)) == 80
        candidates = problem.images[[0, 1, 1], ::-1]
        with pytest.warns(PreflightWarning, match="of the candidate images are there more"):
            result = audit.audit(
                nearest,
                X[:40],
                y[:40],
                generated=problem.generated,
                candidates=candidates,
                **QUICK,
            )
        assert len(np.unique(result.groups)) == 40
        few = np.r_[np.repeat(np.flatnonzero(y == 1)[:2], 4), np.flatnonzero(y[:40] == 0)]
        with (
            pytest.warns(PreflightWarning),
            pytest.raises(ValueError, match=r"cv=5 needs at least 5 groups .* and 2 used"),
        ):
            audit.audit(nearest, X[few], y[few], generated=problem.generated, **QUICK)

    def test_arguments(self, problem):
        with pytest.raises(ValueError, match="low < high"):
            preflight(problem.images, generated=problem.generated, intensity_range=(1, 0))
        with pytest.raises(ValueError, match="one label for each of 40 images"):
            preflight(problem.images, [0, 1], generated=problem.generated)
        with pytest.raises(ValueError, match="one label for each"):
            preflight(problem.images, np.arange(40), generated=problem.generated)
        result = preflight(problem.images, generated=problem.generated)
        assert list(result.sets) == ["real", "generated"]
        assert result.sets["real"].sizes == {"32 x 32": 40}


class TestShell:
    def save(self, folder, images, suffix="png"):
        folder.mkdir(parents=True)
        for i, image in enumerate(images):
            Image.fromarray(image).save(folder / f"{folder.name}{i:02}.{suffix}")

    def folders(self, root, small, of_generated, of_real=lambda a: a):
        y = small.target
        for name, images in (
            ("real_used", of_real(small.images[y == 1])),
            ("real_not_used", of_real(small.images[y == 0])),
            ("generated", of_generated(small.generated)),
        ):
            self.save(root / name, images, "tif")
        (root / "real_unknown").symlink_to(root / "real_used")
        known = ["--used", f"{root}/real_used", "--not-used", f"{root}/real_not_used"]
        return [*known, "--generated", f"{root}/generated"]

    @pytest.mark.slow
    def test_warnings_are_said_once(self, small, tmp_path, capsys):
        known = self.folders(tmp_path, small, lambda a: framed(a, 3))
        quick = ["--permutations", "0", "--folds", "2", "--attack", "nearest"]
        assert main(["audit", *known, *quick]) == 0
        out, err = capsys.readouterr()
        assert err.startswith("Warning: Borders of one intensity differ")
        assert err.count("\n") == 1
        assert "\ninputs\nBorders of one intensity differ" in out

    @pytest.mark.slow
    def test_the_scale_is_an_option_of_every_command(self, small, tmp_path, capsys):
        known = self.folders(tmp_path, small, floats)
        others = tmp_path / "others"
        self.save(others, small.images[:, ::-1])
        scale = ["--intensity-range", "-1", "1"]
        quick = ["--permutations", "0", "--folds", "2", "--attack", "nearest"]
        output = ["--output", f"{tmp_path}/s.csv"]
        (tmp_path / "test").mkdir()
        (tmp_path / "test" / "real_unknown").symlink_to(others)
        (tmp_path / "test" / "generated").symlink_to(tmp_path / "generated")
        (tmp_path / "real_unknown").unlink()
        commands = (
            ["audit", *known, *quick, "--json", f"{tmp_path}/a.json"],
            ["predict", *known, "--candidates", str(others), *output],
            ["submit", str(tmp_path), f"{tmp_path}/test", *output],
        )
        for command in commands:
            assert main(command) == 1
            assert "--intensity-range -1 1" in capsys.readouterr().err
            assert main([*command, *scale]) == 0
            assert capsys.readouterr().err == ""
        rows = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["results"]
        aucs = {row["attack"]: row["value"] for row in rows if row["measure"] == "AUC"}
        assert aucs["nearest"] > 0.85
        assert main([*commands[0], "--intensity-range", "1", "0"]) == 2
        assert "got 1 and 0" in capsys.readouterr().err

    def test_twelve_bits_of_dicom_mean_the_same_as_eight_of_png(self, tmp_path, small):
        pydicom = pytest.importorskip("pydicom", reason="pydicom is optional")
        uid = importlib.import_module("pydicom.uid")
        for i, picture in enumerate(small.images):
            one = pydicom.Dataset()
            one.file_meta = pydicom.dataset.FileMetaDataset()
            one.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
            one.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
            one.file_meta.MediaStorageSOPInstanceUID = uid.generate_uid()
            one.Rows, one.Columns = picture.shape
            one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
            one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 12, 11, 0
            # 4095 / 255, so that the two scales agree to rounding.
            one.PixelData = np.round(picture * (4095 / 255)).astype("<u2").tobytes()
            if int(pydicom.__version__.split(".")[0]) < 3:
                one.is_little_endian, one.is_implicit_VR = True, False
                one.save_as(tmp_path / f"{i:02}.dcm", write_like_original=False)
            else:
                one.save_as(tmp_path / f"{i:02}.dcm", enforce_file_format=True)
        files = datasets.load_images(tmp_path)
        assert files[0].dtype == np.uint16
        assert files[0].max() > 255
        assert found(files, small.target, small.generated) == ([], [])
        attack = make_pipeline("nearest")
        from_png = attack.set_params(generated=small.generated).fit(small.images, small.target)
        scores = from_png.decision_function(small.images)
        np.testing.assert_allclose(from_png.decision_function(files), scores, rtol=0.01)
        # Where the note was lost, the error names the scale.
        stacked = np.stack(list(files))
        errors, _ = found(stacked, small.target, small.generated)
        assert "intensity_range=(0, 4095)" in errors[0]


def test_stored_bits_are_part_of_what_the_cache_knows():
    twelve = np.dtype(np.uint16, metadata={"bits_stored": 12})
    image = np.arange(64, dtype=np.uint16).reshape(8, 8)
    assert joblib.hash(image) != joblib.hash(image.view(twelve))


def test_of_many_generated_images_all_copies_and_kinds_are_found(monkeypatch):
    monkeypatch.setattr("gan_isi.audit.inputs._CLOSELY", 5)
    problem = datasets.make_membership_problem(20, n_generated=60, random_state=0)
    real, used = problem.images, problem.target
    generated = list(np.random.default_rng(0).permutation(problem.generated.ravel())
                     .reshape(problem.generated.shape))  # fmt: skip
    for place in range(40, 44):
        generated[place] = real[place - 40]
    generated[50] = np.stack([generated[50]] * 3, axis=-1)
    generated[55] = generated[55][:32, :32]
    found = preflight(real, used, generated=generated)
    one = found.sets["generated"]
    assert one.count == 60
    assert one.channels == {"1": 59, "3": 1}
    assert one.sizes == {"64 x 64": 59, "32 x 32": 1}
    assert list(found.digests["generated"]) == [str(i) for i in range(60)]
    assert found.n_not_used_generated == (used[:4] == 0).sum()
    monkeypatch.undo()
    whole = preflight(real, used, generated=generated)
    assert found.digests == whole.digests
    assert whole.sets["generated"].n_copies == one.n_copies == 0
