"""What a set of images looks like, in numbers: sizes, intensities, borders, colours, copies.

Pure statistics of pictures; `_preflight` compares sets and finds the words.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from sklearn.base import BaseEstimator

from .._validation.images import bits_stored, check_images, to_grey
from .._validation.items import n_dimensions

#: Sides of the thumbnails: of grey pictures, and of their colours.
THUMB, HUE = 32, 8

#: Pixels of each image that stand for its intensities.
_PIXELS = 256

#: Rows that vary by less than this share of the picture's range are of one intensity.
_FLAT = 0.03

#: Smaller pictures are copies only with the same intensities; their order alone is shared
#: by chance.
_FEWEST_PIXELS = 64

#: Pixels whose order is compared, in pictures that have more.
_MOST_PIXELS = 2**18

#: Rows and columns that stand for all, of larger pictures.
_LINES = 64

#: What `Look` holds of each image.
_EACH = (
    "numbers", "kinds", "sizes", "channels", "pixels", "borders", "lost", "thumbs", "hues", "keys",
)  # fmt: skip


@dataclass(frozen=True)
class Look:
    """A set of images in numbers, one row an image.

    Attributes
    ----------
    name : str
        Of the set.
    numbers : ndarray of shape (n,)
        Of the images within their collection.
    paths : sequence of Path or None
        The files, where there are some.
    rows : bool
        Whether they are rows of numbers, which are no pictures.
    kinds : ndarray of shape (n,), str
        Data types; all floats are one kind.
    sizes : ndarray of shape (n, 2)
        Height and width.
    channels : ndarray of shape (n,)
        1 for grey.
    pixels : ndarray of shape (n, 256)
        Grey values of some pixels, as stored.
    borders : ndarray of shape (n,)
        Width of the widest border of one intensity, as a share of the side.
    lost : ndarray of shape (n,)
        Share of the variance that a grey picture loses of a coloured one.
    thumbs : ndarray of shape (n, 1024)
        Grey thumbnails, without borders.
    hues : ndarray of shape (n, 64)
        Thumbnails of red minus blue.
    edges : tuple of ndarray
        Mean absolute step between neighbouring rows, and columns, of all images;
        empty where sizes differ.
    turned : int
        Files that note an orientation which nobody applies.
    keys : ndarray of shape (n,), object
        Equal for copies; None for pictures of one intensity.
    dtypes : dict of str to dtype
        One for each of the kinds.
    """

    name: str
    numbers: NDArray[np.intp]
    paths: Sequence[Path] | None
    rows: bool
    kinds: NDArray[Any]
    sizes: NDArray[np.intp]
    channels: NDArray[np.intp]
    pixels: NDArray[np.float32]
    borders: NDArray[np.float64]
    lost: NDArray[np.float64]
    thumbs: NDArray[np.float32]
    hues: NDArray[np.float32]
    edges: tuple[NDArray[np.float64], ...]
    turned: int
    keys: NDArray[Any]
    dtypes: dict[str, np.dtype[Any]]

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def adjective(self) -> str:
        """The name before the word "images"."""
        return self.name.removesuffix("s")

    def called(self, i: int) -> str:
        """Return how to speak of image `i`."""
        number = int(self.numbers[i])
        return f"image {number}" if self.paths is None else str(self.paths[number])


def look_at(
    name: str, images: Any, numbers: Iterable[int] | None = None, *, copies: bool = True
) -> Look:
    """Read each image of a set once, and keep what can be compared.

    Parameters
    ----------
    name : str
        Of the set.
    images : array-like or sequence of array-like
        Of any form that a descriptor takes.
    numbers : iterable of int, default=None
        Which of them; None is all.
    copies : bool, default=True
        Whether the keys of copies are computed.

    Returns
    -------
    Look

    Raises
    ------
    TypeError, ValueError
        For what is no collection of images, as descriptors do.
    """
    rows = n_dimensions(images) == 2
    checked = check_images(images, BaseEstimator(), reset=True)
    chosen = np.arange(len(checked)) if numbers is None else np.asarray(list(numbers), np.intp)
    paths = getattr(images, "paths", None)
    found: list[dict[str, Any]] = []
    edges: list[NDArray[np.float64]] = []
    for i in chosen:
        called = f"image {i}" if paths is None else str(paths[i])
        found.append(_look(np.asarray(checked[i]), called, copies))
        steps = found[-1].pop("edges")
        if found[-1]["size"] != found[0]["size"]:
            edges = []
        elif len(found) == 1:
            edges = [step / len(chosen) for step in steps]
        else:
            edges = [one + step / len(chosen) for one, step in zip(edges, steps, strict=False)]
    return Look(
        name,
        chosen,
        paths,
        rows,
        np.array([one["kind"] for one in found]),
        np.array([one["size"] for one in found]),
        np.array([one["channels"] for one in found]),
        np.stack([one["pixels"] for one in found]),
        np.array([one["border"] for one in found]),
        np.array([one["lost"] for one in found]),
        np.stack([one["thumb"] for one in found]),
        np.stack([one["hue"] for one in found]),
        tuple(edges),
        sum(map(images.is_turned, chosen)) if hasattr(images, "is_turned") else 0,
        np.array([one["key"] for one in found], dtype=object),
        {one["kind"]: one["dtype"] for one in found},
    )


def joined_looks(name: str, looks: Sequence[Look]) -> Look:
    """Return several sets as one, which is not asked what its images are called."""
    first = looks[0]
    same = len({tuple(map(len, one.edges)) for one in looks}) == 1
    stacked: dict[str, Any] = {
        field: np.concatenate([getattr(one, field) for one in looks]) for field in _EACH
    }
    axes = zip(*(one.edges for one in looks), strict=True) if same else ()
    return replace(
        first,
        name=name,
        edges=tuple(np.mean(axis, axis=0) for axis in axes),
        turned=sum(one.turned for one in looks),
        dtypes={kind: dtype for one in looks for kind, dtype in one.dtypes.items()},
        **stacked,
    )


def details(thumbs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what tells thumbnails apart, with length 1: no brightness and no smooth parts.

    Parameters
    ----------
    thumbs : ndarray of shape (n, 1024)
        Of `Look`.

    Returns
    -------
    ndarray of shape (n, 676)
        Zero where there is nothing.
    """
    pictures = thumbs.reshape(-1, THUMB, THUMB)
    fine = pictures - uniform_filter(pictures, (0, 7, 7))
    # At the border the mean is not that of all sides, and any slope would count as detail.
    return unit(fine[:, 3:-3, 3:-3].reshape(len(thumbs), -1), thumbs)


