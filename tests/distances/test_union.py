"""Several distances side by side, alone and as a step of the attack."""

import joblib
import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict

from gan_isi import (
    DescriptorUnion,
    DistanceUnion,
    MembershipClassifier,
    PairwiseDistanceTransformer,
    PairwiseWassersteinTransformer,
    PixelDescriptor,
    SourceIdentificationPipeline,
    StatisticalDescriptor,
    datasets,
)
from gan_isi._validation.blocks import Block
from gan_isi.baselines import DensityRatio, NearestGenerated


def pixel_view(include_real=False, **parameters):
    return PairwiseDistanceTransformer(include_real=include_real, families="pixels", **parameters)


def texture_view(include_real=False):
    return PairwiseWassersteinTransformer(include_real=include_real)


def make_union(include_real=False):
    return DistanceUnion(
        [("near", pixel_view(include_real)), ("texture", texture_view(include_real))]
    )


def make_families():
    return DescriptorUnion(
        [("pixels", PixelDescriptor(size=16)), ("statistical", StatisticalDescriptor())],
        n_levels=8,
    )


@pytest.fixture(scope="module")
def problem():
    return datasets.make_membership_problem(24, n_generated=10, image_size=32, random_state=0)


@pytest.fixture(scope="module")
def described(problem):
    """What describes the queries and the generated images, and which columns are which."""
    descriptors = make_families().fit(problem.images)
    rows = [descriptors.transform(images) for images in (problem.images, problem.generated)]
    return *rows, descriptors.blocks_


@pytest.fixture
def attack(problem):
    return an_attack(problem, make_union(), NearestGenerated())


def an_attack(problem, distances, membership):
    steps = [
        ("descriptors", make_families()),
        ("distances", distances),
        ("membership", membership),
    ]
    return SourceIdentificationPipeline(steps, generated=problem.generated)


class TestUnion:
    def test_is_its_views_by_hand(self, problem, described):
        queries, generated, blocks = described
        union = make_union().fit(queries, generated=generated, blocks=blocks)
        bags = union.transform(queries)
        parts = []
        for family, distances in (
            (PixelDescriptor(size=16), PairwiseDistanceTransformer()),
            (StatisticalDescriptor(n_levels=8), PairwiseWassersteinTransformer(n_levels=8)),
        ):
            own = family.fit_transform(problem.images)
            distances.fit(own, generated=family.transform(problem.generated))
            parts.append(distances.transform(own))
        np.testing.assert_array_equal(bags, np.concatenate(parts, axis=2))
        assert (union.n_generated_, union.n_maps_, union.n_real_) == (10, 4, 0)
        textures = tuple(f"statistical_{name}" for name in ("range", "std", "entropy"))
        assert union.blocks_ == [Block("near", ("near",)), Block("statistical", textures)]
        assert list(union.get_feature_names_out()) == ["near", *textures]

    def test_fit_transform_is_the_same(self, described):
        queries, generated, blocks = described
        union = make_union()
        at_once = union.fit_transform(queries, generated=generated, blocks=blocks)
        np.testing.assert_array_equal(at_once, union.transform(queries))

    def test_without_blocks_every_view_compares_all_columns(self, rng):
        rows = rng.random((9, 5))
        union = DistanceUnion(
            [
                ("near", PairwiseDistanceTransformer()),
                ("direction", PairwiseDistanceTransformer("cosine")),
            ]
        ).fit(rows)
        assert union.transform(rows).shape == (9, 9, 2)
        assert union.n_features_in_ == 5
        assert union.retarget(rows[:4]).transform(rows).shape == (9, 4, 2)

    def test_leaves_the_views_it_was_given_unfitted(self, described):
        queries, generated, blocks = described
        union = make_union().fit(queries, generated=generated, blocks=blocks)
        for _, view in union.transformer_list:
            assert not hasattr(view, "reference_")

    def test_parameters_by_name(self, described):
        queries, _, blocks = described
        union = make_union().set_params(near__metric="cosine", texture__n_jobs=2)
        assert union.get_params()["near__metric"] == "cosine"
        assert union.get_params()["texture__n_jobs"] == 2
        union = make_union().set_params(near="drop").fit(queries, blocks=blocks)
        assert [(block.name, len(block.maps)) for block in union.blocks_] == [
            ("near", 0), ("statistical", 3),
        ]  # fmt: skip

    def test_a_view_without_families_is_left_out(self, problem, described):
        queries = described[0]
        descriptors = make_families().set_params(pixels="drop").fit(problem.images)
        rows = descriptors.transform(problem.images)
        left = make_union().fit(rows, blocks=descriptors.blocks_)
        assert [name for name, _ in left.transformers_] == ["texture"]
        np.testing.assert_array_equal(rows, queries[:, 16 * 16 :])

    def test_retarget_leaves_the_original(self, described):
        queries, generated, blocks = described
        union = make_union().fit(queries, generated=generated, blocks=blocks)
        before = union.transform(queries)
        other = union.retarget(generated[:3])
        assert (union.n_generated_, other.n_generated_) == (10, 3)
        np.testing.assert_array_equal(union.transform(queries), before)
        np.testing.assert_array_equal(other.transform(queries), before[:, :3])

    def test_real_images(self, described):
        queries, generated, blocks = described
        union = make_union(include_real=True)
        assert union.include_real
        bags = union.fit_transform(queries, generated=generated, blocks=blocks)
        assert bags.shape == (24, 10 + 24, 4)
        assert union.n_real_ == 24
        np.testing.assert_array_equal(
            np.isnan(bags[:, 10:]), np.broadcast_to(np.eye(24, dtype=bool)[:, :, None], (24, 24, 4))
        )
        assert not np.isnan(bags[:, :10]).any()

    def test_what_one_view_takes_for_the_query_is_missing_in_all(self, photographs):
        images = photographs / 255
        images[1] = images[0] / 2  # the same but for exposure
        contrasts = ("none", "global")
        descriptors = DescriptorUnion(
            [(name, PixelDescriptor(size=16, contrast=name)) for name in contrasts]
        ).fit(images)
        union = DistanceUnion(
            [
                (f"by_{name}", PairwiseDistanceTransformer(families=name, include_real=True))
                for name in contrasts
            ]
        )
        rows = descriptors.transform(images)
        bags = union.fit_transform(rows, generated=rows[:2], blocks=descriptors.blocks_)
        missing = np.isnan(bags)
        expected = np.eye(12, dtype=bool)
        expected[[0, 1], [1, 0]] = True
        np.testing.assert_array_equal(missing[:, 2:].all(axis=2), expected)
        np.testing.assert_array_equal(missing[:, 2:].any(axis=2), expected)


