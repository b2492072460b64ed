"""Collections of images as other libraries hold them, and their items."""

from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn import get_config

from .pillow import to_array

_PATHS = "Expected images, got the path {!r}; read files with gan_isi.datasets.load_images."


def channel_axis(shape: tuple[int, ...], name: str) -> int:
    """Return the axis of an image that holds its channels, 2 or 0.

    Parameters
    ----------
    shape : tuple of 3 ints
        Shape of the image.
    name : str
        Name of the image in errors.

    Raises
    ------
    ValueError
        If neither the last axis has 1 to 4 channels nor the first, as in PyTorch, 1 or 3.
    """
    if 1 <= shape[2] <= 4:
        return 2
    if shape[0] in (1, 3):
        return 0
    raise ValueError(
        f"{name} has {shape[2]} channels on its last axis; expected 1 (grey), 2 (grey and alpha), "
        "3 (RGB) or 4 (RGBA). If the channels come first, pass np.moveaxis(X, -3, -1). Cut "
        "volumes into slices: X.reshape(-1, *X.shape[-2:])."
    )


def as_images(X: Any) -> Any:
    """Return a collection of images that another library holds, or say what to pass instead.

    Parameters
    ----------
    X : object
        Collection of images. Arrays and sequences come back as they are, including those of
        Pillow images, of pairs (image, label) and of records {"image": image}. A column of a
        table comes back as an array of objects, and a mapping with one column of images as
        that column.

    Raises
    ------
    TypeError
        If this is a file name, an archive, a table, a data loader or an iterator; the message
        has the line to write instead.
    """
    if isinstance(X, (str, bytes)) or hasattr(X, "__fspath__"):
        raise TypeError(_PATHS.format(str(X)))
    if sparse.issparse(X):  # one kind of sparse matrix is a mapping
        return X
    if np.ma.is_masked(X):
        raise ValueError("The images have masked values; fill them with X.filled(0).")
    if isinstance(X, memoryview):
        return np.asarray(X)
    if hasattr(X, "columns") and hasattr(X, "iloc"):
        _refuse_columns(X)
    elif hasattr(X, "iloc") or (hasattr(X, "to_numpy") and not hasattr(X, "columns")):
        X = X.to_numpy()  # the column of a table
    elif isinstance(X, Mapping):
        X = _only_column(X)
    elif not hasattr(X, "__getitem__") or not hasattr(X, "__len__"):
        if hasattr(X, "__array__"):
            return X
        name = type(X).__name__
        line = "loader.dataset" if hasattr(X, "dataset") else "list(images)"
        raise TypeError(
            f"Expected images that can be counted and read in any order, got {name}; pass {line}."
        )
    if isinstance(X, (list, tuple)) or _is_object_array(X):
        first = X[0] if len(X) else None
        if isinstance(first, (str, bytes)) or hasattr(first, "__fspath__"):
            raise TypeError(_PATHS.format(str(first)))
        known = isinstance(first, (Number, Mapping)) or _is_pillow(first)
        if len(X) and not (known or hasattr(first, "__len__") or hasattr(first, "__array__")):
            raise TypeError(
                f"Expected images, got {type(X).__name__} of {type(first).__name__}; pass arrays, "
                "such as [np.asarray(one) for one in images]."
            )
    return X


def _refuse_columns(table: Any) -> None:
    pictures = [
        name
        for name in table.columns
        if table[name].dtype == object and len(table) and _is_picture(table[name].iloc[0])
    ]
    if pictures:
        raise TypeError(
            f"Expected images, got a table whose column {pictures[0]!r} holds images; pass "
            f"list(table[{pictures[0]!r}])."
        )


def _only_column(X: Mapping[str, Any]) -> Any:
    names = list(X)
    archive = "an open .npz archive" if hasattr(X, "files") else "a mapping"
    columns = [] if hasattr(X, "files") else [n for n in names if _holds_pictures(X[n])]
    if len(columns) == 1:
        return X[columns[0]]
    wanted = (columns or names or ["images"])[0]
    variable = "archive" if hasattr(X, "files") else "data"
    raise TypeError(
        f"Expected images, got {archive} with {names}; pass the entry that holds images, such as "
        f"{variable}[{wanted!r}]."
    )


def _holds_pictures(column: Any) -> bool:
    if n_dimensions(column) >= 3:
        return True
    return isinstance(column, (list, tuple)) and len(column) > 0 and _is_picture(column[0])


def _is_picture(item: Any) -> bool:
    return _is_pillow(item) or n_dimensions(item) >= 2


def _is_pillow(item: Any) -> bool:
    return hasattr(item, "getbands") and hasattr(item, "tobytes")


