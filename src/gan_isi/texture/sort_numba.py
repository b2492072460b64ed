"""Sorting single precision by its bits, compiled by numba (the extra `fast`)."""

import numba
import numpy as np
from numpy.typing import NDArray

#: Digits of 11, 11 and 10 bits, from the last.
_DIGIT, _LAST = np.uint32(2**11 - 1), np.uint32(22)
_SIGN = np.uint32(2**31)


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def sorted_rows(rows: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Sort rows of the bits of single precision, without NaN: three passes, whatever the values.

    The values are sorted by the last 11 bits, then by those before, each pass keeping the
    order of the one before (radix sort, least significant digit first). With the sign turned
    round, and all bits of negative ones, bits have the order of their values.
    """
    n = rows.shape[1]
    ordered = np.empty_like(rows)
    one, other = np.empty(n, np.uint32), np.empty(n, np.uint32)
    ends = np.empty((3, _DIGIT + 1), np.int64)
    for number in range(rows.shape[0]):
        ends[:] = 0
        for i in range(n):
            bits = rows[number, i]
            bits = ~bits if bits & _SIGN else bits | _SIGN
            one[i] = bits
            ends[0, bits & _DIGIT] += 1
            ends[1, (bits >> np.uint32(11)) & _DIGIT] += 1
            ends[2, bits >> _LAST] += 1
        for digit in range(3):
            before = 0
            for value in range(_DIGIT + 1):
                count = ends[digit, value]
                ends[digit, value] = before
                before += count
        for i in range(n):
            bits = one[i]
            place = bits & _DIGIT
            other[ends[0, place]] = bits
            ends[0, place] += 1
        for i in range(n):
            bits = other[i]
            place = (bits >> np.uint32(11)) & _DIGIT
            one[ends[1, place]] = bits
            ends[1, place] += 1
        for i in range(n):
            bits = one[i]
            place = bits >> _LAST
            ordered[number, ends[2, place]] = bits ^ _SIGN if bits & _SIGN else ~bits
            ends[2, place] += 1
    return ordered
