"""The few that stand out: brute force, power, and what exact bounds promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binomtest, norm

from gan_isi.statistics import (
    recall_at_fpr,
    recognisable_share,
    tail_excess,
    within_fold_auc,
)


class TestTailExcess:
    @given(
        st.lists(
            st.tuples(st.booleans(), st.integers(-9, 9), st.integers(0, 1)), min_size=2, max_size=40
        )
    )
    def test_brute_force(self, rows):
        y, scores, folds = np.array(rows).T
        y[:2] = 0, 1
        scaled = np.empty(len(y))
        for fold in np.unique(folds):
            own = scores[folds == fold] - np.median(scores[folds == fold])
            scaled[folds == fold] = own / (np.median(abs(own)) or abs(own).mean() or 1)
        found = []
        for threshold in np.unique(scaled):
            above = scaled >= threshold
            if 5 <= above.sum() <= max(5, len(y) / 5):
                spread = np.sqrt(above.sum() * y.mean() * (1 - y.mean()))
                found.append((y[above].sum() - above.sum() * y.mean()) / spread)
        assert tail_excess(y, scores, folds) == pytest.approx(max(found, default=0))
        # Each fold has its own scale.
        assert tail_excess(y, 3.0 * scores * 10.0**folds + folds, folds) == pytest.approx(
            tail_excess(y, scores, folds), abs=1e-6
        )

    def test_one_score_for_all_and_infinite_ones(self):
        y = np.repeat([0, 1], 20)
        assert tail_excess(y, np.zeros(40)) == 0
        assert tail_excess(y, np.where(np.arange(40) > 32, np.inf, -1.0)) > 2
        with pytest.raises(ValueError, match="both classes in y; got 3 used queries of 3"):
            tail_excess([1, 1, 1], [1, 2, 3])

    def test_sees_a_few_that_the_area_does_not(self):
        """Level where there is nothing, and power where ten of a hundred are told."""
        rng, y = np.random.default_rng(0), np.repeat([0, 1], 100)
        folds, rejected = np.arange(200) % 5, {"nothing": [], "tail": [], "area": []}
        for _ in range(60):
            orders = [y, *(rng.permutation(y) for _ in range(39))]
            scores = rng.normal(size=200)
            told = scores + 5 * (np.arange(200) >= 190)
            for kind, (statistic, values) in {
                "nothing": (tail_excess, scores),
                "tail": (tail_excess, told),
                "area": (within_fold_auc, told),
            }.items():
                found = np.array([statistic(one, values, folds) for one in orders])
                rejected[kind].append(np.mean(found >= found[0] - 1e-12) <= 0.05)
        assert np.mean(rejected["nothing"]) <= 0.15
        assert np.mean(rejected["tail"]) > 0.9
        assert np.mean(rejected["area"]) < 0.6


class TestRecallAtFPR:
    def test_the_threshold_is_the_kth_highest(self):
        # 99 others: (99 + 1) 0.05 is the fifth highest.
        y = np.repeat([0, 1], [99, 10])
        scores = np.append(np.arange(99.0), np.arange(89.5, 99.5))
        found = recall_at_fpr(y, scores, 0.05)
        assert found.value == np.mean(scores[99:] > 94)
        assert found.low <= found.value <= found.high

    def test_bounds_by_hand(self):
        y = np.repeat([0, 1], [99, 10])
        scores = np.append(np.arange(99.0), np.arange(89.5, 99.5))
        ranks = np.arange(1, 100)
        sure = ranks[beta.sf(0.05, ranks, 100 - ranks) <= 0.0125].max()
        below = ranks[beta.cdf(0.05, ranks, 100 - ranks) <= 0.0125].min()
        expected = [
            binomtest(int((scores[99:] > 99 - rank).sum()), 10).proportion_ci(0.975, method="exact")
            for rank in (sure, below)
        ]
        found = recall_at_fpr(y, scores, 0.05)
        assert (found.low, found.high) == pytest.approx((expected[0].low, expected[1].high))

    def test_too_few_non_members(self):
        assert np.isnan(recall_at_fpr([0] * 18 + [1], range(19), 0.05)).all()
        found = recall_at_fpr([0] * 19 + [1] * 50, range(69), 0.05)
        # The highest of 19 is above the wanted threshold with no certainty.
        assert found.value == 1
        assert found.low == 0

    def test_copies_of_an_image_add_nothing(self, rng):
        y, scores = np.repeat([0, 1], [40, 30]), rng.normal(size=70)
        groups = np.repeat(np.arange(70), 3)
        once, thrice = (
            recall_at_fpr(y, scores, 0.1),
            recall_at_fpr(np.repeat(y, 3), np.repeat(scores, 3), 0.1, groups),
        )
        assert thrice.value == once.value
        assert thrice.high - thrice.low > 0.9 * (once.high - once.low)

    @pytest.mark.parametrize(("n", "fpr"), [(100, 0.01), (100, 0.1), (40, 0.05)])
    def test_coverage(self, n, fpr):
        rng, covered, plug_in = np.random.default_rng(0), [], []
        y = np.repeat([0, 1], [n, 100])
        truth = norm.sf(norm.isf(fpr) - 1.5)
        for _ in range(400):
            scores = rng.normal(size=n + 100) + 1.5 * y
            found = recall_at_fpr(y, scores, fpr)
            covered.append(found.low <= truth <= found.high)
            share = binomtest(round(100 * found.value), 100).proportion_ci(method="wilson")
            plug_in.append(share.low <= truth <= share.high)
        assert np.mean(covered) >= 0.95
        assert np.mean(plug_in) < 0.85


class TestRecognisableShare:
    def test_is_a_lower_bound(self):
        """A fourth of the members is told without fail, or none is."""
        rng, bounds = np.random.default_rng(1), {0.0: [], 0.25: []}
        y = np.repeat([0, 1], 100)
        for _ in range(300):
            for share, found in bounds.items():
                told = (rng.random(200) < share) & (y == 1)
                found.append(recognisable_share(y, rng.normal(size=200) + 6 * told))
        assert np.mean(np.array(bounds[0.0]) > 0) <= 0.05
        assert np.mean(np.array(bounds[0.25]) > 0.25) <= 0.05
        assert np.mean(np.array(bounds[0.25]) > 0.05) > 0.8

    def test_bound_by_hand(self):
        # Thresholds at the 1st, 4th and 16th of 20; the last one is best here.
        y, scores = np.repeat([0, 1], [20, 30]), np.append(np.arange(20.0), np.arange(2.5, 32.5))
        bounds = []
        for rank, found in ((1, 13), (4, 16), (16, 28)):
            assert (scores[20:] > np.sort(scores[:20])[-rank]).sum() == found
            tpr = binomtest(found, 30).proportion_ci(1 - 0.05 / 3, method="exact").low
            fpr = beta.isf(0.05 / 6, rank, 21 - rank)
            bounds.append((tpr - fpr) / (1 - fpr))
        assert recognisable_share(y, scores) == pytest.approx(max(0, *bounds))
        assert max(bounds) > 0

    def test_grows_with_the_members_told(self):
        y = np.repeat([0, 1], 100)
        found = [
            recognisable_share(y, np.tile(np.arange(100), 2) + 200 * y * (np.arange(200) < 100 + n))
            for n in (0, 20, 60, 100)
        ]
        assert found[0] == 0
        assert found == sorted(found)
        assert 0.9 < found[3] < 1

    def test_a_patient_counts_once(self):
        y = np.repeat([0, 1], 30)
        once = recognisable_share(y, y)
        assert once == recognisable_share(
            np.repeat(y, 9), np.repeat(y, 9), np.repeat(np.arange(60), 9)
        )
        assert once < recognisable_share(np.repeat(y, 9), np.repeat(y, 9))
