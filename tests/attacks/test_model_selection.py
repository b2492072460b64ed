"""scikit-learn's tools take an attack as it is, and its pictures are neither copied nor sent."""

import copy
import pickle
import tracemalloc

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    learning_curve,
    permutation_test_score,
)

from gan_isi import SharedImages, datasets, make_pipeline
from gan_isi.attacks import ATTACKS

#: What makes attacks of two families, so that tests take no time.
SMALL = {"families": ["statistical", "steerable"], "n_levels": 8}


@pytest.fixture(scope="module")
def problem():
    """As many generated images as real ones, which scikit-learn would slice alike."""
    return datasets.make_membership_problem(24, n_generated=24, image_size=32, random_state=0)


def small(name, **options):
    attack = make_pipeline(name, **(SMALL if name in ("paper", "recommended") else {}), **options)
    if name == "recommended":  # of which few poses are enough here
        attack.set_params(distances__poses__angles=(0,), distances__poses__zooms=(1,))
    return attack


@pytest.mark.parametrize("name", ATTACKS)
class TestNothingIsRouted:
    def test_search(self, name, problem):
        attack = small(name, generated=problem.generated)
        search = GridSearchCV(attack, {"verbose": [False]}, cv=2, error_score="raise")
        search.fit(problem.images, problem.target)
        alone = clone(attack).fit(problem.images, problem.target)
        np.testing.assert_array_equal(
            search.predict_proba(problem.images), alone.predict_proba(problem.images)
        )

    def test_out_of_fold_answers_see_all_generated_images(self, name, problem):
        attack = small(name, generated=problem.generated)
        folds = [
            (np.arange(0, 24, 2), np.arange(1, 24, 2)),
            (np.arange(1, 24, 2), np.arange(0, 24, 2)),
        ]
        labels = np.repeat([0, 1], 12)
        found = cross_val_predict(attack, problem.images, labels, cv=folds, method="predict_proba")
        for train, test in folds:
            fitted = clone(attack).fit(problem.images[train], labels[train])
            np.testing.assert_array_equal(found[test], fitted.predict_proba(problem.images[test]))
            if name != "blind":
                assert fitted.n_generated_ == 24

    def test_other_tools(self, name, problem):
        attack = small(name, generated=problem.generated)
        X, y = problem.images, problem.target
        calibrated = CalibratedClassifierCV(attack, cv=2, ensemble=False).fit(X, y)
        assert calibrated.predict_proba(X).shape == (24, 2)
        sizes, _, scores = learning_curve(
            attack, X, y, cv=2, train_sizes=[8, 12], shuffle=True, random_state=0,
            error_score="raise",
        )  # fmt: skip
        assert list(sizes) == [8, 12]
        assert np.isfinite(scores).all()
        _, permuted, _ = permutation_test_score(attack, X, y, cv=2, n_permutations=2)
        assert permuted.shape == (2,)


@pytest.mark.parametrize("wrap", [lambda images: images, SharedImages, list])
def test_a_search_over_generated_sets(wrap, problem):
    copies = problem.images[problem.target == 1]
    nothing = np.random.default_rng(0).integers(0, 255, (7, 32, 32)).astype(np.uint8)
    attack = make_pipeline("nearest")
    search = GridSearchCV(
        attack,
        {"generated": [wrap(nothing), wrap(copies)]},
        cv=3,
        scoring="roc_auc",
        error_score="raise",
    )
    search.fit(problem.images, problem.target)
    assert search.best_index_ == 1
    assert search.best_score_ == 1
    assert search.best_estimator_.n_generated_ == len(copies)


class TestClone:
    def test_copies_no_picture(self):
        many = np.zeros((2000, 256, 256), dtype=np.uint8)
        attack = make_pipeline("recommended", generated=many)
        tracemalloc.start()
        cloned = clone(attack)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < many.nbytes / 100
        assert cloned.generated is attack.generated
        assert cloned.generated.images is many

    def test_of_what_is_set_later(self, problem):
        attack = make_pipeline().set_params(generated=problem.generated)
        assert clone(attack).generated.images is problem.generated
        assert attack.get_params()["generated"] is attack.generated
        assert clone(make_pipeline()).generated is None

    def test_a_change_of_the_clone_leaves_the_original(self, problem):
        attack = make_pipeline(generated=problem.generated)
        clone(attack).set_params(generated=problem.images)
        assert attack.generated.images is problem.generated

    def test_an_array_of_several_sets_is_shared_once(self, problem):
        shared = SharedImages(SharedImages(problem.generated))
        assert shared.images is problem.generated
        assert len(shared) == 24


