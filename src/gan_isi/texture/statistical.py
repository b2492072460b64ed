"""Local statistics: range, standard deviation and entropy of a moving window."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._validation.arrays import check_image, check_window
from .._validation.typing import FloatImage
from .strips import in_strips

#: The grey levels of an 8-bit picture on the unit scale are 1/255 apart.
_GREY_LEVELS_PER_UNIT = 255

#: Number of grey levels up to which all get a place in a table, whether they are there or not.
_FEW_LEVELS = 2**12

#: Up to this number single precision tells every whole number from the next.
_LARGEST_WHOLE_NUMBER = 2**24


def local_range(image: FloatImage, size: int = 3) -> FloatImage:
    """Difference between the largest and the smallest value around each pixel.

    This is the first of the paper's statistical maps: grey dilation minus grey erosion with
    a flat square.

    Parameters
    ----------
    image : ndarray of shape (height, width)
        One grey image.
    size : int, default=3
        Side of the square window in pixels, odd.

    Returns
    -------
    ndarray of shape (height, width)
        Local ranges in the units of `image`. The border is mirrored including the edge,
        which for a range is the same as leaving out the pixels beyond it.

    Examples
    --------
    >>> import numpy as np
    >>> local_range(np.arange(1.0, 21.0).reshape(4, 5))[0]
    array([6., 7., 7., 7., 6.])
    """
    image, size = check_image(image), check_window(size, "size")
    return in_strips(image, lambda part: _range(part, size), size // 2)


def _range(image: FloatImage, size: int) -> FloatImage:
    padded = _pad_symmetric(image, size)
    largest, smallest = (
        _sliding_extreme(_sliding_extreme(padded, size, which).T, size, which).T
        for which in (np.maximum, np.minimum)
    )
    return largest - smallest


def local_std(image: FloatImage, size: int = 3) -> FloatImage:
    """Sample standard deviation (N - 1) around each pixel.

    Parameters
    ----------
    image : ndarray of shape (height, width)
        One grey image.
    size : int, default=3
        Side of the square window in pixels, odd and at least 3.

    Returns
    -------
    ndarray of shape (height, width)
        Local standard deviations in the units of `image`. The border is mirrored including
        the edge.

    Examples
    --------
    >>> import numpy as np
    >>> float(local_std(np.eye(3))[1, 1])
    0.5
    """
    # In double precision and without the mean: otherwise the difference of two sums of
    # squares would drown a flat region in rounding noise.
    image, size = check_image(image), check_window(size, "size", least=3)
    mean = image.astype(np.float64).mean()
    return in_strips(image, lambda part: _std(part, mean, size), size // 2)


def _std(image: FloatImage, mean: np.float64, size: int) -> FloatImage:
    values = _pad_symmetric(image.astype(np.float64) - mean, size)
    n_pixels = size * size
    total = _box_sum(values, size)
    squares = _box_sum(values * values, size)
    variance = (squares - total * total / n_pixels) / (n_pixels - 1)
    return np.sqrt(np.maximum(variance, 0.0)).astype(image.dtype, copy=False)


def local_entropy(image: FloatImage, size: int = 9) -> FloatImage:
    """Shannon entropy of the grey levels around each pixel, in bits.

    Parameters
    ----------
    image : ndarray of shape (height, width)
        One grey image on the unit scale. A grey level is 1/255 wide, so that an
        8-bit picture divided by 255 has exactly its own 256 levels. Values outside
        0..1 get levels of their own; nothing is clipped.
    size : int, default=9
        Side of the square window in pixels, odd.

    Returns
    -------
    ndarray of shape (height, width)
        Entropies in bits, between 0 and ``2 * log2(size)``. The border is mirrored including
        the edge, so that every window has ``size**2`` pixels
        (:func:`skimage.filters.rank.entropy` lets its window shrink there).

    Notes
    -----
    With numba (the extra `fast`) the function is several times faster, and its results are
    the same bit for bit.

    Examples
    --------
    >>> import numpy as np
    >>> float(local_entropy(np.zeros((4, 4)), size=3).max())
    0.0
    """
    image, size = check_image(image), check_window(size, "size")
    # H = (N log2(N) - sum_b c_b log2(c_b)) / N, where c_b are the counts in a window of N pixels.
    n_pixels = size * size
    counts = np.arange(1, n_pixels + 1)
    weighted_log = np.concatenate([[0.0], counts * np.log2(counts)])
    # Multiples of 2**-40 add up without rounding, so the order of the sum can't matter.
    weighted_log = np.rint(weighted_log * 2.0**40) / 2.0**40
    return in_strips(image, lambda part: _entropy(part, size, weighted_log), size // 2)


def _entropy(image: FloatImage, size: int, weighted_log: NDArray[np.float64]) -> FloatImage:
    levels = np.rint(image.astype(np.float64) * _GREY_LEVELS_PER_UNIT)
    if np.abs(levels).max() <= _LARGEST_WHOLE_NUMBER:
        levels = levels.astype(np.float32)  # sorts faster
    sums = _window_sums(_pad_symmetric(levels, size), size, weighted_log)
    entropy = (weighted_log[-1] - sums) / (size * size)
    return np.maximum(entropy, 0.0).astype(image.dtype, copy=False)


def _window_sums(
    levels: NDArray[np.floating[Any]], size: int, weighted_log: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum ``weighted_log[count]`` over the levels of every window, with numba if it is there."""
    compiled = _compiled_window_sums()
    if compiled is None:
        return _window_sums_by_sorting(levels, size, weighted_log)
    lowest, highest = levels.min(), levels.max()
    if highest - lowest < _FEW_LEVELS:
        numbers, n_levels = (levels - lowest).astype(np.int64), int(highest - lowest) + 1
    else:
        values, numbers = np.unique(levels, return_inverse=True)
        numbers, n_levels = numbers.reshape(levels.shape), len(values)
    return compiled(numbers, n_levels, size, np.diff(weighted_log))


