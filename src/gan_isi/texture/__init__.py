"""Texture maps as pure functions: one grey image in, one array a map out.

Nothing here knows of estimators, files or distances. All functions take a float image
of shape (height, width) and return maps of the same height and width.
"""

from .gabor import gabor_magnitudes
from .gaussian import gaussian_derivatives, multiscale_maps, steered_derivatives
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
