"""Folders of images, and what has to be true of them before hours of work begin."""

import csv
import hashlib
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..datasets import ImageFiles

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def folder_option(name: str, help_text: str, *, required: bool = True) -> Callable[..., Any]:
    """Return an option that names a folder of images."""
    return click.option(name, type=_FOLDER, required=required, metavar="DIR", help=help_text)


def output_option(name: str, help_text: str, *, required: bool = False) -> Callable[..., Any]:
    """Return an option that names a file to write, in a folder that is there."""
    return click.option(
        name,
        type=click.Path(dir_okay=False, writable=True, path_type=Path),
        callback=_in_a_folder,
        required=required,
        metavar="FILE",
        help=help_text,
    )


def _in_a_folder(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    if value is not None and not value.parent.is_dir():
        raise click.BadParameter(f"There is no folder {value.parent} to write into.")
    return value


_WORK_OPTIONS: tuple[Callable[..., Any], ...] = (
    click.option("--quiet", is_flag=True, help="Show no progress on a terminal."),
    click.option(
        "--cache",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Keep what was computed of each image here, so that no image is described twice.",
    ),
    click.option("--jobs", type=int, default=1, show_default=True, help="Parallel jobs."),
    click.option("--seed", type=int, default=0, show_default=True, help="Of all that is drawn."),
)


def work_options(command: Any) -> Any:
    """Add what all commands take: seed, parallel jobs, a cache, silence."""
    for option in _WORK_OPTIONS:
        command = option(command)
    return command


def shows_progress(quiet: bool) -> bool:
    """Whether somebody is there to see a bar."""
    return not quiet and sys.stderr.isatty()


def load(folders: Mapping[str, Path | None]) -> dict[str, "ImageFiles"]:
    """Open folders of images, which are read when asked for.

    Parameters
    ----------
    folders : mapping of str to Path or None
        By what their images are called ("used"); None is left out.

    Returns
    -------
    dict of str to ImageFiles

    Raises
    ------
    ClickException
        If two of the folders hold the same file.
    """
    from ..datasets import load_images

    loaded = {name: load_images(path) for name, path in folders.items() if path is not None}
    _refuse_copies(loaded)
    return loaded


def _refuse_copies(loaded: Mapping[str, "ImageFiles"]) -> None:
    """One image can't be used and not used; a candidate whose answer is known is none."""
    seen: defaultdict[bytes, list[tuple[str, Path]]] = defaultdict(list)
    for name, images in loaded.items():
        for path in images.paths:
            seen[hashlib.sha256(path.read_bytes()).digest()].append((name, path))
    clashes = [found for found in seen.values() if len({name for name, _ in found}) > 1]
    if clashes:
        (first, path), (second, other) = clashes[0][0], clashes[0][-1]
        raise click.ClickException(
            f"{len(clashes)} images lie in two folders; one is {path} ({first}) and {other} "
            f"({second}). An image is either used, or not used, or a candidate."
        )


def read_patients(path: Path, images: Mapping[str, "ImageFiles"]) -> dict[str, list[str]]:
    """Read which patient each image is of.

    Parameters
    ----------
    path : Path
        A CSV file with the columns file and patient; a file's name without its folder.
    images : mapping of str to ImageFiles
        Those that need a patient.

    Returns
    -------
    dict of str to list of str
        Patients in the order of the images.

    Raises
    ------
    ClickException
        For other columns, files that are named twice, and images without a patient.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if not {"file", "patient"} <= set(rows.fieldnames or ()):
            raise click.ClickException(
                f"{path} needs a first line with the columns file and patient; it has "
                f"{rows.fieldnames}."
            )
        patients: dict[str, str] = {}
        for row in rows:
            name = Path(row["file"]).name
            if patients.setdefault(name, row["patient"]) != row["patient"]:
                raise click.ClickException(f"{path} names two patients for {name}.")
    without = [
        file.name for one in images.values() for file in one.paths if not patients.get(file.name)
    ]
    if without:
        raise click.ClickException(
            f"{path} names no patient for {len(without)} images; one is {without[0]}."
        )
    return {name: [patients[file.name] for file in one.paths] for name, one in images.items()}


def write_rows(path: Path, header: list[str], rows: Any) -> None:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
