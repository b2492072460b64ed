"""The code of the README and of the documentation runs as it stands there.

Blocks marked ``python`` are run, page by page; those marked ``py`` need data or machines
that are not there, and are shown only. Left out of the usual run: ``-m pages``.
"""

from pathlib import Path

import joblib
import pytest

import gan_isi

ROOT = Path(__file__).parents[1]
FENCE = "```python\n"


def pages():
    found = [*sorted((ROOT / "docs").rglob("*.md"))]
    return [
        page
        for page in found
        if page.exists()
        and not {"_build", "auto_examples", "api"} & set(page.relative_to(ROOT).parts)
        and FENCE in page.read_text(encoding="utf-8")
    ]


def run(page):
    names = {"__name__": "__main__"}
    for part in page.read_text(encoding="utf-8").split(FENCE)[1:]:
        # A family defined on a page is pickled by parallel jobs like one in a notebook.
        exec(compile(part.split("```")[0], str(page), "exec"), names)
    return names


@pytest.mark.pages
@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(page)


@pytest.mark.pages
def test_what_the_readme_promises(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = run(ROOT / "README.md")
    loaded = joblib.load(tmp_path / "attack.joblib")
    assert isinstance(loaded, gan_isi.SourceIdentificationPipeline)
    assert (
        loaded.predict(names["candidates"]) == names["search"].predict(names["candidates"])
    ).all()
    assert set(names["result"].attacks) == {"recommended", "nearest", "blind"}
    assert str(names["result"]) in capsys.readouterr().out
