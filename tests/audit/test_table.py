"""The whole table of an audit, row by row, against scikit-learn and SciPy."""

import numpy as np
import pytest
from scipy.stats import binomtest, norm, t
from sklearn.base import clone
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from gan_isi.audit import audit
from gan_isi.audit.prepared import prepare
from gan_isi.statistics import (
    auc_interval,
    balanced_accuracy,
    bootstrap_decisions,
    conformal_p_values,
    confusion_counts,
    difference_interval,
    permutation_p_value,
    proportion_interval,
    recall_at_fpr,
    recognisable_share,
)

N_PERMUTATIONS = 19


@pytest.fixture(scope="module")
def audited(attack, world):
    real, used, generated = world(np.random.default_rng(5), n=80, n_generated=30)
    attacks = {"closest": attack(n_closest=(1,)), "mean": attack(n_closest=(20,), contrast=None)}
    result = audit(
        attacks, real, used, generated=generated, n_permutations=N_PERMUTATIONS, n_resamples=300,
        fprs=(0.1,), random_state=3,
    )  # fmt: skip
    return result, attacks, real, used, generated


def row(result, name, measure):
    frame = result.to_frame()
    found = frame[(frame.attack == name) & (frame.measure == measure)]
    assert len(found) == 1, measure
    return found.iloc[0]


def permuted_aucs(result, attack, real, used, generated):
    """Permutations written out: the same draws, and folds drawn by scikit-learn."""
    from sklearn.model_selection import StratifiedKFold

    ((_, prepared),) = prepare({"attack": attack}, real, generated)
    seeds = np.random.RandomState(3).randint(np.iinfo(np.int32).max, size=3)
    aucs, recalls = [], []
    for seed in np.random.SeedSequence(int(seeds[1])).generate_state(N_PERMUTATIONS):
        rng = np.random.default_rng(int(seed))
        labels = used[rng.permutation(len(used))]
        fold_seed = int(rng.integers(np.iinfo(np.int32).max))
        state = int(np.random.default_rng(fold_seed).integers(np.iinfo(np.int32).max))
        in_order, pairs, found = 0.0, 0, 0
        for train, test in StratifiedKFold(5, shuffle=True, random_state=state).split(real, labels):
            fitted = clone(prepared.estimator).fit(prepared.rows[train], labels[train])
            scores = fitted.decision_function(prepared.rows[test])
            n_pairs = (labels[test] == 1).sum() * (labels[test] == 0).sum()
            in_order += n_pairs * roc_auc_score(labels[test], scores)
            pairs += n_pairs
            found += (scores[labels[test] == 1] > 0).sum()
        aucs.append(in_order / pairs)
        recalls.append(found / labels.sum())
    return np.array(aucs), np.array(recalls)


def newcombe_quantile(bound, auc, m, n):
    extra = (m + n) / 2 - 1
    variance = bound * (1 - bound) / (m * n)
    variance *= 1 + extra * (1 - bound) / (2 - bound) + extra * bound / (1 + bound)
    return abs(auc - bound) / np.sqrt(variance)


def wilson_quantile(bound, share, n):
    return abs(share - bound) / np.sqrt(bound * (1 - bound) / n)


