"""Images of unknown membership: members are found, others keep the level."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binom, kstest, mannwhitneyu
from sklearn.naive_bayes import GaussianNB

from gan_isi.audit import audit
from gan_isi.audit._arguments import joined
from gan_isi.audit._attacks import Answers, prepare
from gan_isi.audit._candidates import candidate_p_values, judge_candidates
from gan_isi.audit._crossfit import Folds, cross_fit
from gan_isi.audit._measures import Sampling


class Oracle:
    """A prepared attack that learns nothing: the score of an image is its number's."""

    def __init__(self, scores):
        self.scores = np.asarray(scores, dtype=float)

    def answer(self, train, labels, test):
        return Answers(self.scores[test], self.scores[test] > 0)


def judged(scores, labels, *, groups=None, n_permutations=99, seed=0, cv=2, n_repeats=1):
    labels = np.asarray(labels)
    known = np.arange(len(labels))
    candidates = np.arange(len(labels), len(scores))
    plan = Folds(known, candidates, groups, cv, n_repeats)
    oracle = Oracle(scores)
    answers = cross_fit(oracle, labels, plan, seed=seed)
    return judge_candidates(
        oracle,
        labels,
        answers,
        plan,
        Sampling(groups, 100, 0.95, 0),
        evidence=None,
        n_permutations=n_permutations,
        seed=seed,
    )


def test_p_values_written_out_by_hand():
    labels, folds = np.array([0, 0, 0, 1, 0]), np.array([0, 1, 1, 0, 0])
    scores = np.array([1.0, 5.0, 3.0, 9.0, 2.0])
    candidates = np.array([[2.0, 0.0, 7.0], [4.0, 3.0, 7.0]])
    # First: of fold 0, 2 is as high; of fold 1, 5.
    expected = [3 / 5, 5 / 5, 1 / 5]
    assert_allclose(candidate_p_values(labels, scores, folds, candidates), expected)
    # The first two non-members are one patient: 0.5 of it, the third, and itself, of 3 + 1.
    patients = np.array(["a", "a", "b", "c", "d"])
    grouped = candidate_p_values(labels, scores, folds, candidates, patients)
    assert_allclose(grouped, [(1 + 0.5 + 0 + 1) / 4, 1.0, 1 / 4])


def test_the_set_against_mann_whitney(rng):
    """An attack that learns nothing: exchanging with refits is the permutation test."""
    scores = np.r_[rng.normal(size=40), rng.normal(0.7, size=20)]
    labels = np.repeat([0, 1], 20)
    found = judged(scores, labels, n_permutations=999, cv=2)
    oracle = mannwhitneyu(scores[40:], scores[:20], alternative="greater")
    assert found.auc.value == pytest.approx(oracle.statistic / 400)
    error = np.sqrt(oracle.pvalue * (1 - oracle.pvalue) / 1000)
    assert found.p_value == pytest.approx(oracle.pvalue, abs=4 * error + 0.003)


def test_ranks_are_shares_of_the_known(rng):
    scores = np.r_[np.arange(8.0), -1.0, 3.5, 3.0, 99.0]
    found = judged(scores, [0, 1] * 4, n_permutations=0)
    assert_allclose(found.ranks, [0, 0.5, 3.5 / 8, 1])
    assert np.isnan(found.p_value)


def test_copied_candidates_are_found(attack, world):
    rng = np.random.default_rng(3)
    real, used, generated = world(rng, n=90, n_generated=300)
    known, asked = np.arange(60), np.arange(60, 90)
    result = audit(
        attack(),
        real[known],
        used[known],
        generated=generated,
        candidates=real[asked],
        n_permutations=39,
        n_resamples=100,
        random_state=0,
    )
    found, blind = result.attacks["attack"].candidates, result.attacks["blind"].candidates
    assert found.p_value == 1 / 40
    assert blind.p_value > 0.05
    members = used[asked] == 1
    assert np.median(found.p_values[members]) < 0.05
    assert (found.p_values[~members] <= 0.05).mean() <= 0.2
    frame = result.candidates_to_frame("attack")
    assert_array_equal(frame["p_value"], found.p_values)
    nearest = np.abs(real[asked][:, None] - generated[None]).mean(axis=2).argmin(axis=1)
    assert [numbers[0] for numbers in frame["closest_generated"]] == list(nearest)
    assert len(result.queries_to_frame("attack")) == 60
    text = str(result)
    assert "30 candidates, real images of unknown membership" in text
    assert found.smallest_p == 1 / (1 + (used[known] == 0).sum())
    assert found.p_values.min() == pytest.approx(found.smallest_p)
    assert "evidence that some of them were used" in text
    assert "No evidence found by this attack that any candidate was used" in text
    read = json.loads(result.to_json())
    assert read["candidates"]["attack"]["p_value"] == found.p_values.tolist()
    rows = {row["measure"]: row["value"] for row in read["results"] if row["attack"] == "attack"}
    assert rows["candidates: p-value"] == found.p_value
    assert rows["candidates: AUC"] == found.auc.value


