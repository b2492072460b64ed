"""How the audit runs an attack: what needs no labels once, the rest as often as asked."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.base import clone

from .._runtime.sklearn_compat import safe_indexing
from .._runtime.threads import one_blas_thread
from .._runtime.whole import stage
from .._validation.blocks import Block
from .._validation.shared import SharedImages
from ..attacks.pipeline import SourceIdentificationPipeline
from ..attacks.steps import fit_membership
from ..membership.closest import QueryMedians, closest_distances
from ..membership.scores import map_scales
from .described import Described


@dataclass(frozen=True)
class Answers:
    """What an attack says of some queries.

    Attributes
    ----------
    scores : ndarray of shape (n_queries,)
        The larger, the more probably used.
    used : ndarray of shape (n_queries,), bool
        Decisions of the attack.
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
        """Distances (n_queries, n_generated, n_maps), where it compares; None where not."""
        return None

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
        Unfitted attacks. Of a :class:`SourceIdentificationPipeline` descriptors and distances
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
    described = Described(ours, images, generated)
    for name, attack in targeted.items():
        if name not in ours:
            yield name, _WholeAttack(attack, images, groups)
            continue
        closest = described.closest(name)  # a stage of its own, where there are many
        with stage(f"{name}: comparing"):
            if closest is None:
                rows = attack.fit_distances(*described.vectors(name))
                n_generated = attack.n_generated_ if attack.compares else None
            else:
                rows, n_generated = closest.bags, closest.bags.shape[1]
        part = _LabelledPart(
            attack.steps[-1][1],
            rows,
            n_generated,
            bool(getattr(attack.steps[1][1], "include_real", False)),
            groups,
            attack.blocks_,
        )
        if closest is not None:
            part = replace(part, numbers=closest.numbers, scales=closest.scales)
        yield name, _with_closest(part)


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
    left = replace(prepared, rows=prepared.rows[:, columns], n_generated=len(kept))
    return _with_closest(left)


def with_distances(prepared: PreparedAttack, rows: NDArray[Any]) -> "_LabelledPart":
    """Return a prepared attack on other distances, from which all else is found again.

    Parameters
    ----------
    prepared : PreparedAttack
        One that compares.
    rows : ndarray of shape (n_queries, n_generated, n_maps)
        Distances.

    Returns
    -------
    PreparedAttack
    """
    assert isinstance(prepared, _LabelledPart)
    return replace(prepared, rows=rows, closest=None, medians=None)


def _with_generated(attack: Any, generated: SharedImages) -> Any:
    """Return a clone of an attack, also of one inside a search, with these images."""
    attack = clone(attack)
    own = [name for name in attack.get_params() if name.split("__")[-1] == "generated"]
    return attack.set_params(**dict.fromkeys(own, generated))


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
    #: Where the estimator looks at nothing else: the closest distances, and medians of all.
    closest: NDArray[Any] | None = None
    medians: Callable[[NDArray[np.intp]], Any] | None = None
    #: Where generated images were read a block after the other: which each column is, for each
    #: query, and the median distance of each map.
    numbers: NDArray[np.int64] | None = None
    scales: NDArray[np.float64] | None = None

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
        with one_blas_thread():  # in small fits more would mostly wait for each other
            fitted = self._fit(train, labels)
            return fitted, _answers(fitted, self._rows(test, train))

    def _fit(self, train: NDArray[np.intp], labels: NDArray[np.intp]) -> Any:
        groups = None if self.groups is None else self.groups[train]
        rows = self._rows(train, train)
        scales = self.scales if self.medians is None else self.medians(train)
        return fit_membership(clone(self.estimator), rows, labels, groups, self.blocks, scales)

    def _rows(self, queries: NDArray[np.intp], train: NDArray[np.intp]) -> Any:
        if self.closest is not None:
            return self.closest[queries]
        if self.n_generated is None or not self.with_real:
            return safe_indexing(self.rows, queries)
        # Only the real images of this fit may serve as references.
        columns = np.concatenate([np.arange(self.n_generated), self.n_generated + train])
        return self.rows[queries][:, columns]


def _with_closest(part: _LabelledPart) -> _LabelledPart:
    """Find what needs no labels once, where the estimator looks at the closest images only."""
    ask = getattr(part.estimator, "n_closest_needed", None)
    n_needed = None if ask is None or part.n_generated is None else ask(part.blocks)
    streamed = part.scales is not None
    if n_needed is None or part.with_real or (np.isnan(part.rows).any() and not streamed):
        return replace(part, closest=None, medians=None)
    closest = np.ascontiguousarray(closest_distances(part.rows, n_needed))
    return replace(part, closest=closest, medians=None if streamed else QueryMedians.of(part.rows))


@dataclass(frozen=True)
class Fit:
    """One fit of the last steps of an attack: on which queries, and for which others."""

    estimator: Any
    train: NDArray[np.intp]
    test: NDArray[np.intp]


@dataclass(frozen=True)
class Recorder(_LabelledPart):
    """A prepared attack that keeps its fits to be asked again.

    Attributes
    ----------
    fits : list of Fit
        One for each call of `answer`.
    """

    n_generated: int
    fits: list[Fit] = field(default_factory=list)

    @classmethod
    def of(cls, prepared: PreparedAttack) -> PreparedAttack:
        """Return an attack that keeps its fits; one that does not compare stays as it is."""
        compares = isinstance(prepared, _LabelledPart) and prepared.n_generated is not None
        return cls(**vars(prepared)) if compares else prepared

    def answer(
        self, train: NDArray[np.intp], labels: NDArray[np.intp], test: NDArray[np.intp]
    ) -> Answers:
        """Fit, keep and answer."""
        fitted, answers = self.fit_and_answer(train, labels, test)
        self.fits.append(Fit(fitted, train, test))
        return answers

    @property
    def medians_of_maps(self) -> NDArray[np.float64]:
        """Median distance of each map."""
        return map_scales(self.rows[:, : self.n_generated]) if self.scales is None else self.scales

    def generated_at(self, columns: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return which generated images the columns (n_queries, n_shown) of bags are."""
        if self.numbers is None:
            return columns
        return np.take_along_axis(self.numbers, columns, axis=1)

    def rows_of(self, fit: Fit, queries: NDArray[np.intp]) -> Any:
        """Return what a fit gets of some queries."""
        return self._rows(queries, fit.train)


@dataclass(frozen=True)
class _WholeAttack(PreparedAttack):
    """An attack of another make, fitted from the images each time."""

    estimator: Any
    images: Any
    groups: NDArray[Any] | None

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
