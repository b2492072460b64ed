"""An audit holds out its known images in folds of its own, or of a splitter's."""

import copy
import warnings
from collections.abc import Iterable
from numbers import Integral
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv
from sklearn.utils import check_random_state

#: The largest seed that scikit-learn takes.
LARGEST_SEED = np.iinfo(np.int32).max

#: Times that folds of our own are drawn, at most, until each training part has both classes.
_ATTEMPTS = 20

Fold: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]


def check_folds(
    cv: Any,
    labels: NDArray[np.intp],
    groups: NDArray[np.intp] | None,
    *,
    n_repeats: int,
    seed: int,
    with_candidates: bool,
) -> tuple[int, Any, int]:
    """Validate the folds of an audit by drawing them.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test)
        Number of folds, or what gives them, see :func:`audit`.
    labels : ndarray of shape (n_known,)
        0 or 1.
    groups : ndarray of shape (n_known,) or None
        Patients.
    n_repeats : int
        Number of times that folds are drawn.
    seed : int
        Seed of the folds, as for `cross_fit`.
    with_candidates : bool
        Whether known images and candidates are going to be exchanged.

    Returns
    -------
    n_folds : int
        Number of folds.
    splitter : splitter or None
        Splitter that draws them; None for folds of our own.
    least : int
        Smallest number of images (or groups) of a class in a training part.

    Raises
    ------
    ValueError
        Unless every known image is held out once a repeat, patients as a whole, with both
        classes inside each fold and outside; for folds that can't be drawn again as often
        as they are needed.
    """
    n_units = _units(labels, groups)
    kind = "queries" if groups is None else "groups"
    if isinstance(cv, Integral) and not isinstance(cv, bool):
        n_folds = int(cv)
        if n_folds < 2:
            raise ValueError(f"cv has to be a whole number from 2; got {cv}.")
        if min(n_units) < n_folds:
            raise ValueError(
                f"cv={cv} needs at least {cv} {kind} of each class; got {n_units[0]} not used and "
                f"{n_units[1]} used."
            )
        return n_folds, None, min(n_units) - -(-min(n_units) // n_folds)
    splitter = _splitter(cv)
    if with_candidates and not hasattr(splitter, "n_splits"):
        raise ValueError(
            "With candidates, which change places with known images, cv has to be a number or a "
            f"splitter that can split any images into n_splits folds; got {cv!r}."
        )
    random = _is_random(splitter)
    if n_repeats > 1 and not random:
        raise ValueError(
            f"n_repeats={n_repeats} needs folds that can be drawn again: a number for cv, or a "
            f"splitter with shuffle=True and random_state=None; got {cv!r}."
        )
    drawn = [draw_folds(0, splitter, labels, groups, one) for one in repeat_seeds(seed, n_repeats)]
    again = draw_folds(0, splitter, labels, groups, repeat_seeds(seed, 1)[0])
    if len(again) != len(drawn[0]) or any(
        not np.array_equal(one[1], other[1]) for one, other in zip(again, drawn[0], strict=True)
    ):
        raise ValueError(
            f"{cv!r} gives other folds each time it is asked, so that no two attacks would have "
            "the same; it needs a parameter random_state, or give the splits themselves."
        )
    if len(again) < 2:
        raise ValueError(f"cv has to give at least 2 folds; got {len(again)}.")
    for number, (train, test) in enumerate(fold for folds in drawn for fold in folds):
        for part, where in ((train, "training"), (test, "test")):
            if len(np.unique(labels[part])) < 2:
                raise ValueError(
                    f"The {where} part of fold {number % len(again)} of cv holds one class only; "
                    "used images are compared with others within each fold."
                )
    parts = [train for folds in drawn for train, _ in folds]
    least = min(
        min(_units(labels[part], None if groups is None else groups[part])) for part in parts
    )
    return len(again), splitter, least


def draw_seeds(random_state: Any, n: int) -> list[int]:
    """Return n seeds from a seed, a generator of NumPy's old kind, or None."""
    drawn: list[int] = check_random_state(random_state).randint(LARGEST_SEED, size=n).tolist()
    return drawn


def repeat_seeds(seed: int, n_repeats: int) -> list[int]:
    """Return the seeds of the repeats of a cross-validation."""
    rng = np.random.default_rng(seed)
    return [int(rng.integers(LARGEST_SEED)) for _ in range(n_repeats)]


def draw_folds(
    n_folds: int,
    splitter: Any,
    labels: NDArray[np.intp],
    groups: NDArray[Any] | None,
    seed: int,
) -> list[Fold]:
    """Split the known images once.

    Parameters
    ----------
    n_folds : int
        Number of our own folds, which are stratified and keep patients together.
    splitter : splitter or None
        Splitter to use instead. One that draws is given the seed.
    labels : ndarray of shape (n_known,)
        0 or 1.
    groups : ndarray of shape (n_known,) or None
        Patients.
    seed : int
        Seed of the folds.

    Returns
    -------
    list of (train, test)

    Raises
    ------
    ValueError
        If a splitter's test parts do not hold out each image once, and patients as a whole.
    """
    if splitter is None:
        return _own_folds(n_folds, labels, groups, seed)
    if _is_random(splitter):
        splitter = copy.copy(splitter)
        splitter.random_state = seed
    with warnings.catch_warnings():
        # Where it splits patients all the same, that is an error below.
        warnings.filterwarnings("ignore", message="The groups parameter is ignored")
        splits = list(splitter.split(np.zeros((len(labels), 1)), labels, groups))
    folds = [(_numbers(train, len(labels)), _numbers(test, len(labels))) for train, test in splits]
    _check_parts(folds, len(labels), groups)
    return folds


def _own_folds(
    n_folds: int, labels: NDArray[np.intp], groups: NDArray[Any] | None, seed: int
) -> list[Fold]:
    kind: Any = StratifiedKFold if groups is None else StratifiedGroupKFold
    for attempt in range(_ATTEMPTS):
        state = (seed + attempt) % LARGEST_SEED
        splitter = kind(n_folds, shuffle=True, random_state=state)
        folds = list(splitter.split(labels, labels, groups))
        # Patients of several images may leave a training part without a class.
        if all(len(np.unique(labels[train])) == 2 for train, _ in folds):
            return folds
    raise ValueError(
        f"The patients can't be split into {n_folds} folds with both classes outside each; "
        "lower cv, or give folds of your own."
    )


def _check_parts(folds: list[Fold], n_known: int, groups: NDArray[Any] | None) -> None:
    held_out = np.concatenate([np.empty(0, dtype=np.intp), *(test for _, test in folds)])
    times = np.bincount(held_out, minlength=n_known)
    if (times != 1).any():
        wrong = int(np.argmax(times != 1))
        raise ValueError(
            "The test parts of cv have to hold out each known image exactly once; image "
            f"{wrong} is held out {times[wrong]} times (repeats are for n_repeats)."
        )
    for number, (train, test) in enumerate(folds):
        if len(np.intersect1d(train, test)):
            raise ValueError(f"Fold {number} of cv trains on images that it holds out.")
        if groups is not None and len(np.intersect1d(groups[train], groups[test])):
            raise ValueError(
                f"Fold {number} of cv trains on images of patients that it holds out; a splitter "
                "of groups keeps them together, StratifiedGroupKFold for one."
            )


def _numbers(part: Any, n_known: int) -> NDArray[np.intp]:
    numbers = np.asarray(part)
    if numbers.dtype == bool and numbers.shape == (n_known,):
        return np.flatnonzero(numbers)
    whole = numbers.ndim == 1 and (numbers.dtype.kind in "iu" or not len(numbers))
    if not whole or ((numbers < 0) | (numbers >= n_known)).any():
        raise ValueError(f"The parts of cv have to be numbers of the {n_known} known images.")
    return numbers.astype(np.intp)


def _splitter(cv: Any) -> Any:
    if hasattr(cv, "split") and not isinstance(cv, (str, bytes)):
        return cv
    splits = list(cv) if isinstance(cv, Iterable) and not isinstance(cv, (str, bytes)) else []
    try:
        pairs = [(train, test) for train, test in splits]
    except (TypeError, ValueError):
        pairs = []
    if not pairs:
        raise ValueError(
            "cv has to be a whole number from 2, a splitter of scikit-learn's kind, or splits "
            f"(train, test) of numbers of images; got {cv!r}."
        )
    return check_cv(pairs)


def _is_random(splitter: Any) -> bool:
    state = getattr(splitter, "random_state", 0)
    draws = getattr(splitter, "shuffle", True)
    return bool(draws) and (state is None or isinstance(state, np.random.RandomState))


def _units(labels: NDArray[np.intp], groups: NDArray[np.intp] | None) -> list[int]:
    """Count the queries, or the groups, of each class."""
    units = np.arange(len(labels)) if groups is None else groups
    return [len(np.unique(units[labels == label])) for label in (0, 1)]
