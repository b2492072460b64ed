import numpy as np
import pytest
from scipy.spatial.distance import cdist
from skimage.metrics import structural_similarity
from sklearn import config_context
from sklearn.base import clone

from gan_isi import PairwiseDistanceTransformer, PairwiseWassersteinTransformer
from gan_isi.distances import METRICS


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


def test_as_many_generated_images_as_queries(vectors):
    fitted = PairwiseWassersteinTransformer().fit(vectors, generated=vectors[::-1])
    np.testing.assert_array_equal(fitted.reference_[:, 0], vectors[::-1])


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


class TestPairwiseDistances:
    """One distance a pair, by name."""

    @pytest.fixture
    def rows(self, rng):
        return rng.random((30, 100)).astype(np.float32)

    @pytest.mark.parametrize(
        ("metric", "scipy_s", "factor"),
        [
            ("euclidean", "euclidean", 1 / 10),
            ("cityblock", "cityblock", 1 / 100),
            ("cosine", "cosine", 1),
            ("correlation", "correlation", 1),
        ],
    )
    def test_equals_scipy(self, metric, scipy_s, factor, rows):
        transformer = PairwiseDistanceTransformer(metric).fit(rows[:20], generated=rows[20:])
        bags = transformer.transform(rows[:20])
        assert bags.shape == (20, 10, 1)
        assert bags.dtype == np.float32
        expected = factor * cdist(rows[:20], rows[20:], scipy_s)
        np.testing.assert_allclose(bags[:, :, 0], expected, rtol=1e-5)

    def test_ssim_equals_scikit_image(self, photographs):
        images = (photographs / 255).astype(np.float32)
        images[1] = images[0] + 0.01 * images[2]  # a near copy
        images[3] = 0.5  # no structure
        images[4] = 1 - images[0]
        rows = images.reshape(12, -1)
        ours = PairwiseDistanceTransformer("ssim").fit_transform(rows)[:, :, 0]
        exact = images.astype(np.float64)  # in single precision theirs is off by 2e-5
        theirs = [[structural_similarity(a, b, data_range=1) for b in exact] for a in exact]
        np.testing.assert_allclose(ours, 1 - np.array(theirs), atol=1e-5)
        np.testing.assert_array_equal(np.diagonal(ours), 0)
        assert ours.min() >= 0

    def test_a_copy_is_at_zero_exactly_and_a_near_copy_keeps_its_digits(self, rows):
        near = rows[:1].astype(np.float64)
        near[0, 0] += 2.0**-20
        generated = np.concatenate([rows[:1], near.astype(np.float32)])
        expected = (generated[1, 0].astype(float) - generated[0, 0]) / 10
        fitted = PairwiseDistanceTransformer().fit(rows, generated=generated)
        np.testing.assert_allclose(fitted.transform(rows[:1])[0, :, 0], [0, expected], rtol=1e-6)
        for metric in METRICS:
            bags = PairwiseDistanceTransformer(metric).fit_transform(rows)
            np.testing.assert_array_equal(np.diagonal(bags[:, :, 0]), 0)

    @pytest.mark.parametrize("metric", ["cosine", "correlation"])
    def test_rows_without_direction(self, metric, rows):
        flat = np.zeros((2, 100)) if metric == "cosine" else np.full((2, 100), [[0.1], [0.7]])
        bags = PairwiseDistanceTransformer(metric).fit(flat, generated=rows).transform(flat)
        np.testing.assert_allclose(bags, 1)
        np.testing.assert_array_equal(PairwiseDistanceTransformer(metric).fit_transform(flat), 0)

    @pytest.mark.parametrize("metric", METRICS)
    def test_jobs_pieces_and_little_memory_change_no_bit(self, metric, rows):
        many = np.concatenate([rows, rows[::-1]])
        alone = PairwiseDistanceTransformer(metric).fit(many, generated=rows)
        expected = alone.transform(many)
        jobs = PairwiseDistanceTransformer(metric, n_jobs=2).fit(many, generated=rows)
        np.testing.assert_array_equal(jobs.transform(many), expected)
        pieces = [alone.transform(many[start : start + 7]) for start in range(0, 60, 7)]
        np.testing.assert_array_equal(np.concatenate(pieces), expected)
        with config_context(working_memory=0.01):  # six references at once
            np.testing.assert_array_equal(alone.transform(many), expected)

    @pytest.mark.parametrize("width", [36, 99, 101])
    def test_ssim_of_what_is_no_square_image(self, width):
        with pytest.raises(ValueError, match=rf"square image, at least 7 x 7.*got {width}"):
            PairwiseDistanceTransformer("ssim").fit(np.zeros((3, width)))

    @pytest.mark.parametrize("metric", METRICS)
    def test_mirrored_is_the_distance_to_the_mirror_images(self, metric, rows):
        images = rows.reshape(30, 10, 10)
        mirror_images = np.stack([np.fliplr(image) for image in images]).reshape(rows.shape)
        distances = PairwiseDistanceTransformer(metric, mirrored=True).fit(rows, generated=rows[:9])
        plain = PairwiseDistanceTransformer(metric).fit(rows, generated=mirror_images[:9])
        expected = plain.transform(rows)
        np.testing.assert_allclose(distances.transform(rows), expected, rtol=1e-5)
        np.testing.assert_array_equal(np.diagonal(distances.transform(mirror_images)[:9, :, 0]), 0)
        assert not np.allclose(distances.transform(rows), plain.transform(mirror_images))

    def test_mirrored_real_images(self, rows):
        symmetric = np.stack([row + np.fliplr(row.reshape(10, 10)).ravel() for row in rows[:3]])
        queries = np.concatenate([symmetric, rows])
        distances = PairwiseDistanceTransformer(mirrored=True, include_real=True)
        bags = distances.fit(queries, generated=rows[:5]).transform(queries)
        # Itself is no reference, its mirror image included.
        np.testing.assert_array_equal(np.isnan(bags[:, 5:, 0]), np.eye(33, dtype=bool))

    @pytest.mark.parametrize("width", [99, 101])
    def test_mirrored_of_what_is_no_square_image(self, width):
        with pytest.raises(ValueError, match=rf"mirrored=True.*square image.*got {width}"):
            PairwiseDistanceTransformer(mirrored=True).fit(np.zeros((3, width)))

    def test_retarget(self, rows):
        original = PairwiseDistanceTransformer("cityblock").fit(rows, generated=rows[:9])
        other = original.retarget(rows[:3])
        assert (original.n_generated_, other.n_generated_) == (9, 3)
        np.testing.assert_array_equal(other.transform(rows), original.transform(rows)[:, :3])


