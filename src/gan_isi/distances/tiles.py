"""Parts that one picture has in common with another: tiles of it, searched at every place.

A generator that pieces its images together copies an organ or a lesion, not a picture. Each tile
of a real picture is correlated with all places of a generated one; a few tiles that fit better
than chance explains say that a part was copied.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._runtime.threads import one_blas_thread
from .._validation.arrays import check_array, check_count
from .._validation.typing import FloatArray
from .vectors import products_of_one_shape
from .windows import window_sums

#: Standard deviation of a window, as a share of that of its picture, below which there is
#: nothing in it that could be recognised.
_LEAST_CONTRAST = 0.3

#: Pixels to each side in which `refined` looks.
_AROUND = 2

#: Floats of one array of correlations, which then stays in the cache.
_AT_ONCE = 250_000


class Windows(NamedTuple):
    """All windows of pictures, each of mean 0 and norm 1.

    Attributes
    ----------
    rows : ndarray of shape (n_pictures, size * size, n_rows * n_columns), float32
        The windows along the last axis, by the place of their upper left corner; zeros where
        there is no contrast.
    shape : tuple (n_rows, n_columns)
        How many places there are.
    """

    rows: NDArray[np.float32]
    shape: tuple[int, int]

    def at(self, places: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the windows at some places, (n_pictures, n_places, size * size)."""
        return np.ascontiguousarray(self.rows[:, :, places].transpose(0, 2, 1))


