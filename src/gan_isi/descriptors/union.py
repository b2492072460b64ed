"""Families side by side, by their names."""

from collections.abc import Sequence
from functools import partial
from inspect import signature
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from .._runtime.composition import NamedParts
from .._runtime.pickling import VersionedPickleMixin
from .._runtime.progress import CallbackSupportMixin, fit_task
from .._runtime.sklearn_compat import check_feature_names_in, fit_context
from .._validation.blocks import Block
from .._validation.images import IntensityRange, check_images, is_coloured
from ..texture.cdf import DEFAULT_N_LEVELS, Cells
from .base import BaseDescriptor
from .deep import DeepDescriptor
from .gabor import GaborDescriptor
from .gaussian import GaussianDerivativeDescriptor
from .pixels import PixelDescriptor
from .statistical import StatisticalDescriptor
from .steerable import SteerableDescriptor
from .transformer import BaseImageTransformer, DescribingMixin

CLASSICAL_FAMILIES = ("statistical", "gabor", "steerable", "gaussian")

#: What `make_descriptors` knows by name; the last three are pixels, for whole pictures.
FAMILIES: dict[str, Any] = {
    "statistical": StatisticalDescriptor,
    "gabor": GaborDescriptor,
    "steerable": SteerableDescriptor,
    "gaussian": GaussianDerivativeDescriptor,
    "deep": DeepDescriptor,
    "pixels": PixelDescriptor,
    "pixels_global": partial(PixelDescriptor, contrast="global"),
    "pixels_local": partial(PixelDescriptor, contrast="local"),
}

#: Parameters that change what a family computes, one for all families of a union.
_SHARED = ("n_levels", "cells", "grid", "intensity_range")

#: Parameters of the work, which the union does for its families.
_WORK = ("n_jobs", "memory", "verbose")


