"""Parts of members in otherwise new images: which attack sees them?

    python benchmarks/partial_copies.py [--seeds N]

Generators that copy parts: one patch of a member in a new image, at any place; and collages,
made of patches of several members that stay in their places. The new images are photographs
(those that the built-in problem generates at memorization 0) and chest X-rays of patients who are
in neither set. Patches are brought to the brightness of where they come to lie, their edges are
blended, and all is noisy.
"""

import time

import numpy as np
import other_generators
from _common import load_pictures, options_of_runs, print_means
from scipy.ndimage import gaussian_filter
from skimage.transform import resize
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.utils.parallel import Parallel, delayed

from gan_isi import (
    PairwiseDistanceTransformer,
    PairwiseTileTransformer,
    SummaryClassifier,
    datasets,
    make_descriptors,
)

SIDE, N_REAL, N_GENERATED = 64, 80, 120

#: Tiles were chosen on generators of smaller seeds, their kind of evidence after a look at these.
FIRST_SEED = 300

#: Sides of patches in pixels, and what else is done to a generated image, in grey levels.
SIZES, EDGE, NOISE = (16, 24, 32), 1.5, 4.0


def photographs(seed):
    """Real images, which are members, and generated images that know nothing of them."""
    problem = datasets.make_membership_problem(
        N_REAL, n_generated=N_GENERATED, image_size=SIDE, memorization=0, random_state=seed
    )
    return problem.images, problem.target == 1, problem.generated.astype(float)


def chest_radiographs(seed):
    """The same of X-rays: those of other patients, mirrored or not, are the new images."""
    images = 255 * np.stack([resize(image, (SIDE, SIDE), anti_aliasing=True)
                             for image in load_pictures()])  # fmt: skip
    random = np.random.default_rng(seed)
    images = images[random.permutation(len(images))]
    hosts = np.concatenate([images[N_REAL:], images[N_REAL:, :, ::-1]])
    hosts = hosts[random.integers(len(hosts), size=N_GENERATED)]
    return np.round(images[:N_REAL]), random.permutation(N_REAL) < N_REAL // 2, hosts


def pasted(host, member, size, place, source):
    """An image with a patch of another, at `place`, from `source` (upper left corners)."""
    shift = np.subtract(place, source)
    patch = np.roll(member, shift, axis=(0, 1))
    mask = np.zeros(host.shape)
    mask[place[0] : place[0] + size, place[1] : place[1] + size] = 1
    difference = ((host - patch) * mask).sum() / mask.sum()
    mask = gaussian_filter(mask, EDGE)
    return host + mask * (patch + difference - host)


def one_patch(hosts, members, size, random):
    """One patch of one member in each image, at any place."""
    made = []
    for host in hosts:
        place, source = random.integers(SIDE - size + 1, size=(2, 2))
        made.append(pasted(host, members[random.integers(len(members))], size, place, source))
    return as_noisy_bytes(made, random)


def collage(hosts, members, size, random):
    """Every image a mosaic of members' patches, each at the place that it had."""
    made = []
    for host in hosts:
        for row in range(0, SIDE, size):
            for column in range(0, SIDE, size):
                member = members[random.integers(len(members))]
                place = np.minimum((row, column), SIDE - size)
                host = pasted(host, member, size, place, place)
        made.append(host)
    return as_noisy_bytes(made, random)


def as_noisy_bytes(images, random):
    images = np.stack(images) + random.normal(scale=NOISE, size=np.shape(images))
    return np.round(images.clip(0, 255)).astype(np.uint8)


IMAGES = {"photographs": photographs, "X-rays": chest_radiographs}
COPIES = {"patch": one_patch, "collage": collage}

#: What is compared: a family of descriptors, and by which distance.
VIEWS = {
    "pixels": ("pixels", PairwiseDistanceTransformer()),
    "local contrast, correlation": ("pixels_local", PairwiseDistanceTransformer("correlation")),
    "ssim": ("pixels", PairwiseDistanceTransformer("ssim")),
    "tiles": ("pixels_local", PairwiseTileTransformer()),
}


