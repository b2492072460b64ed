import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from gan_isi.membership.fusion import FUSION_RULES, fuse

PROBABILITIES = arrays(
    np.float64, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.floats(0, 1)
)


def test_rules_by_hand():
    # Mean and median differ in the first row, all rules agree in the second.
    pairs = np.array([[0.1, 0.2, 0.9, 0.4], [0.5, 0.5, 0.5, 0.5]])
    np.testing.assert_allclose(fuse(pairs, "mean"), [0.4, 0.5])
    np.testing.assert_allclose(fuse(pairs, "median"), [0.3, 0.5])
    np.testing.assert_allclose(fuse(pairs, "max"), [0.9, 0.5])
    np.testing.assert_allclose(fuse(pairs, "top_mean", top_fraction=0.5), [0.65, 0.5])
    np.testing.assert_allclose(fuse(pairs, "top_mean", top_fraction=0.3), [0.65, 0.5])
    odds = (1 / 9) * (2 / 8) * 9 * (4 / 6)
    np.testing.assert_allclose(fuse(pairs, "logit_mean")[0], odds**0.25 / (1 + odds**0.25))


@pytest.mark.parametrize("rule", FUSION_RULES)
@given(pairs=PROBABILITIES, seed=st.integers(0, 100))
def test_order_of_generated_images_does_not_matter(rule, pairs, seed):
    shuffled = np.random.default_rng(seed).permutation(pairs, axis=1)
    np.testing.assert_allclose(fuse(shuffled, rule), fuse(pairs, rule), atol=1e-12)


@pytest.mark.parametrize("rule", FUSION_RULES)
@given(pairs=PROBABILITIES)
def test_score_lies_between_the_extremes(rule, pairs):
    scores = fuse(pairs, rule)
    assert (scores >= pairs.min(axis=1) - 1e-9).all()
    assert (scores <= pairs.max(axis=1) + 1e-9).all()


@given(pairs=PROBABILITIES)
def test_top_mean_runs_from_max_to_mean(pairs):
    np.testing.assert_allclose(fuse(pairs, "top_mean", top_fraction=1), fuse(pairs, "mean"))
    np.testing.assert_array_equal(fuse(pairs, "top_mean", top_fraction=1e-9), fuse(pairs, "max"))


def test_callable():
    pairs = np.array([[0.1, 0.3]])
    np.testing.assert_array_equal(fuse(pairs, lambda p: p[:, 0]), [0.1])
    with pytest.raises(ValueError, match=r"returned shape \(1, 2\); expected .* \(1,\)"):
        fuse(pairs, lambda p: p)
    with pytest.raises(ValueError, match=r"outside 0..1 or NaN: from 1.1"):
        fuse(pairs, lambda p: p[:, 0] + 1)
    with pytest.raises(ValueError, match="NaN"):
        fuse(pairs, lambda p: p[:, 0] * np.nan)
