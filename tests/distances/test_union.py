"""Several distances side by side, alone and as a step of the attack."""

import joblib
import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import Pipeline

from gan_isi import (
    DistanceUnion,
    MembershipClassifier,
    PairwiseDistanceTransformer,
    PairwiseWassersteinTransformer,
    PixelDescriptor,
    SourceIdentificationPipeline,
    StatisticalDescriptor,
    datasets,
)
from gan_isi.baselines import DensityRatio, NearestGenerated


def pixel_branch(include_real=False, **parameters):
    distances = PairwiseDistanceTransformer(include_real=include_real)
    descriptors = PixelDescriptor(size=16, **parameters)
    return Pipeline([("descriptors", descriptors), ("distances", distances)])


def texture_branch(include_real=False):
    distances = PairwiseWassersteinTransformer(n_levels=8, include_real=include_real)
    return Pipeline([("descriptors", StatisticalDescriptor(n_levels=8)), ("distances", distances)])


def make_union(include_real=False):
    return DistanceUnion(
        [("pixels", pixel_branch(include_real)), ("texture", texture_branch(include_real))]
    )


@pytest.fixture(scope="module")
def problem():
    return datasets.make_membership_problem(24, n_generated=10, image_size=32, random_state=0)


@pytest.fixture
def attack():
    steps = [("distances", make_union()), ("membership", NearestGenerated())]
    return SourceIdentificationPipeline(steps, transform_input=["generated"])


class TestUnion:
    def test_is_its_branches_by_hand(self, problem):
        union = make_union().fit(problem.images, generated=problem.generated)
        bags = union.transform(problem.images)
        parts = []
        for branch in (pixel_branch(), texture_branch()):
            queries = branch["descriptors"].fit_transform(problem.images)
            generated = branch["descriptors"].transform(problem.generated)
            distances = branch["distances"].fit(queries, generated=generated)
            parts.append(distances.transform(queries))
        np.testing.assert_array_equal(bags, np.concatenate(parts, axis=2))
        assert (union.n_generated_, union.n_maps_, union.n_real_) == (10, 4, 0)
        assert union.map_groups_ == [("pixels", slice(0, 1)), ("texture", slice(1, 4))]

    def test_fit_transform_is_the_same_and_describes_once(self, problem):
        seen = []

        class Counting(PixelDescriptor):
            def transform(self, X):
                seen.append(len(X))
                return super().transform(X)

        steps = [("descriptors", Counting(size=16)), ("distances", PairwiseDistanceTransformer())]
        union = DistanceUnion([("pixels", Pipeline(steps))])
        at_once = union.fit_transform(problem.images, generated=(problem.generated,))
        assert seen == [24, 10]
        np.testing.assert_array_equal(at_once, union.transform(problem.images))

    def test_bare_transformers_on_rows(self, rng):
        rows = rng.random((9, 5))
        union = DistanceUnion(
            [
                ("near", PairwiseDistanceTransformer()),
                ("one_step", Pipeline([("distances", PairwiseDistanceTransformer("cosine"))])),
            ]
        ).fit(rows)
        assert union.transform(rows).shape == (9, 9, 2)
        assert union.n_features_in_ == 5
        assert union.retarget(rows[:4]).transform(rows).shape == (9, 4, 2)

    def test_leaves_the_branches_it_was_given_unfitted(self, problem):
        union = make_union().fit(problem.images)
        for _, branch in union.transformer_list:
            assert not hasattr(branch["distances"], "reference_")

    def test_parameters_by_name(self, problem):
        union = make_union().set_params(
            pixels__descriptors__size=8, texture__distances__n_levels=24, pixels__distances="drop"
        )
        assert union.get_params()["pixels__descriptors__size"] == 8
        assert union.get_params()["texture__distances__n_levels"] == 24
        union = make_union().set_params(pixels="drop")
        union.fit(problem.images)
        assert union.map_groups_ == [("texture", slice(0, 3))]

    def test_retarget_leaves_the_original(self, problem):
        union = make_union().fit(problem.images, generated=problem.generated)
        before = union.transform(problem.images)
        other = union.retarget((problem.generated[:3],))
        assert (union.n_generated_, other.n_generated_) == (10, 3)
        np.testing.assert_array_equal(union.transform(problem.images), before)
        np.testing.assert_array_equal(other.transform(problem.images), before[:, :3])

    def test_real_images(self, problem):
        union = make_union(include_real=True)
        assert union.include_real
        bags = union.fit_transform(problem.images, generated=problem.generated)
        assert bags.shape == (24, 10 + 24, 4)
        assert union.n_real_ == 24
        np.testing.assert_array_equal(
            np.isnan(bags[:, 10:]), np.broadcast_to(np.eye(24, dtype=bool)[:, :, None], (24, 24, 4))
        )
        assert not np.isnan(bags[:, :10]).any()

    def test_what_one_branch_takes_for_the_query_is_missing_in_all(self, photographs):
        images = photographs / 255
        images[1] = images[0] / 2  # the same but for exposure
        union = DistanceUnion(
            [(c, pixel_branch(include_real=True, contrast=c)) for c in ("none", "global")]
        )
        missing = np.isnan(union.fit_transform(images, generated=images[:2]))
        expected = np.eye(12, dtype=bool)
        expected[[0, 1], [1, 0]] = True
        np.testing.assert_array_equal(missing[:, 2:].all(axis=2), expected)
        np.testing.assert_array_equal(missing[:, 2:].any(axis=2), expected)


