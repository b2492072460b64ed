"""What the benchmarks share: images, timing side by side, tables."""

import time
from pathlib import Path

import numpy as np

from gan_isi import datasets

SHARED_IMAGES = Path(__file__).parents[2] / "shared" / "data" / "cxr256"


def load_pictures(folder=None, n_images=None):
    """Images of a folder as an array; the chest X-rays beside a checkout by default."""
    folder = Path(folder) if folder else SHARED_IMAGES
    if not folder.is_dir():
        raise SystemExit(f"No folder {folder}: give one with images of one size.")
    return np.stack(list(datasets.load_images(folder)[:n_images]))


def resampled(pictures, n_images, seed=0):
    """As many different pictures as asked for: crops of flipped and shifted originals."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(np.resize(np.arange(len(pictures)), n_images))
    shifts = rng.integers(0, pictures.shape[1], (n_images, 2))
    return np.stack(
        [
            np.roll(pictures[index][:, :: rng.choice([-1, 1])], tuple(shift), axis=(0, 1))
            for index, shift in zip(chosen, shifts, strict=True)
        ]
    )


def fastest(function, repeats=3):
    """Shortest wall time of several runs in seconds, and the last result."""
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        best = min(best, time.perf_counter() - start)
    return best, result


def print_table(title, header, rows):
    """A Markdown table."""
    print(f"\n{title}\n\n| " + " | ".join(header) + " |\n" + "|---" * len(header) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
