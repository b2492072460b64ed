"""Large images in strips and blocks: the same bits as at once."""

from typing import get_args

import numpy as np
import pytest
from scipy import ndimage

from gan_isi import (
    GaborDescriptor,
    GaussianDerivativeDescriptor,
    StatisticalDescriptor,
    SteerableDescriptor,
)
from gan_isi.texture import fourier, gabor, gaussian, strips
from gan_isi.texture.derivatives import Boundary
from gan_isi.texture.strips import in_strips


def cut_finely(monkeypatch):
    for module in (strips, fourier, gabor, gaussian):
        monkeypatch.setattr(module, "LARGEST_STRIP", 1000)
    monkeypatch.setattr("gan_isi.descriptors.base.LARGEST_STRIP", 1000)


@pytest.mark.parametrize(
    "family",
    [
        StatisticalDescriptor(),
        GaborDescriptor(),
        GaborDescriptor(wavelengths=[2, 40], orientations=[0, 30]),
        SteerableDescriptor(),
        *(GaussianDerivativeDescriptor(boundary=one) for one in get_args(Boundary)),
        GaussianDerivativeDescriptor(kernels="sampled", curvature="surface"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("shape", [(96, 80), (61, 83), (1, 2003), (2003, 1)])
def test_the_same_bits(family, shape, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (1, *shape), dtype=np.uint8)
    whole = family.fit(images).transform(images)
    maps = family.feature_maps(images[0])
    cut_finely(monkeypatch)
    np.testing.assert_array_equal(family.transform(images), whole)
    np.testing.assert_array_equal(family.feature_maps(images[0]), maps)


def test_without_numba(monkeypatch):
    image = np.random.default_rng(0).random((90, 70))
    whole = gaussian.multiscale_maps(image)
    steered = gaussian.steered_derivatives(image)
    cut_finely(monkeypatch)
    np.testing.assert_array_equal(gaussian.multiscale_maps(image), whole)
    np.testing.assert_array_equal(gaussian.steered_derivatives(image), steered)


@pytest.mark.parametrize(
    ("mode", "theirs"),
    [("symmetric", "reflect"), ("edge", "nearest"), ("reflect", "mirror"), ("wrap", "wrap")],
)
def test_strips_of_a_filter_of_scipy(mode, theirs, monkeypatch):
    cut_finely(monkeypatch)
    image = np.random.default_rng(0).random((120, 30))
    found = in_strips(image, lambda part: ndimage.median_filter(part, 7, mode=theirs), 3, mode)
    np.testing.assert_array_equal(found, ndimage.median_filter(image, 7, mode=theirs))


def test_a_subclass_with_maps_of_its_own_is_asked_for_them(monkeypatch):
    class Own(StatisticalDescriptor):
        def compute_maps(self, image):
            return np.stack([image] * 3)

    images = np.random.default_rng(0).random((1, 50, 40))
    whole = Own().fit_transform(images)
    cut_finely(monkeypatch)
    np.testing.assert_array_equal(Own().fit_transform(images), whole)
