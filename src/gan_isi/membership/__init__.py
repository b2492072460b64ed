"""The membership stage: distances to one probability of each real image.

The classifiers are estimators; the scores, the fusion, the summary and the calibration that
they are made of are pure functions of arrays.
"""

from .calibration import fit_sigmoid
from .closest import closest_distances
from .folds import query_folds
from .fusion import FUSION_RULES, fuse
from .generated_rules import EpsilonBall, NearestGenerated, Retrieval
from .pairs import MembershipClassifier
from .queries import SummaryClassifier
from .reference_rules import CalibratedSimilarity, DensityRatio
from .scores import (
    density_ratio_score,
    epsilon_score,
    map_scales,
    nearest_score,
    one_distance,
    retrieval_score,
    retrieval_thresholds,
    share_below,
    similarity_ratio,
)
from .summaries import BagSummaryTransformer, low_order_statistics
from .svm import decision_values

__all__ = [
    "FUSION_RULES",
    "BagSummaryTransformer",
    "CalibratedSimilarity",
    "DensityRatio",
    "EpsilonBall",
    "MembershipClassifier",
    "NearestGenerated",
    "Retrieval",
    "SummaryClassifier",
    "closest_distances",
    "decision_values",
    "density_ratio_score",
    "epsilon_score",
    "fit_sigmoid",
    "fuse",
    "low_order_statistics",
    "map_scales",
    "nearest_score",
    "one_distance",
    "query_folds",
    "retrieval_score",
    "retrieval_thresholds",
    "share_below",
    "similarity_ratio",
]
