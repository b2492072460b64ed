"""One distance a pair: pixels, or any other rows, against those of generated images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._runtime.sklearn_compat import StrOptions
from .._validation.blocks import Block
from .base import BasePairwiseTransformer
from .poses import turned
from .ssim import SIDE_OF_WINDOW, ImageMoments, image_moments, ssim
from .vectors import VECTOR_METRICS, distances_between, prepare_vectors

#: Name of the only map, where a union does not name it.
ONE_MAP = "distance"

#: What `metric` may be.
METRICS = (*VECTOR_METRICS, "ssim")


class PairwiseDistanceTransformer(BasePairwiseTransformer):
    """One distance of every query to every generated image, over all columns.

    For rows that are compared as they are, such as those of :class:`PixelDescriptor`.

    Parameters
    ----------
    metric : {"euclidean", "cityblock", "cosine", "correlation", "ssim"}, default="euclidean"
        - "euclidean": root of the mean squared difference of the columns.
        - "cityblock": mean absolute difference of the columns.
        - "cosine": one minus the cosine of the angle between the rows.
        - "correlation": the same of the rows minus their means. A row of zeros (for
          "correlation": a constant row) is at distance 1 from every other one.
        - "ssim": one minus the mean structural similarity. The columns are the pixels
          of a square image in 0..1; see `gan_isi.distances.ssim`.
    poses : {"as_is", "mirrored", "dihedral"}, default="as_is"
        In which poses queries are compared: as they are; as their mirror images (left and
        right exchanged), since a generator whose training images were mirrored at random,
        as is common, may return a picture the other way round; or in that of the eight
        poses by quarter turns and mirroring in which they are closest. The columns are
        then the pixels of a square image.
    families : str or list of str, default=None
        Names of the descriptor families whose columns are compared, in an attack; None for
        all columns.
    include_real : bool, default=False
        Whether queries are compared with the real images of `fit` as well; their
        columns follow those of the generated images.
    n_jobs : int, default=None
        Number of threads. Changes no result.

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
    PixelDescriptor : Makes such rows of images.
    DistanceUnion : Several distances side by side.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi import PairwiseDistanceTransformer
    >>> queries = np.array([[0.0, 0.0, 0.0, 0.0]])
    >>> generated = np.array([[0.0, 0.0, 0.0, 2.0], [1.0, 1.0, 1.0, 1.0]])
    >>> distances = PairwiseDistanceTransformer("cityblock")
    >>> distances.fit(queries, generated=generated).transform(queries)[:, :, 0]
    array([[0.5, 1. ]], dtype=float32)
    """

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012
        **BasePairwiseTransformer._parameter_constraints,
        "metric": [StrOptions(set(METRICS))],
        "poses": [StrOptions({"as_is", "mirrored", "dihedral"})],
    }

    def __init__(
        self,
        metric: str = "euclidean",
        *,
        poses: str = "as_is",
        families: str | Sequence[str] | None = None,
        include_real: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.metric = metric
        self.poses = poses
        self.families = families
        self.include_real = include_real
        self.n_jobs = n_jobs

    def _views(self, blocks: Sequence[Block] | None, width: int) -> list[Block]:
        side = int(np.sqrt(width))
        if self.metric == "ssim" and (side**2 != width or side < SIDE_OF_WINDOW):
            raise ValueError(
                "metric='ssim' needs columns that are the pixels of a square image, at least "
                f"{SIDE_OF_WINDOW} x {SIDE_OF_WINDOW}, as from PixelDescriptor; got {width} "
                "columns."
            )
        if self.poses != "as_is" and side**2 != width:
            raise ValueError(
                f"poses={self.poses!r} needs columns that are the pixels of a square image, as "
                f"from PixelDescriptor; got {width} columns."
            )
        return [Block(ONE_MAP, (ONE_MAP,))]

    def _prepare(self, images: NDArray[np.float32]) -> NDArray[np.float64] | ImageMoments:
        rows = images[:, 0]
        if self.metric != "ssim":
            return prepare_vectors(rows, self.metric)
        side = int(np.sqrt(rows.shape[1]))
        return image_moments(rows.reshape(-1, side, side))

    def _compare_batch(self, queries: NDArray[np.float32], references: Any) -> NDArray[Any]:
        if self.poses == "as_is":
            return super()._compare_batch(queries, references)
        # As far as the other way round, and the queries of a batch are fewer.
        side = int(np.sqrt(queries.shape[2]))
        pictures = queries.reshape(-1, side, side)
        if self.poses == "mirrored":
            return super()._compare_batch(pictures[:, :, ::-1].reshape(queries.shape), references)
        return np.minimum.reduce([
            super(PairwiseDistanceTransformer, self)._compare_batch(
                np.ascontiguousarray(one).reshape(queries.shape), references
            )
            for one in turned(pictures)
        ])  # fmt: skip

    def _compare(self, queries: Any, references: Any) -> NDArray[np.floating[Any]]:
        if self.metric == "ssim":
            return (1 - ssim(queries, references))[:, :, np.newaxis]
        return distances_between(queries, references, self.metric)[:, :, np.newaxis]
