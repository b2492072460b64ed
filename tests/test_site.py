"""What the site tells newcomers and boards is what the guide measured and reports say."""

import re
from pathlib import Path

import pytest

from gan_isi.audit.statements import sentences
from gan_isi.audit.verdict import COMES_TO

DOCS = Path(__file__).parents[1] / "docs"


def read(name):
    text = (DOCS / name).read_text("utf-8")
    return text.replace("\xa0", " ")


def rows(text):
    """Yield the cells of each line of the tables of a page."""
    for line in re.findall(r"^\|(.*)\|$", text, re.MULTILINE):
        yield [cell.strip() for cell in line.split("|")]


def test_the_share_of_false_alarms_is_that_of_the_table():
    text = read("guide/recommended.md").split("## Where nothing was memorised")[1].split("\n## ")[0]
    found = [row for row in rows(text) if row[2] == "recommended"]
    audits = sum(int(row[3]) for row in found)
    alarms = sum(int(row[3]) * float(row[5]) for row in found)
    shown = f"{100 * alarms / audits:.0f} %"
    assert f">{shown}<" in read("index.md")
    assert f"of {audits} audits" in read("index.md")
    assert f"[{shown}](guide" in read("faq.md")
    assert f"In {audits} audits" in read("faq.md")


@pytest.mark.parametrize("name", ["index.md", "faq.md"])
def test_the_auc_over_generators_is_that_of_the_table(name):
    table = next(row for row in rows(read("guide/recommended.md")) if row[0] == "recommended")
    auc, interval = re.fullmatch(r"(\S+) \((.*)\)", table[1]).groups()
    paper = next(row for row in rows(read("guide/recommended.md")) if row[0] == "paper")
    assert auc in read(name)
    assert paper[1].split()[0] in read(name)
    assert name != "index.md" or interval in read(name)


def test_each_verdict_is_explained_to_boards():
    table = read("guide/reading_the_report.md").split("## The verdicts")[1].split("\n## ")[0]
    shown = [row[0] for row in rows(table)][2:]
    verdicts = [sentences()[f"verdict_{kind}"] for kind in COMES_TO]
    for verdict in verdicts:
        assert sum(begins(verdict, one) for one in shown) == 1, verdict
    assert len(shown) == len(verdicts)


def begins(sentence, text):
    """Return whether a sentence with places for numbers, in braces, begins with a text."""
    of_both = zip(sentence.split(), text.split(), strict=False)
    return all("{" in one or one.rstrip(":.,") == other.rstrip(":.,") for one, other in of_both)
