"""The membership stage: a classifier of pairs, fused into one score a query."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import check_random_state, gen_batches
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from .._runtime.progress import fit_task
from .._runtime.sklearn_compat import Interval, StrOptions, fit_context
from .._validation.bags import check_bags, check_labels
from .._validation.blocks import Block, check_blocks, map_names
from .._validation.labels import check_groups, number_groups
from .base import INNER_ESTIMATOR, BaseQueryClassifier
from .calibration import fit_sigmoid
from .folds import QueryFold, query_folds
from .fusion import FUSION_RULES, FusionRule, fuse
from .svm import Precision, decision_values

#: Pairs scored at once, which bounds the working memory.
_PAIRS_PER_BLOCK = 50_000


class MembershipClassifier(MetaEstimatorMixin, BaseQueryClassifier):
    """Tell from the distances to generated images whether a query was used to train.

    Every pair of a query and a generated image is one sample of an inner classifier,
    labelled like its query; the pair probabilities of a query are fused (:term:`fusion`) into one
    membership :term:`score`. The pairs exist only in here: a sample of this classifier is a
    query, so that cross-validation splits by query.

    Parameters
    ----------
    estimator : classifier, default=None
        Classifier of pairs with `predict_proba` or `decision_function`; None takes
        the paper's, ``make_pipeline(StandardScaler(), SVC(kernel="rbf"))``. One with a
        `decision_function` only gets a logistic output (Platt), fitted on
        out-of-fold values; the folds keep all pairs of a query together.
    fusion : {"mean", "median", "max", "logit_mean", "top_mean"} or callable, default="mean"
        How the pair probabilities of a query become its score. The paper says no more than
        "probability score fusion"; the mean is our reading. A callable takes an array
        (n_queries, n_generated) and returns one score in 0..1 a query.
    top_fraction : float, default=0.05
        Share of the generated images that "top_mean" averages.
    calibrate_fusion : bool, default=False
        Whether the fused score goes through a logistic of its own, fitted on
        out-of-fold scores of the queries. Without it the score is no probability of
        membership: 0.5 is a threshold for the mean only, which may stay close to it for
        every query, while the largest of many probabilities is large for every query.
        The paper does without. Costs `cv` more fits.
    cv : int, default=5
        Number of folds of both calibrations. Fewer are taken where a class has fewer
        queries (or groups).
    folds : {"refit", "average"}, default="refit"
        What training "in a 5-fold cross-validation fashion", as the paper has it, may mean.
        "refit": one classifier of all pairs, its logistic fitted on out-of-fold values.
        "average": one a fold, fitted without it, with a logistic of its own from it where it
        has no `predict_proba`, as ``CalibratedClassifierCV(ensemble=True)``; the pair
        probabilities are averaged. Scoring then takes `cv` times as long.
    max_pairs : int, default=None
        The largest number of pairs to fit on; each query contributes the same number,
        drawn at random. None takes all. Scoring always uses every pair.
    random_state : int, RandomState instance or None, default=None
        Seed of the pairs that are drawn when `max_pairs` is given.
    n_jobs : int, default=None
        Number of parallel jobs: of the fits that calibration needs, and of threads that
        evaluate a support vector machine. Changes no result.
    precision : {"double", "single"}, default="double"
        Precision in which an RBF machine is evaluated. "single" takes half
        of the time, a third with numba (the extra `fast`), and changes decision values by some
        1e-5; :func:`~gan_isi.membership.decision_values` has the bound.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels in sort order; the second one counts as "used".
    estimator_ : classifier, or list of classifiers
        The fitted classifier of pairs; those of all folds with ``folds="average"``.
    pair_calibrator_ : regressor or None, or list of them
        What turns its decision values into probabilities, where it has none itself.
    fusion_calibrator_ : regressor or None
        What turns the log-odds of the fused score into those of membership.
    n_pairs_per_query_ : int
        How many pairs of each query were fitted on.
    n_features_in_ : int
        Number of maps.
    feature_names_in_ : ndarray of str
        Names of the maps, where an attack gives them or `X` is a data frame.

    Notes
    -----
    Taken by itself, this classifier keeps scikit-learn's convention: labels of any kind,
    text as well, and of two the second in sort order is the positive one, so that of
    "member" and "not member" the wrong one would be. The attack of :func:`make_pipeline`
    and all else that speaks of "used" take booleans, 0/1 or -1/1 only.

    "max" and "top_mean" look at extremes, which grow with the number of generated
    images: fit and predict with about equally many.

    References
    ----------
    J. C. Platt, "Probabilistic outputs for support vector machines" (1999).

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi import MembershipClassifier
    >>> rng = np.random.default_rng(0)
    >>> used = np.repeat([0, 1], 20)
    >>> bags = rng.random((40, 12, 3)) + (1 - used)[:, None, None]
    >>> MembershipClassifier().fit(bags, used).predict(bags[[0, -1]])
    array([0, 1])
    """

    # Patients, for the folds of the calibration, and names; asked for only when given.
    __metadata_request__fit = {"groups": True, "blocks": True}  # noqa: RUF012

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": INNER_ESTIMATOR,
        "fusion": [StrOptions(set(FUSION_RULES)), callable],
        "top_fraction": [Interval(Real, 0, 1, closed="right")],
        "calibrate_fusion": ["boolean"],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "folds": [StrOptions({"refit", "average"})],
        "max_pairs": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "precision": [StrOptions({"double", "single"})],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        fusion: str | FusionRule = "mean",
        top_fraction: float = 0.05,
        calibrate_fusion: bool = False,
        cv: int = 5,
        folds: str = "refit",
        max_pairs: int | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        precision: Precision = "double",
    ) -> None:
        self.estimator = estimator
        self.fusion = fusion
        self.top_fraction = top_fraction
        self.calibrate_fusion = calibrate_fusion
        self.cv = cv
        self.folds = folds
        self.max_pairs = max_pairs
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.precision = precision

    @fit_context(prefer_skip_nested_validation=False)
    def fit(
        self, X: Any, y: Any, *, groups: Any = None, blocks: Sequence[Block] | None = None
    ) -> Self:
        """Fit the classifier of pairs, and the calibrations that are asked for.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_generated, n_maps)
            One bag of distances a query. A two-dimensional array is bags of one row.
        y : array-like of shape (n_queries,)
            Two different labels, of any kind; the second in sort order counts as "used"
            (see Notes).
        groups : array-like of shape (n_queries,), default=None
            Patients, say: queries of one group stay in the same fold when calibrating.
        blocks : list of Block, default=None
            Which maps are of which family, as the distances say (`blocks_`): their names.

        Returns
        -------
        self
            Fitted.

        Raises
        ------
        ValueError
            Unless there are two classes, with at least two queries (or groups) each
            where something has to be calibrated, and for missing labels or groups.
        """
        bags = check_bags(X, self, reset=True)
        self.classes_, labels = check_labels(y, bags)
        if blocks is not None:
            names = map_names(check_blocks(blocks, bags.shape[2]))
            self.feature_names_in_ = np.array(names, dtype=object)
        if groups is not None:
            groups = number_groups(check_groups(groups, len(bags), unit="queries"))
        chosen = self._choose_pairs(bags.shape[0], bags.shape[1])
        calibrates = self.calibrate_fusion or self._needs_folds
        folds = self._query_folds(labels, groups) if calibrates else []
        context = self._init_callback_context(max_subtasks=self._count_fits(len(folds)))
        with fit_task(context, self):
            fitted = self._fit_pairs(bags, labels, chosen, folds, context)
            self.estimator_, self.pair_calibrator_ = fitted
            self.fusion_calibrator_ = None
            if self.calibrate_fusion:
                scores = self._out_of_fold_scores(bags, labels, groups, chosen, folds, context)
                self.fusion_calibrator_ = fit_sigmoid(_log_odds(scores), labels)
        return self

    def predict_pair_proba(self, X: Any) -> NDArray[np.float64]:
        """Probability, for every generated image, that the query was used for it.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_generated, n_maps)
            Bags of distances. `n_generated` may differ from that in `fit`.

        Returns
        -------
        ndarray of shape (n_queries, n_generated)
            Probabilities of the class "used".
        """
        check_is_fitted(self, "estimator_")
        bags = check_bags(X, self, reset=False)
        return self._pair_probabilities(self.estimator_, self.pair_calibrator_, bags)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Fused probability of membership of each query.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_generated, n_maps)
            Bags of distances.

        Returns
        -------
        ndarray of shape (n_queries, 2)
            Columns in the order of `classes_`: not used, used.
        """
        used = self._fuse(self.predict_pair_proba(X))
        if self.fusion_calibrator_ is not None:
            used = self.fusion_calibrator_.predict(_log_odds(used))
        return np.column_stack([1 - used, used])

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Log-odds of membership of each query; positive means "used".

        Parameters
        ----------
        X : array-like of shape (n_queries, n_generated, n_maps)
            Bags of distances.

        Returns
        -------
        ndarray of shape (n_queries,)
            Natural logarithm of the odds, finite.
        """
        return _log_odds(self.predict_proba(X)[:, 1])

    def _choose_pairs(self, n_queries: int, n_generated: int) -> NDArray[np.intp]:
        """Choose the generated images to fit each query on, (n_queries, n_pairs_per_query_)."""
        n_chosen = n_generated
        if self.max_pairs is not None:
            n_chosen = min(n_generated, self.max_pairs // n_queries)
        if n_chosen == 0:
            raise ValueError(
                f"max_pairs={self.max_pairs} leaves no pair for each of {n_queries} queries."
            )
        self.n_pairs_per_query_ = n_chosen
        if n_chosen == n_generated:
            return np.broadcast_to(np.arange(n_generated), (n_queries, n_generated))
        draw = check_random_state(self.random_state).choice
        draws = [draw(n_generated, n_chosen, replace=False) for _ in range(n_queries)]
        return np.sort(draws, axis=1)

    def _pair_estimator(self) -> Any:
        if self.estimator is not None:
            return clone(self.estimator)
        return make_pipeline(StandardScaler(), SVC(kernel="rbf"))

    @property
    def _has_probability(self) -> bool:
        return hasattr(self._pair_estimator(), "predict_proba")

    def _query_folds(self, labels: NDArray[np.intp], groups: Any) -> list[QueryFold]:
        own = self.folds == "average" and not self._has_probability
        return query_folds(labels, groups, n_splits=self.cv, both_tested=own)

    @property
    def _needs_folds(self) -> bool:
        return self.folds == "average" or not self._has_probability

    def _count_fits(self, n_folds: int) -> int:
        """Return how many classifiers of pairs a fit needs, at most."""
        n_fits = (self.folds == "refit") + (n_folds if self._needs_folds else 0)
        return n_fits + (n_folds * n_fits if self.calibrate_fusion else 0)

    def _fit_pairs(
        self,
        bags: NDArray[Any],
        labels: NDArray[np.intp],
        chosen: NDArray[np.intp],
        folds: list[QueryFold],
        context: Any,
    ) -> tuple[Any, Any]:
        """Fit the classifiers of pairs and, without `predict_proba`, their calibrators."""
        n_queries, n_pairs = chosen.shape
        picked = bags[np.arange(n_queries)[:, np.newaxis], chosen]
        fitting = folds if self._needs_folds else []
        parts = [train for train, _ in fitting]
        if self.folds == "refit":
            parts.append(np.arange(n_queries))
        fits = Parallel(n_jobs=self.n_jobs, return_as="generator")(
            delayed(_fit_estimator)(
                self._pair_estimator(),
                [picked[part].reshape(-1, bags.shape[2]), np.repeat(labels[part], n_pairs)],
            )
            for part in parts
        )
        estimators, values = [], np.empty(chosen.shape)
        for _, test in fitting:
            with fit_task(context, self, "pairs"):
                estimators.append(next(fits))
                if not self._has_probability:
                    values[test] = self._decision_values(estimators[-1], picked[test])
        if self.folds == "average":
            if self._has_probability:
                return estimators, [None] * len(fitting)
            each = [(values[test].ravel(), np.repeat(labels[test], n_pairs)) for _, test in fitting]
            return estimators, [fit_sigmoid(*one) for one in each]
        with fit_task(context, self, "pairs"):
            (fitted,) = fits
        if not fitting:
            return fitted, None
        return fitted, fit_sigmoid(values.ravel(), np.repeat(labels, n_pairs))

    def _out_of_fold_scores(
        self,
        bags: NDArray[Any],
        labels: NDArray[np.intp],
        groups: NDArray[Any] | None,
        chosen: NDArray[np.intp],
        folds: list[QueryFold],
        context: Any,
    ) -> NDArray[np.float64]:
        """Fused score of each query from pairs of the other folds only."""
        scores = np.empty(len(bags))
        for train, test in folds:
            inner = []
            if self._needs_folds:
                inner = self._query_folds(labels[train], None if groups is None else groups[train])
            fitted = self._fit_pairs(bags[train], labels[train], chosen[train], inner, context)
            scores[test] = self._fuse(self._pair_probabilities(*fitted, bags[test]))
        return scores

    def _pair_probabilities(
        self, estimator: Any, calibrator: Any, bags: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Probability of "used" for every pair, in blocks that bound the memory."""
        if isinstance(estimator, list):  # one a fold
            each = zip(estimator, calibrator, strict=True)
            return np.mean([self._pair_probabilities(*one, bags) for one in each], axis=0)
        n_queries, n_generated, n_maps = bags.shape
        probabilities = np.empty((n_queries, n_generated))
        for block in gen_batches(n_queries, max(1, _PAIRS_PER_BLOCK // n_generated)):
            if calibrator is None:
                used = estimator.predict_proba(bags[block].reshape(-1, n_maps))[:, 1]
            else:
                used = calibrator.predict(self._decision_values(estimator, bags[block]).ravel())
            probabilities[block] = used.reshape(-1, n_generated)
        return probabilities

    def _decision_values(self, estimator: Any, bags: NDArray[Any]) -> NDArray[np.float64]:
        return decision_values(estimator, bags, n_jobs=self.n_jobs, precision=self.precision)

    def _fuse(self, pair_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        return fuse(pair_probabilities, self.fusion, top_fraction=self.top_fraction)


def _fit_estimator(estimator: Any, pairs_and_labels: list[NDArray[Any]]) -> Any:
    # In a list: joblib would lay an array on one worker of a cluster, to be lost with it.
    return estimator.fit(*pairs_and_labels)


def _log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    # The smallest and largest doubles strictly inside 0..1 keep the logit finite.
    return logit(np.clip(probabilities, np.finfo(float).tiny, 1 - np.finfo(float).epsneg))
