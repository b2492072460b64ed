"""Conditions under which an audit fails: ``--fail-if``."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gan_isi import datasets
from gan_isi.cli import main
from gan_isi.cli.conditions import Condition, parse

QUICK = ["--permutations", "4", "--folds", "2", "--attack", "nearest"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Images of a generator that copies, two of them byte by byte, and a record of them."""
    root = tmp_path_factory.mktemp("conditions")
    it = datasets.make_membership_problem(
        24, n_generated=20, image_size=16, memorization=0.99, random_state=0
    )
    used, other = (it.images[it.target == label] for label in (1, 0))
    sets = {"used": used, "other": other, "generated": [*it.generated, *used[:2]]}
    for name, images in sets.items():
        (root / name).mkdir()
        for number, image in enumerate(images):
            Image.fromarray(image).save(root / name / f"{number:02}.png")
    return root


def audit(root, *conditions, more=()):
    asked = [part for one in conditions for part in ("--fail-if", one)]
    return main([
        "audit", "--used", f"{root}/used", "--not-used", f"{root}/other",
        "--generated", f"{root}/generated", *QUICK, *asked, *more,
    ])  # fmt: skip


def test_what_is_met_and_what_is_not(folders, tmp_path, capsys):
    path = tmp_path / "a.json"
    conditions = [
        "auc>0.6", "nearest:AUC_low >= .99", "blind:auc>0.99", "copies>0", "p<=0.2", "copies>2",
        "recognisable<0", "advantage>0.5",
    ]  # fmt: skip
    assert audit(folders, *conditions, more=["--json", str(path)]) == 3
    out, err = capsys.readouterr()
    assert "AUC" in out
    record = json.loads(path.read_text(encoding="utf-8"))
    rows = {(r["attack"], r["measure"]): r for r in record["results"]}
    auc, decided = rows["nearest", "AUC"], rows["nearest", "balanced accuracy"]["value"]
    assert auc["low"] < 0.99
    p_value = rows["nearest", "p-value (any attack)"]["value"]
    failed = [line for line in err.splitlines() if line.startswith("Failed")]
    assert failed == [
        f'Failed: nearest: auc is {auc["value"]:.4g} (--fail-if "auc>0.6").',
        'Failed: copies is 2 (--fail-if "copies>0").',
        f'Failed: nearest: p is {p_value:.4g} (--fail-if "p<=0.2").',
        f'Failed: nearest: advantage is {2 * decided - 1:.4g} (--fail-if "advantage>0.5").',
    ]
    # It is no part of what is repeated.
    assert "fail-if" not in record["provenance"]["options"]
    assert main(["verify", str(path)]) == 0


def test_nothing_is_met(folders, capsys):
    assert audit(folders, "auc<0.3", "blind:auc>0.999", "tpr_at_0.1<0.01") in (0, 1)
    assert audit(folders, "auc<0.3", "blind:auc>0.999") == 0
    assert "Failed" not in capsys.readouterr().err


def test_what_can_not_be_told_is_no_pass(folders, tmp_path, capsys):
    # Of twelve images not used, none tells a rate of one in a hundred.
    written = ["--json", f"{tmp_path}/a.json"]
    assert audit(folders, "tpr_at_0.01>0.9", "auc<0.1", more=written) == 1
    said = "can't be told: the audit has no tpr_at_0.01 of nearest."
    assert f'Error: --fail-if "tpr_at_0.01>0.9" {said}' in capsys.readouterr().err
    assert (tmp_path / "a.json").exists()
    assert audit(folders, "tpr_at_0.01>0.9", "auc>0.6") == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("auc", "'auc' is no condition: write a name, one of > >= < <=, and a number, in quotes"),
        ("auc=0.6", "is no condition"),
        ("auc>0.6; rm x", "is no condition"),
        ("auc>nan", "is no condition"),
        ("__import__>1", "is no condition"),
        ("safety>1", "asks for 'safety', which no audit has; there are auc, beyond_blind, "),
        ("nearest:copies>0", "copies is a number of the whole audit; leave out nearest:."),
        ("paper:auc>0.6", "paper is none of the attacks, which are nearest, blind"),
        ("chosen:auc>0.6", "chosen is none of the attacks"),
        ("p<0.2", "with 4 permutations no p-value is below 0.2"),
        ("candidates_p<0.5", "there are no --candidates"),
        ("epsilon>1", "epsilon is bounded with --epsilon-by only"),
        ("blind:beyond_blind>0", "the blind attack is what others are compared with"),
    ],
)
def test_what_is_refused_before_the_work(text, why, folders, capsys, monkeypatch):
    monkeypatch.setattr("gan_isi.cli.audit.open_sets", None)  # not called
    assert audit(folders, text) == 2
    assert why in capsys.readouterr().err


def test_p_values_need_permutations(folders, capsys):
    assert audit(folders, "p>0.5", more=["--permutations", "0"]) == 2
    assert "there are no --permutations" in capsys.readouterr().err


@given(
    st.sampled_from([">", ">=", "<", "<="]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", " ", "  "]),
)
def test_conditions_are_read_as_python_reads_them(op, number, value, blank):
    text = f"recommended:{blank}auc_low{blank}{op}{blank}{number!r}"
    found = parse(text)
    assert found == Condition(text.strip(), "recommended", "auc_low", op, number)
    assert found.holds(value) == eval(f"value {op} number")
    assert not found.holds(float("nan"))
