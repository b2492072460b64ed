import numpy as np
import pytest

from gan_isi import PairwiseWassersteinTransformer, StatisticalDescriptor
from gan_isi.attacks.pipeline import SourceIdentificationPipeline
from gan_isi.baselines import DensityRatio
from gan_isi.plotting import DistanceHeatmapDisplay


@pytest.fixture
def bags(rng):
    return rng.random((10, 7, 3)) * [1, 10, 100]


def test_one_map_of_an_attack(attack, images):
    queries, used, _ = images
    shown = DistanceHeatmapDisplay.from_estimator(attack, queries, used, map_name="statistical_std")
    expected = attack[:-1].transform(queries)[:, :, 1]
    np.testing.assert_array_equal(shown.distances, expected)
    np.testing.assert_array_equal(shown.im_.get_array(), expected[shown.order_])
    assert shown.colorbar_.ax.get_ylabel() == "W1 of statistical_std (intensity)"
    assert shown.ax_.get_xlabel() == "generated image"


def test_distances_to_real_images_are_left_out(images):
    queries, used, generated = images
    distances = PairwiseWassersteinTransformer(n_levels=64, include_real=True)
    steps = [
        ("descriptors", StatisticalDescriptor()),
        ("distances", distances),
        ("membership", DensityRatio()),
    ]
    attack = SourceIdentificationPipeline(steps, generated=generated).fit(queries, used)
    bags = attack[:-1].transform(queries)
    assert np.isnan(bags).any()  # a query beside itself
    shown = DistanceHeatmapDisplay.from_estimator(
        attack, queries, used, map_name="statistical_entropy"
    )
    np.testing.assert_array_equal(shown.distances, bags[:, : len(generated), 2])


def test_members_first_and_the_closest_first(attack, images):
    queries, used, _ = images
    shown = DistanceHeatmapDisplay.from_estimator(attack, queries, used)
    labels = used[shown.order_]
    np.testing.assert_array_equal(labels, np.sort(used)[::-1])
    closest = np.asarray(shown.distances).min(axis=1)[shown.order_]
    for label in (0, 1):
        assert (np.diff(closest[labels == label]) >= 0).all()
    ticks = [text.get_text() for text in shown.ax_.get_yticklabels()]
    assert ticks == ["used\n(n = 6)", "not used\n(n = 6)"]


def test_average_of_all_maps_relative_to_their_medians(bags):
    shown = DistanceHeatmapDisplay.from_distances(bags)
    expected = sum(bags[:, :, m] / np.median(bags[:, :, m]) for m in range(3)) / 3
    np.testing.assert_allclose(shown.distances, expected)
    assert shown.unit is None
    assert "median" in shown.colorbar_.ax.get_ylabel()
    np.testing.assert_array_equal(shown.order_, np.argsort(expected.min(axis=1)))


def test_a_map_without_distances_does_not_divide_by_zero(bags):
    bags[:, :, 1] = 0
    shown = DistanceHeatmapDisplay.from_distances(bags)
    assert np.isfinite(shown.distances).all()


def test_distances_that_are_there_already(bags):
    names = ["a", "b", "c"]
    shown = DistanceHeatmapDisplay.from_distances(bags, map_names=names, map_name="b", unit="bit")
    np.testing.assert_array_equal(shown.distances, bags[:, :, 1])
    assert shown.colorbar_.ax.get_ylabel() == "W1 of b (bit)"
    shown = DistanceHeatmapDisplay.from_distances(bags[:, :, 0], [False] * 4 + [True] * 6)
    assert np.asarray(shown.is_used).sum() == 6


def test_used_images_come_first(bags):
    shown = DistanceHeatmapDisplay.from_distances(bags, np.repeat([1, -1], 5))
    assert (shown.order_[:5] < 5).all()


def test_a_close_image_among_many_stays_visible(rng):
    distances = rng.random((4, 1000)) + 1
    distances[2, 777] = 0.1
    shown = DistanceHeatmapDisplay.from_distances(distances)
    drawn = shown.im_.get_array()
    assert drawn.shape == (4, 334)
    assert shown.order_[0] == 2
    assert drawn[0, 777 // 3] == 0.1
    assert "closest of 3" in shown.ax_.get_xlabel()


def test_the_scale_is_not_taken_by_a_few_far_images(rng):
    distances = rng.random((20, 50))
    distances[0, 0] = 1000
    shown = DistanceHeatmapDisplay.from_distances(distances)
    assert shown.im_.get_clim() == (distances.min(), np.percentile(distances, 98))
    assert shown.colorbar_.extend == "max"
    shown = DistanceHeatmapDisplay.from_distances(np.ones((3, 4)))
    assert shown.colorbar_.extend == "neither"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda bags: (bags[0, 0],), r"of shape.*got shape \(3,\)"),
        (lambda bags: (np.where(bags > 50, np.nan, bags),), "have to be finite"),
        (lambda bags: (bags, np.arange(10)), "holds 10 classes"),
        (lambda bags: (bags, [0, 1]), "2 labels for 10 queries"),
    ],
)
def test_wrong_input(bags, change, message):
    with pytest.raises(ValueError, match=message):
        DistanceHeatmapDisplay.from_distances(*change(bags))


def test_unknown_maps(bags, attack, images):
    with pytest.raises(ValueError, match="map_names has to name the 3 maps; got 0"):
        DistanceHeatmapDisplay.from_distances(bags, map_name="a")
    with pytest.raises(ValueError, match="no map 'd'"):
        DistanceHeatmapDisplay.from_distances(bags, map_name="d", map_names=["a", "b", "c"])
    with pytest.raises(ValueError, match="no map 'd'"):
        DistanceHeatmapDisplay.from_estimator(attack, images[0], map_name="d")
