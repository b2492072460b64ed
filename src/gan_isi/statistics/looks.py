"""Exact tests of labels against scores that know no label, and levels of repeated tests."""

import numpy as np
import scipy
from numpy.lib import NumpyVersion
from numpy.typing import ArrayLike, NDArray
from scipy.stats import hypergeom, mannwhitneyu

from .arguments import check_groups, check_members, check_scores, check_share

#: Pairs of patients up to which the distribution is exact: half a second for 300 and 300 of them,
#: and before SciPy 1.14 gigabytes, but 53 MB for 60 and 60. Beyond that the normal one with a
#: continuity correction is above it in the tail.
_EXACT = 100_000 if NumpyVersion(scipy.__version__) >= "1.14.0" else 3_600

#: The highest scores: this share of the patients, and at least so many.
_TOP, _FEWEST = 0.1, 5


def rank_p_values(
    y: ArrayLike, scores: ArrayLike, groups: ArrayLike | None = None
) -> tuple[float, float]:
    """P-values of scores that depend on no label, for the alternative that used ones are larger.

    If it says nothing of a patient's scores whether the patient was used, all orders of the labels
    over the patients are as probable. The first p-value is that of Mann and Whitney's statistic
    among all orders; the second that of the number of used patients among the highest tenth of the
    scores (and at least five), which sees a few copies that the first would miss.

    Parameters
    ----------
    y : array-like of shape (n_queries,)
        Labels: 1 for queries that were used, 0 for queries that were not.
    scores : array-like of shape (n_queries,)
        Scores, larger for queries that were used.
    groups : array-like of shape (n_queries,), default=None
        Group of each query, its patient for example, all of whose queries have one label. A
        patient has the mean of its scores.

    Returns
    -------
    of_all, of_highest : float
        Each is at most a with probability at most a. Of tied scores those of patients not used
        count as the higher ones.

    Raises
    ------
    ValueError
        If a score is NaN, there is one class only, or a group has both labels.
    """
    members, values = check_members(y, scores, groups), check_scores(scores)
    numbers = check_groups(groups, len(values))
    sizes = np.bincount(numbers)
    shares = np.bincount(numbers, members) / sizes
    if ((shares > 0) & (shares < 1)).any():
        raise ValueError(
            f"{((shares > 0) & (shares < 1)).sum()} groups have used queries and others; a patient "
            "is used or not used as a whole here. Leave the others of these patients out."
        )
    used = shares == 1
    n_used, n = int(used.sum()), len(used)
    if not 0 < n_used < n:
        raise ValueError(f"Both classes are needed; got {n_used} used patients of {n}.")
    order = np.lexsort((~used, np.bincount(numbers, values) / sizes))
    ranks = np.argsort(order)
    exact = n_used * (n - n_used) <= _EXACT
    of_all = mannwhitneyu(
        ranks[used], ranks[~used], alternative="greater", method="exact" if exact else "asymptotic"
    ).pvalue
    n_top = min(n, max(_FEWEST, round(_TOP * n)))
    found = int(used[order[-n_top:]].sum())
    return float(of_all), float(hypergeom.sf(found - 1, n, n_used, n_top))


def level_of_look(alpha: float, look: int, n_looks: int | None = None) -> float:
    """Level of one of several tests, such that any of them rejects with probability `alpha`.

    Parameters
    ----------
    alpha : float
        Probability of one false rejection or more, over all tests.
    look : int
        Number of the test, from 1.
    n_looks : int, default=None
        Number of all tests: each has an equal part (Bonferroni's). With None their number is
        open, and test k has the part 6 / (pi k)^2.

    Returns
    -------
    float
        The levels add up to at most `alpha`. So the probability that any test rejects is at most
        that, however the tests depend on each other. It is 0 after the last of `n_looks`.

    Examples
    --------
    >>> level_of_look(0.05, 3, n_looks=10)
    0.005
    >>> round(sum(level_of_look(0.05, k) for k in range(1, 10_000)), 4)
    0.05
    """
    alpha = check_share(alpha, "alpha")
    if n_looks is not None:
        return alpha / n_looks if look <= n_looks else 0.0
    return float(alpha * 6 / (np.pi * look) ** 2)


def smallest_p_value(used: NDArray[np.bool_]) -> float:
    """Return the smallest first p-value of `rank_p_values` of so many patients."""
    n_used = int(used.sum())
    return float(hypergeom.pmf(n_used, len(used), n_used, n_used))
