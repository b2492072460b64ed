"""What the figures ask of an attack: its branches, their maps and units, its scores."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, column_or_1d

from ..descriptors import FAMILIES
from ..distances.union import split_branch

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


@dataclass(frozen=True)
class Branch:
    """One way in which an attack compares images."""

    #: Describes the images; None where they are compared as they are.
    before: Any
    #: Compares them.
    distances: Any
    families: tuple[Family, ...]

    def vectors_of(self, X: Any) -> NDArray[np.float32]:
        """CDF vectors of images, (n, n_maps, n_levels), as the distances get them."""
        rows = X if self.before is None else self.before.transform(X)
        vectors = np.asarray(rows, dtype=np.float32)
        return vectors.reshape(len(vectors), *self.distances.reference_.shape[1:])


def families_of(descriptors: Any) -> list[Family]:
    """Families of a descriptor, a union of descriptors, or an attack.

    Descriptors of the library need not be fitted. Dropped families are left out.
    """
    steps = getattr(descriptors, "named_steps", None)
    if steps is None:
        return _families(descriptors)
    if "descriptors" in steps:
        return _families(steps["descriptors"])
    if not hasattr(steps.get("distances"), "transformer_list"):
        raise ValueError(
            "The pipeline has no step 'descriptors', nor a step 'distances' with branches; its "
            f"steps are {list(steps)}."
        )
    return [family for branch in _branches(steps["distances"]) for family in branch.families]


def branches_of(attack: Any) -> list[Branch]:
    """Return the branches of a fitted attack; one, unless it has a union of distances."""
    steps = getattr(attack, "named_steps", {})
    distances = steps.get("distances")
    if hasattr(distances, "transformer_list"):
        check_is_fitted(distances)
        return _branches(distances)
    if distances is None or "descriptors" not in steps:
        found = f" with the steps {list(steps)}" if len(steps) else ""
        raise TypeError(
            "Expected a fitted attack, a pipeline with the steps 'descriptors' and 'distances' or "
            f"with a union of distances; got {type(attack).__name__}{found}."
        )
    check_is_fitted(distances, "reference_")
    before = attack[: list(attack.named_steps).index("distances")]
    return [Branch(before, distances, tuple(_families(steps["descriptors"])))]


def _branches(union: Any) -> list[Branch]:
    branches: list[Branch] = []
    first = 0
    for name, branch in getattr(union, "transformers_", union.transformer_list):
        if isinstance(branch, str):  # dropped
            continue
        before, distances = split_branch(branch)
        families = _branch_families(name, before, first)
        branches.append(Branch(before, distances, families))
        first = families[-1].columns.stop
    return branches


def _branch_families(name: str, before: Any, first: int) -> tuple[Family, ...]:
    descriptors = None if before is None else before.steps[0][1]
    if hasattr(descriptors, "_map_names") or hasattr(descriptors, "transformer_list"):
        return tuple(_families(descriptors, first))
    return (Family(name, None, first, (name,)),)


def _families(descriptors: Any, first: int = 0) -> list[Family]:
    members = getattr(descriptors, "transformer_list", None)
    if members is None:
        members = [(None, descriptors)]
    families: list[Family] = []
    for name, descriptor in members:
        if isinstance(descriptor, str):  # dropped
            continue
        names = _map_names(descriptor)
        families.append(Family(name or names[0].split("_")[0], descriptor, first, names))
        first += len(names)
    if not families:
        raise ValueError("All descriptor families are dropped; there is no map to show.")
    return families


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


def find_branch(attack: Any, map_name: str) -> tuple[Branch, Family, int]:
    """Return what compares the CDFs of a map: branch, family, position in the branch."""
    branches = branches_of(attack)
    families = [family for branch in branches for family in branch.families]
    family, position = find_map(families, map_name)
    if family.descriptor is None:
        raise ValueError(
            f"{map_name!r} compares whole images and has no CDF; take a map of "
            f"{[one.name for one in families if one.descriptor is not None]}."
        )
    branch = next(branch for branch in branches if family in branch.families)
    return branch, family, position - branch.families[0].first


def bags_of(attack: Any, X: Any) -> NDArray[np.float32]:
    """Distances of images to the generated ones, (n_queries, n_generated, n_maps).

    Distances to real images follow where the attack has them.
    """
    branches_of(attack)
    position = list(attack.named_steps).index("distances")
    return np.asarray(attack[: position + 1].transform(X))


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
