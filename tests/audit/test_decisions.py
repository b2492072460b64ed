"""Figures of merit from counts: scikit-learn's, and scipy's bootstrap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap
from sklearn import metrics

from gan_isi.statistics import (
    DECISION_METRICS,
    balanced_accuracy,
    bootstrap_decisions,
    confusion_counts,
)

SKLEARN = {
    "accuracy": metrics.accuracy_score,
    "precision": lambda y, used: metrics.precision_score(y, used, zero_division=0.0),
    "recall": metrics.recall_score,
    "specificity": lambda y, used: metrics.recall_score(y, used, pos_label=0),
    "F1": lambda y, used: metrics.f1_score(y, used, zero_division=0.0),
    "kappa": metrics.cohen_kappa_score,
    "balanced accuracy": metrics.balanced_accuracy_score,
}


def test_every_metric_has_an_oracle():
    assert set(SKLEARN) == set(DECISION_METRICS)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=30))
def test_metrics_are_scikit_learns(rows):
    y, used = np.array(rows).T.astype(int)
    y[:2] = 0, 1
    counts = confusion_counts(y, used)
    assert counts.shape == (len(y), 4)
    assert counts.sum(axis=0).reshape(2, 2).tolist() == metrics.confusion_matrix(y, used).tolist()
    for name, function in SKLEARN.items():
        assert DECISION_METRICS[name](*counts.sum(axis=0)) == pytest.approx(function(y, used)), name


class TestBalancedAccuracy:
    def test_is_scikit_learns_without_groups(self, rng):
        y, used = rng.integers(0, 2, size=(2, 40))
        expected = metrics.balanced_accuracy_score(y, used)
        assert balanced_accuracy(y, used) == pytest.approx(expected)
        assert balanced_accuracy(y, used, rng.permutation(40)) == pytest.approx(expected)

    @pytest.mark.parametrize("answer", [0, 1])
    def test_one_answer_for_all_is_one_half_whatever_the_sizes(self, rng, answer):
        groups = np.repeat(np.arange(12), rng.integers(1, 9, size=12))
        y = (groups < 6).astype(int)
        assert balanced_accuracy(y, np.full(len(y), answer), groups) == 0.5

    def test_a_patient_counts_once(self):
        y, groups = np.array([1, 1, 1, 1, 0, 0]), [0, 0, 0, 1, 2, 3]
        assert balanced_accuracy(y, [1, 1, 1, 0, 0, 0], groups) == 0.75
        assert balanced_accuracy(y, [1, 1, 0, 1, 1, 0], groups) == pytest.approx(
            (5 / 6 + 1 / 2) / 2
        )


class TestBootstrap:
    @pytest.mark.parametrize("metric", SKLEARN)
    def test_is_that_of_the_same_resamples_one_by_one(self, rng, metric):
        y, used = np.repeat([0, 1], [14, 17]), rng.integers(0, 2, 31)
        ours = bootstrap_decisions(
            metric, confusion_counts(y, used)[None], n_resamples=60, confidence=0.8, seed=3
        )
        again = np.random.default_rng(3)
        times = [again.multinomial(n, np.full(n, 1 / n), size=60) for n in (14, 17)]
        values = [
            SKLEARN[metric](np.repeat(y, row), np.repeat(used, row)) for row in np.hstack(times)
        ]
        assert ours == pytest.approx(np.quantile(values, [0.1, 0.9]), rel=1e-12)

    def test_agrees_with_scipy(self, rng):
        y, used = np.repeat([0, 1], [30, 50]), rng.integers(0, 2, 80)
        ours = bootstrap_decisions(
            "precision", confusion_counts(y, used)[None], n_resamples=4000, confidence=0.9, seed=0
        )

        def precision(negatives, positives, axis):
            tp, fp = positives.sum(axis=axis), negatives.sum(axis=axis)
            return tp / (tp + fp)

        oracle = bootstrap(
            (used[y == 0], used[y == 1]), precision, n_resamples=4000, method="percentile",
            confidence_level=0.9,
        )  # fmt: skip
        assert ours == pytest.approx(oracle.confidence_interval, abs=0.02)

    def test_patients_are_drawn_whole(self, rng):
        y, used = np.repeat([0, 1], 40), rng.integers(0, 2, 80)
        options = {"n_resamples": 2000, "confidence": 0.95, "seed": 0}
        once = bootstrap_decisions("kappa", confusion_counts(y, used)[None], **options)
        copies = confusion_counts(np.repeat(y, 5), np.repeat(used, 5), np.repeat(np.arange(80), 5))
        assert bootstrap_decisions("kappa", copies[None], **options) == pytest.approx(once)

    def test_classes_keep_their_size_unless_a_patient_has_both(self):
        # Of two patients a class, drawn with return, the share of members stays one half.
        y, used = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0])
        counts = confusion_counts(y, used)
        low, high = bootstrap_decisions(
            "accuracy", counts[None], n_resamples=500, confidence=0.95, seed=0
        )
        assert (low, high) == (0.5, 1.0)
        mixed = confusion_counts([0, 1, 0, 0, 1], [0, 0, 0, 1, 1], [0, 0, 1, 2, 3])
        low, high = bootstrap_decisions(
            "accuracy", mixed[None], n_resamples=5000, confidence=0.998, seed=0
        )
        assert (low, high) == (0.0, 1.0)

    def test_of_repeats_the_mean(self, rng):
        y, used = np.repeat([0, 1], 20), rng.integers(0, 2, size=(2, 40))
        both = np.stack([confusion_counts(y, one) for one in used])
        options = {"n_resamples": 300, "confidence": 0.95, "seed": 1}
        assert np.ptp(bootstrap_decisions("F1", both, **options)) < max(
            np.ptp(bootstrap_decisions("F1", one[None], **options)) for one in both
        )

    def test_no_variation_is_no_knowledge(self):
        counts = confusion_counts([0, 1, 0, 1], [0, 1, 0, 1])[None]
        bounds = bootstrap_decisions("F1", counts, n_resamples=99, confidence=0.95, seed=0)
        assert np.isnan(bounds).all()
