"""Ready-made attacks: the paper's, and the one that we recommend."""

from collections.abc import Sequence
from inspect import signature
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.pipeline import make_pipeline as make_sklearn_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from .._validation.images import IntensityRange
from ..descriptors import CLASSICAL_FAMILIES, PixelDescriptor, make_descriptors
from ..distances import DistanceUnion, PairwiseDistanceTransformer, PairwiseWassersteinTransformer
from ..membership.fusion import FusionRule
from ..membership.pairs import MembershipClassifier
from ..membership.summaries import BagSummaryTransformer
from ..texture.cdf import DEFAULT_N_LEVELS, Cells
from .pipeline import SourceIdentificationPipeline

#: Ways to compare whole images, beside the textures: name, contrast that is taken out,
#: metric, whether with the mirror image.
_VIEWS: tuple[tuple[str, Literal["none", "global", "local"], str, bool], ...] = (
    ("pixels_none", "none", "euclidean", False),
    ("pixels_global", "global", "euclidean", False),
    ("pixels_local", "local", "euclidean", False),
    ("ssim", "none", "ssim", False),
    ("ssim_mirrored", "none", "ssim", True),
)

#: The views by which few images are told apart best without learning anything, and how much
#: easier their mean is to learn than any other column.
_RULE_VIEWS, _RULE_WEIGHT = ("pixels_local", "ssim"), 10.0


