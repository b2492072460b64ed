"""The AUC over a training, with its onset."""

import numpy as np
import pytest

from gan_isi.plotting import AuditDisplay, MonitorDisplay, WithholdDisplay

ROWS = np.array([[0.5, 0.4, 0.65], [0.9, 0.8, 0.95], [1.0, 0.9, 1.0]])


def drawn_ends(container):
    """The ends of error bars, one pair a bar."""
    (bars,) = container.lines[2]
    return np.array(bars.get_segments())


def test_values_bounds_and_onset():
    shown = MonitorDisplay([10, 20, 40], ROWS, onset=20).plot()
    np.testing.assert_array_equal(
        shown.errorbar_.lines[0].get_xydata().T, [[10, 20, 40], ROWS[:, 0]]
    )
    np.testing.assert_allclose(drawn_ends(shown.errorbar_)[:, :, 1], ROWS[:, 1:])
    assert shown.onset_line_.get_xdata()[0] == 20
    assert [text.get_text() for text in shown.ax_.get_legend().get_texts()] == ["onset: 20"]
    without = MonitorDisplay([10, 20, 40], ROWS).plot()
    assert without.onset_line_ is None
    assert without.ax_.get_legend() is None


def test_all_displays_of_intervals_draw_the_same_ends():
    audited = AuditDisplay(["a", "b", "c"], ROWS).plot()
    np.testing.assert_allclose(drawn_ends(audited.errorbar_)[:, :, 0], ROWS[:, 1:])
    (withheld,) = WithholdDisplay([0, 0.5, 0.9], {"named": ROWS}).plot().lines_
    np.testing.assert_allclose(drawn_ends(withheld)[:, :, 1], ROWS[:, 1:])


def test_a_bound_beyond_its_value_by_rounding_draws_no_bar():
    (bar,) = drawn_ends(MonitorDisplay([1], [[0.5, np.nextafter(0.5, 1), 0.6]]).plot().errorbar_)
    np.testing.assert_allclose(bar[:, 1], [0.5, 0.6])


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"low and high at 2 steps; its shape is \(3, 3\)"):
        MonitorDisplay([1, 2], ROWS).plot()
