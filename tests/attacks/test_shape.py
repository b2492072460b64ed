"""Every attack has three steps; families, views and parameters can be changed in each alike."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from sklearn.pipeline import make_pipeline as make_sklearn_pipeline
from sklearn.preprocessing import StandardScaler

from gan_isi import (
    BaseDescriptor,
    GaborDescriptor,
    PairwiseDistanceTransformer,
    PairwiseWassersteinTransformer,
    PixelDescriptor,
    SourceIdentificationPipeline,
    datasets,
    make_descriptors,
    make_pipeline,
)
from gan_isi.attacks import ATTACKS
from gan_isi.descriptors import CLASSICAL_FAMILIES

VIEWS = ("pixels", "pixels_local", "dihedral", "poses", "tiles", "whitened", "texture")
PIXELS = ("pixels", "pixels_local", "pixels_small", "pixels_tiny")


class Mean(BaseDescriptor):
    """A family of one's own."""

    def compute_maps(self, image):
        return [image]


@pytest.fixture(scope="module")
def problem():
    return datasets.make_membership_problem(24, n_generated=12, image_size=32, random_state=0)


def small(name, problem, **options):
    few = {"families": ["statistical", "steerable"], "n_levels": 8}
    options = (few if name in ("paper", "recommended") else {}) | options
    attack = make_pipeline(name, generated=problem.generated, **options)
    if name == "recommended":  # of which few poses are enough here
        attack.set_params(distances__poses__angles=(0,), distances__poses__zooms=(1,))
    return attack


def fitted(attack, problem, **options):
    return attack.fit(problem.images, problem.target, **options)


def names_of(attack):
    return [block.name for block in attack.blocks_ if block.maps]


@pytest.mark.parametrize("name", ATTACKS)
class TestEveryAttack:
    def test_has_the_three_steps(self, name, problem):
        attack = small(name, problem)
        assert type(attack) is SourceIdentificationPipeline
        assert list(attack.named_steps) == ["descriptors", "distances", "membership"]
        assert attack.compares == (name != "blind")
        assert type(attack[:-1]) is Pipeline

    def test_names_flow_from_the_families_to_the_classifier(self, name, problem):
        attack = fitted(small(name, problem), problem)
        names = list(attack[:-1].get_feature_names_out())
        found = attack[:-1].transform(problem.images[:2])
        assert len(names) == found.shape[-1]
        if name == "blind":
            assert names == list(attack["descriptors"].get_feature_names_out())
            assert attack.blocks_ is None
        else:
            assert names == [one for block in attack.blocks_ for one in block.maps]
            assert attack.n_generated_ == 12

    def test_understands_groups(self, name, problem):
        patients = [f"p{number // 2}" for number in range(24)]
        answers = [
            fitted(small(name, problem), problem, **given).predict_proba(problem.images)
            for given in ({}, {"groups": patients})
        ]
        assert np.array_equal(*answers) == (name != "paper")  # which calibrates in folds
        with pytest.raises(ValueError, match="groups has 3 entries for 24 images"):
            fitted(small(name, problem), problem, groups=patients[:3])

    @pytest.mark.parametrize(
        ("parameter", "values"),
        [("n_levels", [4, 8]), ("grid", [1, 2]), ("cells", ["fine_tails", "equal"]),
         ("intensity_range", ["dtype", (0, 200)])],
    )  # fmt: skip
    def test_has_one_place_for_a_shared_parameter(self, name, parameter, values, problem):
        attack = small(name, problem)
        places = [
            key
            for key in attack.get_params()
            if key.rpartition("__")[2] == parameter and key != "distances__n_levels"
            and not key.startswith("distances__texture__")
        ]  # fmt: skip
        assert places == [f"descriptors__{parameter}"]
        search = GridSearchCV(attack, {places[0]: values}, cv=2, error_score="raise")
        fitted(search, problem)
        best = search.best_estimator_["descriptors"]
        family = best.transformers_[-1][1]
        if hasattr(family, parameter):
            assert getattr(family, parameter) == getattr(best, parameter)

    def test_another_family(self, name, problem):
        if name == "blind":
            attack = small(name, problem).set_params(descriptors__pixels=GaborDescriptor())
        else:
            families = [("texture", GaborDescriptor(wavelengths=[4])), ("own", Mean())]
            attack = small(name, problem).set_params(descriptors__transformer_list=families)
            view = PairwiseWassersteinTransformer(
                include_real=getattr(attack["distances"], "include_real", False)
            )
            attack.set_params(distances=view)
            if name == "recommended":
                attack.set_params(membership__rule=())
        fitted(attack, problem)
        assert attack.predict_proba(problem.images).shape == (24, 2)
        if name != "blind":
            assert names_of(attack) == ["texture", "own"]

    def test_other_steps_are_refused(self, name, problem):
        attack = small(name, problem)
        attack.steps.insert(2, ("scale", StandardScaler()))
        message = r"the steps descriptors, distances, membership; got .*scale.*transform_input"
        with pytest.raises(ValueError, match=message):
            fitted(attack, problem)

    def test_a_family_is_added_by_its_name_in_a_grid(self, name, problem):
        attack, gabor = small(name, problem), GaborDescriptor(wavelengths=[4])
        grid = {"descriptors__gabor": ["drop", gabor]}
        search = fitted(GridSearchCV(attack, grid, cv=2, error_score="raise"), problem)
        families = attack["descriptors"].transformer_list
        assert "gabor" not in dict(families)
        best = dict(search.best_estimator_["descriptors"].transformer_list)["gabor"]
        assert (best == "drop") == (search.best_index_ == 0)
        listed = clone(attack).set_params(
            descriptors__transformer_list=[*families, ("gabor", gabor)]
        )
        added = attack.set_params(descriptors__gabor=gabor, descriptors__gabor__bandwidth=1)
        answers = [fitted(one, problem).predict_proba(problem.images) for one in (added, listed)]
        np.testing.assert_array_equal(*answers)


