"""Audits: attacks with their uncertainty, a permutation null and a blind baseline."""

from .._preflight.before_fit import PreflightWarning
from ..statistics import detectable_auc
from .candidates import CandidateResult
from .crossfit import OutOfFold
from .evidence import Evidence
from .inputs import ImageSet, Preflight, preflight
from .measures import Estimate
from .result import AttackResult, AuditResult
from .run import audit
from .verdict import Verdict

__all__ = [
    "AttackResult",
    "AuditResult",
    "CandidateResult",
    "Estimate",
    "Evidence",
    "ImageSet",
    "OutOfFold",
    "Preflight",
    "PreflightWarning",
    "Verdict",
    "audit",
    "detectable_auc",
    "preflight",
]
