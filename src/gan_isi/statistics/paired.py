"""Two sets of scores of the same queries: how their figures of merit differ, by patient."""

import numpy as np
from numpy.typing import NDArray

from .arguments import check_groups, check_members, check_scores
from .decisions import group_weights


def patient_weights(
    y: NDArray[np.intp], groups: NDArray[np.intp] | None, n_resamples: int, seed: int
) -> NDArray[np.float64]:
    """Draw how often each query is in a bootstrap resample of whole patients.

    Parameters
    ----------
    y : ndarray of shape (n_queries,)
        0 or 1. Patients of each class are drawn separately, unless one has both labels.
    groups : ndarray of shape (n_queries,) or None
        Patients.
    n_resamples : int
        Number of resamples.
    seed : int
        Seed of the resamples.

    Returns
    -------
    ndarray of shape (n_resamples, n_queries)
    """
    members = check_members(y)
    numbers = check_groups(groups, len(members))
    shares = np.bincount(numbers, members) / np.bincount(numbers)
    return group_weights(shares, n_resamples, seed)[:, numbers]


def weighted_aucs(
    y: NDArray[np.intp],
    scores: NDArray[np.float64],
    folds: NDArray[np.intp],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the AUC within folds for each row of weights, see `within_fold_auc`.

    Parameters
    ----------
    y, scores, folds : ndarray of shape (n_queries,)
        Labels, scores, and the fold in which each query was held out.
    weights : ndarray of shape (n_rows, n_queries)
        How often each query counts.

    Returns
    -------
    ndarray of shape (n_rows,)
        NaN where no pair is left.
    """
    members, values = check_members(y, scores, folds), check_scores(scores)
    right, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for fold in np.unique(folds):
        used, others = (np.flatnonzero((folds == fold) & (members == own)) for own in (True, False))
        order = np.sign(values[used, None] - values[others]) / 2 + 0.5
        right += np.einsum(
            "ri,ij,rj->r", weights[:, used], order, weights[:, others], optimize=True
        )
        pairs += weights[:, used].sum(axis=1) * weights[:, others].sum(axis=1)
    return np.divide(right, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


def weighted_recalls(
    y: NDArray[np.intp],
    scores: NDArray[np.float64],
    max_fpr: float,
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the true positive rate at a false positive rate for each row of weights.

    Parameters
    ----------
    y, scores : ndarray of shape (n_queries,)
        Labels, and scores on one scale.
    max_fpr : float
        False positive rate a: with n queries not used, the threshold is the ``a (n + 1)``-th
        highest of their scores.
    weights : ndarray of shape (n_rows, n_queries)
        How often each query counts.

    Returns
    -------
    ndarray of shape (n_rows,)
        NaN where (n + 1) a is below 1.
    """
    members, values = check_members(y, scores), check_scores(scores)
    others = np.flatnonzero(~members)[np.argsort(-values[~members], kind="stable")]
    counted = np.cumsum(weights[:, others], axis=1)
    rank = np.floor(max_fpr * (counted[:, -1:] + 1) + 1e-9)
    limits = values[others][(counted >= np.maximum(rank, 1)).argmax(axis=1)]
    above = (values[members] > limits[:, None]) * weights[:, members]
    recalls = above.sum(axis=1) / np.maximum(weights[:, members].sum(axis=1), 1)
    return np.where(rank[:, 0] >= 1, recalls, np.nan)
