"""Attacks that look at the distances to generated images only."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._runtime.sklearn_compat import Interval, StrOptions
from .._validation.blocks import Block, map_names
from .rules import BaseBagClassifier
from .scores import nearest_score, retrieval_score, retrieval_thresholds


class NearestGenerated(BaseBagClassifier):
    """A query is used when some generated image comes close to it.

    Parameters
    ----------
    n_neighbors : int, default=1
        How many of the closest generated images are averaged.
    relative_to : int, default=None
        How many next generated images the distance is set in relation to, which takes
        out that some pictures are close to everything; with fewer images, those that
        there are. None sets it in no relation.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels of images that were not used, and of those that were.
    scales_ : ndarray of shape (n_maps,)
        Median distance of each map over the training bags.
    center_, spread_ : float
        Mean and standard deviation of the training scores.
    slope_, intercept_ : float
        Log-odds are ``intercept_ + slope_ * (score - center_) / spread_``; never
        against the direction of the score.
    n_features_in_ : int
        Number of maps.

    References
    ----------
    D. Chen, N. Yu, Y. Zhang, M. Fritz, "GAN-Leaks: a taxonomy of membership inference
    attacks against generative models", CCS 2020 (full black-box). N. Carlini et al.,
    "Extracting training data from diffusion models", USENIX Security 2023 (the ratio).

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi.baselines import NearestGenerated
    >>> bags = np.array([[[5.0], [1.0]], [[4.0], [2.0]], [[4.0], [5.0]], [[6.0], [5.0]]])
    >>> NearestGenerated().fit(bags, [1, 1, 0, 0]).predict([[[7.0], [0.5]]])
    array([1])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "relative_to": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(self, n_neighbors: int = 1, relative_to: int | None = None) -> None:
        self.n_neighbors = n_neighbors
        self.relative_to = relative_to

    def n_closest_needed(self, blocks: Sequence[Block] | None) -> int | None:
        """Return how many of the closest images are all that is looked at.

        Parameters
        ----------
        blocks : list of Block or None
            Names of the maps.

        Returns
        -------
        int or None
            None for several maps, since an image that is close in all of them need not be
            closest in any.
        """
        one_map = blocks is not None and len(map_names(blocks)) == 1
        return self.n_neighbors + (self.relative_to or 0) if one_map else None

    def _score(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.n_neighbors > distances.shape[1]:
            raise ValueError(
                f"n_neighbors={self.n_neighbors}, but X has {distances.shape[1]} generated images."
            )
        return nearest_score(distances, self.n_neighbors, self.relative_to)


class EpsilonBall(BaseBagClassifier):
    """A query is used when many generated images lie within a ball around it.

    Parameters
    ----------
    epsilon : float in (0, 1] or "median", default=0.001
        The radius: this quantile of all distances in `fit`, or the median over the
        training queries of the distance to their closest generated image.

    Attributes
    ----------
    radius_ : float
        The radius, in multiples of the median distance.
    classes_ : ndarray of shape (2,)
        The labels of images that were not used, and of those that were.
    scales_ : ndarray of shape (n_maps,)
        Median distance of each map over the training bags.
    center_, spread_ : float
        Mean and standard deviation of the training scores.
    slope_, intercept_ : float
        Log-odds are ``intercept_ + slope_ * (score - center_) / spread_``; never
        against the direction of the score.
    n_features_in_ : int
        Number of maps.

    References
    ----------
    B. Hilprecht, M. Haerterich, D. Bernau, "Monte Carlo and reconstruction membership
    inference attacks against generative models", PETS 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi.baselines import EpsilonBall
    >>> bags = np.array([[[2.0], [1.0]], [[2.0], [2.0]], [[4.0], [5.0]], [[6.0], [5.0]]])
    >>> EpsilonBall(0.5).fit(bags, [1, 1, 0, 0]).score_samples([[[9.0], [0.5]]])
    array([0.5])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "epsilon": [Interval(Real, 0, 1, closed="right"), StrOptions({"median"})],
    }

    def __init__(self, epsilon: float | str = 0.001) -> None:
        self.epsilon = epsilon

    def _fit_rule(self, distances: NDArray[np.float64], labels: NDArray[np.intp]) -> None:
        if isinstance(self.epsilon, str):
            self.radius_ = float(np.median(distances.min(axis=1)))
        else:
            self.radius_ = float(np.quantile(distances, self.epsilon))

    def _score(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        # As `epsilon_score`, whose door refuses the negative distances of rows of numbers.
        return (distances <= self.radius_).mean(axis=1)


class Retrieval(BaseBagClassifier):
    """A query is used when generated images find it before images that were not used.

    Every generated image retrieves its closest real images among the query and the
    images not used of `fit`; the score is the share of them that retrieve the query.

    Parameters
    ----------
    n_retrieved : int, default=1
        How many real images each generated one retrieves; less than there are images
        not used.

    Attributes
    ----------
    thresholds_ : ndarray of shape (n_generated,)
        Distance up to which each generated image retrieves, in multiples of the median
        distance.
    classes_ : ndarray of shape (2,)
        The labels of images that were not used, and of those that were.
    scales_ : ndarray of shape (n_maps,)
        Median distance of each map over the training bags.
    center_, spread_ : float
        Mean and standard deviation of the training scores.
    slope_, intercept_ : float
        Log-odds are ``intercept_ + slope_ * (score - center_) / spread_``; never
        against the direction of the score.
    n_features_in_ : int
        Number of maps.

    Notes
    -----
    An image not used of `fit` competes with the others, not with itself. The
    thresholds belong to the generated images of `fit`, one each: a pipeline with this
    step can't be retargeted to other generated images, but has to be fitted again.
    Another number of them is an error; that they are others can't be seen.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi.baselines import Retrieval
    >>> bags = np.array([[[5.0], [1.0]], [[4.0], [2.0]], [[4.0], [5.0]], [[6.0], [5.0]]])
    >>> Retrieval().fit(bags, [1, 1, 0, 0]).score_samples([[[7.0], [0.5]]])
    array([0.5])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_retrieved": [Interval(Integral, 1, None, closed="left")],
    }

    #: So that the attack can't be retargeted.
    _knows_generated = True

    def __init__(self, n_retrieved: int = 1) -> None:
        self.n_retrieved = n_retrieved

    def _fit_rule(self, distances: NDArray[np.float64], labels: NDArray[np.intp]) -> None:
        known = distances[labels == 0]
        if len(known) <= self.n_retrieved:
            raise ValueError(
                f"n_retrieved={self.n_retrieved} needs more images not used than that; got "
                f"{len(known)}."
            )
        self.thresholds_ = retrieval_thresholds(known, self.n_retrieved)

    def _score(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        if distances.shape[1] != len(self.thresholds_):
            raise ValueError(
                f"X has {distances.shape[1]} generated images, but Retrieval was fitted on "
                f"{len(self.thresholds_)}; fit it again for another generated set."
            )
        return retrieval_score(distances, self.thresholds_)
