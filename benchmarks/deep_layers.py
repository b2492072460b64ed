"""Layers of networks with ImageNet weights on a diffusion model whose training images are known.

    python benchmarks/deep_layers.py [WEIGHTS ...] [--input-size N] [--resnet50 FILE]

WEIGHTS are folders of unpacked packages, where they are not installed: see `pretrained.py`.
FILE is a state dict of torchvision's ResNet-50, for the paper's layer. For each layer the AUC
of the closest generated image, by the 1-Wasserstein distances of the channels' CDFs and by the
cosine of their means, as they are and whitened. Nothing is learned from labels. "held out"
is whitened by the generated images and four fifths of the real ones, without those asked about.
"""

import argparse
from pathlib import Path

import numpy as np
import pretrained
from _common import KNOWN_IMAGES, load_known, print_table
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold

from gan_isi import (
    DeepDescriptor,
    PairwiseDistanceTransformer,
    PairwiseWassersteinTransformer,
    PairwiseWhitenedTransformer,
    PixelDescriptor,
    make_descriptors,
)
from gan_isi.membership import map_scales, one_distance
from gan_isi.texture import cdf_vectors

#: Layers of each network, before their ReLU as the paper's is, from the first to the last.
LAYERS = {
    "alexnet": {"conv1": "0", "conv2": "3", "conv3": "6", "conv4": "8", "conv5": "10"},
    "efficientnet_lite0": {"block 4": "_blocks.4", "block 10": "_blocks.10", "head": "_bn1"},
    "vgg16": {"conv3_3": "14", "conv5_3": "28"},
}

N_LEVELS = 64


def descriptors(folders, resnet50, only):
    """Name of each layer, and the unfitted descriptor of its channels."""
    if only in (None, "alexnet"):
        random = {"network": "alexnet", "layer": "features.6", "weights": None, "random_state": 0}
        yield "alexnet conv3, random weights", DeepDescriptor(**random)
    for name, layers in LAYERS.items():
        if only not in (None, name):
            continue
        path = pretrained.find(name, folders)
        if path is None:
            print(f"{name} is left out: no folder has {pretrained.FILES[name]}.")
        else:
            network = pretrained.load(name, path)
            normalisation = pretrained.NORMALISATION.get(name, "imagenet")
            for layer, module in layers.items():
                options = {"network": network, "layer": module, "normalisation": normalisation}
                yield f"{name} {layer}", DeepDescriptor(**options)
    if only in (None, "resnet50"):
        yield "resnet50 14th addition, random weights", DeepDescriptor(weights=None, random_state=0)
        if resnet50:
            yield "resnet50 14th addition", DeepDescriptor(weights=resnet50)


def describe(deep, images):
    """CDF vectors and means of the channels, in one pass through the network."""
    cdfs, means = [], []
    for image in images:
        channels = deep.feature_maps(image)
        cdfs.append(cdf_vectors(channels, N_LEVELS).ravel())
        means.append(channels.mean(axis=(1, 2)))
    return np.stack(cdfs), np.stack(means)


def nearest(distances, real, generated):
    """Distance of each real image to the closest generated one."""
    bags = distances.fit(real, generated=generated).transform(real)
    return one_distance(bags, map_scales(bags)).min(axis=1)


def nearest_held_out(real, generated):
    """The same, whitened without the real images asked about."""
    found = np.empty(len(real))
    for known, asked in KFold(5, shuffle=True, random_state=0).split(real):
        distances = PairwiseWhitenedTransformer().fit(real[known], generated=generated)
        found[asked] = distances.transform(real[asked])[:, :, 0].min(axis=1)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--data", default=KNOWN_IMAGES)
    parser.add_argument("--resnet50", type=Path)
    parser.add_argument("--input-size", type=int, default=224)
    parser.add_argument("--only", choices=[*LAYERS, "resnet50"], help="one of the networks")
    options = parser.parse_args()
    images, labels, generated = load_known(options.data)

    def auc(found):
        return f"{roc_auc_score(labels, -found):.2f}"

    def of_rows(real, fakes):
        """Of rows that are compared as they are, and whitened."""
        found = [
            nearest(distances, real, fakes)
            for distances in (PairwiseDistanceTransformer("cosine"), PairwiseWhitenedTransformer())
        ]
        return map(auc, [*found, nearest_held_out(real, fakes)])

    rows = []
    for name, deep in descriptors(options.folders, options.resnet50, options.only):
        deep.set_params(input_size=options.input_size).fit(images)
        (cdfs, means), (other_cdfs, other_means) = (
            describe(deep, part) for part in (images, generated)
        )
        textures = nearest(PairwiseWassersteinTransformer(n_levels=N_LEVELS), cdfs, other_cdfs)
        rows.append([name, str(means.shape[1]), auc(textures), *of_rows(means, other_means)])
        print("|", " | ".join(rows[-1]), "|", flush=True)
    classical = make_descriptors(n_levels=N_LEVELS)
    cdfs, other_cdfs = classical.fit_transform(images), classical.transform(generated)
    textures = nearest(PairwiseWassersteinTransformer(n_levels=N_LEVELS), cdfs, other_cdfs)
    for size in (8, 16):
        pixels = PixelDescriptor(size=size)
        found = of_rows(pixels.fit_transform(images), pixels.transform(generated))
        rows.append([f"pixels, {size} x {size}", str(size**2), "", *found])
    rows.append(["classical textures", "65", auc(textures), "", "", ""])
    print_table(
        f"AUC of the closest of {len(generated)} generated images, {len(images)} real images of "
        f"{options.data}; networks see {options.input_size} x {options.input_size} pixels",
        ["layer", "channels", "W1 of CDFs", "cosine of means", "whitened", "held out"],
        rows,
    )


if __name__ == "__main__":
    main()
