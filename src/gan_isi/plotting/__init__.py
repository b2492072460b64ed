"""Figures of an attack, in the style of scikit-learn's displays.

Each display keeps what it shows in attributes, is made by `from_estimator` or from
numbers that are already there, and draws itself with `plot`. They need matplotlib, the
extra `plot`; it is imported when the first figure is drawn.
"""

from ._distance_heatmap import DistanceHeatmapDisplay
from ._family_importance import FamilyImportanceDisplay, family_importance
from ._feature_maps import FeatureMapsDisplay
from ._log_roc import LogRocDisplay
from ._map_cdf import MapCdfDisplay
from ._membership_score import MembershipScoreDisplay

__all__ = [
    "DistanceHeatmapDisplay",
    "FamilyImportanceDisplay",
    "FeatureMapsDisplay",
    "LogRocDisplay",
    "MapCdfDisplay",
    "MembershipScoreDisplay",
    "family_importance",
]