class TestFamilies:
    @pytest.mark.parametrize("name", ["paper", "recommended"])
    @pytest.mark.parametrize("family", CLASSICAL_FAMILIES)
    def test_each_can_be_dropped_in_a_grid(self, name, family, problem):
        attack = small(name, problem, families=CLASSICAL_FAMILIES)
        search = GridSearchCV(
            attack, {f"descriptors__{family}": ["drop"]}, cv=2, error_score="raise"
        )
        left = fitted(search, problem).best_estimator_
        expected = [one for one in CLASSICAL_FAMILIES if one != family]
        assert [one for one in names_of(left) if one in CLASSICAL_FAMILIES] == expected
        built = fitted(small(name, problem, families=expected), problem)
        np.testing.assert_array_equal(
            left.predict_proba(problem.images), built.predict_proba(problem.images)
        )

    @pytest.mark.parametrize("family", PIXELS)
    def test_pixels_take_their_views_with_them(self, family, problem):
        attack = small("recommended", problem).set_params(**{f"descriptors__{family}": "drop"})
        names = names_of(fitted(attack, problem))
        gone = {
            "pixels": {"pixels"},
            "pixels_local": {"pixels_local", "dihedral", "tiles"},
            "pixels_small": {"poses"},
            "pixels_tiny": {"whitened"},
        }[family]
        assert names == [one for one in VIEWS[:-1] if one not in gone] + [
            "statistical",
            "steerable",
        ]

    @pytest.mark.parametrize("name", ["paper", "recommended"])
    def test_one_is_left(self, name, problem):
        attack = small(name, problem)
        families = [one for one, _ in attack["descriptors"].transformer_list]
        attack.set_params(**{f"descriptors__{one}": "drop" for one in families[:-1]})
        assert names_of(fitted(attack, problem)) == ["steerable"]

    def test_all_textures_may_go(self, problem):
        attack = small("recommended", problem)
        attack.set_params(descriptors__statistical="drop", descriptors__steerable="drop")
        assert names_of(fitted(attack, problem)) == list(VIEWS[:-1])

    @pytest.mark.parametrize("name", ["paper", "recommended"])
    def test_one_is_added_and_changed(self, name, problem):
        attack = small(name, problem)
        families = [*attack["descriptors"].transformer_list, ("own", Mean())]
        attack.set_params(descriptors__transformer_list=families)
        attack.set_params(descriptors__steerable__sigma=2.0)
        fitted(attack, problem)
        assert names_of(attack)[-3:] == ["statistical", "steerable", "own"]
        assert attack["descriptors"].transformers_[-2][1].sigma == 2
        assert attack["descriptors"].transformers_[-1][1].n_levels == 8
        assert attack[:-1].get_feature_names_out()[-1] == "mean_0"


