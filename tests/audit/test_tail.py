"""The few that stand out: brute force, scikit-learn, and what exact bounds promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binomtest, norm
from sklearn.metrics import roc_auc_score

from gan_isi.audit._statistics import recall_at_fpr, recognisable_share, tail_recall


class TestTailRecall:
    def test_is_scikit_learns_partial_area(self, rng):
        y = np.repeat([0, 1], [40, 25])
        scores = rng.normal(size=65) + y
        # McClish's standardisation undone; without ties both areas are those of steps.
        least, most = 0.1**2 / 2, 0.1
        standard = roc_auc_score(y, scores, max_fpr=0.1)
        area = least + (2 * standard - 1) * (most - least)
        assert tail_recall(y, scores) == pytest.approx(area / 0.1)

    @given(
        st.lists(
            st.tuples(st.booleans(), st.integers(-2, 2), st.integers(0, 1)), min_size=2, max_size=40
        )
    )
    def test_brute_force(self, rows):
        y, scores, folds = np.array(rows).T
        found = []
        for own, value, fold in zip(y, scores, folds, strict=True):
            others = sorted(scores[(y == 0) & (folds == fold)], reverse=True)
            if own == 1 and others:
                highest = others[: max(1, len(others) // 10)]
                found.append(np.mean([(value > one) + (value == one) / 2 for one in highest]))
        if not found:
            with pytest.raises(ValueError, match="No fold holds"):
                tail_recall(y, scores, folds)
            return
        assert tail_recall(y, scores, folds) == pytest.approx(np.mean(found))
        assert tail_recall(y, np.exp(scores) * 10.0**folds, folds) == pytest.approx(np.mean(found))

    def test_sees_a_few_that_the_area_does_not(self, rng):
        y = np.repeat([0, 1], 100)
        scores = rng.normal(size=200)
        before = tail_recall(y, scores), roc_auc_score(y, scores)
        scores[y == 1] = np.where(np.arange(100) < 10, 5 + scores[100:], scores[100:])
        assert tail_recall(y, scores) > before[0] + 0.06
        assert roc_auc_score(y, scores) < before[1] + 0.08


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
