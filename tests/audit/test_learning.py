"""Statements about attacks that learn: coverage, false alarms and power in simulated audits.

`benchmarks/audit_simulation.py` is the larger version.
"""

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import roc_auc_score

from gan_isi.audit import audit
from gan_isi.audit.crossfit import cross_fit, null_distribution
from gan_isi.audit.measures import Sampling, beyond_blind, measure
from gan_isi.audit.prepared import Answers
from gan_isi.statistics import (
    auc_interval,
    balanced_accuracy,
    detectable_auc,
    min_p_value,
    permutation_p_value,
)


class LeastSquares:
    """A prepared attack that learns: regularised least squares."""

    def __init__(self, rows):
        self.rows = rows

    def answer(self, train, labels, test):
        known = self.rows[train]
        gram = known.T @ known + 0.1 * len(known) * np.eye(known.shape[1])
        weights = np.linalg.solve(gram, known.T @ (labels - labels.mean()))
        scores = self.rows[test] @ weights
        return Answers(scores, scores > 0.5 - labels.mean())


def drawn(rng, n_patients, n_images, gap=0.0):
    """Rows and labels; half of the variance is that of a patient."""
    used = rng.permutation(np.arange(n_patients) % 2)
    rows = rng.normal(size=(n_patients, 12))
    groups = np.repeat(np.arange(n_patients), n_images)
    if n_images > 1:
        rows = np.sqrt(0.5) * (rows[groups] + rng.normal(size=(len(groups), 12)))
    rows[:, 0] += gap * used[groups]
    return rows, used[groups], groups if n_images > 1 else None


@pytest.mark.slow
@pytest.mark.parametrize(("n_patients", "n_images", "n_audits"), [(40, 1, 150), (20, 3, 50)])
def test_intervals_hold_where_there_is_nothing_to_find(n_patients, n_images, n_audits, folds_of):
    found = {"AUC": [], "accuracy": [], "scores only": [], "false alarm": []}
    for seed in range(n_audits):
        rows, used, groups = drawn(np.random.default_rng(seed), n_patients, n_images)
        plan = folds_of(used, groups, cv=5)
        attacks = LeastSquares(rows), LeastSquares(rows[:, 4:])
        answers = [cross_fit(one, used, plan, seed=seed) for one in attacks]
        nulls = [
            null_distribution(one, used, plan, n_permutations=19, seed=seed) for one in attacks
        ]
        sampling = Sampling(used, groups, 1, 0.95, 0)
        table = measure(answers[0], (), sampling, nulls[0])
        for name in ("AUC", "accuracy"):
            found[name].append(table[name].low <= 0.5 <= table[name].high)
        low, high = auc_interval(used, answers[0].scores[0], answers[0].folds[0], groups)
        found["scores only"].append(low <= 0.5 <= high)
        beyond = beyond_blind(answers[0], nulls[0], (answers[1], nulls[1]), sampling)
        found["false alarm"].append(beyond.low > 0)
    least = binom.ppf(0.001, n_audits, 0.95) / n_audits
    assert np.mean(found["AUC"]) >= least
    assert np.mean(found["accuracy"]) >= least
    assert np.mean(found["false alarm"]) <= binom.ppf(0.999, n_audits, 0.025) / n_audits
    if groups is None:  # what the intervals would be if the folds shared no training images
        assert np.mean(found["scores only"]) < 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("n_patients", "n_images"), [(40, 1), (20, 5)])
def test_the_power_that_is_named_is_that_of_attacks_that_learn(n_patients, n_images, folds_of):
    """The distance of the classes is chosen so that the expected AUC is the one named."""
    noticed, named, reached = [], [], []
    gap, n_audits = {1: (2.4, 100), 5: (2.4, 50)}[n_images]
    for seed in range(n_audits):
        rows, used, groups = drawn(np.random.default_rng(seed), n_patients, n_images, gap)
        plan = folds_of(used, groups, cv=5)
        attack = LeastSquares(rows)
        answers = cross_fit(attack, used, plan, seed=seed)
        null = null_distribution(attack, used, plan, n_permutations=39, seed=seed)
        sizes = [int((used == own).sum()) for own in (1, 0)]
        named.append(detectable_auc(*sizes, null=null["AUC"], significance=0.025))
        reached.append(answers.auc(used))
        observed = answers.statistics(used, groups)
        both = np.column_stack([null[name] for name in ("AUC", "tail")])
        noticed.append(min_p_value([observed["AUC"], observed["tail"]], both) <= 0.05)
    assert np.mean(reached) == pytest.approx(np.mean(named), abs=0.03)
    low, high = binom.ppf([0.001, 0.999], n_audits, 0.8) / n_audits
    assert low <= np.mean(noticed) <= high


