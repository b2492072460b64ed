"""Images of unknown membership: members are found, others keep the level."""

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binom, kstest, mannwhitneyu
from sklearn.naive_bayes import GaussianNB

from gan_isi.audit import audit
from gan_isi.audit.arguments import joined
from gan_isi.audit.candidates import _exchanged, _ranks, candidate_p_values, judge_candidates
from gan_isi.audit.crossfit import Folds, OutOfFold, cross_fit
from gan_isi.audit.measures import Estimate, Sampling
from gan_isi.audit.prepared import Answers, prepare
from gan_isi.audit.statements import no_answer, of_candidates
from gan_isi.statistics import auc_interval


class Oracle:
    """A prepared attack that learns nothing: the score of an image is its number's."""

    def __init__(self, scores):
        self.scores = np.asarray(scores, dtype=float)

    def answer(self, train, labels, test):
        return Answers(self.scores[test], self.scores[test] > 0)


class Linear:
    """A prepared attack that learns in no time: along the difference of the class means.

    It keeps the known and the asked images of every fit.
    """

    def __init__(self, rows):
        self.rows, self.fits = rows, []

    def answer(self, train, labels, test):
        self.fits.append((train, labels, test))
        means = [self.rows[train[labels == own]].mean(axis=0) for own in (0, 1)]
        scores = self.rows[test] @ (means[1] - means[0])
        return Answers(scores, scores > 0)


