"""The command line, on folders of small images."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import joblib
import numpy as np
import pytest
from PIL import Image

from gan_isi import (
    PixelDescriptor,
    SourceIdentificationPipeline,
    __version__,
    datasets,
)
from gan_isi._runtime.output import from_cell
from gan_isi.audit.statements import say
from gan_isi.cli import main
from gan_isi.cli.folders import read_patients
from gan_isi.datasets import archives

QUICK = ["--permutations", "4", "--folds", "3", "--attack", "nearest"]
COMPARED = say("compared", n_used=16, n_not_used=16, n_generated=60).text


def save(folder, images, names=None):
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        Image.fromarray(image).save(folder / (names[index] if names else f"{index:03}.png"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Members and others, a generator that copies, and candidates of both kinds."""
    root = tmp_path_factory.mktemp("folders")
    problem = datasets.make_membership_problem(
        48, n_generated=60, image_size=32, memorization=0.999, random_state=0
    )
    used, other = (problem.images[problem.target == label] for label in (1, 0))
    save(root / "used", used[:16], [f"u{i}.png" for i in range(16)])
    save(root / "other", other[:16], [f"o{i}.png" for i in range(16)])
    candidates = [*used[16:], *other[16:]]
    save(root / "candidates", candidates, [f"c{i:02}.png" for i in range(16)])
    save(root / "generated", problem.generated)
    return root


