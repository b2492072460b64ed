"""Audits: attacks with their uncertainty, a permutation null and a blind baseline."""

from .._preflight.before_fit import PreflightWarning
from ..statistics import detectable_auc
from .candidates import CandidateResult
from .crossfit import OutOfFold
from .evidence import Evidence
from .inputs import ImageSet, Preflight, preflight
from .measures import Estimate
from .provenance import InputSet, Provenance
from .result import AttackResult, AuditResult
from .run import audit
from .verdict import Verdict
from .verification import Difference, Verification, verify

__all__ = [
    "AttackResult",
    "AuditResult",
    "CandidateResult",
    "Difference",
    "Estimate",
    "Evidence",
    "ImageSet",
    "InputSet",
    "OutOfFold",
    "Preflight",
    "PreflightWarning",
    "Provenance",
    "Verdict",
    "Verification",
    "audit",
    "detectable_auc",
    "preflight",
    "verify",
]
