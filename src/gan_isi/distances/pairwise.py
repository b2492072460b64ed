"""One distance a pair: pixels, or any other rows, against those of generated images."""

from collections.abc import Sequence
from functools import partial
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._runtime.sklearn_compat import Interval, StrOptions
from .._validation.blocks import Block, picture_shape
from .base import BasePairwiseTransformer
from .poses import turned
from .ssim import SIDE_OF_WINDOW, ImageMoments, image_moments, ssim
from .torch_backend import as_array
from .vectors import VECTOR_METRICS, distances_between, prepare_vectors, squared_distances

#: Name of the only map, where a union does not name it.
ONE_MAP = "distance"

#: What `metric` may be.
METRICS = (*VECTOR_METRICS, "ssim")


class PairwiseDistanceTransformer(BasePairwiseTransformer):
    """One distance of every query to every generated image, over all columns.

    The rows are compared as they are, such as those of :class:`PixelDescriptor`.

    Parameters
    ----------
    metric : {"euclidean", "cityblock", "cosine", "correlation", "ssim"}, default="euclidean"
        - "euclidean": root of the mean squared difference of the columns.
        - "cityblock": mean absolute difference of the columns.
        - "cosine": one minus the cosine of the angle between the rows.
        - "correlation": the same of the rows minus their means. A row of zeros (for
          "correlation": a constant row) is at distance 1 from every other one.
        - "ssim": one minus the mean structural similarity, of colours the mean over the
          channels. The columns are the pixels of a square image in 0..1, see
          `gan_isi.distances.ssim`; of three channels one after the other, if coloured.
    poses : {"as_is", "mirrored", "dihedral"}, default="as_is"
        Poses in which queries are compared: as they are; as their mirror images (left and
        right exchanged), since a generator whose training images were mirrored at random,
        as is common, may return a picture the other way round; or in that of the eight
        poses by quarter turns and mirroring in which they are closest. The columns are
        then the pixels of a square image.
    n_refined : int, default=None
        Number of generated images that "ssim" is computed for: those that correlate most
        with the query, which costs a tenth. The others get the largest of these distances.
        None computes all; for other metrics and poses it has to be None.
    families : str or list of str, default=None
        Names of the descriptor families whose columns are compared, in an attack; None for
        all columns.
    include_real : bool, default=False
        Whether queries are compared with the real images of `fit` as well; their
        columns follow those of the generated images.
    n_jobs : int, default=None
        Number of threads. Changes no result.
    device : str, default=None
        Where pairs are compared: a device of PyTorch, such as "cuda:1", or "auto", as for
        :class:`DeepDescriptor`; needs the extra "deep". None: the processor, by numpy. Distances
        on a device equal those of numpy to 1e-4, not to the bit; `n_refined` may choose
        others of images that are as close as that.

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

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BasePairwiseTransformer._parameter_constraints,
        "metric": [StrOptions(set(METRICS))],
        "n_refined": [Interval(Integral, 1, None, closed="left"), None],
        "poses": [StrOptions({"as_is", "mirrored", "dihedral"})],
    }

    def __init__(
        self,
        metric: str = "euclidean",
        *,
        poses: str = "as_is",
        n_refined: int | None = None,
        families: str | Sequence[str] | None = None,
        include_real: bool = False,
        n_jobs: int | None = None,
        device: str | None = None,
    ) -> None:
        self.metric = metric
        self.poses = poses
        self.n_refined = n_refined
        self.families = families
        self.include_real = include_real
        self.n_jobs = n_jobs
        self.device = device

    def _views(self, blocks: Sequence[Block] | None, width: int) -> list[Block]:
        shape = picture_shape(width)
        if self.metric == "ssim" and (shape is None or shape[1] < SIDE_OF_WINDOW):
            raise ValueError(
                "metric='ssim' needs columns that are the pixels of a square image, at least "
                f"{SIDE_OF_WINDOW} x {SIDE_OF_WINDOW}, as from PixelDescriptor; got {width} "
                "columns."
            )
        if self.poses != "as_is" and shape is None:
            raise ValueError(
                f"poses={self.poses!r} needs columns that are the pixels of a square image, as "
                f"from PixelDescriptor; got {width} columns."
            )
        if self.n_refined is not None and (self.metric != "ssim" or self.poses != "as_is"):
            raise ValueError(
                f"n_refined={self.n_refined} is for metric='ssim' and poses='as_is'; with "
                f"metric={self.metric!r} and poses={self.poses!r} it has to be None."
            )
        return [Block(ONE_MAP, (ONE_MAP,))]

    def _n_candidates(self, n_closest: int) -> int | None:
        return super()._n_candidates(n_closest) if self.n_refined is None else None

    def _fill(
        self, bags: NDArray[np.float32], queries: NDArray[Any], references: NDArray[Any]
    ) -> None:
        if self.n_refined is None or self.n_refined >= len(references):
            super()._fill(bags, queries, references)
            return
        rows = self._placed(prepare_vectors(references[:, 0], "correlation"))
        compare = partial(self._refined, references=references, rows=rows)
        self._in_batches(bags[:, :, 0], queries, compare)

    def _refined(
        self, queries: NDArray[np.float32], references: NDArray[np.float32], rows: Any
    ) -> NDArray[np.float32]:
        """Compute the similarity to the references that correlate most with each query."""
        own = self._placed(prepare_vectors(queries[:, 0], "correlation"))
        if self.device is None:
            apart = squared_distances(own, rows)
        else:
            apart = as_array(distances_between(own, rows, "correlation"))
        distances = np.empty(apart.shape, dtype=np.float32)
        for index, row in enumerate(distances):
            chosen = np.argsort(apart[index], kind="stable")[: self.n_refined]
            query, those = (self._placed(self._prepare(one))
                            for one in (queries[[index]], references[chosen]))  # fmt: skip
            found = self._compare(query, those)[0, :, 0]
            row[:] = found.max()
            row[chosen] = found
        return distances

    def _prepare(self, images: NDArray[np.float32]) -> NDArray[np.float64] | list[ImageMoments]:
        rows = images[:, 0]
        if self.metric != "ssim":
            return prepare_vectors(rows, self.metric)
        return [image_moments(channel) for channel in pictures_of(images).swapaxes(0, 1)]

    def _compare_batch(self, queries: NDArray[np.float32], references: Any) -> NDArray[Any]:
        if self.poses == "as_is":
            return super()._compare_batch(queries, references)
        # As far as the other way round, and the queries of a batch are fewer.
        pictures = pictures_of(queries)
        if self.poses == "mirrored":
            return super()._compare_batch(pictures[..., ::-1].reshape(queries.shape), references)
        return np.minimum.reduce([
            super(PairwiseDistanceTransformer, self)._compare_batch(
                np.ascontiguousarray(one).reshape(queries.shape), references
            )
            for one in turned(pictures)
        ])  # fmt: skip

    def _compare(self, queries: Any, references: Any) -> Any:
        if self.metric == "ssim":
            channels = [ssim(*both) for both in zip(queries, references, strict=True)]
            return (1 - np.mean(channels, axis=0))[:, :, np.newaxis]
        return distances_between(queries, references, self.metric)[:, :, None]


def pictures_of(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows of pixels (n, 1, n_columns) as pictures (n, channels, side, side)."""
    shape = picture_shape(rows.shape[2])
    assert shape is not None
    return rows.reshape(-1, *shape)
