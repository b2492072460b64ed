"""Copies that were mirrored, turned, shifted or changed in contrast: which attack still sees them?

    python benchmarks/moved_copies.py [--seeds N]

The generator of the built-in problem, whose images are then all changed in one way. Each
attack's AUC is out of fold, and the mean over generators with other images and members,
none of which anything was chosen on.
"""

import argparse

import numpy as np
from _common import print_means
from dose_response import FIRST_SEED
from real_generator import pair_svm, summary_attack
from scipy.ndimage import shift
from sklearn.utils.parallel import Parallel, delayed

from gan_isi import audit, baselines, datasets, make_pipeline
from gan_isi.descriptors import CLASSICAL_FAMILIES

MEMORIZATIONS = (1.0, 0.9)


def shifted(images, pixels):
    return np.stack([shift(image, (pixels, pixels), order=0, mode="reflect") for image in images])


def darker(images):
    return (0.7 * images + 20).astype(np.uint8)


CHANGES = {
    "as it is": lambda images: images,
    "mirrored": lambda images: images[:, :, ::-1],
    "turned by 90 degrees": lambda images: np.rot90(images, axes=(1, 2)).copy(),
    "shifted by 1 pixel": lambda images: shifted(images, 1),
    "shifted by 4 pixels": lambda images: shifted(images, 4),
    "contrast times 0.7": darker,
}


def attacks():
    yield "recommended", make_pipeline(preset="recommended")
    for representation in ("pixels", "ssim", "texture", "local_texture"):
        attack = baselines.make_baseline("relative_nearest", representation=representation)
        yield f"relative_nearest, {representation}", attack
    yield "texture summary", summary_attack(CLASSICAL_FAMILIES)
    yield "pair SVM, gamma=1, max", pair_svm("max", 1, 4000)
    yield "blind", baselines.make_blind()


def measure(memorization, change, seed):
    problem = datasets.make_membership_problem(
        80, n_generated=120, memorization=memorization, random_state=seed
    )
    result = audit.audit(
        dict(attacks()),
        problem.images,
        problem.target,
        generated=CHANGES[change](problem.generated),
        n_permutations=0,
        n_resamples=2,
        random_state=seed,
    )
    return [one.measures["AUC"].value for one in result.attacks.values()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--n-jobs", type=int, default=2)
    options = parser.parse_args()
    names = [name for name, _ in attacks()]
    tasks = [(change, FIRST_SEED + index) for change in CHANGES for index in range(options.seeds)]
    for memorization in MEMORIZATIONS:
        found = Parallel(n_jobs=options.n_jobs)(
            delayed(measure)(memorization, *task) for task in tasks
        )
        values = np.reshape(found, (len(CHANGES), options.seeds, len(names)))
        print_means(
            f"AUC at memorization {memorization}: mean and standard error of {options.seeds} "
            "generators, 80 real and 120 generated images each",
            ["attack", *CHANGES],
            {name: values[:, :, index] for index, name in enumerate(names)},
        )


if __name__ == "__main__":
    main()
