"""Which generated images speak for "used" to an attack, and by which of its maps."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.pipeline import Pipeline
from sklearn.utils import gen_batches

from .._validation.blocks import map_names
from ..membership.rules import BaseBagClassifier
from ..membership.scores import one_distance
from ..membership.summaries import low_order_statistics
from .prepared import Fit, Recorder

#: Distances worked on at once, which bounds the memory.
_DISTANCES_PER_BLOCK = 5_000_000

#: Held-out images, at most, that exchange their distances to find what a fit listens to;
#: fewer, but 8, where they have more distances than that.
_EXCHANGED, _EXCHANGED_DISTANCES = 64, 10_000_000

#: An exact copy has distance zero: as far down as single precision tells it from one.
_SMALLEST = float(np.finfo(np.float32).eps)

#: Of the strongest map's part; maps with less are not named.
_LEAST_PART = 0.1

#: Digits of the order: copies of one generated image may differ in the last of a product.
_DIGITS = 9


@dataclass(frozen=True)
class Evidence:
    """The generated images that speak most for "used" of each query.

    As the attack sees them: by fits that saw no label of the query, the mean over all such
    fits. Images that are exact copies (distance 0 in most views) come first; of equal ones, such
    as copies within the generated images, that with the smaller number.

    Attributes
    ----------
    generated : ndarray of shape (n_queries, n_shown), int
        Numbers of these images.
    distances : ndarray of shape (n_queries, n_shown)
        How far they are, ascending; 0 is an exact copy and 1 a usual pair. For attacks that
        summarise bags the geometric mean over the views of the distance divided by its
        median, each view weighted by how much the attack listens to it. For attacks by one distance
        that distance. For attacks that classify pairs the odds that the pair is of
        a query not used, in multiples of those of a pair with median distances: such images
        need not look alike.
    maps : list of list of str
        Maps (or views), for each query, by which the first image stands out, the
        strongest first: without them it would be the more usual. Of a family that is summarised
        as a whole, the map that is closest. None that adds less than a tenth of the strongest.
    """

    generated: NDArray[np.intp]
    distances: NDArray[np.float64]
    maps: list[list[str]]

    def __getitem__(self, queries: slice) -> "Evidence":
        """Return that of some of the queries."""
        return Evidence(self.generated[queries], self.distances[queries], self.maps[queries])


def closest_generated(recorder: Recorder, *, n_shown: int = 3) -> Evidence:
    """Find what speaks for "used" of each query.

    Parameters
    ----------
    recorder : Recorder
        After a cross-validation that held every query out.
    n_shown : int, default=3
        How many generated images, and maps.

    Returns
    -------
    Evidence
    """
    bags = recorder.rows[:, : recorder.n_generated]
    n_queries, n_generated, n_maps = bags.shape
    n_shown = min(n_shown, n_generated)
    scales = recorder.medians_of_maps
    listeners = [_listener(recorder, fit, scales) for fit in recorder.fits]
    views = _views(recorder.fits[0].estimator, n_maps)
    n_fits = np.zeros(n_queries)
    for fit in recorder.fits:
        n_fits[fit.test] += 1

    order = np.empty((n_queries, n_shown), dtype=np.intp)
    distances = np.empty((n_queries, n_shown))
    for block in gen_batches(n_queries, max(1, _DISTANCES_PER_BLOCK // (n_generated * n_maps))):
        asked = np.arange(n_queries)[block]
        scores = np.zeros((len(asked), n_generated))
        for fit, listener in zip(recorder.fits, listeners, strict=True):
            own = np.isin(asked, fit.test)
            if own.any():
                scores[own] += listener.scores(bags[asked[own]])
        scores = np.nan_to_num(scores / n_fits[block, np.newaxis], nan=-np.inf)
        copies = _copies(bags[block], views)
        first = np.lexsort((-scores.round(_DIGITS), -copies), axis=1)[:, :n_shown]
        order[block] = first
        far = np.exp(-np.take_along_axis(scores, first, axis=1))
        distances[block] = np.where(np.take_along_axis(copies, first, axis=1) > 0, 0.0, far)

    pairs = bags[np.arange(n_queries), order[:, 0]]
    parts = np.zeros((n_queries, n_maps))
    for fit, listener in zip(recorder.fits, listeners, strict=True):
        parts[fit.test] += listener.parts(pairs[fit.test])
    names = [f"map {index}" for index in range(n_maps)]
    if recorder.blocks is not None:
        names = map_names(recorder.blocks)
    strongest = np.argsort(-parts, axis=1, kind="stable")[:, :n_shown]
    least = np.maximum(_LEAST_PART * parts.max(axis=1), 0)
    maps = [
        [names[j] for j in row if own[j] > low]
        for row, own, low in zip(strongest, parts, least, strict=True)
    ]
    return Evidence(recorder.generated_at(order), distances, maps)


def closeness(recorder: Recorder) -> NDArray[np.float64]:
    """Score each query by how close its closest generated image is, without learning.

    What an attack learns may be the wrong way round, if folders or labels are: this is not.

    Parameters
    ----------
    recorder : Recorder
        After a cross-validation that held every query out.

    Returns
    -------
    ndarray of shape (n_queries,)
        Minus the mean over the views of the logarithm of the smallest distance relative to
        the next 50, see `low_order_statistics`; larger is closer.
    """
    bags = recorder.rows[:, : recorder.n_generated]
    n_queries, n_generated, n_maps = bags.shape
    views, scales = _views(recorder.fits[0].estimator, n_maps), recorder.medians_of_maps
    scores = np.empty(n_queries)
    for block in gen_batches(n_queries, max(1, _DISTANCES_PER_BLOCK // (n_generated * n_maps))):
        distances = [one_distance(bags[block][:, :, view], scales[view]) for view in views]
        contrast = low_order_statistics(np.stack(distances, axis=2), n_closest=(), contrast=50)
        scores[block] = -_logarithm(contrast).mean(axis=(1, 2))
    return scores


class _Listener(Protocol):
    """What one fit of an attack makes of a pair of a query and a generated image."""

    def scores(self, bags: NDArray[Any]) -> NDArray[np.float64]:
        """Return how much each pair speaks for "used", (n_queries, n_generated); usual ones 0."""

    def parts(self, pairs: NDArray[Any]) -> NDArray[np.float64]:
        """Return what each map adds to that, of pairs (n_pairs, n_maps)."""


def _listener(recorder: Recorder, fit: Fit, scales: NDArray[np.float64]) -> _Listener:
    if hasattr(fit.estimator, "predict_pair_proba"):
        return _Pairs(fit.estimator, scales)
    if isinstance(fit.estimator, BaseBagClassifier):
        return _OneDistance(fit.estimator.scales_)
    views = _views(fit.estimator, len(scales))
    return _Views(views, _weights(recorder, fit, views, scales), scales)


@dataclass(frozen=True)
class _Pairs:
    """An attack that classifies pairs: the pair's own log-odds."""

    estimator: Any
    scales: NDArray[np.float64]

    def scores(self, bags: NDArray[Any]) -> NDArray[np.float64]:
        usual = self._log_odds(self.scales[np.newaxis, np.newaxis])
        return self._log_odds(bags) - usual

    def parts(self, pairs: NDArray[Any]) -> NDArray[np.float64]:
        parts = np.empty(pairs.shape)
        before = self._log_odds(pairs[np.newaxis])[0]
        for index, scale in enumerate(self.scales):
            changed = pairs.copy()
            changed[:, index] = scale
            parts[:, index] = before - self._log_odds(changed[np.newaxis])[0]
        return parts

    def _log_odds(self, bags: NDArray[Any]) -> NDArray[np.float64]:
        used = self.estimator.predict_pair_proba(bags)
        return np.asarray(logit(np.clip(used, _SMALLEST, 1 - _SMALLEST)))


