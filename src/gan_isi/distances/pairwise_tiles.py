"""Parts of pictures against generated ones: a copied organ in an otherwise new image."""

from collections.abc import Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_array, check_is_fitted

from .._runtime.sklearn_compat import Interval
from .._runtime.threads import one_blas_thread
from .._validation.blocks import Block, picture_shape
from .base import BasePairwiseTransformer
from .pairwise import ONE_MAP, pictures_of
from .pairwise_poses import half_size
from .tile_evidence import degrees_of_freedom, evidence, unexplained
from .tiles import (
    Windows,
    best_in_windows,
    correlations_in_place,
    refined,
    tile_places,
    tiles_of,
    windows_of,
)
from .torch_backend import as_array, unexplained_in_place

#: Tiles of each pair that are refined, for each of those that count.
_CANDIDATES = 4


class PairwiseTileTransformer(BasePairwiseTransformer):
    """Distance of the parts of every query that fit best somewhere in a generated image.

    A generator may copy a part: an organ, a lesion, a piece of a collage. The query is cut into
    tiles, and each is searched in the generated image: on pictures of half the size, and for
    the generated images that are closest there on the pictures themselves, around the place
    that was found; or each is compared with what lies at its own place (``max_shift=0``). A few
    tiles count, those that chance explains least; see `gan_isi.distances.tile_evidence`. For
    the rows of :class:`PixelDescriptor` with local contrast.

    Parameters
    ----------
    tile : int, default=16
        Side of the tiles in pixels of the rows, even.
    stride : int, default=8
        Distance of one tile from the next in pixels, even.
    max_shift : float, default=None
        How far a tile is searched in both directions, as a share of the side; None
        searches everywhere. 0 compares each tile with what lies at its own place: at full
        size at once, so that hundreds of pairs take no longer than the search of one.
    n_best : int, default=2
        Number of tiles that count.
    n_refined : int, default=96
        Number of generated images that each query is compared with at full size, where
        tiles are searched. The others keep their distance of half the size, or get the largest
        of those at full size where that is more.
    families : str or list of str, default=None
        Name of the descriptor family that is compared, in an attack; None for all columns.
    include_real : bool, default=False
        Whether queries are compared with the real images of `fit` as well; their
        columns follow those of the generated images.
    n_jobs : int, default=None
        Number of threads. Changes no result.
    device : str, default=None
        Where pairs are compared: a device of PyTorch, such as "cuda:1", or "auto", as for
        :class:`DeepDescriptor`; needs the extra "deep". None: the processor, by numpy. Distances
        on a device equal those of numpy to 1e-4, not to the bit, and only ``max_shift=0``
        takes one.

    Attributes
    ----------
    reference_ : ndarray of shape (n_generated, 1, n_features), float32
        The rows of the generated images.
    n_generated_ : int
        Number of generated images.
    n_maps_ : int
        1: the distance is the only map.
    blocks_ : list of Block
        That map.
    real_ : ndarray of shape (n_real, 1, n_features), float32
        The rows of the images of `fit`. With `include_real` only.
    n_real_ : int
        Number of real images in `real_`, 0 without.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Names of the columns, when they all are strings.

    See Also
    --------
    PairwisePoseTransformer : Whole pictures in other poses.
    gan_isi.plotting.TileMapDisplay : Draws where the parts are.

    Notes
    -----
    Distances are from 0, for parts that are copied without error, to 1, for pictures without any
    likeness. Tiles are not rotated, mirrored or zoomed.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi import PairwiseTileTransformer
    >>> rng = np.random.default_rng(0)
    >>> real, generated = rng.random((2, 32, 32)), rng.random((3, 32, 32))
    >>> generated[2, 10:30, 10:30] = real[0, :20, :20]
    >>> tiles = PairwiseTileTransformer()
    >>> tiles = tiles.fit(real.reshape(2, -1), generated=generated.reshape(3, -1))
    >>> int(tiles.transform(real.reshape(2, -1))[0, :, 0].argmin())
    2
    >>> where = tiles.tile_map(real[0].ravel(), generated[2].ravel())
    >>> bool(where[:16, :16].min() > 0.9), bool(where[22:, 22:].max() < 0.5)
    (True, True)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BasePairwiseTransformer._parameter_constraints,
        "tile": [Interval(Integral, 4, None, closed="left")],
        "stride": [Interval(Integral, 2, None, closed="left")],
        "max_shift": [Interval(Real, 0, 1, closed="both"), None],
        "n_best": [Interval(Integral, 1, None, closed="left")],
        "n_refined": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        tile: int = 16,
        stride: int = 8,
        max_shift: float | None = None,
        n_best: int = 2,
        n_refined: int = 96,
        families: str | Sequence[str] | None = None,
        include_real: bool = False,
        n_jobs: int | None = None,
        device: str | None = None,
    ) -> None:
        self.tile = tile
        self.stride = stride
        self.max_shift = max_shift
        self.n_best = n_best
        self.n_refined = n_refined
        self.families = families
        self.include_real = include_real
        self.n_jobs = n_jobs
        self.device = device

    def tile_map(self, query: Any, generated: Any) -> NDArray[np.float64]:
        """Tell which parts of a query are found in a generated image.

        Parameters
        ----------
        query : array-like of shape (n_features,)
            What describes the query.
        generated : array-like of shape (n_features,)
            What describes the generated image, which need not be one of `fit`.

        Returns
        -------
        ndarray of shape (side, side)
            For each pixel, from 0 to 1, which share of the variance of the best tile that it is
            in is found again. That of tiles with more or fewer degrees of freedom than is usual
            counts as what would be as far beyond chance in a usual one.

        Raises
        ------
        ValueError
            For other columns than those of `fit`.
        """
        check_is_fitted(self, "reference_")
        pictures = []
        for name, row in (("query", query), ("generated", generated)):
            checked = check_array(np.atleast_2d(row), dtype=np.float32, input_name=name)
            if checked.shape != (1, self.n_features_in_):
                raise ValueError(
                    f"{name} has to be one row of {self.n_features_in_} columns, as X had in fit; "
                    f"got shape {np.shape(row)}."
                )
            pictures.append(self._pictures(self._as_maps(checked)))
        side = pictures[0].shape[1]
        cut, searched = (windows_of(one, self.tile) for one in pictures)
        places = tile_places(cut.shape, 2)
        tiles = cut.at(places)[0]
        with one_blas_thread():
            found, _ = best_in_windows(tiles, searched, places, self._reach(side))
        freedom = degrees_of_freedom(tiles)[:, np.newaxis]
        squares = unexplained(found[0, :, np.newaxis], freedom) ** 2
        likeness = ((1 - squares) / (1 + squares)) ** 2  # c ** 2, for usual tiles
        heat = np.zeros((side, side))
        for value, row, column in zip(likeness, *np.divmod(places, cut.shape[1]), strict=True):
            part = heat[row : row + self.tile, column : column + self.tile]
            np.maximum(part, value, out=part)
        return heat

    def _views(self, blocks: Sequence[Block] | None, width: int) -> list[Block]:
        shape = picture_shape(width)
        if shape is None or shape[1] < self.tile:
            raise ValueError(
                f"Tiles of {self.tile} x {self.tile} pixels need columns that are the pixels of a "
                f"square image, at least as large, as from PixelDescriptor; got {width} columns. "
                "Give a smaller tile for smaller images."
            )
        for name, value in (("tile", self.tile), ("stride", self.stride)):
            if value % 2:
                raise ValueError(f"{name} has to be even, as pictures are halved; got {value}.")
        if self.device is not None and self.max_shift != 0:
            raise ValueError(
                f"device={self.device!r} is for max_shift=0: tiles that are searched in a picture "
                f"(max_shift={self.max_shift}) are compared by numpy; leave device out."
            )
        return [Block(ONE_MAP, (ONE_MAP,))]

    def _reach(self, side: int) -> int | None:
        # 0.29 of 100 pixels are 28.999...96 of them.
        return None if self.max_shift is None else int(self.max_shift * side + 1e-9)

    def _n_candidates(self, n_closest: int) -> int | None:
        return super()._n_candidates(n_closest) if self.max_shift == 0 else None

    def _prepare(self, images: NDArray[np.float32]) -> Any:
        pictures = self._pictures(images)
        if self.max_shift == 0:
            return tiles_of(pictures, self.tile, self.stride)
        return windows_of(half_size(pictures), self.tile // 2)

    def _bytes_per_reference(self) -> int:
        # The windows, twice while they are made, and the correlations at work.
        return 4 * int(np.prod(self.reference_.shape[1:])) * self.tile**2 // 4

    def _search(self, tiles: NDArray[np.float32], references: Windows) -> Any:
        places = tile_places(references.shape, self.stride // 2)
        reach = self._reach(references.shape[0] + self.tile // 2 - 1)
        return best_in_windows(tiles, references, places, reach)

    def _compare(self, queries: Any, references: Any) -> Any:
        if self.max_shift == 0:
            return self._in_place(queries, references)[:, :, np.newaxis]
        parts = []
        for tiles in queries.at(tile_places(queries.shape, self.stride // 2)):
            found, _ = self._search(tiles, references)
            parts.append(unexplained(found, degrees_of_freedom(tiles), self.n_best))
        return np.stack(parts)[:, :, np.newaxis]

    def _in_place(self, queries: Any, references: Any) -> NDArray[np.floating[Any]]:
        tiles = as_array(queries)
        freedom = np.stack([degrees_of_freedom(own) for own in tiles])
        if isinstance(references, np.ndarray):
            found = correlations_in_place(tiles, references)
            return unexplained(found, freedom[:, np.newaxis], self.n_best)
        distances, near = unexplained_in_place(queries, references, freedom, self.n_best)
        for row, own, close in zip(distances, tiles, near, strict=True):
            if close.any():
                those = as_array(references[np.flatnonzero(close)])
                row[close] = self._in_place(own[np.newaxis], those)[0]
        return distances

    def _fill(
        self, bags: NDArray[np.float32], queries: NDArray[Any], references: NDArray[Any]
    ) -> None:
        # BLAS adds in an order that depends on its threads.
        with one_blas_thread():
            super()._fill(bags, queries, references)
        if self.max_shift != 0:
            coarse = bags[:, :, 0]
            refine = partial(self._refined, coarse, queries, references)
            self._in_batches(coarse, np.arange(len(queries)), refine)

    def _refined(
        self,
        distances: NDArray[np.float32],
        queries: NDArray[Any],
        references: NDArray[Any],
        some: NDArray[np.intp],
    ) -> NDArray[np.float32]:
        """Return the distances of some queries, the smallest replaced by those at full size."""
        rows, queries = distances[some], queries[some]
        coarse = self._prepare(queries)
        pictures = self._pictures(queries)
        places = tile_places(coarse.shape, self.stride // 2)
        starts = 2 * np.stack(np.divmod(places, coarse.shape[1]))
        n_fine = pictures.shape[1] - self.tile + 1
        cut = windows_of(pictures, self.tile).at(starts[0] * n_fine + starts[1])
        for row, small, tiles in zip(rows, coarse.at(places), cut, strict=True):
            chosen = np.argsort(row, kind="stable")[: self.n_refined]
            found, at = self._search(small, self._prepare(references[chosen]))
            # The tiles that may count: no others are worth a second look.
            n_kept = min(len(tiles), _CANDIDATES * self.n_best)
            likely = evidence(found, degrees_of_freedom(small)).argsort(axis=1, kind="stable")
            likely = likely[:, -n_kept:]
            at = 2 * np.stack(np.divmod(np.take_along_axis(at, likely, axis=1), coarse.shape[1]))
            fine = refined(tiles[likely], self._pictures(references[chosen]), at)
            freedom = degrees_of_freedom(tiles)[likely]
            closest = unexplained(fine, freedom, self.n_best).astype(np.float32)
            np.maximum(row, closest.max(), out=row)
            row[chosen] = closest
        return rows

    def _pictures(self, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        # Of colours the mean of the channels: a part is told by its structure.
        return pictures_of(maps).mean(axis=1)
