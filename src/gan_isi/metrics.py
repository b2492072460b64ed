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
    """Share of the images not used that an attack calls not used.

    Parameters
    ----------
    y_true : array-like of shape (n_queries,)
        Labels that say whether each image was used: booleans, 0/1 or -1/1.
    y_pred : array-like of shape (n_queries,)
        Decisions whether each image is called used, in the same form.

    Returns
    -------
    float
        True negatives divided by all images that were not used, from 0 to 1.

    Raises
    ------
    ValueError
        If a label is missing or has another form, if the lengths differ, or if all images in
        `y_true` were used.

    Examples
    --------
    >>> specificity_score([0, 0, 0, 0, 1], [0, 0, 0, 1, 1])
    0.75
    """
    is_used, called_member = _members(y_true, y_pred)
    if is_used.all():
        raise ValueError("Specificity needs at least one not used image in y_true; got none.")
    return float(np.mean(~called_member[~is_used]))


def membership_metrics(y_true: ArrayLike, y_pred: ArrayLike) -> dict[str, float]:
    """Accuracy, precision, recall, specificity and F1, as in the challenge's table, and more.

    Parameters
    ----------
    y_true : array-like of shape (n_queries,)
        Labels that say whether each image was used: booleans, 0/1 or -1/1.
    y_pred : array-like of shape (n_queries,)
        Decisions whether each image is called used, in the same form.

    Returns
    -------
    dict of str to float
        The challenge's five figures, "balanced_accuracy", "kappa" (Cohen's), and "chance": the
        accuracy of always answering the more frequent class. Precision is 0 if no image is
        called used. If no image was used, the balanced accuracy is NaN, and kappa is NaN
        if in addition no image is called used.

    Raises
    ------
    ValueError
        As in :func:`specificity_score`.

    Examples
    --------
    >>> membership_metrics([0, 0, 1, 1], [0, 1, 1, 1])["precision"]
    0.6666666666666666
    """
    is_used, called_member = _members(y_true, y_pred)
    any_member, any_called = is_used.any(), called_member.any()
    return {
        "accuracy": float(accuracy_score(is_used, called_member)),
        "precision": float(precision_score(is_used, called_member, zero_division=0)),
        "recall": float(recall_score(is_used, called_member, zero_division=0)),
        "specificity": specificity_score(is_used, called_member),
        "f1": float(f1_score(is_used, called_member, zero_division=0)),
        "balanced_accuracy": (
            float(balanced_accuracy_score(is_used, called_member)) if any_member else np.nan
        ),
        "kappa": (
            float(cohen_kappa_score(is_used, called_member)) if any_member or any_called else np.nan
        ),
        "chance": float(max(is_used.mean(), 1 - is_used.mean())),
    }


