"""The closest of many references, found a part after the other."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from gan_isi.distances.closest import closest_of, merged

# Few different distances, so that many are equal.
distances = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 30)),
    elements=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
)


def brute(values, n_kept):
    order = np.array(
        [sorted(range(len(row)), key=lambda i: (row[i], i))[:n_kept] for row in values.tolist()]
    )
    return np.take_along_axis(values, order, axis=1), order


@given(distances, st.integers(1, 40))
def test_as_by_sorting_all(values, n_kept):
    found = closest_of(values, n_kept)
    for one, other in zip(found, brute(values, n_kept), strict=True):
        assert_array_equal(one, other)


@given(distances, st.integers(1, 40), st.integers(1, 11))
def test_parts_come_to_the_same_as_the_whole(values, n_kept, size):
    starts = range(0, values.shape[1], size)
    parts = [closest_of(values[:, i : i + size], n_kept).shifted(i) for i in starts]
    for one, other in zip(merged(parts, n_kept), brute(values, n_kept), strict=True):
        assert_array_equal(one, other)
    one_by_one = parts[0]
    for part in parts[1:]:
        one_by_one = merged([one_by_one, part], n_kept)
    assert_array_equal(one_by_one.numbers, merged(parts, n_kept).numbers)
