"""What a fitted attack keeps."""

import pickle

import pytest

from gan_isi import datasets, make_pipeline


@pytest.mark.parametrize("name", ["paper", "nearest", "blind"])
def test_nothing_of_the_fit_itself_stays(name):
    """Contexts of callbacks would be in every pickle, and hold the attack that holds them."""
    problem = datasets.make_membership_problem(12, n_generated=6, image_size=16, random_state=0)
    families = {"families": ["statistical"]} if name == "paper" else {}
    attack = make_pipeline(name, generated=problem.generated, **families)
    before = set(vars(attack)) | {"streamed_"}
    attack.fit(problem.images, problem.target)
    assert set(vars(attack)) == before
    assert set(vars(pickle.loads(pickle.dumps(attack)))) == before
