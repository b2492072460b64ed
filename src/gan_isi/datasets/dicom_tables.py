"""Lookup tables of DICOM for grey values and for colours."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def table_of(data: Any, descriptor: Any, dataset: Any) -> tuple[NDArray[Any], int]:
    """Return the entries of a lookup table, and their number of bits."""
    count, bits = int(descriptor[0]) or 2**16, int(descriptor[2])
    if isinstance(data, bytes):
        order = ">" if dataset.original_encoding[1] is False else "<"
        # Entries of 8 bits may lie in bytes or in words.
        kind = "u1" if len(data) < 2 * count else f"{order}u2"
        bits = 8 if kind == "u1" else bits
        values = np.frombuffer(
            data[: len(data) // np.dtype(kind).itemsize * np.dtype(kind).itemsize], kind
        )
    else:
        values = np.atleast_1d(np.asarray(data))
    if len(values) < count or not 1 <= bits <= 16:
        raise ValueError(f"its lookup table has {len(values)} entries instead of {count}")
    return values[:count].astype(np.uint8 if bits <= 8 else np.uint16), bits


def through(stored: NDArray[Any], values: NDArray[Any], descriptor: Any) -> NDArray[Any]:
    """Look values up; values below the first or above the last entry take that entry."""
    return values[np.clip(stored.astype(np.int64) - int(descriptor[1]), 0, len(values) - 1)]


def through_palette(stored: NDArray[Any], dataset: Any) -> tuple[NDArray[Any], int]:
    """Return the colours of indices, and their number of bits."""
    if "RedPaletteColorLookupTableData" not in dataset:  # segmented, or missing
        from pydicom.pixels import apply_color_lut

        colours = apply_color_lut(stored, dataset)
        return colours[..., :3], 8 * colours.itemsize
    parts, bits = [], 0
    for colour in ("Red", "Green", "Blue"):
        descriptor = dataset[f"{colour}PaletteColorLookupTableDescriptor"].value
        data = dataset[f"{colour}PaletteColorLookupTableData"].value
        values, bits = table_of(data, descriptor, dataset)
        parts.append(through(stored, values, descriptor))
    return np.stack(parts, axis=-1), bits
