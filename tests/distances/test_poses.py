"""Poses: against scipy.ndimage and numpy, and against trying all of them one by one."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import check_estimator

from gan_isi import DistanceUnion, PairwiseDistanceTransformer, PairwisePoseTransformer
from gan_isi.distances import METRICS, Pose, moved, poses
from gan_isi.distances.pairwise_poses import half_size
from gan_isi.distances.poses import (
    Grid,
    best_correlations,
    likely_turns,
    standardised,
    templates,
    turned,
)

#: Numpy's eight poses by quarter turns and mirroring.
DIHEDRAL = [
    lambda a, k=k, m=m: np.rot90(np.fliplr(a) if m else a, k) for m in (0, 1) for k in range(4)
]

GRIDS = [
    Grid(8, (0.0,), (1.0,), 0, True),
    Grid(9, (-20.0, 0.0, 15.0), (0.9, 1.0, 1.12), 2, True),
    Grid(7, (0.0, 30.0), (1.3,), 1, False),
    Grid(6, (10.0,), (0.5, 2.0), 3, True),
]


def smooth(rng, n, side, sigma=1.2):
    """Pictures whose details are larger than a pixel, as photographs have."""
    noise = rng.normal(size=(n, side, side))
    return ndimage.gaussian_filter(noise, (0, sigma, sigma), mode="wrap").astype(np.float32)


def rows_of(pictures):
    return np.asarray(pictures, np.float32).reshape(len(pictures), -1)


def distances(estimator, queries, generated):
    fitted = estimator.fit(rows_of(queries), generated=rows_of(generated))
    return fitted.transform(rows_of(queries))[:, :, 0]


def brute_correlations(picture, references, grid):
    """Largest of numpy's correlations of all moved pictures with each reference."""
    found = np.array([
        [np.corrcoef(moved(picture, grid.pose(i)).ravel(), one.ravel())[0, 1] for one in references]
        for i in range(grid.n_poses)
    ])  # fmt: skip
    return found.max(axis=0), found


class TestMoved:
    """What a pose means, in the words of numpy and scipy."""

    @pytest.mark.parametrize("quarters", [-1, 0, 1, 2, 3])
    @pytest.mark.parametrize("mirrored", [False, True])
    @pytest.mark.parametrize("side", [8, 9])
    def test_quarter_turns_are_those_of_rot90(self, rng, quarters, mirrored, side):
        picture = rng.random((side, side))
        expected = np.rot90(np.fliplr(picture) if mirrored else picture, quarters)
        pose = Pose(mirrored, 90.0 * quarters, 1.0, (0.0, 0.0))
        assert_allclose(moved(picture, pose), expected, atol=1e-10)

    @pytest.mark.parametrize("angle", [-33.0, -5.0, 12.5, 60.0, 170.0])
    @pytest.mark.parametrize("side", [15, 16])
    def test_angles_are_those_of_ndimage_rotate(self, rng, angle, side):
        picture = rng.random((side, side))
        expected = ndimage.rotate(picture, angle, reshape=False, order=1, mode="reflect")
        assert_allclose(moved(picture, Pose(False, angle, 1.0, (0, 0))), expected, atol=1e-10)

    @pytest.mark.parametrize("shift", [(0, 3), (2, 0), (-1, 2), (0.5, -1.25)])
    def test_shifts_are_those_of_ndimage_shift(self, rng, shift):
        picture = rng.random((16, 16))
        pose = Pose(False, 0.0, 1.0, (shift[0] / 16, shift[1] / 16))
        expected = ndimage.shift(picture, shift, order=1, mode="reflect")
        assert_allclose(moved(picture, pose), expected, atol=1e-10)

    @pytest.mark.parametrize("zoom", [0.5, 2.0])
    def test_zooms_are_those_of_ndimage_zoom(self, rng, zoom):
        picture = rng.random((16, 16))
        whole = ndimage.zoom(picture, zoom, order=1, mode="reflect", grid_mode=True)
        ours = moved(picture, Pose(False, 0.0, zoom, (0, 0)))
        if zoom > 1:  # the middle of the larger picture
            assert_allclose(ours, whole[8:24, 8:24], atol=1e-10)
        else:  # the smaller picture in the middle
            assert_allclose(ours[4:12, 4:12], whole, atol=1e-10)

    def test_order_is_mirror_rotate_zoom_shift(self):
        picture = ndimage.gaussian_filter(np.eye(1, 33 * 33, 33 * 10 + 12).reshape(33, 33), 1)
        # (-6, -4) from the centre; mirrored (-6, 4); by 90 degrees (-4, -6); doubled (-8, -12).
        found = moved(picture, Pose(True, 90.0, 2.0, (3 / 33, -2 / 33)))
        assert np.unravel_index(found.argmax(), found.shape) == (16 - 8 + 3, 16 - 12 - 2)

    @pytest.mark.parametrize("pose", [
        Pose(True, 25.0, 1.1, (0.05, -0.1)), Pose(False, 90.0, 1.0, (0.0, 0.1)),
        Pose(True, -170.0, 0.8, (-0.1, -0.02)),
    ])  # fmt: skip
    @pytest.mark.parametrize("shape", [(64, 64), (48, 80)])
    def test_backwards_undoes_it(self, rng, pose, shape):
        picture = ndimage.gaussian_filter(rng.normal(size=shape), 4)
        picture /= picture.std()
        back = moved(moved(picture, pose), pose, backwards=True)
        middle = tuple(slice(int(0.3 * side), int(0.7 * side)) for side in shape)
        if shape[0] == shape[1]:
            assert np.abs(back - picture)[middle].max() < 0.12
        assert np.corrcoef(back[middle].ravel(), picture[middle].ravel())[0, 1] > 0.99

    def test_channels_move_alike(self, rng):
        picture, pose = rng.random((12, 10, 3)), Pose(True, 20.0, 1.1, (0.1, 0.0))
        found = moved(picture, pose)
        assert found.shape == picture.shape
        for channel in range(3):
            assert_array_equal(found[..., channel], moved(picture[..., channel], pose))

    def test_integers_are_taken_as_numbers(self):
        picture = np.array([[0, 255], [255, 0]], dtype=np.uint8)
        assert_allclose(
            moved(picture, Pose(False, 90.0, 1.0, (0, 0))), np.rot90(picture), atol=1e-10
        )


