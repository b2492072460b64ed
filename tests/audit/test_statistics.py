"""AUCs and intervals: closed forms, oracles, and coverage by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binom, binomtest, norm, t
from sklearn.metrics import roc_auc_score

from gan_isi.statistics import (
    auc_interval,
    difference_interval,
    proportion_interval,
    within_fold_auc,
)
from gan_isi.statistics.auc import _concordance

#: Of queries with a few distinct scores in a few folds.
queries = st.lists(
    st.tuples(st.booleans(), st.integers(-2, 2), st.integers(0, 2)), min_size=2, max_size=14
)


def check_coverage(covered, *, least, most=1.0):
    """The share lies in a range, but for what binomial chance explains."""
    low, high = binom.ppf([0.001, 0.999], len(covered), [least, most]) / len(covered)
    assert low <= np.mean(covered) <= high


def draw_patients(rng, n_patients, n_images, correlation):
    """Normal noise of images that patients share in part; the first half are members."""
    groups = np.repeat(np.arange(n_patients), n_images)
    own, shared = rng.normal(size=len(groups)), rng.normal(size=n_patients)[groups]
    noise = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
    return groups, (groups < n_patients // 2).astype(int), noise


def newcombe_excess(bound, auc, m, n, quantile):
    """Zero at the bounds of Newcombe's method 5."""
    extra = (m + n) / 2 - 1
    variance = bound * (1 - bound) / (m * n)
    variance *= 1 + extra * (1 - bound) / (2 - bound) + extra * bound / (1 + bound)
    return abs(auc - bound) - quantile * np.sqrt(variance)


def wilson(successes, n, confidence=0.95):
    """An oracle: scipy's."""
    bounds = binomtest(int(successes), int(n)).proportion_ci(confidence, method="wilson")
    return bounds.low, bounds.high


class TestProportionInterval:
    @pytest.mark.parametrize("confidence", [0.8, 0.95])
    @pytest.mark.parametrize("successes", [0, 1, 7, 20])
    def test_independent_queries_have_scipys(self, rng, successes, confidence):
        right = np.arange(20) < successes
        expected = pytest.approx(wilson(successes, 20, confidence), abs=1e-12)
        assert proportion_interval(right, confidence=confidence) == expected
        assert proportion_interval(right, rng.permutation(20), confidence=confidence) == expected

    def test_the_ends_are_exact(self):
        for n in range(1, 300):
            assert proportion_interval(np.zeros(n))[0] == 0
            assert proportion_interval(np.ones(n))[1] == 1

    def test_the_papers_accuracy_is_chance(self):
        low, high = proportion_interval(np.arange(200) < 107)  # 0.535
        assert low < 0.5 < high
        assert round(binomtest(107, 200, alternative="greater").pvalue, 2) == 0.18

    def test_permutations_that_vary_more_widen_it(self):
        right = np.arange(50) % 2
        null = 0.5 + np.array([-0.1, 0.1]) * np.sqrt(2)
        # Their variance is 0.04, that of 50 trials 0.005: they are worth 6.25.
        low, high = proportion_interval(right, null=np.repeat(null, 500))
        quantile = t.ppf(0.975, 1000)
        assert high - 0.5 == pytest.approx(
            quantile * np.sqrt(high * (1 - high) * 0.02 * 1000 / 999 / 0.25), rel=1e-3
        )
        assert low == pytest.approx(1 - high)
        # Some that vary less narrow nothing; their number still counts.
        narrow = proportion_interval(right, null=np.full(9, 0.5))
        assert narrow[1] - 0.5 == pytest.approx(
            t.ppf(0.975, 9) * np.sqrt(narrow[1] * (1 - narrow[1]) / 50)
        )
        assert proportion_interval(right, null=[]) == proportion_interval(right)

    @pytest.mark.parametrize("confidence", [0, 1, 95])
    def test_confidence(self, confidence):
        with pytest.raises(ValueError, match="confidence has to lie between 0 and 1"):
            proportion_interval([0, 1], confidence=confidence)

    def test_copies_of_an_image_add_nothing(self):
        right = np.array([0, 1, 1, 1, 0, 1])
        once = proportion_interval(np.repeat(right, 3), np.repeat(np.arange(6), 3))
        assert once == pytest.approx(
            proportion_interval(np.repeat(right, 50), np.repeat(np.arange(6), 50))
        )
        # Six patients, whose variance is estimated: five, and Student's quantile.
        share = right.mean()
        distances = [abs(share - p) / np.sqrt(p * (1 - p) / 5) for p in once]
        assert distances == pytest.approx([t.ppf(0.975, 5)] * 2)

    @pytest.mark.parametrize("outcome", [0, 1])
    def test_without_variation_a_patient_is_one_query(self, outcome):
        low, high = proportion_interval(np.full(40, outcome), np.repeat(np.arange(8), 5))
        quantile = t.ppf(0.975, 7)
        width = quantile**2 / (8 + quantile**2)
        assert (low, high) == pytest.approx((1 - width, 1) if outcome else (0, width))

    def test_patients_whose_images_differ_add_no_queries(self):
        # One right, one wrong each: the share is the same for every patient.
        low, high = proportion_interval([0, 1] * 8, np.repeat(np.arange(8), 2))
        quantile = t.ppf(0.975, 7)
        assert high - 0.5 == pytest.approx(quantile * np.sqrt(high * (1 - high) / 16))
        assert low == pytest.approx(1 - high)

    def test_coverage_with_patients(self):
        rng, covered, naive = np.random.default_rng(0), [], []
        for _ in range(500):
            groups, _, noise = draw_patients(rng, 20, 5, correlation=0.5)
            right = (noise < norm.ppf(0.7)).astype(int)
            low, high = proportion_interval(right, groups)
            covered.append(low <= 0.7 <= high)
            low, high = wilson(right.sum(), 100)
            naive.append(low <= 0.7 <= high)
        check_coverage(covered, least=0.93, most=0.975)
        check_coverage(naive, least=0.0, most=0.85)

    def test_errors(self):
        with pytest.raises(ValueError, match="each 0 or 1; got"):
            proportion_interval([0, 1, 2])
        with pytest.raises(ValueError, match="queries of at least two groups"):
            proportion_interval([0, 1, 1], ["a", "a", "a"])
        with pytest.raises(ValueError, match="groups has 2 entries for 3 queries"):
            proportion_interval([0, 1, 1], [1, 2])


