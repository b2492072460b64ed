"""The whole attack in scikit-learn's hands."""

import subprocess
import sys
import warnings

import joblib
import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedGroupKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    permutation_test_score,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

import gan_isi
import gan_isi.membership.pairs
from gan_isi import datasets, make_descriptors, make_pipeline
from gan_isi.audit import audit


@pytest.fixture(scope="module")
def problem():
    return datasets.make_membership_problem(24, n_generated=10, image_size=32, random_state=0)


@pytest.fixture
def small_attack(problem):
    return make_pipeline(
        generated=problem.generated, families=["statistical", "steerable"], n_levels=16
    )


@pytest.fixture
def fitted(small_attack, problem):
    return clone(small_attack).fit(problem.images, problem.target)


def spied_folds(monkeypatch):
    """Folds of all calibrations to come, with the groups that they were made for."""
    seen = []
    original = gan_isi.membership.pairs.query_folds

    def spy(labels, groups, **options):
        folds = original(labels, groups, **options)
        seen.append((folds, groups))
        return folds

    monkeypatch.setattr("gan_isi.membership.pairs.query_folds", spy)
    return seen


class TestNotebook:
    """The lines of the design page."""

    def test_fit_predict_retarget_search_dump(self, problem, tmp_path):
        real, used, generated = problem.images[:16], problem.target[:16], problem.generated
        candidates, other_generated = problem.images[16:], problem.generated[:4]
        attack = make_pipeline(generated=generated)
        attack.fit(real, used)
        assert attack.predict_proba(candidates)[:, 1].shape == (8,)
        assert set(attack.retarget(other_generated).predict(candidates)) <= {0, 1}
        search = GridSearchCV(
            attack,
            {
                "membership__estimator__svc__C": [0.1, 1],
                "membership__fusion": ["mean", "max"],
                "descriptors__gabor": ["drop", gan_isi.GaborDescriptor(wavelengths=[4])],
            },
            cv=2,
            error_score="raise",
        )
        search.fit(real, used)
        assert len(search.cv_results_["params"]) == 8
        joblib.dump(search.best_estimator_, tmp_path / "attack.joblib")
        loaded = joblib.load(tmp_path / "attack.joblib")
        np.testing.assert_array_equal(
            loaded.predict_proba(candidates), search.predict_proba(candidates)
        )

    def test_default_is_the_paper_s_setting(self, problem):
        attack = make_pipeline(generated=problem.generated)
        assert list(attack.named_steps) == ["descriptors", "distances", "membership"]
        families = [name for name, _ in attack["descriptors"].transformer_list]
        assert families == ["statistical", "gabor", "steerable", "gaussian"]
        svm = attack.get_params()["membership__estimator__svc"]
        assert (svm.kernel, attack["membership"].fusion) == ("rbf", "mean")
        attack.fit(problem.images, problem.target)
        assert attack["distances"].n_maps_ == 65


