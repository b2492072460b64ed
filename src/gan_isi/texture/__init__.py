"""Texture maps and their CDF vectors as pure functions of arrays.

This package knows nothing of estimators, files or distances. The functions of maps take one
grey float image of shape (height, width) and return maps of the same height and width; those
of CDF vectors take maps of any shape.
"""

from .cdf import cdf_vectors, cell_edges, quantile_levels, tiled_cdf_vectors
from .derivatives import gaussian_derivatives
from .gabor import PAPER_ORIENTATIONS, PAPER_WAVELENGTHS, gabor_magnitudes
from .gaussian import (
    MULTISCALE_MAPS,
    PAPER_ANGLES,
    PAPER_SIGMAS,
    multiscale_maps,
    steered_derivatives,
)
from .statistical import local_entropy, local_range, local_std

__all__ = [
    "MULTISCALE_MAPS",
    "PAPER_ANGLES",
    "PAPER_ORIENTATIONS",
    "PAPER_SIGMAS",
    "PAPER_WAVELENGTHS",
    "cdf_vectors",
    "cell_edges",
    "gabor_magnitudes",
    "gaussian_derivatives",
    "local_entropy",
    "local_range",
    "local_std",
    "multiscale_maps",
    "quantile_levels",
    "steered_derivatives",
    "tiled_cdf_vectors",
]
