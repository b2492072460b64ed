"""Checks of the arrays that the functions of this package take."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_consistent_length, column_or_1d


def one_dimensional(values: ArrayLike) -> NDArray[Any]:
    """Return values as an array of one axis; scikit-learn checks only what needs a check."""
    if isinstance(values, np.ndarray) and values.ndim == 1:
        return values
    return np.asarray(column_or_1d(values))


def check_scores(scores: ArrayLike, name: str = "scores") -> NDArray[np.float64]:
    """Return scores as one float each; infinite scores can be ranked, NaN can't."""
    values = np.asarray(one_dimensional(scores), dtype=np.float64)
    if np.isnan(values).any():
        raise ValueError(f"{name} has {np.isnan(values).sum()} NaN among {len(values)} values.")
    return values


def check_members(y: ArrayLike, *others: ArrayLike | None) -> NDArray[np.bool_]:
    """Check the lengths and the labels, and return which queries were used."""
    labels = one_dimensional(y)
    check_consistent_length(labels, *others)
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(
            "y has to be 1 for queries that were used and 0 for queries that were not; "
            f"got the labels {np.unique(labels)[:5]!r}."
        )
    return labels == 1


def check_groups(groups: ArrayLike | None, n_queries: int) -> NDArray[np.intp]:
    """Return the number of each query's group; None makes each query a group of its own."""
    if groups is None:
        return np.arange(n_queries)
    numbers: NDArray[Any] = np.unique(one_dimensional(groups), return_inverse=True)[1]
    if len(numbers) != n_queries:
        raise ValueError(f"groups has {len(numbers)} entries for {n_queries} queries.")
    return numbers


def check_share(value: float, name: str) -> float:
    """Return a number after checking that it lies strictly between 0 and 1."""
    if not 0 < value < 1:
        raise ValueError(f"{name} has to lie between 0 and 1, both excluded; got {value!r}.")
    return float(value)
