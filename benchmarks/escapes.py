"""What still escapes: elastic changes, and other projections of the same patient.

    python benchmarks/escapes.py [--seeds N]

Elastic: the generator of the built-in problem with memorization 0.9, whose images are then
deformed by a smooth random displacement, drawn anew for each, of a standard deviation of so many
pixels of 64. Projections: bodies of 60 ellipsoids that lie at random in one of three arrangements;
a real image is the projection of one, and each generated image that of a used body rotated around
its long axis by so many degrees, with noise. No attack was chosen on either.
"""

import numpy as np
from _common import auc_of_each, options_of_runs, print_means
from scipy import ndimage
from sklearn.utils.parallel import Parallel, delayed

from gan_isi import datasets, make_pipeline

#: No attack was chosen on generators of these seeds.
FIRST_SEED = 800

SIDE, N_BODIES, N_GENERATED = 64, 80, 120

DEFORMATIONS = (0, 1, 2, 4)
ANGLES = (0, 5, 10, 20, 90)


def attacks():
    yield "recommended", make_pipeline("recommended")
    yield "relative_nearest, ssim", make_pipeline("relative_nearest", representation="ssim")
    yield "nearest, pixels", make_pipeline("nearest")
    yield "blind", make_pipeline("blind")


def deformed(image, pixels, random, smoothness=8):
    """Moved at each place by another vector, of so many pixels as a standard deviation."""
    places = np.indices(image.shape).astype(float)
    for moved in places:
        field = ndimage.gaussian_filter(random.standard_normal(image.shape), smoothness)
        moved += pixels * field / field.std()
    return ndimage.map_coordinates(image.astype(float), places, order=1, mode="reflect")


def bodies(random):
    """Densities (n, SIDE, SIDE, SIDE), half of the size in pixels of what is shown."""
    side = SIDE // 2
    place = np.stack(np.meshgrid(*[np.linspace(-1, 1, side)] * 3, indexing="ij"), axis=-1)
    arrangements = random.uniform(-0.6, 0.6, size=(3, 60, 3))
    made = np.zeros((N_BODIES, side, side, side), dtype=np.float32)
    for body in made:
        centres = arrangements[random.integers(3)] + random.normal(0, 0.12, size=(60, 3))
        for centre, radii, density in zip(centres, random.uniform(0.08, 0.35, size=(60, 3)),
                                          random.uniform(0.2, 1, 60), strict=True):  # fmt: skip
            body += density * ((((place - centre) / radii) ** 2).sum(axis=-1) < 1)
    return made


def projected(body, angle):
    turned = ndimage.rotate(body, angle, axes=(1, 2), reshape=False, order=1) if angle else body
    return ndimage.zoom(turned.sum(axis=2), 2, order=1)


def as_bytes(images):
    low, high = images.min(), np.quantile(images, 0.999)
    return np.round(255 * np.clip((images - low) / (high - low), 0, 1)).astype(np.uint8)


def of_deformation(pixels, seed):
    problem = datasets.make_membership_problem(
        80, n_generated=N_GENERATED, memorization=0.9, random_state=seed
    )
    random = np.random.default_rng([seed, pixels])
    generated = [deformed(image, pixels, random) for image in problem.generated]
    generated = np.round(np.clip(generated, 0, 255)).astype(np.uint8)
    return auc_of_each(attacks(), problem.images, problem.target, generated, seed)


def of_projection(angle, seed):
    random = np.random.default_rng(seed)
    made = bodies(random)
    labels = random.permutation(np.arange(N_BODIES) < N_BODIES // 2)
    chosen = random.choice(np.flatnonzero(labels), N_GENERATED)
    images = np.stack([projected(body, 0) for body in made])
    generated = np.stack([projected(made[index], angle) for index in chosen])
    noise = ndimage.gaussian_filter(random.standard_normal(generated.shape), (0, 1.5, 1.5))
    generated = generated + 0.1 * images.std() * noise / noise.std()
    both = as_bytes(np.concatenate([images, generated]))
    return auc_of_each(attacks(), both[:N_BODIES], labels, both[N_BODIES:], seed)


def main():
    options = options_of_runs(__doc__).parse_args()
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    for title, work, degrees, unit in (
        ("deformed", of_deformation, DEFORMATIONS, "px"),
        ("projected anew", of_projection, ANGLES, "degrees"),
    ):
        found = Parallel(options.n_jobs)(
            delayed(work)(degree, seed) for degree in degrees for seed in seeds
        )
        columns = np.reshape(found, (len(degrees), len(seeds)))
        print_means(
            f"Copies {title}. AUC: mean and standard error of {len(seeds)} generators",
            ["attack", *(f"{degree} {unit}" for degree in degrees)],
            {name: [[one[name] for one in column] for column in columns] for name in found[0]},
        )


if __name__ == "__main__":
    main()
