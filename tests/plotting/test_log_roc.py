import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from gan_isi.metrics import tpr_at_fpr
from gan_isi.plotting import LogRocDisplay


def simulate(n_used=30, n_not_used=40, shift=1.0, seed=0):
    truth = np.repeat([1, 0], [n_used, n_not_used])
    return truth, shift * truth + np.random.default_rng(seed).normal(size=len(truth))


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_rates_are_scikit_learn_s():
    truth, score = simulate()
    shown = LogRocDisplay.from_predictions(truth, score, name="attack")
    fpr, tpr, _ = roc_curve(truth, score, drop_intermediate=False)
    np.testing.assert_array_equal(shown.fpr, fpr)
    np.testing.assert_array_equal(shown.tpr, tpr)
    assert shown.roc_auc == roc_auc_score(truth, score)
    curve, chance = legend_of(shown.ax_)[:2]
    assert curve.splitlines()[0] == f"attack (AUC = {shown.roc_auc:.2f})"
    assert chance == "chance"
    assert shown.ax_.get_xscale() == shown.ax_.get_yscale() == "log"


def test_the_curve_begins_at_what_can_be_resolved():
    truth, score = simulate(shift=2)
    shown = LogRocDisplay.from_predictions(truth, score)
    x, y = shown.line_.get_data()
    at_zero = (score[truth == 1] > score[truth == 0].max()).mean()
    assert at_zero > 0
    assert (x[0], y[0]) == (1 / 40, at_zero)
    np.testing.assert_array_equal(x[1:], shown.fpr[shown.fpr > 0])
    np.testing.assert_array_equal(y[1:], shown.tpr[shown.fpr > 0])
    assert (shown.extension_.get_ydata() == at_zero).all()
    assert shown.line_.get_drawstyle() == "steps-post"


def right_end(span):
    return span.get_path().get_extents(span.get_patch_transform()).x1


@pytest.mark.parametrize("n_not_used", [8, 250])
def test_rates_below_one_of_n_are_shaded_and_labelled(n_not_used):
    truth, score = simulate(n_not_used=n_not_used)
    shown = LogRocDisplay.from_predictions(truth, score)
    np.testing.assert_allclose(right_end(shown.unresolved_), 1 / n_not_used)
    assert shown.ax_.get_xlim()[0] < 1 / n_not_used
    expected = f"FPR < 1/{n_not_used}: not resolvable\nwith {n_not_used} images not used"
    assert legend_of(shown.ax_)[-1] == expected


def test_chance_is_where_both_rates_are_equal():
    shown = LogRocDisplay.from_predictions(*simulate())
    np.testing.assert_array_equal(*shown.chance_line_.get_data())


def test_several_curves_on_the_same_axes():
    _, ax = plt.subplots()
    first = LogRocDisplay.from_predictions(*simulate(), name="a", ax=ax)
    second = LogRocDisplay.from_predictions(*simulate(seed=1), name="b", ax=ax)
    assert second.chance_line_ is None
    assert second.unresolved_ is None
    third = LogRocDisplay.from_predictions(*simulate(n_not_used=400), name="c", ax=ax)
    np.testing.assert_allclose(right_end(third.unresolved_), 1 / 400)
    assert [label.split(" (")[0] for label in legend_of(ax)[:4]] == ["a", "b", "c", "chance"]
    # The shades overlap: one entry for both.
    assert legend_of(ax)[4:] == ["FPR < 1/n: not resolvable\nwith n = 40 or 400 images not used"]
    colors = {display.line_.get_color() for display in (first, second, third)}
    styles = {display.line_.get_linestyle() for display in (first, second, third)}
    assert len(colors) == len(styles) == 3
    assert ax.get_xlim()[0] < 1 / 400


def test_limits_never_shrink():
    _, ax = plt.subplots()
    LogRocDisplay.from_predictions(*simulate(n_not_used=400), ax=ax)
    before = ax.get_xlim()
    LogRocDisplay.from_predictions(*simulate(n_not_used=10), ax=ax)
    assert ax.get_xlim() == before


def test_an_attack_is_asked_for_its_probabilities(attack, images):
    queries, used, _ = images
    shown = LogRocDisplay.from_estimator(attack, queries, used, name="paper", color="black")
    expected = roc_auc_score(used, attack.predict_proba(queries)[:, 1])
    assert shown.roc_auc == pytest.approx(expected)
    assert shown.n_not_used == 6
    assert shown.line_.get_color() == "black"


