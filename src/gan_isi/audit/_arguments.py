"""What an audit is given: names of attacks, labels, patients, candidates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _num_samples, check_consistent_length, column_or_1d

from ._names import BLIND, CHOSEN


@dataclass(frozen=True)
class Queries:
    """The real images of an audit, by number: first the known ones, then the candidates.

    Attributes
    ----------
    labels : ndarray of shape (n_known,)
        1 for used, 0 for not used.
    classes : ndarray of shape (2,)
        The labels as they were given.
    known, candidates : ndarray of int
        Their numbers.
    groups : ndarray of shape (n_known + n_candidates,) or None
        Number of each image's patient; None where every image is its own.
    """

    labels: NDArray[np.intp]
    classes: NDArray[Any]
    known: NDArray[np.intp]
    candidates: NDArray[np.intp]
    groups: NDArray[np.intp] | None

    @property
    def known_groups(self) -> NDArray[np.intp] | None:
        """Patients of the known images."""
        return None if self.groups is None else self.groups[self.known]


def check_queries(
    X: Any, y: Any, groups: Any, candidates: Any, candidate_groups: Any, cv: int
) -> Queries:
    """Validate what an audit is told of its real images.

    Parameters
    ----------
    X, y, groups, candidates, candidate_groups, cv
        See :func:`audit`.

    Returns
    -------
    Queries

    Raises
    ------
    ValueError
        Unless there are two classes with at least `cv` queries (or groups) each, or if
        a patient has both known images and candidates.
    """
    labels, classes = _labels(y, X)
    if candidates is None and candidate_groups is not None:
        raise ValueError("candidate_groups were given without candidates.")
    n_candidates = 0 if candidates is None else _num_samples(candidates)
    if candidates is not None and n_candidates == 0:
        raise ValueError("Found 0 candidates; at least 1 is required.")
    known = np.arange(len(labels))
    numbers = _patients(groups, len(labels), candidate_groups, n_candidates)
    queries = Queries(labels, classes, known, len(known) + np.arange(n_candidates), numbers)
    check_units(queries, cv)
    return queries


def check_units(queries: Queries, cv: int) -> None:
    """Raise ValueError unless each class has at least `cv` queries (or groups)."""
    counts = _units(queries.labels, queries.known_groups)
    if min(counts) < cv:
        kind = "queries" if queries.groups is None else "groups"
        raise ValueError(
            f"cv={cv} needs at least {cv} {kind} of each class; got {counts[0]} not used and "
            f"{counts[1]} used."
        )


def _labels(y: Any, X: Any) -> tuple[NDArray[np.intp], NDArray[Any]]:
    y = column_or_1d(y)
    check_classification_targets(y)
    if len(y) != _num_samples(X):
        raise ValueError(f"y has {len(y)} labels for {_num_samples(X)} images.")
    classes, labels = np.unique(y, return_inverse=True)
    if len(classes) != 2:
        raise ValueError(f"An audit needs images that were used and others; got {classes!r}.")
    return labels, classes


def _patients(
    groups: Any, n_known: int, candidate_groups: Any, n_candidates: int
) -> NDArray[np.intp] | None:
    """Return the number of each image's patient; images without one are their own."""
    if groups is None and candidate_groups is None:
        return None
    parts, names = [], []
    for given, n_images in ((groups, n_known), (candidate_groups, n_candidates)):
        own = [None] * n_images if given is None else column_or_1d(given).tolist()
        check_consistent_length(own, np.empty(n_images))
        names.append(set() if given is None else set(own))
        parts.append(own)
    both = names[0] & names[1]
    if both:
        raise ValueError(
            f"{len(both)} groups have known images as well as candidates (one is "
            f"{min(both, key=str)!r}): a patient of known membership is no candidate."
        )
    numbers: dict[Any, int] = {}
    of_images = [
        numbers.setdefault(("image", i) if own is None else ("group", own), len(numbers))
        for i, own in enumerate(parts[0] + parts[1])
    ]
    return np.array(of_images, dtype=np.intp)


def _units(labels: NDArray[np.intp], groups: NDArray[np.intp] | None) -> list[int]:
    """Count the queries, or the groups, of each class."""
    units = np.arange(len(labels)) if groups is None else groups
    return [len(np.unique(units[labels == label])) for label in (0, 1)]


def name_attacks(attacks: Any) -> dict[str, Any]:
    """Return the attacks by name, a blind one among them.

    Parameters
    ----------
    attacks : estimator or mapping
        See :func:`audit`.

    Returns
    -------
    dict of str to estimator

    Raises
    ------
    ValueError
        If there is none.
    """
    named = dict(attacks) if isinstance(attacks, Mapping) else {"attack": attacks}
    if not named:
        raise ValueError("No attack was given.")
    if BLIND not in named:
        from ..baselines import make_blind

        named[BLIND] = make_blind()
    return named


def check_choice(
    named: Mapping[str, Any],
    labels: NDArray[np.intp],
    groups: NDArray[np.intp] | None,
    cv: int,
) -> None:
    """Refuse to choose among too few attacks, or by too few queries.

    Parameters
    ----------
    named : mapping of str to estimator
        The attacks.
    labels, groups
        Of the known images.
    cv : int
        Number of folds, outer and inner.

    Raises
    ------
    ValueError
        If there are less than two attacks besides the blind one, if one has the name of
        the chosen one, or if a training part may hold less than `cv` of a class.
    """
    if CHOSEN in named:
        raise ValueError(f"choose=True adds an attack named {CHOSEN!r}; name yours otherwise.")
    if len(set(named) - {BLIND}) < 2:
        raise ValueError("choose=True needs two attacks at least, besides the blind one.")
    fewest = min(_units(labels, groups))
    within = fewest - -(-fewest // cv)
    if within < cv:
        kind = "queries" if groups is None else "groups"
        raise ValueError(
            f"choose=True with cv={cv} holds out twice; of {fewest} {kind} of one class only "
            f"{within} may be left for {cv} inner folds."
        )


def joined(X: Any, candidates: Any) -> Any:
    """Return known images and candidates as one collection, read no earlier than before.

    Parameters
    ----------
    X, candidates : array-like or sequence of array-like
        Candidates may be None.

    Returns
    -------
    array-like or sequence
    """
    if candidates is None:
        return X
    first, second = (getattr(one, "dtype", None) for one in (X, candidates))
    if first is not None and first == second and X.shape[1:] == candidates.shape[1:]:
        return np.concatenate([X, candidates])
    # Arrays of two dtypes stay apart: it says what black and white are.
    return _Chain((X, candidates))


class _Chain(Sequence[Any]):
    """Two collections of images, one after the other."""

    def __init__(self, parts: tuple[Any, Any]) -> None:
        self._parts = parts

    def __len__(self) -> int:
        return sum(_num_samples(part) for part in self._parts)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"Image {index} of {len(self)}.")
        index %= len(self)
        first = _num_samples(self._parts[0])
        return self._parts[0][index] if index < first else self._parts[1][index - first]
