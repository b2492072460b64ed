"""The command ``gan-isi cache``."""

import re
import time
from pathlib import Path
from typing import Any

import click

from .terminal import say

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def _as_bytes(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    if value is None or value == "none":
        return value
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", value.strip().lower())
    if found is None:
        raise click.BadParameter(f"{value!r} is not a size such as 500MB or 2GB.")
    return int(float(found[1]) * _UNITS[found[2]])


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--prune", callback=_as_bytes, metavar="SIZE",
    help="Drop the entries used least recently until this much is left, such as 2GB or 0.",
)  # fmt: skip
@click.option(
    "--limit", callback=_as_bytes, metavar="SIZE",
    help='Prune to this size at the end of each later run; "none" removes the limit.',
)  # fmt: skip
def cache(folder: Path, prune: int | str | None, limit: int | str | None) -> None:
    """Show what the folder of --cache holds, and keep it small.

    \b
    gan-isi cache cache/ --prune 2GB
    """
    from .._runtime.store import Store

    store = Store(folder)
    if not store.folder.is_dir():
        raise click.ClickException(f"{folder} does not hold a cache of gan-isi.")
    if limit is not None:
        store.set_limit(None if isinstance(limit, str) else limit)
    if prune == "none":
        raise click.BadParameter("Give a size, such as 2GB.", param_hint="--prune")
    dropped = store.prune(prune if isinstance(prune, int) else None)
    found = list(store.entries())
    size = sum(one for _, one, _ in found) / 1e6
    line = f"{folder} holds {len(found)} entries with {size:.1f} MB"
    if found:
        used = time.strftime("%Y-%m-%d", time.localtime(min(when for when, _, _ in found)))
        line += f", the oldest used on {used}"
    say(line + (f"; {dropped} were dropped." if dropped else "."))
    if store.limit is not None:
        say(f"After each run at most {store.limit / 1e6:.1f} MB are kept.")
