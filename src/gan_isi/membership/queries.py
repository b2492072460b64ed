"""The membership stage that we recommend: a classifier of each query's summary."""

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._runtime.progress import fit_task
from .._runtime.sklearn_compat import Interval, fit_context
from .._validation.bags import check_bags
from .._validation.blocks import Block
from .._validation.labels import check_used
from .base import INNER_ESTIMATOR, BaseQueryClassifier
from .summaries import BagSummaryTransformer


def _estimator_has(method: str) -> Any:
    return lambda self: hasattr(getattr(self, "estimator_", self._estimator()), method)


class SummaryClassifier(MetaEstimatorMixin, BaseQueryClassifier):
    r"""Tell from a summary of its distances whether a query was used to train.

    Each bag becomes one row, its :term:`summary` (:class:`BagSummaryTransformer`), which any
    classifier takes.

    Parameters
    ----------
    estimator : classifier, default=None
        Classifier of the rows; None takes ``LogisticRegression(C=0.3)``.
    rule : str, or sequence of str, default=()
        Names of views whose contrast (the closest distance relative to the next ones) needs
        no learning. The smallest of them, that of the view in which the closest image stands
        out most, is one more column, all columns are standardised, and this one weighs more.
        Views that are dropped don't count. Without any the rows go to the classifier as
        they are.
    rule_weight : float, default=10.0
        How many times larger that column is than the others.
    n_closest : tuple of int, default=(1,)
        Parameter of the summary, as are the next four, see :class:`BagSummaryTransformer`.
    quantiles : tuple of float, default=()
        Quantiles of the distances.
    contrast : int, default=50
        Number of next images that the closest one is compared with; None leaves it out.
    by_family : bool, default=True
        Whether the maps of a family are averaged.
    relative : bool, default=True
        Whether the statistics are relative to images known not to be used.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels of images that were not used, and of those that were.
    summary_ : BagSummaryTransformer
        Fitted summary.
    scaler_ : StandardScaler or None
        What standardises the rows, where there is a rule.
    rule_columns_ : ndarray of int
        Numbers of the columns that the rule looks at.
    estimator_ : classifier
        Classifier that was fitted on the rows.
    row_names_ : ndarray of str
        Names of the columns of the rows, such as ``ssim_closest1`` and ``rule``.
    n_features_in_ : int
        Number of maps.

    Notes
    -----
    A logistic regression on the summary alone, fitted to few images, is worse than a rule
    that learns nothing: a query counts as used if its closest generated image is much closer
    than the next ones. As one more column of ten times the weight, to shrink all weights
    alike is to assume weights :math:`w \sim N(0, C (I + 100\, a a^T))` beforehand, with
    the rule `a`: few images leave little but the rule, and many overrule it.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi import SummaryClassifier
    >>> used = np.repeat([0, 1], 20)
    >>> bags = np.random.default_rng(0).random((40, 12, 3)) + (1 - used)[:, None, None]
    >>> SummaryClassifier().fit(bags, used).predict(bags[[0, -1]])
    array([0, 1])
    """

    # Asked for only when given.
    __metadata_request__fit = {"blocks": True, "scales": True}  # noqa: RUF012

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BagSummaryTransformer._parameter_constraints,
        "estimator": INNER_ESTIMATOR,
        "rule": [str, tuple, list],
        "rule_weight": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        rule: str | Sequence[str] = (),
        rule_weight: float = 10.0,
        n_closest: Sequence[int] = (1,),
        quantiles: Sequence[float] = (),
        contrast: int | None = 50,
        by_family: bool = True,
        relative: bool = True,
    ) -> None:
        self.estimator = estimator
        self.rule = rule
        self.rule_weight = rule_weight
        self.n_closest = n_closest
        self.quantiles = quantiles
        self.contrast = contrast
        self.by_family = by_family
        self.relative = relative

    @fit_context(prefer_skip_nested_validation=False)
    def fit(
        self, X: Any, y: Any, *, blocks: Sequence[Block] | None = None, scales: Any = None
    ) -> Self:
        """Fit the summary and the classifier of its rows.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_generated, n_maps)
            One bag of distances a query. A two-dimensional array is bags of one row.
        y : array-like of shape (n_queries,)
            Whether each was used: booleans, 0/1 or -1/1.
        blocks : list of Block, default=None
            Which maps are of which view or family, as the distances say (`blocks_`).
        scales : array-like of shape (n_maps,), default=None
            Median distance of each map, where the bags hold the closest images only
            (`n_closest_needed`). None takes it from the bags.

        Returns
        -------
        self
            Fitted.

        Raises
        ------
        ValueError
            For other labels, missing ones, one class only, a rule without names of the maps,
            or without a contrast.
        """
        bags = check_bags(X, self, reset=True, allow_nan=True)
        used, self.classes_ = check_used(y, len(bags), unit="queries")
        labels = self.classes_[used.astype(np.intp)]
        with fit_task(self._init_callback_context(), self):
            self.summary_ = self._summary().fit(bags, used, blocks=blocks, scales=scales)
            self.row_names_ = self.summary_.get_feature_names_out()
            self.rule_columns_ = self._rule_columns(blocks)
            self.scaler_ = None
            summaries = self.summary_.transform(bags)
            if len(self.rule_columns_):
                self.scaler_ = StandardScaler().fit(self._and_rule(summaries))
                self.row_names_ = np.append(self.row_names_, "rule").astype(object)
            self.estimator_ = self._estimator().fit(self._with_rule(summaries), labels)
        return self

    def n_closest_needed(self, blocks: Sequence[Block] | None) -> int | None:
        """Return how many of the closest images of each map are all that is looked at.

        Parameters
        ----------
        blocks : list of Block or None
            Which maps are of which view or family.

        Returns
        -------
        int or None
            See :meth:`BagSummaryTransformer.n_closest_needed`.
        """
        return self._summary().n_closest_needed(blocks)

    def summaries(self, X: Any) -> NDArray[np.float64]:
        """Return the rows that the classifier gets.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_generated, n_maps)
            Bags of distances.

        Returns
        -------
        ndarray of shape (n_queries, n_row_names)
            Columns in the order of `row_names_`.
        """
        check_is_fitted(self, "estimator_")
        bags = check_bags(X, self, reset=False, allow_nan=True)
        return self._with_rule(self.summary_.transform(bags))

    def predict(self, X: Any) -> NDArray[Any]:
        """Label of the more probable class of each query.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_generated, n_maps)
            Bags of distances.

        Returns
        -------
        ndarray of shape (n_queries,)
            Labels out of `classes_`.
        """
        rows = self.summaries(X)
        return np.asarray(self.estimator_.predict(rows))

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probability of membership of each query.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_generated, n_maps)
            Bags of distances.

        Returns
        -------
        ndarray of shape (n_queries, 2)
            Columns in the order of `classes_`: not used, used.
        """
        rows = self.summaries(X)
        return np.asarray(self.estimator_.predict_proba(rows))

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Score of each query; positive means "used".

        Parameters
        ----------
        X : array-like of shape (n_queries, n_generated, n_maps)
            Bags of distances.

        Returns
        -------
        ndarray of shape (n_queries,)
            As the classifier of the rows gives it.
        """
        rows = self.summaries(X)
        return np.asarray(self.estimator_.decision_function(rows))

    def _summary(self) -> BagSummaryTransformer:
        return BagSummaryTransformer(
            n_closest=self.n_closest,
            quantiles=self.quantiles,
            contrast=self.contrast,
            by_family=self.by_family,
            relative=self.relative,
        )

    def _estimator(self) -> Any:
        return LogisticRegression(C=0.3) if self.estimator is None else clone(self.estimator)

    def _rule_columns(self, blocks: Sequence[Block] | None) -> NDArray[np.intp]:
        wanted = [self.rule] if isinstance(self.rule, str) else list(self.rule)
        if not wanted:
            return np.empty(0, dtype=np.intp)
        if blocks is None or self.contrast is None:
            missing = "the names of the maps (blocks), which an attack hands on"
            if self.contrast is None:
                missing = "the contrast of these views: give contrast=50"
            raise ValueError(f"rule={self.rule!r} needs {missing}; or give rule=().")
        known = [block.name for block in blocks]
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise ValueError(
                f"rule names the view {unknown[0]!r}; there are {known}. Give some of these, or "
                "membership__rule=()."
            )
        names = [f"{name}_contrast{self.contrast}" for name in wanted]
        return np.flatnonzero(np.isin(self.row_names_.astype(str), names))

    def _with_rule(self, summaries: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.scaler_ is None:
            return summaries
        rows = self.scaler_.transform(self._and_rule(summaries))
        rows[:, -1] *= self.rule_weight
        return rows

    def _and_rule(self, summaries: NDArray[np.float64]) -> NDArray[np.float64]:
        # In multiples of what images not used vary: before all queries are standardised,
        # so that a view in which nothing stands out does not drown the others.
        rule = summaries[:, self.rule_columns_].min(axis=1, keepdims=True)
        return np.hstack([summaries, rule])
