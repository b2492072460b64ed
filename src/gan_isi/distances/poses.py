"""The pose in which a generated image looks most like a real one: a search by correlation.

A generator whose training images were augmented returns them mirrored, rotated, zoomed or
shifted. Every pose of a grid is tried: on a coarse picture for all pairs, and more finely for
the few that look most alike there. The correlation of a template with many images is a matrix
product, and shifted templates are windows of one warped picture.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.utils import gen_batches

from .._runtime.threads import one_blas_thread
from .windows import window_sums

#: References of one matrix product. Fixed, so that sums don't depend on how many there are,
#: and a multiple of what the kernels of BLAS take at once, so that not on their places either.
_COLUMNS = 96

#: The same where the coarse search leaves few references for each turn.
_FEW_COLUMNS = 32

#: Numbers of all moved pictures together up to which they are one matrix.
_TOGETHER = 500_000

#: Norm below which a picture has no contrast to correlate.
LEAST_NORM = 1e-6


class Grid(NamedTuple):
    """The poses of a search on pictures of one size.

    Attributes
    ----------
    side : int
        Side of the pictures in pixels.
    angles : tuple of float
        Rotations in degrees, beside those by quarter turns.
    zooms : tuple of float
        Magnifications.
    reach : int
        Largest shift in pixels of these pictures, in both directions; all up to it are tried.
    quarter_turns : bool
        Whether pictures are rotated by quarter turns as well.
    """

    side: int
    angles: tuple[float, ...]
    zooms: tuple[float, ...]
    reach: int
    quarter_turns: bool = True

    @property
    def n_warps(self) -> int:
        """Number of rotations and zooms, without quarter turns."""
        return len(self.angles) * len(self.zooms)

    @property
    def n_turns(self) -> int:
        """Number of quarter turns, as is and mirrored."""
        return 8 if self.quarter_turns else 2

    @property
    def n_poses(self) -> int:
        """Number of poses."""
        return self.n_turns * self.n_warps * (2 * self.reach + 1) ** 2

    def few(self, n_pixels: int) -> bool:
        """Tell whether a picture of so many pixels in all poses is one matrix."""
        return self.n_poses * n_pixels <= _TOGETHER

    def pose(self, index: int) -> "Pose":
        """Return the pose of this number, in the order of `templates`."""
        width = 2 * self.reach + 1
        shape = (self.n_turns, len(self.angles), len(self.zooms), width, width)
        turned, angle, zoom, row, column = np.unravel_index(index, shape)
        mirrored, quarters = divmod(int(turned), 4 if self.quarter_turns else 1)
        return Pose(
            mirrored=bool(mirrored),
            angle=90.0 * quarters + self.angles[angle],
            zoom=self.zooms[zoom],
            shift=(int(row - self.reach) / self.side, int(column - self.reach) / self.side),
        )


class Pose(NamedTuple):
    """How a real image is to be moved so that it lies on a generated one.

    Parameters
    ----------
    mirrored : bool
        Whether left and right are exchanged, before all else.
    angle : float
        Rotation around the centre in degrees, counterclockwise.
    zoom : float
        Magnification around the centre.
    shift : tuple (rows, columns)
        Shift afterwards, downwards and to the right, in shares of the side.
    """

    mirrored: bool
    angle: float
    zoom: float
    shift: tuple[float, float]


def standardised(pictures: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return pictures as rows of mean 0 and norm 1; rows of zeros where there is no contrast.

    Parameters
    ----------
    pictures : ndarray of shape (n, ...)
        Pictures, such as (n, channels, side, side).

    Returns
    -------
    ndarray of shape (n, n_pixels), float32
    """
    rows = pictures.reshape(len(pictures), -1).astype(np.float64)
    rows = rows - rows.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, norms, out=np.zeros_like(rows), where=norms > LEAST_NORM).astype(
        np.float32
    )


def turned(pictures: NDArray[np.float32], *, quarter_turns: bool = True) -> NDArray[np.float32]:
    """Return square pictures as they are and mirrored, each rotated by quarter turns.

    Parameters
    ----------
    pictures : ndarray of shape (..., side, side)
        The pictures.
    quarter_turns : bool, default=True
        Whether they are rotated; otherwise there are two of each only.

    Returns
    -------
    ndarray of shape (8, ..., side, side) or (2, ..., side, side)
        Rotations by 0, 90, 180 and 270 degrees counterclockwise, then those of the mirror
        image.
    """
    quarters = range(4 if quarter_turns else 1)
    both = (pictures, pictures[..., ::-1])
    return np.stack([np.rot90(one, k, axes=(-2, -1)) for one in both for k in quarters])


