"""What the simple attacks share: one distance a pair, one score a query, a logistic."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.utils.validation import check_is_fitted

from .._runtime.progress import fit_task
from .._runtime.sklearn_compat import fit_context
from .._validation.bags import check_bags
from .._validation.blocks import Block
from .._validation.labels import check_used
from .base import BaseQueryClassifier
from .calibration import fit_sigmoid
from .scores import as_scales, map_scales, one_distance

#: Log-odds a standard deviation of the score where the scores point the wrong way: too
#: little to be a probability, enough to rank.
LEAST_SLOPE = 1e-6


class BaseBagClassifier(BaseQueryClassifier, ABC):
    """Base class: bags of distances to a score, and the score to a probability.

    A subclass computes the score in `_score`, and what that needs to know of the
    training queries in `_fit_rule`.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels of images that were not used, and of those that were.
    scales_ : ndarray of shape (n_maps,)
        Median distance of each map over the training bags.
    center_, spread_ : float
        Mean and standard deviation of the training scores.
    slope_, intercept_ : float
        Log-odds are ``intercept_ + slope_ * (score - center_) / spread_``.
    n_features_in_ : int
        Number of maps.
    feature_names_in_ : ndarray of str
        Names of the maps, when `X` is a data frame.

    Notes
    -----
    The logistic (Platt's) is fitted on the scores of the training queries. It never
    turns the direction: closer does not mean less probably used. Where the training
    scores say otherwise, the probability is the share of used queries, and a slope of
    1e-6 a standard deviation of the score keeps the order for AUC.
    """

    # Asked for only when given.
    __metadata_request__fit = {"scales": True}  # noqa: RUF012

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    #: Whether the last columns of the bags are distances to the real images of `fit`.
    _needs_real: ClassVar[bool] = False

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, *, scales: Any = None) -> Self:
        """Learn the scale of the distances, and what a score means.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_generated, n_maps)
            One bag of distances a query. A two-dimensional array is bags of one row.
            Attacks that compare with images not used need the distances to these
            queries themselves as the last columns, (n_queries, n_generated +
            n_queries, n_maps), as `include_real` of the distances appends them.
        y : array-like of shape (n_queries,)
            Whether each was used: booleans, 0/1 or -1/1.
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
            For other labels, missing ones, one class only, and without what the attack
            compares with.
        """
        bags = check_bags(X, self, reset=True, allow_nan=self._needs_real)
        used, self.classes_ = check_used(y, len(bags), unit="queries")
        labels = used.astype(np.intp)
        with fit_task(self._init_callback_context(), self):
            self.scales_ = map_scales(bags) if scales is None else as_scales(scales, bags.shape[2])
            distances = one_distance(bags, self.scales_)
            self._fit_rule(distances, labels)
            self._fit_logistic(self._score(distances), labels)
        return self

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """Score of each query, before it is made a probability.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_generated, n_maps)
            Bags of distances, as in `fit`.

        Returns
        -------
        ndarray of shape (n_queries,)
            The larger, the more probably used.
        """
        check_is_fitted(self, "slope_")
        bags = check_bags(X, self, reset=False, allow_nan=self._needs_real)
        return self._score(one_distance(bags, self.scales_))

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Log-odds of membership of each query; positive means "used".

        Parameters
        ----------
        X : array-like of shape (n_queries, n_generated, n_maps)
            Bags of distances, as in `fit`.

        Returns
        -------
        ndarray of shape (n_queries,)
            Natural logarithm of the odds, in the order of the scores.
        """
        scores = self.score_samples(X)
        return self.intercept_ + self.slope_ * ((scores - self.center_) / self.spread_)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probability of membership of each query.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_generated, n_maps)
            Bags of distances, as in `fit`.

        Returns
        -------
        ndarray of shape (n_queries, 2)
            Columns in the order of `classes_`: not used, used.
        """
        used = expit(self.decision_function(X))
        return np.column_stack([1 - used, used])

    def n_closest_needed(self, blocks: Sequence[Block] | None) -> int | None:
        """Return how many of the closest images of each map are all that is looked at.

        Parameters
        ----------
        blocks : list of Block or None
            Names of the maps.

        Returns
        -------
        int or None
            So many of `closest_distances` give the same results as whole bags, given `scales`.
            None where all distances are needed.
        """
        return None

    @abstractmethod
    def _score(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return one score a query of the distances (n_queries, n_columns)."""

    def _fit_rule(self, distances: NDArray[np.float64], labels: NDArray[np.intp]) -> None:
        """Learn what `_score` needs; by default nothing."""
        return

    def _fit_logistic(self, scores: NDArray[np.float64], labels: NDArray[np.intp]) -> None:
        self.center_, spread = float(scores.mean()), float(scores.std())
        self.spread_ = spread if spread > 0 else 1.0
        platt = fit_sigmoid((scores - self.center_) / self.spread_, labels)
        # Platt's signs: P(used) = 1 / (1 + exp(a score + b)).
        self.slope_, self.intercept_ = -float(platt.a_), -float(platt.b_)
        if self.slope_ < LEAST_SLOPE:
            self.slope_, self.intercept_ = LEAST_SLOPE, float(logit(labels.mean()))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # Only "closer" can mean "used", whatever the training queries say.
        tags.classifier_tags.poor_score = True
        return tags


