"""The command ``gan-isi verify``."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import click

from .audit import audit
from .folders import open_folders
from .replay import arguments_of, options_that_moved, tables_of
from .terminal import in_words, say
from .withhold import withhold
from .work import folders_of


@click.command()
@click.argument("report", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options_that_moved(audit)
@click.option(
    "--inputs-only",
    is_flag=True,
    help="Compare the digests of the inputs, and do not repeat the audit.",
)
@click.option("--quiet", is_flag=True, help="Show no progress on a terminal.")
@click.option(
    "--cache", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Folder that keeps what is computed of each image. One that the first audit filled "
    "spares the work, and checks less.",
)  # fmt: skip
@click.option("--jobs", type=int, default=1, show_default=True, help="Number of parallel jobs.")
def verify(
    report: Path,
    inputs_only: bool,
    quiet: bool,
    cache: Path | None,
    jobs: int,
    **moved: Path | None,
) -> int:
    """Say whether the numbers of an audit come out again.

    REPORT is what `gan-isi audit --json` wrote, or `gan-isi withhold --json`. First the SHA-256
    of each input is compared: a changed, missing or additional file is named, and ends it. Then
    the audit is repeated with the options that were recorded, and each number is compared.

    The exit code is 0 if the inputs are the same and the numbers come out, 1 if not, and 2 if
    that can't be told.

    \b
    gan-isi verify audit.json --used moved/used/
    """
    with _trouble_is_2():
        from ..audit.verification import (
            compare_inputs,
            compare_records,
            is_of_withhold,
            read_record,
        )

        recorded = read_record(report)
        command = withhold if is_of_withhold(recorded) else audit
        arguments = arguments_of(recorded, command, report, moved)
        arguments += ["--jobs", str(jobs)] + ["--quiet"] * quiet
        arguments += [] if cache is None else ["--cache", str(cache)]
        changes = compare_inputs(recorded, _inputs(command, arguments))
        if changes or inputs_only:
            say("\n".join(changes or ["All inputs are those of the audit, byte by byte."]))
            return int(bool(changes))
        found = compare_records(recorded, _repeat(command, arguments))
        say("\n".join(found.words()))
        return int(not found.came_out)


class _Trouble(click.ClickException):
    exit_code = 2


@contextmanager
def _trouble_is_2() -> Iterator[None]:
    """Give all errors the exit code 2, since 1 says that the audit did not come out."""
    try:
        yield
    except (click.UsageError, click.Abort):
        raise
    except click.ClickException as error:
        raise _Trouble(error.format_message()) from error
    except Exception as error:  # which `main` would give the code 1
        raise _Trouble(in_words(error)) from error


def _inputs(command: click.Command, arguments: list[str]) -> dict[str, Any]:
    """Return the inputs that a command with these arguments would read."""
    from ..audit.provenance import files_with_digests

    with command.make_context(f"gan-isi {command.name}", list(arguments)) as context:
        folders, volumes = folders_of(context), context.params.get("volumes")
        with redirect_stderr(StringIO()):  # the command gives the same warnings
            images = open_folders(folders, volumes)
        found = {
            name: files_with_digests(one.files_of(range(len(one))), len(one))
            for name, one in images.items()
        }
        return found | tables_of(context)


def _repeat(command: click.Command, arguments: list[str]) -> dict[str, Any]:
    """Return the record of a command with these arguments, which prints nothing."""
    with tempfile.TemporaryDirectory(prefix="gan-isi-") as folder:
        target = Path(folder, "audit.json")
        again = [*arguments, "--json", str(target)]
        name = f"gan-isi {command.name}"
        with redirect_stdout(StringIO()), command.make_context(name, again) as context:
            command.invoke(context)
        read: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    return read
