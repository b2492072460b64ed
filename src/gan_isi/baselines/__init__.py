"""Simple attacks to compare with, each a rule on the distances to generated images."""

from ._generated_only import EpsilonBall, NearestGenerated, Retrieval
from ._make import BASELINES, REPRESENTATIONS, make_baseline, make_blind
from ._with_reference import CalibratedSimilarity, DensityRatio

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
