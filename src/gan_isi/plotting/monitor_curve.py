"""What a monitor saw at each checkpoint of a training, and where copies appear."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .style import BLUE, ORANGE, figure_and_axes, with_errors


@dataclass(eq=False, repr=False)
class MonitorDisplay:
    """AUC with its interval over the steps of a training, and the onset of copies.

    Use `from_monitor`, or :meth:`gan_isi.MemorizationMonitor.plot`.

    Parameters
    ----------
    steps : array-like of shape (n_checkpoints,)
        Steps of the checkpoints.
    aucs : array-like of shape (n_checkpoints, 3)
        The AUC at each and the bounds of its interval.
    onset : float, default=None
        First step at which copies appear; None if there is none.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        The figure of these axes.
    errorbar_ : matplotlib ErrorbarContainer
        The AUCs.
    chance_line_ : matplotlib Line2D
        AUC of 0.5.
    onset_line_ : matplotlib Line2D or None
        The onset.

    See Also
    --------
    AuditDisplay : The AUCs of several attacks, of one set of generated images.

    Examples
    --------
    >>> from gan_isi.plotting import MonitorDisplay
    >>> shown = MonitorDisplay([10, 20], [[0.5, 0.4, 0.6], [0.9, 0.8, 0.95]], onset=20).plot()
    >>> shown.onset_line_.get_label()
    'onset: 20'
    """

    steps: ArrayLike
    aucs: ArrayLike
    _: KW_ONLY
    onset: float | None = None

    @classmethod
    def from_monitor(cls, monitor: Any, *, ax: Any = None) -> Self:
        """Draw what a monitor recorded.

        Parameters
        ----------
        monitor : MemorizationMonitor
            One that checked at least once.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        MonitorDisplay
            Drawn.

        Raises
        ------
        ValueError
            If nothing was checked yet.
        """
        if not monitor.records:
            raise ValueError("Nothing was checked yet; call check(generated, step=...) first.")
        aucs = [(one.auc.value, one.auc.low, one.auc.high) for one in monitor.records]
        return cls([one.step for one in monitor.records], aucs, onset=monitor.onset).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the AUCs and chance, and mark the onset.

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
            Unless there are three numbers for each step.
        """
        steps = np.asarray(self.steps)
        wanted = f"aucs has to hold value, low and high at {len(steps)} steps"
        values, errors = with_errors(self.aucs, len(steps), wanted)
        self.figure_, self.ax_ = figure_and_axes(ax)
        self.errorbar_ = self.ax_.errorbar(steps, values, errors, color=BLUE, marker="o", capsize=2)
        self.chance_line_ = self.ax_.axhline(0.5, color="0.55", linewidth=1, zorder=0)
        self.onset_line_ = None
        if self.onset is not None:
            self.onset_line_ = self.ax_.axvline(
                self.onset, color=ORANGE, linestyle="--", label=f"onset: {self.onset:g}"
            )
            self.ax_.legend(frameon=False, loc="best")
        self.ax_.set(xlabel="step", ylabel="AUC, used against not used", ylim=(0, 1.02))
        return self
