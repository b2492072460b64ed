"""Membership scores of queries, one row a class."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._runtime.sklearn_compat import num_samples
from .._validation.labels import check_used
from .attack import check_scores, query_scores
from .style import BLACK, BLUE, ORANGE, figure_and_axes

#: Points closer than this share of the range of scores are stacked.
_BIN = 1 / 70

#: Height of one row of points; rows are 1 apart.
_ROW_HEIGHT = 0.7

#: Distance between stacked points where there is room for it.
_STACK_STEP = 0.09

#: Its multiples, modulo 1, are spread evenly and without order.
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(eq=False, repr=False)
class MembershipScoreDisplay:
    """Scores of used and other images on one axis, every query a point.

    Use `from_estimator` or `from_predictions`.

    Parameters
    ----------
    used_score : array-like of shape (n_used,)
        Scores of the queries that were used.
    not_used_score : array-like of shape (n_not_used,)
        Scores of the queries that were not.
    candidate_score : array-like of shape (n_candidates,), default=None
        Scores of queries of unknown membership.
    threshold : float, default=None
        Score above which a query is called used.
    score_name : str, default="membership score"
        Label of the axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        Figure of the axes.
    points_ : list of matplotlib PathCollection
        The points of used, not used, and unknown queries. Only their horizontal
        position has a meaning; equal scores are stacked.
    medians_ : list of matplotlib LineCollection
        The median of each row.

    See Also
    --------
    LogRocDisplay : What thresholds achieve, down to few false accusations.

    Notes
    -----
    The axis shows the range of the scores, not 0 to 1: scores that look far apart may
    differ by little. Scores of queries that the attack was fitted on say nothing of its
    success.

    Examples
    --------
    >>> from gan_isi.plotting import MembershipScoreDisplay
    >>> shown = MembershipScoreDisplay.from_predictions(
    ...     [0, 0, 1, 1], [0.2, 0.4, 0.3, 0.6], threshold=0.5
    ... )
    >>> shown.used_score
    array([0.3, 0.6])
    """

    used_score: ArrayLike
    not_used_score: ArrayLike
    _: KW_ONLY
    candidate_score: ArrayLike | None = None
    threshold: float | None = None
    score_name: str = "membership score"

    @classmethod
    def from_estimator(
        cls,
        attack: Any,
        X: Any,
        y: ArrayLike,
        *,
        candidates: Any = None,
        threshold: float | None = None,
        ax: Any = None,
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
        candidates : array-like or sequence of array-like, default=None
            Queries of unknown membership.
        threshold : float, default=None
            Score above which a query is called used.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        MembershipScoreDisplay
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
            candidate_score=None if candidates is None else query_scores(attack, candidates),
            threshold=threshold,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike,
        *,
        candidate_score: ArrayLike | None = None,
        threshold: float | None = None,
        score_name: str = "membership score",
        ax: Any = None,
    ) -> Self:
        """Draw scores that are already there.

        Parameters
        ----------
        y_true : array-like of shape (n_queries,)
            Whether each was used: booleans, 0/1 or -1/1.
        y_score : array-like of shape (n_queries,)
            Scores, larger for used images.
        candidate_score : array-like of shape (n_candidates,), default=None
            Scores of queries of unknown membership.
        threshold : float, default=None
            Score above which a query is called used.
        score_name : str, default="membership score"
            Label of the axis.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        MembershipScoreDisplay
            Drawn.

        Raises
        ------
        ValueError
            For other labels, one class only, or not as many as scores, and scores
            that are not finite.
        """
        scores = check_scores(y_score, "y_score")
        is_used, _ = check_used(y_true, len(scores), name="y_true", unit="queries")
        if candidate_score is not None:
            candidate_score = check_scores(candidate_score, "candidate_score")
        return cls(
            scores[is_used],
            scores[~is_used],
            candidate_score=candidate_score,
            threshold=threshold,
            score_name=score_name,
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        self
            Itself.
        """
        rows = [
            ("used", np.asarray(self.used_score), ORANGE, "o"),
            ("not used", np.asarray(self.not_used_score), BLUE, "s"),
        ]
        if self.candidate_score is not None:
            rows.append(("unknown", np.asarray(self.candidate_score), "0.35", "^"))
        self.figure_, self.ax_ = figure_and_axes(ax, (6.0, 1.0 + len(rows)))
        everything = np.concatenate([scores for _, scores, _, _ in rows])
        span = float(np.ptp(everything)) or 1.0
        bins = [np.round((scores - everything.min()) / (span * _BIN)) for _, scores, _, _ in rows]
        highest = max(int(np.unique(b, return_counts=True)[1].max()) for b in bins)
        step = min(_STACK_STEP, _ROW_HEIGHT / highest)
        self.points_: list[Any] = []
        self.medians_: list[Any] = []
        for row, (_, scores, color, marker) in enumerate(rows):
            offsets = _stacked(scores, bins[row]) * step
            self.points_.append(
                self.ax_.scatter(
                    scores,
                    offsets - row,
                    s=24,
                    c=color,
                    marker=marker,
                    alpha=0.85,
                    edgecolors="white",
                    linewidths=0.4,
                )
            )
            self.medians_.append(
                self.ax_.vlines(
                    np.median(scores), -row - 0.42, -row + 0.42, color=BLACK, linewidth=1.5
                )
            )
        self.medians_[0].set_label("median")
        self.ax_.set_yticks(
            [-row for row in range(len(rows))],
            [self._row_label(name, scores) for name, scores, _, _ in rows],
        )
        self.ax_.tick_params(axis="y", length=0)
        self.ax_.locator_params(axis="x", nbins=7)
        self.ax_.set(xlabel=self.score_name, ylim=(0.55 - len(rows), 0.55))
        if self.threshold is not None:
            self.ax_.axvline(
                self.threshold,
                color="0.3",
                linestyle="--",
                linewidth=1,
                zorder=0,
                label=f"threshold {self.threshold:.3g}",
            )
        self.ax_.spines[["top", "right", "left"]].set_visible(False)
        # Above the rows, where no point can lie beneath it.
        self.ax_.legend(
            loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, fontsize="small"
        )
        return self

    def _row_label(self, name: str, scores: NDArray[np.float64]) -> str:
        if self.threshold is None:
            return f"{name}\nn = {len(scores)}"
        return f"{name}\n{np.sum(scores > self.threshold)} of {len(scores)} above"


def _stacked(scores: NDArray[np.float64], bins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give points of one bin neighbouring places about 0: 0, 1, -1, 2, -2, ..."""
    # Ranked by score, the stacks of neighbouring bins would lean like italics.
    scrambled = np.argsort(np.argsort(scores, kind="stable"), kind="stable") * _GOLDEN % 1
    order = np.lexsort((scrambled, bins))
    _, starts, counts = np.unique(bins[order], return_index=True, return_counts=True)
    rank = np.arange(len(scores)) - np.repeat(starts, counts)
    places = np.empty(len(scores))
    places[order] = np.where(rank % 2 == 1, (rank + 1) // 2, -(rank // 2))
    return places
