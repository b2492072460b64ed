"""What an audit reports of one attack, each number with its interval."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    f1_score,
    precision_score,
    recall_score,
)

from ..metrics import resolvable_fpr, tpr_at_fpr
from ._crossfit import OutOfFold
from ._statistics import auc_interval, bootstrap_interval, proportion_interval


@dataclass(frozen=True)
class Estimate:
    """A number with its confidence interval.

    Attributes
    ----------
    value : float
        NaN where it can't be told.
    low, high : float
        Bounds of the interval.
    method : str
        How the interval was made.
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
    """How intervals are made: of which units, how often, how wide."""

    groups: NDArray[Any] | None
    n_resamples: int
    confidence: float
    seed: int


def measure(
    labels: NDArray[np.intp], answers: OutOfFold, fprs: Sequence[float], sampling: Sampling
) -> dict[str, Estimate]:
    """All numbers of one attack.

    Parameters
    ----------
    labels : ndarray of shape (n_queries,)
        0 or 1.
    answers : OutOfFold
        What the attack said.
    fprs : sequence of float
        False positive rates at which the true positive rate is reported.
    sampling : Sampling
        How intervals are made.

    Returns
    -------
    dict of str to Estimate
        Proportions have Wilson's interval, the AUC Newcombe's; all else is bootstrapped
        over queries or patients.
    """
    table = {"AUC": _auc(labels, answers, sampling)}
    for name, (function, outcomes) in _DECISIONS.items():
        table[name] = _of_decisions(labels, answers, function, outcomes, sampling)
    for fpr in fprs:
        table[f"TPR at FPR {fpr:g}"] = _tpr(labels, answers, fpr, sampling)
    return table


def _auc(labels: NDArray[np.intp], answers: OutOfFold, sampling: Sampling) -> Estimate:
    bounds = [
        auc_interval(labels, scores, folds, sampling.groups, confidence=sampling.confidence)
        for scores, folds in zip(answers.scores, answers.folds, strict=True)
    ]
    low, high = np.mean(bounds, axis=0)
    over = "" if sampling.groups is None else " over groups"
    return Estimate(answers.auc(labels), float(low), float(high), "Newcombe" + over)


def _of_decisions(
    labels: NDArray[np.intp],
    answers: OutOfFold,
    function: Callable[[Any, Any], float],
    outcomes: Callable[[NDArray[np.bool_], NDArray[np.bool_]], tuple[Any, Any]] | None,
    sampling: Sampling,
) -> Estimate:
    members = labels == 1
    value = float(np.mean([function(labels, used) for used in answers.used]))
    if outcomes is not None and len(answers.used) == 1:
        right, counted = outcomes(members, answers.used[0])
        if not counted.any():
            return Estimate(np.nan, np.nan, np.nan, "nothing to count")
        groups = None if sampling.groups is None else sampling.groups[counted]
        try:
            low, high = proportion_interval(right[counted], groups, sampling.confidence)
        except ValueError:  # all of one patient
            return Estimate(value, np.nan, np.nan, "images of one group only")
        return Estimate(value, low, high, "Wilson" + ("" if groups is None else " over groups"))

    def statistic(resampled: NDArray[Any], *used: NDArray[Any]) -> float:
        return float(np.mean([function(resampled, one) for one in used]))

    arrays = [labels, *answers.used.astype(np.intp)]
    return Estimate(value, *_bootstrap(statistic, arrays, labels, sampling), _unit(sampling))


def _tpr(labels: NDArray[np.intp], answers: OutOfFold, fpr: float, sampling: Sampling) -> Estimate:
    n_nonmembers = int((labels == 0).sum())
    if fpr * n_nonmembers < 1:
        bound = resolvable_fpr(n_nonmembers)
        return Estimate(
            np.nan, np.nan, np.nan, f"{n_nonmembers} non-members resolve no FPR below {bound:.2g}"
        )
    scores = answers.scores.mean(axis=0)

    def statistic(resampled: NDArray[Any], values: NDArray[Any]) -> float:
        # A resample of patients may hold fewer non-members than resolve the rate.
        return tpr_at_fpr(resampled, values, max_fpr=fpr, unresolved="nan")

    value = statistic(labels, scores)
    bounds = _bootstrap(statistic, [labels, scores], labels, sampling)
    # Folds share no scale, so that one threshold for all finds rather too few.
    return Estimate(value, *bounds, _unit(sampling) + ", one threshold for all folds")


def _bootstrap(
    statistic: Callable[..., float],
    arrays: Sequence[NDArray[Any]],
    labels: NDArray[np.intp],
    sampling: Sampling,
) -> tuple[float, float]:
    return bootstrap_interval(
        statistic,
        arrays,
        strata=labels,
        groups=sampling.groups,
        # Metrics of scikit-learn take about a millisecond each.
        n_resamples=min(sampling.n_resamples, 1000),
        confidence=sampling.confidence,
        random_state=sampling.seed,
    )


def _unit(sampling: Sampling) -> str:
    return "bootstrap over " + ("queries" if sampling.groups is None else "groups")


def _specificity(labels: NDArray[Any], used: NDArray[Any]) -> float:
    return float(recall_score(labels, used, pos_label=0, zero_division=0.0))


def _precision(labels: NDArray[Any], used: NDArray[Any]) -> float:
    return float(precision_score(labels, used, zero_division=0.0))


def _recall(labels: NDArray[Any], used: NDArray[Any]) -> float:
    return float(recall_score(labels, used, zero_division=0.0))


def _f1(labels: NDArray[Any], used: NDArray[Any]) -> float:
    return float(f1_score(labels, used, zero_division=0.0))


def _everything(members: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.ones_like(members)


#: Of decisions: the metric; and of proportions what counts as right, and among which.
_DECISIONS: dict[str, tuple[Callable[[Any, Any], float], Callable[..., tuple[Any, Any]] | None]] = {
    "accuracy": (accuracy_score, lambda m, u: (m == u, _everything(m))),
    "precision": (_precision, lambda m, u: (m, u)),
    "recall": (_recall, lambda m, u: (u, m)),
    "specificity": (_specificity, lambda m, u: (~u, ~m)),
    "F1": (_f1, None),
    "kappa": (cohen_kappa_score, None),
    "balanced accuracy": (balanced_accuracy_score, None),
}
