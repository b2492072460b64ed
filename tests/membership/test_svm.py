import sys

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC, NuSVC

from gan_isi.membership import svm
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


def single_bound(machine, rows):
    """The bound of an RBF machine's values in single precision, as the docstring states it."""
    vectors = machine.support_vectors_
    middle = vectors.mean(axis=0)
    norms = [np.linalg.norm(x - middle, axis=1).max() for x in (rows, vectors)]
    spread = machine._gamma * sum(norms) ** 2
    factor = 1100 + (rows.shape[1] + 10) * spread
    return 2.0**-24 * np.abs(machine.dual_coef_).sum() * factor


@pytest.fixture(params=["compiled", "numpy"])
def exponentials(request, monkeypatch):
    """With numba, where it is installed, and without it."""
    svm._weighted_sums.cache_clear()
    if request.param == "compiled":
        pytest.importorskip("numba")
    else:
        monkeypatch.setitem(sys.modules, "gan_isi.membership.exponentials_numba", None)
    yield
    svm._weighted_sums.cache_clear()


SPREADS = {
    "standardised": lambda rows: rows,
    "each twice": lambda rows: np.repeat(rows[: len(rows) // 2], 2, axis=0),
    "far from zero": lambda rows: rows + 1e4,
    "with outliers": lambda rows: rows * np.where(np.arange(len(rows)) % 9, 1, 40)[:, None],
    "tiny": lambda rows: 1e-9 * rows,
    "huge": lambda rows: 1e9 * rows,
}


@pytest.mark.usefixtures("exponentials")
@pytest.mark.parametrize("spread", SPREADS.values(), ids=SPREADS)
@pytest.mark.filterwarnings("ignore:Solver terminated early")
@pytest.mark.parametrize("C", [1, 1e6])
def test_single_precision_keeps_its_bound(spread, C, rng):
    rows = spread(rng.normal(size=(300, 5)))
    machine = SVC(C=C, max_iter=20_000).fit(rows, rng.integers(0, 2, 300))
    asked = np.concatenate([rows, spread(rng.normal(size=(300, 5)))])
    values = decision_values(machine, asked[None], precision="single")[0]
    errors = np.abs(values - machine.decision_function(asked))
    # Beside that of the machine itself in double precision.
    assert 0 < errors.max() < single_bound(machine, asked) + 1e-12 * C


@pytest.mark.usefixtures("exponentials")
def test_single_precision_with_more_vectors_and_rows_than_a_block(rng):
    machine = SVC().fit(rng.normal(size=(2600, 65)), rng.integers(0, 2, 2600))
    assert len(machine.support_vectors_) > 2 * 1024
    bags = rng.normal(size=(2, 5000, 65))
    values = decision_values(machine, bags, precision="single")
    expected = decision_values(machine, bags)
    assert np.abs(values - expected).max() < 1e-5  # what the documentation calls usual
    shared = decision_values(machine, bags, precision="single", n_jobs=2)
    np.testing.assert_array_equal(shared, values)
    alone = decision_values(machine, bags[1:], precision="single")
    np.testing.assert_array_equal(alone, values[1:])


@pytest.mark.usefixtures("exponentials")
def test_rows_that_single_precision_can_t_square(rng):
    rows = np.concatenate([rng.normal(size=(40, 3)), [[1e25, 0, 0], [-1e25, 1e25, 0]]])
    machine = SVC(gamma=1.0).fit(rows[:40], np.arange(40) % 2)
    values = decision_values(machine, rows[None], precision="single")[0]
    np.testing.assert_allclose(values, machine.decision_function(rows), rtol=0, atol=1e-4)


@pytest.mark.parametrize("machine", [SVC(kernel="linear"), SVC(kernel="poly")], ids=repr)
def test_other_kernels_stay_in_double_precision(machine, training, bags):
    machine.fit(*training)
    single = decision_values(machine, bags, precision="single")
    np.testing.assert_array_equal(single, decision_values(machine, bags))


def test_an_unknown_precision_is_refused(training, bags):
    with pytest.raises(ValueError, match=r'"double" or "single"; got .float16.'):
        decision_values(SVC().fit(*training), bags, precision="float16")


def test_compiled_exponentials():
    compiled = pytest.importorskip("gan_isi.membership.exponentials_numba")
    exponents = np.linspace(-87, 0, 200_001, dtype=np.float32)[:, np.newaxis]
    one = np.ones(1, dtype=np.float32)
    found = compiled.weighted_exponentials(exponents, one)
    expected = np.exp(exponents[:, 0].astype(float))
    # Half a unit for the exponent in base 2, which counts as often as it is large, and a few more.
    units = 4 + 1.5 * np.abs(exponents[:, 0])
    assert np.all(np.abs(found / expected - 1) <= 2.0**-24 * units)
    beyond = np.array([[1e-3], [5.0], [-1e3], [-1e38]], dtype=np.float32)
    np.testing.assert_allclose(
        compiled.weighted_exponentials(beyond, one), [1, 1, 0, 0], rtol=0, atol=1e-37
    )


@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 70)),
               elements=st.floats(-200, 1, width=32)),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_compiled_sums(exponents, seed):
    compiled = pytest.importorskip("gan_isi.membership.exponentials_numba")
    weights = np.random.default_rng(seed).normal(size=exponents.shape[1]).astype(np.float32)
    terms = np.exp(np.minimum(exponents, 0).astype(float)) * weights
    bound = 2.0**-24 * (12 + len(weights)) * np.abs(weights).sum()
    found = compiled.weighted_exponentials(exponents, weights)
    assert np.all(np.abs(found - terms.sum(axis=1)) <= bound)
