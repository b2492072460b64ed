"""Checks of the arguments of public functions.

Each check names the argument, says what it got and what is expected instead, and returns the
value in the form that the function computes with. No check looks at pixels more than twice,
which costs nothing compared with any filter or distance.
"""

from collections.abc import Collection, Mapping, Set
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Larger intensities would make the squares of second derivatives overflow single precision.
LARGEST_INTENSITY = 1e16

#: Larger values would make squares overflow double precision.
_LARGEST = 1e150

#: A larger number of pixels, levels or images is a mistake.
_LARGEST_COUNT = 10**9


def check_array(
    values: Any,
    name: str,
    axes: str,
    *,
    allow_nan: bool = False,
    largest: float = _LARGEST,
) -> NDArray[Any]:
    """Check an array of real numbers; anything but single precision becomes double.

    Parameters
    ----------
    values : array-like
        Booleans, integers or floats of any size.
    name : str
        Name of the argument in errors.
    axes : str
        Axes of the array as errors name them, such as "(height, width)"; an ellipsis at the
        end stands for any number of axes.
    allow_nan : bool, default=False
        Whether NaN is allowed, for missing values.
    largest : float
        Largest absolute value that is allowed.

    Returns
    -------
    ndarray, float32 or float64
        The array; it is not copied if nothing has to be converted.

    Raises
    ------
    TypeError
        If the values are not real numbers.
    ValueError
        If the array has another number of axes, is empty, or holds NaN, infinity or values
        that are too large.
    """
    array = _real_numbers(values, name)
    n_axes = axes.count(",") + 1 - axes.endswith(",)")
    fits = array.ndim >= n_axes - 1 if axes.endswith("...)") else array.ndim == n_axes
    if not fits:
        raise ValueError(f"{name} has shape {array.shape}; expected {axes}.")
    if array.size == 0:
        raise ValueError(f"{name} is empty: it has shape {array.shape}, expected {axes}.")
    check_values(array, name, allow_nan=allow_nan, largest=largest)
    return array


def check_values(
    array: NDArray[np.floating[Any]],
    name: str,
    *,
    allow_nan: bool = False,
    largest: float = _LARGEST,
) -> None:
    """Raise ValueError for NaN, infinity and values that are too large."""
    # NaN fails both comparisons.
    if -largest <= float(array.min()) and float(array.max()) <= largest:
        return
    if np.isinf(array).any():
        found = "infinity"
    elif np.isnan(array).any() and not allow_nan:
        found = "NaN"
    elif (most := float(np.nanmax(np.abs(array), initial=0))) > largest:
        found = f"values up to {most:g}; values above {largest:g} would overflow"
    else:
        return
    raise ValueError(f"{name} contains {found}.")


def check_image(image: Any, name: str = "image") -> NDArray[np.floating[Any]]:
    """Check one grey image; integers and booleans become floats, so that nothing wraps around.

    Parameters
    ----------
    image : array-like of shape (height, width)
        Grey values without NaN.
    name : str
        Name of the image in errors.

    Returns
    -------
    ndarray of shape (height, width), float32 or float64
        The checked image.
    """
    return check_array(image, name, "(height, width)", largest=LARGEST_INTENSITY)


def check_choice(value: Any, name: str, allowed: Collection[str]) -> None:
    """Raise ValueError unless `value` is one of the allowed names."""
    if not isinstance(value, str) or value not in allowed:
        names = ", ".join(repr(each) for each in allowed)
        raise ValueError(f"{name} has to be one of {names}; got {value!r}.")


def check_count(value: Any, name: str, least: int | None = 1) -> int:
    """Return a whole number after checking that it is at least `least`."""
    if not isinstance(value, Integral) or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} has to be a whole number; got {value!r}.")
    count = int(value)
    if least is not None and count < least:
        raise ValueError(f"{name} has to be at least {least}; got {count}.")
    if count > _LARGEST_COUNT:
        raise ValueError(f"{name} has to be at most {_LARGEST_COUNT}; got {count}.")
    return count


def check_window(value: Any, name: str, least: int = 1) -> int:
    """Return the side of a window after checking that it is odd."""
    size = check_count(value, name, least)
    if size % 2 == 0:
        raise ValueError(f"{name} has to be odd, so that a pixel is central; got {size}.")
    return size


def check_number(
    value: Any,
    name: str,
    *,
    least: float = -_LARGEST,
    most: float = _LARGEST,
    above: float | None = None,
) -> float:
    """Return a number after checking that it lies from `least` to `most`, and above `above`."""
    if not isinstance(value, Real) or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} has to be a number; got {value!r}.")
    number = float(value)
    if not least <= number <= most or (above is not None and number <= above):
        low = f"above {above:g}" if above is not None else f"from {least:g}"
        raise ValueError(f"{name} has to be {low} to {most:g}; got {value!r}.")
    return number


def check_numbers(
    values: Any, name: str, *, least: float = -_LARGEST, most: float = _LARGEST
) -> tuple[float, ...]:
    """Return one or more numbers after checking that each lies from `least` to `most`."""
    numbers = check_list(values, name)
    if not numbers:
        raise ValueError(f"{name} is empty; at least one number is required.")
    return tuple(check_number(each, f"each of {name}", least=least, most=most) for each in numbers)


def check_list(values: Any, name: str) -> tuple[Any, ...]:
    """Return the items of a list, a tuple or an array."""
    words = f"{name} has to be a list of numbers; got {values!r}."
    if isinstance(values, (str, bytes, Mapping, Set)):
        raise TypeError(words)
    try:
        return tuple(values)
    except TypeError as error:
        raise TypeError(words) from error


def check_same(name: str, size: int, other_name: str, other_size: int, what: str) -> None:
    """Raise ValueError unless two arguments have the same number of something."""
    if size != other_size:
        raise ValueError(f"{name} has {size} {what}, but {other_name} has {other_size}.")


def _real_numbers(values: Any, name: str) -> NDArray[np.floating[Any]]:
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(f"{name} has masked values; fill them or leave them out.")
    try:
        array = np.asarray(values)
        if array.dtype == object and not any(isinstance(v, (str, bytes)) for v in array.flat):
            array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} has to be an array of real numbers ({error}).") from error
    if array.dtype.kind not in "buif":
        raise TypeError(f"{name} has to be an array of real numbers; its dtype is {array.dtype}.")
    if array.dtype.char in "fd":
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    with np.errstate(over="ignore"):  # infinity gets an error of its own
        return array.astype(np.float64)