class DescriptorUnion(CallbackSupportMixin, VersionedPickleMixin, DescribingMixin, NamedParts):
    """Descriptor families side by side; each image is read once for all of them.

    It is built by :func:`make_descriptors`, and works as :class:`sklearn.pipeline.FeatureUnion`,
    but the parameters that all families share are parameters of the union, and those of the
    families are not listed: there is one place to set them.

    Parameters
    ----------
    transformer_list : list of (name, descriptor)
        The families. "drop" leaves one out.
    n_levels : int, default=64
        Number of cells of each map's CDF vector.
    cells : {"fine_tails", "equal"}, default="fine_tails"
        Which cells of probability, see :class:`BaseDescriptor`.
    grid : int, default=1
        Number of tiles along each side of a map, see :class:`BaseDescriptor`.
    intensity_range : {"dtype", "image"} or tuple (low, high), default="dtype"
        Which intensities become 0 and 1, see :class:`BaseDescriptor`.
    n_jobs : int, default=None
        Number of parallel jobs. Changes no result.
    memory : str, path or joblib.Memory, default=None
        Folder of the vectors of images described before, see :class:`BaseDescriptor`.
    verbose : int or bool, default=False
        Whether `transform` shows a progress bar.

    Attributes
    ----------
    transformers_ : list of (name, fitted descriptor)
        Fitted clones with the parameters of the union, without those that are dropped.
    blocks_ : list of Block
        Name of each family, its maps, and the number of columns of each.
    n_features_in_ : int
        Number of columns, when `fit` saw a two-dimensional array.
    feature_names_in_ : ndarray of str
        Names of these columns, when they all are strings.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi import make_descriptors
    >>> union = make_descriptors(["statistical", "steerable"], n_levels=8)
    >>> union.set_params(steerable="drop").fit(np.eye(12)[None]).blocks_[0].maps
    ('statistical_range', 'statistical_std', 'statistical_entropy')
    """

    _fitted_attribute = "transformers_"

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseDescriptor._parameter_constraints,
        "transformer_list": [list, tuple],
    }

    _known_parts = FAMILIES

    def __init__(
        self,
        transformer_list: list[tuple[str, Any]],
        *,
        n_levels: int = DEFAULT_N_LEVELS,
        cells: Cells = "fine_tails",
        grid: int = 1,
        intensity_range: IntensityRange = "dtype",
        n_jobs: int | None = None,
        memory: Any = None,
        verbose: int | bool = False,
    ) -> None:
        self.transformer_list = transformer_list
        self.n_levels = n_levels
        self.cells = cells
        self.grid = grid
        self.intensity_range = intensity_range
        self.n_jobs = n_jobs
        self.memory = memory
        self.verbose = verbose

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the union and, by name, those that a family has alone.

        Parameters
        ----------
        deep : bool, default=True
            Whether the families and their parameters are included.

        Returns
        -------
        dict
            Values by name.
        """
        shared = tuple(f"__{name}" for name in (*_SHARED, *_WORK))
        params = super().get_params(deep=deep)
        return {name: value for name, value in params.items() if not name.endswith(shared)}

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit every family; nothing is learned from the pixels.

        Parameters
        ----------
        X : array-like or sequence of array-like
            Images, as in :class:`BaseDescriptor`.
        y : None
            Ignored.

        Returns
        -------
        self
            Fitted.

        Raises
        ------
        TypeError
            For a part that is no descriptor.
        ValueError
            If all families are dropped, names repeat, or a family has a value of its own for
            a parameter of the union.
        """
        X = check_images(X, self, reset=True)
        kept = [(name, self._prepared(name, family)) for name, family in self._kept()]
        pixels = [family for _, family in kept
                  if isinstance(family, PixelDescriptor) and family.colour == "auto"]  # fmt: skip
        colour = is_coloured(X) if pixels else None  # once for all of them
        for family in pixels:
            family.set_params(colour=colour)
        with fit_task(self._init_callback_context(), self):
            self.transformers_ = [(name, family.fit(X)) for name, family in kept]
        return self

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the columns of all families.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names that are only checked against the columns seen in `fit`.

        Returns
        -------
        ndarray of str, object
            As the families name them; with the family in front where two families share
            names, such as ``pixels_local__pixel_r0_c63``.
        """
        check_is_fitted(self, "transformers_")
        check_feature_names_in(self, input_features, generate_names=False)
        own = [(name, family.get_feature_names_out()) for name, family in self.transformers_]
        names = np.concatenate([columns for _, columns in own])
        if len(np.unique(names.astype(str))) < len(names):
            names = np.concatenate([[f"{name}__{c}" for c in columns] for name, columns in own])
        return names.astype(object)

    @property
    def blocks_(self) -> list[Block]:
        """The families as blocks of columns; those that are dropped have none."""
        fitted = dict(self.transformers_)
        return [
            fitted[name].blocks_[0]._replace(name=name) if name in fitted else Block(name, ())
            for name, _ in self.transformer_list
        ]

    def _prepared(self, name: str, family: Any) -> BaseImageTransformer:
        """Return a clone of a family that has the parameters of the union."""
        if not isinstance(family, BaseImageTransformer):
            raise TypeError(
                f"The family {name!r} has to be a descriptor, such as GaborDescriptor or a "
                f"subclass of BaseDescriptor; got {family!r}."
            )
        family = clone(family)
        own, defaults = family.get_params(deep=False), signature(type(family)).parameters
        for parameter in _SHARED:
            shared = getattr(self, parameter)
            if parameter in own:
                value = own[parameter]
                differs = value not in (shared, defaults[parameter].default)
            elif isinstance(family, BaseDescriptor):  # one of the user's without the parameter
                value = getattr(family, parameter)
                differs = value != shared
            else:
                continue
            if differs:
                raise ValueError(
                    f"The family {name!r} has {parameter}={value!r}, but all families of a union "
                    f"share one value, here {shared!r}; set it on the union "
                    f"(make_pipeline({parameter}=...), descriptors__{parameter})."
                )
        return family.set_params(**{one: getattr(self, one) for one in _SHARED if one in own})

    def _family_name(self) -> str:
        return "describe"


def make_descriptors(
    families: Sequence[str] = CLASSICAL_FAMILIES,
    *,
    n_levels: int = DEFAULT_N_LEVELS,
    cells: Cells = "fine_tails",
    grid: int = 1,
    intensity_range: IntensityRange = "dtype",
    n_jobs: int | None = None,
    memory: Any = None,
    verbose: int | bool = False,
) -> DescriptorUnion:
    """Descriptor families side by side.

    Parameters
    ----------
    families : sequence of str, default=("statistical", "gabor", "steerable", "gaussian")
        Names of the families, in their order. The default is the paper's stacked classical
        set of 65 maps; "deep" is the fifth family and needs the extra `deep`. "pixels",
        "pixels_global" and "pixels_local" are the picture itself, with its contrast or
        without, see :class:`PixelDescriptor`.
    n_levels : int, default=64
        Number of cells of each map's CDF vector. As all that follow a parameter of all
        families, see :class:`DescriptorUnion`.
    cells : {"fine_tails", "equal"}, default="fine_tails"
        Which cells of probability.
    grid : int, default=1
        Number of tiles along each side of a map.
    intensity_range : {"dtype", "image"} or tuple (low, high), default="dtype"
        Which intensities become 0 and 1.
    n_jobs : int, default=None
        Number of parallel jobs.
    memory : str, path or joblib.Memory, default=None
        Folder of the vectors of images described before.
    verbose : int or bool, default=False
        Whether `transform` shows a progress bar.

    Returns
    -------
    DescriptorUnion
        One part a family, named like it.

    Raises
    ------
    ValueError
        For unknown or repeated families, naming those that there are.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi import make_descriptors
    >>> union = make_descriptors(["statistical", "steerable"], n_levels=8)
    >>> union.fit_transform(np.eye(12)[None]).shape
    (1, 88)
    """
    families = [families] if isinstance(families, str) else list(families)
    unknown = [family for family in families if family not in FAMILIES]
    if unknown or not families or len(set(families)) < len(families):
        raise ValueError(
            f"families has to be one or more different names out of {list(FAMILIES)}; "
            f"got {families}."
        )
    return DescriptorUnion(
        [(family, FAMILIES[family]()) for family in families],
        n_levels=n_levels,
        cells=cells,
        grid=grid,
        intensity_range=intensity_range,
        n_jobs=n_jobs,
        memory=memory,
        verbose=verbose,
    )
