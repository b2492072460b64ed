"""Figures of merit that membership papers report and scikit-learn lacks."""

import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    f1_score,
    make_scorer,
    precision_score,
    recall_score,
    roc_curve,
)

from ._validation.labels import check_used

__all__ = [
    "SCORERS",
    "make_tpr_at_fpr_scorer",
    "membership_advantage",
    "membership_metrics",
    "positive_predictive_value",
    "resolvable_fpr",
    "specificity_score",
    "tpr_at_fpr",
]


def specificity_score(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of the non-members that were recognised as such.

    Parameters
    ----------
    y_true : array-like of shape (n_queries,)
        Whether each was used: booleans, 0/1 or -1/1.
    y_pred : array-like of shape (n_queries,)
        Whether each was called used, likewise.

    Returns
    -------
    float
        True negatives divided by all true non-members.

    Raises
    ------
    ValueError
        For other labels, missing ones, another number of them, and no non-member among `y_true`.

    Examples
    --------
    >>> specificity_score([0, 0, 0, 0, 1], [0, 0, 0, 1, 1])
    0.75
    """
    is_member, called_member = _members(y_true, y_pred)
    if is_member.all():
        raise ValueError("Specificity needs at least one non-member in y_true; got none.")
    return float(np.mean(~called_member[~is_member]))


def membership_metrics(y_true: ArrayLike, y_pred: ArrayLike) -> dict[str, float]:
    """Accuracy, precision, recall, specificity and F1, as in the challenge's table, and more.

    Parameters
    ----------
    y_true : array-like of shape (n_queries,)
        Whether each was used: booleans, 0/1 or -1/1.
    y_pred : array-like of shape (n_queries,)
        Whether each was called used, likewise.

    Returns
    -------
    dict of str to float
        The challenge's five, "balanced_accuracy", "kappa" (Cohen's), and "chance": the
        accuracy of always answering the more frequent class. Precision is 0 when nobody
        is called a member; without true members the balanced accuracy is NaN, and
        kappa too if nobody is called one.

    Examples
    --------
    >>> membership_metrics([0, 0, 1, 1], [0, 1, 1, 1])["precision"]
    0.6666666666666666
    """
    is_member, called_member = _members(y_true, y_pred)
    any_member, any_called = is_member.any(), called_member.any()
    return {
        "accuracy": float(accuracy_score(is_member, called_member)),
        "precision": float(precision_score(is_member, called_member, zero_division=0)),
        "recall": float(recall_score(is_member, called_member, zero_division=0)),
        "specificity": specificity_score(is_member, called_member),
        "f1": float(f1_score(is_member, called_member, zero_division=0)),
        "balanced_accuracy": (
            float(balanced_accuracy_score(is_member, called_member)) if any_member else np.nan
        ),
        "kappa": (
            float(cohen_kappa_score(is_member, called_member))
            if any_member or any_called
            else np.nan
        ),
        "chance": float(max(is_member.mean(), 1 - is_member.mean())),
    }


def membership_advantage(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of members called members minus that of non-members called members.

    Parameters
    ----------
    y_true : array-like of shape (n_queries,)
        Whether each was used: booleans, 0/1 or -1/1.
    y_pred : array-like of shape (n_queries,)
        Whether each was called used, likewise.

    Returns
    -------
    float
        TPR - FPR, from -1 to 1; 0 for answers that do not depend on membership.

    Raises
    ------
    ValueError
        For other labels, missing ones, another number of them, and one class only in
        `y_true`.

    References
    ----------
    S. Yeom et al., "Privacy risk in machine learning: analyzing the connection to
    overfitting", IEEE Computer Security Foundations Symposium (2018) 268-282.

    Examples
    --------
    >>> membership_advantage([0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1])
    0.75
    """
    is_member, called_member = _members(y_true, y_pred)
    if not is_member.any():
        raise ValueError("The advantage needs at least one member in y_true; got none.")
    specificity = specificity_score(is_member, called_member)
    return float(recall_score(is_member, called_member)) + specificity - 1


def tpr_at_fpr(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    max_fpr: float,
    unresolved: Literal["raise", "warn", "nan"] = "raise",
) -> float:
    """Share of the members found while few non-members are accused.

    An attack that is sure of a few members is a leak, whatever its accuracy over all.

    Parameters
    ----------
    y_true : array-like of shape (n_queries,)
        Whether each was used: booleans, 0/1 or -1/1.
    y_score : array-like of shape (n_queries,)
        Larger for members. On one scale: scores of several fits (folds) have none.
    max_fpr : float
        Largest share of non-members at or above the threshold.
    unresolved : {"raise", "warn", "nan"}, default="raise"
        What happens if `max_fpr` is smaller than 1 / n_nonmembers: a ValueError; a
        warning and the share found without any false positive; or NaN.

    Returns
    -------
    float
        The largest true positive rate of a threshold whose false positive rate is at
        most `max_fpr`. Tied scores pass together or not at all; nothing is interpolated.

    Raises
    ------
    ValueError
        For other labels or missing ones, if a class is missing, a score is NaN or
        infinite, `max_fpr` is not in 0..1, or it can't be resolved.

    References
    ----------
    N. Carlini et al., "Membership inference attacks from first principles", IEEE
    Symposium on Security and Privacy (2022) 1897-1914.

    Examples
    --------
    >>> tpr_at_fpr([0, 0, 0, 0, 1, 1], [1, 2, 3, 5, 4, 6], max_fpr=0.25)
    1.0
    """
    is_member, _ = check_used(y_true, name="y_true", both=False)
    n_members, n_nonmembers = int(is_member.sum()), int((~is_member).sum())
    if min(n_members, n_nonmembers) == 0:
        raise ValueError(
            "A true positive rate at a false positive rate needs both classes in y_true; got "
            f"{n_members} members and {n_nonmembers} non-members."
        )
    if not 0 <= max_fpr <= 1:
        raise ValueError(f"max_fpr has to lie in 0..1; got {max_fpr!r}.")
    if unresolved not in ("raise", "warn", "nan"):
        raise ValueError(f'unresolved has to be "raise", "warn" or "nan"; got {unresolved!r}.')
    if max_fpr < 1 / n_nonmembers:
        if unresolved == "nan":
            return float("nan")
        message = (
            f"{n_nonmembers} non-members can't resolve max_fpr={max_fpr:g}: their smallest false "
            f"positive rate above 0 is {1 / n_nonmembers:.3g}, and no false positive among them "
            f"shows no more than a rate below {resolvable_fpr(n_nonmembers):.3g} (95 % confidence)."
        )
        if unresolved == "raise":
            raise ValueError(message)
        warnings.warn(message, UserWarning, stacklevel=2)
    # A quotient of counts, as max_fpr is when it is written as a decimal: no rounding.
    fpr, tpr, _ = roc_curve(is_member, y_score, drop_intermediate=False)
    return float(tpr[fpr <= max_fpr].max())


