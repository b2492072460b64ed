"""Tell which real images a generator was trained on.

Membership inference against image generators from their output alone, as
scikit-learn estimators: texture maps, CDF vectors, 1-Wasserstein distances between
real and generated images, and a classifier on them (GAN-ISI, ImageCLEFmedical GANs
2023), with what is needed to tell whether its answers mean anything.
"""

from . import audit, baselines, datasets, metrics, plotting
from ._pickling import InconsistentVersionWarning
from ._version import __version__
from .bags import BagSummaryTransformer
from .descriptors import (
    BaseDescriptor,
    DeepDescriptor,
    GaborDescriptor,
    GaussianDerivativeDescriptor,
    PixelDescriptor,
    StatisticalDescriptor,
    SteerableDescriptor,
    make_descriptors,
)
from .distances import DistanceUnion, PairwiseDistanceTransformer, PairwiseWassersteinTransformer
from .membership import MembershipClassifier
from .pipeline import SourceIdentificationPipeline
from .presets import make_pipeline

__all__ = [
    "BagSummaryTransformer",
    "BaseDescriptor",
    "DeepDescriptor",
    "DistanceUnion",
    "GaborDescriptor",
    "GaussianDerivativeDescriptor",
    "InconsistentVersionWarning",
    "MembershipClassifier",
    "PairwiseDistanceTransformer",
    "PairwiseWassersteinTransformer",
    "PixelDescriptor",
    "SourceIdentificationPipeline",
    "StatisticalDescriptor",
    "SteerableDescriptor",
    "__version__",
    "audit",
    "baselines",
    "datasets",
    "make_descriptors",
    "make_pipeline",
    "metrics",
    "plotting",
]
