"""What everything that describes images shares: one reading, batches, memory, progress."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Integral
from os import PathLike
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from .._runtime.pickling import VersionedPickleMixin
from .._runtime.progress import CallbackSupportMixin, fit_task, progress_bar
from .._runtime.sklearn_compat import HasMethods, StrOptions, fit_context
from .._runtime.store import Store, code_of_library, digest, parts_of, store_of
from .._runtime.whole import in_whole
from .._validation.blocks import Block
from .._validation.images import check_images, check_intensity_range
from .picture import Picture

#: Images described by one task. Fixed, so that `n_jobs` can't change a result.
_BATCH_SIZE = 8


class Tasks(NamedTuple):
    """How a family wants its images.

    Attributes
    ----------
    size : int
        How many at once.
    threads : bool
        Whether threads of this process describe them, rather than other processes.
    """

    size: int = _BATCH_SIZE
    threads: bool = False


class DescribingMixin(TransformerMixin):
    """Mixin for what turns images into rows, a family or several side by side.

    The class stores the parameters `n_jobs`, `memory` and `verbose`.
    """

    #: What only a fitted transformer has.
    _fitted_attribute: str

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
        return describe(
            families_of(self),
            check_images(X, self, reset=False),
            n_jobs=self.n_jobs,
            memory=self.memory,
            verbose=self.verbose,
            description=self._family_name(),
        )

    def _family_name(self) -> str:
        return type(self).__name__.removesuffix("Descriptor").lower()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


class BaseImageTransformer(
    CallbackSupportMixin, VersionedPickleMixin, DescribingMixin, BaseEstimator, ABC
):
    """Base class of transformers that turn each image into one row, by itself.

    A subclass stores the parameters `intensity_range`, `n_jobs`, `memory` and `verbose`
    (and its own), describes images in `_describe`, knows the width of a row in
    `_n_features_out`, and sets what `fit` leaves behind in `_set_fitted`.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "intensity_range": [StrOptions({"dtype", "image"}), tuple, list],
        "n_jobs": [Integral, None],
        "memory": [str, PathLike, HasMethods("cache"), None],
        "verbose": ["verbose"],
    }

    @fit_context(prefer_skip_nested_validation=True)
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
        images = check_images(X, self, reset=True)
        self._check_parameters()
        with fit_task(self._init_callback_context(), self):
            self._set_fitted(images)
        return self

    @property
    @abstractmethod
    def blocks_(self) -> list[Block]:
        """Which columns belong to which map."""

    @abstractmethod
    def _describe(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """Return one row a picture."""

    @abstractmethod
    def _set_fitted(self, images: Any) -> None:
        """Set `_fitted_attribute`, and whatever else `fit` on images leaves behind."""

    @property
    def n_columns(self) -> int:
        """Width of a row."""
        return self._n_features_out

    @property
    @abstractmethod
    def _n_features_out(self) -> int:
        """Width of a row, as scikit-learn calls it."""

    def _check_parameters(self) -> None:
        """Check what the parameter constraints can't say."""
        check_intensity_range(self.intensity_range)

    def _cache_key(self) -> tuple[Any, ...]:
        """Return everything but the image that the row of an image depends on."""
        *family, code, parameters = parts_of(self)
        return *family, parameters, (code_of_library(), code)

    def _tasks(self) -> Tasks:
        """Return how `_describe` wants its images."""
        return Tasks()


def families_of(descriptors: Any) -> list[BaseImageTransformer]:
    """Return the fitted families of a union, or a family by itself."""
    fitted = getattr(descriptors, "transformers_", None)
    return [descriptors] if fitted is None else [family for _, family in fitted]


def describe(
    families: Sequence[BaseImageTransformer],
    images: Any,
    *,
    n_jobs: int | None,
    memory: Any,
    verbose: int | bool,
    description: str,
) -> NDArray[np.float32]:
    """Describe images by several families, each image read once.

    Parameters
    ----------
    families : sequence of BaseImageTransformer
        Fitted families.
    images : sequence
        Images as `check_images` returns them.
    n_jobs, memory, verbose
        See `BaseDescriptor`.
    description : str
        What the progress bar is called.

    Returns
    -------
    ndarray of shape (n, n_columns), float32
        The rows of the families side by side.
    """
    store = store_of(memory)
    keys = [] if store is None else [digest(one._cache_key()) for one in families]
    wanted = [one._tasks() for one in families]
    size = max(one.size for one in wanted)
    how = {"prefer": "threads"} if any(one.threads for one in wanted) else {}
    starts = range(0, len(images), size)
    rows = np.empty((len(images), sum(one.n_columns for one in families)), np.float32)
    batches = Parallel(n_jobs=n_jobs, return_as="generator", **how)(
        delayed(_describe_batch)(families, batch_of(images, start, size), start, store, keys)
        for start in starts
    )
    shown = verbose or in_whole()
    with progress_bar(len(images), description=description, unit="image", verbose=shown) as bar:
        for start, batch in zip(starts, batches, strict=True):
            rows[start : start + len(batch)] = batch
            bar.update(len(batch))
    if store is not None:
        store.prune()
    return rows


def _describe_batch(
    families: Sequence[BaseImageTransformer],
    images: Sequence[Any],
    first: int,
    store: Store | None = None,
    keys: Sequence[bytes] = (),
) -> NDArray[np.float32]:
    """Describe consecutive images by all families; what is known from memory is not."""
    pictures = [
        Picture(image if store is None else np.asarray(image), f"image {first + i}")
        for i, image in enumerate(images)
    ]
    if store is None:
        return np.hstack([family._describe(pictures) for family in families])
    digests = [digest(picture.image) for picture in pictures]
    return np.hstack([
        _remembered(family, store, [digest(key, one) for one in digests], pictures)
        for family, key in zip(families, keys, strict=True)
    ])  # fmt: skip


def _remembered(
    family: BaseImageTransformer, store: Store, entries: list[bytes], pictures: list[Picture]
) -> NDArray[np.float32]:
    """Return the rows of pictures, of which the store has some under these keys."""
    shape = (family.n_columns,)
    found = [store.get(entry) for entry in entries]
    rows = {i: row for i, row in enumerate(found)
            if row is not None and row.shape == shape and row.dtype == np.float32}  # fmt: skip
    missing = [i for i in range(len(pictures)) if i not in rows]
    if len(missing) == len(pictures):  # all at once, which an accelerator needs
        described = list(family._describe(pictures))
    else:
        described = [family._describe([pictures[i]])[0] for i in missing]
    for i, row in zip(missing, described, strict=True):
        store.put(entries[i], row)
        rows[i] = row
    return np.stack([rows[i] for i in range(len(pictures))])


def describe_here(
    families: Sequence[BaseImageTransformer], images: Sequence[Any], first: int
) -> NDArray[np.float32]:
    """Describe some images by several families within one task, to the bits of `describe`.

    Parameters
    ----------
    families : sequence of BaseImageTransformer
        Fitted families.
    images : sequence
        Images as `check_images` returns them.
    first : int
        Number of the first one, for errors.

    Returns
    -------
    ndarray of shape (n, n_columns), float32
    """
    size = max(one._tasks().size for one in families)
    starts = range(0, len(images), size)
    return np.concatenate(
        [_describe_batch(families, images[i : i + size], first + i) for i in starts]
    )


def batch_of(images: Any, start: int, size: int) -> Any:
    """Return consecutive images, to be read by whoever gets them."""
    stop = min(start + size, len(images))
    if isinstance(images, np.ndarray):
        # A list: joblib would lay an array on one worker of a cluster, to be lost with it.
        return list(images[start:stop])
    try:
        return images[start:stop]
    except TypeError:  # a sequence of the user's own that knows no slices
        return [images[index] for index in range(start, stop)]
