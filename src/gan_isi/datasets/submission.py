"""The challenge's CSV: one line ``id,0`` or ``id,1`` for each image, without a header."""

import os
from collections import Counter
from collections.abc import Iterable
from numbers import Integral
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._runtime.output import as_cell, from_cell, write_atomically
from .files import IMAGE_SUFFIXES

_SHOWN = 5

#: Characters that would end a field, a line or the name of a file.
_FORBIDDEN = {",": "a comma", '"': "a quote", "/": "a slash", "\\": "a backslash"}


def write_submission(path: str | os.PathLike[str], ids: Iterable[str], labels: ArrayLike) -> None:
    r"""Write predicted labels as a submission to the ImageCLEFmedical GANs challenge.

    The file is UTF-8 without a header. It has one line ``id,label`` for each image, and lines
    end in a newline character. An id that begins with = + - @ or an apostrophe gets an
    apostrophe before it, so that no spreadsheet takes it for a formula; `check_submission`
    reads ids with and without it.

    Parameters
    ----------
    path : path-like
        File to write; an existing file is replaced.
    ids : iterable of str of length n_images
        Names of the images; the suffix of an image file (.png, .jpg, ...) is removed.
    labels : array-like of shape (n_images,)
        Labels: 1 for used, 0 for not used; integers or booleans.

    Raises
    ------
    ValueError
        If an id is empty, repeated or not allowed in the file, if a label is neither 0 nor
        1, or if the numbers of labels and ids differ. Nothing is written then.
    TypeError
        If an id is not a string.

    See Also
    --------
    check_submission : Reads such a file and checks it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "run.csv")
    ...     write_submission(file, ["scan_1.png", "scan_2.png"], [1, 0])
    ...     file.read_text()
    'scan_1,1\nscan_2,0\n'
    """
    names = _clean_ids(ids)
    values = _clean_labels(labels)
    if len(names) != len(values):
        raise ValueError(f"Got {len(names)} ids and {len(values)} labels; expected equal numbers.")
    text = "".join(f"{as_cell(name)},{value}\n" for name, value in zip(names, values, strict=True))
    write_atomically(path, text)


def check_submission(path: str | os.PathLike[str], ids: Iterable[str]) -> NDArray[np.int_]:
    """Read a submission and check that it labels every image exactly once.

    Parameters
    ----------
    path : path-like
        File to read.
    ids : iterable of str of length n_images
        Names of the images that have to be labelled; the suffix of an image file is removed.

    Returns
    -------
    ndarray of shape (n_images,), int
        Labels in the order of `ids`; the lines of the file may have any order.

    Raises
    ------
    ValueError
        If the file is not such a submission; the message lists the first few ids that are
        missing, unexpected or repeated, and the lines that are malformed.

    See Also
    --------
    write_submission : Writes such a file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "run.csv")
    ...     write_submission(file, ["scan_1", "scan_2"], [1, 0])
    ...     check_submission(file, ["scan_2", "scan_1"])
    array([0, 1])
    """
    expected = _clean_ids(ids)
    text, problems = _decode(Path(path))
    rows, line_problems = _parse(text, set(expected))
    problems += line_problems
    counts = Counter(name for name, _ in rows)
    wanted = set(expected)
    problems += _list("missing", [name for name in expected if name not in counts])
    problems += _list("unexpected", [name for name in counts if name not in wanted])
    problems += _list("repeated", [name for name, count in counts.items() if count > 1])
    if problems:
        raise ValueError(
            f"{path} is not a valid submission (expected one line 'id,0' or 'id,1' for each of "
            f"{len(expected)} images, no header):\n" + "\n".join(f"- {item}" for item in problems)
        )
    labels = dict(rows)
    return np.array([labels[name] for name in expected], dtype=int)


def _clean_ids(ids: Iterable[str]) -> list[str]:
    if isinstance(ids, str):
        raise TypeError(f"Expected a list of ids; got the string {ids!r}.")
    names = [_clean_id(item) for item in ids]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(
            f"Ids without suffix have to differ; {_shorten(repeated)} "
            f"occur{'s' if len(repeated) == 1 else ''} more than once."
        )
    return names


def _clean_id(item: str) -> str:
    if not isinstance(item, str):
        raise TypeError(f"Ids have to be strings; got {type(item).__name__}: {item!r}.")
    name = _without_suffix(str(item))
    if not name:
        raise ValueError(f"The id {item!r} is empty without its suffix.")
    faults = [fault for character, fault in _FORBIDDEN.items() if character in name]
    if not name.isprintable():
        faults.append("a line break or another control character")
    if name != name.strip():
        faults.append("white space at its beginning or end")
    if faults:
        raise ValueError(
            f"The id {item!r} contains {' and '.join(faults)}; expected the name of an image "
            "file without its folder."
        )
    return name


def _without_suffix(name: str) -> str:
    for suffix in IMAGE_SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def _clean_labels(labels: ArrayLike) -> list[int]:
    # An object array keeps 1.0, "1" and True apart.
    values = np.asarray(labels, dtype=object)
    if values.ndim != 1:
        raise ValueError(f"Labels have shape {values.shape}; expected one label for each image.")
    for position, value in enumerate(values):
        if not isinstance(value, Integral | np.bool_) or value not in (0, 1):
            raise ValueError(
                f"Labels have to be the integers 0 and 1 or booleans; got {value!r} at "
                f"position {position}."
            )
    return [int(value) for value in values]


def _decode(path: Path) -> tuple[str, list[str]]:
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: {error}.") from error
    problems = []
    if text.startswith("\ufeff"):
        text = text[1:]
        problems.append("begins with a byte order mark; expected UTF-8 without one")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        problems.append(r"lines end in '\r'; expected '\n' alone")
    return text, problems


def _parse(text: str, expected: set[str]) -> tuple[list[tuple[str, int]], list[str]]:
    """Return the rows that name one image (-1 is a wrong label), and errors of other lines."""
    rows, malformed = [], []
    lines = text.removesuffix("\n").split("\n") if text else []
    for number, line in enumerate(lines, start=1):
        name, comma, label = line.rpartition(",")
        name = name if name in expected else from_cell(name)
        if comma and name not in expected and _without_suffix(name) in expected:
            malformed.append(f"line {number}: the id {name!r} carries the suffix of a file")
            name = _without_suffix(name)
        if comma and name and "," not in name and label in ("0", "1"):
            rows.append((name, int(label)))
        elif number == 1 and comma and name not in expected:
            malformed.append(f"line 1: {line!r} looks like a header; expected none")
        elif comma and name in expected:
            malformed.append(f"line {number}: the label of {name!r} is {label!r}, not 0 or 1")
            rows.append((name, -1))
        else:
            malformed.append(f"line {number}: {line!r} is not 'id,0' or 'id,1'")
    more = len(malformed) - _SHOWN
    return rows, malformed[:_SHOWN] + ([f"{more} more such lines"] if more > 0 else [])


def _list(what: str, names: list[str]) -> list[str]:
    return [f"{len(names)} {what}: {_shorten(names)}"] if names else []


def _shorten(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more
