import numpy as np
import pytest
from scipy.spatial.distance import cdist

from gan_isi import PairwiseWassersteinTransformer


@pytest.fixture
def vectors(rng):
    return np.sort(rng.normal(size=(30, 4, 8)), axis=2).reshape(30, 32).astype(np.float32)


def test_equals_scipy_s_city_block_distance_of_each_map(vectors):
    queries, generated = vectors[:20], vectors[20:]
    transformer = PairwiseWassersteinTransformer(n_levels=8).fit(queries, generated=generated)
    bags = transformer.transform(queries)
    assert bags.shape == (20, 10, 4)
    assert bags.dtype == np.float32
    for index in range(4):
        columns = slice(8 * index, 8 * index + 8)
        expected = cdist(queries[:, columns], generated[:, columns], "cityblock") / 8
        np.testing.assert_allclose(bags[:, :, index], expected, rtol=1e-5)


def test_fitted_attributes(vectors):
    fitted = PairwiseWassersteinTransformer(n_levels=8).fit(vectors[:20], generated=vectors[20:])
    assert (fitted.n_generated_, fitted.n_maps_, fitted.n_features_in_) == (10, 4, 32)
    np.testing.assert_array_equal(fitted.reference_, vectors[20:].reshape(10, 4, 8))


def test_without_generated_the_reference_is_x(vectors):
    bags = PairwiseWassersteinTransformer().fit_transform(vectors)
    assert bags.shape == (30, 30, 1)
    np.testing.assert_array_equal(bags[:, :, 0], bags[:, :, 0].T)
    np.testing.assert_array_equal(np.diagonal(bags[:, :, 0]), 0)


def test_parallel_and_piecewise_runs_change_no_bit(vectors):
    many = np.concatenate([vectors, vectors[::-1]])
    alone = PairwiseWassersteinTransformer(n_levels=8).fit(many, generated=vectors)
    expected = alone.transform(many)
    parallel = PairwiseWassersteinTransformer(n_levels=8, n_jobs=2).fit(many, generated=vectors)
    np.testing.assert_array_equal(parallel.transform(many), expected)
    pieces = [alone.transform(many[start : start + 7]) for start in range(0, len(many), 7)]
    np.testing.assert_array_equal(np.concatenate(pieces), expected)


def test_order_of_generated_images_is_the_order_of_columns(vectors, rng):
    order = rng.permutation(10)
    first = PairwiseWassersteinTransformer(n_levels=8).fit(vectors[:20], generated=vectors[20:])
    second = PairwiseWassersteinTransformer(n_levels=8).fit(
        vectors[:20], generated=vectors[20:][order]
    )
    expected = first.transform(vectors)[:, order]
    np.testing.assert_array_equal(second.transform(vectors), expected)


def test_width_that_does_not_divide_names_both_numbers(vectors):
    with pytest.raises(ValueError, match=r"32 columns .* n_levels=5"):
        PairwiseWassersteinTransformer(n_levels=5).fit(vectors)


def test_generated_as_long_as_x_is_refused_and_the_tuple_is_named(vectors):
    with pytest.raises(ValueError, match=r"exactly as long as X \(30\).*generated=\(generated,\)"):
        PairwiseWassersteinTransformer().fit(vectors, generated=vectors)
    fitted = PairwiseWassersteinTransformer().fit(vectors, generated=(vectors,))
    assert fitted.n_generated_ == 30


def test_tuple_of_several_images_is_refused(vectors):
    with pytest.raises(ValueError, match="tuple of 2"):
        PairwiseWassersteinTransformer().fit(vectors, generated=(vectors, vectors))


def test_generated_of_another_width(vectors):
    with pytest.raises(ValueError, match=r"generated has 31 columns, but X has 32"):
        PairwiseWassersteinTransformer().fit(vectors, generated=vectors[:5, 1:])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_generated_not_finite(vectors, bad):
    generated = vectors[:5].copy()
    generated[2, 3] = bad
    with pytest.raises(ValueError, match=r"generated contains (NaN|infinity)"):
        PairwiseWassersteinTransformer().fit(vectors, generated=generated)


def test_generated_empty(vectors):
    with pytest.raises(ValueError, match="0 sample"):
        PairwiseWassersteinTransformer().fit(vectors, generated=vectors[:0])


def test_retarget_shares_nothing_that_changes(vectors):
    original = PairwiseWassersteinTransformer(n_levels=8).fit(vectors[:20], generated=vectors[20:])
    before = original.transform(vectors)
    other = original.retarget(vectors[:3])
    assert other.transform(vectors).shape == (30, 3, 4)
    assert (original.n_generated_, other.n_generated_) == (10, 3)
    np.testing.assert_array_equal(original.transform(vectors), before)
    with pytest.raises(ValueError, match="both have to come from the same descriptors"):
        original.retarget(vectors[:, 1:])
