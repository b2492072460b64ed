"""Checks of labels, which say which images were used, and of groups, which name their patients."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import column_or_1d

_MEANING = "Labels are booleans, 0/1 or -1/1; True, or 1, means used."


def check_used(
    y: Any,
    n: int | None = None,
    *,
    name: str = "y",
    unit: str = "images",
    both: bool = True,
) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """Validate labels that say which images were used to train the generator.

    Parameters
    ----------
    y : array-like of shape (n,)
        Labels: booleans, 0/1 or -1/1, as numbers of any type.
    n : int, default=None
        Expected number of labels; None allows any number.
    name : str, default="y"
        Name of the labels in errors.
    unit : str, default="images"
        Name in errors of what is labelled, in the plural.
    both : bool, default=True
        Whether both classes have to be there.

    Returns
    -------
    used : ndarray of shape (n,), bool
        True for images that were used.
    classes : ndarray of shape (2,)
        The labels of not used and of used images, as they were given.

    Raises
    ------
    ValueError
        If a label is missing, if their number differs from `n`, if there are several columns,
        if the labels are text or other numbers (the message has the line to write instead),
        or if `both` is true and there is only one class.

    Examples
    --------
    >>> used, classes = check_used([-1, 1, 1])
    >>> used.tolist(), classes.tolist()
    ([False, True, True], [-1, 1])
    >>> check_used(np.array(["member", "other"]))
    Traceback (most recent call last):
    ...
    ValueError: y holds text ("member" and "other"), which does not say which of them means used. \
