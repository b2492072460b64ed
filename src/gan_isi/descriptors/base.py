"""What all descriptor families share: images in, CDF vectors out."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from itertools import product
from numbers import Integral
from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from .._runtime.sklearn_compat import Interval, StrOptions, check_feature_names_in
from .._validation.blocks import Block
from .._validation.images import IntensityRange, to_grey
from .._validation.typing import FloatImage
from ..texture.cdf import (
    DEFAULT_N_LEVELS,
    Cells,
    cdf_vectors,
    cell_edges,
    quantile_levels,
    tiled_cdf_vectors,
)
from ..texture.strips import LARGEST_STRIP
from .picture import Picture
from .transformer import BaseImageTransformer


class BaseDescriptor(BaseImageTransformer):
    """Base class of the descriptor families: texture maps of images as CDF vectors.

    A :term:`family` of your own is a subclass with one method, `compute_maps`; override
    `_map_names` as well to name the maps. Parameters go where scikit-learn wants
    them: in an `__init__` that only stores them.

    Parameters
    ----------
    n_levels : int, default=64
        Number of cells of probability of each CDF vector. All families of a pipeline
        need the same number.
    cells : {"fine_tails", "equal"}, default="fine_tails"
        Cells that become finer towards both ends, or cells of equal probability. The
        fine ones have fewer large errors of the distances with a quarter of the
        numbers, see :func:`gan_isi.texture.cell_edges` and :doc:`/guide/distances`.
        Where images of one size have tiles of at most `n_levels` values, equal cells are
        exact if `n_levels` is a multiple of that number.
    grid : int, default=1
        Into how many tiles along each side maps are cut. Each tile has a CDF vector, so
        that a map's vector is `grid` x `grid` times as long and the distance the mean
        over the tiles: images are then alike when like texture is in like places. All
        families of a pipeline need the same number.
    intensity_range : {"dtype", "image"} or tuple (low, high), default="dtype"
        Which intensities become 0 and 1. The map is linear and clips nothing.

        - "dtype": 8- and 16-bit unsigned integers are divided by the largest value
          of their type; booleans, floats and all other integers (CT values, say) are
          taken as they are.
        - "image": the minimum and maximum of each image. Images that differ in
          brightness or contrast only then look the same.
        - (low, high): the same two intensities for every image, such as (0, 4095) for
          12-bit pictures stored in 16 bits or (-1000, 1000) for Hounsfield units.
          Unsigned 8- and 16-bit integers and booleans that can't hold both numbers stay
          with "dtype": 8-bit pictures beside those of Hounsfield units have a scale of
          their own.

        DICOM files of fewer stored bits than their type has are divided by the largest
        value of these bits. Real and generated images have to mean the same by the same intensity.
    n_jobs : int, default=None
        Number of parallel jobs, as everywhere in scikit-learn. Changes no result.
    memory : str, path or joblib.Memory, default=None
        Folder that keeps the vectors of every image described with these parameters, so
        that no image is described twice: by the folds of a search, after an
        interruption, against another generated set. Entries hold an image's vectors, not
        the image; their names are its digest. An entry that can't be read is computed again.
    verbose : int or bool, default=False
        Whether `transform` shows a progress bar, with images per second and time left.

    Attributes
    ----------
    map_names_ : list of str
        Name of each map.
    n_features_in_ : int
        Number of columns, when `fit` saw a two-dimensional array.
    feature_names_in_ : ndarray of str
        Names of these columns, when they all are strings.

    Notes
    -----
    Colour images are made grey with the weights of :func:`skimage.color.rgb2gray`;
    transparent parts show a white background. A two-dimensional array is a set of
    images of one row of pixels each.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseImageTransformer._parameter_constraints,
        "n_levels": [Interval(Integral, 1, None, closed="left")],
        "cells": [StrOptions(set(get_args(Cells)))],
        "grid": [Interval(Integral, 1, None, closed="left")],
    }

    _fitted_attribute = "map_names_"

    #: For families whose `__init__` has no such parameter.
    grid: int = 1

    def __init__(
        self,
        *,
        n_levels: int = DEFAULT_N_LEVELS,
        cells: Cells = "fine_tails",
        grid: int = 1,
        intensity_range: IntensityRange = "dtype",
        n_jobs: int | None = None,
        memory: Any = None,
        verbose: int | bool = False,
    ) -> None:
        self.n_levels = n_levels
        self.cells = cells
        self.grid = grid
        self.intensity_range = intensity_range
        self.n_jobs = n_jobs
        self.memory = memory
        self.verbose = verbose

    @abstractmethod
    def compute_maps(self, image: NDArray[np.float32]) -> FloatImage | Sequence[FloatImage]:
        """Compute the maps of one image.

        Parameters
        ----------
        image : ndarray of shape (height, width), float32
            One grey image, its intensity range mapped to 0..1.

        Returns
        -------
        ndarray of shape (n_maps, ...) or sequence of n_maps ndarrays
            The same number of maps for every image.
        """

    def feature_maps(self, image: ArrayLike) -> FloatImage:
        """Return the maps of one image, at full size, for looking at them.

        Parameters
        ----------
        image : array-like of shape (height, width) or (height, width, channels)
            One image.

        Returns
        -------
        ndarray of shape (n_maps, height, width)
            In the order of `map_names_`. Works before `fit` where a family has nothing
            to load.
        """
        self._validate_params()
        self._check_parameters()
        return np.asarray(self.compute_maps(to_grey(image, self.intensity_range)))

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """Names of the columns: map, tile if there are several, and probability level.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names that are only checked against the columns seen in `fit`.

        Returns
        -------
        ndarray of shape (n_maps * grid * grid * n_levels,), object
            Such as ``gabor_w5.66_t45_q0.375``, or ``gabor_w5.66_t45_r0c3_q0.375`` in the
            tile of row 0 and column 3; the level is the centre of the cell.
        """
        check_is_fitted(self, "map_names_")
        check_feature_names_in(self, input_features, generate_names=False)
        centres = quantile_levels(self.n_levels, self.cells, n_values=self._n_values)
        levels = [f"_q{level:.7g}" for level in centres]
        places = [f"_r{row}c{column}" for row, column in np.ndindex(self.grid, self.grid)]
        if self.grid == 1:
            places = [""]
        return np.array(
            ["".join(parts) for parts in product(self.map_names_, places, levels)], dtype=object
        )

    @property
    def columns_per_map(self) -> int:
        """Number of consecutive columns that belong to one map."""
        return self.grid * self.grid * self.n_levels

    @property
    def blocks_(self) -> list[Block]:
        """The family as one block of CDF vectors, see `get_feature_names_out`."""
        maps = tuple(self.map_names_)
        return [Block(self._family_name(), maps, self.columns_per_map, cdf=True)]

    @property
    def values_per_map(self) -> int | None:
        """Number of values of each map where that is the same for any image, else None.

        Cells are chosen by it, and never by an image: vectors of images of different
        sizes have to have the same cells.
        """
        return None

    @property
    def edges(self) -> NDArray[np.float64]:
        """Probabilities at which the cells of a map's CDF vector begin and end."""
        return cell_edges(self.n_levels, self.cells, n_values=self._n_values)

    @property
    def _n_values(self) -> int | None:
        # A tile's size may differ from the next one's by a row.
        return self.values_per_map if self.grid == 1 else None

    @property
    def _n_features_out(self) -> int:
        return len(self.map_names_) * self.columns_per_map

    def _set_fitted(self, images: Any) -> None:
        self.map_names_ = self._map_names()

    def _map_names(self) -> list[str]:
        """Return one name a map; by default the class name and a number."""
        n_maps = len(self.compute_maps(np.zeros((16, 16), dtype=np.float32)))
        return [f"{self._family_name()}_{index}" for index in range(n_maps)]

    def _map_values(self, image: NDArray[np.float32]) -> Iterable[ArrayLike]:
        """Return the values of each map that go into its CDF; by default all of them."""
        # A family whose maps of a large image would not fit gives one after the other in
        # `_each_map`, which holds for its own `compute_maps` and not for that of a subclass.
        family = next(cls for cls in type(self).__mro__ if "compute_maps" in vars(cls))
        if image.size > LARGEST_STRIP and "_each_map" in vars(family):
            return vars(family)["_each_map"](self, image)
        return self.compute_maps(image)

    def _describe(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        greys = (one.grey(self.intensity_range) for one in pictures)
        return np.stack([self._vectors(self._map_values(grey)) for grey in greys])

    def _vectors(self, maps: Iterable[ArrayLike]) -> NDArray[np.float32]:
        """CDF vectors of the maps of one image, one after the other."""
        if self.grid == 1:  # maps of any shape
            vectors = cdf_vectors(maps, self.n_levels, self.cells, n_values=self._n_values)
            return vectors.ravel()
        return tiled_cdf_vectors(maps, self.grid, self.n_levels, self.cells).ravel()
