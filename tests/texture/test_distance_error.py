"""How far the distances of CDF vectors are from the exact W1, on all maps of X-rays."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance
from skimage import io

from gan_isi import PairwiseWassersteinTransformer, datasets, make_descriptors, texture
from gan_isi.distances import wasserstein_distances
from gan_isi.texture.cdf import cdf_vectors, quantile_levels

N_PAIRS = 500


def all_65_maps(image):
    """Sorted values of every classical map, shape (65, n_pixels)."""
    statistical = [
        texture.local_range(image),
        texture.local_std(image),
        texture.local_entropy(image),
    ]
    filtered = [
        texture.gabor_magnitudes(image),
        texture.steered_derivatives(image),
        texture.multiscale_maps(image),
    ]
    return np.sort(np.concatenate([statistical, *filtered]).reshape(65, -1), axis=1)


@pytest.fixture(scope="module")
def ordered(xray_files):
    return np.stack([all_65_maps(io.imread(file) / np.float32(255)) for file in xray_files[::2]])


@pytest.fixture(scope="module")
def pairs(ordered):
    every_pair = np.transpose(np.triu_indices(len(ordered), k=1))
    return np.random.default_rng(0).permutation(every_pair)[:N_PAIRS]


@pytest.fixture(scope="module")
def exact(ordered, pairs):
    # For samples of one size, W1 is the mean absolute difference of order statistics.
    distances = [
        [
            np.abs(np.subtract(first, second, dtype=np.float64)).mean()
            for first, second in zip(ordered[a], ordered[b], strict=True)
        ]
        for a, b in pairs
    ]
    return np.array(distances)


def relative_errors(vectors, pairs, exact):
    distances = wasserstein_distances(vectors, vectors)[pairs[:, 0], pairs[:, 1]]
    return distances / exact - 1


@pytest.mark.slow
class TestRelativeError:
    def test_what_counts_as_exact_is_that_of_scipy(self, ordered, pairs, exact):
        for row, index in [(0, 0), (1, 2), (2, 9), (3, 30), (4, 44), (5, 64)]:
            first, second = ordered[pairs[row], index].astype(np.float64)
            assert exact[row, index] == pytest.approx(wasserstein_distance(first, second), rel=1e-9)

    # The outermost of equal cells hold nearly all of the error of heavy-tailed maps.
    @pytest.mark.parametrize(
        ("n_levels", "cells", "median", "percentile_99"),
        [
            (256, "equal", 2e-5, 0.05),
            (64, "fine_tails", 2e-4, 0.01),
            (256, "fine_tails", 2e-5, 0.0015),
        ],
    )
    def test_error(self, ordered, pairs, exact, n_levels, cells, median, percentile_99):
        vectors = np.stack([cdf_vectors(maps, n_levels, cells) for maps in ordered])
        errors = relative_errors(vectors, pairs, exact)
        assert errors.max() <= 1e-6
        assert np.median(-errors) <= median
        assert np.percentile(-errors, 99) <= percentile_99

    def test_what_users_get_keeps_the_promise(self, xray_files, pairs, exact):
        images = datasets.load_images(xray_files[::2])
        descriptors = make_descriptors().fit(images)
        vectors = descriptors.transform(images)
        distances = PairwiseWassersteinTransformer(n_levels=64).fit_transform(vectors)
        errors = np.abs(distances[pairs[:, 0], pairs[:, 1]] / exact - 1)
        assert errors.shape == (N_PAIRS, 65)
        assert np.median(errors) <= 0.001
        assert np.percentile(errors, 99) <= 0.03

    def test_means_of_cells_beat_points(self, ordered, pairs, exact):
        vectors = np.stack([cdf_vectors(maps, 256, "equal") for maps in ordered])
        centres = (quantile_levels(256, "equal") * ordered.shape[2]).astype(int)
        points = np.ascontiguousarray(ordered[:, :, centres])
        of_means = np.abs(relative_errors(vectors, pairs, exact))
        of_points = np.abs(relative_errors(points, pairs, exact))
        assert 10 * np.median(of_means) < np.median(of_points)
        assert 2 * np.percentile(of_means, 99) < np.percentile(of_points, 99)
        assert (np.median(of_means, axis=0) < np.median(of_points, axis=0)).all()
