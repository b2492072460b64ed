"""The attack as one estimator, and the ready-made ones by name."""

from .pipeline import SourceIdentificationPipeline
from .registry import ATTACKS, REPRESENTATIONS, make_pipeline

__all__ = ["ATTACKS", "REPRESENTATIONS", "SourceIdentificationPipeline", "make_pipeline"]
