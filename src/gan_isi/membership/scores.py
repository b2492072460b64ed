"""The scores of the simple attacks, as functions of distances.

All take one distance a pair, (n_queries, n_generated), and return one score a query: the
larger, the more probably it was used to train. What is no array of such numbers, or of
another size than it has to be, is a TypeError or a ValueError that names it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._validation.arrays import check_array, check_count, check_number, check_same
from .._validation.typing import FloatArray

#: Below this share of the median distance single precision knows no nearer and farther.
_CLOSEST = float(np.finfo(np.float32).eps)

_BAGS = "(n_queries, n_columns, n_maps)"
_DISTANCES = "(n_queries, n_generated)"
_REFERENCE = "(n_queries, n_reference)"


def map_scales(bags: FloatArray) -> NDArray[np.float64]:
    """Median distance of each map, what `one_distance` divides by.

    Parameters
    ----------
    bags : ndarray of shape (n_queries, n_columns, n_maps)
        Distances; NaN does not count.

    Returns
    -------
    ndarray of shape (n_maps,)
        In the units of the maps; 1 where the median is not positive.
    """
    bags = check_array(bags, "bags", _BAGS, allow_nan=True)
    if np.isnan(bags).all(axis=(0, 1)).any():
        at = int(np.argmax(np.isnan(bags).all(axis=(0, 1))))
        raise ValueError(f"bags has no distance, only NaN, in map {at}.")
    medians = np.array([np.nanmedian(bags[:, :, index]) for index in range(bags.shape[2])])
    return as_scales(medians, len(medians))


def as_scales(medians: NDArray[Any], n_maps: int) -> NDArray[np.float64]:
    """Return what `one_distance` divides by: medians, but 1 where they are not positive."""
    medians = check_array(medians, "scales", "(n_maps,)", allow_nan=True)
    check_same("scales", len(medians), "bags", n_maps, "maps")
    return np.where(medians > 0, medians, 1.0).astype(np.float64)


def one_distance(bags: FloatArray, scales: NDArray[np.float64]) -> NDArray[np.float64]:
    """Reduce the maps to one distance: their mean, each in multiples of its scale.

    Parameters
    ----------
    bags : ndarray of shape (n_queries, n_columns, n_maps)
        Distances.
    scales : ndarray of shape (n_maps,)
        Scales of `map_scales`.

    Returns
    -------
    ndarray of shape (n_queries, n_columns)
        Without unit; NaN where any map is.

    Examples
    --------
    >>> import numpy as np
    >>> one_distance(np.array([[[2.0, 30.0], [4.0, 10.0]]]), np.array([2.0, 10.0]))
    array([[2. , 1.5]])
    """
    bags = check_array(bags, "bags", _BAGS, allow_nan=True)
    scales = check_array(scales, "scales", "(n_maps,)")
    check_same("bags", bags.shape[2], "scales", len(scales), "maps")
    if scales.min() <= 0:
        raise ValueError(f"scales have to be above 0; got {scales.min():g}.")
    total = np.zeros(bags.shape[:2])
    # Map by map: no copy of all bags, and sums that don't depend on the other queries.
    for index, scale in enumerate(scales):
        total += bags[:, :, index] / scale
    return total / len(scales)


def nearest_score(
    distances: NDArray[np.float64], n_neighbors: int = 1, relative_to: int | None = None
) -> NDArray[np.float64]:
    """Minus the mean distance to the closest generated images.

    Parameters
    ----------
    distances : ndarray of shape (n_queries, n_generated)
        Distances to the generated images.
    n_neighbors : int, default=1
        How many of the closest are averaged.
    relative_to : int, default=None
        How many next ones are averaged for the divisor, or as many as there are; None
        divides by nothing.

    Returns
    -------
    ndarray of shape (n_queries,)
        At most 0. The ratio of an exact copy is 0, also among as many others.

    Examples
    --------
    >>> import numpy as np
    >>> distances = np.array([[4.0, 1.0, 2.0]])
    >>> nearest_score(distances), nearest_score(distances, relative_to=2)
    (array([-1.]), array([-0.33333333]))
    """
    distances = check_array(distances, "distances", _DISTANCES)
    n_neighbors = check_count(n_neighbors, "n_neighbors")
    if n_neighbors > distances.shape[1]:
        raise ValueError(
            f"n_neighbors={n_neighbors}, but distances has {distances.shape[1]} generated images."
        )
    if relative_to is not None:
        relative_to = check_count(relative_to, "relative_to")
    n_wanted = n_neighbors + (relative_to or 0)
    closest = distances
    if n_wanted < distances.shape[1]:
        closest = np.partition(distances, n_wanted - 1, axis=1)[:, :n_wanted]
    closest = np.sort(closest, axis=1)
    near = closest[:, :n_neighbors].mean(axis=1)
    if relative_to is None:
        return -near
    if closest.shape[1] == n_neighbors:
        return -(near > 0).astype(np.float64)
    next_ones = closest[:, n_neighbors:].mean(axis=1)
    # A generator that returns one image over and over has only copies for next ones.
    return -np.divide(near, next_ones, out=np.zeros_like(near), where=next_ones > 0)


def epsilon_score(distances: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Share of the generated images within a radius.

    Parameters
    ----------
    distances : ndarray of shape (n_queries, n_generated)
        Distances to the generated images.
    radius : float
        Largest distance that counts, in the same units.

    Returns
    -------
    ndarray of shape (n_queries,)
        In 0..1.
    """
    distances = check_array(distances, "distances", _DISTANCES)
    return (distances <= check_number(radius, "radius", least=0)).mean(axis=1)


