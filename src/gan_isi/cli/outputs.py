"""Files that commands write, which are checked before the work and never overwrite an input."""

import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from .._runtime.output import csv_text, is_stream, write_atomically
from .terminal import say


def output_option(name: str, help_text: str, *, required: bool = False) -> Callable[..., Any]:
    """Return an option that names a file to write, and checks that it can be written."""
    return click.option(
        name,
        type=click.Path(dir_okay=False, writable=True, path_type=Path),
        callback=_can_be_written,
        required=required,
        metavar="FILE",
        help=help_text,
    )


def _can_be_written(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    if value is None or is_stream(value):
        return value
    target = Path(os.path.realpath(value))
    if not target.parent.is_dir():
        raise click.BadParameter(f"There is no folder {value.parent} to write into.")
    try:
        if os.path.lexists(target) and not stat.S_ISREG(target.stat().st_mode):
            raise click.BadParameter(f"{value} is not a file, and can't be written like one.")
        # Permissions alone don't tell: a disk may be mounted read-only, or a name be too long.
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".gan-isi-") as folder:
            Path(folder, target.name).touch()
    except OSError as error:
        raise click.BadParameter(f"{value} can't be written: {error.strerror}.") from error
    return value


def is_output(option: click.Parameter) -> bool:
    """Return whether an option names a file to write."""
    return option.callback is _can_be_written


def check_outputs(outputs: Mapping[str, Path | None], inputs: Iterable[Path | None]) -> None:
    """Refuse to write over an input, or one output over another.

    Parameters
    ----------
    outputs : mapping of str to Path or None
        Files to write, by the option that names each.
    inputs : iterable of Path or None
        All files that are read.

    Raises
    ------
    UsageError
        If two of the files are the same, links included; the message names both.
    """
    seen: dict[Any, str] = {}
    for option, path in outputs.items():
        if path is None or is_stream(path):
            continue
        for identity in {Path(os.path.realpath(path)), _identity(path)} - {None}:
            if (other := seen.setdefault(identity, option)) != option:
                raise click.UsageError(f"{other} and {option} name the same file, {path}.")
    if not any(isinstance(identity, tuple) for identity in seen):
        return  # no output exists yet
    for one in inputs:
        if one is not None and (found := seen.get(_identity(one))) is not None:
            raise click.UsageError(f"{found} names {one}, which is read and would be lost.")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def write_all(outputs: Iterable[tuple[str, Path | None, Callable[[Path], Any]]]) -> str:
    """Write files one after the other, all of them even if one fails.

    Parameters
    ----------
    outputs : iterable of (str, Path or None, callable)
        Description, path and writing function of each file; None for a file not asked for.

    Returns
    -------
    str
        One line for each file that was written.

    Raises
    ------
    ClickException
        If a file could not be written, raised after all others; the message names it.
    """
    done, failed = [], []
    for what, path, write in outputs:
        if path is None:
            continue
        try:
            write(path)
            done.append(f"{what}: {path}")
        # Whatever the error is, the other files hold hours of work.
        except Exception as error:
            reason = getattr(error, "strerror", None) or error
            failed.append(f"{path} could not be written: {reason}.")
    if failed:
        raise click.ClickException(" ".join([*failed, *done]))
    return "\n".join(done)


def write_and_say(
    outputs: Iterable[tuple[str, Path | None, Callable[[Path], Any]]], found: Callable[[], str]
) -> None:
    """Write files, see `write_all`, and then print what was found, also if one fails.

    Parameters
    ----------
    outputs : iterable of (str, Path or None, callable)
        See `write_all`. They come first, since they last.
    found : callable
        Returns the text to print, below which the files are listed.
    """
    lines = ""
    try:
        lines = write_all(outputs)
    finally:
        say(f"{found()}\n\n{lines}".rstrip("\n"))


def check_installed(needed: Iterable[str], what: str, extra: str) -> None:
    """Refuse work whose files need packages that are not installed."""
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f'{what} {", ".join(missing)}. Install with: pip install "gan-isi[{extra}]"'
        )


def write_rows(path: Path, header: list[str], rows: Any) -> None:
    """Write a CSV file, see :func:`gan_isi._runtime.output.csv_text`."""
    write_atomically(path, csv_text(header, rows))


def name_of(name: str) -> str:
    """Return a file name decoded as UTF-8, whatever the locale is."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")
