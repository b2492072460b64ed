"""What all classifiers of queries share."""

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from .._runtime.pickling import VersionedPickleMixin
from .._runtime.progress import CallbackSupportMixin
from .._runtime.sklearn_compat import HasMethods

#: What the parameter `estimator` of a classifier of queries may be.
INNER_ESTIMATOR: list[Any] = [
    HasMethods(["fit", "predict_proba"]),
    HasMethods(["fit", "decision_function"]),
    None,
]


class BaseQueryClassifier(
    CallbackSupportMixin, VersionedPickleMixin, ClassifierMixin, BaseEstimator
):
    """Base class: bags of distances, one for each query, to one of two labels.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels; the second one counts as "used".
    """

    classes_: NDArray[Any]

    @abstractmethod
    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Score of each query; positive means "used"."""

    def predict(self, X: Any) -> NDArray[Any]:
        """Label of the more probable class of each query.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_generated, n_maps)
            Bags of distances, as in `fit`.

        Returns
        -------
        ndarray of shape (n_queries,)
            Labels out of `classes_`.
        """
        used = self.decision_function(X) > 0
        return self.classes_[used.astype(np.intp)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.three_d_array = True
        return tags
