"""The few queries that stand out, whatever the many look like."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta

from ._intervals import proportion_interval
from ._validation import check_groups, check_members, check_scores, check_share

#: Share of the non-members that may score higher, in `tail_recall`.
_TAIL = 0.1


def tail_recall(y: ArrayLike, scores: ArrayLike, folds: ArrayLike | None = None) -> float:
    """Mean share of the members found at the false positive rates below one tenth.

    A generator may repeat a few patients and none else: then nearly all of the ROC curve
    is that of chance, and the AUC shows nothing. This is the partial area at its steep
    end, divided by its width.

    Parameters
    ----------
    y : array-like of shape (n_queries,)
        1 for members, 0 for non-members.
    scores : array-like of shape (n_queries,)
        Larger for members.
    folds : array-like of shape (n_queries,), default=None
        In which fold each query was held out; each is compared within its own.

    Returns
    -------
    float
        With n non-members in a fold, the mean over k = 1..max(1, n / 10) of the share of
        members above the k-th highest of them; ties count one half. Folds count by
        their members; those without non-members do not count.

    Raises
    ------
    ValueError
        If no fold holds both a member and a non-member, or a score is NaN.

    References
    ----------
    D. K. McClish, "Analyzing a portion of the ROC curve", Medical Decision Making 9
    (1989) 190-195.

    Examples
    --------
    >>> tail_recall([0, 0, 0, 1, 1, 1, 1], [1, 2, 3, 1.5, 2.5, 3, 4])
    0.375
    """
    members, values = check_members(y, scores, folds), check_scores(scores)
    blocks = check_groups(np.zeros(len(values)) if folds is None else folds, len(values))
    found, n_members = 0.0, 0
    for block in range(int(blocks.max()) + 1):
        own, others = values[members & (blocks == block)], values[~members & (blocks == block)]
        if not len(own) or not len(others):
            continue
        highest = np.sort(others)[::-1][: max(1, int(_TAIL * len(others) + 1e-9))]
        above = (own[:, None] > highest) + (own[:, None] == highest) / 2
        found += above.mean(axis=1).sum()
        n_members += len(own)
    if not n_members:
        raise ValueError("No fold holds a member and a non-member.")
    return float(found / n_members)


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
    0.23
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
