"""The distance stage: what describes the queries against the generated images."""

from .base import BasePairwiseTransformer
from .pairwise import METRICS, PairwiseDistanceTransformer
from .pairwise_wasserstein import PairwiseWassersteinTransformer
from .union import DistanceUnion

__all__ = [
    "METRICS",
    "BasePairwiseTransformer",
    "DistanceUnion",
    "PairwiseDistanceTransformer",
    "PairwiseWassersteinTransformer",
]
