"""The command demo, ``python -m gan_isi``, and completion in a shell."""

import os
import re
import subprocess
import sys

import matplotlib.image
import pytest

from gan_isi import __version__
from gan_isi.cli import demo as module
from gan_isi.cli import main


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr("gan_isi.cli.demo._N_IMAGES", 24)
    monkeypatch.setattr("gan_isi.cli.demo._N_GENERATED", 18)
    monkeypatch.setattr("gan_isi.cli.demo._PERMUTATIONS", 3)


def test_answers_figure_and_report(small, tmp_path, capsys):
    pytest.importorskip("jinja2", reason='needs the extra "report"')
    folder = tmp_path / "new" / "demo"
    assert main(["demo", "--output", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert err == ""  # short, and no terminal
    answers = re.findall(r"^ +(\d+) +([01]\.\d\d)  (used|not used)$", out, flags=re.MULTILINE)
    assert [truth for *_, truth in answers].count("used") == 3
    assert len(answers) == 6
    right = [(float(score) > 0.5) == (truth == "used") for _, score, truth in answers]
    assert sum(right) >= 5
    assert f"Report: {folder}{os.sep}demo.html" in out
    assert "gan-isi audit --used used/ --not-used other/ --generated generated/" in out
    assert matplotlib.image.imread(folder / "demo.png").shape[:2] == (600, 1320)
    page = (folder / "demo.html").read_text(encoding="utf-8")
    assert "12 real images known to be used" in page
    assert "3 permutations" in page
    assert sorted(one.name for one in folder.iterdir()) == ["demo.html", "demo.png"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("missing", "written", "words"),
    [
        (("jinja2",), ["demo.png"], "Without jinja2 there is no report."),
        (("matplotlib", "jinja2"), [], "Without jinja2, matplotlib there is no figure and no"),
    ],
)
def test_it_goes_on_without_extras(missing, written, words, small, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "find_spec", lambda name: None if name in missing else name)
    assert main(["demo", "--output", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert words in out
    assert 'pip install "gan-isi[report]"' in out
    assert "gan-isi audit --used" in out
    assert [one.name for one in tmp_path.iterdir()] == written


def test_a_folder_that_can_not_be_made(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["demo", "--output", f"{tmp_path}/file/demo"]) == 1
    assert "file/demo can't be made" in capsys.readouterr().err.replace(os.sep, "/")


def program(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "gan_isi", *arguments],
        capture_output=True, text=True, env=os.environ | environment, check=False,
    )  # fmt: skip


def test_python_m_gan_isi():
    done = program("--version")
    assert done.stdout == f"gan-isi, version {__version__}\n"
    assert program("adit").returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="completion of POSIX shells")
def test_completion():
    script = program(_GAN_ISI_COMPLETE="zsh_source")
    assert "#compdef gan-isi" in script.stdout
    words = {"COMP_WORDS": "gan-isi audit --attack rel", "COMP_CWORD": "3"}
    found = program(_GAN_ISI_COMPLETE="bash_complete", **words)
    assert found.stdout.strip() == "plain,relative_nearest"
