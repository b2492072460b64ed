"""Descriptor families as transformers: images in, CDF vectors out."""

from ._base import BaseDescriptor
from .deep import DeepDescriptor
from .gabor import GaborDescriptor
from .gaussian import GaussianDerivativeDescriptor
from .statistical import StatisticalDescriptor
from .steerable import SteerableDescriptor

__all__ = [
    "BaseDescriptor",
    "DeepDescriptor",
    "GaborDescriptor",
    "GaussianDerivativeDescriptor",
    "StatisticalDescriptor",
    "SteerableDescriptor",
]
