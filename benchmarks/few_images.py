"""How many images does the recommended attack need to beat a rule that learns only a threshold?

    python benchmarks/few_images.py [FOLDER] [--draws N] [--without-textures]

Of the real images so many used and as many others are drawn, and so many generated ones;
each attack's AUC is out of fold, and the mean over draws. First from FOLDER, which is as for
real_generator.py and which the recommended attack was made on; then from blends of crops
of photographs, drawn anew in each draw, from a generator that nothing was chosen on.
"""

import argparse

import numpy as np
from _common import KNOWN_IMAGES, auc_of_each, load_known, print_means
from dose_response import FIRST_SEED
from sklearn.utils.parallel import Parallel, delayed

from gan_isi import datasets, make_pipeline

#: Of the generator that blends photographs.
MEMORIZATION = 0.7

SIZES = [(n_real, n_generated) for n_real in (20, 40, 80) for n_generated in (30, 120, 400)]


def attacks(*, textures):
    yield "recommended", make_pipeline("recommended")
    for name in ("nearest", "relative_nearest"):
        for representation in ("ssim", "local_contrast", *["local_texture"] * textures):
            yield f"{name}, {representation}", make_pipeline(name, representation=representation)


def measure(images, labels, generated, n_real, n_generated, seed, *, textures):
    """AUC of each attack on so many used and other images, and so many generated ones."""
    random = np.random.default_rng([n_real, n_generated, seed])
    drawn = np.concatenate(
        [random.permutation(np.flatnonzero(labels == label))[:n_real] for label in (0, 1)]
    )
    generated = generated[random.permutation(len(generated))[:n_generated]]
    return auc_of_each(attacks(textures=textures), images[drawn], labels[drawn], generated, seed)


def blends(seed):
    """Photographs, which of them the generator blends, and what it makes of them."""
    (n_real, n_generated), seed = SIZES[-1], FIRST_SEED + seed
    problem = datasets.make_membership_problem(
        2 * n_real, n_generated=n_generated, memorization=MEMORIZATION, random_state=seed
    )
    return problem.images, problem.target, problem.generated


def measure_and_print(title, data, n_draws, n_jobs, *, textures):
    """One table; `data` gives images, labels and generated images of a draw."""
    tasks = [(*size, seed) for size in SIZES for seed in range(n_draws)]
    found = Parallel(n_jobs=n_jobs)(
        delayed(measure)(*data(task[-1]), *task, textures=textures) for task in tasks
    )
    columns = np.reshape(found, (len(SIZES), n_draws))
    print_means(
        f"{title}. AUC: mean and standard error of {n_draws} draws; used and other images "
        "each + generated images",
        ["attack", *(f"{n_real} + {n_generated}" for n_real, n_generated in SIZES)],
        {name: [[one[name] for one in column] for column in columns] for name in found[0]},
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=KNOWN_IMAGES)
    parser.add_argument("--draws", type=int, default=6)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--without-textures", action="store_true", help="in a tenth of the time")
    options = parser.parse_args()
    known = load_known(options.folder)
    for title, data in (
        (f"{options.folder}", lambda seed: known),
        (f"Photographs blended with memorization {MEMORIZATION}", blends),
    ):
        measure_and_print(
            title, data, options.draws, options.n_jobs, textures=not options.without_textures
        )


if __name__ == "__main__":
    main()
