"""The distance stage: CDF vectors of queries against those of the generated images."""

import copy
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import gen_batches
from sklearn.utils._param_validation import Interval
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from ._generated import check_generated
from ._pickling import VersionedPickleMixin
from ._progress import CallbackSupportMixin, fit_task
from .quantiles import wasserstein_distances

#: Queries compared by one task. Fixed, so that `n_jobs` can't change a result.
_BATCH_SIZE = 16


class PairwiseWassersteinTransformer(
    CallbackSupportMixin, VersionedPickleMixin, TransformerMixin, BaseEstimator
):
    """1-Wasserstein distance of every map, every query against every generated image.

    Parameters
    ----------
    n_levels : int, default=None
        Number of consecutive columns that make one map's CDF vector; None takes all
        columns as one map.
    n_jobs : int, default=None
        Number of threads. Changes no result.

    Attributes
    ----------
    reference_ : ndarray of shape (n_generated, n_maps, n_levels), float32
        CDF vectors of the generated images.
    n_generated_ : int
        Number of generated images.
    n_maps_ : int
        Number of maps.
    n_features_in_ : int
        Number of columns, ``n_maps * n_levels``.
    feature_names_in_ : ndarray of str
        Names of the columns, when they all are strings.

    See Also
    --------
    gan_isi.quantiles.wasserstein_distances : The distance and how exact it is.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi import PairwiseWassersteinTransformer
    >>> queries = np.array([[0.0, 1.0, 10.0, 10.0]])
    >>> generated = np.array([[2.0, 3.0, 10.0, 10.0], [0.0, 1.0, 9.0, 11.0]])
    >>> distances = PairwiseWassersteinTransformer(n_levels=2)
    >>> distances.fit(queries, generated=generated).transform(queries)
    array([[[2., 0.],
            [0., 1.]]], dtype=float32)
    """

    # `generated` is always wanted, so that a plain Pipeline needs no set_fit_request.
    __metadata_request__fit = {"generated": True}  # noqa: RUF012

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012
        "n_levels": [Interval(Integral, 1, None, closed="left"), None],
        "n_jobs": [Integral, None],
    }

    def __init__(self, *, n_levels: int | None = None, n_jobs: int | None = None) -> None:
        self.n_levels = n_levels
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, *, generated: Any = None) -> Self:
        """Keep the generated images' CDF vectors as the reference set.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_maps * n_levels)
            CDF vectors of the queries.
        y : None
            Ignored.
        generated : array-like of shape (n_generated, n_maps * n_levels), default=None
            CDF vectors of the generated images, or a 1-tuple that holds them; None
            takes `X`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the columns do not divide into maps, if `generated` has other columns
            than `X`, or is exactly as long as `X` and not in a 1-tuple.
        """
        with fit_task(self._init_callback_context(), self):
            self._fit(X, generated)
        return self

    def _fit(self, X: Any, generated: Any) -> None:
        X = validate_data(self, X, dtype=np.float32)
        width = X.shape[1]
        n_levels = width if self.n_levels is None else self.n_levels
        if width % n_levels:
            raise ValueError(
                f"{width} columns don't divide into maps of n_levels={n_levels} columns."
            )
        self.n_maps_ = width // n_levels
        if generated is None:
            self.reference_ = self._as_maps(X)
        else:
            self.reference_ = self._check_reference(check_generated(generated, len(X)))
        self.n_generated_ = len(self.reference_)

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Compare every query with every generated image.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_maps * n_levels)
            CDF vectors of the queries.

        Returns
        -------
        ndarray of shape (n_queries, n_generated, n_maps), float32
            Distances in the units of the maps.
        """
        check_is_fitted(self, "reference_")
        queries = self._as_maps(validate_data(self, X, dtype=np.float32, reset=False))
        bags = np.empty((len(queries), self.n_generated_, self.n_maps_), dtype=np.float32)
        batches = list(gen_batches(len(queries), _BATCH_SIZE))
        # Threads, whatever the backend: a distance takes less time than sending it.
        parts = Parallel(n_jobs=self.n_jobs, require="sharedmem", return_as="generator")(
            delayed(wasserstein_distances)(queries[batch], self.reference_) for batch in batches
        )
        for batch, part in zip(batches, parts, strict=True):
            bags[batch] = part
        return bags

    def retarget(self, generated: Any) -> Self:
        """Return a fitted copy that compares with other generated images.

        Parameters
        ----------
        generated : array-like of shape (n_generated, n_maps * n_levels)
            CDF vectors of the other generated images, or a 1-tuple that holds them.

        Returns
        -------
        PairwiseWassersteinTransformer
            The original stays as it is.
        """
        check_is_fitted(self, "reference_")
        other = copy.copy(self)
        other.reference_ = self._check_reference(check_generated(generated))
        other.n_generated_ = len(other.reference_)
        return other

    def set_output(self, *, transform: Any = None) -> Self:
        """Do nothing: bags are three-dimensional and stay arrays.

        Only there so that ``set_output`` works on a pipeline with this step.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            Ignored.

        Returns
        -------
        self
        """
        return self

    def _check_reference(self, generated: Any) -> NDArray[np.float32]:
        vectors = check_array(generated, dtype=np.float32, input_name="generated")
        if vectors.shape[1] != self.n_features_in_:
            raise ValueError(
                f"generated has {vectors.shape[1]} columns, but X has {self.n_features_in_}; "
                "both have to come from the same descriptors."
            )
        return self._as_maps(vectors)

    def _as_maps(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        return vectors.reshape(len(vectors), self.n_maps_, -1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
