"""The five derivatives of an image in one pass, compiled by numba (the extra `fast`)."""

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def five_derivatives(
    padded: NDArray[np.float32],
    smooth: NDArray[np.float64],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Return the derivatives x, y, xx, xy, yy of an image padded by the kernels' radius.

    The sums are in double precision, in the order of :func:`scipy.ndimage.correlate1d`.
    """
    radius = len(smooth) // 2
    width = padded.shape[1]
    n_rows, n_columns = padded.shape[0] - 2 * radius, width - 2 * radius
    out = np.empty((5, n_rows, n_columns), dtype=np.float32)
    sums = np.empty((3, width))
    smooth_y = np.empty(width, dtype=np.float32)
    first_y = np.empty(width, dtype=np.float32)
    second_y = np.empty(width, dtype=np.float32)
    for row in range(n_rows):
        for c in range(width):
            middle = np.float64(padded[row + radius, c])
            sums[0, c] = middle * smooth[radius]
            sums[1, c] = middle * first[radius]
            sums[2, c] = middle * second[radius]
        for tap in range(radius):
            for c in range(width):
                above = np.float64(padded[row + tap, c])
                below = np.float64(padded[row + 2 * radius - tap, c])
                sums[0, c] += (above + below) * smooth[tap]
                sums[1, c] += (above - below) * first[tap]
                sums[2, c] += (above + below) * second[tap]
        for c in range(width):
            smooth_y[c] = sums[0, c]
            first_y[c] = sums[1, c]
            second_y[c] = sums[2, c]
        _along_row(smooth_y, first, -1.0, out[0, row])
        _along_row(first_y, smooth, 1.0, out[1, row])
        _along_row(smooth_y, second, 1.0, out[2, row])
        _along_row(first_y, first, -1.0, out[3, row])
        _along_row(second_y, smooth, 1.0, out[4, row])
    return out


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def _along_row(
    line: NDArray[np.float32], kernel: NDArray[np.float64], sign: float, out: NDArray[np.float32]
) -> None:
    radius = len(kernel) // 2
    sums = np.empty(len(out))
    for c in range(len(out)):
        sums[c] = line[c + radius] * kernel[radius]
    for tap in range(radius):
        mirrored = 2 * radius - tap
        for c in range(len(out)):
            sums[c] += (np.float64(line[c + tap]) + sign * line[c + mirrored]) * kernel[tap]
    for c in range(len(out)):
        out[c] = sums[c]
