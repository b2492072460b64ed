"""Choosing the best attack without flattering it."""

from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from gan_isi.audit import audit
from gan_isi.audit.choice import ChosenAttack
from gan_isi.audit.crossfit import cross_fit, null_distribution
from gan_isi.audit.prepared import Answers
from gan_isi.statistics import permutation_p_value


class Scores:
    """A prepared attack that learns nothing."""

    def __init__(self, scores):
        self.scores = scores

    def answer(self, train, labels, test):
        return Answers(self.scores[test], self.scores[test] > 0)


def test_the_better_attack_is_chosen_in_every_fold(rng, folds_of):
    used = np.repeat([0, 1], 20)
    good, bad = Scores(used + rng.normal(0, 0.2, size=40)), Scores(rng.normal(size=40))
    chosen = ChosenAttack({"bad": bad, "good": good}, None, 3, 0)
    answers = cross_fit(chosen, used, folds_of(used, cv=4), seed=0)
    assert answers.chosen == ("good",) * 4
    assert_array_equal(answers.scores[0], good.scores)


def test_the_choice_never_sees_the_queries_that_it_answers_for(rng, folds_of):
    """An attack that only knows the held-out queries is not chosen for them."""
    used = np.repeat([0, 1], 20)
    plan = folds_of(used, cv=4)
    folds = cross_fit(Scores(np.zeros(40)), used, plan, seed=0).folds[0]
    honest = used + rng.normal(0, 1.0, size=40)
    for fold in range(4):
        lucky = np.where(folds == fold, used, -used).astype(float)
        chosen = ChosenAttack({"lucky": Scores(lucky), "honest": Scores(honest)}, None, 3, 0)
        answers = cross_fit(chosen, used, plan, seed=0)
        assert answers.chosen[fold] == "honest"


def test_patients_stay_together_in_the_folds_of_the_choice(folds_of):
    used, groups = np.repeat(np.arange(20) % 2, 3), np.repeat(np.arange(20), 3)
    seen = []

    class Listening(Scores):
        def answer(self, train, labels, test):
            seen.append(set(groups[train]) & set(groups[test]))
            return super().answer(train, labels, test)

    scores = np.random.default_rng(0).normal(size=60)
    chosen = ChosenAttack({"a": Listening(scores), "b": Listening(-scores)}, groups, 3, 0)
    cross_fit(chosen, used, folds_of(used, groups, cv=4), seed=0)
    assert len(seen) == 4 * (2 * 3 + 1)
    assert not any(seen)


def test_choosing_flatters_the_best_row_but_not_the_chosen_one(folds_of):
    """Ten attacks that know nothing."""
    best, chosen, p_values = [], [], []
    used = np.repeat([0, 1], 15)
    for seed in range(40):
        scores = np.random.default_rng(seed).normal(size=(10, 30))
        attacks = {str(i): Scores(one) for i, one in enumerate(scores)}
        plan = folds_of(used, cv=3)
        best.append(max(cross_fit(one, used, plan, seed=0).auc(used) for one in attacks.values()))
        choice = ChosenAttack(attacks, None, 3, 0)
        chosen.append(cross_fit(choice, used, plan, seed=0).auc(used))
        if seed < 20:
            null = null_distribution(choice, used, plan, n_permutations=9, seed=seed)
            p_values.append(permutation_p_value(chosen[-1], null["AUC"]))
    assert np.mean(best) > 0.6
    # Their standard error is about 0.02.
    assert abs(np.mean(chosen) - 0.5) < 0.06
    assert 0.3 < np.mean(p_values) < 0.8


def test_in_an_audit(attack, world, stated):
    real, used, generated = world(np.random.default_rng(0), n=48, n_generated=150)
    attacks = {"closest": attack(n_closest=(1,)), "all": attack(n_closest=(100,))}
    options = {"n_permutations": 4, "n_resamples": 50, "cv": 3, "random_state": 0}
    result = audit(attacks, real, used, generated=generated, choose=True, **options)
    assert list(result.attacks) == ["closest", "all", "blind", "chosen"]
    chosen = result.attacks["chosen"]
    assert set(chosen.answers.chosen) <= set(attacks)
    counts = Counter(chosen.answers.chosen).most_common()
    listed = ", ".join(f"{name} ({count})" for name, count in counts)
    assert stated(result.statements()["chosen"])["chosen"] == {"attacks": listed}
    assert {"several_attacks", "quote_chosen"} <= set(stated(result.statements()["audit"]))
    for fold, name in enumerate(chosen.answers.chosen):
        here = chosen.answers.folds[0] == fold
        expected = result.attacks[name].answers.scores[0, here]
        assert_array_equal(chosen.answers.scores[0, here], expected)
    without = audit(attacks, real, used, generated=generated, **options)
    said = stated(without.statements()["audit"])
    assert "quote_p_value" in said
    assert "quote_chosen" not in said
    for name, values in without.attacks["all"].null.items():
        assert_array_equal(values, result.attacks["all"].null[name])


@pytest.mark.parametrize(
    ("names", "cv", "message"),
    [
        (["one"], 2, "needs two attacks at least"),
        (["one", "chosen"], 2, "can't be named 'chosen'"),
        (["one", "two"], 10, "of one class only 9 queries may be left for 10"),
    ],
)
def test_what_is_refused(names, cv, message, attack, world):
    real, used, generated = world(np.random.default_rng(0), n=20)
    attacks = {name: attack() for name in names}
    with pytest.raises(ValueError, match=message):
        audit(attacks, real, used, generated=generated, cv=cv, choose=True)
