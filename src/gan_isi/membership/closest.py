"""All that some classifiers look at in bags: the closest distances, and the median of each map.

Neither depends on labels, so that an audit finds them once for thousands of fits; the closest
distances of blocks of generated images can be found one block after the other.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .._validation.arrays import check_array, check_count
from .._validation.typing import FloatArray


def closest_distances(bags: FloatArray, n_closest: int) -> FloatArray:
    """Keep the smallest distances of each query, map by map.

    Parameters
    ----------
    bags : ndarray of shape (n_queries, n_generated, n_maps)
        Distances; NaN where there is nothing to compare with.
    n_closest : int
        How many are kept; fewer where there are fewer.

    Returns
    -------
    ndarray of shape (n_queries, n_kept, n_maps)
        In ascending order, NaN last, of the type of the bags. What is in one row may be of
        different generated images. Kept once more beside those of other generated images, they
        give what is kept of all.

    Raises
    ------
    TypeError, ValueError
        For what is no bag of distances, a query without any in a map, or no number of them.

    Examples
    --------
    >>> import numpy as np
    >>> closest_distances(np.array([[[4.0], [1.0], [3.0]]]), 2)[0, :, 0]
    array([1., 3.])
    """
    bags = check_array(bags, "bags", "(n_queries, n_generated, n_maps)", allow_nan=True)
    n_closest = check_count(n_closest, "n_closest")
    # Contiguous along the generated images, of which only the closest are put in order.
    rows = np.ascontiguousarray(np.moveaxis(bags, 1, 2))
    if n_closest < rows.shape[2]:
        rows = np.partition(rows, n_closest - 1, axis=2)[:, :, :n_closest]
    ordered = np.sort(rows, axis=2)
    if np.isnan(ordered[:, :, 0]).any():
        query, at = np.argwhere(np.isnan(ordered[:, :, 0]))[0]
        raise ValueError(f"bags has no distance, only NaN, for query {query} in map {at}.")
    return np.moveaxis(ordered, 2, 1)


@dataclass(frozen=True)
class QueryMedians:
    """Median of each map over any of the queries, as `numpy.median` gives it.

    All distances are put in order once; a median of some queries is then found by counting
    theirs block by block.

    Attributes
    ----------
    values : ndarray of shape (n_maps, n_queries * n_generated)
        Distances in ascending order.
    queries : ndarray of shape (n_maps, n_queries * n_generated), int
        Which query each is of.
    counts : ndarray of shape (n_maps, n_blocks, n_queries)
        How many distances of each query come before each block.
    size : int
        Number of distances in a block.
    """

    values: FloatArray
    queries: NDArray[np.unsignedinteger]
    counts: NDArray[np.float64]
    size: int

    @classmethod
    def of(cls, bags: FloatArray) -> Self:
        """Put all distances of bags in order.

        Parameters
        ----------
        bags : ndarray of shape (n_queries, n_generated, n_maps)
            Distances, without NaN.

        Returns
        -------
        QueryMedians
        """
        n_queries, n_generated, n_maps = bags.shape
        n = n_queries * n_generated
        size = int(np.ceil(np.sqrt(n * n_queries)))  # counts and a block take as long
        starts = np.arange(0, n, size)
        values = np.empty((n_maps, n), dtype=bags.dtype)
        queries = np.empty((n_maps, n), dtype=np.min_scalar_type(n_queries - 1))
        counts = np.empty((n_maps, len(starts), n_queries))
        for at in range(n_maps):
            distances = bags[:, :, at].ravel()
            order = distances.argsort()
            values[at], queries[at] = distances[order], order // n_generated
            own = [np.bincount(part, minlength=n_queries) for part in np.split(queries[at], starts)]
            counts[at] = np.cumsum(own[:-1], axis=0)
        return cls(values, queries, counts, size)

    def __call__(self, queries: NDArray[np.intp]) -> FloatArray:
        """Return the median of each map.

        Parameters
        ----------
        queries : ndarray of shape (n,), int
            Numbers of the queries, each once.

        Returns
        -------
        ndarray of shape (n_maps,)
            Of the type of the bags.
        """
        n_maps, n = self.values.shape
        chosen = np.zeros(self.counts.shape[2])
        chosen[queries] = 1
        n_chosen = len(queries) * (n // len(chosen))
        before = self.counts @ chosen
        middle = np.empty((n_maps, 2), dtype=self.values.dtype)
        for at in range(n_maps):
            for side, rank in enumerate(((n_chosen - 1) // 2, n_chosen // 2)):
                block = int(np.searchsorted(before[at], rank, side="right")) - 1
                part = slice(block * self.size, (block + 1) * self.size)
                own = np.flatnonzero(chosen[self.queries[at, part]])
                middle[at, side] = self.values[at, part][own[rank - int(before[at, block])]]
        return np.asarray(middle.mean(axis=1))
