"""What an audit reports of one attack, each number with its interval."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics import resolvable_fpr
from ..statistics import (
    DECISION_METRICS,
    auc_interval,
    bootstrap_decisions,
    confusion_counts,
    difference_interval,
    proportion_interval,
    recall_at_fpr,
    within_fold_auc,
)
from .crossfit import OutOfFold

Null = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Estimate:
    """A number with its confidence interval.

    Attributes
    ----------
    value : float
        The number; NaN where it can't be told.
    low, high : float
        Bounds of the interval; NaN where there is none.
    method : str
        Method by which the interval was made, or the reason why there is none.
    """

    value: float
    low: float
    high: float
    method: str

    def __format__(self, spec: str) -> str:
        spec = spec or ".2f"
        if np.isnan(self.value):
            return "not resolvable"
        if np.isnan(self.low):
            return f"{self.value:{spec}} (no interval)"
        return f"{self.value:{spec}} ({self.low:{spec}} to {self.high:{spec}})"

    def __str__(self) -> str:
        return format(self)


@dataclass(frozen=True)
class Sampling:
    """What is measured, and how intervals are made: over which units, of how many resamples.

    Attributes
    ----------
    labels : ndarray of shape (n_queries,)
        0 or 1.
    groups : ndarray of shape (n_queries,) or None
        Patients.
    n_resamples : int
        Of the bootstrap.
    confidence : float
        Of the intervals.
    seed : int
        Draws the resamples.
    """

    labels: NDArray[np.intp]
    groups: NDArray[Any] | None
    n_resamples: int
    confidence: float
    seed: int


def made_by(
    name: str, groups: Any, null: NDArray[Any] | None = None, refits: str = "permutations"
) -> str:
    """Return how an interval was made, over which units, and which refits gave its spread."""
    units = "" if groups is None else " over groups"
    if null is None or not len(null):
        return f"{name}{units}, of the fitted scores only"
    return f"{name}{units}, spread of {len(null)} {refits}"


def measure(
    answers: OutOfFold, fprs: Sequence[float], sampling: Sampling, null: Null
) -> dict[str, Estimate]:
    """Return all numbers of one attack, with their intervals.

    Parameters
    ----------
    answers : OutOfFold
        Answers of the attack.
    fprs : sequence of float
        False positive rates at which the true positive rate is reported.
    sampling : Sampling
        How intervals are made.
    null : mapping of str to ndarray of shape (n_permutations,)
        Statistics of `null_distribution`, which vary as the attack learns anew.

    Returns
    -------
    dict of str to Estimate
        The AUC has Newcombe's interval, proportions have Wilson's, both with the spread of
        the permutations (precision has it without); the true positive rates have exact
        bounds; all else is bootstrapped over queries or patients.
    """
    table = {"AUC": auc_of(answers, sampling, null["AUC"])}
    for name in DECISION_METRICS:
        table[name] = _of_decisions(name, answers, sampling, null)
    for fpr in fprs:
        table[f"TPR at FPR {fpr:g}"] = _recall_at_fpr(answers, fpr, sampling)
    return table


def auc_of(answers: OutOfFold, sampling: Sampling, null: NDArray[np.float64]) -> Estimate:
    """Return the AUC of an attack, with Newcombe's interval.

    Parameters
    ----------
    answers : OutOfFold
        Answers of the attack.
    sampling : Sampling
        How intervals are made.
    null : ndarray of shape (n_permutations,)
        AUCs with permuted labels.

    Returns
    -------
    Estimate
        The mean over the repeats.
    """
    labels, groups = sampling.labels, sampling.groups
    bounds = answers.auc_intervals(labels, groups, null=null, confidence=sampling.confidence)
    low, high = bounds.mean(axis=0).tolist()
    method = made_by("Newcombe", groups, null)
    return Estimate(answers.auc(labels), low, high, method)


def of_rule(
    labels: NDArray[np.intp],
    scores: NDArray[np.float64],
    groups: NDArray[Any] | None,
    confidence: float = 0.95,
) -> Estimate:
    """Return the AUC of scores that depend on no label.

    Parameters
    ----------
    labels : ndarray of shape (n_queries,)
        0 or 1.
    scores : ndarray of shape (n_queries,)
        Scores; larger means used.
    groups : ndarray of shape (n_queries,) or None
        Patients.
    confidence : float, default=0.95
        Of the interval.

    Returns
    -------
    Estimate
    """
    bounds = auc_interval(labels, scores, None, groups, confidence=confidence)
    over = "" if groups is None else " over groups"
    return Estimate(within_fold_auc(labels, scores), *bounds, f"Newcombe{over}")


def beyond_blind(
    answers: OutOfFold, null: Null, blind: tuple[OutOfFold, Null], sampling: Sampling
) -> Estimate:
    """Return the AUC of an attack minus that of the blind one.

    Parameters
    ----------
    answers, null
        Answers of the attack, and statistics of its refits.
    blind : tuple
        Answers and statistics of the blind attack, cross-validated with the same folds and
        refitted with the same permutations.
    sampling : Sampling
        How intervals are made.

    Returns
    -------
    Estimate
    """
    labels, (other, other_null) = sampling.labels, blind
    bounds = [
        difference_interval(
            labels, scores, other_scores, folds, sampling.groups,
            null=null["AUC"], other_null=other_null["AUC"], confidence=sampling.confidence,
        )
        for (scores, folds), other_scores in zip(answers.repeats, other.scores, strict=True)
    ]  # fmt: skip
    method = made_by("Zou and Yue, correlated AUCs", sampling.groups, null["AUC"])
    low, high = np.mean(bounds, axis=0).tolist()
    return Estimate(answers.auc(labels) - other.auc(labels), low, high, method)


def _of_decisions(name: str, answers: OutOfFold, sampling: Sampling, null: Null) -> Estimate:
    labels = sampling.labels
    counts = np.stack([confusion_counts(labels, used, sampling.groups) for used in answers.used])
    value = float(np.mean([DECISION_METRICS[name](*one.sum(axis=0)) for one in counts]))
    if name not in _COUNTED or len(answers.used) > 1:
        bounds = bootstrap_decisions(
            name, counts, n_resamples=sampling.n_resamples, confidence=sampling.confidence,
            seed=sampling.seed,
        )  # fmt: skip
        return Estimate(value, *bounds, made_by("bootstrap", sampling.groups))
    right, among = _COUNTED[name](labels == 1, answers.used[0])
    if not among.any():
        return Estimate(np.nan, np.nan, np.nan, "nothing to count")
    groups = None if sampling.groups is None else sampling.groups[among]
    if groups is not None and len(np.unique(groups)) < 2:
        return Estimate(value, np.nan, np.nan, "images of one group only")
    low, high = proportion_interval(
        right[among], groups, null=null.get(name), confidence=sampling.confidence
    )
    return Estimate(value, low, high, made_by("Wilson", sampling.groups, null.get(name)))


#: Given who was used and who is called used: which answers are right, and among which they count.
_COUNTED: dict[str, Callable[..., tuple[NDArray[np.bool_], NDArray[np.bool_]]]] = {
    "accuracy": lambda used, called: (used == called, np.ones_like(used)),
    "precision": lambda used, called: (used, called),
    "recall": lambda used, called: (called, used),
    "specificity": lambda used, called: (~called, ~used),
}


def _recall_at_fpr(answers: OutOfFold, fpr: float, sampling: Sampling) -> Estimate:
    labels = sampling.labels
    found = recall_at_fpr(
        labels, answers.scores.mean(axis=0), fpr, sampling.groups, confidence=sampling.confidence
    )
    if np.isnan(found.value):
        units, many = np.flatnonzero(labels == 0), "images"
        if sampling.groups is not None:
            units, many = np.unique(sampling.groups[units]), "patients"
        limit = f"no FPR below {resolvable_fpr(len(units)):.2g} with {len(units)} {many} not used"
        return Estimate(np.nan, np.nan, np.nan, limit)
    # Folds share no scale, so that one threshold for all finds rather too few.
    method = "order statistics, one threshold for all folds"
    return Estimate(*found, made_by(method, sampling.groups))