def make_pipeline(
    *,
    preset: Literal["paper", "recommended"] = "paper",
    families: Sequence[str] = CLASSICAL_FAMILIES,
    n_levels: int = DEFAULT_N_LEVELS,
    cells: Cells = "fine_tails",
    grid: int = 1,
    intensity_range: IntensityRange = "dtype",
    estimator: Any = None,
    fusion: str | FusionRule = "mean",
    top_fraction: float = 0.05,
    calibrate_fusion: bool = False,
    folds: Literal["refit", "average"] = "refit",
    max_pairs: int | None = None,
    random_state: Any = None,
    n_jobs: int | None = None,
    memory: Any = None,
    verbose: bool = False,
) -> SourceIdentificationPipeline:
    r"""Build the attack; without arguments, the paper's best setting.

    That setting is the four classical families (65 maps), a standardised RBF SVM on
    the pairs and the mean over the generated images. In the paper it reached an
    accuracy of 0.535 on 200 test images, which is not significantly above chance
    (one-sided binomial p = 0.18). What we recommend is ``preset="recommended"``: pixels and
    structural similarity beside the textures, each query's bag summarised by its closest
    generated image, and a logistic regression on the queries, which leans to a rule as long
    as there are few; :doc:`/guide/recommended` has what it was measured against.

    Parameters
    ----------
    preset : {"paper", "recommended"}, default="paper"
        Which attack. The recommended one has no pairs to fit on: it takes none of
        `fusion`, `top_fraction`, `calibrate_fusion`, `folds`, `max_pairs` and `random_state`.
    families : sequence of str, default=("statistical", "gabor", "steerable", "gaussian")
        Descriptor families, see :func:`make_descriptors`.
    n_levels : int, default=64
        Number of cells of each map's CDF vector.
    cells : {"fine_tails", "equal"}, default="fine_tails"
        Which cells of probability, see :class:`BaseDescriptor`.
    grid : int, default=1
        Into how many tiles along each side texture maps are cut, each with a CDF vector of
        its own, see :class:`BaseDescriptor`. The paper's maps are whole.
    intensity_range : {"dtype", "image"} or tuple (low, high), default="dtype"
        Which intensities become 0 and 1, see :class:`BaseDescriptor`.
    estimator : classifier, default=None
        Classifier of pairs; None takes ``make_pipeline(StandardScaler(), SVC())``. With
        the recommended preset a classifier of queries; None takes
        logistic regression that leans to a rule, see the notes.
    fusion : {"mean", "median", "max", "logit_mean", "top_mean"} or callable, default="mean"
        How pair probabilities become a score, see :class:`MembershipClassifier`.
    top_fraction : float, default=0.05
        Share of the generated images that "top_mean" averages.
    calibrate_fusion : bool, default=False
        Whether the fused score is calibrated per query; without it 0.5 means nothing
        for other rules than the mean.
    folds : {"refit", "average"}, default="refit"
        Whether one classifier is fitted, or one a fold whose probabilities are averaged: the
        paper's "5-fold" may mean either, see :class:`MembershipClassifier`.
    max_pairs : int, default=None
        The largest number of pairs to fit on; None takes all.
    random_state : int, RandomState instance or None, default=None
        Draws the pairs when `max_pairs` is given.
    n_jobs : int, default=None
        Number of parallel jobs of all stages. Changes no result.
    memory : str, path or joblib.Memory, default=None
        Where to keep the CDF vectors of images described before: of each image and each
        family, so that the folds of a search describe nothing twice.
    verbose : bool, default=False
        Whether each step prints its time when fitting, and describing and predicting
        show progress bars.

    Returns
    -------
    SourceIdentificationPipeline
        Unfitted.

    Raises
    ------
    ValueError
        For an unknown preset, and for parameters of pairs with the recommended one.

    Notes
    -----
    A logistic regression on the 18 numbers alone, fitted to few images, is worse than a
    rule that learns nothing: a query is a member whose closest generated image is much
    closer than the next ones, by SSIM and with normalised local contrast. So the mean of
    these two numbers is added as a further column of ten times the weight. To shrink all
    weights alike is then to assume weights :math:`w \sim N(0, C (I + 100\, a a^T))`
    beforehand, with the rule `a`: few images leave little but the rule, and many overrule it.
    With few, such a rule alone is still a little better; the guide has how much.

    Examples
    --------
    >>> from gan_isi import datasets, make_pipeline
    >>> problem = datasets.make_membership_problem(20, n_generated=10, random_state=0)
    >>> attack = make_pipeline(families=["statistical", "steerable"])
    >>> attack = attack.fit(problem.images, problem.target, generated=problem.generated)
    >>> attack.predict_proba(problem.images[:3]).shape
    (3, 2)
    """
    common: dict[str, Any] = {
        "n_levels": n_levels,
        "cells": cells,
        "grid": grid,
        "intensity_range": intensity_range,
        "n_jobs": n_jobs,
        "memory": memory,
        "verbose": verbose,
    }
    pairs = {
        "fusion": fusion,
        "top_fraction": top_fraction,
        "calibrate_fusion": calibrate_fusion,
        "folds": folds,
        "max_pairs": max_pairs,
        "random_state": random_state,
    }
    if preset == "recommended":
        _refuse_pairs(pairs)
        steps = _recommended_steps(families, estimator=estimator, **common)
    elif preset == "paper":
        if estimator is None:
            estimator = make_sklearn_pipeline(StandardScaler(), SVC(kernel="rbf"))
        steps = [
            ("descriptors", make_descriptors(families, **common)),
            ("distances", _texture_distances(n_levels, grid, n_jobs)),
            ("membership", MembershipClassifier(estimator, **pairs, n_jobs=n_jobs)),
        ]
    else:
        raise ValueError(f"preset has to be 'paper' or 'recommended'; got {preset!r}.")
    return SourceIdentificationPipeline(steps, transform_input=["generated"], verbose=verbose)


def _refuse_pairs(pairs: dict[str, Any]) -> None:
    defaults = {
        name: parameter.default for name, parameter in signature(make_pipeline).parameters.items()
    }
    given = [name for name, value in pairs.items() if value is not defaults[name]]
    if given:
        raise ValueError(
            f"preset='recommended' classifies queries, not pairs: {', '.join(given)} would do "
            "nothing."
        )


