"""The maps of one image on a sheet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._validation.images import to_grey
from .attack import Family, families_of
from .style import DIVERGING, SEQUENTIAL, import_pyplot

#: More maps than this on one sheet would be too small to see.
_MOST_MAPS = 128

#: Inches of one map with its names, and of a family's heading.
_CELL_WIDTH, _TEXT_HEIGHT, _TITLE_LINE, _HEADING_HEIGHT = 1.12, 0.22, 0.12, 0.34

#: Letters of a title that fit above a map.
_LONG_NAME = 16

#: Negative values below this share of the largest are rounding, not a sign.
_ROUNDING = 1e-5


class _Block(NamedTuple):
    """A family's place on the sheet, in cells."""

    name: str
    map_names: Sequence[str]
    row: int
    column: int
    n_columns: int

    @property
    def n_rows(self) -> int:
        return -(-len(self.map_names) // self.n_columns)

    @property
    def titles(self) -> list[str]:
        """Names below the family's heading; in two lines where one of them is long."""
        short = [name.removeprefix(f"{self.name}_") for name in self.map_names]
        if max(map(len, short)) <= _LONG_NAME:
            return short
        return [name.replace("_", "\n", 1) for name in short]


@dataclass(eq=False, repr=False)
class FeatureMapsDisplay:
    """The feature maps of one image, labelled, family by family.

    Use `from_estimator`. Every map has a colour scale of its own, given below it: dark
    to light from the smallest to the largest value, or, where values are negative, white
    at zero, orange below and purple above.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, channels)
        The image. Shown grey, as the descriptors see it.
    maps : dict of str to ndarray of shape (n_maps, height, width)
        The maps of each family.
    map_names : dict of str to sequence of str
        Names of the maps.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        Axes of the image, then of the maps in their order.
    ax_ : matplotlib Axes
        Axes of the image.
    figure_ : matplotlib Figure
        The sheet. Its size follows from the number of maps.

    Examples
    --------
    >>> from skimage import data
    >>> from gan_isi import StatisticalDescriptor
    >>> from gan_isi.plotting import FeatureMapsDisplay
    >>> shown = FeatureMapsDisplay.from_estimator(StatisticalDescriptor(), data.camera()[::4, ::4])
    >>> [axes.get_title() for axes in shown.axes_]
    ['image', 'range', 'std', 'entropy']
    """

    image: ArrayLike
    maps: Mapping[str, NDArray[Any]]
    map_names: Mapping[str, Sequence[str]]

    @classmethod
    def from_estimator(
        cls,
        descriptors: Any,
        image: ArrayLike,
        *,
        map_names: Sequence[str] | None = None,
        ax: Any = None,
        max_columns: int = 8,
        percentile: float = 99.5,
    ) -> Self:
        """Compute the maps of an image and draw them.

        Parameters
        ----------
        descriptors : descriptor, union of descriptors, or pipeline
            One family, several as from :func:`~gan_isi.make_descriptors`, or an attack
            that has some. Need not be fitted where a family has nothing to load.
        image : array-like of shape (height, width) or (height, width, channels)
            One image.
        map_names : sequence of str, default=None
            Which maps; None takes all of them.
        ax : matplotlib Axes, default=None
            Whose place to take, see `plot`.
        max_columns : int, default=8
            Maps side by side, see `plot`.
        percentile : float, default=99.5
            Where the colour scales end, see `plot`.

        Returns
        -------
        FeatureMapsDisplay
            Drawn.

        Raises
        ------
        TypeError
            If `descriptors` has no maps.
        ValueError
            For unknown maps, for more than 128 of them on one sheet, and for maps that
            are no pictures, such as a family's pooled ones.
        """
        families = families_of(descriptors)
        chosen = _choose(families, map_names)
        maps, names = {}, {}
        for family in families:
            wanted = [i for i, name in enumerate(family.map_names) if name in chosen]
            if wanted:
                found = np.asarray(family.descriptor.feature_maps(image))
                if found.ndim != 3:
                    raise ValueError(
                        f"The maps of the family {family.name!r} are no pictures: expected an "
                        f"array (n_maps, height, width), got shape {found.shape}."
                    )
                maps[family.name] = found[wanted]
                names[family.name] = [family.map_names[i] for i in wanted]
        return cls(image, maps, names).plot(ax, max_columns=max_columns, percentile=percentile)

    def plot(self, ax: Any = None, *, max_columns: int = 8, percentile: float = 99.5) -> Self:
        """Draw the sheet.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes whose place is divided into the sheet, and which are switched off; None makes
            a figure of a size that fits.
        max_columns : int, default=8
            Maps side by side, at most; fewer where that makes rows of equal length.
        percentile : float, default=99.5
            A colour scale ends where so many of a map's values, in percent, are closer
            to its middle: bright specks do not darken the rest. 100 shows the full
            range.

        Returns
        -------
        self
            Itself.

        Raises
        ------
        ValueError
            For `percentile` outside 50..100, `max_columns` below 1, no maps, and maps that
            have not one name each.
        """
        if max_columns < 1 or not 50 <= percentile <= 100:
            raise ValueError(
                "max_columns has to be at least 1 and percentile in 50..100; "
                f"got {max_columns} and {percentile}."
            )
        self._check()
        blocks = _arrange(self.map_names, max_columns)
        n_columns = max(block.column + block.n_columns for block in blocks)
        grid = self._make_grid(ax, n_columns, blocks)
        image = to_grey(self.image, "image")
        cells = [self._draw(grid[1, 0], image, "image", "", cmap="gray")]
        for block in blocks:
            heading = self.figure_.add_subplot(grid[block.row, block.column :])
            heading.set_axis_off()
            count = f"{len(block.map_names)} map{'s' if len(block.map_names) > 1 else ''}"
            text = f"{block.name}: {count}"
            heading.text(0, 0, text, fontsize=9.5, fontweight="bold", va="bottom")
            maps = zip(self.maps[block.name], block.titles, strict=True)
            for index, (values, title) in enumerate(maps):
                row, column = divmod(index, block.n_columns)
                place = grid[block.row + 1 + row, block.column + column]
                cells.append(self._draw_map(place, values, title, percentile))
        self.axes_ = np.array(cells, dtype=object)
        self.ax_ = self.axes_[0]
        return self

    def _check(self) -> None:
        counts = {family: len(maps) for family, maps in self.maps.items()}
        named = {family: len(names) for family, names in self.map_names.items()}
        if counts != named or 0 in (len(named), *named.values()):
            raise ValueError(
                "Expected one name for each map, and a map in each family; got the maps "
                f"{counts} and the names {named}."
            )

    def _make_grid(self, ax: Any, n_columns: int, blocks: list[_Block]) -> Any:
        """Make the grid of cells, on a new figure or in the place of `ax`."""
        # Columns are of the same width, whatever the proportions of the image.
        height, width = np.asarray(self.image).shape[:2]
        heights = []
        for block in blocks:
            n_lines = 1 + max(title.count("\n") for title in block.titles)
            picture = _CELL_WIDTH * height / width
            cell = picture + _TEXT_HEIGHT + n_lines * _TITLE_LINE
            heights += [_HEADING_HEIGHT, *[cell] * block.n_rows]
        n_rows = len(heights)
        if ax is None:
            n_columns = max(n_columns, 3)  # room for the headings
            size = (_CELL_WIDTH * n_columns, sum(heights))
            self.figure_ = import_pyplot().figure(figsize=size, layout="constrained")
            self.figure_.get_layout_engine().set(w_pad=0.03, h_pad=0.02, wspace=0, hspace=0)
            return self.figure_.add_gridspec(n_rows, n_columns, height_ratios=heights)
        spec = getattr(ax, "get_subplotspec", lambda: None)()
        if spec is None:
            raise ValueError("ax has to come from a grid, as from plt.subplots(), to be divided.")
        ax.set_axis_off()
        self.figure_ = ax.get_figure()
        return spec.subgridspec(n_rows, n_columns, height_ratios=heights)

    def _draw_map(self, place: Any, values: NDArray[Any], title: str, percentile: float) -> Any:
        low, high, is_signed = _limits(values, percentile)
        scale = f"±{_short(high)}" if is_signed else f"{_short(low)} to {_short(high)}"
        cmap = DIVERGING if is_signed else SEQUENTIAL
        return self._draw(place, values, title, scale, cmap=cmap, vmin=low, vmax=high)

    def _draw(self, place: Any, values: Any, title: str, scale: str, **colours: Any) -> Any:
        axes = self.figure_.add_subplot(place)
        axes.imshow(values, **colours)
        axes.set(xticks=[], yticks=[])
        axes.set_title(title, fontsize=7.5, pad=2)
        axes.set_xlabel(scale, fontsize=6.5, color="0.35", labelpad=2)
        axes.spines[:].set_color("0.7")
        return axes


def _choose(families: list[Family], map_names: Sequence[str] | None) -> set[str]:
    known = [name for family in families for name in family.map_names]
    if isinstance(map_names, str):
        map_names = [map_names]
    chosen = known if map_names is None else list(map_names)
    unknown = [name for name in chosen if name not in known]
    if unknown or not chosen:
        raise ValueError(
            f"map_names has to be one or more of the {len(known)} maps, such as {known[:3]}; "
            f"got {unknown or chosen}."
        )
    if len(chosen) > _MOST_MAPS:
        raise ValueError(
            f"{len(chosen)} maps are too many for one sheet of at most {_MOST_MAPS}; "
            "choose some with map_names."
        )
    return set(chosen)


def _arrange(map_names: Mapping[str, Sequence[str]], max_columns: int) -> list[_Block]:
    """Stack the families below each other; the first one leaves a column to the image."""
    blocks: list[_Block] = []
    row = 0
    for name, names in map_names.items():
        column = 0 if blocks else 1
        blocks.append(_Block(name, names, row, column, _row_length(len(names), max_columns)))
        row += 1 + blocks[-1].n_rows
    return blocks


def _row_length(n_maps: int, max_columns: int) -> int:
    """Length of the rows, equal for all where that does not make them too short."""
    longest = min(n_maps, max_columns)
    equal = [n for n in range(1, longest + 1) if n_maps % n == 0]
    return equal[-1] if 2 * equal[-1] >= longest else longest


def _limits(values: NDArray[Any], percentile: float) -> tuple[float, float, bool]:
    """Find the ends of a map's colour scale, and whether zero is its middle."""
    magnitude = np.abs(values)
    largest = float(magnitude.max())
    if float(values.min()) < -_ROUNDING * largest:
        end = float(np.percentile(magnitude, percentile)) or largest
        return -end, end, True
    low, high = (float(q) for q in np.percentile(values, (100 - percentile, percentile)))
    return (low, high, False) if low < high else (float(values.min()), largest, False)


def _short(value: float) -> str:
    """Return a number to two digits, 1800 rather than 1.8e+03."""
    return f"{float(f'{value:.2g}'):g}"
