"""The membership stage: distances to one probability of each real image."""

from .pairs import MembershipClassifier
from .queries import SummaryClassifier
from .summaries import BagSummaryTransformer

__all__ = ["BagSummaryTransformer", "MembershipClassifier", "SummaryClassifier"]
