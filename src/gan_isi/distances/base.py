"""What all pairwise transformers share: the reference set, blocks, and real images."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import gen_batches
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from .._runtime.pickling import VersionedPickleMixin
from .._runtime.progress import CallbackSupportMixin, fit_task
from .._runtime.sklearn_compat import fit_context
from .._runtime.threads import one_blas_thread
from .._validation.blocks import Block, columns_of, map_names
from ..texture.torch_context import resolve_device
from .torch_backend import as_array, placed, working_on

#: Queries compared by one task. Fixed, so that `n_jobs` can't change a result.
BATCH_SIZE = 16


class BagsMixin(TransformerMixin, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Mixin for what makes bags of rows: arrays, whose maps `blocks_` names."""

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
            Itself.
        """
        return self

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the maps, along the last axis of the bags.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Ignored.

        Returns
        -------
        ndarray of shape (n_maps,), object
            Such as ``ssim`` or ``gabor_w5.66_t45``.
        """
        check_is_fitted(self)
        return np.array(map_names(self.blocks_), dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


class BasePairwiseTransformer(
    CallbackSupportMixin,
    VersionedPickleMixin,
    BagsMixin,
    BaseEstimator,
    ABC,
    auto_wrap_output_keys=None,  # type: ignore[call-arg]
):
    """Base class: every query against every image of a reference set.

    Each number is a :term:`distance`. A subclass stores the parameters `include_real` and
    `n_jobs` (and its own), and says which maps a row holds (`_views`) and how two sets of rows
    are compared (`_compare`), one pair independent of the others. One that has a parameter
    `device` compares tensors as well.

    Attributes
    ----------
    reference_ : ndarray of shape (n_generated, n_maps, n_columns), float32
        What describes the generated images.
    n_generated_ : int
        Number of generated images.
    n_maps_ : int
        Number of maps.
    blocks_ : list of Block
        Which maps belong together, and their names.
    real_ : ndarray of shape (n_real, n_maps, n_columns), float32
        What describes the images of `fit`. With `include_real` only.
    n_real_ : int
        Number of the real images in `real_`, 0 without.
    """

    # `generated` is always wanted, so that a plain Pipeline needs no set_fit_request.
    __metadata_request__fit = {"generated": True}  # noqa: RUF012

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "families": [str, list, tuple, None],
        "include_real": ["boolean"],
        "n_jobs": [Integral, None],
        "device": [str, None],
    }

    families: str | Sequence[str] | None

    #: Where pairs are compared: a device of PyTorch; None is numpy.
    device: str | None = None

    #: Whether a distance depends on all rows that were seen in fit, see `_learn`.
    _learns: ClassVar[bool] = False

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        generated: Any = None,
        blocks: Sequence[Block] | None = None,
    ) -> Self:
        """Keep what describes the generated images as the reference set.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_maps * n_columns)
            What describes the queries.
        y : None
            Ignored.
        generated : array-like of shape (n_generated, n_maps * n_columns), default=None
            The same of the generated images; None takes `X`.
        blocks : list of Block, default=None
            Which columns are of which family, as the descriptors say (`blocks_`); an
            attack hands them on. None: nothing is known of the columns.

        Returns
        -------
        self
            Fitted.

        Raises
        ------
        ValueError
            If the columns do not divide into maps, if `generated` has other columns
            than `X`, or where no family is left to compare.
        """
        with fit_task(self._init_callback_context(), self):
            self._fit(X, generated, blocks)
        return self

    def _fit(self, X: Any, generated: Any, blocks: Sequence[Block] | None) -> None:
        X = validate_data(self, X, dtype=np.float32)
        if self.device is not None:
            resolve_device(self.device, "device= of distances")
        self.columns_ = None
        width, chosen = X.shape[1], None
        if blocks is not None:
            chosen = self._chosen(blocks)
            if not chosen:
                raise ValueError(
                    f"{type(self).__name__} has no family left to compare: of "
                    f"{[block.name for block in blocks]} those that it compares are dropped, or "
                    "none has texture maps, which PairwiseWassersteinTransformer needs. Add one, "
                    "such as descriptors__gabor=GaborDescriptor()."
                )
            self.columns_ = columns_of(blocks, [block.name for block in chosen])
            width = len(self.columns_)
        elif self.families is not None:
            raise ValueError(
                f"families={self.families!r} can be told apart in an attack only (or with blocks "
                "of the descriptors in fit); leave families out."
            )
        self.blocks_ = self._views(chosen, width)
        self.n_maps_ = len(map_names(self.blocks_))
        self.reference_ = self._check_reference(X if generated is None else generated)
        self.n_generated_ = len(self.reference_)
        self.n_real_ = 0
        self.__dict__.pop("real_", None)
        if self.include_real:
            self.real_ = self._as_maps(X)
            self.n_real_ = len(X)

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Compare every query with every generated image.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_maps * n_columns)
            What describes the queries.

        Returns
        -------
        ndarray of shape (n_queries, n_generated, n_maps), float32
            Distances in the units of the maps. With `include_real` the distances to
            the real images of `fit` follow, (n_queries, n_generated + n_real, n_maps),
            NaN where such an image is the query itself: where all columns are equal.
        """
        check_is_fitted(self, "reference_")
        if not self.n_generated_:
            raise ValueError(
                "These distances hold no generated images, which the attack reads a part after the "
                "other (stream): ask the attack, or give them by retarget."
            )
        queries = self._as_maps(validate_data(self, X, dtype=np.float32, reset=False))
        n_columns = self.n_generated_ + self.n_real_
        bags = np.empty((len(queries), n_columns, self.n_maps_), dtype=np.float32)
        self._fill(bags[:, : self.n_generated_], queries, self.reference_)
        if self.n_real_:
            to_real = bags[:, self.n_generated_ :]
            self._fill(to_real, queries, self.real_)
            to_real[_same_rows(queries, self.real_)] = np.nan
        return bags

    def retarget(self, generated: Any) -> Self:
        """Return a fitted copy that compares with other generated images.

        Parameters
        ----------
        generated : array-like of shape (n_generated, n_maps * n_columns)
            What describes the other generated images.

        Returns
        -------
        Self
            The original stays as it is.
        """
        check_is_fitted(self, "reference_")
        other = copy.copy(self)
        other.reference_ = self._check_reference(generated)
        other.n_generated_ = len(other.reference_)
        return other

    @abstractmethod
    def _views(self, blocks: Sequence[Block] | None, width: int) -> list[Block]:
        """Return the maps that are compared; raise ValueError where columns don't divide.

        `blocks` are those of the columns that are compared, None where nothing is known.
        """

    def _chosen(self, blocks: Sequence[Block]) -> list[Block]:
        """Return the blocks that are compared, without those that are dropped."""
        wanted = self._wanted(blocks)
        known = [block.name for block in blocks]
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise ValueError(
                f"{type(self).__name__} compares the family {unknown[0]!r}, and the descriptors "
                f"have none of this name; they have {known}."
            )
        return [block for block in blocks if block.name in wanted and block.maps]

    def _wanted(self, blocks: Sequence[Block]) -> list[str]:
        """Return the names of the families that are compared."""
        if self.families is None:
            return [block.name for block in blocks]
        return [self.families] if isinstance(self.families, str) else list(self.families)

    @abstractmethod
    def _compare(self, queries: Any, references: Any) -> Any:
        """Return the distances (n_queries, n_references, n_maps) of prepared images.

        With a `device` they are tensors, and so may be what is returned.
        """

    def _prepare(self, images: NDArray[np.float32]) -> Any:
        """Return what is worth computing once an image, not once a pair."""
        return images

    def _bytes_per_reference(self) -> int:
        """Return the memory of a prepared image and its share of the tasks at work."""
        # In double precision, or several times in single; and as much again at work.
        return 16 * max(1, int(np.prod(self.reference_.shape[1:])))

    def _fill(
        self, bags: NDArray[np.float32], queries: NDArray[Any], references: NDArray[Any]
    ) -> None:
        """Write all distances, with so many references at once that memory is bounded."""
        size = int(get_config()["working_memory"] * 2**20 // self._bytes_per_reference())
        for block in gen_batches(len(references), max(1, size)):
            prepared = self._placed(self._prepare(references[block]))
            compare = partial(self._compare_batch, references=prepared)
            self._in_batches(bags[:, block], queries, compare)

    def _n_candidates(self, n_closest: int) -> int | None:
        """Return how many images that are closest by `_rough` hold the `n_closest` for certain.

        None where that can't be said.
        """
        return None if self.include_real else n_closest

    def _rough(
        self, bags: NDArray[np.float32], queries: NDArray[Any], references: NDArray[Any]
    ) -> None:
        """Write the distances before any of them is refined for the closest images."""
        self._fill(bags, queries, references)

    def _learn(self, rows: NDArray[np.float32]) -> None:
        """Learn from all rows (n, n_columns), generated and real, what distances depend on."""

    def _forget(self) -> None:
        """Keep nothing that describes generated images."""
        self.reference_ = self.reference_[:0]
        self.n_generated_ = 0

    def _in_batches(
        self, distances: NDArray[np.float32], queries: NDArray[Any], compare: Callable[[Any], Any]
    ) -> None:
        """Write what `compare` returns for a few queries at once."""
        batches = list(gen_batches(len(queries), BATCH_SIZE))
        # Around all threads: the first that ends would free BLAS for those that still work.
        device = None if self.device is None else resolve_device(self.device)
        with one_blas_thread() if device is None else working_on(device):
            # Threads, whatever the backend: a distance takes less time than sending it.
            parts = Parallel(n_jobs=self.n_jobs, require="sharedmem", return_as="generator")(
                delayed(compare)(queries[batch]) for batch in batches
            )
            for batch, part in zip(batches, parts, strict=True):
                distances[batch] = part

    def _compare_batch(self, queries: NDArray[np.float32], references: Any) -> NDArray[Any]:
        return as_array(self._compare(self._placed(self._prepare(queries)), references))

    def _placed(self, prepared: Any) -> Any:
        """Return prepared images where pairs are compared."""
        return prepared if self.device is None else placed(prepared, resolve_device(self.device))

    def _check_reference(self, generated: Any) -> NDArray[np.float32]:
        vectors = check_array(generated, dtype=np.float32, input_name="generated")
        if vectors.shape[1] != self.n_features_in_:
            raise ValueError(
                f"generated has {vectors.shape[1]} columns, but X has {self.n_features_in_}; "
                "both have to come from the same descriptors."
            )
        return self._as_maps(vectors)

    def _as_maps(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._maps_of(self._own_columns(vectors))

    def _maps_of(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        return rows.reshape(len(rows), self.n_maps_, -1)

    def _own_columns(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.columns_ is None:
            return vectors
        # Rows whose numbers lie one after the other, so that sums have one order.
        return np.take(vectors, self.columns_, axis=1)


def _same_rows(queries: NDArray[np.float32], real: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which pairs (n_queries, n_real) are equal in every number."""
    # Adding zero makes the two zeros, -0.0 and 0.0, the same bytes.
    places: dict[bytes, list[int]] = {}
    for index, row in enumerate(real):
        places.setdefault((row + 0.0).tobytes(), []).append(index)
    same = np.zeros((len(queries), len(real)), dtype=bool)
    for index, row in enumerate(queries):
        same[index, places.get((row + 0.0).tobytes(), [])] = True
    return same
