"""What a notebook shows of an audit."""

from html.parser import HTMLParser

import numpy as np
import pytest

from gan_isi import audit, datasets
from gan_isi.plotting import AuditDisplay


@pytest.fixture(scope="module")
def result():
    problem = datasets.make_membership_problem(
        30, n_generated=40, image_size=32, memorization=0.95, random_state=0
    )
    return audit.audit(
        ["nearest", "relative_nearest"], problem.images, problem.target,
        generated=problem.generated, n_permutations=19, n_resamples=100, random_state=0,
    )  # fmt: skip


class Cells(HTMLParser):
    """The rows of all tables, and whether each tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1].append(data)


def test_a_notebook_shows_verdict_table_and_pairs(result):
    shown = result._repr_html_()
    assert result.verdict().said[0].text in shown
    found = Cells(shown)
    assert not found.open
    rows = {row[0]: row[1:] for row in found.rows}
    for name, one in result.attacks.items():
        assert rows[name] == [str(one.measures["AUC"]), f"{one.p_value:.2g}"]
    pairs = found.rows[-3:]
    attack = max(
        (one for name, one in result.attacks.items() if name != "blind"),
        key=lambda one: one.measures["AUC"].value,
    )
    for real, generated, _ in pairs:
        number = int(real.removeprefix("image "))
        assert result.labels[number] == 1
        assert int(generated.removeprefix("image ")) == attack.evidence.generated[number, 0]


def test_a_notebook_holds_no_pictures_and_obeys_no_names(result):
    from dataclasses import replace

    names = tuple(f"<b>{i}&" for i in range(len(result.labels)))
    shown = replace(result, real_names=names)._repr_html_()
    assert "img" not in shown
    assert "<b>1" not in shown
    assert "&lt;b&gt;" in shown


def test_wide_has_one_row_an_attack(result):
    wide = result.to_frame(wide=True)
    assert list(wide.index) == list(result.attacks)
    long = result.to_frame().set_index(["attack", "measure"])
    for (measure, kind), column in wide.items():
        for name, value in column.items():
            if (name, measure) in long.index:
                np.testing.assert_equal(value, long.loc[(name, measure), kind])
            else:
                assert np.isnan(value)
    assert wide["AUC"].columns.tolist() == ["value", "low", "high"]
    assert wide["detectable AUC"].columns.tolist() == ["value"]


def test_plot_shows_each_attack(result):
    shown = result.plot()
    assert isinstance(shown, AuditDisplay)
    line, _, (bars,) = shown.errorbar_
    for place, (name, one) in enumerate(result.attacks.items()):
        auc = one.measures["AUC"]
        assert line.get_xdata()[place] == auc.value
        np.testing.assert_allclose(bars.get_segments()[place][:, 0], [auc.low, auc.high])
        assert shown.ax_.get_yticklabels()[place].get_text() == name
        assert shown.detectable_.get_xdata()[place] == one.detectable_auc
    texts = [text.get_text() for text in shown.ax_.texts]
    assert texts == [f"p = {one.p_value:.2g}" for one in result.attacks.values()]
    assert shown.ax_.get_ylim()[0] > shown.ax_.get_ylim()[1]  # the first one on top


def test_plot_without_p_values_and_with_wrong_numbers():
    shown = AuditDisplay(["a $b$"], [[0.6, 0.5, 0.7]]).plot()
    assert shown.detectable_ is None
    assert not shown.ax_.texts
    assert shown.ax_.get_yticklabels()[0].get_text() == r"a \$b\$"
    with pytest.raises(ValueError, match="value, low and high of 2 attacks"):
        AuditDisplay(["a", "b"], [[0.6, 0.5, 0.7]]).plot()
    with pytest.raises(ValueError, match="p_values has to hold one number"):
        AuditDisplay(["a"], [[0.6, 0.5, 0.7]], p_values=[0.1, 0.2]).plot()
