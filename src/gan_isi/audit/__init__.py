"""Audits: attacks with their uncertainty, a permutation null and a blind baseline."""

from .._preflight.before_fit import PreflightWarning
from ..statistics import detectable_auc
from .attack_result import AttackResult
from .candidates import CandidateResult
from .compare import compare
from .compare_result import CompareResult
from .controls import Control
from .crossfit import OutOfFold
from .epsilon import EpsilonBound
from .evidence import Evidence
from .inputs import ImageSet, Preflight, preflight
from .measures import Estimate
from .monitor import MemorizationMonitor
from .monitor_record import MonitorPair, MonitorRecord
from .planning import Plan, PlannedSize, plan
from .provenance import InputSet, Provenance
from .result import AuditResult
from .run import audit
from .verdict import Verdict
from .verification import Difference, Verification, verify
from .withhold import withhold
from .withhold_choice import Choice
from .withhold_result import WithholdResult

__all__ = [
    "AttackResult",
    "AuditResult",
    "CandidateResult",
    "Choice",
    "CompareResult",
    "Control",
    "Difference",
    "EpsilonBound",
    "Estimate",
    "Evidence",
    "ImageSet",
    "InputSet",
    "MemorizationMonitor",
    "MonitorPair",
    "MonitorRecord",
    "OutOfFold",
    "Plan",
    "PlannedSize",
    "Preflight",
    "PreflightWarning",
    "Provenance",
    "Verdict",
    "Verification",
    "WithholdResult",
    "audit",
    "compare",
    "detectable_auc",
    "plan",
    "preflight",
    "verify",
    "withhold",
]
