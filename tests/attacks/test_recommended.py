"""The recommended attack, and how it differs from the paper's."""

import joblib
import numpy as np
import pytest
import scipy.stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline as make_sklearn_pipeline
from sklearn.preprocessing import StandardScaler

from gan_isi import MembershipClassifier, datasets, make_pipeline
from gan_isi.descriptors import CLASSICAL_FAMILIES
from gan_isi.plotting.attack import families_of


def problem_of(memorization, n=40):
    return datasets.make_membership_problem(
        n, n_generated=60, image_size=32, memorization=memorization, random_state=1
    )


@pytest.fixture(scope="module")
def problem():
    return problem_of(0.95)


@pytest.fixture(scope="module")
def fitted(problem):
    attack = make_pipeline(preset="recommended", families=["statistical"], n_levels=16)
    return attack.fit(problem.images, problem.target, generated=problem.generated)


def test_the_paper_is_the_default():
    steps = dict(make_pipeline().steps)
    assert list(steps) == ["descriptors", "distances", "membership"]
    assert isinstance(steps["membership"], MembershipClassifier)


def test_two_numbers_a_view_and_a_family(fitted):
    assert list(fitted.named_steps) == ["distances", "summary", "membership"]
    assert fitted.named_steps["distances"].n_maps_ == 5 + 3
    names = list(fitted.named_steps["summary"].get_feature_names_out())
    assert names == [f"group{i}_{s}" for i in range(6) for s in ("closest1", "contrast50")]


@pytest.mark.parametrize("families", [CLASSICAL_FAMILIES, ("gaussian", "statistical"), ("deep",)])
def test_families_are_grouped_by_themselves(families):
    attack = make_pipeline(preset="recommended", families=families)
    sizes = [len(one.map_names) for one in families_of(attack)]
    assert attack.named_steps["summary"].map_groups == tuple(sizes)


def test_the_rule_is_the_mean_contrast_of_two_views(problem, fitted):
    scale, add, _ = (step for _, step in fitted.named_steps["membership"].steps)
    bags = fitted[:1].transform(problem.images)
    columns = np.split(bags, 5 + 3, axis=2)
    contrasts = []
    for number in (2, 3):  # with normalised local contrast, and by SSIM
        ordered = np.sort(columns[number][:, :, 0].astype(float), axis=1)
        contrasts.append(np.log(ordered[:, 0] / ordered[:, 1:51].mean(axis=1)))
    expected = 10 * scipy.stats.zscore(contrasts, axis=1).mean(axis=0)
    summaries = scale.transform(fitted[:2].transform(problem.images))
    added = add.transform(summaries)
    np.testing.assert_array_equal(added[:, :-1], summaries)
    np.testing.assert_allclose(added[:, -1], expected, rtol=1e-4, atol=1e-4)
    assert list(add.get_feature_names_out(["a"] * 12))[-2:] == ["a", "rule"]


def test_few_images_leave_it_to_the_rule():
    """Of a dozen images of which half are blurred copies, 18 free weights find less."""
    aucs = {"free": [], "leaning": []}
    for seed in range(8):
        problem = datasets.make_membership_problem(
            72, n_generated=40, image_size=32, memorization=0.5, random_state=seed
        )
        known = np.concatenate([np.flatnonzero(problem.target == label)[:6] for label in (0, 1)])
        held_out = np.setdiff1d(np.arange(72), known)
        free = make_sklearn_pipeline(StandardScaler(), LogisticRegression())
        for name, estimator in (("free", free), ("leaning", None)):
            attack = make_pipeline(
                preset="recommended", families=["statistical"], n_levels=8, estimator=estimator
            )
            attack.fit(problem.images[known], problem.target[known], generated=problem.generated)
            scores = attack.decision_function(problem.images[held_out])
            aucs[name].append(roc_auc_score(problem.target[held_out], scores))
    assert np.mean(aucs["leaning"]) > np.mean(aucs["free"]) + 0.03


def test_a_rule_of_other_columns_is_refused(problem):
    attack = make_pipeline(preset="recommended", families=["statistical"], n_levels=16)
    attack.set_params(distances__pixels_none="drop", summary__map_groups=(1, 1, 1, 1, -1))
    with pytest.raises(ValueError, match="is of 12 summaries, and here are 10"):
        attack.fit(problem.images, problem.target, generated=problem.generated)
    attack.set_params(membership__functiontransformer="passthrough")
    attack.fit(problem.images, problem.target, generated=problem.generated)
    assert attack.predict_proba(problem.images).shape == (40, 2)


def test_finds_what_the_generator_repeats(problem):
    attack = make_pipeline(preset="recommended", families=["statistical"], n_levels=16)
    params = {"generated": (problem.generated,)}
    scores = cross_val_predict(
        attack, problem.images, problem.target, cv=4, method="decision_function", params=params
    )
    assert roc_auc_score(problem.target, scores) > 0.9


