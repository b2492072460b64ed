"""P-values of statistics by permuted labels, and of queries among queries that were not used."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import check_groups, check_members, check_scores, one_dimensional


def permutation_p_value(observed: float, null: ArrayLike) -> float:
    """P-value of a statistic by permuted labels, for the alternative that it is large.

    Parameters
    ----------
    observed : float
        Statistic with the true labels.
    null : array-like of shape (n_permutations,)
        Statistics with permuted labels.

    Returns
    -------
    float
        ``(1 + #{null >= observed}) / (1 + n_permutations)``. It is never 0, as the true
        labels are one of the permutations. Values that differ only by rounding are ties.

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
    """P-value of the most extreme of several statistics.

    The smallest of several p-values is small too often. Each permutation therefore gets its
    own smallest p-value, from its ranks among all permutations (the true labels included).
    The result is the share of permutations whose smallest p-value is as small as the
    observed one.

    Parameters
    ----------
    observed : array-like of shape (n_statistics,)
        Statistics with the true labels.
    null : array-like of shape (n_permutations, n_statistics)
        Statistics with permuted labels; a row holds those of one permutation.

    Returns
    -------
    float
        P-value, exact for exchangeable labels, however the statistics depend on each other.

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
    """P-values of several statistics, adjusted for multiple testing.

    Each statistic is measured in standard deviations from its mean over the permutations
    (the true labels included), and compared with the largest statistic of each permutation.

    Parameters
    ----------
    observed : array-like of shape (n_statistics,)
        Statistics with the true labels.
    null : array-like of shape (n_permutations, n_statistics)
        Statistics with permuted labels; a row holds those of one permutation.

    Returns
    -------
    ndarray of shape (n_statistics,)
        Adjusted p-values: if all null hypotheses are true, any of them is at most a with
        probability at most a. A statistic that never varies has about 1.

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
    """Compare values such that those which differ only by rounding are ties."""
    return (values > bound) | np.isclose(values, bound, rtol=1e-12, atol=1e-12)


def permute_labels(
    y: ArrayLike, groups: ArrayLike | None = None, *, rng: np.random.Generator
) -> NDArray[Any]:
    """Draw labels that are as probable as `y` if the scores do not depend on the labels.

    Without groups every order of the labels is as probable. With groups, whole patients were
    used or not used, so patients exchange their labels as a whole. Patients with one label
    exchange it among themselves: the number of *patients* of each class stays the same, the
    number of queries may change. This assumes that membership does not depend on a
    patient's number of images. Patients with both labels exchange their rows of labels with
    patients that have both labels and the same number of images.

    Parameters
    ----------
    y : array-like of shape (n_queries,)
        Label of each query.
    groups : array-like of shape (n_queries,), default=None
        Group of each query, its patient for example.
    rng : numpy.random.Generator
        Source of the permutation.

    Returns
    -------
    ndarray of shape (n_queries,)
        Permuted labels, a new array.

    Raises
    ------
    ValueError
        If every permutation equals `y`.

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
            f"The {len(labels)} {kind} can't be permuted, because no two that may be exchanged "
            "differ. Two groups exchange their labels if each has only one label, or if both have "
            "the same number of queries."
        )
    return permuted


def conformal_p_values(
    scores: ArrayLike, null_scores: ArrayLike, null_groups: ArrayLike | None = None
) -> NDArray[np.float64]:
    """P-value of each query for the hypothesis that it was not used.

    For a query that is exchangeable with images known as not used, P(p <= a) <= a for every
    a. This holds for one query at a time: among many, some p-values are small by chance, and
    p-values from one set of null scores are not independent. A patient with several images
    counts once, with the share of its images that have at least the query's score; for an
    image of a new patient this keeps the level.

    Parameters
    ----------
    scores : array-like of shape (n_queries,)
        Scores of the attack, larger for queries that were used.
    null_scores : array-like of shape (n_not_used,)
        Scores of images known as not used, by the same fitted attack, which was trained on
        none of the images here.
    null_groups : array-like of shape (n_not_used,), default=None
        Patient of each of these images; no query is of one of these patients.

    Returns
    -------
    ndarray of shape (n_queries,)
        ``(1 + #{null_scores >= score}) / (1 + n_not_used)``; with groups, their shares and
        their number replace the counts.

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
    """P-values of out-of-fold scores, see :func:`conformal_p_values`, within each fold.

    A query is compared with the not used queries that were held out together with it, so
    that one fitted attack scored them all and was trained on none of them. A query is not
    compared with itself, nor with others of its patient.

    Parameters
    ----------
    y : array-like of shape (n_queries,)
        Labels: 1 for queries that were used, 0 for queries that were not.
    scores : array-like of shape (n_queries,)
        Scores of the attack, larger for queries that were used.
    folds : array-like of shape (n_queries,)
        Fold in which each query was held out.
    groups : array-like of shape (n_queries,), default=None
        Group of each query, its patient for example.

    Returns
    -------
    ndarray of shape (n_queries,)
        P-values; 1 where the fold has no other query that was not used.

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
