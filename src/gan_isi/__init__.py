"""Tell which real images a generator was trained on.

Membership inference against image generators from their output alone, as
scikit-learn estimators: texture maps, CDF vectors, 1-Wasserstein distances between
real and generated images, and a classifier on them (GAN-ISI, ImageCLEFmedical GANs
2023), with what is needed to tell whether its answers mean anything.
"""

from . import datasets, metrics
from ._pickling import InconsistentVersionWarning
from ._version import __version__
from .bags import BagSummaryTransformer
from .descriptors import (
    BaseDescriptor,
    DeepDescriptor,
    GaborDescriptor,
    GaussianDerivativeDescriptor,
    StatisticalDescriptor,
    SteerableDescriptor,
    make_descriptors,
)
from .distances import PairwiseWassersteinTransformer
from .membership import MembershipClassifier
from .pipeline import SourceIdentificationPipeline, make_pipeline

__all__ = [
    "BagSummaryTransformer",
    "BaseDescriptor",
    "DeepDescriptor",
    "GaborDescriptor",
    "GaussianDerivativeDescriptor",
    "InconsistentVersionWarning",
    "MembershipClassifier",
    "PairwiseWassersteinTransformer",
    "SourceIdentificationPipeline",
    "StatisticalDescriptor",
    "SteerableDescriptor",
    "__version__",
    "datasets",
    "make_descriptors",
    "make_pipeline",
    "metrics",
]
