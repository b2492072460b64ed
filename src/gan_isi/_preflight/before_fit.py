"""The comparison of the images before a fit, whose warnings are given once."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from .._validation.images import IntensityRange, check_images
from .._validation.items import spread
from .comparison import compare
from .looks import Look, look_at

#: Number of images of each set that `fit` looks at.
_SAMPLED = 20

_DONE: ContextVar[Any] = ContextVar("preflight_done", default=None)


class PreflightWarning(UserWarning):
    """The sets of images differ in something that should not make an attack succeed."""


@contextmanager
def preflight_done(found: Any = None) -> Iterator[None]:
    """Within this context (also a decorator) images are not compared and warned of again.

    Parameters
    ----------
    found : Preflight, default=None
        Result of the comparison, which an audit takes instead of comparing the images itself.
        With None fits do not compare images, but audits do.
    """
    token = _DONE.set(found or _DONE.get() or True)
    try:
        yield
    finally:
        _DONE.reset(token)


def known_preflight() -> Any:
    """Return the result of a comparison whose warnings were given already, or None."""
    found = _DONE.get()
    return None if found is True else found


def intensity_ranges(*attacks: Any) -> list[IntensityRange]:
    """Return the different ranges by which attacks scale intensities."""
    found: dict[Any, None] = {}
    for attack in attacks:
        params = attack.get_params() if hasattr(attack, "get_params") else {}
        for name, value in params.items():
            if name.rpartition("__")[2] == "intensity_range" and value is not None:
                found[value if isinstance(value, str) else tuple(value)] = None
    return list(found) or ["dtype"]


def sees_grey_only(*attacks: Any) -> bool:
    """Return whether one of the attacks describes images, and none of their colours."""
    for attack in attacks:
        params = attack.get_params() if hasattr(attack, "get_params") else {}
        own = [(name.rpartition("__")[2], value) for name, value in params.items()]
        colours = [value for name, value in own if name == "colour" and value is not False]
        if not colours and any(name == "intensity_range" for name, _ in own):
            return True
    return False


def check_before_fit(attack: Any, X: Any, y: Any, generated: Any) -> None:
    """Compare a few images of each set, and warn of differences between the sets.

    Parameters
    ----------
    attack : estimator
        Attack that knows which intensities become 0 and 1.
    X, y, generated
        Arguments of `fit`.

    Raises
    ------
    ValueError
        If an intensity does not mean the same in all sets.
    """
    if _DONE.get():
        return
    try:
        sets = _sampled(X, y, generated)
    except (TypeError, ValueError, IndexError):  # no images: the steps raise errors of their own
        return
    errors, warned = compare(sets, intensity_ranges(attack), grey=sees_grey_only(attack))
    if errors:
        raise ValueError(errors[0])
    for text in warned:
        warnings.warn(text, PreflightWarning, stacklevel=3)


def _sampled(X: Any, y: Any, generated: Any) -> list[Look]:
    """Look at a few images of each set."""
    labels = np.asarray(y)
    classes = np.unique(labels)
    numbers: dict[str, NDArray[Any]] = {"real": np.arange(len(labels))}
    if len(classes) == 2:
        names = ("not used", "used")
        numbers = {n: np.flatnonzero(labels == c) for n, c in zip(names, classes, strict=True)}
    looks = [
        look_at(name, X, which[spread(len(which), _SAMPLED)], copies=False)
        for name, which in numbers.items()
    ]
    n_generated = len(check_images(generated, BaseEstimator(), reset=True))
    some = spread(n_generated, _SAMPLED)
    return [*looks, look_at("generated", generated, some, copies=False)]
