"""The distance stage: what describes the queries against the generated images.

The estimators know the generated images. `wasserstein_distances` and `vector_distances` are
the same distances as pure functions of arrays.
"""

from .base import BasePairwiseTransformer
from .pairwise import METRICS, PairwiseDistanceTransformer
from .pairwise_poses import PairwisePoseTransformer
from .pairwise_tiles import PairwiseTileTransformer
from .pairwise_wasserstein import PairwiseWassersteinTransformer
from .pairwise_whitened import PairwiseWhitenedTransformer
from .poses import Pose, moved
from .tiles import tile_correlations
from .union import DistanceUnion
from .vectors import prepare_vectors, vector_distances
from .wasserstein import wasserstein_distances
from .whitening import whitening

__all__ = [
    "METRICS",
    "BasePairwiseTransformer",
    "DistanceUnion",
    "PairwiseDistanceTransformer",
    "PairwisePoseTransformer",
    "PairwiseTileTransformer",
    "PairwiseWassersteinTransformer",
    "PairwiseWhitenedTransformer",
    "Pose",
    "moved",
    "prepare_vectors",
    "tile_correlations",
    "vector_distances",
    "wasserstein_distances",
    "whitening",
]
