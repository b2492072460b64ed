"""Files are written whole or not at all, and names stay names."""

import csv
import os
import stat
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_isi import audit, datasets, make_pipeline
from gan_isi._runtime.output import as_cell, csv_text, from_cell, visible, write_atomically

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions and devices of POSIX")


def breaks(file):
    file.write(b"half")
    raise OSError(28, "No space left on device")


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, breaks)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.csv"]


@posix
@pytest.mark.parametrize("umask", [0, 0o022, 0o277])
def test_a_new_file_is_for_its_owner(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "a", b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600 & ~umask


@posix
def test_a_file_that_is_replaced_keeps_its_permissions_and_a_link_its_target(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "real").chmod(0o644)
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o644


@posix
def test_devices_stay_and_pipes_are_not_waited_for(tmp_path):
    write_atomically("/dev/null", "gone")
    assert not os.path.isfile("/dev/null")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="it is not a file"):
        write_atomically(tmp_path / "pipe", "waits")


def test_half_a_character_is_written_as_one_reads_it(tmp_path):
    write_atomically(tmp_path / "a", "\udce9.png")
    assert (tmp_path / "a").read_bytes() == rb"\udce9.png"


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_cells_are_read_back_and_begin_no_formula(text):
    cell = as_cell(text)
    assert from_cell(cell) == text
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert not {unicodedata.category(one) for one in cell} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert list(csv.reader([csv_text([text and "n"], [[text]]).split("\n")[1]])) in ([[cell]], [[]])


def test_numbers_in_a_table_stay_numbers():
    assert csv_text(["a"], [[-1.5], ["-1.5"]]) == "a\n-1.5\n'-1.5\n"


def test_terminals_are_shown_no_orders():
    assert visible("a\x1b[31m\x9b\u202eé\xa0日") == "a\\x1b[31m\\x9b\\u202eé\xa0日"
    assert visible("a\nb", keep="\n") == "a\nb"


def test_ids_of_a_submission_that_begin_a_formula(tmp_path):
    ids = ["=a", "-1", "+b", "@c", "'d", "e"]
    datasets.write_submission(tmp_path / "run.csv", ids, [1, 0, 1, 0, 1, 0])
    lines = (tmp_path / "run.csv").read_text().split("\n")[:-1]
    assert lines == ["'=a,1", "'-1,0", "'+b,1", "'@c,0", "''d,1", "e,0"]
    found = datasets.check_submission(tmp_path / "run.csv", ids)
    np.testing.assert_array_equal(found, [1, 0, 1, 0, 1, 0])


@pytest.mark.parametrize("name", ["$x$", "a $ b", "$\\frac{$", "half \udce9", "<b>"])
def test_a_report_of_an_attack_of_any_name(tmp_path, name):
    pytest.importorskip("jinja2", reason='needs the extra "report"')
    it = datasets.make_membership_problem(
        20, n_generated=12, memorization=0.9, image_size=16, random_state=0
    )
    result = audit.audit(
        {name: make_pipeline("nearest")}, it.images, it.target, generated=it.generated,
        cv=2, n_permutations=0, n_resamples=20, random_state=0,
    )  # fmt: skip
    result.to_html(tmp_path / "a.html")
    result.to_json(tmp_path / "a.json")
    assert "</html>" in (tmp_path / "a.html").read_text(encoding="utf-8")
