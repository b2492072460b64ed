"""Rules that fuse one query's pair probabilities into one membership score.

A rule takes an array (n_queries, n_generated) of probabilities and returns one score
in 0..1 a query. It must not depend on the order of the generated images.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from .._validation.arrays import check_array, check_choice, check_number

FusionRule: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]

#: Probabilities of exactly 0 or 1 would have an infinite logit.
_SMALLEST = 1e-12


def mean(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the generated images, as we read the paper's "probability score fusion"."""
    return _checked(probabilities).mean(axis=1)


def median(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median over the generated images."""
    return np.median(_checked(probabilities), axis=1)


def maximum(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of the most suspicious generated image."""
    return _checked(probabilities).max(axis=1)


def logit_mean(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the log-odds, transformed back into a probability."""
    clipped = np.clip(_checked(probabilities), _SMALLEST, 1 - _SMALLEST)
    return expit(logit(clipped).mean(axis=1))


def top_mean(probabilities: NDArray[np.float64], fraction: float = 0.05) -> NDArray[np.float64]:
    """Mean of the largest `fraction` of the probabilities, at least one."""
    probabilities = _checked(probabilities)
    check_number(fraction, "fraction", above=0, most=1)
    n_generated = probabilities.shape[1]
    n_top = max(1, math.ceil(fraction * n_generated))
    return np.partition(probabilities, n_generated - n_top, axis=1)[:, -n_top:].mean(axis=1)


FUSION_RULES: dict[str, FusionRule] = {
    "mean": mean,
    "median": median,
    "max": maximum,
    "logit_mean": logit_mean,
    "top_mean": top_mean,
}


def fuse(
    probabilities: NDArray[np.float64], rule: str | FusionRule, *, top_fraction: float = 0.05
) -> NDArray[np.float64]:
    """Apply a rule by its name, or a callable, and check what it returns.

    Parameters
    ----------
    probabilities : ndarray of shape (n_queries, n_generated)
        Pair probabilities.
    rule : {"mean", "median", "max", "logit_mean", "top_mean"} or callable
        A callable gets `probabilities` and returns one score in 0..1 a query.
    top_fraction : float, default=0.05
        Share of the generated images that "top_mean" averages.

    Returns
    -------
    ndarray of shape (n_queries,)
        Scores in 0..1.

    Raises
    ------
    TypeError, ValueError
        For what is no array of probabilities, an unknown rule, a share outside 0..1, and if
        a callable returns another shape, or values outside 0..1.

    Examples
    --------
    >>> import numpy as np
    >>> fuse(np.array([[0.2, 0.4, 0.9]]), "max")
    array([0.9])
    """
    if not callable(rule):
        check_choice(rule, "rule", FUSION_RULES)
    check_number(top_fraction, "top_fraction", above=0, most=1)
    probabilities = _checked(probabilities)
    if callable(rule):
        function = rule
    elif rule == "top_mean":
        function = partial(top_mean, fraction=top_fraction)
    else:
        function = FUSION_RULES[rule]
    scores = np.asarray(function(probabilities))
    if scores.dtype.kind not in "buif":
        raise TypeError(f"The fusion rule returned {scores.dtype}; expected numbers in 0..1.")
    scores = scores.astype(np.float64, copy=False)
    if scores.shape != (len(probabilities),):
        raise ValueError(
            f"The fusion rule returned shape {scores.shape}; expected one score a query, "
            f"shape ({len(probabilities)},)."
        )
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError(
            "The fusion rule returned scores outside 0..1 or NaN: from "
            f"{scores.min():g} to {scores.max():g}."
        )
    return scores


def _checked(probabilities: Any) -> NDArray[np.float64]:
    checked = check_array(probabilities, "probabilities", "(n_queries, n_generated)")
    if checked.min() < 0 or checked.max() > 1:
        raise ValueError(
            "probabilities have to lie in 0..1; got values from "
            f"{checked.min():g} to {checked.max():g}."
        )
    return checked.astype(np.float64, copy=False)
