"""The scores against loops, closed forms, and what must not change them."""

import numpy as np
import pytest
from sklearn.neighbors import KernelDensity

from gan_isi.baselines import (
    CalibratedSimilarity,
    DensityRatio,
    EpsilonBall,
    NearestGenerated,
    Retrieval,
)
from gan_isi.membership.scores import (
    density_ratio_score,
    epsilon_score,
    map_scales,
    nearest_score,
    one_distance,
    retrieval_score,
    retrieval_thresholds,
    share_below,
    similarity_ratio,
)


@pytest.fixture
def distances(rng):
    return rng.gamma(3, size=(15, 12))


class TestOneDistance:
    def test_by_hand(self):
        bags = np.array([[[1.0, 40.0], [3.0, 20.0]], [[2.0, np.nan], [8.0, 60.0]]])
        np.testing.assert_array_equal(map_scales(bags), [2.5, 40.0])
        np.testing.assert_allclose(
            one_distance(bags, map_scales(bags)), [[0.7, 0.85], [np.nan, 2.35]]
        )

    def test_the_unit_of_a_map_does_not_count(self, rng):
        bags = rng.random((5, 7, 3))
        rescaled = bags * np.array([1e-3, 1.0, 1e4])
        np.testing.assert_allclose(
            one_distance(rescaled, map_scales(rescaled)), one_distance(bags, map_scales(bags))
        )

    def test_maps_of_zeros(self):
        np.testing.assert_array_equal(map_scales(np.zeros((2, 3, 2))), [1, 1])


class TestNearest:
    @pytest.mark.parametrize("n_neighbors", [1, 2, 5, 12])
    @pytest.mark.parametrize("relative_to", [None, 1, 4, 50])
    def test_against_a_loop(self, distances, n_neighbors, relative_to):
        expected = []
        for row in distances:
            ordered = sorted(row)
            near, after = ordered[:n_neighbors], ordered[n_neighbors:][:relative_to]
            ratio = 1.0 if relative_to is None else (np.mean(after) if after else np.mean(near))
            expected.append(-np.mean(near) / ratio)
        np.testing.assert_allclose(nearest_score(distances, n_neighbors, relative_to), expected)

    def test_by_hand(self):
        rows = np.array([[3.0, 1.0, 5.0], [0.0, 0.0, 0.0]])
        np.testing.assert_array_equal(nearest_score(rows), [-1, 0])
        np.testing.assert_array_equal(nearest_score(rows, 2), [-2, 0])
        np.testing.assert_array_equal(nearest_score(rows, 1, 2), [-0.25, 0])

    def test_the_ratio_has_no_unit(self, distances):
        np.testing.assert_allclose(
            nearest_score(7 * distances, 1, 5), nearest_score(distances, 1, 5)
        )


class TestEpsilonBall:
    def test_by_hand(self):
        rows = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]])
        np.testing.assert_array_equal(epsilon_score(rows, 3.0), [0.75, 0])

    def test_radius_is_a_quantile(self, distances):
        fitted = EpsilonBall(0.2).fit(distances[:, :, None], np.arange(15) % 2)
        scaled = distances / np.median(distances)
        assert fitted.radius_ == pytest.approx(np.quantile(scaled, 0.2))
        scores = fitted.score_samples(distances[:, :, None])
        np.testing.assert_allclose(scores, (scaled <= np.quantile(scaled, 0.2)).mean(axis=1))

    def test_radius_is_the_median_of_the_closest(self, distances):
        fitted = EpsilonBall("median").fit(distances[:, :, None], np.arange(15) % 2)
        expected = np.median(distances.min(axis=1)) / np.median(distances)
        assert fitted.radius_ == pytest.approx(expected)
        assert (fitted.score_samples(distances[:, :, None]) > 0).sum() == 8