Labels are booleans, 0/1 or -1/1; True, or 1, means used. Write y == "member" or \
y == "other", whichever is true of the images that were used.
    """
    labels = one_label_each(y, n, name=name, unit=unit)
    if labels.dtype.kind == "b":
        classes = np.array([False, True])
    elif labels.dtype.kind in "iuf" and (
        np.isin(labels, (0, 1)).all() or np.isin(labels, (-1, 1)).all()
    ):
        lowest = -1 if labels.dtype.kind != "u" and (labels == -1).any() else 0
        classes = np.array([lowest, 1], dtype=labels.dtype)
    else:
        raise ValueError(_unclear(labels, name, is_list=isinstance(y, (list, tuple))))
    used = labels == 1
    if both and used.all() == used.any():
        meaning = "used" if used[0] else "not used"
        raise ValueError(
            f"Images of both classes, used and not used, are needed; all {len(used)} labels of "
            f"{name} are of one class, {labels[0]} ({meaning})."
        )
    return used, classes


def one_label_each(y: Any, n: int | None, *, name: str = "y", unit: str = "images") -> NDArray[Any]:
    """Return labels of any kind as an array, after checking that each image has one.

    Parameters
    ----------
    y, n, name, unit
        See `check_used`.

    Returns
    -------
    ndarray of shape (n,)
        Booleans, numbers or text if all labels are of that kind.

    Raises
    ------
    ValueError
        If a label is missing, if their number differs from `n`, or if there are several
        columns.
    """
    if y is None:
        raise ValueError(
            f"This requires {name} to be passed, but the target {name} is None. {_MEANING}"
        )
    given = _column(y, name, unit)
    if n is not None and len(given) != n:
        raise ValueError(f"{name} has {len(given)} labels for {n} {unit}.")
    if not len(given):
        raise ValueError(f"{name} holds no labels; at least 1 is required.")
    missing = _missing(y, given)
    if missing.any():
        raise ValueError(
            f"{name} has missing labels, {int(missing.sum())} of {len(given)}; the first is "
            f"number {int(missing.argmax())}. Images of unknown membership are candidates: leave "
            "them out here, and pass them to predict_proba of the fitted attack, or to an audit "
            "as candidates."
        )
    if given.dtype.kind != "O" or any(np.ndim(one) for one in given):
        return given
    return np.array(given.tolist())


def check_groups(groups: Any, n: int, *, name: str = "groups", unit: str = "images") -> list[Any]:
    """Validate the group of each image, such as its patient.

    Parameters
    ----------
    groups : array-like of shape (n,)
        Names or numbers of the groups.
    n : int
        Expected number of entries.
    name, unit : str
        Names for errors, as in `check_used`.

    Returns
    -------
    list
        Group of each image.

    Raises
    ------
    ValueError
        If the number of entries differs from `n`, if there are several columns, or if an image
        has no group.
    """
    given = _column(groups, name, unit)
    if len(given) != n:
        raise ValueError(f"{name} has {len(given)} entries for {n} {unit}.")
    names = given.tolist()
    missing = _missing(groups, given) | [isinstance(one, str) and not one.strip() for one in names]
    if missing.any():
        raise ValueError(
            f"{name} names no patient for {int(missing.sum())} of {n} {unit}; the first is number "
            f"{int(missing.argmax())}. Give each image whose patient has no other image a name of "
            "its own."
        )
    return names


def number_groups(names: list[Any]) -> NDArray[np.intp]:
    """Return numbers instead of names, from 0 in the order in which names first occur."""
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(one, len(numbers)) for one in names], dtype=np.intp)


def _column(values: Any, name: str, unit: str) -> NDArray[Any]:
    # NumPy would turn a list into text as soon as one label is text: None would be "None".
    as_objects = isinstance(values, (list, tuple))
    array = np.asarray(values, dtype=object if as_objects else None)
    if array.ndim == 2 and array.shape[1] == 1:
        return column_or_1d(array, warn=True)
    if array.ndim != 1:
        hint = ""
        if array.ndim == 2:
            hint = f" If these are one-hot columns, pass that of the used images, {name}[:, 1]."
        raise ValueError(
            f"{name} should be a 1d array of one label for each of the {unit}; got an array of "
            f"shape {array.shape}.{hint}"
        )
    return array


def _missing(given: Any, array: NDArray[Any]) -> NDArray[np.bool_]:
    if np.ma.isMaskedArray(given):
        return np.ma.getmaskarray(given).reshape(-1)
    if array.dtype.kind in "biuSU":
        return np.zeros(len(array), dtype=bool)
    return np.array([_is_missing(one) for one in array], dtype=bool)


def _is_missing(value: Any) -> bool:
    try:
        # NaN and NaT are the values that do not equal themselves.
        return value is None or value is np.ma.masked or bool(value != value)
    except (TypeError, ValueError):  # pandas.NA has no truth value; nor has an array
        return np.ndim(value) == 0


def _unclear(labels: NDArray[Any], name: str, *, is_list: bool) -> str:
    """Return the error for labels of another kind, with the line to write instead."""
    kind = labels.dtype.kind
    if kind == "f" and (labels != np.floor(labels)).any():
        low, middle, high = np.quantile(labels, [0, 0.5, 1], method="nearest").tolist()
        return (
            f"{name} holds continuous values, {low} to {high}. {_MEANING} Compare them with a "
            f"threshold of your choice, such as {name} > {middle}."
        )
    distinct = {_shown(one): None for one in labels.tolist()}
    seen = list(distinct) if len(distinct) > 2 else sorted(distinct)
    if len(seen) > 2:
        shown = ", ".join(seen[:3]) + (", ..." if len(seen) > 3 else "")
        begin = (
            f"Only binary classification is supported. {name} holds {len(seen)} classes: {shown}."
        )
    else:
        what = {"U": "text", "S": "text", "O": "labels"}.get(kind, "numbers")
        begin = (
            f"{name} holds {what} ({' and '.join(seen)}), which does not say which of them means "
            "used."
        )
    lines = " or ".join(f"{name} == {one}" for one in seen[:3])
    first = f"With {name} = numpy.asarray({name}), write" if is_list else "Write"
    return f"{begin} {_MEANING} {first} {lines}, whichever is true of the images that were used."


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) and '"' not in value else repr(value)