@lru_cache(maxsize=16)
def warps(grid: Grid) -> csr_array:
    """Bilinear weights of all rotations and zooms, on a canvas with room for the shifts."""
    side, canvas = grid.side, grid.side + 2 * grid.reach
    rows, columns = np.mgrid[:canvas, :canvas].reshape(2, -1) - (canvas - 1) / 2
    places, numbers, weights = [], [], []
    for index, (angle, zoom) in enumerate((a, z) for a in grid.angles for z in grid.zooms):
        cos, sin = np.cos(np.deg2rad(angle)) / zoom, np.sin(np.deg2rad(angle)) / zoom
        # Rows grow downwards: counterclockwise as one sees it.
        y = cos * rows + sin * columns + (side - 1) / 2
        x = cos * columns - sin * rows + (side - 1) / 2
        top, left = np.floor(y).astype(int), np.floor(x).astype(int)
        for down in (0, 1):
            for right in (0, 1):
                places.append(index * canvas**2 + np.arange(canvas**2))
                numbers.append(_mirrored(top + down, side) * side + _mirrored(left + right, side))
                weights.append(np.abs(1 - down - (y - top)) * np.abs(1 - right - (x - left)))
    parts = [np.concatenate(part) for part in (weights, places, numbers)]
    return csr_array((parts[0].astype(np.float32), (parts[1], parts[2])),
                     shape=(grid.n_warps * canvas**2, side**2))  # fmt: skip


def _mirrored(index: NDArray[np.intp], side: int) -> NDArray[np.intp]:
    """Continue a picture by its mirror image."""
    index = index % (2 * side)
    return np.minimum(index, 2 * side - 1 - index)


