"""The command verify: an audit from its JSON, in folders that stay, change or move."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_isi import datasets
from gan_isi.cli import main
from gan_isi.cli.audit import audit as audit_command
from gan_isi.cli.replay import arguments_of
from gan_isi.cli.work import reading

QUICK = ["--permutations", "3", "--folds", "2", "--attack", "nearest", "--seed", "7"]


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """Folders, a table of patients, and the JSON of an audit of them."""
    root = tmp_path_factory.mktemp("audited")
    it = datasets.make_membership_problem(
        40, n_generated=10, image_size=16, memorization=0.8, random_state=0
    )
    used, other = (list(it.images[it.target == label]) for label in (1, 0))
    sets = {"used": used[:12], "other": other[:12], "generated": it.generated, "asked": used[12:]}
    for name, images in sets.items():
        (root / name).mkdir()
        for number, image in enumerate(images):
            Image.fromarray(image).save(root / name / f"{name}{number:02}.png")
    rows = [f"{name}{i:02}.png,{name}{i // 2}" for name in ("used", "other") for i in range(12)]
    rows += [f"asked{i:02}.png,a{i}" for i in range(8)]
    rows += [f"generated{i:02}.png,g" for i in range(10)]
    (root / "patients.csv").write_text("\n".join(["file,patient", *rows]), encoding="utf-8")
    options = [
        *("--used", f"{root}/used", "--not-used", f"{root}/other", "--generated"),
        *(f"{root}/generated", "--candidates", f"{root}/asked", "--no-recursive"),
        *("--patients", f"{root}/patients.csv", "--intensity-range", "-10", "300"),
    ]
    assert main(["audit", *options, *QUICK, "--json", f"{root}/a.json"]) == 0
    return root


@pytest.fixture
def world(audited, tmp_path):
    """A copy of it, whose folders are named on the command line."""
    shutil.copytree(audited, tmp_path / "copy")
    return tmp_path / "copy"


def moved(root):
    return [
        *("--used", f"{root}/used", "--not-used", f"{root}/other", "--generated"),
        *(f"{root}/generated", "--candidates", f"{root}/asked", "--patients"),
        f"{root}/patients.csv",
    ]


def test_it_comes_out(audited, capsys):
    capsys.readouterr()
    assert main(["verify", f"{audited}/a.json"]) == 0
    out, err = capsys.readouterr()
    said = out.splitlines()
    assert said[0] == "All inputs are those of the audit, byte by byte."
    assert said[-1].endswith("numbers are the same, to the last bit.")
    assert len(said) == 2  # nothing of the audit's own text
    assert err == ""


def test_what_the_record_has(audited):
    known = json.loads((audited / "a.json").read_text(encoding="utf-8"))["provenance"]
    assert known["command"][:2] == ["gan-isi", "audit"]
    assert known["options"] == {
        "used": f"{audited}/used", "not-used": f"{audited}/other",
        "generated": f"{audited}/generated", "candidates": f"{audited}/asked",
        "attack": ["nearest"], "choose": False, "patients": f"{audited}/patients.csv",
        "folds": 2, "repeats": 1, "permutations": 3, "seed": 7, "intensity-range": [-10.0, 300.0],
        "recursive": False, "exif-transpose": False, "controls": False,
    }  # fmt: skip
    assert set(known["inputs"]) == {"used", "not used", "generated", "candidates", "patients"}


def test_folders_that_moved(world, audited, capsys):
    assert main(["verify", f"{world}/a.json", *moved(world)]) == 0
    record = json.loads((world / "a.json").read_text(encoding="utf-8"))
    record["provenance"]["options"]["used"] = "nowhere/used"
    (world / "a.json").write_text(json.dumps(record), encoding="utf-8")
    capsys.readouterr()
    assert main(["verify", f"{world}/a.json"]) == 2
    said = "There is no nowhere/used (from here); say with --used where it is now."
    assert capsys.readouterr().err == f"Error: {said}\n"


@pytest.mark.parametrize("only", [[], ["--inputs-only"]])
def test_files_that_are_not_those(world, capsys, only, monkeypatch):
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(world / "generated" / "generated04.png")
    (world / "used" / "used03.png").unlink()
    shutil.copy(world / "asked" / "asked00.png", world / "other" / "more.png")
    with (world / "patients.csv").open("a", encoding="utf-8") as table:
        table.write("\n")
    monkeypatch.setattr("gan_isi.cli.verify._repeat", None)  # not called
    assert main(["verify", f"{world}/a.json", *moved(world), *only]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "used03.png (used) is missing.",
        "more.png (not used) was not there.",
        "generated04.png (generated) was changed.",
        "patients.csv (patients) was changed.",
    ]


def test_inputs_only(world, capsys):
    assert main(["verify", f"{world}/a.json", *moved(world), "--inputs-only"]) == 0
    assert capsys.readouterr().out == "All inputs are those of the audit, byte by byte.\n"


def test_numbers_that_do_not_come_out(world, capsys):
    record = json.loads((world / "a.json").read_text(encoding="utf-8"))
    record["queries"]["nearest"]["rank"][5] = 2.0
    (world / "a.json").write_text(json.dumps(record), encoding="utf-8")
    assert main(["verify", f"{world}/a.json", *moved(world)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[1].startswith("queries, nearest, rank, 5: 2.0 was recorded, 0.")
    assert out[-1].startswith("The numbers do not come out: 1 of ")


def test_what_can_not_be_told_has_a_code_of_its_own(world, capsys):
    assert main(["verify", f"{world}/none.json"]) == 2
    assert main(["verify", f"{world}/patients.csv"]) == 2
    assert "is no JSON" in capsys.readouterr().err
    record = json.loads((world / "a.json").read_text(encoding="utf-8"))
    record["provenance"]["options"]["spell"] = "abracadabra"
    (world / "a.json").write_text(json.dumps(record), encoding="utf-8")
    assert main(["verify", f"{world}/a.json", *moved(world)]) == 2
    assert "options that this version of gan-isi does not know: spell" in capsys.readouterr().err
    record["provenance"]["options"] = None
    (world / "a.json").write_text(json.dumps(record), encoding="utf-8")
    assert main(["verify", f"{world}/a.json"]) == 2
    assert "gan_isi.audit.verify(record, result)" in capsys.readouterr().err


@pytest.mark.parametrize("option", [{"used": [1]}, {"folds": {}}, {"used": "--report=x.html"}])
def test_records_that_were_edited_write_nothing(world, capsys, option, monkeypatch):
    monkeypatch.chdir(world)
    record = json.loads((world / "a.json").read_text(encoding="utf-8"))
    record["provenance"]["options"] |= option
    (world / "a.json").write_text(json.dumps(record), encoding="utf-8")
    before = sorted(world.rglob("*"))
    assert main(["verify", "a.json"]) == 2
    assert sorted(world.rglob("*")) == before


def test_an_audit_that_fails_has_the_code_of_trouble(world, capsys, monkeypatch):
    monkeypatch.setattr("gan_isi.cli.verify._repeat", lambda command, arguments: 1 / 0)
    assert main(["verify", f"{world}/a.json"]) == 2
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_an_answer_that_nobody_gets_is_trouble(audited, monkeypatch):
    def full(text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gan_isi.cli.verify.say", full)
    assert main(["verify", f"{audited}/a.json", "--inputs-only"]) == 2
    monkeypatch.setattr("gan_isi.cli.verify._repeat", lambda command, arguments: json.loads(
        (audited / "a.json").read_text(encoding="utf-8")
    ))  # fmt: skip
    assert main(["verify", f"{audited}/a.json"]) == 2


def test_an_interruption_is_none_of_these(world, monkeypatch):
    def interrupted(*given, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("gan_isi.audit.audit", interrupted)
    assert main(["verify", f"{world}/a.json", *moved(world)]) == 130


def test_a_manifest_names_what_was_read(audited, tmp_path, capsys):
    options = ["--used", f"{audited}/used", "--not-used", f"{audited}/other", *QUICK]
    options += ["--generated", f"{audited}/generated", "--manifest", f"{tmp_path}/sums"]
    assert main(["audit", *options]) == 0
    lines = (tmp_path / "sums").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 12 + 12 + 10
    assert {line[64:66] for line in lines} == {"  "}
    assert sorted(line[66:] for line in lines)[0] == f"{audited}/generated/generated00.png"
    assert f"Manifest: {tmp_path}/sums" in capsys.readouterr().out


#: Audits that have all options between them, each with another value than by default.
AUDITS = {
    "tables": [
        *("--used", "used", "--not-used", "other", "--generated", "generated"),
        *("--candidates", "asked", "--unrelated-generated", "unrelated", "--controls"),
        *("--attack", "nearest", "--attack", "relative_nearest", "--choose", "--repeats", "2"),
        *("--patients", "patients.csv", "--patient-from", "csv", "--subgroup", "sex"),
        *("--prior", "0.125", "--epsilon-by", "relative_nearest", "--folds", "2"),
        *("--permutations", "2", "--seed", "5", "--intensity-range", "-10", "300"),
        *("--no-recursive", "--max-pixels", "400", "--exif-transpose"),
    ],
    "subfolders": [
        *("--used", "deep", "--not-used", "other", "--generated", "generated", "--recursive"),
        *("--patient-from", "file", "--attack", "nearest", "--permutations", "0", "--folds", "2"),
    ],
    "volumes": [
        *("--used", "v/used", "--not-used", "v/other", "--generated", "v/generated"),
        *("--unrelated-generated", "v/unrelated", "--volumes", "coronal", "--attack", "nearest"),
        *("--permutations", "2", "--folds", "2", "--controls"),
    ],
}

#: Options that change no number, of which the record has nothing.
NO_NUMBER = {
    "--report", "--json", "--manifest", "--known-csv", "--candidates-csv", "--patients-csv",
    "--pairs-csv", "--no-images", "--dry-run", "--quiet", "--cache", "--jobs", "--fail-if",
}  # fmt: skip


def test_each_option_of_an_audit_is_repeated_or_changes_no_number():
    known = {name for one in audit_command.params for name in (one.opts[0], *one.secondary_opts)}
    asked = {one for given in AUDITS.values() for one in given if one.startswith("--")}
    assert known == asked | NO_NUMBER


@pytest.fixture
def everything(world, monkeypatch):
    """Folders with all that these audits read, in the folder that commands run in."""
    monkeypatch.chdir(world)
    it = datasets.make_membership_problem(24, image_size=16, random_state=5)
    Path("unrelated").mkdir()
    for number, image in enumerate(it.images[:9]):
        Image.fromarray(image).save(f"unrelated/{number}.png")
    table = Path("patients.csv").read_text(encoding="utf-8").split("\n")
    rows = [f"{row},{'sex' if not i else 'fm'[i // 2 % 2]}" for i, row in enumerate(table)]
    rows += [f"unrelated/{number}.png,u,f" for number in range(9)]
    Path("patients.csv").write_text("\n".join(rows), encoding="utf-8")
    return world


def of_options(arguments):
    """All that a command line means, as the command takes it."""
    with audit_command.make_context("audit", list(arguments)) as context:
        return context.params | reading()


@pytest.mark.parametrize("name", AUDITS)
def test_audits_with_all_options_come_out(everything, capsys, name):
    if name == "volumes":
        nibabel = pytest.importorskip("nibabel", reason='needs the extra "volumes"')
        for one in ("used", "other", "generated", "unrelated"):
            (everything / "v" / one).mkdir(parents=True)
            for number, file in enumerate(sorted((everything / one).iterdir())[:6]):
                slices = np.stack([np.asarray(Image.open(file))] * 3, axis=1).astype(np.int16)
                slices[:, 1:] += np.arange(2)[:, None] + number
                image = nibabel.Nifti1Image(slices, np.eye(4))
                nibabel.save(image, everything / "v" / one / f"{one}{number}.nii")
    if name == "subfolders":
        for one in ("asked", "unrelated"):
            shutil.rmtree(one)
        (everything / "deep" / "er").mkdir(parents=True)
        shutil.move("used", "deep/er/used")
    given = AUDITS[name]
    assert main(["audit", *given, "--json", "all.json"]) == 0
    capsys.readouterr()
    record = json.loads(Path("all.json").read_text(encoding="utf-8"))
    again = arguments_of(record, audit_command, Path("all.json"), {})
    assert of_options(again) == of_options(given)
    assert set(record["provenance"]["inputs"]) >= {
        one.removeprefix("--").replace("-", " ")
        for one in given if one in ("--unrelated-generated", "--candidates", "--patients")
    }  # fmt: skip
    assert main(["verify", "all.json"]) == 0
    assert capsys.readouterr().out.startswith("All inputs are those of the audit, byte by byte.\n")


def test_unrelated_images_that_changed_are_named(everything, capsys):
    assert main(["audit", *AUDITS["tables"], "--json", "all.json"]) == 0
    Image.fromarray(np.zeros((16, 16), np.uint8)).save("unrelated/4.png")
    capsys.readouterr()
    assert main(["verify", "all.json"]) == 1
    assert capsys.readouterr().out == "4.png (unrelated generated) was changed.\n"
