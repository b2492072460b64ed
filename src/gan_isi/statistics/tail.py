"""Statistics of the few queries with the highest scores."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta

from .arguments import check_groups, check_members, check_scores, check_share
from .intervals import proportion_interval

#: `tail_excess` looks at the highest scores: from this number of them to this share.
_FEWEST, _TAIL = 5, 0.2


def tail_excess(y: ArrayLike, scores: ArrayLike, folds: ArrayLike | None = None) -> float:
    """Excess of used queries among the highest scores, in standard deviations.

    A generator may copy a few patients and no others. Then nearly all of the ROC curve
    is that of chance, and the AUC shows nothing.

    Parameters
    ----------
    y : array-like of shape (n_queries,)
        Labels: 1 for queries that were used, 0 for queries that were not.
    scores : array-like of shape (n_queries,)
        Scores of the attack, larger for queries that were used.
    folds : array-like of shape (n_queries,), default=None
        Fold in which each query was held out. The scores of each fold are put on one scale
        by their median and the median distance from it.

    Returns
    -------
    float
        With c used queries among the k highest scores and a share p of used queries among
        all, the largest ``(c - k p) / sqrt(k p (1 - p))`` for k from 5 to a fifth of the
        queries. Tied scores are counted together. Permuted labels show which values are
        large.

    Raises
    ------
    ValueError
        If there is only one class, or if a score is NaN.

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
        raise ValueError(
            f"tail_excess needs both classes in y; got {members.sum()} used queries of "
            f"{len(members)}."
        )
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
    # If all of these scores are tied, none of them stands out.
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
    """Share of used images above the threshold whose false positive rate is `max_fpr`.

    The share of *all* not used images that exceed the k-th highest of n sampled ones has the
    distribution Beta(k, n + 1 - k), with mean k / (n + 1), so the uncertainty of a threshold
    is known exactly. The lower bound is that of the true positive rate at a threshold that is
    almost surely above the right one, the upper bound that at a threshold almost surely below
    it. An interval that takes the threshold as known is too narrow.

    Parameters
    ----------
    y : array-like of shape (n_queries,)
        Labels: 1 for queries that were used, 0 for queries that were not.
    scores : array-like of shape (n_queries,)
        Scores of the attack on one scale, larger for queries that were used.
    max_fpr : float
        False positive rate a, between 0 and 1.
    groups : array-like of shape (n_queries,), default=None
        Group of each query, its patient for example; n is then the number of groups.
    confidence : float, default=0.95
        Two-sided confidence level, held exactly or exceeded for given scores without
        groups. The rate and the threshold have half of the error probability each.

    Returns
    -------
    Recall
        Named tuple (value, low, high). All are NaN where (n + 1) a is below 1; the lower
        bound is 0 where no threshold is almost surely high enough.

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
    # A rank among patients becomes a rank among images.
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
    """Return bounds of a share, each missed with probability level / 2; exact without groups."""
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
    """Lower bound of the share of used images that the scores tell from not used ones.

    If a share r of the used images can be recognised, and the rest have scores like images
    that were not used, then TPR <= r + (1 - r) FPR at every threshold, so that
    r >= (TPR - FPR) / (1 - FPR).

    Parameters
    ----------
    y : array-like of shape (n_queries,)
        Labels: 1 for queries that were used, 0 for queries that were not.
    scores : array-like of shape (n_queries,)
        Scores of the attack on one scale, larger for queries that were used.
    groups : array-like of shape (n_queries,), default=None
        Group of each query, its patient for example. A group counts once, with the mean of
        its scores; a group with both labels counts as two.
    confidence : float, default=0.95
        One-sided confidence level, for given scores.

    Returns
    -------
    float
        The largest r over thresholds at the 1st, 4th, 16th ... highest score of the not used
        queries, and at least 0. Each r is computed from an exact lower bound of the TPR
        (Clopper and Pearson's) and an exact upper bound of the FPR (Beta(k, n + 1 - k), see
        :func:`recall_at_fpr`), each with the error probability (1 - confidence) / 2 divided
        by the number of thresholds.

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
    is_used = np.bincount(units, members) > 0
    own, others = means[is_used], np.sort(means[~is_used])[::-1]
    n = len(others)
    ranks = 4 ** np.arange(int(np.log2(n) / 2) + 1)
    level = (1 - check_share(confidence, "confidence")) / (2 * len(ranks))
    above = (own[:, None] > others[ranks - 1]).sum(axis=0)
    fpr = beta.isf(level, ranks, n + 1 - ranks)
    tpr = np.where(above > 0, beta.ppf(level, np.maximum(above, 1), len(own) - above + 1), 0.0)
    return max(0.0, float(np.max((tpr - fpr) / (1 - fpr))))
