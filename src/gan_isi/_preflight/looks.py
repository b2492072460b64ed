"""Numbers that describe a set of images: sizes, intensities, borders, colours, copies.

These are pure statistics of pictures; `comparison` compares sets and writes the sentences.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from sklearn.base import BaseEstimator

from .._runtime.whole import counted
from .._validation.images import bits_stored, check_images, to_grey
from .._validation.items import n_dimensions, spread

#: Sides in pixels of the thumbnails of grey pictures, and of their colours.
THUMB, HUE = 32, 8

#: Number of pixels of each image that stand for its intensities.
_PIXELS = 256

#: Rows that vary by less than this share of the picture's range count as one intensity.
_FLAT = 0.03

#: Least number of pixels with which the same order of intensities shows a copy. Smaller pictures
#: share their order by chance, and are copies only with the same intensities.
_FEWEST_PIXELS = 64

#: Number of pixels whose order is compared in larger pictures.
_MOST_PIXELS = 2**18

#: Number of rows and columns that stand for all of them in larger pictures.
_LINES = 64

#: Attributes of `Look` that have one entry for each image.
_EACH = (
    "numbers", "kinds", "sizes", "channels", "pixels", "borders", "lost", "thumbs", "hues", "keys",
)  # fmt: skip


@dataclass(frozen=True)
class Look:
    """A set of images in numbers, with one row for each image that was looked at closely.

    Attributes
    ----------
    name : str
        Name of the set.
    numbers : ndarray of shape (n,)
        Numbers of the images within their collection.
    paths : sequence of Path or None
        Files of the images, if they come from files.
    rows : bool
        Whether the images are rows of numbers instead of pictures.
    kinds : ndarray of shape (n,), str
        Data types; all floats are one kind.
    sizes : ndarray of shape (n, 2)
        Heights and widths in pixels.
    channels : ndarray of shape (n,)
        Numbers of channels; 1 for grey.
    pixels : ndarray of shape (n, 256)
        Grey values of some pixels, as stored.
    borders : ndarray of shape (n,)
        Width of the widest border of one intensity, as a share of the side.
    lost : ndarray of shape (n,)
        Share of the variance that conversion to grey loses.
    thumbs : ndarray of shape (n, 1024)
        Grey thumbnails, without borders.
    hues : ndarray of shape (n, 64)
        Thumbnails of red minus blue.
    edges : tuple of ndarray
        Mean absolute step over all images between neighbouring rows, and between
        neighbouring columns; empty if sizes differ.
    turned : int
        Number of files with an orientation that is not applied.
    keys : ndarray of shape (n,), object
        Keys that are equal for copies; None for pictures of one intensity.
    dtypes : dict of str to dtype
        Data type of each kind.
    digests : dict of str to str
        SHA-256 of the shape, data type and pixels of each image of the set, by its number; empty
        for images of files, whose bytes are what one compares.
    further : list of dict
        Size, data type, channels and key of the images of the set that were only looked at
        briefly, and have no rows.
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
    digests: Mapping[str, str] = field(default_factory=dict)
    further: Sequence[Mapping[str, Any]] = ()

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def count(self) -> int:
        """Number of images of the set."""
        return len(self.numbers) + len(self.further)

    @property
    def all_keys(self) -> list[bytes]:
        """Keys of all images of the set that have one."""
        every = [*self.keys, *(one["keys"] for one in self.further)]
        return [key for key in every if key is not None]

    def tally(self, what: str) -> Counter[str]:
        """Return how many images of the set are of each of the "sizes", "kinds" or "channels"."""
        every = [*getattr(self, what), *(one[what] for one in self.further)]
        return Counter(" x ".join(map(str, np.atleast_1d(one))) for one in every)

    @property
    def adjective(self) -> str:
        """Form of the name before the word "images"."""
        return self.name.removesuffix("s")

    def called(self, i: int) -> str:
        """Return the name of image `i` in sentences."""
        number = int(self.numbers[i])
        return f"image {number}" if self.paths is None else str(self.paths[number])


