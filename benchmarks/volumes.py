"""Does one answer a volume tell more than one a slice?

    python benchmarks/volumes.py [--seeds N]

Phantoms: an ellipsoid of 40 x 40 x 16 voxels with smooth random tissue inside, half of them used.
The generator makes slices: of each a share of the tissue comes from a slice of a used volume,
the rest is its own. The AUC of slices is that of an audit with groups=, that of volumes one with
volumes= (the mean of a volume's scores); "largest" is the largest score of a volume instead.
"""

import numpy as np
from _common import options_of_runs, print_means
from scipy.ndimage import gaussian_filter
from sklearn.utils.parallel import Parallel, delayed

from gan_isi import audit, make_pipeline
from gan_isi.statistics import within_fold_auc

SHAPE = 16, 40, 40
SHARES = 0.0, 0.05, 0.1
N_VOLUMES, N_GENERATED = 40, 320


def make_tissue(n, shape, rng):
    """Random fields of variance 1, coarse and fine, along all axes but the first."""
    fields = []
    for sigma in (4, 1.5):
        field = gaussian_filter(rng.standard_normal((n, *shape)), (0, *[sigma] * len(shape)))
        fields.append(field / field.std())
    return np.sum(fields, axis=0) / np.sqrt(2)


def as_pictures(tissue):
    """Grey slices of 8 bits of an ellipsoid, (n, slices, height, width)."""
    z, y, x = (np.linspace(-1, 1, size + 2)[1:-1] for size in SHAPE)
    inside = (0.3 * z[:, None, None] ** 2 + (y[:, None] / 0.9) ** 2 + (x / 0.75) ** 2) < 1
    return np.clip(np.where(inside, 120 + 35 * tissue, 10), 0, 255).astype(np.uint8)


def make_problem(share, seed):
    """Slices, their labels and volumes, and generated slices."""
    rng = np.random.default_rng([seed, 14])
    tissue = make_tissue(N_VOLUMES, SHAPE, rng)
    used = rng.permutation(N_VOLUMES) < N_VOLUMES // 2
    sources = rng.choice(np.flatnonzero(used), N_GENERATED)
    places = rng.integers(SHAPE[0], size=N_GENERATED)
    own = make_tissue(N_GENERATED, SHAPE[1:], rng)
    mixed = np.sqrt(share) * tissue[sources, places] + np.sqrt(1 - share) * own
    generated = as_pictures(np.broadcast_to(mixed[:, None], (N_GENERATED, *SHAPE)))
    volumes = np.repeat(np.arange(N_VOLUMES), SHAPE[0])
    slices = as_pictures(tissue).reshape(-1, *SHAPE[1:])
    return slices, used[volumes], volumes, generated[np.arange(N_GENERATED), places]


def measure(share, seed):
    """AUC of slices, of volumes, and of the largest score of a volume, for each attack."""
    slices, labels, volumes, generated = make_problem(share, seed)
    attacks = {name: make_pipeline(name) for name in ("nearest", "relative_nearest", "recommended")}
    options = {
        "generated": generated,
        "n_permutations": 0,
        "n_resamples": 2,
        "random_state": seed,
    }
    of_slices = audit.audit(attacks, slices, labels, groups=volumes, **options)
    of_volumes = audit.audit(attacks, slices, labels, volumes=volumes, **options)
    found = {}
    for name, one in of_slices.attacks.items():
        scores, folds = one.answers.scores[0], one.answers.folds[0]
        largest = scores.reshape(N_VOLUMES, -1).max(axis=1)
        found[name] = [
            one.measures["AUC"].value,
            of_volumes.attacks[name].measures["AUC"].value,
            within_fold_auc(labels[:: SHAPE[0]].astype(int), largest, folds[:: SHAPE[0]]),
        ]
    return found


def main():
    arguments = options_of_runs(__doc__).parse_args()
    for share in SHARES:
        runs = Parallel(n_jobs=arguments.n_jobs)(
            delayed(measure)(share, seed) for seed in range(arguments.seeds)
        )
        values = {name: np.transpose([run[name] for run in runs]) for name in runs[0]}
        print_means(
            f"Share of a used volume: {share:g}",
            ["attack", "slices", "volumes", "volumes, largest"],
            values,
        )


if __name__ == "__main__":
    main()