def known(root):
    return [
        "--used", f"{root}/used", "--not-used", f"{root}/other", "--generated", f"{root}/generated",
    ]  # fmt: skip


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class TestAudit:
    def test_sentences_page_numbers_and_candidates(self, folders, tmp_path, capsys):
        pytest.importorskip("jinja2", reason='needs the extra "report"')
        code = main([
            "audit", *known(folders), *QUICK, "--candidates", f"{folders}/candidates",
            "--report", f"{tmp_path}/a.html", "--json", f"{tmp_path}/a.json",
            "--candidates-csv", f"{tmp_path}/c.csv", "--known-csv", f"{tmp_path}/k.csv",
        ])  # fmt: skip
        out, err = capsys.readouterr()
        assert code == 0
        assert COMPARED in out
        assert err == ""  # no bars where there is no terminal
        numbers = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
        assert numbers["settings"]["n_candidates"] == 16
        aucs = {r["attack"]: r["value"] for r in numbers["results"] if r["measure"] == "AUC"}
        assert aucs["nearest"] > 0.9
        assert "Images of unknown membership" in (tmp_path / "a.html").read_text(encoding="utf-8")
        kinds = [one["kind"] for one in numbers["statements"]["nearest"]]
        assert "too_few_permutations" in kinds
        assert [s["text"] for s in numbers["statements"]["nearest"]] == numbers["words"]["nearest"]
        known_rows = [row for row in read_csv(tmp_path / "k.csv") if row["attack"] == "nearest"]
        assert [row["number"] for row in known_rows] == [str(i) for i in range(32)]
        assert {row["file"][0] + row["used"] for row in known_rows} == {"o0", "u1"}
        assert known_rows[20]["rank"] == f"{numbers['queries']['nearest']['rank'][20]:.4g}"
        rows = [row for row in read_csv(tmp_path / "c.csv") if row["attack"] == "nearest"]
        assert [row["file"] for row in rows] == [f"c{i:02}.png" for i in range(16)]
        # The first eight were used.
        ranks = [float(row["rank"]) for row in rows]
        assert min(ranks[:8]) > max(ranks[8:])
        assert {row["p_value"] for row in rows[:8]} == {"0.05882"}  # 1 / 17

    def test_patients_stay_together(self, folders, tmp_path, capsys):
        names = [f"{kind}{i}.png" for kind in "uo" for i in range(16)]
        table = tmp_path / "patients.csv"
        table.write_text(
            "file,patient\n" + "".join(f"x/{n},{n[0]}{int(n[1:-4]) // 2}\n" for n in names)
        )
        assert main(["audit", *known(folders), *QUICK, "--patients", str(table)]) == 0
        assert "of 16 patients" in capsys.readouterr().out
        table.write_text("file,patient\nu0.png,a\n")
        assert main(["audit", *known(folders), *QUICK, "--patients", str(table)]) == 1
        assert "names no patient for 31 images; one of them is " in capsys.readouterr().err
        table.write_text("image,patient\n")
        assert main(["audit", *known(folders), *QUICK, "--patients", str(table)]) == 1
        assert "needs a first line with the columns file and patient" in capsys.readouterr().err
        table.write_text("file,patient\nu0.png,a\nu0.png,b\n")
        assert main(["audit", *known(folders), *QUICK, "--patients", str(table)]) == 1
        assert "names two patients for u0.png" in capsys.readouterr().err

    def test_patients_are_told_apart_by_folder(self, folders, tmp_path, capsys):
        names = [f"{index}.png" for index in range(16)]
        for kind in ("used", "other"):
            images = datasets.load_images(folders / kind)
            save(tmp_path / kind, list(images), names)
        arguments = known(folders)
        arguments[1], arguments[3] = f"{tmp_path}/used", f"{tmp_path}/other"
        table = tmp_path / "patients.csv"
        arguments += [*QUICK, "--patients", str(table)]
        table.write_text("file,patient\n" + "".join(f"{name},{name}\n" for name in names))
        assert main(["audit", *arguments]) == 1
        assert "Several images have this name" in capsys.readouterr().err
        table.write_text(
            "file,patient\n"
            + "".join(f"{k}/{i}.png,{k}{i // 2}\n" for k in ("used", "other") for i in range(16))
        )
        assert main(["audit", *arguments]) == 0
        assert "of 16 patients" in capsys.readouterr().out

    def test_blanks_around_a_patient_do_not_count(self, tmp_path):
        images = {"used": datasets.ImageFiles([tmp_path / "used" / f"{i}.png" for i in range(4)])}
        table = tmp_path / "patients.csv"
        table.write_text("file,patient\n0.png,p1\n1.png, p1\n2.png,p1 \n3.png,\tp1\n")
        assert read_patients(table, images) == {"used": ["p1"] * 4}

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            (b"patient,file\np\n", "has a line without a file or a patient"),
            (b"patient,file\n  ,u0.png\n", "has a line without a file or a patient"),
            (b"file,patient\n\xe9.png,a\n", "is not a CSV file in UTF-8"),
        ],
    )
    def test_tables_that_are_none(self, table, message, folders, tmp_path, capsys):
        (tmp_path / "p.csv").write_bytes(table)
        assert main(["audit", *known(folders), *QUICK, "--patients", f"{tmp_path}/p.csv"]) == 1
        assert f"p.csv {message}" in capsys.readouterr().err

    def test_the_same_image_in_two_folders_is_refused(self, folders, tmp_path, capsys):
        # As another file of another format.
        save(tmp_path / "other", [np.asarray(Image.open(folders / "used" / "u3.png"))], ["x.bmp"])
        arguments = known(folders)
        arguments[3] = str(tmp_path / "other")
        assert main(["audit", *arguments, *QUICK]) == 1
        one, other = f"{folders}/used/u3.png (used)", f"{tmp_path}/other/x.bmp (not used)"
        said = say("pictures_in_two_sets", n_pictures=1, first=one, second=other)
        assert capsys.readouterr().err == f"Error: {said.text}\n"

    def test_real_images_among_those_generated_are_mentioned(self, folders, tmp_path, capsys):
        arguments = known(folders)
        assert main(["audit", *arguments[:5], f"{folders}/used", *QUICK]) == 0
        said = say("generated_are_real", n_images=16, first=f"{folders}/used/u0.png (used)")
        assert capsys.readouterr().err == f"Warning: {said.text}\n"

    def test_a_missing_extra_is_named_before_the_work(self, folders, tmp_path, capsys, monkeypatch):
        monkeypatch.setattr("gan_isi.cli.outputs.find_spec", lambda name: None)
        assert main(["audit", *known(folders), "--report", f"{tmp_path}/a.html"]) == 1
        assert 'pip install "gan-isi[report]"' in capsys.readouterr().err


