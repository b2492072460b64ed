"""Local range, standard deviation and entropy against plain Python and scikit-image."""

import math
import statistics
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage
from skimage.filters import rank

from gan_isi.texture import local_entropy, local_range, local_std, statistical

SHAPES = [(12, 17), (17, 12), (9, 9), (1, 14), (14, 1), (1, 1), (2, 3), (3, 1)]


def window_range(values):
    return max(values) - min(values)


def window_std(values):
    return statistics.stdev(values.tolist())


def window_entropy(values):
    counts = Counter(round(value * 255) for value in values.tolist()).values()
    total = len(values)
    return sum(-c / total * math.log2(c / total) for c in counts)


def by_brute_force(function, image, size):
    return ndimage.generic_filter(image, function, size=size, mode="reflect", output=float)


def as_picture(levels):
    return np.asarray(levels, dtype=np.float64) / 255


class TestAgainstBruteForce:
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("n_levels", [4, 256])
    def test_range(self, grey_image, shape, n_levels):
        image = grey_image(shape, n_levels)
        assert_array_equal(local_range(image), by_brute_force(window_range, image, 3))

    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("n_levels", [4, 256])
    def test_std(self, grey_image, shape, n_levels):
        image = grey_image(shape, n_levels)
        assert_allclose(local_std(image), by_brute_force(window_std, image, 3), atol=3e-8)

    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("n_levels", [4, 256])
    def test_entropy(self, grey_image, shape, n_levels):
        image = grey_image(shape, n_levels)
        assert_allclose(local_entropy(image), by_brute_force(window_entropy, image, 9), atol=1e-12)

    @pytest.mark.parametrize("size", [1, 3, 5, 7, 11])
    def test_other_windows_of_range_and_entropy(self, grey_image, size):
        image = grey_image((10, 13), n_levels=20)
        assert_array_equal(local_range(image, size), by_brute_force(window_range, image, size))
        expected = by_brute_force(window_entropy, image, size)
        assert_allclose(local_entropy(image, size), expected, atol=1e-12)

    @pytest.mark.parametrize("size", [5, 7, 9, 15])
    def test_other_windows_of_std(self, grey_image, size):
        image = grey_image((10, 13))
        assert_allclose(local_std(image, size), by_brute_force(window_std, image, size), atol=3e-8)

    @given(
        hnp.arrays(
            np.int64,
            hnp.array_shapes(min_dims=2, max_dims=2, max_side=7),
            elements=st.integers(-3, 300),
        )
    )
    @settings(max_examples=25, deadline=None)
    def test_any_small_image(self, levels):
        image = as_picture(levels)
        assert_array_equal(local_range(image), by_brute_force(window_range, image, 3))
        assert_allclose(local_std(image), by_brute_force(window_std, image, 3), atol=3e-8)
        assert_allclose(local_entropy(image), by_brute_force(window_entropy, image, 9), atol=1e-12)


def test_rangefilt_example_of_the_matlab_documentation():
    image = np.arange(1.0, 21.0).reshape(4, 5)
    expected = [[6, 7, 7, 7, 6], [11, 12, 12, 12, 11], [11, 12, 12, 12, 11], [6, 7, 7, 7, 6]]
    assert_array_equal(local_range(image), expected)


class TestEntropyOfAPhotograph:
    def test_interior_is_that_of_scikit_image(self, photo_8bit):
        ours = local_entropy(photo_8bit / 255)
        reference = rank.entropy(photo_8bit, np.ones((9, 9), dtype=np.uint8))
        interior = (slice(4, -4), slice(4, -4))
        assert_allclose(ours[interior], reference[interior], atol=1e-10)

    def test_border_is_that_of_scikit_image_on_the_mirrored_picture(self, photo_8bit):
        # Left alone, rank filters shrink their window at the border instead.
        mirrored = np.pad(photo_8bit, 8, mode="symmetric")
        reference = rank.entropy(mirrored, np.ones((9, 9), dtype=np.uint8))[8:-8, 8:-8]
        assert_allclose(local_entropy(photo_8bit / 255), reference, atol=1e-10)


class TestEntropyInClosedForm:
    @pytest.mark.parametrize("level", [0.0, 0.3, 1.0, -7.0, 1234.5])
    def test_a_constant_has_exactly_none(self, level):
        assert_array_equal(local_entropy(np.full((11, 6), level)), np.zeros((11, 6)))

    def test_all_different_levels_have_the_most(self):
        center = local_entropy(as_picture(np.arange(81).reshape(9, 9)))[4, 4]
        assert_allclose(center, math.log2(81), rtol=1e-14)

    def test_two_equally_frequent_levels_are_one_bit(self):
        # Five columns of 9 of one level and four of another in every inner window.
        stripes = np.tile([0.0, 1.0], 10)[None, :].repeat(20, axis=0)
        share = 5 / 9
        expected = -share * math.log2(share) - (1 - share) * math.log2(1 - share)
        assert_allclose(local_entropy(stripes)[:, 4:-4], expected, rtol=1e-14)


