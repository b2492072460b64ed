"""Cost of fitting the pair SVM on many pairs, and what fitting on fewer of them changes.

    python benchmarks/fitting.py [FOLDER] [--pairs N ...] [--max-pairs N ...]

First on pairs that tell nothing: distances between real images, where chance says which
queries were used, so that most pairs become support vectors. libsvm is compared with
scikit-learn-intelex (pip install scikit-learn-intelex), whose SVC takes the place of
scikit-learn's in the `estimator` of `make_pipeline`; the pairs are in single precision as
there, in which it stays, while libsvm turns to double. Then on pairs that tell something:
the built-in problem, fitted on all pairs and on samples of them (`max_pairs`).
"""

import argparse
import importlib.util
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
from _common import figure, load_files, megabytes, peak_resident, print_table, record
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from gan_isi import (
    MembershipClassifier,
    PairwiseWassersteinTransformer,
    datasets,
    make_descriptors,
)

HAS_INTELEX = importlib.util.find_spec("sklearnex") is not None
N_QUERIES, N_HELD_OUT = 160, 20


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", nargs="?")
    arguments.add_argument("--pairs", type=int, nargs="*", default=[5_000, 10_000])
    arguments.add_argument("--libsvm-up-to", type=int, default=40_000, help="leave it out above")
    arguments.add_argument("--max-pairs", type=int, nargs="*", default=[1_000, 3_000])
    arguments.add_argument("--problems", type=int, default=2, help="built-in ones to average")
    arguments.add_argument("--generated", type=int, default=100, help="images of each of them")
    arguments.add_argument("--C", type=float, default=100, help="penalty of the SVM there")
    arguments = arguments.parse_args()
    if not HAS_INTELEX:
        print("scikit-learn-intelex is not installed: its columns are left out.")
    if arguments.pairs:
        vectors = describe_tiles(load_files(arguments.folder))
        compare_machines(vectors, sorted(arguments.pairs), arguments.libsvm_up_to)
        compare_classifiers(vectors, min(arguments.pairs))
    if arguments.max_pairs:
        compare_samples(arguments.max_pairs, arguments.problems, arguments.generated, arguments.C)


