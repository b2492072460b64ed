"""Maps of Gaussian derivatives: steered at one scale, and as invariants at several scales."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from .._validation.arrays import check_choice, check_numbers
from .._validation.typing import FloatImage
from .derivatives import (
    PAD_MODES,
    Boundary,
    Derivatives,
    Kernels,
    check_and_mean,
    compute_derivatives,
    derivative_kernels,
)
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

Curvature = Literal["determinant", "surface"]
EigenvalueOrder = Literal["value", "magnitude"]

#: Number of maps of a large image that are held at once; others are computed in a later pass.
_MAPS_AT_ONCE = 2


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
    return np.stack([*each_steered_derivative(image, angles, sigma, window, boundary, kernels)])


def each_steered_derivative(
    image: FloatImage,
    angles: Sequence[float],
    sigma: float,
    window: int | None,
    boundary: Boundary,
    kernels: Kernels,
) -> Iterator[FloatImage]:
    """Yield the maps of `steered_derivatives`; of a large image few are computed at once."""
    radians = np.deg2rad(check_numbers(angles, "angles"))
    check_choice(boundary, "boundary", get_args(Boundary))
    taps = derivative_kernels(sigma, window, kernels=kernels)
    # Rows are counted downwards, so the direction of the angle t is (cos t, -sin t).
    directions = [(math.cos(angle), -math.sin(angle)) for angle in radians]

    def along(derivatives: Derivatives) -> Iterator[FloatImage]:
        for c, s in directions:
            yield c * derivatives.x + s * derivatives.y
        for c, s in directions:
            yield c * c * derivatives.xx + 2 * c * s * derivatives.xy + s * s * derivatives.yy

    yield from _few_at_a_time(
        *check_and_mean(image, kernels), taps, boundary, 2 * len(directions), along
    )


def _few_at_a_time(
    image: FloatImage,
    mean: Any,
    taps: tuple[NDArray[np.float64], ...],
    boundary: Boundary,
    n_maps: int,
    compute: Callable[[Derivatives], Iterator[FloatImage]],
) -> Iterator[FloatImage]:
    """Yield maps of the derivatives; of a large image so few are computed at once that they fit.

    `compute` makes each map when it is asked for, so that memory which one map is done with
    serves the next.
    """
    if image.size <= LARGEST_STRIP:
        yield from compute(compute_derivatives(image, mean, taps, boundary))
        return
    for first in range(0, n_maps, _MAPS_AT_ONCE):

        def maps(part: FloatImage, first: int = first) -> list[FloatImage]:
            each = compute(compute_derivatives(part, mean, taps, boundary))
            return list(islice(each, first, first + _MAPS_AT_ONCE))

        yield from in_strips(image, maps, len(taps[0]) // 2, PAD_MODES[boundary])


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
    maps = each_multiscale_map(image, sigmas, curvature, eigenvalue_order, boundary, kernels)
    return np.stack(list(maps))


def each_multiscale_map(
    image: FloatImage,
    sigmas: Sequence[float],
    curvature: Curvature,
    eigenvalue_order: EigenvalueOrder,
    boundary: Boundary,
    kernels: Kernels,
) -> Iterator[FloatImage]:
    """Yield the maps of `multiscale_maps`; of a large image few are computed at once."""
    check_choice(curvature, "curvature", get_args(Curvature))
    check_choice(eigenvalue_order, "eigenvalue_order", get_args(EigenvalueOrder))
    check_choice(boundary, "boundary", get_args(Boundary))
    scales = [
        derivative_kernels(sigma, kernels=kernels) for sigma in check_numbers(sigmas, "sigmas")
    ]
    image, mean = check_and_mean(image, kernels)
    for taps in scales:
        yield from _few_at_a_time(
            image, mean, taps, boundary, len(MULTISCALE_MAPS),
            lambda derivatives: _invariants(derivatives, curvature, eigenvalue_order),
        )  # fmt: skip


def _invariants(
    derivatives: Derivatives, curvature: str, eigenvalue_order: str
) -> Iterator[FloatImage]:
    x, y, xx, xy, yy = derivatives
    gradient_squared = x * x + y * y
    yield np.sqrt(gradient_squared)
    trace = xx + yy
    half_difference = (xx - yy) / 2
    radius = np.sqrt(half_difference * half_difference + xy * xy)
    del half_difference
    larger, smaller = trace / 2 + radius, trace / 2 - radius
    if eigenvalue_order == "magnitude":
        swap = np.abs(smaller) > np.abs(larger)
        larger, smaller = np.where(swap, smaller, larger), np.where(swap, larger, smaller)
    yield larger
    yield smaller
    del larger, smaller, radius
    yield trace
    determinant = xx * yy - xy * xy
    if curvature == "surface":
        slope = 1 + gradient_squared
        determinant = determinant / slope / slope  # its square could overflow
    yield determinant
    yield np.sqrt(xx * xx + 2 * xy * xy + yy * yy)
