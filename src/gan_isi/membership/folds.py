"""Folds of queries for calibration, with both classes to learn from in each."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

QueryFold: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]


def query_folds(
    labels: NDArray[np.intp], groups: NDArray | None, *, n_splits: int, both_tested: bool = False
) -> list[QueryFold]:
    """Stratified folds that keep the queries of a group together.

    Parameters
    ----------
    labels : ndarray of shape (n_queries,)
        0 or 1.
    groups : ndarray of shape (n_queries,) or None
        Patients, say.
    n_splits : int
        Wanted number of folds; fewer if a class has fewer queries or groups.
    both_tested : bool, default=False
        Whether each test part needs both classes as well: for a logistic of its own.

    Returns
    -------
    list of (train, test)
        Indices of queries; every query is in exactly one test part.

    Raises
    ------
    ValueError
        If a class has less than two queries or groups, or the folds can't have both classes
        in the training part, or with `both_tested` in the test part.
    """
    units = np.arange(len(labels)) if groups is None else groups
    counts = [len(np.unique(units[labels == label])) for label in (0, 1)]
    n_splits = min(n_splits, *counts)
    kind = "queries" if groups is None else "groups"
    if n_splits < 2:
        raise ValueError(
            f"Calibration needs at least 2 {kind} of each class; got {counts[0]} not used and "
            f"{counts[1]} used. An estimator with predict_proba and calibrate_fusion=False "
            "need no calibration."
        )
    if groups is None:
        return list(StratifiedKFold(n_splits).split(labels, labels))
    folds = list(StratifiedGroupKFold(n_splits).split(labels, labels, groups))
    folds = [(train, test) for train, test in folds if len(test)]
    if any(len(np.unique(labels[train])) < 2 for train, _ in folds):
        raise ValueError(
            f"The {kind} can't be split into {n_splits} folds with both classes outside each; "
            "lower cv."
        )
    if both_tested and any(len(np.unique(labels[test])) < 2 for _, test in folds):
        raise ValueError(
            f"The {kind} can't be split into {n_splits} folds with both classes in each, which "
            "folds='average' needs; lower cv."
        )
    return folds