class TestErrors:
    def test_real_images_in_some_branches_only(self, problem):
        union = DistanceUnion([("a", pixel_branch(True)), ("b", texture_branch())])
        with pytest.raises(ValueError, match=r"same include_real; got {'a': True, 'b': False}"):
            union.fit(problem.images)

    def test_no_branch_is_left(self, problem):
        for union in (make_union().set_params(pixels="drop", texture="drop"), DistanceUnion([])):
            with pytest.raises(ValueError, match="At least one branch"):
                union.fit(problem.images)

    def test_no_pairwise_transformer(self, problem):
        with pytest.raises(TypeError, match=r"branch 'pixels'.*got PixelDescriptor"):
            DistanceUnion([("pixels", PixelDescriptor())]).fit(problem.images)

    def test_names(self, problem):
        branch = PairwiseDistanceTransformer()
        with pytest.raises(ValueError, match="unique"):
            DistanceUnion([("a", branch), ("a", branch)]).fit(problem.images)

    def test_generated_as_long_as_x(self, problem):
        with pytest.raises(ValueError, match=r"as long as X \(24\)"):
            make_union().fit(problem.images, generated=problem.images)

    def test_before_fit(self, problem):
        with pytest.raises(NotFittedError):
            make_union().transform(problem.images)
        with pytest.raises(NotFittedError):
            make_union().retarget(problem.images)
        assert not hasattr(make_union(), "n_generated_")


class TestInTheAttack:
    def test_predicts_and_retargets(self, attack, problem):
        attack.fit(problem.images, problem.target, generated=problem.generated)
        assert attack.predict_proba(problem.images).shape == (24, 2)
        assert attack.n_generated_ == 10
        other = attack.retarget(problem.generated[:3])
        assert (attack.n_generated_, other.n_generated_) == (10, 3)
        by_hand = attack["distances"].transform(problem.images)[:, :3]
        np.testing.assert_array_equal(
            other.decision_function(problem.images),
            attack["membership"].decision_function(by_hand),
        )

    def test_little_working_memory_changes_no_bit(self, attack, problem):
        attack.fit(problem.images, problem.target, generated=problem.generated)
        expected = attack.decision_function(problem.images)
        with config_context(working_memory=0.002):
            np.testing.assert_array_equal(attack.decision_function(problem.images), expected)
            np.testing.assert_array_equal(attack.decision_function(list(problem.images)), expected)

    def test_search_over_branches(self, attack, problem):
        grid = {
            "distances__pixels": ["drop", pixel_branch(contrast="local")],
            "membership__n_neighbors": [1, 2],
        }
        search = GridSearchCV(attack, grid, cv=2, error_score="raise")
        search.fit(problem.images, problem.target, generated=(problem.generated,))
        assert len(search.cv_results_["params"]) == 4

    def test_of_pairs(self, attack, problem):
        attack.set_params(membership=MembershipClassifier())
        attack.fit(problem.images, problem.target, generated=problem.generated)
        assert attack.predict_pair_proba(problem.images).shape == (24, 10)

    def test_with_real_images(self, problem):
        steps = [("distances", make_union(include_real=True)), ("membership", DensityRatio())]
        attack = SourceIdentificationPipeline(steps, transform_input=["generated"])
        answers = cross_val_predict(
            attack, problem.images, problem.target, cv=3, params={"generated": (problem.generated,)}
        )
        assert answers.shape == (24,)

    def test_pickle_and_clone(self, attack, problem, tmp_path):
        attack.fit(problem.images, problem.target, generated=problem.generated)
        joblib.dump(attack, tmp_path / "attack.joblib")
        expected = attack.decision_function(problem.images)
        loaded = joblib.load(tmp_path / "attack.joblib")
        np.testing.assert_array_equal(loaded.decision_function(problem.images), expected)
        fresh = clone(attack)
        with pytest.raises(NotFittedError):
            fresh.predict(problem.images)
        fresh.fit(problem.images, problem.target, generated=problem.generated)
        np.testing.assert_array_equal(fresh.decision_function(problem.images), expected)

    def test_html_shows_the_branches(self, attack):
        assert "texture" in attack._repr_html_()