def test_a_useless_and_a_perfect_attack():
    truth = np.repeat([0, 1], 5)
    useless = LogRocDisplay.from_predictions(truth, np.zeros(10))
    assert useless.roc_auc == 0.5
    perfect = LogRocDisplay.from_predictions(truth, truth)
    assert perfect.extension_.get_ydata()[0] == 1
    inverted = LogRocDisplay.from_predictions(truth, -truth)
    assert inverted.roc_auc == 0
    for shown in (useless, perfect, inverted):
        shown.figure_.canvas.draw()


def test_a_curve_without_name_and_area():
    shown = LogRocDisplay([0, 0.5, 1], [0, 0.5, 1], n_not_used=2).plot()
    assert legend_of(shown.plot(tpr_at=()).ax_)[0] == "ROC"
    assert legend_of(shown.plot(name="other", tpr_at=()).ax_)[0] == "other"


@pytest.mark.parametrize("ties", [False, True])
def test_true_positive_rates_at_given_false_positive_rates(ties):
    truth, score = simulate(n_not_used=40)
    if ties:
        score = np.round(score)
    shown = LogRocDisplay.from_predictions(truth, score, tpr_at=(0.5, 0.1, 0.025, 0.02))
    for rate in (0.5, 0.1, 0.025):
        accused = [np.mean(score[truth == 0] >= t) for t in np.unique(score)]
        found = [np.mean(score[truth == 1] >= t) for t in np.unique(score)]
        expected = max((f for f, a in zip(found, accused, strict=True) if a <= rate), default=0)
        assert shown.tpr_at_fpr_[rate] == expected == tpr_at_fpr(truth, score, max_fpr=rate)
    assert np.isnan(shown.tpr_at_fpr_[0.02])  # below 1/40
    second = legend_of(shown.ax_)[0].splitlines()[1]
    assert second.startswith(f"TPR at FPR ≤ 0.5: {shown.tpr_at_fpr_[0.5]:.2g}, ≤ 0.1: ")
    assert second.endswith(", ≤ 0.02: not resolvable")


def test_options_of_the_line():
    options = {"ls": ":", "lw": 1, "c": "black", "label": "mine", "gid": "other"}
    shown = LogRocDisplay.from_predictions(*simulate(), **options)
    line = shown.line_
    assert (line.get_linestyle(), line.get_linewidth(), line.get_color()) == (":", 1, "black")
    assert legend_of(shown.ax_)[0] == "mine"
    again = LogRocDisplay.from_predictions(*simulate(seed=1), ax=shown.ax_)
    assert again.chance_line_ is None


@pytest.mark.parametrize(
    ("n_not_used", "shift", "seed"),
    [(25, 0.0, 0), (25, 0.0, 1), (25, 9.0, 0), (60, -1.0, 0), (60, -9.0, 0), (1000, 1.5, 0)],
)
def test_the_legend_hides_no_curve(n_not_used, shift, seed):
    truth, score = simulate(n_not_used=n_not_used, shift=shift, seed=seed)
    shown = LogRocDisplay.from_predictions(truth, score, name="attack")
    shown.figure_.canvas.draw()
    box = shown.ax_.get_legend().get_window_extent()
    x, y = shown.line_.get_data()
    corners = np.column_stack([np.repeat(x, 2)[1:], np.maximum(np.repeat(y, 2)[:-1], 1e-9)])
    corners = shown.ax_.transData.transform(corners)
    steps = np.linspace(0, 1, 200)[:, None, None]
    points = corners[:-1] + steps * np.diff(corners, axis=0)
    inside = (points > box.min) & (points < box.max)
    assert not inside.all(axis=-1).any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LogRocDisplay([0, 1], [0, 0.5, 1], n_not_used=3).plot(), r"\(2,\) and \(3,\)"),
        (lambda: LogRocDisplay([0, 1], [0, 1], n_not_used=0).plot(), "n_not_used=0"),
        (lambda: LogRocDisplay.from_predictions(*simulate(), tpr_at=(2,)), "in 0..1; got 2"),
    ],
)
def test_wrong_input_leaves_no_figure(make, message):
    with pytest.raises(ValueError, match=message):
        make()
    assert plt.get_fignums() == []


def test_options_that_no_line_has_leave_no_figure():
    with pytest.raises(AttributeError, match="nonsense"):
        LogRocDisplay.from_predictions(*simulate(), nonsense=1)
    assert plt.get_fignums() == []
