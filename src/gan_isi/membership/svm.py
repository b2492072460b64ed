"""Decision values of pairs: support vector machines by blocked matrix products.

libsvm evaluates a kernel machine row by row. With thousands of support vectors and
millions of pairs the same sums are a matrix product, which is what BLAS is for.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC
from sklearn.utils import gen_batches
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from .._runtime.sklearn_compat import gamma_of
from .._runtime.threads import one_blas_thread
from .._validation.arrays import check_array, check_count, check_same
from .._validation.typing import FloatArray

#: Rows and support vectors of one product; 4 MB of kernel values.
_ROWS, _VECTORS = 512, 1024

#: Rows of one task: some queries together, or a part of a query with more pairs than that.
#: Fixed, so that `n_jobs` can't change a result.
_TASK_ROWS = 8 * _ROWS

_KERNELS = ("rbf", "linear", "poly")

#: In which an RBF machine is evaluated.
Precision: TypeAlias = Literal["double", "single"]

#: Distances from the middle that single precision can square; their kernel values are 0.
_FAR = 1e15


def decision_values(
    estimator: Any,
    bags: FloatArray,
    *,
    n_jobs: int | None = None,
    precision: Precision = "double",
) -> NDArray[np.float64]:
    """Decision value of every pair of every bag.

    Parameters
    ----------
    estimator : fitted classifier of pairs
        A binary :class:`sklearn.svm.SVC` with an RBF, linear or polynomial kernel, also
        as the last step of a Pipeline (or its namesake of scikit-learn-intelex), is
        evaluated here; anything else through its own
        `decision_function`.
    bags : ndarray of shape (n_queries, n_generated, n_maps)
        Distances.
    n_jobs : int, default=None
        Number of threads that share the pairs. Changes no result.
    precision : {"double", "single"}, default="double"
        Precision in which the products and exponentials of an RBF kernel are computed; see
        Notes. Nothing else changes.

    Returns
    -------
    ndarray of shape (n_queries, n_generated)
        Those of `estimator.decision_function` to about 1e-10. A row depends on its
        query and the number of generated images alone, bit for bit.

    Raises
    ------
    TypeError, ValueError
        For what is no bag of finite distances, another number of maps than `estimator` was
        fitted on, one that is not binary or has no `decision_function`, or another precision.

    Notes
    -----
    In single precision a value is off by at most ``2**-24 * weight * (1100 + (n_maps + 10) *
    spread)``, where the support vectors' weights sum to `weight` without their signs, and `spread`
    is the squared sum of the largest norms of a row and a support vector, centred at the mean
    support vector, times the kernel's gamma. Rounding errors cancel for the most part: with 20,000
    support vectors of 65 standardised normal maps and weights of 1 values were off by 2e-5 at most.
    With numba (the extra `fast`) other bits come out, within the same bound.
    """
    bags = check_array(bags, "bags", "(n_queries, n_generated, n_maps)")
    n_queries, n_generated, n_maps = bags.shape
    _check_estimator(estimator, n_maps)
    if precision not in ("double", "single"):
        raise ValueError(f'precision has to be "double" or "single"; got {precision!r}.')
    if n_jobs is not None and check_count(n_jobs, "n_jobs", least=None) == 0:
        raise ValueError("n_jobs has to be None or another number than 0.")
    machine = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    if not _is_known_machine(machine):
        values = estimator.decision_function(bags.reshape(-1, n_maps))
        return np.asarray(values, dtype=np.float64).reshape(n_queries, n_generated)
    before = estimator[:-1] if isinstance(estimator, Pipeline) and len(estimator) > 1 else None
    in_single = precision == "single" and machine.kernel == "rbf"
    kernel_sums = _SingleKernelSums(machine) if in_single else _KernelSums(machine)

    # Lists: joblib would lay an array on one worker of a cluster, to be lost with it.
    parts = [bag[rows] for bag in bags for rows in gen_batches(n_generated, _TASK_ROWS)]
    together = max(1, _TASK_ROWS // n_generated)
    tasks = [parts[few] for few in gen_batches(len(parts), together)]
    # Here for threads, whose limits are one and the same, and in the task for processes.
    with one_blas_thread():
        values = Parallel(n_jobs=n_jobs, prefer="threads")(
            delayed(_score_parts)(kernel_sums, before, task) for task in tasks
        )
    return np.concatenate(values).reshape(n_queries, n_generated)


def _check_estimator(estimator: Any, n_maps: int) -> None:
    if not hasattr(estimator, "decision_function"):
        raise TypeError(
            f"estimator has to be a fitted classifier with a decision_function; got {estimator!r}."
        )
    check_is_fitted(estimator)
    if hasattr(estimator, "n_features_in_"):
        check_same("bags", n_maps, "the estimator's training set", estimator.n_features_in_, "maps")
    if len(getattr(estimator, "classes_", (0, 1))) != 2:
        raise ValueError(f"estimator has to tell 2 classes apart; it knows {estimator.classes_}.")


def _score_parts(
    kernel_sums: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    before: Any,
    parts: list[FloatArray],
) -> NDArray[np.float64]:
    rows = (part if before is None else before.transform(part) for part in parts)
    # BLAS may sum in another order with other threads or shapes: one thread each, and
    # blocks whose shape does not depend on how many queries are asked about.
    with one_blas_thread():
        return np.concatenate([kernel_sums(np.asarray(part, dtype=np.float64)) for part in rows])


def _is_known_machine(estimator: Any) -> bool:
    if not isinstance(estimator, SVC):
        return False
    # What a user's class overrides is not known here.
    owner = next(one for one in type(estimator).__mro__ if "decision_function" in vars(one))
    return (
        owner.__module__.split(".")[0] in ("sklearn", "sklearnex")
        and estimator.kernel in _KERNELS
        and len(estimator.classes_) == 2
        and isinstance(estimator.support_vectors_, np.ndarray)
    )


class _KernelSums:
    """Kernel values with the support vectors, summed with their weights.

    The products with the rows, extended by columns for the constant and the squared
    norm, are the exponents of the RBF kernel, or the arguments of the other two.
    """

    def __init__(self, machine: SVC) -> None:
        self.kernel, self.degree = machine.kernel, machine.degree
        self.intercept = float(machine.intercept_[0])
        self.weights = np.asarray(machine.dual_coef_[0], dtype=np.float64)
        vectors = np.asarray(machine.support_vectors_, dtype=np.float64)
        gamma = gamma_of(machine)
        ones = np.ones((len(vectors), 1))
        if self.kernel == "rbf":
            norms = np.einsum("ij,ij->i", vectors, vectors)[:, np.newaxis]
            extended = [2 * gamma * vectors, -gamma * norms, -gamma * ones]
        elif self.kernel == "poly":
            extended = [gamma * vectors, machine.coef0 * ones, 0 * ones]
        else:
            # A linear machine is one weight a map: no need to visit its vectors.
            slope = (self.weights @ vectors)[np.newaxis]
            extended = [slope, np.zeros((1, 1)), np.zeros((1, 1))]
            self.weights = np.ones(1)
        self.vectors = np.ascontiguousarray(np.hstack(extended).T)

    def __call__(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        n_rows = len(rows)
        block = min(_ROWS, -(-n_rows // 8) * 8)
        extended = np.zeros((-(-n_rows // block) * block, len(self.vectors)), self.vectors.dtype)
        extended[:n_rows] = self._extended(rows)
        sums = np.full(len(extended), self.intercept)
        for first in range(0, len(extended), block):
            part = slice(first, first + block)
            for start in range(0, len(self.weights), _VECTORS):
                chosen = slice(start, start + _VECTORS)
                products = extended[part] @ self.vectors[:, chosen]
                sums[part] += self._weighted(products, self.weights[chosen])
        return sums[:n_rows]

    def _extended(self, rows: NDArray[np.float64]) -> NDArray[Any]:
        return np.column_stack([rows, np.ones(len(rows)), np.einsum("ij,ij->i", rows, rows)])

    def _weighted(self, products: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
        if self.kernel == "rbf":
            # Rounding can make the exponent of a vector with itself positive.
            products = np.exp(np.minimum(products, 0, out=products), out=products)
        elif self.kernel == "poly":
            products = products**self.degree
        return products @ weights


class _SingleKernelSums(_KernelSums):
    """The same sums of an RBF kernel in single precision.

    The exponents are differences of squares, so that all is centred and scaled before it is
    rounded, and the norms are those of what was rounded.
    """

    def __init__(self, machine: SVC) -> None:
        # One class comes after the other: mixed, their weights cancel before they are rounded.
        order = np.random.default_rng(0).permutation(len(machine.support_vectors_))
        vectors = np.asarray(machine.support_vectors_[order], dtype=np.float64)
        self.middle, self.scale = vectors.mean(axis=0), np.sqrt(2 * gamma_of(machine))
        self.intercept = float(machine.intercept_[0])
        self.weights = np.asarray(machine.dual_coef_[0][order], dtype=np.float32)
        centred, exponents = self._rounded(vectors)
        extended = [centred, exponents, np.ones_like(exponents)]
        self.vectors = np.ascontiguousarray(np.hstack(extended).T)

    def _extended(self, rows: NDArray[np.float64]) -> NDArray[np.float32]:
        centred, exponents = self._rounded(rows)
        return np.hstack([centred, np.ones_like(exponents), exponents])

    def _weighted(self, products: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
        return _weighted_sums()(products, weights)

    def _rounded(
        self, rows: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        scaled = np.clip(self.scale * (rows - self.middle), -_FAR, _FAR).astype(np.float32)
        norms = np.einsum("ij,ij->i", scaled, scaled, dtype=np.float64)
        return scaled, (-0.5 * norms).astype(np.float32)[:, np.newaxis]


@cache
def _weighted_sums() -> Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]:
    """Return what sums the exponentials of each row with their weights, compiled if it can be."""
    try:
        from .exponentials_numba import weighted_exponentials
    except ImportError:
        return lambda exponents, weights: (
            np.exp(np.minimum(exponents, 0, out=exponents), out=exponents) @ weights
        )
    return weighted_exponentials
