"""The distance stage: what describes the queries against the generated images."""

from ._base import BasePairwiseTransformer
from ._pairwise import METRICS, PairwiseDistanceTransformer
from ._union import DistanceUnion
from ._wasserstein import PairwiseWassersteinTransformer

__all__ = [
    "METRICS",
    "BasePairwiseTransformer",
    "DistanceUnion",
    "PairwiseDistanceTransformer",
    "PairwiseWassersteinTransformer",
]