def judged(scores, labels, *, groups=None, n_permutations=99, seed=0, cv=2, n_repeats=1):
    labels = np.asarray(labels)
    known = np.arange(len(labels))
    candidates = np.arange(len(labels), len(scores))
    plan = Folds(known, candidates, groups, cv, n_repeats)
    oracle = Oracle(scores) if np.ndim(scores) == 1 else Linear(scores)
    answers = cross_fit(oracle, labels, plan, seed=seed)
    return judge_candidates(
        oracle,
        answers,
        plan,
        Sampling(labels, groups, 100, 0.95, 0),
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


def test_ranks_are_within_the_fold_whose_fit_scored_both():
    folds = np.array([[0, 1, 0, 1, 0], [1, 1, 0, 0, 0]])
    scores = np.array([[1.0, 20.0, 2.0, 10.0, 3.0], [5.0, 6.0, 50.0, 70.0, 60.0]])
    candidates = np.array([[[2.5], [10.0]], [[60.0], [1.0]]])
    answers = OutOfFold(folds, scores, scores > 0, candidates)
    # Two of three below; one of two equal; one of three below and one equal; none of two.
    assert_allclose(_ranks(answers), [np.mean([2 / 3, 1 / 4, 1 / 2, 0])])


def recorded_exchange(labels, groups, n_candidates, seed):
    """Known images, their labels and the candidates of one exchange, by number."""
    rows = np.random.default_rng(0).normal(size=(len(labels) + n_candidates, 3))
    known = np.arange(len(labels))
    attack = Linear(rows)
    plan = Folds(known, len(labels) + np.arange(n_candidates), groups, 2, 1)
    _exchanged(attack, np.asarray(labels), plan, np.random.default_rng(seed))
    (train, own, asked), (_, _, other_asked) = attack.fits
    candidates = np.intersect1d(asked, other_asked)  # of both folds
    others = np.setdiff1d(np.concatenate([train, asked]), candidates)
    used = np.concatenate([fit[0][fit[1] == 1] for fit in attack.fits])
    assert len(own) == len(train)
    return np.sort(others), np.unique(used), candidates


def test_patients_with_both_labels_are_never_exchanged():
    """Of patient 0 and 1 one image was used and one not; 2 to 4 not; candidates are of 5 and 6."""
    labels = np.array([1, 0, 1, 0, 0, 0, 0, 1, 1])
    groups = np.array([0, 0, 1, 1, 2, 3, 4, 7, 8, 5, 5, 6])
    drawn = set()
    for seed in range(60):
        others, used, candidates = recorded_exchange(labels, groups, 3, seed)
        assert {0, 1, 2, 3, 7, 8} <= set(others)
        assert set(used) == {0, 2, 7, 8}
        # Whole patients, and as many: two.
        assert set(candidates) & {9, 10} in (set(), {9, 10})
        assert len(np.unique(groups[candidates])) == 2
        assert_array_equal(np.sort(np.concatenate([others, candidates])), np.arange(12))
        drawn.add(tuple(np.unique(groups[candidates])))
    assert drawn == {(a, b) for a in range(2, 7) for b in range(a + 1, 7)}


def test_no_p_value_is_smaller_than_the_exchanges_there_are(monkeypatch):
    """One of six: other folds for the same exchange must not make it rarer."""
    refits = "gan_isi.audit.candidates.refit_often"
    monkeypatch.setattr(refits, lambda *args, **kwargs: np.zeros(args[2]))
    scores = np.r_[np.arange(10.0), 99.0]
    assert judged(scores, [0, 1] * 5, n_permutations=99).p_value == 1 / 6
    scores = np.r_[scores, 99.0, 99.0]
    groups = np.r_[np.arange(10), 20, 20, 21]  # two patients of 7: 21 sets
    assert judged(scores, [0, 1] * 5, groups=groups, n_permutations=99).p_value == 1 / 21


def test_without_patients_every_image_not_used_is_exchanged():
    drawn = set()
    for seed in range(60):
        others, used, candidates = recorded_exchange(np.array([1, 0, 0, 1, 0, 0]), None, 1, seed)
        assert_array_equal(used, [0, 3])
        assert len(others) == 6
        drawn.update(candidates.tolist())
    assert drawn == {1, 2, 4, 5, 6}


@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize("patients", [None, ["her"] * 3])
@pytest.mark.filterwarnings("ignore:.*real images.* are among those generated")
def test_one_candidate_or_one_patient(patients, copied, attack, world, stated):
    n_images = len(patients or [0])
    rng = np.random.default_rng(1)
    real, used, generated = world(rng, n=120, n_generated=300)
    candidates = generated[:n_images] if copied else rng.normal(size=(n_images, 8))
    options = {"generated": generated, "candidates": candidates, "n_resamples": 50, "cv": 2}
    if patients:
        options |= {"groups": np.arange(120), "candidate_groups": patients}
    counts = {"attack": 39, "blind": 0}
    result = audit(attack(), real, used, n_permutations=counts, random_state=0, **options)
    found = result.attacks["attack"].candidates
    assert found.smallest_p == 1 / 61
    assert (found.p_values == 1 / 61).all() if copied else (found.p_values > 0.05).all()
    assert found.p_value <= 0.05 if copied else found.p_value > 0.05
    assert np.isnan([found.auc.low, found.auc.high]).all()
    assert str(found.auc).endswith("(no interval)")
    said = {heading: stated(some) for heading, some in result.statements().items()}
    assert "nan" not in str(result)
    assert said["audit"]["candidates"] == {"n_candidates": n_images}
    who = "image" if n_images == 1 else "patient"
    pairs = {"of_100": 100 * found.auc.value}
    assert said["attack"][f"candidates_auc_of_one_{who}"] == pairs
    assert said["attack"]["exchanges"] == {"n_exchanges": 39, "p_value": found.p_value}
    claim = "candidate_found" if n_images == 1 else "candidates_found"
    assert VERDICTS & set(said["attack"]) == {claim if copied else "candidates_not_found"}
    rows = json.loads(result.to_json())["results"]
    (row,) = (r for r in rows if (r["attack"], r["measure"]) == ("attack", "candidates: AUC"))
    assert row["low"] is None
    assert row["value"] == found.auc.value
    # Without exchanges its own p-value is left.
    without = audit(attack(), real, used, n_permutations=0, random_state=0, **options)
    alone = without.attacks["attack"].candidates
    assert_array_equal(alone.p_values, found.p_values)
    assert np.isnan(alone.p_value)
    if n_images == 1:
        said = stated(without.statements()["attack"])
        assert VERDICTS & set(said) == {claim if copied else "candidates_not_found"}
        own = {"p_value": alone.p_values[0], "smallest": 1 / 61}
        assert said["candidate_alone"] == own
        assert "exchanges" not in said


@pytest.mark.filterwarnings("ignore:.*real images.* are among those generated")
def test_so_few_images_not_used_can_show_nothing_of_one(attack, world, stated):
    real, used, generated = world(np.random.default_rng(0), n=20)
    result = audit(
        attack(), real, used, generated=generated, candidates=generated[:1], cv=2,
        n_permutations={"attack": 39, "blind": 0}, n_resamples=50, random_state=0,
    )  # fmt: skip
    found = result.attacks["attack"].candidates
    assert found.p_value >= 1 / 11
    said = stated(result.statements()["attack"])
    assert "too_few_not_used" in said
    assert not VERDICTS & set(said)


@pytest.fixture(scope="module")
def shifted(attack, world):
    """No candidate was used, but they and the used images come from elsewhere."""
    rng = np.random.default_rng(0)
    real, used, _ = world(rng, n=60)
    real[used == 1] += 2
    candidates = rng.normal(size=(20, 8)) + 2
    return audit(
        attack(), real, used, generated=real[used == 1] + 0.05, candidates=candidates, cv=2,
        n_permutations=39, n_resamples=50, random_state=0,
    )  # fmt: skip


CLAIMS = {"candidate_found", "candidates_found", "candidates_alone"}
VERDICTS = {"candidate_found", "candidates_found", "candidates_not_found", "no_answer"}


def test_where_blind_tells_candidates_apart_no_attack_claims_anything(shifted, stated):
    blind, found = (shifted.attacks[name].candidates for name in ("blind", "attack"))
    assert blind.p_value <= 0.05
    assert found.p_value <= 0.05, "the case is there to mislead"
    said = {name: stated(of_candidates(shifted, one)) for name, one in shifted.attacks.items()}
    assert list(said["attack"]) == [
        "candidates_auc", "no_answer", "blind_p_value", "candidates_differ"
    ]  # fmt: skip
    assert said["attack"]["blind_p_value"] == {"p_value": 1 / 40}
    assert list(said["blind"]) == [
        "candidates_auc", "exchanges", "smallest_p_value", "blind_tells_candidates",
        "candidates_differ",
    ]  # fmt: skip
    assert said["blind"]["exchanges"] == {"n_exchanges": 39, "p_value": 1 / 40}


def test_the_page_says_so_too(shifted):
    pytest.importorskip("matplotlib", reason='needs the extra "report"')
    page = shifted.to_html()
    section = page[page.index("Images of unknown membership") : page.index("Single images")]
    for one in no_answer(shifted):
        assert one.text in section


def of_blind(result, **change):
    """The same result, with other numbers of the blind attack's candidates."""
    blind = result.attacks["blind"]
    other = replace(blind, candidates=replace(blind.candidates, **change))
    return replace(result, attacks=result.attacks | {"blind": other})


@pytest.mark.parametrize(
    ("change", "answers"),
    [
        ({"p_value": 0.06, "auc": Estimate(0.6, 0.45, 0.7, "")}, True),
        ({"p_value": 0.05, "auc": Estimate(0.6, 0.45, 0.7, "")}, False),
        ({"p_value": 0.9, "auc": Estimate(0.2, 0.1, 0.4, "")}, False),
        ({"p_value": 0.3, "auc": Estimate(0.8, 0.6, 0.9, "")}, False),
        ({"p_value": np.nan, "null": np.empty(0), "auc": Estimate(0.6, 0.4, 0.7, "")}, True),
        ({"p_value": np.nan, "null": np.empty(0), "auc": Estimate(0.8, 0.6, 0.9, "")}, False),
    ],
)
def test_when_blind_tells_candidates_apart(shifted, change, answers, stated):
    result = of_blind(shifted, **change)
    attack, blind = (stated(of_candidates(result, result.attacks[n])) for n in ("attack", "blind"))
    assert VERDICTS & set(attack) == {"candidates_found" if answers else "no_answer"}
    assert ("blind_does_not_tell_candidates" in blind) == answers
    assert ("blind_tells_candidates" in blind) != answers
    assert not CLAIMS & set(blind)


@pytest.mark.slow
def test_p_values_of_one_candidate_are_uniform_where_it_was_not_used():
    exchanged, single = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        rows = rng.normal(size=(41, 3))
        rows[:20, 0] += 1  # the used ones differ: the attack has something to learn
        labels = np.repeat([1, 0], 20)
        found = judged(rows, labels, n_permutations=9, seed=seed)
        exchanged.append(found.p_value)
        single.append(found.p_values[0])
    rng = np.random.default_rng(0)
    for p_values, step in ((exchanged, 1 / 10), (single, 1 / 21)):
        jittered = np.array(p_values) - step * rng.random(200)
        assert kstest(jittered, "uniform").pvalue > 0.001
        for level in (0.1, 0.2):
            assert np.mean(np.array(p_values) <= level) <= binom.ppf(0.999, 200, level) / 200


def test_copied_candidates_are_found(attack, world, stated):
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
    said = {heading: stated(some) for heading, some in result.statements().items()}
    assert said["audit"]["candidates"] == {"n_candidates": 30}
    assert said["attack"]["candidates_alone"]["n_out"] == (found.p_values <= 0.05).sum()
    assert found.smallest_p == 1 / (1 + (used[known] == 0).sum())
    assert found.p_values.min() == pytest.approx(found.smallest_p)
    assert VERDICTS & set(said["attack"]) == {"candidates_found"}
    assert "blind_does_not_tell_candidates" in said["blind"]
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
    ((_, prepared),) = prepare({"attack": attack()}, real, generated)
    answers = cross_fit(prepared, used[:30], plan, seed=0)
    for fold in range(3):
        train = np.flatnonzero(answers.folds[0] != fold)
        fitted = attack().set_params(generated=generated).fit(real[train], used[train])
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


#: Patients of whom one image was used and one was not.
USED = np.random.default_rng(20).permutation(np.repeat([0, 1], 30))
BOTH = np.argsort(np.argsort(USED, kind="stable")) % 30


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"candidate_groups": [1]}, "without candidates"),
        ({"candidates": np.empty((0, 8))}, "Found 0 candidates"),
        (
            {"groups": np.arange(60), "candidates": np.ones((2, 8)), "candidate_groups": [5, 99]},
            r"1 groups have known images as well as candidates \(one is 5",
        ),
        ({"candidates": np.ones((2, 8)), "candidate_groups": [1]}, "candidate_groups has"),
        ({"candidates": np.ones((2, 8)), "groups": BOTH}, "patients of whom no image was used"),
    ],
)
def test_what_is_refused(change, message, attack, world, monkeypatch):
    real, _, generated = world(np.random.default_rng(0))
    monkeypatch.setattr("gan_isi.audit.run.prepare", None)  # before anything is described
    with pytest.raises(ValueError, match=message):
        audit(attack(), real, USED, generated=generated, **change)


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
        ((_, prepared),) = prepare(
            {"attack": attack(GaussianNB(), n_closest=(1,))}, images, generated
        )
        plan = Folds(np.arange(40), np.arange(40, 50), groups, 2, 1)
        answers = cross_fit(prepared, labels, plan, seed=seed)
        found = judge_candidates(
            prepared,
            answers,
            plan,
            Sampling(labels, groups, 10, 0.95, 0),
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


@pytest.mark.parametrize("n_permutations", [0, 9])
def test_the_interval_is_over_patients_and_takes_the_spread_of_the_exchanges(
    n_permutations, attack, world
):
    rng = np.random.default_rng(3)
    real, used, generated = world(rng, n=40, n_generated=60)
    rows, groups = np.repeat(real, 3, axis=0), np.repeat(np.arange(40), 3)
    asked = np.repeat(rng.normal(size=(8, 8)), 4, axis=0)
    patients = 100 + np.repeat(np.arange(8), 4)
    result = audit(
        attack(), rows, np.repeat(used, 3), generated=generated, groups=groups, candidates=asked,
        candidate_groups=patients, n_permutations=n_permutations, n_resamples=9, random_state=0,
    )  # fmt: skip
    one = result.attacks["attack"]
    found, answers = one.candidates, one.answers
    # Known images not used, and all candidates beside them in each fold.
    others = np.repeat(used, 3) == 0
    labels = np.repeat([0, 1], [others.sum(), 5 * len(asked)])
    scores = np.concatenate([answers.scores[0, others], answers.candidates[0].ravel()])
    folds = np.concatenate([answers.folds[0, others], np.repeat(np.arange(5), len(asked))])
    units = np.concatenate([groups[others], np.tile(patients, 5)])
    expected = auc_interval(labels, scores, folds, units, null=found.null)
    assert (found.auc.low, found.auc.high) == pytest.approx(expected)
    if n_permutations == 0:
        assert expected != pytest.approx(auc_interval(labels, scores, folds))
    else:
        assert expected != pytest.approx(auc_interval(labels, scores, folds, units))
