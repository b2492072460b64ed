import numpy as np
import pytest

from gan_isi import (
    DistanceUnion,
    PairwiseDistanceTransformer,
    PairwiseTileTransformer,
    PixelDescriptor,
    SourceIdentificationPipeline,
    make_descriptors,
)
from gan_isi.baselines import NearestGenerated
from gan_isi.plotting import TileMapDisplay


@pytest.fixture
def pair(rng):
    """Two pictures, the second with a part of the first."""
    query, generated = rng.integers(0, 256, size=(2, 64, 64))
    generated[30:60, 30:60] = query[10:40, 20:50]
    return query.astype(np.uint8), generated.astype(np.uint8)


def rows_of(pair, size=64):
    return PixelDescriptor(size=size, contrast="local").fit_transform(pair)


def test_shows_where_the_part_was(pair):
    shown = TileMapDisplay.from_estimator(PairwiseTileTransformer(), *pair)
    expected = PairwiseTileTransformer().fit(rows_of(pair)).tile_map(*rows_of(pair))
    np.testing.assert_array_equal(shown.likeness, expected)
    np.testing.assert_array_equal(shown.im_.get_array(), expected)
    assert shown.likeness[10:40, 20:50].mean() > 0.9 > 0.6 > shown.likeness[44:].mean()
    titles = [axes.get_title() for axes in shown.axes_]
    assert titles == ["query", "generated image", "found in it"]
    for axes, picture in zip(shown.axes_, [*pair, pair[0]], strict=True):
        grey = axes.images[0].get_array()
        np.testing.assert_allclose(grey / grey.max(), picture / picture.max())


def test_a_view_keeps_its_size_and_parameters(pair):
    view = PairwiseTileTransformer(tile=8, stride=4).fit(rows_of(pair, 32))
    shown = TileMapDisplay.from_estimator(view, *pair)
    np.testing.assert_array_equal(shown.likeness, view.tile_map(*rows_of(pair, 32)))
    assert shown.likeness.shape == (32, 32)


def test_an_attack_with_tiles_shows_its_own(pair, images):
    queries, used, generated = images
    views = [
        ("near", PairwiseDistanceTransformer(families="pixels")),
        ("tiles", PairwiseTileTransformer(tile=12, families="pixels_local")),
    ]
    attack = SourceIdentificationPipeline(
        [
            ("descriptors", make_descriptors(["pixels", "pixels_local"])),
            ("distances", DistanceUnion(views)),
            ("membership", NearestGenerated()),
        ],
        generated=generated,
    ).fit(queries, used)
    shown = TileMapDisplay.from_estimator(attack, *pair)
    expected = PairwiseTileTransformer(tile=12).fit(rows_of(pair)).tile_map(*rows_of(pair))
    np.testing.assert_array_equal(shown.likeness, expected)


def test_an_attack_without_tiles_shows_the_default(attack, pair):
    shown = TileMapDisplay.from_estimator(attack, *pair)
    expected = TileMapDisplay.from_estimator(PairwiseTileTransformer(), *pair)
    np.testing.assert_array_equal(shown.likeness, expected.likeness)


def test_colours_and_other_shapes(rng):
    query = rng.integers(0, 256, size=(40, 60, 3)).astype(np.uint8)
    shown = TileMapDisplay.from_estimator(PairwiseTileTransformer(), query, query[:, ::-1])
    np.testing.assert_array_equal(shown.im_.get_extent(), (-0.5, 59.5, 39.5, -0.5))
    shown.figure_.canvas.draw()


@pytest.mark.parametrize("likeness", [np.full((4, 4), 1.5), np.full((4, 4), np.nan), np.ones(4)])
def test_wrong_likeness(pair, likeness):
    with pytest.raises(ValueError, match="likeness has to be of shape"):
        TileMapDisplay(*pair, likeness).plot()


def test_the_outline_lies_where_the_part_is_in_a_larger_picture():
    likeness = np.zeros((32, 32))
    likeness[8:24, 4:12] = 1
    shown = TileMapDisplay(np.zeros((128, 64)), np.zeros((128, 64)), likeness).plot()
    (outline,) = shown.axes_[2].collections
    corners = np.concatenate([path.vertices for path in outline.get_paths()])
    # Four rows and two columns of the picture are one of the likeness, whose middles are joined.
    np.testing.assert_allclose(corners.min(axis=0), [8, 32], atol=2)
    np.testing.assert_allclose(corners.max(axis=0), [24, 96], atol=2)
    assert list(shown.im_.get_extent()) == [-0.5, 63.5, 127.5, -0.5]
