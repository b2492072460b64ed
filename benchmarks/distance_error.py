"""Relative error of the distances of CDF vectors, by family, cells and n_levels.

    python benchmarks/distance_error.py [FOLDER] [--pairs N]

Compares the mean absolute difference of CDF vectors with the exact 1-Wasserstein
distance of the raw map values, for random pairs of the images in FOLDER (all of one
size). Prints the tables of docs/distances.md.
"""

import argparse
from pathlib import Path

import numpy as np

from gan_isi import datasets, make_descriptors
from gan_isi._images import to_grey

SHARED_IMAGES = Path(__file__).parents[2] / "shared" / "data" / "cxr256"
CONFIGURATIONS = {
    "fine_tails": (16, 32, 64, 128, 256),
    "equal": (64, 128, 256, 512),
}


def main():
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", nargs="?", type=Path, default=SHARED_IMAGES)
    arguments.add_argument("--pairs", type=int, default=600)
    arguments = arguments.parse_args()
    if not arguments.folder.is_dir():
        raise SystemExit(f"No folder {arguments.folder}: give one with images of one size.")
    images = datasets.load_images(arguments.folder)
    rng = np.random.default_rng(0)
    pairs = np.array([rng.choice(len(images), 2, replace=False) for _ in range(arguments.pairs)])
    values, families = sorted_map_values(images)
    n_maps = len(values)
    exact = np.stack([exact_distances(of_map, pairs) for of_map in values], axis=1)
    print(f"{len(pairs)} pairs of {len(images)} images, {n_maps} maps\n")
    del values  # two gigabytes
    for cells, levels in CONFIGURATIONS.items():
        print(f"`cells={cells!r}`\n")
        print(
            "| family | n_levels | median % | 99th percentile % | largest % |\n" + 5 * "|---" + "|"
        )
        errors = {n: relative_errors(images, pairs, exact, n, cells) for n in levels}
        for family in [*dict.fromkeys(families), "all"]:
            chosen = np.array([family in (name, "all") for name in families])
            for n_levels, error in errors.items():
                of_family = 100 * error[:, chosen]
                figures = (np.median(of_family), np.percentile(of_family, 99), of_family.max())
                print(
                    f"| {family} | {n_levels} | " + " | ".join(f"{f:.2g}" for f in figures) + " |"
                )
        print()


def sorted_map_values(images):
    """All values of each map, (n_maps, n_images, n_pixels) ascending, and its family."""
    descriptors = make_descriptors().transformer_list
    values, families = None, []
    for index, image in enumerate(images):
        grey = to_grey(image)
        maps = np.concatenate([descriptor.compute_maps(grey) for _, descriptor in descriptors])
        if values is None:
            values = np.empty((len(maps), len(images), grey.size), dtype=np.float32)
        values[:, index] = np.sort(maps.reshape(len(maps), -1), axis=1)
    for name, descriptor in descriptors:
        families += [name] * len(descriptor.compute_maps(np.zeros((4, 4), dtype=np.float32)))
    return values, families


def exact_distances(of_map, pairs):
    """W1 of two sets of equally many values: mean absolute difference in sorted order."""
    return np.array([np.abs(of_map[i].astype(float) - of_map[j]).mean() for i, j in pairs])


def relative_errors(images, pairs, exact, n_levels, cells):
    """Relative error of every pair and map, of the vectors that users get."""
    descriptors = make_descriptors(n_levels=n_levels, cells=cells, n_jobs=2)
    vectors = descriptors.fit_transform(images).reshape(len(images), -1, n_levels).astype(float)
    distances = np.abs(vectors[pairs[:, 0]] - vectors[pairs[:, 1]]).mean(axis=2)
    return np.abs(distances - exact) / exact


if __name__ == "__main__":
    main()