class TestTemplates:
    @pytest.mark.parametrize("grid", GRIDS, ids=str)
    def test_each_is_the_picture_moved_into_its_pose(self, rng, grid):
        picture = rng.random((grid.side, grid.side), dtype=np.float32)
        rows, scales = map(np.concatenate, zip(*templates(picture[np.newaxis], grid), strict=True))
        assert rows.shape == (grid.n_poses, grid.side**2)
        expected = np.stack([moved(picture, grid.pose(i)).ravel() for i in range(grid.n_poses)])
        assert_allclose(rows, expected, atol=2e-6)
        centred = expected - expected.mean(axis=1, keepdims=True)
        assert_allclose(scales, 1 / np.linalg.norm(centred, axis=1), rtol=1e-4)

    def test_turned_are_those_of_numpy(self, rng):
        pictures = rng.random((2, 5, 5), dtype=np.float32)
        expected = [np.stack([move(one) for one in pictures]) for move in DIHEDRAL]
        assert_array_equal(turned(pictures), expected)
        assert_array_equal(turned(pictures, quarter_turns=False), [expected[0], expected[4]])

    def test_a_constant_picture_has_no_scale(self):
        for _, scales in templates(np.zeros((1, 8, 8), np.float32), GRIDS[0]):
            assert_array_equal(scales, 0)


