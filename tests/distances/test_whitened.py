"""Rows without their common mean and covariance."""

import importlib

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist
from sklearn.covariance import ledoit_wolf, ledoit_wolf_shrinkage
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches

from gan_isi import PairwiseDistanceTransformer, PairwiseWhitenedTransformer
from gan_isi._validation.blocks import Block
from gan_isi.distances import prepare_vectors, vector_distances, whitening


@pytest.fixture
def rows(rng):
    return rng.normal(size=(60, 8)) @ rng.normal(size=(8, 8)) + rng.normal(size=8)


def white(rows, **options):
    mean, matrix = whitening(rows, **options)
    return (rows - mean) @ matrix


def angles(rows):
    units = prepare_vectors(rows, "cosine")
    return vector_distances(units, units, "cosine")


def test_covariance_is_the_identity(rows):
    assert_allclose(np.cov(white(rows, shrinkage=None), rowvar=False), np.eye(8), atol=1e-10)
    assert_allclose(white(rows).mean(axis=0), 0, atol=1e-12)


def test_distances_are_those_of_whitened_principal_components(rows):
    # Of standardised columns or not: the same up to a rotation.
    expected = PCA(whiten=True).fit_transform(rows)
    assert_allclose(cdist(*[white(rows, shrinkage=None)] * 2), cdist(expected, expected), atol=1e-8)


def test_linear_maps_change_nothing(rows, rng):
    other = rows @ rng.normal(size=(8, 8)) + 5
    expected = angles(white(rows, shrinkage=None))
    assert_allclose(angles(white(other, shrinkage=None)), expected, atol=1e-8)
    # Shrunk, units of the columns still change nothing.
    scaled = rows * rng.uniform(0.1, 10, 8) + 5
    assert_allclose(angles(white(scaled)), angles(white(rows)), atol=1e-8)


@pytest.mark.parametrize("shrinkage", ["auto", 0.0, 0.3, 1.0])
def test_covariance_is_shrunk_as_scikit_learn_does(rows, shrinkage):
    standard = StandardScaler().fit_transform(rows)
    covariance, share = ledoit_wolf(standard, assume_centered=True)
    n = len(rows)
    if shrinkage != "auto":
        share = shrinkage
    sample = np.cov(standard, rowvar=False) * (n - 1) / n  # variances of 1
    shrunk = (1 - share) * sample + share * np.eye(8)
    if shrinkage == "auto":
        assert_allclose(shrunk, covariance)
    difference = (rows[3] - rows[5]) / rows.std(axis=0, ddof=1)
    expected = difference @ np.linalg.inv(shrunk) @ difference
    found = white(rows, shrinkage=shrinkage)
    assert_allclose(((found[3] - found[5]) ** 2).sum(), expected, rtol=1e-6)


def test_rows_are_added_up_a_block_after_the_other(rows, monkeypatch):
    whole = [whitening(rows, shrinkage) for shrinkage in ("auto", None)]
    blocks = []
    module = importlib.import_module("gan_isi.distances.whitening")
    monkeypatch.setattr(module, "_BLOCK", 7)
    monkeypatch.setattr(
        module, "gen_batches", lambda *a: blocks.append(list(gen_batches(*a))) or blocks[-1]
    )
    for (mean, matrix), shrinkage in zip(whole, ("auto", None), strict=True):
        in_parts = whitening(rows, shrinkage)
        assert_allclose(in_parts[0], mean, rtol=1e-12)
        # The sign of a direction is nobody's.
        assert_allclose(in_parts[1] @ in_parts[1].T, matrix @ matrix.T, rtol=1e-9)
    assert {len(of_rows) for of_rows in blocks} == {9}


@pytest.mark.parametrize("size", [1, 2, 8])
def test_the_share_of_the_identity_is_scikit_learns(rows, size):
    # Nearly uncorrelated columns of equal variance: where the share is large.
    for some in (rows[:, :size], np.random.default_rng(1).normal(size=(30, size))):
        standard = (some - some.mean(axis=0)) / some.std(axis=0, ddof=1)
        expected = whitening(some, ledoit_wolf_shrinkage(standard, assume_centered=True))
        found = whitening(some)
        assert_allclose(found[1] @ found[1].T, expected[1] @ expected[1].T, rtol=1e-9)


def test_more_columns_than_rows(rng):
    rows = rng.normal(size=(10, 30))
    exact = white(rows, shrinkage=None)
    assert exact.shape == (10, 9)
    assert_allclose(np.cov(exact, rowvar=False), np.eye(9), atol=1e-8)
    shrunk = white(rows, shrinkage=0.5)
    assert shrunk.shape == (10, 30)
    assert np.isfinite(shrunk).all()


