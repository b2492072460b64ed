"""An audit that was killed goes on where it stopped, to the same bits."""

import functools

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from gan_isi import audit, datasets, make_pipeline
from gan_isi._runtime.store import Store
from gan_isi.audit import crossfit
from gan_isi.audit.record import as_json


@pytest.fixture(scope="module")
def problem():
    return datasets.make_membership_problem(
        24, n_generated=12, memorization=0.9, image_size=16, random_state=0
    )


@pytest.fixture
def refits(monkeypatch):
    """Count the permutations that are computed."""
    counts = []
    once = crossfit._in_one_thread
    monkeypatch.setattr(
        crossfit, "_in_one_thread", lambda *given: counts.append(given[2]) or once(*given)
    )
    return counts


def run(problem, attack=None, **options):
    options = {"cv": 2, "n_permutations": 6, "n_resamples": 20, "random_state": 0} | options
    attacks = {"one": attack or make_pipeline("nearest"),
               "two": make_pipeline("relative_nearest")}  # fmt: skip
    result = audit.audit(
        attacks, problem.images[:20], problem.target[:20], generated=problem.generated, **options
    )
    return as_json(result.to_dict() | {"provenance": None})


@pytest.mark.parametrize("more", [False, True])
def test_what_was_computed_is_not_again(problem, tmp_path, refits, monkeypatch, more):
    more_of_all = {"candidates": problem.images[20:], "choose": True, "controls": True}
    options = more_of_all if more else {}
    expected = run(problem, **options)
    n_all = len(refits)
    refits.clear()
    once = crossfit._in_one_thread

    def killed(*given):
        if len(refits) == 5:
            raise KeyboardInterrupt
        return once(*given)

    with monkeypatch.context() as patch:
        patch.setattr(crossfit, "_in_one_thread", killed)
        with pytest.raises(KeyboardInterrupt):
            run(problem, memory=tmp_path, **options)
    assert run(problem, memory=tmp_path, **options) == expected
    assert len(refits) == n_all
    assert run(problem, memory=str(tmp_path), **options) == expected
    assert len(refits) == n_all


def test_more_permutations_begin_with_those_that_are_there(problem, tmp_path, refits):
    run(problem, memory=tmp_path)
    refits.clear()
    assert run(problem, memory=tmp_path, n_permutations=9) == run(problem, n_permutations=9)
    assert len(refits) == 3 * 3 + 3 * 9  # three attacks; the second run has no memory


@pytest.mark.parametrize(
    "change",
    [
        {"random_state": 1},
        {"cv": 3},
        {"cv": StratifiedKFold(2, shuffle=True, random_state=3)},
        {"n_repeats": 2},
        {"groups": np.repeat(np.arange(10), 2) + 100 * (np.arange(20) % 2)},
        {"attack": make_pipeline("epsilon_ball")},
    ],
)
def test_what_changes_the_result_is_part_of_the_key(problem, tmp_path, change):
    run(problem, memory=tmp_path)
    assert run(problem, memory=tmp_path, **change) == run(problem, **change)


def test_functions_and_estimators_count_by_what_they_do(problem, tmp_path):
    def fused(power, scores):
        return np.mean(scores**power, axis=1)

    for power in (1, 3):
        attack = make_pipeline(
            families=["statistical"], n_levels=4, estimator=LogisticRegression(),
            fusion=functools.partial(fused, power),
        )  # fmt: skip
        assert run(problem, attack, memory=tmp_path) == run(problem, attack)


def test_attacks_that_cannot_be_told_apart_are_computed_each_time(tmp_path, refits):
    names = {"LogisticRegression": LogisticRegression, "__name__": "nowhere"}
    exec("class Lost(LogisticRegression): pass", names)
    with pytest.warns(UserWarning, match="Permutations are not kept"):
        crossfit.refit_often(
            lambda attack, rng: 1.0, (names["Lost"](),), 2, seed=0, n_jobs=None,
            progress=lambda n: None, store=Store(tmp_path),
        )  # fmt: skip
    assert len(refits) == 2
