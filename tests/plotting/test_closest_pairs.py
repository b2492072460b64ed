"""Pairs that are closest: the right ones, put back into place, with their names."""

import pickle

import numpy as np
import pytest
from skimage.transform import rotate

from gan_isi import PairwiseTileTransformer, make_pipeline
from gan_isi.distances import Pose, moved
from gan_isi.plotting import ClosestPairsDisplay, TileMapDisplay
from gan_isi.plotting.pair import Pair, compare_pair, in_words, likeness, shown


@pytest.fixture
def blobs(rng):
    """Smooth pictures without symmetry."""
    return np.kron(rng.random((4, 8, 8)), np.ones((8, 8)))


def test_the_rows_are_the_strongest_and_one_not_used(attack, images):
    queries, used, _ = images
    display = ClosestPairsDisplay.from_estimator(attack, queries, used, n_pairs=3)
    scores = attack.predict_proba(queries)[:, 1]
    order = np.argsort(-scores, kind="stable")
    rows = [*order[used[order] == 1][:3], order[used[order] == 0][0]]
    assert [name for name, _ in display.names] == [f"real {row}" for row in rows]
    for row, real, pair, (_, name) in zip(
        rows[:3], display.real, display.pairs, display.names, strict=False
    ):
        np.testing.assert_array_equal(real, queries[row])
        assert name in (f"generated {row // 2}", f"generated {6 + row // 2}")  # itself, or upended
        assert -1 <= pair.similarity <= 1
    assert display.axes_.shape == (4, 3)
    assert display.axes_[0, 2].get_title().startswith("similarity")
    without = ClosestPairsDisplay.from_estimator(attack, queries, n_pairs=2)
    assert [name for name, _ in without.names] == [f"real {row}" for row in order[:2]]


def test_predictions_are_drawn_as_they_are(images):
    queries, used, generated = images
    scores = np.linspace(0, 1, len(queries))
    closest = np.arange(len(queries)) // 2
    display = ClosestPairsDisplay.from_predictions(
        queries, generated, closest, scores, used, n_pairs=2
    )
    assert display.names == [
        ("real 11", "generated 5"), ("real 9", "generated 4"), ("real 10", "generated 5")
    ]  # fmt: skip
    assert display.pairs == [
        compare_pair(queries[i], generated[j]) for i, j in ((11, 5), (9, 4), (10, 5))
    ]


def test_a_pose_is_found_as_it_was_made(blobs):
    for pose in (Pose(True, 0.0, 1.0, (0.0, 0.0)), Pose(False, 90.0, 1.0, (0.0, 0.0)),
                 Pose(True, 10.0, 1.0, (0.0, 0.0))):  # fmt: skip
        found = compare_pair(blobs[0], moved(blobs[0], pose))
        assert found.similarity > 0.85
        assert (found.pose.mirrored, found.pose.angle) == (pose.mirrored, pose.angle)
        placed = found.placed(moved(blobs[0], pose))
        assert np.corrcoef(placed.ravel(), blobs[0].ravel())[0, 1] > 0.9


def test_a_pose_agrees_with_scikit_image(blobs):
    found = compare_pair(blobs[0], rotate(blobs[0], 15, mode="reflect"))
    assert found.pose == Pose(False, 15.0, 1.0, (0.0, 0.0))


def test_no_pose_of_a_copy_and_of_what_is_not_alike(blobs):
    assert compare_pair(blobs[0], blobs[0]) == Pair(pytest.approx(1.0), None)
    other = compare_pair(blobs[0], blobs[1])
    assert other.pose is None
    assert other.similarity < 0.6
    flat = compare_pair(blobs[0], np.zeros((20, 30)))
    assert flat == Pair(0.0, None)


def test_similarity_is_the_correlation_of_what_is_described(blobs):
    from gan_isi import PixelDescriptor

    rows = PixelDescriptor(size=32, contrast="local", intensity_range="image").fit_transform(
        blobs[:2]
    )
    assert compare_pair(*blobs[:2]).similarity == pytest.approx(np.corrcoef(rows)[0, 1])


def test_parts_are_those_of_the_tile_map(blobs):
    expected = TileMapDisplay.from_estimator(PairwiseTileTransformer(), *blobs[:2]).likeness
    np.testing.assert_array_equal(likeness(*blobs[:2]), expected)


@pytest.mark.parametrize(
    ("pose", "words"),
    [
        (None, ""),
        (Pose(True, 0.0, 1.0, (0.0, 0.0)), "mirrored"),
        (Pose(False, 270.0, 1.0, (0.0, 0.0)), "rotated by -90 degrees"),
        (Pose(True, 180.0, 1.12, (-0.031, 0.062)),
         "mirrored, rotated by 180 degrees, magnified 1.12 times, shifted up by 3 %, "
         "shifted right by 6 %"),
        (Pose(False, 0.0, 0.9, (0.03, -0.03)),
         "magnified 0.90 times, shifted down by 3 %, shifted left by 3 %"),
    ],
)  # fmt: skip
def test_poses_in_words(pose, words):
    assert in_words(pose) == words


def test_what_is_shown_of_intensities(rng):
    grey = rng.integers(10, 200, size=(5, 7)).astype(np.uint8)
    np.testing.assert_allclose(shown(grey), grey / 255)
    as_rgb = np.stack([grey] * 3, axis=-1)
    assert shown(as_rgb).shape == (5, 7)
    assert shown(np.stack([grey, grey // 2, grey], axis=-1)).shape == (5, 7, 3)
    scaled = shown(grey.astype(np.float32) * 10 - 500)
    assert (scaled.min(), scaled.max()) == (0, 1)


def test_wrong_use(attack, images):
    queries, used, generated = images
    closest, scores = np.zeros(12, dtype=int), np.arange(12)
    with pytest.raises(ValueError, match="of one length; got 12"):
        ClosestPairsDisplay.from_predictions(queries, generated, closest[:3], scores)
    with pytest.raises(ValueError, match="numbers from 0 to"):
        ClosestPairsDisplay.from_predictions(queries, generated, closest + 99, scores)
    with pytest.raises(ValueError, match="n_pairs has to be at least 1; got 0"):
        ClosestPairsDisplay.from_predictions(queries, generated, closest, scores, n_pairs=0)
    with pytest.raises(ValueError, match="at least one; got 1, 0 and 1"):
        ClosestPairsDisplay([queries[0]], [], [Pair(0.0, None)]).plot()
    with pytest.raises(TypeError, match="Expected a fitted attack"):
        ClosestPairsDisplay.from_estimator(TileMapDisplay, queries)
    with pytest.raises(TypeError, match="blind attack has no distances"):
        ClosestPairsDisplay.from_estimator(make_pipeline("blind").fit(queries, used), queries)
    bare = pickle.loads(pickle.dumps(attack))
    with pytest.raises(ValueError, match="without its generated images"):
        ClosestPairsDisplay.from_estimator(bare, queries)
