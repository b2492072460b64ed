"""Mean structural similarity of many pairs of images.

Means and variances belong to an image, not to a pair, and are computed once; a pair
costs the windows' means of the product of its two images only.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._validation.arrays import LARGEST_INTENSITY, check_array
from .._validation.typing import FloatArray

#: Side of the square window in pixels; the sums below are laid out for it.
SIDE_OF_WINDOW = 7

_N_PIXELS = SIDE_OF_WINDOW**2
_C1, _C2 = 0.01**2, 0.03**2

#: Pixels of the references that are multiplied with a query at once: they stay in cache.
_PIXELS_AT_ONCE = 2**16

#: The same on a device, where each operation has to be started from here.
_PIXELS_ON_DEVICE = 2**24


class ImageMoments(NamedTuple):
    """Images with the means and variances of their windows.

    Attributes
    ----------
    centred : ndarray of shape (n, side, side), float32
        Each image minus its mean: (co)variances are small differences of products,
        which single precision holds better the smaller the values are.
    centred_means : ndarray of shape (n, side - 6, side - 6), float32
        Means of them in every window that lies inside.
    means, variances : ndarray of shape (n, side - 6, side - 6), float32
        Means and variances of the images in these windows; the variance is that of a sample
        (N - 1).
    """

    centred: NDArray[np.float32]
    centred_means: NDArray[np.float32]
    means: NDArray[np.float32]
    variances: NDArray[np.float32]


def image_moments(images: FloatArray) -> ImageMoments:
    """Compute once an image what the similarity of each of its pairs needs.

    Parameters
    ----------
    images : ndarray of shape (n, side, side)
        Images of at least 7 x 7 pixels.

    Returns
    -------
    ImageMoments
    """
    images = check_array(images, "images", "(n, side, side)", largest=LARGEST_INTENSITY)
    if min(images.shape[1:]) < SIDE_OF_WINDOW:
        raise ValueError(
            f"images of {images.shape[1]} x {images.shape[2]} pixels are smaller than the window "
            f"of {SIDE_OF_WINDOW} x {SIDE_OF_WINDOW}."
        )
    offsets = np.mean(images, axis=(1, 2), keepdims=True, dtype=np.float64)
    centred = (images - offsets).astype(np.float32)
    centred_means = _window_means(centred)
    variances = _variances(centred * centred, centred_means * centred_means)
    return ImageMoments(
        centred, centred_means, (centred_means + offsets).astype(np.float32), variances
    )


def ssim(queries: ImageMoments, references: ImageMoments) -> NDArray[np.float32]:
    """Mean structural similarity of every query to every reference.

    Parameters
    ----------
    queries : ImageMoments of n_queries images
        Moments from `image_moments`.
    references : ImageMoments of n_references images
        Moments of images of the same size; both may hold tensors, which are compared on their
        device.

    Returns
    -------
    ndarray of shape (n_queries, n_references), float32
        At most 1, which is reached by equal images. That of
        ``skimage.metrics.structural_similarity(a, b, data_range=1)`` to 1e-5 for
        images in 0..1: uniform windows of 7 x 7 pixels that lie inside, K1 = 0.01,
        K2 = 0.03, covariances of samples.

    References
    ----------
    Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from
    error visibility to structural similarity", IEEE Transactions on Image Processing 13
    (2004), 600-612.

    Examples
    --------
    >>> import numpy as np
    >>> images = image_moments(np.stack([np.eye(8), 1 - np.eye(8)]))
    >>> ssim(images, images).round(2)
    array([[ 1. , -0.3],
           [-0.3,  1. ]], dtype=float32)
    """
    for name, moments in (("queries", queries), ("references", references)):
        if not isinstance(moments, ImageMoments):
            raise TypeError(f"{name} has to come from image_moments; got {type(moments).__name__}.")
    if queries.centred.shape[1:] != references.centred.shape[1:]:
        raise ValueError(
            f"queries are images of shape {queries.centred.shape[1:]}, but references of "
            f"{references.centred.shape[1:]}."
        )
    n_queries, n_references = len(queries.means), len(references.means)
    on_device = not isinstance(references.centred, np.ndarray)
    at_once = _PIXELS_ON_DEVICE if on_device else _PIXELS_AT_ONCE
    size = max(1, at_once // int(np.prod(references.centred.shape[1:])))
    similarity = np.empty((n_queries, n_references), dtype=np.float32)
    for start in range(0, n_references, size):
        block = slice(start, start + size)
        part = ImageMoments(*(values[block] for values in references))
        for index in range(n_queries):
            query = ImageMoments(*(values[index] for values in queries))
            found: Any = _one_against_many(query, part)
            similarity[index, block] = found.cpu() if on_device else found
    return similarity


def _one_against_many(query: ImageMoments, references: ImageMoments) -> NDArray[np.float32]:
    # In this order, so that both factors of equal images are one in every bit.
    products = query.centred_means * references.centred_means
    structure = _variances(query.centred * references.centred, products)
    structure *= 2
    structure += np.float32(_C2)
    scale = query.variances + references.variances
    scale += np.float32(_C2)
    structure /= scale
    products = query.means * references.means
    products *= 2
    products += np.float32(_C1)
    scale = query.means * query.means + references.means * references.means
    scale += np.float32(_C1)
    products /= scale
    products *= structure
    return products.mean(axis=(-2, -1))


def _variances(
    squares: NDArray[np.float32], squared_means: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the sample variance of every window, or the covariance of two images."""
    variances = _window_means(squares)
    variances -= squared_means
    variances *= np.float32(_N_PIXELS / (_N_PIXELS - 1))
    return variances


def _window_means(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of every 7 x 7 window, (..., height - 6, width - 6)."""
    sums = _sums_of_seven(images, axis=-1)
    sums = _sums_of_seven(sums, axis=-2)
    sums *= np.float32(1 / _N_PIXELS)
    return sums


def _sums_of_seven(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Return the sums of seven neighbours along an axis: of four, two and one of them."""
    n = values.shape[axis]

    def part(array: NDArray[np.float32], start: int, stop: int) -> NDArray[np.float32]:
        where = [slice(None)] * array.ndim
        where[axis] = slice(start, stop)
        return array[tuple(where)]

    pairs = part(values, 0, n - 1) + part(values, 1, n)
    sums = part(pairs, 0, n - 6) + part(pairs, 2, n - 4)
    sums += part(pairs, 4, n - 2)
    sums += part(values, 6, n)
    return sums
