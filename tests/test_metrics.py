import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    balanced_accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    get_scorer,
    recall_score,
)
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.naive_bayes import GaussianNB

from gan_isi.metrics import (
    SCORERS,
    make_tpr_at_fpr_scorer,
    membership_advantage,
    membership_metrics,
    positive_predictive_value,
    resolvable_fpr,
    specificity_score,
    tpr_at_fpr,
)


def test_specificity_is_the_recall_of_the_other_class(rng):
    y_true, y_pred = rng.integers(0, 2, (2, 50))
    assert specificity_score(y_true, y_pred) == recall_score(y_true, y_pred, pos_label=0)


def test_metrics_from_the_confusion_matrix(rng):
    y_true, y_pred = np.array([-1, 1])[rng.integers(0, 2, (2, 60))]
    tn, fp, fn, tp = confusion_matrix(y_true, y_pred).ravel()
    metrics = membership_metrics(y_true, y_pred)
    assert metrics == pytest.approx(
        {
            "accuracy": (tn + tp) / 60,
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "specificity": tn / (tn + fp),
            "f1": 2 * tp / (2 * tp + fp + fn),
            "balanced_accuracy": balanced_accuracy_score(y_true, y_pred),
            "kappa": cohen_kappa_score(y_true, y_pred),
            "chance": max(tp + fn, tn + fp) / 60,
        }
    )
    # The challenge's columns first.
    assert list(metrics)[:5] == ["accuracy", "precision", "recall", "specificity", "f1"]


def test_nobody_called_a_member():
    assert membership_metrics([0, 1], [0, 0])["precision"] == 0


def test_without_members_some_metrics_are_undefined():
    metrics = membership_metrics([0, 0], [0, 1])
    assert np.isnan(metrics["balanced_accuracy"])
    assert metrics["kappa"] == 0
    assert np.isnan(membership_metrics([0, 0], [0, 0])["kappa"])


def test_errors():
    with pytest.raises(ValueError, match="at least one not used image"):
        specificity_score([1, 1], [0, 1])
    with pytest.raises(ValueError, match="y_true holds 3 classes"):
        specificity_score([0, 1, 2], [0, 1, 1])
    with pytest.raises(ValueError, match="y_pred has 1 labels for 2 queries"):
        specificity_score([0, 0], [0])


def test_one_label_alone_says_what_it_means():
    assert specificity_score([0, 0], [0, 0]) == specificity_score([-1, -1], [-1, -1]) == 1
    assert specificity_score([0, 0], [1, 1]) == specificity_score([False, False], [1, 1]) == 0


@pytest.mark.parametrize(
    "metric",
    [specificity_score, membership_metrics, membership_advantage,
     lambda y_true, y_pred: tpr_at_fpr(y_true, [0.1, 0.2, 0.3, 0.4], max_fpr=0.5)],
)  # fmt: skip
def test_a_word_is_no_answer_to_who_was_used(metric):
    words = np.array(["in", "out", "in", "out"])
    with pytest.raises(ValueError, match='Write y_true == "in" or y_true == "out"'):
        metric(words, words)
    expected = metric(np.array([1, 0, 1, 0]), [0, 1, 0, 1])
    assert metric(words == "in", words == "out") == expected


@pytest.mark.parametrize("metric", [specificity_score, membership_metrics, membership_advantage])
def test_answers_are_looked_at_like_the_truth(metric):
    with pytest.raises(ValueError, match="y_pred holds numbers"):
        metric([0, 1], [1, 2])
    with pytest.raises(ValueError, match="y_pred has missing labels, 1 of 2"):
        metric([0, 1], [1, None])


class TestAdvantage:
    def test_from_the_confusion_matrix(self, rng):
        y_true, y_pred = rng.integers(0, 2, (2, 50))
        tn, fp, fn, tp = confusion_matrix(y_true, y_pred).ravel()
        advantage = membership_advantage(y_true, y_pred)
        assert advantage == pytest.approx(tp / (tp + fn) - fp / (fp + tn))
        assert membership_advantage(y_true, y_true) == 1

    def test_needs_both_classes(self):
        with pytest.raises(ValueError, match="at least one used image"):
            membership_advantage([0, 0], [0, 1])
        with pytest.raises(ValueError, match="at least one not used image"):
            membership_advantage([1, 1], [0, 1])


