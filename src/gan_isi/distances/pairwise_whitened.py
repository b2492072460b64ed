"""One distance a pair of rows whose common mean and covariance are taken out before."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_array

from .._runtime.sklearn_compat import Interval, StrOptions
from .._validation.blocks import Block
from .base import BasePairwiseTransformer
from .pairwise import ONE_MAP
from .vectors import VECTOR_METRICS, distances_between, prepare_vectors
from .whitening import whitening


class PairwiseWhitenedTransformer(BasePairwiseTransformer):
    """One distance of every query to every generated image, of whitened rows.

    For pooled features of a network (``DeepDescriptor(pooling="mean")``), most of whose
    variance is what all images share: contrast, and what a network was trained for. `fit` learns
    the mean and the covariance of all rows that it sees, generated and real; rows are then
    compared without them.

    Parameters
    ----------
    metric : {"cosine", "correlation", "euclidean", "cityblock"}, default="cosine"
        How whitened rows are compared, see :class:`PairwiseDistanceTransformer`.
        "euclidean" is the Mahalanobis distance up to a factor.
    shrinkage : {"auto"}, float in 0..1 or None, default="auto"
        How far the covariance is moved towards the identity, see
        :func:`gan_isi.distances.whitening`.
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
        on a device equal those of numpy to 1e-4, not to the bit.

    Attributes
    ----------
    mean_ : ndarray of shape (n_columns,)
        Mean of each column.
    matrix_ : ndarray of shape (n_columns, n_directions)
        What rows without the mean are multiplied by.
    reference_ : ndarray of shape (n_generated, 1, n_directions), float32
        The whitened rows of the generated images.
    n_generated_ : int
        Number of generated images.
    n_maps_ : int
        1: the distance is the only map.
    blocks_ : list of Block
        That map.
    real_ : ndarray of shape (n_real, 1, n_directions), float32
        The whitened rows of the images of `fit`. With `include_real` only.
    n_real_ : int
        Number of real images in `real_`, 0 without.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Names of the columns, when they all are strings.

    See Also
    --------
    DeepDescriptor : Makes such rows of images.
    gan_isi.distances.whitening : The same as a function of arrays.

    Notes
    -----
    Unlike other distances, these depend on all images of `fit`. No labels are needed, and
    none can leak: the mean and the covariance are the same whichever of the images were used,
    so that a permutation test is as exact as without, also where an audit fits the distances
    once, on the images that it holds out as well. In life the images that are asked about
    are at hand just so. A copy by `retarget` has the mean and the covariance of the original.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi import PairwiseWhitenedTransformer
    >>> rng = np.random.default_rng(0)
    >>> rows = rng.normal(size=(40, 5)) + 9 * rng.normal(size=(40, 1))  # most is common to all
    >>> queries, generated = rows[:20], rows[10:]
    >>> distances = PairwiseWhitenedTransformer().fit(queries, generated=generated)
    >>> distances.transform(queries)[10:, :, 0].argmin(axis=1)
    array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """

    _learns = True

    _parameter_constraints = {  # noqa: RUF012
        **BasePairwiseTransformer._parameter_constraints,
        "metric": [StrOptions(set(VECTOR_METRICS))],
        "shrinkage": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both"), None],
    }

    def __init__(
        self,
        metric: str = "cosine",
        *,
        shrinkage: float | str | None = "auto",
        families: str | Sequence[str] | None = None,
        include_real: bool = False,
        n_jobs: int | None = None,
        device: str | None = None,
    ) -> None:
        self.metric = metric
        self.shrinkage = shrinkage
        self.families = families
        self.include_real = include_real
        self.n_jobs = n_jobs
        self.device = device

    def _fit(self, X: Any, generated: Any, blocks: Sequence[Block] | None) -> None:
        self.matrix_: NDArray[np.float64] | None = None  # rows as they are, until all are known
        super()._fit(X, generated, blocks)
        rows = self.reference_[:, 0]
        if generated is not None:
            rows = np.concatenate([rows, self._as_maps(check_array(X, dtype=np.float32))[:, 0]])
        self._learn(rows)
        self.reference_ = self._whitened(self.reference_)
        if self.include_real:
            self.real_ = self._whitened(self.real_)

    def _learn(self, rows: NDArray[np.float32]) -> None:
        self.mean_, self.matrix_ = whitening(rows, self.shrinkage)

    def _views(self, blocks: Sequence[Block] | None, width: int) -> list[Block]:
        return [Block(ONE_MAP, (ONE_MAP,))]

    def _maps_of(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        maps = super()._maps_of(rows)
        return maps if self.matrix_ is None else self._whitened(maps)

    def _whitened(self, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        # Without BLAS, in whose products the last bits of a row depend on the others: equal
        # images would not be at distance zero.
        assert self.matrix_ is not None
        rows = [np.einsum("i,ij->j", row[0] - self.mean_, self.matrix_) for row in maps]
        return np.array(rows, dtype=np.float32)[:, np.newaxis]

    def _prepare(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        return prepare_vectors(images[:, 0], self.metric)

    def _compare(self, queries: Any, references: Any) -> Any:
        return distances_between(queries, references, self.metric)[:, :, None]
