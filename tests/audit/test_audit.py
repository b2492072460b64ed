"""Audits of attacks whose worth is known."""

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB

from gan_isi import PairwiseWassersteinTransformer, datasets, make_pipeline
from gan_isi.audit import Estimate, audit
from gan_isi.audit.crossfit import cross_fit, null_distribution
from gan_isi.audit.prepared import prepare
from gan_isi.audit.statements import of_attack, say
from gan_isi.statistics import auc_interval, permutation_p_value


class Blind(ClassifierMixin, BaseEstimator):
    """Sees the mean of each row and no generated image; takes no part of our pipelines."""

    def fit(self, X, y):
        self.model_ = LogisticRegression().fit(X.mean(axis=1, keepdims=True), y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X.mean(axis=1, keepdims=True))

    def predict(self, X):
        return self.model_.predict(X.mean(axis=1, keepdims=True))


@pytest.fixture(scope="module")
def found(attack, world):
    real, used, generated = world(np.random.default_rng(0), n_generated=200)
    result = audit(
        {"copies": attack(), "blind": Blind()},
        real,
        used,
        generated=generated,
        n_permutations=39,
        n_resamples=200,
        random_state=0,
    )
    return result, real, used, generated


def test_a_generator_that_copies_is_found_out(found):
    result, *_ = found
    copies, blind = result.attacks["copies"], result.attacks["blind"]
    assert copies.measures["AUC"].low > 0.85
    assert copies.p_value == 1 / 40
    assert copies.beyond_blind.low > 0
    assert blind.beyond_blind is None
    assert blind.measures["AUC"].low < 0.5 < blind.measures["AUC"].high


def test_scores_are_those_of_folds_written_out_by_hand(found, attack, folds_of):
    _, real, used, generated = found
    ((_, prepared),) = prepare({"copies": attack()}, real, generated)
    answers = cross_fit(prepared, used, folds_of(used, cv=5), seed=3)
    folds = answers.folds[0]
    assert_array_equal(np.unique(folds), np.arange(5))
    for fold in range(5):
        train, test = folds != fold, folds == fold
        fitted = attack().set_params(generated=generated).fit(real[train], used[train])
        assert_allclose(answers.scores[0, test], fitted.decision_function(real[test]))
        assert_array_equal(answers.used[0, test], fitted.predict(real[test]) == 1)
    assert {(folds == fold).sum() for fold in range(5)} == {12}


def test_numbers_agree_with_scikit_learn(found):
    result, _, used, _ = found
    one = result.attacks["copies"]
    folds, scores, guessed = one.answers.folds[0], one.answers.scores[0], one.answers.used[0]
    by_fold = [roc_auc_score(used[folds == f], scores[folds == f]) for f in range(5)]
    assert one.measures["AUC"].value == pytest.approx(np.mean(by_fold))
    assert one.measures["accuracy"].value == pytest.approx(accuracy_score(used, guessed))
    bounds = auc_interval(used, scores, folds, null=one.null["AUC"])
    assert (one.measures["AUC"].low, one.measures["AUC"].high) == bounds


def test_the_blind_attack_is_fitted_as_a_whole(found):
    result, real, used, _ = found
    answers = result.attacks["blind"].answers
    folds = answers.folds[0]
    train, test = folds != 2, folds == 2
    expected = Blind().fit(real[train], used[train]).predict_proba(real[test])
    assert_allclose(answers.scores[0, test], np.log(expected[:, 1] / expected[:, 0]))


def test_the_same_again_and_with_two_jobs(found, attack, without_provenance):
    result, real, used, generated = found
    again = audit(
        {"copies": attack(), "blind": Blind()},
        real,
        used,
        generated=generated,
        n_permutations=39,
        n_resamples=200,
        random_state=0,
        n_jobs=2,
    )
    assert without_provenance(again) == without_provenance(result)
    for kind, values in again.attacks["copies"].null.items():
        assert_array_equal(values, result.attacks["copies"].null[kind])


