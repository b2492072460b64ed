"""Attacks that set the generated images in relation to images not used."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._runtime.sklearn_compat import Interval, StrOptions
from .rules import BaseReferenceClassifier
from .scores import density_ratio_score, share_below, similarity_ratio

#: Default bandwidth as a share of the distance to the closest generated image.
_BANDWIDTH = 0.2


class DensityRatio(BaseReferenceClassifier):
    """A query is used when generated images are denser around it than real ones are.

    Needs bags that end in the distances to the real images of `fit`, as the distances
    give them with ``include_real=True``; those not used among these are the
    reference.

    Parameters
    ----------
    bandwidth : float, default=None
        Standard deviation of the Gaussian kernels, in multiples of the median
        distance. None takes a fifth of the median distance of the images not used to
        their closest generated image (see Notes).

    Attributes
    ----------
    bandwidth_ : float
        The bandwidth, in multiples of the median distance.
    n_real_ : int
        Number of real images in `fit`, whose distances are the last columns.
    known_ : ndarray of shape (n_known,)
        Which of them were not used.
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
    Pictures have so many dimensions that a wide kernel sees every query alike: the
    density is then that of hundreds of images at the usual distance, not of the few
    close ones. Results hardly depend on the bandwidth from a tenth to a third of the
    distance to the closest image, and fall towards chance at the whole of it. The
    images not used give the distance, as copies of used ones would shrink it.

    References
    ----------
    B. van Breugel, H. Sun, Z. Qian, M. van der Schaar, "Membership inference attacks
    against synthetic data through overfitting detection" (DOMIAS), AISTATS 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi import PairwiseDistanceTransformer
    >>> from gan_isi.baselines import DensityRatio
    >>> real, generated = np.array([[0.0], [1.0], [5.0], [6.0]]), np.array([[0.1], [0.9]])
    >>> distances = PairwiseDistanceTransformer(include_real=True)
    >>> bags = distances.fit(real, generated=generated).transform(real)
    >>> DensityRatio().fit(bags, [1, 1, 0, 0]).predict(bags)
    array([1, 1, 0, 0])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "bandwidth": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(self, bandwidth: float | None = None) -> None:
        self.bandwidth = bandwidth

    def _fit_reference(
        self,
        to_generated: NDArray[np.float64],
        to_known: NDArray[np.float64],
        labels: NDArray[np.intp],
    ) -> None:
        if self.bandwidth is not None:
            self.bandwidth_ = float(self.bandwidth)
            return
        closest = float(np.median(to_generated.min(axis=1)[labels == 0]))
        self.bandwidth_ = _BANDWIDTH * closest if closest > 0 else 1.0

    def _score_parts(
        self, to_generated: NDArray[np.float64], to_known: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        return density_ratio_score(to_generated, to_known, self.bandwidth_)


class CalibratedSimilarity(BaseReferenceClassifier):
    """A query is used when a generated image is closer to it than real ones are.

    The distance to the closest generated image is divided by that to the closest image
    not used, which says how close a picture of this kind lies to others anyway. Needs
    bags that end in the distances to the real images of `fit`, as the distances give
    them with ``include_real=True``.

    Parameters
    ----------
    rule : {"threshold", "ranking"}, default="threshold"
        - "threshold": the score is minus the logarithm of the ratio.
        - "ranking": the score is the share of images not used of `fit` whose ratio
          is larger; equal ones count half.

    Attributes
    ----------
    ranked_ : ndarray of shape (n_known,)
        Minus the logarithms of the ratios of the images not used, in ascending order.
    n_real_ : int
        Number of real images in `fit`, whose distances are the last columns.
    known_ : ndarray of shape (n_known,)
        Which of them were not used.
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
    H. Montenegro et al. (team VCMI), working notes of ImageCLEFmedical GANs, CLEF 2023:
    similarities calibrated by those between real images.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi import PairwiseDistanceTransformer
    >>> from gan_isi.baselines import CalibratedSimilarity
    >>> real, generated = np.array([[0.0], [1.0], [5.0], [6.0]]), np.array([[0.1], [0.9]])
    >>> distances = PairwiseDistanceTransformer(include_real=True)
    >>> bags = distances.fit(real, generated=generated).transform(real)
    >>> CalibratedSimilarity("ranking").fit(bags, [1, 1, 0, 0]).score_samples(bags)
    array([1.  , 1.  , 0.75, 0.25])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "rule": [StrOptions({"threshold", "ranking"})],
    }

    def __init__(self, rule: str = "threshold") -> None:
        self.rule = rule

    def _fit_reference(
        self,
        to_generated: NDArray[np.float64],
        to_known: NDArray[np.float64],
        labels: NDArray[np.intp],
    ) -> None:
        self.ranked_ = np.sort(similarity_ratio(to_generated, to_known)[labels == 0])

    def _score_parts(
        self, to_generated: NDArray[np.float64], to_known: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        scores = similarity_ratio(to_generated, to_known)
        return share_below(scores, self.ranked_) if self.rule == "ranking" else scores
