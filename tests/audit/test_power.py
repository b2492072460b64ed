"""What would have been noticed: the exact tests themselves, and simulation."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from gan_isi.statistics import detectable_auc


def test_too_few_to_notice_anything():
    assert np.isnan(detectable_auc(2, 2))


@pytest.mark.parametrize("sizes", [(30, 30), (15, 60)])
def test_power_of_the_mann_whitney_test(sizes):
    rng, (m, n) = np.random.default_rng(5), sizes
    auc = detectable_auc(m, n)
    # Exponential scores, for which Hanley and McNeil's variance is exact.
    members = rng.exponential(auc / (1 - auc), size=(2000, m, 1))
    aucs = (members > rng.exponential(size=(2000, 1, n))).mean(axis=(1, 2))
    limit = 0.5 + norm.ppf(0.95) * np.sqrt((m + n + 1) / (12 * m * n))
    low, high = binom.ppf([0.001, 0.999], 2000, [0.78, 0.83]) / 2000
    assert low <= np.mean(aucs > limit) <= high


def test_permutations_that_vary_more_leave_less_power():
    # Four times the variance is a quarter of the queries.
    spread = 2 * np.sqrt(81 / (12 * 40 * 40))
    null = 0.5 + spread * np.tile([-1, 1], 50)
    assert detectable_auc(40, 40, null=null) == pytest.approx(detectable_auc(10, 10), abs=2e-3)
    assert detectable_auc(40, 40, null=np.full(9, 0.5)) == detectable_auc(40, 40)


def test_more_queries_notice_less():
    aucs = [detectable_auc(n, n) for n in (10, 100, 1000)]
    assert aucs == sorted(aucs, reverse=True)
    assert detectable_auc(10, 50) == pytest.approx(detectable_auc(50, 10), abs=0.02)


def test_errors():
    with pytest.raises(ValueError, match="got n_used=0 and n_not_used=3"):
        detectable_auc(0, 3)
    with pytest.raises(ValueError, match="power has to lie between"):
        detectable_auc(3, 3, power=80)
