"""Relative error of the distances of CDF vectors, by family, cells and n_levels.

    python benchmarks/distance_error.py [FOLDER] [--pairs N]

Compares the mean absolute difference of CDF vectors with the exact 1-Wasserstein
distance of the raw map values, for random pairs of the images in FOLDER (all of one
size). Prints the tables of docs/guide/distances.md: of whole maps, and of small ones, which
are the tiles of maps and the channels of a network (random weights). --small skips the first.
"""

import argparse
from pathlib import Path

import numpy as np
from skimage.transform import resize

from gan_isi import DeepDescriptor, datasets, make_descriptors
from gan_isi._validation.images import to_grey
from gan_isi.texture import cdf_vectors

SHARED_IMAGES = Path(__file__).parents[2] / "shared" / "data" / "cxr256"
CONFIGURATIONS = {
    "fine_tails": (16, 32, 64, 128, 256),
    "equal": (64, 128, 256, 512),
}

#: Tiles: side of the picture in pixels, tiles a side, numbers of levels.
TILES = ((64, 8, (8, 16, 64)), (32, 8, (8, 16, 64)), (256, 8, (8, 16, 64)))
#: Images and pairs of small maps, of which there are many an image.
N_SMALL, PAIRS_OF_SMALL = 40, 150
HEADER = "| {} | n_levels | cells | median % | 99th percentile % | largest % |\n" + 6 * "|---" + "|"


def main():
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", nargs="?", type=Path, default=SHARED_IMAGES)
    arguments.add_argument("--pairs", type=int, default=600)
    arguments.add_argument("--small", action="store_true")
    arguments = arguments.parse_args()
    if not arguments.folder.is_dir():
        raise SystemExit(f"No folder {arguments.folder}: give one with images of one size.")
    images = datasets.load_images(arguments.folder)
    rng = np.random.default_rng(0)
    small_maps([to_grey(image) for image in images[:N_SMALL]], rng)
    if arguments.small:
        return
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


def small_maps(images, rng):
    """Print the errors of tiles and of channels, where a map has few values."""
    pairs = np.array([rng.choice(len(images), 2, replace=False) for _ in range(PAIRS_OF_SMALL)])
    print(f"{len(pairs)} pairs of {len(images)} images\n")
    print(HEADER.format("tiles"))
    for side, grid, levels in TILES:
        values = tiles_of(images, side, grid)
        exact = mean_distances(values, pairs)
        for n_levels in levels:
            for cells in CONFIGURATIONS:
                vectors = [
                    cdf_vectors(of_image.reshape(-1, values.shape[-1]), n_levels, cells)
                    for of_image in values
                ]
                vectors = np.reshape(vectors, (*values.shape[:3], n_levels))
                name = f"{values.shape[-1]} values ({side} x {side} pixels)"
                print_errors(name, n_levels, cells, mean_distances(vectors, pairs), exact)
    print("\n" + HEADER.format("channels"))
    deep = DeepDescriptor(weights=None, random_state=0, device="cpu").fit(images)
    values = np.stack([deep.compute_maps(image).reshape(2048, 49) for image in images])
    exact = mean_distances(np.sort(values)[:, :, np.newaxis], pairs)
    for n_levels in (8, 49, 64):
        for cells in (*CONFIGURATIONS, "what DeepDescriptor takes"):
            n_values = None if cells in CONFIGURATIONS else deep.values_per_map
            chosen = cells if cells in CONFIGURATIONS else deep.cells
            vectors = [cdf_vectors(each, n_levels, chosen, n_values=n_values) for each in values]
            found = mean_distances(np.stack(vectors)[:, :, np.newaxis], pairs)
            print_errors("49 values", n_levels, cells, found, exact)
    print()


def tiles_of(images, side, grid):
    """Sorted values of the tiles of all classical maps, (n_images, n_maps, tiles, values)."""
    families = [family for _, family in make_descriptors().transformer_list]
    tiled = []
    for image in images:
        grey = resize(image, (side, side), order=1, anti_aliasing=side < len(image))
        grey = np.rint(grey * 255).astype(np.float32) / 255
        maps = np.concatenate([family.compute_maps(grey) for family in families])
        cut = maps.reshape(len(maps), grid, side // grid, grid, side // grid)
        tiled.append(cut.swapaxes(2, 3).reshape(len(maps), grid * grid, -1))
    return np.sort(tiled)


def mean_distances(values, pairs):
    """Mean absolute difference of each map, (n_pairs, n_maps), over its tiles as well."""
    return np.array([np.abs(values[i].astype(float) - values[j]).mean((-2, -1)) for i, j in pairs])


def print_errors(name, n_levels, cells, found, exact):
    """Print a row of the table; maps that are alike have no relative error."""
    errors = 100 * (np.abs(found - exact) / np.where(exact > 0, exact, np.nan)).ravel()
    figures = (np.nanmedian(errors), np.nanpercentile(errors, 99), np.nanmax(errors))
    # Single precision of the vectors leaves some 1e-6 %.
    shown = " | ".join("0" if figure < 1e-4 else f"{figure:.2g}" for figure in figures)
    print(f"| {name} | {n_levels} | {cells} | {shown} |", flush=True)


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
