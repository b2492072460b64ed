"""Power: the smallest effect that an audit of a given size would have noticed."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.stats import norm

from .arguments import check_share
from .auc import null_effect


def detectable_auc(
    n_used: float,
    n_not_used: float,
    *,
    null: ArrayLike | None = None,
    significance: float = 0.05,
    power: float = 0.8,
) -> float:
    """Smallest true AUC that a one-sided test against 0.5 would have noticed.

    Parameters
    ----------
    n_used, n_not_used : float
        Numbers m of used and n of not used queries; without `null`, numbers of patients.
    null : array-like of shape (n_permutations,), default=None
        AUCs of refits with permuted labels. Their spread shows how much less m and n are
        worth for an attack that learns, or with several images of a patient, see
        :func:`auc_interval`. None is for an attack that learns nothing.
    significance : float, default=0.05
        Largest probability of a false alarm.
    power : float, default=0.8
        Probability of noticing the effect.

    Returns
    -------
    float
        The A with ``A - 1/2 = z(significance) s(1/2) + z(power) s(A)``, where, with
        Q = A / (2 - A) and R = 2 A^2 / (1 + A),
        ``s(A)^2 = (A (1 - A) + (m - 1) (Q - A^2) + (n - 1) (R - A^2)) / (m n)``.
        It is NaN if even an AUC of 1 would not have been noticed.

    Raises
    ------
    ValueError
        If a number is out of range.

    References
    ----------
    J. A. Hanley and B. J. McNeil, "The meaning and use of the area under a receiver
    operating characteristic (ROC) curve", Radiology 143 (1982) 29-36.

    Examples
    --------
    >>> round(detectable_auc(100, 100), 3)
    0.601
    """
    if min(n_used, n_not_used) < 1:
        raise ValueError(
            "n_used and n_not_used have to be at least 1; "
            f"got n_used={n_used!r} and n_not_used={n_not_used!r}."
        )
    effect = null_effect(null, n_used, n_not_used)
    m, n = n_used / effect, n_not_used / effect
    alarm = norm.isf(check_share(significance, "significance"))
    noticed = norm.ppf(check_share(power, "power"))
    limit = 0.5 + alarm * _hanley_mcneil_error(0.5, m, n)

    def missing(auc: float) -> float:
        return float(limit + noticed * _hanley_mcneil_error(auc, m, n) - auc)

    if missing(1.0) > 0:
        return float("nan")
    return float(brentq(missing, 0.5, 1.0))


def _hanley_mcneil_error(auc: float, n_used: float, n_not_used: float) -> float:
    one_used, one_not_used = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    numerator = (
        auc * (1 - auc)
        + (n_used - 1) * (one_used - auc**2)
        + (n_not_used - 1) * (one_not_used - auc**2)
    )
    return float(np.sqrt(max(0.0, numerator) / (n_used * n_not_used)))