def templates(
    picture: NDArray[np.float32], grid: Grid, turns: Sequence[int] | None = None
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Give a picture in all poses of a grid, and what makes each one's norm 1.

    Parameters
    ----------
    picture : ndarray of shape (channels, side, side), float32
        Picture of about mean 0.
    grid : Grid
        The poses.
    turns : sequence of int, default=None
        Which of the quarter turns, as is and mirrored; None for all.

    Yields
    ------
    rows : ndarray of shape (n, channels * side * side), float32
        The moved pictures of one quarter turn, n of `Grid.n_poses`: all of them at once would
        take gigabytes. Their means need not be taken off: the product with a row of mean 0 is
        the same.
    scales : ndarray of shape (n,), float32
        One over the norm of each minus its mean; 0 where there is no contrast.
    """
    side, canvas = grid.side, grid.side + 2 * grid.reach
    turn = turned(picture, quarter_turns=grid.quarter_turns)
    for one in turn if turns is None else turn[list(turns)]:
        warped = (warps(grid) @ one.reshape(-1, side**2).T).T
        warped = warped.reshape(len(picture), grid.n_warps, canvas, canvas)
        # A picture that is shifted downwards is seen through a window further up.
        windows = np.lib.stride_tricks.sliding_window_view(warped, (side, side), axis=(2, 3))
        rows = np.moveaxis(windows[:, :, ::-1, ::-1], 0, 3).reshape(-1, picture.size)
        values = warped.astype(np.float64)
        sums, squares = (
            window_sums(one, side)[:, :, ::-1, ::-1].sum(axis=0).ravel()
            for one in (values, values**2)
        )
        norms = np.sqrt(np.maximum(squares - sums**2 / picture.size, 0))
        scales = np.divide(1, norms, out=np.zeros_like(norms), where=norms > LEAST_NORM)
        yield rows, scales.astype(np.float32)


def best_correlations(
    picture: NDArray[np.float32],
    references: Any,
    grid: Grid,
    likely: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Largest correlation of a picture with each reference, over all poses of a grid.

    Parameters
    ----------
    picture : ndarray of shape (channels, side, side), float32
        Moved.
    references : ndarray of shape (n_references, channels * side * side), float32
        Pictures from `standardised`; or a tensor, which is compared on its device.
    grid : Grid
        The poses.
    likely : ndarray of shape (n_turns, n_references), default=None
        Which of the quarter turns, as is and mirrored, are tried for which references, at least
        one for each; None tries all.

    Returns
    -------
    correlations : ndarray of shape (n_references,), float32
        In -1..1. The same bits for the same pair, whatever the other references.
    poses : ndarray of shape (n_references,), int
        Numbers of the poses, see `Grid.pose`.
    """
    # Of mean 0 and norm 1: in single precision, contrast would drown in a bright ground.
    centred = standardised(picture[np.newaxis]).reshape(picture.shape)
    if not isinstance(references, np.ndarray):
        from .torch_backend import best_in_poses

        turns = turned(centred, quarter_turns=grid.quarter_turns)
        return best_in_poses(turns, references, grid, likely)
    best = np.full(len(references), -np.inf, dtype=np.float32)
    poses = np.zeros(len(references), dtype=np.intp)
    # BLAS adds in an order that depends on shapes and threads: one thread, and one shape.
    with one_blas_thread():
        for first, rows, scales, wanted in _tries(centred, grid, likely):
            of_all = wanted is None
            n_columns = _COLUMNS if of_all else _FEW_COLUMNS
            numbers = np.arange(len(references)) if of_all else np.flatnonzero(wanted)
            for batch in gen_batches(len(numbers), n_columns):
                place = batch if of_all else numbers[batch]
                block = full = references[place]
                if len(block) < n_columns:
                    full = np.zeros((n_columns, picture.size), dtype=np.float32)
                    full[: len(block)] = block
                found = rows @ full.T
                found *= scales[:, np.newaxis]
                at = found.argmax(axis=0)[: len(block)]
                # Once more, in the one order that this sum has.
                exact = scales[at] * np.einsum("ij,ij->i", rows[at], block)
                better = exact > best[place]
                best[place] = np.where(better, exact, best[place])
                poses[place] = np.where(better, first + at, poses[place])
    return np.clip(best, -1, 1), poses


def likely_turns(
    picture: NDArray[np.float32], references: Any, grid: Grid, n_likely: int
) -> NDArray[np.bool_]:
    """Tell in which quarter turns a picture looks most like each reference.

    Parameters
    ----------
    picture, references, grid
        Arguments of `best_correlations`.
    n_likely : int
        Number of turns for each reference.

    Returns
    -------
    ndarray of shape (n_turns, n_references), bool
        Those with the largest correlations.
    """
    each = np.eye(grid.n_turns, dtype=bool)[:, :, np.newaxis]
    found = [
        best_correlations(picture, references, grid, np.tile(one, len(references)))[0]
        for one in each
    ]
    order = np.argsort(-np.stack(found), axis=0, kind="stable")
    likely = np.zeros(order.shape, dtype=bool)
    np.put_along_axis(likely, order[:n_likely], True, axis=0)
    return likely


def _tries(
    picture: NDArray[np.float32], grid: Grid, likely: NDArray[np.bool_] | None
) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.float32], Any]]:
    """Yield the number of the first pose, moved pictures, and for which references they are."""
    per_turn = grid.n_poses // grid.n_turns
    if likely is None and grid.few(picture.size):
        rows, scales = map(np.concatenate, zip(*templates(picture, grid), strict=True))
        yield 0, rows, scales, None
        return
    turns = range(grid.n_turns) if likely is None else np.flatnonzero(likely.any(axis=1)).tolist()
    for turn, made in zip(turns, templates(picture, grid, turns), strict=True):
        yield turn * per_turn, *made, None if likely is None else likely[turn]


def moved(image: NDArray[np.floating], pose: Pose, *, backwards: bool = False) -> NDArray:
    """Move a picture into a pose, or one that is in this pose back into place.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, channels)
        Any picture; poses are of its square.
    pose : Pose
        Where it is to be moved.
    backwards : bool, default=False
        Whether the movement is undone.

    Returns
    -------
    ndarray
        The picture, interpolated linearly and continued by its mirror image.
    """
    from scipy.ndimage import affine_transform

    height, width = image.shape[:2]
    scale: NDArray[np.floating] = np.array([height, width], dtype=float)
    cos, sin = np.cos(np.deg2rad(pose.angle)), np.sin(np.deg2rad(pose.angle))
    # From the place in the moved picture to that in the original, in shares of the sides.
    matrix: NDArray[np.floating] = np.array([[cos, sin], [-sin, cos]]) / pose.zoom
    if pose.mirrored:
        matrix = np.diag([1.0, -1.0]) @ matrix
    offset = -matrix @ np.asarray(pose.shift)
    if backwards:
        matrix = np.linalg.inv(matrix)
        offset = -matrix @ offset
    matrix = scale[:, np.newaxis] * matrix / scale
    centre = (scale - 1) / 2
    offset = centre + scale * offset - matrix @ centre
    planes = [image] if image.ndim == 2 else np.moveaxis(image, -1, 0)
    found = [affine_transform(np.asarray(plane, dtype=float), matrix, offset, order=1,
                              mode="reflect") for plane in planes]  # fmt: skip
    return found[0] if image.ndim == 2 else np.stack(found, axis=-1)
