"""The indexing of sequences whose images are read when they are asked for."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self, overload

import numpy as np
from numpy.typing import NDArray


class LazyImages(Sequence[NDArray[Any]]):
    """A sequence of images, indexed as a one-dimensional array.

    An integer reads one image. A slice, a list or array of integers, or a boolean mask gives
    a part, and reads nothing.
    """

    @abstractmethod
    def _read(self, number: int) -> NDArray[Any]:
        """Read an image by its number, from 0."""

    @abstractmethod
    def _part(self, numbers: Iterable[int]) -> Self:
        """Return the sequence of these images."""

    @abstractmethod
    def _files(self, numbers: Iterable[int]) -> dict[Path, Path]:
        """Return the files of images by their numbers, see `files_of`."""

    def files_of(self, numbers: Iterable[int]) -> dict[Path, Path]:
        """Return the files that images are read from, each with the folder it was found in.

        Parameters
        ----------
        numbers : iterable of int
            Numbers of the images in the sequence.

        Returns
        -------
        dict of Path to Path
            Each file once: an archive of many images, and all files of a DICOM series.
        """
        return self._files(numbers)

    @property
    def shape(self) -> tuple[int]:
        """Length as a tuple, as of a one-dimensional array."""
        return (len(self),)

    @overload
    def __getitem__(self, key: int) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, key: slice) -> Self: ...
    @overload
    def __getitem__(self, key: Any) -> Any: ...
    def __getitem__(self, key: Any) -> Any:
        name = type(self).__name__
        if isinstance(key, tuple):
            # As scikit-learn indexes an array of any dimension.
            if len(key) != 2 or key[1] is not Ellipsis:
                raise IndexError(
                    f"{name} has one axis, that of the images; got the index {key!r}. "
                    "Read an image first to index its pixels."
                )
            key = key[0]
        if isinstance(key, slice):
            return self._part(range(len(self))[key])
        index = np.asarray(key)
        if index.ndim == 0 and index.dtype.kind not in "iu":
            raise TypeError(
                f"{name} is indexed by integers, slices, integer arrays and boolean masks; "
                f"got {key!r}."
            )
        if index.size == 0 and index.dtype != bool:
            index = index.astype(np.intp)
        # NumPy checks booleans, floats, bounds and the length of masks.
        position = np.arange(len(self))[index]
        if position.ndim == 0:
            return self._read(int(position))
        if position.ndim > 1:
            raise IndexError(
                f"{name} has one axis; the index has {position.ndim} dimensions, expected 1."
            )
        return self._part(position.tolist())
