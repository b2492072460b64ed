"""CDF vectors against exact arithmetic, distances against scipy.stats and POT."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import beta, wasserstein_distance

from gan_isi.distances import wasserstein_distances
from gan_isi.texture.cdf import (
    cdf_vectors,
    cell_edges,
    quantile_levels,
    tiled_cdf_vectors,
)

CELLS = ("equal", "fine_tails")
#: (number of values, number of cells): dividing, not dividing, more cells than values.
SIZES = [
    (64, 8),
    (8, 8),
    (12, 1),
    (50, 7),
    (100, 64),
    (101, 100),
    (5, 8),
    (1, 4),
    (3, 256),
    (7, 14),
]

values = hnp.arrays(np.float32, st.integers(1, 40), elements=st.floats(-100, 100, width=32))
equal_vectors = hnp.arrays(np.float32, (3, 2, 8), elements=st.floats(-100, 100, width=32))


@pytest.fixture
def rng():
    return np.random.default_rng(20232)


def exact_edges(n_levels, cells):
    levels = [Fraction(k, n_levels) for k in range(n_levels + 1)]
    return levels if cells == "equal" else [10 * t**3 - 15 * t**4 + 6 * t**5 for t in levels]


def exact_vector(sample, n_levels, cells):
    """n times the integral of the quantile function over each cell, in rationals."""
    ordered = [Fraction(float(value)) for value in np.sort(sample)]
    size = len(ordered)
    edges = exact_edges(n_levels, cells)
    integrals = []
    for low, high in pairwise(edges):
        share = [
            max(Fraction(0), min(high, Fraction(i + 1, size)) - max(low, Fraction(i, size)))
            for i in range(size)
        ]
        integrals.append(sum(s * value for s, value in zip(share, ordered, strict=True)))
    return np.array([float(n_levels * integral) for integral in integrals])


def distance(first, second, n_levels, cells):
    """W1 of two samples by way of their CDF vectors."""
    one, other = (cdf_vectors([sample], n_levels, cells)[None] for sample in (first, second))
    return float(wasserstein_distances(one, other)[0, 0, 0])


each_cells = pytest.mark.parametrize("cells", CELLS)


class TestCells:
    @pytest.mark.parametrize("n_levels", [1, 2, 7, 64, 255])
    def test_edges(self, n_levels):
        t = np.linspace(0, 1, n_levels + 1)
        assert_allclose(cell_edges(n_levels, "equal"), t, atol=1e-15)
        # The polynomial is the distribution function of Beta(3, 3).
        assert_allclose(cell_edges(n_levels, "fine_tails"), beta(3, 3).cdf(t), atol=1e-15)

    @pytest.mark.parametrize("n_levels", [64, 99, 256])
    def test_the_narrow_cells_keep_their_digits(self, n_levels):
        edges = [float(edge) for edge in exact_edges(n_levels, "fine_tails")]
        assert_allclose(cell_edges(n_levels)[:20], edges[:20], rtol=1e-14)
        assert_allclose(cell_edges(n_levels)[::-1], 1 - cell_edges(n_levels), atol=4e-16)

    @each_cells
    @pytest.mark.parametrize("n_levels", [1, 4, 255])
    def test_levels_are_the_centres(self, n_levels, cells):
        edges = np.array([float(edge) for edge in exact_edges(n_levels, cells)])
        assert_allclose(quantile_levels(n_levels, cells), (edges[1:] + edges[:-1]) / 2, atol=1e-15)


class TestCdfVectors:
    @each_cells
    @pytest.mark.parametrize(("size", "n_levels"), SIZES)
    def test_exact_arithmetic(self, rng, size, n_levels, cells):
        sample = rng.normal(size=size).astype(np.float32)
        expected = exact_vector(sample, n_levels, cells)
        assert_allclose(cdf_vectors([sample], n_levels, cells)[0], expected, rtol=2e-7, atol=1e-7)

    @pytest.mark.parametrize(("size", "n_levels"), SIZES)
    def test_numpys_quantile_function(self, rng, size, n_levels):
        sample = rng.normal(size=size).astype(np.float32)
        # `size` points a cell: no step of the quantile function lies between two of them
        # and a boundary of a cell, so that their mean is the integral.
        points = (np.arange(size * n_levels) + 0.5) / (size * n_levels)
        quantiles = np.quantile(sample.astype(float), points, method="inverted_cdf")
        expected = quantiles.reshape(n_levels, size).mean(axis=1)
        assert_allclose(cdf_vectors([sample], n_levels, "equal")[0], expected, rtol=2e-7, atol=1e-7)

    @each_cells
    @given(sample=values, n_levels=st.integers(1, 50))
    @settings(max_examples=60, deadline=None)
    def test_any_values(self, sample, n_levels, cells):
        (vector,) = cdf_vectors([sample], n_levels, cells)
        assert vector.dtype == np.float32
        assert_allclose(vector, exact_vector(sample, n_levels, cells), rtol=2e-7, atol=1e-5)
        assert_allclose(vector.mean(dtype=float), sample.mean(dtype=float), atol=2e-5)

    @given(sample=values, n_levels=st.integers(1, 50))
    @settings(max_examples=60, deadline=None)
    def test_equal_cells_ascend_within_the_range(self, sample, n_levels):
        (vector,) = cdf_vectors([sample], n_levels, "equal")
        assert (np.diff(vector) >= 0).all()
        assert sample.min() <= vector[0]
        assert vector[-1] <= sample.max()

    @each_cells
    @pytest.mark.parametrize(("size", "n_levels"), [(64, 8), (50, 7), (5, 8)])
    def test_the_order_of_the_pixels_does_not_matter(self, rng, size, n_levels, cells):
        sample = rng.normal(size=size)
        expected = cdf_vectors([sample], n_levels, cells)
        assert_array_equal(cdf_vectors([rng.permutation(sample)], n_levels, cells), expected)

    @each_cells
    @pytest.mark.parametrize(("size", "n_levels"), SIZES)
    def test_shift_and_scale(self, rng, size, n_levels, cells):
        sample = rng.normal(size=size)
        (vector,) = cdf_vectors([sample], n_levels, cells)
        (of_ones,) = cdf_vectors([np.ones(size)], n_levels, cells)
        expected = 3 * vector + 2 * of_ones
        assert_allclose(cdf_vectors([3 * sample + 2], n_levels, cells)[0], expected, atol=2e-6)
        # Minus the values: the vector the other way round.
        assert_allclose(cdf_vectors([-sample], n_levels, cells)[0], -vector[::-1], atol=1e-6)

    @each_cells
    def test_maps_may_differ_in_size_and_shape(self, rng, cells):
        maps = [rng.random((6, 7)), rng.random((2, 30)), rng.random(5)]
        stacked = cdf_vectors(iter(maps), 16, cells)
        assert stacked.shape == (3, 16)
        for row, one in zip(stacked, maps, strict=True):
            assert_allclose(row, exact_vector(one.ravel(), 16, cells), atol=2e-7)

    @each_cells
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("shape", [(3, 5, 6), (4, 64, 64), (2, 7), (1, 1)])
    def test_maps_together_equal_maps_alone_to_the_last_bit(self, rng, shape, dtype, cells):
        maps = rng.random(shape).astype(dtype)
        together = cdf_vectors(maps, 16, cells)
        assert_array_equal(cdf_vectors(list(maps), 16, cells), together)
        assert_array_equal(cdf_vectors(maps.tolist(), 16, cells), together)
        assert_array_equal(cdf_vectors(maps[-1:], 16, cells), together[-1:])

    @pytest.mark.parametrize("container", [np.asarray, list])
    def test_the_maps_are_left_alone(self, rng, container):
        maps = rng.random((3, 5, 6), dtype=np.float32)
        before = maps.copy()
        cdf_vectors(container(maps), 8)
        assert_array_equal(maps, before)

    @pytest.mark.parametrize("size", [65536, 65000])
    def test_a_constant_map_has_the_cells_widths(self, size):
        constant = np.full(size, 0.1, dtype=np.float32)
        equal = cdf_vectors([constant], 256, "equal")
        assert_array_equal(equal, np.full((1, 256), 0.1, dtype=np.float32))
        widths = np.diff(beta(3, 3).cdf(np.linspace(0, 1, 65)))
        assert_allclose(cdf_vectors([constant], 64)[0], 6.4 * widths, rtol=1e-6, atol=1e-12)


class TestAgainstExactWasserstein:
    @pytest.mark.parametrize("size", [1, 2, 17, 64])
    def test_as_many_equal_cells_as_values(self, rng, size):
        first, second = rng.normal(size=size), rng.gamma(2.0, size=size)
        ours = distance(first, second, size, "equal")
        assert ours == pytest.approx(wasserstein_distance(first, second), rel=1e-6)
        assert ours == pytest.approx(float(ot.wasserstein_1d(first, second, p=1)), rel=1e-6)
        assert ours == pytest.approx(ot.emd2_1d(first, second, metric="euclidean"), rel=1e-6)

    def test_a_common_multiple_of_different_sizes(self, rng):
        first, second = rng.normal(size=6), rng.normal(size=10)
        ours = distance(first, second, 30, "equal")
        assert ours == pytest.approx(wasserstein_distance(first, second), rel=1e-6)
        assert ours == pytest.approx(ot.emd2_1d(first, second, metric="euclidean"), rel=1e-6)

    @each_cells
    @pytest.mark.parametrize("sizes", [(60, 60), (60, 47), (5, 200)])
    @pytest.mark.parametrize("n_levels", [1, 7, 32])
    def test_exact_when_one_dominates(self, rng, sizes, n_levels, cells):
        # Quantile functions that never cross: every cell is exact, whatever its width.
        first, second = rng.random(sizes[0]), 1 + rng.random(sizes[1]) ** 2
        ours = distance(first, second, n_levels, cells)
        assert ours == pytest.approx(wasserstein_distance(first, second), rel=1e-6)
        assert ours == pytest.approx(float(second.mean() - first.mean()), rel=1e-6)

    @each_cells
    @given(first=values, second=values, n_levels=st.integers(1, 64))
    @settings(max_examples=100, deadline=None)
    def test_never_above(self, first, second, n_levels, cells):
        exact = wasserstein_distance(first.astype(float), second.astype(float))
        assert distance(first, second, n_levels, cells) <= exact * (1 + 1e-6) + 2e-5

    @pytest.mark.parametrize(("n_levels", "cells"), [(256, "equal"), (64, "fine_tails")])
    @pytest.mark.parametrize("sizes", [(4096, 4096), (4000, 2500)])
    def test_close_when_they_cross(self, rng, sizes, n_levels, cells):
        first, second = rng.normal(size=sizes[0]), rng.laplace(size=sizes[1])
        exact = wasserstein_distance(first, second)
        ours = distance(first, second, n_levels, cells)
        assert 0.995 * exact <= ours <= exact * (1 + 1e-6)


class TestAsManyValuesEverywhere:
    """Cells that end where values end: exact, for maps of equally many values."""

    @given(
        n_values=st.integers(1, 40),
        more=st.integers(0, 60),
        cells=st.sampled_from(CELLS),
        seed=st.integers(0, 999),
    )
    @settings(max_examples=100, deadline=None)
    def test_exact(self, n_values, more, cells, seed):
        rng = np.random.default_rng(seed)
        one, other = rng.normal(size=n_values), rng.gamma(2.0, size=n_values) - 2
        vectors = cdf_vectors([one, other], n_values + more, cells, n_values=n_values)
        ours = wasserstein_distances(vectors[:1, None], vectors[1:, None])[0, 0, 0]
        assert ours == pytest.approx(wasserstein_distance(one, other), rel=1e-5, abs=1e-6)
        assert_allclose(vectors.mean(axis=1), [one.mean(), other.mean()], atol=1e-5)

    def test_without_it_49_values_in_64_cells_are_not(self, rng):
        maps = rng.normal(size=(40, 49)).astype(np.float32)
        exact = np.abs(np.sort(maps)[:, None] - np.sort(maps)[None]).mean(axis=2)
        for cells in CELLS:
            for n_values, bound in ((None, 0), (49, 1e-6)):
                vectors = cdf_vectors(maps, 64, cells, n_values=n_values)[:, None]
                error = np.abs(wasserstein_distances(vectors, vectors)[:, :, 0] - exact).max()
                assert error <= bound or (bound == 0 and error > 1e-3)

    @pytest.mark.parametrize(("n_levels", "n_values"), [(64, 49), (49, 49), (98, 49), (5, 1)])
    def test_every_value_has_cells_of_its_own(self, n_levels, n_values):
        edges = cell_edges(n_levels, n_values=n_values)
        assert edges[0] == 0
        assert edges[-1] == 1
        assert len(edges) == n_levels + 1
        assert (np.diff(edges) > 0).all()
        assert np.isin(np.arange(n_values + 1) / n_values, edges).all()
        counts = np.histogram(
            quantile_levels(n_levels, n_values=n_values), np.linspace(0, 1, n_values + 1)
        )
        assert set(counts[0]) <= {n_levels // n_values, -(-n_levels // n_values)}

    @each_cells
    def test_fewer_cells_than_values_are_what_they_were(self, rng, cells):
        maps = rng.normal(size=(3, 50))
        assert_array_equal(cell_edges(49, cells, n_values=50), cell_edges(49, cells))
        assert_array_equal(cdf_vectors(maps, 9, cells, n_values=50), cdf_vectors(maps, 9, cells))

    def test_another_number_of_values_is_refused(self, rng):
        with pytest.raises(ValueError, match="map 1 has 50 values, but n_values has 49"):
            cdf_vectors([rng.random(49), rng.random(50)], n_values=49)


class TestDistances:
    @pytest.fixture
    def vectors(self, rng):
        return np.sort(rng.normal(size=(9, 5, 32)).astype(np.float32), axis=2)

    def test_every_pair_in_its_place(self, vectors):
        queries, references = vectors[:4], vectors[4:]
        distances = wasserstein_distances(queries, references)
        assert distances.shape == (4, 5, 5)
        assert distances.dtype == np.float32
        for q, query in enumerate(queries):
            for r, reference in enumerate(references):
                expected = [
                    wasserstein_distance(a, b) for a, b in zip(query, reference, strict=True)
                ]
                assert_allclose(distances[q, r], expected, rtol=1e-6)

    def test_pot_on_a_batch(self, vectors):
        ours = wasserstein_distances(vectors[:1], vectors[1:2])[0, 0]
        pot = ot.wasserstein_1d(vectors[0].T.astype(float), vectors[1].T.astype(float), p=1)
        assert_allclose(ours, pot, rtol=1e-6)

    @given(equal_vectors)
    @settings(max_examples=60, deadline=None)
    def test_a_metric(self, vectors):
        distances = wasserstein_distances(vectors, vectors)
        assert (distances >= 0).all()
        assert_array_equal(distances, np.swapaxes(distances, 0, 1))
        for index in range(len(vectors)):
            assert_array_equal(distances[index, index], 0)
        detour = distances[:, :, None] + distances[None]  # a to b to c
        assert (distances[:, None] <= detour * (1 + 1e-6) + 1e-30).all()

    @pytest.mark.parametrize("n_levels", [1, 7, 256, 1000])
    def test_rows_alone_equal_rows_together_to_the_last_bit(self, rng, n_levels):
        queries = rng.normal(size=(6, 4, n_levels)).astype(np.float32)
        references = rng.normal(size=(11, 4, n_levels)).astype(np.float32)
        together = wasserstein_distances(queries, references)
        for q in range(6):
            alone = wasserstein_distances(queries[q : q + 1], references)
            assert_array_equal(alone[0], together[q])
        for r in range(11):
            alone = wasserstein_distances(queries, references[r : r + 1])
            assert_array_equal(alone[:, 0], together[:, r])
        assert_array_equal(
            wasserstein_distances(queries[:, 2:3], references[:, 2:3]), together[..., 2:3]
        )

    @pytest.mark.parametrize("n_references", [2, 65, 1024, 1025, 2500])
    def test_many_references(self, rng, n_references):
        queries = rng.normal(size=(2, 3, 16)).astype(np.float32)
        references = rng.normal(size=(n_references, 3, 16)).astype(np.float32)
        together = wasserstein_distances(queries, references)
        expected = np.abs(queries[:, None].astype(float) - references[None]).mean(axis=-1)
        assert_allclose(together, expected, rtol=1e-6)
        halves = [wasserstein_distances(queries, part) for part in np.array_split(references, 2)]
        assert_array_equal(np.concatenate(halves, axis=1), together)

    def test_memory_layout_does_not_matter(self, vectors):
        queries, references = vectors[:4], vectors[4:]
        by_map = np.ascontiguousarray(references.transpose(1, 0, 2)).transpose(1, 0, 2)
        fortran = np.asfortranarray(queries)
        expected = wasserstein_distances(queries, references)
        assert_array_equal(wasserstein_distances(fortran, by_map), expected)

    def test_the_vectors_are_left_alone(self, vectors):
        before = vectors.copy()
        wasserstein_distances(vectors[:4], vectors[4:])
        assert_array_equal(vectors, before)


class TestTiles:
    """CDF vectors of tiles."""

    @pytest.fixture
    def maps(self, rng):
        return rng.random((3, 13, 18)).astype(np.float32)

    def test_one_tile_is_the_map(self, maps):
        assert_array_equal(tiled_cdf_vectors(maps, 1, 16), cdf_vectors(maps, 16))

    @pytest.mark.parametrize("cells", CELLS)
    def test_each_pixel_is_in_one_tile_in_its_place(self, maps, cells):
        vectors = tiled_cdf_vectors(maps, 3, 5, cells).reshape(3, 3, 3, 5)
        rows, columns = [0, 4, 8, 13], [0, 6, 12, 18]  # 13 is no multiple of 3
        for row, (top, bottom) in enumerate(pairwise(rows)):
            for column, (left, right) in enumerate(pairwise(columns)):
                tile = maps[:, top:bottom, left:right]
                assert_array_equal(vectors[:, row, column], cdf_vectors(tile, 5, cells))

    def test_the_distance_is_the_mean_over_the_tiles(self, rng):
        one, other = rng.normal(size=(2, 1, 12, 12)) ** 3
        vectors = [tiled_cdf_vectors(each, 2, 36, "equal")[np.newaxis] for each in (one, other)]
        exact = [
            wasserstein_distance(
                *(each[0, top : top + 6, left : left + 6].ravel() for each in (one, other))
            )
            for top in (0, 6)
            for left in (0, 6)
        ]
        assert_allclose(wasserstein_distances(*vectors), np.mean(exact), rtol=1e-5)

    def test_moving_pixels_within_a_tile_changes_nothing_and_beyond_does(self, maps):
        within, beyond = maps.copy(), maps.copy()
        within[:, 0, 0], within[:, 3, 5] = maps[:, 3, 5], maps[:, 0, 0]
        beyond[:, 0, 0], beyond[:, 3, 6] = maps[:, 3, 6], maps[:, 0, 0]
        expected = tiled_cdf_vectors(maps, 3)
        assert_array_equal(tiled_cdf_vectors(within, 3), expected)
        assert not np.array_equal(tiled_cdf_vectors(beyond, 3), expected)
        assert_array_equal(cdf_vectors(beyond), cdf_vectors(maps))

    def test_of_an_iterable_of_maps_of_several_sizes(self, maps):
        several = [maps[0], maps[1, :7, :7]]
        expected = [tiled_cdf_vectors(each[np.newaxis], 2, 4)[0] for each in several]
        assert_array_equal(tiled_cdf_vectors(iter(several), 2, 4), expected)

    def test_maps_with_further_axes_are_cut_along_the_last_two(self, maps):
        stacked = np.stack([maps, maps + 1], axis=1)
        assert_array_equal(
            tiled_cdf_vectors(stacked, 2, 4)[:, 4:8], cdf_vectors(stacked[..., :6, 9:], 4)
        )

    @pytest.mark.parametrize("shape", [(2, 3, 9), (2, 9, 3), (2, 9)])
    def test_too_small(self, shape):
        with pytest.raises(ValueError, match="can't be cut into 4 x 4 tiles"):
            tiled_cdf_vectors(np.zeros(shape), 4)

    @pytest.mark.parametrize("grid", [0, -1])
    def test_no_tiles(self, grid, maps):
        with pytest.raises(ValueError, match=f"can't be cut into {grid} x {grid} tiles"):
            tiled_cdf_vectors(maps, grid)


@pytest.fixture(scope="module")
def sorted_rows():
    pytest.importorskip("numba", reason='needs the extra "fast"')
    from gan_isi.texture.sort_numba import sorted_rows

    return lambda rows: sorted_rows(rows.view(np.uint32)).view(np.float32)


class TestSortedByBits:
    """What sorts faster changes no bit of a vector."""

    @settings(max_examples=200, deadline=None)
    @given(
        hnp.arrays(
            np.float32,
            st.tuples(st.integers(1, 3), st.integers(1, 50)),
            elements=st.floats(allow_nan=False, width=32),
        )
    )
    def test_in_order(self, sorted_rows, rows):
        assert_array_equal(sorted_rows(rows), np.sort(rows, axis=1))

    @pytest.mark.parametrize("kind", ["normal", "few values", "tiny", "zeros of both signs"])
    def test_vectors_have_the_same_bits(self, sorted_rows, kind, rng, monkeypatch):
        maps = {
            "normal": rng.normal(size=(2, 100, 100)),
            "few values": rng.integers(-3, 3, size=(2, 100, 100)),
            "tiny": rng.normal(size=(2, 100, 100)) * 1e-41,
            "zeros of both signs": rng.choice([-1.0, 1.0], size=(2, 100, 100)) * 0,
        }[kind].astype(np.float32)
        found = []
        for sort in (np.sort, sorted_rows):
            monkeypatch.setattr("gan_isi.texture.cdf._sort", lambda sort=sort: sort)
            whole, tiles = cdf_vectors(maps), tiled_cdf_vectors(maps, 3)
            found.append((whole.tobytes(), tiles.tobytes()))
        assert found[0] == found[1]

    def test_the_faster_one_is_taken(self, sorted_rows, monkeypatch):
        from gan_isi.texture import cdf

        numpys = np.sort

        def slow(rows, axis=-1):
            for _ in range(50):
                numpys(rows, axis=axis)
            return numpys(rows, axis=axis)

        monkeypatch.setattr(np, "sort", slow)
        cdf._sort.cache_clear()
        try:
            taken = cdf._sort()
            assert taken is not slow
            few, many = (np.array([[3, 1, 2] * n], dtype=np.float32) for n in (2, 2000))
            for rows in (few, many, many[:, ::2]):
                assert_array_equal(taken(rows), numpys(rows))
        finally:
            cdf._sort.cache_clear()


@pytest.mark.parametrize("maps", [[], iter([]), np.empty((0, 4, 4))])
def test_no_maps_at_all(maps):
    with pytest.raises(ValueError, match="maps is empty; at least one map is required"):
        cdf_vectors(maps)


@pytest.mark.parametrize("maps", [[], iter([])])
def test_no_maps_to_cut_into_tiles(maps):
    with pytest.raises(ValueError, match="maps is empty; at least one map is required"):
        tiled_cdf_vectors(maps, 2)
