"""Verdicts: which one is chosen of what was found, and what it says of simulated generators."""

import itertools
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from gan_isi.audit import Estimate, Verdict, audit
from gan_isi.audit.inputs import preflight
from gan_isi.audit.names import CLOSENESS
from gan_isi.audit.statements import sentences
from gan_isi.audit.verdict import RULES, Findings, choose
from gan_isi.statistics import detectable_auc, recognisable_share

FOUND = Findings(
    fits=True, asked=True, tested=True, p_value=0.005, beyond_blind=True, blind_differs=False,
    of_few=False, n_told=12, detectable=0.6,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({}, "recognised"),
        ({"fits": False}, "inputs"),
        ({"asked": False}, "not_asked"),
        ({"blind_differs": True}, "recognised_though"),
        ({"blind_differs": True, "beyond_blind": False}, "differ"),
        ({"blind_differs": True, "beyond_blind": False, "of_few": True}, "differ"),
        ({"blind_differs": True, "p_value": 0.06}, "differ"),
        ({"tested": False}, "not_tested"),
        ({"beyond_blind": False}, "unclear"),
        ({"beyond_blind": False, "of_few": True}, "recognised"),
        ({"beyond_blind": False, "of_few": True, "n_told": 0}, "recognised_few"),
        ({"n_told": 0}, "recognised_set"),
        ({"p_value": 0.05}, "recognised"),
        ({"p_value": 0.051}, "nothing"),
        ({"p_value": 0.6, "detectable": np.nan}, "too_small"),
    ],
)
def test_the_rule(change, kind):
    assert choose(replace(FOUND, **change)) == kind


def test_the_rule_never_says_more_than_was_found():
    flags = itertools.product([False, True], repeat=6)
    for fits, asked, tested, beyond, differs, few in flags:
        for p_value, n_told, detectable in itertools.product([0.01, 0.5], [0, 9], [0.7, np.nan]):
            kind = choose(
                Findings(fits, asked, tested, p_value, beyond, differs, few, n_told, detectable)
            )
            shown = fits and asked and tested and p_value <= 0.05
            if kind.startswith("recognised"):
                assert shown
                assert beyond or (few and not differs)
            if kind == "recognised":  # the one with a number
                assert n_told
                assert not differs
            if kind == "nothing":  # the one with good news
                assert fits
                assert asked
                assert tested
                assert not differs
                assert p_value > 0.05
                assert not np.isnan(detectable)


class Blind(ClassifierMixin, BaseEstimator):
    """Sees the mean of each row and no generated image."""

    def fit(self, X, y):
        self.model_ = LogisticRegression().fit(X.mean(axis=1, keepdims=True), y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X.mean(axis=1, keepdims=True))

    def predict(self, X):
        return self.model_.predict(X.mean(axis=1, keepdims=True))