def test_constant_columns_are_left_out(rows):
    more = np.hstack([rows, np.full((len(rows), 2), 0.1)])
    for shrinkage in ("auto", None):
        expected = white(rows, shrinkage=shrinkage)
        assert_allclose(white(more, shrinkage=shrinkage), expected, atol=1e-8)
    mean, matrix = whitening(np.ones((4, 3)))
    assert matrix.shape == (3, 0)
    assert_array_equal(mean, 1)


def test_what_can_not_be_whitened(rows):
    with pytest.raises(ValueError, match="at least 2"):
        whitening(rows[:1])
    for shrinkage in (1.5, -0.1, "much"):
        with pytest.raises(ValueError, match="shrinkage has to be"):
            whitening(rows, shrinkage)


# The estimator


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_it_is_fitted_on_real_and_generated_rows_together(rows, metric):
    real, generated = np.float32(rows[:25]), np.float32(rows[25:])
    found = PairwiseWhitenedTransformer(metric, shrinkage=0.2).fit(real, generated=generated)
    both = white(np.vstack([generated, real]), shrinkage=0.2)
    plain = PairwiseDistanceTransformer(metric).fit(both[35:], generated=both[:35])
    assert_allclose(found.transform(real), plain.transform(both[35:]), atol=1e-5)


def test_a_row_has_the_same_bits_with_any_others(rng):
    rows = rng.normal(size=(70, 300)).astype(np.float32)
    whole = PairwiseWhitenedTransformer(n_jobs=2).fit(rows[:40], generated=rows[30:])
    bags = whole.transform(rows)
    one_by_one = [whole.set_params(n_jobs=None).transform(row[None]) for row in rows]
    assert_array_equal(bags, np.concatenate(one_by_one))
    for i in range(40):  # these are generated images themselves
        assert bags[30 + i, i, 0] == 0


def test_retarget_keeps_what_was_learned(rows):
    real, generated = rows[:30], rows[30:]
    fitted = PairwiseWhitenedTransformer().fit(real, generated=generated)
    other = fitted.retarget(generated[5:9])
    assert_array_equal(other.transform(real), fitted.transform(real)[:, 5:9])
    assert_array_equal(other.matrix_, fitted.matrix_)


def test_fitting_again_starts_anew(rows):
    fitted = PairwiseWhitenedTransformer().fit(rows[:30], generated=rows[30:])
    again = fitted.fit(rows[:20, :4], generated=rows[20:, :4]).transform(rows[:, :4])
    new = PairwiseWhitenedTransformer().fit(rows[:20, :4], generated=rows[20:, :4])
    assert_array_equal(again, new.transform(rows[:, :4]))


def test_real_images_are_references_but_not_of_themselves(rows):
    fitted = PairwiseWhitenedTransformer(include_real=True).fit(rows[:30], generated=rows[30:])
    bags = fitted.transform(rows[:30])[:, :, 0]
    assert bags.shape == (30, 60)
    assert_array_equal(np.isnan(bags[:, 30:]), np.eye(30, dtype=bool))
    # Without generated images X is the reference.
    alone = PairwiseWhitenedTransformer().fit(rows)
    assert_array_equal(alone.mean_, rows.astype(np.float32).mean(axis=0, dtype=np.float64))


def test_families_are_told_apart_by_blocks(rows):
    blocks = [Block("pixels", ("pixels",), 3), Block("deep", ("deep_all",), 5)]
    chosen = PairwiseWhitenedTransformer(families="deep")
    bags = chosen.fit(rows[:30], generated=rows[30:], blocks=blocks).transform(rows)
    alone = PairwiseWhitenedTransformer().fit(rows[:30, 3:], generated=rows[30:, 3:])
    assert_array_equal(bags, alone.transform(rows[:, 3:]))


def test_what_is_common_to_all_hides_a_copy_until_it_is_taken_out(rng):
    own = rng.normal(size=(40, 20))
    copies = own[:20] + 0.3 * rng.normal(size=(20, 20))
    common = 30 * rng.normal(size=(60, 1)) * rng.normal(size=20)
    rows = np.vstack([own, copies]) + common
    real, generated = rows[:40], rows[40:]
    hits = {}
    for distances in (PairwiseDistanceTransformer("cosine"), PairwiseWhitenedTransformer()):
        closest = distances.fit(real, generated=generated).transform(real)[:20, :, 0].argmin(axis=1)
        hits[type(distances)] = (closest == np.arange(20)).mean()
    assert hits[PairwiseDistanceTransformer] < 0.6
    assert hits[PairwiseWhitenedTransformer] > 0.9