def contrast_auc(labels, bags):
    """AUC of how much closer the closest image is than the next 50, which learns nothing."""
    ordered = np.sort(bags[:, :, 0].astype(float), axis=1)
    return roc_auc_score(labels, ordered[:, 1:51].mean(axis=1) - ordered[:, 0])


def learned_auc(labels, bags, seed):
    """AUC of a classifier out of fold, the mean over folds."""
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return cross_val_score(SummaryClassifier(), bags, labels, cv=folds, scoring="roc_auc").mean()


def measure(images, copies, size, seed):
    """Both AUCs of each view on one generator.

    Those of `copies` "null" are of patches from images that are neither used nor not used.
    """
    real, used, hosts = IMAGES[images](seed)
    random = np.random.default_rng([seed, size])
    generator = COPIES.get(copies, one_patch)
    sources = real[used] if copies in COPIES else hosts[random.permutation(len(hosts))]
    generated = generator(hosts, np.asarray(sources, dtype=float), size, random)
    return aucs_of_views(real, used, generated, seed)


def measure_diffusion(images, window, seed):
    """The same on a diffusion model whose denoiser sees a window only: it makes collages."""
    used, generated = other_generators.generate(
        images, f"local diffusion, {window} x {window}", seed
    )
    return aucs_of_views(other_generators.as_bytes(images), used, generated, seed)


def aucs_of_views(real, used, generated, seed):
    descriptors = make_descriptors(["pixels", "pixels_local"])
    queries = descriptors.fit_transform(np.asarray(real, dtype=np.uint8))
    references = descriptors.transform(generated)
    found = {}
    for name, (family, view) in VIEWS.items():
        view = clone(view).set_params(families=family)
        view.fit(queries, generated=references, blocks=descriptors.blocks_)
        bags = view.transform(queries)
        found[name] = contrast_auc(used, bags), learned_auc(used, bags, seed)
    return found


def measure_cost(n_queries=200, n_generated=2000, n_measured=16):
    """Print what tiles cost: seconds on one core for so many images, from some of the queries."""
    rows = np.random.default_rng(0).normal(size=(n_generated, SIDE**2)).astype(np.float32)
    view = PairwiseTileTransformer().fit(rows[:n_measured], generated=rows)
    start = time.process_time()
    view.transform(rows[:n_measured])
    spent = (time.process_time() - start) * n_queries / n_measured
    print(
        f"\nTiles: {spent:.0f} s of CPU for {n_queries} x {n_generated} images of {SIDE} x {SIDE}"
    )


def main():
    options = options_of_runs(__doc__).parse_args()
    kinds = [*((name, size) for name in COPIES for size in SIZES), ("null", 24)]
    measure_cost()
    for images in IMAGES:
        print_aucs(images, measure, [(images, *kind) for kind in kinds], options)
    radiographs = other_generators.chest_radiographs()
    tasks = [(radiographs, window) for window in other_generators.WINDOWS]
    print_aucs("X-rays, local diffusion", measure_diffusion, tasks, options)


def print_aucs(title, function, tasks, options):
    """Both tables of a function of tasks, each for several seeds."""
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    found = Parallel(n_jobs=options.n_jobs)(
        delayed(function)(*task, seed) for task in tasks for seed in seeds
    )
    by_task = [found[k * len(seeds) : (k + 1) * len(seeds)] for k in range(len(tasks))]
    for index, rule in enumerate(("closest minus the next 50, no labels", "out of fold")):
        print_means(
            f"{title}, {rule}: AUC, mean and standard error of {options.seeds} generators",
            ["view", *(" ".join(map(str, task[1:])) for task in tasks)],
            {view: [[one[view][index] for one in runs] for runs in by_task] for view in VIEWS},
        )


if __name__ == "__main__":
    main()
