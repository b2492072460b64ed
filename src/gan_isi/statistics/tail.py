"""The few queries that stand out, whatever the many look like."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta

from .arguments import check_groups, check_members, check_scores, check_share
from .intervals import proportion_interval

#: The highest scores that `tail_excess` looks at: from so many to such a share.
_FEWEST, _TAIL = 5, 0.2


def tail_excess(y: ArrayLike, scores: ArrayLike, folds: ArrayLike | None = None) -> float:
    """By how much members are too many among the highest scores.

    A generator may repeat a few patients and none else: then nearly all of the ROC curve
    is that of chance, and the AUC shows nothing.

    Parameters
    ----------
    y : array-like of shape (n_queries,)
        1 for members, 0 for non-members.
    scores : array-like of shape (n_queries,)
        Larger for members.
    folds : array-like of shape (n_queries,), default=None
        In which fold each query was held out. Each fold's scores are put on one scale by
        their median and the median distance from it.

    Returns
    -------
    float
        With c members among the k highest scores and a share p of members among all, the
        largest ``(c - k p) / sqrt(k p (1 - p))`` for k from 5 to a fifth of the queries;
        tied scores are counted together. What is large is for permutations to say.

    Raises
    ------
    ValueError
        If there is one class only, or a score is NaN.

    References
    ----------
    D. Donoho and J. Jin, "Higher criticism for detecting sparse heterogeneous mixtures",
    Annals of Statistics 32 (2004) 962-994.

    Examples
    --------
    >>> tail_excess([0] * 10 + [1] * 10, [*range(10), *[0] * 5, 20, 21, 22, 23, 24])
    2.23606797749979
    """
    members, values = check_members(y, scores, folds), check_scores(scores)
    share = members.mean()
    if not 0 < share < 1:
        raise ValueError(f"The tail needs members and non-members; got {members.sum()} members.")
    blocks = check_groups(np.zeros(len(values)) if folds is None else folds, len(values))
    scaled = np.clip(values, -1e100, 1e100)  # infinite ones have no scale
    for block in range(int(blocks.max()) + 1):
        own = blocks == block
        centred = scaled[own] - np.median(scaled[own])
        spread = np.median(np.abs(centred)) or np.abs(centred).mean() or 1.0
        scaled[own] = centred / spread
    order = np.argsort(-scaled, kind="stable")
    k = np.arange(1, len(values) + 1)
    excess = (np.cumsum(members[order]) - k * share) / np.sqrt(k * share * (1 - share))
    last_of_ties = np.append(np.diff(scaled[order]) < 0, True)
    looked_at = last_of_ties & (k >= _FEWEST) & (k <= max(_FEWEST, _TAIL * len(k)))
    # Where all of them are tied, nothing stands out.
    return float(excess[looked_at].max(initial=0.0 if not looked_at.any() else -np.inf))


class Recall(NamedTuple):
    """A true positive rate at a false positive rate, with its bounds."""

    value: float
    low: float
    high: float


def recall_at_fpr(
    y: ArrayLike,
    scores: ArrayLike,
    max_fpr: float,
    groups: ArrayLike | None = None,
    *,
    confidence: float = 0.95,
) -> Recall:
    """Share of members found where a share `max_fpr` of all non-members would be accused.

    The k-th highest of n non-members is exceeded by a share of *all* non-members that has
    the distribution Beta(k, n + 1 - k), of mean k / (n + 1): what they are worth as a
    threshold is known exactly. The lower bound takes the threshold that is surely above
    the wanted one, the upper bound one that is surely below, and each the bound of the
    members' share; a plug-in that takes the threshold for known is too narrow.

    Parameters
    ----------
    y : array-like of shape (n_queries,)
        1 for members, 0 for non-members.
    scores : array-like of shape (n_queries,)
        Larger for members, on one scale.
    max_fpr : float
        False positive rate a.
    groups : array-like of shape (n_queries,), default=None
        Patients, say: n is then their number, and thresholds are their quantiles.
    confidence : float, default=0.95
        At least this share of such intervals hold the truth, for given scores without
        groups: half of the rest is left to the threshold, half to the members' share.

    Returns
    -------
    Recall
        NaN where (n + 1) a is below 1; the lower bound is 0 where no threshold is surely
        high enough.

    References
    ----------
    H. A. David and H. N. Nagaraja, "Order Statistics" (2003), section 2.3 (their
    coverage); C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404-413.
    """
    members, values = check_members(y, scores, groups), check_scores(scores)
    numbers = check_groups(groups, len(values))
    check_share(max_fpr, "max_fpr")
    level = (1 - check_share(confidence, "confidence")) / 4
    others = np.sort(values[~members])[::-1]
    n_units = len(np.unique(numbers[~members]))
    # Ranks among patients become ranks among images.
    rank = int(max_fpr * (n_units + 1) + 1e-9) * len(others) // n_units
    if rank < 1:
        return Recall(np.nan, np.nan, np.nan)
    ranks = np.arange(1, n_units + 1)
    share = beta(ranks, n_units + 1 - ranks)
    surely_above = np.flatnonzero(share.sf(max_fpr) <= level)
    surely_below = np.flatnonzero(share.cdf(max_fpr) <= level)
    own, own_groups = values[members], None if groups is None else numbers[members]

    def bounds(unit_rank: int) -> tuple[float, float]:
        above = own > others[max(0, unit_rank * len(others) // n_units - 1)]
        return _share_bounds(above, own_groups, 2 * level)

    low = bounds(int(ranks[surely_above[-1]]))[0] if len(surely_above) else 0.0
    high = bounds(int(ranks[surely_below[0]]))[1] if len(surely_below) else 1.0
    return Recall(float(np.mean(own > others[rank - 1])), low, high)


def _share_bounds(
    found: NDArray[np.bool_], groups: NDArray[np.intp] | None, level: float
) -> tuple[float, float]:
    """Bounds of a share, each missed with probability level / 2: exact without groups."""
    if groups is not None and len(np.unique(groups)) < len(groups):
        if len(np.unique(groups)) < 2:
            return 0.0, 1.0
        return proportion_interval(found, groups, confidence=1 - level)
    k, n = int(found.sum()), len(found)
    low = float(beta.ppf(level / 2, k, n - k + 1)) if k else 0.0
    return low, float(beta.isf(level / 2, k + 1, n - k)) if k < n else 1.0


def recognisable_share(
    y: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    confidence: float = 0.95,
) -> float:
    """Lower bound of the share of members that can be told from non-members.

    If a share r of the members is told at all, and the rest score like non-members, then
    at every threshold TPR <= r + (1 - r) FPR, so that r >= (TPR - FPR) / (1 - FPR).

    Parameters
    ----------
    y : array-like of shape (n_queries,)
        1 for members, 0 for non-members.
    scores : array-like of shape (n_queries,)
        Larger for members, on one scale.
    groups : array-like of shape (n_queries,), default=None
        Patients, say: each then counts once, with the mean of its scores. One with both
        labels counts as two.
    confidence : float, default=0.95
        At least this share of such bounds holds, for given scores.

    Returns
    -------
    float
        The largest over the thresholds at the 1st, 4th, 16th ... highest non-member
        of the exact lower bound of TPR (Clopper and Pearson's) and upper bound of FPR
        (Beta(k, n + 1 - k), see :func:`recall_at_fpr`), each missed with a share
        (1 - confidence) / 2 over the number of thresholds; 0 if none is positive.

    Examples
    --------
    >>> y = [0] * 50 + [1] * 50
    >>> round(recognisable_share(y, [0] * 50 + [0] * 25 + [1] * 25), 2)
    0.26
    """
    members, values = check_members(y, scores, groups), check_scores(scores)
    _, units = np.unique(
        np.column_stack([check_groups(groups, len(values)), members]), axis=0, return_inverse=True
    )
    units = units.ravel()
    sizes = np.bincount(units)
    means = np.bincount(units, values) / sizes
    is_member = np.bincount(units, members) > 0
    own, others = means[is_member], np.sort(means[~is_member])[::-1]
    n = len(others)
    ranks = 4 ** np.arange(int(np.log2(n) / 2) + 1)
    level = (1 - check_share(confidence, "confidence")) / (2 * len(ranks))
    above = (own[:, None] > others[ranks - 1]).sum(axis=0)
    fpr = beta.isf(level, ranks, n + 1 - ranks)
    tpr = np.where(above > 0, beta.ppf(level, np.maximum(above, 1), len(own) - above + 1), 0.0)
    return max(0.0, float(np.max((tpr - fpr) / (1 - fpr))))