@cache
def _compiled_window_sums() -> Callable[..., NDArray[np.float64]] | None:
    try:
        from .entropy_numba import window_sums
    except (ImportError, RuntimeError):  # not there, or no place for its cache
        return None
    return window_sums


def _window_sums_by_sorting(
    levels: NDArray[np.floating[Any]], size: int, weighted_log: NDArray[np.float64]
) -> NDArray[np.float64]:
    windows = np.lib.stride_tricks.sliding_window_view(levels, (size, size))
    sums = np.empty(windows.shape[:2])
    # One row at a time: all windows of an image at once would take 81 times its memory.
    for row, row_windows in enumerate(windows):
        ordered = np.sort(row_windows.reshape(-1, size * size), axis=1)
        # A run of equal levels ends where the level changes, or where its window ends.
        run_ends = np.ones(ordered.shape, dtype=bool)
        np.not_equal(ordered[:, 1:], ordered[:, :-1], out=run_ends[:, :-1])
        last = np.flatnonzero(run_ends)
        terms = weighted_log[np.diff(last, prepend=-1)]
        sums[row] = np.bincount(last // (size * size), terms)
    return sums


def _pad_symmetric(values: NDArray, size: int) -> NDArray:
    """Mirror the border, the edge included, so that every pixel has a whole window."""
    return np.pad(values, size // 2, mode="symmetric")


def _sliding_extreme(values: NDArray, size: int, which: np.ufunc) -> NDArray:
    """Return the extreme of `size` consecutive rows, by doubling; windows may overlap."""
    n_rows, width = values.shape[0] - size + 1, 1
    while 2 * width <= size:
        values = which(values[:-width], values[width:])
        width *= 2
    return which(values[:n_rows], values[size - width : size - width + n_rows])


def _box_sum(values: NDArray, size: int) -> NDArray:
    """Return the sum over every ``size x size`` window that lies inside `values`."""
    return _sliding_sum(_sliding_sum(values, size).T, size).T


def _sliding_sum(values: NDArray, size: int) -> NDArray:
    """Return the sum of `size` consecutive rows, by doubling, with log2(size) additions."""
    n_sums = values.shape[0] - size + 1
    total, offset, width, block = None, 0, 1, values
    while True:
        if size & 1:
            piece = block[offset : offset + n_sums]
            total = piece if total is None else total + piece
            offset += width
        size >>= 1
        if not size:
            assert total is not None
            return total
        block = block[:-width] + block[width:]
        width *= 2
