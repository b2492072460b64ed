"""A query beside a generated image, and which parts of it are found there."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._validation.images import to_grey
from ..distances import PairwiseTileTransformer
from .attack import views_of
from .pair import likeness as pair_likeness
from .style import draw_likeness, draw_picture, figure_and_axes


@dataclass(eq=False, repr=False)
class TileMapDisplay:
    """A query, a generated image, and which parts of the query are found in it.

    Use `from_estimator`; the constructor takes what it computes.

    Parameters
    ----------
    query : array-like of shape (height, width) or (height, width, channels)
        The query. Shown grey, as the tiles see it.
    generated : array-like of shape (height, width) or (height, width, channels)
        The generated image.
    likeness : array-like of shape (side, side)
        For each pixel of the query, at the size at which it is compared, which share of the best
        tile that it is in is found somewhere in the generated image; 1 is a copy.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on: those of the three pictures lie within.
    axes_ : ndarray of matplotlib Axes
        Axes of the query, the generated image, and the heat map.
    figure_ : matplotlib Figure
        Figure of the axes.
    im_ : matplotlib AxesImage
        The heat map.

    See Also
    --------
    gan_isi.PairwiseTileTransformer : Computes the likeness.

    Notes
    -----
    Dark parts of the heat map have no like in the generated image; what is above 0.75 is outlined.
    Of images that have nothing to do with each other, half of a tile is found by chance.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi import PairwiseTileTransformer
    >>> from gan_isi.plotting import TileMapDisplay
    >>> query, generated = np.random.default_rng(0).random((2, 64, 64))
    >>> generated[30:60, 30:60] = query[10:40, 20:50]
    >>> shown = TileMapDisplay.from_estimator(PairwiseTileTransformer(), query, generated)
    >>> bool(shown.likeness[20:30, 30:40].min() > 0.5)
    True
    """

    query: ArrayLike
    generated: ArrayLike
    likeness: ArrayLike

    @classmethod
    def from_estimator(
        cls, attack: Any, query_image: ArrayLike, generated_image: ArrayLike, *, ax: Any = None
    ) -> Self:
        """Search the tiles of a query in a generated image.

        Parameters
        ----------
        attack : SourceIdentificationPipeline or PairwiseTileTransformer
            A fitted attack, or the view by itself, fitted or not. An attack without such a view is
            shown by that with its defaults, on pixels with local contrast at 64 x 64.
        query_image : array-like of shape (height, width) or (height, width, channels)
            One real image.
        generated_image : array-like of shape (height, width) or (height, width, channels)
            One generated image.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        TileMapDisplay
            Drawn.

        Raises
        ------
        TypeError
            If `attack` is neither.
        """
        query, generated = np.asarray(query_image), np.asarray(generated_image)
        likeness = _likeness(attack, query, generated)
        return cls(query, generated, likeness).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the three pictures.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw: its place is divided, and it is switched off. None makes a new
            figure.

        Returns
        -------
        self
            Itself.

        Raises
        ------
        ValueError
            If the likeness is no picture of values from 0 to 1.
        """
        likeness = np.asarray(self.likeness, dtype=np.float64)
        if likeness.ndim != 2 or not likeness.size or not ((likeness >= 0) & (likeness <= 1)).all():
            raise ValueError(
                "likeness has to be of shape (side, side) with values from 0 to 1; got shape "
                f"{likeness.shape}" + (
                    f" from {likeness.min():g} to {likeness.max():g}." if likeness.size else "."
                )
            )  # fmt: skip
        pictures = [to_grey(one, name) for one, name in
                    ((self.query, "query"), (self.generated, "generated"))]  # fmt: skip
        self.figure_, self.ax_ = figure_and_axes(ax, figsize=(7.5, 2.9))
        self.ax_.set_axis_off()
        # The colour bar beside the last picture.
        places = [(0, 0, 0.3, 0.88), (0.32, 0, 0.3, 0.88), (0.64, 0, 0.3, 0.88)]
        self.axes_ = np.array([self.ax_.inset_axes(place) for place in places], dtype=object)
        titles = ("query", "generated image", "found in it")
        for axes, title, picture in zip(self.axes_, titles, [*pictures, pictures[0]], strict=True):
            draw_picture(axes, picture, title)
        self.im_ = draw_likeness(self.axes_[2], likeness, pictures[0], linewidth=1.2)
        bar = self.ax_.inset_axes((0.955, 0, 0.02, 0.88))
        self.figure_.colorbar(self.im_, cax=bar, label="share of the best tile found")
        return self


def _likeness(attack: Any, query: NDArray[Any], generated: NDArray[Any]) -> NDArray[np.float64]:
    view = attack
    if not isinstance(attack, PairwiseTileTransformer):
        views_of(attack)  # or it is no fitted attack
        distances = attack.named_steps["distances"]
        views = [one for _, one in getattr(distances, "transformers_", [("", distances)])
                 if isinstance(one, PairwiseTileTransformer)]  # fmt: skip
        if views:
            rows = attack.named_steps["descriptors"].transform([query, generated])
            return views[0].tile_map(*np.asarray(rows))
        view = None
    return pair_likeness(query, generated, view)
