"""Bags summarised into rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gan_isi import BagSummaryTransformer
from gan_isi._validation.blocks import Block
from gan_isi.membership.summaries import low_order_statistics

USED = np.repeat([0, 1], 8)
BLOCKS = [Block("ssim", ("ssim",)), Block("gabor", ("a", "b", "c"))]


@pytest.fixture
def bags(rng):
    return rng.gamma(5.0, size=(16, 30, 4)) * [1.0, 10.0, 0.1, 1.0]


def test_statistics_one_by_one(bags):
    statistics = low_order_statistics(bags, n_closest=(1, 3), quantiles=(0.1, 0.5), contrast=7)
    for query, bag in enumerate(bags):
        for j in range(4):
            ordered = sorted(bag[:, j])
            assert_allclose(
                statistics[query, :, j],
                [
                    ordered[0],
                    sum(ordered[:3]) / 3,
                    np.percentile(ordered, 10),
                    np.median(ordered),
                    ordered[0] / (sum(ordered[1:8]) / 7),
                ],
            )


def test_the_order_of_generated_images_says_nothing(bags, rng):
    shuffled = bags[:, rng.permutation(30)]
    assert_array_equal(low_order_statistics(shuffled), low_order_statistics(bags))


def test_nothing_to_compare_with_is_left_out(bags):
    padded = np.concatenate([bags, np.full((16, 5, 4), np.nan)], axis=1)
    assert_allclose(low_order_statistics(padded), low_order_statistics(bags))


def test_few_generated_images_and_exact_copies():
    with_copy = low_order_statistics(np.array([[[0.0], [2.0]]]), n_closest=(5,), contrast=50)
    assert_array_equal(with_copy[0, :, 0], [1.0, 0.0])
    assert_array_equal(low_order_statistics(np.zeros((1, 3, 1)))[0, :, 0], [0.0, 0.0, 0.0])
    assert_array_equal(low_order_statistics(np.ones((1, 1, 1)))[0, :, 0], [1.0, 1.0, 1.0])


def test_relative_to_what_known_non_members_show(bags):
    plain = BagSummaryTransformer(relative=False).fit_transform(bags, USED)
    relative = BagSummaryTransformer().fit_transform(bags, USED)
    assert_allclose(relative[:8].mean(axis=0), 0, atol=1e-12)
    assert_allclose(relative[:8].std(axis=0), 1)
    logs = np.log(plain)
    assert_allclose(relative, (logs - logs[:8].mean(axis=0)) / logs[:8].std(axis=0))


def test_the_larger_label_is_used(bags):
    for labels in (USED == 1, 2 * USED - 1):
        assert_array_equal(
            BagSummaryTransformer().fit_transform(bags, labels),
            BagSummaryTransformer().fit_transform(bags, USED),
        )
    with pytest.raises(ValueError, match='Write y == "a" or y == "b"'):
        BagSummaryTransformer().fit(bags, np.where(USED == 1, "a", "b"))


def test_members_do_not_shift_the_reference(bags):
    changed = bags.copy()
    changed[8:] *= np.random.default_rng(1).random((8, 30, 4))
    first, second = (BagSummaryTransformer().fit(b, USED) for b in (bags, changed))
    assert_array_equal(first.center_, second.center_)


def test_a_group_is_near_only_where_all_its_maps_are():
    # One image is near in the first map, another in the second, a third in both by half.
    bag = np.array([[0.0, 2.0], [2.0, 0.0], [0.9, 0.9], [1.0, 1.0]])[np.newaxis]
    summary = BagSummaryTransformer(n_closest=(1,), contrast=None, relative=False)
    summary.fit(bag, blocks=[Block("family", ("a", "b"))])
    scales = np.median(bag[0], axis=0)
    assert_array_equal(summary.scales_, scales)
    assert_allclose(summary.transform(bag), [[min((bag[0] / scales).mean(axis=1))]])


def test_families_do_not_depend_on_units(bags):
    first, second = (
        BagSummaryTransformer().fit(scaled, USED, blocks=BLOCKS).transform(scaled)
        for scaled in (bags, bags * [3.0, 0.2, 50.0, 1.0])
    )
    assert_allclose(first, second)


def test_one_map_a_family_is_no_family_at_all(bags):
    each = [Block(name, (name,)) for name in "abcd"]
    by_family, by_map, alone = (
        BagSummaryTransformer(by_family=by_family).fit(bags, USED, blocks=blocks).transform(bags)
        for by_family, blocks in ((True, each), (False, BLOCKS), (True, None))
    )
    assert_allclose(by_family, alone)  # but for the units
    assert_array_equal(by_map, alone)


def test_names(bags):
    names = BagSummaryTransformer(n_closest=(1,), quantiles=(0.1,)).fit(bags)
    assert list(names.get_feature_names_out()[:3]) == [
        "map0_closest1",
        "map0_quantile0.1",
        "map0_contrast50",
    ]
    assert len(names.get_feature_names_out()) == names.transform(bags).shape[1] == 12
    assert names.get_feature_names_out("abcd")[0] == "a_closest1"
    by_family = BagSummaryTransformer(n_closest=(1,)).fit(bags, blocks=BLOCKS)
    statistics = ("closest1", "contrast50")
    assert list(by_family.get_feature_names_out()) == [
        f"{name}_{s}" for name in ("ssim", "gabor") for s in statistics
    ]
    by_map = BagSummaryTransformer(n_closest=(1,), by_family=False).fit(bags, blocks=BLOCKS)
    assert list(by_map.get_feature_names_out()) == [
        f"{name}_{s}" for name in ("ssim", "a", "b", "c") for s in statistics
    ]


def test_a_family_that_is_dropped_has_no_columns(bags):
    dropped = [BLOCKS[0], Block("texture", ()), BLOCKS[1]]
    first, second = (
        BagSummaryTransformer().fit(bags, USED, blocks=blocks) for blocks in (BLOCKS, dropped)
    )
    assert list(first.get_feature_names_out()) == list(second.get_feature_names_out())
    assert_array_equal(first.transform(bags), second.transform(bags))


def test_blocks_of_other_bags(bags):
    with pytest.raises(ValueError, match=r"X has 4 maps, but blocks name 3: \['gabor'\]"):
        BagSummaryTransformer().fit(bags, blocks=BLOCKS[1:])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_closest": (0,)}, "n_closest holds numbers of images from 1; got .0,."),
        ({"quantiles": (1.5,)}, "quantiles have to lie in 0..1; got .1.5,."),
        ({"n_closest": (), "contrast": None}, "No statistic is left"),
    ],
)
def test_wrong_parameters(parameters, message, bags):
    with pytest.raises(ValueError, match=message):
        BagSummaryTransformer(**parameters).fit(bags)


def test_other_bags(bags):
    summary = BagSummaryTransformer().fit(bags)
    with pytest.raises(ValueError, match="X has 3 maps, but BagSummaryTransformer was fitted on 4"):
        summary.transform(bags[:, :, :3])
    with pytest.raises(ValueError, match="y has 2 labels for 16 queries"):
        summary.fit(bags, [0, 1])


def test_one_near_image_is_seen_where_the_mean_drowns_it(rng):
    bags = rng.gamma(20.0, size=(80, 200, 5))
    used = np.repeat([0, 1], 40)
    bags[used == 1, 0] *= 0.3
    attack = make_pipeline(BagSummaryTransformer(), StandardScaler(), LogisticRegression())
    assert cross_val_score(attack, bags, used, scoring="roc_auc").mean() > 0.95
    means = bags.mean(axis=1)
    assert cross_val_score(LogisticRegression(), means, used, scoring="roc_auc").mean() < 0.75
