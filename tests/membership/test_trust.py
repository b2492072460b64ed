"""What makes the verdicts of the simple attacks safe to use: routes, targets, defaults."""

import warnings

import numpy as np
import pytest
from sklearn import config_context
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.utils.estimator_checks import check_estimator

from gan_isi import (
    PairwiseDistanceTransformer,
    PixelDescriptor,
    baselines,
    datasets,
    make_pipeline,
)
from gan_isi.attacks import ATTACKS

#: The attacks other than the paper's and the recommended one.
SIMPLE = ATTACKS[2:]


@pytest.fixture(scope="module")
def problem():
    return datasets.make_membership_problem(40, n_generated=30, image_size=32, random_state=0)


def fitted(name, problem):
    attack = make_pipeline(name, generated=problem.generated)
    return attack.fit(problem.images, problem.target)


@pytest.mark.parametrize("name", SIMPLE)
def test_every_attack_says_the_same_with_routing_on_and_off(name, problem):
    answers = []
    for routing in (False, True):
        with config_context(enable_metadata_routing=routing):
            answers.append(
                cross_val_predict(
                    make_pipeline(name, generated=problem.generated),
                    problem.images,
                    problem.target,
                    cv=2,
                    method="decision_function",
                )
            )
    np.testing.assert_array_equal(*answers)


@pytest.mark.parametrize("name", SIMPLE)
def test_every_fitted_attack_can_be_shown(name, problem):
    assert "descriptors" in fitted(name, problem)._repr_html_()


def test_callbacks_go_through_without_a_warning(problem, capfd):
    callback = pytest.importorskip("sklearn.callback", reason="since scikit-learn 1.9")
    attack = make_pipeline("nearest", generated=problem.generated)
    attack.set_callbacks(callback.ProgressBar(max_propagation_depth=None))
    attack.fit(problem.images, problem.target)
    assert "DescriptorUnion" in capfd.readouterr().out


class TestBlind:
    def test_says_the_same_whatever_was_generated(self, problem):
        blind = fitted("blind", problem)
        expected = blind.predict_proba(problem.images)
        other = make_pipeline("blind", generated=problem.generated[:3])
        other.fit(problem.images, problem.target)
        np.testing.assert_array_equal(other.predict_proba(problem.images), expected)
        retargeted = blind.retarget(problem.generated[:3])
        assert retargeted is not blind
        np.testing.assert_array_equal(retargeted.predict_proba(problem.images), expected)

    def test_has_no_generated_images_to_count(self, problem):
        assert not hasattr(fitted("blind", problem), "n_generated_")


def test_retrieval_refuses_other_images_also_as_many(problem):
    with pytest.raises(ValueError, match="fit it again"):
        fitted("retrieval", problem).retarget(problem.generated[::-1])


@pytest.mark.parametrize(
    "attack", [baselines.DensityRatio(), baselines.CalibratedSimilarity()], ids=lambda a: repr(a)
)
def test_attacks_with_a_reference_run_the_whole_check_suite(attack, failures_for_labels):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks provoke some
        results = check_estimator(
            attack, on_skip=None, on_fail=None, expected_failed_checks=failures_for_labels
        )
    assert {r["check_name"] for r in results if r["status"] == "failed"} == set()
    assert len([r for r in results if r["status"] == "passed"]) > 40


def test_bags_of_one_row_are_compared_with_one_image_at_distance_one():
    distances = np.array([[0.2], [0.5], [1.0], [2.0]])
    attack = baselines.DensityRatio(bandwidth=1.0).fit(distances, [1, 1, 0, 0])
    assert attack.n_real_ == 0
    scaled = distances[:, 0] / np.median(distances)
    np.testing.assert_allclose(attack.score_samples(distances), 0.5 * (1 - scaled**2))


def test_without_include_real_the_error_names_it(problem):
    vectors = PixelDescriptor(size=8).fit_transform(problem.images)
    bags = PairwiseDistanceTransformer().fit(vectors, generated=vectors[:30]).transform(vectors)
    with pytest.raises(ValueError, match="include_real=True"):
        baselines.DensityRatio().fit(bags, problem.target)


def test_default_bandwidth_comes_from_known_non_members():
    rng = np.random.default_rng(0)
    bags = 1 + rng.random((12, 20 + 12, 1))
    bags[np.arange(12), 20 + np.arange(12)] = np.nan
    used = np.arange(12) < 8
    before = baselines.DensityRatio().fit(bags, used)
    closest = bags[~used, :20, 0].min(axis=1) / before.scales_
    np.testing.assert_allclose(before.bandwidth_, 0.2 * np.median(closest))
    # Copies of members, even of most queries, leave the width of the kernels alone.
    bags[used, 0] = 0
    after = baselines.DensityRatio().fit(bags, used)
    np.testing.assert_allclose(
        after.bandwidth_ * after.scales_, before.bandwidth_ * before.scales_, rtol=1e-6
    )


@pytest.mark.parametrize(("memorization", "least"), [(1.0, 0.85), (0.9, 0.75)])
def test_default_bandwidth_is_for_pictures_and_their_copies(memorization, least):
    problem = datasets.make_membership_problem(
        80, n_generated=120, image_size=32, memorization=memorization, random_state=0
    )
    scores = cross_val_predict(
        make_pipeline("density_ratio", generated=problem.generated),
        problem.images,
        problem.target,
        cv=5,
        method="decision_function",
    )
    assert roc_auc_score(problem.target, scores) > least