def test_null_and_intervals_are_those_written_out(audited):
    result, attacks, *data = audited
    used = data[1]
    for name, attack in attacks.items():
        one = result.attacks[name]
        aucs, recalls = permuted_aucs(result, attack, *data)
        np.testing.assert_allclose(one.null["AUC"], aucs)
        np.testing.assert_allclose(one.null["recall"], recalls)
        auc = row(result, name, "AUC")
        effect = max(1, np.mean((aucs - 0.5) ** 2) / (81 / (12 * 40 * 40)))
        for bound in (auc.low, auc.high):
            if 0 < bound < 1:
                found = newcombe_quantile(bound, auc.value, 40 / effect, 40 / effect)
                assert found == pytest.approx(t.ppf(0.975, N_PERMUTATIONS))
        recall = row(result, name, "recall")
        share = recalls.mean()
        effect = max(1, recalls.var(ddof=1) / (share * (1 - share) / used.sum()))
        for bound in (recall.low, recall.high):
            found = wilson_quantile(bound, recall.value, used.sum() / effect)
            assert found == pytest.approx(t.ppf(0.975, N_PERMUTATIONS))
        specificity = row(result, name, "specificity")
        guessed = one.answers.used[0]
        assert specificity.value == pytest.approx(np.mean(~guessed[used == 0]))
        assert specificity.low < specificity.value < specificity.high
        null = one.null["specificity"]
        effect = max(1, null.var(ddof=1) / (null.mean() * (1 - null.mean()) / 40))
        found = wilson_quantile(specificity.low, specificity.value, 40 / effect)
        assert found == pytest.approx(t.ppf(0.975, N_PERMUTATIONS))


def test_values_are_those_of_scikit_learn(audited):
    result, attacks, _, used, _ = audited
    oracles = {
        "accuracy": accuracy_score,
        "precision": precision_score,
        "recall": recall_score,
        "specificity": lambda y, guessed: recall_score(y, guessed, pos_label=0),
        "F1": f1_score,
        "kappa": cohen_kappa_score,
        "balanced accuracy": balanced_accuracy_score,
    }
    for name in [*attacks, "blind"]:
        answers = result.attacks[name].answers
        for measure, oracle in oracles.items():
            found = row(result, name, measure)
            assert found.value == pytest.approx(oracle(used, answers.used[0])), measure
            assert found.low <= found.value <= found.high
        # (40 + 1) 0.1 is the fourth highest of the others.
        scores = answers.scores[0]
        fourth = np.sort(scores[used == 0])[-4]
        tpr = row(result, name, "TPR at FPR 0.1")
        assert tpr.value == np.mean(scores[used == 1] > fourth)
        assert tpr.low <= tpr.value <= tpr.high


def test_p_values_are_shares_of_the_null(audited):
    result, attacks, _, used, _ = audited
    z = []
    for name in [*attacks, "blind"]:
        one = result.attacks[name]
        observed = one.answers.statistics(used, None)
        at_least = {kind: one.null[kind] >= observed[kind] - 1e-12 for kind in observed}
        for kind in ("AUC", "tail", "balanced accuracy"):
            expected = (1 + at_least[kind].sum()) / (N_PERMUTATIONS + 1)
            assert row(result, name, f"p-value ({kind})").value == pytest.approx(expected)
        assert row(result, name, "p-value (AUC or tail)").value >= min(
            one.p_values["AUC"], one.p_values["tail"]
        )
        assert observed["balanced accuracy"] == pytest.approx(
            balanced_accuracy_score(used, one.answers.used[0])
        )
        if name != "blind":
            for kind in ("AUC", "tail"):
                values = np.append(observed[kind], one.null[kind])
                z.append((values - values.mean()) / values.std())
    largest = np.max(z, axis=0)
    for name, own in zip(attacks, (z[:2], z[2:]), strict=True):
        expected = np.mean(largest >= max(own[0][0], own[1][0]) - 1e-12)
        assert row(result, name, "p-value (any attack)").value == pytest.approx(expected)
    assert "any attack" not in result.attacks["blind"].p_values


def influence_correlation(first, other, used):
    """What each query adds to the two AUCs, by brute force."""
    folds, added = first.folds[0], []
    for scores in (first.scores[0], other.scores[0]):
        own = []
        for query in range(len(used)):
            others = (folds == folds[query]) & (used != used[query])
            gaps = (scores[query] - scores[others]) * (1 if used[query] == 1 else -1)
            in_order = (gaps > 0) + (gaps == 0) / 2
            own.append((in_order.sum(), others.sum()))
        sums, counts = np.array(own, dtype=float).T
        auc = sums[used == 1].sum() / counts[used == 1].sum()
        added.append(sums - auc * counts)
    return added[0] @ added[1] / np.sqrt((added[0] @ added[0]) * (added[1] @ added[1]))


