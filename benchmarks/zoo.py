"""A zoo of generators of known membership: every attack on each, with intervals over generators.

    python benchmarks/zoo.py --folder ZOO [--seeds N] [--kinds NAME ...] [--build]

Each generator is fitted to some of 120 real chest X-rays (64 x 64 pixels) and leaves 300 images
in the folder, where a later call finds them. Kinds: a diffusion model with the local denoiser
that is optimal for its training images; a variational autoencoder and a generative adversarial
network, with and without augmentation; blends of two members; collages of quarters; copies that
were moved; a class-conditional diffusion model, one class a half. With 60 members and with 20.
"""

from itertools import product
from pathlib import Path

import numpy as np
from _common import measures_of_each, options_of_runs, print_table
from other_generators import (
    N_GENERATED,
    as_bytes,
    chest_radiographs,
    sample_adversarial,
    sample_autoencoder,
    sample_local_diffusion,
)
from scipy import ndimage, stats
from sklearn.utils.parallel import Parallel, delayed

from gan_isi import make_pipeline

#: The views of the recommended attack were chosen with generators of seed 500 in sight.
FIRST_SEED = 501


#: What is told of each attack.
MEASURES = ("AUC", "TPR at FPR 0.05")

#: Of up to 36,000, to fit the paper's attack on.
MAX_PAIRS = 2000


def randomly_moved(image, random, largest=20):
    """Mirrored, rotated, zoomed, shifted and changed in contrast, as training augments."""
    angle, zoom = np.deg2rad(random.uniform(-largest, largest)), random.uniform(0.9, 1.15)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom
    if random.random() < 0.5:
        image = image[:, ::-1]
    centre = (np.array(image.shape) - 1) / 2
    offset = centre - matrix @ (centre + random.uniform(-5, 5, 2))
    moved = ndimage.affine_transform(image, matrix, offset, order=1, mode="reflect")
    return moved.mean() + random.uniform(0.7, 1.1) * (moved - moved.mean())


def noisy(image, random, strength=0.1):
    """With correlated noise, as much as a tenth of the range."""
    noise = ndimage.gaussian_filter(random.standard_normal(image.shape), 1.5)
    return image + strength * noise / noise.std()


def augmented(sample):
    """Train on five moved copies of each member beside the member itself."""

    def train(members, random):
        moved = [randomly_moved(one, random, 12) for one in members for _ in range(5)]
        return sample(np.concatenate([members, moved]), random)

    return train


def blends(members, random):
    pairs = random.integers(len(members), size=(N_GENERATED, 2))
    shares = random.uniform(0.5, 0.9, N_GENERATED)
    return np.stack([noisy(s * members[i] + (1 - s) * members[j], random)
                     for s, (i, j) in zip(shares, pairs, strict=True)])  # fmt: skip


def collages(members, random):
    """Quarters of four members, with soft seams."""
    side = members.shape[1]
    soft = ndimage.gaussian_filter((np.arange(side) >= side / 2).astype(float), 2)
    weights = [a[:, None] * b for a in (1 - soft, soft) for b in (1 - soft, soft)]
    chosen = random.integers(len(members), size=(N_GENERATED, 4))
    return np.stack([
        noisy(sum(w * members[i] for w, i in zip(weights, four, strict=True)), random, 0.05)
        for four in chosen
    ])  # fmt: skip


def moved_copies(members, random):
    chosen = random.integers(len(members), size=N_GENERATED)
    return np.stack([noisy(randomly_moved(members[i], random), random) for i in chosen])


def few_copies(members, random):
    """Of ten images one is a moved copy of a member, the others are blends of four."""
    mixed = members[random.integers(len(members), size=(N_GENERATED, 4))].mean(axis=1)
    copied = random.random(N_GENERATED) < 0.1
    copies = moved_copies(members, random)
    return np.where(copied[:, None, None], copies, [noisy(one, random) for one in mixed])


