"""The whole attack at the size of the challenge, stage by stage, beside its peers.

    python benchmarks/challenge.py [FOLDER] [--quick] [--max-pairs N] [--fast] ...

ImageCLEFmedical GANs 2023 gave 160 real and 500 generated images to learn from, and 200
real ones to compare with 10,000 generated. Here these are images of FOLDER, flipped and
shifted, each made from its file when it is asked for. Nothing is memorised and membership
is drawn at random: what is measured is what the attack costs, not what it finds.

The peers are measured on a slice, in one process, and extrapolated: the descriptors of
descriptors.py, `scipy.stats.wasserstein_distance` on the raw maps, and libsvm.

With --fast (extras `fast` and `intelex`) the pairs are fitted with scikit-learn-intelex and scored
in single precision; at the end comes how far that is from libsvm in double precision, on a slice.
"""

import argparse
import time

import numpy as np
from _common import (
    Resampled,
    SampledMemory,
    fastest,
    figure,
    load_files,
    megabytes,
    print_table,
    resampled_vectors,
)
from descriptors import PEERS, sort_each
from scipy.stats import wasserstein_distance
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import gen_batches

from gan_isi import make_pipeline
from gan_isi._validation.images import to_grey
from gan_isi.membership import decision_values

QUICK = {"train_real": 40, "train_generated": 100, "test_real": 40, "test_generated": 500}


def main():
    arguments = parse_arguments()
    sources = load_files(arguments.folder)
    stages = Stages()
    attack, bags, labels, asked = run(arguments, sources, stages)
    peers = measure_peers(sources, bags, labels)
    if not arguments.fast:
        del peers["pairs fitted"]
    machine = attack.named_steps["membership"].estimator_[-1]
    stages.print(peers, len(machine.support_vectors_))
    if arguments.fast:
        compare_with_libsvm(attack, bags, labels, asked, arguments.compare)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--train-real", type=int, default=160)
    parser.add_argument("--train-generated", type=int, default=500)
    parser.add_argument("--test-real", type=int, default=200)
    parser.add_argument("--test-generated", type=int, default=10_000)
    parser.add_argument("--max-pairs", type=int, default=0, help="to fit on; 0 takes all")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument(
        "--fast", action="store_true", help="scikit-learn-intelex and single precision"
    )
    parser.add_argument(
        "--compare",
        type=int,
        default=16_000,
        help="pairs that --fast and libsvm both fit at the end",
    )
    parser.add_argument("--quick", action="store_true", help="a small run, to see that it works")
    parser.add_argument(
        "--vectors-only",
        action="store_true",
        help="describe the images of FOLDER alone and vary their vectors, not the images",
    )
    if parser.parse_args().quick:
        parser.set_defaults(**QUICK)
    return parser.parse_args()


class Stages:
    """The clock: what was done in how many seconds, and the memory it took."""

    def __init__(self):
        self.done, self.memory = [], SampledMemory()

    def run(self, name, amount, unit, function):
        start = time.perf_counter()
        result = function()
        seconds = time.perf_counter() - start
        self.memory.look()
        peak = self.memory.peak
        self.done.append((name, amount, unit, seconds, peak))
        print(f"{name}: {seconds:.1f} s, {megabytes(peak)} MB at most so far", flush=True)
        return result

    def print(self, peers, n_vectors):
        """Print the table; peers maps a unit to seconds, as a function of the amount."""
        rows, ours, theirs = [], 0.0, 0.0
        for name, amount, unit, seconds, peak in self.done:
            peer = peers[unit](amount, n_vectors) if unit in peers else seconds
            rate = f"{amount / seconds:,.0f} {unit.split()[0]}"
            row = [name, figure(seconds), rate, figure(peer), figure(peer / seconds)]
            rows.append([*row, megabytes(peak)])
            ours, theirs = ours + seconds, theirs + peer
        rows.append(["all", figure(ours), "", figure(theirs), figure(theirs / ours), ""])
        print_table(
            f"Cost at the challenge's size; the SVM has {n_vectors:,} support vectors",
            [
                "stage",
                "seconds",
                "a second",
                "peer, extrapolated, seconds",
                "peer / ours",
                "peak memory so far, MB",
            ],
            rows,
        )
        print(
            "\nPeers: in one process, without reading files. Nearly all of their sum is"
            "\nwasserstein_distance on the raw maps. A fit with libsvm is its own peer; beside"
            "\nanother, libsvm's is taken to grow with the square of the pairs, which is too little"
            "\nonce its cache of the kernel is full, times 1 + 5 * 0.8^2 for the fits of the"
            "\ncalibration. libsvm's scoring grows with the support vectors; ours includes the"
            "\ndistances, the peer's does not. Memory: this process and its workers at one time,"
            "\nlooked at ten times a second, what they share counted once."
        )


