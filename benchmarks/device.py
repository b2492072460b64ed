"""Time of the recommended attack's distances on a device of PyTorch, beside numpy.

    python benchmarks/device.py [--device DEVICE] [--real N] [--generated N] [--repeats N]

Chest X-rays of 64 x 64 pixels against images of a diffusion model, in each view of the recommended
attack, in textures, and by SSIM. On the processor both take one thread; times are of all pairs,
with what is computed once an image and all transfers, in turns.
"""

import argparse

import numpy as np
import torch
from _common import figure, print_table, record, side_by_side
from many_generated import load
from sklearn.base import clone

from gan_isi import PairwiseDistanceTransformer, make_pipeline
from gan_isi.texture.torch_context import resolve_device


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", help="such as cuda, mps, or cpu (PyTorch's)")
    parser.add_argument("--real", type=int, default=50)
    parser.add_argument("--generated", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    device = resolve_device(options.device)
    hardware = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    images, labels, generated = load(options.real, options.generated)
    attack = make_pipeline("recommended", generated=generated, families=["gabor"], n_jobs=1)
    attack.fit(images[::2], labels[::2])
    described = attack["descriptors"].transform(images)
    fitted = attack["distances"].transformers_
    views = [(name, view, clone(view).set_params(device=device)) for name, view in fitted]
    made = attack["descriptors"].transform(generated)
    blocks = attack["descriptors"].blocks_
    ssim = PairwiseDistanceTransformer("ssim", families="pixels")
    views.append(("ssim", ssim, clone(ssim).set_params(device=device)))
    rows, total = [], 0.0
    for name, plain, placed in views:
        for one in (plain, placed):
            one.fit(described, generated=made, blocks=blocks)
        expected, found = (one.transform(described) for one in (plain, placed))
        largest = (np.abs(found - expected) / np.maximum(1, np.abs(expected))).max()
        seconds = side_by_side(
            lambda one=plain: one.transform(described),
            lambda one=placed: one.transform(described),
            repeats=options.repeats,
        )
        record(f"{name}, numpy beside PyTorch on {hardware}", seconds[:, 0] / seconds[:, 1])
        rows.append([*row(name, seconds), f"{largest:.0e}"])
        total = total + seconds
    rows.append([*row("all", total), ""])
    print_table(
        f"{options.real} x {options.generated} images of 64 x 64 pixels, {hardware}",
        ["view", "numpy, seconds", "device, seconds", "numpy / device", "largest difference"],
        rows,
    )


def row(name, seconds):
    plain, placed = np.median(seconds, axis=0)
    return [name, figure(plain), figure(placed), figure(plain / placed)]


if __name__ == "__main__":
    main()
