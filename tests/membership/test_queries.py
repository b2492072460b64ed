"""The classifier of summaries."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from gan_isi import BagSummaryTransformer, SummaryClassifier
from gan_isi._validation.blocks import Block

USED = np.arange(40) % 2
BLOCKS = [Block("near", ("near",)), Block("gabor", ("a", "b"))]


@pytest.fixture
def bags(rng):
    return rng.gamma(5.0, size=(40, 30, 3)) * [1.0, 10.0, 0.1] * (1.2 - 0.5 * USED)[:, None, None]


def test_without_a_rule_it_is_a_classifier_of_the_summary(bags):
    by_hand = make_pipeline(BagSummaryTransformer(n_closest=(1,)), LogisticRegression(C=0.3))
    expected = by_hand.fit(bags, USED)
    found = SummaryClassifier().fit(bags, USED)
    for method in ("predict", "predict_proba", "decision_function"):
        assert_array_equal(getattr(found, method)(bags), getattr(expected, method)(bags))
    assert list(found.row_names_[:2]) == ["map0_closest1", "map0_contrast50"]
    assert found.scaler_ is None


def test_the_rule_is_the_most_outstanding_contrast(bags):
    found = SummaryClassifier(rule=["near", "gabor"], rule_weight=3).fit(bags, USED, blocks=BLOCKS)
    summary = BagSummaryTransformer(n_closest=(1,)).fit(bags, USED, blocks=BLOCKS)
    rows = summary.transform(bags)
    scaled = StandardScaler().fit_transform(np.column_stack([rows, rows[:, [1, 3]].min(axis=1)]))
    assert_allclose(found.summaries(bags), scaled * [1, 1, 1, 1, 3])
    assert list(found.row_names_) == [
        "near_closest1", "near_contrast50", "gabor_closest1", "gabor_contrast50", "rule",
    ]  # fmt: skip
    assert_array_equal(found.rule_columns_, [1, 3])


def test_shrinking_with_the_rule_is_to_assume_its_weights_beforehand(bags):
    """As of the notes: a ridge of rows beside ten times their rule has this covariance."""
    found = SummaryClassifier(rule="near").fit(bags, USED, blocks=BLOCKS)
    rows, rule = found.summaries(bags)[:, :-1], np.array([0.0, 1, 0, 0])
    # w = v + 10 u a with v, u normal of variance C: the same prior by a change of variables.
    root = np.linalg.cholesky(np.eye(4) + 100 * np.outer(rule, rule))
    other = LogisticRegression(C=0.3, tol=1e-10, max_iter=1000).fit(rows @ root, USED)
    assert_allclose(found.decision_function(bags), other.decision_function(rows @ root), atol=1e-3)


def test_views_that_are_dropped_do_not_count(bags):
    blocks = [*BLOCKS, Block("ssim", ())]
    both, left, none = (
        SummaryClassifier(rule=rule).fit(bags, USED, blocks=blocks)
        for rule in (("near", "ssim"), "near", "ssim")
    )
    assert_array_equal(both.predict_proba(bags), left.predict_proba(bags))
    assert none.scaler_ is None
    assert "rule" not in none.row_names_


def test_a_rule_of_a_view_that_is_not_there(bags):
    with pytest.raises(ValueError, match=r"names the view 'sim'; there are \['near', 'gabor'\]"):
        SummaryClassifier(rule=("near", "sim")).fit(bags, USED, blocks=BLOCKS)


def test_a_rule_needs_names_and_a_contrast(bags):
    with pytest.raises(ValueError, match=r"rule='near' needs the names of the maps \(blocks\)"):
        SummaryClassifier(rule="near").fit(bags, USED)
    with pytest.raises(
        ValueError, match=r"needs the contrast of these views: give contrast=50; or give rule=\(\)"
    ):
        SummaryClassifier(rule="near", contrast=None).fit(bags, USED, blocks=BLOCKS)


def test_maps_by_themselves(bags):
    found = SummaryClassifier(rule="gabor", by_family=False, n_closest=(1, 5), contrast=9)
    found.fit(bags, USED, blocks=BLOCKS)
    statistics = ("closest1", "closest5", "contrast9")
    expected = [f"{name}_{s}" for name in ("near", "a", "b") for s in statistics]
    assert [name for name in found.row_names_ if name != "rule"] == expected


def test_classifiers_without_probabilities_or_decisions(bags):
    machine = SummaryClassifier(LinearSVC()).fit(bags, USED)
    assert not hasattr(machine, "predict_proba")
    assert machine.decision_function(bags).shape == (40,)
    bayes = SummaryClassifier(GaussianNB()).fit(bags, USED)
    assert not hasattr(bayes, "decision_function")
    assert bayes.predict_proba(bags).shape == (40, 2)


def test_search(bags):
    grid = {"estimator__C": [0.1, 1], "contrast": [10, None], "relative": [True, False]}
    estimator = LogisticRegression(max_iter=1000)
    search = GridSearchCV(SummaryClassifier(estimator), grid, cv=2, error_score="raise")
    assert len(search.fit(bags, USED).cv_results_["params"]) == 8
    assert not hasattr(estimator, "coef_")


def test_errors(bags):
    with pytest.raises(NotFittedError):
        SummaryClassifier().predict(bags)
    with pytest.raises(ValueError, match='Write y == "a" or y == "b"'):
        SummaryClassifier().fit(bags, np.where(USED == 1, "a", "b"))
    fitted = SummaryClassifier().fit(bags, USED)
    with pytest.raises(ValueError, match="X has 2 maps, but SummaryClassifier was fitted on 3"):
        fitted.predict(bags[:, :, :2])
    for wrong in ({"rule_weight": 0}, {"n_closest": 1}, {"estimator": StandardScaler()}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            SummaryClassifier(**wrong).fit(bags, USED)
