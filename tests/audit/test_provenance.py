"""Provenance: digests that sha256sum knows, records that the schema admits, audits repeated."""

import hashlib
import inspect
import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources
from importlib.util import find_spec
from typing import ClassVar

import jsonschema
import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold

from gan_isi import audit, datasets, make_pipeline
from gan_isi.audit.provenance import as_plain, describe_inputs, files_with_digests
from gan_isi.audit.record import as_json

QUICK = {"n_permutations": 3, "n_resamples": 20, "cv": 2, "random_state": 0}


@pytest.fixture(scope="module")
def problem():
    return datasets.make_membership_problem(
        32, n_generated=12, image_size=16, memorization=0.5, random_state=0
    )


def run(problem, X=None, **options):
    X = problem.images[:20] if X is None else X
    options = {"generated": problem.generated, **QUICK} | options
    return audit.audit("nearest", X, problem.target[: len(X)], **options)


@pytest.fixture(scope="module")
def found(problem):
    return run(problem)


@pytest.fixture
def folder(problem, tmp_path):
    """Real images as files, with names that a checksum's line has to escape."""
    names = [f"{i:02}.png" for i in range(18)] + ["back\\slash.png", "two\nlines.png"]
    (tmp_path / "real").mkdir()
    for name, image in zip(sorted(names), problem.images, strict=False):
        Image.fromarray(image).save(tmp_path / "real" / name)
    return tmp_path / "real"