@pytest.mark.parametrize("classes", [(False, True), (-1, 1)])
def test_labels_of_any_kind(found, attack, classes):
    result, real, used, generated = found
    named = audit(
        {"copies": attack(), "blind": Blind()},
        real,
        np.array(classes)[used],
        generated=generated,
        n_permutations=0,
        n_resamples=200,
        random_state=0,
    )
    assert_allclose(named.attacks["copies"].answers.scores, result.attacks["copies"].answers.scores)
    assert_array_equal(named.classes, classes)
    assert_array_equal(named.labels, used)
    assert np.isnan(named.attacks["copies"].p_value)
    kinds = [one.kind for one in named.statements()["copies"]]
    assert {"auc_as_fitted", "no_permutations"} <= set(kinds)


def test_patients_stay_together(rng, attack, world):
    real, used, generated = world(rng)
    patients = np.repeat(np.arange(30), 2)
    used = np.repeat(used[:30], 2)
    result = audit(
        {"attack": attack(), "blind": Blind()},
        real,
        used,
        generated=generated,
        groups=patients,
        n_permutations=5,
        n_resamples=100,
        random_state=0,
    )
    folds = result.attacks["attack"].answers.folds[0].reshape(30, 2)
    assert_array_equal(folds[:, 0], folds[:, 1])
    (patients,) = (one for one in result.statements()["audit"] if one.kind == "patients")
    assert patients.values == {"n_patients": 30}
    assert result.attacks["attack"].measures["accuracy"].method.startswith("Wilson over groups")


def test_references_among_the_real_images_come_from_the_training_folds_only(rng, attack, world):
    real, used, generated = world(rng, n=20)
    pipeline = attack().set_params(distances__include_real=True)
    ((_, prepared),) = prepare({"attack": pipeline}, real, generated)
    train, test = next(StratifiedKFold(4).split(real, used))
    rows = prepared._rows(test, train)
    expected = PairwiseWassersteinTransformer(include_real=True)
    expected.fit(real[train], generated=generated)
    assert_allclose(rows, expected.transform(real[test]))
    assert prepared.bags.shape == (20, 40, 1)


def test_per_query_evidence_names_the_copy(found):
    result, real, used, generated = found
    frame = result.queries_to_frame("copies")
    nearest = np.abs(real[:, None] - generated[None]).mean(axis=2).argmin(axis=1)
    assert [numbers[0] for numbers in frame["closest_generated"]] == list(nearest)
    assert frame["used"].tolist() == (used == 1).tolist()
    assert frame.loc[frame["used"], "rank"].mean() > 0.7
    with pytest.raises(ValueError, match="No attack is named 'x'; there are "):
        result.queries_to_frame("x")


def test_table_and_json_hold_the_same_numbers(found):
    result, *_ = found
    frame = result.to_frame()
    read = json.loads(result.to_json())
    assert len(read["results"]) == len(frame)
    for row, (_, expected) in zip(read["results"], frame.iterrows(), strict=True):
        assert row["measure"] == expected["measure"]
        if row["value"] is not None:
            assert row["value"] == expected["value"]
    # 30 images not used resolve no rate of 1 %.
    unresolved = frame[(frame.attack == "copies") & (frame.measure == "TPR at FPR 0.01")]
    assert unresolved["value"].isna().all()
    assert "with 30 images not used" in unresolved["method"].item()


def test_what_is_stated_of_an_attack_that_finds_something_and_of_one_that_does_not(found, stated):
    result, *_ = found
    said = {heading: stated(some) for heading, some in result.statements().items()}
    assert list(said) == ["verdict", "what to do next", "audit", "copies", "blind"]
    counts = {"n_used": 30, "n_not_used": 30, "n_generated": 200}
    assert said["audit"] == {"question": {}, "compared": counts, "judged": {"n_folds": 5}}
    copies, blind = result.attacks["copies"], result.attacks["blind"]
    auc = copies.measures["AUC"]
    expected = {"auc": auc.value, "low": auc.low, "high": auc.high, "confidence": 95}
    assert expected.items() <= said["copies"]["auc"].items()
    p_values = {"p_value": 1 / 40, "n_permutations": 39, "p_auc": 1 / 40}
    assert p_values.items() <= said["copies"]["found_as_a_set"].items()
    assert said["copies"]["smallest_p_value"] == {"p_value": 1 / 40}
    # Of the blind attack it is good news.
    assert said["blind"]["blind_not_found"]["p_value"] == blind.p_values["AUC or tail"] > 0.05
    assert said["blind"]["blind_may_miss"] == {"detectable_auc": blind.detectable_auc}
    assert "blind" in said["blind"]
    assert not {"not_found", "blind", "auc_below_chance"} & set(said["copies"])
    unsaid = {"found_as_a_set", "found_a_few", "share_of_images", "not_found"}
    assert not unsaid & set(said["blind"])