def look_at(
    name: str,
    images: Any,
    numbers: Iterable[int] | None = None,
    *,
    copies: bool = True,
    n_closely: int | None = None,
) -> Look:
    """Read each image of a set once, and keep what can be compared.

    Parameters
    ----------
    name : str
        Name of the set.
    images : array-like or sequence of array-like
        Images in any form that a descriptor takes.
    numbers : iterable of int, default=None
        Numbers of the images to read; None reads all.
    copies : bool, default=True
        Whether the keys of copies are computed.
    n_closely : int, default=None
        Number of images, spread over the set, of which all is found; None for each. Others are only
        looked at closely if they are the first of their size, data type and channels.

    Returns
    -------
    Look
        Numbers that describe the images.

    Raises
    ------
    TypeError, ValueError
        If this is no collection of images, as in descriptors.
    """
    rows = n_dimensions(images) == 2
    checked = check_images(images, BaseEstimator(), reset=True)
    chosen = np.arange(len(checked)) if numbers is None else np.asarray(list(numbers), np.intp)
    paths = getattr(images, "paths", None)
    found: list[dict[str, Any]] = []
    edges: list[NDArray[np.float64]] = []
    digests: dict[str, str] = {}
    closely = np.ones(len(chosen), dtype=bool)
    if n_closely is not None and n_closely < len(chosen):
        closely[:] = False
        closely[spread(len(chosen), n_closely)] = True
    further: list[dict[str, Any]] = []
    known: set[tuple[Any, ...]] = set()
    said = f"reading the {name.removesuffix('s')} images"
    for place, i in enumerate(counted(chosen.tolist(), said, "image")):
        called = f"image {i}" if paths is None else str(paths[i])
        image = np.asarray(checked[i])
        if copies and not hasattr(images, "files_of"):
            digests[str(i)] = pixel_digest(image)
        grey = to_grey(image, (0.0, 1.0), called)  # the values as they are stored
        brief = _brief(image, grey, copies)
        if not closely[place]:
            if (kind := (brief["sizes"], brief["kinds"], brief["channels"])) in known:
                further.append(brief)
                continue
            known.add(kind)
            closely[place] = True
        found.append(brief | _look(image, grey))
        steps = found[-1].pop("edges")
        if found[-1]["sizes"] != found[0]["sizes"]:
            edges = []
        elif len(found) == 1:
            edges = list(steps)
        else:
            edges = [one + step for one, step in zip(edges, steps, strict=False)]
    return Look(
        name=name,
        numbers=chosen[closely],
        paths=paths,
        rows=rows,
        edges=tuple(edge / len(found) for edge in edges),
        turned=sum(map(images.is_turned, chosen)) if hasattr(images, "is_turned") else 0,
        dtypes={one["kinds"]: one.pop("dtype") for one in found},
        keys=np.array([one.pop("keys") for one in found], dtype=object),
        digests=digests,
        further=further,
        **{field: np.array([one[field] for one in found]) for field in found[0]},
    )


def pixel_digest(image: NDArray[Any]) -> str:
    """Return the SHA-256 of the data type, shape and bytes (little-endian, in rows) of an image."""
    array: Any = np.ascontiguousarray(image, dtype=image.dtype.newbyteorder("<"))
    found = hashlib.sha256(f"{array.dtype.str} {array.shape};".encode())
    found.update(array.tobytes())
    return found.hexdigest()


def joined_looks(name: str, looks: Sequence[Look]) -> Look:
    """Return several sets as one, whose images have no names."""
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
    """Return the fine details of thumbnails, without brightness and smooth parts, with length 1.

    Parameters
    ----------
    thumbs : ndarray of shape (n, 1024)
        Thumbnails of a `Look`.

    Returns
    -------
    ndarray of shape (n, 676)
        Details, which are zero for thumbnails without any.
    """
    pictures = thumbs.reshape(-1, THUMB, THUMB)
    fine = pictures - uniform_filter(pictures, (0, 7, 7))
    # At the border the window is mirrored, and any slope would count as detail.
    return unit(fine[:, 3:-3, 3:-3].reshape(len(thumbs), -1), thumbs)


