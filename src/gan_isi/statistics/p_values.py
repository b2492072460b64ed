"""P-values: of a statistic by permuted labels, and of a query among known non-members."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import check_groups, check_members, check_scores, one_dimensional


def permutation_p_value(observed: float, null: ArrayLike) -> float:
    """P-value of a statistic among those under permuted labels; large ones speak.

    Parameters
    ----------
    observed : float
        The statistic with the true labels.
    null : array-like of shape (n_permutations,)
        With permuted ones.

    Returns
    -------
    float
        ``(1 + #{null >= observed}) / (1 + n_permutations)``. Never 0: the true labels
        are one of the permutations. Values that differ by rounding alone count as ties.

    Raises
    ------
    ValueError
        If a value is NaN.

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
    return float((1 + _at_least(values, observed).sum()) / (1 + len(values)))


def min_p_value(observed: ArrayLike, null: ArrayLike) -> float:
    """P-value of the most striking of several statistics.

    The smallest of several p-values is small too often. Each permutation has its own
    smallest p-value, by its rank among all of them (the true labels included); the
    result is the share that is as small.

    Parameters
    ----------
    observed : array-like of shape (n_statistics,)
        With the true labels.
    null : array-like of shape (n_permutations, n_statistics)
        With permuted ones, in each row by the same permutation.

    Returns
    -------
    float
        Exact for exchangeable labels, whatever the statistics have in common.

    References
    ----------
    P. H. Westfall and S. S. Young, "Resampling-Based Multiple Testing" (1993), section 2.

    Examples
    --------
    >>> min_p_value([0.8, 0.1], [[0.5, 0.2], [0.4, 0.3], [0.6, 0.1]])
    0.5
    """
    rows = np.vstack([observed, null])
    n_as_large = [_at_least(column, column[:, None]).sum(axis=1) for column in rows.T]
    smallest = np.min(n_as_large, axis=0)
    return float(np.mean(smallest <= smallest[0]))


def max_t_p_values(observed: ArrayLike, null: ArrayLike) -> NDArray[np.float64]:
    """P-values of several statistics, adjusted for there being several.

    Each statistic is compared with the largest of all in each permutation, in standard
    deviations from its mean over the permutations (the true labels included).

    Parameters
    ----------
    observed : array-like of shape (n_statistics,)
        With the true labels.
    null : array-like of shape (n_permutations, n_statistics)
        With permuted ones, in each row by the same permutation.

    Returns
    -------
    ndarray of shape (n_statistics,)
        The probability that any of them is as small is held, if all null hypotheses are
        true. A statistic that never varies has about 1.

    References
    ----------
    P. H. Westfall and S. S. Young, "Resampling-Based Multiple Testing" (1993), section 2
    (single-step max-T).

    Examples
    --------
    >>> max_t_p_values([0.8, 0.1], [[0.5, 0.2], [0.4, 0.3], [0.6, 0.1]])
    array([0.25, 1.  ])
    """
    rows = np.vstack([observed, null])
    spread = rows.std(axis=0)
    scaled = (rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    largest = scaled.max(axis=1)
    return np.array([_at_least(largest, own).mean() for own in scaled[0]])


def _at_least(values: NDArray[np.float64], bound: Any) -> NDArray[np.bool_]:
    """Compare so that values which differ by rounding alone are ties."""
    return (values > bound) | np.isclose(values, bound, rtol=1e-12, atol=1e-12)


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
    labels = one_dimensional(y)
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


def conformal_p_values(
    scores: ArrayLike, null_scores: ArrayLike, null_groups: ArrayLike | None = None
) -> NDArray[np.float64]:
    """P-value of each query for the hypothesis that it was not used.

    For a query that is exchangeable with the known non-members, P(p <= a) <= a for
    every a. That holds for one query at a time: among many, some p-values are small by
    chance, and those of one set of non-members are not independent. Of patients with
    several images each counts once, with the share of its images that score as high;
    for an image of a new patient that keeps the level.

    Parameters
    ----------
    scores : array-like of shape (n_queries,)
        Larger for members.
    null_scores : array-like of shape (n_nonmembers,)
        Of known non-members, by the same fitted attack, which saw neither.
    null_groups : array-like of shape (n_nonmembers,), default=None
        Their patients, none of whom has a query.

    Returns
    -------
    ndarray of shape (n_queries,)
        ``(1 + #{null_scores >= score}) / (1 + n_nonmembers)``, or with groups, with their
        shares and their number.

    Raises
    ------
    ValueError
        If a score is NaN.

    References
    ----------
    V. Vovk, A. Gammerman and G. Shafer, "Algorithmic Learning in a Random World" (2005);
    S. Bates et al., "Testing for outliers with conformal p-values", Annals of
    Statistics 51 (2023) 149-178; of groups Y. Lee, R. F. Barber and R. Willett,
    "Distribution-free inference with hierarchical data", arXiv:2306.06342 (2023).

    Examples
    --------
    >>> conformal_p_values([0.9, 0.2], [0.1, 0.3, 0.5])
    array([0.25, 0.75])
    >>> conformal_p_values([0.2], [0.1, 0.3, 0.5], null_groups=["a", "a", "b"])
    array([0.83333333])
    """
    values, null = check_scores(scores), check_scores(null_scores, "null_scores")
    if not len(null):
        return np.ones(len(values))
    groups = check_groups(null_groups, len(null))
    shares = 1 / np.bincount(groups)[groups]
    order = np.argsort(null, kind="stable")
    # The sum of the shares from each place on, exact where each is 1.
    above = np.append(np.cumsum(shares[order][::-1])[::-1], 0.0)
    at_least = above[np.searchsorted(null[order], values, side="left")]
    return np.minimum((1 + at_least) / (2 + groups.max()), 1.0)


def cross_conformal_p_values(
    y: ArrayLike, scores: ArrayLike, folds: ArrayLike, groups: ArrayLike | None = None
) -> NDArray[np.float64]:
    """:func:`conformal_p_values` of out-of-fold scores, each within its own fold.

    A query is compared with the non-members that were held out together with it, so
    that one fitted attack scored them all and saw none of them. A query is not compared
    with itself, nor with others of its patient.

    Parameters
    ----------
    y : array-like of shape (n_queries,)
        1 for members, 0 for non-members.
    scores : array-like of shape (n_queries,)
        Larger for members.
    folds : array-like of shape (n_queries,)
        In which fold each query was held out.
    groups : array-like of shape (n_queries,), default=None
        Patients, say.

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
    members, values = check_members(y, scores, folds, groups), check_scores(scores)
    in_fold, patients = check_groups(folds, len(values)), check_groups(groups, len(values))
    p_values = np.empty(len(values))
    for query, value in enumerate(values):
        others = ~members & (in_fold == in_fold[query]) & (patients != patients[query])
        p_values[query] = conformal_p_values([value], values[others], patients[others])[0]
    return p_values