def as_image(item: Any, name: str) -> Any:
    """Return the image that an item of a collection holds.

    Parameters
    ----------
    item : object
        An image, which may be Pillow's, or a tuple or mapping that holds one beside labels.
    name : str
        Name of the item in errors.

    Raises
    ------
    TypeError
        If the item holds no image, or more than one.
    """
    if _is_pillow(item):
        return to_array(item, name)
    if isinstance(item, Mapping):
        found = {key: value for key, value in item.items() if _is_picture(value)}
        if len(found) > 1 and "image" in found:
            found = {"image": found["image"]}
        if len(found) != 1:
            raise TypeError(
                f"{name} is a mapping with {list(item)}, of which {list(found) or 'none'} are "
                "images; pass [item['image'] for item in data], with your own name for 'image'."
            )
        return as_image(next(iter(found.values())), name)
    if isinstance(item, tuple) and any(map(_is_picture, item)):
        pictures = [value for value in item if _is_picture(value)]
        if len(pictures) == 1:
            return as_image(pictures[0], name)
        if not all(isinstance(value, (list, tuple)) for value in item):  # else rows of pixels
            raise TypeError(
                f"{name} is a tuple of {len(pictures)} images; pass [item[0] for item in data], "
                "with the number of the right one."
            )
    if isinstance(item, (str, bytes)) or hasattr(item, "__fspath__"):
        raise TypeError(f"{name}: {_PATHS.format(str(item))}")
    return item


class Items(Sequence[Any]):
    """A sequence of images, each of which is checked when it is asked for."""

    def __init__(self, items: Any, first: int = 0) -> None:
        self.items = items
        self.first = first

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            start = self.first + key.indices(len(self))[0]
            chosen = range(len(self))[key]
            # Data sets of other libraries return columns or anything else for a slice.
            if isinstance(self.items, (Sequence, np.ndarray)):
                try:
                    return Items(self.items[key], start)
                except TypeError:
                    pass
            return Items([self.items[i] for i in chosen], start)
        number = range(len(self))[key]
        return as_image(self.items[number], f"image {self.first + number}")


class _ReadOnce(Sequence[Any]):
    """Images of which the first ones, as many as fit, are kept once they were read."""

    def __init__(self, images: Any) -> None:
        self._images = images
        self._kept: dict[int, Any] = {}
        # Several sets and their descriptions are in memory beside these.
        self._room = get_config()["working_memory"] * 2**20 // 4

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            chosen = range(len(self))[key]
            if any(number in self._kept for number in chosen):
                return [self[number] for number in chosen]
            return self._images[key]  # read by whoever gets the task
        number = range(len(self))[key]
        if number in self._kept:
            return self._kept[number]
        image = self._images[number]
        size = getattr(image, "nbytes", None)
        if size is not None and size <= self._room:
            self._room -= size
            self._kept[number] = image
        return image

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._images, name)

    def __reduce__(self) -> Any:
        return _ReadOnce, (self._images,)


def read_once(images: Any) -> Any:
    """Return lazily read images as a sequence that keeps them, as far as memory is bounded.

    Who looks at images first and describes them afterwards opens each file once.

    Parameters
    ----------
    images : array-like or sequence of array-like
        Arrays and lists come back as they are.

    Returns
    -------
    array-like or sequence
    """
    if not isinstance(images, Sequence) or isinstance(images, (list, tuple, _ReadOnce)):
        return images
    return _ReadOnce(images)


def _is_object_array(X: Any) -> bool:
    return isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1


def is_sequence_of_images(X: Any) -> bool:
    """Return whether the items of a collection are images, rather than numbers or rows of them."""
    if _is_object_array(X):
        return X.size > 0 and _is_item(X[0])
    if isinstance(X, (list, tuple)):
        return len(X) == 0 or _is_item(X[0])
    return isinstance(X, Sequence) or not (hasattr(X, "__array__") or hasattr(X, "ndim"))


def _is_item(item: Any) -> bool:
    return (
        _is_picture(item)
        or isinstance(item, Mapping)
        or (isinstance(item, tuple) and any(map(_is_picture, item)))
    )


def spread(n: int, most: int) -> NDArray[np.intp]:
    """Return at most `most` numbers below n, always the same ones."""
    # These are not every k-th number, since images of several kinds may take turns.
    return np.sort(np.random.RandomState(0).permutation(n)[:most])


def n_dimensions(item: Any) -> int:
    """Return `numpy.ndim`, also for ragged nested lists."""
    if hasattr(item, "ndim"):
        return int(item.ndim)
    if not isinstance(item, (list, tuple)):
        return 0
    return 1 + (n_dimensions(item[0]) if len(item) else 0)
