"""What all displays have in common."""

import os
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score

from gan_isi import StatisticalDescriptor, make_pipeline, plotting
from gan_isi.plotting import (
    ClosestPairsDisplay,
    DistanceHeatmapDisplay,
    FamilyImportanceDisplay,
    FeatureMapsDisplay,
    LogRocDisplay,
    MapCdfDisplay,
    MembershipScoreDisplay,
    TileMapDisplay,
    family_importance,
)
from gan_isi.plotting.attack import bags_of, views_of

TRUTH, SCORE = np.repeat([0, 1], 6), np.linspace(0, 1, 12)

DRAW = {
    "map_cdf": lambda attack, X, y, ax=None: MapCdfDisplay.from_estimator(
        attack, X[0], "statistical_std", ax=ax
    ),
    "heatmap": lambda attack, X, y, ax=None: DistanceHeatmapDisplay.from_estimator(
        attack, X, y, ax=ax
    ),
    "scores": lambda attack, X, y, ax=None: MembershipScoreDisplay.from_estimator(
        attack, X, y, candidates=X[:3], threshold=0.5, ax=ax
    ),
    "roc": lambda attack, X, y, ax=None: LogRocDisplay.from_estimator(attack, X, y, ax=ax),
    "tiles": lambda attack, X, y, ax=None: TileMapDisplay.from_estimator(attack, X[1], X[3], ax=ax),
    "pairs": lambda attack, X, y, ax=None: ClosestPairsDisplay.from_estimator(
        attack, X, y, n_pairs=1, ax=ax
    ),
    "maps": lambda attack, X, y, ax=None: FeatureMapsDisplay.from_estimator(attack, X[0], ax=ax),
    "importance": lambda attack, X, y, ax=None: FamilyImportanceDisplay.from_estimator(
        attack, X, y, n_repeats=2, random_state=0, ax=ax
    ),
}


@pytest.fixture(params=DRAW.values(), ids=DRAW.keys())
def draw(request):
    return request.param


def test_a_new_figure_needs_no_resizing(draw, attack, images):
    display = draw(attack, images[0], images[1])
    width, height = display.figure_.get_size_inches()
    assert 3 <= width <= 10
    assert height <= 6
    assert display.figure_ is plt.gcf()
    display.figure_.canvas.draw()  # warnings of the layout are errors


def test_nothing_is_drawn_outside_of_the_figure(draw, attack, images):
    figure = draw(attack, images[0], images[1]).figure_
    figure.canvas.draw()
    tight = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert tight.x0 > -0.02
    assert tight.y0 > -0.02
    assert tight.x1 < width + 0.02
    assert tight.y1 < height + 0.02


def test_axes_that_are_given_are_used(draw, attack, images):
    figure, axes = plt.subplots(1, 2, layout="constrained")
    display = draw(attack, images[0], images[1], ax=axes[1])
    assert display.figure_ is figure
    assert plt.get_fignums() == [figure.number]
    assert not axes[0].has_data()
    if not isinstance(display, FeatureMapsDisplay):  # divides the place of its axes
        assert display.ax_ is axes[1]


def test_plot_returns_the_display_and_draws_again(draw, attack, images):
    display = draw(attack, images[0], images[1])
    first = display.figure_
    assert display.plot() is display
    assert display.figure_ is not first


def test_subfigures_are_figures_too(draw, attack, images):
    part = plt.figure(figsize=(12, 5), layout="constrained").subfigures(1, 2)[0]
    display = draw(attack, images[0], images[1], ax=part.subplots())
    assert display.figure_ is part


def test_what_is_no_axes_is_refused(attack, images):
    with pytest.raises(TypeError, match=r"axes or None; got str"):
        LogRocDisplay.from_predictions(TRUTH, SCORE, ax="here")


@pytest.mark.parametrize(
    "ask",
    [
        lambda attack, X, y: MapCdfDisplay.from_estimator(attack, X[0], "statistical_std"),
        lambda attack, X, y: TileMapDisplay.from_estimator(attack, X[0], X[1]),
        DistanceHeatmapDisplay.from_estimator,
        family_importance,
    ],
)
def test_what_is_no_fitted_attack_is_refused(ask, images):
    queries, used, _ = images
    with pytest.raises(TypeError, match=r"a pipeline with the steps.*got StatisticalDescriptor"):
        ask(StatisticalDescriptor(), queries, used)
    with pytest.raises(NotFittedError):
        ask(make_pipeline(families=["statistical"]), queries, used)


@pytest.mark.parametrize(
    "ask",
    [
        LogRocDisplay.from_estimator,
        MembershipScoreDisplay.from_estimator,
        DistanceHeatmapDisplay.from_estimator,
        family_importance,
    ],
)
class TestLabels:
    def test_they_are_refused_before_an_image_is_described(self, ask, attack):
        class Unread:
            def __len__(self):
                return 12

            def __getitem__(self, index):
                raise AssertionError("An image was read.")

        with pytest.raises(ValueError, match='y == "in" or y == "out"'):
            ask(attack, Unread(), np.array(["out", "in"])[TRUTH])
        with pytest.raises(ValueError, match="11 labels for 12 queries"):
            ask(attack, Unread(), TRUTH[1:])

    def test_the_coding_does_not_count(self, ask, attack, images):
        queries, used, _ = images
        shown = [ask(attack, queries, labels) for labels in (used, used == 1, 2.0 * used - 1)]
        for one in shown[1:]:
            for name, value in vars(shown[0]).items():
                if isinstance(value, np.ndarray):
                    np.testing.assert_array_equal(vars(one)[name], value)


