"""The steerable family: Gaussian derivatives of one scale, steered to directions."""

from collections.abc import Iterator, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import NDArray

from .._runtime.sklearn_compat import Interval, StrOptions
from .._validation.images import IntensityRange
from .._validation.typing import FloatImage
from ..texture.cdf import DEFAULT_N_LEVELS, Cells
from ..texture.derivatives import Boundary, Kernels, derivative_kernels
from ..texture.gaussian import PAPER_ANGLES, each_steered_derivative
from .base import BaseDescriptor
from .parameters import check_numbers


class SteerableDescriptor(BaseDescriptor):
    """First and second Gaussian derivatives along directions (8 maps by default).

    Parameters
    ----------
    angles : sequence of float, default=(0, 45, 90, 135)
        Directions in degrees, counterclockwise from the rows' direction.
    sigma : float, default=1.0
        Standard deviation of the Gaussian in pixels.
    window : int, default=5
        Side of the filter window in pixels, odd and at least 3. None takes
        ``2 * ceil(2 * sigma) + 1``.
    boundary : {"reflect", "nearest", "mirror", "wrap"}, default="reflect"
        Rule that continues the image beyond its border, named as in :mod:`scipy.ndimage`. The
        paper does not say which one it used.
    kernels : {"corrected", "sampled"}, default="corrected"
        Kind of the derivative kernels: corrected to keep their moments in a window that cuts
        the Gaussian off, or sampled at the pixels, which then depend on the brightness of the
        image. The paper does not say; see :func:`gan_isi.texture.gaussian_derivatives`.
    n_levels : int, default=64
        Number of cells of probability of each CDF vector, see :class:`BaseDescriptor`.
    cells : {"fine_tails", "equal"}, default="fine_tails"
        Kind of the cells of probability, see :class:`BaseDescriptor`.
    grid : int, default=1
        Number of tiles along each side of a map, see :class:`BaseDescriptor`.
    intensity_range : {"dtype", "image"} or tuple (low, high), default="dtype"
        Intensities that become 0 and 1, see :class:`BaseDescriptor`.
    n_jobs : int, default=None
        Number of parallel jobs, which changes no result.
    memory : str, path or joblib.Memory, default=None
        Folder that keeps the vectors of images for later calls, see :class:`BaseDescriptor`.
    verbose : int or bool, default=False
        Whether `transform` shows a progress bar.

    Attributes
    ----------
    map_names_ : list of str
        Name of each map: order of the derivative and direction in degrees.

    See Also
    --------
    gan_isi.texture.steered_derivatives : The maps, their formula and its source.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi import SteerableDescriptor
    >>> SteerableDescriptor().fit(np.eye(16)[None]).map_names_[:2]
    ['steerable_d1_t0', 'steerable_d1_t45']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseDescriptor._parameter_constraints,
        "angles": ["array-like"],
        "sigma": [Interval(Real, 0, None, closed="neither")],
        "window": [Interval(Integral, 3, None, closed="left"), None],
        "boundary": [StrOptions(set(get_args(Boundary)))],
        "kernels": [StrOptions(set(get_args(Kernels)))],
    }

    def __init__(
        self,
        *,
        angles: Sequence[float] = PAPER_ANGLES,
        sigma: float = 1.0,
        window: int | None = 5,
        boundary: Boundary = "reflect",
        kernels: Kernels = "corrected",
        n_levels: int = DEFAULT_N_LEVELS,
        cells: Cells = "fine_tails",
        grid: int = 1,
        intensity_range: IntensityRange = "dtype",
        n_jobs: int | None = None,
        memory: Any = None,
        verbose: int | bool = False,
    ) -> None:
        self.angles = angles
        self.sigma = sigma
        self.window = window
        self.boundary = boundary
        self.kernels = kernels
        self.n_levels = n_levels
        self.cells = cells
        self.grid = grid
        self.intensity_range = intensity_range
        self.n_jobs = n_jobs
        self.memory = memory
        self.verbose = verbose

    def compute_maps(self, image: NDArray[np.float32]) -> FloatImage:
        """Compute the steered derivatives of one grey image.

        Parameters
        ----------
        image : ndarray of shape (height, width), float32
            One grey image on the unit scale.

        Returns
        -------
        ndarray of shape (2 * n_angles, height, width), float32
            First derivatives along all directions, then second derivatives.
        """
        return np.stack(list(self._each_map(image)))

    def _each_map(self, image: NDArray[np.float32]) -> Iterator[FloatImage]:
        return each_steered_derivative(
            image, self.angles, self.sigma, self.window, self.boundary, self.kernels
        )

    def _map_names(self) -> list[str]:
        return [f"steerable_d{order}_t{angle:.4g}" for order in (1, 2) for angle in self.angles]

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_numbers("angles", self.angles)
        derivative_kernels(self.sigma, self.window, kernels=self.kernels)