def test_single_images_are_counted_only_where_they_can_stand_out(found, attack, world, stated):
    result, *_ = found
    unresolved = stated(result.statements()["copies"])["single_images_unresolved"]
    assert unresolved == {"n_not_used": 6, "smallest": 1 / 7}
    real, used, generated = world(np.random.default_rng(0), n=90, n_generated=300)
    options = {"n_permutations": 0, "n_resamples": 10, "cv": 2, "random_state": 0}
    larger = audit(attack(), real, used, generated=generated, **options)
    one = larger.attacks["attack"]
    counts = [(one.conformal[used == label] <= 0.05).sum() for label in (1, 0)]
    assert counts[0] > 20
    assert stated(larger.statements()["attack"])["single_images"] == {
        "n_used_out": counts[0], "n_used": 45, "n_not_used_out": counts[1], "n_not_used": 45,
        "level": 0.05, "expected": 2.25,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("bounds", "kind"),
    [
        ((0.1, 0.3), "more_than_blind"),
        ((0, 0.3), "perhaps_as_blind"),
        ((-0.1, 0.5), "perhaps_as_blind"),
        ((-0.3, 0), "perhaps_as_blind"),
        ((-0.3, -0.1), "less_than_blind"),
    ],
)
def test_beside_the_blind_attack(found, bounds, kind, stated):
    result, *_ = found
    difference = Estimate(sum(bounds) / 2, *bounds, "by hand")
    changed = replace(result.attacks["copies"], beyond_blind=difference)
    said = stated(of_attack(result, changed))
    expected = {"difference": sum(bounds) / 2, "low": bounds[0], "high": bounds[1]}
    assert said[kind] == expected | {"confidence": 95}
    assert len({"more_than_blind", "perhaps_as_blind", "less_than_blind"} & set(said)) == 1


@pytest.mark.parametrize("value", [0.975, 0.985, 0.565, 0.125])
def test_one_number_is_rounded_once(found, value):
    result, *_ = found
    auc = replace(result.attacks["copies"].measures["AUC"], value=value)
    changed = replace(result.attacks["copies"], measures={"AUC": auc})
    shown = of_attack(result, changed)[0].values
    assert f"{shown['of_100']:.0f}" == f"{shown['auc']:.2f}".removeprefix("0.")


def test_a_notebook_shows_one_line_an_attack(found):
    result, *_ = found
    first, *rest = repr(result).splitlines()
    assert first == "AuditResult(30 used, 30 not used, 200 generated)"
    assert [line.split()[0] for line in rest] == ["copies", "blind"]
    assert rest[0].endswith("p-value 0.025")
    assert f"AUC {result.attacks['copies'].measures['AUC']}," in rest[0]


