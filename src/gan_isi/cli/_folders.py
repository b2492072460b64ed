"""Folders of images, and what has to be true of them before hours of work begin."""

import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._terminal import say

if TYPE_CHECKING:
    from ..datasets import ImageFiles

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def folder_option(name: str, help_text: str, *, required: bool = True) -> Callable[..., Any]:
    """Return an option that names a folder of images."""
    return click.option(name, type=_FOLDER, required=required, metavar="DIR", help=help_text)


def _not_zero(context: click.Context, parameter: click.Parameter, value: int) -> int:
    if value == 0:
        raise click.BadParameter("0 jobs do no work.")
    return value


def _as_range(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    if value is None:
        return "dtype"
    if not value[0] < value[1]:
        raise click.BadParameter(f"{value[0]:g} is not below {value[1]:g}.")
    return value


_WORK_OPTIONS: tuple[Callable[..., Any], ...] = (
    click.option("--quiet", is_flag=True, help="Show no progress on a terminal."),
    click.option(
        "--cache",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Keep what was computed of each image here, so that no image is described twice.",
    ),
    click.option(
        "--jobs",
        type=int,
        default=1,
        show_default=True,
        callback=_not_zero,
        help="Parallel jobs; -1 is one a processor.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(0, 2**32 - 1),
        default=0,
        show_default="0",
        metavar="INTEGER",
        help="Of all that is drawn.",
    ),
    click.option(
        "--intensity-range",
        type=(float, float),
        callback=_as_range,
        metavar="LOW HIGH",
        help="Stored values that are black and white, such as -1000 1000 for CT; by default the "
        "range of 8 or 16 bits. 8-bit files keep theirs where they can't hold these.",
    ),
)


def work_options(command: Any) -> Any:
    """Add what all commands take: scale, seed, parallel jobs, a cache, silence."""
    for option in _WORK_OPTIONS:
        command = option(command)
    return command


def shows_progress(quiet: bool) -> bool:
    """Whether somebody is there to see a bar."""
    return not quiet and sys.stderr is not None and sys.stderr.isatty()


def load(folders: Mapping[str, Path | None], generated: Path) -> dict[str, "ImageFiles"]:
    """Open folders of images, which are read when asked for.

    Parameters
    ----------
    folders : mapping of str to Path or None
        Of real images, by what they are called ("used"); None is left out.
    generated : Path
        That of the generated images.

    Returns
    -------
    dict of str to ImageFiles
        The real ones, and those "generated".
    """
    from ..datasets import load_images

    of_real = {name: load_images(path) for name, path in folders.items() if path is not None}
    return of_real | {"generated": load_images(generated)}


def known_of(images: Mapping[str, "ImageFiles"]) -> tuple["ImageFiles", list[int]]:
    """Return the images of known membership, those not used first, and their labels."""
    from ..datasets import ImageFiles

    parts = [images["not used"], images["used"]]
    labels = [label for label, part in enumerate(parts) for _ in part.paths]
    return ImageFiles([path for part in parts for path in part.paths]), labels


def check(
    known: Any,
    labels: Any,
    generated: Any,
    candidates: Any = None,
    groups: tuple[Any, Any] = (None, None),
    intensity_range: Any = "dtype",
    others: Mapping[str, Any] | None = None,
) -> Any:
    """Compare the sets of images, and say on standard error how they differ.

    Parameters
    ----------
    known, labels, generated, candidates, intensity_range
        See :func:`gan_isi.audit.preflight`.
    groups : tuple of two lists or None
        Patients of the known images and of the candidates.
    others : mapping of str to ImageFiles, default=None
        Further generated images, by what they are called.

    Returns
    -------
    context manager
        Within it nothing is said of the images again.

    Raises
    ------
    ClickException
        If an intensity does not mean the same in all sets, or a picture is in two.

    Notes
    -----
    All files are read once, so that what can't be read is known before hours of work.
    """
    from .._preflight import preflight_done
    from ..audit._preflight import run

    found = run(known, labels, generated, candidates, groups, [intensity_range], others or {})
    for text in found.warnings:
        say(f"Warning: {text}", err=True)
    if found.errors:
        raise click.ClickException(" ".join(found.errors))
    return preflight_done(found)


def read_patients(path: Path, images: Mapping[str, "ImageFiles"]) -> dict[str, list[str]]:
    """Read which patient each image is of.

    Parameters
    ----------
    path : Path
        A CSV file with the columns file and patient. A file is named with its folder
        (used/001.png) or, where no two of the images share a name, without.
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
    patients = _read_table(path)
    names = Counter(file.name for one in images.values() for file in one.paths)

    of_name: defaultdict[str, set[str]] = defaultdict(set)
    for key, patient in patients.items():
        of_name[key.rpartition("/")[2]].add(patient)

    def find(file: Path) -> str:
        if (key := "/".join(file.absolute().parts[-2:])) in patients:
            return patients[key]
        # The name alone tells nothing where two images or two patients share it.
        alone = names[file.name] == 1 and len(of_name[file.name]) == 1
        return min(of_name[file.name]) if alone else ""

    of_images = {name: [find(file) for file in one.paths] for name, one in images.items()}
    without = [
        file
        for name, one in images.items()
        for file, patient in zip(one.paths, of_images[name], strict=True)
        if not patient
    ]
    if without:
        hint = ""
        if names[without[0].name] > 1:
            hint = " Several images have this name: write the folder before it."
        raise click.ClickException(
            f"{path} names no patient for {len(without)} images; one is {without[0]}.{hint}"
        )
    return of_images


def _read_table(path: Path) -> dict[str, str]:
    """Read patients by file, with its last folder where one is given."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            columns = rows.fieldnames or ()
            listed = [(row.get("file"), (row.get("patient") or "").strip()) for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise click.ClickException(f"{path} is no CSV file in UTF-8: {error}.") from error
    if not {"file", "patient"} <= set(columns):
        raise click.ClickException(
            f"{path} needs a first line with the columns file and patient; it has {columns}."
        )
    patients: dict[str, str] = {}
    for name, patient in listed:
        if not name or not patient:
            raise click.ClickException(f"{path} has a line without a file or a patient.")
        key = "/".join(Path(name).parts[-2:])
        if patients.setdefault(key, patient) != patient:
            raise click.ClickException(f"{path} names two patients for {key}.")
    return patients