def describe_tiles(images):
    """CDF vectors of the ninths of every image, in random order: no two show the same."""
    tiles = []
    for image in images:
        height, width = (length // 3 for length in image.shape[:2])
        corners = [(i * height, j * width) for i in range(3) for j in range(3)]
        tiles += [image[top : top + height, left : left + width] for top, left in corners]
    vectors = make_descriptors(n_jobs=2).fit_transform(tiles)
    return vectors[np.random.default_rng(0).permutation(len(vectors))]


def null_bags(vectors, n_pairs):
    """Bags to fit on and held-out ones, as many pairs as fit into equal bags, and labels."""
    queries, generated = np.split(vectors, [N_QUERIES + N_HELD_OUT])
    n_generated = n_pairs // N_QUERIES
    if not 0 < n_generated <= len(generated):
        most = N_QUERIES * len(generated)
        raise SystemExit(f"--pairs {n_pairs}: these images give {N_QUERIES} to {most} pairs.")
    distances = PairwiseWassersteinTransformer(n_levels=64)
    distances.fit(queries, generated=generated[:n_generated])
    bags = distances.transform(queries)
    used = np.random.default_rng(0).permutation(N_QUERIES) % 2
    return bags[:N_QUERIES], bags[N_QUERIES:], used


def compare_machines(vectors, sizes, libsvm_up_to):
    rows = []
    for size in sizes:
        bags, held_out, used = null_bags(vectors, size)
        scaler = StandardScaler().fit(bags.reshape(-1, bags.shape[2]))
        pairs, scored = (scaler.transform(b.reshape(-1, b.shape[2])) for b in (bags, held_out))
        problem = pairs, np.repeat(used, bags.shape[1]), scored[:1000]
        fits = {}
        if size <= libsvm_up_to:
            fits["sklearn"] = in_new_process(fit_machine, "sklearn", *problem)
        if HAS_INTELEX:
            fits["sklearnex"] = in_new_process(fit_machine, "sklearnex", *problem)
        row = [f"{len(pairs):,}"]
        for package in ("sklearn", "sklearnex"):
            fit = fits.get(package)
            row += (
                [figure(fit["seconds"]), megabytes(fit["peak"]), f"{fit['n_vectors']:,}"]
                if fit
                else ["-"] * 3
            )
        if len(fits) == 2:
            libsvm, intelex = fits.values()
            largest = np.abs(libsvm["values"] - intelex["values"]).max()
            row += [figure(libsvm["seconds"] / intelex["seconds"]), f"{largest:.0e}"]
        rows.append(row + ["-"] * (9 - len(row)))
    shown = slice(None) if HAS_INTELEX else slice(4)
    header = ["pairs", "libsvm, seconds", "MB", "support vectors"]
    header += ["intelex, seconds", "MB", "support vectors", "libsvm / intelex"]
    header += ["largest difference of 1,000 held-out decision values"]
    print_table(
        "One fit of the RBF SVM on pairs of 65 maps; MB is what the fit adds to the process",
        header[shown],
        [row[shown] for row in rows],
    )


def compare_classifiers(vectors, size):
    bags, _, used = null_bags(vectors, size)
    rows = []
    for package in ("sklearn", "sklearnex")[: 1 + HAS_INTELEX]:
        fits = np.array([in_new_process(fit_classifier, package, bags, used) for _ in range(5)])
        name = "libsvm" if package == "sklearn" else "intelex"
        record(f"MembershipClassifier, one fit of {name}", fits[:, 1] / fits[:, 0])
        whole, single = fits.min(axis=0)
        rows.append([name, figure(whole), figure(single), figure(whole / single)])
    print_table(
        f"MembershipClassifier.fit on {bags.shape[0] * bags.shape[1]:,} pairs, one job, the 5 fits "
        "and scores of the calibration included",
        ["", "seconds", "one fit of its estimator", "ratio"],
        rows,
    )


def compare_samples(sizes, n_problems, n_generated, C):
    """Held-out results by the number of pairs that are fitted on, over several problems.

    C=100, because the SVM hardly finds the copies with its default. Where its values out of
    fold tell too little, the logistic may slope the wrong way, which turns all scores round.
    """
    results = {size: [] for size in [None, *sizes]}
    for seed in range(n_problems):
        bags, used = built_in_bags(n_generated, seed)
        known, held_out = np.split(np.arange(len(bags)), 2)
        for size, of_problems in results.items():
            estimator = make_pipeline(StandardScaler(), SVC(C=C))
            attack = MembershipClassifier(estimator, max_pairs=size, random_state=seed, n_jobs=2)
            start = time.perf_counter()
            attack.fit(bags[known], used[known])
            seconds = time.perf_counter() - start
            scores = attack.predict_proba(bags[held_out])[:, 1]
            if size is None:
                of_all = scores, roc_auc_score(used[held_out], scores)
            area = roc_auc_score(used[held_out], scores)
            correlation = np.corrcoef(scores, of_all[0])[0, 1]
            low, high = attack.pair_calibrator_.predict([0.0, 1.0])
            of_problems.append([seconds, area, area - of_all[1], correlation, high < low])
    rows = []
    for size, of_problems in results.items():
        seconds, area, change, correlation, falls = np.mean(of_problems, axis=0)
        spread = np.std(of_problems, axis=0)[2]
        name = f"{size:,}" if size else f"all {len(known) * n_generated:,}"
        rows.append([name, f"{seconds:.1f}", f"{area:.3f}", f"{change:+.3f} ± {spread:.3f}"])
        rows[-1] += [f"{correlation:.3f}", f"{falls * n_problems:.0f} of {n_problems}"]
    print_table(
        f"max_pairs with C={C:g}: mean of {n_problems} built-in problems (memorization 0.98), "
        f"{len(known)} queries fitted on, {len(held_out)} held out",
        [
            "pairs fitted on",
            "seconds",
            "AUC",
            "change (± deviation)",
            "correlation with the scores of all",
            "sigmoid falls",
        ],
        rows,
    )


def built_in_bags(n_generated, seed):
    problem = datasets.make_membership_problem(
        120, n_generated=n_generated, memorization=0.98, random_state=seed
    )
    descriptors = make_descriptors(n_jobs=2).fit(problem.images)
    real, generated = (descriptors.transform(i) for i in (problem.images, problem.generated))
    distances = PairwiseWassersteinTransformer(n_levels=64).fit(real, generated=generated)
    return distances.transform(real), problem.target


def in_new_process(function, *arguments):
    """Call in a process of its own, where nothing that ran before blurs the memory."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        return executor.submit(function, *arguments).result()


def svc_of(package):
    if package == "sklearn":
        return SVC()
    from sklearnex.svm import SVC as IntelSVC

    return IntelSVC()


def fit_machine(package, pairs, labels, scored):
    machine = svc_of(package)
    before, start = peak_resident(), time.perf_counter()
    machine.fit(pairs, labels)
    seconds, peak = time.perf_counter() - start, peak_resident() - before
    return {
        "seconds": seconds,
        "peak": peak,
        "n_vectors": len(machine.support_vectors_),
        "values": machine.decision_function(scored),
    }


def fit_classifier(package, bags, used):
    """Seconds of the whole fit, and of one fit of its estimator on all pairs."""
    estimator = make_pipeline(StandardScaler(), svc_of(package))
    start = time.perf_counter()
    MembershipClassifier(estimator).fit(bags, used)
    between = time.perf_counter()
    estimator.fit(bags.reshape(-1, bags.shape[2]), np.repeat(used, bags.shape[1]))
    return between - start, time.perf_counter() - between


if __name__ == "__main__":
    main()