def resolvable_fpr(n_nonmembers: int, confidence: float = 0.95) -> float:
    """Smallest bound on the false positive rate that so many non-members can show.

    Parameters
    ----------
    n_nonmembers : int
        Number of known non-members, none of whom was called a member.
    confidence : float, default=0.95
        One-sided confidence level.

    Returns
    -------
    float
        The upper Clopper-Pearson bound ``1 - (1 - confidence)^(1 / n_nonmembers)``;
        about 3 / n_nonmembers at 95 % (the rule of three).

    Raises
    ------
    ValueError
        If a number is out of range.

    References
    ----------
    J. A. Hanley and A. Lippman-Hand, "If nothing goes wrong, is everything all right?",
    JAMA 249 (1983) 1743-1745.

    Examples
    --------
    >>> round(resolvable_fpr(100), 4)
    0.0295
    """
    if n_nonmembers < 1 or not 0 < confidence < 1:
        raise ValueError(
            "Expected at least 1 non-member and a confidence between 0 and 1, both excluded; "
            f"got {n_nonmembers!r} and {confidence!r}."
        )
    return float(-np.expm1(np.log1p(-confidence) / n_nonmembers))


def positive_predictive_value(
    tpr: ArrayLike, fpr: ArrayLike, prior: ArrayLike
) -> float | NDArray[np.float64]:
    """Probability that a query that was called a member is one.

    Test sets are half members; a hospital's archive is not.

    Parameters
    ----------
    tpr, fpr : float or array-like of shape (...)
        True and false positive rate.
    prior : float or array-like of shape (...)
        Share of members among those who will be asked about.

    Returns
    -------
    float or ndarray of shape (...)
        ``tpr prior / (tpr prior + fpr (1 - prior))``, by Bayes' rule; NaN where nobody
        would be called a member.

    Raises
    ------
    ValueError
        If a number lies outside 0..1.

    Examples
    --------
    >>> round(positive_predictive_value(0.6, 0.05, prior=0.01), 3)
    0.108
    """
    rates = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in (tpr, fpr, prior)))
    for name, values in zip(("tpr", "fpr", "prior"), rates, strict=True):
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError(f"{name} has to lie in 0..1; got {values!s}.")
    found, accused = rates[0] * rates[2], rates[1] * (1 - rates[2])
    with np.errstate(invalid="ignore"):
        value = found / (found + accused)
    return float(value) if value.ndim == 0 else value


def make_tpr_at_fpr_scorer(
    max_fpr: float,
    *,
    unresolved: Literal["raise", "warn", "nan"] = "raise",
) -> Callable[..., float]:
    """Make a scorer of `tpr_at_fpr` for `scoring=` of scikit-learn.

    Every fold has to resolve the rate: with 200 non-members in 5 folds, none below 1/40.

    Parameters
    ----------
    max_fpr : float
        Largest share of non-members called members, see :func:`tpr_at_fpr`.
    unresolved : {"raise", "warn", "nan"}, default="raise"
        What happens where there are too few non-members, see :func:`tpr_at_fpr`.

    Returns
    -------
    callable
        ``scorer(estimator, X, y)``; takes `decision_function`, else `predict_proba`.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> X, y = [[0.0]] * 20, [0, 1] * 10
    >>> make_tpr_at_fpr_scorer(0.1)(DummyClassifier().fit(X, y), X, y)
    0.0
    """
    return make_scorer(
        tpr_at_fpr,
        response_method=("decision_function", "predict_proba"),
        max_fpr=max_fpr,
        unresolved=unresolved,
    )


def _members(y_true: Any, y_pred: Any) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which queries were used, and which were called used."""
    used, _ = check_used(y_true, name="y_true", unit="queries", both=False)
    called, _ = check_used(y_pred, len(used), name="y_pred", unit="queries", both=False)
    return used, called


#: For `scoring=` of scikit-learn, one by one or as a whole; larger is the better attack.
SCORERS: dict[str, Callable[..., float]] = {
    "specificity": make_scorer(specificity_score),
    "membership_advantage": make_scorer(membership_advantage),
    "tpr_at_fpr_0.1": make_tpr_at_fpr_scorer(0.1),
    "tpr_at_fpr_0.01": make_tpr_at_fpr_scorer(0.01),
}
