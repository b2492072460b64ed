import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC, NuSVC

from gan_isi.membership.svm import decision_values

MACHINES = [
    SVC(),
    SVC(gamma=0.7, C=30),
    SVC(gamma="auto"),
    SVC(kernel="linear"),
    SVC(kernel="poly", degree=3, coef0=0.5),
    SVC(kernel="poly", degree=2),
    SVC(class_weight="balanced"),
]


@pytest.fixture
def training(rng):
    rows = rng.normal(size=(300, 5))
    return rows, (rows[:, 0] + rng.normal(size=300) > 0).astype(int)


@pytest.fixture
def bags(rng):
    return rng.normal(size=(7, 33, 5))


@pytest.mark.parametrize("machine", MACHINES, ids=repr)
@pytest.mark.parametrize("scaler", [None, StandardScaler()], ids=["alone", "scaled"])
def test_equals_libsvm(machine, scaler, training, bags):
    estimator = machine if scaler is None else make_pipeline(scaler, machine)
    estimator.fit(*training)
    expected = estimator.decision_function(bags.reshape(-1, 5)).reshape(7, 33)
    np.testing.assert_allclose(decision_values(estimator, bags), expected, rtol=0, atol=1e-9)


def test_more_vectors_and_rows_than_a_block(rng):
    rows = rng.normal(size=(2600, 4))
    machine = SVC().fit(rows, rng.integers(0, 2, 2600))
    assert len(machine.support_vectors_) > 2 * 1024
    bag = rng.normal(size=(1, 1300, 4))
    expected = machine.decision_function(bag[0])
    np.testing.assert_allclose(decision_values(machine, bag)[0], expected, rtol=0, atol=1e-9)


def test_a_query_s_values_do_not_depend_on_its_neighbours(training, bags):
    estimator = make_pipeline(StandardScaler(), SVC()).fit(*training)
    together = decision_values(estimator, bags)
    alone = np.concatenate([decision_values(estimator, bag[None]) for bag in bags])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(decision_values(estimator, bags[::-1])[::-1], together)


def test_rows_that_are_support_vectors(training):
    rows, labels = training
    machine = SVC(gamma=5).fit(1e3 * rows, labels)
    expected = machine.decision_function(1e3 * rows)
    np.testing.assert_allclose(decision_values(machine, 1e3 * rows[None])[0], expected, atol=1e-6)


class HalfOfIt(SVC):
    """Overrides what we would otherwise shortcut."""

    def decision_function(self, X):
        return super().decision_function(X) / 2


@pytest.mark.parametrize(
    "estimator",
    [
        HalfOfIt(),
        SVC(kernel="sigmoid"),
        SVC(kernel=lambda a, b: a @ b.T),
        LinearSVC(),
        NuSVC(),
        RidgeClassifier(),
        make_pipeline(MinMaxScaler(), RidgeClassifier()),
    ],
    ids=lambda estimator: repr(estimator)[:30],
)
def test_other_estimators_are_asked_themselves(estimator, training, bags):
    estimator.fit(*training)
    expected = estimator.decision_function(bags.reshape(-1, 5)).reshape(7, 33)
    np.testing.assert_array_equal(decision_values(estimator, bags), expected)


def test_many_pairs_of_one_query_are_shared_out_and_stay_the_same(rng):
    machine = SVC().fit(rng.normal(size=(40, 3)), np.arange(40) % 2)
    bags = rng.normal(size=(2, 9000, 3))  # more than one task takes
    values = decision_values(machine, bags)
    np.testing.assert_allclose(
        values.ravel(), machine.decision_function(bags.reshape(-1, 3)), rtol=0, atol=1e-9
    )
    np.testing.assert_array_equal(decision_values(machine, bags, n_jobs=2), values)
    np.testing.assert_array_equal(decision_values(machine, bags[1:]), values[1:])
