"""Figures of an attack, in the style of scikit-learn's displays.

Each display keeps what it shows in attributes, is made by `from_estimator` or from
numbers that are already there, and draws itself with `plot`. They need matplotlib, the
extra `plot`; it is imported when the first figure is drawn.
"""

from .audit_aucs import AuditDisplay
from .closest_pairs import ClosestPairsDisplay
from .distance_heatmap import DistanceHeatmapDisplay
from .family_importance import FamilyImportanceDisplay, family_importance
from .feature_maps import FeatureMapsDisplay
from .log_roc import LogRocDisplay
from .map_cdf import MapCdfDisplay
from .membership_score import MembershipScoreDisplay
from .monitor_curve import MonitorDisplay
from .tile_map import TileMapDisplay
from .withhold_curve import WithholdDisplay

__all__ = [
    "AuditDisplay",
    "ClosestPairsDisplay",
    "DistanceHeatmapDisplay",
    "FamilyImportanceDisplay",
    "FeatureMapsDisplay",
    "LogRocDisplay",
    "MapCdfDisplay",
    "MembershipScoreDisplay",
    "MonitorDisplay",
    "TileMapDisplay",
    "WithholdDisplay",
    "family_importance",
]