def unit(vectors: NDArray[Any], of: NDArray[Any] | None = None) -> NDArray[np.float32]:
    """Return vectors with length 1, and 0 for those that are nothing beside `of`."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    other = length if of is None else np.linalg.norm(of - of.mean(1, keepdims=True), axis=1)
    there = (length > 1e-3 * other.reshape(length.shape)) & (length > 0)
    scaled = np.where(there, vectors / np.where(there, length, 1), 0)
    return np.asarray(scaled, dtype=np.float32)


def _look(image: NDArray[Any], name: str, copies: bool) -> dict[str, Any]:
    grey = to_grey(image, (0.0, 1.0), name)  # the values as they are stored
    size, spread = grey.shape, float(np.ptp(grey))
    # Multiples of the golden ratio are spread evenly, and fall in step with no row.
    spots = ((np.arange(_PIXELS) * 0.6180339887498949) % 1 * grey.size).astype(np.intp)
    coloured = image.ndim == 3 and image.shape[2] > 2
    lost, hue = _colours(image, spots) if coloured else (0.0, np.zeros(HUE**2, np.float32))
    top, bottom, left, right = borders = _borders(grey, spread)
    inside = grey[top : size[0] - bottom, left : size[1] - right]
    return {
        "kind": _kind(image.dtype),
        "dtype": image.dtype,
        "size": size,
        "channels": image.shape[2] if image.ndim == 3 else 1,
        "pixels": grey.ravel()[spots],
        "border": float((borders / np.repeat(size, 2)).max()),
        "lost": lost,
        "thumb": _thumbnail(inside if inside.size else grey, THUMB).ravel(),
        "hue": hue,
        "edges": tuple(_steps(grey, axis) / (spread or 1) for axis in (0, 1)),
        "key": _key(image, grey) if copies and spread > 0 else None,
    }


def _kind(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "f":
        return "float"
    bits = bits_stored(dtype)
    own = str(dtype.newbyteorder("="))
    return own if bits == 8 * dtype.itemsize else f"{own} of {bits} bits"


def _thumbnail(grey: NDArray[Any], side: int) -> NDArray[np.float32]:
    """Means of blocks; of smaller pictures, the pixels repeated."""
    for axis in (0, 1):
        n = grey.shape[axis]
        starts = np.arange(side) * n // side
        counts = np.maximum(np.diff(starts, append=n), 1).astype(np.float32)
        shape = (-1, 1) if axis == 0 else (1, -1)
        grey = np.add.reduceat(grey, starts, axis=axis) / counts.reshape(shape)
    return grey.astype(np.float32)


def _borders(grey: NDArray[Any], spread: float) -> NDArray[np.intp]:
    """Return how many rows at top and bottom, then columns, are all of one intensity."""
    widths = []
    for axis in (0, 1):
        lines = _some_lines(grey, 1 - axis)
        low, high = lines.min(axis=1 - axis), lines.max(axis=1 - axis)
        for ends in ((low, high), (low[::-1], high[::-1])):
            # As long as all that was passed is of one intensity.
            passed = np.maximum.accumulate(ends[1]) - np.minimum.accumulate(ends[0])
            widths.append(int((passed <= _FLAT * spread).sum()))
    return np.array(widths if spread > 0 and min(grey.shape) >= 4 else [0] * 4)


def _steps(grey: NDArray[Any], axis: int) -> NDArray[np.float64]:
    lines = _some_lines(grey, 1 - axis)
    return np.abs(np.diff(lines, axis=axis)).mean(axis=1 - axis, dtype=np.float64)


def _some_lines(grey: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return every k-th row or column, `_LINES` of them at least where there are as many."""
    step = max(1, grey.shape[axis] // _LINES)
    return grey[::step] if axis == 0 else grey[:, ::step]


def _colours(image: NDArray[Any], spots: NDArray[np.intp]) -> tuple[float, NDArray[np.float32]]:
    """Return the share of the variance that grey loses, and a thumbnail of red minus blue."""
    some = image.reshape(-1, image.shape[2])[spots, :3].astype(np.float64)
    weights = np.array([0.2125, 0.7154, 0.0721])  # of scikit-image's rgb2gray
    centred = some - some.mean(axis=0)
    whole = float((centred**2).sum())
    rest = float(((centred - (centred @ weights)[:, None]) ** 2).sum())
    difference = image[..., 0].astype(np.float32) - image[..., 2].astype(np.float32)
    return (min(rest / whole, 1.0) if whole > 0 else 0.0), _thumbnail(difference, HUE).ravel()


def _key(image: NDArray[Any], grey: NDArray[Any]) -> bytes:
    """Return what copies share, whatever the type of their files and the scale of intensities.

    The order of the intensities, which every rising scale keeps: those of 8 and 16 bits,
    floats, and grey values stored as three equal channels.
    """
    if grey.size < _FEWEST_PIXELS:
        return repr(grey.shape).encode() + to_grey(image).tobytes()
    step = int(np.ceil(np.sqrt(grey.size / _MOST_PIXELS)))
    if image.ndim == 2 and image.dtype in (np.uint8, np.uint16):
        some = np.asarray(image)[::step, ::step]
        order = (np.cumsum(np.bincount(some.ravel()) > 0) - 1)[some]
    else:
        some = grey[::step, ::step]
        order = np.searchsorted(np.unique(some), some)
    order = order.astype(np.uint32)
    return hashlib.blake2b(repr(grey.shape).encode() + order.tobytes(), digest_size=16).digest()
