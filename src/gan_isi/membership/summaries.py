"""Bags seen whole: each query's distances summarised into one row."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import ClassifierTags, gen_batches
from sklearn.utils.validation import check_is_fitted

from .._runtime.pickling import VersionedPickleMixin
from .._runtime.sklearn_compat import Interval, fit_context
from .._validation.arrays import check_array, check_count, check_list, check_numbers
from .._validation.bags import check_bags
from .._validation.blocks import Block, check_blocks, map_names
from .._validation.labels import check_used
from .._validation.typing import FloatArray
from .closest import closest_distances
from .scores import as_scales

#: Distances whose order is found at once, which bounds the working memory.
_DISTANCES_PER_BLOCK = 5_000_000


def low_order_statistics(
    bags: FloatArray,
    *,
    n_closest: Sequence[int] = (1, 5),
    quantiles: Sequence[float] = (),
    contrast: int | None = 50,
) -> NDArray[np.float64]:
    """Summarise the distances to the closest generated images, map by map.

    Parameters
    ----------
    bags : ndarray of shape (n_queries, n_generated, n_maps)
        Distances; NaN where there is nothing to compare with.
    n_closest : sequence of int, default=(1, 5)
        Numbers of smallest distances, for each of which the mean is a statistic.
    quantiles : sequence of float, default=()
        Quantiles of the distances, each of which is a statistic.
    contrast : int, default=50
        The smallest distance divided by the mean of so many next ones; fewer where
        there are fewer. None leaves it out.

    Returns
    -------
    ndarray of shape (n_queries, n_statistics, n_maps)
        In the units of the maps, but for the contrast, which has none. It is 0 for an exact copy,
        also among as many others.

    Raises
    ------
    TypeError, ValueError
        For what is no bag of finite distances, a query without any in a map, other
        parameters, and where no statistic is left.

    References
    ----------
    N. Carlini et al., "Extracting training data from diffusion models", USENIX Security
    2023: distances relative to those of the neighbours.

    Examples
    --------
    >>> import numpy as np
    >>> bag = np.array([4.0, 1.0, 3.0])[None, :, None]
    >>> low_order_statistics(bag, n_closest=(1, 2), quantiles=(0.5,), contrast=2)[0, :, 0]
    array([1.        , 2.        , 3.        , 0.28571429])
    """
    bags = check_array(bags, "bags", "(n_queries, n_generated, n_maps)", allow_nan=True)
    n_closest = [check_count(n, "each of n_closest") for n in check_list(n_closest, "n_closest")]
    quantiles = check_list(quantiles, "quantiles")
    quantiles = check_numbers(quantiles, "quantiles", least=0, most=1) if quantiles else ()
    if contrast is not None:
        contrast = check_count(contrast, "contrast")
    if not len(n_closest) + len(quantiles) and contrast is None:
        raise ValueError("No statistic is left: give n_closest, quantiles or contrast.")
    n_kept = max([1, *n_closest, 0 if contrast is None else contrast + 1])
    closest = np.moveaxis(closest_distances(bags, n_kept), 1, 2)
    ordered = closest.astype(np.float64)  # NaN last
    statistics = [np.nanmean(ordered[:, :, :n], axis=2) for n in n_closest]
    if len(quantiles):
        statistics.extend(np.nanquantile(bags.astype(np.float64), quantiles, axis=1))
    if contrast is not None:
        first, next_ones = ordered[:, :, 0], ordered[:, :, 1 : 1 + contrast]
        mean = np.nanmean(next_ones, axis=2) if next_ones.shape[2] else first
        # A generator that returns one image over and over has only copies for next ones.
        ratio = np.divide(first, mean, out=np.zeros_like(first), where=mean > 0)
        statistics.append(ratio)
    return np.stack(statistics, axis=1)


class BagSummaryTransformer(VersionedPickleMixin, TransformerMixin, BaseEstimator):
    """One row a query: low order statistics of its distances to the generated images.

    This is the other classical answer of multiple-instance learning. A classifier of pairs
    calls every pair of a used image "used", although few of them show anything; here a bag is
    described whole, so that any classifier takes one row a query. It is cheap enough for
    thousands of refits.

    Parameters
    ----------
    n_closest : tuple of int, default=(1, 5)
        Numbers of closest generated images, for each of which the mean distance is kept.
    quantiles : tuple of float, default=()
        Quantiles of the distances over the generated images, each of which is kept.
    contrast : int, default=50
        The distance to the closest image relative to the mean of so many next ones,
        which takes out that some pictures are close to everything; None leaves it out.
    by_family : bool, default=True
        Whether the maps of one family are averaged into one column, after each was divided
        by its median distance; the closest image then has to be close in all maps of a
        family at once. Takes `blocks` in `fit`; without them each map is by itself.
    relative : bool, default=True
        Whether the logarithm of each statistic is given as a multiple of its standard
        deviation among the images not used, from their mean: what images not used
        show is 0. Otherwise the statistics are as they are.

    Attributes
    ----------
    scales_ : ndarray of shape (n_maps,)
        Median distance of each map.
    center_, spread_ : ndarray of shape (n_features_out,)
        Mean and standard deviation of the logarithms among the images not used (all
        queries where `fit` got no labels).
    blocks_ : list of Block or None
        Which maps are averaged; None where each is by itself.
    n_features_in_ : int
        Number of maps.

    Notes
    -----
    With few generated images the statistics mean something else than with many: fit
    and transform with about equally many.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi import BagSummaryTransformer
    >>> bags = np.random.default_rng(0).random((6, 20, 3)) + 1
    >>> BagSummaryTransformer(n_closest=(1,)).fit_transform(bags, [0, 0, 0, 1, 1, 1]).shape
    (6, 6)
    """

    # Asked for only when given.
    __metadata_request__fit = {"blocks": True, "scales": True}  # noqa: RUF012

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_closest": [tuple, list],
        "quantiles": [tuple, list],
        "contrast": [Interval(Integral, 1, None, closed="left"), None],
        "by_family": ["boolean"],
        "relative": ["boolean"],
    }

    def __init__(
        self,
        *,
        n_closest: Sequence[int] = (1, 5),
        quantiles: Sequence[float] = (),
        contrast: int | None = 50,
        by_family: bool = True,
        relative: bool = True,
    ) -> None:
        self.n_closest = n_closest
        self.quantiles = quantiles
        self.contrast = contrast
        self.by_family = by_family
        self.relative = relative

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any = None, *, blocks: Sequence[Block] | None = None, scales: Any = None
    ) -> Self:
        """Learn the scale of each map, and what images not used show.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_generated, n_maps)
            Bags of distances. A two-dimensional array is bags of one row.
        y : array-like of shape (n_queries,), default=None
            Whether each was used: booleans, 0/1 or -1/1. None takes all as images
            not used.
        blocks : list of Block, default=None
            Which maps are of which view or family, as the distances say (`blocks_`).
        scales : array-like of shape (n_maps,), default=None
            Median distance of each map, where the bags hold the closest images only
            (`n_closest_needed`). None takes it from the bags.

        Returns
        -------
        self
            Fitted.

        Raises
        ------
        ValueError
            For other labels, missing ones, and one class only.
        """
        bags = check_bags(X, self, reset=True, allow_nan=True)
        self._check_parameters()
        self.blocks_ = None if blocks is None else check_blocks(blocks, bags.shape[2])
        if scales is None:
            median = np.nanmedian if np.isnan(bags).any() else np.median  # the latter is faster
            scales = median(bags, axis=(0, 1))
        self.scales_ = as_scales(scales, bags.shape[2])
        known = np.ones(len(bags), dtype=bool)
        if y is not None:
            known = ~check_used(y, len(bags), unit="queries")[0]
        logarithms = _logarithm(self._summaries(bags[known]))
        self.center_ = logarithms.mean(axis=0)
        spread = logarithms.std(axis=0)
        # One image not used, or none that differs, gives no scale.
        self.spread_ = np.where(spread > 1e-9, spread, 1.0)
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Summarise each query's bag.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_generated, n_maps)
            Bags of distances.

        Returns
        -------
        ndarray of shape (n_queries, n_statistics * n_columns)
            The statistics of the first column (map, or group of maps), then the next.
        """
        check_is_fitted(self, "spread_")
        summaries = self._summaries(check_bags(X, self, reset=False, allow_nan=True))
        if not self.relative:
            return summaries
        return (_logarithm(summaries) - self.center_) / self.spread_

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the statistics of each column.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the maps; only used where nothing is known of them.

        Returns
        -------
        ndarray of str
            Such as ``ssim_closest1``, or ``map0_closest1`` where nothing is known of the maps.
        """
        check_is_fitted(self, "spread_")
        if self.blocks_ is not None:
            columns = [b.name for b in self.blocks_] if self.by_family else map_names(self.blocks_)
        elif input_features is not None:
            columns = [str(name) for name in input_features]
        else:
            columns = [f"map{index}" for index in range(self.n_features_in_)]
        statistics = [f"closest{n}" for n in self.n_closest]
        statistics += [f"quantile{q:g}" for q in self.quantiles]
        statistics += [] if self.contrast is None else [f"contrast{self.contrast}"]
        return np.array([f"{c}_{s}" for c in columns for s in statistics], dtype=object)

    def n_closest_needed(self, blocks: Sequence[Block] | None) -> int | None:
        """Return how many of the closest images of each map are all that is looked at.

        Parameters
        ----------
        blocks : list of Block or None
            Which maps are of which view or family.

        Returns
        -------
        int or None
            So many of :func:`~gan_isi.membership.closest_distances` give the same results as
            whole bags, given `scales`. None where all distances are needed: for quantiles, and
            where maps are averaged, since an image that is close in all of them need not be
            closest in any.
        """
        averaged = self.by_family and any(len(block.maps) > 1 for block in blocks or ())
        if len(self.quantiles) or averaged:
            return None
        return max([1, *self.n_closest, 0 if self.contrast is None else self.contrast + 1])

    @property
    def _n_features_out(self) -> int:
        return len(self.get_feature_names_out())

    def _summaries(self, bags: NDArray[Any]) -> NDArray[np.float64]:
        n_queries, n_generated, n_maps = bags.shape
        size = max(1, _DISTANCES_PER_BLOCK // (n_generated * n_maps))
        rows = [self._summarise(bags[block]) for block in gen_batches(n_queries, size)]
        return np.concatenate(rows)

    def _summarise(self, bags: NDArray[Any]) -> NDArray[np.float64]:
        if self.by_family and self.blocks_ is not None:
            groups = [len(block.maps) for block in self.blocks_]
            starts = np.cumsum([0, *groups[:-1]])
            bags = np.add.reduceat(bags / self.scales_, starts, axis=2) / np.asarray(groups)
        statistics = low_order_statistics(
            bags, n_closest=self.n_closest, quantiles=self.quantiles, contrast=self.contrast
        )
        return statistics.transpose(0, 2, 1).reshape(len(bags), -1)

    def _check_parameters(self) -> None:
        if any(not isinstance(n, Integral) or n < 1 for n in self.n_closest):
            raise ValueError(f"n_closest holds numbers of images from 1; got {self.n_closest!r}.")
        if any(not 0 <= q <= 1 for q in self.quantiles):
            raise ValueError(f"quantiles have to lie in 0..1; got {self.quantiles!r}.")
        if not len(self.n_closest) + len(self.quantiles) and self.contrast is None:
            raise ValueError("No statistic is left: give n_closest, quantiles or contrast.")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # Labels, where there are any, are of two classes.
        tags.classifier_tags = ClassifierTags(multi_class=False)
        tags.input_tags.three_d_array = True
        return tags


def _logarithm(values: NDArray[np.float64]) -> NDArray[np.float64]:
    # An exact copy has distance zero: as far down as single precision tells it from one.
    return np.log(np.maximum(values, np.finfo(np.float32).eps))
