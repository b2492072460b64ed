"""What attacks tell as more and more generated images are withheld."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .style import CURVES, figure_and_axes, literal, with_errors

#: How the curves of a result are called, in the order in which they are drawn.
_SHOWN = {
    "named": "images that took part in the choice",
    "not named": "training images that nobody named",
    "at random": "as many withheld by chance",
}

_MARKERS, _DASHES = ("o", "s", "^"), ("-", "--", ":")


@dataclass(eq=False, repr=False)
class WithholdDisplay:
    """AUC of what is left, by the share of generated images that is withheld.

    Use `from_result`. The number to quote is the highest AUC of all attacks.

    Parameters
    ----------
    shares : array-like of shape (n_shares,)
        Shares withheld, ascending.
    curves : mapping of str to array-like of shape (n_shares, 3)
        AUCs by name, with the bounds of their intervals, at each share; three at most.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : list of matplotlib ErrorbarContainer
        The curves, in the order of `curves`. They are drawn a little beside each other.
    chance_line_ : matplotlib Line2D
        AUC of 0.5.

    See Also
    --------
    LogRocDisplay : What an attack tells of all generated images.

    Examples
    --------
    >>> from gan_isi.plotting import WithholdDisplay
    >>> shown = WithholdDisplay([0, 0.5], {"named": [[0.9, 0.8, 0.95], [0.7, 0.6, 0.8]]}).plot()
    >>> len(shown.lines_)
    1
    """

    shares: ArrayLike
    curves: Mapping[str, ArrayLike]

    @classmethod
    def from_result(cls, result: Any, *, ax: Any = None) -> Self:
        """Draw the highest AUC of all attacks.

        Parameters
        ----------
        result : WithholdResult
            What :func:`gan_isi.audit.withhold` found.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        WithholdDisplay
            Drawn.
        """
        curves = {}
        for who, name in _SHOWN.items():
            found = [result.highest(who, share)[1] for share in result.shares]
            curves[name] = np.array([(one.value, one.low, one.high) for one in found])
        return cls(np.asarray(result.shares), curves).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the curves and chance.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        self
            Itself.

        Raises
        ------
        ValueError
            For curves of another length than `shares`, and more than three.
        """
        shares = np.asarray(self.shares, dtype=float)
        curves = {
            name: with_errors(
                rows,
                len(shares),
                f"The curve {name!r} has to hold value, low and high at {len(shares)} shares",
            )
            for name, rows in self.curves.items()
        }
        if len(curves) > len(_MARKERS):
            raise ValueError(f"At most {len(_MARKERS)} curves can be drawn; got {len(curves)}.")
        self.figure_, self.ax_ = figure_and_axes(ax)
        self.lines_ = []
        for number, (name, (values, errors)) in enumerate(curves.items()):
            apart = 0.6 * (number - (len(curves) - 1) / 2)
            self.lines_.append(
                self.ax_.errorbar(
                    100 * shares + apart,
                    values,
                    errors,
                    label=literal(name),
                    color=CURVES[number],
                    linestyle=_DASHES[number],
                    marker=_MARKERS[number],
                    capsize=2,
                )
            )
        self.chance_line_ = self.ax_.axhline(0.5, color="0.55", linewidth=1, zorder=0)
        self.ax_.set(xlabel="generated images withheld [%]", ylabel="highest AUC of all attacks")
        self.ax_.set_ylim(top=1.02)
        self.ax_.legend(frameon=False, loc="best")
        return self