class TestOutputs:
    @pytest.mark.parametrize("name", ["=1+1.png", "a\x1b[2J.png", "\udce9.png"])
    @pytest.mark.skipif(sys.platform != "linux", reason="names that other systems don't take")
    def test_names_that_are_no_words(self, name, folders, tmp_path, capsys):
        save(tmp_path / "c", [np.asarray(Image.open(folders / "candidates" / "c00.png"))], [name])
        arguments = ["--candidates", f"{tmp_path}/c", "--output", f"{tmp_path}/s.csv"]
        assert main(["predict", *known(folders), *arguments]) == 0
        (row,) = read_csv(tmp_path / "s.csv")
        assert row["file"].isprintable()
        assert not row["file"].startswith("=")
        assert from_cell(row["file"]) == name

    def test_no_output_replaces_an_input_or_another(self, folders, tmp_path, capsys):
        image = tmp_path / "other" / "o.png"
        save(image.parent, list(datasets.load_images(folders / "other")))
        save(image.parent, [np.eye(32, dtype=np.uint8)], ["o.png"])
        before = image.read_bytes()
        (tmp_path / "link.csv").symlink_to(image)
        (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
        arguments = ["predict", *known(folders), "--candidates", f"{folders}/candidates"]
        arguments[4] = str(image.parent)
        for output in (image, tmp_path / "link.csv", tmp_path / "again" / "other" / "o.png"):
            assert main([*arguments, "--output", str(output)]) == 2
            assert "which is read and would be lost" in capsys.readouterr().err
        two = ["--output", f"{tmp_path}/s.csv", "--save", f"{tmp_path}/again/s.csv"]
        assert main([*arguments, *two]) == 2
        assert "--output and --save name the same file" in capsys.readouterr().err
        assert image.read_bytes() == before

    def test_a_file_that_fails_keeps_no_other_from_being_written(
        self, folders, tmp_path, capsys, monkeypatch
    ):
        pytest.importorskip("jinja2", reason='needs the extra "report"')

        def breaks(result, title, *more):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("gan_isi.audit.report.render", breaks)
        (tmp_path / "a.html").write_text("old")
        code = main([
            "audit", *known(folders), *QUICK, "--report", f"{tmp_path}/a.html",
            "--json", f"{tmp_path}/a.json", "--known-csv", f"{tmp_path}/k.csv",
        ])  # fmt: skip
        out, err = capsys.readouterr()
        assert code == 1
        assert "a.html could not be written: No space left on device." in err
        assert COMPARED in out
        assert (tmp_path / "a.html").read_text() == "old"
        assert json.loads((tmp_path / "a.json").read_text())["results"]
        assert len(read_csv(tmp_path / "k.csv")) == 64

    def test_errors_show_no_control_characters(self, capsys):
        assert main(["audit", "--used", "no\x1b[2Jwhere"]) == 2
        assert "\x1b" not in capsys.readouterr().err


class TestCache:
    def test_look_prune_and_limit(self, tmp_path, capsys):
        images = np.random.default_rng(0).integers(0, 256, (4, 8, 8), dtype=np.uint8)
        PixelDescriptor(size=8, memory=tmp_path / "c").fit_transform(images)
        for arguments, words in [
            ([], "c holds 4 entries with 0.0 MB, the oldest used on "),
            (["--prune", "1kB"], "; 2 were dropped."),
            (["--limit", "2.5 GB"], "After each run at most 2500.0 MB are kept."),
            (["--limit", "none"], "c holds 2 entries"),
            (["--prune", "0"], "c holds 0 entries"),
        ]:
            assert main(["cache", str(tmp_path / "c"), *arguments]) == 0
            assert words in capsys.readouterr().out
        assert main(["cache", str(tmp_path / "c"), "--prune", "all"]) == 2
        assert "'all' is not a size" in capsys.readouterr().err
        assert main(["cache", str(tmp_path)]) == 1
        assert "does not hold a cache of gan-isi" in capsys.readouterr().err


class TestPredict:
    @pytest.mark.parametrize("attack", ["recommended", "paper", "relative_nearest"])
    def test_one_line_an_image(self, attack, folders, tmp_path, capsys):
        code = main([
            "predict", *known(folders), "--candidates", f"{folders}/candidates", "--attack", attack,
            "--output", f"{tmp_path}/s.csv", "--save", f"{tmp_path}/a.joblib",
        ])  # fmt: skip
        assert code == 0
        rows = read_csv(tmp_path / "s.csv")
        assert [row["file"] for row in rows] == [f"c{i:02}.png" for i in range(16)]
        fitted = joblib.load(tmp_path / "a.joblib")
        assert isinstance(fitted, SourceIdentificationPipeline)
        images = datasets.load_images(folders / "candidates")
        expected = fitted.predict_proba(images)[:, 1]
        np.testing.assert_allclose([float(row["score"]) for row in rows], expected, rtol=1e-5)
        assert [int(row["used"]) for row in rows] == fitted.predict(images).tolist()
        called = sum(int(row["used"]) for row in rows)
        assert f"The {attack} attack calls {called} of 16 images used" in capsys.readouterr().out


def test_submit_writes_what_the_challenge_takes(folders, tmp_path, capsys):
    for name, source in (("real_used", "used"), ("real_not_used", "other")):
        (tmp_path / "train").mkdir(exist_ok=True)
        (tmp_path / "train" / name).symlink_to(folders / source)
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "real_unknown").symlink_to(folders / "candidates")
    for part in ("train", "test"):
        (tmp_path / part / "generated").symlink_to(folders / "generated")
    arguments = ["submit", f"{tmp_path}/train", f"{tmp_path}/test"]
    assert main([*arguments, "--output", f"{tmp_path}/run.csv"]) == 0
    labels = datasets.check_submission(tmp_path / "run.csv", [f"c{i:02}" for i in range(16)])
    # Exact copies: the recommended attack makes few errors.
    assert (labels == np.repeat([1, 0], 8)).mean() > 0.8
    assert main(["submit", f"{tmp_path}/test", f"{tmp_path}/test", "--output", "run.csv"]) == 1
    assert "has no folders real_used and real_not_used" in capsys.readouterr().err


