import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from skimage import data

from gan_isi import (
    BaseDescriptor,
    GaborDescriptor,
    StatisticalDescriptor,
    SteerableDescriptor,
    make_descriptors,
)
from gan_isi.plotting import FeatureMapsDisplay


@pytest.fixture(scope="module")
def camera():
    return data.camera()[100:260:4, 100:340:4]


def titles(shown):
    return [axes.get_title() for axes in shown.axes_]


def headings(shown):
    return [text.get_text() for axes in shown.figure_.axes for text in axes.texts]


def test_the_maps_are_those_of_the_descriptor(camera):
    steerable = SteerableDescriptor()
    shown = FeatureMapsDisplay.from_estimator(steerable, camera)
    expected = steerable.feature_maps(camera)
    np.testing.assert_array_equal(shown.maps["steerable"], expected)
    for axes, values in zip(shown.axes_[1:], expected, strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), values)
    assert titles(shown)[:3] == ["image", "d1_t0", "d1_t45"]
    assert headings(shown) == ["steerable: 8 maps"]


def test_signed_maps_are_white_at_zero(camera):
    shown = FeatureMapsDisplay.from_estimator(
        make_descriptors(["statistical", "steerable"]), camera, percentile=99
    )
    for axes, values in zip(shown.axes_[1:4], shown.maps["statistical"], strict=True):
        np.testing.assert_allclose(axes.images[0].get_clim(), np.percentile(values, [1, 99]))
        assert axes.images[0].get_cmap().name == "cividis"
    for axes, values in zip(shown.axes_[4:], shown.maps["steerable"], strict=True):
        end = np.percentile(np.abs(values), 99)
        np.testing.assert_allclose(axes.images[0].get_clim(), [-end, end])
        assert axes.images[0].get_cmap().name == "PuOr"
        assert axes.get_xlabel().startswith("±")


def test_all_65_maps_with_family_headings(camera):
    shown = FeatureMapsDisplay.from_estimator(make_descriptors(), camera)
    assert len(shown.axes_) == 66
    assert headings(shown) == [
        "statistical: 3 maps",
        "gabor: 24 maps",
        "steerable: 8 maps",
        "gaussian: 30 maps",
    ]
    assert "s0.5\nhessian_eigenvalue1" in titles(shown)
    small = FeatureMapsDisplay.from_estimator(StatisticalDescriptor(), camera)
    assert (small.figure_.get_size_inches() < shown.figure_.get_size_inches()).all()


def test_titles_do_not_overlap(camera):
    shown = FeatureMapsDisplay.from_estimator(make_descriptors(["gaussian"]), camera)
    shown.figure_.canvas.draw()
    boxes = [axes.title.get_window_extent() for axes in shown.axes_[1:]]
    for box, following in itertools.pairwise(boxes):
        assert not box.overlaps(following)


def test_some_maps(attack, camera):
    names = ["steerable_d2_t90", "statistical_std"]
    shown = FeatureMapsDisplay.from_estimator(attack, camera, map_names=names)
    assert titles(shown) == ["image", "std", "d2_t90"]
    shown = FeatureMapsDisplay.from_estimator(attack, camera, map_names="statistical_std")
    assert titles(shown) == ["image", "std"]


def test_families_that_are_dropped_are_left_out(camera):
    union = make_descriptors(["statistical", "gabor"]).set_params(gabor="drop")
    assert len(FeatureMapsDisplay.from_estimator(union, camera).axes_) == 4
    union.set_params(statistical="drop")
    with pytest.raises(ValueError, match="All descriptor families are dropped"):
        FeatureMapsDisplay.from_estimator(union, camera)


class Blank(BaseDescriptor):
    """A user's own family, whose maps never vary."""

    def compute_maps(self, image):
        return np.stack([0 * image, 0 * image + 2, 0 * image - 2])


class Pooled(BaseDescriptor):
    def compute_maps(self, image):
        return image.ravel()[None]


def test_constant_maps_of_one_s_own(camera):
    shown = FeatureMapsDisplay.from_estimator(Blank(), camera)
    assert headings(shown) == ["blank: 3 maps"]
    assert titles(shown) == ["image", "0", "1", "2"]
    shown.figure_.canvas.draw()


@pytest.mark.parametrize("image", [data.astronaut()[::16, ::8], data.camera()[::16, ::16] / 255.0])
def test_colour_and_float_images(image):
    shown = FeatureMapsDisplay.from_estimator(StatisticalDescriptor(), image)
    assert shown.axes_[0].images[0].get_array().shape == image.shape[:2]


def test_the_place_of_axes_is_divided(camera):
    _, axes = plt.subplots(1, 2)
    shown = FeatureMapsDisplay.from_estimator(
        GaborDescriptor(wavelengths=[4]), camera, ax=axes[0], max_columns=2
    )
    assert not axes[0].axison
    outer = axes[0].get_position()
    for inner in (cell.get_position() for cell in shown.axes_):
        assert inner.x0 >= outer.x0 - 1e-9
        assert inner.x1 <= outer.x1 + 1e-9


def test_wrong_input(camera):
    statistical = StatisticalDescriptor()
    with pytest.raises(ValueError, match=r"one or more of the 3 maps.*got \['texture'\]"):
        FeatureMapsDisplay.from_estimator(statistical, camera, map_names=["texture"])
    with pytest.raises(TypeError, match="ndarray has no maps"):
        FeatureMapsDisplay.from_estimator(camera, camera)
    with pytest.raises(ValueError, match="got 0 and 99"):
        FeatureMapsDisplay.from_estimator(statistical, camera, max_columns=0, percentile=99)
    many = GaborDescriptor(wavelengths=np.linspace(2, 40, 40))
    with pytest.raises(ValueError, match="160 maps are too many for one sheet of at most 128"):
        FeatureMapsDisplay.from_estimator(many, camera)
    with pytest.raises(ValueError, match=r"no pictures.*got shape \(1, 2400\)"):
        FeatureMapsDisplay.from_estimator(Pooled(), camera)
    figure = plt.figure()
    with pytest.raises(ValueError, match="ax has to come from a grid"):
        FeatureMapsDisplay.from_estimator(statistical, camera, ax=figure.add_axes([0, 0, 1, 1]))


@pytest.mark.parametrize("names", [{"a": ["x"]}, {"a": ["x", "y"], "b": ["z"]}, {}])
def test_maps_and_names_that_do_not_fit_leave_no_figure(names):
    with pytest.raises(ValueError, match="one name for each map"):
        FeatureMapsDisplay(np.zeros((9, 9)), {"a": np.zeros((2, 9, 9))}, names).plot()
    assert plt.get_fignums() == []


def test_few_maps_are_aligned_with_their_headings(camera):
    names = ["statistical_std", "steerable_d1_t0"]
    shown = FeatureMapsDisplay.from_estimator(make_descriptors(), camera, map_names=names)
    shown.figure_.canvas.draw()
    texts = [text for axes in shown.figure_.axes for text in axes.texts]
    for text, axes in zip(texts, shown.axes_[1:], strict=True):
        assert text.get_window_extent().x0 == pytest.approx(axes.get_window_extent().x0, abs=3)
