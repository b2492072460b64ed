"""What comes in as images: every form that should work, and a clear word on the rest."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import sparse
from skimage.color import rgb2gray
from skimage.util import img_as_float32

from gan_isi import GaborDescriptor, StatisticalDescriptor, SteerableDescriptor, make_descriptors
from gan_isi._validation.images import to_grey

DESCRIPTOR = SteerableDescriptor(n_levels=16)


def describe(images, **parameters):
    return SteerableDescriptor(n_levels=16, **parameters).fit_transform(images)


class LazyImages(Sequence):
    """Reads an image only when asked for it, and counts."""

    def __init__(self, images):
        self.images = images
        self.n_read = 0

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        if not isinstance(index, int):
            raise TypeError("this sequence knows no slices")
        self.n_read += 1
        return self.images[index]


class TestForms:
    def test_array_list_tuple_and_lazy_sequence_agree(self, photographs):
        expected = describe(photographs)
        for form in (list(photographs), tuple(photographs), LazyImages(photographs)):
            np.testing.assert_array_equal(describe(form), expected)

    def test_nested_lists_are_images_too(self, photographs):
        nested = photographs[:2].astype(float).tolist()
        np.testing.assert_array_equal(describe(nested), describe(photographs[:2].astype(float)))

    def test_fit_opens_no_file_and_transform_each_once(self, photographs):
        lazy = LazyImages(photographs)
        fitted = SteerableDescriptor().fit(lazy)
        assert lazy.n_read == 0
        fitted.transform(lazy)
        assert lazy.n_read == len(photographs)

    def test_images_of_different_sizes(self, photographs):
        mixed = [photographs[0], photographs[1][:20, :31], photographs[2][:5]]
        vectors = describe(mixed)
        for image, vector in zip(mixed, vectors, strict=True):
            np.testing.assert_array_equal(describe(image[None])[0], vector)

    def test_one_dimensional_object_array_is_a_sequence(self, photographs):
        ragged = np.empty(2, dtype=object)
        ragged[:] = [photographs[0], photographs[1][:20]]
        assert describe(ragged).shape == (2, 8 * 16)

    def test_rows_of_a_table_are_images_of_one_row(self, rng):
        rows = rng.random((3, 7))
        np.testing.assert_array_equal(describe(rows), describe(rows[:, None, :]))

    def test_refit_on_images_forgets_the_columns(self, photographs, rng):
        estimator = SteerableDescriptor().fit(rng.random((3, 7)))
        assert estimator.n_features_in_ == 7
        assert not hasattr(estimator.fit(photographs), "n_features_in_")

    def test_memory_map_read_only(self, photographs, tmp_path):
        np.save(tmp_path / "images.npy", photographs)
        mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
        np.testing.assert_array_equal(describe(mapped), describe(photographs))

    def test_non_contiguous(self, photographs):
        turned = photographs.transpose(0, 2, 1)
        np.testing.assert_array_equal(describe(turned), describe(turned.copy()))
        flipped = photographs[:, ::-1, ::-1]
        np.testing.assert_array_equal(describe(flipped), describe(flipped.copy()))

    def test_input_stays_as_it_is(self, photographs):
        before = photographs.copy()
        make_descriptors().fit_transform(photographs[:2])
        np.testing.assert_array_equal(photographs, before)


class TestIntensities:
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    def test_picture_integers_as_scikit_image_has_them(self, dtype, rng):
        image = rng.integers(0, np.iinfo(dtype).max, (9, 7), endpoint=True).astype(dtype)
        np.testing.assert_allclose(to_grey(image), img_as_float32(image), rtol=1e-6)

    def test_same_picture_in_8_and_16_bits(self, photographs):
        in_16_bits = photographs.astype(np.uint16) * 257
        np.testing.assert_allclose(describe(in_16_bits), describe(photographs), atol=1e-7)

    def test_bool(self):
        image = np.eye(12, dtype=bool)
        np.testing.assert_array_equal(describe(image[None]), describe(image[None].astype(float)))

    @pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64, np.float32, np.float64])
    def test_ct_values_are_taken_as_they_are(self, dtype):
        hounsfield = np.array([[-1000, -50, 0], [40, 400, 3071]])
        np.testing.assert_array_equal(to_grey(hounsfield.astype(dtype)), hounsfield)

    def test_entropy_loses_no_ct_value(self):
        hounsfield = (np.arange(81).reshape(9, 9) * 37 - 1000).astype(np.int16)
        entropy = StatisticalDescriptor().feature_maps(hounsfield)[2]
        assert entropy[4, 4] == pytest.approx(np.log2(81))

    @pytest.mark.parametrize("dtype", [">u2", ">i2", ">f4", ">f8", "<u2"])
    def test_byte_order(self, dtype, photographs):
        values = photographs.astype(dtype)
        native = values.astype(np.dtype(dtype).newbyteorder("="))
        np.testing.assert_array_equal(describe(values), describe(native))
        np.testing.assert_array_equal(describe(list(values)), describe(list(native)))

    def test_window_maps_low_to_0_and_high_to_1_without_clipping(self):
        image = np.array([[-1000.0, 0.0, 1000.0, 3000.0]])
        np.testing.assert_allclose(to_grey(image, (-1000, 1000)), [[0, 0.5, 1, 2]])

    def test_types_that_cannot_hold_a_window_keep_their_own_range(self):
        image = np.array([[0, 51, 255]], dtype=np.uint8)
        for pair in ((-1, 1), (0, 4095), (-1000, 1000)):
            np.testing.assert_allclose(to_grey(image, pair), [[0, 0.2, 1]])
        np.testing.assert_allclose(to_grey(image, (0, 51)), [[0, 1, 5]])
        np.testing.assert_allclose(to_grey(image.astype(np.uint16), (0, 4095)), image / 4095)
        np.testing.assert_allclose(to_grey(image.astype(np.int16), (-1, 1)), (image + 1.0) / 2)
        np.testing.assert_allclose(to_grey(image > 0, (0, 255)), [[0, 1, 1]])

    def test_stored_bits_that_the_type_notes(self):
        noted = np.dtype(np.uint16, metadata={"bits_stored": 12})
        image = np.array([[0, 819, 4095]], dtype=np.uint16).view(noted)
        np.testing.assert_allclose(to_grey(image), [[0, 0.2, 1]])
        np.testing.assert_allclose(to_grey(np.stack([image] * 3, -1).view(noted)), [[0, 0.2, 1]])
        np.testing.assert_allclose(to_grey(image, (0, 65535)), image / 65535)

    def test_range_of_each_image(self):
        image = np.array([[3.0, 4.0, 7.0]])
        np.testing.assert_allclose(to_grey(image, "image"), [[0, 0.25, 1]])
        np.testing.assert_array_equal(to_grey(np.full((2, 2), 9), "image"), 0)

    @pytest.mark.parametrize("pair", [(1, 0), (0, 0), (0, np.inf), (0, 1, 2), ("a", "b"), (0,)])
    def test_bad_windows(self, pair, photographs):
        with pytest.raises(ValueError, match="intensity_range"):
            describe(photographs, intensity_range=pair)


class TestColour:
    def test_rgb_as_scikit_image_converts_it(self, rng):
        colour = rng.integers(0, 256, (3, 10, 11, 3), dtype=np.uint8)
        grey = np.stack([rgb2gray(image) for image in colour])
        np.testing.assert_allclose(describe(colour), describe(grey), atol=1e-6)

    def test_grey_saved_as_rgb_or_rgba_is_the_same_picture(self, photographs):
        rgb = np.repeat(photographs[..., None], 3, axis=-1)
        opaque = np.concatenate([rgb, np.full_like(rgb[..., :1], 255)], axis=-1)
        expected = StatisticalDescriptor().fit_transform(photographs)
        for colour in (rgb, opaque, photographs[..., None]):
            np.testing.assert_allclose(
                StatisticalDescriptor().fit_transform(colour), expected, atol=1e-5
            )

    def test_transparency_shows_white(self):
        image = np.zeros((2, 2, 4), dtype=np.uint8)
        image[0, :, 3] = 255
        np.testing.assert_allclose(to_grey(image), [[0, 0], [1, 1]])
        np.testing.assert_allclose(to_grey(image[:, :, 2:]), [[0, 0], [1, 1]])

    def test_half_transparent_float(self):
        np.testing.assert_allclose(to_grey(np.array([[[0.2, 0.5]]])), [[0.6]])

    def test_other_numbers_of_channels(self):
        with pytest.raises(ValueError, match=r"has 5 channels .*expected 1 \(grey\)"):
            describe(np.zeros((2, 8, 8, 5)))


class TestSmallAndFlat:
    @pytest.mark.parametrize("shape", [(1, 1), (1, 2), (1, 9), (9, 1), (2, 3), (4, 4)])
    def test_smaller_than_every_filter(self, shape, rng):
        image = rng.random((1, *shape))
        vectors = make_descriptors(n_levels=8).fit_transform(image)
        assert vectors.shape == (1, 65 * 8)
        assert np.isfinite(vectors).all()

    def test_constant_images_have_no_texture(self):
        flat = np.full((1, 20, 20), 200, dtype=np.uint8)
        vectors = make_descriptors(n_levels=4).fit_transform(flat).reshape(65, 4)
        no_gabor = np.r_[0:3, 27:65]
        np.testing.assert_allclose(vectors[no_gabor], 0, atol=1e-6)

    @pytest.mark.parametrize("value", [0, 255])
    def test_constant_images_go_through_the_distances(self, value, photographs):
        from gan_isi import PairwiseWassersteinTransformer

        flat = np.full((2, 48, 48), value, dtype=np.uint8)
        vectors = describe(np.concatenate([photographs, flat]))
        bags = PairwiseWassersteinTransformer(n_levels=16).fit_transform(vectors)
        assert np.isfinite(bags).all()
        np.testing.assert_array_equal(bags[-1, -2], 0)


class TestErrors:
    @pytest.mark.parametrize("empty", [[], np.empty((0, 8, 8)), np.empty((0, 3)), LazyImages([])])
    def test_empty_sets(self, empty):
        with pytest.raises(ValueError, match=r"(?i)found (array with )?0 (images|sample)"):
            describe(empty)

    @pytest.mark.parametrize("shape", [(2, 0, 8), (2, 8, 0), (2, 8, 8, 0)])
    def test_images_without_pixels(self, shape):
        with pytest.raises(ValueError, match="without pixels"):
            describe(np.empty(shape))

    @pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity")])
    def test_not_finite(self, value, word):
        images = np.zeros((3, 8, 8))
        images[1, 2, 3] = value
        with pytest.raises(ValueError, match=word):
            describe(images)
        with pytest.raises(ValueError, match=f"image 1 contains {word}"):
            describe(list(images))

    def test_image_is_counted_over_the_whole_collection(self):
        images = [np.zeros((4, 4))] * 30
        images[21] = np.full((4, 4), np.nan)
        with pytest.raises(ValueError, match="image 21 contains NaN"):
            describe(images)

    def test_object_pixels(self):
        image = np.empty((4, 4), dtype=object)
        image[:] = {}
        with pytest.raises(ValueError, match="image 0 is an object array"):
            describe([image])
        with pytest.raises(TypeError, match=r"argument must be .* number"):
            describe(image)

    def test_text_pixels(self):
        with pytest.raises(ValueError, match="image 0 has dtype <U1"):
            describe([np.full((2, 2), "a")])

    def test_complex(self):
        with pytest.raises(ValueError, match="Complex data not supported"):
            describe(np.ones((2, 4, 4), dtype=complex))
        with pytest.raises(ValueError, match="image 0 has dtype complex128"):
            describe([np.ones((4, 4), dtype=complex)])

    def test_sparse(self):
        with pytest.raises(TypeError, match=r"[Ss]parse"):
            describe(sparse.csr_array(np.eye(4)))

    @pytest.mark.parametrize("paths", ["images/", ["a.png", "b.png"]])
    def test_paths_instead_of_images(self, paths):
        with pytest.raises(TypeError, match="load_images"):
            describe(paths)

    def test_five_dimensions(self):
        with pytest.raises(ValueError, match="got 5 dimensions"):
            describe(np.zeros((1, 2, 3, 4, 1)))

    def test_one_dimension(self):
        with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
            describe(np.zeros(5))

    def test_item_that_is_no_image(self):
        with pytest.raises(ValueError, match=r"image 1 has shape \(4,\)"):
            describe([np.zeros((4, 4)), np.zeros(4)])

    def test_overflow_is_refused_but_a_window_helps(self):
        image = np.array([[[0.0, 1e20], [1e20, 0.0]]])
        with pytest.raises(ValueError, match=r"up to 1e\+20.*intensity_range"):
            describe(image)
        assert np.isfinite(describe(image, intensity_range=(0, 1e20))).all()

    def test_transform_before_fit(self, photographs):
        from sklearn.exceptions import NotFittedError

        with pytest.raises(NotFittedError):
            GaborDescriptor().transform(photographs)
