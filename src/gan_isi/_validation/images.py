"""Checks of images, and their conversion to grey float arrays.

`check_images` checks a whole collection and reads no more of it than it must (files of a lazy
sequence are not opened). `to_grey` turns one image into the array that the texture functions
take; it checks every image, including those that are read lazily.
"""

from collections.abc import Sequence
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from skimage.color import rgb2gray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from .arrays import LARGEST_INTENSITY
from .items import Items, as_images, channel_axis, is_sequence_of_images, spread

IntensityRange: TypeAlias = str | tuple[float, float]

#: Integer dtypes whose range is the range of a picture; other dtypes do not tell it.
_PICTURE_DTYPES = (np.uint8, np.uint16)

#: Number of images that tell whether a collection is coloured, how many of their pixels are
#: looked at, and the largest difference of a pixel's channels, as a share of the image's range,
#: that may come of a lossy format or of a tint of the paper.
_LOOKED_AT, _PIXELS, _COLOURED = 8, 2**16, 0.05


def check_images(
    X: Any, estimator: BaseEstimator, *, reset: bool
) -> NDArray[Any] | Sequence[ArrayLike]:
    """Validate a collection of images without converting it.

    Parameters
    ----------
    X : array-like or sequence of array-like
        Images as an array (n, height, width), (n, height, width, channels) or
        (n, n_features), or as a sequence of images that may differ in size.
    estimator : estimator
        Estimator that records (`reset`) or compares the features of two-dimensional input,
        whose rows are images of one row of pixels.
    reset : bool
        Whether this is `fit`.

    Returns
    -------
    ndarray or sequence
        A collection that has a length, and whose items are images.

    Raises
    ------
    TypeError
        If the collection is a sparse matrix, or holds file names instead of images.
    ValueError
        If the collection is empty, or is an array with another number of dimensions.
    """
    X = as_images(X)
    if is_sequence_of_images(X):
        if len(X) == 0:
            raise ValueError("Found 0 images; at least 1 is required.")
        _forget_features(estimator, reset)
        return X if hasattr(X, "paths") else Items(X)
    if sparse.issparse(X):
        raise TypeError("Sparse data was passed, but images have to be dense; call X.toarray().")
    if not hasattr(X, "columns"):
        X = _native(X)
    if getattr(X, "ndim", 2) <= 2:
        _refuse_single_image(X, estimator, reset)
        rows = validate_data(estimator, X, dtype="numeric", reset=reset)
        return rows[:, np.newaxis, :]
    X = check_array(X, dtype="numeric", allow_nd=True, ensure_2d=False, input_name="X")
    if X.ndim > 4:
        raise ValueError(
            "Images have to be an array (n, height, width) or (n, height, width, channels); "
            f"got {X.ndim} dimensions, shape {X.shape}."
        )
    if 0 in X.shape:
        raise ValueError(f"Found images without pixels: the array has shape {X.shape}.")
    if X.ndim == 4 and channel_axis(X.shape[1:], f"The array of shape {X.shape}") == 0:
        X = np.moveaxis(X, 1, -1)
    _forget_features(estimator, reset)
    return X


def to_grey(
    image: ArrayLike, intensity_range: IntensityRange = "dtype", name: str = "image"
) -> NDArray[np.float32]:
    """Convert one image to a grey float array.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, channels)
        Booleans, integers or floats in any byte order. One channel is grey, two are
        grey and alpha, three are RGB, four are RGBA.
    intensity_range : {"dtype", "image"} or (low, high)
        Intensities that become 0 and 1, see `BaseDescriptor`.
    name : str
        Name of the image in errors.

    Returns
    -------
    ndarray of shape (height, width), float32
        Grey values in a new, contiguous array.

    Raises
    ------
    ValueError
        If the image holds NaN or infinity, has no pixels, or does not have the shape of an
        image.
    """
    return to_channels(image, intensity_range, name, n_channels=1)[0]


def to_channels(
    image: ArrayLike,
    intensity_range: IntensityRange = "dtype",
    name: str = "image",
    *,
    n_channels: int = 3,
) -> NDArray[np.float32]:
    """Convert one image to float arrays of its colours, or to a grey one.

    Parameters
    ----------
    image, intensity_range, name
        Arguments of `to_grey`; "image" is the range of all channels together.
    n_channels : {1, 3}, default=3
        Whether the result is grey, or red, green and blue, which are the same of a grey image.

    Returns
    -------
    ndarray of shape (n_channels, height, width), float32
        In a new, contiguous array.

    Raises
    ------
    ValueError
        As of `to_grey`.
    """
    array = _numeric(image, name)
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(
            f"{name} has shape {array.shape}; expected (height, width) or "
            "(height, width, channels) with at least one pixel."
        )
    if array.ndim == 3 and channel_axis(array.shape, name) == 0:
        array = np.moveaxis(array, 0, -1)
    check_finite_pixels(array, name)
    planes = array[np.newaxis] if array.ndim == 2 else _opaque(array, n_channels)
    scaled = _scale(planes, array.dtype, intensity_range)
    largest = float(np.abs(scaled).max())
    if largest > LARGEST_INTENSITY:
        raise ValueError(
            f"{name} contains values up to {largest:g}; values above {LARGEST_INTENSITY:g} "
            "overflow in the filters. Give intensity_range=(low, high)."
        )
    shape = (n_channels, *scaled.shape[1:])
    return np.ascontiguousarray(np.broadcast_to(scaled, shape), dtype=np.float32)


