"""P-values: brute force, scipy, and that they keep their level where nothing is to be found."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from gan_isi.statistics import (
    conformal_p_values,
    cross_conformal_p_values,
    max_t_p_values,
    min_p_value,
    permutation_p_value,
    permute_labels,
)


def check_rate(rejected, level):
    """The share is the level, but for what binomial chance explains."""
    low, high = binom.ppf([0.001, 0.999], len(rejected), level) / len(rejected)
    assert low <= np.mean(rejected) <= high


class TestPermutationPValue:
    def test_closed_forms(self):
        null = [0.4, 0.5, 0.6, 0.6]
        assert permutation_p_value(0.7, null) == 1 / 5
        assert permutation_p_value(0.6, null) == 3 / 5
        assert permutation_p_value(0.4, null) == 1
        assert permutation_p_value(0.7, []) == 1

    def test_rounding_breaks_no_tie(self):
        assert permutation_p_value(0.1 + 0.2, [0.3]) == 1
        assert permutation_p_value(0.3, [0.1 + 0.2]) == 1

    def test_errors(self):
        with pytest.raises(ValueError, match="null has 1 NaN among 2"):
            permutation_p_value(0.5, [0.1, np.nan])
        with pytest.raises(ValueError, match="observed statistic is NaN"):
            permutation_p_value(np.nan, [0.1])


class TestSeveralStatistics:
    def test_of_one_statistic_both_are_its_own(self, rng):
        null = rng.integers(0, 5, size=(30, 1)) / 4
        own = permutation_p_value(0.75, null[:, 0])
        assert min_p_value([0.75], null) == own
        assert max_t_p_values([0.75], null) == pytest.approx([own])

    def test_min_p_by_brute_force(self, rng):
        rows = rng.integers(0, 6, size=(20, 3)) / 5
        smallest = [
            min(np.mean([other[k] >= row[k] for other in rows]) for k in range(3)) for row in rows
        ]
        expected = np.mean([one <= smallest[0] for one in smallest])
        assert min_p_value(rows[0], rows[1:]) == pytest.approx(expected)

    def test_max_t_by_brute_force(self, rng):
        rows = rng.normal(size=(20, 3)) * [1, 10, 0.1] + [0, 5, 7]
        scaled = (rows - rows.mean(axis=0)) / rows.std(axis=0)
        expected = [np.mean([max(row) >= scaled[0, k] for row in scaled]) for k in range(3)]
        assert max_t_p_values(rows[0], rows[1:]) == pytest.approx(expected)

    def test_a_statistic_that_never_varies_tells_nothing(self, rng):
        rows = np.column_stack([rng.normal(size=20), np.full(20, 0.5)])
        assert max_t_p_values(rows[0], rows[1:])[1] > 0.8

    def test_levels_where_statistics_depend_on_each_other(self):
        rng = np.random.default_rng(0)
        smallest, adjusted = [], []
        for _ in range(400):
            rows = rng.normal(size=(40, 1)) + rng.normal(size=(40, 3)) * [0.1, 1, 1]
            smallest.append(min_p_value(rows[0], rows[1:]) <= 0.1)
            adjusted.append(max_t_p_values(rows[0], rows[1:]).min() <= 0.1)
        check_rate(smallest, 0.1)
        check_rate(adjusted, 0.1)


class TestPermuteLabels:
    def draws(self, y, groups=None, n=600):
        rng = np.random.default_rng(0)
        return Counter(tuple(permute_labels(y, groups, rng=rng).tolist()) for _ in range(n))

    def check_even(self, draws, outcomes):
        """All the expected outcomes, none else, and each as often."""
        assert set(draws) == set(outcomes)
        for count in draws.values():
            low, high = binom.ppf([0.0001, 0.9999], draws.total(), 1 / len(outcomes))
            assert low <= count <= high

    def test_any_order(self):
        self.check_even(self.draws([0, 0, 1, 1]), set(itertools.permutations([0, 0, 1, 1])))

    def test_patients_with_one_label_keep_one(self):
        # Three patients, one of them used: the number of their images may change.
        draws = self.draws(["no", "no", "yes", "no", "yes"], ["a", "a", "b", "c", "b"])
        outcomes = ["yes yes no no no", "no no yes no yes", "no no no yes no"]
        self.check_even(draws, [tuple(outcome.split()) for outcome in outcomes])

    def test_patients_with_both_labels_exchange_rows_with_their_like(self):
        # Two mixed patients of three images, one of two, one pure: only the two exchange.
        y = [0, 0, 1, 1, 0, 1, 1, 0, 1]
        groups = [5, 5, 5, 3, 3, 3, 4, 4, 9]
        self.check_even(self.draws(y, groups), [tuple(y), (1, 0, 1, 0, 0, 1, 1, 0, 1)])

    def test_rows_go_by_the_order_of_the_images(self):
        draws = self.draws([0, 1, 1, 0], ["a", "b", "a", "b"])
        self.check_even(draws, [(0, 1, 1, 0), (1, 0, 0, 1)])

    def test_groups_of_one_are_no_groups(self):
        y, groups = np.arange(9) % 2, np.arange(9)
        ours, plain = (permute_labels(y, g, rng=np.random.default_rng(3)) for g in (groups, None))
        assert (ours == plain).all()
        assert (y == np.arange(9) % 2).all()

    @pytest.mark.parametrize(
        ("y", "groups"),
        [
            ([1, 1, 1], None),
            ([1, 1, 1], [0, 0, 1]),
            ([0, 1, 0, 1], [0, 0, 1, 1]),
            ([0, 1, 0, 1, 1], [0, 0, 1, 1, 1]),
            ([0, 1], [0, 0]),
        ],
    )
    def test_nothing_to_exchange(self, y, groups):
        with pytest.raises(ValueError, match="can't be permuted"):
            permute_labels(y, groups, rng=np.random.default_rng(0))

    def test_level_with_patients(self):
        """Images of a patient are alike: only whole patients keep the level."""
        rng = np.random.default_rng(1)
        groups = np.repeat(np.arange(14), np.arange(14) % 4 + 1)
        rejected = {"patients": [], "images": []}
        for _ in range(300):
            y = rng.permutation(np.arange(14) % 2)[groups]
            scores = rng.normal(size=14)[groups] + 0.1 * rng.normal(size=len(groups))
            for kind, units in (("patients", groups), ("images", None)):
                labels = [permute_labels(y, units, rng=rng) for _ in range(39)]
                null = [scores[row == 1].mean() - scores[row == 0].mean() for row in labels]
                observed = scores[y == 1].mean() - scores[y == 0].mean()
                rejected[kind].append(permutation_p_value(observed, null) <= 0.1)
        check_rate(rejected["patients"], 0.1)
        assert np.mean(rejected["images"]) > 0.15


class TestConformal:
    @given(st.lists(st.integers(0, 3)), st.lists(st.integers(0, 3), min_size=1))
    def test_brute_force(self, scores, null):
        expected = [(1 + sum(n >= s for n in null)) / (1 + len(null)) for s in scores]
        assert conformal_p_values(np.array(scores), null).tolist() == pytest.approx(expected)

    def test_each_patient_counts_once(self):
        null, patients = [1, 2, 3, 4], ["a", "a", "a", "b"]
        found = conformal_p_values([0, 1.5, 3.5, 5], null, patients)
        assert found.tolist() == pytest.approx([1, (1 + 2 / 3 + 1) / 3, 2 / 3, 1 / 3])
        # Queries of patient a (the last one used, too) are compared with b alone.
        found = cross_conformal_p_values(
            [0, 0, 0, 0, 1], [1, 2, 3, 4, 0], [0] * 5, [*patients, "a"]
        )
        assert found.tolist() == pytest.approx([1, 1, 1, 1 / 2, 1])

    def test_level_over_patients_of_any_number_of_images(self):
        """Each patient in turn is the new one, all of its images: the level is exact."""
        rng = np.random.default_rng(0)
        sizes = rng.integers(1, 6, size=9)
        patients = np.repeat(np.arange(9), sizes)
        scores = rng.normal(size=9)[patients] + rng.normal(0, 0.2, size=len(patients))
        small = []
        for one in range(9):
            own = patients == one
            p_values = conformal_p_values(scores[own], scores[~own], patients[~own])
            small.append((p_values <= 0.2 + 1e-12).mean())
        assert np.mean(small) <= 0.2 + 1e-12

    def test_level_of_a_non_member_is_exact(self):
        # Each of n + 1 exchangeable scores in turn: every multiple of 1 / (n + 1) once.
        scores = np.random.default_rng(0).normal(size=8)
        p_values = [conformal_p_values(scores[[i]], np.delete(scores, i))[0] for i in range(8)]
        assert sorted(p_values) == pytest.approx(np.arange(1, 9) / 8)

    @given(
        st.lists(
            st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=12
        )
    )
    def test_within_folds_by_brute_force(self, rows):
        y, scores, folds = np.array(rows).T
        expected = []
        for i in range(len(y)):
            others = [
                scores[j] for j in range(len(y)) if j != i and y[j] == 0 and folds[j] == folds[i]
            ]
            expected.append((1 + sum(s >= scores[i] for s in others)) / (1 + len(others)))
        assert cross_conformal_p_values(y, scores, folds).tolist() == pytest.approx(expected)

    def test_errors(self):
        with pytest.raises(ValueError, match="null_scores has 1 NaN among 1"):
            conformal_p_values([0.1], [np.nan])
        with pytest.raises(ValueError, match="got the labels"):
            cross_conformal_p_values([2, 0], [0.1, 0.2], [0, 0])
