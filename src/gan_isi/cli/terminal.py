"""The terminal: standard streams, signals, and text that is safe to show."""

import os
import signal
import sys
import warnings
from types import FrameType
from typing import Any

import click

from .._runtime.output import visible

#: Numbers of the signals that ended the work.
_received: list[int] = []


def say(text: str, *, err: bool = False) -> None:
    """Print a text with its control characters escaped.

    Parameters
    ----------
    text : str
        Text to print. Names of files may have control characters, which a terminal would obey.
    err : bool, default=False
        Whether the text goes to standard error.

    Notes
    -----
    If a pipe is closed, its reader wants no more, and the rest is dropped.
    """
    try:
        click.echo(visible(text, keep="\n"), err=err)
    except BrokenPipeError:
        stream = sys.stderr if err else sys.stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except OSError:
        if not err:  # there is no other place to report that standard error is full
            raise


def warn(message: Warning | str, *where: Any, **options: Any) -> None:
    """Print a warning on standard error, without the line of code; as `warnings.showwarning`."""
    say(f"Warning: {message}", err=True)


def in_words(error: Exception) -> str:
    """Return an error as a user reads it: those of unexpected types are faults of gan-isi."""
    # The library's errors about images, folders and missing extras are written for users.
    if isinstance(error, (ValueError, OSError, ImportError, TypeError, MemoryError)):
        return str(error)
    return f"{type(error).__name__}: {error}. Please report this fault of gan-isi."


def set_up() -> None:
    """Prepare for closed streams, for characters that can't be encoded, and for signals."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:  # the next file would get this number, and the messages with it
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            stream = open(number, "w" if number else "r", encoding="utf-8")  # noqa: SIM115
            setattr(sys, name, stream)
    for output in (sys.stdout, sys.stderr):
        if hasattr(output, "reconfigure"):
            output.reconfigure(errors="backslashreplace")
    warnings.showwarning = warn
    for asked in ("SIGTERM", "SIGHUP"):
        received = getattr(signal, asked, None)
        if received is not None and signal.getsignal(received) == signal.SIG_DFL:
            signal.signal(received, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    """End as after Ctrl-C, so that half-written files and processes are cleared away."""
    signal.signal(number, signal.SIG_IGN)
    _received.append(number)
    raise KeyboardInterrupt


def interrupted() -> int:
    """Return the exit code of an interruption, as in shells: 128 plus the signal's number."""
    return 128 + (_received[-1] if _received else signal.SIGINT)


def stop_workers() -> None:
    """End the processes of parallel jobs, which would otherwise wait for more work."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # the program is ending already
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    loky = sys.modules.get("joblib.externals.loky.reusable_executor")
    executor = getattr(loky, "_executor", None)
    if executor is not None:
        executor.shutdown(wait=True, kill_workers=True)
