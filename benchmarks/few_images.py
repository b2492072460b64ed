"""How many images does the recommended attack need to beat a rule that learns only a threshold?

    python benchmarks/few_images.py [FOLDER] [--draws N]

FOLDER is as for real_generator.py. Of its real images so many used and as many others are
drawn, and so many generated ones; each attack's AUC is out of fold, and the mean over draws.
"""

import argparse

import numpy as np
from _common import print_means
from real_generator import SHARED
from sklearn.utils.parallel import Parallel, delayed

from gan_isi import audit, baselines, datasets, make_pipeline

SIZES = [(n_real, n_generated) for n_real in (20, 40, 80) for n_generated in (30, 120, 400)]


def attacks():
    yield "recommended", make_pipeline(preset="recommended")
    for name in ("nearest", "relative_nearest"):
        for representation in ("ssim", "local_contrast", "local_texture"):
            attack = baselines.make_baseline(name, representation=representation)
            yield f"{name}, {representation}", attack


def measure(data, n_real, n_generated, seed):
    """AUC of each attack on so many used and other images, and so many generated ones."""
    random = np.random.default_rng([n_real, n_generated, seed])
    drawn = np.concatenate(
        [random.permutation(np.flatnonzero(data.target == label))[:n_real] for label in (0, 1)]
    )
    generated = random.permutation(len(data.generated))[:n_generated]
    result = audit.audit(
        dict(attacks()),
        np.stack([data.images[index] for index in drawn]),
        data.target[drawn],
        generated=np.stack([data.generated[index] for index in generated]),
        n_permutations=0,
        n_resamples=2,
        random_state=seed,
    )
    return {name: one.measures["AUC"].value for name, one in result.attacks.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=SHARED)
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--n-jobs", type=int, default=2)
    options = parser.parse_args()
    data = datasets.load_membership(options.folder)
    tasks = [(*size, seed) for size in SIZES for seed in range(options.draws)]
    found = Parallel(n_jobs=options.n_jobs)(delayed(measure)(data, *task) for task in tasks)
    columns = np.reshape(found, (len(SIZES), options.draws))
    print_means(
        f"AUC: mean and standard error of {options.draws} draws; used and other images "
        "each + generated images",
        ["attack", *(f"{n_real} + {n_generated}" for n_real, n_generated in SIZES)],
        {name: [[one[name] for one in column] for column in columns] for name in found[0]},
    )


if __name__ == "__main__":
    main()
