"""The bound of epsilon against closed forms and randomised response, that of an AUC too."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import brentq
from scipy.stats import binomtest

from gan_isi.statistics import (
    auc_interval,
    auc_upper_bound,
    epsilon_lower_bound,
    epsilon_p_value,
)


def test_all_guesses_right_is_a_closed_form():
    for n in (7, 30, 100):
        share = 0.05 ** (1 / n)
        assert_allclose(epsilon_p_value(n, n, np.log(share / (1 - share))), 0.05)
        assert_allclose(epsilon_lower_bound(n, n), np.log(share / (1 - share)))


@pytest.mark.parametrize(("right", "guesses"), [(70, 100), (9, 10), (400, 600)])
def test_the_bound_inverts_the_test(right, guesses):
    bound = epsilon_lower_bound(right, guesses, confidence=0.9)
    assert_allclose(epsilon_p_value(right, guesses, bound), 0.1)
    root = brentq(lambda e: epsilon_p_value(right, guesses, e) - 0.1, 0, 20)
    assert_allclose(bound, root)


def test_it_is_the_exact_test_of_a_binomial():
    for right in (0, 3, 9):
        tested = binomtest(right, 9, np.exp(0.7) / (1 + np.exp(0.7)), "greater")
        assert_allclose(epsilon_p_value(right, 9, 0.7), tested.pvalue)


def test_nothing_is_bounded_by_guesses_that_are_those_of_chance():
    assert epsilon_lower_bound(0, 0) == epsilon_lower_bound(0, 20) == 0
    assert epsilon_lower_bound(12, 20) == 0
    assert epsilon_p_value(0, 0, 0.0) == 1


def test_randomised_response_attains_the_bound_and_keeps_the_confidence():
    """Each coin is told truly with the largest probability that epsilon allows."""
    rng, epsilon, n = np.random.default_rng(0), 1.5, 60
    right = rng.binomial(n, np.exp(epsilon) / (1 + np.exp(epsilon)), size=4000)
    bounds = np.array([epsilon_lower_bound(k, n) for k in range(n + 1)])[right]
    too_high = (bounds > epsilon).mean()
    assert 0.02 < too_high <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)
    large = epsilon_lower_bound(round(20000 * np.exp(1.5) / (1 + np.exp(1.5))), 20000)
    assert 1.4 < large < 1.5


@pytest.mark.parametrize(("right", "guesses"), [(3, 2), (-1, 2), (0.5, 2)])
def test_counts_that_are_none_are_refused(right, guesses):
    with pytest.raises(ValueError, match="whole numbers, the former from 0 to the latter"):
        epsilon_lower_bound(right, guesses)


def test_other_numbers_are_refused():
    with pytest.raises(ValueError, match="epsilon has to be a number from 0; got -1"):
        epsilon_p_value(1, 2, -1)
    with pytest.raises(ValueError, match="epsilon has to be a number from 0; got nan"):
        epsilon_p_value(1, 2, float("nan"))
    with pytest.raises(ValueError, match="confidence has to lie between"):
        epsilon_lower_bound(1, 2, confidence=1)


def test_the_upper_bound_of_an_auc_misses_it_as_often_as_it_says():
    rng, y = np.random.default_rng(2), np.repeat([0, 1], 40)
    shift = 0.5
    truth = 0.6381632  # Phi(0.5 / sqrt(2))
    below = [auc_upper_bound(y, rng.normal(size=80) + shift * y) < truth for _ in range(1500)]
    assert binomtest(sum(below), 1500, 0.05, "greater").pvalue > 0.01
    assert np.mean(below) > 0.02
    scores = rng.normal(size=80)
    assert auc_upper_bound(y, scores) == auc_interval(y, scores, confidence=0.9)[1]
    with pytest.raises(ValueError, match="confidence has to lie between"):
        auc_upper_bound(y, scores, confidence=0.5)
