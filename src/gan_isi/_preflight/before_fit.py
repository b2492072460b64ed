"""What is said of the images before a fit, and that it is said once."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from .._validation.images import IntensityRange, check_images
from .comparison import compare, spread
from .looks import Look, look_at

#: Images of each set that `fit` looks at.
_SAMPLED = 20

_DONE: ContextVar[Any] = ContextVar("preflight_done", default=None)


class PreflightWarning(UserWarning):
    """The sets of images differ in something that attacks should not live on."""


@contextmanager
def preflight_done(found: Any = None) -> Iterator[None]:
    """Within this context (also a decorator) nothing is said of the images again.

    Parameters
    ----------
    found : Preflight, default=None
        What an audit would find; it won't look itself. None: fits are silent, audits look.
    """
    token = _DONE.set(found or _DONE.get() or True)
    try:
        yield
    finally:
        _DONE.reset(token)


def known_preflight() -> Any:
    """Return what was found, where somebody has looked and said so already; else None."""
    found = _DONE.get()
    return None if found is True else found


def intensity_ranges(*attacks: Any) -> list[IntensityRange]:
    """Return the ranges that attacks scale intensities by, each once."""
    found: dict[Any, None] = {}
    for attack in attacks:
        params = attack.get_params() if hasattr(attack, "get_params") else {}
        for name, value in params.items():
            if name.rpartition("__")[2] == "intensity_range" and value is not None:
                found[value if isinstance(value, str) else tuple(value)] = None
    return list(found) or ["dtype"]


def check_before_fit(attack: Any, X: Any, y: Any, generated: Any) -> None:
    """Look at a few images of each set, and say where the sets do not mean the same.

    Parameters
    ----------
    attack : estimator
        Knows which intensities become 0 and 1.
    X, y, generated
        Of `fit`.

    Raises
    ------
    ValueError
        If an intensity does not mean the same in all sets.
    """
    if _DONE.get():
        return
    try:
        sets = _sampled(X, y, generated)
    except (TypeError, ValueError, IndexError):  # no images: the steps say it in their words
        return
    errors, warned = compare(sets, intensity_ranges(attack))
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
    some = spread(_length(generated), _SAMPLED)
    return [*looks, look_at("generated", generated, some, copies=False)]


def _length(images: Any) -> int:
    return len(check_images(images, BaseEstimator(), reset=True))
