"""What the figures ask of an attack: its families, their maps and units, its scores."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted, column_or_1d

from .._validation.blocks import map_names
from ..descriptors import FAMILIES, PixelDescriptor

INTENSITY = "intensity"

#: Of the maps whose name ends so, per family. Gabor filters are not normalised: they sum
#: the intensity over an area.
_UNITS = {
    "statistical": {"_range": INTENSITY, "_std": INTENSITY, "_entropy": "bit"},
    "gaussian": {
        "_gradient_magnitude": f"{INTENSITY} / px",
        "_hessian_eigenvalue1": f"{INTENSITY} / px²",
        "_hessian_eigenvalue2": f"{INTENSITY} / px²",
        "_laplacian": f"{INTENSITY} / px²",
        "_hessian_norm": f"{INTENSITY} / px²",
    },
}


@dataclass(frozen=True)
class Family:
    """A descriptor family, and where its maps lie among all maps.

    A view that compares whole images, such as their pixels, is a family of one map
    without a descriptor of maps.
    """

    name: str
    descriptor: Any
    first: int
    map_names: tuple[str, ...]

    @property
    def columns(self) -> slice:
        """Positions of its maps."""
        return slice(self.first, self.first + len(self.map_names))


def families_of(descriptors: Any) -> list[Family]:
    """Families of a descriptor, a union of descriptors, or an attack.

    Descriptors of the library need not be fitted. Dropped families, and those that describe
    whole images, are left out.
    """
    if isinstance(descriptors, Pipeline):
        if "descriptors" not in descriptors.named_steps:
            raise ValueError(
                "The pipeline has no step 'descriptors'; its steps are "
                f"{list(descriptors.named_steps)}."
            )
        descriptors = descriptors.named_steps["descriptors"]
    members = getattr(descriptors, "transformers_", None) or getattr(
        descriptors, "transformer_list", [(None, descriptors)]
    )
    families: list[Family] = []
    first = 0
    for name, descriptor in members:
        if isinstance(descriptor, (str, PixelDescriptor)):
            continue
        names = _map_names(descriptor)
        families.append(Family(name or names[0].split("_")[0], descriptor, first, names))
        first += len(names)
    if not families:
        raise ValueError("All descriptor families are dropped; there is no map to show.")
    return families


def views_of(attack: Any) -> list[Family]:
    """Families of maps, and views of one distance, along the maps of a fitted attack's bags."""
    steps = getattr(attack, "named_steps", {})
    if "distances" not in steps or "descriptors" not in steps:
        found = f" with the steps {list(steps)}" if len(steps) else ""
        raise TypeError(
            "Expected a fitted attack, a pipeline with the steps 'descriptors' and 'distances'; "
            f"got {type(attack).__name__}{found}."
        )
    if not hasattr(steps["distances"], "retarget"):
        raise TypeError("A blind attack has no distances to show.")
    check_is_fitted(steps["distances"])
    described = {family.name: family.descriptor for family in _fitted_families(attack)}
    views: list[Family] = []
    first = 0
    for block in steps["distances"].blocks_:
        if not block.maps:  # dropped
            continue
        own = described.get(block.name)
        own = own if own is not None and tuple(own.map_names_) == block.maps else None
        views.append(Family(block.name, own, first, block.maps))
        first += len(block.maps)
    return views


def _fitted_families(attack: Any) -> list[Family]:
    try:
        return families_of(attack)
    except ValueError:  # pixels only
        return []


def _map_names(descriptor: Any) -> tuple[str, ...]:
    names = getattr(descriptor, "map_names_", None)
    if names is None and hasattr(descriptor, "_map_names"):
        names = descriptor._map_names()
    if names is None:
        raise TypeError(
            f"{type(descriptor).__name__} has no maps; expected a descriptor, a union of "
            "descriptors, or a pipeline with a step 'descriptors'."
        )
    return tuple(names)


def find_map(families: list[Family], map_name: str) -> tuple[Family, int]:
    """Return the family of a map and its position among all maps."""
    for family in families:
        if map_name in family.map_names:
            return family, family.first + family.map_names.index(map_name)
    known = [name for family in families for name in family.map_names]
    raise ValueError(
        f"There is no map {map_name!r}. The {len(known)} maps are {_shorten(known)}; see "
        "map_names_ of the descriptors."
    )


def _shorten(names: list[str], limit: int = 6) -> str:
    return ", ".join(names[:limit]) + (", ..." if len(names) > limit else "")


def map_unit(family: Family, map_name: str) -> str | None:
    """Return the unit of a map of the library, None for the maps of others.

    The intensity is that of the image after `intensity_range` became 0..1.
    """
    kind = _kind(family.descriptor)
    if kind == "gabor":
        return f"{INTENSITY} × px²"
    if kind == "steerable":
        return f"{INTENSITY} / px" if "_d1_" in map_name else f"{INTENSITY} / px²"
    if kind == "gaussian" and map_name.endswith("_curvature"):
        surface = family.descriptor.curvature == "surface"
        return None if surface else f"{INTENSITY}² / px⁴"
    endings = _UNITS.get(kind, {})
    return next((unit for ending, unit in endings.items() if map_name.endswith(ending)), None)


def _kind(descriptor: Any) -> str:
    return next((name for name, cls in FAMILIES.items() if type(descriptor) is cls), "")


def find_cdf(attack: Any, map_name: str) -> tuple[Family, int]:
    """Return the family of a map whose CDFs an attack compares, and its position there."""
    views = views_of(attack)
    family, position = find_map(views, map_name)
    if family.descriptor is None:
        raise ValueError(
            f"{map_name!r} compares whole images and has no CDF; take a map of "
            f"{[one.name for one in views if one.descriptor is not None]}."
        )
    return family, position - family.first


def reference_of(attack: Any, map_name: str) -> NDArray[np.float32]:
    """CDF vectors of the generated images in one map, (n_generated, 1, n_levels)."""
    distances = attack.named_steps["distances"]
    for _, view in getattr(distances, "transformers_", [("", distances)]):
        names = map_names(view.blocks_)
        if map_name in names:
            return np.asarray(view.reference_[:, [names.index(map_name)]])
    raise ValueError(f"The attack compares no map {map_name!r}.")


def bags_of(attack: Any, X: Any) -> NDArray[np.float32]:
    """Distances of images to the generated ones, (n_queries, n_generated, n_maps).

    Distances to real images follow where the attack has them.
    """
    views_of(attack)
    return np.asarray(attack[:-1].transform(X))


def query_scores(attack: Any, X: Any) -> NDArray[np.float64]:
    """One score a query, larger for "used": the probability where there is one."""
    if hasattr(attack, "predict_proba"):
        return np.asarray(attack.predict_proba(X))[:, 1]
    if hasattr(attack, "decision_function"):
        return np.asarray(attack.decision_function(X))
    raise TypeError(
        f"{type(attack).__name__} has neither predict_proba nor decision_function to score with."
    )


def check_scores(scores: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return finite scores as an array of shape (n_queries,)."""
    array = np.asarray(column_or_1d(scores), dtype=np.float64)
    if len(array) == 0 or not np.isfinite(array).all():
        raise ValueError(f"{name} has to hold finite numbers, at least one.")
    return array