def run(arguments, sources, stages):
    """The attack, each step by hand to see its time; what a pipeline does is the same."""
    n_train, n_test = arguments.train_real, arguments.test_real
    attack = make_pipeline(
        svm="intelex" if arguments.fast else "libsvm",
        max_pairs=arguments.max_pairs or None,
        random_state=0,
        n_jobs=arguments.n_jobs,
    )
    descriptors, distances, membership = (step for _, step in attack.steps)
    descriptors.fit(sources)
    used = np.random.default_rng(0).permutation(n_train) % 2
    n_pairs = n_train * arguments.train_generated
    n_fitted = min(n_pairs, arguments.max_pairs or n_pairs)
    n_scored = n_test * arguments.test_generated
    machine = "scikit-learn-intelex, single precision" if arguments.fast else "libsvm"
    print(
        f"Only cost is measured: nothing is memorised, membership is random. n_jobs="
        f"{arguments.n_jobs}, {machine}, fitted on {n_fitted:,} of {n_pairs:,} pairs "
        f"(--max-pairs {arguments.max_pairs}).",
        flush=True,
    )

    if arguments.vectors_only:
        distinct = stages.run(
            "describe the folder", len(sources), "images", lambda: descriptors.transform(sources)
        )

    def describe(name, n_images, seed):
        if arguments.vectors_only:
            return resampled_vectors(distinct, n_images, seed)
        images = Resampled(sources, n_images, seed)
        return stages.run(name, n_images, "images", lambda: descriptors.transform(images))

    real = describe(f"describe {n_train} real to fit", n_train, 1)
    generated = describe(
        f"describe {arguments.train_generated} generated to fit", arguments.train_generated, 2
    )
    bags = stages.run(
        f"distances of {n_pairs:,} pairs",
        n_pairs,
        "pairs compared",
        lambda: distances.fit(real, generated=generated, blocks=descriptors.blocks_).transform(
            real
        ),
    )
    stages.run(
        f"fit on {n_fitted:,} pairs", n_fitted, "pairs fitted", lambda: membership.fit(bags, used)
    )
    queries = describe(f"describe {n_test} real to ask about", n_test, 3)
    generated = describe(
        f"describe {arguments.test_generated:,} generated", arguments.test_generated, 4
    )
    retargeted = distances.retarget(generated)
    attack.steps[1] = ("distances", retargeted)
    at_once = max(1, 500_000 // arguments.test_generated)  # 130 MB of distances
    stages.run(
        f"distances of {n_scored:,} pairs",
        n_scored,
        "pairs compared",
        lambda: [retargeted.transform(queries[few]).shape for few in gen_batches(n_test, at_once)],
    )
    stages.run(
        f"scores of {n_scored:,} pairs",
        n_scored,
        "pairs scored",
        lambda: [attack[1:].predict_proba(queries[few]) for few in gen_batches(n_test, at_once)],
    )
    return attack, bags, used, retargeted.transform(queries[:8])


def compare_with_libsvm(attack, bags, labels, asked, n_pairs):
    """Print the largest differences from libsvm in double precision.

    Of the whole machine evaluated in both precisions on some pairs that it was not fitted on, and
    of the attack fitted on a slice of the pairs in both ways.
    """
    membership = attack.named_steps["membership"]
    few = asked[:, :: -(-asked.shape[1] // 500)]
    single, double = (
        decision_values(membership.estimator_, few, n_jobs=2, precision=precision)
        for precision in ("single", "double")
    )
    print(
        f"\nSingle from double precision, {single.size:,} pairs, all support vectors: decision "
        f"values differ by at most {np.abs(single - double).max():.1e}."
    )
    part = bags[:, :: max(1, bags.shape[0] * bags.shape[1] // n_pairs)]
    found, seconds = [], []
    for svm in ("intelex", "libsvm"):
        steps = make_pipeline(svm=svm, n_jobs=membership.n_jobs).named_steps
        start = time.perf_counter()
        fitted = steps["membership"].fit(part, labels)
        seconds.append(time.perf_counter() - start)
        values = decision_values(fitted.estimator_, few, n_jobs=2, precision=fitted.precision)
        found.append([values, fitted.predict_pair_proba(few), fitted.predict_proba(few)[:, 1]])
    values, pairs, scores = (np.abs(a - b).max() for a, b in zip(*found, strict=True))
    print(
        f"Fitted on {part.shape[0] * part.shape[1]:,} pairs in {seconds[0]:.1f} s (libsvm "
        f"{seconds[1]:.1f} s), largest differences from libsvm in double precision: decision "
        f"values of pairs {values:.1e}, probabilities of pairs {pairs:.1e}, scores of "
        f"images {scores:.1e}."
    )


def measure_peers(sources, bags, labels):
    """Seconds of the peers as functions of an amount and the number of support vectors."""
    pictures = [np.rint(255 * to_grey(image)).astype(np.uint8) for image in sources[:3]]
    maps = [[peer(picture) for peer in PEERS.values()] for picture in pictures[:2]]
    of_images, _ = fastest(
        lambda: [sort_each(peer(picture)) for picture in pictures for peer in PEERS.values()], 2
    )
    gabor = list(PEERS).index("gabor")
    first, second = (np.ravel(of_picture[gabor][9]) for of_picture in maps)
    of_distance, _ = fastest(lambda: wasserstein_distance(first, second))

    n_maps = bags.shape[2]
    few = bags[:, :: -(-bags.shape[1] // 30)]  # about 30 pairs of every query
    n_sliced = few.shape[0] * few.shape[1]
    rows = StandardScaler().fit_transform(few.reshape(-1, n_maps).astype(float))
    of_fit, machine = fastest(lambda: SVC().fit(rows, np.repeat(labels, few.shape[1])), 2)
    of_scores, _ = fastest(lambda: machine.decision_function(rows[:200]))
    of_one_score = of_scores / len(rows[:200]) / len(machine.support_vectors_)

    return {
        "images": lambda n, _: n * of_images / len(pictures),
        "pairs compared": lambda n, _: n * n_maps * of_distance,
        "pairs fitted": lambda n, _: (1 + 5 * 0.8**2) * of_fit * (n / n_sliced) ** 2,
        "pairs scored": lambda n, n_vectors: n * n_vectors * of_one_score,
    }


if __name__ == "__main__":
    main()
