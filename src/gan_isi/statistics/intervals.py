"""Confidence intervals of proportions, and the helpers that all intervals share."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, t
from sklearn.utils.validation import column_or_1d

from .arguments import check_groups, check_scores, check_share


def proportion_interval(
    outcomes: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    null: ArrayLike | None = None,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Wilson's score interval of a proportion whose trials may depend on each other.

    Decisions about the images of one patient tend to be right or wrong together: n of them
    are worth ``n / d`` independent ones. The design effect d is estimated from the variation
    between patients and is at least 1; Student's quantile for the number of groups replaces
    the normal one. Without any variation (no or only successes) every group counts as one
    trial. The decisions of an attack that learns also depend on each other because its folds
    share training queries, so d is at least the variance of the proportion with permuted
    labels, divided by the variance of independent trials.

    Parameters
    ----------
    outcomes : array-like of shape (n_queries,)
        Outcome of each trial, 0 or 1.
    groups : array-like of shape (n_queries,), default=None
        Group of each query, its patient for example. None makes each query its own group.
    null : array-like of shape (n_permutations,), default=None
        Proportion in each refit with permuted labels. With None the interval is for given
        decisions.
    confidence : float, default=0.95
        Two-sided confidence level.

    Returns
    -------
    low, high : float
        The proportions p with ``|mean - p| = z sqrt(d p (1 - p) / n)``. The lower bound is
        exactly 0 without successes, the upper one exactly 1 without failures.

    Raises
    ------
    ValueError
        If an outcome is neither 0 nor 1, or if all queries are in one group.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical
    inference", Journal of the American Statistical Association 22 (1927) 209-212;
    E. L. Korn and B. I. Graubard, "Confidence intervals for proportions with small
    expected number of positive counts estimated from survey data", Survey Methodology
    24 (1998) 193-201; compared in N. Dean and M. Pagano, Journal of Survey Statistics
    and Methodology 3 (2015) 484-503.

    Examples
    --------
    >>> low, high = proportion_interval([1] * 107 + [0] * 93)  # the paper's accuracy
    >>> print(f"{low:.3f} to {high:.3f}")
    0.466 to 0.603
    """
    right = column_or_1d(outcomes)
    if len(right) == 0 or not np.isin(right, (0, 1)).all():
        raise ValueError(
            f"outcomes has to hold at least one value, each 0 or 1; got {right[:5]!r}."
        )
    share, n = float(np.mean(right)), len(right)
    numbers = check_groups(groups, n)
    n_groups = int(numbers.max()) + 1
    quantile = two_sided_quantile(confidence, fewest(None if n_groups == n else n_groups - 1, null))
    effect = max(_null_effect(null, n), design_effect((right - share) / n, numbers, n_groups))
    n_effective = n / effect
    centre = share + quantile**2 / (2 * n_effective)
    half = quantile * np.sqrt(
        share * (1 - share) / n_effective + quantile**2 / (4 * n_effective**2)
    )
    scale = 1 + quantile**2 / n_effective
    # The ends are exactly 0 and 1, whatever rounding does.
    low = 0.0 if share == 0 else float((centre - half) / scale)
    return low, 1.0 if share == 1 else float((centre + half) / scale)


def _null_effect(null: ArrayLike | None, n: int) -> float:
    """Divide the variance of proportions with permuted labels by that of n independent trials."""
    values = np.empty(0) if null is None else check_scores(null, "null")
    if not len(values) or not 0 < (mean := float(values.mean())) < 1:
        return 1.0
    return float(values.var(ddof=1 if len(values) > 1 else 0)) / (mean * (1 - mean) / n)


def fewest(freedom: int | None, *nulls: ArrayLike | None) -> int | None:
    """Return the smallest number of degrees of freedom that a variance rests on.

    Parameters
    ----------
    freedom : int or None
        Degrees of freedom of the design effect, or None where there is no such effect.
    *nulls : array-like or None
        Statistics with permuted labels, each worth one degree. Empty arrays are ignored.

    Returns
    -------
    int or None
        The smallest number, or None if nothing was estimated.
    """
    known = [n for null in nulls if null is not None and (n := len(np.asarray(null)))]
    return min(known if freedom is None else [freedom, *known], default=None)


def two_sided_quantile(confidence: float, freedom: int | None) -> float:
    """Return the normal quantile, or Student's with so many degrees of freedom."""
    level = (1 + check_share(confidence, "confidence")) / 2
    if freedom is None:
        return float(norm.ppf(level))
    if freedom < 1:
        raise ValueError("An interval needs queries of at least two groups; got one group.")
    return float(t.ppf(level, freedom))


def design_effect(
    influence: NDArray[np.float64], groups: NDArray[np.intp], n_independent: int
) -> float:
    """Factor by which the variance of a mean grows because its terms come in groups.

    Parameters
    ----------
    influence : ndarray of shape (n_queries,)
        Influence of each query on the statistic; the sum is 0.
    groups : ndarray of shape (n_queries,), int
        Number of each query's group, from 0.
    n_independent : int
        Number k of groups that the variance is estimated from; it is corrected by
        k / (k - 1).

    Returns
    -------
    float
        Sum over the groups of the squared sums, divided by the sum of squares, and at
        least 1. If no query has any influence, the factor is that of queries which are all
        the same within their groups: the sum of the squared group sizes divided by the
        number of queries.
    """
    sizes = np.bincount(groups)
    if len(sizes) == len(groups):
        return 1.0
    if not influence.any():
        return float((sizes**2).sum() / len(groups))
    sums = np.bincount(groups, weights=influence)
    correction = n_independent / (n_independent - 1)
    return max(1.0, float(correction * (sums**2).sum() / (influence**2).sum()))
