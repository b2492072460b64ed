"""Vectors of images that were described before, kept on disk by joblib."""

import inspect
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from joblib import Memory
from numpy.typing import NDArray
from sklearn.utils.validation import check_memory

from .._version import __version__

#: Where the classes come from that a family may derive from and no user edits.
_KNOWN_PACKAGES = ("gan_isi", "sklearn", "abc", "builtins")


def recall_from(memory: Any) -> Memory | None:
    """Return the joblib memory of a path or a memory, None where nothing is kept."""
    if isinstance(memory, os.PathLike):
        memory = os.fspath(memory)
    checked = check_memory(memory)
    return None if getattr(checked, "location", None) is None else checked


def code_of(family: type) -> str:
    """Return what tells one version of a family's code from another.

    The library's version for its own families, and the source for those of a user, who
    may change it from one notebook cell to the next.
    """
    own = [cls for cls in family.__mro__ if cls.__module__.split(".")[0] not in _KNOWN_PACKAGES]
    try:
        return "\n".join([__version__, *(inspect.getsource(cls) for cls in own)])
    except (OSError, TypeError) as error:
        raise ValueError(
            f"memory can't tell versions of {family.__qualname__} apart, because its source is "
            "not to be found; define it in a file, or use memory=None."
        ) from error


def recalled(
    memory: Memory,
    pixels: NDArray[Any],
    key: tuple[Any, ...] | None,
    describe: Callable[..., NDArray[np.float32]],
    number: int,
    width: int,
) -> NDArray[np.float32]:
    """Return the vectors of one image, computed if they are not known or damaged."""
    row = memory.cache(_describe_one, ignore=["describe", "number"])(pixels, key, describe, number)
    if isinstance(row, np.ndarray) and row.shape == (width,) and np.isfinite(row).all():
        return row
    return _describe_one(pixels, key, describe, number)


def _describe_one(
    pixels: NDArray[Any],
    key: tuple[Any, ...] | None,
    describe: Callable[..., NDArray[np.float32]],
    number: int,
) -> NDArray[np.float32]:
    return describe([pixels], number)[0]
