"""Confidence intervals of proportions, and of any statistic by the bootstrap."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, t
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, column_or_1d

from ._validation import check_groups, check_share


def wilson_interval(
    successes: ArrayLike, n: ArrayLike, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson's score interval of a proportion of independent trials.

    Parameters
    ----------
    successes : int or array-like of shape (...)
        Number of successes.
    n : int or array-like of shape (...)
        Number of trials, at least 1.
    confidence : float, default=0.95
        Two-sided confidence level.

    Returns
    -------
    low, high : ndarray of shape (...)
        Bounds; 0-dimensional for numbers. They are the proportions p with
        ``|successes / n - p| = z sqrt(p (1 - p) / n)``.

    Raises
    ------
    ValueError
        Unless ``0 <= successes <= n`` and ``n >= 1``.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical
    inference", Journal of the American Statistical Association 22 (1927) 209-212.

    Examples
    --------
    >>> low, high = wilson_interval(107, 200)  # the paper's accuracy, 0.535
    >>> print(f"{low:.3f} to {high:.3f}")
    0.466 to 0.603
    """
    successes, n = np.asarray(successes, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if not ((n >= 1) & (successes >= 0) & (successes <= n)).all():
        raise ValueError(
            "A proportion needs at least 1 trial and as many successes as trials at most; "
            f"got {successes!s} successes in {n!s} trials."
        )
    return _wilson(successes / n, n, two_sided_quantile(confidence, None))


def proportion_interval(
    outcomes: ArrayLike, groups: ArrayLike | None = None, confidence: float = 0.95
) -> tuple[float, float]:
    """Wilson's interval of a proportion whose trials may come in groups.

    Images of one patient tend to be right or wrong together: n of them are worth
    ``n / d`` independent ones. The design effect d is estimated from the patients'
    own variation, and is never taken below 1; Student's quantile for the number of
    groups replaces the normal one. Without any variation (0 or all successes) every
    group counts as one trial.

    Parameters
    ----------
    outcomes : array-like of shape (n_queries,)
        0 or 1.
    groups : array-like of shape (n_queries,), default=None
        Patients, say. None, or each query its own: :func:`wilson_interval`.
    confidence : float, default=0.95
        Two-sided confidence level.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        If there are outcomes other than 0 and 1, or queries of one group only.

    References
    ----------
    E. L. Korn and B. I. Graubard, "Confidence intervals for proportions with small
    expected number of positive counts estimated from survey data", Survey Methodology
    24 (1998) 193-201; compared in N. Dean and M. Pagano, Journal of Survey Statistics
    and Methodology 3 (2015) 484-503.

    Examples
    --------
    >>> low, high = proportion_interval([1, 1, 0, 1, 1, 1], groups=[0, 0, 1, 2, 2, 3])
    >>> print(f"{low:.2f} to {high:.2f}")
    0.20 to 0.99
    """
    right = column_or_1d(outcomes)
    if len(right) == 0 or not np.isin(right, (0, 1)).all():
        raise ValueError(f"outcomes have to be 0 or 1, at least one; got {right[:5]!r}.")
    share, n = float(np.mean(right)), len(right)
    numbers = check_groups(groups, n)
    n_groups = int(numbers.max()) + 1
    quantile = two_sided_quantile(confidence, None if n_groups == n else n_groups - 1)
    effect = design_effect((right - share) / n, numbers, n_groups)
    low, high = _wilson(np.asarray(share), np.asarray(n / effect), quantile)
    return float(low), float(high)


def _wilson(
    share: NDArray[np.float64], n: NDArray[np.float64], quantile: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    centre = share + quantile**2 / (2 * n)
    half = quantile * np.sqrt(share * (1 - share) / n + quantile**2 / (4 * n**2))
    scale = 1 + quantile**2 / n
    # Exactly 0 and 1 at the ends, whatever rounding does.
    low = np.where(share == 0, 0.0, (centre - half) / scale)
    return low, np.where(share == 1, 1.0, (centre + half) / scale)


def two_sided_quantile(confidence: float, freedom: int | None) -> float:
    """Return the normal quantile, or Student's with so many degrees of freedom."""
    level = (1 + check_share(confidence, "confidence")) / 2
    if freedom is None:
        return float(norm.ppf(level))
    if freedom < 1:
        raise ValueError("An interval can't be told from the queries of one group.")
    return float(t.ppf(level, freedom))


def design_effect(
    influence: NDArray[np.float64], groups: NDArray[np.intp], n_independent: int
) -> float:
    """By how much the variance of a mean grows as its terms come in groups.

    Parameters
    ----------
    influence : ndarray of shape (n_queries,)
        What each query adds to the statistic; the sum is 0.
    groups : ndarray of shape (n_queries,), int
        Number of its group, from 0.
    n_independent : int
        Number of groups k that the variance is estimated from: corrected by k / (k - 1).

    Returns
    -------
    float
        Sum over the groups of squared sums, divided by the sum of squares, and at
        least 1. If no query has any influence, that of queries that are all alike
        within their groups: sum of the squared group sizes over the number of queries.
    """
    sizes = np.bincount(groups)
    if len(sizes) == len(groups):
        return 1.0
    if not influence.any():
        return float((sizes**2).sum() / len(groups))
    sums = np.bincount(groups, weights=influence)
    correction = n_independent / (n_independent - 1)
    return max(1.0, float(correction * (sums**2).sum() / (influence**2).sum()))


def bootstrap_interval(
    statistic: Callable[..., float],
    arrays: Sequence[ArrayLike],
    *,
    groups: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    n_resamples: int = 2000,
    confidence: float = 0.95,
    random_state: Any = None,
) -> tuple[float, float]:
    """Percentile bootstrap over queries, or over whole groups of them.

    Resample queries, never pairs of a query and a generated image: pairs of one query
    are no independent evidence. The interval is that of the attacks as they were
    fitted; it knows nothing of how other training images would have changed them.

    Near the end of a statistic's range the bootstrap is too narrow, and where no
    resample differs from another (everything right) it has no width and knows nothing:
    that gives NaN. Use :func:`proportion_interval` for proportions and
    :func:`auc_interval` for the AUC, which have their own. In simulations the 95 %
    percentile interval of an AUC held the truth in 94 % of samples at AUC 0.5 with 20
    queries of each class, but in 87 % at 0.95 and in 85 % at 0.99 with 50 of each; over
    20 patients in 93 %.

    Parameters
    ----------
    statistic : callable
        Gets the resampled arrays, returns a number.
    arrays : sequence of array-like of shape (n_queries, ...)
        Resampled together.
    groups : array-like of shape (n_queries,), default=None
        Patients, say: drawn as a whole.
    strata : array-like of shape (n_queries,), default=None
        Drawn separately, so that each keeps its number of queries (or groups): the
        labels, if the numbers of members and non-members were chosen. Ignored if a
        group lies in several.
    n_resamples : int, default=2000
        Number of resamples.
    confidence : float, default=0.95
        Two-sided confidence level.
    random_state : int, RandomState instance or None, default=None
        Draws the resamples.

    Returns
    -------
    low, high : float
        Quantiles of the resamples in which the statistic is not NaN. Both NaN if it is
        NaN in more than ``1 - confidence`` of them, or the same in all.

    Raises
    ------
    ValueError
        If the arrays differ in length, or there are none.

    References
    ----------
    B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.

    Examples
    --------
    >>> bounds = bootstrap_interval(np.mean, [np.arange(100.0)], random_state=0)
    >>> print("{:.0f} to {:.0f}".format(*bounds))
    44 to 55
    """
    samples = [np.asarray(array) for array in arrays]
    if not samples or n_resamples < 1:
        raise ValueError(
            f"A bootstrap needs an array and a resample at least; got {len(samples)} arrays and "
            f"n_resamples={n_resamples}."
        )
    check_consistent_length(*samples, groups, strata)
    margin = (1 - check_share(confidence, "confidence")) / 2
    numbers = check_groups(groups, len(samples[0]))
    of_units = _strata_of_units(numbers, strata)
    rng = check_random_state(random_state)
    values = np.array(
        [
            statistic(*(array[rows] for array in samples))
            for rows in _resampled_rows(numbers, of_units, n_resamples, rng)
        ],
        dtype=np.float64,
    )
    defined = values[~np.isnan(values)]
    if len(defined) < confidence * n_resamples or np.ptp(defined) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [margin, 1 - margin])
    return float(low), float(high)


def _strata_of_units(groups: NDArray[np.intp], strata: ArrayLike | None) -> NDArray[np.intp]:
    """Stratum of each group; one for all where a group lies in several."""
    n_groups = int(groups.max()) + 1
    if strata is None:
        return np.zeros(n_groups, dtype=np.intp)
    numbers = np.unique(column_or_1d(strata), return_inverse=True)[1]
    of_groups = np.empty(n_groups, dtype=np.intp)
    of_groups[groups] = numbers
    return of_groups if (of_groups[groups] == numbers).all() else np.zeros_like(of_groups)


def _resampled_rows(
    groups: NDArray[np.intp],
    strata: NDArray[np.intp],
    n_resamples: int,
    rng: np.random.RandomState,
) -> Iterator[NDArray[np.intp]]:
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    members = np.split(order, np.cumsum(sizes)[:-1])
    units = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    for _ in range(n_resamples):
        drawn = np.concatenate([unit[rng.randint(len(unit), size=len(unit))] for unit in units])
        if len(sizes) == len(groups):
            yield order[drawn]
        else:
            yield np.concatenate([members[group] for group in drawn])
