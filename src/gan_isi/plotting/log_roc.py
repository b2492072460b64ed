"""ROC curves at few false accusations, and where they end to mean anything."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import roc_auc_score, roc_curve

from .._runtime.sklearn_compat import num_samples
from .._validation.labels import check_used
from .attack import check_scores, query_scores
from .style import curve_style, figure_and_axes, line_style, literal

#: Where the legend gives the true positive rate.
_TPR_AT = (0.1, 0.01)

#: Stands for the left end of a logarithmic axis; far outside of what is shown.
_FAR_LEFT = 1e-12


@dataclass(eq=False, repr=False)
class LogRocDisplay:
    """ROC curve on logarithmic axes, with the rates that the data can't resolve shaded.

    What matters of a membership attack is how many used images it finds at few false
    positives. With n images not used no false positive rate between 0 and 1/n can be
    observed: to the left of 1/n a curve is its rate at zero observed false positives,
    which n images not used do not tell from a rate of a few 1/n. Use `from_estimator` or
    `from_predictions`; a further display on the same axes adds a curve.

    Parameters
    ----------
    fpr : array-like of shape (n_thresholds,)
        False positive rates, ascending.
    tpr : array-like of shape (n_thresholds,)
        True positive rates.
    n_not_used : int
        Number of images not used that the rates come from.
    roc_auc : float, default=None
        Area under the (linear) curve.
    name : str, default=None
        What to call the curve.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        Figure of the axes.
    line_ : matplotlib Line2D
        The curve from 1/n on, in steps: between two observed rates the smaller one holds.
    extension_ : matplotlib Line2D
        Line of its rate at zero observed false positives, thin, to the left of 1/n.
    chance_line_ : matplotlib Line2D or None
        TPR equal to FPR; None when the axes have one already.
    tpr_at_fpr_ : dict of float to float
        For each rate of `tpr_at`, the largest true positive rate at that false positive
        rate or below; NaN below 1/n. The same as :func:`gan_isi.metrics.tpr_at_fpr`.
    unresolved_ : matplotlib Polygon or None
        The shade from the left to 1/n; None when the axes have it for n already.

    See Also
    --------
    MembershipScoreDisplay : The scores behind the curve.

    References
    ----------
    N. Carlini et al., "Membership inference attacks from first principles", IEEE
    Symposium on Security and Privacy 2022.

    Examples
    --------
    >>> from gan_isi.plotting import LogRocDisplay
    >>> shown = LogRocDisplay.from_predictions([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], name="attack")
    >>> shown.roc_auc, shown.n_not_used
    (0.75, 2)
    """

    fpr: ArrayLike
    tpr: ArrayLike
    _: KW_ONLY
    n_not_used: int
    roc_auc: float | None = None
    name: str | None = None

    @classmethod
    def from_estimator(
        cls,
        attack: Any,
        X: Any,
        y: ArrayLike,
        *,
        name: str | None = None,
        tpr_at: Sequence[float] = _TPR_AT,
        ax: Any = None,
        **line_options: Any,
    ) -> Self:
        """Score queries that the attack was not fitted on.

        Parameters
        ----------
        attack : fitted classifier
            Attack with `predict_proba` or else `decision_function`, such as a
            :class:`~gan_isi.SourceIdentificationPipeline`.
        X : array-like or sequence of array-like
            Queries of known membership.
        y : array-like of shape (n_queries,)
            Whether each was used: booleans, 0/1 or -1/1.
        name : str, default=None
            What to call the curve.
        tpr_at : sequence of float, default=(0.1, 0.01)
            False positive rates at which the legend gives the true positive rate.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_options : dict
            Options of matplotlib's `plot`, such as ``color``.

        Returns
        -------
        LogRocDisplay
            Drawn.

        Raises
        ------
        TypeError
            If `attack` gives no scores.
        ValueError
            For other labels or missing ones, one class only, and another number of labels
            than queries.
        """
        used, _ = check_used(y, num_samples(X), unit="queries")
        return cls.from_predictions(
            used,
            query_scores(attack, X),
            name=name,
            tpr_at=tpr_at,
            ax=ax,
            **line_options,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike,
        *,
        name: str | None = None,
        tpr_at: Sequence[float] = _TPR_AT,
        ax: Any = None,
        **line_options: Any,
    ) -> Self:
        """Draw the curve of scores that are already there.

        Parameters
        ----------
        y_true : array-like of shape (n_queries,)
            Whether each was used: booleans, 0/1 or -1/1.
        y_score : array-like of shape (n_queries,)
            Scores, larger for used images.
        name : str, default=None
            What to call the curve.
        tpr_at : sequence of float, default=(0.1, 0.01)
            False positive rates at which the legend gives the true positive rate.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_options : dict
            Options of matplotlib's `plot`, such as ``color``.

        Returns
        -------
        LogRocDisplay
            Drawn.

        Raises
        ------
        ValueError
            For other labels, one class only, or not as many as scores, and scores
            that are not finite.
        """
        scores = check_scores(y_score, "y_score")
        is_used, _ = check_used(y_true, len(scores), name="y_true", unit="queries")
        fpr, tpr, _ = roc_curve(is_used, scores, drop_intermediate=False)
        return cls(
            fpr,
            tpr,
            n_not_used=int(np.sum(~is_used)),
            roc_auc=float(roc_auc_score(is_used, scores)),
            name=name,
        ).plot(ax, tpr_at=tpr_at, **line_options)

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        tpr_at: Sequence[float] = _TPR_AT,
        **line_options: Any,
    ) -> Self:
        """Draw the curve, chance, and the limit of resolution.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure. Axes with a curve of this kind get
            one more.
        name : str, default=None
            What to call the curve; None takes `self.name`.
        tpr_at : sequence of float, default=(0.1, 0.01)
            False positive rates at which the legend gives the true positive rate.
        **line_options : dict
            Options of matplotlib's `plot`, such as ``color``.

        Returns
        -------
        self
            Itself.

        Raises
        ------
        ValueError
            For rates of different lengths, no images not used, and `tpr_at` outside 0..1.
        """
        self._check()
        self.tpr_at_fpr_ = {float(rate): self._tpr_at(rate) for rate in tpr_at}
        style = line_style({"label": self._label(name)}, line_options)
        self.figure_, self.ax_ = figure_and_axes(ax, (6.0, 4.4))
        # Rates of zero lie infinitely far out: the line leaves the axes towards them.
        self.ax_.set_xscale("log", nonpositive="clip")
        self.ax_.set_yscale("log", nonpositive="clip")
        before = [line for line in self.ax_.lines if line.get_gid() == "roc"]
        self._draw_curve(
            {
                **curve_style(len(before)),
                "linewidth": 2,
                "drawstyle": "steps-post",
                **style,
                "gid": "roc",
            }
        )
        self.chance_line_ = self._draw_chance()
        self.unresolved_ = self._shade()
        self._set_limits(first=not before)
        self.ax_.set(xlabel="false positive rate", ylabel="true positive rate")
        self._make_legend()
        return self

    def _check(self) -> None:
        shapes = np.shape(self.fpr), np.shape(self.tpr)
        if len(shapes[0]) != 1 or shapes[0] != shapes[1] or self.n_not_used < 1:
            raise ValueError(
                "Expected as many false as true positive rates, of at least 1 image not used; got "
                f"shapes {shapes[0]} and {shapes[1]}, and n_not_used={self.n_not_used}."
            )

    def _tpr_at(self, max_fpr: float) -> float:
        if not 0 <= max_fpr <= 1:
            raise ValueError(f"tpr_at has to hold rates in 0..1; got {max_fpr!r}.")
        if max_fpr < 1 / self.n_not_used:
            return float("nan")
        fpr, tpr = np.asarray(self.fpr), np.asarray(self.tpr)
        return float(tpr[fpr <= max_fpr].max(initial=0.0))

    def _draw_curve(self, style: dict[str, Any]) -> None:
        fpr, tpr = np.asarray(self.fpr), np.asarray(self.tpr)
        at_zero = float(tpr[fpr == 0].max(initial=0.0))
        limit = 1 / self.n_not_used
        (self.line_,) = self.ax_.plot(
            np.concatenate([[limit], fpr[fpr > 0]]),
            np.concatenate([[at_zero], tpr[fpr > 0]]),
            **style,
        )
        (self.extension_,) = self.ax_.plot(
            [_FAR_LEFT, limit],
            [at_zero, at_zero],
            color=self.line_.get_color(),
            linestyle=self.line_.get_linestyle(),
            linewidth=self.line_.get_linewidth() / 2,
            alpha=0.6,
        )

    def _label(self, name: str | None) -> str:
        name = literal((self.name if name is None else name) or "")
        auc = "" if self.roc_auc is None else f"AUC = {self.roc_auc:.2f}"
        first = f"{name} ({auc})" if name and auc else name or auc or "ROC"
        rates = ", ".join(
            f"≤ {rate:g}: " + ("not resolvable" if np.isnan(tpr) else f"{tpr:.2g}")
            for rate, tpr in self.tpr_at_fpr_.items()
        )
        return f"{first}\nTPR at FPR {rates}" if rates else first

    def _draw_chance(self) -> Any:
        if any(line.get_gid() == "chance" for line in self.ax_.lines):
            return None
        (line,) = self.ax_.plot(
            [_FAR_LEFT, 1],
            [_FAR_LEFT, 1],
            color="0.4",
            linestyle=(0, (1, 1.5)),
            linewidth=1.2,
            label="chance",
            gid="chance",
            zorder=1,
        )
        return line

    def _shade(self) -> Any:
        gid = f"unresolved-{self.n_not_used}"
        if any(patch.get_gid() == gid for patch in self.ax_.patches):
            return None
        n = self.n_not_used
        self.ax_.axvline(1 / n, color="0.55", linewidth=1, zorder=0.5)
        return self.ax_.axvspan(
            _FAR_LEFT, 1 / n, color="0.5", alpha=0.2, linewidth=0, zorder=0, gid=gid
        )

    def _make_legend(self) -> None:
        """List the curves first, then chance, and all shades, which overlap, as one."""
        gids = [str(patch.get_gid()) for patch in self.ax_.patches]
        shades = [i for i, gid in enumerate(gids) if gid.startswith("unresolved-")]
        counts = sorted(int(gids[i].removeprefix("unresolved-")) for i in shades)
        below = f"1/{counts[0]}" if len(counts) == 1 else "1/n"
        with_n = " or ".join(map(str, counts))
        prefix = "" if len(counts) == 1 else "n = "
        for i in shades:
            self.ax_.patches[i].set_label("_shade")
        self.ax_.patches[shades[0]].set_label(
            f"FPR < {below}: not resolvable\nwith {prefix}{with_n} images not used"
        )
        handles, _ = self.ax_.get_legend_handles_labels()
        handles.sort(key=lambda handle: handle.get_gid() != "roc")  # keeps order otherwise
        self.ax_.legend(handles=handles, loc=self._free_corner(), fontsize="small")

    def _free_corner(self) -> str:
        """Find a corner for the legend: curves below chance run through the lower right.

        Matplotlib's "best" counts the shade as something to keep clear of, too.
        """
        curves = [line for line in self.ax_.lines if line.get_gid() == "roc"]
        corners = []
        for line in curves:
            x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
            corners.append([np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]])
        shown = np.log([self.ax_.get_xlim(), self.ax_.get_ylim()])
        points = np.log(np.maximum(np.concatenate(corners, axis=1), _FAR_LEFT))
        across, up = (points - shown[:, :1]) / np.ptp(shown, axis=1, keepdims=True)
        height = 0.16 + 0.1 * len(curves)  # that of the legend in the default figure
        if not np.any((across > 0.33) & (up < height)):
            return "lower right"
        return "best" if np.any((across < 0.67) & (up > 1 - height)) else "upper left"

    def _set_limits(self, *, first: bool) -> None:
        """Show half a decade beyond the limit; never less than the axes did before."""
        tpr = np.asarray(self.tpr)
        left = 10**-0.5 / self.n_not_used
        # A true positive rate cannot be smaller than 1/n of its own n either.
        bottom = min(left, float(tpr[tpr > 0].min()) / 1.5) if (tpr > 0).any() else left
        if not first:
            left = min(left, self.ax_.get_xlim()[0])
            bottom = min(bottom, self.ax_.get_ylim()[0])
        self.ax_.set(xlim=(left, 1), ylim=(bottom, 1.1))
