"""Time of the 65 maps and their CDF vectors, beside scikit-image and SciPy.

    python benchmarks/descriptors.py [FOLDER]

The peer is what a competent user writes in an afternoon: rank entropy, gabor_kernel with
fftconvolve, gaussian_filter, then np.sort. Both run in one thread, one after the other.
"""

import sys

import numpy as np
from _common import (
    load_pictures,
    megabytes,
    peak_allocated,
    print_table,
    record,
    side_by_side,
)
from scipy import ndimage
from scipy.signal import fftconvolve
from skimage.filters import gabor_kernel, rank
from threadpoolctl import threadpool_limits

from gan_isi import make_descriptors

ANGLES = np.deg2rad([0, 45, 90, 135])
WAVELENGTHS = [2**k * 4 / np.sqrt(2) for k in range(6)]
# bandwidth=1 octave; scikit-image cuts the kernels at 3 standard deviations.
KERNELS = [
    gabor_kernel(1 / wavelength, theta=angle, bandwidth=1).astype(np.complex64)
    for wavelength in WAVELENGTHS
    for angle in ANGLES
]


def peer_statistical(picture):
    image = (picture / 255).astype(np.float32)
    size = 3
    mean = ndimage.uniform_filter(image, size)
    squares = ndimage.uniform_filter(image * image, size)
    deviation = np.sqrt(np.maximum(squares - mean * mean, 0) * 9 / 8)
    value_range = ndimage.maximum_filter(image, size) - ndimage.minimum_filter(image, size)
    return [value_range, deviation, rank.entropy(picture, np.ones((9, 9), dtype=np.uint8))]


def peer_gabor(picture):
    image = (picture / 255).astype(np.float32)
    maps = []
    for kernel in KERNELS:
        reach = kernel.shape[0] // 2, kernel.shape[1] // 2
        padded = np.pad(image, [(reach[0],) * 2, (reach[1],) * 2], mode="edge")
        maps.append(np.abs(fftconvolve(padded, kernel, mode="valid")))
    return maps


def peer_steerable(picture):
    image = (picture / 255).astype(np.float32)
    x, y, xx, xy, yy = peer_derivatives(image, 1.0)
    directions = [(np.cos(angle), np.sin(angle)) for angle in ANGLES]
    first = [c * x + s * y for c, s in directions]
    return first + [c * c * xx + 2 * c * s * xy + s * s * yy for c, s in directions]


def peer_gaussian(picture):
    image = (picture / 255).astype(np.float32)
    maps = []
    for sigma in (0.5, 0.75, 1.0, 1.25, 1.5):
        x, y, xx, xy, yy = peer_derivatives(image, sigma)
        half, root = (xx + yy) / 2, np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
        norm = np.sqrt(xx**2 + 2 * xy**2 + yy**2)
        maps += [np.hypot(x, y), half + root, half - root, 2 * half, xx * yy - xy**2, norm]
    return maps


def peer_derivatives(image, sigma):
    orders = [(0, 1), (1, 0), (0, 2), (1, 1), (2, 0)]
    return [ndimage.gaussian_filter(image, sigma, order=o, truncate=2.0) for o in orders]


def peer_all(picture):
    return [one for peer in PEERS.values() for one in peer(picture)]


PEERS = {
    "statistical": peer_statistical,
    "gabor": peer_gabor,
    "steerable": peer_steerable,
    "gaussian": peer_gaussian,
}


def sort_each(maps):
    return [np.sort(np.asarray(values, dtype=np.float32), axis=None) for values in maps]


def describe_each(peer, pictures):
    for picture in pictures:
        sort_each(peer(picture))


def main():
    pictures = load_pictures(*sys.argv[1:2], n_images=12)
    union = make_descriptors().fit(pictures)
    families = dict(union.transformers_)
    rows = []
    # All at once as they are used, each image converted once; then each family alone.
    for name, family in {"all": union, **families}.items():
        peer = PEERS.get(name, peer_all)
        maps = [peer(picture) for picture in pictures]
        seconds = side_by_side(
            lambda family=family: family.transform(pictures),
            lambda peer=peer: describe_each(peer, pictures),
            lambda maps=maps: [sort_each(m) for m in maps],
        )
        record_both(name, seconds)
        rows.append(row(name, len(maps[0]), *seconds.min(axis=0), len(pictures)))
        rows[-1] += [
            megabytes(peak_allocated(lambda family=family: family.transform(pictures))),
            megabytes(peak_allocated(lambda peer=peer: describe_each(peer, pictures))),
        ]
    shape = " x ".join(map(str, pictures.shape[1:]))
    print_table(
        f"Milliseconds an image of {shape} pixels, one thread, sorting included",
        [
            "family",
            "maps",
            "ours",
            "peer",
            "peer / ours",
            "sorts alone",
            "ours / sorts",
            "ours, peak MB",
            "peer, peak MB",
        ],
        rows,
    )


def record_both(name, seconds):
    ours, peer, sorts = seconds.T
    record(f"{name}, scikit-image and SciPy", peer / ours)
    record(f"{name}, the sorts alone", sorts / ours)


def row(name, n_maps, ours, peer, sorts, n_images):
    milliseconds = [f"{1000 * seconds / n_images:.1f}" for seconds in (ours, peer, sorts)]
    return [
        name,
        str(n_maps),
        milliseconds[0],
        milliseconds[1],
        f"{peer / ours:.1f}",
        milliseconds[2],
        f"{ours / sorts:.1f}",
    ]


if __name__ == "__main__":
    with threadpool_limits(limits=1):
        main()