def test_candidates_change_nothing_of_the_known(attack, world):
    real, used, generated = world(np.random.default_rng(0), n=60)
    options = {"generated": generated, "n_permutations": 5, "n_resamples": 50, "random_state": 0}
    alone = audit(attack(), real[:40], used[:40], **options)
    beside = audit(attack(), real[:40], used[:40], candidates=real[40:], **options)
    for name, one in alone.attacks.items():
        other = beside.attacks[name]
        assert_array_equal(one.answers.scores, other.answers.scores)
        for kind, values in one.null.items():
            assert_array_equal(values, other.null[kind])
        assert one.measures == other.measures
    assert alone.attacks["attack"].candidates is None
    with pytest.raises(ValueError, match="had no candidates"):
        alone.candidates_to_frame("attack")


def test_scores_of_candidates_are_those_of_the_folds_fits(attack, world):
    real, used, generated = world(np.random.default_rng(1), n=40)
    plan = Folds(np.arange(30), np.arange(30, 40), None, 3, 1)
    answers = cross_fit(prepare(attack(), real, generated), used[:30], plan, seed=0)
    for fold in range(3):
        train = np.flatnonzero(answers.folds[0] != fold)
        fitted = attack().fit(real[train], used[train], generated=(generated,))
        assert_allclose(answers.candidates[0, fold], fitted.decision_function(real[30:]))


def test_the_page_lists_them(attack, world, tmp_path):
    pytest.importorskip("matplotlib", reason='needs the extra "report"')
    real, used, generated = world(np.random.default_rng(0), n=60)
    options = {"generated": generated, "n_permutations": 5, "n_resamples": 50}
    with_candidates = audit(attack(), real[:40], used[:40], candidates=real[40:], **options)
    page = with_candidates.to_html()
    assert "Images of unknown membership" in page
    assert "20 candidates" in page
    without = audit(attack(), real[:40], used[:40], **options)
    assert "Images of unknown membership" not in without.to_html()


def test_patients_of_candidates_are_their_own(attack, world):
    real, used, generated = world(np.random.default_rng(0), n=60)
    patients, used = np.repeat(np.arange(30), 2), np.repeat(used[:30], 2)
    result = audit(
        attack(),
        real[:40],
        used[:40],
        generated=generated,
        groups=patients[:40],
        candidates=real[40:],
        candidate_groups=patients[40:],
        cv=3,
        n_permutations=9,
        n_resamples=50,
        random_state=0,
    )
    found = result.attacks["attack"].candidates
    assert found.auc.method.startswith("Newcombe over groups")
    n_patients = len(np.unique(patients[:40][used[:40] == 0]))
    assert_allclose(found.p_values * (1 + n_patients) * 2 % 1, 0, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"candidate_groups": [1]}, "without candidates"),
        ({"candidates": np.empty((0, 8))}, "Found 0 candidates"),
        (
            {"groups": np.arange(60), "candidates": np.ones((2, 8)), "candidate_groups": [5, 99]},
            r"1 groups have known images as well as candidates \(one is 5",
        ),
        ({"candidates": np.ones((2, 8)), "candidate_groups": [1]}, "inconsistent numbers"),
    ],
)
def test_what_is_refused(change, message, attack, world):
    real, used, generated = world(np.random.default_rng(0))
    with pytest.raises(ValueError, match=message):
        audit(attack(), real, used, generated=generated, **change)


def test_collections_are_joined_without_a_change_of_dtype():
    bytes_, floats = np.zeros((2, 4, 4), np.uint8), np.ones((3, 4, 4))
    chain = joined(bytes_, floats)
    assert len(chain) == 5
    assert chain[1].dtype == np.uint8
    assert chain[-1].dtype == float
    assert [image.dtype.kind for image in chain[1:3]] == ["u", "f"]
    with pytest.raises(IndexError, match="Image 5 of 5"):
        chain[5]
    assert_array_equal(joined(floats, floats), np.ones((6, 4, 4)))
    assert joined(floats, None) is floats


@pytest.mark.slow
@pytest.mark.parametrize("grouped", [False, True])
def test_level_where_no_candidate_was_used(grouped, attack, world):
    """Candidates like the known non-members, beside members that the generator copies."""
    sets, single, covered = [], [], []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        real, used, generated = world(rng, n=40)
        order = np.argsort(1 - used, kind="stable")  # the members first
        fresh = rng.normal(size=(10, 8))
        images = np.concatenate([real[order], fresh])
        labels = np.repeat([1, 0], 20)
        groups = None
        if grouped:
            groups = np.concatenate([np.arange(40), 40 + np.repeat(np.arange(5), 2)])
            # Patients of two images that look alike, non-members as well as candidates.
            images[41::2] = images[40::2]
            images[21:40:2] = images[20:40:2]
            groups[20:40] = 20 + np.repeat(np.arange(10), 2)
        prepared = prepare(attack(GaussianNB(), n_closest=(1,)), images, generated)
        plan = Folds(np.arange(40), np.arange(40, 50), groups, 2, 1)
        answers = cross_fit(prepared, labels, plan, seed=seed)
        found = judge_candidates(
            prepared,
            labels,
            answers,
            plan,
            Sampling(groups, 10, 0.95, 0),
            evidence=None,
            n_permutations=9,
            seed=seed + 1000,
        )
        sets.append(found.p_value)
        single.append(found.p_values[0] <= 0.1)
        covered.append(found.auc.low <= 0.5 <= found.auc.high)
    jitter = np.random.default_rng(0).random(100) / 10
    assert kstest(np.array(sets) - jitter, "uniform").pvalue > 0.001
    assert np.mean(single) <= binom.ppf(0.999, 100, 0.1) / 100
    assert np.mean(covered) >= 0.88
