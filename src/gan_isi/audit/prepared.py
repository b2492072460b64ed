"""How the audit runs an attack: what needs no labels once, the rest as often as asked."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.base import clone

from .._runtime.sklearn_compat import safe_indexing
from .._runtime.store import digest
from .._runtime.whole import stage
from .._validation.blocks import Block
from .._validation.images import check_images
from .._validation.shared import SharedImages
from ..attacks.pipeline import SourceIdentificationPipeline, fit_membership
from ..descriptors import DescriptorUnion
from ..descriptors.transformer import BaseImageTransformer, describe, families_of


@dataclass(frozen=True)
class Answers:
    """What an attack says of some queries.

    Attributes
    ----------
    scores : ndarray of shape (n_queries,)
        The larger, the more probably used.
    used : ndarray of shape (n_queries,), bool
        Its own decision.
    chosen : str
        Which attack said it, where several were to choose among.
    """

    scores: NDArray[np.float64]
    used: NDArray[np.bool_]
    chosen: str = ""


class PreparedAttack(Protocol):
    """An attack on one set of real and generated images."""

    @property
    def bags(self) -> NDArray[Any] | None:
        """Distances (n_queries, n_generated, n_maps), where it compares."""

    def answer(
        self, train: NDArray[np.intp], labels: NDArray[np.intp], test: NDArray[np.intp]
    ) -> Answers:
        """Fit on the queries `train`, whose labels are given, and answer for `test`."""


def prepare(
    attacks: Mapping[str, Any],
    images: Any,
    generated: Any,
    groups: NDArray[Any] | None = None,
) -> Iterator[tuple[str, PreparedAttack]]:
    """Do the part of attacks that needs no labels, where it can be told from the rest.

    Each image is read once, and described once by each family, whatever the number of attacks.

    Parameters
    ----------
    attacks : mapping of str to estimator
        Unfitted. Of a :class:`SourceIdentificationPipeline` descriptors and distances
        need no labels and learn nothing from one real image that they use for another;
        they are fitted once. Any other classifier is fitted as a whole each time.
    images : sequence of array-like
        All real images that will be asked about.
    generated : array-like or sequence
        The generated images, a parameter `generated` of the attacks.
    groups : ndarray of shape (n_images,), default=None
        Patients of all real images, for the folds within which an attack calibrates.

    Yields
    ------
    name : str
    PreparedAttack
    """
    shared = SharedImages(generated)
    targeted = {name: _with_generated(attack, shared) for name, attack in attacks.items()}
    ours = {
        name: attack
        for name, attack in targeted.items()
        if isinstance(attack, SourceIdentificationPipeline)
    }
    described = _described(ours, images, generated)
    for name, attack in targeted.items():
        if name not in ours:
            yield name, _WholeAttack(attack, images, groups)
            continue
        with stage(f"{name}: comparing"):
            rows = attack.fit_distances(*described(name))
        yield (
            name,
            _LabelledPart(
                attack.steps[-1][1],
                rows,
                attack.n_generated_ if attack.compares else None,
                bool(getattr(attack.steps[1][1], "include_real", False)),
                groups,
                attack.blocks_,
            ),
        )


def keep_generated(prepared: PreparedAttack, kept: NDArray[np.intp]) -> PreparedAttack:
    """Return a prepared attack as if there were these generated images only.

    Parameters
    ----------
    prepared : PreparedAttack
        One that has distances to them, or none at all: that stays as it is.
    kept : ndarray of shape (n_kept,), int
        Numbers of the generated images that are left.

    Returns
    -------
    PreparedAttack
        Nothing is described or compared again: columns of the distances are left out. What a
        view learned of all generated images, such as a covariance, stays as it was.
    """
    if prepared.bags is None:
        return prepared
    assert isinstance(prepared, _LabelledPart)
    assert prepared.n_generated is not None
    of_real = np.arange(prepared.n_generated, prepared.rows.shape[1])
    columns = np.concatenate([kept, of_real])
    return replace(prepared, rows=prepared.rows[:, columns], n_generated=len(kept))


def _with_generated(attack: Any, generated: SharedImages) -> Any:
    """Return a clone of an attack, also of one inside a search, with these images."""
    attack = clone(attack)
    own = [name for name in attack.get_params() if name.split("__")[-1] == "generated"]
    return attack.set_params(**dict.fromkeys(own, generated))


def _described(
    attacks: Mapping[str, SourceIdentificationPipeline], images: Any, generated: Any
) -> Callable[[str], tuple[Any, Any]]:
    """Describe all images for all attacks; return what gives an attack its vectors of both."""
    families: dict[bytes, BaseImageTransformer] = {}
    of_attack: dict[str, list[bytes]] = {}
    for name, attack in attacks.items():
        attack.check_steps()
        descriptors = attack.steps[0][1]
        if isinstance(descriptors, (DescriptorUnion, BaseImageTransformer)):
            descriptors.fit(images)
            own = {digest(one._cache_key()): one for one in families_of(descriptors)}
            of_attack[name] = list(own)
            families = own | families
    compared = [key for name, keys in of_attack.items() if attacks[name].compares for key in keys]
    work = [attacks[name].steps[0][1] for name in of_attack]
    how = {
        "n_jobs": next((one.n_jobs for one in work if one.n_jobs is not None), None),
        "memory": next((one.memory for one in work if one.memory is not None), None),
        "verbose": any(one.verbose for one in work),
    }
    real = _columns(families, families, images, how, "describing real images")
    fakes = _columns(
        families, dict.fromkeys(compared), generated, how, "describing generated images"
    )

    def vectors_of(name: str) -> tuple[Any, Any]:
        attack = attacks[name]
        if name in of_attack:
            keys = of_attack[name]
            both = [real, fakes] if attack.compares else [real]
            found = [np.hstack([columns[key] for key in keys]) for columns in both]
            return found[0], found[1] if attack.compares else None
        descriptors = attack.steps[0][1]
        if isinstance(descriptors, str):
            return images, generated
        rows = descriptors.fit(images).transform(images)
        return rows, descriptors.transform(generated) if attack.compares else None

    return vectors_of


def _columns(
    families: Mapping[bytes, BaseImageTransformer],
    wanted: Iterable[bytes],
    images: Any,
    how: dict[str, Any],
    description: str,
) -> dict[bytes, NDArray[np.float32]]:
    keys = list(wanted)
    if not keys:
        return {}
    own = [families[key] for key in keys]
    checked = check_images(images, clone(own[0]), reset=True)
    rows = describe(own, checked, description=description, **how)
    ends = np.cumsum([one.n_columns for one in own])
    return dict(zip(keys, np.split(rows, ends[:-1], axis=1), strict=True))


@dataclass(frozen=True)
class _LabelledPart:
    """The last step of an attack, on rows that were made without labels."""

    estimator: Any
    rows: Any
    #: Number of generated images where the rows are distances to them.
    n_generated: int | None
    #: Whether distances to all real images follow those to the generated ones.
    with_real: bool
    #: Patients of all real images.
    groups: NDArray[Any] | None = None
    #: Which maps belong together, and their names.
    blocks: list[Block] | None = None

    @property
    def bags(self) -> NDArray[Any] | None:
        return None if self.n_generated is None else self.rows[:, : self.n_generated]

    def answer(
        self, train: NDArray[np.intp], labels: NDArray[np.intp], test: NDArray[np.intp]
    ) -> Answers:
        return self.fit_and_answer(train, labels, test)[1]

    def fit_and_answer(
        self, train: NDArray[np.intp], labels: NDArray[np.intp], test: NDArray[np.intp]
    ) -> tuple[Any, Answers]:
        fitted = self._fit(train, labels)
        return fitted, _answers(fitted, self._rows(test, train))

    def _fit(self, train: NDArray[np.intp], labels: NDArray[np.intp]) -> Any:
        groups = None if self.groups is None else self.groups[train]
        rows = self._rows(train, train)
        return fit_membership(clone(self.estimator), rows, labels, groups, self.blocks)

    def _rows(self, queries: NDArray[np.intp], train: NDArray[np.intp]) -> Any:
        if self.n_generated is None or not self.with_real:
            return safe_indexing(self.rows, queries)
        # Only the real images of this fit may serve as references.
        columns = np.concatenate([np.arange(self.n_generated), self.n_generated + train])
        return self.rows[queries][:, columns]


@dataclass(frozen=True)
class Fit:
    """One fit of the last steps of an attack: on which queries, and for which others."""

    estimator: Any
    train: NDArray[np.intp]
    test: NDArray[np.intp]


@dataclass(frozen=True)
class Recorder:
    """A prepared attack that keeps its fits, where it compares, to be asked again.

    Attributes
    ----------
    prepared : PreparedAttack
        See `prepare`.
    fits : list of Fit
        One for each call of `answer`.
    """

    prepared: PreparedAttack
    fits: list[Fit] = field(default_factory=list)

    @property
    def bags(self) -> NDArray[Any] | None:
        """Distances to the generated images."""
        return self.prepared.bags

    @property
    def n_generated(self) -> int:
        """How many columns of `rows` are generated images; real ones may follow."""
        assert self.bags is not None
        return int(self.bags.shape[1])

    def answer(
        self, train: NDArray[np.intp], labels: NDArray[np.intp], test: NDArray[np.intp]
    ) -> Answers:
        """Fit, keep and answer."""
        if self.bags is None or not isinstance(self.prepared, _LabelledPart):
            return self.prepared.answer(train, labels, test)
        fitted, answers = self.prepared.fit_and_answer(train, labels, test)
        self.fits.append(Fit(fitted, train, test))
        return answers

    @property
    def blocks(self) -> list[Block] | None:
        """Which maps of the distances belong together, and their names."""
        return getattr(self.prepared, "blocks", None)

    def rows(self, fit: Fit, queries: NDArray[np.intp]) -> Any:
        """Return what a fit gets of some queries."""
        assert isinstance(self.prepared, _LabelledPart)
        return self.prepared._rows(queries, fit.train)


@dataclass(frozen=True)
class _WholeAttack:
    """An attack of another make, fitted from the images each time."""

    estimator: Any
    images: Any
    groups: NDArray[Any] | None

    @property
    def bags(self) -> NDArray[Any] | None:
        return None

    def answer(
        self, train: NDArray[np.intp], labels: NDArray[np.intp], test: NDArray[np.intp]
    ) -> Answers:
        groups = None if self.groups is None else self.groups[train]
        known = safe_indexing(self.images, train)
        fitted = fit_membership(clone(self.estimator), known, labels, groups, None)
        return _answers(fitted, safe_indexing(self.images, test))


def _answers(fitted: Any, rows: Any) -> Answers:
    if hasattr(fitted, "decision_function"):
        scores = np.asarray(fitted.decision_function(rows), dtype=np.float64)
    else:
        smallest = np.finfo(float).tiny
        used = np.clip(fitted.predict_proba(rows)[:, 1], smallest, 1 - np.finfo(float).epsneg)
        scores = logit(used)
    return Answers(scores, np.asarray(fitted.predict(rows)) == fitted.classes_[1])