class TestEntropyCountsLevelsOnly:
    def test_relabelling_the_levels_changes_nothing(self, rng, grey_image):
        image = grey_image((15, 18), n_levels=32)
        new_levels = as_picture(rng.permutation(256))
        relabelled = new_levels[np.rint(image * 255).astype(int)]
        assert_allclose(local_entropy(relabelled), local_entropy(image), atol=1e-12)

    @pytest.mark.parametrize("offset", [-1000, -128, 200, 70000])
    def test_values_outside_the_unit_scale_keep_their_own_levels(self, rng, offset):
        levels = rng.integers(0, 256, (15, 18))
        assert_array_equal(
            local_entropy(as_picture(levels + offset)), local_entropy(as_picture(levels))
        )

    def test_values_between_the_levels_round_to_the_nearest(self):
        image = as_picture([[9.6, 10.4, 199.6, 200.4]])
        assert_array_equal(local_entropy(image), local_entropy(as_picture([[10, 10, 200, 200]])))

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_the_8_bit_levels_survive_either_precision(self, rng, dtype):
        levels = rng.integers(0, 256, (15, 18))
        image = levels.astype(dtype) / dtype(255)
        entropy = local_entropy(image)
        assert entropy.dtype == dtype
        assert_allclose(entropy, by_brute_force(window_entropy, as_picture(levels), 9), atol=1e-6)


class TestPrecisionAndInvariance:
    def test_std_of_a_bright_image_keeps_its_digits(self, rng):
        # Sums of squares without the mean taken out would lose all of them.
        noise = rng.normal(size=(20, 20))
        bright = noise + 1e7
        expected = by_brute_force(window_std, bright, 3)
        assert_allclose(local_std(bright), expected, rtol=1e-8)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_a_flat_region_beside_a_bright_texture_stays_flat(self, rng, dtype):
        image = np.full((24, 48), 250 / 255, dtype=dtype)
        image[:, :24] = rng.integers(0, 256, (24, 24)) / 255
        assert local_std(image)[:, 25:].max() <= 2e-8

    def test_a_constant_has_no_spread(self):
        image = np.full((5, 7), 0.7)
        assert_array_equal(local_std(image), np.zeros((5, 7)))
        assert_array_equal(local_range(image), np.zeros((5, 7)))

    @pytest.mark.parametrize("function", [local_range, local_std])
    def test_brightness_adds_nothing_and_contrast_scales(self, grey_image, function):
        image = grey_image((13, 10))
        assert_allclose(function(image + 3.0), function(image), atol=1e-7)
        assert_allclose(function(-2.5 * image), 2.5 * function(image), atol=1e-7)

    @pytest.mark.parametrize("function", [local_range, local_std, local_entropy])
    def test_turning_the_image_turns_the_map(self, grey_image, function):
        image = grey_image((13, 10), n_levels=16)
        for turns in (1, 2, 3):
            turned = function(np.rot90(image, turns))
            assert_allclose(turned, np.rot90(function(image), turns), atol=3e-8)

    @pytest.mark.parametrize("function", [local_range, local_std, local_entropy])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_the_precision_of_the_image_is_kept(self, grey_image, function, dtype):
        image = grey_image((8, 9)).astype(dtype)
        before = image.copy()
        result = function(image)
        assert result.dtype == dtype
        assert result.shape == image.shape
        assert_allclose(result, function(image.astype(np.float64)), atol=1e-6)
        assert_array_equal(image, before)


class TestCompiledEntropy:
    @pytest.fixture(autouse=True)
    def numba(self):
        pytest.importorskip("numba", reason='needs the extra "fast"')

    @pytest.mark.parametrize("shape", [(1, 1), (1, 12), (3, 7), (40, 31)])
    @pytest.mark.parametrize("scale", [0.01, 1.0, 100.0, 1e6])
    @pytest.mark.parametrize("size", [1, 3, 9, 15])
    def test_same_bits_without_numba(self, shape, scale, size, rng, monkeypatch):
        image = scale * rng.normal(size=shape)
        compiled = local_entropy(image, size)
        monkeypatch.setattr(statistical, "_compiled_window_sums", lambda: None)
        np.testing.assert_array_equal(compiled, local_entropy(image, size))

    @pytest.mark.parametrize("size", [3, 9])
    def test_it_stays_inside_its_tables(self, size):
        """In plain Python, where an index beyond the end is an error."""
        from gan_isi.texture.entropy_numba import window_sums

        levels = np.zeros((size + 2, size + 3), dtype=np.int64)
        table = np.ones(size * size)
        np.testing.assert_array_equal(window_sums.py_func(levels, 1, size, table), size * size)

    def test_the_compiled_loop_is_used(self, photo, monkeypatch):
        monkeypatch.setattr(
            statistical, "_window_sums_by_sorting", lambda *_: pytest.fail("numba was not used")
        )
        assert local_entropy(photo).shape == photo.shape
