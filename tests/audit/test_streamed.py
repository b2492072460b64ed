"""An audit whose generated images are read a block after the other."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context

from gan_isi import datasets, make_pipeline
from gan_isi.attacks import streaming
from gan_isi.audit import audit, described, withhold


@pytest.fixture(scope="module")
def problem():
    return datasets.make_membership_problem(
        26, n_generated=150, image_size=32, memorization=0.9, random_state=0
    )


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(streaming, "_BLOCK", 64)


def attacks(stream):
    recommended = make_pipeline("recommended", stream=stream).set_params(
        distances__poses__angles=(0,), distances__poses__zooms=(1,), distances__poses__n_refined=20
    )
    return {
        "recommended": recommended,
        "relative_nearest": make_pipeline("relative_nearest", stream=stream),
        "epsilon_ball": make_pipeline("epsilon_ball"),  # looks at all distances
    }


@pytest.fixture(scope="module")
def results(problem):
    known = slice(0, 20)
    return [
        audit(
            attacks(stream),
            problem.images[known],
            problem.target[known],
            generated=problem.generated,
            candidates=problem.images[20:],
            n_permutations=4,
            n_resamples=50,
            random_state=0,
        )
        for stream in (False, True)
    ]


def test_the_answers_are_those_in_memory(results):
    whole, streamed = (result.attacks for result in results)
    assert list(whole) == list(streamed)
    for name, one in whole.items():
        other = streamed[name]
        assert_allclose(one.answers.scores, other.answers.scores, rtol=1e-5, atol=1e-5)
        assert_allclose(one.null["AUC"], other.null["AUC"], atol=1e-9)
        assert one.p_values == pytest.approx(other.p_values)
        assert_allclose(one.candidates.p_values, other.candidates.p_values, atol=1e-9)


@pytest.mark.parametrize("name", ["recommended", "relative_nearest"])
def test_evidence_names_the_same_generated_images(results, problem, name):
    whole, streamed = (result.attacks[name] for result in results)
    for one, other in (
        (whole.evidence, streamed.evidence),
        (whole.candidates.evidence, streamed.candidates.evidence),
    ):
        assert_array_equal(one.generated, other.generated)
        # In multiples of the usual distance, which is that of a sample.
        assert_allclose(one.distances, other.distances, atol=0.1)
    # Most used images have been copied; the closest one is that of the copy.
    used = problem.target[:20] == 1
    closest = streamed.evidence.generated[used, 0]
    assert np.mean(problem.source[closest] == np.flatnonzero(used)) > 0.8


def test_images_are_read_once_for_all_attacks(problem, monkeypatch):
    passes = []
    original = described.closest_bags
    monkeypatch.setattr(
        described, "closest_bags", lambda *given, **how: passes.append(1) or original(*given, **how)
    )
    audit(
        attacks(True), problem.images, problem.target, generated=problem.generated,
        n_permutations=0, n_resamples=20, random_state=0,
    )  # fmt: skip
    assert len(passes) == 1


def test_withholding_needs_all_distances(problem):
    """Whatever is left out, the next ones count."""
    judges = {"local": make_pipeline("nearest", representation="local_contrast"), "blind": "blind"}
    options = {
        "generated": problem.generated, "attacks": judges,
        "shares": (0, 0.5), "n_random": 1, "n_permutations": 0, "random_state": 0,
    }  # fmt: skip
    expected = withhold(problem.images, problem.target, **options)
    with config_context(working_memory=1):
        found = withhold(problem.images, problem.target, **options)
    assert_array_equal(found.order, expected.order)
    for key, one in expected.curves.items():
        assert found.curves[key].value == pytest.approx(one.value)