def test_one_answer_for_all_has_no_small_p_value(attack, world):
    """The used patients have more images: the majority is right more often than by chance."""
    from sklearn.dummy import DummyClassifier

    rng = np.random.default_rng(0)
    real, used, generated = world(rng, n=20)
    sizes = np.where(used == 1, 6, 2)
    result = audit(
        attack(DummyClassifier()), np.repeat(real, sizes, axis=0), np.repeat(used, sizes),
        generated=generated, groups=np.repeat(np.arange(20), sizes), n_permutations=19,
        n_resamples=20, random_state=0,
    )  # fmt: skip
    one = result.attacks["attack"]
    assert one.measures["accuracy"].value == 0.75
    assert one.p_values["balanced accuracy"] > 0.2
    assert one.p_values["AUC or tail"] == 1


def test_permuted_labels_are_those_of_patients(folds_of):
    """Each refit, and each statistic of it, with one label a patient."""
    rows, used, groups = drawn(np.random.default_rng(0), 12, 3)
    seen = []

    class Listening(LeastSquares):
        def answer(self, train, labels, test):
            for patient in np.unique(groups[train]):
                assert len(np.unique(labels[groups[train] == patient])) == 1
            seen.append(tuple(labels))
            return super().answer(train, labels, test)

    plan = folds_of(used, groups, cv=3)
    null_distribution(Listening(rows), used, plan, n_permutations=5, seed=0)
    assert len(set(seen)) > 5


def test_the_p_value_of_decisions_counts_each_patient_once():
    differ = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        sizes = rng.integers(1, 7, size=20)
        groups = np.repeat(np.arange(20), sizes)
        used = (np.arange(20) % 2)[groups]
        rows = rng.normal(size=(20, 2))[groups] + 0.3 * used[:, None]
        result = audit(
            {"attack": Column(0), "blind": Column(1)}, rows, used, generated=rows[:9] + 1,
            groups=groups, n_permutations=39, n_resamples=9, random_state=seed,
        )  # fmt: skip
        one = result.attacks["attack"]
        null, guessed = one.null["balanced accuracy"], one.answers.used[0]
        by_patient, by_image = (
            permutation_p_value(balanced_accuracy(used, guessed, g), null) for g in (groups, None)
        )
        assert one.p_values["balanced accuracy"] == by_patient
        differ.append(by_patient != by_image)
    assert any(differ)


class Column(ClassifierMixin, BaseEstimator):
    """An attack whose score is a number of the query."""

    def __init__(self, number):
        self.number = number

    def fit(self, X, y, generated=None):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return np.asarray(X)[:, self.number]

    def predict(self, X):
        return (self.decision_function(X) > 0).astype(int)


def test_a_few_that_stand_out_are_found_and_said(stated):
    """Ten of a hundred used images are told without fail, the others not at all."""
    used = np.repeat([0, 1], 100)
    rows = np.random.default_rng(0).normal(size=(200, 3))
    rows[100:110, 0] += 5
    result = audit(
        {"attack": Column(0), "blind": Column(1)}, rows, used, generated=rows[:9] + 1,
        n_permutations=99, n_resamples=20, random_state=0,
    )  # fmt: skip
    one = result.attacks["attack"]
    assert one.p_values["AUC"] > 0.05
    assert one.p_values["tail"] == 1 / 100
    assert one.p_values["AUC or tail"] <= 0.03
    assert (
        one.p_values["AUC or tail"]
        == stated(result.statements()["attack"])["found_a_few"]["p_value"]
    )


def test_single_images_are_counted_at_a_level_that_both_sides_reach(stated):
    """Of 19 images not used in a fold the highest is compared with 18: p = 1/19 above 0.05."""
    rng = np.random.default_rng(0)
    used = np.repeat([0, 1], [95, 60])
    rows = rng.normal(size=(155, 2)) + 2.5 * used[:, None] * [1, 0]
    result = audit(
        {"attack": Column(0), "blind": Column(1)}, rows, used, generated=rows[:9] + 1,
        n_permutations=0, n_resamples=9, random_state=0,
    )  # fmt: skip
    one = result.attacks["attack"]
    folds, scores = one.answers.folds[0], one.answers.scores[0]
    highest = [scores[(folds == fold) & (used == 0)].max() for fold in range(5)]
    told = sum((scores[(folds == f) & (used == 1)] > highest[f]).sum() for f in range(5))
    assert told > 20
    assert stated(result.statements()["attack"])["single_images"] == {
        "n_used_out": told, "n_used": 60, "n_not_used_out": 5, "n_not_used": 95, "level": 1 / 19,
        "expected": pytest.approx(60 / 19),
    }  # fmt: skip