def _recommended_steps(
    families: Sequence[str],
    *,
    n_levels: int,
    cells: Cells,
    grid: int,
    intensity_range: IntensityRange,
    estimator: Any,
    n_jobs: int | None,
    memory: Any,
    verbose: bool,
) -> list[tuple[str, Any]]:
    """Return distances of pixels and textures, bag summaries, a classifier of queries.

    Parameters
    ----------
    families, n_levels, cells, grid, intensity_range, estimator, n_jobs, memory, verbose
        As for :func:`make_pipeline`.

    Returns
    -------
    list of (name, estimator)
        The steps distances, summary and membership.
    """
    common = {
        "intensity_range": intensity_range,
        "n_jobs": n_jobs,
        "memory": memory,
        "verbose": verbose,
    }
    branches: list[tuple[str, Any]] = [
        (
            name,
            Pipeline(
                [
                    ("descriptors", PixelDescriptor(contrast=contrast, **common)),
                    (
                        "distances",
                        PairwiseDistanceTransformer(metric, mirrored=mirrored, n_jobs=n_jobs),
                    ),
                ]
            ),
        )
        for name, contrast, metric, mirrored in _VIEWS
    ]
    descriptors = make_descriptors(families, n_levels=n_levels, cells=cells, grid=grid, **common)
    textures = Pipeline(
        [
            ("descriptors", descriptors),
            ("distances", _texture_distances(n_levels, grid, n_jobs)),
        ]
    )
    # A family by itself, as not all of them lose the same: turning a copy changes Gabor and
    # steerable maps, but not what the others see.
    n_maps = [len(family._map_names()) for _, family in descriptors.transformer_list]
    if estimator is None:
        estimator = _queries_classifier(n_columns=2 * (len(_VIEWS) + len(n_maps)))
    return [
        ("distances", DistanceUnion([*branches, ("texture", textures)])),
        (
            "summary",
            BagSummaryTransformer(n_closest=(1,), map_groups=(*[1] * len(_VIEWS), *n_maps)),
        ),
        ("membership", estimator),
    ]


def _queries_classifier(n_columns: int) -> Pipeline:
    # Of each view and family, the closest distance and its contrast.
    names = [name for name, *_ in _VIEWS]
    columns = tuple(2 * names.index(name) + 1 for name in _RULE_VIEWS)
    return make_sklearn_pipeline(
        StandardScaler(),
        FunctionTransformer(
            _with_rule,
            feature_names_out=_names_with_rule,
            kw_args={"columns": columns, "n_columns": n_columns},
        ),
        LogisticRegression(C=0.3),
    )


def _with_rule(
    summaries: NDArray[np.float64], *, columns: Sequence[int], n_columns: int
) -> NDArray[np.float64]:
    """Add the mean of the columns that need no learning, as one that weighs more.

    Parameters
    ----------
    summaries : ndarray of shape (n_queries, n_columns)
        Standardised.
    columns : sequence of int
        Which of them.
    n_columns : int
        How many there have to be: with a view dropped, the columns are others.

    Returns
    -------
    ndarray of shape (n_queries, n_columns + 1)
        The same, and the rule.

    Raises
    ------
    ValueError
        If there are more columns, or fewer.
    """
    if summaries.shape[1] != n_columns:
        raise ValueError(
            f"The rule of the recommended attack is of {n_columns} summaries, and here are "
            f"{summaries.shape[1]}: with other views, groups or statistics set "
            "membership__functiontransformer='passthrough', or give make_pipeline an estimator."
        )
    rule = _RULE_WEIGHT * summaries[:, list(columns)].mean(axis=1, keepdims=True)
    return np.hstack([summaries, rule])


def _names_with_rule(_: FunctionTransformer, names: NDArray[Any]) -> NDArray[Any]:
    return np.append(names, "rule").astype(object)


def _texture_distances(
    n_levels: int, grid: int, n_jobs: int | None
) -> PairwiseWassersteinTransformer:
    # A map's tiles lie one after the other: together they are one map.
    return PairwiseWassersteinTransformer(n_levels=grid * grid * n_levels, n_jobs=n_jobs)
