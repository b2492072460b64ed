"""The rules of the simple attacks, for a step `membership`; by name with `make_pipeline`."""

from .membership.generated_rules import EpsilonBall, NearestGenerated, Retrieval
from .membership.reference_rules import CalibratedSimilarity, DensityRatio

__all__ = [
    "CalibratedSimilarity",
    "DensityRatio",
    "EpsilonBall",
    "NearestGenerated",
    "Retrieval",
]
