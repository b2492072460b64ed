"""What counts as bags of distances, and as labels of their queries."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    column_or_1d,
    validate_data,
)

from ._images import n_dimensions


def check_bags(
    X: Any, estimator: BaseEstimator, *, reset: bool, allow_nan: bool = False
) -> NDArray[Any]:
    """Validate bags and record (`reset`) or compare their number of maps.

    Parameters
    ----------
    X : array-like of shape (n_queries, n_generated, n_maps)
        Bags of distances. A two-dimensional array is bags of one row.
    estimator : estimator
        Whose `n_features_in_` is set or compared.
    reset : bool
        Whether this is `fit`.
    allow_nan : bool, default=False
        Whether three-dimensional bags may hold NaN: where there is nothing to compare
        with. Bags of one row never have such places.

    Returns
    -------
    ndarray of shape (n_queries, n_generated, n_maps), float32 or float64

    Raises
    ------
    ValueError
        For empty bags, another number of maps than in `fit`, NaN and infinity.
    """
    dtypes = (np.float32, np.float64)
    if n_dimensions(X) != 3:
        return validate_data(estimator, X, dtype=dtypes, reset=reset)[:, np.newaxis, :]
    bags = check_array(
        X,
        dtype=dtypes,
        allow_nd=True,
        ensure_2d=False,
        ensure_all_finite="allow-nan" if allow_nan else True,
        input_name="X",
    )
    if 0 in bags.shape:
        raise ValueError(
            f"Found bags of shape {bags.shape} (queries, generated images, maps); "
            "at least 1 of each is required."
        )
    if reset:
        estimator.__dict__.pop("feature_names_in_", None)
        estimator.n_features_in_ = bags.shape[2]
    elif bags.shape[2] != estimator.n_features_in_:
        raise ValueError(
            f"X has {bags.shape[2]} maps, but {type(estimator).__name__} was fitted on "
            f"{estimator.n_features_in_}."
        )
    return bags


def check_labels(
    y: Any, bags: NDArray[Any], estimator: BaseEstimator
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Validate one binary label a query.

    Parameters
    ----------
    y : array-like of shape (n_queries,)
        Two different labels; the larger one in sort order means "used".
    bags : ndarray of shape (n_queries, n_generated, n_maps)
        What the labels belong to.
    estimator : estimator
        How errors speak of the one who asks.

    Returns
    -------
    classes : ndarray of shape (2,)
        The labels in sort order.
    labels : ndarray of shape (n_queries,)
        0 or 1, indices of `classes`.

    Raises
    ------
    ValueError
        Unless there is one label a query and two different ones.
    """
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        )
    y = column_or_1d(y, warn=True)
    assert_all_finite(y, input_name="y")
    check_classification_targets(y)
    check_consistent_length(bags, y)
    classes, labels = np.unique(y, return_inverse=True)
    if len(classes) != 2:
        raise ValueError(
            "Only binary classification is supported: membership needs queries of 2 "
            f"classes, used and not used; got {len(classes)} "
            f"class{'es' if len(classes) != 1 else ''}: {classes[:5]!r}."
        )
    return classes, labels