class TestBestCorrelations:
    @pytest.mark.parametrize("grid", GRIDS, ids=str)
    def test_equals_trying_all_poses(self, rng, grid):
        picture, *references = rng.random((5, grid.side, grid.side), dtype=np.float32)
        found, at = best_correlations(picture[np.newaxis], standardised(np.stack(references)), grid)
        expected, all_poses = brute_correlations(picture, references, grid)
        assert_allclose(found, expected, atol=1e-5)
        assert_allclose(all_poses[at, range(4)], expected, atol=1e-5)

    @pytest.mark.parametrize("grid", GRIDS)
    def test_only_turns_that_are_likely(self, rng, grid):
        picture, *generated = smooth(rng, 6, grid.side)
        rows = standardised(np.stack(generated))
        _, all_poses = brute_correlations(picture, generated, grid)
        of_turns = all_poses.reshape(grid.n_turns, -1, len(generated)).max(axis=1)
        for n_likely in (1, 2):
            likely = likely_turns(picture[np.newaxis], rows, grid, n_likely)
            best = np.argsort(-of_turns, axis=0)[:n_likely]
            assert (likely.sum(axis=0) == n_likely).all()
            assert np.take_along_axis(likely, best, axis=0).all()
            found, numbers = best_correlations(picture[np.newaxis], rows, grid, likely)
            assert_allclose(found, of_turns.max(axis=0), atol=1e-5)
            assert_array_equal(numbers, all_poses.argmax(axis=0))
        # The worst turn alone.
        worst = of_turns.argmin(axis=0) == np.arange(grid.n_turns)[:, np.newaxis]
        found, _ = best_correlations(picture[np.newaxis], rows, grid, worst)
        assert_allclose(found, of_turns.min(axis=0), atol=1e-5)

    def test_low_contrast_on_a_bright_ground(self, rng):
        grid = GRIDS[1]
        faint = (1000 + 0.05 * rng.random((5, 9, 9))).astype(np.float32)
        found, _ = best_correlations(faint[:1], standardised(faint[1:]), grid)
        expected, _ = brute_correlations(faint[0].astype(float), faint[1:].astype(float), grid)
        assert_allclose(found, expected, atol=1e-4)

    @pytest.mark.parametrize("factor", [1e-5, 1e5])
    def test_units_say_nothing(self, rng, factor):
        picture, other = rng.random((2, 9, 9), dtype=np.float32)
        other = standardised(other[np.newaxis])
        found = [
            best_correlations(np.float32(f) * picture[np.newaxis], other, GRIDS[1])[0]
            for f in (1, factor)
        ]
        assert_allclose(*found, atol=1e-5)

    def test_others_and_their_order_change_no_bit(self, rng):
        grid = GRIDS[1]
        picture = rng.random((9, 9), dtype=np.float32)
        references = standardised(rng.random((205, 9, 9), dtype=np.float32))
        whole = best_correlations(picture[np.newaxis], references, grid)
        order = rng.permutation(205)
        shuffled = best_correlations(picture[np.newaxis], references[order], grid)
        alone = [
            best_correlations(picture[np.newaxis], references[i : i + 1], grid) for i in range(205)
        ]
        for index in (0, 1):
            assert_array_equal(shuffled[index], whole[index][order])
            assert_array_equal(np.concatenate([one[index] for one in alone]), whole[index])

    def test_standardised_rows(self, rng):
        pictures = rng.random((3, 6, 6))
        pictures[1] = 0.7
        rows = standardised(pictures)
        assert_allclose(rows.mean(axis=1), 0, atol=1e-7)
        assert_allclose(np.linalg.norm(rows, axis=1), [1, 0, 1], atol=1e-6)