class TestStages:
    def test_pipeline_is_its_steps_by_hand(self, fitted, problem):
        descriptors = make_descriptors(["statistical", "steerable"], n_levels=16)
        queries = descriptors.fit_transform(problem.images)
        distances = gan_isi.PairwiseWassersteinTransformer(n_levels=16)
        distances.fit(queries, generated=descriptors.transform(problem.generated))
        bags = distances.transform(queries)
        assert bags.shape == (24, 10, 11)
        by_hand = gan_isi.MembershipClassifier().fit(bags, problem.target)
        np.testing.assert_array_equal(
            fitted.predict_proba(problem.images), by_hand.predict_proba(bags)
        )
        np.testing.assert_array_equal(
            fitted.predict_pair_proba(problem.images), by_hand.predict_pair_proba(bags)
        )

    def test_copies_are_at_distance_zero(self, fitted, problem):
        bags = fitted[:-1].transform(problem.images)
        np.testing.assert_array_equal(bags[problem.source, np.arange(10)], 0)

    def test_plain_pipeline_with_routing(self, fitted, problem):
        steps = [
            ("descriptors", make_descriptors(["statistical", "steerable"], n_levels=16)),
            ("distances", gan_isi.PairwiseWassersteinTransformer(n_levels=16)),
            ("membership", gan_isi.MembershipClassifier()),
        ]
        plain = Pipeline(steps, transform_input=["generated"])
        given = {"generated": problem.generated}
        with config_context(enable_metadata_routing=True):
            plain.fit(problem.images, problem.target, **given)
            scores = cross_val_score(plain, problem.images, problem.target, cv=2, params=given)
        expected = cross_val_score(clone(fitted), problem.images, problem.target, cv=2)
        np.testing.assert_array_equal(scores, expected)
        np.testing.assert_array_equal(
            plain.predict_proba(problem.images), fitted.predict_proba(problem.images)
        )

    def test_slice_of_descriptors_needs_no_generated(self, problem, small_attack):
        frame = small_attack[:1].set_output(transform="pandas").fit_transform(problem.images)
        assert frame.shape == (24, 11 * 16)

    def test_set_output_on_the_whole_pipeline(self, small_attack, fitted, problem):
        frames = clone(small_attack).set_output(transform="pandas")
        frames.fit(problem.images, problem.target)
        np.testing.assert_array_equal(
            frames.predict_proba(problem.images), fitted.predict_proba(problem.images)
        )

    def test_n_jobs_changes_no_bit(self, problem, fitted):
        parallel = make_pipeline(
            generated=problem.generated,
            families=["statistical", "steerable"],
            n_levels=16,
            n_jobs=2,
        )
        parallel.fit(problem.images, problem.target)
        np.testing.assert_array_equal(
            parallel.predict_proba(problem.images), fitted.predict_proba(problem.images)
        )

    @pytest.mark.parametrize(
        "method", ["predict", "predict_proba", "decision_function", "predict_pair_proba"]
    )
    def test_little_working_memory_changes_no_bit(self, method, problem, fitted, monkeypatch):
        expected = getattr(fitted, method)(problem.images)
        largest = []
        compare = gan_isi.PairwiseWassersteinTransformer.transform
        monkeypatch.setattr(
            gan_isi.PairwiseWassersteinTransformer,
            "transform",
            lambda self, X: largest.append(len(X)) or compare(self, X),
        )
        with config_context(working_memory=10 * 11 * 4 * 4 * 5 / 2**20):  # five queries
            answer = getattr(fitted, method)(problem.images)
        assert largest == [5, 5, 5, 5, 4]
        np.testing.assert_array_equal(answer, expected)

    def test_score_is_the_accuracy(self, fitted, problem):
        correct = fitted.predict(problem.images) == problem.target
        assert fitted.score(problem.images, problem.target) == correct.mean()
        weights = np.arange(24)
        expected = np.average(correct, weights=weights)
        assert fitted.score(problem.images, problem.target, weights) == pytest.approx(expected)

    def test_same_random_state_same_answer(self, problem):
        def answers(seed):
            attack = make_pipeline(
                generated=problem.generated,
                families=["steerable"],
                n_levels=16,
                max_pairs=100,
                random_state=seed,
            )
            attack.fit(problem.images, problem.target)
            return attack.predict_proba(problem.images)

        np.testing.assert_array_equal(answers(1), answers(1))
        assert (answers(1) != answers(2)).any()

    @pytest.mark.filterwarnings("ignore:Sizes differ")
    def test_images_of_other_sizes_and_files(self, small_attack, problem, tmp_path):
        from skimage.io import imsave

        smaller = problem.generated[:, :20, :24]
        for index, image in enumerate(smaller):
            imsave(tmp_path / f"{index:02}.png", image, check_contrast=False)
        small_attack.set_params(generated=smaller).fit(problem.images, problem.target)
        expected = small_attack.predict_proba(problem.images)
        small_attack.set_params(generated=datasets.load_images(tmp_path))
        small_attack.fit(problem.images, problem.target)
        np.testing.assert_array_equal(small_attack.predict_proba(problem.images), expected)


