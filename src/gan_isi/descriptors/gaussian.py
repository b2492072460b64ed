"""The multiscale family: invariants of the gradient and the Hessian at several scales."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import NDArray

from .._runtime.sklearn_compat import StrOptions
from .._validation.images import IntensityRange
from .._validation.typing import FloatImage
from ..texture.cdf import DEFAULT_N_LEVELS, Cells
from ..texture.derivatives import LEAST_SIGMA, Boundary, Kernels
from ..texture.gaussian import (
    MULTISCALE_MAPS,
    PAPER_SIGMAS,
    Curvature,
    EigenvalueOrder,
    each_multiscale_map,
)
from .base import BaseDescriptor
from .parameters import check_numbers


class GaussianDerivativeDescriptor(BaseDescriptor):
    """Gradient and Hessian invariants at several scales (30 maps by default).

    The maps of each scale are the gradient magnitude, both eigenvalues of the Hessian, the
    Laplacian of Gaussian, the Gaussian curvature and the Frobenius norm of the Hessian.

    Parameters
    ----------
    sigmas : sequence of float, default=(0.5, 0.75, 1, 1.25, 1.5)
        Standard deviations of the Gaussians in pixels; the filter windows have
        ``2 * ceil(2 * sigma) + 1`` pixels.
    curvature : {"determinant", "surface"}, default="determinant"
        Definition of the Gaussian curvature, which the paper leaves open: the
        determinant of the Hessian, or the curvature of the surface of grey values.
    eigenvalue_order : {"value", "magnitude"}, default="value"
        Order of the eigenvalues, which the paper leaves open: the first one is the larger
        one, or the one that is larger in absolute value.
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
        Name of each map: scale in pixels and quantity.

    See Also
    --------
    gan_isi.texture.multiscale_maps : The maps and their definitions.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi import GaussianDerivativeDescriptor
    >>> GaussianDerivativeDescriptor(sigmas=[2]).fit(np.eye(16)[None]).map_names_[3]
    'gaussian_s2_laplacian'
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseDescriptor._parameter_constraints,
        "sigmas": ["array-like"],
        "curvature": [StrOptions(set(get_args(Curvature)))],
        "eigenvalue_order": [StrOptions(set(get_args(EigenvalueOrder)))],
        "boundary": [StrOptions(set(get_args(Boundary)))],
        "kernels": [StrOptions(set(get_args(Kernels)))],
    }

    def __init__(
        self,
        *,
        sigmas: Sequence[float] = PAPER_SIGMAS,
        curvature: Curvature = "determinant",
        eigenvalue_order: EigenvalueOrder = "value",
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
        self.sigmas = sigmas
        self.curvature = curvature
        self.eigenvalue_order = eigenvalue_order
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
        """Compute the invariants of one grey image.

        Parameters
        ----------
        image : ndarray of shape (height, width), float32
            One grey image on the unit scale.

        Returns
        -------
        ndarray of shape (6 * n_sigmas, height, width), float32
            Maps, with all quantities of the first scale first.
        """
        return np.stack(list(self._each_map(image)))

    def _each_map(self, image: NDArray[np.float32]) -> Iterator[FloatImage]:
        return each_multiscale_map(
            image, self.sigmas, self.curvature, self.eigenvalue_order, self.boundary, self.kernels
        )

    def _map_names(self) -> list[str]:
        return [
            f"gaussian_s{sigma:.4g}_{name}" for sigma in self.sigmas for name in MULTISCALE_MAPS
        ]

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_numbers("sigmas", self.sigmas, smallest=LEAST_SIGMA)
