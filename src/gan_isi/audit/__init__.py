"""Audits: attacks with their uncertainty, a permutation null and a blind baseline."""

from .._preflight import PreflightWarning
from ._audit import audit
from ._candidates import CandidateResult
from ._crossfit import OutOfFold
from ._evidence import Evidence
from ._measures import Estimate
from ._preflight import ImageSet, Preflight, preflight
from ._result import AttackResult, AuditResult
from ._statistics import detectable_auc

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
    "audit",
    "detectable_auc",
    "preflight",
]