@pytest.mark.parametrize(
    ("moved", "memorization", "families"),
    [
        # Noisy copies, of which textures see little: the mirrored view does.
        (lambda images: images[:, :, ::-1], 0.95, ["gabor"]),
        # Exact ones: of all families and views, one is not lost by turning them.
        (lambda images: np.rot90(images, axes=(1, 2)), 1.0, ["statistical", "gabor"]),
    ],
    ids=["mirrored", "turned"],
)
def test_finds_copies_that_were_moved(moved, memorization, families):
    problem = problem_of(memorization)
    attack = make_pipeline(preset="recommended", families=families, n_levels=16)
    params = {"generated": (moved(problem.generated).copy(),)}
    scores = cross_val_predict(
        attack, problem.images, problem.target, cv=4, method="decision_function", params=params
    )
    assert roc_auc_score(problem.target, scores) > 0.9


@pytest.mark.slow
def test_finds_nothing_where_there_is_nothing():
    aucs = []
    for seed in range(6):
        null = datasets.make_membership_problem(
            40, n_generated=60, image_size=32, memorization=0.0, random_state=seed
        )
        attack = make_pipeline(preset="recommended", families=["statistical"], n_levels=16)
        attack.fit(null.images[:20], null.target[:20], generated=null.generated)
        scores = attack.decision_function(null.images[20:])
        aucs.append(roc_auc_score(null.target[20:], scores))
    assert 0.3 < np.mean(aucs) < 0.7  # three standard errors of six AUCs of 10 by 10


def test_retarget_and_pickle(problem, fitted, tmp_path):
    other = fitted.retarget(problem.generated[:30])
    assert other.n_generated_ == 30
    assert fitted.n_generated_ == 60
    joblib.dump(other, tmp_path / "attack.joblib")
    np.testing.assert_array_equal(
        joblib.load(tmp_path / "attack.joblib").predict_proba(problem.images),
        other.predict_proba(problem.images),
    )
    assert not np.array_equal(
        other.predict_proba(problem.images), fitted.predict_proba(problem.images)
    )


def test_in_a_grid_search_with_another_classifier(problem):
    attack = make_pipeline(
        preset="recommended",
        families=["statistical"],
        n_levels=16,
        estimator=LogisticRegression(max_iter=1000),
    )
    grid = {"membership__C": [0.1, 10], "distances__pixels_local": ["drop"], "summary__map_groups":
            [(1, 1, 1, 1, -1)]}  # fmt: skip
    search = GridSearchCV(attack, grid, cv=2, error_score="raise")
    search.fit(problem.images, problem.target, generated=(problem.generated,))
    assert search.best_estimator_.named_steps["distances"].n_maps_ == 4 + 3


@pytest.mark.parametrize("preset", ["paper", "recommended"])
def test_tiles(preset, problem):
    """As many maps as without, and distances that see where texture is."""
    whole, tiled = (
        make_pipeline(preset=preset, families=["statistical"], n_levels=8, grid=grid).fit(
            problem.images, problem.target, generated=problem.generated
        )
        for grid in (1, 4)
    )
    steps = list(whole.named_steps)
    before = steps.index("distances") + 1
    upside_down = problem.generated[:, ::-1].copy()
    bags = [
        each.retarget(upside_down)[:before].transform(problem.generated) for each in (whole, tiled)
    ]
    assert bags[0].shape == bags[1].shape
    # All three windows see the same upside down, as long as nobody asks where.
    assert np.diagonal(bags[0][:, :, -3:]).max() < 1e-5
    assert np.diagonal(bags[1][:, :, -3:]).mean() > 1e-2
    assert tiled.predict_proba(problem.images).shape == (40, 2)


@pytest.mark.parametrize(
    "parameter",
    [{"fusion": "max"}, {"max_pairs": 10}, {"calibrate_fusion": True}, {"random_state": 0}],
)
def test_parameters_of_pairs_are_refused(parameter):
    with pytest.raises(ValueError, match=f"not pairs: {next(iter(parameter))} would do nothing"):
        make_pipeline(preset="recommended", **parameter)


def test_unknown_preset():
    with pytest.raises(ValueError, match="preset has to be 'paper' or 'recommended'; got 'best'"):
        make_pipeline(preset="best")


def test_the_reading_of_the_folds_reaches_the_classifier():
    assert make_pipeline().named_steps["membership"].folds == "refit"
    assert make_pipeline(folds="average").named_steps["membership"].folds == "average"
    with pytest.raises(ValueError, match="folds would do nothing"):
        make_pipeline(preset="recommended", folds="average")
