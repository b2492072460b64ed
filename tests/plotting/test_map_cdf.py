import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from gan_isi import GaborDescriptor, make_descriptors, make_pipeline
from gan_isi.plotting import MapCdfDisplay
from gan_isi.plotting.attack import Family, families_of, map_unit


def map_of(attack, image, index):
    """Values of a map of the statistical family, independent of the CDF vectors."""
    family = attack.named_steps["descriptors"].transformer_list[0][1]
    return family.feature_maps(image)[index].ravel()


@pytest.mark.parametrize("name", ["statistical_range", "statistical_std"])
def test_distances_are_those_of_the_maps(attack, images, name):
    queries, _, generated = images
    index = ["statistical_range", "statistical_std"].index(name)
    shown = MapCdfDisplay.from_estimator(attack, queries[1], name)
    values = map_of(attack, queries[1], index)
    exact = [wasserstein_distance(values, map_of(attack, g, index)) for g in generated]
    np.testing.assert_array_equal(shown.indices, np.argsort(exact)[:3])
    np.testing.assert_allclose(shown.distances, np.sort(exact)[:3], rtol=0.02)
    np.testing.assert_allclose(shown.typical_distance, np.sort(exact)[len(exact) // 2], rtol=0.02)


def test_curves_follow_the_empirical_cdf(attack, images):
    shown = MapCdfDisplay.from_estimator(attack, images[0][0], "statistical_std")
    values = np.sort(map_of(attack, images[0][0], 1))
    x, height = shown.lines_[0].get_data()
    assert height[0] == 0
    assert height[-1] == 1
    assert (np.diff(x) >= -1e-7).all()  # single precision
    # A cell's mean lies between the quantiles at the ends of the cell.
    edges = np.asarray(shown.edges)
    low = values[np.floor(edges[:-1] * len(values)).astype(int)]
    high = values[np.ceil(edges[1:] * len(values)).astype(int) - 1]
    assert (shown.query >= low - 1e-6).all()
    assert (shown.query <= high + 1e-6).all()
    np.testing.assert_allclose(np.diff(edges) @ shown.query, values.mean(), rtol=1e-5)


def test_the_area_between_the_curves_is_the_distance_of_the_attack(attack, images):
    query = images[0][2]
    shown = MapCdfDisplay.from_estimator(attack, query, "steerable_d2_t45", n_nearest=4)
    area = np.abs(shown.generated - shown.query) @ np.diff(shown.edges)
    np.testing.assert_allclose(area, shown.distances, rtol=1e-4)
    bag = attack[:-1].transform([query])[0]
    names = [name for family in families_of(attack) for name in family.map_names]
    column = bag[:, names.index("steerable_d2_t45")]
    np.testing.assert_allclose(column[shown.indices], shown.distances, rtol=1e-6)


def test_other_generated_images_and_cells(images):
    queries, used, generated = images
    attack = make_pipeline(families=["steerable"], n_levels=16, cells="equal")
    attack.set_params(generated=generated).fit(queries, used)
    shown = MapCdfDisplay.from_estimator(
        attack, queries[0], "steerable_d1_t0", generated=queries[:2], n_nearest=5
    )
    np.testing.assert_array_equal(shown.edges, np.arange(17) / 16)
    np.testing.assert_array_equal(shown.indices, [0, 1])
    assert shown.distances[0] == 0
    assert shown.typical is None  # all of them are shown
    np.testing.assert_array_equal(shown.generated[0], shown.query)


def test_labels(attack, images):
    shown = MapCdfDisplay.from_estimator(attack, images[0][1], "statistical_entropy")
    assert shown.ax_.get_xlabel() == "statistical_entropy (bit)"
    assert shown.ax_.get_ylabel() == "cumulative probability"
    legend = shown.ax_.get_legend()
    labels = [text.get_text() for text in legend.get_texts()]
    assert legend.get_title().get_text() == "W1 in bit"
    assert labels[0] == "query"
    assert labels[1] == f"generated {shown.indices[0]}: W1 = {shown.distances[0]:.3g}"
    assert labels[-1].startswith("at the median distance: W1 = ")
    assert len(labels) == len(shown.lines_) == 5


def test_wrong_input(attack, images):
    with pytest.raises(ValueError, match=r"no map 'gabor_w4_t0'. The 11 maps are statistical"):
        MapCdfDisplay.from_estimator(attack, images[0][0], "gabor_w4_t0")
    with pytest.raises(ValueError, match="n_nearest has to be at least 1; got 0"):
        MapCdfDisplay.from_estimator(attack, images[0][0], "statistical_std", n_nearest=0)


@pytest.mark.parametrize(
    "change",
    [
        {"distances": [0.5, 0.6]},
        {"generated": [[1.0, 2.0, 3.0]]},
        {"query": [1.0]},
        {"typical": [1.0]},
        {"indices": [1, 2]},
    ],
)
def test_curves_that_do_not_fit_leave_no_figure(change):
    data = {"query": [1.0, 3.0], "generated": [[1.5, 3.5]], "distances": [0.5], "indices": [7]}
    MapCdfDisplay([0, 0.5, 1], **data).plot()
    plt.close("all")
    with pytest.raises(ValueError, match="3 edges and"):
        MapCdfDisplay([0, 0.5, 1], **(data | change)).plot()
    assert plt.get_fignums() == []


def test_maps_in_tiles_have_no_single_cdf(images):
    queries, used, generated = images
    attack = make_pipeline(families=["steerable"], n_levels=4, grid=2)
    attack.set_params(generated=generated).fit(queries, used)
    with pytest.raises(ValueError, match="'steerable_d2_t45' has 4 CDFs, one a tile"):
        MapCdfDisplay.from_estimator(attack, queries[0], "steerable_d2_t45")


def test_every_map_of_the_library_has_a_unit():
    for family in families_of(make_descriptors()):
        for name in family.map_names:
            assert map_unit(family, name) is not None, name


def test_maps_of_others_have_no_unit():
    class Mine(GaborDescriptor):
        pass

    assert map_unit(Family("gabor", Mine(), 0, ("gabor_w4_t0",)), "gabor_w4_t0") is None
