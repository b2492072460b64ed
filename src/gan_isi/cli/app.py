"""The entry point, and how errors and interruptions leave it."""

import io
import sys
from collections.abc import Sequence

import click

from .._version import __version__
from .audit import audit
from .cache import cache
from .predict import predict, submit
from .terminal import interrupted, say, set_up, stop_workers


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gan-isi")
def cli() -> None:
    """Tell which real images an image generator was trained on, from its output alone.

    Begin with an audit: it says whether there is anything to tell.

    \b
    gan-isi audit --used DIR --not-used DIR --generated DIR --report audit.html
    """


for command in (audit, predict, submit, cache):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, default=None
        Those after the program's name; None takes `sys.argv`.

    Returns
    -------
    int
        0 done, 1 the work failed, 2 wrong usage, 130 interrupted (128 and the signal's number).
    """
    try:
        # Its own handling of errors would turn an interruption into a failure.
        code = cli.main(args=arguments, prog_name="gan-isi", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        text = io.StringIO()
        error.show(text)
        say(text.getvalue().rstrip("\n"), err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("Interrupted; nothing more was written.", err=True)
        return interrupted()
    # What the library says of images, folders and missing extras is meant for users.
    except (ValueError, OSError, ImportError, TypeError, MemoryError) as error:
        say(f"Error: {error}", err=True)
        return 1
    except Exception as error:
        say(
            f"Error: {type(error).__name__}: {error} (a fault of gan-isi; please report it)",
            err=True,
        )
        return 1


def run() -> None:
    """Run the command line as a program."""
    set_up()
    try:
        code = main()
    except KeyboardInterrupt:  # once more, while the first was answered
        code = interrupted()
    stop_workers()
    sys.exit(code)
