"""Rows of numbers without their common mean and covariance."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf_shrinkage

from .._validation.arrays import check_array
from .._validation.typing import FloatArray


def whitening(
    rows: FloatArray, shrinkage: float | str | None = "auto"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Learn what takes the mean and the covariance out of rows.

    Parameters
    ----------
    rows : ndarray of shape (n, n_columns)
        At least two rows, without NaN.
    shrinkage : {"auto"}, float in 0..1 or None, default="auto"
        How far the covariance of the columns, each brought to variance 1 before, is moved
        towards the identity: so that directions in which few rows hardly vary don't become
        the largest. "auto" takes the amount that Ledoit and Wolf derive from the rows, as
        :class:`sklearn.discriminant_analysis.LinearDiscriminantAnalysis` does. None moves
        nothing.

    Returns
    -------
    mean : ndarray of shape (n_columns,)
        Mean of each column.
    matrix : ndarray of shape (n_columns, n_directions)
        ``(rows - mean) @ matrix`` has the identity as its covariance where nothing is shrunk.
        Directions in which the rows do not vary are left out, and columns that are constant.

    Raises
    ------
    ValueError
        If there are fewer than two rows, or if `shrinkage` is out of range.

    References
    ----------
    O. Ledoit, M. Wolf, "A well-conditioned estimator for large-dimensional covariance
    matrices", Journal of Multivariate Analysis 88 (2004).

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(50, 3)) @ [[1, 2, 0], [0, 9, 1], [0, 0, 5]]
    >>> mean, matrix = whitening(rows, shrinkage=None)
    >>> np.round(np.cov((rows - mean) @ matrix, rowvar=False), 6) + 0.0
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """
    values: NDArray[np.float64] = check_array(rows, "rows", "(n, n_columns)").astype(np.float64)
    if len(values) < 2:
        raise ValueError(f"rows has n_samples={len(values)}; a covariance needs at least 2.")
    share = _check_shrinkage(shrinkage)
    mean = values.mean(axis=0)
    centred = values - mean
    deviations = centred.std(axis=0, ddof=1)
    # What is left of a constant column is rounding.
    varies = deviations > 1e-12 * np.abs(values).max(axis=0)
    scales = np.divide(1, deviations, out=np.zeros_like(deviations), where=varies)
    matrix = np.zeros((len(mean), 0))
    if varies.any():
        standard = centred[:, varies] * scales[varies]
        if share is None:
            share = float(ledoit_wolf_shrinkage(standard, assume_centered=True))
        covariance = standard.T @ standard / (len(values) - 1)
        variances, directions = np.linalg.eigh(covariance)
        kept = variances > len(variances) * np.finfo(np.float64).eps * variances[-1]
        if share > 0:
            kept[:] = True
        shrunk = (1 - share) * variances[kept] + share
        matrix = np.zeros((len(mean), int(kept.sum())))
        matrix[varies] = scales[varies, np.newaxis] * directions[:, kept] / np.sqrt(shrunk)
    return mean, matrix


def _check_shrinkage(shrinkage: Any) -> float | None:
    """Return the share of the identity, or None where it comes from the rows."""
    if isinstance(shrinkage, str) and shrinkage == "auto":
        return None
    share = 0.0 if shrinkage is None else shrinkage
    if isinstance(share, str) or not 0 <= share <= 1:
        raise ValueError(f"shrinkage has to be 'auto', None or 0 to 1; got {shrinkage!r}.")
    return float(share)
