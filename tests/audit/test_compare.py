"""Two generators on the same patients, and in exchanged roles."""

import json

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from gan_isi import audit, datasets, make_pipeline
from gan_isi.audit.compare import _Judge
from gan_isi.audit.crossfit import Folds
from gan_isi.audit.prepared import _LabelledPart
from gan_isi.statistics import recall_at_fpr, within_fold_auc
from gan_isi.statistics.paired import patient_weights, weighted_aucs, weighted_recalls


@pytest.fixture(scope="module")
def problem():
    return datasets.make_membership_problem(
        30, n_generated=40, image_size=32, memorization=0.9, random_state=0
    )


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(1).integers(0, 256, (50, 32, 32), dtype=np.uint8)


def compared(problem, used, generated, **options):
    return audit.compare(
        problem.images, used, generated,
        **{"attack": "nearest", "cv": 3, "n_permutations": 39, "n_resamples": 200,
           "random_state": 0, **options},
    )  # fmt: skip


def test_a_generator_that_copies_beside_one_that_does_not(problem, noise):
    found = compared(problem, problem.target, {"late": problem.generated, "early": noise})
    assert found.n_generated == 40
    assert found.difference.low > 0
    assert found.p_value == 1 / 40
    assert "better from the images of late than from those of early" in str(found)
    turned = compared(problem, problem.target, {"early": noise, "late": problem.generated})
    assert turned.difference.value == pytest.approx(-found.difference.value)
    assert json.loads(found.to_json())["difference"]["value"] == found.difference.value


def test_a_generator_beside_itself(problem):
    found = compared(problem, problem.target, {"a": problem.generated, "b": problem.generated})
    assert found.difference.value == found.difference.low == found.difference.high == 0
    assert found.p_value == 1
    assert "does not show that the two differ" in str(found)


def test_roles_that_swap(problem):
    other = datasets.make_membership_problem(
        30, n_generated=40, image_size=32, memorization=0.9, random_state=0
    )
    rng = np.random.default_rng(0)
    own = problem.images[problem.target == 0]
    copies = own[rng.integers(0, len(own), 40)].astype(float) + rng.normal(0, 10, (40, 32, 32))
    swapped = copies.clip(0, 255).astype(np.uint8)
    found = compared(
        other,
        {"a": problem.target, "b": 1 - problem.target},
        {"a": problem.generated, "b": swapped},
    )
    assert found.crossover.value > 0.9
    assert found.crossover_p_value == 1 / 40
    assert "which of the two generators used an image can be told" in str(found)


def test_images_that_both_or_none_used_are_left_out_of_a_crossover(problem, noise):
    extra = np.random.default_rng(2).integers(0, 256, (6, 32, 32), dtype=np.uint8)
    used = {"a": problem.target, "b": 1 - problem.target}
    generated = {"a": problem.generated, "b": noise}
    patients = np.arange(30) // 2 * 2 + problem.target
    alone = compared(problem, used, generated, groups=patients)
    more = audit.compare(
        [*extra[:3], *problem.images, *extra[3:]],
        {name: np.concatenate([[0, 1, 1], one, [0, 0, 1]]) for name, one in used.items()},
        generated,
        groups=np.concatenate([[90, 91, 92], patients, [93, 94, 95]]),
        attack="nearest", cv=3, n_permutations=39, n_resamples=200, random_state=0,
    )  # fmt: skip
    assert more.n_images == 30
    assert more.n_patients == len(np.unique(patients))
    assert more.crossover == alone.crossover
    assert more.crossover_p_value == alone.crossover_p_value


@pytest.mark.slow
def test_an_attack_that_calibrates_in_folds(problem, noise):
    attack = make_pipeline("paper", families=["statistical"], max_pairs=200, random_state=0)
    used = {"a": problem.target, "b": 1 - problem.target}
    found = compared(
        problem, used, {"a": problem.generated, "b": noise}, attack=attack, n_permutations=2
    )
    assert 0 <= found.crossover.value <= 1