class TestWithinFoldAUC:
    def test_one_fold_is_sklearns(self, rng):
        y, scores = rng.integers(0, 2, 60), rng.integers(0, 9, 60)
        assert within_fold_auc(y, scores) == pytest.approx(roc_auc_score(y, scores))

    @given(queries)
    def test_brute_force(self, rows):
        y, scores, folds = np.array(rows).T
        pairs = [
            (si > sj) + (si == sj) / 2
            for yi, si, fi in zip(y, scores, folds, strict=True)
            for yj, sj, fj in zip(y, scores, folds, strict=True)
            if yi == 1 and yj == 0 and fi == fj
        ]
        if not pairs:
            with pytest.raises(ValueError, match="no fold has both"):
                within_fold_auc(y, scores, folds)
            return
        auc = within_fold_auc(y, scores, folds)
        assert auc == pytest.approx(np.mean(pairs))
        found = _concordance(y == 1, scores, folds)
        for query, influence in enumerate(found.influence):
            others = (folds == folds[query]) & (y != y[query])
            gaps = (scores[query] - scores[others]) * (1 if y[query] == 1 else -1)
            expected = ((gaps > 0) + (gaps == 0) / 2 - auc).sum() / len(pairs)
            assert influence == pytest.approx(expected)
        # Each fold has its own scale, and the classes mirror one another.
        assert within_fold_auc(y, np.exp(scores) * 10.0**folds, folds) == pytest.approx(auc)
        assert within_fold_auc(1 - y, scores, folds) == pytest.approx(1 - auc)

    def test_pooled_scores_look_safe_where_there_is_nothing_to_tell(self):
        rng, pooled = np.random.default_rng(1), []
        folds = np.arange(40) % 5
        for _ in range(50):
            y = rng.permutation(40) % 2
            # A classifier without features knows the share of members it was fitted on.
            prevalence = np.array([y[folds != fold].mean() for fold in range(5)])[folds]
            pooled.append(within_fold_auc(y, prevalence))
            assert within_fold_auc(y, prevalence, folds) == 0.5
        assert np.mean(pooled) < 0.4

    def test_infinite_scores_have_ranks(self):
        assert within_fold_auc([0, 1, 1], [-np.inf, 0, np.inf]) == 1

    def test_errors(self):
        with pytest.raises(ValueError, match="1 for queries that were used and 0"):
            within_fold_auc([1, 2], [0, 1])
        with pytest.raises(ValueError, match="scores has 1 NaN among 2"):
            within_fold_auc([0, 1], [0, np.nan])
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            within_fold_auc([0, 1], [0, 1], [0])


