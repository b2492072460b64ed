"""The named attacks on images, in scikit-learn's hands."""

import pickle
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.svm import SVC

from gan_isi import datasets, make_pipeline
from gan_isi.attacks import ATTACKS, REPRESENTATIONS

#: The attacks other than the paper's and the recommended one; the blind one is the last.
SIMPLE = ATTACKS[2:]

#: As in the tests' conftest: real images that lie beside a checkout.
SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def copied():
    """A generator that copies its training set."""
    return datasets.make_membership_problem(
        40, n_generated=60, image_size=32, memorization=1.0, random_state=1
    )


@pytest.fixture(scope="module")
def innocent():
    """A generator that knows nothing of its training set."""
    return datasets.make_membership_problem(
        60, n_generated=60, image_size=32, memorization=0.0, random_state=1
    )


def out_of_fold(attack, problem):
    return cross_val_predict(
        attack.set_params(generated=problem.generated),
        problem.images,
        problem.target,
        cv=4,
        method="decision_function",
    )


@pytest.mark.parametrize("name", SIMPLE[:-1])
def test_copies_are_found_and_innocence_is_left_alone(name, copied, innocent):
    attack = make_pipeline(name)
    # These two count how many generated images are near, and a copy is only one.
    expected = 0.7 if name in ("density_ratio", "retrieval") else 0.9
    assert roc_auc_score(copied.target, out_of_fold(attack, copied)) > expected
    assert 0.25 < roc_auc_score(innocent.target, out_of_fold(attack, innocent)) < 0.75


def test_the_blind_attack_finds_no_copies(copied):
    assert 0.2 < roc_auc_score(copied.target, out_of_fold(make_pipeline("blind"), copied)) < 0.8


@pytest.mark.parametrize("representation", ["local_contrast", "ssim", "texture", "local_texture"])
def test_other_representations(representation, copied):
    attack = make_pipeline("nearest", representation=representation)
    if "texture" in representation:  # two families are enough here
        attack.set_params(descriptors__gabor="drop", descriptors__gaussian="drop")
    attack.set_params(generated=copied.generated).fit(copied.images, copied.target)
    assert roc_auc_score(copied.target, attack.decision_function(copied.images)) > 0.9


@pytest.mark.parametrize("name", SIMPLE)
@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_all_can_be_made_cloned_and_shown(name, representation):
    attack = make_pipeline(name, representation=representation, n_jobs=2, memory="cache")
    assert list(attack.named_steps) == ["descriptors", "distances", "membership"]
    assert attack.compares == (name != "blind")
    assert repr(clone(attack)) == repr(attack)
    real = getattr(attack.named_steps["distances"], "include_real", False)
    assert real == (name in ("density_ratio", "calibrated_similarity"))


@pytest.mark.parametrize("name", SIMPLE)
def test_search_and_pickle(name, copied, tmp_path):
    grid = {"descriptors__pixels__size": [8, 16]}
    attack = make_pipeline(name, generated=copied.generated)
    search = GridSearchCV(attack, grid, cv=2, error_score="raise")
    search.fit(copied.images, copied.target)
    joblib.dump(search.best_estimator_, tmp_path / "attack.joblib")
    loaded = joblib.load(tmp_path / "attack.joblib")
    np.testing.assert_array_equal(
        loaded.predict_proba(copied.images), search.predict_proba(copied.images)
    )


def test_jobs_change_no_bit(copied):
    for name in ("relative_nearest", "density_ratio"):
        alone, jobs = (
            make_pipeline(name, generated=copied.generated, representation="ssim", n_jobs=n_jobs)
            .fit(copied.images, copied.target)
            .decision_function(copied.images)
            for n_jobs in (None, 2)
        )
        np.testing.assert_array_equal(alone, jobs)


