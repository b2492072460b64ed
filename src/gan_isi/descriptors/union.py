"""Families side by side, by their names."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.pipeline import FeatureUnion
from sklearn.utils.validation import _num_samples

from .._runtime.progress import CallbackSupportMixin, fit_task, with_callbacks
from .._validation.images import IntensityRange
from ..texture.cdf import DEFAULT_N_LEVELS, Cells
from .deep import DeepDescriptor
from .gabor import GaborDescriptor
from .gaussian import GaussianDerivativeDescriptor
from .statistical import StatisticalDescriptor
from .steerable import SteerableDescriptor

CLASSICAL_FAMILIES = ("statistical", "gabor", "steerable", "gaussian")

FAMILIES = {
    "statistical": StatisticalDescriptor,
    "gabor": GaborDescriptor,
    "steerable": SteerableDescriptor,
    "gaussian": GaussianDerivativeDescriptor,
    "deep": DeepDescriptor,
}


class DescriptorUnion(CallbackSupportMixin, FeatureUnion):
    """A :class:`sklearn.pipeline.FeatureUnion` whose families take turns.

    Built by :func:`make_descriptors`; the parameters are those of the base. The images of
    a family are what goes to parallel jobs: a whole family sent to the worker of a
    cluster, with tasks of its own, would be lost with that worker.
    """

    @with_callbacks
    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit every family and describe the images.

        Parameters
        ----------
        X : array-like or sequence of array-like
            Images, as in :class:`BaseDescriptor`.
        y : None
            Ignored.
        **params : dict
            Of `fit`, as for :class:`sklearn.pipeline.FeatureUnion`.

        Returns
        -------
        ndarray of shape (n, n_columns)
            The vectors of the families side by side.
        """
        with fit_task(self._init_callback_context(), self):
            return self.fit(X, y, **params).transform(X)

    def transform(self, X: Any) -> Any:
        """Describe the images.

        Parameters
        ----------
        X : array-like or sequence of array-like
            Images, as in :class:`BaseDescriptor`.

        Returns
        -------
        ndarray of shape (n, n_columns)
            The vectors of the families side by side.
        """
        vectors = []
        for _, family, weight in self._iter():
            described = family.transform(X)
            vectors.append(described if weight is None else described * weight)
        return self._hstack(vectors) if vectors else np.zeros((_num_samples(X), 0))


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
) -> FeatureUnion:
    """Descriptor families side by side.

    Parameters
    ----------
    families : sequence of str, default=("statistical", "gabor", "steerable", "gaussian")
        Which families, in which order. The default is the paper's stacked classical
        set of 65 maps; "deep" is the fifth family and needs the extra `deep`.
    n_levels : int, default=64
        Number of cells of each map's CDF vector.
    cells : {"fine_tails", "equal"}, default="fine_tails"
        Which cells of probability, see :class:`BaseDescriptor`.
    grid : int, default=1
        Into how many tiles along each side maps are cut, see :class:`BaseDescriptor`.
    intensity_range : {"dtype", "image"} or tuple (low, high), default="dtype"
        Which intensities become 0 and 1, see :class:`BaseDescriptor`.
    n_jobs : int, default=None
        Number of parallel jobs of each family.
    memory : str, path or joblib.Memory, default=None
        Where to keep the vectors of images described before, see :class:`BaseDescriptor`.
    verbose : int or bool, default=False
        Whether each family shows a progress bar when it describes images.

    Returns
    -------
    DescriptorUnion
        A :class:`sklearn.pipeline.FeatureUnion` with one step a family, named like it.

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
    common = {
        "n_levels": n_levels,
        "cells": cells,
        "grid": grid,
        "intensity_range": intensity_range,
        "n_jobs": n_jobs,
        "memory": memory,
        "verbose": verbose,
    }
    steps = [(family, FAMILIES[family](**common)) for family in families]
    return DescriptorUnion(steps, verbose_feature_names_out=False)
