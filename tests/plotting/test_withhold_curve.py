import matplotlib.pyplot as plt
import numpy as np
import pytest

from gan_isi.audit.measures import Estimate
from gan_isi.plotting import WithholdDisplay

SHARES = (0.0, 0.5, 0.9)


class Result:
    """The highest AUCs of a made-up result."""

    shares = SHARES

    def highest(self, who, share):
        value = {"named": 0.9, "not named": 0.95, "at random": 0.92}[who] - 0.3 * share
        return "attack", Estimate(value, value - 0.1, min(1.0, value + 0.1), "")


@pytest.fixture
def shown():
    return WithholdDisplay.from_result(Result())


def test_the_curves_are_the_highest_aucs_with_their_intervals(shown):
    for curve, who in zip(shown.lines_, ("named", "not named", "at random"), strict=True):
        line, _, (bars,) = curve
        found = [Result().highest(who, share)[1] for share in SHARES]
        np.testing.assert_allclose(line.get_ydata(), [one.value for one in found])
        np.testing.assert_allclose(line.get_xdata(), 100 * np.array(SHARES), atol=1)
        ends = [segment[:, 1] for segment in bars.get_segments()]
        np.testing.assert_allclose(ends, [(one.low, one.high) for one in found])
    texts = [text.get_text() for text in shown.ax_.get_legend().get_texts()]
    assert texts[1] == "training images that nobody named"
    assert shown.chance_line_.get_ydata()[0] == 0.5


def test_it_is_drawn_within_its_axes_and_again(shown):
    shown.figure_.canvas.draw()
    figure, axes = plt.subplots(1, 2, layout="constrained")
    again = shown.plot(axes[1])
    assert again is shown
    assert shown.figure_ is figure
    assert not axes[0].has_data()
    width, height = figure.get_size_inches()
    figure.canvas.draw()
    tight = figure.get_tightbbox()
    assert tight.x1 < width + 0.02
    assert tight.y1 < height + 0.02


def test_curves_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="value, low and high at 2 shares; its shape is"):
        WithholdDisplay([0, 0.5], {"a": [[0.5, 0.4, 0.6]]}).plot()
    with pytest.raises(ValueError, match="At most 3 curves"):
        WithholdDisplay([0], {name: [[0.5, 0.4, 0.6]] for name in "abcd"}).plot()
