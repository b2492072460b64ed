import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.transform import resize
from sklearn.base import clone

from gan_isi import PixelDescriptor
from gan_isi.texture.pixels import pixels


def test_an_image_of_that_size_is_taken_as_it_is(photographs):
    rows = PixelDescriptor(size=48).fit_transform(photographs)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, (photographs / 255).reshape(12, -1).astype(np.float32))


def test_another_size_is_scikit_image_s_resize(photographs):
    image = photographs[0] / 255
    expected = resize(image, (20, 20), order=1, anti_aliasing=True)
    np.testing.assert_allclose(pixels(image, size=20), expected, atol=1e-6)


def test_shrinking_does_not_alias():
    stripes = np.tile([0.0, 1.0, 0.0], (60, 20))  # every third pixel, as it is, is 1
    np.testing.assert_allclose(pixels(stripes, size=20), 1 / 3, atol=0.15)


def test_images_of_another_aspect_are_stretched():
    image = np.repeat([[0.0, 1.0]], 8, axis=0).repeat(8, axis=1)  # 8 x 16: a vertical edge
    stretched = pixels(image, size=8)
    assert stretched.shape == (8, 8)
    np.testing.assert_allclose(stretched[:, 0], 0, atol=1e-6)
    np.testing.assert_allclose(stretched[:, -1], 1, atol=1e-6)


def test_images_of_several_sizes_in_one_list(photographs):
    images = [photographs[0], photographs[1][:30, :40], np.stack([photographs[2]] * 3, axis=2)]
    rows = PixelDescriptor(size=16).fit_transform(images)
    assert rows.shape == (3, 256)
    grey = PixelDescriptor(size=16).fit_transform(photographs[2:3])
    np.testing.assert_allclose(rows[2:], grey, atol=1e-5)


class TestContrast:
    def test_global_takes_out_brightness_and_exposure(self, photographs):
        image = photographs[3] / 255
        plain = pixels(image, size=48, contrast="global")
        np.testing.assert_allclose(plain, (image - image.mean()) / image.std(), atol=1e-5)
        np.testing.assert_allclose(
            pixels(0.3 * image + 0.2, size=48, contrast="global"), plain, atol=1e-4
        )

    @pytest.mark.parametrize("value", [0.0, 0.1, 0.7])
    @pytest.mark.parametrize("contrast", ["global", "local"])
    @pytest.mark.parametrize("shape", [(16, 16), (21, 37)])
    def test_a_constant_image_is_zero(self, value, contrast, shape):
        rows = pixels(np.full(shape, value), size=16, contrast=contrast)
        np.testing.assert_allclose(rows, 0, atol=1e-4)

    def test_rounding_is_no_contrast(self):
        image = np.full((8, 8), 0.7, dtype=np.float32)
        image[0, 0] = np.nextafter(image[0, 0], np.float32(1))
        np.testing.assert_array_equal(pixels(image, size=8, contrast="global"), 0)

    def test_local_by_hand(self, photographs):
        image = (photographs[4] / 255).astype(np.float32)
        residual = image - gaussian_filter(image.astype(float), 48 / 16)
        expected = residual / np.sqrt(gaussian_filter(residual**2, 48 / 16) + 1e-4)
        np.testing.assert_allclose(pixels(image, size=48, contrast="local"), expected, atol=1e-5)

    def test_local_takes_out_a_slow_gradient_of_brightness(self, photographs):
        image = photographs[4] / 255
        slope = np.linspace(0, 0.2, 48)
        moved = {c: pixels(image + slope, size=48, contrast=c) for c in ("global", "local")}
        change = {c: np.abs(moved[c] - pixels(image, size=48, contrast=c)).mean() for c in moved}
        assert change["local"] < change["global"] / 3

    def test_descriptor_hands_on_its_parameters(self, photographs):
        row = PixelDescriptor(size=24, contrast="local").fit_transform(photographs[:1])
        expected = pixels(photographs[0] / 255, size=24, contrast="local").ravel()
        np.testing.assert_allclose(row[0], expected, atol=1e-5)


def test_names_say_row_and_column(photographs):
    names = PixelDescriptor(size=3).fit(photographs).get_feature_names_out()
    assert names.tolist()[:4] == ["pixel_r0_c0", "pixel_r0_c1", "pixel_r0_c2", "pixel_r1_c0"]
    assert len(names) == 9


def test_intensity_range(photographs):
    twelve_bit = photographs.astype(np.uint16) * 16
    ours = PixelDescriptor(size=48, intensity_range=(0, 255 * 16)).fit_transform(twelve_bit)
    np.testing.assert_allclose(ours, PixelDescriptor(size=48).fit_transform(photographs), atol=1e-6)
    with pytest.raises(ValueError, match="needs low < high"):
        PixelDescriptor(intensity_range=(1, 0)).fit(photographs)


def test_jobs_pieces_and_memory_change_no_bit(photographs, tmp_path):
    images = np.concatenate([photographs, photographs[::-1]])
    descriptor = PixelDescriptor(size=20, contrast="local").fit(images)
    expected = descriptor.transform(images)
    jobs = clone(descriptor).set_params(n_jobs=2).fit(images)
    np.testing.assert_array_equal(jobs.transform(images), expected)
    np.testing.assert_array_equal(descriptor.transform(images[5:8]), expected[5:8])
    memory = clone(descriptor).set_params(memory=str(tmp_path)).fit(images)
    for _ in range(2):
        np.testing.assert_array_equal(memory.transform(images), expected)
    assert len(list(tmp_path.rglob("gan_isi/??/*"))) == 12  # each different image once
    other = PixelDescriptor(size=20, memory=str(tmp_path)).fit(images)
    assert not np.array_equal(other.transform(images), expected)


def test_an_image_with_nan_is_named(photographs):
    images = photographs.astype(float)
    images[7, 0, 0] = np.nan
    with pytest.raises(ValueError, match="image 7 contains NaN"):
        PixelDescriptor().fit(list(images)).transform(list(images))
