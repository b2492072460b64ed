"""Vectors of images that were described before, kept on disk."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._runtime.store import Store, digest


class Memo:
    """Vectors of images described before with the same code and parameters.

    Parameters
    ----------
    store : Store
        What is read and written.
    key : object
        Everything but the image that the vectors depend on.
    width : int
        How many numbers the vectors of one image have.
    """

    def __init__(self, store: Store, key: Any, width: int) -> None:
        self.store = store
        self.key = digest(key)
        self.width = width

    def entry_of(self, image: bytes) -> bytes:
        """Return the key of the vectors of the image with this digest."""
        return digest(self.key, image)

    def load(self, entry: bytes) -> NDArray[np.float32] | None:
        """Return the vectors if they are there, whole and as they were written."""
        row = self.store.get(entry)
        fits = row is not None and row.shape == (self.width,) and row.dtype == np.float32
        return row if fits else None

    def dump(self, entry: bytes, row: NDArray[np.float32]) -> None:
        """Write the vectors; other processes see them whole or not at all."""
        self.store.put(entry, row)
