"""Statements of an audit: each sentence is whole and holds its numbers, and no others."""

import ast
import json
import re
from inspect import getsource
from string import Formatter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_isi.audit import (
    audit,
    controls,
    copies,
    gallery,
    inputs,
    report,
    significance,
    statements,
    verdict,
    withhold_result,
)
from gan_isi.audit.measures import Estimate
from gan_isi.audit.statements import of_blind, say, sentences

KINDS = sorted(sentences())

#: Where a subordinate clause begins, whose verb makes no sentence whole.
SUBORDINATE = re.compile(r" (?:that(?! of)|which|if|though|whether)\b.*")

#: One of them is in each main clause.
VERB = re.compile(
    r"\b(is|are|was|were|saw|can|has|have|had|does|may|come|holds|looks?|lies?|belong|takes|presumes|scores?|shows?|"
    r"tells|stand|varies|finds?|follows|differ|names|had|do)\b",
    re.IGNORECASE,
)

#: What to do is told in the imperative, perhaps on a condition.
IMPERATIVE = re.compile(
    r"^(If [^,]+, )?(look|hold|withhold|train|tell|compare|divide|repeat|keep|audit|check|run)\b"
    r"|, (divide|train|audit)\b",
    re.IGNORECASE,
)


def places(kind):
    """Names of the values of a kind, with how they are written."""
    parts = Formatter().parse(sentences()[kind])
    return {name: form for _, name, form, _ in parts if name is not None}


def is_text(name):
    texts = ("attack", "attacks", "first", "second", "images", "units", "pose", "control")
    return name in texts


def numbers_in(text):
    """Every number that a reader sees, as he or she would write it down."""
    return re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text)


def rounds_to(value, written):
    """Whether a number is written as it is, up to a rounding of its last digit."""
    mantissa, _, exponent = written.partition("e")
    last = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    return abs(value - float(written)) <= 0.5 * last * (1 + 1e-9)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_text_holds_its_numbers_and_no_others(kind, data):
    values = {}
    for name, form in places(kind).items():
        numbers = st.integers(0, 10**6)
        if form:
            # Of all that is written with digits, the smallest is a p-value of 10^6 permutations.
            numbers = st.floats(1e-6, 1) if form == ".2g" else st.floats(-100, 100)
        values[name] = "some attack" if is_text(name) else data.draw(numbers)
    one = say(kind, **values)
    assert one.kind == kind
    assert one.values == values
    expected = []
    for literal, name, *_ in Formatter().parse(sentences()[kind]):
        expected += [float(constant) for constant in numbers_in(literal)]
        expected += [] if name is None or is_text(name) else [values[name]]
    written = numbers_in(one.text)
    assert len(written) == len(expected), one.text
    for value, shown in zip(expected, written, strict=True):
        assert rounds_to(value, shown), one.text
    assert all(str(value) in one.text for name, value in values.items() if is_text(name))


@pytest.mark.parametrize("kind", KINDS)
def test_every_sentence_is_whole(kind):
    text = sentences()[kind]
    for sentence in re.split(r"(?<=[.?]) (?=[A-Z{])", text):
        assert re.match(r"[A-Z{]", sentence), sentence
        assert sentence.endswith((".", "?")), sentence
        if kind.startswith("next_") and IMPERATIVE.search(sentence):
            continue
        assert VERB.search(SUBORDINATE.sub("", sentence)), sentence
    text = text.replace("does not make this generator safe", "")
    assert not re.search(r"\bsafe|\bprove[sn]?\b|guarantee|certain", text)


def test_a_fragment_has_no_verb():
    """The test above can fail."""
    assert not VERB.search("Of all the images, the closest one alone.")
    assert not VERB.search(SUBORDINATE.sub("", "No proof that none was."))


def test_every_kind_in_the_file_is_stated_somewhere_and_every_stated_one_is_there():
    strings = {
        node.value
        for module in (
            controls,
            copies,
            gallery,
            inputs,
            report,
            significance,
            statements,
            verdict,
            withhold_result,
        )
        for node in ast.walk(ast.parse(getsource(module)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    strings |= {f"candidates_auc_of_one_{who}" for who in ("image", "patient")}
    for kind, comes_to in verdict.COMES_TO.items():
        strings |= {f"verdict_{kind}", f"meaning_{comes_to}"}
    strings |= {
        f"{kind}_{found}" for kind in ("controls", "unrelated") for found in ("quiet", "alarm")
    }
    strings |= {f"withhold_closer_to_{who}" for who in ("images", "patients")}
    strings |= {f"withhold_{who}" for who in ("named", "not_named", "at_random")}
    assert set(KINDS) <= strings


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(KeyError):
        say("patients", n_images=3)


def test_every_form_of_an_audit_says_the_same(attack, world):
    real, used, generated = world(np.random.default_rng(0), n=40)
    attacks = {"a {brace}": attack(), 'a "quote"': attack(n_closest=(1,))}
    result = audit(
        attacks, real[:30], used[:30], generated=generated, candidates=real[30:], cv=2,
        n_permutations=19, n_resamples=9, random_state=0,
    )  # fmt: skip
    said = result.statements()
    assert list(said) == ["verdict", "what to do next", "audit", *attacks, "blind"]
    assert result.words() == {name: [one.text for one in some] for name, some in said.items()}
    for one in (one for some in said.values() for one in some):
        assert one.text in str(result)
        for value in one.values.values():
            numeric = not isinstance(value, str)
            assert (
                any(rounds_to(value, n) for n in numbers_in(one.text))
                if numeric
                else (value in one.text)
            )
    read = json.loads(result.to_json())
    assert read["words"] == result.words()
    for name, some in said.items():
        rows = read["statements"][name]
        assert rows == [{"kind": s.kind, "text": s.text, "values": s.values} for s in some]


def test_by_what_the_blind_attack_tells_two_sets_apart():
    auc = Estimate(0.625, 0.5625, 0.75, "")
    (by_interval,) = of_blind(0.4, auc, 0.875)
    assert by_interval.kind == "blind_interval"
    assert by_interval.values == {"low": 56.25, "high": 75, "confidence": 87.5}
    (below,) = of_blind(0.4, Estimate(0.25, 0.125, 0.375, ""), 0.875)
    assert below.values == {"low": 12.5, "high": 37.5, "confidence": 87.5}
    (by_p_value,) = of_blind(0.05, auc, 0.875)
    assert by_p_value.values == {"p_value": 0.05}
    assert of_blind(0.06, Estimate(0.625, 0.25, 0.75, ""), 0.875) == []
    assert of_blind(0.06, Estimate(0.625, float("nan"), float("nan"), ""), 0.875) == []
