"""Audits: attacks with their uncertainty, a permutation null and a blind baseline."""

from .._preflight.before_fit import PreflightWarning
from ..statistics import detectable_auc
from .candidates import CandidateResult
from .controls import Control
from .crossfit import OutOfFold
from .epsilon import EpsilonBound
from .evidence import Evidence
from .inputs import ImageSet, Preflight, preflight
from .measures import Estimate
from .result import AttackResult, AuditResult
from .run import audit
from .withhold import withhold
from .withhold_choice import Choice
from .withhold_result import WithholdResult

__all__ = [
    "AttackResult",
    "AuditResult",
    "CandidateResult",
    "Choice",
    "Control",
    "EpsilonBound",
    "Estimate",
    "Evidence",
    "ImageSet",
    "OutOfFold",
    "Preflight",
    "PreflightWarning",
    "WithholdResult",
    "audit",
    "detectable_auc",
    "preflight",
    "withhold",
]