class TestTPRAtFPR:
    @given(
        st.lists(st.integers(0, 6), min_size=1, max_size=10),
        st.lists(st.integers(0, 6), min_size=1, max_size=10),
        st.floats(0, 1),
    )
    def test_brute_force_over_thresholds(self, members, others, max_fpr):
        thresholds = [*members, *others, np.inf]
        expected = max(
            np.mean(np.array(members) >= threshold)
            for threshold in thresholds
            if np.mean(np.array(others) >= threshold) <= max_fpr
        )
        y, scores = np.repeat([1, 0], [len(members), len(others)]), [*members, *others]
        found = tpr_at_fpr(y, scores, max_fpr=max_fpr, unresolved="nan")
        if max_fpr < 1 / len(others):
            assert np.isnan(found)
        else:
            assert found == pytest.approx(expected)

    def test_nothing_is_interpolated_and_ties_pass_together(self):
        y, scores = [0] * 10 + [1] * 4, [*range(8), 8, 8, 8, 7.5, 9, 3]
        assert tpr_at_fpr(y, scores, max_fpr=0.1) == 0.25
        assert tpr_at_fpr(y, scores, max_fpr=0.2) == 0.75

    @pytest.mark.parametrize("count", range(1, 100))
    def test_decimal_rates_are_not_rounded_away(self, count):
        y, scores = [0] * 100 + [1], [*range(100), 99.5 - count]
        assert tpr_at_fpr(y, scores, max_fpr=float(f"0.{count:02}")) == 1
        assert tpr_at_fpr(y, scores, max_fpr=max(0.01, count / 100 - 0.001)) == (count == 1)

    def test_a_rate_that_is_not_resolved(self):
        y, scores = [0] * 50 + [1] * 2, [*range(50), 60, 3]
        with pytest.raises(
            ValueError, match=r"50 images not used can't resolve max_fpr=0.01.* 0.02,"
        ):
            tpr_at_fpr(y, scores, max_fpr=0.01)
        with pytest.warns(UserWarning, match=r"a rate below 0\.0582 "):
            assert tpr_at_fpr(y, scores, max_fpr=0.01, unresolved="warn") == 0.5
        assert np.isnan(tpr_at_fpr(y, scores, max_fpr=0.01, unresolved="nan"))
        assert tpr_at_fpr(y, scores, max_fpr=0.02) == 0.5

    def test_errors(self):
        with pytest.raises(ValueError, match="got 0 used and 2 not used images"):
            tpr_at_fpr([0, 0], [1, 2], max_fpr=0.5)
        with pytest.raises(ValueError, match=r"max_fpr has to lie in 0..1; got 5"):
            tpr_at_fpr([0, 1], [1, 2], max_fpr=5)
        with pytest.raises(ValueError, match="got 'ignore'"):
            tpr_at_fpr([0, 1], [1, 2], max_fpr=0.5, unresolved="ignore")
        with pytest.raises(ValueError, match="contains NaN"):
            tpr_at_fpr([0, 1], [1, np.nan], max_fpr=1)

    @pytest.mark.parametrize(("n", "confidence"), [(1, 0.95), (30, 0.95), (1000, 0.99)])
    def test_resolvable_is_clopper_pearsons_bound(self, n, confidence):
        test = binomtest(0, n, alternative="less")
        oracle = test.proportion_ci(confidence, method="exact").high
        assert resolvable_fpr(n, confidence) == pytest.approx(oracle)

    def test_resolvable_errors(self):
        with pytest.raises(ValueError, match=r"got 0 and 0\.95"):
            resolvable_fpr(0)


class TestPositivePredictiveValue:
    def test_bayes(self):
        # Of 1000, 10 are members: 6 found, and 99 of the 990 others accused.
        assert positive_predictive_value(0.6, 0.1, 0.01) == pytest.approx(6 / (6 + 99))
        assert positive_predictive_value(1, 0, 1e-9) == 1

    def test_arrays(self):
        values = positive_predictive_value([0.5, 0, 0, 1], [0.5, 0, 0.1, 0.5], [[0.2], [0]])
        np.testing.assert_allclose(values, [[0.2, np.nan, 0, 1 / 3], [0, np.nan, 0, 0]])

    def test_errors(self):
        with pytest.raises(ValueError, match=r"prior has to lie in 0\.\.1; got 2"):
            positive_predictive_value(0.5, 0.5, 2)
        with pytest.raises(ValueError, match=r"fpr has to lie in 0\.\.1; got nan"):
            positive_predictive_value(0.5, np.nan, 0.2)


class TestScorers:
    @pytest.mark.parametrize("classifier", [LogisticRegression(), GaussianNB()])
    @pytest.mark.parametrize("classes", [[False, True], [0, 1], [-1, 1]])
    def test_scores_and_probabilities(self, rng, classifier, classes):
        X = rng.normal(size=(60, 2))
        y = np.array(classes)[(X[:, 0] + rng.normal(size=60) > 0).astype(int)]
        classifier.fit(X, y)
        scorer = pickle.loads(pickle.dumps(make_tpr_at_fpr_scorer(0.1)))
        expected = tpr_at_fpr(y, classifier.predict_proba(X)[:, 1], max_fpr=0.1)
        assert scorer(classifier, X, y) == expected
        assert 0 < expected < 1
        advantage = membership_advantage(y, classifier.predict(X))
        assert SCORERS["membership_advantage"](classifier, X, y) == advantage

    def test_in_model_selection(self, rng):
        X, y = rng.normal(size=(60, 2)), np.arange(60) % 2
        X[:, 0] += 3 * y
        search = GridSearchCV(
            LogisticRegression(), {"C": [0.1, 1]}, scoring=make_tpr_at_fpr_scorer(0.1), cv=3
        )
        assert search.fit(X, y).best_score_ > 0.7
        resolved = {name: scorer for name, scorer in SCORERS.items() if "0.01" not in name}
        results = cross_validate(LogisticRegression(), X, y, scoring=resolved, cv=3)
        assert all(results[f"test_{name}"].min() > 0.5 for name in resolved)

    def test_folds_that_are_too_small_give_nan_and_say_so(self, rng):
        X, y = rng.normal(size=(60, 2)), np.arange(60) % 2
        with pytest.warns(UserWarning, match="10 images not used can't resolve"):
            results = cross_validate(
                LogisticRegression(), X, y, scoring=get_scorer(SCORERS["tpr_at_fpr_0.01"]), cv=3
            )
        assert np.isnan(results["test_score"]).all()
