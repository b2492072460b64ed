"""Sums over all windows of pictures, as sums of rectangles."""

import numpy as np
from numpy.typing import NDArray


def window_sums(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return the sum of each window, from the sums of all that lies above and to the left.

    Parameters
    ----------
    values : ndarray of shape (..., height, width), float64
        Values of about mean 0, or digits are lost.
    size : int
        Side of the windows in pixels.

    Returns
    -------
    ndarray of shape (..., height - size + 1, width - size + 1)
        By the place of the upper left corner.
    """
    edges = [(0, 0)] * (values.ndim - 2) + [(1, 0), (1, 0)]
    total = np.pad(values, edges).cumsum(axis=-2).cumsum(axis=-1)
    rows = total[..., size:, :] - total[..., :-size, :]
    return rows[..., size:] - rows[..., :-size]
