"""Tiles of pictures searched in others: against scikit-image, closed forms and construction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, norm
from skimage.feature import match_template
from sklearn import config_context
from sklearn.metrics import roc_auc_score

from gan_isi import PairwiseTileTransformer, PixelDescriptor, datasets
from gan_isi.distances import tile_correlations
from gan_isi.distances.tile_evidence import degrees_of_freedom, evidence, unexplained
from gan_isi.distances.tiles import (
    centred,
    correlations_in_place,
    refined,
    tile_places,
    tiles_of,
    window_scales,
    windows_of,
)


def searched(query, reference, size, stride, reach=None):
    """What `tile_correlations` has to be, tile by tile with scikit-image."""
    n_rows, n_columns = (n - size + 1 for n in query.shape)
    found = []
    for row in sorted({*range(0, n_rows, stride), n_rows - 1}):
        for column in sorted({*range(0, n_columns, stride), n_columns - 1}):
            fits = match_template(reference, query[row : row + size, column : column + size])
            if reach is not None:
                fits = fits[
                    max(0, row - reach) : row + reach + 1,
                    max(0, column - reach) : column + reach + 1,
                ]
            found.append(fits.max())
    return np.array(found)


def pasted(host, source, place, start, size):
    """A picture with a patch of another."""
    picture = host.copy()
    part = source[start[0] : start[0] + size, start[1] : start[1] + size]
    picture[place[0] : place[0] + size, place[1] : place[1] + size] = part
    return picture


@pytest.fixture
def pictures(rng):
    """Four pictures to compare, and eight to compare with, the sixth with a part of the third."""
    queries, references = rng.normal(size=(4, 32, 32)), rng.normal(size=(8, 32, 32))
    references[5] = pasted(references[5], queries[2], (9, 3), (4, 11), 20)
    return queries, references


def rows(pictures):
    return pictures.reshape(len(pictures), -1)


class TestCorrelations:
    @pytest.mark.parametrize("reach", [None, 0, 3])
    @pytest.mark.parametrize(("shape", "size", "stride"), [((24, 24), 8, 4), ((23, 31), 7, 5)])
    def test_are_those_of_scikit_image(self, rng, shape, size, stride, reach):
        queries, references = rng.normal(size=(2, *shape)), rng.normal(size=(3, *shape))
        ours = tile_correlations(queries, references, size=size, stride=stride, reach=reach)
        for query, found in zip(queries, ours, strict=True):
            for reference, one in zip(references, found, strict=True):
                theirs = searched(query, reference, size, stride, reach)
                np.testing.assert_allclose(one, theirs, atol=1e-5)
        assert ours.dtype == np.float32

    @settings(max_examples=20, deadline=None)
    @given(gain=st.floats(0.01, 100), offset=st.floats(-1000, 1000))
    def test_brightness_and_contrast_do_not_count(self, gain, offset):
        rng = np.random.default_rng(1)
        queries, references = rng.random((2, 1, 24, 24))
        before = tile_correlations(queries, references)
        after = tile_correlations(gain * queries + offset, references + offset)
        np.testing.assert_allclose(after, before, atol=1e-4)

    @pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
    def test_of_any_numbers(self, rng, dtype):
        pictures = rng.integers(0, 100, size=(2, 24, 24))
        ours = tile_correlations(pictures.astype(dtype), pictures.astype(dtype)[::-1])
        expected = tile_correlations(pictures.astype(float), pictures.astype(float)[::-1])
        np.testing.assert_array_equal(ours, expected)

    def test_nothing_is_found_where_there_is_no_contrast(self, rng):
        half = np.zeros((1, 32, 32))
        half[:, :, 16:] = rng.normal(size=(32, 16))
        found = tile_correlations(half, half, size=8, stride=8)[0, 0].reshape(4, 4)
        np.testing.assert_array_equal(found[:, :2], 0)
        np.testing.assert_allclose(found[:, 2:], 1, atol=1e-6)
        flat = np.full((1, 32, 32), 0.1)
        assert not tile_correlations(half, flat).any()
        assert not tile_correlations(flat, half).any()

    def test_wrong_input(self, rng):
        pictures = rng.random((2, 16, 16))
        with pytest.raises(ValueError, match=r"no larger; got \(16, 16\), \(16, 15\) and size=16"):
            tile_correlations(pictures, pictures[:, :, 1:])
        with pytest.raises(ValueError, match="size=17"):
            tile_correlations(pictures, pictures, size=17)
        with pytest.raises(ValueError, match="stride has to be at least 1"):
            tile_correlations(pictures, pictures, stride=0)
        with pytest.raises(ValueError, match="expected"):
            tile_correlations(pictures[0], pictures)

    def test_refined_is_the_search_within_two_pixels(self, rng):
        query, reference = rng.normal(size=(2, 25, 25))
        cut = windows_of(query[np.newaxis], 10)
        at = tile_places(cut.shape, 5)
        # At the corners of the reference, too, where it looks further on one side.
        around = np.stack([rng.integers(0, 16, size=(1, len(at))) for _ in range(2)])
        around[:, 0, :2] = [[0, 15], [15, 0]]
        ours = refined(cut.at(at), reference[np.newaxis], around)[0]
        for tile, place, best in zip(at, around[:, 0].T, ours, strict=True):
            row, column = np.divmod(tile, 16)
            fits = match_template(reference, query[row : row + 10, column : column + 10])
            top, left = np.clip(place - 2, 0, 11)
            expected = fits[top : top + 5, left : left + 5].max()
            np.testing.assert_allclose(best, expected, atol=1e-5)

    def test_scales_are_one_over_the_norms(self, rng):
        picture = centred(rng.normal(size=(1, 12, 14)))
        scales = window_scales(picture, 5)[0]
        for row, column in np.ndindex(8, 10):
            window = picture[0, row : row + 5, column : column + 5].astype(float)
            np.testing.assert_allclose(scales[row, column], 1 / (5 * window.std()), rtol=1e-5)


class TestEvidence:
    def test_freedom_of_an_impulse_a_wave_and_noise(self, rng):
        impulse = np.zeros((1, 64))
        impulse[0, 27] = 1
        np.testing.assert_allclose(degrees_of_freedom(impulse), 64)
        wave = np.cos(2 * np.pi * np.arange(16) / 4)[np.newaxis] * np.ones((16, 1))
        noise = rng.normal(size=(16, 16))
        few, many = degrees_of_freedom(np.stack([wave, noise]).reshape(2, -1))
        assert few < 8 < 40 < many
        np.testing.assert_array_equal(degrees_of_freedom(np.zeros((2, 64))), 1)

    @pytest.mark.parametrize("freedom", [8, 20, 60])
    def test_is_about_the_exact_p_value_in_standard_deviations(self, freedom):
        # The square of the correlation of random directions is beta distributed.
        found = evidence(np.array([0.5, 0.8]), np.array(freedom))
        exact = norm.isf(beta.sf([0.25, 0.64], 0.5, (freedom - 1) / 2) / 2)
        np.testing.assert_allclose(found, exact, rtol=0.15)

    def test_of_opposites_and_single_waves_is_none(self):
        found = evidence(np.array([-1, 0, 1, 1]), np.array([9, 9, 9, 1]))
        np.testing.assert_array_equal(found, [0, 0, np.inf, 0])

    def test_distance_is_of_the_best_tiles(self):
        correlations, freedom = np.array([0.2, 0.9, -0.5, 0.6]), np.full(4, 21.0)
        np.testing.assert_allclose(unexplained(correlations, freedom), np.sqrt(0.1 / 1.9))
        two = (0.1 / 1.9 * 0.4 / 1.6) ** 0.25
        np.testing.assert_allclose(unexplained(correlations, freedom, 2), two)
        assert unexplained(np.zeros(4), freedom, 2) == 1
        assert unexplained(np.ones(4), freedom, 2) == 0
        # Tiles that are not there have no evidence.
        four = unexplained(correlations[:2], freedom[:2], 4)
        np.testing.assert_allclose(four, (0.1 / 1.9 * 0.8 / 1.2) ** 0.125)


class TestTransformer:
    @pytest.mark.parametrize("parameters", [{}, {"n_refined": 1}, {"max_shift": 0.3}])
    def test_finds_the_part(self, pictures, parameters):
        queries, references = pictures
        view = PairwiseTileTransformer(**parameters).fit(rows(queries), generated=rows(references))
        distances = view.transform(rows(queries))[:, :, 0]
        assert distances.dtype == np.float32
        assert np.unravel_index(distances.argmin(), distances.shape) == (2, 5)
        assert distances[2, 5] < 0.1
        assert np.median(distances) > 0.5

    def test_too_far_away(self, pictures):
        queries, references = pictures  # moved by 5 and 8 pixels
        view = PairwiseTileTransformer(max_shift=0.1)
        view.fit(rows(queries), generated=rows(references))
        assert view.transform(rows(queries))[2, 5, 0] > 0.5

    def test_in_place_are_the_tiles_of_numpy(self, rng):
        queries, references = rng.normal(size=(2, 24, 24)), rng.normal(size=(5, 24, 24))
        queries[1, :12] *= 0.01  # some tiles with next to no contrast
        references[3, 8:, :17] = queries[0, 8:, :17]
        view = PairwiseTileTransformer(tile=8, stride=4, n_best=3, max_shift=0)
        found = view.fit(rows(queries), generated=rows(references)).transform(rows(queries))
        corners = [(r, c) for r in range(0, 17, 4) for c in range(0, 17, 4)]
        for query, line in zip(queries, found[:, :, 0], strict=True):
            tiles = [query[r : r + 8, c : c + 8].ravel() for r, c in corners]
            freedom = degrees_of_freedom(np.stack([t - t.mean() for t in tiles]))
            for reference, one in zip(references, line, strict=True):
                correlations = [
                    np.corrcoef(tile, reference[r : r + 8, c : c + 8].ravel())[0, 1]
                    if tile.std() > 0.3 * query.std()
                    else 0
                    for tile, (r, c) in zip(tiles, corners, strict=True)
                ]
                expected = unexplained(np.array(correlations), freedom, 3)
                np.testing.assert_allclose(one, expected, atol=1e-5)
        assert found[0, 3, 0] == 0

    def test_in_place_is_a_search_without_shifts(self, rng):
        queries, references = rng.normal(size=(37, 24, 24)), rng.normal(size=(100, 24, 24))
        found = correlations_in_place(tiles_of(queries, 8, 5), tiles_of(references, 8, 5))
        expected = tile_correlations(queries, references, size=8, stride=5, reach=0)
        np.testing.assert_allclose(found, expected, atol=1e-6)

    def test_in_place_is_not_elsewhere(self, pictures):
        queries, references = pictures  # moved by 5 and 8 pixels
        view = PairwiseTileTransformer(max_shift=0)
        view.fit(rows(queries), generated=rows(references))
        assert view.transform(rows(queries))[2, 5, 0] > 0.5

    def test_a_copy_is_at_zero_and_a_flat_picture_at_one(self, rng):
        some = rows(rng.normal(size=(3, 32, 32)))
        some[2] = 0.3
        distances = PairwiseTileTransformer().fit(some).transform(some)[:, :, 0]
        np.testing.assert_array_equal(np.diag(distances), [0, 0, 1])
        np.testing.assert_array_equal(distances[2], 1)
        np.testing.assert_array_equal(distances[:, 2], 1)
        real = PairwiseTileTransformer(include_real=True).fit(some, generated=some[:1])
        assert np.isnan(np.diag(real.transform(some)[:, 1:, 0])).all()

    @pytest.mark.parametrize("max_shift", [None, 0])
    def test_the_same_bits_however_the_work_is_cut(self, pictures, rng, max_shift):
        queries = rng.normal(size=(37, 32, 32))
        references = np.concatenate([pictures[1], rng.normal(size=(120, 32, 32))])
        view = PairwiseTileTransformer(n_refined=10, max_shift=max_shift)
        fitted = view.fit(rows(queries), generated=rows(references))
        bags = fitted.transform(rows(queries))
        for n_jobs, memory, part in [(2, 1024, slice(None)), (None, 1, slice(3, 21))]:
            fitted.set_params(n_jobs=n_jobs)
            with config_context(working_memory=memory):
                np.testing.assert_array_equal(fitted.transform(rows(queries[part])), bags[part])
        # Whatever the other generated images, where all are compared at full size.
        fine = PairwiseTileTransformer(n_refined=200, max_shift=max_shift)
        fine.fit(rows(queries), generated=rows(references))
        few = fine.retarget(rows(references[5:9])).transform(rows(queries))
        np.testing.assert_array_equal(few, fine.transform(rows(queries))[:, 5:9])

    def test_what_is_not_refined_is_not_closer(self, rng):
        queries, references = rng.normal(size=(5, 32, 32)), rng.normal(size=(30, 32, 32))
        data = rows(queries), rows(references)
        few = PairwiseTileTransformer(n_refined=4).fit(data[0], generated=data[1])
        fine = PairwiseTileTransformer().fit(data[0], generated=data[1])
        for row, refined_row in zip(few.transform(data[0])[:, :, 0],
                                    fine.transform(data[0])[:, :, 0], strict=True):  # fmt: skip
            same = row == refined_row
            assert same.sum() >= 4
            assert row[~same].min() >= np.sort(row[same])[3]

    @pytest.mark.parametrize("side", [16, 17, 19, 33])
    def test_other_sides(self, rng, side):
        some = rows(rng.normal(size=(3, side, side)))
        view = PairwiseTileTransformer().fit(some)
        distances = view.transform(some)[:, :, 0]
        assert (distances.argmin(axis=1) == np.arange(3)).all()
        if side == 16:  # a single tile, where two count
            assert view.tile_map(some[0], some[0]).min() == 1

    def test_map(self, pictures):
        queries, references = pictures
        view = PairwiseTileTransformer().fit(rows(queries), generated=rows(references))
        where = view.tile_map(queries[2].ravel(), references[5].ravel())
        inside = np.zeros((32, 32), dtype=bool)
        inside[4:24, 11:31] = True
        assert where[inside].mean() > 0.97
        assert where[~inside].mean() < 0.6
        assert where.min() >= 0
        assert where.max() <= 1

    def test_wrong_input(self, rng):
        some = rng.random((3, 32 * 32))
        with pytest.raises(ValueError, match="square image, at least as large"):
            PairwiseTileTransformer().fit(some[:, 1:])
        with pytest.raises(ValueError, match="Give a smaller tile for smaller images"):
            PairwiseTileTransformer(tile=34).fit(some)
        for name in ("tile", "stride"):
            with pytest.raises(ValueError, match=f"{name} has to be even.*got 7"):
                PairwiseTileTransformer(**{name: 7}).fit(some)
        with pytest.raises(ValueError, match=r"generated has to be one row of 1024 columns"):
            PairwiseTileTransformer().fit(some).tile_map(some[0], some)


def contrast_score(bags, n_next=30):
    """How much closer the closest generated image is than the next ones."""
    ordered = np.sort(bags[:, :, 0], axis=1)
    return ordered[:, 1 : 1 + n_next].mean(axis=1) - ordered[:, 0]


@pytest.mark.slow
@pytest.mark.parametrize(("copied", "low", "high"), [("used", 0.8, 1), ("others", 0.3, 0.7)])
def test_copied_parts_tell_who_was_used_and_those_of_others_tell_nothing(rng, copied, low, high):
    images = datasets.make_membership_problem(90, random_state=3).images.astype(float)
    used, real = np.arange(60) < 30, images[:60]
    sources = real[used] if copied == "used" else images[60:]
    hosts = datasets.make_membership_problem(4, n_generated=60, memorization=0, random_state=4)
    made = [
        pasted(host, sources[k % 30], *rng.integers(0, 33, size=(2, 2)), 32)
        for k, host in enumerate(hosts.generated.astype(float))
    ]
    descriptor = PixelDescriptor(contrast="local", intensity_range=(0, 255))
    queries = descriptor.fit_transform(real)
    view = PairwiseTileTransformer().fit(queries, generated=descriptor.transform(np.stack(made)))
    assert low <= roc_auc_score(used, contrast_score(view.transform(queries))) <= high