def membership_advantage(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Membership advantage: the true positive rate minus the false positive rate.

    Parameters
    ----------
    y_true : array-like of shape (n_queries,)
        Labels that say whether each image was used: booleans, 0/1 or -1/1.
    y_pred : array-like of shape (n_queries,)
        Decisions whether each image is called used, in the same form.

    Returns
    -------
    float
        TPR - FPR, from -1 to 1. It is 0 for answers that do not depend on membership.

    Raises
    ------
    ValueError
        If a label is missing or has another form, if the lengths differ, or if `y_true` has
        only one class.

    References
    ----------
    S. Yeom et al., "Privacy risk in machine learning: analyzing the connection to
    overfitting", IEEE Computer Security Foundations Symposium (2018) 268-282.

    Examples
    --------
    >>> membership_advantage([0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1])
    0.75
    """
    is_used, called_member = _members(y_true, y_pred)
    if is_used.all() or not is_used.any():
        which = "not used" if is_used.all() else "used"
        raise ValueError(f"The advantage needs at least one {which} image in y_true; got none.")
    return float(balanced_accuracy_score(is_used, called_member, adjusted=True))


def tpr_at_fpr(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    max_fpr: float,
    unresolved: Literal["raise", "warn", "nan"] = "raise",
) -> float:
    """Largest true positive rate at a false positive rate of at most `max_fpr`.

    If an attack is sure of a few used images, that is a leak, whatever its accuracy is.

    Parameters
    ----------
    y_true : array-like of shape (n_queries,)
        Labels that say whether each image was used: booleans, 0/1 or -1/1.
    y_score : array-like of shape (n_queries,)
        Scores, larger for used images, on one scale. Scores of several fits (folds) have no
        common scale.
    max_fpr : float
        Largest false positive rate, from 0 to 1: the share of images not used that are at or
        above the threshold.
    unresolved : {"raise", "warn", "nan"}, default="raise"
        Behaviour if `max_fpr` is smaller than one over the number of images not used: raise a
        ValueError, warn and return the rate without any false positive, or return NaN.

    Returns
    -------
    float
        The largest true positive rate of a threshold whose false positive rate is at
        most `max_fpr`. Tied scores pass together or not at all; nothing is interpolated.

    Raises
    ------
    ValueError
        If a label is missing or has another form, if a class is missing, if a score is NaN or
        infinite, or if `max_fpr` is not in 0..1 or can't be resolved.

    References
    ----------
    N. Carlini et al., "Membership inference attacks from first principles", IEEE
    Symposium on Security and Privacy (2022) 1897-1914.

    Examples
    --------
    >>> tpr_at_fpr([0, 0, 0, 0, 1, 1], [1, 2, 3, 5, 4, 6], max_fpr=0.25)
    1.0
    """
    is_used, _ = check_used(y_true, name="y_true", both=False)
    n_used, n_not_used = int(is_used.sum()), int((~is_used).sum())
    if min(n_used, n_not_used) == 0:
        raise ValueError(
            "A true positive rate at a false positive rate needs both classes in y_true; got "
            f"{n_used} used and {n_not_used} not used images."
        )
    if not 0 <= max_fpr <= 1:
        raise ValueError(f"max_fpr has to lie in 0..1; got {max_fpr!r}.")
    if unresolved not in ("raise", "warn", "nan"):
        raise ValueError(f'unresolved has to be "raise", "warn" or "nan"; got {unresolved!r}.')
    if max_fpr < 1 / n_not_used:
        if unresolved == "nan":
            return float("nan")
        message = (
            f"{n_not_used} images not used can't resolve max_fpr={max_fpr:g}: their smallest "
            f"false positive rate above 0 is {1 / n_not_used:.3g}, and no false positive among "
            f"them only shows a rate below {resolvable_fpr(n_not_used):.3g} (95 % confidence)."
        )
        if unresolved == "raise":
            raise ValueError(message)
        warnings.warn(message, UserWarning, stacklevel=2)
    # The rates are quotients of counts, which compare with a decimal max_fpr without rounding.
    fpr, tpr, _ = roc_curve(is_used, y_score, drop_intermediate=False)
    return float(tpr[fpr <= max_fpr].max())


def resolvable_fpr(n_not_used: int, confidence: float = 0.95) -> float:
    """Smallest bound on the false positive rate that this number of images can show.

    Parameters
    ----------
    n_not_used : int
        Number of images known as not used, none of which is called used.
    confidence : float, default=0.95
        One-sided confidence level.

    Returns
    -------
    float
        The upper Clopper-Pearson bound ``1 - (1 - confidence)^(1 / n_not_used)``, which is
        about 3 / n_not_used at 95 % (the rule of three).

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
    if n_not_used < 1 or not 0 < confidence < 1:
        raise ValueError(
            "n_not_used has to be at least 1, and confidence between 0 and 1, both excluded; "
            f"got {n_not_used!r} and {confidence!r}."
        )
    return float(-np.expm1(np.log1p(-confidence) / n_not_used))


def positive_predictive_value(
    tpr: ArrayLike, fpr: ArrayLike, prior: ArrayLike
) -> float | NDArray[np.float64]:
    """Probability that an image which is called used was used.

    In test sets half of the images were used; in a hospital's archive far fewer were.

    Parameters
    ----------
    tpr, fpr : float or array-like of shape (...)
        True and false positive rate, from 0 to 1.
    prior : float or array-like of shape (...)
        Share of used images among the images that the attack will be asked about.

    Returns
    -------
    float or ndarray of shape (...)
        ``tpr prior / (tpr prior + fpr (1 - prior))``, by Bayes' rule. It is NaN where no
        image would be called used.

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
    """Make a scorer of :func:`~gan_isi.metrics.tpr_at_fpr` for `scoring=` of scikit-learn.

    Every fold has to resolve the rate: 200 images not used in 5 folds resolve 1/40 at best.

    Parameters
    ----------
    max_fpr : float
        Largest false positive rate, see :func:`tpr_at_fpr`.
    unresolved : {"raise", "warn", "nan"}, default="raise"
        Behaviour if there are too few images not used, see :func:`tpr_at_fpr`.

    Returns
    -------
    callable
        Scorer ``scorer(estimator, X, y)``, which takes `decision_function` of the estimator,
        or `predict_proba` if there is no such method.

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
    """Return which images were used, and which are called used."""
    used, _ = check_used(y_true, name="y_true", unit="queries", both=False)
    called, _ = check_used(y_pred, len(used), name="y_pred", unit="queries", both=False)
    return used, called


#: Scorers for `scoring=` of scikit-learn, one or all of them; a better attack scores higher.
SCORERS: dict[str, Callable[..., float]] = {
    "specificity": make_scorer(specificity_score),
    "membership_advantage": make_scorer(membership_advantage),
    "tpr_at_fpr_0.1": make_tpr_at_fpr_scorer(0.1),
    "tpr_at_fpr_0.01": make_tpr_at_fpr_scorer(0.01),
}