class TestPairwisePoses:
    @pytest.mark.parametrize("side", [16, 17])
    @pytest.mark.parametrize("n_refined", [4, 96])
    def test_copies_by_quarter_turns_are_at_distance_zero(self, rng, side, n_refined):
        pictures = smooth(rng, 12, side)
        generated = [move(one) for move, one in zip(DIHEDRAL, pictures, strict=False)]
        estimator = PairwisePoseTransformer(n_refined=n_refined)
        found = distances(estimator, pictures, generated)
        assert_allclose(np.diagonal(found), 0, atol=1e-6)
        others = found[~np.eye(12, 8, dtype=bool)]
        assert others.min() > 0.2

    @pytest.mark.parametrize("n_refined", [5, 96])
    def test_moved_copies_are_the_closest(self, rng, n_refined):
        pictures = smooth(rng, 10, 32, 2)
        generated = np.stack([
            moved(one, Pose(bool(i % 2), rng.uniform(-20, 20) + 90 * (i % 4),
                            rng.uniform(0.9, 1.12), tuple(rng.uniform(-0.08, 0.08, 2))))
            for i, one in enumerate(pictures)
        ])  # fmt: skip
        found = distances(PairwisePoseTransformer(n_refined=n_refined), pictures, generated)
        assert_array_equal(found.argmin(axis=1), np.arange(10))
        assert np.diagonal(found).max() < 0.1

    @pytest.mark.parametrize("pose", [
        Pose(True, 15.0, 1.12, (2 / 20, -1 / 20)), Pose(False, 90.0 - 20, 0.9, (0.0, 0.0)),
        Pose(True, 270.0 + 5, 1.0, (-1 / 20, 2 / 20)),
    ])  # fmt: skip
    def test_find_pose_gives_back_the_pose(self, rng, pose):
        queries = smooth(rng, 3, 20)
        generated = np.stack([queries[2], moved(queries[1], pose)])
        fitted = PairwisePoseTransformer().fit(rows_of(queries), generated=rows_of(generated))
        found = fitted.find_pose(queries[1].ravel(), 1)
        assert found[:3] == pytest.approx(pose[:3])
        assert found.shift == pytest.approx(pose.shift)
        assert [type(one) for one in (found.mirrored, *found.shift)] == [bool, float, float]

    def test_largest_shift_is_a_share_of_the_side(self):
        coarse, fine = PairwisePoseTransformer(max_shift=0.29)._grids(100)
        assert (coarse.reach, fine.reach) == (14, 29)

    def test_at_full_size_it_is_one_minus_the_best_correlation(self, rng):
        queries, generated = smooth(rng, 2, 10), smooth(rng, 3, 10)
        options = {"angles": (-10, 0, 10), "zooms": (1, 1.2), "max_shift": 0.1}
        found = distances(PairwisePoseTransformer(**options), queries, generated)
        grid = Grid(10, (-10, 0, 10), (1, 1.2), 1)
        expected = [brute_correlations(one, generated, grid)[0] for one in queries]
        assert_allclose(found, 1 - np.array(expected), atol=1e-5)

    def test_what_is_refined_is_tried_in_the_two_likely_turns(self, rng, monkeypatch):
        monkeypatch.setattr(poses, "_TOGETHER", 0)  # as if these were many poses
        # In noise the best turn at half the size often is not the best one at full size.
        queries, generated = rng.normal(size=(3, 16, 16)), rng.normal(size=(30, 16, 16))
        queries, generated = queries.astype(np.float32), generated.astype(np.float32)
        estimator = PairwisePoseTransformer(angles=(-10, 0, 10), n_refined=7)
        found = distances(estimator, queries, generated)
        coarse, fine = estimator._grids(16)
        for query, row in zip(queries, found, strict=True):
            halves = half_size(np.concatenate([query[np.newaxis], generated]))
            _, at_half = brute_correlations(halves[0], halves[1:], coarse)
            chosen = np.argsort(-at_half.max(axis=0))[:7]
            of_turns = at_half.reshape(8, -1, 30).max(axis=1)[:, chosen]
            _, at_full = brute_correlations(query, generated[chosen], fine)
            at_full = at_full.reshape(8, -1, 7).max(axis=1)
            tried = np.argsort(-of_turns, axis=0)[:2]
            expected = 1 - np.take_along_axis(at_full, tried, axis=0).max(axis=0)
            assert_allclose(row[chosen], expected, atol=1e-5)
            rest = np.delete(np.arange(30), chosen)
            assert_allclose(
                row[rest], np.maximum(1 - at_half.max(axis=0)[rest], expected.max()), atol=1e-5
            )

    def test_what_is_not_refined_is_never_closer(self, rng):
        # In noise, less detail means more correlation by chance.
        queries, generated = rng.normal(size=(3, 12, 12)), rng.normal(size=(40, 12, 12))
        few, all_of_them = (
            distances(PairwisePoseTransformer(n_refined=n), queries, generated) for n in (6, 40)
        )
        for row, whole in zip(few, all_of_them, strict=True):
            near = row < np.sort(row)[5]  # some of the others may be as far as the sixth
            assert 3 < near.sum() < 6
            assert (row[near] >= whole[near]).all()  # two turns of eight were tried

    def test_jobs_batches_and_memory_change_no_bit(self, rng):
        queries, generated = rows_of(smooth(rng, 37, 10)), rows_of(smooth(rng, 120, 10))
        fitted = PairwisePoseTransformer(angles=(0, 10), zooms=(1,), n_refined=20)
        whole = fitted.fit(queries, generated=generated).transform(queries)
        for jobs in (2, 3):
            assert_array_equal(fitted.set_params(n_jobs=jobs).transform(queries), whole)
        with config_context(working_memory=1):
            assert_array_equal(fitted.transform(queries), whole)
        pieces = [fitted.transform(queries[i : i + 5]) for i in range(0, 37, 5)]
        assert_array_equal(np.concatenate(pieces), whole)

    def test_order_of_generated_images_changes_no_bit(self, rng):
        queries, generated = smooth(rng, 4, 10), smooth(rng, 50, 10)
        order = rng.permutation(50)
        estimator = PairwisePoseTransformer(angles=(0, 10), n_refined=8)
        expected = distances(clone(estimator), queries, generated)[:, order]
        assert_array_equal(distances(estimator, queries, generated[order]), expected)

    def test_own_image_among_the_real_ones_is_missing(self, rng):
        queries, generated = smooth(rng, 6, 10), smooth(rng, 3, 10)
        queries[4] = np.rot90(queries[1])
        estimator = PairwisePoseTransformer(angles=(0,), include_real=True)
        found = distances(estimator, queries, generated)
        assert found.shape == (6, 9)
        assert_array_equal(np.isnan(found[:, 3:]), np.eye(6, dtype=bool))
        assert not np.isnan(found[:, :3]).any()
        assert_allclose(found[[1, 4], [7, 4]], 0, atol=1e-6)

    def test_constant_pictures_are_at_distance_one(self, rng):
        queries, generated = smooth(rng, 2, 9), smooth(rng, 3, 9)
        queries[0], generated[1] = 0.3, 0.7
        found = distances(PairwisePoseTransformer(), queries, generated)
        assert_array_equal(found[0], 1)
        assert_array_equal(found[:, 1], 1)

    def test_brightness_and_contrast_say_nothing(self, rng):
        queries, generated = smooth(rng, 3, 12), smooth(rng, 4, 12)
        plain = distances(PairwisePoseTransformer(), queries, generated)
        changed = distances(PairwisePoseTransformer(), 300 + 0.5 * queries, 9 * generated - 2)
        assert_allclose(changed, plain, atol=1e-4)

    def test_without_quarter_turns_they_are_not_found(self, rng):
        picture = smooth(rng, 1, 16)
        found = distances(PairwisePoseTransformer(quarter_turns=False, angles=(0,)), picture,
                          [np.rot90(picture[0]), np.fliplr(picture[0])])  # fmt: skip
        assert found[0, 0] > 0.2
        assert found[0, 1] < 1e-6

    def test_retarget_and_a_union(self, rng):
        queries, generated = rows_of(smooth(rng, 3, 12)), rows_of(smooth(rng, 4, 12))
        pose = PairwisePoseTransformer(angles=(0,))
        alone = clone(pose).fit(queries, generated=generated)
        assert_array_equal(alone.retarget(queries).transform(queries)[:, :, 0].argmin(1), range(3))
        views = DistanceUnion([("plain", PairwiseDistanceTransformer()), ("poses", pose)])
        views.fit(queries, generated=generated)
        assert list(views.get_feature_names_out()) == ["plain", "poses"]
        assert_array_equal(views.transform(queries)[:, :, 1:], alone.transform(queries))

    def test_half_the_size_is_the_mean_of_four_pixels(self):
        picture = np.arange(25, dtype=np.float32).reshape(1, 5, 5)
        assert_array_equal(half_size(picture)[0], [[3, 5], [13, 15]])


