"""Which generated images come closer to used images than others do to images not used."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from .._validation.blocks import Block
from ..membership.scores import map_scales, one_distance
from ..statistics import conformal_p_values

#: How many next images the closest one is set in relation to, as in the summaries.
_NEXT = 50

#: An exact copy has distance zero: as far down as single precision tells it from one.
_SMALLEST = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Choice:
    """Generated images in the order in which they are withheld.

    Attributes
    ----------
    order : ndarray of shape (n_generated,), int
        Numbers of the generated images, the one closest to a used image first.
    closeness : ndarray of shape (n_generated,)
        Distance of each generated image to the closest used one; 1 is that of usual
        neighbours, and 0 a copy.
    closest_used : ndarray of shape (n_generated,), int
        Number of that image.
    p_values : ndarray of shape (n_generated,)
        Share of the patients not used to whom some generated image comes as close, the
        used one itself counted.
    n_closer : int
        Number of generated images that come closer to a used image than any does to one not
        used; they are the first of `order`.
    n_closer_patients : int
        Number of patients with used images to whom they come so close.
    closer_p_value : float
        Probability of so many or more of these, had membership nothing to do with it.
    """

    order: NDArray[np.intp]
    closeness: NDArray[np.float64]
    closest_used: NDArray[np.intp]
    p_values: NDArray[np.float64]
    n_closer: int
    n_closer_patients: int
    closer_p_value: float


def pair_distances(bags: NDArray[Any], blocks: Sequence[Block] | None) -> NDArray[np.float64]:
    """Relate each distance to those of both images to their neighbours, in all views.

    Some pictures are close to everything. No label is asked for, and real images are all
    treated alike: if membership has nothing to do with the distances, used and other
    images may change places in what is returned.

    Parameters
    ----------
    bags : ndarray of shape (n_real, n_generated, n_maps)
        Distances.
    blocks : list of Block or None
        Which maps are one view; None takes all for one.

    Returns
    -------
    ndarray of shape (n_real, n_generated)
        Geometric mean over the views of the distance divided by those that are usual for the
        two images: the geometric mean of the mean distance to the next 50 generated images
        and of the mean distance to the next real images (50, or a quarter of them).

    References
    ----------
    L. Zelnik-Manor and P. Perona, "Self-tuning spectral clustering", NIPS 17 (2004), for
    scaling by the neighbours of both.
    """
    sizes = [bags.shape[2]] if blocks is None else [len(block.maps) for block in blocks]
    views = [maps for maps in np.split(bags, np.cumsum(sizes)[:-1], axis=2) if maps.shape[2]]
    logarithms = np.zeros(bags.shape[:2])
    for maps in views:
        distances = one_distance(maps, map_scales(maps))
        of_real = _next_ones(distances, _NEXT)
        of_generated = _next_ones(distances.T, min(_NEXT, max(1, len(bags) // 4)))
        usual = np.sqrt(of_real[:, np.newaxis] * of_generated)
        relative = np.divide(distances, usual, out=np.ones_like(distances), where=usual > 0)
        logarithms += np.log(np.maximum(relative, _SMALLEST))
    return np.exp(logarithms / len(views))


def _next_ones(distances: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return the mean of the n smallest distances of each row but the very smallest."""
    n = min(n, distances.shape[1] - 1)
    if n < 1:
        return distances[:, 0]
    return np.sort(np.partition(distances, n, axis=1)[:, : n + 1], axis=1)[:, 1:].mean(axis=1)


def choose(
    distances: NDArray[np.float64],
    used: NDArray[np.bool_],
    groups: NDArray[np.intp] | None = None,
) -> Choice:
    """Put generated images in order by how close they come to used images.

    Parameters
    ----------
    distances : ndarray of shape (n_real, n_generated)
        Distances of `pair_distances`.
    used : ndarray of shape (n_real,), bool
        Which real images were used; some, but not all.
    groups : ndarray of shape (n_real,), int, default=None
        Patients. Each counts once, with the image that a generated one comes closest to.

    Returns
    -------
    Choice

    Examples
    --------
    >>> distances = np.array([[0.1, 0.9, 0.8], [0.9, 0.2, 0.9], [0.7, 0.8, 0.9]])
    >>> found = choose(distances, np.array([True, True, False]))
    >>> found.order.tolist(), found.n_closer
    ([0, 1, 2], 2)
    """
    own = np.flatnonzero(used)
    to_used = distances[own]
    closeness = to_used.min(axis=0)
    patients = np.arange(len(used)) if groups is None else groups
    closest = distances.min(axis=1)
    of_used, of_others = (_of_patients(closest[who], patients[who]) for who in (used, ~used))
    limit, n_patients = of_others.min(), int((of_used < of_others.min()).sum())
    n_all = len(of_used) + len(of_others)
    return Choice(
        order=np.argsort(closeness, kind="stable"),
        closeness=closeness,
        closest_used=own[to_used.argmin(axis=0)],
        p_values=conformal_p_values(-closeness, -of_others),
        n_closer=int((closeness < limit).sum()),
        n_closer_patients=n_patients,
        # That the first so many of all patients, by how close they are, are used ones.
        closer_p_value=float(hypergeom.pmf(n_patients, n_all, len(of_used), n_patients)),
    )


def _of_patients(closest: NDArray[np.float64], groups: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the smallest distance of each patient."""
    numbers = np.unique(groups, return_inverse=True)[1]
    smallest = np.full(numbers.max() + 1, np.inf)
    np.minimum.at(smallest, numbers, closest)
    return smallest