class BaseReferenceClassifier(BaseBagClassifier):
    """Base class of attacks that compare with images not used as well.

    Bags of one row, as a two-dimensional `X` gives, have no room for real images: there
    the reference is one image at distance 1, and the generated image decides alone.

    Attributes
    ----------
    n_real_ : int
        Number of real images in `fit`, whose distances are the last columns; 0 with
        bags of one row.
    known_ : ndarray of shape (n_known,)
        Which of them were not used.
    """

    _needs_real = True

    def _fit_rule(self, distances: NDArray[np.float64], labels: NDArray[np.intp]) -> None:
        n_columns = distances.shape[1]
        self.n_real_ = len(labels) if n_columns > 1 else 0
        self.known_ = np.flatnonzero(labels == 0)
        if self.n_real_:
            self._check_columns(distances)
        self._fit_reference(*self._parts(distances), labels)

    def _check_columns(self, distances: NDArray[np.float64]) -> None:
        n_columns = distances.shape[1]
        own = np.diagonal(distances[:, max(0, n_columns - self.n_real_) :])
        if n_columns <= self.n_real_ or not np.isnan(own).all():
            raise ValueError(
                f"{type(self).__name__} needs bags that end in the distances to the "
                f"{self.n_real_} real images of fit, NaN where such an image is the query: give "
                f"the distances include_real=True. Got {n_columns} columns that don't."
            )
        if len(self.known_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least 2 images not used to compare with; "
                f"got {len(self.known_)}."
            )

    def _score(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._score_parts(*self._parts(distances))

    def _parts(
        self, distances: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Split into the distances to generated images and to images not used."""
        n_generated = distances.shape[1] - self.n_real_
        if n_generated < 1:
            raise ValueError(
                f"X has {distances.shape[1]} columns; expected at least 1 generated image and the "
                f"{self.n_real_} real images of fit."
            )
        to_generated = distances[:, :n_generated]
        if np.isnan(to_generated).any():
            raise ValueError("X contains NaN among the distances to generated images.")
        if not self.n_real_:
            return to_generated, np.ones((len(distances), 1))
        to_known = distances[:, n_generated + self.known_]
        alone = np.flatnonzero(np.isnan(to_known).all(axis=1))
        if len(alone):
            raise ValueError(f"Query {alone[0]} equals every image not used; none is left.")
        return to_generated, to_known

    @abstractmethod
    def _score_parts(
        self, to_generated: NDArray[np.float64], to_known: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return one score a query of its distances to both sets."""

    def _fit_reference(
        self,
        to_generated: NDArray[np.float64],
        to_known: NDArray[np.float64],
        labels: NDArray[np.intp],
    ) -> None:
        """Learn what `_score_parts` needs; by default nothing."""
        return
