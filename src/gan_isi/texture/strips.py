"""Maps of very large images, a strip of rows after the other."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._validation.typing import FloatImage

#: Pixels up to which an image is one strip. Their filters take some 100 MB.
LARGEST_STRIP = 2**22


def in_strips(
    image: FloatImage,
    function: Callable[[FloatImage], Any],
    radius: int,
    mode: Literal["symmetric", "edge", "reflect", "wrap"] = "symmetric",
) -> Any:
    """Filter an image in strips, so that little more than the result is in memory.

    Parameters
    ----------
    image : ndarray of shape (height, width)
        One grey image.
    function : callable
        Gives an array (..., height, width) or a list of such of an image, by rows up to
        `radius` away.
    radius : int
        Rows above and below that a strip is given; what comes out of them is left out.
    mode : str
        How the image goes on above and below, in the words of :func:`numpy.pad`.

    Returns
    -------
    ndarray of shape (..., height, width)
        The bits of ``function(image)``, where that continues the image by the same `mode`.
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
