"""Rows of numbers without their common mean and covariance."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import gen_batches

from .._validation.arrays import check_array
from .._validation.typing import FloatArray

#: Rows that are looked at in double precision at once.
_BLOCK = 2**14


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
    values = check_array(rows, "rows", "(n, n_columns)")
    n = len(values)
    if n < 2:
        raise ValueError(f"rows has n_samples={n}; a covariance needs at least 2.")
    share = _check_shrinkage(shrinkage)
    mean = _total(values, lambda block: block.sum(axis=0)) / n
    deviations = np.sqrt(_total(values, lambda block: ((block - mean) ** 2).sum(axis=0)) / (n - 1))
    # What is left of a constant column is rounding.
    varies = deviations > 1e-12 * np.maximum(values.max(axis=0), -values.min(axis=0))
    matrix = np.zeros((len(mean), 0))
    if varies.any():
        scales = 1 / deviations[varies]

        def standard(block: NDArray[np.float64]) -> NDArray[np.float64]:
            return (block - mean)[:, varies] * scales

        products = _total(values, lambda block: standard(block).T @ standard(block))
        if share is None:
            fourth = _total(values, lambda block: ((standard(block) ** 2).sum(axis=1) ** 2).sum())
            share = _ledoit_wolf(products, float(fourth), n)
        variances, directions = np.linalg.eigh(products / (n - 1))
        kept = variances > len(variances) * np.finfo(np.float64).eps * variances[-1]
        if share > 0:
            kept[:] = True
        shrunk = (1 - share) * variances[kept] + share
        matrix = np.zeros((len(mean), int(kept.sum())))
        matrix[varies] = scales[:, np.newaxis] * directions[:, kept] / np.sqrt(shrunk)
    return mean, matrix


def _total(
    rows: FloatArray, of_block: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Add up what comes of blocks of rows, of which only one is there in double precision."""
    blocks = gen_batches(len(rows), _BLOCK)
    return np.sum([of_block(rows[block].astype(np.float64)) for block in blocks], axis=0)


def _ledoit_wolf(products: NDArray[np.float64], fourth: float, n: int) -> float:
    """Return the share of the identity, as :func:`sklearn.covariance.ledoit_wolf_shrinkage`.

    Of the sum of the products of columns, and of the fourth powers of the lengths of the rows,
    since that function needs all rows, and copies of them.
    """
    size = len(products)
    if size == 1:
        return 0.0
    squared = float((products**2).sum()) / n**2
    distance = squared - float(np.trace(products) / n) ** 2 / size
    spread = (fourth / n - squared) / n
    return float(np.clip(spread / distance, 0, 1)) if distance > 0 else 0.0


def _check_shrinkage(shrinkage: Any) -> float | None:
    """Return the share of the identity, or None where it comes from the rows."""
    if isinstance(shrinkage, str) and shrinkage == "auto":
        return None
    share = 0.0 if shrinkage is None else shrinkage
    if isinstance(share, str) or not 0 <= share <= 1:
        raise ValueError(f"shrinkage has to be 'auto', None or 0 to 1; got {shrinkage!r}.")
    return float(share)