def test_the_page_stands_alone(found, tmp_path):
    pytest.importorskip("matplotlib", reason='needs the extra "report"')
    result, *_ = found
    page = result.to_html(tmp_path / "audit.html", title="Set <A>")
    assert page == (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert "Set &lt;A&gt;" in page
    assert "http" not in page
    assert page.count("data:image/png;base64,") == 3
    for sentence in result.words()["copies"]:
        assert sentence in page.replace("&#39;", "'")


@pytest.fixture(scope="module")
def pictured():
    pytest.importorskip("matplotlib", reason='needs the extra "report"')
    problem = datasets.make_membership_problem(20, n_generated=15, image_size=32, memorization=0.9)
    attack = make_pipeline("nearest", representation="pixels")
    data = problem.images, problem.target
    return audit(attack, *data, generated=problem.generated, n_permutations=0), problem


def test_pictures_have_to_be_those_of_the_audit(pictured):
    result, problem = pictured
    with pytest.raises(ValueError, match=r"Got 20 real and 14 generated.*was of 20 and 15"):
        result.to_html(real=problem.images, generated=problem.generated[:14])


def test_the_page_draws_the_best_of_many_attacks(attack, world, monkeypatch):
    pytest.importorskip("matplotlib", reason='needs the extra "report"')
    from gan_isi.plotting import LogRocDisplay

    drawn = []
    original = LogRocDisplay.plot

    def record(self, *arguments, **options):
        drawn.append(self.name)
        return original(self, *arguments, **options)

    monkeypatch.setattr(LogRocDisplay, "plot", record)
    real, used, generated = world(np.random.default_rng(0), n=30)
    attacks = {f"attack {number}": attack(n_closest=(1 + number,)) for number in range(8)}
    result = audit(attacks, real, used, generated=generated, n_permutations=0, n_resamples=10)
    page = result.to_html()
    aucs = {name: one.measures["AUC"].value for name, one in result.attacks.items()}
    assert len(drawn) == 6
    assert "blind" in drawn
    left_out = set(aucs) - set(drawn)
    assert max(aucs[n] for n in left_out) <= min(aucs[n] for n in drawn if n != "blind")
    assert say("figure_best", n_drawn=6).text in page


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.zeros(60)}, "Images of both classes, used and not used, are needed"),
        ({"y": np.zeros(3)}, "y has 3 labels for 60 images"),
        ({"cv": 31}, "cv=31 needs at least 31 queries of each class; got 30 not used and 30 used"),
        ({"attacks": {}}, "No attack was given"),
    ],
)
def test_what_is_refused(change, message, rng, attack, world):
    real, used, generated = world(rng)
    arguments = {"attacks": attack(), "X": real, "y": used, "generated": generated} | change
    with pytest.raises(ValueError, match=message):
        audit(**arguments)


@pytest.mark.slow
@pytest.mark.parametrize(("grouped", "n_seeds"), [(False, 200), (True, 100)])
def test_p_values_are_uniform_where_there_is_nothing_to_find(
    grouped, n_seeds, attack, world, folds_of
):
    """Generators that never saw the members."""
    p_values, covered = [], 0
    for seed in range(n_seeds):
        rng = np.random.default_rng(seed)
        real, used, generated = world(rng, n=40, copied=False)
        groups = np.repeat(np.arange(20), 2) if grouped else None
        used = np.repeat(used[:20], 2) if grouped else used
        used = used if used.any() and not used.all() else 1 - used
        ((_, prepared),) = prepare(
            {"attack": attack(GaussianNB(), n_closest=(1,))}, real, generated
        )
        plan = folds_of(used, groups)
        observed = cross_fit(prepared, used, plan, seed=seed + 1000)
        null = null_distribution(prepared, used, plan, n_permutations=9, seed=seed)
        p_values.append(permutation_p_value(observed.auc(used), null["AUC"]))
        low, high = auc_interval(used, observed.scores[0], observed.folds[0], groups)
        covered += low <= 0.5 <= high
    # Multiples of 1/10 become continuous with a random share of a step taken off.
    jitter = np.random.default_rng(0).random(n_seeds) / 10
    assert kstest(np.array(p_values) - jitter, "uniform").pvalue > 0.001
    assert covered / n_seeds >= 0.88  # 95 % intervals, three standard errors of 100


@pytest.mark.slow
def test_power_is_near_one_where_the_generator_copies(attack, world, folds_of):
    found = []
    for seed in range(10):
        real, used, generated = world(np.random.default_rng(seed), n=40, n_generated=120)
        ((_, prepared),) = prepare({"attack": attack(GaussianNB())}, real, generated)
        plan = folds_of(used, cv=4)
        observed = cross_fit(prepared, used, plan, seed=seed)
        null = null_distribution(prepared, used, plan, n_permutations=19, seed=seed)
        found.append(permutation_p_value(observed.auc(used), null["AUC"]) <= 0.05)
    assert np.mean(found) >= 0.9


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*are among those generated:UserWarning")
def test_a_real_generator_is_audited_from_its_images():
    """Pictures, families and folders as a user has them."""
    problem = datasets.make_membership_problem(
        30, n_generated=40, image_size=32, memorization=1.0, random_state=0
    )
    result = audit(
        make_pipeline("nearest"),
        problem.images,
        problem.target,
        generated=problem.generated,
        n_permutations=19,
        random_state=0,
    )
    assert set(result.attacks) == {"attack", "blind"}
    assert result.attacks["attack"].measures["AUC"].value > 0.9
