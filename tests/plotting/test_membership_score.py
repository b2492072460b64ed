import numpy as np
import pytest

from gan_isi.plotting import MembershipScoreDisplay


@pytest.fixture
def scores(rng):
    return np.repeat([-1, 1], [30, 20]), rng.random(50)


def row_labels(shown):
    return [text.get_text() for text in shown.ax_.get_yticklabels()]


def test_every_query_is_a_point_at_its_score(scores):
    truth, score = scores
    shown = MembershipScoreDisplay.from_predictions(truth, score)
    used, not_used = (points.get_offsets() for points in shown.points_)
    np.testing.assert_array_equal(used[:, 0], score[truth == 1])
    np.testing.assert_array_equal(not_used[:, 0], score[truth == -1])
    assert (np.abs(used[:, 1]) < 0.5).all()
    assert (np.abs(not_used[:, 1] + 1) < 0.5).all()
    assert row_labels(shown) == ["used\nn = 20", "not used\nn = 30"]


def test_medians(scores):
    truth, score = scores
    shown = MembershipScoreDisplay.from_predictions(truth, score)
    drawn = [median.get_segments()[0][0, 0] for median in shown.medians_]
    expected = [np.median(score[truth == label]) for label in (1, -1)]
    np.testing.assert_allclose(drawn, expected)


def test_threshold_and_candidates(scores):
    truth, score = scores
    shown = MembershipScoreDisplay.from_predictions(
        truth, score, candidate_score=[0.1, 0.6, 0.7], threshold=0.5
    )
    above = int((score[truth == 1] > 0.5).sum())
    assert row_labels(shown)[0] == f"used\n{above} of 20 above"
    assert row_labels(shown)[2] == "unknown\n2 of 3 above"
    np.testing.assert_array_equal(shown.points_[2].get_offsets()[:, 0], [0.1, 0.6, 0.7])
    legend = [text.get_text() for text in shown.ax_.get_legend().get_texts()]
    assert legend == ["median", "threshold 0.5"]


def test_an_attack_is_asked_for_its_probabilities(attack, images):
    queries, used, generated = images
    shown = MembershipScoreDisplay.from_estimator(attack, queries, used, candidates=generated[:4])
    expected = attack.predict_proba(queries)[:, 1]
    np.testing.assert_array_equal(shown.used_score, expected[used == 1])
    np.testing.assert_array_equal(shown.not_used_score, expected[used == 0])
    np.testing.assert_array_equal(shown.candidate_score, attack.predict_proba(generated[:4])[:, 1])


def test_points_of_equal_score_do_not_hide_each_other():
    shown = MembershipScoreDisplay.from_predictions([0, 0, 0, 0, 1], [0.5, 0.5, 0.5, 0.5, 0.9])
    heights = shown.points_[1].get_offsets()[:, 1]
    assert len(np.unique(heights)) == 4


@pytest.mark.parametrize("n_queries", [2, 3000])
def test_rows_do_not_overlap(n_queries):
    truth = np.arange(n_queries) % 2
    shown = MembershipScoreDisplay.from_predictions(truth, np.full(n_queries, 0.5))
    used, not_used = (points.get_offsets()[:, 1] for points in shown.points_)
    assert used.min() > not_used.max()


def test_candidate_scores_have_to_be_finite(scores):
    with pytest.raises(ValueError, match="candidate_score has to hold finite"):
        MembershipScoreDisplay.from_predictions(*scores, candidate_score=[np.nan])
