"""What needs no labels: the closest distances of bags, and the median of each map."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from gan_isi import BagSummaryTransformer, SummaryClassifier, make_pipeline
from gan_isi._validation.blocks import Block
from gan_isi.baselines import EpsilonBall, NearestGenerated
from gan_isi.membership.closest import QueryMedians, closest_distances

BLOCKS = [Block(name, (name,)) for name in ("pixels", "poses", "tiles")]
USED = np.repeat([0, 1], 20)

few_values = arrays(
    np.float32,
    st.tuples(st.integers(1, 9), st.integers(1, 12), st.integers(1, 3)),
    elements=st.floats(0, 8, width=16),
)


@pytest.fixture
def bags(rng):
    distances = rng.gamma(5.0, size=(40, 70, 3)) * [1.0, 30.0, 0.01]
    distances[::7, 3] = 0  # exact copies
    return distances.astype(np.float32)


@given(few_values, st.integers(1, 15), st.integers(0, 12))
def test_closest_one_by_one_and_block_by_block(bags, n, cut):
    found = closest_distances(bags, n)
    for query, bag in enumerate(bags):
        for j in range(bags.shape[2]):
            assert found[query, :, j].tolist() == sorted(bag[:, j].tolist())[:n]
    blocks = [part for part in np.split(bags, [cut], axis=1) if part.size]
    together = np.concatenate([closest_distances(part, n) for part in blocks], axis=1)
    assert_array_equal(closest_distances(together, n), found)


def test_what_cannot_be_compared_comes_last():
    bags = np.array([[np.nan, 2.0, 1.0]])[:, :, None]
    assert_array_equal(closest_distances(bags, 3)[0, :, 0], [1, 2, np.nan])
    assert_array_equal(closest_distances(bags, 2)[0, :, 0], [1, 2])


@given(few_values, st.data())
def test_medians_of_any_queries(bags, data):
    of_queries = QueryMedians.of(bags)
    chosen = data.draw(st.sets(st.integers(0, len(bags) - 1), min_size=1))
    queries = np.array(sorted(chosen))
    expected = np.median(bags[queries], axis=(0, 1))
    assert_array_equal(of_queries(queries), expected)
    assert of_queries(queries).dtype == expected.dtype


def test_medians_of_many_blocks(rng):
    bags = rng.gamma(5.0, size=(300, 200, 2))
    bags[:, ::2, 1] = 4.0  # ties
    of_queries = QueryMedians.of(bags)
    assert of_queries.counts.shape[1] > 10
    for n in (1, 2, 7, 299, 300):
        queries = rng.permutation(300)[:n]
        assert_array_equal(of_queries(queries), np.median(bags[queries], axis=(0, 1)))


@pytest.mark.parametrize(
    "estimator",
    [
        SummaryClassifier(),
        SummaryClassifier(rule=("poses", "tiles")),
        SummaryClassifier(n_closest=(1, 60), contrast=None, by_family=False),
        SummaryClassifier(contrast=5, relative=False),
        NearestGenerated(),
        NearestGenerated(3, relative_to=20),
    ],
)
def test_the_closest_images_and_medians_say_all(estimator, bags, fit_with_blocks):
    blocks = BLOCKS
    if isinstance(estimator, NearestGenerated):
        bags, blocks = bags[:, :, :1], BLOCKS[:1]
    train = np.arange(40) % 5 > 0
    n = estimator.n_closest_needed(blocks)
    assert n < bags.shape[1]
    closest = closest_distances(bags, n)
    scales = QueryMedians.of(bags)(np.flatnonzero(train))
    whole = fit_with_blocks(estimator, bags[train], USED[train], blocks)
    small = fit_with_blocks(estimator, closest[train], USED[train], blocks, scales=scales)
    assert_array_equal(small.decision_function(closest), whole.decision_function(bags))
    # One less would not do.
    fewer = fit_with_blocks(
        estimator, closest[train][:, : n - 1] if n > 1 else closest[train] + 1, USED[train],
        blocks, scales=scales,
    )  # fmt: skip
    assert (fewer.decision_function(bags) != whole.decision_function(bags)).any()


@pytest.fixture
def fit_with_blocks():
    from sklearn.base import clone

    def fit(estimator, bags, used, blocks, **options):
        estimator = clone(estimator)
        if isinstance(estimator, SummaryClassifier):
            options["blocks"] = blocks
        return estimator.fit(bags, used, **options)

    return fit


def test_where_all_distances_are_needed():
    family = [Block("gabor", ("a", "b"))]
    assert BagSummaryTransformer(quantiles=(0.1,)).n_closest_needed(None) is None
    assert BagSummaryTransformer().n_closest_needed(family) is None
    assert BagSummaryTransformer(by_family=False).n_closest_needed(family) == 51
    assert BagSummaryTransformer().n_closest_needed(None) == 51
    assert SummaryClassifier(contrast=None).n_closest_needed(BLOCKS) == 1
    assert NearestGenerated().n_closest_needed(family) is None
    assert NearestGenerated().n_closest_needed(None) is None
    assert EpsilonBall().n_closest_needed(BLOCKS[:1]) is None
    for name in ("density_ratio", "calibrated_similarity", "retrieval"):
        assert make_pipeline(name)["membership"].n_closest_needed(BLOCKS[:1]) is None


@pytest.mark.parametrize("estimator", [SummaryClassifier(), NearestGenerated()])
def test_scales_of_other_maps(estimator, bags):
    with pytest.raises(ValueError, match="scales has 2 maps"):
        estimator.fit(bags, USED, scales=[1.0, 2.0])
    estimator.fit(bags, USED, scales=[1.0, 0.0, 2.0])  # as a map whose median is 0
    scales = getattr(estimator, "summary_", estimator).scales_
    assert_array_equal(scales, [1, 1, 2])
