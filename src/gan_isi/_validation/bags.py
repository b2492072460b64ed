"""Checks of bags of distances, and of the classes of their queries."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, validate_data

from .items import n_dimensions
from .labels import one_label_each


def check_bags(
    X: Any, estimator: BaseEstimator, *, reset: bool, allow_nan: bool = False
) -> NDArray[Any]:
    """Validate bags and record (`reset`) or compare their number of maps.

    Parameters
    ----------
    X : array-like of shape (n_queries, n_generated, n_maps)
        Bags of distances. Each row of a two-dimensional array is a bag of one row.
    estimator : estimator
        Estimator whose `n_features_in_` is set or compared.
    reset : bool
        Whether this is `fit`.
    allow_nan : bool, default=False
        Whether three-dimensional bags may hold NaN, where there is nothing to compare with.
        Bags of one row never may.

    Returns
    -------
    ndarray of shape (n_queries, n_generated, n_maps), float32 or float64
        The checked bags.

    Raises
    ------
    ValueError
        If the bags are empty, hold NaN or infinity, or have another number of maps than in
        `fit`.
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


def check_labels(y: Any, bags: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Validate labels of two classes of any kind, in the order that scikit-learn gives them.

    This is for the bare classifier of pairs only. Wherever "used" has a meaning,
    `check_used` asks for labels that say it.

    Parameters
    ----------
    y : array-like of shape (n_queries,)
        Labels with two different values.
    bags : ndarray of shape (n_queries, n_generated, n_maps)
        Bags that the labels belong to.

    Returns
    -------
    classes : ndarray of shape (2,)
        The two labels in sorted order.
    labels : ndarray of shape (n_queries,)
        Indices into `classes`, 0 or 1.

    Raises
    ------
    ValueError
        If a query has no label, or if there are not exactly two classes.
    """
    y = one_label_each(y, len(bags), unit="queries")
    check_classification_targets(y)
    assert_all_finite(y, input_name="y")
    classes, labels = np.unique(y, return_inverse=True)
    if len(classes) != 2:
        raise ValueError(
            "Only binary classification is supported. Membership needs queries of 2 "
            f"classes, used and not used; got {len(classes)} "
            f"class{'es' if len(classes) != 1 else ''}: {classes[:5]!r}."
        )
    return classes, labels