class TestModelSelection:
    def test_clone_and_parameters(self, small_attack):
        assert clone(small_attack).get_params().keys() == small_attack.get_params().keys()
        changed = clone(small_attack).set_params(membership__estimator__svc__C=7)
        assert changed["membership"].estimator["svc"].C == 7
        assert small_attack["membership"].estimator["svc"].C == 1

    def test_cross_val_predict_and_permutation_test(self, small_attack, problem):
        small_attack.set_params(membership__estimator=GaussianNB())
        probability = cross_val_predict(
            small_attack,
            problem.images,
            problem.target,
            cv=3,
            method="predict_proba",
        )
        assert probability.shape == (24, 2)
        np.testing.assert_allclose(probability.sum(axis=1), 1)
        score, permuted, p_value = permutation_test_score(
            small_attack,
            problem.images,
            problem.target,
            cv=2,
            n_permutations=5,
            random_state=0,
        )
        assert len(permuted) == 5
        assert p_value == (1 + np.sum(permuted >= score)) / 6

    def test_search_in_parallel_gives_the_same(self, small_attack, problem):
        grid = {"membership__fusion": ["mean", "max"], "descriptors__steerable__sigma": [1, 2]}
        serial, parallel = (
            GridSearchCV(small_attack, grid, cv=2, n_jobs=n_jobs, error_score="raise").fit(
                problem.images, problem.target
            )
            for n_jobs in (None, 2)
        )
        np.testing.assert_array_equal(
            serial.cv_results_["mean_test_score"], parallel.cv_results_["mean_test_score"]
        )

    def test_fit_hands_patients_on_to_both_calibrations(self, small_attack, problem, monkeypatch):
        seen = spied_folds(monkeypatch)
        patients = np.array([f"p{i:02}" for i in np.arange(24) // 2])
        target = np.repeat(np.arange(12) % 2, 2)
        small_attack.set_params(membership__calibrate_fusion=True, membership__cv=2)
        small_attack.fit(problem.images, target, groups=patients.tolist())
        # Of all images, and within each of two folds.
        assert [len(folds) for folds, _ in seen] == [2, 2, 2]
        for folds, groups in seen:
            for train, test in folds:
                assert not set(groups[train]) & set(groups[test])
        np.testing.assert_array_equal(seen[0][1], np.arange(24) // 2)

    @pytest.mark.filterwarnings("ignore:.*are among those generated")
    def test_an_audit_hands_patients_on(self, small_attack, problem, monkeypatch):
        seen = spied_folds(monkeypatch)
        patients = np.random.default_rng(0).permutation(24) // 2  # in no order
        audit(
            {"paper": small_attack, "recommended": "recommended"},
            problem.images,
            patients % 2,
            generated=problem.generated,
            groups=np.array([f"p{i}" for i in patients]),
            cv=3,
            n_permutations=0,
            n_resamples=10,
        )
        assert len(seen) == 3
        for folds, groups in seen:
            assert (np.unique(groups, return_counts=True)[1] == 2).all()
            for train, test in folds:
                assert not set(groups[train]) & set(groups[test])

    def test_group_splitters_and_groups_for_the_calibration(self, small_attack, problem):
        patients = np.arange(24) // 2
        target = np.repeat([0, 1], 12)
        search = GridSearchCV(
            small_attack, {"membership__fusion": ["mean"]}, cv=StratifiedGroupKFold(3)
        )
        search.fit(problem.images, target, groups=patients)
        assert search.n_splits_ == 3
        # With routing on, the groups of each training part reach the calibration as well.
        seen = []

        class Spy(gan_isi.MembershipClassifier):
            def fit(self, X, y, *, groups=None, blocks=None):
                seen.append(groups)
                return super().fit(X, y, groups=groups, blocks=blocks)

        spied = clone(small_attack).set_params(membership=Spy())
        with config_context(enable_metadata_routing=True):
            cross_validate(
                spied,
                problem.images,
                target,
                cv=StratifiedGroupKFold(3),
                params={"groups": patients},
                error_score="raise",
            )
        assert [len(groups) for groups in seen] == [16, 16, 16]
        assert all((np.unique(groups, return_counts=True)[1] == 2).all() for groups in seen)

    def test_lazy_files_are_split_without_being_read_at_once(self, small_attack, problem, tmp_path):
        from skimage.io import imsave

        for index, image in enumerate(problem.images):
            imsave(tmp_path / f"{index:02}.png", image, check_contrast=False)
        lazy = datasets.load_images(tmp_path)
        from_files, from_array = (
            cross_val_predict(small_attack, X, problem.target, cv=3) for X in (lazy, problem.images)
        )
        np.testing.assert_array_equal(from_files, from_array)


class TestRetarget:
    def test_original_stays_and_everything_else_is_shared(self, fitted, problem):
        before = fitted.predict_proba(problem.images)
        other = fitted.retarget(problem.generated[:3])
        assert (fitted.n_generated_, other.n_generated_) == (10, 3)
        assert other.predict_pair_proba(problem.images).shape == (24, 3)
        np.testing.assert_array_equal(fitted.predict_proba(problem.images), before)
        assert other["membership"] is fitted["membership"]
        assert other["descriptors"] is fitted["descriptors"]

    def test_to_the_same_images_is_the_same(self, fitted, problem):
        for form in (
            problem.generated,
            list(problem.generated),
            gan_isi.SharedImages(problem.generated),
        ):
            np.testing.assert_array_equal(
                fitted.retarget(form).predict_proba(problem.images),
                fitted.predict_proba(problem.images),
            )

    def test_as_many_as_queries_is_fine_here(self, fitted, problem):
        assert fitted.retarget(problem.images).n_generated_ == 24

    def test_before_fit(self, small_attack, problem):
        with pytest.raises(NotFittedError):
            small_attack.retarget(problem.generated)


class TestErrors:
    def test_generated_is_required(self, problem):
        attack = make_pipeline(families=["statistical"])
        with pytest.raises(ValueError, match=r"no generated images.*set_params\(generated=images"):
            attack.fit(problem.images, problem.target)

    def test_generated_is_no_argument_of_fit(self, small_attack, problem):
        with pytest.raises(TypeError, match="generated"):
            small_attack.fit(problem.images, problem.target, generated=problem.generated)

    def test_as_many_generated_as_real_images(self, small_attack, problem):
        small_attack.set_params(generated=problem.images)
        scores = cross_val_score(
            small_attack, problem.images, problem.target, cv=2, error_score="raise"
        )
        assert scores.shape == (2,)
        assert small_attack.fit(problem.images, problem.target).n_generated_ == 24

    @pytest.mark.parametrize("generated", [[], np.empty((0, 32, 32))])
    def test_no_generated_images(self, generated, small_attack, problem):
        with pytest.raises(ValueError, match=r"(?i)found (array with )?0 (images|sample)"):
            small_attack.set_params(generated=generated).fit(problem.images, problem.target)

    def test_predict_before_fit(self, small_attack, problem):
        for method in ("predict", "predict_proba", "predict_pair_proba"):
            with pytest.raises(NotFittedError):
                getattr(small_attack, method)(problem.images)

    @pytest.mark.parametrize("families", [["gabor", "wavelet"], [], ["gabor", "gabor"], "wavelet"])
    def test_unknown_families(self, families):
        with pytest.raises(ValueError, match=r"'statistical', 'gabor'.*; got \["):
            make_pipeline(families=families)
        if families:  # the recommended attack needs none
            with pytest.raises(ValueError, match=r"'statistical', 'gabor'.*; got \["):
                make_pipeline("recommended", families=families)

    @pytest.mark.parametrize("own", [{"n_levels": 8}, {"grid": 2}, {"intensity_range": "image"}])
    def test_a_family_with_a_value_of_its_own(self, own, small_attack, problem):
        small_attack.set_params(descriptors__steerable=gan_isi.SteerableDescriptor(**own))
        ((name, value),) = own.items()
        message = rf"'steerable' has {name}={value!r}, but all.*descriptors__{name}\)"
        with pytest.raises(ValueError, match=message):
            small_attack.fit(problem.images, problem.target)

    def test_everything_dropped(self, small_attack, problem):
        small_attack.set_params(descriptors__steerable="drop", descriptors__statistical="drop")
        with pytest.raises(
            ValueError, match=r"All parts are dropped; keep at least one of \['stat"
        ):
            small_attack.fit(problem.images, problem.target)

    def test_a_query_with_nan_is_named(self, fitted, problem):
        images = list(problem.images.astype(float))
        images[5][0, 0] = np.nan
        with pytest.raises(ValueError, match="image 5 contains NaN"):
            fitted.predict(images)

    def test_nan_among_the_generated_is_said_to_be_there(self, small_attack, fitted, problem):
        generated = problem.generated.astype(float)
        generated[3, 0, 0] = np.nan
        with pytest.raises(ValueError, match="generated contains NaN"):
            small_attack.set_params(generated=generated).fit(problem.images, problem.target)
        with pytest.raises(ValueError, match="generated contains NaN"):
            fitted.retarget(generated)

    def test_one_image_without_its_axis(self, small_attack, fitted, problem):
        message = r"shape \(32, 32\).*32 images of one row.*image\[np.newaxis\]"
        with pytest.raises(ValueError, match=message):
            small_attack.set_params(generated=problem.generated[0]).fit(
                problem.images, problem.target
            )
        with pytest.raises(ValueError, match=message):
            fitted.predict(problem.images[0])
        assert fitted.predict(problem.images[:1]).shape == (1,)

    def test_a_truncated_file_is_named(self, fitted, problem, tmp_path):
        from skimage.io import imsave

        for index, image in enumerate(problem.images):
            imsave(tmp_path / f"{index:02}.png", image, check_contrast=False)
        torn = tmp_path / "17.png"
        torn.write_bytes(torn.read_bytes()[:200])
        with pytest.raises(OSError, match=r"17\.png"):
            fitted.predict(datasets.load_images(tmp_path))


class TestPickles:
    def test_loaded_in_a_new_process_gives_the_same_bits(self, fitted, problem, tmp_path):
        joblib.dump(fitted, tmp_path / "attack.joblib")
        np.save(tmp_path / "images.npy", problem.images)
        code = (
            "import joblib, numpy as np\n"
            "attack = joblib.load('attack.joblib')\n"
            "np.save('answer.npy', attack.predict_proba(np.load('images.npy')))\n"
        )
        subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, check=True)
        np.testing.assert_array_equal(
            np.load(tmp_path / "answer.npy"), fitted.predict_proba(problem.images)
        )

    def test_of_another_version_warns_with_both_versions(self, fitted, tmp_path, monkeypatch):
        path = tmp_path / "attack.joblib"
        monkeypatch.setattr("gan_isi._runtime.pickling.__version__", "0.0.7")
        joblib.dump(fitted, path)
        monkeypatch.undo()
        version = gan_isi.__version__
        with pytest.warns(gan_isi.InconsistentVersionWarning) as caught:
            joblib.load(path)
        assert all("gan_isi 0.0.7" in str(w.message) and version in str(w.message) for w in caught)

    def test_of_this_version_is_silent_and_leaves_no_trace(self, fitted, tmp_path):
        joblib.dump(fitted, tmp_path / "attack.joblib")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            loaded = joblib.load(tmp_path / "attack.joblib")
        assert vars(loaded["distances"]).keys() == vars(fitted["distances"]).keys()


def test_a_user_s_svc_with_probability(problem):
    attack = make_pipeline(generated=problem.generated, families=["steerable"], n_levels=16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # deprecated in scikit-learn 1.9
        attack.set_params(membership__estimator=SVC(probability=True, random_state=0))
        attack.fit(problem.images, problem.target)
    assert attack.predict_proba(problem.images).shape == (24, 2)


def test_html_representation(fitted):
    assert "SourceIdentificationPipeline" in fitted._repr_html_()