def audited(attack, real, used, generated, n_permutations=39, **options):
    return audit(
        {"first": attack(), "second": attack(n_closest=(1,)), "blind": Blind()}, real, used,
        generated=generated, n_permutations=n_permutations, n_resamples=9, random_state=0,
        **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def leak(attack, world):
    real, used, generated = world(np.random.default_rng(0), n=80, n_generated=300)
    return audited(attack, real, used, generated)


def changed(result, names, **changes):
    """The same audit, in which some attacks found something else."""
    attacks = dict(result.attacks)
    for name in names:
        own = dict(changes)
        if "p_values" in own:
            own["p_values"] = attacks[name].p_values | own["p_values"]
        if "measures" in own:
            own["measures"] = attacks[name].measures | own["measures"]
        attacks[name] = replace(attacks[name], **own)
    return replace(result, attacks=attacks)


BOTH = ("first", "second")
HOLDS_0 = Estimate(0.05, -0.1, 0.2, "")
SILENT = {"AUC": 0.4, "tail": 0.5, "AUC or tail": 0.6, "any attack": 0.7}
FEW = {"AUC": 0.5, "tail": 0.025, "AUC or tail": 0.05, "any attack": 0.05}


def kinds(verdict):
    return [one.kind for one in verdict.said]


class TestConstructed:
    def test_recognised_says_how_many_of_how_many(self, leak):
        verdict = leak.verdict()
        assert isinstance(verdict, Verdict)
        assert verdict.kind == "recognised"
        # Of two attacks the better bound, each at 97.5 %.
        bounds = [
            recognisable_share(leak.labels, one.answers.scores.mean(axis=0), confidence=0.975)
            for one in (leak.attacks[name] for name in BOTH)
        ]
        first = verdict.said[0]
        assert first.values == {"n_told": int(40 * max(bounds)), "n_used": 40, "units": "images"}
        assert first.values["n_told"] > 10
        assert f"at least {first.values['n_told']} of 40 used images" in first.text
        assert kinds(verdict)[1] == "meaning_recognised"
        assert "verdict_blind_silent" in kinds(verdict)
        assert verdict.next[0].kind == "next_look"

    def test_the_number_takes_all_attacks_into_account(self, leak):
        scores = np.where(leak.labels == 1, np.arange(80) % 3 - 0.5, 0.0)[np.newaxis]
        answers = replace(leak.attacks["first"].answers, scores=scores)
        share = {c: recognisable_share(leak.labels, scores[0], confidence=c) for c in (0.95, 0.975)}
        assert int(40 * share[0.975]) < int(40 * share[0.95])
        one = changed(leak, BOTH, answers=answers).verdict().said[0]
        assert one.values["n_told"] == int(40 * share[0.975])

    def test_patients_are_counted_where_there_are_any(self, leak):
        number = np.arange(80) // 2 * 2 + leak.labels
        grouped = replace(leak, groups=number)
        values = grouped.verdict().said[0].values
        assert values["units"] == "patients"
        assert values["n_used"] == len(np.unique(number[leak.labels == 1])) < 40
        assert values["n_told"] < values["n_used"]

    def test_a_blind_attack_below_chance_tells_the_folders_apart_as_well(self, leak):
        """AUCs of 0.7 and 0.3 tell as much, though they differ by 0.4."""
        blind = {"AUC": Estimate(0.3, 0.15, 0.46, "")}
        for low, kind in ((0.1, "differ"), (0.39, "differ"), (0.41, "recognised_though")):
            beyond = Estimate(0.45, low, 0.6, "")
            one = changed(leak, BOTH, beyond_blind=beyond, p_values=FEW)
            one = changed(one, ["blind"], measures=blind)
            assert one.verdict().kind == kind
            said = {statement.kind for statement in one.statements()["first"]}
            stated = "more_than_blind" if kind != "differ" else "as_blind_reversed"
            assert {"more_than_blind", "as_blind_reversed"} & said == {stated}

    def test_the_number_is_not_that_of_an_attack_that_tells_no_more_than_blind(self, leak):
        one = changed(leak, ["second"], beyond_blind=HOLDS_0, p_values={"tail": 0.5})
        bound = recognisable_share(
            leak.labels, leak.attacks["first"].answers.scores.mean(axis=0), confidence=0.975
        )
        assert one.verdict().said[0].values["n_told"] == int(40 * bound)

    def test_nothing_names_what_would_have_been_seen(self, leak):
        verdict = changed(leak, BOTH, p_values=SILENT).verdict()
        assert verdict.kind == "nothing"
        # Either of two attacks, each with an AUC and a tail: 5 % / 4.
        values = [
            detectable_auc(40, 40, null=leak.attacks[name].null["AUC"], significance=0.0125)
            for name in BOTH
        ]
        most = max(values)
        assert verdict.said[0].values == {"detectable_auc": most, "of_100": 100 * most}
        assert max(values) > max(leak.attacks[name].detectable_auc for name in BOTH)
        assert "good news" in str(verdict)
        assert "verdict_blind_silent" in kinds(verdict)

    def test_a_few(self, leak):
        few = changed(leak, BOTH, p_values=FEW, beyond_blind=HOLDS_0)
        assert few.verdict().kind == "recognised"  # the scores are those of the leak
        hidden = changed(few, BOTH, answers=leak.attacks["blind"].answers)
        verdict = hidden.verdict()
        assert verdict.kind == "recognised_few"
        assert "verdict_tail" in kinds(verdict)
        tail = {"p_tail": 0.025, "attack": "first"}
        assert next(s for s in verdict.said if s.kind == "verdict_tail").values == tail

    def test_the_attack_named_is_one_that_counts(self, leak):
        """The smallest p-value is of an attack that tells no more than the blind one."""
        one = changed(leak, ["second"], beyond_blind=HOLDS_0, p_values={"tail": 0.5})
        one = changed(one, ["first"], p_values={"any attack": 0.05})
        verdict = one.verdict()
        named = {s.kind: s.values for s in verdict.said}
        assert named["verdict_p_value"] == {"p_value": 0.025, "n_attacks": 2}
        assert named["verdict_beyond"]["attack"] == "first"

    def test_as_a_set(self, leak):
        hidden = changed(leak, BOTH, answers=leak.attacks["blind"].answers)
        assert hidden.verdict().kind == "recognised_set"

    def test_no_more_than_blind_is_unclear(self, leak):
        only_auc = {"tail": 0.5, "any attack": 0.04}
        verdict = changed(leak, BOTH, p_values=only_auc, beyond_blind=HOLDS_0).verdict()
        assert verdict.kind == "unclear"
        assert "verdict_perhaps" in kinds(verdict)

    @pytest.mark.parametrize("blind", [
        {"p_values": {"AUC or tail": 0.05}},
        {"measures": {"AUC": Estimate(0.6, 0.51, 0.7, "")}},
        {"measures": {"AUC": Estimate(0.4, 0.3, 0.49, "")}},
    ])  # fmt: skip
    def test_where_blind_finds_something(self, leak, blind):
        differing = changed(leak, ["blind"], **blind)
        verdict = differing.verdict()
        assert verdict.kind == "recognised_though"
        assert not {"n_told", "n_used"} & set(verdict.said[0].values)
        assert {"verdict_beyond", "verdict_blind_silent"} & set(kinds(verdict)) == {
            "verdict_beyond"
        }
        for more in ({"beyond_blind": HOLDS_0}, {"p_values": SILENT}):
            verdict = changed(differing, BOTH, **more).verdict()
            assert verdict.kind == "differ"
            assert {"blind_p_value", "blind_interval"} & set(kinds(verdict))

    def test_one_attack_has_its_own_p_value(self, leak):
        alone = replace(leak, attacks={n: leak.attacks[n] for n in ("first", "blind")})
        alone = changed(alone, ["first"], p_values={"AUC or tail": 0.05, "any attack": 0.2})
        assert alone.verdict().kind == "recognised"
        assert "verdict_p_value_of_one" in kinds(alone.verdict())
        alone = changed(alone, ["first"], p_values={"AUC or tail": 0.2, "any attack": 0.05})
        assert alone.verdict().kind == "nothing"

    def test_nothing_tested(self, leak):
        none = {key: values[:0] for key, values in leak.attacks["first"].null.items()}
        untested = replace(
            leak,
            attacks={n: replace(a, null=none, p_values={}) for n, a in leak.attacks.items()},
        )
        assert untested.verdict().kind == "not_tested"
        few = {key: values[:9] for key, values in leak.attacks["first"].null.items()}
        verdict = changed(leak, BOTH, null=few, p_values={"any attack": 0.1}).verdict()
        assert verdict.kind == "not_tested"
        assert {"n_permutations": 9} in [one.values for one in verdict.said]

    def test_only_blind(self, leak):
        alone = replace(leak, attacks={"blind": leak.attacks["blind"]})
        assert alone.verdict().kind == "not_asked"

    def test_inputs(self, leak):
        below = changed(leak, ["first"], measures={CLOSENESS: Estimate(0.2, 0.1, 0.3, "")})
        verdict = below.verdict()
        assert verdict.kind == "inputs"
        assert next(s for s in verdict.said if s.kind == "verdict_exchanged").values == {
            "attack": "first"
        }
        # An attack that finds nothing may have such an interval by chance.
        assert changed(below, BOTH, p_values=SILENT).verdict().kind == "nothing"

    def test_what_the_preflight_found(self, leak):
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, size=(20, 16, 16)).astype(np.uint8)
        labels = np.repeat([0, 1], 10)
        mixed = preflight(images, labels, generated=images[:3])
        assert mixed.n_not_used_generated == 3
        assert any("not used are among those generated" in text for text in mixed.warnings)
        assert replace(leak, preflight=mixed).verdict().kind == "inputs"
        copied = preflight(images, labels, generated=images[12:])
        assert copied.n_not_used_generated == 0
        verdict = replace(leak, preflight=copied).verdict()
        assert verdict.kind == "recognised"
        assert {"n_warnings": 1} in [one.values for one in verdict.said]
        twice = preflight(images[[0, *range(19)]], [1, *labels[:19]], generated=images)
        verdict = replace(leak, preflight=twice).verdict()
        assert verdict.kind == "inputs"
        assert twice.errors[0] in str(verdict)