class TestViews:
    @pytest.mark.parametrize("view", VIEWS)
    def test_each_can_be_dropped_in_a_grid(self, view, problem):
        search = GridSearchCV(
            small("recommended", problem), {f"distances__{view}": ["drop"]}, cv=2,
            error_score="raise",
        )  # fmt: skip
        best = fitted(search, problem).best_estimator_
        textures = [] if view == "texture" else ["statistical", "steerable"]
        assert names_of(best) == [one for one in VIEWS[:-1] if one != view] + textures

    @pytest.mark.parametrize("view", VIEWS)
    def test_one_is_left(self, view, problem):
        attack = small("recommended", problem)
        attack.set_params(**{f"distances__{one}": "drop" for one in VIEWS if one != view})
        fitted(attack, problem)
        assert names_of(attack) == (["statistical", "steerable"] if view == "texture" else [view])
        in_the_rule = view in ("dihedral", "poses", "tiles")
        assert ("rule" in attack["membership"].row_names_) == in_the_rule
        assert attack.predict_proba(problem.images).shape == (24, 2)

    def test_several_are_dropped_at_once(self, problem):
        attack = small("recommended", problem, families=CLASSICAL_FAMILIES)
        attack.set_params(descriptors__gabor="drop", distances__tiles="drop")
        attack.set_params(distances__pixels_local="drop")
        fitted(attack, problem)
        assert names_of(attack) == ["pixels", "dihedral", "poses", "whitened", "statistical",
                                    "steerable", "gaussian"]  # fmt: skip

    def test_the_rule_follows_the_views_that_are_left(self, problem):
        whole = fitted(small("recommended", problem), problem)
        less = fitted(small("recommended", problem).set_params(distances__dihedral="drop"), problem)

        def columns(attack):
            membership = attack["membership"]
            return [membership.row_names_[number] for number in membership.rule_columns_]

        assert columns(whole) == ["dihedral_contrast50", "poses_contrast50", "tiles_contrast50"]
        assert columns(less) == ["poses_contrast50", "tiles_contrast50"]
        # A view before them moves their columns and changes nothing else.
        other = small("recommended", problem).set_params(distances__pixels="drop")
        assert columns(fitted(other, problem)) == columns(whole)
        bags = [attack[:-1].transform(problem.images) for attack in (whole, other)]
        np.testing.assert_array_equal(bags[0][:, :, 1:], bags[1])
        rows = [a["membership"].summaries(b) for a, b in zip((whole, other), bags, strict=True)]
        np.testing.assert_allclose(rows[0][:, 2:], rows[1])

    def test_one_is_added_by_its_name(self, problem):
        attack = small("recommended", problem)
        views = attack["distances"].transformer_list
        attack.set_params(distances__both=PairwiseDistanceTransformer("cosine", families="pixels"))
        attack.set_params(distances__pixels="drop")
        assert names_of(fitted(attack, problem))[-1] == "both"
        assert len(views) == 7
        with pytest.raises(ValueError, match="Invalid parameter 'bath'"):
            attack.set_params(distances__bath="drop")

    def test_one_is_added_and_changed(self, problem):
        attack = small("recommended", problem)
        view = PairwiseDistanceTransformer("cosine", families=["pixels", "pixels_local"])
        attack["distances"].transformer_list.append(("both", view))
        attack.set_params(distances__pixels__metric="cityblock")
        fitted(attack, problem)
        assert names_of(attack)[-1] == "both"
        rows = attack["descriptors"].transform(problem.images)
        reference = attack["descriptors"].transform(problem.generated)
        bags = attack["distances"].transform(rows)
        by_hand = np.abs(rows[:, None, :4096] - reference[:, :4096]).mean(axis=2)
        np.testing.assert_allclose(bags[:, :, 0], by_hand, rtol=1e-4)