class TestAUCInterval:
    @pytest.mark.parametrize("gap", [0.0, 1.0, 9.0, -9.0])
    def test_bounds_solve_newcombes_equation(self, rng, gap):
        y = np.repeat([0, 1], [12, 20])
        scores = rng.normal(size=32) + gap * y
        auc, bounds = roc_auc_score(y, scores), auc_interval(y, scores, confidence=0.9)
        assert bounds[0] <= auc <= bounds[1]
        for bound in bounds:
            if 0 < bound < 1:
                excess = newcombe_excess(bound, auc, 20, 12, norm.ppf(0.95))
                assert excess == pytest.approx(0, abs=1e-9)
        assert (abs(gap) == 9) == (0 in bounds or 1 in bounds)

    def test_without_an_error_the_bound_is_not_1(self):
        y = np.repeat([0, 1], 20)
        low, high = auc_interval(y, y)
        assert high == 1
        assert newcombe_excess(low, 1, 20, 20, norm.ppf(0.975)) == pytest.approx(0, abs=1e-9)
        mirrored = auc_interval(1 - y, y)
        assert mirrored == pytest.approx((0, 1 - low))
        # Without an error, ten images of one patient may be one.
        many = auc_interval(np.repeat(y, 10), np.repeat(y, 10), groups=np.repeat(np.arange(40), 10))
        assert many[0] < low

    @pytest.mark.parametrize("copies", [2, 7])
    @pytest.mark.parametrize(("n_used", "freedom"), [(12, 22), (4, 6)])
    def test_copies_of_an_image_add_nothing(self, rng, copies, n_used, freedom):
        y, scores = (np.arange(24) < n_used).astype(int), rng.normal(size=24)
        bounds = auc_interval(
            *(np.repeat(a, copies) for a in (y, scores)), groups=np.repeat(np.arange(24), copies)
        )
        # The variance is estimated from as many patients as the smaller class has.
        m, n = (k * (n_used - 1) / n_used for k in (n_used, 24 - n_used))
        for bound in bounds:
            quantile = t.ppf(0.975, freedom)
            excess = newcombe_excess(bound, roc_auc_score(y, scores), m, n, quantile)
            assert excess == pytest.approx(0, abs=1e-9)

    def test_groups_of_one_query_change_nothing(self, rng):
        y, scores, folds = np.arange(30) % 2, rng.normal(size=30), np.arange(30) % 5
        alone = auc_interval(y, scores, folds, rng.permutation(30))
        assert alone == auc_interval(y, scores, folds)

    @pytest.mark.parametrize("auc", [0.5, 0.8, 0.97])
    def test_coverage(self, auc):
        rng, covered = np.random.default_rng(2), []
        y, folds = np.arange(40) % 2, np.arange(40) // 2 % 5
        for _ in range(500):
            # Each fold on its own scale.
            scores = rng.normal(size=40) + np.sqrt(2) * norm.ppf(auc) * y + 5 * folds
            low, high = auc_interval(y, scores, folds)
            covered.append(low <= auc <= high)
        check_coverage(covered, least=0.94, most=0.985)

    @pytest.mark.parametrize("auc", [0.5, 0.9])
    def test_coverage_with_patients(self, auc):
        rng, covered, naive = np.random.default_rng(3), [], []
        for _ in range(500):
            groups, y, noise = draw_patients(rng, 30, 5, correlation=0.6)
            scores = noise + np.sqrt(2) * norm.ppf(auc) * y
            low, high = auc_interval(y, scores, groups=groups)
            covered.append(low <= auc <= high)
            low, high = auc_interval(y, scores)
            naive.append(low <= auc <= high)
        check_coverage(covered, least=0.93, most=0.985)
        check_coverage(naive, least=0.0, most=0.85)

    def test_permutations_that_vary_more_widen_it(self, rng):
        y, scores = np.repeat([0, 1], [12, 20]), rng.normal(size=32)
        # Twice the variance of Mann and Whitney's statistic, known from very many.
        spread = np.sqrt(2 * 33 / (12 * 12 * 20))
        bounds = auc_interval(y, scores, null=0.5 + spread * np.tile([-1, 1], 50_000))
        for bound in bounds:
            excess = newcombe_excess(bound, roc_auc_score(y, scores), 10, 6, norm.ppf(0.975))
            assert excess == pytest.approx(0, abs=1e-4)
        few = auc_interval(y, scores, null=0.5 + spread * np.tile([-1, 1], 3))
        excess = newcombe_excess(few[0], roc_auc_score(y, scores), 10, 6, t.ppf(0.975, 6))
        assert excess == pytest.approx(0, abs=1e-9)
        assert auc_interval(y, scores, null=[]) == auc_interval(y, scores)

    def test_a_class_of_one_patient(self):
        with pytest.raises(ValueError, match="got 1 that were used and 2 that were not"):
            auc_interval([0, 0, 1, 1], [1, 2, 3, 4], groups=["a", "b", "c", "c"])


