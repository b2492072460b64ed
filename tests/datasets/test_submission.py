import csv

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_isi.datasets import check_submission, write_submission


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.csv"


def test_bytes_of_the_file(path):
    write_submission(path, ["a.png", "b.DCM", "c.v2", "Ärzte", "d.png.png"], [1, 0, 1, 0, 1])
    assert path.read_bytes() == "a,1\nb,0\nc.v2,1\nÄrzte,0\nd.png,1\n".encode()


@pytest.mark.parametrize(
    "labels",
    [
        [True, False],
        np.array([1, 0], dtype=np.uint8),
        np.array([True, False]),
        pd.Series([1, 0], index=[7, 3]),
        (np.int64(1), False),
    ],
    ids=["bool", "uint8", "numpy bool", "series", "mixed"],
)
def test_kinds_of_labels(path, labels):
    write_submission(path, np.array(["a", "b"]), labels)
    assert path.read_text() == "a,1\nb,0\n"


@pytest.mark.parametrize("label", [2, -1, 1.0, 0.7, "1", None, np.float32(1), np.nan, "used"])
def test_other_labels_are_named(path, label):
    with pytest.raises(ValueError, match=r"0 and 1 or booleans; got .* at position 1") as caught:
        write_submission(path, ["a", "b", "c"], [0, label, 1])
    assert str(label) in str(caught.value)
    assert not path.exists()


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["a", "a"], "'a' occurs more than once"),
        (["a.png", "a.JPG"], "'a' occurs more than once"),
        (["a", ""], "empty"),
        (["a", ".png"], r"id '\.png' is empty without"),
        (["a", "b,c"], "'b,c' contains a comma"),
        (["a", "b\n"], "line break"),
        (["a", "b\rc"], "line break"),
        (["a", '"b"'], "a quote"),
        (["a", " b"], "white space"),
        (["a", "real_unknown/b.png"], "a slash; expected the name of an image file without its"),
        (["a", "b", "c"], "3 ids and 2 labels"),
        (["a"], "1 ids and 2 labels"),
    ],
)
def test_ids_that_are_refused(path, ids, message):
    with pytest.raises(ValueError, match=message):
        write_submission(path, ids, [0, 1])
    assert not path.exists()


@pytest.mark.parametrize("ids", ["ab", [1, 2], [b"a", b"b"]])
def test_ids_that_are_no_strings(path, ids):
    with pytest.raises(TypeError, match="got"):
        write_submission(path, ids, [0, 1])


def test_labels_of_another_shape(path):
    with pytest.raises(ValueError, match=r"shape \(2, 2\)"):
        write_submission(path, ["a", "b"], [[0, 1], [1, 0]])


def test_check_returns_labels_in_the_order_of_ids(path):
    path.write_text("c,1\na,0\nb,1")  # without the last line end
    labels = check_submission(path, ["a.png", "b", "c"])
    np.testing.assert_array_equal(labels, [0, 1, 1])
    assert labels.dtype.kind == "i"


printable = st.text(st.characters(categories=("L", "N"), include_characters="._- "), min_size=1)


@given(
    st.dictionaries(printable.map(lambda s: "x" + s + "x"), st.booleans(), min_size=1, max_size=8)
)
def test_round_trip_also_through_the_csv_module(tmp_path_factory, answers):
    path = tmp_path_factory.mktemp("run") / "run.csv"
    write_submission(path, answers, list(answers.values()))
    order = sorted(answers)
    expected = [int(answers[name]) for name in order]
    np.testing.assert_array_equal(check_submission(path, order), expected)
    with path.open(encoding="utf-8", newline="") as file:
        rows = dict(csv.reader(file))
    assert [int(rows[name]) for name in order] == expected


@pytest.mark.parametrize(
    ("content", "messages"),
    [
        ("a,1\nb,0\n", ["1 missing: 'c'"]),
        ("a,1\nb,0\nc,1\nd,1\n", ["1 unexpected: 'd'"]),
        ("a,1\nb,0\nc,1\nb,0\n", ["1 repeated: 'b'"]),
        ("a,1\nb,0\nc,1\nb,1\n", ["1 repeated: 'b'"]),
        ("id,label\na,1\nb,0\nc,1\n", ["line 1: 'id,label' looks like a header"]),
        ("a,1\nb,2\nc,1\n", ["line 2: the label of 'b' is '2'"]),
        (
            "a,1\nb,1.0\nc,\n",
            ["line 2: the label of 'b' is '1.0'", "line 3: the label of 'c' is ''"],
        ),
        ("a, 1\nb,0\nc,1\n", ["line 1: the label of 'a' is ' 1'"]),
        ("a,1\n\nb,0\nc,1\n", ["line 2: '' is not 'id,0' or 'id,1'"]),
        ("a,1\nb;0\nc,1\n", ["line 2: 'b;0' is not", "1 missing: 'b'"]),
        ("a,1\nb,0,0\nc,1\n", ["line 2: 'b,0,0' is not", "1 missing: 'b'"]),
        ("a,1\nb.png,0\nc,1\n", ["line 2: the id 'b.png' carries the suffix"]),
        ("a,1\r\nb,0\r\nc,1\r\n", ["lines end in"]),
        ("\ufeffa,1\nb,0\nc,1\n", ["byte order mark"]),
        ("", ["3 missing: 'a', 'b', 'c'"]),
    ],
)
def test_faults_of_a_file(path, content, messages):
    path.write_bytes(content.encode())
    with pytest.raises(ValueError, match=r"run\.csv is not a valid submission") as caught:
        check_submission(path, ["a", "b", "c"])
    faults = str(caught.value).split("\n")[1:]
    assert len(faults) == len(messages)
    for fault, message in zip(faults, messages, strict=True):
        assert message in fault


def test_long_lists_are_cut_short(path):
    path.write_text("".join(f"x{i},9\n" for i in range(50)))
    with pytest.raises(ValueError, match="not a valid") as caught:
        check_submission(path, [f"y{i}" for i in range(50)])
    text = str(caught.value)
    assert "50 missing: 'y0', 'y1', 'y2', 'y3', 'y4' and 45 more" in text
    assert "45 more such lines" in text
    assert len(text.split("\n")) < 10


def test_file_that_is_no_text(path):
    path.write_bytes(b"a,1\n\xff\xfe,0\n")
    with pytest.raises(ValueError, match=r"run\.csv is not UTF-8"):
        check_submission(path, ["a"])
    with pytest.raises(FileNotFoundError):
        check_submission(path.parent / "none.csv", ["a"])