def density_ratio_score(
    to_generated: NDArray[np.float64], to_reference: NDArray[np.float64], bandwidth: float
) -> NDArray[np.float64]:
    """Log density of the generated minus log density of reference images at the query.

    Parameters
    ----------
    to_generated : ndarray of shape (n_queries, n_generated)
        Distances to the generated images.
    to_reference : ndarray of shape (n_queries, n_reference)
        Distances to real images that were not used; NaN does not count, but at least
        one a query has to be a number.
    bandwidth : float
        Standard deviation of the Gaussian kernels, in units of the distances.

    Returns
    -------
    ndarray of shape (n_queries,)
        Difference of two natural logarithms; finite.
    """
    bandwidth = check_number(bandwidth, "bandwidth", above=0)
    to_generated, to_reference = _check_both(to_generated, to_reference)
    return _log_density(to_generated, bandwidth) - _log_density(to_reference, bandwidth)


def _log_density(distances: NDArray[np.float64], bandwidth: float) -> NDArray[np.float64]:
    """Logarithm of the mean kernel; the kernels' common norm is left out."""
    # Rows that lie one after the other are summed alike, whatever their number.
    exponents = -0.5 * np.ascontiguousarray(distances / bandwidth) ** 2
    counted = ~np.isnan(exponents)
    exponents[~counted] = -np.inf
    largest = exponents.max(axis=1, keepdims=True)
    sums = np.exp(exponents - largest).sum(axis=1)
    return largest[:, 0] + np.log(sums) - np.log(counted.sum(axis=1))


def similarity_ratio(
    to_generated: NDArray[np.float64], to_reference: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Logarithm of how many times closer the generated images come than real ones do.

    Parameters
    ----------
    to_generated : ndarray of shape (n_queries, n_generated)
        Distances to the generated images.
    to_reference : ndarray of shape (n_queries, n_reference)
        Distances to real images that were not used; NaN does not count, but at least
        one a query has to be a number.

    Returns
    -------
    ndarray of shape (n_queries,)
        Log of the distance to the closest of the reference, minus log of that to the
        closest generated image. A distance of zero counts as 1.2e-7.
    """
    to_generated, to_reference = _check_both(to_generated, to_reference)
    closest_generated = np.maximum(to_generated.min(axis=1), _CLOSEST)
    closest_reference = np.maximum(np.nanmin(to_reference, axis=1), _CLOSEST)
    return np.log(closest_reference) - np.log(closest_generated)


def share_below(scores: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of known scores that are smaller than each score; equal ones count half.

    Parameters
    ----------
    scores : ndarray of shape (n_queries,)
        Scores to rank.
    known : ndarray of shape (n_known,)
        Scores to rank them among, in ascending order.

    Returns
    -------
    ndarray of shape (n_queries,)
        In 0..1.

    Examples
    --------
    >>> import numpy as np
    >>> share_below(np.array([0.0, 2.0, 9.0]), np.array([1.0, 2.0]))
    array([0.  , 0.75, 1.  ])
    """
    scores = check_array(scores, "scores", "(n_queries,)")
    known = check_array(known, "known", "(n_known,)")
    if (np.diff(known) < 0).any():
        raise ValueError("known has to be in ascending order; give np.sort(known).")
    below = np.searchsorted(known, scores, side="left")
    not_above = np.searchsorted(known, scores, side="right")
    return (below + not_above) / (2 * len(known))


def retrieval_thresholds(known: NDArray[np.float64], n_retrieved: int) -> NDArray[np.float64]:
    """Distance up to which each generated image retrieves.

    Parameters
    ----------
    known : ndarray of shape (n_known, n_generated)
        Distances of the images not used.
    n_retrieved : int
        How many closest images each generated one retrieves, at most `n_known`.

    Returns
    -------
    ndarray of shape (n_generated,)
        The `n_retrieved`-th smallest distance.
    """
    known = check_array(known, "known", "(n_known, n_generated)")
    if check_count(n_retrieved, "n_retrieved") > len(known):
        raise ValueError(f"n_retrieved={n_retrieved}, but known has {len(known)} real images.")
    return np.partition(known, n_retrieved - 1, axis=0)[n_retrieved - 1]


def retrieval_score(
    distances: NDArray[np.float64], thresholds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Share of the generated images that retrieve the query.

    Parameters
    ----------
    distances : ndarray of shape (n_queries, n_generated)
        Distances to the generated images.
    thresholds : ndarray of shape (n_generated,)
        Thresholds of `retrieval_thresholds`.

    Returns
    -------
    ndarray of shape (n_queries,)
        In 0..1. Of equal distances the query's comes first: an image not used does
        not compete with itself.
    """
    distances = check_array(distances, "distances", _DISTANCES)
    thresholds = check_array(thresholds, "thresholds", "(n_generated,)")
    check_same("distances", distances.shape[1], "thresholds", len(thresholds), "generated images")
    return (distances <= thresholds).mean(axis=1)


def _check_both(
    to_generated: FloatArray, to_reference: FloatArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Check the distances to both sets, those to the reference for a number a query."""
    to_generated = check_array(to_generated, "to_generated", _DISTANCES)
    to_reference = check_array(to_reference, "to_reference", _REFERENCE, allow_nan=True)
    check_same("to_generated", len(to_generated), "to_reference", len(to_reference), "queries")
    alone = np.flatnonzero(np.isnan(to_reference).all(axis=1))
    if len(alone):
        raise ValueError(f"to_reference has no distance, only NaN, for query {alone[0]}.")
    return to_generated.astype(np.float64, copy=False), to_reference.astype(np.float64, copy=False)
