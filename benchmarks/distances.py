"""Time of the distances query x generated, beside SciPy.

    python benchmarks/distances.py [FOLDER]

Ours compares the CDF vectors of 200 queries with those of 2,000 generated images in one
thread. Peers: scipy.stats.wasserstein_distance on the raw values of a map, extrapolated from
one pair, and the same vectors compared by broadcasting in NumPy, query by query. Memory is
that of the first 20 queries, of one pair for wasserstein_distance.
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
from scipy.stats import wasserstein_distance

from gan_isi import make_descriptors
from gan_isi.distances import wasserstein_distances

N_QUERIES, N_GENERATED = 200, 2000


def main():
    pictures = load_pictures(*sys.argv[1:2])
    union = make_descriptors(n_jobs=2)
    vectors = union.fit_transform(pictures).reshape(len(pictures), 65, -1)
    queries = np.resize(vectors, (N_QUERIES, *vectors.shape[1:]))
    generated = np.resize(vectors[::-1], (N_GENERATED, *vectors.shape[1:]))
    n_pairs = N_QUERIES * N_GENERATED * 65

    def by_broadcasting():
        return [np.abs(generated - query).mean(axis=2) for query in queries[:20]]

    distances = wasserstein_distances(queries[:20], generated)
    np.testing.assert_allclose(distances, by_broadcasting(), rtol=1e-4, atol=1e-7)
    first, second = (union.transformers_[1][1].feature_maps(p)[9].ravel() for p in pictures[:2])
    seconds = side_by_side(
        lambda: wasserstein_distances(queries, generated),
        by_broadcasting,
        lambda: wasserstein_distance(first, second),
    )
    record("NumPy, the same vectors", 10 * seconds[:, 1] / seconds[:, 0])
    record("wasserstein_distance, raw maps", n_pairs * seconds[:, 2] / seconds[:, 0])
    ours, broadcast, of_one_pair = seconds.min(axis=0)

    def row(name, seconds, note, function):
        return [
            name,
            f"{seconds:.1f}",
            f"{1e9 * seconds / n_pairs:.0f}",
            f"{seconds / ours:.0f}",
            megabytes(peak_allocated(function)),
            note,
        ]

    print_table(
        f"{N_QUERIES} x {N_GENERATED} x 65 distances, one thread",
        ["", "seconds", "ns a distance", "ratio to ours", "peak MB", ""],
        [
            row(
                "ours, 64 numbers a map",
                ours,
                "measured",
                lambda: wasserstein_distances(queries[:20], generated),
            ),
            row(
                "NumPy, the same vectors",
                10 * broadcast,
                "extrapolated from 20 queries",
                by_broadcasting,
            ),
            row(
                "wasserstein_distance, raw maps",
                n_pairs * of_one_pair,
                "extrapolated from 1 pair",
                lambda: wasserstein_distance(first, second),
            ),
        ],
    )


if __name__ == "__main__":
    main()
