"""What an audit is given: names of attacks, labels, patients, candidates."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._runtime.sklearn_compat import num_samples
from .._validation.labels import check_groups, check_used, number_groups
from ..attacks import make_pipeline
from ..statistics import permute_labels
from .candidates import exchangeable
from .names import BLIND, CHOSEN, CONTROLS, DEFAULT


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
        Numbers of both among all images.
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


def check_queries(X: Any, y: Any, groups: Any, candidates: Any, candidate_groups: Any) -> Queries:
    """Validate what an audit is told of its real images.

    Parameters
    ----------
    X, y, groups, candidates, candidate_groups
        See :func:`audit`.

    Returns
    -------
    Queries

    Raises
    ------
    ValueError
        For labels that do not say who was used, patients without a name, and a patient
        with both known images and candidates.
    """
    used, classes = check_used(y, num_samples(X))
    if candidates is None and candidate_groups is not None:
        raise ValueError("candidate_groups were given without candidates.")
    n_candidates = 0 if candidates is None else num_samples(candidates)
    if candidates is not None and n_candidates == 0:
        raise ValueError("Found 0 candidates; at least 1 is required.")
    known = np.arange(len(used))
    labels = used.astype(np.intp)
    numbers = _patients(groups, len(used), candidate_groups, n_candidates)
    queries = Queries(labels, classes, known, len(known) + np.arange(n_candidates), numbers)
    if n_candidates and not exchangeable(labels, queries.known_groups).any():
        raise ValueError(
            "Candidates are compared with patients of whom no image was used, and there is none: "
            "every group with an image not used has used ones as well. Give known images of "
            "other patients, or leave candidates out."
        )
    return queries


def _patients(
    groups: Any, n_known: int, candidate_groups: Any, n_candidates: int
) -> NDArray[np.intp] | None:
    """Return the number of each image's patient; images without one are their own."""
    if groups is None and candidate_groups is None:
        return None
    names: list[set[Any]] = []
    keys: list[tuple[str, Any]] = []
    for given, n_images, name, unit in (
        (groups, n_known, "groups", "images"),
        (candidate_groups, n_candidates, "candidate_groups", "candidates"),
    ):
        own = [] if given is None else check_groups(given, n_images, name=name, unit=unit)
        names.append(set(own))
        keys += [("group", one) for one in own] or [(unit, i) for i in range(n_images)]
    both = names[0] & names[1]
    if both:
        raise ValueError(
            f"{len(both)} groups have known images as well as candidates (one is "
            f"{min(both, key=str)!r}): a patient of known membership is no candidate."
        )
    return number_groups(keys)


def name_attacks(attacks: Any, n_jobs: int | None, memory: Any = None) -> dict[str, Any]:
    """Return the attacks by name, a blind one among them.

    Parameters
    ----------
    attacks : estimator, str, list of str, or mapping
        See :func:`audit`.
    n_jobs : int or None
        Number of parallel jobs of those that are made here.
    memory : str, path, joblib.Memory or None
        Folder of their descriptions, too.

    Returns
    -------
    dict of str to estimator

    Raises
    ------
    ValueError
        If there is none, for unknown names of attacks, names that are given twice or mean
        something else, and what is no classifier.
    """
    if isinstance(attacks, str):
        attacks = [attacks]
    if isinstance(attacks, (list, tuple)):
        if any(not isinstance(one, str) for one in attacks):
            raise ValueError(
                "A list of attacks holds names of ready-made ones; give others a name of yours, "
                f"attacks={{'name': attack}}. Got {attacks!r}."
            )
        if len(set(attacks)) < len(attacks):
            raise ValueError(f"An attack is named twice: {attacks!r}.")
        attacks = {name: name for name in attacks}
    named = dict(attacks) if isinstance(attacks, Mapping) else {"attack": attacks}
    if not named:
        raise ValueError("No attack was given.")
    named.setdefault(BLIND, BLIND)
    for name, attack in named.items():
        if not isinstance(name, str) or not name.strip() or name in (CHOSEN, DEFAULT, CONTROLS):
            raise ValueError(
                f"An attack can't be named {name!r}: names are text, and {CHOSEN!r} (the best one) "
                f"{DEFAULT!r} (in n_permutations) and {CONTROLS!r} mean something else."
            )
        if isinstance(attack, str):
            named[name] = make_pipeline(attack, n_jobs=n_jobs, memory=memory)
        _check_classifier(name, named[name])
    return named


def _check_classifier(name: str, attack: Any) -> None:
    scores = hasattr(attack, "decision_function") or hasattr(attack, "predict_proba")
    if isinstance(attack, type) or not (
        scores and hasattr(attack, "fit") and hasattr(attack, "predict")
    ):
        raise ValueError(
            f"The attack {name!r} is no classifier with fit, predict and predict_proba or "
            f"decision_function; got {attack!r}."
        )