class TestErrors:
    def test_a_misspelt_family(self, problem):
        attack = small("recommended", problem).set_params(distances__tiles__families="pixles")
        with pytest.raises(ValueError, match=r"family 'pixles', and the descriptors have none"):
            fitted(attack, problem)
        with pytest.raises(ValueError, match="Invalid parameter 'gabour'"):
            attack.set_params(descriptors__gabour="drop")

    def test_textures_under_the_name_of_a_view(self, problem):
        attack = small("recommended", problem).set_params(descriptors__pixels=Mean())
        with pytest.raises(ValueError, match=r"different names; got .*another one, or drop it"):
            fitted(attack, problem)

    def test_distances_of_texture_maps_without_any(self, problem):
        attack = small("nearest", problem).set_params(distances=PairwiseWassersteinTransformer())
        with pytest.raises(ValueError, match=r"of \['pixels'\] .* none has texture maps, which"):
            fitted(attack, problem)

    def test_a_rule_without_its_views(self, problem):
        attack = small("recommended", problem)
        attack.set_params(distances=PairwiseDistanceTransformer(families="pixels"))
        with pytest.raises(ValueError, match=r"'dihedral'; there are .*or membership__rule=\(\)"):
            fitted(attack, problem)

    def test_a_family_that_is_no_descriptor(self, problem):
        attack = small("paper", problem).set_params(descriptors__steerable=StandardScaler())
        with pytest.raises(TypeError, match=r"'steerable' has to be a descriptor.*StandardScaler"):
            fitted(attack, problem)

    def test_pixels_are_no_maps(self, problem):
        attack = small("paper", problem)
        attack.set_params(distances__families=["pixels", "statistical"])
        families = [("pixels", PixelDescriptor()), *attack["descriptors"].transformer_list]
        attack.set_params(descriptors__transformer_list=families)
        with pytest.raises(ValueError, match=r"same number of columns; got {'pixels': 4096, 'st"):
            fitted(attack, problem)

    def test_names_that_are_not_there(self):
        with pytest.raises(
            ValueError, match=r"name has to be one of \['recommended', 'paper'.*'best'"
        ):
            make_pipeline("best")
        with pytest.raises(ValueError, match=r"representation has to be one of.*got 'words'"):
            make_pipeline("nearest", representation="words")
        with pytest.raises(ValueError, match=r"'statistical', 'gabor'.*; got \['gabour'\]"):
            make_descriptors("gabour")

    @pytest.mark.parametrize(
        ("name", "parameter"),
        [
            ("recommended", {"fusion": "max"}),
            ("recommended", {"max_pairs": 10}),
            ("recommended", {"calibrate_fusion": True}),
            ("recommended", {"folds": "average"}),
            ("recommended", {"representation": "ssim"}),
            ("paper", {"representation": "ssim"}),
            ("nearest", {"estimator": GaussianNB()}),
            ("nearest", {"n_levels": 8}),
            ("blind", {"families": ["gabor"]}),
        ],
    )
    def test_parameters_that_would_do_nothing(self, name, parameter):
        (key,) = parameter
        with pytest.raises(ValueError, match=f"attack '{name}' does not take {key}, which would"):
            make_pipeline(name, **parameter)


def test_a_foreign_classifier_and_foreign_descriptors(problem):
    """What a user writes needs none of our names."""

    class Closest(LogisticRegression):
        def fit(self, bags, y):
            return super().fit(bags.min(axis=1), y)

        def predict_proba(self, bags):
            return super().predict_proba(bags.min(axis=1))

    attack = small("paper", problem).set_params(membership=Closest(), descriptors=Mean(n_levels=4))
    assert fitted(attack, problem).predict_proba(problem.images).shape == (24, 2)
    blind = small("blind", problem)
    blind.set_params(membership=make_sklearn_pipeline(StandardScaler(), GaussianNB()))
    assert fitted(blind, problem, groups=np.arange(24)).predict(problem.images).shape == (24,)


def test_the_classifier_of_every_learning_attack_is_reached_by_name():
    for name, parameter in (("paper", "svc__C"), ("recommended", "C")):
        assert f"membership__estimator__{parameter}" in make_pipeline(name).get_params()
