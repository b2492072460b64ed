"""Writing of files: whole or not at all, readable by their owner, with safe names in tables."""

import csv
import errno
import io
import os
import stat
import tempfile
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

#: Beginnings of a formula in spreadsheets, and the apostrophe, which marks an escaped text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


def write_atomically(
    path: str | os.PathLike[str],
    content: str | bytes | Callable[[IO[bytes]], Any],
    *,
    durable: bool = True,
) -> None:
    """Write a file beside its place and rename it, so that a full disk keeps the old one whole.

    Parameters
    ----------
    path : path-like
        File to write. A link stays a link, and its target is written. A stream, such as
        /dev/stdout, is written to directly.
    content : str, bytes or callable
        Whole content, where text is written as UTF-8; or a function that writes it into an
        open binary file.
    durable : bool, default=True
        Whether to wait until the disk has the file; some disks say only then that they are
        full.

    Raises
    ------
    OSError
        If the file can't be written; no part of it is left then.

    Notes
    -----
    Only its owner can read a new file (mode 0600, less what the umask removes); a file that
    is replaced keeps its permissions.
    """
    if is_stream(path):
        with open(path, "wb") as file:
            _fill(file, content)
        return
    target = Path(os.path.realpath(path))
    mode = target.stat().st_mode if target.exists() else None
    if mode is not None and not stat.S_ISREG(mode):  # writing to a pipe would wait
        raise OSError(errno.EINVAL, "it is not a file", os.fspath(path))
    descriptor, name = tempfile.mkstemp(prefix=".gan-isi-", dir=target.parent)
    try:
        with open(descriptor, "wb") as file:
            _fill(file, content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        if mode is not None:
            os.chmod(name, stat.S_IMODE(mode))
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def is_stream(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a device or a pipe that the shell opened, such as /dev/stdout."""
    special = os.path.exists(path) and not os.path.isfile(path)
    return special and os.path.abspath(path).startswith(("/dev/", "/proc/"))


def _fill(file: IO[bytes], content: str | bytes | Callable[[IO[bytes]], Any]) -> None:
    if callable(content):
        content(file)
    else:  # UTF-8 can't hold a lone surrogate, which comes from a name that is not UTF-8
        file.write(
            content.encode(errors="backslashreplace") if isinstance(content, str) else content
        )


def csv_text(header: Iterable[Any], rows: Iterable[Iterable[Any]]) -> str:
    """Return a CSV table in which no spreadsheet takes a text for a formula, see `as_cell`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([as_cell(one) if isinstance(one, str) else one for one in row] for row in rows)
    return text.getvalue()


def as_cell(text: str) -> str:
    r"""Escape a text, such as the name of a file, so that every program takes it for a text.

    Parameters
    ----------
    text : str
        Text to escape.

    Returns
    -------
    str
        The text, in which control characters and lone surrogates are written as in Python
        (``\x1b``, and ``\udce9`` for a byte that is not UTF-8), and a backslash as two. An
        apostrophe stands before a text that begins with ``= + - @``, a tab, the end of a
        line, or an apostrophe.

    Examples
    --------
    >>> as_cell("=1+1.png"), as_cell("scan 1.png")
    ("'=1+1.png", 'scan 1.png')
    """
    shown = visible(text.replace("\\", "\\\\"))
    return "'" + shown if text.startswith(_FORMULA) else shown


def from_cell(cell: str) -> str:
    r"""Return the text that `as_cell` escaped.

    Parameters
    ----------
    cell : str
        Cell of a CSV file that this library wrote.

    Returns
    -------
    str
        The original text.

    Examples
    --------
    >>> from_cell("'=a\\x1b.png")
    '=a\x1b.png'
    """
    escaped = cell.removeprefix("'").encode("latin-1", "backslashreplace")
    return escaped.decode("unicode_escape")


def visible(text: str, keep: str = "") -> str:
    r"""Escape characters that a terminal would obey instead of showing, as Python: ``\x1b``.

    Parameters
    ----------
    text : str
        Text to escape.
    keep : str, default=""
        Characters that are not escaped.

    Returns
    -------
    str
        The text with visible characters only.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or one in keep or unicodedata.category(one) == "Zs"
        else one.encode("unicode_escape").decode()
        for one in text
    )  # fmt: skip