def windows_of(pictures: NDArray[np.floating], size: int) -> Windows:
    """Cut pictures into windows at all places.

    Parameters
    ----------
    pictures : ndarray of shape (n_pictures, height, width)
        Pictures, such as those of :class:`gan_isi.PixelDescriptor` with local contrast.
    size : int
        Side of the windows in pixels.

    Returns
    -------
    Windows
        Those with less than 0.3 of the standard deviation of their picture count as being
        without contrast.
    """
    values = centred(pictures)
    scales = window_scales(values, size)
    cut = np.lib.stride_tricks.sliding_window_view(values, (size, size), axis=(1, 2))
    rows = cut.transpose(0, 3, 4, 1, 2).reshape(len(pictures), size**2, -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    rows *= scales.reshape(len(pictures), 1, -1)
    return Windows(rows, (scales.shape[1], scales.shape[2]))


def centred(pictures: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return pictures of mean 0; zeros where all that is left is rounding."""
    values = pictures.astype(np.float64)
    values -= values.mean(axis=(1, 2), keepdims=True)
    flat = np.abs(values).max(axis=(1, 2)) <= 1e-6 * np.abs(pictures).max(axis=(1, 2))
    values[flat] = 0
    return values.astype(np.float32)


def window_scales(pictures: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return what makes the norm of each window 1, its mean taken off.

    Parameters
    ----------
    pictures : ndarray of shape (n_pictures, height, width)
        Pictures of mean 0.
    size : int
        Side of the windows in pixels.

    Returns
    -------
    ndarray of shape (n_pictures, height - size + 1, width - size + 1), float32
        0 where there is no contrast.
    """
    values = pictures.astype(np.float64)
    sums, squares = (window_sums(one, size) for one in (values, values**2))
    norms = np.sqrt(np.maximum(squares - sums**2 / size**2, 0))
    least = _LEAST_CONTRAST * size * values.std(axis=(1, 2), keepdims=True)
    visible = (norms > least) & (norms > 0)
    return np.divide(1, norms, out=np.zeros_like(norms), where=visible).astype(np.float32)


def tile_places(shape: tuple[int, int], stride: int) -> NDArray[np.intp]:
    """Return the places of tiles among those of all windows, from edge to edge.

    Parameters
    ----------
    shape : tuple (n_rows, n_columns)
        How many places there are.
    stride : int
        Distance of one tile from the next in pixels; the last ones end with the picture.

    Returns
    -------
    ndarray of shape (n_tiles,), int
        Numbers of the places, row by row.
    """
    rows, columns = (np.unique(np.append(np.arange(0, n, stride), n - 1)) for n in shape)
    return (rows[:, np.newaxis] * shape[1] + columns).ravel()


def tiles_of(pictures: NDArray[np.floating], size: int, stride: int) -> NDArray[np.float32]:
    """Cut pictures into tiles, each of mean 0 and norm 1.

    Parameters
    ----------
    pictures : ndarray of shape (n_pictures, height, width)
        Pictures, as for `windows_of`.
    size, stride : int
        Side of the tiles, and distance of one from the next, in pixels.

    Returns
    -------
    ndarray of shape (n_pictures, n_tiles, size * size), float32
        Those of `windows_of` at `tile_places`, without the others.
    """
    values = centred(pictures)
    cut = np.lib.stride_tricks.sliding_window_view(values, (size, size), axis=(1, 2))
    places = tile_places((cut.shape[1], cut.shape[2]), stride)
    row, column = np.divmod(places, cut.shape[2])
    tiles = cut[:, row, column].reshape(len(pictures), len(places), size**2)
    tiles = tiles - tiles.mean(axis=2, keepdims=True)
    norms = np.linalg.norm(tiles, axis=2)[:, :, np.newaxis]
    visible = norms > _LEAST_CONTRAST * size * values.std(axis=(1, 2), keepdims=True)
    return np.divide(tiles, norms, out=np.zeros_like(tiles), where=visible)


def correlations_in_place(
    queries: NDArray[np.float32], references: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Correlate each tile of some pictures with the tile at the same place of others.

    Parameters
    ----------
    queries : ndarray of shape (n_queries, n_tiles, size * size), float32
        See `tiles_of`; BLAS has to be limited to one thread.
    references : ndarray of shape (n_references, n_tiles, size * size), float32
        Likewise.

    Returns
    -------
    ndarray of shape (n_queries, n_references, n_tiles), float32
        In -1..1; 0 where one of the two has no contrast. The same bits for the same pair,
        whatever the others: all matrix products have one shape.
    """
    found = np.empty((len(queries), len(references), queries.shape[1]), dtype=np.float32)
    for some, block, products in products_of_one_shape(queries, references, _tile_by_tile):
        found[some, block] = products
    return np.clip(found, -1, 1)


def _tile_by_tile(rows: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    return (rows.transpose(1, 0, 2) @ others.transpose(1, 2, 0)).transpose(1, 2, 0)


def best_in_windows(
    tiles: NDArray[np.float32],
    references: Windows,
    places: NDArray[np.intp],
    reach: int | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Largest correlation of each tile of a picture with the windows of each reference.

    Parameters
    ----------
    tiles : ndarray of shape (n_tiles, size * size), float32
        Tiles of mean 0 and norm 1.
    references : Windows
        Windows of pictures of the same size, in windows of the same size.
    places : ndarray of shape (n_tiles,), int
        Where the tiles are, as from `tile_places`.
    reach : int, default=None
        Largest shift in pixels, in both directions; None for everywhere.

    Returns
    -------
    correlations : ndarray of shape (n_references, n_tiles), float32
        In -1..1; 0 where a tile has no contrast. The same bits for the same pair, whatever the
        others: each is a matrix product of its own, of one shape.
    found : ndarray of shape (n_references, n_tiles), int
        At which places.
    """
    n_references, n_places = len(references.rows), references.rows.shape[2]
    best = np.empty((n_references, len(places)), dtype=np.float32)
    found = np.empty((n_references, len(places)), dtype=np.intp)
    far = None
    if reach is not None:
        row, column = np.divmod(np.arange(n_places), references.shape[1])
        far = (np.abs(row[places, np.newaxis] - row) > reach) | (
            np.abs(column[places, np.newaxis] - column) > reach
        )
    step = max(1, _AT_ONCE // (len(places) * n_places))
    for start in range(0, n_references, step):
        block = slice(start, start + step)
        correlations = tiles @ references.rows[block]
        if far is not None:
            correlations[:, far] = -2
        at = correlations.argmax(axis=2)
        found[block] = at
        best[block] = np.take_along_axis(correlations, at[:, :, np.newaxis], axis=2)[:, :, 0]
    best[:, ~tiles.any(axis=1)] = 0
    return np.clip(best, -1, 1), found


def tile_correlations(
    queries: FloatArray,
    references: FloatArray,
    *,
    size: int = 16,
    stride: int = 8,
    reach: int | None = None,
) -> NDArray[np.float32]:
    """Correlate tiles of some pictures with all places of others.

    Parameters
    ----------
    queries : ndarray of shape (n_queries, height, width)
        Pictures that are cut into tiles.
    references : ndarray of shape (n_references, height, width)
        Pictures of the same size that are searched.
    size : int, default=16
        Side of the tiles in pixels.
    stride : int, default=8
        Distance of one tile from the next in pixels.
    reach : int, default=None
        Largest shift in pixels, in both directions; None searches everywhere.

    Returns
    -------
    ndarray of shape (n_queries, n_references, n_tiles), float32
        For each tile, row by row, the largest correlation (Pearson's) with a window of the
        reference; 0 for tiles with less than 0.3 of the standard deviation of their picture,
        and for such windows.

    Raises
    ------
    TypeError, ValueError
        For arrays of other shapes, and tiles that are larger than the pictures.

    Examples
    --------
    >>> import numpy as np
    >>> pictures = np.random.default_rng(0).random((2, 24, 24))
    >>> part = pictures[1].copy()
    >>> part[2:18, 5:21] = pictures[0, :16, :16]  # the first tile of the first picture
    >>> found = tile_correlations(pictures[:1], part[np.newaxis])
    >>> found.shape, int(found[0, 0].argmax()), float(found[0, 0].max().round(4))
    ((1, 1, 4), 0, 1.0)
    """
    queries = check_array(queries, "queries", "(n_queries, height, width)")
    references = check_array(references, "references", "(n_references, height, width)")
    size, stride = check_count(size, "size", 2), check_count(stride, "stride")
    if queries.shape[1:] != references.shape[1:] or size > min(queries.shape[1:]):
        raise ValueError(
            "queries and references have to be pictures of one size, and tiles no larger; got "
            f"{queries.shape[1:]}, {references.shape[1:]} and size={size}."
        )
    if reach is not None:
        reach = check_count(reach, "reach", 0)
    cut, searched = windows_of(queries, size), windows_of(references, size)
    places = tile_places(cut.shape, stride)
    # BLAS adds in an order that depends on shapes and threads.
    with one_blas_thread():
        return np.stack(
            [best_in_windows(tiles, searched, places, reach)[0] for tiles in cut.at(places)]
        )


def refined(
    tiles: NDArray[np.float32], references: NDArray[np.floating], around: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Correlate tiles with the windows around a place each, up to 2 pixels from it.

    Parameters
    ----------
    tiles : ndarray of shape (n_references, n_tiles, size * size), float32
        Tiles of mean 0 and norm 1, those for each reference.
    references : ndarray of shape (n_references, height, width)
        Pictures that are searched.
    around : ndarray of shape (2, n_references, n_tiles), int
        Rows and columns of the upper left corners around which they are.

    Returns
    -------
    ndarray of shape (n_references, n_tiles), float32
        The largest correlations, in -1..1; 0 where a tile has no contrast.
    """
    size = round(tiles.shape[2] ** 0.5)
    values = centred(references)
    scales = window_scales(values, size)
    windows = np.lib.stride_tricks.sliding_window_view(values, (size, size), axis=(1, 2))
    tiles = tiles.reshape(*tiles.shape[:2], size, size)
    last = np.array(scales.shape[1:])[:, np.newaxis, np.newaxis] - 1
    reach = min(_AROUND, int(last.min()) // 2)
    first = np.clip(around - reach, 0, last - 2 * reach)
    number = np.arange(len(references))[:, np.newaxis]
    best = np.full(tiles.shape[:2], -1, dtype=np.float32)
    for offset in np.ndindex(2 * reach + 1, 2 * reach + 1):
        at = (number, first[0] + offset[0], first[1] + offset[1])
        found = np.einsum("rtij,rtij->rt", windows[at], tiles) * scales[at]
        np.maximum(best, found, out=best)
    return np.minimum(best, 1)