class TestWhatUsersGetWrong:
    @pytest.mark.parametrize(
        ("arguments", "code", "message"),
        [
            (["audit", "--used", "nowhere"], 2, "Path 'nowhere' does not exist"),
            (["audit"], 2, "Missing option '--used'"),
            (["adit"], 2, "No such command 'adit'"),
            (["predict", "--attack", "best"], 2, "'best' is not one of"),
            (["audit", "--jobs", "0"], 2, "number of jobs can't be 0"),
            (["audit", "--seed", "-1"], 2, "-1 is not in the range"),
        ],
    )
    def test_usage(self, arguments, code, message, capsys):
        assert main(arguments) == code
        assert message in capsys.readouterr().err

    def test_folders(self, folders, tmp_path, capsys):
        (tmp_path / "empty").mkdir()
        arguments = known(folders)
        arguments[5] = str(tmp_path / "empty")
        assert main(["audit", *arguments, *QUICK]) == 1
        assert "empty" in capsys.readouterr().err
        (tmp_path / "broken").mkdir()
        (tmp_path / "broken" / "a.png").write_bytes(b"no image")
        arguments[5] = str(tmp_path / "broken")
        assert main(["audit", *arguments, *QUICK]) == 1
        assert "a.png" in capsys.readouterr().err

    def test_outputs(self, folders, tmp_path, capsys):
        missing = f"{tmp_path}/missing/a.html"
        assert main(["audit", *known(folders), "--report", missing]) == 2
        assert "There is no folder" in capsys.readouterr().err
        assert main(["audit", *known(folders), "--candidates-csv", f"{tmp_path}/c.csv"]) == 2
        assert "--candidates-csv needs --candidates" in capsys.readouterr().err

    def test_too_few_images(self, folders, capsys):
        assert main(["audit", *known(folders), "--folds", "17"]) == 1
        assert "cv=17 needs at least 17 queries of each class" in capsys.readouterr().err


