"""Texture maps as pure functions, which take one grey image and return one array per map.

This package knows nothing of estimators, files or distances. All functions take a float
image of shape (height, width) and return maps of the same height and width.
"""

from .derivatives import gaussian_derivatives
from .gabor import gabor_magnitudes
from .gaussian import multiscale_maps, steered_derivatives
from .statistical import local_entropy, local_range, local_std

__all__ = [
    "gabor_magnitudes",
    "gaussian_derivatives",
    "local_entropy",
    "local_range",
    "local_std",
    "multiscale_maps",
    "steered_derivatives",
]
