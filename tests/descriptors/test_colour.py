"""Colour: pixels of coloured images are three channels, and grey ones stay as they are."""

import pickle
import warnings
from collections.abc import Sequence
from io import BytesIO

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from scipy import ndimage
from skimage import data
from skimage.color import rgb2gray
from skimage.metrics import structural_similarity
from skimage.transform import resize
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from gan_isi import (
    PairwiseDistanceTransformer,
    PairwisePoseTransformer,
    PixelDescriptor,
    audit,
    datasets,
    make_descriptors,
    make_pipeline,
)
from gan_isi.distances import Pose, moved
from gan_isi.distances.poses import Grid, best_correlations, standardised
from gan_isi.texture.pixels import pixels


@pytest.fixture(scope="module")
def coloured():
    """Six crops of 40 x 40 pixels of a coloured photograph."""
    cat = data.chelsea()
    return np.stack([cat[r : r + 40, c : c + 40] for r in (60, 120) for c in (90, 180, 270)])


def as_rgb(grey):
    return np.repeat(grey[..., np.newaxis], 3, axis=-1)


def hue_only(images):
    """Pictures whose luminance is one half everywhere."""
    t = images / 255 - 0.5
    channels = [0.5 + t / 2, 0.5 - t / 2 * 0.2125 / 0.7154, np.full(t.shape, 0.5)]
    return np.round(255 * np.stack(channels, -1)).astype(np.uint8)


def jpeg(image):
    with BytesIO() as file:
        Image.fromarray(image).save(file, "JPEG", quality=60)
        return np.array(Image.open(file))


class Lazy(Sequence):
    """Images that count how often they are read."""

    def __init__(self, images):
        self.images = images
        self.read = []

    def __len__(self):
        return len(self.images)

    def __getitem__(self, key):
        if isinstance(key, slice):
            return [self[i] for i in range(*key.indices(len(self)))]
        self.read.append(key)
        return self.images[key]


class TestAuto:
    """What is taken for coloured."""

    @pytest.mark.parametrize("kind", ["grey", "one channel", "alpha", "RGB", "RGBA", "JPEG"])
    def test_grey_however_it_is_stored_keeps_every_bit(self, photographs, kind):
        opaque = np.full_like(photographs, 255)
        stored = {
            "grey": photographs,
            "one channel": photographs[..., np.newaxis],
            "alpha": np.stack([photographs, opaque], axis=-1),
            "RGB": as_rgb(photographs),
            "RGBA": np.stack([photographs] * 3 + [opaque], axis=-1),
            "JPEG": [jpeg(one) for one in as_rgb(photographs)],
        }[kind]
        auto = PixelDescriptor(size=24, contrast="local").fit(stored)
        assert auto.n_channels_ == 1
        grey = PixelDescriptor(size=24, contrast="local", colour=False).fit_transform(stored)
        assert_array_equal(auto.transform(stored), grey)
        if kind in ("RGB", "grey", "one channel", "alpha"):
            expected = [pixels(one / 255, size=24, contrast="local").ravel() for one in photographs]
            assert_allclose(grey, expected, atol=1e-5)

    @pytest.mark.parametrize("factor", [1, 257, 1 / 255])
    def test_colours_of_any_type(self, coloured, factor):
        images = coloured / 255 if factor < 1 else coloured.astype(np.uint16) * factor
        images = images.astype(np.uint8) if factor == 1 else images
        assert PixelDescriptor(size=8).fit(images).n_channels_ == 3

    def test_a_list_and_channels_first(self, coloured):
        assert PixelDescriptor().fit(list(coloured)).n_channels_ == 3
        first = np.moveaxis(coloured, -1, 1)
        assert PixelDescriptor().fit(first).n_channels_ == 3
        assert PixelDescriptor().fit(list(first)).n_channels_ == 3

    def test_hidden_colours_are_none(self, coloured):
        hidden = np.concatenate([coloured, np.zeros_like(coloured[..., :1])], axis=-1)
        assert PixelDescriptor().fit(hidden).n_channels_ == 1

    def test_one_coloured_image_of_few_is_enough(self, photographs, coloured):
        mixed = [*photographs[:7], coloured[0]]
        assert PixelDescriptor().fit(mixed).n_channels_ == 3

    def test_a_slight_tint_is_grey(self):
        camera = as_rgb(data.camera()[None, ::4, ::4]) // 2
        assert PixelDescriptor().fit(camera + np.array([0, 2, 4], np.uint8)).n_channels_ == 1
        assert PixelDescriptor().fit(camera + np.array([0, 2, 40], np.uint8)).n_channels_ == 3

    def test_a_small_coloured_spot_is_enough(self, photographs):
        images = as_rgb(photographs)
        images[:, 10:13, 20:23] = [200, 20, 20]
        assert PixelDescriptor().fit(images).n_channels_ == 3

    def test_rows_of_numbers_are_grey(self, rng):
        assert PixelDescriptor(size=4).fit(rng.random((5, 3))).n_channels_ == 1

    @pytest.mark.parametrize("families", [["pixels"], ["pixels", "pixels_global", "pixels_local"]])
    def test_up_to_eight_images_are_read_in_fit_once(self, photographs, families):
        images = Lazy([*photographs, *photographs])
        union = make_descriptors(families).fit(images)
        assert len(images.read) == len(set(images.read)) == 8
        assert max(images.read) - min(images.read) > 11
        assert {block.n_columns for block in union.blocks_} == {64 * 64}

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_what_is_no_image_is_named_by_transform(self, coloured, value):
        images = coloured.astype(float)
        images[2, 0, 0, 1] = value
        fitted = PixelDescriptor(size=8, colour="auto").fit(list(images))
        with pytest.raises(ValueError, match=r"image 2 contains (NaN|infinity)"):
            fitted.transform(list(images))

    def test_other_values_are_refused(self, coloured):
        with pytest.raises(ValueError, match="colour"):
            PixelDescriptor(colour="grey").fit(coloured)


