"""Numbers that people ask for, against the same by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from gan_isi.audit import EpsilonBound, audit
from gan_isi.audit.epsilon import split_bound
from gan_isi.audit.measures import Sampling
from gan_isi.audit.prepared import Answers
from gan_isi.statistics import auc_upper_bound, conformal_p_values, epsilon_lower_bound

SITES = np.array(["north", "south", "east"])


@pytest.fixture(scope="module")
def asked(attack, world):
    """Patients of two rows each; of the site east there is one patient of a class only."""
    rng = np.random.default_rng(0)
    real, used, generated = world(rng, n=80, n_generated=100)
    patients = np.empty(80, dtype=object)
    for label in (0, 1):
        patients[used == label] = [f"{label}-{i // 2}" for i in range(40)]
    sites = SITES[rng.integers(0, 2, size=80)]
    sites[np.isin(patients, ["0-3"])] = "east"
    result = audit(
        {"copies": attack()}, real, used, generated=generated, groups=patients, prior=0.01,
        subgroups=sites, epsilon_by="copies", fprs=(0.1, 0.001), n_permutations=9,
        n_resamples=50, random_state=0,
    )  # fmt: skip
    return result, used, patients, sites


def test_a_predictive_value_is_a_count_in_a_million(asked):
    result, *_ = asked
    measures = result.attacks["copies"].measures
    recall, specificity = measures["recall"], measures["specificity"]
    found = measures["predictive value"]
    for end in ("value", "low", "high"):
        called = 10_000 * getattr(recall, end), 990_000 * (1 - getattr(specificity, end))
        assert_allclose(getattr(found, end), called[0] / sum(called))
    assert found.method == "bounds of recall and specificity, 90 % at least"
    at = measures["predictive value at FPR 0.1"]
    tpr = measures["TPR at FPR 0.1"]
    assert_allclose(at.value, 0.01 * tpr.value / (0.01 * tpr.value + 0.099))
    assert at.low < at.value < at.high
    assert np.isnan(measures["predictive value at FPR 0.001"].value)


def test_what_is_said_of_it(asked, stated):
    result, *_ = asked
    found = result.attacks["copies"].measures["predictive value"]
    assert stated(result.statements()["copies"])["predictive_value"] == {
        "percent": 1.0, "of_100": 100 * found.value, "low": 100 * found.low,
        "high": 100 * found.high,
    }  # fmt: skip
    nobody = replace(
        result.attacks["copies"],
        measures=result.attacks["copies"].measures
        | {"predictive value": replace(found, value=np.nan, low=np.nan, high=np.nan)},
    )
    other = replace(result, attacks=result.attacks | {"copies": nobody})
    assert "predictive_value_unknown" in stated(other.statements()["copies"])


def test_patients_count_once(asked):
    result, used, patients, _ = asked
    answers = result.attacks["copies"].answers
    frame = result.patients_to_frame("copies", patients)
    assert frame.patient.tolist() == list(dict.fromkeys(patients))
    assert (frame.n_images == 2).all()
    for row in frame.itertuples():
        own = patients == row.patient
        assert row.used == used[own][0]
        assert_allclose(row.score, answers.scores[0, own].mean())
        fold = answers.folds[0, own][0]
        others = frame[[answers.folds[0, patients == p][0] == fold for p in frame.patient]]
        assert_allclose(row.rank, ((others.score < row.score).sum() + 0.5) / len(others))
        null = others.score[~others.used & (others.patient != row.patient)]
        assert_allclose(row.conformal_p, conformal_p_values([row.score], null)[0])
    numbers = result.patients_to_frame("copies").patient
    assert_array_equal(numbers, [result.groups[patients == p][0] for p in frame.patient])


def test_subgroups_have_an_auc_of_their_own(asked):
    result, used, patients, sites = asked
    one = result.attacks["copies"]
    frame = result.subgroups_to_frame("copies").set_index("subgroup")
    assert list(frame.index) == ["east", "north", "south"]
    for site in ("north", "south"):
        own = sites == site
        in_order = pairs = 0.0
        for fold in range(5):
            part = own & (one.answers.folds[0] == fold)
            n_pairs = (used[part] == 1).sum() * (used[part] == 0).sum()
            if n_pairs:
                in_order += n_pairs * roc_auc_score(used[part], one.answers.scores[0, part])
            pairs += n_pairs
        row = frame.loc[site]
        assert_allclose(row.AUC, in_order / pairs)
        assert row.low < row.AUC <= row.high
        assert row.high - row.low > one.measures["AUC"].high - one.measures["AUC"].low
        assert row.n_used == (used[own] == 1).sum()
        assert row.patients_not_used == len(set(patients[own & (used == 0)]))
    assert np.isnan(frame.AUC["east"])
    assert frame.note["east"] == "no fold has a used and another image of it"
    few = result.subgroups_to_frame("copies", np.where(np.arange(80) < 16, "few", "many"))
    assert few.note.tolist() == ["fewer than 10 patients of a class", ""]


def test_the_whole_is_a_subgroup_of_itself(asked):
    result, *_ = asked
    whole = result.attacks["copies"].measures["AUC"]
    row = result.subgroups_to_frame("copies", ["all"] * 80).iloc[0]
    assert_allclose([row.AUC, row.low, row.high], [whole.value, whole.low, whole.high])


def test_at_most_is_the_upper_bound(asked):
    result, used, *_ = asked
    one = result.attacks["copies"]
    expected = auc_upper_bound(
        used, one.answers.scores[0], one.answers.folds[0], result.groups, null=one.null["AUC"]
    )
    assert one.auc_at_most == expected < one.measures["AUC"].high


def test_at_most_is_said_where_nothing_was_found(attack, world, stated):
    real, used, generated = world(np.random.default_rng(8), copied=False)
    options = {"generated": generated, "n_resamples": 10, "random_state": 0}
    result = audit(
        {"a": attack(), "b": attack(n_closest=(5,))}, real, used, n_permutations=19, **options
    )
    said = stated(result.statements()["audit"])
    bounds = [result.attacks[name].auc_at_most for name in "ab"]
    assert said["auc_at_most"] == {"auc": max(bounds), "confidence": 95}
    result = audit({"a": attack()}, real, used, n_permutations=0, **options)
    assert "auc_at_most" not in stated(result.statements()["audit"])


def test_everything_is_in_the_json(asked):
    result, *_ = asked
    read = json.loads(result.to_json())
    assert read["settings"]["prior"] == 0.01
    assert read["epsilon"]["n_guesses"] == result.epsilon.n_guesses
    rows = read["subgroups"]["copies"]
    assert [row["subgroup"] for row in rows] == ["east", "north", "south"]
    assert rows[0]["AUC"] is None
    assert {"predictive value", "AUC, at most"} <= {row["measure"] for row in read["results"]}


class Given:
    """An attack whose scores are given."""

    bags = None

    def __init__(self, scores):
        self.scores = scores
        self.asked = []

    def answer(self, train, labels, test):
        self.asked.append((train, labels, test))
        return Answers(self.scores[test], self.scores[test] > 0)


def test_guesses_are_of_the_other_half_at_both_ends():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 20)
    scores = labels + 0.8 * rng.normal(size=40)
    attack = Given(scores)
    found = split_bound("given", attack, Sampling(labels, None, 0, 0.9, 0), 3)
    ((train, told, test),) = attack.asked
    assert sorted([*train, *test]) == list(range(40))
    assert_array_equal(told, labels[train])
    order = test[np.argsort(scores[test])]
    right = (labels[order[-5:]] == 1).sum() + (labels[order[:5]] == 0).sum()
    bound = epsilon_lower_bound(right, 10, confidence=0.9)
    assert found == EpsilonBound(bound, right, 10, "given", 0.9)


def test_patients_are_one_coin_each():
    labels = np.repeat([0, 1], 24)
    groups = np.arange(48) // 3
    found = split_bound("given", Given(1.0 * labels), Sampling(labels, groups, 0, 0.95, 0), 0)
    assert (found.n_right, found.n_guesses) == (4, 4)
    groups[23] = groups[24]
    with pytest.raises(ValueError, match="all images were used or none; 1 have both"):
        split_bound("given", Given(1.0 * labels), Sampling(labels, groups, 0, 0.95, 0), 0)


def test_a_generator_that_ignores_the_coins_keeps_the_confidence():
    """Then the true epsilon is 0, and it is bounded away from 0 in 5 of 100 audits at most."""
    rng = np.random.default_rng(1)
    above = 0
    for seed in range(400):
        labels = rng.permutation(np.repeat([0, 1], 30))
        found = split_bound(
            "a", Given(rng.normal(size=60)), Sampling(labels, None, 0, 0.95, 0), seed
        )
        above += found.epsilon > 0
    assert binomtest(above, 400, 0.05, "greater").pvalue > 0.01


def test_what_is_said_of_epsilon(asked, stated):
    result, *_ = asked
    said = stated(result.statements()["audit"])["epsilon_at_least"]
    assert said == {
        "epsilon": result.epsilon.epsilon, "confidence": 95, "n_right": result.epsilon.n_right,
        "n_guesses": result.epsilon.n_guesses, "attack": "copies",
    }  # fmt: skip
    nothing = replace(result, epsilon=EpsilonBound(0.0, 5, 10, "copies", 0.95))
    assert "epsilon_not_bounded" in stated(nothing.statements()["audit"])
    assert "coin" in str(result)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"prior": 0}, r"prior has to lie between 0 and 1, both excluded; got 0"),
        ({"prior": "1 %"}, r"prior has to lie between 0 and 1"),
        (
            {"epsilon_by": "other"},
            r"epsilon_by names 'other', and no attack is named so; there are",
        ),
        ({"subgroups": ["a"] * 3}, r"subgroups.*3"),
        ({"subgroups": [None] * 40}, r"subgroups"),
    ],
)
def test_what_is_no_sense_is_refused(given, match, attack, world):
    real, used, generated = world(np.random.default_rng(0), n=40)
    with pytest.raises(ValueError, match=match):
        audit({"a": attack()}, real, used, generated=generated, n_permutations=0, **given)


def test_of_volumes_each_counts_once(attack, world):
    real, used, generated = world(np.random.default_rng(3), n=24)
    slices = np.repeat(np.arange(24), 3)
    result = audit(
        {"a": attack()}, real[slices] + 1e-3 * np.arange(72)[:, None], used[slices],
        generated=generated, volumes=slices, subgroups=SITES[slices % 2], epsilon_by="a", cv=2,
        controls=True, n_permutations=0, n_resamples=10, random_state=0,
    )  # fmt: skip
    assert result.subgroups.tolist() == SITES[np.arange(24) % 2].tolist()
    assert result.subgroups_to_frame("a").n_used.sum() == 12
    assert len(result.patients_to_frame("a")) == 24
    assert result.epsilon.n_guesses == 6
    assert {one.n_images for one in result.controls} == {12}