class TestRealImages:
    """What include_real appends."""

    @pytest.fixture(
        params=[
            PairwiseDistanceTransformer("ssim", include_real=True),
            PairwiseDistanceTransformer("correlation", include_real=True),
            PairwiseWassersteinTransformer(n_levels=16, include_real=True),
        ],
        ids=["ssim", "correlation", "wasserstein"],
    )
    def transformer(self, request):
        return clone(request.param)

    def test_columns_behind_the_generated_ones(self, transformer, rng):
        rows = rng.random((30, 64)).astype(np.float32)
        real, generated, queries = rows[:12], rows[12:20], rows[20:]
        transformer.fit(real, generated=generated)
        bags = transformer.transform(queries)
        assert bags.shape == (10, 8 + 12, transformer.n_maps_)
        assert (transformer.n_real_, transformer.n_generated_) == (12, 8)
        plain = clone(transformer).set_params(include_real=False)
        to_generated = plain.fit(real, generated=generated).transform(queries)
        to_real = plain.fit(real).transform(queries)
        np.testing.assert_array_equal(bags, np.concatenate([to_generated, to_real], axis=1))
        np.testing.assert_array_equal(
            transformer.retarget(real).transform(queries)[:, :12], to_real
        )

    def test_a_real_image_is_never_its_own_reference(self, transformer, rng):
        real = rng.random((6, 64)).astype(np.float32)
        real[4] = real[1]  # in the data twice
        real[2, 0], real[3] = 0.0, real[2]
        real[3, 0] = -0.0
        generated = np.concatenate([real[:1], rng.random((3, 64))])
        bags = transformer.fit_transform(real, generated=generated)
        np.testing.assert_array_equal(bags, transformer.transform(real))
        missing = np.isnan(bags)
        assert not missing[:, :4].any()  # a copy among the generated ones is what counts
        np.testing.assert_allclose(bags[0, 0], 0, atol=1e-7)
        expected = np.eye(6, dtype=bool)
        expected[[1, 4, 2, 3], [4, 1, 3, 2]] = True
        for index in range(transformer.n_maps_):
            np.testing.assert_array_equal(missing[:, 4:, index], expected)

    def test_fitted_again_without(self, transformer, rng):
        rows = rng.random((5, 64))
        transformer.fit(rows).set_params(include_real=False).fit(rows)
        assert transformer.n_real_ == 0
        assert not hasattr(transformer, "real_")
        assert transformer.transform(rows).shape[1] == 5
