"""How files are written: whole or not at all, for their owner, with names that stay names."""

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

#: With these a spreadsheet begins a formula; the apostrophe marks that one was taken away.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


def write_atomically(
    path: str | os.PathLike[str],
    content: str | bytes | Callable[[IO[bytes]], Any],
    *,
    durable: bool = True,
) -> None:
    """Write a file beside its place and rename it: a full disk leaves the old one whole.

    Parameters
    ----------
    path : path-like
        Where to. A link stays one, and its target is written. A stream, such as /dev/stdout,
        is written to as it is.
    content : str, bytes or callable
        The whole of it, text as UTF-8; or who writes it into an open binary file.
    durable : bool, default=True
        Whether to wait until the disk has it, which is when some disks say that they are full.

    Raises
    ------
    OSError
        If it can't be written; nothing is left then.

    Notes
    -----
    A new file can be read by its owner only (0600, less what the umask takes); one that is
    replaced keeps its permissions.
    """
    if is_stream(path):
        with open(path, "wb") as file:
            _fill(file, content)
        return
    target = Path(os.path.realpath(path))
    mode = target.stat().st_mode if target.exists() else None
    if mode is not None and not stat.S_ISREG(mode):  # a pipe would be waited for
        raise OSError(errno.EINVAL, "it is no file", os.fspath(path))
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
    """Whether this is a device or a pipe that the shell opened, such as /dev/stdout."""
    special = os.path.exists(path) and not os.path.isfile(path)
    return special and os.path.abspath(path).startswith(("/dev/", "/proc/"))


def _fill(file: IO[bytes], content: str | bytes | Callable[[IO[bytes]], Any]) -> None:
    if callable(content):
        content(file)
    else:  # half a character, from a name that is no UTF-8, can't stand in a text
        file.write(
            content.encode(errors="backslashreplace") if isinstance(content, str) else content
        )


def csv_text(header: Iterable[Any], rows: Iterable[Iterable[Any]]) -> str:
    """Return a CSV table whose texts no spreadsheet takes for formulas, see `as_cell`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([as_cell(one) if isinstance(one, str) else one for one in row] for row in rows)
    return text.getvalue()


def as_cell(text: str) -> str:
    r"""Write a text, such as the name of a file, so that it is one in any program.

    Parameters
    ----------
    text : str
        Any.

    Returns
    -------
    str
        Without control characters and halves of characters, which are written as in Python
        (``\x1b``, ``\udce9`` for a byte that is no UTF-8), a backslash as two; and behind an
        apostrophe if it began with ``= + - @``, a tab, a line's end or an apostrophe.

    Examples
    --------
    >>> as_cell("=1+1.png"), as_cell("scan 1.png")
    ("'=1+1.png", 'scan 1.png')
    """
    shown = visible(text.replace("\\", "\\\\"))
    return "'" + shown if text.startswith(_FORMULA) else shown


def from_cell(cell: str) -> str:
    r"""Read back what `as_cell` wrote.

    Parameters
    ----------
    cell : str
        Of a CSV file of this library.

    Returns
    -------
    str
        The text.

    Examples
    --------
    >>> from_cell("'=a\\x1b.png")
    '=a\x1b.png'
    """
    escaped = cell.removeprefix("'").encode("latin-1", "backslashreplace")
    return escaped.decode("unicode_escape")


def visible(text: str, keep: str = "") -> str:
    r"""Escape what a terminal would obey instead of show, as Python does: ``\x1b``.

    Parameters
    ----------
    text : str
        Any.
    keep : str, default=""
        Characters that stay.

    Returns
    -------
    str
        All of whose characters can be seen.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or one in keep or unicodedata.category(one) == "Zs"
        else one.encode("unicode_escape").decode()
        for one in text
    )  # fmt: skip