class TestErrors:
    @pytest.mark.parametrize("width", [2, 9, 15, 50])
    def test_rows_that_are_no_pictures(self, width):
        with pytest.raises(ValueError, match=rf"square image, at least 4 x 4.*got {width}"):
            PairwisePoseTransformer().fit(np.zeros((3, width)))

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"angles": ()}, r"angles has to be one or more finite numbers; got \(\)"),
            ({"angles": (0, np.nan)}, "angles has to be one or more finite numbers"),
            ({"zooms": (np.inf,)}, "zooms has to be one or more finite numbers"),
            ({"zooms": [[1, 2]]}, "zooms has to be one or more finite numbers"),
            ({"zooms": (1, 0)}, r"zooms have to be above 0; got \(1, 0\)"),
            ({"angles": ("left",)}, "angles has to be one or more finite numbers; got .*left"),
            ({"max_shift": 0.6}, "max_shift"),
            ({"n_refined": 0}, "n_refined"),
            ({"angles": 5}, "angles"),
        ],
    )
    def test_parameters(self, params, message):
        with pytest.raises(ValueError, match=message):
            PairwisePoseTransformer(**params).fit(np.zeros((3, 16)))

    def test_find_pose(self, rng):
        rows = rows_of(smooth(rng, 3, 8))
        estimator = PairwisePoseTransformer(angles=(0,))
        with pytest.raises(NotFittedError):
            estimator.find_pose(rows[0], 0)
        estimator.fit(rows)
        for number in (3, -1):
            with pytest.raises(ValueError, match=rf"number has to be in 0\.\.2.*got {number}"):
                estimator.find_pose(rows[0], number)
        with pytest.raises(ValueError, match="query has 5 columns, but X had 64"):
            estimator.find_pose(rows[0, :5], 0)


