"""The entry point of the command line, with its errors and exit codes."""

import io
import sys
from collections.abc import Sequence

import click

from .._version import __version__
from .audit import audit
from .cache import cache
from .compare import compare
from .demo import demo
from .planning import plan
from .predict import predict, submit
from .terminal import in_words, interrupted, say, set_up, stop_workers
from .verify import verify
from .withhold import withhold


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gan-isi")
def cli() -> None:
    """Find which real images an image generator was trained on, from its output alone.

    Begin with an audit: it shows whether used images can be told from others at all.
    gan-isi demo shows one on built-in images.

    \b
    gan-isi audit --used DIR --not-used DIR --generated DIR --report audit.html
    """


for command in (demo, plan, audit, compare, verify, withhold, predict, submit, cache):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, default=None
        Arguments after the program's name; None takes those of `sys.argv`.

    Returns
    -------
    int
        0 if the work is done, 1 if it failed, 2 for wrong usage, 3 if a condition of
        ``audit --fail-if`` is met, and 128 plus the number of the signal (130 for Ctrl-C) if it
        was interrupted.
    """
    try:
        # Click's own handling of errors would turn an interruption into a failure.
        code = cli.main(
            args=arguments,
            prog_name="gan-isi",
            standalone_mode=False,
            obj=None if arguments is None else list(arguments),
        )
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        text = io.StringIO()
        error.show(text)
        say(text.getvalue().rstrip("\n"), err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("The work was interrupted; nothing more was written.", err=True)
        return interrupted()
    except Exception as error:
        say(f"Error: {in_words(error)}", err=True)
        return 1


def run() -> None:
    """Run the command line as a program."""
    set_up()
    try:
        code = main()
    except KeyboardInterrupt:  # a second one, while the first was handled
        code = interrupted()
    stop_workers()
    sys.exit(code)
