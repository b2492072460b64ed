"""Which descriptor families an attack relies on."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import check_scoring
from sklearn.utils import Bunch, check_random_state

from .._runtime.sklearn_compat import num_samples
from .._validation.arrays import check_count
from .._validation.labels import check_used
from .attack import bags_of, views_of
from .style import BLACK, BLUE, figure_and_axes


def family_importance(
    attack: Any,
    X: Any,
    y: ArrayLike,
    *,
    scoring: Any = "roc_auc",
    n_repeats: int = 10,
    random_state: Any = None,
) -> Bunch:
    """Drop of an attack's score when the distances of one family are shuffled.

    All maps of a family change places together: each query gets the distances, to all
    generated images, that another query has in this family, and keeps its own in the
    others. A view that compares whole images is a family of one map. Nothing is fitted
    anew.

    Parameters
    ----------
    attack : SourceIdentificationPipeline
        Fitted attack.
    X : array-like or sequence of array-like
        Queries that the attack was not fitted on; on others it measures what was
        learned by heart.
    y : array-like of shape (n_queries,)
        Whether each was used: booleans, 0/1 or -1/1.
    scoring : str or callable, default="roc_auc"
        A scorer, as everywhere in scikit-learn. A callable gets the steps after the
        distances, the bags of distances, and `y`.
    n_repeats : int, default=10
        How often each family is shuffled.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffles.

    Returns
    -------
    Bunch
        Dictionary-like, with the attributes

        families : list of str
            Names, in the order of the descriptors.
        importances : ndarray of shape (n_families, n_repeats)
            Score of the intact attack minus that with the family shuffled.
        importances_mean, importances_std : ndarray of shape (n_families,)
            Over the repeats.
        baseline_score : float
            Score of the intact attack.
        n_queries : int
            Number of queries.
        n_maps : list of int
            Number of maps of each family.

    Raises
    ------
    TypeError
        If `attack` is no attack.
    ValueError
        For `n_repeats` below 1, for other labels or missing ones, one class only, and
        another number of labels than queries.

    Notes
    -----
    What it does not show:

    - how much a family could tell by itself. Families are correlated: what one loses
      when shuffled another may still say, so that all of them can look unimportant
      while the attack is good.
    - anything, where the intact attack is at chance: the drops are then noise, however
      they are ordered.
    - the uncertainty from the choice of queries: the repeats share them. With few
      queries it is the larger part.

    The distances of all queries are in memory at once.

    References
    ----------
    L. Breiman, "Random forests", Machine Learning 45 (2001), whose importance this is,
    for groups of columns.

    Examples
    --------
    >>> from gan_isi import datasets, make_pipeline
    >>> from gan_isi.plotting import family_importance
    >>> problem = datasets.make_membership_problem(24, n_generated=8, random_state=0)
    >>> attack = make_pipeline(
    ...     families=["statistical", "steerable"], generated=problem.generated
    ... ).fit(problem.images[:12], problem.target[:12])
    >>> drops = family_importance(attack, problem.images[12:], problem.target[12:], random_state=0)
    >>> drops.families, drops.importances.shape
    (['statistical', 'steerable'], (2, 10))
    """
    check_count(n_repeats, "n_repeats")
    families = views_of(attack)
    after = _classifier_of(attack)
    used, _ = check_used(y, num_samples(X), unit="queries")
    bags = bags_of(attack, X)
    labels = after.classes_[used.astype(np.intp)]
    scorer = check_scoring(after, scoring)
    generator = check_random_state(random_state)
    baseline = float(scorer(after, bags, labels))
    importances = np.empty((len(families), n_repeats))
    for row, family in enumerate(families):
        own = bags[:, :, family.columns].copy()
        for repeat in range(n_repeats):
            bags[:, :, family.columns] = own[generator.permutation(len(bags))]
            importances[row, repeat] = baseline - scorer(after, bags, labels)
        bags[:, :, family.columns] = own
    return Bunch(
        families=[family.name for family in families],
        importances=importances,
        importances_mean=importances.mean(axis=1),
        importances_std=importances.std(axis=1),
        baseline_score=baseline,
        n_queries=len(bags),
        n_maps=[len(family.map_names) for family in families],
    )


def _classifier_of(attack: Any) -> Any:
    name, last = attack.steps[-1]
    if name != "membership":
        raise TypeError("The attack ends with its distances; there is no classifier to score.")
    return last


@dataclass(eq=False, repr=False)
class FamilyImportanceDisplay:
    """How much an attack's score drops when one family's distances are shuffled.

    Bars are the mean over the repeats, whiskers reach from the smallest to the largest
    one. Use `from_estimator`, or the constructor with what `family_importance` returns.

    Parameters
    ----------
    families : sequence of str
        Names.
    importances : array-like of shape (n_families, n_repeats)
        Drops of the score.
    baseline_score : float, default=None
        Score of the intact attack.
    n_queries : int, default=None
        Number of queries that the scores come from.
    score_name : str, default="score"
        Name of the score.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        Figure of the axes.
    bars_ : matplotlib BarContainer
        The bars, the most important family on top.
    order_ : ndarray of shape (n_families,)
        The families from top to bottom.

    See Also
    --------
    family_importance : The numbers, and what they do not show.

    Notes
    -----
    Families are correlated, and an attack at chance has bars of noise; see
    `family_importance`. The score of the intact attack stands above the bars, because
    they mean nothing without it.

    Examples
    --------
    >>> from gan_isi.plotting import FamilyImportanceDisplay
    >>> shown = FamilyImportanceDisplay(
    ...     ["statistical", "gabor"], [[0.1, 0.12], [0.0, 0.02]], score_name="AUC"
    ... )
    >>> shown.plot().ax_.get_xlabel()
    'drop of AUC when shuffled'
    """

    families: Sequence[str]
    importances: ArrayLike
    _: KW_ONLY
    baseline_score: float | None = None
    n_queries: int | None = None
    score_name: str = "score"

    @classmethod
    def from_estimator(
        cls,
        attack: Any,
        X: Any,
        y: ArrayLike,
        *,
        scoring: Any = "roc_auc",
        n_repeats: int = 10,
        random_state: Any = None,
        ax: Any = None,
    ) -> Self:
        """Shuffle the families of a fitted attack in turn.

        Parameters
        ----------
        attack : SourceIdentificationPipeline
            Fitted attack.
        X : array-like or sequence of array-like
            Queries that the attack was not fitted on.
        y : array-like of shape (n_queries,)
            Whether each was used: booleans, 0/1 or -1/1.
        scoring : str or callable, default="roc_auc"
            A scorer, see `family_importance`.
        n_repeats : int, default=10
            How often each family is shuffled.
        random_state : int, RandomState instance or None, default=None
            Seed of the shuffles.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        FamilyImportanceDisplay
            Drawn.
        """
        drops = family_importance(
            attack, X, y, scoring=scoring, n_repeats=n_repeats, random_state=random_state
        )
        return cls(
            drops.families,
            drops.importances,
            baseline_score=drops.baseline_score,
            n_queries=drops.n_queries,
            score_name=_score_name(scoring),
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the bars.

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
            If there is not one row of drops a family.
        """
        importances = np.asarray(self.importances, dtype=np.float64)
        if importances.ndim != 2 or len(importances) != len(self.families):
            raise ValueError(
                f"importances have shape {importances.shape}; expected one row for each of "
                f"{len(self.families)} families."
            )
        self.figure_, self.ax_ = figure_and_axes(ax, (6.0, 1.5 + 0.45 * len(importances)))
        means = importances.mean(axis=1)
        self.order_ = np.argsort(-means, kind="stable")
        shown = importances[self.order_]
        means = means[self.order_]
        heights = -np.arange(len(means))
        whiskers = np.stack([means - shown.min(axis=1), shown.max(axis=1) - means])
        self.bars_ = self.ax_.barh(heights, means, height=0.6, color=BLUE, alpha=0.75)
        self.ax_.errorbar(
            means, heights, xerr=np.maximum(whiskers, 0), fmt="none", ecolor=BLACK, capsize=3
        )
        self.ax_.axvline(0, color=BLACK, linewidth=0.8)
        self.ax_.set_yticks(heights, [self.families[i] for i in self.order_])
        self.ax_.set_xlabel(f"drop of {self.score_name} when shuffled")
        self.ax_.set_title(self._title(importances.shape[1]), fontsize="small", loc="left")
        self.ax_.tick_params(axis="y", length=0)
        self.ax_.spines[["top", "right", "left"]].set_visible(False)
        return self

    def _title(self, n_repeats: int) -> str:
        intact = []
        if self.baseline_score is not None:
            intact.append(f"{self.score_name} {self.baseline_score:.2f} with all families")
        if self.n_queries is not None:
            intact.append(f"{self.n_queries} queries")
        # Two lines: the names of scores may be long.
        whiskers = f"whiskers: range of {n_repeats} shuffle{'s' if n_repeats > 1 else ''}"
        return "\n".join([*([", ".join(intact)] if intact else []), whiskers])


def _score_name(scoring: Any) -> str:
    if isinstance(scoring, str):
        return {"roc_auc": "AUC"}.get(scoring, scoring.replace("_", " "))
    return str(getattr(scoring, "__name__", "score"))
