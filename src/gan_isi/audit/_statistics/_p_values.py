"""P-values: of an attack by permuted labels, of a query, and of a set of queries."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import permutation_test, rankdata
from sklearn.utils import check_random_state
from sklearn.utils.validation import column_or_1d

from ._validation import check_groups, check_members, check_scores


def permutation_p_value(
    observed: float, null: ArrayLike, alternative: Literal["greater", "less"] = "greater"
) -> float:
    """P-value of a statistic among those under permuted labels.

    Parameters
    ----------
    observed : float
        The statistic with the true labels.
    null : array-like of shape (n_permutations,)
        With permuted ones.
    alternative : {"greater", "less"}, default="greater"
        Which values speak against the null hypothesis.

    Returns
    -------
    float
        ``(1 + #{null >= observed}) / (1 + n_permutations)``. Never 0: the true labels
        are one of the permutations. Values that differ by rounding alone count as ties.

    Raises
    ------
    ValueError
        If a value is NaN, or `alternative` is unknown.

    References
    ----------
    B. Phipson and G. K. Smyth, "Permutation p-values should never be zero",
    Statistical Applications in Genetics and Molecular Biology 9 (2010) 39.

    Examples
    --------
    >>> permutation_p_value(0.8, [0.5, 0.4, 0.6])
    0.25
    """
    values = check_scores(null, "null")
    if np.isnan(observed):
        raise ValueError("The observed statistic is NaN.")
    if alternative not in ("greater", "less"):
        raise ValueError(f'alternative has to be "greater" or "less"; got {alternative!r}.')
    beyond = values > observed if alternative == "greater" else values < observed
    ties = np.isclose(values, observed, rtol=1e-12, atol=1e-12)
    return float((1 + (beyond | ties).sum()) / (1 + len(values)))


def permute_labels(
    y: ArrayLike, groups: ArrayLike | None = None, *, rng: np.random.Generator
) -> NDArray[Any]:
    """Draw labels that are as probable as `y` if membership means nothing.

    Without groups that is any order of the labels. With groups, whole patients were
    used or not, so patients exchange their labels as a whole. Those with one label only
    exchange it among themselves: the number of *patients* of each class stays, that of
    queries need not. That takes membership for independent of a patient's number of
    images. Patients with both labels exchange their rows of labels with others that
    have both and as many images.

    Parameters
    ----------
    y : array-like of shape (n_queries,)
        Labels.
    groups : array-like of shape (n_queries,), default=None
        Patients, say.
    rng : numpy.random.Generator
        Draws the permutation.

    Returns
    -------
    ndarray of shape (n_queries,)
        A new array.

    Raises
    ------
    ValueError
        If every permutation gives `y` again.

    References
    ----------
    P. Good, "Permutation, Parametric, and Bootstrap Tests of Hypotheses" (2005),
    on exchangeable units.

    Examples
    --------
    >>> rng = np.random.default_rng(3)
    >>> permute_labels([0, 0, 1, 1, 1], groups=["a", "a", "b", "b", "b"], rng=rng)
    array([1, 1, 0, 0, 0])
    """
    labels = column_or_1d(y)
    numbers = check_groups(groups, len(labels))
    order = np.argsort(numbers, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(numbers))[:-1])
    exchangeable: dict[int, list[NDArray[np.intp]]] = {}
    for patient in rows:
        pure = (labels[patient] == labels[patient[0]]).all()
        exchangeable.setdefault(0 if pure else len(patient), []).append(patient)
    permuted = labels.copy()
    differ = False
    for size, patients in exchangeable.items():
        # Patients with one label have it as their whole row, however long.
        own = np.array([labels[patient if size else patient[:1]] for patient in patients])
        differ = differ or bool((own != own[0]).any())
        for patient, row in zip(patients, own[rng.permutation(len(own))], strict=True):
            permuted[patient] = row
    if not differ:
        kind = "labels" if groups is None else f"labels of {len(rows)} groups"
        raise ValueError(
            f"The {len(labels)} {kind} can't be permuted: no two that may be exchanged differ. "
            "Groups exchange their labels if they have one label each, or as many queries."
        )
    return permuted


def conformal_p_values(scores: ArrayLike, null_scores: ArrayLike) -> NDArray[np.float64]:
    """P-value of each query for the hypothesis that it was not used.

    For a query that is exchangeable with the known non-members, P(p <= a) <= a for
    every a. That holds for one query at a time: among many, some p-values are small by
    chance, and those of one set of non-members are not independent. Images of
    one patient are not exchangeable with those of others unless each patient has one.

    Parameters
    ----------
    scores : array-like of shape (n_queries,)
        Larger for members.
    null_scores : array-like of shape (n_nonmembers,)
        Of known non-members, by the same fitted attack, which saw neither.

    Returns
    -------
    ndarray of shape (n_queries,)
        ``(1 + #{null_scores >= score}) / (1 + n_nonmembers)``.

    Raises
    ------
    ValueError
        If a score is NaN.

    References
    ----------
    V. Vovk, A. Gammerman and G. Shafer, "Algorithmic Learning in a Random World" (2005);
    S. Bates et al., "Testing for outliers with conformal p-values", Annals of
    Statistics 51 (2023) 149-178.

    Examples
    --------
    >>> conformal_p_values([0.9, 0.2], [0.1, 0.3, 0.5])
    array([0.25, 0.75])
    """
    values, null = check_scores(scores), np.sort(check_scores(null_scores, "null_scores"))
    at_least = len(null) - np.searchsorted(null, values, side="left")
    return np.asarray((1 + at_least) / (1 + len(null)), dtype=np.float64)


def cross_conformal_p_values(
    y: ArrayLike, scores: ArrayLike, folds: ArrayLike
) -> NDArray[np.float64]:
    """:func:`conformal_p_values` of out-of-fold scores, each within its own fold.

    A query is compared with the non-members that were held out together with it, so
    that one fitted attack scored them all and saw none of them. A non-member is not
    compared with itself.

    Parameters
    ----------
    y : array-like of shape (n_queries,)
        1 for members, 0 for non-members.
    scores : array-like of shape (n_queries,)
        Larger for members.
    folds : array-like of shape (n_queries,)
        In which fold each query was held out.

    Returns
    -------
    ndarray of shape (n_queries,)
        1 where there is no other non-member in the fold.

    Raises
    ------
    ValueError
        If a label is neither 0 nor 1, or a score is NaN.

    Examples
    --------
    >>> cross_conformal_p_values([1, 0, 0, 1], [4, 2, 3, 1], folds=[0, 0, 0, 0])
    array([0.33333333, 1.        , 0.5       , 1.        ])
    """
    members, values = check_members(y, scores, folds), check_scores(scores)
    numbers = check_groups(folds, len(values))
    p_values = np.empty(len(values))
    for fold in range(numbers.max() + 1):
        used, others = (np.flatnonzero((numbers == fold) & (members == own)) for own in (1, 0))
        p_values[used] = conformal_p_values(values[used], values[others])
        if len(others):
            # Compared with itself as well: take one off both counts.
            with_itself = conformal_p_values(values[others], values[others]) * (1 + len(others))
            p_values[others] = (with_itself - 1) / len(others)
    return p_values


def set_level_p_value(
    candidate_scores: ArrayLike,
    nonmember_scores: ArrayLike,
    statistic: Literal["mean", "auc"] = "auc",
    *,
    n_permutations: int = 9999,
    random_state: Any = None,
) -> float:
    """P-value for the hypothesis that no image of a set was used.

    Many weak scores can say together what none says alone. Candidates and known
    non-members are exchanged; all of them have to be independent (one image a patient,
    or one mean score a patient) and alike in everything but membership, such as scanner,
    site and time, or the test notices that instead.

    Parameters
    ----------
    candidate_scores : array-like of shape (n_candidates,)
        Larger for members.
    nonmember_scores : array-like of shape (n_nonmembers,)
        Of known non-members, by the same fitted attack, which saw neither.
    statistic : {"auc", "mean"}, default="auc"
        What is compared: ranks (the one-sided Mann-Whitney test, with any ties), or mean
        scores.
    n_permutations : int, default=9999
        If there are no more ways to choose the candidates among all, every one is
        counted, which is exact. Otherwise so many are drawn, and no p-value is below
        ``1 / (n_permutations + 1)``.
    random_state : int, RandomState instance or None, default=None
        Draws the permutations.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a set is empty, a score NaN or infinite, or `statistic` unknown.

    References
    ----------
    E. J. G. Pitman, "Significance tests which may be applied to samples from any
    populations", Journal of the Royal Statistical Society, Supplement 4 (1937) 119-130.

    Examples
    --------
    >>> set_level_p_value([4, 5, 6], [1, 2, 3])
    0.05
    """
    candidates = check_scores(candidate_scores, "candidate_scores")
    others = check_scores(nonmember_scores, "nonmember_scores")
    pooled = np.concatenate([candidates, others])
    if not len(candidates) or not len(others):
        raise ValueError(
            "Both sets need a score at least; got "
            f"{len(candidates)} candidates and {len(others)} non-members."
        )
    if statistic == "auc":
        # By their order first: before SciPy 1.13 infinite values had no rank.
        pooled = rankdata(np.unique(pooled, return_inverse=True)[1])
    elif statistic != "mean":
        raise ValueError(f'statistic has to be "auc" or "mean"; got {statistic!r}.')
    elif not np.isfinite(pooled).all():
        raise ValueError('Infinite scores have no mean; statistic="auc" takes them.')
    n = len(candidates)
    # The sum of the candidates orders the permutations as any difference of means does;
    # of numbers that are not negative, it tells ties from rounding.
    pooled = pooled - pooled.min()
    test = permutation_test(
        (pooled[:n], pooled[n:]),
        lambda drawn, rest, axis: drawn.sum(axis=axis),
        vectorized=True,
        batch=max(1, 10_000_000 // len(pooled)),
        alternative="greater",
        n_resamples=n_permutations,
        random_state=check_random_state(random_state),
    )
    return float(test.pvalue)
