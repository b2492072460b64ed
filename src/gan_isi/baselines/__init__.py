"""Simple attacks to compare with, each a rule on the distances to generated images."""

from ..attacks.baselines import BASELINES, REPRESENTATIONS, make_baseline, make_blind
from ..membership.generated_rules import EpsilonBall, NearestGenerated, Retrieval
from ..membership.reference_rules import CalibratedSimilarity, DensityRatio

__all__ = [
    "BASELINES",
    "REPRESENTATIONS",
    "CalibratedSimilarity",
    "DensityRatio",
    "EpsilonBall",
    "NearestGenerated",
    "Retrieval",
    "make_baseline",
    "make_blind",
]
