"""CDFs of one map: a query beside its nearest generated images."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._validation.arrays import check_count
from ..distances import wasserstein_distances
from .attack import find_cdf, map_unit, reference_of
from .style import BLACK, GREY, curve_style, figure_and_axes


@dataclass(eq=False, repr=False)
class MapCdfDisplay:
    """CDFs of one map of a query and of the generated images nearest to it.

    Use `from_estimator`; the constructor takes what it computes. What is drawn is what
    the distances see: steps of constant value over the cells of probability. The area
    between two of the drawn curves is their W1.

    Parameters
    ----------
    edges : array-like of shape (n_levels + 1,)
        Probabilities at which the cells begin and end, from 0 to 1.
    query : array-like of shape (n_levels,)
        Mean of the map's values of the query in each cell, in the units of the map.
    generated : array-like of shape (n_shown, n_levels)
        CDF vectors of the nearest generated images, the nearest first.
    distances : array-like of shape (n_shown,)
        1-Wasserstein distances of these from the query, in the units of the map.
    indices : array-like of shape (n_shown,)
        Positions of these among the generated images.
    typical : array-like of shape (n_levels,), default=None
        Cell means of the generated image at the median distance, for comparison.
    typical_distance : float, default=None
        Distance of the typical image.
    map_name : str, default="map"
        Name of the map.
    unit : str, default=None
        Unit of its values, where known.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : list of matplotlib Line2D
        The query's curve, those of the nearest images, and the typical one.

    See Also
    --------
    DistanceHeatmapDisplay : All queries against all generated images.

    Notes
    -----
    Among many generated images some are near in one map by chance. The image at the
    median distance shows how much nearer the nearest are.

    Examples
    --------
    >>> from gan_isi.plotting import MapCdfDisplay
    >>> shown = MapCdfDisplay(
    ...     [0, 0.5, 1], [1.0, 3.0], [[1.5, 3.5]], distances=[0.5], indices=[7], unit="bit"
    ... )
    >>> shown.plot().ax_.get_ylabel()
    'cumulative probability'
    """

    edges: ArrayLike
    query: ArrayLike
    generated: ArrayLike
    _: KW_ONLY
    distances: ArrayLike
    indices: ArrayLike
    typical: ArrayLike | None = None
    typical_distance: float | None = None
    map_name: str = "map"
    unit: str | None = None

    @classmethod
    def from_estimator(
        cls,
        attack: Any,
        query_image: ArrayLike,
        map_name: str,
        *,
        generated: Any = None,
        n_nearest: int = 3,
        ax: Any = None,
    ) -> Self:
        """Compare one query with the generated images in one map.

        Parameters
        ----------
        attack : SourceIdentificationPipeline
            Fitted attack.
        query_image : array-like of shape (height, width) or (height, width, channels)
            One real image.
        map_name : str
            Out of `map_names_` of a descriptor family, such as "statistical_std".
        generated : array-like or sequence of array-like, default=None
            Generated images; None takes those that the attack was fitted with.
        n_nearest : int, default=3
            How many of the nearest generated images, at most.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        MapCdfDisplay
            Drawn.

        Raises
        ------
        TypeError
            If `attack` is no attack.
        ValueError
            For unknown maps, those that compare whole images or are cut into tiles, and
            `n_nearest` below 1.
        """
        check_count(n_nearest, "n_nearest")
        family, position = find_cdf(attack, map_name)
        if family.descriptor.grid > 1:
            raise ValueError(
                f"{map_name!r} has {family.descriptor.grid**2} CDFs, one a tile; only maps that "
                "are whole (grid=1) can be drawn."
            )

        def vectors_of(images: Any) -> Any:
            rows = family.descriptor.transform(images)
            return rows.reshape(len(rows), len(family.map_names), -1)[:, [position]]

        query = vectors_of([np.asarray(query_image)])
        vectors = reference_of(attack, map_name) if generated is None else vectors_of(generated)
        distances = wasserstein_distances(query, vectors)[0, :, 0]
        order = np.argsort(distances, kind="stable")
        nearest, typical = order[:n_nearest], order[len(order) // 2]
        edges = family.descriptor.edges
        means = _cell_means(vectors[:, 0], edges)
        has_typical = len(order) // 2 >= n_nearest
        return cls(
            edges,
            _cell_means(query[0], edges)[0],
            means[nearest],
            distances=distances[nearest],
            indices=nearest,
            typical=means[typical] if has_typical else None,
            typical_distance=float(distances[typical]) if has_typical else None,
            map_name=map_name,
            unit=map_unit(family, map_name),
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        self
            Itself.

        Raises
        ------
        ValueError
            If the curves have not one value a cell, or not one distance and one index
            each.
        """
        self._check()
        self.figure_, self.ax_ = figure_and_axes(ax)
        # Beneath the others, which may lie on top of it.
        self.lines_ = [
            self._draw(self.query, "query", color=BLACK, linewidth=3, alpha=0.55, zorder=1.5)
        ]
        shown = (np.asarray(part) for part in (self.generated, self.distances, self.indices))
        rows = zip(*shown, strict=True)
        for rank, (row, distance, index) in enumerate(rows):
            label = f"generated {index}: W1 = {distance:.3g}"
            self.lines_.append(self._draw(row, label, linewidth=1.4, **curve_style(rank)))
        if self.typical is not None:
            label = "at the median distance"
            if self.typical_distance is not None:
                label += f": W1 = {self.typical_distance:.3g}"
            self.lines_.append(self._draw(self.typical, label, color=GREY, linewidth=1.2))
        unit = f" ({self.unit})" if self.unit else ""
        self.ax_.set(
            xlabel=self.map_name + unit, ylabel="cumulative probability", ylim=(-0.02, 1.02)
        )
        title = f"W1 in {self.unit}" if self.unit else None
        self.ax_.legend(
            handles=self.lines_, title=title, loc="best", fontsize="small", title_fontsize="small"
        )
        return self

    def _check(self) -> None:
        shapes = [np.shape(part) for part in (self.generated, self.distances, self.indices)]
        n_shown, n_levels = len(np.atleast_1d(self.distances)), len(np.atleast_1d(self.edges)) - 1
        curves = [np.shape(self.query)] + ([] if self.typical is None else [np.shape(self.typical)])
        if shapes != [(n_shown, n_levels), (n_shown,), (n_shown,)] or set(curves) != {(n_levels,)}:
            raise ValueError(
                f"{n_levels + 1} edges and {n_shown} distances need curves of {n_levels} values "
                f"and generated of shape {(n_shown, n_levels)}; got query {curves[0]}, generated "
                f"{shapes[0]}, distances {shapes[1]}, indices {shapes[2]}"
                + (f", typical {curves[1]}." if len(curves) > 1 else ".")
            )

    def _draw(self, means: ArrayLike, label: str, **style: Any) -> Any:
        edges = np.asarray(self.edges)
        heights = np.repeat(edges, 2)[1:-1]
        return self.ax_.plot(np.repeat(means, 2), heights, label=label, **style)[0]


def _cell_means(vectors: NDArray[np.float32], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn the integrals over cells, times their number, into means over cells."""
    widths = np.diff(edges)
    return np.asarray(vectors, dtype=np.float64) / (len(widths) * widths)