def test_an_alarm_of_a_control_stands_beside_the_verdict(attack, world):
    real, used, generated = world(np.random.default_rng(0), n=80, n_generated=300)
    result = audited(attack, real, used, generated, controls=True)
    quiet = tuple(replace(one, p_value=0.9) for one in result.controls)
    assert not [s for s in replace(result, controls=quiet).verdict().said if "control" in s.kind]
    loud = (replace(quiet[0], p_value=0.001), *quiet[1:])
    said = replace(result, controls=loud).verdict().said
    assert [s.kind for s in said if "control" in s.kind] == ["controls_alarm"]


def test_every_verdict_has_its_sentences():
    kinds = [kind for kind in sentences() if kind.startswith(("verdict_", "meaning_", "next_"))]
    for kind in kinds:
        assert not re.search(r"\b(safe|green|red|amber)\b", sentences()[kind])
    assert "good news" in sentences()["meaning_nothing"]
    assert "good news" in sentences()["blind_not_found"]
    for kind in ("meaning_differ", "meaning_no_test", "meaning_inputs", "meaning_not_asked"):
        assert "nothing follows" in sentences()[kind]


def test_the_guide_states_the_rule():
    guide = (Path(__file__).parents[2] / "docs" / "guide" / "audit.md").read_text(encoding="utf-8")
    for kind in RULES:
        assert sentences()[kind] in " ".join(guide.split()), kind


