"""The statistical family: local range, standard deviation and entropy."""

from collections.abc import Iterator
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._runtime.sklearn_compat import Interval
from .._validation.arrays import check_window
from .._validation.images import IntensityRange
from .._validation.typing import FloatImage
from ..texture.cdf import DEFAULT_N_LEVELS, Cells
from ..texture.statistical import local_entropy, local_range, local_std
from .base import BaseDescriptor


class StatisticalDescriptor(BaseDescriptor):
    """Local range, standard deviation and entropy (3 maps).

    This is the first family of the paper's Methods section.

    Parameters
    ----------
    range_size : int, default=3
        Side of the window of the local range in pixels, odd.
    std_size : int, default=3
        Side of the window of the local standard deviation in pixels, odd and at least 3.
    entropy_size : int, default=9
        Side of the window of the local entropy in pixels, odd.
    n_levels : int, default=64
        Number of cells of probability of each CDF vector, see :class:`BaseDescriptor`.
    cells : {"fine_tails", "equal"}, default="fine_tails"
        Kind of the cells of probability, see :class:`BaseDescriptor`.
    grid : int, default=1
        Number of tiles along each side of a map, see :class:`BaseDescriptor`.
    intensity_range : {"dtype", "image"} or tuple (low, high), default="dtype"
        Intensities that become 0 and 1, see :class:`BaseDescriptor`. The grey
        levels of the entropy are 1/255 of this range wide.
    n_jobs : int, default=None
        Number of parallel jobs, which changes no result.
    memory : str, path or joblib.Memory, default=None
        Folder that keeps the vectors of images for later calls, see :class:`BaseDescriptor`.
    verbose : int or bool, default=False
        Whether `transform` shows a progress bar.

    Attributes
    ----------
    map_names_ : list of str
        Name of each map.

    See Also
    --------
    gan_isi.texture.local_range : The map and its definition.
    gan_isi.texture.local_std : The map and its definition.
    gan_isi.texture.local_entropy : The map and its definition.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi import StatisticalDescriptor
    >>> images = np.arange(200, dtype=np.uint8).reshape(2, 10, 10)
    >>> StatisticalDescriptor(n_levels=4).fit_transform(images).shape
    (2, 12)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseDescriptor._parameter_constraints,
        "range_size": [Interval(Integral, 1, None, closed="left")],
        "std_size": [Interval(Integral, 3, None, closed="left")],
        "entropy_size": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        range_size: int = 3,
        std_size: int = 3,
        entropy_size: int = 9,
        n_levels: int = DEFAULT_N_LEVELS,
        cells: Cells = "fine_tails",
        grid: int = 1,
        intensity_range: IntensityRange = "dtype",
        n_jobs: int | None = None,
        memory: Any = None,
        verbose: int | bool = False,
    ) -> None:
        self.range_size = range_size
        self.std_size = std_size
        self.entropy_size = entropy_size
        self.n_levels = n_levels
        self.cells = cells
        self.grid = grid
        self.intensity_range = intensity_range
        self.n_jobs = n_jobs
        self.memory = memory
        self.verbose = verbose

    def compute_maps(self, image: NDArray[np.float32]) -> FloatImage:
        """Compute the three maps of one grey image.

        Parameters
        ----------
        image : ndarray of shape (height, width), float32
            One grey image on the unit scale.

        Returns
        -------
        ndarray of shape (3, height, width), float32
            Range and standard deviation in units of the intensity, entropy in bits.
        """
        return np.stack(list(self._each_map(image)))

    def _each_map(self, image: NDArray[np.float32]) -> Iterator[FloatImage]:
        yield local_range(image, self.range_size)
        yield local_std(image, self.std_size)
        yield local_entropy(image, self.entropy_size)

    def _map_names(self) -> list[str]:
        return ["statistical_range", "statistical_std", "statistical_entropy"]

    def _check_parameters(self) -> None:
        super()._check_parameters()
        for name in ("range_size", "std_size", "entropy_size"):
            check_window(getattr(self, name), name)
