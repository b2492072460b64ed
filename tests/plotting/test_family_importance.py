import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gan_isi import make_pipeline as make_attack
from gan_isi.plotting import FamilyImportanceDisplay, family_importance


def test_the_baseline_is_the_score_of_the_attack(attack, images):
    queries, used, _ = images
    drops = family_importance(attack, queries, used, n_repeats=1, random_state=0)
    expected = roc_auc_score(used, attack.predict_proba(queries)[:, 1])
    assert drops.baseline_score == pytest.approx(expected)
    assert drops.families == ["statistical", "steerable"]
    assert drops.n_maps == [3, 8]
    assert drops.n_queries == 12


@pytest.mark.parametrize(("column", "family"), [(0, 0), (2, 0), (3, 1), (10, 1)])
def test_only_the_family_that_is_read_matters(attack, images, column, family):
    queries, used, _ = images
    closest = attack[:-1].transform(queries)[:, :, column].min(axis=1)

    def reads_one_map(estimator, bags, y):
        return -np.abs(bags[:, :, column].min(axis=1) - closest).sum()

    drops = family_importance(
        attack, queries, used, scoring=reads_one_map, n_repeats=5, random_state=0
    )
    assert (drops.importances[family] > 0).all()
    assert (drops.importances[1 - family] == 0).all()


def test_the_maps_of_a_family_change_places_together(attack, images):
    queries, used, _ = images
    bags = attack[:-1].transform(queries)
    seen = []

    def spy(estimator, shuffled, y):
        seen.append(shuffled.copy())
        return 0.0

    family_importance(attack, queries, used, scoring=spy, n_repeats=1, random_state=0)
    intact, statistical, steerable = seen
    np.testing.assert_array_equal(intact, bags)
    np.testing.assert_array_equal(statistical[:, :, 3:], bags[:, :, 3:])
    np.testing.assert_array_equal(steerable[:, :, :3], bags[:, :, :3])
    origin = [int((bags[:, :, :3] == bag[:, :3]).all(axis=(1, 2)).argmax()) for bag in statistical]
    assert sorted(origin) == list(range(12))
    assert origin != sorted(origin)
    np.testing.assert_array_equal(statistical[:, :, :3], bags[origin, :, :3])


def test_a_shuffled_attack_is_at_chance(images):
    """With one family everything is shuffled: what is lost is all beyond an AUC of 0.5."""
    queries, used, generated = images
    estimator = make_pipeline(StandardScaler(), LogisticRegression())
    attack = make_attack(families=["statistical"], estimator=estimator)
    attack.set_params(generated=generated).fit(queries, used)
    drops = family_importance(attack, queries, used, n_repeats=400, random_state=0)
    # An AUC of 6 and 6 queries has a standard deviation of 0.17.
    expected = roc_auc_score(used, attack.predict_proba(queries)[:, 1]) - 0.5
    assert drops.importances_mean[0] == pytest.approx(expected, abs=3 * 0.17 / 400**0.5)


def test_same_seed_same_drops(attack, images):
    first, second = (
        family_importance(attack, *images[:2], n_repeats=2, random_state=3) for _ in range(2)
    )
    np.testing.assert_array_equal(first.importances, second.importances)


def test_bars_are_means_and_whiskers_the_range():
    drops = np.array([[0.0, 0.02, 0.01], [0.3, 0.1, 0.2], [-0.1, 0.0, 0.04]])
    shown = FamilyImportanceDisplay(["a", "b", "c"], drops, score_name="AUC").plot()
    np.testing.assert_array_equal(shown.order_, [1, 0, 2])
    widths = [bar.get_width() for bar in shown.bars_]
    np.testing.assert_allclose(widths, drops.mean(axis=1)[shown.order_])
    segments = shown.ax_.collections[0].get_segments()
    np.testing.assert_allclose([s[0, 0] for s in segments], drops.min(axis=1)[shown.order_])
    np.testing.assert_allclose([s[1, 0] for s in segments], drops.max(axis=1)[shown.order_])
    assert [text.get_text() for text in shown.ax_.get_yticklabels()] == ["b", "a", "c"]
    assert shown.ax_.get_xlabel() == "drop of AUC when shuffled"


def test_from_estimator_says_how_good_the_attack_is(attack, images):
    shown = FamilyImportanceDisplay.from_estimator(attack, *images[:2], n_repeats=3, random_state=0)
    expected = family_importance(attack, *images[:2], n_repeats=3, random_state=0)
    np.testing.assert_array_equal(shown.importances, expected.importances)
    title = shown.ax_.get_title(loc="left")
    assert f"AUC {expected.baseline_score:.2f} with all families, 12 queries" in title
    accuracy = FamilyImportanceDisplay.from_estimator(
        attack, *images[:2], scoring="balanced_accuracy", n_repeats=1
    )
    assert accuracy.ax_.get_xlabel() == "drop of balanced accuracy when shuffled"


def test_wrong_input(attack, images):
    queries, used, _ = images
    with pytest.raises(ValueError, match="n_repeats has to be at least 1; got 0"):
        family_importance(attack, queries, used, n_repeats=0)
    with pytest.raises(ValueError, match="11 labels for 12 queries"):
        family_importance(attack, queries, used[1:])
    with pytest.raises(ValueError, match=r"shape \(1, 2\); expected one row for each of 2"):
        FamilyImportanceDisplay(["a", "b"], [[0.0, 0.1]]).plot()
    with pytest.raises(TypeError, match="ends with its distances"):
        family_importance(attack[:-1], queries, used)


def test_a_long_title_stays_inside_of_the_figure():
    shown = FamilyImportanceDisplay(
        ["a", "b"],
        np.zeros((2, 10)),
        baseline_score=0.5,
        n_queries=1000,
        score_name="balanced accuracy",
    ).plot()
    shown.figure_.canvas.draw()
    title = shown.ax_.get_title(loc="left")
    assert title.splitlines() == [
        "balanced accuracy 0.50 with all families, 1000 queries",
        "whiskers: range of 10 shuffles",
    ]
    assert shown.figure_.get_tightbbox().x1 <= shown.figure_.get_size_inches()[0]