def class_conditional(members, random):
    """A diffusion model of two classes, half of the members each, that knows the class."""
    halves = np.array_split(random.permutation(len(members)), 2)
    made = [sample_local_diffusion(members[half], random, 17) for half in halves]
    return np.concatenate([one[: N_GENERATED // 2] for one in made])


KINDS = {
    "local diffusion, 9 x 9": lambda m, r: sample_local_diffusion(m, r, 9),
    "local diffusion, 17 x 17": lambda m, r: sample_local_diffusion(m, r, 17),
    "local diffusion, augmented": augmented(lambda m, r: sample_local_diffusion(m, r, 17)),
    "local diffusion, two classes": class_conditional,
    "autoencoder": sample_autoencoder,
    "autoencoder, augmented": augmented(sample_autoencoder),
    "adversarial": sample_adversarial,
    "adversarial, augmented": augmented(sample_adversarial),
    "blends": blends,
    "collages": collages,
    "moved copies": moved_copies,
    "one in ten moved": few_copies,
}

N_MEMBERS = (60, 20)


def generate(folder, images, kind, n_used, seed):
    """Which images are members, and the generated ones, out of the folder where they are there."""
    path = Path(folder, f"{kind.replace(' ', '_').replace(',', '')}_{n_used}_{seed}.npz")
    if not path.exists():
        random = np.random.default_rng([list(KINDS).index(kind), n_used, seed])
        members = random.permutation(len(images)) < n_used
        made = as_bytes(KINDS[kind](images[members], random))
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, members=members, generated=made)
    kept = np.load(path)
    return kept["members"], kept["generated"]


def attacks():
    yield "recommended", make_pipeline("recommended")
    for name, representation in (
        ("relative_nearest", "pixels"), ("relative_nearest", "local_contrast"),
        ("relative_nearest", "ssim"), ("relative_nearest", "texture"), ("nearest", "pixels"),
        ("nearest", "ssim"), ("calibrated_similarity", "ssim"), ("density_ratio", "ssim"),
        ("retrieval", "pixels"), ("epsilon_ball", "pixels"),
    ):  # fmt: skip
        yield f"{name}, {representation}", make_pipeline(name, representation=representation)
    yield "paper", make_pipeline("paper", max_pairs=MAX_PAIRS, random_state=0)
    yield "blind", make_pipeline("blind")


def measure(folder, images, kind, n_used, seed):
    members, generated = generate(folder, images, kind, n_used, seed)
    found = measures_of_each(attacks(), as_bytes(images), members, generated, seed)
    return {
        name: [measures[one].value if one in measures else np.nan for one in MEASURES]
        for name, measures in found.items()
    }


def mean_with_interval(values):
    values = np.asarray(values)[~np.isnan(values)]
    reach = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return f"{values.mean():.2f} ({values.mean() - reach:.2f} to {values.mean() + reach:.2f})"


def main():
    parser = options_of_runs(__doc__)
    parser.add_argument("--folder", required=True, help="where the generated images are kept")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--build", action="store_true", help="make the images and no more")
    options = parser.parse_args()
    images = chest_radiographs()
    tasks = [
        (kind, n_used, FIRST_SEED + index)
        for index in range(options.seeds)
        for kind in options.kinds
        for n_used in N_MEMBERS
    ]
    work = generate if options.build else measure
    found = Parallel(n_jobs=options.n_jobs)(
        delayed(work)(options.folder, images, *task) for task in tasks
    )
    if options.build:
        return
    values = {name: np.array([one[name] for one in found]) for name in found[0]}
    order = sorted(values, key=lambda name: -values[name][:, 0].mean())
    print_table(
        f"Mean over {len(tasks)} generators, with a 95 % interval over generators",
        ["attack", *MEASURES],
        [[name, *map(mean_with_interval, values[name].T)] for name in order],
    )
    of_kind = [np.array([task[:2] == group for task in tasks])
               for group in product(options.kinds, N_MEMBERS)]  # fmt: skip
    print_table(
        f"AUC: mean of {options.seeds} generators each",
        ["generator", "members", *order],
        [
            [kind, str(n), *(f"{values[name][own, 0].mean():.2f}" for name in order)]
            for (kind, n), own in zip(product(options.kinds, N_MEMBERS), of_kind, strict=True)
        ],
    )


if __name__ == "__main__":
    main()
