"""All queries against all generated images."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._runtime.sklearn_compat import num_samples
from .._validation.labels import check_used
from .attack import bags_of, find_map, map_unit, views_of
from .style import SEQUENTIAL, figure_and_axes

#: More columns than this are narrower than a pixel of the default figure.
_MOST_COLUMNS = 400

#: Largest share of the distances that may lie beyond the end of the colour scale.
_BEYOND_SCALE = 2.0


@dataclass(eq=False, repr=False)
class DistanceHeatmapDisplay:
    """Distances of every query to every generated image.

    Used queries are above others, and in each of the two the queries with the closest
    generated image come first. Use `from_estimator` or `from_distances`.

    Parameters
    ----------
    distances : array-like of shape (n_queries, n_generated)
        Distances, the queries in any order.
    is_used : array-like of shape (n_queries,), bool, default=None
        Which queries were used; None where that is not known.
    name : str, default="distance"
        What the distances are.
    unit : str, default=None
        Unit of the distances, where they have one.

    Attributes
    ----------
    order_ : ndarray of shape (n_queries,)
        The queries from top to bottom.
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        Figure of the axes.
    im_ : matplotlib AxesImage
        The heat map.
    colorbar_ : matplotlib Colorbar
        Scale of the colours. It ends where 2 % of the distances are larger, so that a few far
        images do not take all the contrast.

    See Also
    --------
    MapCdfDisplay : What is behind the distances of one query in one map.

    Notes
    -----
    With more than 400 generated images neighbouring columns are drawn as one, which
    shows the smallest of their distances: a single close image stays visible. Rows that
    are narrower than a pixel are blended by matplotlib.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi.plotting import DistanceHeatmapDisplay
    >>> distances = np.random.default_rng(0).random((6, 20))
    >>> shown = DistanceHeatmapDisplay.from_distances(distances, [0, 0, 0, 1, 1, 1])
    >>> sorted(int(query) for query in shown.order_[:3])  # the used ones
    [3, 4, 5]
    """

    distances: ArrayLike
    _: KW_ONLY
    is_used: ArrayLike | None = None
    name: str = "distance"
    unit: str | None = None

    @classmethod
    def from_estimator(
        cls,
        attack: Any,
        X: Any,
        y: ArrayLike | None = None,
        *,
        map_name: str | None = None,
        ax: Any = None,
    ) -> Self:
        """Compare queries with the generated images of a fitted attack.

        Parameters
        ----------
        attack : SourceIdentificationPipeline
            Fitted attack.
        X : array-like or sequence of array-like
            Query images.
        y : array-like of shape (n_queries,), default=None
            Whether each was used, where known: booleans, 0/1 or -1/1.
        map_name : str, default=None
            Which map; None averages over all maps, each divided by the median of its
            distances.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        DistanceHeatmapDisplay
            Drawn.

        Raises
        ------
        TypeError
            If `attack` is no attack.
        ValueError
            For unknown maps, and other labels, one class only, or not as many as
            queries.
        """
        families = views_of(attack)
        if y is not None:
            y, _ = check_used(y, num_samples(X), unit="queries")
        n_generated = attack.named_steps["distances"].n_generated_
        names = [name for family in families for name in family.map_names]
        unit = None
        if map_name is not None:
            unit = map_unit(find_map(families, map_name)[0], map_name)
        return cls.from_distances(
            bags_of(attack, X)[:, :n_generated],  # those to real images may follow
            y,
            map_name=map_name,
            map_names=names,
            unit=unit,
            measure="W1" if all(family.descriptor for family in families) else "distance",
            ax=ax,
        )

    @classmethod
    def from_distances(
        cls,
        distances: ArrayLike,
        y: ArrayLike | None = None,
        *,
        map_name: str | None = None,
        map_names: Sequence[str] | None = None,
        unit: str | None = None,
        measure: str = "W1",
        ax: Any = None,
    ) -> Self:
        """Draw distances that are already there.

        Parameters
        ----------
        distances : array-like of shape (n_queries, n_generated[, n_maps])
            Distances of one map or of several, as from
            :class:`~gan_isi.PairwiseWassersteinTransformer`.
        y : array-like of shape (n_queries,), default=None
            Whether each was used, where known: booleans, 0/1 or -1/1.
        map_name : str, default=None
            Which of several maps; None averages over all of them, each divided by the
            median of its distances. Of a single map, its name.
        map_names : sequence of str, default=None
            Names of the maps; needed to choose one.
        unit : str, default=None
            Unit of the distances of one map.
        measure : str, default="W1"
            What the distances are called.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        DistanceHeatmapDisplay
            Drawn.

        Raises
        ------
        ValueError
            For another number of dimensions, distances that are not finite, unknown
            maps, and other labels, one class only, or not as many as queries.
        """
        array = np.asarray(distances)
        if array.ndim not in (2, 3) or 0 in array.shape or not np.isfinite(array).all():
            raise ValueError(
                "distances have to be finite and of shape (n_queries, n_generated) or "
                f"(n_queries, n_generated, n_maps), none of them 0; got shape {array.shape}."
            )
        name = f"{measure} of {map_name}" if map_name else measure
        if array.ndim == 3 and map_name is None:
            array, unit = _average(array), None
            name = f"mean over maps of {measure} / median {measure}"
        elif array.ndim == 3:
            array = array[:, :, _index_of(map_name, map_names, array.shape[2])]
        is_used = None if y is None else check_used(y, len(array), unit="queries")[0]
        return cls(array, is_used=is_used, name=name, unit=unit).plot(ax)

    def plot(self, ax: Any = None, *, cmap: str = SEQUENTIAL) -> Self:
        """Draw the heat map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        cmap : str, default="cividis"
            Colours from near to far, as matplotlib knows them.

        Returns
        -------
        self
            Itself.
        """
        self.figure_, self.ax_ = figure_and_axes(ax)
        distances = np.asarray(self.distances)
        self.order_ = self._order(distances)
        shown, per_column = _narrow(distances[self.order_])
        n_queries, n_generated = distances.shape
        self.im_ = self.ax_.imshow(
            shown,
            cmap=cmap,
            aspect="auto",
            interpolation="antialiased",
            vmin=distances.min(),
            vmax=_top(distances),
            extent=(-0.5, n_generated - 0.5, n_queries - 0.5, -0.5),
        )
        label = self.name + (f" ({self.unit})" if self.unit else "")
        extend = "max" if distances.max() > self.im_.get_clim()[1] else "neither"
        self.colorbar_ = self.figure_.colorbar(self.im_, ax=self.ax_, label=label, extend=extend)
        merged = f" (each column the closest of {per_column})" if per_column > 1 else ""
        self.ax_.set_xlabel(f"generated image{merged}")
        self._label_queries(n_queries)
        return self

    def _order(self, distances: NDArray[Any]) -> NDArray[np.intp]:
        closest = distances.min(axis=1)
        if self.is_used is None:
            return np.argsort(closest, kind="stable")
        return np.lexsort((closest, ~np.asarray(self.is_used, dtype=bool)))

    def _label_queries(self, n_queries: int) -> None:
        self.ax_.set_ylabel("query, closest first")
        self.ax_.tick_params(axis="y", length=0)
        if self.is_used is None:
            # The rank has no meaning beyond the order, so no numbers.
            self.ax_.set_yticks([(n_queries - 1) / 2], [f"n = {n_queries}"])
            return
        n_used = int(np.asarray(self.is_used, dtype=bool).sum())
        ends = np.array([-0.5, n_used - 0.5, n_queries - 0.5])
        counts = (n_used, n_queries - n_used)
        labels = [
            f"{name}\n(n = {n})" for name, n in zip(("used", "not used"), counts, strict=True)
        ]
        self.ax_.set_yticks((ends[1:] + ends[:-1]) / 2, labels)
        # White beneath black: seen on dark and on light cells.
        self.ax_.axhline(ends[1], color="white", linewidth=3)
        self.ax_.axhline(ends[1], color="black", linewidth=1)


def _average(bags: NDArray[Any]) -> NDArray[Any]:
    medians = np.median(bags, axis=(0, 1))
    # A map that is the same everywhere has no scale; its zeros stay zeros.
    return np.asarray((bags / np.where(medians > 0, medians, 1.0)).mean(axis=2))


def _index_of(map_name: str | None, map_names: Sequence[str] | None, n_maps: int) -> int:
    names = [] if map_names is None else list(map_names)
    if len(names) != n_maps:
        raise ValueError(
            f"To choose a map, map_names has to name the {n_maps} maps; got {len(names)} names."
        )
    if map_name not in names:
        raise ValueError(f"There is no map {map_name!r} among the {n_maps} of map_names.")
    return names.index(map_name)


def _narrow(rows: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Merge so many neighbouring columns, by their smallest distance, that pixels suffice."""
    per_column = -(-rows.shape[1] // _MOST_COLUMNS)
    if per_column == 1:
        return rows, 1
    starts = np.arange(0, rows.shape[1], per_column)
    return np.minimum.reduceat(rows, starts, axis=1), per_column


def _top(distances: NDArray[Any]) -> float:
    top = float(np.percentile(distances, 100 - _BEYOND_SCALE))
    return top if top > distances.min() else float(distances.max())
