"""How the audit runs an attack: what needs no labels once, the rest as often as asked."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn import config_context
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from ..attacks.pipeline import SourceIdentificationPipeline


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
    attack: Any, images: Any, generated: Any, groups: NDArray[Any] | None = None
) -> PreparedAttack:
    """Do the part of an attack that needs no labels, where it can be told from the rest.

    Parameters
    ----------
    attack : estimator
        Unfitted. Of a :class:`SourceIdentificationPipeline` everything up to the
        distances (without distances: all but the last step) needs no labels and
        learns nothing from one real image that it uses for another; it is done once.
        Any other estimator with ``fit(X, y, generated=)`` is fitted as a whole each time.
    images : sequence of array-like
        All real images that will be asked about.
    generated : array-like or sequence
        The generated images.
    groups : ndarray of shape (n_images,), default=None
        Patients of all real images, for the folds within which an attack calibrates.

    Returns
    -------
    PreparedAttack
    """
    if not isinstance(attack, SourceIdentificationPipeline):
        return _WholeAttack(attack, images, generated)
    names = [name for name, _ in attack.steps]
    cut = names.index("distances") + 1 if "distances" in names else len(names) - 1
    attack = clone(attack)
    # A slice of a pipeline forgets `transform_input`.
    before = SourceIdentificationPipeline(
        attack.steps[:cut], transform_input=["generated"] if "distances" in names else None
    )
    if "distances" in names:
        rows = before.fit(images, generated=(generated,)).transform(images)
    elif cut:
        rows = before.fit(images).transform(images)
    else:
        rows = images
    estimator = Pipeline(attack.steps[cut:])
    if "distances" not in names:
        return _LabelledPart(estimator, rows, None, with_real=False, groups=groups)
    distances = before.named_steps["distances"]
    with_real = bool(getattr(distances, "include_real", False))
    return _LabelledPart(estimator, rows, distances.n_generated_, with_real, groups)


@dataclass(frozen=True)
class _LabelledPart:
    """The last steps of an attack, on rows that were made without labels."""

    estimator: Any
    rows: Any
    #: Number of generated images where the rows are distances to them.
    n_generated: int | None
    #: Whether distances to all real images follow those to the generated ones.
    with_real: bool
    #: Patients of all real images.
    groups: NDArray[Any] | None = None

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
        estimator, rows = clone(self.estimator), self._rows(train, train)
        if self.groups is None:
            return estimator.fit(rows, labels)
        with config_context(enable_metadata_routing=True):
            # Only what calibrates in folds asks for patients.
            asks = estimator.get_metadata_routing().consumes("fit", ["groups"])
            params = {"groups": self.groups[train]} if asks else {}
            return estimator.fit(rows, labels, **params)

    def _rows(self, queries: NDArray[np.intp], train: NDArray[np.intp]) -> Any:
        if self.n_generated is None or not self.with_real:
            return _safe_indexing(self.rows, queries)
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

    def rows(self, fit: Fit, queries: NDArray[np.intp]) -> Any:
        """Return what a fit gets of some queries."""
        assert isinstance(self.prepared, _LabelledPart)
        return self.prepared._rows(queries, fit.train)


@dataclass(frozen=True)
class _WholeAttack:
    """An attack of another make, fitted from the images each time."""

    estimator: Any
    images: Any
    generated: Any

    @property
    def bags(self) -> NDArray[Any] | None:
        return None

    def answer(
        self, train: NDArray[np.intp], labels: NDArray[np.intp], test: NDArray[np.intp]
    ) -> Answers:
        fitted = clone(self.estimator)
        fitted.fit(_safe_indexing(self.images, train), labels, generated=(self.generated,))
        return _answers(fitted, _safe_indexing(self.images, test))


def _answers(fitted: Any, rows: Any) -> Answers:
    if hasattr(fitted, "decision_function"):
        scores = np.asarray(fitted.decision_function(rows), dtype=np.float64)
    else:
        smallest = np.finfo(float).tiny
        used = np.clip(fitted.predict_proba(rows)[:, 1], smallest, 1 - np.finfo(float).epsneg)
        scores = logit(used)
    return Answers(scores, np.asarray(fitted.predict(rows)) == fitted.classes_[1])
