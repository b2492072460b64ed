"""The closest of many references, found a part after the other."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Closest(NamedTuple):
    """The closest references of each query, ascending; of equal ones that of smaller number first.

    Attributes
    ----------
    distances : ndarray of shape (n_queries, n_kept)
        Distances of the closest references.
    numbers : ndarray of shape (n_queries, n_kept), int
        Numbers of these references.
    """

    distances: NDArray[np.float32]
    numbers: NDArray[np.int64]

    def shifted(self, first: int) -> "Closest":
        """Return the same where the references are numbered from `first`."""
        return Closest(self.distances, self.numbers + first)


def closest_of(distances: NDArray[np.float32], n_kept: int) -> Closest:
    """Keep the closest references of each query.

    Parameters
    ----------
    distances : ndarray of shape (n_queries, n_references)
        Distances without NaN.
    n_kept : int
        Number of references to keep; all, where there are fewer.

    Returns
    -------
    Closest
        Of shape (n_queries, min(n_kept, n_references)).

    Examples
    --------
    >>> import numpy as np
    >>> closest_of(np.array([[3.0, 1.0, 2.0, 1.0]]), 3).numbers
    array([[1, 3, 2]])
    """
    n_queries, n_references = distances.shape
    n_kept = min(n_kept, n_references)
    numbers = np.empty((n_queries, n_kept), dtype=np.int64)
    farthest = np.partition(distances, n_kept - 1, axis=1)[:, n_kept - 1]
    for row, own, far in zip(numbers, distances, farthest, strict=True):
        near = np.flatnonzero(own <= far)
        row[:] = near[np.argsort(own[near], kind="stable")[:n_kept]]
    return Closest(np.take_along_axis(distances, numbers, axis=1), numbers)


def merged(parts: Sequence[Closest], n_kept: int) -> Closest:
    """Keep the closest of several parts.

    Parameters
    ----------
    parts : sequence of Closest
        Parts of the same queries, and of references whose numbers rise from part to part.
    n_kept : int
        Number of references to keep.

    Returns
    -------
    Closest
        As of all references at once, if each part holds so many of its own.
    """
    distances, numbers = (np.concatenate(one, axis=1) for one in zip(*parts, strict=True))
    order = np.argsort(distances, axis=1, kind="stable")[:, :n_kept]
    return Closest(
        np.take_along_axis(distances, order, axis=1), np.take_along_axis(numbers, order, axis=1)
    )


class Nearest:
    """What is closest in each map so far.

    Parameters
    ----------
    n_kept : int
        Number of references to keep of each query.
    """

    def __init__(self, n_kept: int) -> None:
        self.n_kept = n_kept
        self.found: list[Closest] = []

    def add(self, part: list[Closest], start: int) -> None:
        """Take in what is closest in each map among references numbered from `start`."""
        part = [of_map.shifted(start) for of_map in part]
        if self.found:
            pairs = zip(self.found, part, strict=True)
            part = [merged(pair, self.n_kept) for pair in pairs]
        self.found = part
