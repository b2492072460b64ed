from . import audit, baselines, datasets, metrics, plotting
from ._runtime.pickling import InconsistentVersionWarning
from ._validation.shared import SharedImages
from ._version import __version__
from .attacks import SourceIdentificationPipeline, make_pipeline
from .audit.monitor import MemorizationMonitor
from .descriptors import (
    BaseDescriptor,
    DeepDescriptor,
    DescriptorUnion,
    GaborDescriptor,
    GaussianDerivativeDescriptor,
    PixelDescriptor,
    StatisticalDescriptor,
    SteerableDescriptor,
    make_descriptors,
)
from .distances import (
    DistanceUnion,
    PairwiseDistanceTransformer,
    PairwisePoseTransformer,
    PairwiseTileTransformer,
    PairwiseWassersteinTransformer,
    PairwiseWhitenedTransformer,
)
from .membership import BagSummaryTransformer, MembershipClassifier, SummaryClassifier

__all__ = [
    "BagSummaryTransformer",
    "BaseDescriptor",
    "DeepDescriptor",
    "DescriptorUnion",
    "DistanceUnion",
    "GaborDescriptor",
    "GaussianDerivativeDescriptor",
    "InconsistentVersionWarning",
    "MembershipClassifier",
    "MemorizationMonitor",
    "PairwiseDistanceTransformer",
    "PairwisePoseTransformer",
    "PairwiseTileTransformer",
    "PairwiseWassersteinTransformer",
    "PairwiseWhitenedTransformer",
    "PixelDescriptor",
    "SharedImages",
    "SourceIdentificationPipeline",
    "StatisticalDescriptor",
    "SteerableDescriptor",
    "SummaryClassifier",
    "__version__",
    "audit",
    "baselines",
    "datasets",
    "make_descriptors",
    "make_pipeline",
    "metrics",
    "plotting",
]
