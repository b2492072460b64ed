"""Time of scoring pairs with an RBF SVM, beside libsvm's own loop.

    python benchmarks/scoring.py [FOLDER]

The pairs are distances between real images, and the labels are random, so that nearly
every training pair becomes a support vector: about 20,000 of them.
"""

import sys

import numpy as np
from _common import (
    load_pictures,
    megabytes,
    peak_allocated,
    print_table,
    record,
    side_by_side,
)
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from gan_isi import PairwiseWassersteinTransformer, make_descriptors
from gan_isi.membership.svm import decision_values

N_TRAINING, N_SCORED = 21_000, 1_000


def main():
    pictures = load_pictures(*sys.argv[1:2])
    pictures = np.concatenate([pictures, pictures[:, ::2, ::2].repeat(2, 1).repeat(2, 2)])
    vectors = make_descriptors(n_jobs=2).fit_transform(pictures)
    distances = PairwiseWassersteinTransformer(n_levels=64).fit_transform(vectors)
    rows = StandardScaler().fit_transform(distances.reshape(-1, 65).astype(float))
    rng = np.random.default_rng(0)
    rows = rows[rng.permutation(len(rows))]
    machine = SVC(cache_size=2000).fit(rows[:N_TRAINING], rng.integers(0, 2, N_TRAINING))
    scored = rows[N_TRAINING : N_TRAINING + N_SCORED]
    expected = machine.decision_function(scored)

    def score(n_jobs):
        return decision_values(machine, scored.reshape(4, -1, 65), n_jobs=n_jobs)

    works = {
        "libsvm": lambda: machine.decision_function(scored),
        "ours, 1 thread": lambda: score(1),
        "ours, 2 threads": lambda: score(2),
    }
    seconds = side_by_side(*works.values())
    theirs = seconds[:, 0]
    results = []
    for (name, work), own in zip(works.items(), seconds.T, strict=True):
        largest = np.abs(np.ravel(work()) - expected).max()
        speeds = f"{1e6 * own.min() / N_SCORED:.0f}", f"{theirs.min() / own.min():.1f}"
        results.append([name, *speeds, f"{largest:.0e}", megabytes(peak_allocated(work))])
        if name != "libsvm":
            record(name, theirs / own)
    print_table(
        f"Scoring pairs with {len(machine.support_vectors_)} support vectors of 65 maps",
        ["", "microseconds a pair", "libsvm / ours", "largest difference", "peak MB"],
        results,
    )


if __name__ == "__main__":
    main()
