"""Figures of merit that membership papers report and scikit-learn lacks."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

__all__ = ["membership_metrics", "specificity_score"]


def specificity_score(y_true: ArrayLike, y_pred: ArrayLike, *, pos_label: Any = None) -> float:
    """Share of the non-members that were recognised as such.

    Parameters
    ----------
    y_true : array-like of shape (n_queries,)
        True labels of two classes.
    y_pred : array-like of shape (n_queries,)
        Predicted labels.
    pos_label : label, default=None
        The label of members ("used"); None takes the larger one in sort order.

    Returns
    -------
    float
        True negatives divided by all true non-members.

    Raises
    ------
    ValueError
        If there are more than two labels, or no non-member among `y_true`.

    Examples
    --------
    >>> specificity_score([0, 0, 0, 0, 1], [0, 0, 0, 1, 1])
    0.75
    """
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    positive = _positive_label(y_true, y_pred, pos_label)
    non_member = y_true != positive
    if not non_member.any():
        raise ValueError("Specificity needs at least one non-member in y_true; got none.")
    return float(np.mean(y_pred[non_member] != positive))


def membership_metrics(
    y_true: ArrayLike, y_pred: ArrayLike, *, pos_label: Any = None
) -> dict[str, float]:
    """Accuracy, precision, recall, specificity and F1, as in the challenge's table.

    Parameters
    ----------
    y_true : array-like of shape (n_queries,)
        True labels of two classes.
    y_pred : array-like of shape (n_queries,)
        Predicted labels.
    pos_label : label, default=None
        The label of members ("used"); None takes the larger one in sort order.

    Returns
    -------
    dict of str to float
        With one more entry, "chance": the accuracy of always answering the more
        frequent class. Precision is 0 when nobody is called a member.

    Examples
    --------
    >>> membership_metrics([0, 0, 1, 1], [0, 1, 1, 1])["precision"]
    0.6666666666666666
    """
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    positive = _positive_label(y_true, y_pred, pos_label)
    is_member, called_member = y_true == positive, y_pred == positive
    return {
        "accuracy": float(accuracy_score(is_member, called_member)),
        "precision": float(precision_score(is_member, called_member, zero_division=0)),
        "recall": float(recall_score(is_member, called_member, zero_division=0)),
        "specificity": specificity_score(is_member, called_member, pos_label=True),
        "f1": float(f1_score(is_member, called_member, zero_division=0)),
        "chance": float(max(is_member.mean(), 1 - is_member.mean())),
    }


def _positive_label(y_true: np.ndarray, y_pred: np.ndarray, pos_label: Any) -> Any:
    if y_true.ndim != 1 or y_true.shape != y_pred.shape:
        raise ValueError(
            "y_true and y_pred have to be one label a query; "
            f"got shapes {y_true.shape} and {y_pred.shape}."
        )
    labels = np.union1d(y_true, y_pred)
    if len(labels) > 2:
        raise ValueError(f"Expected two labels, got {len(labels)}: {labels[:5]!r}.")
    if pos_label is None and len(labels) < 2:
        raise ValueError(f"All labels are {labels[0]!r}: say with pos_label which one is 'used'.")
    return labels[-1] if pos_label is None else pos_label