@pytest.mark.parametrize("display", [LogRocDisplay, MembershipScoreDisplay])
class TestScoresAndLabels:
    def test_two_classes_are_needed(self, display):
        with pytest.raises(ValueError, match="used and not used, are needed; all 12 labels"):
            display.from_predictions(np.ones(12), SCORE)

    def test_as_many_labels_as_scores(self, display):
        with pytest.raises(ValueError, match="11 labels for 12 queries"):
            display.from_predictions(TRUTH[1:], SCORE)

    def test_finite_scores(self, display):
        with pytest.raises(ValueError, match="y_score has to hold finite"):
            display.from_predictions(TRUTH, np.where(SCORE > 0.9, np.nan, SCORE))

    def test_words_do_not_say_who_was_used(self, display):
        with pytest.raises(ValueError, match='y_true == "in" or y_true == "out"'):
            display.from_predictions(np.array(["out", "in"])[TRUTH], SCORE)

    def test_an_estimator_has_to_give_scores(self, display, images):
        with pytest.raises(TypeError, match="neither predict_proba nor decision_function"):
            display.from_estimator(StatisticalDescriptor(), images[0], images[1])


def test_matplotlib_is_imported_with_the_first_figure_only():
    code = (
        "import sys, gan_isi.plotting as p\n"
        "assert 'matplotlib' not in sys.modules\n"
        "sys.modules['matplotlib'] = None\n"  # as if it were not installed
        "try:\n"
        "    p.LogRocDisplay([0, 1], [0, 1], n_not_used=5).plot()\n"
        "except ImportError as error:\n"
        "    assert 'pip install \"gan-isi[plot]\"' in str(error)\n"
        "else:\n"
        "    raise AssertionError\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_public_name_is_there():
    assert all(hasattr(plotting, name) for name in plotting.__all__)


@pytest.fixture(scope="module")
def recommended(images):
    queries, used, generated = images
    attack = make_pipeline("recommended", families=["statistical", "steerable"])
    return attack.set_params(generated=generated).fit(queries, used)


class TestTheRecommendedAttack:
    """Its distances have branches: views of pixels, and textures."""

    VIEWS = ("pixels", "pixels_local", "dihedral", "poses", "tiles", "whitened")

    def test_families_are_views_and_textures_in_the_order_of_the_bags(self, recommended, images):
        views = views_of(recommended)
        assert [one.name for one in views] == [*self.VIEWS, "statistical", "steerable"]
        assert views[-1].columns.stop == bags_of(recommended, images[0][:2]).shape[2]
        ends = np.cumsum([len(block.maps) for block in recommended.blocks_])
        assert [one.columns.stop for one in views] == ends.tolist()

    def test_cdfs_are_those_of_the_paper_attack(self, recommended, attack, images):
        one, other = (
            MapCdfDisplay.from_estimator(each, images[0][0], "statistical_std")
            for each in (recommended, attack)
        )
        np.testing.assert_allclose(one.query, other.query)
        np.testing.assert_allclose(one.distances, other.distances)
        np.testing.assert_array_equal(one.indices, other.indices)

    def test_a_view_has_no_cdf(self, recommended, images):
        with pytest.raises(ValueError, match="compares whole images and has no CDF; take a map of"):
            MapCdfDisplay.from_estimator(recommended, images[0][0], "pixels_local")

    def test_heat_maps(self, recommended, images):
        queries, used, generated = images
        bags = bags_of(recommended, queries)[:, : len(generated)]
        shown = DistanceHeatmapDisplay.from_estimator(
            recommended, queries, used, map_name="pixels_local"
        )
        np.testing.assert_allclose(shown.distances, bags[:, :, self.VIEWS.index("pixels_local")])
        assert shown.name == "distance of pixels_local"
        average = DistanceHeatmapDisplay.from_estimator(recommended, queries)
        assert average.name == "mean over maps of distance / median distance"

    def test_shuffling_a_view_costs_what_it_says(self, recommended, images):
        queries, used, _ = images
        drops = family_importance(recommended, queries, used, n_repeats=2, random_state=0)
        assert drops.families == [one.name for one in views_of(recommended)]
        assert drops.baseline_score == roc_auc_score(used, recommended.predict_proba(queries)[:, 1])
        # The views find the copies.
        assert drops.importances_mean[:6].max() > drops.importances_mean[6:].max()

    def test_its_textures_have_sheets(self, recommended, images):
        shown = FeatureMapsDisplay.from_estimator(clone(recommended), images[0][0])
        assert set(shown.maps) == {"statistical", "steerable"}


@pytest.mark.parametrize("backend", ["nonsense", "svg"])
def test_a_backend_that_does_not_exist_keeps_nobody_from_drawing(backend):
    code = (
        "import os, gan_isi.plotting.style as style; pyplot = style.import_pyplot(); "
        "print(pyplot.figure() is not None, os.environ['MPLBACKEND'], pyplot.get_backend())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "MPLBACKEND": backend},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    drawn, kept, used = done.stdout.split()
    assert (drawn, kept) == ("True", backend)
    assert used.lower() == backend or backend == "nonsense"
