"""Platt's logistic calibration of scores that are already out of fold."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from .._validation.arrays import check_array, check_same


def fit_sigmoid(scores: NDArray[np.float64], labels: NDArray[np.intp]) -> CalibratedClassifierCV:
    """Fit a logistic to scores, with scikit-learn's implementation of Platt's method.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Scores of samples that their classifier has not seen; larger for "used".
    labels : ndarray of shape (n_samples,)
        0 or 1.

    Returns
    -------
    sklearn.calibration.CalibratedClassifierCV
        Its `predict_proba` takes scores as an array of shape (n_samples, 1).

    Raises
    ------
    TypeError, ValueError
        For scores or labels that are no such numbers, another number of them, or one class.

    References
    ----------
    J. C. Platt, "Probabilistic outputs for support vector machines" (1999).

    Examples
    --------
    >>> import numpy as np
    >>> calibrator = fit_sigmoid(np.arange(6.0), np.array([0, 0, 1, 0, 1, 1]))
    >>> calibrator.predict_proba([[2.5]])[0].round(6)
    array([0.5, 0.5])
    """
    scores = check_array(scores, "scores", "(n_samples,)").astype(np.float64, copy=False)
    classes = check_array(labels, "labels", "(n_samples,)")
    check_same("scores", len(scores), "labels", len(classes), "samples")
    if not np.array_equal(np.unique(classes), (0, 1)):
        raise ValueError(f"labels have to be 0 and 1, both of them; got {np.unique(classes)[:5]}.")
    labels = classes.astype(np.intp)
    column, everything = scores[:, np.newaxis], np.arange(len(scores))
    frozen = FrozenEstimator(_Identity().fit(column, labels))
    # Nothing is fitted in these folds; scikit-learn wants every score tested once.
    folds = [(everything, everything[::2]), (everything, everything[1::2])]
    calibrated = CalibratedClassifierCV(frozen, method="sigmoid", cv=folds, ensemble=False)
    return calibrated.fit(column, labels)


class _Identity(ClassifierMixin, BaseEstimator):
    """Takes its one column for its decision values."""

    def fit(self, X: NDArray[np.float64], y: NDArray[Any]) -> Self:
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(X)[:, 0]

    def predict(self, X: NDArray[np.float64]) -> NDArray[Any]:
        return self.classes_[(self.decision_function(X) > 0).astype(np.intp)]
