"""The entropy's inner loop, compiled by numba (the extra `fast`)."""

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def window_sums(
    levels: NDArray[np.int64], n_levels: int, size: int, steps: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum over the levels of every window what belongs to their counts.

    ``steps[count]`` is what a sum grows by when a level that was there `count` times comes once
    more. A histogram slides along each row; each move removes one column of pixels and adds
    another. `levels` holds numbers from 0 to `n_levels` - 1.
    """
    n_rows, n_columns = levels.shape[0] - size + 1, levels.shape[1] - size + 1
    sums = np.empty((n_rows, n_columns))
    counts = np.zeros(n_levels, dtype=np.int64)
    for row in range(n_rows):
        counts[:] = 0
        total = 0.0
        for column in range(n_columns + size - 1):
            # Two sums, so that neither has to wait for the other.
            removed = added = 0.0
            for i in range(row, row + size):
                # Remove before adding: the table ends where a count fills the window.
                if column >= size:
                    level = levels[i, column - size]
                    counts[level] -= 1
                    removed += steps[counts[level]]
                level = levels[i, column]
                added += steps[counts[level]]
                counts[level] += 1
            total += added - removed
            if column >= size - 1:
                sums[row, column - size + 1] = total
    return sums