class TestRows:
    @pytest.mark.parametrize("size", [16, 40])
    def test_one_channel_after_the_other(self, coloured, size):
        rows = PixelDescriptor(size=size).fit_transform(coloured)
        expected = [
            [pixels(image[..., c] / 255, size=size).ravel() for c in range(3)] for image in coloured
        ]
        assert_allclose(rows, np.reshape(expected, (6, -1)), atol=2e-5)

    def test_global_contrast_by_hand(self, coloured):
        rows = PixelDescriptor(size=40, contrast="global").fit_transform(coloured)
        for row, image in zip(rows, coloured / 255, strict=True):
            centred = image - image.mean(axis=(0, 1))
            expected = np.moveaxis(centred / np.sqrt((centred**2).mean()), -1, 0)
            assert_allclose(row, expected.ravel(), atol=1e-4)

    def test_local_contrast_by_hand(self, coloured):
        rows = PixelDescriptor(size=40, contrast="local").fit_transform(coloured)
        for row, image in zip(rows, coloured / 255, strict=True):
            planes = np.moveaxis(image, -1, 0)
            residual = np.stack([one - ndimage.gaussian_filter(one, 2.5) for one in planes])
            variances = [ndimage.gaussian_filter(one**2, 2.5) for one in residual]
            expected = residual / np.sqrt(np.mean(variances, axis=0) + 1e-4)
            assert_allclose(row, expected.ravel(), atol=1e-4)

    @pytest.mark.parametrize("contrast", ["global", "local"])
    def test_a_constant_channel_is_zero(self, coloured, contrast):
        images = coloured.copy()
        images[..., 2] = 80
        rows = PixelDescriptor(size=40, contrast=contrast).fit_transform(images)
        assert_allclose(rows.reshape(6, 3, -1)[:, 2], 0, atol=1e-6)
        assert rows.reshape(6, 3, -1)[:, :2].std() > 0.1

    def test_resized_as_scikit_image_does(self, coloured):
        rows = PixelDescriptor(size=16).fit_transform(coloured)
        expected = resize(coloured[3] / 255, (16, 16), order=1, anti_aliasing=True)
        assert_allclose(rows[3].reshape(3, 16, 16), np.moveaxis(expected, -1, 0), atol=1e-5)

    def test_without_colour_it_is_the_luminance(self, coloured):
        fitted = PixelDescriptor(size=40, colour=False).fit(coloured)
        assert fitted.n_channels_ == 1
        expected = [rgb2gray(one / 255).ravel() for one in coloured]
        assert_allclose(fitted.transform(coloured), expected, atol=1e-6)

    def test_a_grey_image_among_coloured_ones_repeats_its_plane(self, photographs, coloured):
        fitted = PixelDescriptor(size=20, contrast="local").fit(coloured)
        grey = PixelDescriptor(size=20, contrast="local").fit_transform(photographs)
        transparent = np.stack([photographs, np.full_like(photographs, 255)], axis=-1)
        for stored in (photographs, photographs[..., np.newaxis], as_rgb(photographs), transparent):
            assert_allclose(fitted.transform(stored), np.tile(grey, 3), atol=1e-6)
        forced = PixelDescriptor(size=20, contrast="local", colour=True)
        assert_allclose(forced.fit_transform(photographs), np.tile(grey, 3), atol=1e-6)

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, float])
    def test_transparent_parts_are_white(self, rng, dtype):
        values = rng.random((3, 12, 12, 4))
        top = 1 if dtype is float else np.iinfo(dtype).max
        stored = values if dtype is float else np.round(values * top).astype(dtype)
        rows = PixelDescriptor(size=12).fit_transform(stored)
        shares = stored / top
        expected = shares[..., 3:] * shares[..., :3] + 1 - shares[..., 3:]
        assert_allclose(rows.reshape(3, 3, 12, 12), np.moveaxis(expected, -1, 1), atol=1e-6)

    def test_sixteen_bits_floats_lists_and_channels_first_are_the_same(self, coloured):
        expected = PixelDescriptor(size=20).fit_transform(coloured)
        first = np.moveaxis(coloured, -1, 1)
        others = [coloured.astype(np.uint16) * 257, coloured / 255, list(coloured), first,
                  list(first), [Image.fromarray(one) for one in coloured]]  # fmt: skip
        for images in others:
            assert_allclose(PixelDescriptor(size=20).fit_transform(images), expected, atol=1e-6)

    def test_range_of_an_image_is_that_of_all_its_channels(self, coloured):
        rows = PixelDescriptor(size=40, intensity_range="image").fit_transform(coloured)
        assert_array_equal([rows.min(axis=1), rows.max(axis=1)], [[0] * 6, [1] * 6])
        plain = PixelDescriptor(size=40).fit_transform(coloured)
        for ours, other in zip(rows, plain, strict=True):
            assert_allclose(ours * np.ptp(other) + other.min(), other, atol=1e-5)

    def test_a_given_range(self, coloured):
        rows = PixelDescriptor(size=40, intensity_range=(0, 51)).fit_transform(coloured)
        assert_allclose(rows, 5 * PixelDescriptor(size=40).fit_transform(coloured), rtol=1e-5)

    def test_names_and_blocks(self, coloured, photographs):
        names = PixelDescriptor(size=2).fit(coloured).get_feature_names_out().tolist()
        assert names[:5] == [
            "pixel_red_r0_c0", "pixel_red_r0_c1", "pixel_red_r1_c0", "pixel_red_r1_c1",
            "pixel_green_r0_c0",
        ]  # fmt: skip
        assert len(set(names)) == 12
        assert names[-1] == "pixel_blue_r1_c1"
        union = make_descriptors(["pixels", "steerable"], n_levels=4).fit(coloured)
        assert [block.n_columns for block in union.blocks_] == [3 * 64 * 64, 32]
        frame = PixelDescriptor(size=2).set_output(transform="pandas").fit_transform(coloured)
        assert list(frame.columns) == names

    @pytest.mark.slow
    def test_jobs_and_pieces_change_no_bit(self, coloured):
        images = np.concatenate([coloured, coloured[::-1]])
        expected = PixelDescriptor(size=20, contrast="local").fit_transform(images)
        jobs = PixelDescriptor(size=20, contrast="local", n_jobs=2).fit_transform(images)
        assert_array_equal(jobs, expected)
        fitted = PixelDescriptor(size=20, contrast="local").fit(images)
        assert_array_equal(fitted.transform(images[3:7]), expected[3:7])
        again = pickle.loads(pickle.dumps(fitted))
        assert_array_equal(again.transform(images), expected)

    def test_memory_keeps_grey_and_colours_apart(self, photographs, coloured, tmp_path):
        mixed = [*photographs[:3], *coloured[:3]]
        for _ in range(2):
            for known, n_channels in ((photographs, 1), (coloured, 3)):
                remembering = PixelDescriptor(size=8, memory=str(tmp_path)).fit(known)
                plain = PixelDescriptor(size=8).fit(known)
                assert remembering.n_channels_ == n_channels
                assert_array_equal(remembering.transform(mixed), plain.transform(mixed))
        assert len(list(tmp_path.rglob("gan_isi/??/*"))) == 12

    @pytest.mark.parametrize("images", ["photographs", "coloured"])
    def test_the_same_rows_have_one_key(self, images, request):
        # An audit describes once what several attacks compare.
        images = request.getfixturevalue(images)
        alone = make_descriptors(["pixels"]).fit(images).transformers_[0][1]
        of_several = make_descriptors(["pixels", "pixels_local"]).fit(images).transformers_[0][1]
        by_itself = PixelDescriptor().fit(images)
        assert alone._cache_key() == of_several._cache_key() == by_itself._cache_key()


