"""Which columns belong together: the maps of a descriptor family, or of a view."""

from collections.abc import Sequence
from math import isqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Block(NamedTuple):
    """Consecutive columns of one origin.

    Attributes
    ----------
    name : str
        Name of the descriptor family, or of the view.
    maps : tuple of str
        Names of its maps; none where it is dropped.
    width : int
        Number of columns of each map.
    cdf : bool
        Whether the columns are CDF vectors of texture maps.
    """

    name: str
    maps: tuple[str, ...]
    width: int = 1
    cdf: bool = False

    @property
    def n_columns(self) -> int:
        """Number of its columns."""
        return len(self.maps) * self.width


def picture_shape(width: int) -> tuple[int, int, int] | None:
    """Return the shape (channels, side, side) of square pictures of so many pixels, if any.

    Grey or of three channels: no square is three times another one.
    """
    for channels in (1, 3):
        side = isqrt(width // channels)
        if channels * side**2 == width:
            return channels, side, side
    return None


def slices_of(blocks: Sequence[Block]) -> list[slice]:
    """Return where the columns of each block lie."""
    ends = np.cumsum([block.n_columns for block in blocks], dtype=int).tolist()
    return [slice(end - block.n_columns, end) for end, block in zip(ends, blocks, strict=True)]


def columns_of(blocks: Sequence[Block], names: Sequence[str]) -> NDArray[np.intp]:
    """Return the numbers of the columns of the blocks of these names."""
    own = [np.arange(at.start, at.stop) for block, at in zip(blocks, slices_of(blocks), strict=True)
           if block.name in names]  # fmt: skip
    return np.concatenate([np.empty(0, dtype=np.intp), *own])


def map_names(blocks: Sequence[Block]) -> list[str]:
    """Return the names of all maps, in the order of their columns."""
    return [name for block in blocks for name in block.maps]


def check_blocks(blocks: Sequence[Block], n_maps: int) -> list[Block]:
    """Return the blocks of a bag's maps; ValueError unless they add up to them."""
    kept = [block for block in blocks if block.maps]
    if len(map_names(kept)) != n_maps:
        raise ValueError(
            f"X has {n_maps} maps, but blocks name {len(map_names(kept))}: "
            f"{[block.name for block in kept]}."
        )
    return kept