@pytest.mark.parametrize(
    "estimator",
    [PairwisePoseTransformer(), PairwiseDistanceTransformer("correlation", poses="dihedral")],
    ids=repr,
)
def test_check_suite_of_scikit_learn(estimator):
    # The suite's rows are of 1 to 20 columns, mostly not those of a square picture.
    results = check_estimator(estimator, on_skip=None, on_fail=None)
    failed = [one for one in results if one["status"] == "failed"]
    others = {one["check_name"] for one in failed if "square image" not in str(one["exception"])}
    # It takes the error about the columns for one about negative numbers.
    assert others <= {"check_positive_only_tag_during_fit"}
    assert len([one for one in results if one["status"] == "passed"]) > 15


class TestDihedral:
    @pytest.mark.parametrize("metric", METRICS)
    def test_equals_the_minimum_over_numpy_s_poses(self, rng, metric):
        queries, generated = rng.random((20, 9, 9)), rng.random((7, 9, 9))
        found = distances(PairwiseDistanceTransformer(metric, poses="dihedral"), queries, generated)
        plain = PairwiseDistanceTransformer(metric)
        expected = np.minimum.reduce([
            distances(plain, [move(one) for one in queries], generated) for move in DIHEDRAL
        ])  # fmt: skip
        assert_array_equal(found, expected)

    @pytest.mark.parametrize("metric", METRICS)
    def test_copies_are_at_distance_zero(self, rng, metric):
        pictures = rng.random((8, 10, 10))
        generated = [move(one) for move, one in zip(DIHEDRAL, pictures, strict=True)]
        found = distances(
            PairwiseDistanceTransformer(metric, poses="dihedral"), pictures, generated
        )
        assert_allclose(np.diagonal(found), 0, atol=1e-6)
        assert found[~np.eye(8, dtype=bool)].min() > 0.05

    @pytest.mark.parametrize("poses", ["mirrored", "dihedral"])
    def test_real_images_and_jobs(self, rng, poses):
        rows = rows_of(rng.random((20, 6, 6)))
        one = PairwiseDistanceTransformer(poses=poses, include_real=True).fit(rows, generated=rows)
        found = one.transform(rows)
        assert_array_equal(np.isnan(found[:, 20:, 0]), np.eye(20, dtype=bool))
        assert_array_equal(one.set_params(n_jobs=2).transform(rows), found)

    @pytest.mark.parametrize("poses", ["mirrored", "dihedral"])
    @pytest.mark.parametrize("width", [2, 50])
    def test_what_is_no_square_image(self, poses, width):
        with pytest.raises(ValueError, match=rf"poses='{poses}'.*square image.*got {width}"):
            PairwiseDistanceTransformer(poses=poses).fit(np.zeros((3, width)))

    def test_unknown_poses(self):
        with pytest.raises(ValueError, match="poses"):
            PairwiseDistanceTransformer(poses="turned").fit(np.zeros((3, 16)))


def test_weights_of_a_grid_are_computed_once():
    poses.warps.cache_clear()
    picture = np.eye(9, dtype=np.float32)
    for _ in range(3):
        best_correlations(picture[np.newaxis], standardised(picture[np.newaxis]), GRIDS[1])
    assert poses.warps.cache_info().misses == 1