class TestDistances:
    @pytest.fixture
    def rows(self, coloured):
        return PixelDescriptor(size=20).fit_transform(coloured)

    def test_ssim_is_scikit_image_s_mean_over_the_channels(self, rows):
        found = PairwiseDistanceTransformer("ssim").fit(rows).transform(rows)[:, :, 0]
        pictures = rows.reshape(6, 3, 20, 20)
        expected = [
            [1 - structural_similarity(a, b, data_range=1, channel_axis=0) for b in pictures]
            for a in pictures
        ]
        assert_allclose(found, expected, atol=1e-5)
        assert_array_equal(np.diagonal(found), 0)

    @pytest.mark.parametrize("metric", ["euclidean", "correlation", "ssim"])
    def test_eight_poses_by_hand(self, rows, metric):
        found = PairwiseDistanceTransformer(metric, poses="dihedral").fit(rows).transform(rows)
        pictures = rows.reshape(6, 3, 20, 20)
        plain = PairwiseDistanceTransformer(metric).fit(rows)
        expected = np.minimum.reduce([
            plain.transform(
                np.rot90(pictures[..., ::step], k, axes=(2, 3)).reshape(6, -1)
            ) for step in (1, -1) for k in range(4)
        ])  # fmt: skip
        assert_array_equal(found, expected)

    def test_mirrored(self, rows):
        pictures = rows.reshape(6, 3, 20, 20)
        found = (
            PairwiseDistanceTransformer("ssim", poses="mirrored")
            .fit(rows)
            .transform(pictures[..., ::-1].reshape(6, -1))
        )
        assert_array_equal(np.diagonal(found[:, :, 0]), 0)

    def test_poses_correlate_over_all_channels(self, rng):
        picture, *others = rng.random((4, 3, 9, 9), dtype=np.float32)
        grid = Grid(9, (-20.0, 10.0), (0.9, 1.1), 1)
        found, at = best_correlations(picture, standardised(np.stack(others)), grid)
        moved_ones = [
            np.stack([moved(channel, grid.pose(i)) for channel in picture]).ravel()
            for i in range(grid.n_poses)
        ]
        expected = np.array(
            [[np.corrcoef(one, other.ravel())[0, 1] for other in others] for one in moved_ones]
        )
        assert_allclose(found, expected.max(axis=0), atol=1e-5)
        assert_array_equal(at, expected.argmax(axis=0))

    @pytest.mark.parametrize("n_refined", [2, 96])
    def test_moved_copies_and_their_poses(self, rng, n_refined):
        noise = rng.normal(size=(6, 3, 16, 16))
        pictures = ndimage.gaussian_filter(noise, (0, 0, 1.2, 1.2), mode="wrap")
        pose = Pose(True, 95.0, 1.12, (1 / 16, -1 / 16))
        generated = [
            np.moveaxis(moved(np.moveaxis(one, 0, -1), pose), -1, 0).ravel() for one in pictures
        ]
        rows = pictures.reshape(6, -1)
        poses = PairwisePoseTransformer(n_refined=n_refined).fit(rows, generated=generated)
        found = poses.transform(rows)[:, :, 0]
        assert_allclose(np.diagonal(found), 0, atol=1e-5)
        assert found[~np.eye(6, dtype=bool)].min() > 0.1
        assert poses.find_pose(rows[4], 4)[:3] == pytest.approx(pose[:3])
        assert_array_equal(poses.set_params(n_jobs=2).transform(rows)[:, :, 0], found)

    def test_hues_in_other_places_are_no_copies(self, rng):
        picture = rng.random((1, 3, 10, 10))
        exchanged = picture[:, [1, 2, 0]]
        poses = PairwisePoseTransformer(angles=(0,), zooms=(1,))
        poses.fit(picture.reshape(1, -1), generated=exchanged.reshape(1, -1))
        assert poses.transform(picture.reshape(1, -1)).item() > 0.5

    def test_grey_repeated_is_as_far_as_grey(self, photographs):
        grey = PixelDescriptor(size=16, contrast="local").fit_transform(photographs)
        for one in (PairwisePoseTransformer(angles=(0, 10)), PairwiseDistanceTransformer("ssim"),
                    PairwiseDistanceTransformer("correlation", poses="dihedral")):  # fmt: skip
            once, thrice = (one.fit(rows).transform(rows) for rows in (grey, np.tile(grey, 3)))
            assert_allclose(thrice, once, atol=2e-5)