def check_choice(
    named: Mapping[str, Any], groups: NDArray[np.intp] | None, cv: int, least: int
) -> None:
    """Refuse to choose among too few attacks, or by too few queries.

    Parameters
    ----------
    named : mapping of str to estimator
        The attacks.
    groups : ndarray of shape (n_known,) or None
        Patients of the known images.
    cv : int
        Number of folds, outer and inner.
    least : int
        Smallest number of queries (or groups) of a class in a training part.

    Raises
    ------
    ValueError
        If there are less than two attacks besides the blind one, or if a training part
        may hold less than `cv` of a class.
    """
    if len(set(named) - {BLIND}) < 2:
        raise ValueError("choose=True needs two attacks at least, besides the blind one.")
    if least < cv:
        kind = "queries" if groups is None else "groups"
        raise ValueError(
            f"choose=True with {cv} folds holds out twice; of one class only {least} {kind} may be "
            f"left for {cv} inner folds."
        )


def check_numbers(
    queries: Queries,
    names: Collection[str],
    *,
    n_repeats: Any,
    n_permutations: Any,
    n_resamples: Any,
    confidence: Any,
    fprs: Any,
    n_jobs: Any,
) -> None:
    """Refuse numbers that an audit can't work with.

    Parameters
    ----------
    queries : Queries
        The real images.
    names : collection of str
        Names of the attacks, with that of the chosen one if there is one.
    n_repeats, n_permutations, n_resamples, confidence, fprs, n_jobs
        See :func:`audit`.

    Raises
    ------
    ValueError
        For counts below their least, shares outside 0..1, permutations for an attack
        that there is not, and of patients that can't change places.
    """
    _check_count("n_repeats", n_repeats, 1)
    _check_count("n_resamples", n_resamples, 1)
    planned = [n_permutations]
    if isinstance(n_permutations, Mapping):
        planned = list(n_permutations.values()) + [1] * (DEFAULT not in n_permutations)
        unknown = [one for one in n_permutations if one not in (*names, DEFAULT)]
        if unknown:
            raise ValueError(
                f"n_permutations names {unknown[0]!r}, and no attack is named so; there are "
                f"{', '.join(names)}, and {DEFAULT!r} for those not named."
            )
        for name, count in n_permutations.items():
            _check_count(f"n_permutations[{name!r}]", count, 0)
    else:
        _check_count("n_permutations", n_permutations, 0)
    if any(planned):
        permute_labels(queries.labels, queries.known_groups, rng=np.random.default_rng(0))
    if isinstance(fprs, str) or not isinstance(fprs, Iterable):
        raise ValueError(f"fprs has to be a list of rates between 0 and 1; got {fprs!r}.")
    _check_share("confidence", confidence)
    for fpr in fprs:
        _check_share("fprs", fpr)
    if n_jobs is not None and (not _is_whole(n_jobs) or n_jobs == 0):
        raise ValueError(f"n_jobs has to be None, or a whole number other than 0; got {n_jobs!r}.")


def check_asked(
    prior: Any, subgroups: Any, epsilon_by: Any, n_images: int, names: Collection[str]
) -> tuple[float | None, NDArray[Any] | None]:
    """Validate what an audit is asked for beyond its usual numbers.

    Parameters
    ----------
    prior, subgroups, epsilon_by
        See :func:`audit`.
    n_images : int
        Number of known images.
    names : collection of str
        Names of the attacks.

    Returns
    -------
    prior : float or None
    subgroups : ndarray of shape (n_images,) or None

    Raises
    ------
    ValueError
        For a prior outside 0..1, images without a subgroup, and an attack that there is not.
    """
    if prior is not None:
        _check_share("prior", prior)
    if epsilon_by is not None and epsilon_by not in (known := [n for n in names if n != CHOSEN]):
        raise ValueError(
            f"epsilon_by names {epsilon_by!r}, and no attack is named so; there are "
            f"{', '.join(known)}."
        )
    if subgroups is not None:
        subgroups = np.asarray(check_groups(subgroups, n_images, name="subgroups", unit="images"))
    return None if prior is None else float(prior), subgroups


def _check_share(name: str, value: Any) -> None:
    if not (isinstance(value, Real) and 0 < float(value) < 1):
        raise ValueError(f"{name} has to lie between 0 and 1, both excluded; got {value!r}.")


def _check_count(name: str, value: Any, least: int) -> None:
    if not _is_whole(value) or value < least:
        raise ValueError(f"{name} has to be a whole number from {least}; got {value!r}.")


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, (bool, np.bool_))


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
        return sum(num_samples(part) for part in self._parts)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"Image {index} of {len(self)}.")
        index %= len(self)
        first = num_samples(self._parts[0])
        return self._parts[0][index] if index < first else self._parts[1][index - first]
