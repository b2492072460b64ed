"""A lower bound of the epsilon of differential privacy, from guesses in one run."""

import numpy as np
from scipy.special import expit, logit
from scipy.stats import beta, binom

from .arguments import check_share


def epsilon_p_value(n_right: int, n_guesses: int, epsilon: float) -> float:
    """P-value of so many right guesses, if the generator were epsilon-differentially private.

    Before training an independent fair coin decided of each image whether it is used. Then
    somebody who sees nothing but what the generator gives guesses some of these coins. If
    training and generating are epsilon-differentially private (with delta = 0), each guess is
    right with a probability of at most ``e^epsilon / (1 + e^epsilon)``, whatever the guesses
    before it were.

    Parameters
    ----------
    n_right : int
        Number of right guesses, at most `n_guesses`.
    n_guesses : int
        Number of guesses. How they are made, and how many, is fixed before the coins are
        looked at; what is too unsure may be left out.
    epsilon : float
        Parameter of differential privacy, from 0.

    Returns
    -------
    float
        Probability that ``Binomial(n_guesses, e^epsilon / (1 + e^epsilon))`` is at least
        `n_right`, which bounds that of so many right guesses.

    Raises
    ------
    ValueError
        For other numbers.

    References
    ----------
    T. Steinke, M. Nasr and M. Jagielski, "Privacy auditing with one (1) training run",
    NeurIPS 36 (2023), theorem for pure differential privacy.

    Examples
    --------
    >>> epsilon_p_value(3, 3, 0.0)
    0.125
    """
    _check_counts(n_right, n_guesses)
    if not epsilon >= 0:
        raise ValueError(f"epsilon has to be a number from 0; got {epsilon!r}.")
    return float(binom.sf(n_right - 1, n_guesses, expit(epsilon)))


def epsilon_lower_bound(n_right: int, n_guesses: int, *, confidence: float = 0.95) -> float:
    """Lower bound of the epsilon of differential privacy, from guesses in one run.

    This presumes that an independent fair coin decided of each image, before training, whether
    it is used. Two folders that a hospital happens to have are usually not made so; then
    the number bounds nothing. No upper bound follows from any guesses.

    Parameters
    ----------
    n_right : int
        Number of right guesses, at most `n_guesses`.
    n_guesses : int
        Number of guesses, see :func:`epsilon_p_value`.
    confidence : float, default=0.95
        One-sided confidence level.

    Returns
    -------
    float
        The epsilon whose p-value is ``1 - confidence``, and 0 where that of 0 is larger.

    Raises
    ------
    ValueError
        For other numbers.

    References
    ----------
    T. Steinke, M. Nasr and M. Jagielski, "Privacy auditing with one (1) training run",
    NeurIPS 36 (2023).

    Examples
    --------
    >>> print(f"{epsilon_lower_bound(100, 100):.2f}")
    3.49
    >>> epsilon_lower_bound(55, 100)
    0.0
    """
    _check_counts(n_right, n_guesses)
    level = 1 - check_share(confidence, "confidence")
    if n_right == 0:
        return 0.0
    # Clopper and Pearson's lower bound of the probability of a right guess.
    share = float(beta.ppf(level, n_right, n_guesses - n_right + 1))
    return max(0.0, float(logit(share)))


def _check_counts(n_right: int, n_guesses: int) -> None:
    whole = all(float(n) == np.floor(n) for n in (n_right, n_guesses))
    if not whole or not 0 <= n_right <= n_guesses:
        raise ValueError(
            "n_right and n_guesses have to be whole numbers, the former from 0 to the latter; got "
            f"n_right={n_right!r} and n_guesses={n_guesses!r}."
        )
