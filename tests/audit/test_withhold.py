"""Withholding: the order against brute force, and what is left against worlds that are known."""

import inspect
import json
import re
from dataclasses import replace
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline as make_sklearn_pipeline
from sklearn.preprocessing import FunctionTransformer

from gan_isi import BagSummaryTransformer, PairwiseDistanceTransformer, make_pipeline
from gan_isi._runtime.whole import Whole
from gan_isi.attacks.pipeline import SourceIdentificationPipeline
from gan_isi.audit import Choice, Estimate, WithholdResult, audit, verify, withhold
from gan_isi.audit.inputs import Preflight
from gan_isi.audit.names import BLIND
from gan_isi.audit.prepared import keep_generated, prepare
from gan_isi.audit.withhold_attacks import _refined
from gan_isi.audit.withhold_choice import choose, pair_distances
from gan_isi.audit.withhold_result import NAMED, RANDOM, UNNAMED
from gan_isi.baselines import NearestGenerated


def seeing(columns, membership=None):
    """An attack by the closest generated image that sees some of the numbers of each row."""
    return SourceIdentificationPipeline(
        [
            ("descriptors", FunctionTransformer(lambda rows: np.asarray(rows)[:, columns])),
            ("distances", PairwiseDistanceTransformer()),
            ("membership", membership or NearestGenerated()),
        ]
    )


FIRST, SECOND = slice(0, 6), slice(6, 12)


def copied(rng, n=40, n_copies=3, n_others=80, *, seen=slice(0, 12), noise=0.02):
    """Rows, who was used, and several copies of each used row in some of its numbers."""
    real = rng.normal(size=(2 * n, 12))
    used = np.repeat([0, 1], n)[rng.permutation(2 * n)]
    generated = rng.normal(size=(n * n_copies + n_others, 12))
    sources = np.repeat(real[used == 1], n_copies, axis=0)
    generated[: len(sources), seen] = (
        sources[:, seen] + noise * rng.normal(size=sources.shape)[:, seen]
    )
    return real, used, generated[rng.permutation(len(generated))]


