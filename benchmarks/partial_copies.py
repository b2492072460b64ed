"""Parts of members in otherwise new images: which attack sees them?

    python benchmarks/partial_copies.py [--seeds N]

Generators that copy parts: one patch of a member in a new image, at any place; and collages,
made of patches of several members that stay in their places. The new images are photographs
(those that the built-in problem generates at memorization 0) and chest X-rays of patients who are
in neither set. Patches are brought to the brightness of where they come to lie, their edges are
blended, and all is noisy.
"""

import numpy as np
from _common import load_pictures, options_of_runs, print_means
from scipy.ndimage import gaussian_filter
from skimage.transform import resize

from gan_isi import datasets

SIDE, N_REAL, N_GENERATED = 64, 80, 120

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