class TestAsAProgram:
    def run(self, *arguments, **options):
        command = [sys.executable, "-c", "from gan_isi.cli.app import run; run()", *arguments]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )

    def test_version(self):
        process = self.run("--version")
        assert process.communicate()[0] == f"gan-isi, version {__version__}\n"
        assert process.returncode == 0

    def test_errors_are_one_line_without_a_traceback(self, folders):
        process = self.run("audit", *known(folders), "--folds", "17")
        out, err = process.communicate()
        assert process.returncode == 1
        assert out == ""
        assert err.startswith("Error: ")
        assert "Traceback" not in err
        assert err.count("\n") == 1

    @pytest.mark.slow
    @pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
    def test_an_interruption_ends_it(self, folders):
        process = self.run(
            "audit",
            *known(folders),
            "--permutations",
            "100000",
            start_new_session=True,
            # A shell starts jobs in the background with SIGINT ignored, and so their children.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            time.sleep(6)
            os.killpg(process.pid, signal.SIGINT)
            err = process.communicate(timeout=20)[1]
        finally:
            process.kill()
        assert process.returncode == 130
        assert err.strip().endswith("The work was interrupted; nothing more was written.")
        assert "Traceback" not in err

    @pytest.mark.slow
    @pytest.mark.skipif(sys.platform != "linux", reason="processes of Linux")
    def test_a_request_to_end_leaves_no_process(self, folders):
        process = self.run(
            "audit", *known(folders), "--permutations", "100000", "--jobs", "2",
            start_new_session=True,
        )  # fmt: skip
        time.sleep(8)
        process.terminate()
        try:
            err = process.communicate(timeout=20)[1]
            gone = False
            for _ in range(100):  # until the system has counted the dead
                try:
                    os.killpg(process.pid, 0)
                except ProcessLookupError:
                    gone = True
                    break
                time.sleep(0.1)
        finally:
            process.kill()
        assert gone
        assert process.returncode == 143
        assert err.strip().endswith("The work was interrupted; nothing more was written.")

    @pytest.mark.skipif(sys.platform != "linux", reason="descriptors of POSIX")
    @pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
    def test_closed_streams(self, closed, folders, tmp_path):
        process = self.run(
            "predict", *known(folders), "--candidates", f"{folders}/candidates",
            "--output", f"{tmp_path}/s.csv",
            preexec_fn=lambda: [os.close(number) for number in closed],
        )  # fmt: skip
        assert "Traceback" not in process.communicate()[1]
        assert process.returncode == 0
        assert len(read_csv(tmp_path / "s.csv")) == 16

    def test_the_entry_point_is_declared(self):
        tomllib = pytest.importorskip("tomllib")
        project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
        module, name = project["project"]["scripts"]["gan-isi"].split(":")
        assert callable(getattr(__import__(module, fromlist=[name]), name))


class TestWhatIsRead:
    def test_archives_stand_for_folders(self, folders, tmp_path, capsys):
        images = datasets.load_images(folders / "used")
        np.savez_compressed(tmp_path / "used.npz", arr_0=np.stack(list(images)))
        shutil.make_archive(str(tmp_path / "generated"), "zip", folders / "generated")
        arguments = [*QUICK, "--known-csv", f"{tmp_path}/k.csv", "--json", f"{tmp_path}/a.json"]
        assert main(["audit", *known(folders), *arguments]) == 0
        expected = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
        other = known(folders)
        other[1], other[5] = f"{tmp_path}/used.npz", f"{tmp_path}/generated.zip"
        assert main(["audit", *other, *arguments]) == 0
        assert capsys.readouterr().err == ""
        found = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
        # Files are sorted by name and the stack follows them, so that nothing else differs.
        assert found["results"] == expected["results"]
        assert read_csv(tmp_path / "k.csv")[16]["file"] == "arr_0/0000"
        for archive in ("used.npz", "generated.zip"):
            assert main(["audit", *other, *QUICK, "--json", f"{tmp_path}/{archive}"]) == 2
            assert "which is read and would be lost" in capsys.readouterr().err

    def test_subfolders_and_what_is_passed_over(self, folders, tmp_path, capsys):
        pytest.importorskip("jinja2", reason='needs the extra "report"')
        for i, path in enumerate(sorted((folders / "used").iterdir())):
            (tmp_path / "used" / f"p{i % 4}").mkdir(parents=True, exist_ok=True)
            shutil.copy(path, tmp_path / "used" / f"p{i % 4}" / f"{i // 4}.png")
        arguments = known(folders)
        arguments[1] = f"{tmp_path}/used"
        outputs = ["--known-csv", f"{tmp_path}/k.csv", "--json", f"{tmp_path}/a.json"]
        outputs += ["--report", f"{tmp_path}/a.html"]
        assert main(["audit", *arguments, *QUICK, *outputs]) == 0
        out, err = capsys.readouterr()
        assert COMPARED in out
        assert err == ""
        assert read_csv(tmp_path / "k.csv")[16]["file"] == "p0/0.png"
        (tmp_path / "used" / "film.gif").write_bytes(b"GIF89a")
        shutil.copy(folders / "used" / "u0.png", tmp_path / "used" / "top.png")
        assert main(["audit", *arguments, *QUICK]) == 1  # one image
        assert "17 files were passed over: " in capsys.readouterr().err
        (tmp_path / "used" / "top.png").unlink()
        assert main(["audit", *arguments, *QUICK, *outputs, "--recursive"]) == 0
        assert "used: 1 file was passed over: 1 not read (GIF)" in capsys.readouterr().err
        found = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
        assert found["preflight"]["passed_over"] == {"real": {"not read (GIF)": 1}}
        assert "1 not read (GIF)" in (tmp_path / "a.html").read_text(encoding="utf-8")

    def test_dry_run(self, folders, tmp_path, capsys):
        arguments = [*known(folders), "--candidates", f"{folders}/candidates", "--dry-run"]
        assert main(["audit", *arguments, "--json", f"{tmp_path}/a.json"]) == 0
        out = capsys.readouterr().out
        assert "used: 16 images, 32 x 32, uint8, 1 channel(s), intensities " in out
        words = r"\d+ seconds?|\d+ minutes"
        said = re.search(
            rf"It takes about ({words}), as estimated from a few images and small fits: "
            rf"describing the images ({words}), comparing them ({words}), fits ({words})\.",
            out,
        )
        assert said
        output = tmp_path / "scores.csv"
        assert main(["predict", *arguments, "--output", str(output)]) == 0
        assert "It takes about" in capsys.readouterr().out
        arguments = arguments[:6] + arguments[8:]
        assert main(["withhold", *arguments]) == 0
        assert "It takes about" in capsys.readouterr().out
        assert list(tmp_path.iterdir()) == []
        arguments[3] = arguments[1]
        assert main(["audit", *arguments]) == 1
        assert "used: 16 images" in capsys.readouterr().out

    def test_options_of_reading_reach_the_files(self, folders, tmp_path, capsys):
        exif = Image.Exif()
        exif[274] = 6
        for path in (folders / "used").iterdir():
            turned = Image.open(path).transpose(Image.Transpose.ROTATE_90)
            (tmp_path / "used").mkdir(exist_ok=True)
            turned.save(tmp_path / "used" / path.name, exif=exif)
        arguments = known(folders)
        arguments[1] = f"{tmp_path}/used"
        assert main(["audit", *arguments, "--dry-run", "--attack", "nearest"]) == 0
        assert "16 of 32 files of real images have an orientation" in capsys.readouterr().err
        options = ["--json", f"{tmp_path}/a.json", *QUICK]
        assert main(["audit", *arguments, *options, "--exif-transpose"]) == 0
        assert capsys.readouterr().err == ""
        found = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
        assert main(["audit", *known(folders), *options]) == 0
        expected = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
        assert found["results"] == expected["results"]
        assert main(["audit", *known(folders), *QUICK, "--max-pixels", "1000"]) == 1
        assert "32 x 32 pixels, more than max_pixels=1000" in capsys.readouterr().err

    def test_patients_in_a_table_of_another_system(self, tmp_path):
        paths = [tmp_path / "used" / patient / "1.png" for patient in ("a", "b")]
        paths += [tmp_path / "other" / "a" / "1.png", tmp_path / "other" / "c" / "2.png"]
        images = {"used": datasets.ImageFiles(paths[:2]), "other": datasets.ImageFiles(paths[2:])}
        table = tmp_path / "patients.csv"
        table.write_text(
            "file,patient\nD:\\x\\used\\a\\1.png,A\nused\\b\\1.png,B\n"
            ".\\other\\a\\1.png,C\n2.png,D\n"
        )
        assert read_patients(table, images) == {"used": ["A", "B"], "other": ["C", "D"]}

    def test_pipes_are_not_waited_for(self, folders, tmp_path, capsys):
        os.mkfifo(tmp_path / "pipe")
        arguments = known(folders)
        assert main(["audit", *arguments, "--patients", f"{tmp_path}/pipe"]) == 1
        assert "is not a regular file" in capsys.readouterr().err
        arguments[1] = f"{tmp_path}/pipe"
        assert main(["audit", *arguments]) == 1
        assert "a FIFO, a socket or a device" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_volumes_have_one_answer_each(tmp_path, capsys):
    nibabel = pytest.importorskip("nibabel", reason='needs the extra "volumes"')
    pytest.importorskip("jinja2", reason='needs the extra "report"')
    rng = np.random.default_rng(0)
    for folder, n_volumes in (("used", 6), ("other", 6), ("generated", 2)):
        (tmp_path / folder).mkdir()
        for number in range(n_volumes):
            voxels = rng.integers(0, 255, size=(16, 16, 5)).astype(np.uint8)
            image = nibabel.Nifti1Image(voxels, np.eye(4))
            nibabel.save(image, tmp_path / folder / f"{number}.nii.gz")
    table = tmp_path / "known.csv"
    code = main([
        "audit", *known(tmp_path), *QUICK, "--volumes", "axial", "--known-csv", str(table),
        "--json", str(tmp_path / "a.json"), "--report", str(tmp_path / "a.html"),
    ])  # fmt: skip
    assert code == 0, capsys.readouterr().err
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "Slices of volumes are not shown" in page
    assert re.search(r"Generated: <b>\S+\.nii\.gz, slice \d", page)
    rows = [row for row in read_csv(table) if row["attack"] == "nearest"]
    assert [Path(row["file"]).name for row in rows] == [f"{i}.nii.gz" for i in range(6)] * 2
    assert [row["used"] for row in rows] == ["0"] * 6 + ["1"] * 6
    settings = json.loads((tmp_path / "a.json").read_text())["settings"]
    assert (settings["n_used"], settings["n_not_used"], settings["n_generated"]) == (6, 6, 10)


class TestFilesAreOpenedOnce:
    @pytest.fixture
    def decoded(self, monkeypatch):
        """How often each file was decoded."""
        counts = Counter()
        once = archives.decode

        def counted(file, path, *given):
            counts[path.name] += 1
            return once(file, path, *given)

        monkeypatch.setattr(archives, "decode", counted)
        return counts

    def test_by_audit(self, folders, decoded, capsys):
        arguments = [*known(folders), *QUICK, "--candidates", f"{folders}/candidates"]
        assert main(["audit", *arguments, "--attack", "paper"]) == 0
        assert len(decoded) == 16 + 16 + 60 + 16
        assert set(decoded.values()) == {1}

    def test_by_predict(self, folders, decoded, tmp_path, capsys):
        arguments = ["--candidates", f"{folders}/candidates", "--output", f"{tmp_path}/s.csv"]
        assert main(["predict", *known(folders), *arguments]) == 0
        assert len(decoded) == 16 + 16 + 60 + 16
        assert set(decoded.values()) == {1}
        assert [row["file"] for row in read_csv(tmp_path / "s.csv")][:2] == ["c00.png", "c01.png"]

    def test_by_submit(self, folders, decoded, tmp_path, capsys):
        links = {
            "train/real_used": "used", "train/real_not_used": "other",
            "train/generated": "generated", "test/real_unknown": "candidates",
        }  # fmt: skip
        for link, folder in links.items():
            (tmp_path / link).parent.mkdir(exist_ok=True)
            (tmp_path / link).symlink_to(folders / folder)
        rng = np.random.default_rng(0)
        fakes = rng.integers(0, 256, (5, 32, 32), dtype=np.uint8)
        save(tmp_path / "test" / "generated", fakes, [f"t{i}.png" for i in range(5)])
        arguments = [f"{tmp_path}/train", f"{tmp_path}/test", "--output", f"{tmp_path}/run.csv"]
        assert main(["submit", *arguments]) == 0
        assert len(decoded) == 16 + 16 + 60 + 16 + 5
        assert set(decoded.values()) == {1}
