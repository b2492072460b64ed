"""Random labels must score at chance, whatever memorises inside.

Pair rows of one query are near-copies of each other. Split by pair, a memorising
classifier finds a query's other pairs in its training part and seems to know random
labels; split by query, it can't.
"""

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    permutation_test_score,
)
from sklearn.neighbors import KNeighborsClassifier

from gan_isi import MembershipClassifier, make_pipeline

N_QUERIES = 160
#: Accuracies that 160 coin tosses reach in all but one of ten thousand cases.
LOW, HIGH = binom.ppf([0.5e-4, 1 - 0.5e-4], N_QUERIES, 0.5) / N_QUERIES


@pytest.fixture(scope="module")
def random_problem():
    """Images without any relation to their labels; each query has its own look."""
    rng = np.random.default_rng(4)
    brightness = rng.uniform(0, 5, (N_QUERIES, 1, 1))
    images = brightness * rng.random((N_QUERIES, 12, 12))
    labels = rng.permutation(np.arange(N_QUERIES) % 2)
    return images, labels, 3 * rng.random((25, 12, 12))


@pytest.fixture(params=[KNeighborsClassifier(1), None], ids=["nearest neighbour", "svm"])
def attack(request, random_problem):
    attack = make_pipeline(
        generated=random_problem[2],
        families=["statistical"],
        n_levels=8,
        estimator=request.param,
        random_state=0,
    )
    if request.param is None:
        attack.set_params(membership__estimator__svc__C=1e3, membership__max_pairs=800)
    return attack


def at_chance(accuracy):
    return LOW <= accuracy <= HIGH


def test_the_trap_is_real(rng):
    """By pair, the same classifier and data look like a perfect attack."""
    bags = rng.random((N_QUERIES, 1, 10)) + 0.1 * rng.random((N_QUERIES, 25, 10))
    labels = rng.permutation(np.arange(N_QUERIES) % 2)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    nearest = KNeighborsClassifier(1)
    rows, row_labels = bags.reshape(-1, 10), np.repeat(labels, 25)
    by_pair = cross_val_predict(nearest, rows, row_labels, cv=folds)
    fused = by_pair.reshape(N_QUERIES, 25).mean(axis=1) > 0.5
    assert np.mean(fused == labels) > 0.95
    by_query = cross_val_predict(MembershipClassifier(nearest), bags, labels, cv=folds)
    assert at_chance(np.mean(by_query == labels))


def test_it_does_memorise(random_problem):
    images, labels, generated = random_problem
    attack = make_pipeline(
        generated=generated,
        families=["statistical"],
        n_levels=8,
        estimator=KNeighborsClassifier(1),
    ).fit(images, labels)
    assert attack.score(images, labels) == 1


def test_cross_val_predict(attack, random_problem):
    images, labels, _ = random_problem
    predicted = cross_val_predict(attack, images, labels, cv=5)
    assert at_chance(np.mean(predicted == labels))


def test_cross_val_score_and_cross_validate(attack, random_problem):
    images, labels, _ = random_problem
    scores = cross_val_score(attack, images, labels, cv=5)
    assert at_chance(scores.mean())
    folds = StratifiedGroupKFold(5)
    groups = np.arange(N_QUERIES) // 2
    result = cross_validate(attack, images, labels, cv=folds, groups=groups)
    assert at_chance(result["test_score"].mean())


def test_grid_search(attack, random_problem):
    images, labels, _ = random_problem
    search = GridSearchCV(attack, {"membership__fusion": ["mean"]}, cv=5)
    search.fit(images, labels)
    assert at_chance(search.best_score_)


def test_permutation_test(random_problem):
    images, labels, generated = random_problem
    attack = make_pipeline(
        generated=generated,
        families=["statistical"],
        n_levels=8,
        estimator=KNeighborsClassifier(1),
    )
    score, permuted, p_value = permutation_test_score(
        attack,
        images,
        labels,
        cv=5,
        n_permutations=19,
        random_state=0,
    )
    assert at_chance(score)
    assert at_chance(permuted.mean())
    assert p_value > 0.05


@pytest.mark.parametrize("fusion", ["max", "top_mean", "median"])
def test_calibrated_fusion(attack, fusion, random_problem):
    images, labels, _ = random_problem
    attack.set_params(membership__fusion=fusion, membership__calibrate_fusion=True)
    attack.set_params(membership__cv=3)
    predicted = cross_val_predict(attack, images, labels, cv=3)
    assert at_chance(np.mean(predicted == labels))


def test_held_out_queries(attack, random_problem):
    images, labels, _ = random_problem
    half = N_QUERIES // 2
    attack.fit(images[:half], labels[:half])
    low, high = binom.ppf([0.5e-4, 1 - 0.5e-4], half, 0.5) / half
    assert low <= attack.score(images[half:], labels[half:]) <= high