def is_coloured(images: Sequence[Any] | NDArray[Any]) -> bool:
    """Return whether one of some images of a collection has channels that differ.

    Grey stored as RGB, also by a lossy format or with a slight tint, is grey. No error is
    raised here for what is no image.

    Parameters
    ----------
    images : sequence of array-like
        Images from `check_images`; up to eight are looked at.

    Returns
    -------
    bool
    """
    if isinstance(images, np.ndarray) and images.ndim < 4:
        return False
    return any(_channels_differ(images[i]) for i in spread(len(images), _LOOKED_AT))


def _channels_differ(item: Any) -> bool:
    try:
        image = np.asarray(item)
    except (TypeError, ValueError):  # who describes it says what is wrong
        return False
    if image.ndim != 3 or image.dtype.kind not in "buif" or image.size == 0:
        return False
    if image.shape[2] not in (3, 4):
        if image.shape[2] < 3 or image.shape[0] != 3:
            return False
        image = np.moveaxis(image, 0, -1)
    step = int(np.ceil(np.sqrt(image[..., 0].size / _PIXELS)))
    planes = _opaque(image[::step, ::step], 3)
    with np.errstate(all="ignore"):  # of infinite values
        return bool(np.ptp(planes, axis=0).max() > _COLOURED * np.ptp(planes))


def check_intensity_range(intensity_range: Any) -> None:
    """Raise ValueError unless a pair is two finite numbers in ascending order."""
    if isinstance(intensity_range, str):
        return
    pair = tuple(intensity_range)
    if len(pair) != 2 or not all(isinstance(value, Real) for value in pair):
        raise ValueError(
            "intensity_range has to be 'dtype', 'image' or two numbers (low, high); "
            f"got {intensity_range!r}."
        )
    low, high = (float(value) for value in pair)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"intensity_range needs low < high, both finite; got ({low:g}, {high:g}).")


def _native(X: Any) -> Any:
    array = np.asarray(X) if hasattr(X, "__array__") else X
    if isinstance(array, np.ndarray) and not array.dtype.isnative:
        return array.astype(array.dtype.newbyteorder("="))
    return array


def _refuse_single_image(X: Any, estimator: BaseEstimator, reset: bool) -> None:
    """Raise ValueError for a two-dimensional array where `fit` saw images of more dimensions."""
    shape: tuple[int, ...] = getattr(X, "shape", ())
    if not reset and len(shape) == 2 and not hasattr(estimator, "n_features_in_"):
        raise ValueError(
            f"Expected images as in fit, got an array of shape {shape}, which would be "
            f"{shape[0]} images of one row of pixels. For a single image pass image[np.newaxis]."
        )


def check_finite_pixels(images: Any, name: str) -> None:
    """Raise ValueError if an array of images holds NaN or infinity."""
    array = isinstance(images, np.ndarray) and images.dtype.kind == "f"
    if array and not np.isfinite(images).all():
        kind = "NaN" if np.isnan(images).any() else "infinity"
        raise ValueError(f"{name} contains {kind}.")


def _forget_features(estimator: BaseEstimator, reset: bool) -> None:
    # Images have no features to count, and those of an earlier fit on rows no longer hold.
    if reset:
        for attribute in ("n_features_in_", "feature_names_in_"):
            vars(estimator).pop(attribute, None)


def _numeric(image: ArrayLike, name: str) -> NDArray[Any]:
    array = np.asarray(image)
    if array.dtype == object:
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{name} is an object array that does not hold one number per pixel: {error}."
            ) from error
    if array.dtype.kind not in "buif":
        raise ValueError(f"{name} has dtype {array.dtype}; expected booleans, integers or floats.")
    return array


def _scale(
    grey: NDArray[Any], dtype: np.dtype[Any], intensity_range: IntensityRange
) -> NDArray[Any]:
    """Map the intensity range to 0..1, linearly and without clipping."""
    values = grey.astype(np.float64)
    if isinstance(intensity_range, str) and intensity_range == "image":
        low, high = float(grey.min()), float(grey.max())
        high = high if high > low else low + 1.0
    elif isinstance(intensity_range, str) or not _can_hold(dtype, *intensity_range):
        low, high = _own_range(dtype)
    else:
        low, high = intensity_range
    return values if (low, high) == (0.0, 1.0) else (values - low) / (high - low)


def _can_hold(dtype: np.dtype[Any], low: float, high: float) -> bool:
    """Return whether a range can be meant for images of this type, and not only for others."""
    if dtype.kind == "b":
        return low >= 0 and high <= 1
    if dtype.newbyteorder("=") not in _PICTURE_DTYPES:
        return True
    return low >= 0 and high <= np.iinfo(dtype).max


def _own_range(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return the values of black and white in a data type that may note fewer bits."""
    if dtype.newbyteorder("=") not in _PICTURE_DTYPES:
        return 0.0, 1.0
    return 0.0, 2.0 ** bits_stored(dtype) - 1


def bits_stored(dtype: np.dtype[Any]) -> int:
    """Return the number of bits of a pixel: those of its type, or fewer if the file said so."""
    noted: Any = dtype.metadata or {}
    return int(noted.get("bits_stored", 8 * dtype.itemsize))


def _opaque(image: NDArray[Any], n_channels: int) -> NDArray[np.float64]:
    """Return grey or colours in the image's own units, white where it is transparent.

    Of shape (1, height, width) where `n_channels` is 1 or the image is grey, else
    (3, height, width).
    """
    own = image.shape[2]
    values = image.astype(np.float64)
    planes: NDArray[np.float64] = np.moveaxis(values[:, :, : 3 if own > 2 else 1], -1, 0)
    if own > 2 and n_channels == 1:
        planes = rgb2gray(values[:, :, :3])[np.newaxis]
    if own in (2, 4):
        white = float(np.iinfo(image.dtype).max) if image.dtype.kind in "ui" else 1.0
        opacity = values[:, :, -1] / white
        planes = opacity * planes + (1 - opacity) * white
    return planes