class TestDifferenceInterval:
    def test_exchanging_the_attacks_mirrors_it(self, rng):
        y, first, other = np.arange(30) % 2, *rng.normal(size=(2, 30))
        low, high = difference_interval(y, first, other)
        assert difference_interval(y, other, first) == pytest.approx((-high, -low))
        assert low < within_fold_auc(y, first) - within_fold_auc(y, other) < high

    def test_of_independent_attacks_the_half_widths_add_in_quadrature(self):
        # Every combination of two scores once in each class: no correlation.
        scores, other = (grid.ravel() for grid in np.meshgrid(np.arange(5), np.arange(5)))
        y = np.repeat([0, 1], 25)
        low, high = difference_interval(y, np.tile(scores, 2), np.tile(other, 2))
        # At an AUC of 1/2 the variance is Mann and Whitney's.
        single = auc_interval(y, np.tile(scores, 2))
        ratio = t.ppf(0.975, 48) / norm.ppf(0.975)
        assert high == pytest.approx(-low)
        assert high == pytest.approx(np.sqrt(2) * (single[1] - 0.5) * ratio, rel=0.02)

    def test_what_both_share_cancels(self, rng):
        y, shared = np.arange(60) % 2, rng.normal(size=60)
        apart = rng.normal(size=(2, 60)) / 5
        alike = np.ptp(difference_interval(y, shared + apart[0], shared + apart[1]))
        unlike = np.ptp(difference_interval(y, shared, rng.normal(size=60)))
        assert alike < unlike / 2

    def test_width_where_neither_errs(self):
        y = np.repeat([0, 1], 20)
        low, high = difference_interval(y, y, y)
        assert low < 0 < high

    def test_where_one_makes_no_error_nothing_cancels(self):
        y, coin = np.repeat([0, 1], 20), np.tile([0, 1], 20)
        quantile = t.ppf(0.975, 38)
        lowest = brentq(newcombe_excess, 0.5, 1 - 1e-9, (1, 20, 20, quantile))
        highest = brentq(newcombe_excess, 0.5 + 1e-9, 1 - 1e-9, (0.5, 20, 20, quantile))
        low, _ = difference_interval(y, y, coin)
        assert low == pytest.approx(0.5 - np.hypot(1 - lowest, highest - 0.5))

    def test_permutations_tell_widths_and_correlation(self, rng):
        y, first, other = np.arange(40) % 2, *rng.normal(size=(2, 40))
        spread = np.sqrt(2 * 41 / (12 * 20 * 20))
        null = 0.5 + spread * np.tile([-1, 1, -1, 1], 5_000)
        apart = 0.5 + spread * np.tile([-1, -1, 1, 1], 5_000)
        aucs = [within_fold_auc(y, one) for one in (first, other)]
        single = [auc_interval(y, one, null=null) for one in (first, other)]
        ratio = t.ppf(0.975, 38) / norm.ppf(0.975)  # the groups are fewer than permutations
        low, _ = difference_interval(y, first, other, null=null, other_null=apart)
        # The permutations know of no correlation; the scores may know of a negative one.
        influence = [_concordance(y == 1, one, None).influence for one in (first, other)]
        r = min(0, np.corrcoef(influence)[0, 1])
        a, b = aucs[0] - single[0][0], single[1][1] - aucs[1]
        expected = np.sqrt(a * a - 2 * r * a * b + b * b)
        assert aucs[0] - aucs[1] - low == pytest.approx(ratio * expected, rel=0.03)
        alike = difference_interval(y, first, 2 * first, null=null, other_null=null)
        # Learning doubles both variances here, and is not taken to be shared: half is left.
        (low, high), auc = single[0], aucs[0]
        a, b = auc - low, high - auc
        assert np.ptp(alike) == pytest.approx(2 * np.sqrt(a * a - a * b + b * b) * ratio, rel=0.03)
        # What refits share less than that is shared less.
        apart = difference_interval(y, first, 2 * first, null=null, other_null=apart)
        assert np.ptp(apart) == pytest.approx(2 * np.sqrt(a * a + b * b) * ratio, rel=0.03)

    @pytest.mark.parametrize(("auc", "n_images"), [(0.6, 1), (0.95, 1), (0.8, 4)])
    def test_coverage(self, auc, n_images):
        rng, covered = np.random.default_rng(4), []
        for _ in range(500):
            groups, y, shared = draw_patients(rng, 40, n_images, correlation=0.5)
            noises = [draw_patients(rng, 40, n_images, 0.5)[2] + shared for _ in range(2)]
            scores, blind = noises[0] / np.sqrt(2) + np.sqrt(2) * norm.ppf(auc) * y, noises[1]
            low, high = difference_interval(y, scores, blind, groups % 5, groups)
            covered.append(low <= auc - 0.5 <= high)
        check_coverage(covered, least=0.93, most=0.985)
