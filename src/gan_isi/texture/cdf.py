"""CDF vectors of maps, whose mean absolute differences are 1-Wasserstein distances.

A map is represented by its quantile function Q, integrated over n cells of probability.
With edges e_0 = 0 < e_1 < ... < e_n = 1, entry k is

    n * integral of Q(u) du from e_k to e_(k+1).

This is the sum of the order statistics that fall into the cell, where a part of a pixel
counts by its share; for cells of equal probability it is their mean. W1(P, Q) is the integral
of |Q_P - Q_Q|, so the mean absolute difference of two such vectors equals W1 except in
cells where the two quantile functions cross, and it never exceeds W1.

Most maps have heavy tails, and a crossing in an outermost cell is expensive. Cells that
become finer towards both ends have fewer large errors with a quarter of the numbers
(docs/guide/distances.md).

Two functions that step at the same places can't cross between their steps. Where all maps
have the same number of values, and there are at least as many cells, cells that end at every
step (`n_values`) make the distance exact. Only vectors of the same cells can be compared, so
the cells are chosen by what all maps have in common, never by a single map.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._validation.arrays import check_array, check_choice, check_count, check_same

DEFAULT_N_LEVELS = 64

#: The maps of an array with up to this many values are sorted together. For many small maps
#: (the 2048 of ResNet-50) that is ten times faster than one by one, with the same bits.
_SORTED_AT_ONCE = 2**20

#: Maps with fewer values are sorted by NumPy: three tables of digits take as long.
_FEW_VALUES = 4096

#: Larger values would make a cell's sum overflow single precision.
_LARGEST_VALUE = 1e36

Cells: TypeAlias = Literal["fine_tails", "equal"]


def cell_edges(
    n_levels: int, cells: Cells = "fine_tails", *, n_values: int | None = None
) -> NDArray[np.float64]:
    """Probabilities at which the cells begin and end.

    Parameters
    ----------
    n_levels : int
        Number of cells, at least 1.
    cells : {"fine_tails", "equal"}, default="fine_tails"
        Kind of the cells: of equal probability, or finer towards 0 and 1, with edges at
        ``10 t**3 - 15 t**4 + 6 t**5`` for equally spaced t.
    n_values : int, default=None
        Number of values of every map that will be compared, if all maps have the same. If
        there are at least as many cells, every value gets cells of its own, of equal
        probability, whatever `cells` is; if the numbers are equal, each value gets one.

    Returns
    -------
    ndarray of shape (n_levels + 1,)
        Ascending edges from 0 to 1, symmetric about 0.5 without `n_values`.

    Raises
    ------
    TypeError
        If a number is not a whole number.
    ValueError
        If a number is below 1, or `cells` is not one of these names.

    Examples
    --------
    >>> cell_edges(4, "equal")
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    >>> cell_edges(4).round(3)
    array([0.   , 0.104, 0.5  , 0.896, 1.   ])
    >>> cell_edges(4, n_values=3).round(3)
    array([0.   , 0.333, 0.667, 0.833, 1.   ])
    """
    check_choice(cells, "cells", get_args(Cells))
    n_levels = check_count(n_levels, "n_levels")
    t = np.arange(n_levels + 1) / n_levels
    if n_values is not None and check_count(n_values, "n_values") <= n_levels:
        steps = np.arange(n_values + 1)
        return np.interp(np.arange(n_levels + 1), steps * n_levels // n_values, steps / n_values)
    if cells == "equal":
        return t
    # Each edge is computed from the nearer end, so that the narrow cells at both ends are exact.
    from_end = np.minimum(t, 1 - t)
    edges = from_end**3 * (10 - 15 * from_end + 6 * from_end**2)
    return np.where(t <= 0.5, edges, 1 - edges)


def quantile_levels(
    n_levels: int, cells: Cells = "fine_tails", *, n_values: int | None = None
) -> NDArray[np.float64]:
    """Probabilities at the centres of the cells.

    Parameters
    ----------
    n_levels : int
        Number of cells.
    cells : {"fine_tails", "equal"}, default="fine_tails"
        Kind of the cells, see `cell_edges`.
    n_values : int, default=None
        Number of values of every map, see `cell_edges`.

    Returns
    -------
    ndarray of shape (n_levels,)
        Ascending probabilities between 0 and 1.

    Examples
    --------
    >>> quantile_levels(4, "equal")
    array([0.125, 0.375, 0.625, 0.875])
    """
    edges = cell_edges(n_levels, cells, n_values=n_values)
    return (edges[1:] + edges[:-1]) / 2


def cdf_vectors(
    maps: Iterable[ArrayLike],
    n_levels: int = DEFAULT_N_LEVELS,
    cells: Cells = "fine_tails",
    *,
    n_values: int | None = None,
) -> NDArray[np.float32]:
    """Compute the CDF vector of each map: its quantile function integrated over cells.

    Parameters
    ----------
    maps : array-like of shape (n_maps, ...) or iterable of array-like
        Values of each map in any order, without NaN. Maps of an iterable may differ in size.
    n_levels : int, default=64
        Number of cells of probability of each CDF vector, at least 1. It may exceed the
        number of values.
    cells : {"fine_tails", "equal"}, default="fine_tails"
        Kind of the cells, see `cell_edges`.
    n_values : int, default=None
        Number of values of every map that will be compared, if all maps have the same. If
        `n_levels` is at least as large, distances are exact.

    Returns
    -------
    ndarray of shape (n_maps, n_levels), float32
        CDF vectors in the units of the maps. The mean of a row is the mean of its map, and
        the mean absolute difference of two rows is their 1-Wasserstein distance, up to
        crossings within a cell. With equal cells the entries are the means of the
        order statistics of each cell and ascend.

    Raises
    ------
    TypeError
        If a map does not hold real numbers.
    ValueError
        If there are no maps, or a map holds NaN, infinity, or another number of values than
        `n_values`.

    Examples
    --------
    >>> cdf_vectors([[3.0, 1.0, 2.0, 4.0]], n_levels=2)
    array([[1.5, 3.5]], dtype=float32)
    """
    edges = cell_edges(n_levels, cells, n_values=n_values)
    return np.concatenate([_integrals(_sort()(rows), edges) for rows in _rows(maps, n_values)])


def _rows(maps: Any, n_values: int | None) -> Iterator[NDArray[np.float32]]:
    """Yield checked values: (n_maps, n) for small maps together, (1, n) for others."""
    if isinstance(maps, np.ndarray) and maps.dtype != object and 0 < maps.size <= _SORTED_AT_ONCE:
        each = iter([(_checked(maps, "maps", "(n_maps, values, ...)"), "maps")])
    else:
        each = _one_by_one(maps)
    for values, name in each:
        rows = values.reshape(len(values), -1)
        if n_values is not None:
            check_same(name, rows.shape[1], "n_values", n_values, "values")
        yield rows


def _one_by_one(maps: Any) -> Iterator[tuple[NDArray[np.float32], str]]:
    """Yield each map, checked and as the only one of an array, and its name in errors."""
    try:
        numbered = enumerate(maps)
    except TypeError as error:
        raise TypeError(f"maps has to be arrays of real numbers; got {maps!r}.") from error
    name = ""
    for index, values in numbered:
        name = f"map {index}"
        yield _checked(values, name, "(values, ...)")[np.newaxis], name
    if not name:
        raise ValueError("maps is empty; at least one map is required.")


def _checked(values: Any, name: str, axes: str) -> NDArray[np.float32]:
    # The result is float32, and float32 sorts several times faster than float64.
    return check_array(values, name, axes, largest=_LARGEST_VALUE).astype(np.float32, copy=False)


def tiled_cdf_vectors(
    maps: Iterable[ArrayLike],
    grid: int,
    n_levels: int = DEFAULT_N_LEVELS,
    cells: Cells = "fine_tails",
) -> NDArray[np.float32]:
    """Compute the CDF vectors of the tiles of each map.

    The CDF of a map does not tell where its values are; the CDFs of its tiles tell it up to
    the size of a tile.

    Parameters
    ----------
    maps : array-like of shape (n_maps, ..., height, width) or iterable of array-like
        Maps without NaN, whose last two axes are cut into tiles. Maps of an iterable may
        differ in size.
    grid : int
        Number of tiles along each of these axes, at most its length in pixels. Where it
        does not divide the length, some tiles are a pixel longer than others.
    n_levels : int, default=64
        Number of cells of probability of the CDF vector of each tile.
    cells : {"fine_tails", "equal"}, default="fine_tails"
        Kind of the cells, see `cell_edges`.

    Returns
    -------
    ndarray of shape (n_maps, grid * grid * n_levels), float32
        CDF vectors of the tiles, row by row of tiles, each as from `cdf_vectors`. As all
        tiles have the same number of cells, the mean absolute difference of two rows is the
        mean over the tiles of their 1-Wasserstein distances.

    Raises
    ------
    TypeError
        As in `cdf_vectors`, or if `grid` is not a whole number.
    ValueError
        As in `cdf_vectors`, or if `grid` is below 1, or if a map has fewer than two axes, or
        fewer pixels along one of them than tiles.

    Examples
    --------
    >>> halves = [[[0.0, 0.0, 5.0, 7.0], [0.0, 0.0, 6.0, 8.0]]]
    >>> tiled_cdf_vectors(halves, grid=2, n_levels=1)
    array([[0., 6., 0., 7.]], dtype=float32)
    """
    grid = check_count(grid, "grid", least=None)
    if not isinstance(maps, np.ndarray) or maps.dtype == object:
        return np.concatenate(
            [tiled_cdf_vectors(one, grid, n_levels, cells) for one, _ in _one_by_one(maps)]
        )
    if maps.ndim < 3 or not 1 <= grid <= min(maps.shape[-2:]):
        raise ValueError(f"Maps of shape {maps.shape[1:]} can't be cut into {grid} x {grid} tiles.")
    rows, columns = (np.arange(grid + 1) * length // grid for length in maps.shape[-2:])
    edges = cell_edges(n_levels, cells)
    # The values are checked once, not once for each tile.
    values = _checked(maps, "maps", "(n_maps, values, ...)")
    tiles = [
        _integrals(_sort()(values[..., top:bottom, left:right].reshape(len(maps), -1)), edges)
        for top, bottom in pairwise(rows)
        for left, right in pairwise(columns)
    ]
    return np.concatenate(tiles, axis=1)


def _integrals(ordered: NDArray[np.float32], edges: NDArray[np.float64]) -> NDArray[np.float32]:
    """Integrate the quantile function of sorted values over each cell, times n_levels.

    The values of a map lie along the last axis.
    """
    n_values, n_levels = ordered.shape[-1], len(edges) - 1
    positions = edges * n_values
    whole = np.minimum(positions.astype(np.intp), n_values - 1)
    # The integral up to an edge has the pixels before it and a part of the pixel that it cuts.
    before = np.add.reduceat(ordered, whole, axis=-1, dtype=np.float64)[..., :-1]
    before[..., whole[1:] == whole[:-1]] = 0.0  # reduceat has no empty sums
    cut = (positions - whole) * ordered[..., whole]
    # The sign of a zero would depend on how zeros were sorted.
    return ((before + np.diff(cut)) * (n_levels / n_values)).astype(np.float32) + np.float32(0)


@cache
def _sort() -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return what sorts rows faster here; the values are the same.

    NumPy's time depends on the processor: for 65,536 values 0.15 ms with AVX-512, and more than
    20 times as long without any of its kernels.
    """
    try:
        from .sort_numba import sorted_rows
    except ImportError:
        return np.sort

    def by_bits(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        if rows.shape[-1] < _FEW_VALUES:
            return np.sort(rows)
        return sorted_rows(np.ascontiguousarray(rows).view(np.uint32)).view(np.float32)

    sample = np.random.default_rng(0).standard_normal((1, 2**16), dtype=np.float32)
    seconds = {}
    for sort in (by_bits, np.sort):
        sort(sample)  # compiles
        starts = []
        for _ in range(3):
            start = time.perf_counter()
            sort(sample)
            starts.append(time.perf_counter() - start)
        seconds[sort] = min(starts)
    return min(seconds, key=seconds.__getitem__)
