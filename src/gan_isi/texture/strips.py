"""Maps of very large images, computed one strip of rows after the other."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._validation.typing import FloatImage

#: Number of pixels up to which an image is one strip. Its filters take about 100 MB.
LARGEST_STRIP = 2**22


def in_strips(
    image: FloatImage,
    function: Callable[[FloatImage], Any],
    radius: int,
    mode: Literal["symmetric", "edge", "reflect", "wrap"] = "symmetric",
) -> Any:
    """Filter an image in strips, so that memory holds little more than the result.

    Parameters
    ----------
    image : ndarray of shape (height, width)
        One grey image.
    function : callable
        Filter that takes an image and returns an array (..., height, width) or a list of
        such arrays. A row of its result may depend on rows up to `radius` away.
    radius : int
        Number of rows above and below that are added to each strip, and dropped from its
        result.
    mode : str
        Mode of :func:`numpy.pad` that continues the image above and below.

    Returns
    -------
    ndarray of shape (..., height, width)
        The result of ``function(image)`` to the last bit, if that continues the image by
        the same `mode`.
    """
    height, width = image.shape
    if image.size <= LARGEST_STRIP:
        return function(image)
    rows: NDArray[np.intp] = np.pad(np.arange(height), radius, mode=mode)
    step = max(1, LARGEST_STRIP // width)
    out = np.empty(0)
    for top in range(0, height, step):
        bottom = min(top + step, height)
        maps = np.asarray(function(image[rows[top : bottom + 2 * radius]]))
        if not top:
            out = np.empty((*maps.shape[:-2], height, width), dtype=maps.dtype)
        out[..., top:bottom, :] = maps[..., radius : radius + bottom - top, :]
    return out