def test_what_makes_images_easy_cancels_in_a_crossover():
    """Bags that show the role only by what both generators have in common tell nothing."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 20)
    shared = rng.random((40, 1, 2)) - labels[:, None, None]
    both = [_LabelledPart(Line(), shared + np.zeros((40, 8, 2)), 8, False) for _ in range(2)]
    assert judge(labels, None, 19).roles(both).crossover.value == pytest.approx(0.5)


def test_an_attack_that_learns_learns_from_opposite_roles():
    rng = np.random.default_rng(0)
    labels, alone = np.repeat([0, 1], 20), np.arange(40)
    hard = 0.5 * labels[:, None, None]  # farther from everything, and not to be learned
    both = [
        _LabelledPart(Line(), simulated(rng, own, alone, 0.4) + hard, 8, False)
        for own in (labels, 1 - labels)
    ]
    assert judge(labels, None, 0).roles(both).crossover.value > 0.9


def test_which_generator_comes_first_changes_no_p_value():
    rng = np.random.default_rng(0)
    labels, alone = np.repeat([0, 1], 20), np.arange(40)
    both = [_LabelledPart(Line(), simulated(rng, labels, alone, gap), 8, False) for gap in (0.5, 0)]
    found, turned = (judge(labels, None, 19).pairs(one) for one in (both, both[::-1]))
    assert found.difference.value == -turned.difference.value > 0
    assert found.p_value == turned.p_value <= 0.1
    assert found.tpr_p_value == turned.tpr_p_value


def judge(labels, groups, n_permutations, seed=0):
    known = np.arange(len(labels))
    plan = Folds(known, known[:0], groups, 2, 1)
    seeds = [seed, seed + 1, seed + 2]
    return _Judge(plan, labels, ("a", "b"), seeds, n_permutations, 100, 0.95, None, 8)


class Line(BaseEstimator):
    """Least squares on the smallest distance in each map: an attack that learns, and is quick."""

    def fit(self, X, y):
        rows = self._rows(X)
        self.classes_ = np.array([0, 1])
        penalty = 3 * np.eye(rows.shape[1])
        self.weights_ = np.linalg.solve(rows.T @ rows + penalty, rows.T @ (2 * y - 1))
        return self

    def _rows(self, X):
        return np.column_stack([np.log(np.abs(X.min(axis=1)) + 0.1), np.ones(len(X))])

    def decision_function(self, X):
        return self._rows(X) @ self.weights_

    def predict(self, X):
        return (self.decision_function(X) > 0).astype(int)


def simulated(rng, labels, patients, gap=0.1):
    """Bags of a generator, of patients of two images; used ones are closer."""
    own = rng.random((patients.max() + 1, 1, 3))[patients]
    return own + rng.random((len(labels), 8, 3)) + gap * (1 - labels[:, None, None])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pairs", "roles"])
def test_errors_of_the_first_kind_for_an_attack_that_learns(kind):
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(24), 2)
    p_values, held = [], 0
    for run in range(40):
        labels = rng.permutation(np.repeat([0, 1], 12))[patients]
        # Both generators show used images alike; in exchanged roles neither shows them.
        shown = labels if kind == "pairs" else np.ones_like(labels)
        both = [_LabelledPart(Line(), simulated(rng, shown, patients), 8, False) for _ in range(2)]
        asked = judge(labels, patients, 19, seed=run)
        found = asked.pairs(both) if kind == "pairs" else asked.roles(both)
        p_values.append(found.p_value if kind == "pairs" else found.crossover_p_value)
        held += kind == "roles" or found.difference.low <= 0 <= found.difference.high
    assert np.mean(np.array(p_values) <= 0.2) <= 0.2 + 2.5 * np.sqrt(0.16 / 40)
    assert held >= 33


def test_weighted_figures_are_those_of_repeated_queries():
    rng = np.random.default_rng(0)
    y, folds = rng.integers(0, 2, 60), rng.integers(0, 3, 60)
    scores = rng.normal(size=60).round(1)
    groups = np.arange(60) // 2
    y = y[2 * groups]
    weights = patient_weights(y, groups, 5, 0)
    for row, auc, recall in zip(
        weights.astype(int), weighted_aucs(y, scores, folds, weights),
        weighted_recalls(y, scores, 0.1, weights), strict=True,
    ):  # fmt: skip
        again = np.repeat(np.arange(60), row)
        assert (row[::2] == row[1::2]).all()
        assert row[y == 1].sum() == (y == 1).sum()
        assert auc == pytest.approx(within_fold_auc(y[again], scores[again], folds[again]))
        assert recall == pytest.approx(recall_at_fpr(y[again], scores[again], 0.1).value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"generated": {"a": None}}, "dict with the images of two generators"),
        ({"used": {"a": [0, 1] * 15, "c": [0, 1] * 15}}, r"labels for \['a', 'c'\]"),
        ({"used": {"a": [0, 1] * 15, "b": [1, 1] * 14 + [0, 1]}}, "In a cross-over each"),
        ({"attack": "blind"}, "distances are to generated images"),
        ({"n_permutations": -1}, "n_permutations has to be at least 0"),
        ({"groups": [1, 2]}, "2 entries"),
    ],
)
def test_wrong_arguments_are_named(problem, noise, change, message):
    options = {
        "used": problem.target, "generated": {"a": problem.generated, "b": noise}, **change
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        compared(problem, options.pop("used"), options.pop("generated"), **options)