class TestDensityRatio:
    def test_is_the_ratio_of_two_kernel_density_estimates(self, rng):
        points = rng.normal(size=(5, 3))
        generated, reference = rng.normal(size=(20, 3)), rng.normal(size=(8, 3))
        to_generated, to_reference = (
            np.linalg.norm(points[:, None] - other, axis=2) for other in (generated, reference)
        )
        expected = KernelDensity(bandwidth=0.6).fit(generated).score_samples(points)
        expected -= KernelDensity(bandwidth=0.6).fit(reference).score_samples(points)
        ours = density_ratio_score(to_generated, to_reference, 0.6)
        np.testing.assert_allclose(ours, expected)

    def test_what_is_missing_does_not_count(self, distances):
        with_gaps = np.insert(distances, 3, np.nan, axis=1)
        np.testing.assert_allclose(density_ratio_score(distances, with_gaps, 0.5), 0, atol=1e-12)

    def test_far_away_stays_finite(self):
        scores = density_ratio_score(np.full((1, 3), 100.0), np.full((1, 2), 90.0), 0.1)
        np.testing.assert_allclose(scores, -0.5 * (100**2 - 90**2) / 0.01)


class TestCalibratedSimilarity:
    def test_by_hand(self):
        generated, real = np.array([[2.0, 4.0], [3.0, 1.0]]), np.array([[8.0, np.nan], [0.5, 2.0]])
        np.testing.assert_allclose(similarity_ratio(generated, real), np.log([4, 0.5]))

    def test_copies_stay_finite_and_in_order(self):
        generated, real = np.array([[0.0], [0.1], [1.0]]), np.ones((3, 1))
        scores = similarity_ratio(generated, real)
        assert np.isfinite(scores).all()
        assert (np.diff(scores) < 0).all()

    def test_share_below_against_a_loop(self, rng):
        scores, known = rng.integers(0, 6, 20).astype(float), np.sort(rng.integers(0, 6, 9))
        expected = [np.mean((known < score) + 0.5 * (known == score)) for score in scores]
        np.testing.assert_allclose(share_below(scores, known.astype(float)), expected)


class TestRetrieval:
    @pytest.mark.parametrize("n_retrieved", [1, 3])
    def test_against_a_loop(self, rng, n_retrieved):
        known, queries = rng.random((6, 9)), rng.random((4, 9))
        expected = [
            np.mean([np.sum(known[:, g] < query[g]) < n_retrieved for g in range(9)])
            for query in queries
        ]
        ours = retrieval_score(queries, retrieval_thresholds(known, n_retrieved))
        np.testing.assert_array_equal(ours, expected)

    def test_a_known_non_member_competes_with_the_others_only(self, rng):
        known = rng.random((6, 9))
        ours = retrieval_score(known, retrieval_thresholds(known, 2))
        for index in range(6):
            others = np.delete(known, index, axis=0)
            expected = [np.sum(others[:, g] < known[index, g]) < 2 for g in range(9)]
            assert ours[index] == np.mean(expected)

    def test_by_hand(self):
        bags = np.array([[5.0, 1.0], [4.0, 2.0], [4.0, 5.0], [6.0, 5.0]])[:, :, None]
        fitted = Retrieval().fit(bags, [1, 1, 0, 0])
        np.testing.assert_allclose(fitted.thresholds_ * fitted.scales_, [4, 5])
        np.testing.assert_array_equal(fitted.score_samples(bags), [0.5, 1, 1, 0.5])


def test_order_of_generated_images_does_not_count(rng):
    bags, used = rng.random((20, 9, 2)), np.arange(20) % 2
    order = rng.permutation(9)
    for attack in (NearestGenerated(2, 3), EpsilonBall(0.1), EpsilonBall("median"), Retrieval(2)):
        expected = attack.fit(bags, used).score_samples(bags)
        permuted = attack.fit(bags[:, order], used).score_samples(bags[:, order])
        np.testing.assert_allclose(permuted, expected, rtol=1e-12)


def test_order_of_generated_images_does_not_count_beside_real_ones(rng):
    real = rng.random((20, 2))
    to_real = np.linalg.norm(real[:, None] - real, axis=2) + np.where(np.eye(20) > 0, np.nan, 0)
    bags = np.concatenate([rng.random((20, 9)), to_real], axis=1)[:, :, None]
    order = np.r_[rng.permutation(9), np.arange(9, 29)]
    used = np.arange(20) % 2
    for attack in (DensityRatio(), CalibratedSimilarity(), CalibratedSimilarity("ranking")):
        expected = attack.fit(bags, used).score_samples(bags)
        permuted = attack.fit(bags[:, order], used).score_samples(bags[:, order])
        np.testing.assert_allclose(permuted, expected, rtol=1e-9)
