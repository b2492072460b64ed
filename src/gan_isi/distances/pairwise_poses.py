"""Pictures against generated ones in every pose: mirrored, rotated, zoomed, shifted."""

from collections.abc import Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_array, check_is_fitted

from .._runtime.sklearn_compat import Interval
from .._validation.blocks import Block, picture_shape
from .base import BasePairwiseTransformer
from .pairwise import ONE_MAP, pictures_of
from .poses import Grid, Pose, best_correlations, likely_turns, standardised

#: Number of quarter turns, as is and mirrored, in which a pair is compared at full size.
_N_LIKELY = 2


class PairwisePoseTransformer(BasePairwiseTransformer):
    """One minus the correlation in the best pose of every query on every generated image.

    Copies of augmented training images are mirrored, rotated, zoomed or shifted. All poses
    of a grid are tried on pictures of half the size, and on the pictures themselves for the
    generated images that look most alike there; where poses are many, in the two quarter
    turns in which they do. For the rows of :class:`PixelDescriptor` with local contrast, of
    32 x 32 pixels or so; coloured ones are correlated over all three channels.

    Parameters
    ----------
    angles : sequence of float, default=(-20, -15, -10, -5, 0, 5, 10, 15, 20)
        Rotations in degrees. Pictures of half the size are tried at every second one.
    zooms : sequence of float, default=(0.9, 1.0, 1.12)
        Magnifications. Pictures of half the size are tried between them.
    max_shift : float, default=0.1
        Largest shift in both directions, as a share of the side.
    quarter_turns : bool, default=True
        Whether pictures are rotated by quarter turns as well; they always are mirrored.
    n_refined : int, default=96
        Number of generated images that each query is compared with at full size. The
        others keep their distance of half the size, or get the largest of those at full
        size where that is more.
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
        on a device equal those of numpy to 1e-4, not to the bit; of images, or quarter turns,
        that are as close as that, others may be refined.

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
    PairwiseDistanceTransformer : Compares as things are.

    Notes
    -----
    More poses mean larger correlations by chance, for all images alike.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi import PairwisePoseTransformer
    >>> rng = np.random.default_rng(0)
    >>> real = rng.random((2, 16, 16))
    >>> generated = np.stack([np.rot90(real[1]), rng.random((16, 16))])
    >>> poses = PairwisePoseTransformer(angles=(0,), zooms=(1,))
    >>> poses = poses.fit(real.reshape(2, -1), generated=generated.reshape(2, -1))
    >>> int(poses.transform(real.reshape(2, -1))[:, :, 0].argmin())
    2
    >>> poses.find_pose(real[1].ravel(), 0).angle
    90.0
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BasePairwiseTransformer._parameter_constraints,
        "angles": ["array-like"],
        "zooms": ["array-like"],
        "max_shift": [Interval(Real, 0, 0.5, closed="both")],
        "quarter_turns": ["boolean"],
        "n_refined": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        angles: Sequence[float] = (-20, -15, -10, -5, 0, 5, 10, 15, 20),
        zooms: Sequence[float] = (0.9, 1.0, 1.12),
        max_shift: float = 0.1,
        quarter_turns: bool = True,
        n_refined: int = 96,
        families: str | Sequence[str] | None = None,
        include_real: bool = False,
        n_jobs: int | None = None,
        device: str | None = None,
    ) -> None:
        self.angles = angles
        self.zooms = zooms
        self.max_shift = max_shift
        self.quarter_turns = quarter_turns
        self.n_refined = n_refined
        self.families = families
        self.include_real = include_real
        self.n_jobs = n_jobs
        self.device = device

    def find_pose(self, query: Any, number: int) -> Pose:
        """Tell how a query is to be moved so that it lies on a generated image.

        Parameters
        ----------
        query : array-like of shape (n_features,)
            What describes the query.
        number : int
            Number of the generated image.

        Returns
        -------
        Pose
            The pose of the largest correlation; see :func:`gan_isi.distances.moved`.

        Raises
        ------
        ValueError
            If the query has other columns, or there is no generated image of this number.
        """
        check_is_fitted(self, "reference_")
        row = check_array(np.atleast_2d(query), dtype=np.float32, input_name="query")
        if row.shape[1] != self.n_features_in_:
            raise ValueError(
                f"query has {row.shape[1]} columns, but X had {self.n_features_in_} in fit; both "
                "have to come from the same descriptors."
            )
        if not 0 <= number < self.n_generated_:
            raise ValueError(
                f"number has to be in 0..{self.n_generated_ - 1}, of the generated images that "
                f"queries are compared with; got {number}."
            )
        picture = pictures_of(self._as_maps(row))[0]
        reference = standardised(self.reference_[[number]])
        grid = self._grids(picture.shape[-1])[1]
        return grid.pose(int(best_correlations(picture, reference, grid)[1][0]))

    def _views(self, blocks: Sequence[Block] | None, width: int) -> list[Block]:
        shape = picture_shape(width)
        if shape is None or shape[1] < 4:
            raise ValueError(
                "Poses need columns that are the pixels of a square image, at least 4 x 4, as "
                f"from PixelDescriptor; got {width} columns."
            )
        for name, values in (("angles", self.angles), ("zooms", self.zooms)):
            numbers = np.asarray(values)
            real = numbers.ndim == 1 and numbers.size and numbers.dtype.kind in "iuf"
            if not real or not np.isfinite(numbers).all():
                raise ValueError(f"{name} has to be one or more finite numbers; got {values!r}.")
        if min(self.zooms) <= 0:
            raise ValueError(f"zooms have to be above 0; got {self.zooms!r}.")
        return [Block(ONE_MAP, (ONE_MAP,))]

    def _grids(self, side: int) -> tuple[Grid, Grid]:
        """Return the coarse and the fine grid of poses."""
        angles = tuple(float(a) for a in self.angles)
        zooms = tuple(float(z) for z in self.zooms)
        between = tuple(float(z) for z in np.sqrt(np.multiply(zooms[1:], zooms[:-1]))) or zooms
        half = side // 2
        # 0.29 of 100 pixels are 28.999...96 of them.
        coarse, fine = (int(self.max_shift * one + 1e-9) for one in (half, side))
        return (
            Grid(half, angles[::2], between, coarse, self.quarter_turns),
            Grid(side, angles, zooms, fine, self.quarter_turns),
        )

    def _fill(
        self, bags: NDArray[np.float32], queries: NDArray[Any], references: NDArray[Any]
    ) -> None:
        fine = pictures_of(references)
        compare = partial(
            self._search,
            halved=self._placed(standardised(half_size(fine))),
            references=self._placed(standardised(fine)),
        )
        self._in_batches(bags[:, :, 0], pictures_of(queries), compare)

    def _n_candidates(self, n_closest: int) -> int | None:
        most = super()._n_candidates(n_closest)
        # One more than are refined, so that some are not, as where there are all.
        return None if most is None else max(most, self.n_refined + 1)

    def _rough(
        self, bags: NDArray[np.float32], queries: NDArray[Any], references: NDArray[Any]
    ) -> None:
        halved = self._placed(standardised(half_size(pictures_of(references))))
        compare = partial(self._coarse, halved=halved)
        self._in_batches(bags[:, :, 0], pictures_of(queries), compare)

    def _coarse(self, pictures: NDArray[np.float32], halved: Any) -> NDArray[np.float32]:
        grid = self._grids(pictures.shape[-1])[0]
        found = [best_correlations(small, halved, grid)[0] for small in half_size(pictures)]
        return 1 - np.stack(found)

    def _search(
        self,
        pictures: NDArray[np.float32],
        halved: Any,
        references: Any,
    ) -> NDArray[np.float32]:
        coarse, fine = self._grids(pictures.shape[-1])
        distances = np.empty((len(pictures), len(references)), dtype=np.float32)
        for row, picture, small in zip(distances, pictures, half_size(pictures), strict=True):
            chosen, likely = np.arange(len(references)), None
            if len(references) > self.n_refined:
                row[:] = 1 - best_correlations(small, halved, coarse)[0]
                chosen = np.argsort(row, kind="stable")[: self.n_refined]
                if not fine.few(picture.size):
                    likely = likely_turns(small, halved[chosen], coarse, _N_LIKELY)
            refined = 1 - best_correlations(picture, references[chosen], fine, likely)[0]
            if len(references) > self.n_refined:
                np.maximum(row, refined.max(), out=row)
            row[chosen] = refined
        return distances

    def _compare(self, queries: Any, references: Any) -> NDArray[np.floating[Any]]:
        raise NotImplementedError("Each query chooses its own references; see _search.")


def half_size(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return pictures of half the size: means of 2 x 2 pixels."""
    half = pictures.shape[-1] // 2
    cut = pictures[..., : 2 * half, : 2 * half]
    return cut.reshape(*pictures.shape[:-2], half, 2, half, 2).mean(axis=(-3, -1))