def test_the_share_that_can_be_told_is_said_where_something_was_shown(stated):
    rng = np.random.default_rng(0)
    used = np.repeat([0, 1], 100)
    rows = rng.normal(size=(200, 3))
    rows[100:150, 0] += 6
    attacks = {"attack": Column(0), "blind": Column(1)}
    options = {"generated": rows[:9] + 1, "n_resamples": 20, "random_state": 0}
    shown = audit(attacks, rows, used, n_permutations=19, **options)
    bound = shown.attacks["attack"].recognisable
    assert 0.25 < bound < 0.5
    said = stated(shown.statements()["attack"])
    assert said["share_of_images"] == {"percent": 100 * bound, "confidence": 95}
    by_patient = audit(attacks, rows, used, groups=np.arange(200), n_permutations=19, **options)
    said = stated(by_patient.statements()["attack"])
    assert said["share_of_patients"] == {"percent": 100 * bound, "confidence": 95}
    assert "share_of_images" not in said
    untested = audit(attacks, rows, used, n_permutations=0, **options)
    assert "share_of_images" not in stated(untested.statements()["attack"])


def test_one_of_many_attacks_that_looks_good_is_said_to_be_one_of_many(stated):
    rng = np.random.default_rng(2)
    used = np.repeat([0, 1], 30)
    rows = rng.normal(size=(60, 22))
    attacks = {str(i): Column(i) for i in range(20)} | {"blind": Column(20)}
    rows[:, 20] = 0
    result = audit(
        attacks,
        rows,
        used,
        generated=rows[:9] + 1,
        n_permutations=39,
        n_resamples=9,
        random_state=0,
    )
    smallest = min(attacks.keys() - {"blind"}, key=lambda name: result.attacks[name].p_value)
    one = result.attacks[smallest]
    assert one.p_values["AUC or tail"] <= 0.05 < one.p_values["any attack"]
    said = result.statements()
    assert stated(said[smallest])["one_of_many"] == {"p_value": one.p_values["any attack"]}
    least = min(attacks.keys() - {"blind"}, key=lambda n: result.attacks[n].p_values["any attack"])
    assert least != "0"
    quoted = {"attack": least, "p_value": result.attacks[least].p_values["any attack"]}
    assert stated(said["audit"])["quote_p_value"] == quoted
    assert stated(said["audit"])["several_attacks"] == {"n_attacks": 20}


def test_the_other_way_round_is_said(attack, world, stated):
    real, used, generated = world(np.random.default_rng(0), n=80, n_generated=200)

    from dataclasses import replace

    from gan_isi.audit.statements import of_attack

    result = audit(
        attack(), real, used, generated=generated, n_permutations=0, n_resamples=9, random_state=0
    )
    auc = result.attacks["attack"].measures["AUC"]
    mirrored = replace(auc, value=1 - auc.value, low=1 - auc.high, high=1 - auc.low)
    changed = replace(result.attacks["attack"], measures={"AUC": mirrored})
    assert "auc_below_chance" in stated(of_attack(result, changed))
    assert "auc_below_chance" not in stated(result.statements()["attack"])
    # An AUC below 1/2 whose interval is not, of the attack and of the rule, is nothing to say.
    low = replace(auc, value=0.4, low=0.3, high=0.55)
    changed = replace(changed, measures={"AUC": low, "AUC of closeness, not learned": low})
    said = stated(of_attack(result, changed))
    assert not {"auc_below_chance", "closeness_below_chance"} & set(said)


def test_exchanged_labels_are_said_though_the_attack_learns_them(attack, world, stated):
    """The generator copies the images that are labelled as not used."""
    real, used, generated = world(np.random.default_rng(0), n=80, n_generated=200)
    options = {"generated": generated, "n_permutations": 19, "n_resamples": 9, "random_state": 0}
    right, exchanged = (audit(attack(), real, y, **options) for y in (used, 1 - used))
    one = exchanged.attacks["attack"]
    assert one.measures["AUC"].low > 0.5  # learned all the same
    rule = one.measures["AUC of closeness, not learned"]
    # The rule itself, by hand.
    ordered = np.sort(np.abs(real[:, None] - generated[None]).mean(axis=2), axis=1)
    scores = -ordered[:, 0] / ordered[:, 1:51].mean(axis=1)
    assert rule.value == pytest.approx(roc_auc_score(1 - used, scores))
    assert rule.high < 0.5
    numbers = {"auc": rule.value, "low": rule.low, "high": rule.high, "confidence": 95}
    assert stated(exchanged.statements()["attack"])["closeness_below_chance"] == numbers
    assert "closeness_below_chance" not in stated(right.statements()["attack"])
    assert "AUC of closeness, not learned" not in exchanged.attacks["blind"].measures
