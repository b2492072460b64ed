"""Vectors of images that were described before, kept on disk by joblib.

The entries lie in the store of a :class:`joblib.Memory`, which writes them by renaming,
so that processes can share it and no half-written entry is ever seen. `Memory.cache`
itself is not used: it clears everything when it takes the cached function for another one,
which it may where two processes open an empty store at once (joblib before 1.6).
"""

import inspect
import os
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_memory

from .._version import __version__

#: Folder of the store, beside those of functions that the user caches there.
_FOLDER = "gan_isi"

#: Where the classes come from that a family may derive from and no user edits.
_KNOWN_PACKAGES = ("gan_isi", "sklearn", "abc", "builtins")


def memory_of(memory: Any) -> joblib.Memory | None:
    """Return the joblib memory of a path or a memory, None where nothing is kept."""
    if isinstance(memory, os.PathLike):
        memory = os.fspath(memory)
    checked = check_memory(memory)
    return None if getattr(checked, "store_backend", None) is None else checked


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


class Memo:
    """Vectors of images described before with the same code and parameters.

    Parameters
    ----------
    memory : joblib.Memory
        Whose store is read and written.
    key : object
        Everything but the image that the vectors depend on.
    width : int
        How many numbers the vectors of one image have.
    """

    def __init__(self, memory: joblib.Memory, key: Any, width: int) -> None:
        self.memory = memory
        self.key = joblib.hash(key)
        self.width = width

    def entry_of(self, image: NDArray[Any]) -> list[str]:
        """Return where the vectors of this image belong."""
        return [_FOLDER, joblib.hash((self.key, image))]

    def load(self, entry: list[str]) -> NDArray[np.float32] | None:
        """Return the vectors if they are there, whole and as they were written."""
        store = self.memory.store_backend
        if not store.contains_item(entry):
            return None
        try:
            digest, row = store.load_item(entry)
            row = np.array(row, dtype=np.float32)  # no view of a file
            whole = row.shape == (self.width,) and joblib.hash(row) == digest
        except Exception:  # a damaged pickle can raise anything; the image is described again
            return None
        return row if whole else None

    def dump(self, entry: list[str], row: NDArray[np.float32]) -> None:
        """Write the vectors; other processes see them whole or not at all."""
        self.memory.store_backend.dump_item(entry, (joblib.hash(row), row))
