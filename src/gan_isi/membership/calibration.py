"""Platt's logistic calibration of scores that are already out of fold."""

import numpy as np
from numpy.typing import NDArray

from .._runtime.sklearn_compat import SigmoidCalibration
from .._validation.arrays import check_array, check_same


def fit_sigmoid(scores: NDArray[np.float64], labels: NDArray[np.intp]) -> SigmoidCalibration:
    """Fit a logistic to scores, with scikit-learn's implementation of Platt's method.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Scores of samples that their classifier has not seen; larger for "used".
    labels : ndarray of shape (n_samples,)
        0 or 1.

    Returns
    -------
    regressor
        Its `predict` takes scores, an array of shape (n_samples,), and returns the
        probabilities of 1, ``1 / (1 + exp(a_ * score + b_))``.

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
    >>> calibrator.predict([2.5]).round(6)
    array([0.5])
    """
    scores = check_array(scores, "scores", "(n_samples,)").astype(np.float64, copy=False)
    classes = check_array(labels, "labels", "(n_samples,)")
    check_same("scores", len(scores), "labels", len(classes), "samples")
    if not np.array_equal(np.unique(classes), (0, 1)):
        raise ValueError(f"labels have to be 0 and 1, both of them; got {np.unique(classes)[:5]}.")
    return SigmoidCalibration().fit(scores, classes.astype(np.intp))
