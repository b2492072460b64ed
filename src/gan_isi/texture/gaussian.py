"""Gaussian derivatives: steered at one scale, and as invariants at several scales."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .._validation.arrays import (
    check_choice,
    check_image,
    check_number,
    check_numbers,
    check_window,
)
from .._validation.typing import FloatImage
from .strips import LARGEST_STRIP, in_strips

PAPER_SIGMAS = (0.5, 0.75, 1.0, 1.25, 1.5)
PAPER_ANGLES = (0.0, 45.0, 90.0, 135.0)

#: The maps that `multiscale_maps` computes at each scale, in this order.
MULTISCALE_MAPS = (
    "gradient_magnitude",
    "hessian_eigenvalue1",
    "hessian_eigenvalue2",
    "laplacian",
    "curvature",
    "hessian_norm",
)

Boundary = Literal["reflect", "nearest", "mirror", "wrap"]
Kernels = Literal["corrected", "sampled"]
Curvature = Literal["determinant", "surface"]
EigenvalueOrder = Literal["value", "magnitude"]

#: Standard deviation in pixels below which a sampled Gaussian is a single pixel.
LEAST_SIGMA = 0.1

#: Ratio of sigma to the window's radius beyond which rounding leaves no digits of a curvature.
_LARGEST_SIGMA_TO_RADIUS = 1000

#: Number of maps of a large image that are held at once; others are computed in a later pass.
_MAPS_AT_ONCE = 2

#: NumPy's names of SciPy's boundaries.
_PAD_MODES: dict[str, Literal["symmetric", "edge", "reflect", "wrap"]] = {
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
    return _derivatives(*_checked(image, kernels), all_kernels, boundary)


def _checked(image: FloatImage, kernels: Kernels) -> tuple[FloatImage, Any]:
    """Check an image and return it with its mean, or with None for sampled kernels.

    The mean costs precision, and corrected kernels do not depend on it; sampled ones do.
    """
    image = check_image(image)
    if kernels == "sampled":
        return image, None
    return image, image.mean(dtype=np.float64).astype(image.dtype)


def _derivatives(
    image: FloatImage, mean: Any, kernels: tuple[NDArray[np.float64], ...], boundary: Boundary
) -> Derivatives:
    image = image if mean is None else image - mean
    smooth, first, second = kernels
    compiled = _compiled_derivatives()
    if compiled is not None and image.dtype == np.float32:
        padded = np.pad(image, len(smooth) // 2, mode=_PAD_MODES[boundary])
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


def steered_derivatives(
    image: FloatImage,
    angles: Sequence[float] = PAPER_ANGLES,
    *,
    sigma: float = 1.0,
    window: int | None = 5,
    boundary: Boundary = "reflect",
    kernels: Kernels = "corrected",
) -> FloatImage:
    """First, then second Gaussian derivatives along each direction.

    Parameters
    ----------
    image : ndarray of shape (height, width)
        One grey image.
    angles : sequence of float
        Directions in degrees, counterclockwise from the rows' direction (45 degrees
        points to the upper right), as for the Gabor filters.
    sigma : float, default=1.0
        Standard deviation of the Gaussian in pixels.
    window : int, default=5
        Side of the filter window in pixels, odd and at least 3. None takes
        ``2 * ceil(2 * sigma) + 1``.
    boundary : {"reflect", "nearest", "mirror", "wrap"}, default="reflect"
        Rule that continues the image beyond its border, see `gaussian_derivatives`.
    kernels : {"corrected", "sampled"}, default="corrected"
        Kind of the kernels: with exact moments or sampled, see `gaussian_derivatives`.

    Returns
    -------
    ndarray of shape (2 * n_angles, height, width)
        First derivatives in units of `image` per pixel, then second derivatives in units of
        `image` per square pixel.

    Raises
    ------
    TypeError, ValueError
        As in `gaussian_derivatives`.

    References
    ----------
    W. T. Freeman and E. H. Adelson, "The design and use of steerable filters", IEEE
    Transactions on Pattern Analysis and Machine Intelligence 13 (1991), eq. 2 to 7.

    Examples
    --------
    >>> import numpy as np
    >>> falling = np.tile(np.arange(12.0)[:, None], (1, 12))
    >>> steered_derivatives(falling, angles=[0, 90])[:2, 6, 6] + 0.0
    array([ 0., -1.])
    """
    maps = each_steered_derivative(
        image, angles, sigma=sigma, window=window, boundary=boundary, kernels=kernels
    )
    return np.stack(list(maps))


def each_steered_derivative(
    image: FloatImage,
    angles: Sequence[float] = PAPER_ANGLES,
    *,
    sigma: float = 1.0,
    window: int | None = 5,
    boundary: Boundary = "reflect",
    kernels: Kernels = "corrected",
) -> Iterator[FloatImage]:
    """Yield the maps of `steered_derivatives`; of a large image few are computed at once."""
    radians = np.deg2rad(check_numbers(angles, "angles"))
    check_choice(boundary, "boundary", get_args(Boundary))
    taps = derivative_kernels(sigma, window, kernels=kernels)
    # Rows are counted downwards, so the direction of the angle t is (cos t, -sin t).
    directions = [(math.cos(angle), -math.sin(angle)) for angle in radians]
    plans = [(order, c, s) for order in (1, 2) for c, s in directions]

    def along(derivatives: Derivatives, order: int, c: float, s: float) -> FloatImage:
        if order == 1:
            return c * derivatives.x + s * derivatives.y
        return c * c * derivatives.xx + 2 * c * s * derivatives.xy + s * s * derivatives.yy

    yield from _few_at_a_time(
        *_checked(image, kernels), taps, boundary, len(plans),
        lambda derivatives, some: [along(derivatives, *plan) for plan in plans[some]],
    )  # fmt: skip


def _few_at_a_time(
    image: FloatImage,
    mean: Any,
    taps: tuple[NDArray[np.float64], ...],
    boundary: Boundary,
    n_maps: int,
    compute: Callable[[Derivatives, slice], list[FloatImage]],
) -> Iterator[FloatImage]:
    """Yield maps of the derivatives; of a large image so few are computed at once that they fit."""
    n_at_once = n_maps if image.size <= LARGEST_STRIP else _MAPS_AT_ONCE
    for first in range(0, n_maps, n_at_once):
        some = slice(first, first + n_at_once)

        def maps(part: FloatImage, some: slice = some) -> list[FloatImage]:
            return compute(_derivatives(part, mean, taps, boundary), some)

        yield from in_strips(image, maps, len(taps[0]) // 2, _PAD_MODES[boundary])


def multiscale_maps(
    image: FloatImage,
    sigmas: Sequence[float] = PAPER_SIGMAS,
    *,
    curvature: Curvature = "determinant",
    eigenvalue_order: EigenvalueOrder = "value",
    boundary: Boundary = "reflect",
    kernels: Kernels = "corrected",
) -> FloatImage:
    """Rotation-invariant maps of the gradient and the Hessian at several scales.

    Parameters
    ----------
    image : ndarray of shape (height, width)
        One grey image.
    sigmas : sequence of float
        Standard deviations of the Gaussians in pixels.
    curvature : {"determinant", "surface"}, default="determinant"
        Definition of the Gaussian curvature: the determinant of the Hessian, or the curvature
        of the surface of grey values, ``det(H) / (1 + |gradient|**2)**2``.
    eigenvalue_order : {"value", "magnitude"}, default="value"
        Order of the eigenvalues: the first one is the larger one, or the one that is larger
        in absolute value.
    boundary : {"reflect", "nearest", "mirror", "wrap"}, default="reflect"
        Rule that continues the image beyond its border, see `gaussian_derivatives`.
    kernels : {"corrected", "sampled"}, default="corrected"
        Kind of the kernels: with exact moments or sampled, see `gaussian_derivatives`.

    Returns
    -------
    ndarray of shape (6 * n_sigmas, height, width)
        The maps of `MULTISCALE_MAPS` for the first sigma, then for the next.

    Raises
    ------
    TypeError, ValueError
        As in `gaussian_derivatives`.

    Notes
    -----
    The paper names the maps but gives no definition of curvature, no order of the
    eigenvalues, no boundary and no kernels; these are the parameters.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:16, :16] - 8.0
    >>> maps = multiscale_maps(x**2 - 2 * y**2, sigmas=[1.0])
    >>> maps[:, 8, 8].round(6) + 0.0
    array([ 0.      ,  2.      , -4.      , -2.      , -8.      ,  4.472136])
    """
    maps = each_multiscale_map(
        image, sigmas, curvature=curvature, eigenvalue_order=eigenvalue_order, boundary=boundary,
        kernels=kernels,
    )  # fmt: skip
    return np.stack(list(maps))


def each_multiscale_map(
    image: FloatImage,
    sigmas: Sequence[float] = PAPER_SIGMAS,
    *,
    curvature: Curvature = "determinant",
    eigenvalue_order: EigenvalueOrder = "value",
    boundary: Boundary = "reflect",
    kernels: Kernels = "corrected",
) -> Iterator[FloatImage]:
    """Yield the maps of `multiscale_maps`; of a large image few are computed at once."""
    check_choice(curvature, "curvature", get_args(Curvature))
    check_choice(eigenvalue_order, "eigenvalue_order", get_args(EigenvalueOrder))
    check_choice(boundary, "boundary", get_args(Boundary))
    scales = [
        derivative_kernels(sigma, kernels=kernels) for sigma in check_numbers(sigmas, "sigmas")
    ]
    image, mean = _checked(image, kernels)
    for taps in scales:
        yield from _few_at_a_time(
            image, mean, taps, boundary, len(MULTISCALE_MAPS),
            lambda derivatives, some: _invariants(derivatives, curvature, eigenvalue_order)[some],
        )  # fmt: skip


def _invariants(
    derivatives: Derivatives, curvature: str, eigenvalue_order: str
) -> list[FloatImage]:
    x, y, xx, xy, yy = derivatives
    gradient_squared = x * x + y * y
    trace = xx + yy
    determinant = xx * yy - xy * xy
    half_difference = (xx - yy) / 2
    radius = np.sqrt(half_difference * half_difference + xy * xy)
    larger, smaller = trace / 2 + radius, trace / 2 - radius
    if eigenvalue_order == "magnitude":
        swap = np.abs(smaller) > np.abs(larger)
        larger, smaller = np.where(swap, smaller, larger), np.where(swap, larger, smaller)
    if curvature == "surface":
        slope = 1 + gradient_squared
        determinant = determinant / slope / slope  # its square could overflow
    norm = np.sqrt(xx * xx + 2 * xy * xy + yy * yy)
    return [np.sqrt(gradient_squared), larger, smaller, trace, determinant, norm]


def _correlate(
    image: FloatImage, kernel: NDArray[np.float64], axis: int, boundary: Boundary
) -> FloatImage:
    return ndimage.correlate1d(image, kernel, axis=axis, mode=boundary)
