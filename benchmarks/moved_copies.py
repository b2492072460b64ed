"""Copies that were mirrored, rotated, shifted or changed in contrast: which attack still sees them?

    python benchmarks/moved_copies.py [--seeds N]

The generator of the built-in problem, whose images are then all changed in one way. Each
attack's AUC is out of fold, and the mean over generators with other crops and members,
none of which anything was chosen on.
"""

import numpy as np
from _common import auc_of_each, options_of_runs, print_means
from dose_response import FIRST_SEED
from real_generator import pair_svm, summary_attack
from scipy.ndimage import shift
from sklearn.utils.parallel import Parallel, delayed

from gan_isi import datasets, make_pipeline
from gan_isi.descriptors import CLASSICAL_FAMILIES

MEMORIZATIONS = (1.0, 0.9)


def shifted(images, pixels):
    return np.stack([shift(image, (pixels, pixels), order=0, mode="reflect") for image in images])


def darker(images):
    return (0.7 * images + 20).astype(np.uint8)


CHANGES = {
    "as it is": lambda images: images,
    "mirrored": lambda images: images[:, :, ::-1],
    "rotated by 90 degrees": lambda images: np.rot90(images, axes=(1, 2)).copy(),
    "shifted by 1 pixel": lambda images: shifted(images, 1),
    "shifted by 4 pixels": lambda images: shifted(images, 4),
    "contrast times 0.7": darker,
}


def attacks():
    yield "recommended", make_pipeline("recommended")
    for representation in ("pixels", "ssim", "texture", "local_texture"):
        attack = make_pipeline("relative_nearest", representation=representation)
        yield f"relative_nearest, {representation}", attack
    yield "texture summary", summary_attack(CLASSICAL_FAMILIES)
    yield "pair SVM, gamma=1, max", pair_svm("max", 1, 4000)
    yield "blind", make_pipeline("blind")


def measure(memorization, change, seed):
    problem = datasets.make_membership_problem(
        80, n_generated=120, memorization=memorization, random_state=seed
    )
    generated = CHANGES[change](problem.generated)
    return auc_of_each(attacks(), problem.images, problem.target, generated, seed)


def main():
    parser = options_of_runs(__doc__)
    options = parser.parse_args()
    tasks = [(change, FIRST_SEED + index) for change in CHANGES for index in range(options.seeds)]
    for memorization in MEMORIZATIONS:
        found = Parallel(n_jobs=options.n_jobs)(
            delayed(measure)(memorization, *task) for task in tasks
        )
        columns = np.reshape(found, (len(CHANGES), options.seeds))
        print_means(
            f"AUC at memorization {memorization}: mean and standard error of {options.seeds} "
            "generators, 80 real and 120 generated images each",
            ["attack", *CHANGES],
            {name: [[one[name] for one in column] for column in columns] for name in found[0]},
        )


if __name__ == "__main__":
    main()