def unit(vectors: NDArray[Any], of: NDArray[Any] | None = None) -> NDArray[np.float32]:
    """Return vectors with length 1, or 0 where a vector is negligible compared with `of`."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    other = length if of is None else np.linalg.norm(of - of.mean(1, keepdims=True), axis=1)
    there = (length > 1e-3 * other.reshape(length.shape)) & (length > 0)
    scaled = np.where(there, vectors / np.where(there, length, 1), 0)
    return np.asarray(scaled, dtype=np.float32)


def _brief(image: NDArray[Any], grey: NDArray[Any], copies: bool) -> dict[str, Any]:
    """Return what is cheap to know of an image."""
    return {
        "kinds": _kind(image.dtype),
        "sizes": grey.shape,
        "channels": image.shape[2] if image.ndim == 3 else 1,
        "keys": _key(image, grey) if copies and np.ptp(grey) > 0 else None,
    }


def _look(image: NDArray[Any], grey: NDArray[Any]) -> dict[str, Any]:
    size, spread = grey.shape, float(np.ptp(grey))
    # Multiples of the golden ratio are spread evenly, and have no period in common with rows.
    spots = ((np.arange(_PIXELS) * 0.6180339887498949) % 1 * grey.size).astype(np.intp)
    coloured = image.ndim == 3 and image.shape[2] > 2
    lost, hue = _colours(image, spots) if coloured else (0.0, np.zeros(HUE**2, np.float32))
    top, bottom, left, right = borders = _borders(grey, spread)
    inside = grey[top : size[0] - bottom, left : size[1] - right]
    return {
        "dtype": image.dtype,
        "pixels": grey.ravel()[spots],
        "borders": float((borders / np.repeat(size, 2)).max()),
        "lost": lost,
        "thumbs": _thumbnail(inside if inside.size else grey, THUMB).ravel(),
        "hues": hue,
        "edges": tuple(_steps(grey, axis) / (spread or 1) for axis in (0, 1)),
    }


def _kind(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "f":
        return "float"
    bits = bits_stored(dtype)
    own = str(dtype.newbyteorder("="))
    return own if bits == 8 * dtype.itemsize else f"{own} of {bits} bits"


def _thumbnail(grey: NDArray[Any], side: int) -> NDArray[np.float32]:
    """Return the means of blocks; the pixels of smaller pictures are repeated."""
    for axis in (0, 1):
        n = grey.shape[axis]
        starts = np.arange(side) * n // side
        counts = np.maximum(np.diff(starts, append=n), 1).astype(np.float32)
        shape = (-1, 1) if axis == 0 else (1, -1)
        grey = np.add.reduceat(grey, starts, axis=axis) / counts.reshape(shape)
    return grey.astype(np.float32)


def _borders(grey: NDArray[Any], spread: float) -> NDArray[np.intp]:
    """Return the numbers of rows at top and bottom, then of columns, that have one intensity."""
    widths = []
    for axis in (0, 1):
        lines = _some_lines(grey, 1 - axis)
        low, high = lines.min(axis=1 - axis), lines.max(axis=1 - axis)
        for ends in ((low, high), (low[::-1], high[::-1])):
            # A border goes on as long as all lines up to here have one intensity.
            passed = np.maximum.accumulate(ends[1]) - np.minimum.accumulate(ends[0])
            widths.append(int((passed <= _FLAT * spread).sum()))
    return np.array(widths if spread > 0 and min(grey.shape) >= 4 else [0] * 4)


def _steps(grey: NDArray[Any], axis: int) -> NDArray[np.float64]:
    lines = _some_lines(grey, 1 - axis)
    return np.abs(np.diff(lines, axis=axis)).mean(axis=1 - axis, dtype=np.float64)


def _some_lines(grey: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return every k-th row or column, at least `_LINES` of them if there are so many."""
    step = max(1, grey.shape[axis] // _LINES)
    return grey[::step] if axis == 0 else grey[:, ::step]


def _colours(image: NDArray[Any], spots: NDArray[np.intp]) -> tuple[float, NDArray[np.float32]]:
    """Return the share of variance that conversion to grey loses, and a thumbnail of the hue."""
    some = image.reshape(-1, image.shape[2])[spots, :3].astype(np.float64)
    weights = np.array([0.2125, 0.7154, 0.0721])  # of scikit-image's rgb2gray
    centred = some - some.mean(axis=0)
    whole = float((centred**2).sum())
    rest = float(((centred - (centred @ weights)[:, None]) ** 2).sum())
    difference = image[..., 0].astype(np.float32) - image[..., 2].astype(np.float32)
    return (min(rest / whole, 1.0) if whole > 0 else 0.0), _thumbnail(difference, HUE).ravel()


def _key(image: NDArray[Any], grey: NDArray[Any]) -> bytes:
    """Return a key that copies share, whatever their file type and scale of intensities.

    The key is the order of the intensities, which every rising scale keeps: 8 and 16 bits,
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