@dataclass(frozen=True)
class _OneDistance:
    """An attack that reduces the maps to one distance: that."""

    scales: NDArray[np.float64]

    def scores(self, bags: NDArray[Any]) -> NDArray[np.float64]:
        return -_logarithm(one_distance(bags, self.scales))

    def parts(self, pairs: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(1 - pairs / self.scales)


@dataclass(frozen=True)
class _Views:
    """An attack that summarises bags: the logarithms of the views, by weight."""

    views: list[slice]
    weights: NDArray[np.float64]
    scales: NDArray[np.float64]

    def scores(self, bags: NDArray[Any]) -> NDArray[np.float64]:
        total = np.zeros(bags.shape[:2])
        for view, weight in zip(self.views, self.weights, strict=True):
            if weight > 0:
                total -= weight * _logarithm(one_distance(bags[:, :, view], self.scales[view]))
        return total

    def parts(self, pairs: NDArray[Any]) -> NDArray[np.float64]:
        parts = np.zeros(pairs.shape)
        for view, weight in zip(self.views, self.weights, strict=True):
            shares = pairs[:, view] / self.scales[view]
            closest = view.start + shares.argmin(axis=1)
            parts[np.arange(len(pairs)), closest] = -weight * _logarithm(shares.mean(axis=1))
        return parts


def _weights(
    recorder: Recorder, fit: Fit, views: list[slice], scales: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How much a fit listens to each view, as shares of 1.

    Images that the fit did not see exchange their distances in one view: the weight is the mean
    squared change of the score (L. Breiman, "Random forests", 2001, by the score in place of the
    errors, so that views that say the same don't hide each other), and 0 where the score falls as
    the closest image comes closer. Alike for all views if none is left.
    """
    n_generated = recorder.n_generated
    # Drawn, as queries may lie in order of their labels; the same on each call.
    most = max(8, _EXCHANGED_DISTANCES // (n_generated * len(scales)))
    drawn = np.random.default_rng(0).permutation(fit.test)[: min(_EXCHANGED, most)]
    rows = recorder.rows_of(fit, drawn)
    bags = rows[:, :n_generated]
    before = _heard(fit.estimator, rows)
    weights = np.zeros(len(views))
    for index, view in enumerate(views):
        closest = _logarithm(np.nanmin(one_distance(bags[:, :, view], scales[view]), axis=1))
        changed = rows.copy()
        changed[:, :n_generated, view] = np.roll(bags[:, :, view], 1, axis=0)
        rise = _heard(fit.estimator, changed) - before
        if rise @ (closest - np.roll(closest, 1)) > 0:
            weights[index] = np.mean(rise**2)
    return weights / weights.sum() if weights.any() else np.full(len(views), 1 / len(views))


def _heard(fitted: Any, rows: Any) -> NDArray[np.float64]:
    """Score of each query; a probability as it is, which may be 0 or 1."""
    if hasattr(fitted, "decision_function"):
        return np.asarray(fitted.decision_function(rows), dtype=np.float64)
    return np.asarray(fitted.predict_proba(rows)[:, 1], dtype=np.float64)


def _views(fitted: Any, n_maps: int) -> list[slice]:
    """Return which maps an attack summarises together; each by itself where it does not say."""
    if isinstance(fitted, Pipeline):
        fitted = fitted.steps[0][1]
    summary = getattr(fitted, "summary_", fitted)
    sizes = [1] * n_maps
    if getattr(summary, "by_family", False) and summary.blocks_ is not None:
        sizes = [len(block.maps) for block in summary.blocks_]
    ends = np.cumsum(sizes)
    return [slice(int(end - size), int(end)) for end, size in zip(ends, sizes, strict=True)]


def _copies(bags: NDArray[Any], views: list[slice]) -> NDArray[np.intp]:
    """Count the views in which a pair is at distance 0, where they are most of them.

    Not all: an exact copy is none of the mirror image.
    """
    zeros = sum((~bags[:, :, view].any(axis=2)).astype(np.intp) for view in views)
    return np.where(2 * zeros > len(views), zeros, 0)


def _logarithm(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.log(np.maximum(values, _SMALLEST))
