"""What everything that describes images shares: batches, memory, and progress."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Integral
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from .._runtime.pickling import VersionedPickleMixin
from .._runtime.progress import CallbackSupportMixin, fit_task, progress_bar
from .._runtime.store import code_of_library, parts_of, store_of
from .._validation.images import check_images, check_intensity_range
from .memory import Memo

#: Images described by one task. Fixed, so that `n_jobs` can't change a result.
_BATCH_SIZE = 8


class BaseImageTransformer(
    CallbackSupportMixin, VersionedPickleMixin, TransformerMixin, BaseEstimator, ABC
):
    """Base class of transformers that turn each image into one row, by itself.

    A subclass stores the parameters `intensity_range`, `n_jobs`, `memory` and `verbose`
    (and its own), describes images in `_describe`, knows the width of a row in
    `_n_features_out`, and sets what `fit` leaves behind in `_set_fitted`.
    """

    #: What only a fitted transformer has.
    _fitted_attribute: str

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012 - scikit-learn's way
        "intensity_range": [StrOptions({"dtype", "image"}), tuple, list],
        "n_jobs": [Integral, None],
        "memory": [str, PathLike, HasMethods("cache"), None],
        "verbose": ["verbose"],
    }

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Validate the images and the parameters; nothing is learned from the pixels.

        Parameters
        ----------
        X : array-like or sequence of array-like
            (n, height, width), (n, height, width, channels), (n, n_features) or a
            sequence of images that may differ in size.
        y : None
            Ignored.

        Returns
        -------
        self
            Fitted.
        """
        check_images(X, self, reset=True)
        self._check_parameters()
        with fit_task(self._init_callback_context(), self):
            self._set_fitted()
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Describe each image by one row.

        Parameters
        ----------
        X : array-like or sequence of array-like
            Images, as in `fit`.

        Returns
        -------
        ndarray of shape (n, n_features_out), float32
            Columns in the order of `get_feature_names_out`. For a family of maps the
            CDF vectors of one image one after the other, ``columns_per_map`` columns a
            map in its units.

        Raises
        ------
        ValueError
            Naming the image, when one has NaN, infinity or no pixels.
        """
        check_is_fitted(self, self._fitted_attribute)
        images = check_images(X, self, reset=False)
        size, how = self._tasks()
        starts = range(0, len(images), size)
        rows = np.empty((len(images), self._n_features_out), dtype=np.float32)
        store = store_of(self.memory)
        memo = None
        if store is not None:
            memo = Memo(store, self._cache_key(), self._n_features_out)
        batches = Parallel(**how, return_as="generator")(
            delayed(_describe_batch)(self, _batch(images, start, size), start, memo)
            for start in starts
        )
        with progress_bar(
            len(images), description=self._family_name(), unit="image", verbose=self.verbose
        ) as bar:
            for start, batch in zip(starts, batches, strict=True):
                rows[start : start + len(batch)] = batch
                bar.update(len(batch))
        if store is not None:
            store.prune()
        return rows

    @abstractmethod
    def _describe(self, images: Sequence[ArrayLike], first: int) -> NDArray[np.float32]:
        """Return the rows of consecutive images, the first of which has number `first`."""

    @abstractmethod
    def _set_fitted(self) -> None:
        """Set `_fitted_attribute`, and whatever else `fit` leaves behind."""

    @property
    @abstractmethod
    def _n_features_out(self) -> int:
        """Width of a row."""

    def _check_parameters(self) -> None:
        """Check what the parameter constraints can't say."""
        check_intensity_range(self.intensity_range)

    def _family_name(self) -> str:
        return type(self).__name__.removesuffix("Descriptor").lower()

    def _cache_key(self) -> tuple[Any, ...]:
        """Return everything but the image that the row of an image depends on."""
        *family, code, parameters = parts_of(self)
        return *family, parameters, (code_of_library(), code)

    def _tasks(self) -> tuple[int, dict[str, Any]]:
        """Return how many images `_describe` gets at once, and the options of Parallel."""
        return _BATCH_SIZE, {"n_jobs": self.n_jobs}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _describe_batch(
    transformer: BaseImageTransformer,
    images: Sequence[ArrayLike],
    first: int,
    memo: Memo | None,
) -> NDArray[np.float32]:
    """Describe consecutive images, those that are known from memory."""
    if memo is None:
        return transformer._describe(images, first)
    arrays = [np.asarray(image) for image in images]  # files are read once
    entries = [memo.entry_of(array) for array in arrays]
    known = {i: row for i, entry in enumerate(entries) if (row := memo.load(entry)) is not None}
    if not known:  # all at once, which an accelerator needs
        described = dict(enumerate(transformer._describe(arrays, first)))
    else:
        missing = [i for i in range(len(arrays)) if i not in known]
        described = {i: transformer._describe([arrays[i]], first + i)[0] for i in missing}
    for i, row in described.items():
        memo.dump(entries[i], row)
    rows = known | described
    return np.stack([rows[i] for i in range(len(arrays))])


def _batch(images: Any, start: int, size: int) -> Any:
    stop = min(start + size, len(images))
    if isinstance(images, np.ndarray):
        # A list: joblib would lay an array on one worker of a cluster, to be lost with it.
        return list(images[start:stop])
    try:
        return images[start:stop]
    except TypeError:  # a sequence of the user's own that knows no slices
        return [images[index] for index in range(start, stop)]
