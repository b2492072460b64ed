"""What the functions of this package expect of their arrays."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_consistent_length, column_or_1d


def one_dimensional(values: ArrayLike) -> NDArray[Any]:
    """Return values as an array of one axis; scikit-learn's check only where it is needed."""
    if isinstance(values, np.ndarray) and values.ndim == 1:
        return values
    return np.asarray(column_or_1d(values))


def check_scores(scores: ArrayLike, name: str = "scores") -> NDArray[np.float64]:
    """Return scores as one float each; infinite ones can be ranked, NaN can't."""
    values = np.asarray(one_dimensional(scores), dtype=np.float64)
    if np.isnan(values).any():
        raise ValueError(f"{name} has {np.isnan(values).sum()} NaN among {len(values)} values.")
    return values


def check_members(y: ArrayLike, *others: ArrayLike | None) -> NDArray[np.bool_]:
    """Return which queries are members, after a look at the lengths and the labels."""
    labels = one_dimensional(y)
    check_consistent_length(labels, *others)
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(
            "y has to be 1 for members and 0 for non-members; "
            f"got the labels {np.unique(labels)[:5]!r}."
        )
    return labels == 1


def check_groups(groups: ArrayLike | None, n_queries: int) -> NDArray[np.intp]:
    """Return the number of each query's group; None makes each query its own."""
    if groups is None:
        return np.arange(n_queries)
    numbers: NDArray[Any] = np.unique(one_dimensional(groups), return_inverse=True)[1]
    if len(numbers) != n_queries:
        raise ValueError(f"groups has {len(numbers)} entries for {n_queries} queries.")
    return numbers


def check_share(value: float, name: str) -> float:
    """Return a number that has to lie strictly between 0 and 1."""
    if not 0 < value < 1:
        raise ValueError(f"{name} has to lie between 0 and 1, both excluded; got {value!r}.")
    return float(value)
