"""The notebook lines of the README run as they stand there."""

from pathlib import Path

import joblib
import pytest

import gan_isi

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.slow
def test_the_snippets(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    for part in README.read_text(encoding="utf-8").split("```python\n")[1:]:
        exec(compile(part.split("```")[0], str(README), "exec"), names)
    loaded = joblib.load(tmp_path / "attack.joblib")
    assert isinstance(loaded, gan_isi.SourceIdentificationPipeline)
    assert (
        loaded.predict(names["candidates"]) == names["search"].predict(names["candidates"])
    ).all()
    assert set(names["result"].attacks) == {"recommended", "nearest", "blind"}
    assert "Compared were" in capsys.readouterr().out
