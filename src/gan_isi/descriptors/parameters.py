"""Checks of parameters that several families share."""

from typing import Any

import numpy as np


def check_numbers(name: str, values: Any, smallest: float | None = None) -> None:
    """Raise ValueError unless `values` is a non-empty list of different finite numbers."""
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or numbers.size == 0 or not np.isfinite(numbers).all():
        raise ValueError(f"{name} has to be one or more finite numbers; got {values!r}.")
    if smallest is not None and numbers.min() < smallest:
        raise ValueError(f"{name} has to be at least {smallest:g} (pixels); got {numbers.min():g}.")
    if len(np.unique(numbers)) < numbers.size:
        raise ValueError(f"{name} has to be different numbers; got {values!r}.")