def test_differences_to_blind(audited):
    result, attacks, *_ = audited
    blind = result.attacks["blind"]
    for name in attacks:
        one, found = result.attacks[name], row(result, name, "AUC minus blind")
        value, other = one.measures["AUC"], blind.measures["AUC"]
        assert found.value == pytest.approx(value.value - other.value)
        null, other_null = (each.null["AUC"] - 0.5 for each in (one, blind))
        r = (null @ other_null) / np.sqrt((null @ null) * (other_null @ other_null))
        r = min(r, influence_correlation(one.answers, blind.answers, result.labels))
        a, b = value.value - value.low, other.high - other.value
        # The same number of permutations: both intervals have the same quantile.
        assert found.value - found.low == pytest.approx(np.sqrt(a * a - 2 * r * a * b + b * b))
        a, b = value.high - value.value, other.value - other.low
        assert found.high - found.value == pytest.approx(np.sqrt(a * a - 2 * r * a * b + b * b))


def test_power_that_is_printed_is_that_of_the_test(audited, stated):
    result, *_ = audited
    blind = result.attacks["blind"]
    assert row(result, "blind", "detectable AUC").value == blind.detectable_auc
    spread = np.sqrt(np.mean((blind.null["AUC"] - 0.5) ** 2))
    effect = max(1, spread**2 / (81 / (12 * 40 * 40)))
    auc, m = blind.detectable_auc, 40 / effect
    limit = 0.5 + norm.isf(0.025) * np.sqrt((2 * m + 1) / (12 * m * m))
    # The variance of Hanley and McNeil at the AUC that is named leaves 20 % below the limit.
    q, r = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (auc * (1 - auc) + (m - 1) * (q - auc**2) + (m - 1) * (r - auc**2)) / m**2
    assert norm.sf((limit - auc) / np.sqrt(variance)) == pytest.approx(0.8)
    assert stated(result.statements()["blind"])["blind_may_miss"] == {"detectable_auc": auc}


def test_every_row_was_looked_at(audited):
    result, *_ = audited
    seen = {
        "AUC", "accuracy", "precision", "recall", "specificity", "F1", "kappa",
        "balanced accuracy", "TPR at FPR 0.1", "AUC minus blind", "p-value (AUC)",
        "p-value (tail)", "p-value (balanced accuracy)", "p-value (AUC or tail)",
        "p-value (any attack)", "detectable AUC", "recognisable share",
        "AUC of closeness, not learned", "AUC, at most",
    }  # fmt: skip
    assert set(result.to_frame().measure) == seen


def test_wilson_by_scipy_without_permutations(audited, stated):
    _, attacks, real, used, generated = audited
    result = audit(
        attacks["closest"], real, used, generated=generated, n_permutations=0, n_resamples=50,
        random_state=3,
    )  # fmt: skip
    one = result.attacks["attack"]
    for measure, among in (("accuracy", used >= 0), ("recall", used == 1)):
        right = (one.answers.used[0] == (used == 1))[among]
        expected = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
        found = one.measures[measure]
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
        assert "of the fitted scores only" in found.method
    assert {"auc_as_fitted", "no_permutations"} <= set(stated(result.statements()["attack"]))
    assert one.p_values == {}


@pytest.fixture(scope="module")
def patients(attack, world):
    """Patients of one to five images, which are like each other; the larger ones were used."""
    rng = np.random.default_rng(8)
    real, used, generated = world(rng, n=40, n_generated=25)
    sizes = np.where(used == 1, 3, 1) + np.arange(40) % 3
    groups, rows = np.repeat(np.arange(40), sizes), np.repeat(real, sizes, axis=0)
    rows = rows + 0.3 * rng.normal(size=rows.shape)
    tested, untested = (
        audit(
            attack(n_closest=(1,)), rows, np.repeat(used, sizes), generated=generated,
            groups=groups, n_permutations=n, n_resamples=200, fprs=(0.1,), random_state=0,
        )
        for n in (N_PERMUTATIONS, 0)
    )  # fmt: skip
    return tested, untested, np.repeat(used, sizes), groups