class TestAttacks:
    @pytest.fixture
    def problem(self):
        return datasets.make_membership_problem(
            40, n_generated=60, memorization=0.95, image_size=32, random_state=0
        )

    @pytest.mark.parametrize("name", ["nearest", "recommended"])
    def test_copies_in_hue_only_are_found(self, problem, name):
        options = {"families": ["statistical"]} if name == "recommended" else {}
        attack = make_pipeline(name, generated=hue_only(problem.generated), **options)
        if name == "recommended":
            attack.set_params(distances__poses__angles=(0,), distances__poses__zooms=(1,))
        images = hue_only(problem.images)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # nothing is lost
            scores = cross_val_predict(
                attack, images, problem.target, cv=3, method="decision_function"
            )
        assert roc_auc_score(problem.target, scores) > 0.8

    def test_grey_generated_images_beside_coloured_real_ones(self, problem):
        attack = make_pipeline("nearest", generated=problem.generated)
        images = [*as_rgb(problem.images[:-1]), hue_only(problem.images[-1:])[0]]
        attack.set_params(descriptors__pixels__colour=True).fit(images, problem.target)
        grey = make_pipeline("nearest", generated=problem.generated)
        grey.fit(problem.images, problem.target)
        found = attack[:-1].transform(images[:-1])
        assert_allclose(found, grey[:-1].transform(problem.images[:-1]), atol=1e-6)
        coloured = attack.retarget(hue_only(problem.generated))
        assert np.isfinite(coloured.decision_function(images)).all()

    @pytest.mark.parametrize(
        ("name", "params", "drops"),
        [
            ("nearest", {}, False),
            ("nearest", {"descriptors__pixels__colour": False}, True),
            ("nearest", {"descriptors__pixels__colour": True}, False),
            ("recommended", {}, False),
            ("paper", {}, True),
        ],
    )
    def test_a_warning_where_an_attack_loses_the_colours(self, problem, name, params, drops):
        families = {"families": ["statistical"]} if name != "nearest" else {}
        attack = make_pipeline(name, generated=hue_only(problem.generated), **families)
        attack.set_params(**params)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            attack.fit(hue_only(problem.images), problem.target)
        said = [str(one.message) for one in caught]
        assert len([one for one in said if "100 % of the variance (median) is colour" in one]) == (
            2 if drops else 0
        )

    def test_a_preflight_knows_of_no_attack(self, problem):
        images, generated = hue_only(problem.images), hue_only(problem.generated)
        found = audit.preflight(images, problem.target, generated=generated)
        assert not [text for text in found.warnings if "colour" in text]
        assert found.sets["generated"].colour_lost > 0.9
