"""Controls: what attacks find where there is nothing to find."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.model_selection import PredefinedSplit

from gan_isi.audit import Control, Estimate, audit
from gan_isi.audit.controls import HALVES, UNRELATED, in_halves
from gan_isi.audit.crossfit import Folds
from gan_isi.audit.judge import Judge
from gan_isi.audit.measures import Sampling
from gan_isi.audit.prepared import Answers


class Given:
    """An attack whose scores are given, and are the used images' only by chance."""

    bags = None

    def __init__(self, scores):
        self.scores = scores

    def answer(self, train, labels, test):
        return Answers(self.scores[test], self.scores[test] > 0)


def judge_of(labels, groups, seed, n_permutations):
    known = np.arange(len(labels))
    folds = Folds(known, known[:0], groups, 2, 1)
    sampling = Sampling(labels, groups, 10, 0.95, 0)
    return Judge(folds, (), sampling, n_permutations, (0, seed), None, None, None)


@pytest.mark.slow
@pytest.mark.parametrize("n_each", [1, 3])
def test_p_values_are_uniform(n_each):
    """Also where the images of a patient have nearly the same score."""
    rng = np.random.default_rng(n_each)
    labels = np.repeat([0, 1], 12 * n_each)
    groups = None if n_each == 1 else np.arange(len(labels)) // n_each
    found = []
    for seed in range(150):
        scores = np.repeat(rng.normal(size=24), n_each) + 0.1 * rng.normal(size=len(labels))
        controls = in_halves(judge_of(labels, groups, seed, 19), "given", Given(scores))
        assert [one.kind for one in controls] == list(HALVES.values())
        found += [one.p_value for one in controls]
    for level in (0.1, 0.25, 0.5, 0.75):
        below = int((np.array(found) <= level + 1e-9).sum())
        assert binomtest(below, len(found), level, "greater").pvalue > 0.01
        # The smaller of two p-values takes few values of 20: rather too large than too small.
        assert below / len(found) > level - 0.12


def test_halves_are_of_one_kind_and_of_whole_patients():
    labels, groups = np.repeat([0, 1], 20), np.arange(40) // 2
    asked = []

    class Asked(Given):
        def answer(self, train, called, test):
            asked.append((train, called, test))
            return super().answer(train, called, test)

    in_halves(judge_of(labels, groups, 0, 0), "given", Asked(np.arange(40.0)))
    for train, called, test in asked:
        assert len(set(labels[[*train, *test]])) == 1
        assert not set(groups[train]) & set(groups[test])
        for patient in set(groups[train]):
            assert len(set(called[groups[train] == patient])) == 1
    first = [one for one in asked if labels[one[0]][0] == 0]
    assert sorted(np.concatenate([test for *_, test in first])) == list(range(20))


def test_halves_are_held_out_in_folds_of_their_own():
    """Those of the audit may be given for its images."""
    judge = judge_of(np.repeat([0, 1], 10), None, 0, 0)
    given = replace(judge.plan, splitter=PredefinedSplit(np.arange(20) % 2))
    controls = in_halves(replace(judge, plan=given), "given", Given(np.arange(20.0)))
    assert [one.n_images for one in controls] == [10, 10]


@pytest.fixture(scope="module")
def audited(attack, world):
    real, used, generated = world(np.random.default_rng(0), n=60, n_generated=60)
    unrelated = np.random.default_rng(1).normal(size=(60, 8))
    options = {"generated": generated, "n_permutations": 19, "n_resamples": 10, "random_state": 0}
    found = audit(
        {"copies": attack()}, real, used, controls=True, unrelated_generated=unrelated, **options
    )
    again = audit({"copies": attack()}, real, used, unrelated_generated=generated, **options)
    return found, again


def test_they_are_quiet_where_the_audit_is_not(audited, stated):
    found, _ = audited
    assert found.attacks["copies"].p_value == 0.05
    kinds = [(one.kind, one.attack) for one in found.controls]
    expected = {(kind, name) for kind in HALVES.values() for name in ("copies", "blind")}
    assert set(kinds) == expected | {(UNRELATED, "copies")}
    said = stated(found.statements()["controls"])
    assert set(said) == {"controls_quiet", "unrelated_quiet"}
    least = min(one.p_value for one in found.controls if one.kind != UNRELATED)
    assert said["controls_quiet"] == {"n_controls": 4, "p_value": min(1, 4 * least)}


def test_images_of_the_same_generator_are_not_unrelated(audited, stated):
    _, again = audited
    (one,) = again.controls
    assert one.auc.value > 0.8
    assert stated(again.statements()["controls"])["unrelated_alarm"] == {
        "n_controls": 1, "p_value": 0.05, "attack": "copies",
    }  # fmt: skip


def test_a_false_alarm_is_told(audited, stated):
    found, _ = audited
    auc = Estimate(0.9, 0.8, 1.0, "made up")
    alarm = Control(HALVES[1], "copies", 30, auc, 0.001)
    said = stated(replace(found, controls=(*found.controls, alarm)).statements()["controls"])
    assert said["controls_alarm"] == {
        "n_controls": 5, "p_value": 0.005, "control": HALVES[1], "attack": "copies",
    }  # fmt: skip
    untested = replace(alarm, p_value=float("nan"))
    assert "controls_untested" in stated(
        replace(found, controls=(untested,)).statements()["controls"]
    )


def test_they_are_in_the_json_and_on_the_page(audited):
    found, _ = audited
    rows = json.loads(found.to_json())["controls"]
    assert [row["p_value"] for row in rows] == [one.p_value for one in found.controls]
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    page = found.to_html()
    assert "<h2>Controls</h2>" in page
    assert found.words()["controls"][0].split(":")[0] in page


def test_too_few_patients_have_no_halves():
    judge = judge_of(np.repeat([0, 1], [3, 9]), None, 0, 9)
    controls = in_halves(judge, "a", Given(np.arange(12.0)))
    assert [one.kind for one in controls] == [HALVES[1]]


def test_unrelated_images_of_another_scale_are_refused(photographs):
    used = np.arange(12) % 2
    unrelated = photographs[:, ::-1] / 4000
    with pytest.raises(ValueError, match=r"The same intensity .* unrelated generated images"):
        audit(
            "nearest", photographs, used, generated=photographs[:, ::-1], cv=2,
            unrelated_generated=unrelated, n_permutations=0,
        )  # fmt: skip


def test_no_attack_is_named_like_them(attack, world):
    real, used, generated = world(np.random.default_rng(0), n=40)
    with pytest.raises(ValueError, match="can't be named 'controls'"):
        audit({"controls": attack()}, real, used, generated=generated, n_permutations=0)
