"""What a release says of itself in several places."""

import re
from pathlib import Path

import pytest

from gan_isi import __version__

ROOT = Path(__file__).parents[1]


def read(name):
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"no {name} beside these tests")
    return path.read_text(encoding="utf-8")


def test_the_citation_has_the_version_and_the_paper():
    text = read("CITATION.cff")
    assert re.search(r"^version: (.+)$", text, re.MULTILINE)[1] == __version__
    assert "Image Source Identification Using Texture Analysis" in text


def test_the_oldest_tested_versions_are_those_that_are_admitted():
    """Every lower bound of a run-time dependency is what `make test-oldest` installs."""
    tomllib = pytest.importorskip("tomllib")
    admitted = tomllib.loads(read("pyproject.toml"))["project"]["dependencies"]
    oldest = re.search(r"^OLDEST := (.+)$", read("Makefile"), re.MULTILINE)[1]
    pinned = dict(re.findall(r'"([\w-]+)==([\d.]+)"', oldest))
    for requirement in admitted:
        name, bound = re.match(r"([\w-]+)>=([\d.]+)", requirement).groups()
        assert pinned[name] in (bound, f"{bound}.0"), requirement


def test_the_changelog_speaks_of_this_version():
    heading = re.search(r"^## (.+)$", read("CHANGELOG.md"), re.MULTILINE)[1]
    assert heading == "Unreleased" if "dev" in __version__ else heading.startswith(__version__)