def by_hand(distances, used, groups):
    """The same as `choose`, one generated image after the other."""
    closest = {}
    for i, group in enumerate(groups):
        key = bool(used[i]), group
        closest[key] = min(closest.get(key, np.inf), distances[i].min())
    others = sorted(value for (own, _), value in closest.items() if not own)
    owns = sorted(value for (own, _), value in closest.items() if own)
    rows = []
    for g in range(distances.shape[1]):
        value, i = min((distances[i, g], i) for i in range(len(used)) if used[i])
        p_value = (1 + sum(other <= value for other in others)) / (1 + len(others))
        rows.append((value, g, i, p_value))
    k = sum(own < others[0] for own in owns)
    return sorted(rows), sum(row[0] < others[0] for row in rows), k, len(owns), len(others)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_order_is_that_of_a_search_by_hand(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    n, n_generated = data.draw(st.integers(2, 9)), data.draw(st.integers(1, 7))
    used = np.append(rng.permutation(np.arange(n) % 2 == 0), [True, False])
    groups = rng.integers(0, 4, size=n + 2) if data.draw(st.booleans()) else np.arange(n + 2)
    # Few different values: many ties.
    distances = (
        rng.integers(0, data.draw(st.sampled_from([4, 10**6])), size=(n + 2, n_generated)) / 7
    )
    found = choose(distances, used, groups)
    rows, n_closer, k, n_own, n_others = by_hand(distances, used, groups)
    assert found.order.tolist() == [row[1] for row in rows]
    assert_allclose(found.closeness[found.order], [row[0] for row in rows])
    assert found.closest_used[found.order].tolist() == [row[2] for row in rows]
    assert_allclose(found.p_values[found.order], [row[3] for row in rows])
    assert (found.n_closer, found.n_closer_patients) == (n_closer, k)
    assert_allclose(found.closer_p_value, comb(n_own, k) / comb(n_own + n_others, k))


def test_the_p_value_of_so_many_is_exact_under_all_labels():
    distances = np.random.default_rng(0).random((8, 5))
    p_values = [
        choose(distances, np.isin(np.arange(8), own)).closer_p_value
        for own in combinations(range(8), 3)  # all of them are as probable
    ]
    for level in {round(p, 12) for p in p_values}:
        assert_allclose(np.mean(np.array(p_values) <= level + 1e-9), level)


def hubs(rng, n_used, n_others, n_generated):
    """Distances in which some real and some generated images are close to everything."""
    shape = n_used + n_others, n_generated
    rows, columns = (np.exp(rng.normal(size=size)) for size in ((shape[0], 1), shape[1]))
    return rows * columns * rng.gamma(4, size=shape)


def test_without_membership_used_images_are_as_likely_the_closest_ones():
    rng = np.random.default_rng(1)
    used = np.repeat([True, False], [12, 24])
    closest_is_used, p_values, smallest = [], [], []
    for _ in range(400):
        distances = pair_distances(hubs(rng, 12, 24, 30)[:, :, np.newaxis], None)
        found = choose(distances, used)
        closest_is_used.append(found.n_closer > 0)
        p_values.append(found.closer_p_value)
        smallest.append(found.p_values[found.closest_used == 0].min(initial=1))
    # Of the closest pair of all, a third has to be of a used image.
    assert binomtest(sum(closest_is_used), 400, 1 / 3).pvalue > 0.01
    for level in (0.02, 0.1):
        assert binomtest(sum(np.array(p_values) <= level), 400, level, "greater").pvalue > 0.01
        assert binomtest(sum(np.array(smallest) <= level), 400, level, "greater").pvalue > 0.01


def test_distances_are_scaled_by_both_neighbourhoods():
    """What a real and a generated image have to themselves goes out; labels are not asked for."""
    rng = np.random.default_rng(2)
    bags = rng.gamma(4, size=(9, 7, 2))
    plain = pair_distances(bags, None)
    assert_allclose(pair_distances(3 * bags, None), plain)
    order = rng.permutation(9)
    assert_allclose(pair_distances(bags[order], None), plain[order])
    distances = (bags / np.median(bags, axis=(0, 1))).mean(axis=2)
    of_real = np.sort(distances, axis=1)[:, 1:].mean(axis=1)  # of 6 next generated images
    of_generated = np.sort(distances, axis=0)[1:3].mean(axis=0)  # of a quarter of 9 images
    assert_allclose(plain, distances / np.sqrt(np.outer(of_real, of_generated)))


@pytest.mark.parametrize(
    "name",
    ["nearest", "calibrated_similarity", pytest.param("recommended", marks=pytest.mark.slow)],
)
def test_what_is_left_is_what_there_would_have_been(name, photographs):
    """To leave columns out is the same as to have generated fewer images.

    But for whitening, which is learned from all of them.
    """
    used = np.arange(12) % 2
    generated = np.concatenate([photographs[::3, ::-1], photographs[::2]])
    attack = make_pipeline(name)
    if name == "recommended":
        attack.set_params(distances__whitened="drop")
    kept = np.array([0, 3, 4, 8, 9])
    train, test = np.arange(8), np.arange(8, 12)
    answers = []
    for images, cut in ((generated, True), (generated[kept], False)):
        prepared = dict(prepare({"one": attack}, photographs, images))["one"]
        prepared = keep_generated(prepared, kept) if cut else prepared
        answers.append(prepared.answer(train, used[train], test).scores)
    assert_array_equal(*answers)


def test_far_images_are_compared_as_finely_as_close_ones():
    """They are the closest of what is left, and a rough distance would hide a copy."""
    attack = make_pipeline("recommended")
    finer = _refined(attack, 500).get_params()
    for name, value in attack.get_params().items():
        if name.endswith("n_refined"):
            assert finer[name] == (None if value is None else 500)
    assert finer["distances__poses__n_refined"] == 500


@pytest.fixture(scope="module")
def twice():
    """Copies in all numbers; the choice sees half of them, one judge these and one the others."""
    real, used, generated = copied(np.random.default_rng(0))
    # Half of the copies are spoilt for the choice.
    spoilt = np.arange(len(generated)) % 2 == 0
    generated[spoilt, FIRST] = np.random.default_rng(1).normal(size=(spoilt.sum(), 6))
    return withhold(
        real, used, generated=generated, choose_by=seeing(FIRST),
        attacks={"the same": seeing(FIRST), "another": seeing(SECOND)},
        shares=(0.3, 0.6), cv=2, n_random=1,
        n_permutations=0, random_state=0,
    )  # fmt: skip


def test_the_distances_that_chose_flatter_what_is_left(twice):
    assert twice.took_part == ("the same",)
    same, other = (twice.curves[NAMED, 0.3, name].value for name in ("the same", "another"))
    assert same < 0.6 < 0.9 < other
    assert twice.highest(NAMED, 0.3)[0] == "another"
    assert "withhold_took_part" in [one.kind for one in twice.statements()]


def test_the_highest_of_all_attacks_is_quoted(twice):
    for who in (NAMED, UNNAMED, RANDOM):
        name, found = twice.highest(who, 0.6)
        values = {one: twice.curves[who, 0.6, one] for one in twice.attacks}
        assert found.value == max(one.value for one in values.values()) == values[name].value
        assert found.low == max(one.low for one in values.values())
        assert found.high == max(one.high for one in values.values())


def test_images_that_nobody_named_are_not_protected():
    real, used, generated = copied(np.random.default_rng(3))
    judge = seeing(SECOND)
    result = withhold(
        real, used, generated=generated, choose_by=seeing(FIRST), attacks={"other": judge},
        shares=(0.3, 0.6), cv=2, n_random=1,
        n_permutations=0, random_state=0,
    )  # fmt: skip
    assert result.choice.n_closer >= 120  # all the copies, which are 60 % of the generated images
    assert result.choice.n_closer_patients == 40
    assert result.highest(NAMED, 0.6)[1].low < 0.5
    assert result.highest(UNNAMED, 0.6)[1].low > 0.6
    assert result.curves[UNNAMED, 0.3, "other"].value > 0.95  # the other half's copies are gone
    assert result.curves[RANDOM, 0.0, "other"] == result.curves[NAMED, 0.0, "other"]
    kinds = [one.kind for one in result.statements()]
    assert "withhold_named_only" in kinds
    assert "withhold_as_by_chance" not in kinds
    assert "train again" not in str(result)
    assert "does not make this generator safe, which has to be trained again" in str(result)


def test_patients_choose_and_are_judged_as_a_whole():
    real, used, generated = copied(np.random.default_rng(4))
    groups = np.repeat(np.arange(40), 2)
    used = np.repeat(np.arange(40) % 2, 2)
    generated[: 40 * 3] = np.repeat(real[used == 1], 3, axis=0) + 1e-3
    options = {"choose_by": seeing(FIRST), "attacks": {"other": seeing(SECOND)},
               "shares": (0.5, 0.9), "cv": 2, "n_random": 1, "n_permutations": 0,
               "random_state": 0}  # fmt: skip
    result = withhold(real, used, generated=generated, groups=groups, **options)
    assert result.choice.n_closer_patients == 20
    assert "over groups" in result.curves[NAMED, 0.5, "other"].method
    assert "patients" in str(result)
    alone = withhold(real, used, generated=generated, **options)
    widths = [sum(found.high - found.low for found in one.curves.values())
              for one in (alone, result)]  # fmt: skip
    assert widths[1] > widths[0]


def made_up(named, unnamed, by_chance=((0.9, 0.8, 0.95),) * 2, blind=(0.5, 0.4, 0.6), n_closer=3):
    """A result with these AUCs, of two shares and of one attack."""
    curves = {}
    for who, points in ((NAMED, named), (UNNAMED, unnamed), (RANDOM, by_chance)):
        for share, numbers in zip((0.0, 0.5), points, strict=True):
            curves[who, share, "one"] = Estimate(*numbers, "made up")
    curves[NAMED, 0.0, BLIND] = Estimate(*blind, "made up")
    choice = Choice(np.arange(4), np.arange(4.0), np.zeros(4, int), np.ones(4), n_closer, 2, 0.2)
    labels = np.repeat([0, 1], 3)
    nothing = Preflight({}, [], [], [], [])
    return WithholdResult(
        choice, curves, (0.0, 0.5), ("one",), (), labels, None, 5, 0, 0.95, nothing
    )


HIGH, LOW = (0.9, 0.8, 0.95), (0.55, 0.45, 0.65)


@pytest.mark.parametrize(
    ("named", "unnamed", "kind"),
    [
        ((LOW, LOW), (LOW, LOW), "withhold_nothing_before"),
        ((HIGH, HIGH), (HIGH, HIGH), "withhold_not_enough"),
        ((HIGH, HIGH), (HIGH, LOW), "withhold_not_enough"),
        ((HIGH, LOW), (HIGH, HIGH), "withhold_named_only"),
        ((HIGH, LOW), (HIGH, LOW), "withhold_perhaps_enough"),
    ],
)
def test_the_verdict_is_the_one_that_the_intervals_bear_out(named, unnamed, kind, stated):
    kinds = stated(made_up(named, unnamed).statements())
    verdicts = {"withhold_nothing_before", "withhold_not_enough", "withhold_named_only",
                "withhold_perhaps_enough", "withhold_nothing_tried"}  # fmt: skip
    assert verdicts & set(kinds) == {kind}
    if kind == "withhold_perhaps_enough":
        assert kinds[kind] == {"share": 50.0, "high": 0.65}


def test_nothing_is_called_safe():
    for named in (HIGH, LOW):
        for unnamed in (HIGH, LOW):
            text = str(made_up((HIGH, named), (HIGH, unnamed)))
            assert not re.search(r"\bsafe", text.replace("does not make this generator safe", ""))


def test_what_else_a_result_says(stated):
    kinds = stated(made_up((HIGH, LOW), (HIGH, LOW), blind=(0.8, 0.7, 0.9)).statements())
    assert "withhold_blind" in kinds
    assert "withhold_as_by_chance" not in kinds
    kinds = stated(made_up((HIGH, HIGH), (HIGH, HIGH)).statements())
    assert "withhold_as_by_chance" in kinds
    kinds = stated(made_up((HIGH, (0.2, 0.1, 0.4)), (HIGH, LOW), n_closer=0).statements())
    assert {"withhold_below_chance", "withhold_none_closer"} <= set(kinds)
    alone = replace(made_up((HIGH, LOW), (HIGH, LOW)), shares=(0.0,))
    assert "withhold_nothing_tried" in stated(alone.statements())
    with pytest.raises(ValueError, match=r"judged as 'named' at the share 0\.3"):
        alone.highest(NAMED, 0.3)


def test_tables_and_json_hold_the_same(twice, tmp_path):
    frame = twice.to_frame()
    assert len(frame) == 3 * 3 * 3 + 1  # who, shares, attacks with the highest one; the blind one
    one = frame[(frame.judged == UNNAMED) & (frame.share == 0.6) & (frame.attack == "another")]
    assert one.value.item() == twice.curves[UNNAMED, 0.6, "another"].value
    assert one.left.item() == 200 - 120
    order = twice.generated_to_frame()
    assert_array_equal(order.generated, twice.order)
    assert order.closeness.is_monotonic_increasing
    assert order.closer_than_to_others.sum() == twice.choice.n_closer
    twice.to_json(tmp_path / "a.json")
    read = json.loads((tmp_path / "a.json").read_text())
    assert read["words"] == twice.words()
    assert read["choice"]["order"] == twice.order.tolist()
    assert "not named" in repr(twice)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_and_jobs_change_nothing():
    real, used, generated = copied(np.random.default_rng(5), n=14, n_others=10)
    summary = make_sklearn_pipeline(BagSummaryTransformer(), LogisticRegression())
    options = {"generated": generated, "choose_by": seeing(FIRST), "shares": [0.5], "cv": 2,
               "attacks": {"learns": seeing(SECOND, summary)}, "n_permutations": 4,
               "n_random": 1}  # fmt: skip
    first, again, other = (
        withhold(real, used, **options, random_state=seed, n_jobs=jobs)
        for seed, jobs in ((0, 1), (0, 2), (1, 1))
    )
    assert first.curves == again.curves
    assert first.curves != other.curves
    assert "spread of 4 permutations" in first.curves[NAMED, 0.5, "learns"].method


class TestWhatIsRefused:
    OPTIONS = {"choose_by": seeing(FIRST), "attacks": {"a": seeing(SECOND)}, "n_permutations": 0}

    @pytest.fixture
    def small(self):
        real, used, generated = copied(np.random.default_rng(6), n=12, n_others=0)
        return real, used, generated

    def refused(self, small, match, **changed):
        real, used, generated = small
        with pytest.raises(ValueError, match=match):
            withhold(real, used, generated=generated, **(self.OPTIONS | changed))

    def test_shares(self, small):
        self.refused(small, "shares have to be from 0 to less than 1; got 1", shares=(0.5, 1))
        self.refused(small, "shares have to be from 0 to less than 1; got -", shares=(-0.1,))
        self.refused(small, r"A share of 0\.97 leaves less than 2 of 36", shares=0.97)

    def test_halves_that_are_too_small(self, small):
        self.refused(small, "One half of the patients chooses.*cv=7 needs at least 7", cv=7)

    def test_only_judges_that_chose(self, small):
        self.refused(small, "All attacks look at the distances", attacks={"a": seeing(FIRST)})

    def test_attacks_without_distances(self, small):
        attack = LogisticRegression()
        self.refused(small, "The attack 'b' has no distances", attacks={"b": attack})
        self.refused(small, "The attack 'the choice' has no dist", choose_by=make_pipeline("blind"))

    def test_names(self, small):
        self.refused(small, "choose_by has to be 'recommended', one of", choose_by="paper")
        self.refused(small, "can't be named 'the choice'", attacks={"the choice": "nearest"})


@pytest.mark.slow
def test_where_nothing_leaks_nobody_is_found_after_the_choice_of_others():
    """Images that were not named stay exchangeable: their AUC is that of chance, and so is its
    interval. Those that took part are pushed below it by the distances that chose."""
    rng = np.random.default_rng(7)
    unnamed, above, named = [], 0, []
    for seed in range(20):
        real, used, generated = copied(rng, n=30, n_copies=0, n_others=60)
        result = withhold(
            real, used, generated=generated, choose_by=seeing(FIRST), shares=(0.5,), cv=2,
            attacks={"same": seeing(FIRST), "other": seeing(SECOND)}, n_random=1, n_permutations=0,
            random_state=seed,
        )  # fmt: skip
        unnamed.append([result.curves[UNNAMED, 0.5, name].value for name in ("same", "other")])
        named.append(result.curves[NAMED, 0.5, "same"].value)
        above += result.highest(UNNAMED, 0.5)[1].low > 0.5
    error = np.std(unnamed, axis=0) / np.sqrt(20)
    assert (np.abs(np.mean(unnamed, axis=0) - 0.5) < 4 * error).all()
    assert above <= 3
    assert np.mean(named) < 0.45


@pytest.fixture(scope="module")
def asked():
    """A problem and options of which all is recorded."""
    real, used, generated = copied(np.random.default_rng(3), n=12, n_copies=1, n_others=8)
    options = {"generated": generated, "choose_by": seeing(FIRST), "attacks": {
        "other": seeing(SECOND)}, "shares": (0.5,), "cv": 2, "n_permutations": 2,
        "n_random": 2, "random_state": 0, "groups": np.arange(24) // 2 * 2 + used}  # fmt: skip
    return real, used, options


def test_it_says_where_its_numbers_come_from_and_comes_out_again(asked):
    real, used, options = asked
    first = withhold(real, used, **options)
    known = first.provenance
    asked_for = set(inspect.signature(withhold).parameters)
    elsewhere = {"X", "y", "generated", "attacks", "n_jobs", "verbose", "memory"}
    assert asked_for == set(known.arguments) | elsewhere
    assert {name: one.count for name, one in known.inputs.items()} == {
        "used": 12, "not used": 12, "generated": 20,
    }  # fmt: skip
    assert len(known.attacks) == 3  # the one that chooses, the one that judges, the blind one
    again = verify(json.loads(first.to_json()), withhold(real, used, **options))
    assert again.came_out
    assert again.n_numbers > 20
    other = verify(first.to_dict(), withhold(real, used, **options | {"random_state": 1}))
    assert not other.came_out
    assert other.arguments == ["random_state: 0 then, 1 now."]


def test_a_record_is_compared_with_its_own_kind_only(asked):
    real, used, options = asked
    generated = options["generated"]
    found = audit({"a": seeing(FIRST)}, real, used, generated=generated, n_permutations=0, cv=2)
    with pytest.raises(ValueError, match="The record is of withhold, and the result of audit"):
        verify(withhold(real, used, **options).to_dict(), found)


def test_each_fit_is_counted(asked, monkeypatch):
    real, used, options = asked
    ended = []
    end = Whole.end
    monkeypatch.setattr(Whole, "end", lambda whole: ended.append(str(whole)) or end(whole))
    withhold(real, used, **options, verbose=True)
    n_fits = 2 * 2 + 2 + 1 + (2 + 2 + 3)
    assert ended[-1].startswith(f"judging what is left, fit {n_fits} of {n_fits}")
