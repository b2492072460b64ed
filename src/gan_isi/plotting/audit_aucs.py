"""What the attacks of an audit tell: their AUCs side by side."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .style import BLUE, GREY, figure_and_axes, literal, with_errors


@dataclass(eq=False, repr=False)
class AuditDisplay:
    """AUC of each attack of an audit with its interval, beside chance.

    Use `from_result`, or :meth:`gan_isi.audit.AuditResult.plot`.

    Parameters
    ----------
    names : sequence of str
        Attacks, from the top.
    aucs : array-like of shape (n_attacks, 3)
        The AUC of each and the bounds of its interval.
    p_values : array-like of shape (n_attacks,), default=None
        P-value of each attack; NaN where it was not tested.
    detectable : array-like of shape (n_attacks,), default=None
        Smallest true AUC that would have been noticed; NaN where none would.
    confidence : float, default=0.95
        Confidence of the intervals.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        Figure of the axes.
    errorbar_ : matplotlib ErrorbarContainer
        The AUCs.
    detectable_ : matplotlib Line2D or None
        The smallest AUCs that would have been noticed.
    chance_line_ : matplotlib Line2D
        AUC of 0.5.

    See Also
    --------
    LogRocDisplay : What an attack tells at few false accusations.

    Examples
    --------
    >>> from gan_isi.plotting import AuditDisplay
    >>> shown = AuditDisplay(["recommended", "blind"], [[0.9, 0.8, 0.95], [0.5, 0.4, 0.6]]).plot()
    >>> [label.get_text() for label in shown.ax_.get_yticklabels()]
    ['recommended', 'blind']
    """

    names: Sequence[str]
    aucs: ArrayLike
    _: KW_ONLY
    p_values: ArrayLike | None = None
    detectable: ArrayLike | None = None
    confidence: float = 0.95

    @classmethod
    def from_result(cls, result: Any, *, ax: Any = None) -> Self:
        """Draw what an audit found.

        Parameters
        ----------
        result : AuditResult
            What :func:`gan_isi.audit.audit` found.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        AuditDisplay
            Drawn.
        """
        found = list(result.attacks.values())
        aucs = [one.measures["AUC"] for one in found]
        return cls(
            list(result.attacks),
            np.array([(one.value, one.low, one.high) for one in aucs]),
            p_values=[one.p_value for one in found],
            detectable=[one.detectable_auc for one in found],
            confidence=result.confidence,
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the AUCs, one below the other.

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
            Unless there are three numbers for each attack, and one for each of the others.
        """
        n_attacks = len(self.names)
        values, errors = with_errors(
            self.aucs,
            max(n_attacks, 1),
            f"aucs has to hold value, low and high of {n_attacks} attacks, at least one",
        )
        nothing = np.full(n_attacks, np.nan)
        p_values, detectable = (
            nothing if given is None else np.asarray(given, dtype=float)
            for given in (self.p_values, self.detectable)
        )
        for name, given in (("p_values", p_values), ("detectable", detectable)):
            if given.shape != nothing.shape:
                raise ValueError(
                    f"{name} has to hold one number for each of {n_attacks} attacks; its shape is "
                    f"{given.shape}."
                )
        self.figure_, self.ax_ = figure_and_axes(ax, figsize=(6.0, 1.9 + 0.45 * n_attacks))
        places = np.arange(n_attacks)
        self.errorbar_ = self.ax_.errorbar(
            values, places, xerr=errors, fmt="o", color=BLUE, capsize=3,
            label=f"AUC and its {100 * self.confidence:g} % interval",
        )  # fmt: skip
        self.detectable_ = None
        if np.isfinite(detectable).any():
            self.detectable_ = self.ax_.plot(
                detectable, places, "|", color=GREY, markersize=14, markeredgewidth=2,
                label="smallest AUC that would have been noticed",
            )[0]  # fmt: skip
        self.chance_line_ = self.ax_.axvline(
            0.5, color="black", linewidth=1, linestyle=":", zorder=0, label="chance"
        )
        for place, p_value in zip(places, p_values, strict=True):
            said = "not tested" if np.isnan(p_value) else f"p = {p_value:.2g}"
            if self.p_values is not None:
                self.ax_.annotate(
                    said, (1.02, place), xycoords=("axes fraction", "data"), va="center"
                )
        self.ax_.set_yticks(places, [literal(str(name)) for name in self.names])
        self.ax_.set(xlabel="AUC", ylim=(n_attacks - 0.5, -0.5))
        self.ax_.set_xlim(min(0.45, np.nanmin(values - errors[0]) - 0.02), 1.01)
        # Above, where it hides no attack.
        self.ax_.legend(
            frameon=False,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            fontsize="small",
            markerscale=0.6,
        )
        return self