def test_with_patients_everything_is_by_patient(patients):
    """Each row with the groups; the functions have their own oracles, and differ without.

    Without permutations, whose spread knows of the patients as well.
    """
    tested, result, used, groups = patients
    one, blind = result.attacks["attack"], result.attacks["blind"]
    scores, folds, guessed = one.answers.scores[0], one.answers.folds[0], one.answers.used[0]

    def bounds(measure):
        found = row(result, "attack", measure)
        return found.low, found.high

    others = {
        "AUC": [auc_interval(used, scores, folds, g) for g in (groups, None)],
        "AUC minus blind": [
            difference_interval(used, scores, blind.answers.scores[0], folds, g)
            for g in (groups, None)
        ],
        "accuracy": [proportion_interval(guessed == used, g) for g in (groups, None)],
        "TPR at FPR 0.1": [recall_at_fpr(used, scores, 0.1, g)[1:] for g in (groups, None)],
    }
    for measure, (with_groups, without) in others.items():
        assert bounds(measure) == pytest.approx(with_groups), measure
        assert with_groups != pytest.approx(without), measure
    counts = confusion_counts(used, guessed, groups)[None]
    seed = int(np.random.RandomState(0).randint(np.iinfo(np.int32).max, size=3)[2])
    options = {"n_resamples": 200, "confidence": 0.95, "seed": seed}
    assert bounds("kappa") == pytest.approx(bootstrap_decisions("kappa", counts, **options))
    rule = row(result, "attack", "AUC of closeness, not learned")
    assert "over groups" in rule.method
    assert one.recognisable == recognisable_share(used, scores, groups)
    observed = balanced_accuracy(used, guessed, groups)
    assert observed != balanced_accuracy(used, guessed)
    permuted = tested.attacks["attack"]
    assert permuted.p_values["balanced accuracy"] == permutation_p_value(
        observed, permuted.null["balanced accuracy"]
    )
    for query in range(len(used)):
        rest = (used == 0) & (folds == folds[query]) & (groups != groups[query])
        expected = conformal_p_values([scores[query]], scores[rest], groups[rest])
        assert one.conformal[query] == expected


def test_ranks_and_decisions_of_each_image(patients):
    result, _, used, _ = patients
    frame, answers = result.queries_to_frame("attack"), result.attacks["attack"].answers
    for query in range(len(used)):
        own = answers.folds[0] == answers.folds[0][query]
        below = (answers.scores[0][own] < answers.scores[0][query]).sum()
        tied = (answers.scores[0][own] == answers.scores[0][query]).sum()
        assert frame["rank"][query] == pytest.approx((below + tied / 2) / own.sum())
    assert frame["used"].tolist() == (used == 1).tolist()
    assert frame["conformal_p"].tolist() == result.attacks["attack"].conformal.tolist()


def test_power_without_permutations_counts_patients(attack, world):
    real, used, generated = world(np.random.default_rng(8), n=40)
    options = {"generated": generated, "n_permutations": 0, "n_resamples": 9, "random_state": 0}
    images = audit(attack(), np.repeat(real, 3, axis=0), np.repeat(used, 3),
                   groups=np.repeat(np.arange(40), 3), **options)  # fmt: skip
    once = audit(attack(), real, used, **options)
    named = [one.attacks["attack"].detectable_auc for one in (images, once)]
    assert named[0] == named[1]
    # By the formula: z(2.5 %) s(1/2) + z(80 %) s(A) above 1/2.
    auc = named[0]
    q, r = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    error = np.sqrt((auc * (1 - auc) + 19 * (q + r - 2 * auc**2)) / 400)
    assert auc - 0.5 == pytest.approx(
        norm.isf(0.025) * np.sqrt(41 / (12 * 400)) + norm.ppf(0.8) * error
    )
