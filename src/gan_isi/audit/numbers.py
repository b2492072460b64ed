"""Numbers that people ask for: at their own prior, at most, by patient, by subgroup."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._validation.labels import check_groups
from ..metrics import positive_predictive_value
from ..statistics import (
    auc_interval,
    auc_upper_bound,
    cross_conformal_p_values,
    rank_within,
    within_fold_auc,
)
from .crossfit import OutOfFold
from .measures import Estimate, Sampling

if TYPE_CHECKING:
    from .attack_result import AttackResult
    from .result import AuditResult

#: Patients of a class below which a subgroup's AUC is marked.
_FEW = 10


def predictive_values(
    measures: Mapping[str, Estimate], prior: float, fprs: Sequence[float], confidence: float
) -> dict[str, Estimate]:
    """Return how many of those called used were used, at a prior of one's own.

    Parameters
    ----------
    measures : mapping of str to Estimate
        Recall, specificity and the true positive rates of an attack.
    prior : float
        Share of used images among those that the attack will be asked about.
    fprs : sequence of float
        False positive rates, at which the threshold lies there.
    confidence : float
        Confidence of the intervals of the measures.

    Returns
    -------
    dict of str to Estimate
        "predictive value" of the attack's own decisions, and "predictive value at FPR ..."
        at each rate. The bounds are those of both rates at their worst and at their best.
    """
    recall, specificity = measures["recall"], measures["specificity"]
    joint = f"bounds of recall and specificity, {100 * (2 * confidence - 1):g} % at least"
    pairs = [(recall.value, specificity.value), (recall.low, specificity.low),
             (recall.high, specificity.high)]  # fmt: skip
    value, low, high = (_predictive(tpr, 1 - tnr, prior) for tpr, tnr in pairs)
    found = {"predictive value": Estimate(value, low, high, joint)}
    for fpr in fprs:
        rate = measures[f"TPR at FPR {fpr:g}"]
        value, low, high = (
            _predictive(tpr, fpr, prior) for tpr in (rate.value, rate.low, rate.high)
        )
        found[f"predictive value at FPR {fpr:g}"] = Estimate(value, low, high, rate.method)
    return found


def _predictive(tpr: float, fpr: float, prior: float) -> float:
    if np.isnan(tpr) or np.isnan(fpr):
        return float("nan")
    return float(positive_predictive_value(tpr, fpr, prior))


def auc_at_most(answers: OutOfFold, sampling: Sampling, null: ArrayLike) -> float:
    """Return the upper bound of an attack's AUC, as the mean over the repeats.

    Parameters
    ----------
    answers : OutOfFold
        Answers of the attack.
    sampling : Sampling
        How the bound is made; its confidence is one-sided here, and 0.5 where it is lower.
    null : array-like of shape (n_permutations,)
        AUCs with permuted labels.

    Returns
    -------
    float
    """
    level = max(sampling.confidence, 0.5 + 1e-6)
    bounds = [
        auc_upper_bound(sampling.labels, *pair, sampling.groups, null=null, confidence=level)
        for pair in answers.repeats
    ]
    return float(np.mean(bounds))


def by_patient(result: "AuditResult", attack: "AttackResult", names: Any = None) -> Any:
    """Return what an attack says of each patient.

    Parameters
    ----------
    result : AuditResult
        What :func:`audit` found.
    attack : AttackResult
        One of its attacks.
    names : array-like of shape (n_queries,), default=None
        Name of each query's patient, to be written instead of a number.

    Returns
    -------
    pandas.DataFrame
        See :meth:`AuditResult.patients_to_frame`.
    """
    import pandas as pd

    n = len(result.labels)
    groups = np.arange(n) if result.groups is None else result.groups
    shown = groups if names is None else check_groups(names, n, name="names", unit="queries")
    # A patient with images of both kinds is in two rows.
    _, first, units = np.unique(
        np.column_stack([groups, result.labels]), axis=0, return_index=True, return_inverse=True
    )
    units, labels, patients = units.ravel(), result.labels[first], groups[first]
    sizes = np.bincount(units)
    rows = []
    for scores, folds in attack.answers.repeats:
        means = np.bincount(units, scores) / sizes
        own = folds[first]  # the images of a patient are held out together
        ranks = (rank_within(means, own) - 0.5) / np.bincount(own)[own]
        rows.append((means, ranks, cross_conformal_p_values(labels, means, own, patients)))
    order = np.argsort(first)
    scores, ranks = (np.mean([row[i] for row in rows], axis=0) for i in (0, 1))
    return pd.DataFrame(
        {
            "patient": [shown[first[i]] for i in order],
            "used": labels[order] == 1,
            "n_images": sizes[order],
            "score": scores[order],
            "rank": ranks[order],
            # The mean of p-values is none: those of the first repeat, as of the images.
            "conformal_p": rows[0][2][order],
        }
    )


def by_subgroup(
    result: "AuditResult", attack: "AttackResult", subgroups: Any
) -> list[dict[str, Any]]:
    """Return the AUC of an attack in each subgroup, as the rows of a table.

    Parameters
    ----------
    result : AuditResult
        What :func:`audit` found.
    attack : AttackResult
        One of its attacks.
    subgroups : array-like of shape (n_queries,)
        Subgroup of each query.

    Returns
    -------
    list of dict
        See :meth:`AuditResult.subgroups_to_frame`.
    """
    given = check_groups(subgroups, len(result.labels), name="subgroups", unit="queries")
    names = np.array([str(one) for one in given], dtype=object)
    rows = []
    for name in sorted(set(names)):
        own = names == name
        labels = result.labels[own]
        groups = np.flatnonzero(own) if result.groups is None else result.groups[own]
        counts = [len(np.unique(groups[labels == label])) for label in (1, 0)]
        found = _auc_within(result, attack, own)
        note = found.method if np.isnan(found.low) else ""
        if not note and min(counts) < _FEW:
            note = f"fewer than {_FEW} patients of a class"
        rows.append(
            {
                "subgroup": name,
                "n_used": int(labels.sum()),
                "n_not_used": int((labels == 0).sum()),
                "patients_used": counts[0],
                "patients_not_used": counts[1],
                "AUC": found.value,
                "low": found.low,
                "high": found.high,
                "note": note,
            }
        )
    return rows


def subgroup_rows(result: "AuditResult") -> dict[str, list[dict[str, Any]]]:
    """Return the rows of all attacks, for a page; none without subgroups.

    Parameters
    ----------
    result : AuditResult
        What :func:`audit` found.

    Returns
    -------
    dict of str to list of dict
        Rows of `by_subgroup`, with the AUC and its interval as text under "shown".
    """
    if result.subgroups is None:
        return {}
    return {
        name: [
            row | {"shown": str(Estimate(row["AUC"], row["low"], row["high"], ""))}
            for row in by_subgroup(result, attack, result.subgroups)
        ]
        for name, attack in result.attacks.items()
    }


def subgroup_line(row: Mapping[str, Any]) -> str:
    """Return a row of `by_subgroup` as a line of text.

    Parameters
    ----------
    row : mapping
        One of the rows.

    Returns
    -------
    str
    """
    counts = f"{row['subgroup']} ({row['n_used']} used, {row['n_not_used']} not used)"
    if np.isnan(row["AUC"]):
        return f"{counts}: no AUC, since {row['note']}"
    found = format(Estimate(row["AUC"], row["low"], row["high"], ""))
    return f"{counts}: AUC {found}" + (f", {row['note']}" if row["note"] else "")


def _auc_within(result: "AuditResult", attack: "AttackResult", own: NDArray[np.bool_]) -> Estimate:
    """Return the AUC of pairs within a subgroup, which vary with learning as all pairs do."""
    labels, all_labels = result.labels[own], result.labels
    groups = None if result.groups is None else result.groups[own]
    null = attack.null["AUC"]
    if labels.any() and not labels.all():
        # So much more than the variance of Mann and Whitney as among all images.
        null = 0.5 + (null - 0.5) * np.sqrt(_variance(labels) / _variance(all_labels))
    rows = []
    for scores, folds in attack.answers.repeats:
        try:
            value = within_fold_auc(labels, scores[own], folds[own])
        except ValueError:
            return Estimate(np.nan, np.nan, np.nan, "no fold has a used and another image of it")
        try:
            bounds = auc_interval(
                labels, scores[own], folds[own], groups, null=null, confidence=result.confidence
            )
        except ValueError:
            bounds = np.nan, np.nan
        rows.append((value, *bounds))
    value, low, high = np.mean(rows, axis=0).tolist()
    return Estimate(value, low, high, "too few patients for an interval" if np.isnan(low) else "")


def _variance(labels: NDArray[np.intp]) -> float:
    m, n = int(labels.sum()), int((labels == 0).sum())
    return (m + n + 1) / (12 * m * n)
