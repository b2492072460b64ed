"""Descriptor families as transformers: images in, CDF vectors out."""

from .base import BaseDescriptor
from .deep import DeepDescriptor
from .gabor import GaborDescriptor
from .gaussian import GaussianDerivativeDescriptor
from .pixels import PixelDescriptor
from .statistical import StatisticalDescriptor
from .steerable import SteerableDescriptor
from .union import CLASSICAL_FAMILIES, FAMILIES, DescriptorUnion, make_descriptors

__all__ = [
    "CLASSICAL_FAMILIES",
    "FAMILIES",
    "BaseDescriptor",
    "DeepDescriptor",
    "DescriptorUnion",
    "GaborDescriptor",
    "GaussianDerivativeDescriptor",
    "PixelDescriptor",
    "StatisticalDescriptor",
    "SteerableDescriptor",
    "make_descriptors",
]
