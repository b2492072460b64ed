"""Distances between rows of numbers, one value a pair.

Equal rows are at distance zero exactly, near copies keep their digits, and no pair depends on
which others are asked about: near pairs are computed from the differences of their rows. For
Euclidean distances the others come from matrix products of one shape, which are many times
faster.
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.utils import gen_batches

from .._runtime.threads import one_blas_thread
from .._validation.arrays import check_array, check_choice, check_same
from .._validation.typing import FloatArray

#: Rows and columns of one matrix product, multiples of what the kernels of BLAS take at once.
_ROWS, _COLUMNS = 16, 96

#: Share of the squared norms below which a squared distance is computed from differences.
_CLOSE = 1e-6

#: Metrics of `vector_distances`, and what scipy is asked for.
VECTOR_METRICS: dict[str, Literal["euclidean", "cityblock", "sqeuclidean"]] = {
    "euclidean": "euclidean",
    "cityblock": "cityblock",
    "cosine": "sqeuclidean",
    "correlation": "sqeuclidean",
}


def prepare_vectors(rows: FloatArray, metric: str) -> NDArray[np.float64]:
    """Do what a metric does with each row before it is compared.

    Parameters
    ----------
    rows : ndarray of shape (n, n_columns)
        Rows without NaN.
    metric : {"euclidean", "cityblock", "cosine", "correlation"}
        See `vector_distances`.

    Returns
    -------
    ndarray of shape (n, n_columns) or (n, n_columns + 1)
        The rows in double precision. For "cosine" and "correlation" they have length 1;
        those without a direction have it in a column of their own.
    """
    check_choice(metric, "metric", VECTOR_METRICS)
    values: NDArray[np.float64] = check_array(rows, "rows", "(n, n_columns)").astype(
        np.float64, copy=False
    )
    if metric not in ("cosine", "correlation"):
        return values
    if metric == "correlation":
        centred = values - values.mean(axis=1, keepdims=True)
        # What is left of a constant row is rounding, not a direction.
        flat = np.abs(centred).max(axis=1) <= 1e-12 * np.abs(values).max(axis=1)
        values = np.where(flat[:, np.newaxis], 0.0, centred)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    directed = lengths > 0
    units = np.divide(values, lengths, out=np.zeros_like(values), where=directed)
    return np.hstack([units, ~directed])


def vector_distances(
    queries: NDArray[np.float64], references: NDArray[np.float64], metric: str
) -> NDArray[np.float64]:
    """Distance of every query to every reference.

    Parameters
    ----------
    queries : ndarray of shape (n_queries, n_columns)
        Rows from `prepare_vectors` with the same metric.
    references : ndarray of shape (n_references, n_columns)
        Likewise.
    metric : {"euclidean", "cityblock", "cosine", "correlation"}
        Root of the mean squared difference, mean absolute difference, one minus the
        cosine, one minus the correlation.

    Returns
    -------
    ndarray of shape (n_queries, n_references)
        In the units of the columns for the first two, in 0..2 for the others.

    Examples
    --------
    >>> import numpy as np
    >>> queries = prepare_vectors(np.array([[3.0, 0.0]]), "cosine")
    >>> references = prepare_vectors(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]), "cosine")
    >>> vector_distances(queries, references, "cosine")
    array([[0., 1., 1.]])
    """
    check_choice(metric, "metric", VECTOR_METRICS)
    queries, references = (
        _checked(rows, name, metric)
        for rows, name in ((queries, "queries"), (references, "references"))
    )
    check_same("queries", queries.shape[1], "references", references.shape[1], "columns")
    return distances_between(queries, references, metric)


def distances_between(queries: Any, references: Any, metric: str) -> Any:
    """Do the work of `vector_distances` on rows that were checked before.

    Parameters
    ----------
    queries, references, metric
        Arguments of `vector_distances`; or tensors, which are compared on their device.

    Returns
    -------
    ndarray (or tensor) of shape (n_queries, n_references)
    """
    if not isinstance(references, np.ndarray):
        from .torch_backend import distances_of_tensors

        return distances_of_tensors(queries, references, metric)
    n_columns = queries.shape[1]
    if metric == "euclidean":
        return np.sqrt(squared_distances(queries, references) / n_columns)
    distances = cdist(queries, references, VECTOR_METRICS[metric])
    if metric == "cityblock":
        return distances / n_columns
    # Between vectors of length 1: |u - v|^2 = 2 - 2 cos.
    return distances / 2


def squared_distances(
    queries: NDArray[np.float64], references: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Squared Euclidean distances by matrix products, and by differences of close pairs."""
    of_queries = np.einsum("ij,ij->i", queries, queries)[:, np.newaxis]
    of_references = np.einsum("ij,ij->i", references, references)
    norms = of_queries + of_references
    products = np.empty(norms.shape)
    with one_blas_thread():
        each = products_of_one_shape(queries, references, lambda rows, others: rows @ others.T)
        for some, block, found in each:
            products[some, block] = found
    squares = norms - 2 * products
    # Here the difference of large numbers has lost its digits; a copy is at distance 0.
    for index, near in enumerate(squares < _CLOSE * norms):
        if near.any():
            squares[index, near] = cdist(queries[[index]], references[near], "sqeuclidean")[0]
    return squares


def products_of_one_shape(
    queries: NDArray[Any], references: NDArray[Any], multiply: Callable[[Any, Any], Any]
) -> Iterator[tuple[slice, slice, NDArray[np.float64]]]:
    """Multiply a few queries with a few references at once, always as many.

    BLAS adds in an order that depends on shapes and threads: in one shape, and in one thread, to
    which the caller limits it, a product has the same bits whatever the others are.

    Parameters
    ----------
    queries, references : ndarray of shape (n, ...)
        What is multiplied, in double precision; further axes are the same.
    multiply : callable
        Takes rows of both, and returns an array (n_rows, n_others, ...).

    Yields
    ------
    some, block : slice
        Which queries and references these are.
    products : ndarray
        What `multiply` returns of them.
    """
    rows, others = (np.zeros((n, *queries.shape[1:])) for n in (_ROWS, _COLUMNS))
    for some in gen_batches(len(queries), _ROWS):
        n_rows = some.stop - some.start
        rows[:n_rows] = queries[some]
        for block in gen_batches(len(references), _COLUMNS):
            n_others = block.stop - block.start
            others[:n_others] = references[block]
            yield some, block, multiply(rows, others)[:n_rows, :n_others]


def _checked(rows: FloatArray, name: str, metric: str) -> NDArray[np.float64]:
    checked = check_array(rows, name, "(n, n_columns)").astype(np.float64, copy=False)
    if metric in ("cosine", "correlation"):
        lengths = np.einsum("ij,ij->i", checked, checked)
        if not np.allclose(lengths, 1, rtol=0, atol=1e-6):
            raise ValueError(
                f"{name} has rows of other lengths than 1; metric={metric!r} compares rows as "
                "from prepare_vectors with the same metric."
            )
    return checked
