"""Do the statements of an audit hold at their rate, for attacks that learn?

Simulated audits of an attack fitted on numbers that tell nothing, or that give it a known
expected AUC, with and without patients of several images: how often the intervals hold the
truth, how often an alarm is false, and how often what the power sentence names was noticed.
The truth is the expectation over training sets of the size of those of the folds, on queries of
new patients. Two attacks learn: regularised least squares, and the classifier of the recommended
attack on its summaries of the chest X-rays of a real generator, with labels drawn by chance.

    python benchmarks/audit_simulation.py [--audits 400] [--permutations 39] [--quick]
"""

import argparse
from functools import cache

import numpy as np
from _common import KNOWN_IMAGES, print_table
from joblib import Parallel, delayed
from sklearn.model_selection import StratifiedKFold

from gan_isi import datasets, make_pipeline
from gan_isi.audit.crossfit import Folds, cross_fit, null_distribution
from gan_isi.audit.measures import Sampling, beyond_blind, measure
from gan_isi.audit.prepared import Answers, _LabelledPart
from gan_isi.statistics import (
    detectable_auc,
    min_p_value,
    permutation_p_value,
    recognisable_share,
    within_fold_auc,
)

#: Columns: the first tells, the blind attack sees the last nine.
N_COLUMNS, N_BLIND = 18, 9

#: Numbers of used and other patients.
SIZES = ((20, 20), (40, 40), (100, 100), (10, 100))

NO_NULL = {name: np.empty(0) for name in ("AUC", "accuracy", "recall", "specificity")}


def draw(rng, n_used, n_other, gap, n_images):
    """Rows, labels and patients: half of the variance is that of a patient."""
    y = rng.permutation(np.repeat([1, 0], [n_used, n_other]))
    rows = rng.normal(size=(len(y), N_COLUMNS))
    groups = np.repeat(np.arange(len(y)), n_images)
    if n_images > 1:
        own = rng.normal(size=(len(groups), N_COLUMNS))
        rows = np.sqrt(0.5) * (rows[groups] + own)
    labels = y[groups]
    rows[:, 0] += gap * labels
    return rows, labels, groups


class PatientFolds:
    """Stratified folds of patients with one label and as many images each.

    What scikit-learn's folds of groups are here as well, without their time.
    """

    n_splits, shuffle, random_state = 5, True, None

    def split(self, X, y, groups):
        patients, first = np.unique(groups, return_index=True)
        folds = StratifiedKFold(self.n_splits, shuffle=True, random_state=self.random_state)
        for _, held_out in folds.split(patients, y[first]):
            test = np.isin(groups, patients[held_out])
            yield np.flatnonzero(~test), np.flatnonzero(test)


class LeastSquares:
    """Regularised least squares on standardised rows: an attack that learns, in microseconds."""

    bags = None

    def __init__(self, rows):
        self.rows = rows

    def answer(self, train, labels, test):
        known = self.rows[train]
        center, spread = known.mean(axis=0), known.std(axis=0)
        known = (known - center) / spread
        gram = known.T @ known + 0.1 * len(known) * np.eye(known.shape[1])
        weights = np.linalg.solve(gram, known.T @ (labels - labels.mean()))
        scores = (self.rows[test] - center) / spread @ weights
        return Answers(scores, scores > 0.5 - labels.mean())


@cache
def truth(n_used, n_other, gap, n_images, n_fits=300):
    """Expected AUC and accuracy of fits on four fifths of the patients."""
    if not gap:
        return 0.5, None
    rng, aucs, rates = np.random.default_rng(0), [], []
    for _ in range(n_fits):
        rows, labels, _ = draw(rng, round(0.8 * n_used), round(0.8 * n_other), gap, n_images)
        new, new_labels, _ = draw(rng, 300, 300, gap, 1)
        attack = LeastSquares(np.vstack([rows, new]))
        found = attack.answer(np.arange(len(rows)), labels, len(rows) + np.arange(len(new)))
        aucs.append(within_fold_auc(new_labels, found.scores))
        rates.append([np.mean(found.used[new_labels == own] == own) for own in (1, 0)])
    recall, specificity = np.mean(rates, axis=0)
    accuracy = (n_used * recall + n_other * specificity) / (n_used + n_other)
    return float(np.mean(aucs)), float(accuracy)


@cache
def gap_for(n_used, n_other, auc, n_images):
    """The distance of the classes at which the expected AUC is as wanted."""
    low, high = 0.0, 6.0
    while auc > 0.5 and high - low > 0.02:
        middle = (low + high) / 2
        reached = truth(n_used, n_other, middle, n_images, n_fits=100)[0]
        low, high = (middle, high) if reached < auc else (low, middle)
    return high if auc > 0.5 else 0.0


