"""Weighted sums of exponentials in single precision, compiled by numba (the extra `fast`)."""

import numba
import numpy as np
from numpy.typing import NDArray

# As constants of single precision, since numba would turn to double.
_PER_LOG, _LEAST, _ZERO, _ONE = (np.float32(c) for c in (1 / np.log(2), -126, 0, 1))

#: Of 2**y - 1 for y from -1/2 to 1/2, y**6 first: the least squares fit of the relative error of
#: 2**y at 400 Chebyshev nodes, which is 2e-9 at most.
_C6, _C5, _C4, _C3, _C2, _C1 = (
    np.float32(c)
    for c in (
        0.00015370704814439678,
        0.0013399848290642155,
        0.009618373251358593,
        0.055503290351537476,
        0.24022648462281154,
        0.6931472055770994,
    )
)


@numba.njit(nogil=True, cache=True, fastmath={"contract", "reassoc", "nsz"})  # type: ignore[untyped-decorator,unused-ignore]
def weighted_exponentials(
    exponents: NDArray[np.float32], weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Sum ``weights * exp(min(exponents, 0))`` over each row.

    One pass over the exponents, without branches, so that it is vectorised on any processor.
    """
    sums = np.empty(len(exponents), dtype=np.float32)
    for i in range(len(exponents)):
        total = _ZERO
        for j in range(len(weights)):
            # exp(t) is 2**x with a whole and a broken part of x; the whole one is bits.
            x = max(min(exponents[i, j], _ZERO) * _PER_LOG, _LEAST)
            whole = np.rint(x)
            y = x - whole
            broken = (((((_C6 * y + _C5) * y + _C4) * y + _C3) * y + _C2) * y + _C1) * y + _ONE
            bits = np.int32((np.int32(whole) + np.int32(127)) << np.int32(23))
            total += broken * bits.view(np.float32) * weights[j]
        sums[i] = total
    return sums