class TestDigests:
    def test_those_of_arrays_are_of_type_shape_and_pixels(self, problem, found):
        used = found.provenance.inputs["used"]
        numbers = np.flatnonzero(problem.target[:20] == 1)
        assert list(used.digests) == [str(i) for i in numbers]
        assert (used.count, used.kind, used.folder) == (len(numbers), "arrays", None)
        image = problem.images[numbers[0]]
        expected = hashlib.sha256(b"|u1 (16, 16);" + image.tobytes()).hexdigest()
        assert used.digests[str(numbers[0])] == expected

    @pytest.mark.parametrize("change", ["pixel", "dtype", "shape"])
    def test_whatever_is_changed_changes_them(self, problem, found, change):
        generated = list(problem.generated)
        if change == "pixel":
            generated[3] = generated[3].copy()
            generated[3][0, 0] ^= 1
        elif change == "dtype":
            generated = [(one / np.float32(255)).astype(np.float32) for one in generated]
        else:
            generated[3] = generated[3].reshape(32, 8)
        with pytest.MonkeyPatch.context() as patch:  # other sizes are worth a warning
            patch.setattr("gan_isi.audit.inputs.warnings.warn", lambda *given, **more: None)
            again = run(problem, generated=generated)
        old, new = (one.provenance.inputs["generated"].digests for one in (found, again))
        differ = [number for number in old if old[number] != new[number]]
        assert differ == (list(old) if change == "dtype" else ["3"])
        assert found.provenance.sha256 != again.provenance.sha256

    def test_those_of_files_are_checked_by_sha256sum(self, problem, folder, tmp_path):
        result = run(problem, datasets.load_images(folder))
        (tmp_path / "manifest").write_bytes(result.provenance.manifest())
        if not shutil.which("sha256sum"):
            pytest.skip("needs sha256sum, of GNU coreutils")
        given = ["sha256sum", "--check", "--strict", "manifest"]
        done = subprocess.run(given, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count(": OK") == 20
        # One digest stands for the set: that of what sha256sum prints in the folder.
        used = result.provenance.inputs["used"]
        given = ["sha256sum", "--", *sorted(used.digests)]
        printed = subprocess.run(given, cwd=folder, capture_output=True, check=True).stdout
        assert used.sha256 == hashlib.sha256(printed).hexdigest()
        assert used.folder == str(folder)

    def test_files_are_not_decoded_for_them(self, problem, folder, monkeypatch):
        decoded = []
        read = datasets.ImageFiles._read
        monkeypatch.setattr(
            datasets.ImageFiles, "_read", lambda self, i: decoded.append(i) or read(self, i)
        )
        run(problem, datasets.load_images(folder))
        assert sorted(decoded) == list(range(20))

    def test_images_that_are_computed_are_asked_for_once(self, problem):
        class Drawn(Sequence):
            asked: ClassVar = []

            def __len__(self):
                return 20

            def __getitem__(self, number):
                self.asked.append(number)
                return problem.images[number]

        result = run(problem, Drawn())
        assert sorted(Drawn.asked) == list(range(20))
        assert result.provenance.inputs == run(problem).provenance.inputs

    def test_they_are_the_same_without_a_preflight(self, problem, found):
        others = {"generated": problem.generated, "candidates": None}
        again = describe_inputs(problem.images[:20], problem.target[:20], others, {})
        assert again == found.provenance.inputs

    def test_images_of_one_archive_have_its_digest(self, problem, tmp_path):
        np.savez(tmp_path / "real.npz", problem.images[:20])
        result = run(problem, datasets.load_images(tmp_path / "real.npz"))
        expected = hashlib.sha256((tmp_path / "real.npz").read_bytes()).hexdigest()
        for name in ("used", "not used"):
            one = result.provenance.inputs[name]
            assert one.digests == {"real.npz": expected}
            assert one.folder == str(tmp_path)

    def test_files_in_subfolders_are_named_from_the_folder_that_was_loaded(self, problem, tmp_path):
        for name in ("anna", "bert/later"):
            (tmp_path / name).mkdir(parents=True)
            Image.fromarray(problem.images[0]).save(tmp_path / name / "scan.png")
        images = datasets.load_images(tmp_path)
        found = files_with_digests(images.files_of(range(2)), 2)
        assert (found.folder, list(found.digests)) == (
            str(tmp_path), ["anna/scan.png", "bert/later/scan.png"],
        )  # fmt: skip

    def test_files_of_several_folders_are_named_in_full(self, problem, tmp_path):
        for name in "ab":
            (tmp_path / name).mkdir()
            Image.fromarray(problem.images[0]).save(tmp_path / name / "same.png")
        both = datasets.load_images(tmp_path / "a") + datasets.load_images(tmp_path / "b")
        found = files_with_digests(both.files_of(range(2)), 2)
        assert found.folder is None
        assert list(found.digests) == [f"{tmp_path.as_posix()}/{n}/same.png" for n in "ab"]

    def test_all_files_of_a_volume_count(self, tmp_path):
        nibabel = pytest.importorskip("nibabel", reason='needs the extra "volumes"')
        for name in "ab":
            image = nibabel.Nifti1Image(np.zeros((5, 6, 7), np.int16), np.eye(4))
            nibabel.save(image, tmp_path / f"{name}.nii")
        slices = datasets.load_volumes(tmp_path, "coronal")
        assert set(slices.files_of([0, 1])) == {tmp_path / "a.nii"}
        assert set(slices.files_of(range(len(slices))).values()) == {tmp_path}


class TestRecord:
    def test_what_is_recorded(self, found):
        known = found.provenance
        assert known.arguments == {
            "random_state": 0, "cv": 2, "n_repeats": 1, "n_permutations": 3, "n_resamples": 20,
            "confidence": 0.95, "fprs": [0.01, 0.05, 0.1], "choose": False, "prior": None,
            "epsilon_by": None, "controls": False, "groups": None, "candidate_groups": None,
            "volumes": None, "candidate_volumes": None, "subgroups": None,
        }  # fmt: skip
        assert set(known.attacks) == {"nearest", "blind"}
        parameters = known.attacks["nearest"]["parameters"]
        assert parameters["descriptors__intensity_range"] == "dtype"
        assert not [one for one in parameters if one.endswith(("n_jobs", "memory", "verbose"))]
        assert known.versions["numpy"] == np.__version__
        assert "torch" not in known.versions  # no attack uses it
        passed = datetime.now(UTC) - datetime.fromisoformat(known.date)
        assert 0 < known.duration <= passed.total_seconds() + 1
        assert known.command is None

    def test_each_argument_is_recorded_or_changes_no_number(self, found):
        asked = set(inspect.signature(audit.audit).parameters)
        elsewhere = {"attacks", "X", "y", "generated", "candidates", "unrelated_generated"}
        no_number = {"n_jobs", "verbose", "memory"}
        assert asked == set(found.provenance.arguments) | elsewhere | no_number

    def test_names_are_told_by_a_digest(self, problem):
        sexes = ["f", "m"] * 10
        result = run(problem, subgroups=np.array(sexes), prior=0.25, epsilon_by="nearest")
        known = result.provenance.arguments
        expected = hashlib.sha256("".join(f"{one}\n" for one in sexes).encode()).hexdigest()
        assert known["subgroups"] == f"SHA-256 {expected}"
        assert (known["prior"], known["epsilon_by"]) == (0.25, "nearest")
        assert "subgroups" in result.to_html()

    def test_unrelated_images_are_inputs(self, problem, tmp_path):
        (tmp_path / "unrelated").mkdir()
        for number, image in enumerate(problem.images[20:]):
            Image.fromarray(image).save(tmp_path / "unrelated" / f"{number}.png")
        images = datasets.load_images(tmp_path / "unrelated")
        known = run(problem, unrelated_generated=images).provenance
        one = known.inputs["unrelated generated"]
        assert (one.count, one.folder) == (12, str(tmp_path / "unrelated"))
        assert known.manifest().decode().count("/unrelated/") == 12

    def test_an_audit_may_have_none(self, found):
        assert json.loads(replace(found, provenance=None).to_json())["provenance"] is None
        assert "Provenance" not in replace(found, provenance=None).to_html()

    @pytest.mark.parametrize(
        ("value", "plain"),
        [
            ((1, np.float32(0.5), None), [1, 0.5, None]),
            ({"b": {2, 1}}, {"b": [1, 2]}),
            (float("inf"), "inf"),
            (np.arange(3), [0, 1, 2]),
            (np.median, "numpy.median"),
            (LogisticRegression(), "sklearn.linear_model._logistic.LogisticRegression"),
            (iter([1]), "<list_iterator>"),
        ],
    )
    def test_plain_values(self, value, plain):
        assert as_plain(value) == plain
        assert json.loads(json.dumps(as_plain(value))) == plain

    def test_splits_may_come_from_a_generator(self, problem):
        splits = KFold(2, shuffle=True, random_state=0).split(problem.images[:20])
        assert "generator" in run(problem, cv=splits).provenance.arguments["cv"]

    def test_long_arrays_are_told_by_their_digest(self):
        rows = np.zeros((100, 100))
        assert as_plain(rows) == as_plain(rows.copy())
        assert as_plain(rows) != as_plain(rows + 1)
        assert len(as_plain(rows)) < 150

    def test_the_page_has_it(self, found):
        page = found.to_html()
        for text in (found.provenance.sha256, found.provenance.date[:10], np.__version__):
            assert text in page


def schema():
    text = resources.files("gan_isi.audit").joinpath("audit.schema.json").read_text("utf-8")
    return json.loads(text)


def described(part, whole):
    """Names of the keys that a schema gives to an object, through references."""
    while "$ref" in part or "anyOf" in part:
        part = part["anyOf"][0] if "anyOf" in part else part
        part = whole["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
    return part


class TestSchema:
    @pytest.mark.parametrize(
        "options",
        [
            {"attacks": ["nearest", "retrieval"], "choose": True},
            {"n_permutations": 0},
            {"n_permutations": {"default": 2, "blind": 0}, "random_state": None},
            {"candidates": True, "candidate_groups": list("aabbccddeeff"), "n_repeats": 2},
            {"volumes": [f"v{i // 2}" for i in range(20)]},
            {"cv": StratifiedKFold(2, shuffle=True), "groups": None},
            {"controls": True, "subgroups": list("ab") * 10, "prior": 0.1, "unrelated": True},
            {"epsilon_by": "nearest"},
            {"volumes": True, "controls": True, "unrelated": True, "subgroups": True},
        ],
        ids=[
            "chosen",
            "no permutations",
            "no seed",
            "candidates",
            "volumes",
            "splitter",
            "controls",
            "epsilon",
            "controls of volumes",
        ],
    )
    def test_each_kind_of_audit_is_valid(self, problem, options):
        order = np.argsort(problem.target[:20], kind="stable")
        images, target = problem.images[:20][order], problem.target[:20][order]
        if "candidates" in options:
            options = options | {"candidates": problem.images[20:]}
        if "volumes" in options:  # two slices each, of one label
            n = target.sum() // 2 * 2, (20 - target.sum()) // 2 * 2
            kept = np.r_[0 : n[1], 20 - n[0] : 20]
            images, target = images[kept], target[kept]
            options = options | {"volumes": [f"v{i // 2}" for i in range(len(kept))]}
            if "subgroups" in options:
                options = options | {"subgroups": (list("aabb") * 5)[: len(kept)]}
        if options.get("unrelated"):
            options = options | {"unrelated_generated": problem.generated[:, ::-1]}
        options = {name: value for name, value in options.items() if name != "unrelated"}
        usual = {"attacks": "nearest", "generated": problem.generated}
        result = audit.audit(X=images, y=target, **usual | QUICK | options)
        record = json.loads(result.to_json())
        jsonschema.Draft202012Validator.check_schema(schema())
        jsonschema.validate(record, schema())
        # Whatever is written is described, so that the schema does not fall behind.
        whole = schema()
        assert set(whole["required"]) <= set(record) <= set(whole["properties"])
        for name in ("settings", "preflight", "provenance"):
            part = described(whole["properties"][name], whole)
            assert set(part["required"]) <= set(record[name]) <= set(part["properties"])
        arguments = described(whole["properties"]["provenance"], whole)["properties"]["arguments"]
        assert set(record["provenance"]["arguments"]) == set(arguments["properties"])

    @pytest.mark.parametrize(
        ("place", "value"),
        [
            (("schema",), 2),
            (("settings", "n_used"), -1),
            (("results", 0, "value"), "high"),
            (("provenance", "inputs", "used", "sha256"), "0"),
            (("provenance", "date"), 5),
        ],
    )
    def test_what_is_none_is_refused(self, found, place, value):
        record = json.loads(found.to_json())
        part = record
        for key in place[:-1]:
            part = part[key]
        part[place[-1]] = value
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(record, schema())
        part.pop(place[-1])
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(record, schema())


class TestVerify:
    def test_the_same_call_comes_out(self, problem, found, tmp_path):
        found.to_json(tmp_path / "a.json")
        again = audit.verify(tmp_path / "a.json", run(problem))
        assert again.came_out
        assert (again.inputs, again.differences, again.conditions) == ([], [], [])
        n_numbers = again.n_numbers
        assert again.words()[-1] == f"All {n_numbers} numbers are the same, to the last bit."
        # Each row has three numbers, and each attack two for each of 20 images.
        assert n_numbers >= 3 * len(found.to_frame()) + 2 * 2 * 20

    def test_another_seed_does_not(self, problem, found):
        again = audit.verify(found.to_dict(), run(problem, random_state=1))
        assert not again.came_out
        assert again.inputs == []
        assert "random_state: 0 then, 1 now." in again.words()
        assert "The numbers do not come out" in again.words()[-1]
        assert again.words()[-1].endswith("repeat the call with those that were recorded.")

    def test_other_inputs_are_named(self, problem, found):
        generated = problem.generated.copy()
        generated[7, 0, 0] ^= 1
        again = audit.verify(found.to_dict(), run(problem, generated=generated[:-1]))
        assert again.inputs == ["7 (generated) was changed.", "11 (generated) is missing."]
        assert not again.came_out
        assert again.n_numbers == 0
        again = audit.verify(found.to_dict(), run(problem, candidates=problem.images[20:22]))
        assert again.inputs == ["0 (candidates) was not there.", "1 (candidates) was not there."]

    def test_many_are_counted(self, problem, found):
        generated = 255 - np.concatenate([problem.generated] * 3)
        said = audit.verify(found.to_dict(), run(problem, generated=generated)).inputs
        assert len(said) == 12 + 20 + 1
        assert said[-1] == "So it is with 4 more (generated): each was not there."

    @pytest.mark.parametrize(
        ("shift", "version", "came_out"),
        [(1e-9, "0.0", True), (1e-9, None, False), (1e-3, "0.0", False), (None, "0.0", False)],
    )
    def test_how_near_depends_on_the_versions(self, problem, found, shift, version, came_out):
        record = json.loads(found.to_json())
        row = next(row for row in record["results"] if row["measure"] == "AUC")
        before, row["value"] = row["value"], None if shift is None else row["value"] + shift
        if version is not None:
            record["provenance"]["versions"]["scipy"] = version
        again = audit.verify(record, found)
        assert again.came_out == came_out
        (only,) = again.differences
        assert only == audit.Difference("results, nearest, AUC, value", row["value"], before)
        assert [one[:15] for one in again.conditions] == ["scipy: 0.0 then"] * (version is not None)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"schema": 9}, "has version 9 of the record's schema"),
            ({"provenance": None}, "has no whole provenance"),
            ({"provenance": {"inputs": {}, "versions": {}}}, "has no whole provenance"),
            (
                {
                    "provenance": {
                        "inputs": {"used": 1},
                        "arguments": {},
                        "versions": {},
                        "machine": {},
                    }
                },
                "has no whole provenance",
            ),
        ],
    )
    def test_records_that_tell_nothing(self, found, change, message, tmp_path):
        with pytest.raises(ValueError, match=message):
            audit.verify(found.to_dict() | change, found)
        (tmp_path / "a.json").write_text("{", encoding="utf-8")
        with pytest.raises(ValueError, match=r"a\.json is no JSON"):
            audit.verify(tmp_path / "a.json", found)
        (tmp_path / "a.json").write_text("[1]", encoding="utf-8")
        with pytest.raises(ValueError, match="is no record of an audit"):
            audit.verify(tmp_path / "a.json", found)

    def test_records_have_no_infinite_numbers(self, found):
        assert as_json({"a": [float("nan"), 1.5]}) == '{\n  "a": [\n    null,\n    1.5\n  ]\n}'

    def test_attacks_with_a_network_tell_its_version(self, problem):
        if not find_spec("torch"):  # not imported: that takes seconds
            pytest.skip('needs the extra "deep"')
        from gan_isi.audit.provenance import now, provenance_of

        deep = make_pipeline("nearest", representation="deep")
        assert "torch" in provenance_of(now(), {}, {}, {"deep": deep}).versions
