"""The options of a command as its record keeps them, and as arguments again."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .outputs import is_output

if TYPE_CHECKING:
    from ..audit import AuditResult, WithholdResult
    from ..audit.provenance import InputSet

    #: What a command finds.
    Found = TypeVar("Found", bound=AuditResult | WithholdResult)

#: Options that change no number.
_NO_RESULT = ("quiet", "jobs", "cache", "dry_run", "no_images", "conditions")


def with_command(result: "Found") -> "Found":
    """Return the result of the running command with its command line, options and tables."""
    context = click.get_current_context()
    assert result.provenance is not None
    known = replace(
        result.provenance,
        command=["gan-isi", *(context.find_root().obj or sys.argv[1:])],
        options=options_of(context),
        inputs=result.provenance.inputs | tables_of(context),
    )
    return replace(result, provenance=known)


def options_of(context: click.Context) -> dict[str, Any]:
    """Return the options of a command that change a number, as plain values."""
    return {
        _key(one): _plain(context.params[one.name])
        for one in _options(context.command)
        if one.name and context.params[one.name] is not None
    }


def tables_of(context: click.Context) -> dict[str, "InputSet"]:
    """Return the files, other than images, that a command reads, with their digests."""
    from ..audit.provenance import files_with_digests

    return {
        _key(one): files_with_digests({path: path.parent}, 1)
        for one in _options(context.command)
        if isinstance(one.type, click.Path) and not one.type.dir_okay
        if (path := context.params[str(one.name)]) is not None
    }


def options_that_moved(command: click.Command) -> Callable[..., Any]:
    """Return a decorator that adds an option for each folder and table that a command reads."""

    def add(other: Any) -> Any:
        for one in reversed(_options(command)):
            if isinstance(one.type, click.Path):
                name = one.opts[0]
                text = f"Where {name} of the audit lies now."
                other = click.option(name, type=one.type, metavar=one.metavar, help=text)(other)
        return other

    return add


def arguments_of(
    record: Mapping[str, Any], command: click.Command, report: Path, moved: Mapping[str, Any]
) -> list[str]:
    """Return the arguments that repeat a command.

    Parameters
    ----------
    record : mapping
        What the command wrote as JSON.
    command : Command
        The command.
    report : Path
        File of the record, for errors.
    moved : mapping of str to Path or None
        Folders and files that lie elsewhere now, by the name of the option.

    Returns
    -------
    list of str

    Raises
    ------
    ClickException
        If the audit was not run by the shell, had no seed, or a folder is not where it was.
    """
    options = record["provenance"].get("options")
    if options is None:
        raise click.ClickException(
            f"{report} is not from the shell, and can't be repeated here. In Python, "
            "repeat the call and give both to gan_isi.audit.verify(record, result)."
        )
    changed = {name.replace("_", "-"): str(path) for name, path in moved.items() if path}
    options = options | changed
    arguments: list[str] = []
    for one in _options(command):
        value, name = options.pop(_key(one), None), one.opts[0]
        if value is None or (one.nargs > 1 and not isinstance(value, list)):
            continue  # such as the intensity range where none was given
        if isinstance(one.type, click.Path) and not Path(value).exists():
            raise click.ClickException(
                f"There is no {value} (from here); say with {name} where it is now."
            )
        if one.is_flag:
            arguments += [name] if value else one.secondary_opts[:1]
        elif one.multiple:
            arguments += [part for each in value for part in (name, str(each))]
        else:
            arguments += [name, *map(str, value if isinstance(value, list) else [value])]
    if options:
        raise click.ClickException(
            f"{report} has options that this version of gan-isi does not know: "
            f"{', '.join(options)}. Verify it with gan_isi {record['version']}."
        )
    return arguments


def _options(command: click.Command) -> list[click.Option]:
    """Return the options that change a number."""
    return [
        one
        for one in command.params
        if isinstance(one, click.Option) and one.name not in _NO_RESULT and not is_output(one)
    ]


def _key(option: click.Option) -> str:
    return option.opts[0].removeprefix("--")


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value