class TestBlind:
    def test_does_not_look_at_the_generated_images(self, copied, innocent):
        answers = [
            make_pipeline("blind", generated=generated).fit(copied.images, copied.target)
            for generated in (copied.generated, innocent.generated, None)
        ]
        expected = answers[0].predict_proba(copied.images)
        for other in answers[1:]:
            np.testing.assert_array_equal(other.predict_proba(copied.images), expected)

    def test_scores_a_scanner(self, copied):
        brighter = copied.images // 2 + 100 * copied.target[:, None, None].astype(np.uint8)
        scanned = datasets.make_membership_problem(4, n_generated=2, random_state=0)
        scanned.update(images=brighter, target=copied.target, generated=copied.generated)
        assert roc_auc_score(copied.target, out_of_fold(make_pipeline("blind"), scanned)) > 0.9

    def test_learns_in_its_last_step_only(self, copied):
        # Who describes all queries at once and splits afterwards must leak nothing.
        attack = make_pipeline("blind").fit(copied.images, copied.target)
        halves = [attack[:-1].transform(copied.images[part]) for part in (slice(20), slice(20, 40))]
        np.testing.assert_array_equal(attack[:-1].transform(copied.images), np.vstack(halves))
        assert attack[:-1].fit(copied.images[:5]).transform(copied.images).shape == (40, 32 * 32)


@pytest.mark.parametrize("name", ["nearest", "density_ratio", "blind"])
@pytest.mark.parametrize("representation", ["pixels", "local_contrast", "texture", "local_texture"])
def test_the_intensity_range_reaches_all_descriptors(name, representation):
    attack = make_pipeline(name, representation=representation, intensity_range=(-1000, 1000))
    parameters = attack.get_params()
    ranges = [v for k, v in parameters.items() if k.endswith("intensity_range")]
    assert ranges
    assert set(ranges) == {(-1000, 1000)}


def test_unknown_names():
    with pytest.raises(ValueError, match=r"name has to be one of \['recommended'.*got 'furthest'"):
        make_pipeline("furthest")
    with pytest.raises(ValueError, match=r"representation has to be one of.*got 'words'"):
        make_pipeline("nearest", representation="words")
    with pytest.raises(ValueError, match="representation has to be one of"):
        make_pipeline("blind", representation="words")


@pytest.mark.slow
def test_nearest_generated_image_on_a_real_diffusion_model(shared_xrays):
    images, target, generated = shared_xrays
    attack = make_pipeline("nearest", generated=generated).fit(images, target)
    assert roc_auc_score(target, attack.decision_function(images)) > 0.9


@pytest.fixture
def shared_xrays():
    folder = SHARED_DATA / "cxr64_ddpm"
    if not folder.is_dir():
        pytest.skip(f"needs the diffusion model's images in {folder}")
    data = datasets.load_membership(folder)
    return data.images, data.target, data.generated


@pytest.mark.parametrize("name", [np.zeros((3, 8, 8)), [np.zeros((8, 8))], None, 1])
def test_images_in_place_of_the_name_are_refused_in_words(name):
    with pytest.raises(TypeError, match="generated=images"):
        make_pipeline(name)


class TestSvm:
    def test_libsvm_is_usual(self):
        membership = make_pipeline().named_steps["membership"]
        assert type(membership.estimator[-1]) is SVC
        assert membership.precision == "double"

    def test_intelex_is_close_to_libsvm(self, make_bags):
        sklearnex_svm = pytest.importorskip("sklearnex.svm")
        bags, used = make_bags()
        libsvm = make_pipeline().named_steps["membership"].fit(bags, used)
        intelex = make_pipeline(svm="intelex", n_jobs=2).named_steps["membership"]
        assert type(intelex.estimator[-1]) is sklearnex_svm.SVC
        assert intelex.precision == "single"
        found, expected = (
            one.fit(bags, used).predict_pair_proba(bags) for one in (intelex, libsvm)
        )
        np.testing.assert_allclose(found, expected, rtol=0, atol=4e-3)
        np.testing.assert_array_equal(
            pickle.loads(pickle.dumps(intelex)).predict_pair_proba(bags), found
        )

    def test_intelex_that_is_not_installed_is_named(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "sklearnex.svm", None)
        monkeypatch.setitem(sys.modules, "sklearnex", None)
        with pytest.raises(ImportError, match=r'pip install "gan-isi\[intelex\]"'):
            make_pipeline(svm="intelex")

    def test_what_contradicts_it_is_refused(self):
        with pytest.raises(ValueError, match=r"svm has to be one of .* got 'thunder'"):
            make_pipeline(svm="thunder")
        with pytest.raises(ValueError, match=r'svm="intelex" names .* estimator=SVC\(\)'):
            make_pipeline(svm="intelex", estimator=SVC())
        with pytest.raises(ValueError, match="attack 'recommended' does not take svm"):
            make_pipeline("recommended", svm="intelex")
