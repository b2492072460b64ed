"""The attack as one estimator, and the ready-made ones by name."""

from .pipeline import SourceIdentificationPipeline
from .presets import make_pipeline

__all__ = ["SourceIdentificationPipeline", "make_pipeline"]
