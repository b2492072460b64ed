"""Tell which real images a generator was trained on.

Membership inference against image generators from their output alone, as
scikit-learn estimators: texture maps, CDF vectors, 1-Wasserstein distances between
real and generated images, and a classifier on them (GAN-ISI, ImageCLEFmedical GANs
2023), with what is needed to tell whether its answers mean anything.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from . import audit, baselines, datasets, metrics, plotting
    from ._runtime.pickling import InconsistentVersionWarning
    from .attacks.pipeline import SourceIdentificationPipeline
    from .attacks.presets import make_pipeline
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
    from .distances import (
        DistanceUnion,
        PairwiseDistanceTransformer,
        PairwiseWassersteinTransformer,
    )
    from .membership.pairs import MembershipClassifier
    from .membership.summaries import BagSummaryTransformer

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

#: Where the public names are that are no modules. They are imported when asked for: the
#: command line shows its help in a tenth of the time that scikit-learn takes to load.
_MODULES = {
    "_runtime.pickling": ("InconsistentVersionWarning",),
    "membership": ("BagSummaryTransformer", "MembershipClassifier"),
    "descriptors": (
        "BaseDescriptor",
        "DeepDescriptor",
        "GaborDescriptor",
        "GaussianDerivativeDescriptor",
        "PixelDescriptor",
        "StatisticalDescriptor",
        "SteerableDescriptor",
        "make_descriptors",
    ),
    "distances": (
        "DistanceUnion",
        "PairwiseDistanceTransformer",
        "PairwiseWassersteinTransformer",
    ),
    "attacks": ("SourceIdentificationPipeline", "make_pipeline"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    elif name in __all__:
        value = import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