class TestSimulated:
    """Each generator many times: what the verdict says most often, and never."""

    def verdicts(self, attack, make, n=8):
        said = []
        for seed in range(n):
            real, used, generated = make(np.random.default_rng(seed))
            result = audit(
                {"nearest": attack(n_closest=(1,)), "blind": Blind()}, real, used, cv=2,
                generated=generated, n_permutations=19, n_resamples=9, random_state=0,
            )  # fmt: skip
            said.append(result.verdict().kind)
        return said

    def test_a_generator_that_copies(self, attack, world):
        said = self.verdicts(attack, lambda rng: world(rng, n=80, n_generated=200), n=3)
        assert {"recognised", "recognised_set", "recognised_though"} >= set(said)
        assert said.count("recognised") >= 2

    def test_labels_exchanged(self, attack, world):
        def exchanged(rng):
            real, used, generated = world(rng, n=80, n_generated=200)
            return real, 1 - used, generated

        assert set(self.verdicts(attack, exchanged, n=3)) == {"inputs"}

    @pytest.mark.slow
    def test_nothing_to_find(self, attack, world):
        said = self.verdicts(attack, lambda rng: world(rng, copied=False), n=24)
        assert said.count("nothing") >= 18
        # One in twenty finds something by chance, and in one in fifteen the folders differ.
        assert sum(kind.startswith("recognised") for kind in said) <= 3
        assert said.count("inputs") <= 2

    @pytest.mark.slow
    def test_folders_that_differ_anyway(self, attack, world):
        def elsewhere(rng):
            real, used, _ = world(rng, copied=False)
            real = real + 2 * used[:, np.newaxis]
            return real, used, rng.normal(size=(40, 8)) + 2

        said = self.verdicts(attack, elsewhere)
        assert said.count("differ") >= 7
        assert not {"nothing", "recognised"} & set(said)

    @pytest.mark.slow
    def test_a_few_patients(self, attack, world):
        def few(rng):
            real, used, generated = world(rng, n=160, n_generated=80, copied=False)
            copied = np.repeat(real[used == 1][:24], 2, axis=0)
            copied += 0.01 * rng.normal(size=copied.shape)
            return real, used, np.concatenate([generated, copied])

        said = self.verdicts(attack, few)
        assert sum(kind.startswith("recognised") for kind in said) >= 5, said