@pytest.mark.parametrize("form", ["array", "list", "list of two sizes"])
def test_jobs_are_handed_no_pictures(form):
    """Large arrays are mapped from a file; what is pickled to each task is small."""
    many = np.random.default_rng(0).integers(0, 255, (320, 64, 64)).astype(np.uint8)
    many, real = many[:300], many[300:]
    generated = many if form == "array" else list(many)
    if form == "list of two sizes":
        generated[0] = generated[0][:60]
    attack = make_pipeline("nearest", generated=generated)

    def mapped(attack, X, y):  # a local function, which joblib sends by value
        return float(isinstance(attack.generated.images[1], np.memmap))

    grid = {"membership__n_neighbors": [1, 2]}
    search = GridSearchCV(attack, grid, cv=2, scoring=mapped, n_jobs=2, error_score="raise")
    search.fit(real, np.arange(20) % 2)
    assert search.cv_results_["mean_test_score"].tolist() == [1, 1]


def test_a_list_comes_back_in_its_order(problem):
    pictures = [
        problem.images[0],
        problem.images[1, :20],
        problem.images[2],
        problem.images[3] / 255,
    ]
    back = pickle.loads(pickle.dumps(SharedImages(pictures))).images
    assert len(back) == 4
    for one, expected in zip(back, pictures, strict=True):
        assert one.dtype == expected.dtype
        np.testing.assert_array_equal(one, expected)


class TestPickles:
    @pytest.mark.parametrize("name", ATTACKS)
    @pytest.mark.parametrize("form", ["array", "list", "files"])
    def test_a_fitted_attack_is_stored_without_pictures(self, name, form, problem, tmp_path):
        from skimage.io import imsave

        generated = problem.generated
        if form == "list":
            generated = list(generated)
        elif form == "files":
            for number, image in enumerate(generated):
                imsave(tmp_path / f"{number:02}.png", image, check_contrast=False)
            generated = datasets.load_images(tmp_path)
        attack = small(name, generated=generated).fit(problem.images, problem.target)
        joblib.dump(attack, tmp_path / "attack.joblib")
        content = (tmp_path / "attack.joblib").read_bytes()
        assert not [one for one in problem.generated if one.tobytes() in content]
        assert str(tmp_path).encode() not in content
        assert not [one for one in problem.images if one.tobytes() in content]
        loaded = joblib.load(tmp_path / "attack.joblib")
        assert loaded.generated is None
        assert attack.generated is not None
        np.testing.assert_array_equal(
            loaded.predict_proba(problem.images), attack.predict_proba(problem.images)
        )

    def test_it_is_smaller_than_its_pictures(self):
        many = np.random.default_rng(0).integers(0, 255, (60, 128, 128)).astype(np.uint8)
        attack = make_pipeline(generated=many, families=["statistical"], n_levels=8)
        attack.fit(many[:10], np.arange(10) % 2)
        assert len(pickle.dumps(attack)) < many.nbytes / 10

    def test_a_loaded_one_says_what_is_missing_to_fit_it_again(self, problem):
        attack = small("paper", generated=problem.generated).fit(problem.images, problem.target)
        loaded = pickle.loads(pickle.dumps(attack))
        for again in (loaded, clone(loaded)):
            with pytest.raises(ValueError, match=r"set_params\(generated=images\), also after a"):
                again.fit(problem.images, problem.target)
        again = loaded.set_params(generated=problem.generated).fit(problem.images, problem.target)
        np.testing.assert_array_equal(
            again.predict_proba(problem.images), attack.predict_proba(problem.images)
        )

    def test_a_loaded_one_may_have_another_target(self, problem):
        attack = small("paper", generated=problem.generated).fit(problem.images, problem.target)
        loaded = pickle.loads(pickle.dumps(attack))
        np.testing.assert_array_equal(
            loaded.retarget(problem.generated[:5]).predict_proba(problem.images),
            attack.retarget(problem.generated[:5]).predict_proba(problem.images),
        )

    @pytest.mark.parametrize("make_copy", [copy.copy, copy.deepcopy])
    def test_copies_keep_the_pictures(self, make_copy, problem):
        attack = small("nearest", generated=problem.generated).fit(problem.images, problem.target)
        copied = make_copy(attack)
        assert copied.generated is attack.generated
        np.testing.assert_array_equal(
            copied.predict_proba(problem.images), attack.predict_proba(problem.images)
        )
        copied.set_params(generated=problem.images)
        assert attack.generated.images is problem.generated

    def test_one_that_is_not_fitted_keeps_them(self, problem):
        attack = small("nearest", generated=problem.generated)
        loaded = pickle.loads(pickle.dumps(attack))
        np.testing.assert_array_equal(loaded.generated.images, problem.generated)
        np.testing.assert_array_equal(
            loaded.fit(problem.images, problem.target).predict_proba(problem.images),
            attack.fit(problem.images, problem.target).predict_proba(problem.images),
        )