class TestErrors:
    def test_real_images_in_some_views_only(self, described):
        union = DistanceUnion([("a", pixel_view(True)), ("b", texture_view())])
        with pytest.raises(ValueError, match=r"same include_real; got {'a': True, 'b': False}"):
            union.fit(described[0], blocks=described[2])

    def test_no_view_is_left(self, problem, described):
        for union in (make_union().set_params(near="drop", texture="drop"), DistanceUnion([])):
            with pytest.raises(ValueError, match="All parts are dropped"):
                union.fit(described[0], blocks=described[2])
        dropped = [block._replace(maps=()) for block in described[2]]
        with pytest.raises(ValueError, match="All families that the views compare are dropped"):
            make_union().fit(described[0], blocks=dropped)

    def test_no_pairwise_transformer(self, described):
        with pytest.raises(TypeError, match=r"view 'pixels'.*got PixelDescriptor"):
            DistanceUnion([("pixels", PixelDescriptor())]).fit(described[0])

    def test_names(self, described):
        view = PairwiseDistanceTransformer()
        with pytest.raises(ValueError, match="unique"):
            DistanceUnion([("a", view), ("a", view)]).fit(described[0])
        union = make_union()
        union.transformer_list[0] = ("statistical", pixel_view())
        with pytest.raises(ValueError, match=r"Views and families need different names; got \['s"):
            union.fit(described[0], blocks=described[2])

    def test_a_family_that_nobody_describes(self, described):
        union = DistanceUnion([("a", PairwiseDistanceTransformer(families="pixles"))])
        message = r"the family 'pixles'.*none of this name; they have \['pixels', 'statistical'\]"
        with pytest.raises(ValueError, match=message):
            union.fit(described[0], blocks=described[2])
        with pytest.raises(ValueError, match="can be told apart in an attack only"):
            union.fit(described[0])

    def test_before_fit(self, described):
        with pytest.raises(NotFittedError):
            make_union().transform(described[0])
        with pytest.raises(NotFittedError):
            make_union().retarget(described[1])
        assert not hasattr(make_union(), "n_generated_")


class TestInTheAttack:
    def test_predicts_and_retargets(self, attack, problem):
        attack.fit(problem.images, problem.target)
        assert attack.predict_proba(problem.images).shape == (24, 2)
        assert attack.n_generated_ == 10
        other = attack.retarget(problem.generated[:3])
        assert (attack.n_generated_, other.n_generated_) == (10, 3)
        by_hand = attack[:-1].transform(problem.images)[:, :3]
        np.testing.assert_array_equal(
            other.decision_function(problem.images),
            attack["membership"].decision_function(by_hand),
        )

    def test_little_working_memory_changes_no_bit(self, attack, problem):
        attack.fit(problem.images, problem.target)
        expected = attack.decision_function(problem.images)
        with config_context(working_memory=0.002):
            np.testing.assert_array_equal(attack.decision_function(problem.images), expected)
            np.testing.assert_array_equal(attack.decision_function(list(problem.images)), expected)

    def test_search_over_views(self, attack, problem):
        grid = {
            "distances__near": ["drop", pixel_view(metric="cityblock")],
            "membership__n_neighbors": [1, 2],
        }
        search = GridSearchCV(attack, grid, cv=2, error_score="raise")
        search.fit(problem.images, problem.target)
        assert len(search.cv_results_["params"]) == 4

    def test_of_pairs(self, attack, problem):
        attack.set_params(membership=MembershipClassifier())
        attack.fit(problem.images, problem.target)
        assert attack.predict_pair_proba(problem.images).shape == (24, 10)

    def test_with_real_images(self, problem):
        attack = an_attack(problem, make_union(include_real=True), DensityRatio())
        answers = cross_val_predict(attack, problem.images, problem.target, cv=3)
        assert answers.shape == (24,)

    def test_pickle_and_clone(self, attack, problem, tmp_path):
        attack.fit(problem.images, problem.target)
        joblib.dump(attack, tmp_path / "attack.joblib")
        expected = attack.decision_function(problem.images)
        loaded = joblib.load(tmp_path / "attack.joblib")
        np.testing.assert_array_equal(loaded.decision_function(problem.images), expected)
        fresh = clone(attack)
        with pytest.raises(NotFittedError):
            fresh.predict(problem.images)
        fresh.fit(problem.images, problem.target)
        np.testing.assert_array_equal(fresh.decision_function(problem.images), expected)

    def test_html_shows_the_views(self, attack):
        assert "texture" in attack._repr_html_()
