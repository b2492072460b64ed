"""Figures of merit of decisions, computed from counts of right and wrong decisions."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import check_groups, check_members, check_share

Counts = NDArray[np.float64]


def confusion_counts(
    y: ArrayLike, used: ArrayLike, groups: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Count the right and wrong decisions about the queries of each group.

    Parameters
    ----------
    y : array-like of shape (n_queries,)
        Labels: 1 for queries that were used, 0 for queries that were not.
    used : array-like of shape (n_queries,), bool
        Decisions: whether each query is called used.
    groups : array-like of shape (n_queries,), default=None
        Group of each query, its patient for example. None makes each query its own group.

    Returns
    -------
    ndarray of shape (n_groups, 4)
        Numbers of true negatives, false positives, false negatives and true positives.
    """
    members = check_members(y, used, groups)
    numbers = check_groups(groups, len(members))
    counts = np.zeros((int(numbers.max()) + 1, 4))
    np.add.at(counts, (numbers, 2 * members + np.asarray(used, dtype=np.intp)), 1)
    return counts


def _ratio(part: Counts, whole: Counts, otherwise: float) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(np.shape(whole), otherwise), where=whole > 0)


def _kappa(tn: Counts, fp: Counts, fn: Counts, tp: Counts) -> NDArray[np.float64]:
    n = tn + fp + fn + tp
    by_chance = ((tn + fp) * (tn + fn) + (fn + tp) * (fp + tp)) / n
    return _ratio(tn + tp - by_chance, n - by_chance, np.nan)


#: Functions of the four counts of `confusion_counts`, each of shape (...). As in scikit-learn,
#: precision is 0 where nothing is called used.
DECISION_METRICS: dict[str, Callable[[Counts, Counts, Counts, Counts], NDArray[np.float64]]] = {
    "accuracy": lambda tn, fp, fn, tp: (tn + tp) / (tn + fp + fn + tp),
    "precision": lambda tn, fp, fn, tp: _ratio(tp, fp + tp, 0.0),
    "recall": lambda tn, fp, fn, tp: _ratio(tp, fn + tp, np.nan),
    "specificity": lambda tn, fp, fn, tp: _ratio(tn, tn + fp, np.nan),
    "F1": lambda tn, fp, fn, tp: _ratio(2 * tp, 2 * tp + fp + fn, 0.0),
    "kappa": _kappa,
    "balanced accuracy": lambda tn, fp, fn, tp: (
        (_ratio(tp, fn + tp, np.nan) + _ratio(tn, tn + fp, np.nan)) / 2
    ),
}


def balanced_accuracy(y: ArrayLike, used: ArrayLike, groups: ArrayLike | None = None) -> float:
    """Mean share of right decisions, with the same weight for each class and each group in it.

    An attack that gives the same answer for every image has 1/2, however many images the
    patients of each class have; its accuracy would grow with the images of the larger class.

    Parameters
    ----------
    y : array-like of shape (n_queries,)
        Labels: 1 for queries that were used, 0 for queries that were not.
    used : array-like of shape (n_queries,), bool
        Decisions: whether each query is called used.
    groups : array-like of shape (n_queries,), default=None
        Group of each query, its patient for example. A group with both labels counts in
        both classes.

    Returns
    -------
    float
        Mean of the recall and the specificity, from 0 to 1.
    """
    tn, fp, fn, tp = confusion_counts(y, used, groups).T
    recall, specificity = _ratio(tp, fn + tp, np.nan), _ratio(tn, tn + fp, np.nan)
    return float(np.nanmean(recall) + np.nanmean(specificity)) / 2


def group_weights(shares: NDArray[np.float64], n_resamples: int, seed: int) -> NDArray[np.float64]:
    """Draw how often each group is in a bootstrap resample.

    Parameters
    ----------
    shares : ndarray of shape (n_groups,)
        Share of used queries in each group. Groups of each class are drawn separately, so that
        each class keeps its number, unless a group has both labels.
    n_resamples : int
        Number of resamples.
    seed : int
        Seed of the resamples.

    Returns
    -------
    ndarray of shape (n_resamples, n_groups)
    """
    strata = np.zeros(len(shares)) if ((shares > 0) & (shares < 1)).any() else shares
    rng = np.random.default_rng(seed)
    weights = np.empty((n_resamples, len(shares)))
    for stratum in np.unique(strata):
        own = np.flatnonzero(strata == stratum)
        weights[:, own] = rng.multinomial(len(own), np.full(len(own), 1 / len(own)), n_resamples)
    return weights


def bootstrap_decisions(
    metric: str,
    counts: NDArray[np.float64],
    *,
    n_resamples: int,
    confidence: float,
    seed: int,
) -> tuple[float, float]:
    """Percentile bootstrap interval of a figure of merit over queries, or over whole groups.

    The decisions are taken as given: the interval leaves out how other training queries
    would have changed them. Near the end of a figure's range it is too narrow.

    Parameters
    ----------
    metric : str
        Name of the figure, a key of `DECISION_METRICS`.
    counts : ndarray of shape (n_repeats, n_groups, 4)
        Counts as from `confusion_counts`; the figure is averaged over the repeats.
    n_resamples : int
        Number of resamples, see `group_weights`.
    confidence : float
        Two-sided confidence level.
    seed : int
        Seed of the resamples.

    Returns
    -------
    low, high : float
        Quantiles over the resamples in which the figure is not NaN. Both are NaN if the
        figure is NaN in more than ``1 - confidence`` of the resamples, or the same in all.

    References
    ----------
    B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.
    """
    margin = (1 - check_share(confidence, "confidence")) / 2
    sizes = counts[0].reshape(-1, 2, 2).sum(axis=2)
    weights = group_weights(sizes[:, 1] / sizes.sum(axis=1), n_resamples, seed)
    resampled = np.einsum("su,ruc->src", weights, counts, optimize=True)
    values = DECISION_METRICS[metric](*np.moveaxis(resampled, 2, 0)).mean(axis=1)
    defined = values[~np.isnan(values)]
    if len(defined) < confidence * n_resamples or np.ptp(defined) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [margin, 1 - margin])
    return float(low), float(high)
