"""First and second derivatives of an image that is smoothed by a Gaussian."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .._validation.arrays import check_choice, check_image, check_number, check_window
from .._validation.typing import FloatImage

Boundary = Literal["reflect", "nearest", "mirror", "wrap"]
Kernels = Literal["corrected", "sampled"]

#: Standard deviation in pixels below which a sampled Gaussian is a single pixel.
LEAST_SIGMA = 0.1

#: Ratio of sigma to the window's radius beyond which rounding leaves no digits of a curvature.
_LARGEST_SIGMA_TO_RADIUS = 1000

#: NumPy's names of SciPy's boundaries.
PAD_MODES: dict[str, Literal["symmetric", "edge", "reflect", "wrap"]] = {
    "reflect": "symmetric",
    "nearest": "edge",
    "mirror": "reflect",
    "wrap": "wrap",
}


class Derivatives(NamedTuple):
    """Smoothed derivatives of an image; x runs along the rows, y down the columns."""

    x: FloatImage
    y: FloatImage
    xx: FloatImage
    xy: FloatImage
    yy: FloatImage


def gaussian_derivatives(
    image: FloatImage,
    sigma: float,
    *,
    window: int | None = None,
    boundary: Boundary = "reflect",
    kernels: Kernels = "corrected",
) -> Derivatives:
    """First and second derivatives of the image smoothed by a Gaussian.

    Parameters
    ----------
    image : ndarray of shape (height, width)
        One grey image.
    sigma : float
        Standard deviation of the Gaussian in pixels, at least 0.1.
    window : int, default=None
        Side of the filter window in pixels, odd and at least 3. None takes the paper's
        ``2 * ceil(2 * sigma) + 1``.
    boundary : {"reflect", "nearest", "mirror", "wrap"}, default="reflect"
        Rule that continues the image beyond its border, as in
        :func:`scipy.ndimage.correlate1d`.
    kernels : {"corrected", "sampled"}, default="corrected"
        Kind of the kernels: corrected to keep their moments, or the derivatives of the
        Gaussian sampled at the pixels, see `derivative_kernels`.

    Returns
    -------
    Derivatives
        Named tuple (x, y, xx, xy, yy) of arrays of shape (height, width), in units of
        `image` per pixel and per square pixel.

    Raises
    ------
    TypeError
        If the image or a parameter does not hold real numbers.
    ValueError
        If the image is not two-dimensional or holds NaN or infinity, or if a parameter is
        out of range.

    Notes
    -----
    The paper's short window cuts the Gaussian at two standard deviations. The kernels are
    therefore corrected to keep the defining moments: smoothing sums to 1, the first
    derivative of ``x`` is 1, the second derivative of ``x**2`` is 2 and that of a constant
    is 0. Derivatives of a quadratic are then exact, and a brighter image does not have a
    larger Laplacian; with sampled kernels it does. The paper does not say how its kernels
    were cut. With numba (the extra `fast`) the function is several times faster, and in
    single precision its results are the same bit for bit.

    Examples
    --------
    >>> import numpy as np
    >>> ramp = np.tile(3.0 * np.arange(12), (12, 1))
    >>> round(float(gaussian_derivatives(ramp, sigma=1.0).x[6, 6]), 6)
    3.0
    """
    check_choice(boundary, "boundary", get_args(Boundary))
    all_kernels = derivative_kernels(sigma, window, kernels=kernels)
    return compute_derivatives(*check_and_mean(image, kernels), all_kernels, boundary)


def check_and_mean(image: FloatImage, kernels: Kernels) -> tuple[FloatImage, Any]:
    """Check an image and return it with its mean, or with None for sampled kernels.

    The mean costs precision, and corrected kernels do not depend on it; sampled ones do.
    """
    image = check_image(image)
    if kernels == "sampled":
        return image, None
    return image, image.mean(dtype=np.float64).astype(image.dtype)


def compute_derivatives(
    image: FloatImage, mean: Any, kernels: tuple[NDArray[np.float64], ...], boundary: Boundary
) -> Derivatives:
    """Compute the derivatives of a checked image with the kernels of order 0, 1 and 2."""
    image = image if mean is None else image - mean
    smooth, first, second = kernels
    compiled = _compiled_derivatives()
    if compiled is not None and image.dtype == np.float32:
        padded = np.pad(image, len(smooth) // 2, mode=PAD_MODES[boundary])
        return Derivatives(*compiled(padded, smooth, first, second))
    smooth_y = _correlate(image, smooth, 0, boundary)
    first_y = _correlate(image, first, 0, boundary)
    second_y = _correlate(image, second, 0, boundary)
    return Derivatives(
        x=_correlate(smooth_y, first, 1, boundary),
        y=_correlate(first_y, smooth, 1, boundary),
        xx=_correlate(smooth_y, second, 1, boundary),
        xy=_correlate(first_y, first, 1, boundary),
        yy=_correlate(second_y, smooth, 1, boundary),
    )


@cache
def _compiled_derivatives() -> Callable[..., FloatImage] | None:
    try:
        from .derivatives_numba import five_derivatives
    except (ImportError, RuntimeError):  # not there, or no place for its cache
        return None
    return five_derivatives


def derivative_kernels(
    sigma: float, window: int | None = None, *, kernels: Kernels = "corrected"
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Correlation kernels of the derivatives of order 0, 1 and 2.

    Parameters
    ----------
    sigma : float
        Standard deviation in pixels, at least 0.1.
    window : int, default=None
        Number of taps, odd and at least 3. None takes ``2 * ceil(2 * sigma) + 1``.
    kernels : {"corrected", "sampled"}, default="corrected"
        Kind of the kernels: with exact moments, see `gaussian_derivatives`, or sampled: a
        Gaussian g that sums to 1 over the window, ``x / sigma**2 * g`` and
        ``(x**2 / sigma**4 - 1 / sigma**2) * g``.

    Returns
    -------
    tuple of three ndarrays of shape (window,)
        Kernels of order 0, 1 and 2.

    Raises
    ------
    TypeError
        If a parameter is not a number.
    ValueError
        If a parameter is out of range, or the Gaussian is flat over the window.
    """
    check_choice(kernels, "kernels", get_args(Kernels))
    sigma = check_number(sigma, "sigma", least=LEAST_SIGMA, most=1e6)
    if window is not None:
        window = check_window(window, "window", least=3)
    radius = math.ceil(2 * sigma) if window is None else window // 2
    if sigma > _LARGEST_SIGMA_TO_RADIUS * radius:
        raise ValueError(
            f"sigma={sigma:g} is flat over a window of {window} pixels; give a larger window."
        )
    x = np.arange(-radius, radius + 1, dtype=np.float64)
    gaussian = np.exp(-((x / sigma) ** 2) / 2)
    smooth = gaussian / gaussian.sum()
    if kernels == "sampled":
        return smooth, x / sigma**2 * smooth, (x**2 / sigma**4 - 1 / sigma**2) * smooth
    first = x * smooth
    first /= first @ x
    second = ((x / sigma) ** 2 - 1) * smooth
    second -= second.sum() * smooth
    second *= 2 / (second @ x**2)
    return smooth, first, second


def _correlate(
    image: FloatImage, kernel: NDArray[np.float64], axis: int, boundary: Boundary
) -> FloatImage:
    return ndimage.correlate1d(image, kernel, axis=axis, mode=boundary)