def one_audit(seed, classifier, rows, labels, groups, expected, n_permutations):
    """What an audit says of an attack, and whether that is so."""
    auc, accuracy = expected
    splitter = None if groups is None else PatientFolds()
    plan = Folds(np.arange(len(labels)), np.arange(0), groups, 5, 1, splitter)
    attack = (
        LeastSquares(rows)
        if classifier is None
        else _LabelledPart(classifier, rows, None, with_real=False)
    )
    attacks = attack, LeastSquares(rows[:, -N_BLIND:])
    answers = [cross_fit(one, labels, plan, seed=seed) for one in attacks]
    nulls = [
        null_distribution(one, labels, plan, n_permutations=n_permutations, seed=seed)
        for one in attacks
    ]
    sampling = Sampling(labels, groups, 1, 0.95, 0)
    found = {}
    for kind, null, blind_null in (("", *nulls), ("scores only: ", NO_NULL, NO_NULL)):
        table = measure(answers[0], (), sampling, null)
        found[f"{kind}AUC"] = table["AUC"].low <= auc <= table["AUC"].high
        if accuracy is not None:
            found[f"{kind}accuracy"] = table["accuracy"].low <= accuracy <= table["accuracy"].high
        beyond = beyond_blind(answers[0], null, (answers[1], blind_null), sampling)
        found[f"{kind}beyond blind"] = beyond.low > 0
        found[f"{kind}difference"] = beyond.low <= auc - 0.5 <= beyond.high
    observed = answers[0].statistics(labels, groups)
    tested = ["AUC", "tail"]
    found["p AUC"] = permutation_p_value(observed["AUC"], nulls[0]["AUC"]) <= 0.05
    both = np.column_stack([nulls[0][name] for name in tested])
    found["p AUC or tail"] = min_p_value([observed[name] for name in tested], both) <= 0.05
    found["recognisable"] = recognisable_share(labels, answers[0].scores[0], groups) > 0
    sizes = [(labels == own).sum() for own in (1, 0)]
    found["named"] = detectable_auc(*sizes, null=nulls[0]["AUC"], significance=0.025)
    return found


def simulate(make, n_audits, n_permutations, n_jobs):
    """Means over audits; `make(seed)` gives what `one_audit` takes."""
    rows = Parallel(n_jobs)(
        delayed(one_audit)(seed, *make(seed), n_permutations) for seed in range(n_audits)
    )
    names = set().union(*rows)
    return {name: np.nanmean([row.get(name, np.nan) for row in rows]) for name in names}


def drawn(n_used, n_other, gap, n_images):
    expected = truth(n_used, n_other, gap, n_images)
    if not gap:  # labels by chance: the decisions are right as often as two coins agree
        expected = 0.5, 0.5 if n_used == n_other else None

    def make(seed):
        rows, labels, groups = draw(np.random.default_rng(seed), n_used, n_other, gap, n_images)
        return None, rows, labels, groups if n_images > 1 else None, expected

    return make


def summaries_of_real_bags():
    """Rows of the recommended attack on a real generator, and its classifier of them."""
    if not KNOWN_IMAGES.is_dir():
        return None
    problem = datasets.load_membership(KNOWN_IMAGES)
    attack = make_pipeline("recommended", generated=problem.generated)
    attack.fit(problem.images, problem.target)
    membership = attack.named_steps["membership"]
    # Standardised once, for which no labels are needed.
    return membership.summaries(attack[:-1].transform(problem.images)), membership.estimator_


def labelled_by_chance(summaries, classifier, n_used, n_other):
    def make(seed):
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(len(summaries))[: n_used + n_other]
        labels = rng.permutation(np.repeat([1, 0], [n_used, n_other]))
        return classifier, summaries[chosen], labels, None, (0.5, None)

    return make


def row_of(name, auc, found):
    def pair(kind):
        if kind not in found:
            return ""
        return f"{found[kind]:.3f} ({found[f'scores only: {kind}']:.3f})"

    alarms = [f"{found[kind]:.3f}" for kind in ("p AUC", "p AUC or tail", "recognisable")]
    return [name, f"{auc:.2f}", *map(pair, ("AUC", "accuracy", "difference", "beyond blind")),
            *alarms, f"{found['named']:.2f}"]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--audits", type=int, default=400, help="half as many where AUC > 0.5")
    parser.add_argument("--permutations", type=int, default=39)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="the smallest sizes only")
    options = parser.parse_args()
    sizes = SIZES[:1] if options.quick else SIZES
    rows = []

    def add(name, auc, make):
        n_audits = options.audits if auc == 0.5 else options.audits // 2
        # With few permutations a test at 5 % loses power.
        n_permutations = 99 if name.endswith("named") else options.permutations
        found = simulate(make, n_audits, n_permutations, options.jobs)
        rows.append(row_of(name, auc, found))
        print(" | ".join(rows[-1]), flush=True)
        return found

    for n_images in (1, 4):
        for n_used, n_other in sizes:
            shown = f"{n_used} + {n_other}" + (f" patients of {n_images}" if n_images > 1 else "")
            named = None
            for auc in (0.5, 0.7, 0.9):
                gap = gap_for(n_used, n_other, auc, n_images)
                expected = truth(n_used, n_other, gap, n_images)[0]
                found = add(shown, expected, drawn(n_used, n_other, gap, n_images))
                named = found["named"] if auc == 0.5 else named
            if np.isfinite(named):
                gap = gap_for(n_used, n_other, round(named, 2), n_images)
                expected = truth(n_used, n_other, gap, n_images)[0]
                add(f"{shown}, named", expected, drawn(n_used, n_other, gap, n_images))
    real = summaries_of_real_bags()
    for n_used, n_other in sizes[:3] if real else ():
        make = labelled_by_chance(*real, n_used, n_other)
        add(f"{n_used} + {n_other}, recommended", 0.5, make)
    print_table(
        "Share of audits; in brackets without permutations",
        ["used + other", "true AUC", "AUC", "accuracy", "difference", "beyond blind", "p AUC",
         "p AUC or tail", "recognisable", "named"],
        rows,
    )  # fmt: skip


if __name__ == "__main__":
    main()
