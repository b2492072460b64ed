"""AUCs and intervals: closed forms, oracles, and coverage by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binom, binomtest, norm, t
from scipy.stats import bootstrap as scipy_bootstrap
from sklearn.metrics import roc_auc_score

from gan_isi.audit._statistics import (
    auc_interval,
    bootstrap_interval,
    difference_interval,
    proportion_interval,
    wilson_interval,
    within_fold_auc,
)
from gan_isi.audit._statistics._auc import _concordance

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


class TestWilson:
    @pytest.mark.parametrize("confidence", [0.8, 0.95])
    def test_equals_scipy(self, confidence):
        successes = np.array([0, 1, 7, 20])
        low, high = wilson_interval(successes, 20, confidence)
        for index, count in enumerate(successes):
            oracle = binomtest(count, 20).proportion_ci(confidence, method="wilson")
            assert (low[index], high[index]) == pytest.approx(oracle, abs=1e-12)

    def test_the_ends_are_exact(self):
        n = np.arange(1, 300)
        assert (wilson_interval(np.zeros(299), n)[0] == 0).all()
        assert (wilson_interval(n, n)[1] == 1).all()

    def test_the_papers_accuracy_is_chance(self):
        low, high = wilson_interval(107, 200)  # 0.535
        assert low < 0.5 < high
        assert round(binomtest(107, 200, alternative="greater").pvalue, 2) == 0.18

    @pytest.mark.parametrize("counts", [(0, 0), (-1, 3), (4, 3), ([1, 4], 3)])
    def test_counts_that_are_none(self, counts):
        with pytest.raises(ValueError, match=r"got .* successes in"):
            wilson_interval(*counts)

    @pytest.mark.parametrize("confidence", [0, 1, 95])
    def test_confidence(self, confidence):
        with pytest.raises(ValueError, match="confidence has to lie between 0 and 1"):
            wilson_interval(1, 2, confidence)


class TestProportionInterval:
    def test_independent_queries_have_wilsons(self, rng):
        right = rng.integers(0, 2, 30)
        expected = pytest.approx([float(bound) for bound in wilson_interval(right.sum(), 30)])
        assert proportion_interval(right) == expected
        assert proportion_interval(right, rng.permutation(30)) == expected

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
            low, high = wilson_interval(right.sum(), 100)
            naive.append(low <= 0.7 <= high)
        check_coverage(covered, least=0.93, most=0.975)
        check_coverage(naive, least=0.0, most=0.85)

    def test_errors(self):
        with pytest.raises(ValueError, match="have to be 0 or 1"):
            proportion_interval([0, 1, 2])
        with pytest.raises(ValueError, match="queries of one group"):
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
            with pytest.raises(ValueError, match="none together"):
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
        with pytest.raises(ValueError, match="1 for members and 0 for non-members"):
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

    def test_a_class_of_one_patient(self):
        with pytest.raises(ValueError, match="got 2 of non-members and 1 of members"):
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


class TestBootstrap:
    def test_agrees_with_scipy(self, rng):
        sample = rng.exponential(size=80)
        ours = bootstrap_interval(np.mean, [sample], n_resamples=4000, random_state=0)
        oracle = scipy_bootstrap((sample,), np.mean, n_resamples=4000, method="percentile")
        assert ours == pytest.approx(oracle.confidence_interval, abs=0.02)

    def test_strata_keep_their_size_and_arrays_stay_together(self):
        y, index = np.repeat([0, 1], [3, 7]), np.arange(10)
        seen = []

        def statistic(labels, rows):
            assert (labels == y[rows]).all()
            assert np.bincount(labels).tolist() == [3, 7]
            seen.append(tuple(rows))
            return len(seen)

        bootstrap_interval(statistic, [y, index], strata=y, n_resamples=50, random_state=0)
        assert len(set(seen)) == 50

    @pytest.mark.parametrize("mixed", [False, True])
    def test_groups_are_drawn_whole(self, mixed):
        groups = np.array(["c", "a", "b", "a", "b", "b", "d"])
        y = np.array([0, 1, 0, int(not mixed), 0, 0, 1])
        patients_used, last = [], []

        def statistic(labels, drawn):
            counts = {patient: (drawn == patient).sum() for patient in "abcd"}
            assert counts["a"] % 2 == counts["b"] % 3 == 0
            patients = {"a": counts["a"] / 2, "b": counts["b"] / 3} | {
                patient: counts[patient] for patient in "cd"
            }
            assert sum(patients.values()) == 4
            last.append(patients["d"])
            patients_used.append(patients["a"] + patients["d"])
            return len(patients_used)

        bootstrap_interval(
            statistic, [y, groups], groups=groups, strata=y, n_resamples=50, random_state=0
        )
        assert (set(patients_used) == {2}) != mixed
        assert set(last) >= {0, 1, 2}

    def test_a_seed_repeats_it(self):
        draws = [
            bootstrap_interval(np.mean, [np.arange(9.0)], n_resamples=99, random_state=seed)
            for seed in (1, 1, 2)
        ]
        assert draws[0] == draws[1] != draws[2]

    def test_no_variation_is_no_knowledge(self):
        assert np.isnan(bootstrap_interval(np.mean, [np.ones(9)], random_state=0)).all()

    @pytest.mark.parametrize(("n_undefined", "known"), [(5, True), (6, False)])
    def test_few_resamples_may_be_undefined(self, n_undefined, known):
        values = iter([np.nan] * n_undefined + list(range(100 - n_undefined)))
        bounds = bootstrap_interval(lambda _: next(values), [[1, 2]], n_resamples=100)
        if known:
            assert bounds == pytest.approx(np.quantile(range(95), [0.025, 0.975]))
        else:
            assert np.isnan(bounds).all()

    def test_errors(self):
        with pytest.raises(ValueError, match="got 0 arrays"):
            bootstrap_interval(np.mean, [])
        with pytest.raises(ValueError, match="n_resamples=0"):
            bootstrap_interval(np.mean, [[1]], n_resamples=0)
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            bootstrap_interval(np.mean, [[1, 2]], groups=[1])
