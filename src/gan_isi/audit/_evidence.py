"""Which generated images look closest to a query, and which maps say so."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._attacks import PreparedAttack


@dataclass(frozen=True)
class Evidence:
    """The generated images that look closest to each query.

    Attributes
    ----------
    generated : ndarray of shape (n_queries, n_shown), int
        Their numbers, the closest first: by the mean over the maps of the distance
        divided by the map's median.
    distances : ndarray of shape (n_queries, n_shown)
        That mean; 1 is a usual pair.
    maps : list of list of str
        For each query, the maps in which its closest generated image stands out most:
        where the smallest shares of all pairs of a query and a generated image are as
        close. Those of the attack's distances, which need not be what its classifier
        listened to.
    """

    generated: NDArray[np.intp]
    distances: NDArray[np.float64]
    maps: list[list[str]]

    def __getitem__(self, queries: slice) -> "Evidence":
        """Return that of some of the queries."""
        return Evidence(self.generated[queries], self.distances[queries], self.maps[queries])


def closest_generated(
    prepared: PreparedAttack, attack: Any, *, n_shown: int = 3
) -> Evidence | None:
    """Find the closest generated images of each query; None for an attack without bags.

    Parameters
    ----------
    prepared : PreparedAttack
        See `prepare`.
    attack : estimator
        Of which it was made, to name the maps.
    n_shown : int, default=3
        How many generated images, and maps.

    Returns
    -------
    Evidence or None
    """
    bags = prepared.bags
    if bags is None:
        return None
    n_queries, n_generated, n_maps = bags.shape
    names = map_names(attack, n_maps)
    medians = np.nanmedian(bags, axis=(0, 1))
    scaled = (bags / np.where(medians > 0, medians, 1.0)).mean(axis=2)
    n_shown = min(n_shown, n_generated)
    order = np.argsort(scaled, axis=1, kind="stable")[:, :n_shown]
    # Few enough pairs to rank in each map, drawn evenly.
    step = max(1, n_queries * n_generated // 20_000)
    usual = np.sort(bags.reshape(-1, n_maps)[::step], axis=0)
    maps = []
    for query in range(n_queries):
        closest = bags[query, order[query, 0]]
        shares = [np.searchsorted(usual[:, j], closest[j], "right") for j in range(n_maps)]
        maps.append([names[j] for j in np.argsort(shares, kind="stable")[:n_shown]])
    return Evidence(order, np.take_along_axis(scaled, order, axis=1), maps)


def map_names(attack: Any, n_maps: int) -> list[str]:
    """Return the names of an attack's maps, numbers where they have none."""
    steps = getattr(attack, "named_steps", {})
    for step in ("descriptors", "distances"):
        names = _names_of(steps.get(step) if hasattr(steps, "get") else None)
        if len(names) == n_maps:
            return names
    return [f"map {index}" for index in range(n_maps)]


def _names_of(estimator: Any) -> list[str]:
    """Names of a family's maps, of those of a union, or of branches of distances."""
    if estimator is None or isinstance(estimator, str):
        return []
    if hasattr(estimator, "_map_names"):
        return list(estimator._map_names())
    names: list[str] = []
    for branch, part in getattr(estimator, "transformer_list", []):
        own = _names_of(part)
        if not own and hasattr(part, "steps"):
            own = _names_of(part.steps[0][1])
        names.extend(own or ([] if part == "drop" else [branch]))
    return names
