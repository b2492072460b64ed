"""What the figures share: matplotlib when it is needed, axes, and colours.

The colours are those of Okabe and Ito, which people with any kind of colour vision tell
apart. Used images and others differ in lightness as well, and in their markers, so that
a grey print loses nothing.
"""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._runtime.output import visible

BLUE = "#0072B2"
ORANGE = "#E69F00"
BLACK = "#000000"
GREY = "0.55"

#: One curve after the other.
CURVES = ("#0072B2", "#E69F00", "#CC79A7", "#56B4E9", "#D55E00", "#009E73")
_DASHES = ("-", "--", "-.", ":")

#: Rising lightness from near to far, or from low to high.
SEQUENTIAL = "cividis"

#: White in the middle, orange below and purple above.
DIVERGING = "PuOr"

#: Likeness from which on a part of a picture is outlined.
OUTLINED = 0.75

#: Inches. Fits the column of a notebook.
FIGURE_SIZE = (6.0, 4.0)


def import_pyplot() -> Any:
    """Return `matplotlib.pyplot`, or say how to get it."""
    # A MPLBACKEND that does not exist would fail the import, and files need no window.
    backend = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib

        if backend:
            with suppress(ValueError):
                matplotlib.rcParams["backend"] = backend
        import matplotlib.pyplot
    except ImportError as error:
        raise ImportError(
            'Figures need matplotlib, which is not installed: pip install "gan-isi[plot]".'
        ) from error
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    return matplotlib.pyplot


def literal(text: str) -> str:
    """Return a text that can be drawn, in which a dollar is one and begins no formula."""
    return visible(text, keep="\n").replace("$", r"\$")


def figure_and_axes(ax: Any, figsize: tuple[float, float] = FIGURE_SIZE) -> tuple[Any, Any]:
    """Return the figure and the axes to draw on; new ones where `ax` is None."""
    pyplot = import_pyplot()
    if ax is None:
        return pyplot.subplots(figsize=figsize, layout="constrained")
    if not hasattr(ax, "get_figure"):
        raise TypeError(f"ax has to be matplotlib axes or None; got {type(ax).__name__}.")
    return ax.get_figure(), ax


def line_style(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a line, those that were given before the defaults.

    Short names, such as ``lw``, count as the long ones. Options that no line has are
    refused here, before there is a figure that would be left behind.
    """
    import_pyplot()
    from matplotlib import cbook, lines

    style = {**defaults, **cbook.normalize_kwargs(dict(given), lines.Line2D)}
    lines.Line2D([], [], **style)
    return style


def curve_style(number: int) -> dict[str, Any]:
    """Return the look of one curve after the other; dashes differ as well, for grey prints."""
    return {"color": CURVES[number % len(CURVES)], "linestyle": _DASHES[number % len(_DASHES)]}


def with_errors(
    rows: ArrayLike, n_rows: int, wanted: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return estimates, and how far their intervals reach below and above them.

    Parameters
    ----------
    rows : array-like of shape (n_rows, 3)
        Value, low and high of each.
    n_rows : int
        Number of estimates that there have to be.
    wanted : str
        What `rows` have to hold, which begins the error.

    Returns
    -------
    values : ndarray of shape (n_rows,)
        The estimates.
    errors : ndarray of shape (2, n_rows)
        Lengths of both error bars.

    Raises
    ------
    ValueError
        For another shape.
    """
    array = np.asarray(rows, dtype=float)
    if array.shape != (n_rows, 3):
        raise ValueError(f"{wanted}; its shape is {array.shape}.")
    value, low, high = array.T
    # Rounding may put a bound on the other side of the value.
    return value, np.maximum([value - low, high - value], 0)


def draw_picture(
    axes: Any, picture: ArrayLike, title: str, *, fontsize: str = "medium", **scale: float
) -> None:
    """Draw a picture, grey or in colour, without ticks and below its title."""
    axes.imshow(picture, cmap="gray", aspect="equal", **scale)
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=fontsize)


def draw_likeness(
    axes: Any, likeness: NDArray[np.float64], picture: ArrayLike, linewidth: float
) -> Any:
    """Lay over a picture how much of each part is found, outline what is, and return the map."""
    height, width = np.shape(picture)[:2]
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    drawn = axes.imshow(likeness, cmap=SEQUENTIAL, vmin=0, vmax=1, alpha=0.65, extent=extent)
    if likeness.min() < OUTLINED < likeness.max():
        axes.contour(
            likeness, [OUTLINED], colors=BLACK, linewidths=linewidth, extent=extent, origin="upper"
        )
    return drawn
