"""Options that name folders of images, and checks of these before hours of work begin."""

import csv
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .terminal import say

if TYPE_CHECKING:
    from ..audit import Preflight
    from ..datasets import ImageFiles

_FOLDER = click.Path(exists=True, path_type=Path)

#: Key under which the context of the running command keeps its options of reading.
_READING = "gan_isi.reading"


def folder_option(name: str, help_text: str, *, required: bool = True) -> Callable[..., Any]:
    """Return an option that names a folder or an archive of images."""
    return click.option(name, type=_FOLDER, required=required, metavar="DIR", help=help_text)


def _not_zero(context: click.Context, parameter: click.Parameter, value: int) -> int:
    if value == 0:
        raise click.BadParameter(
            "The number of jobs can't be 0; give 1 or more, or -1 for all processors."
        )
    return value


def _as_range(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    if value is None:
        return "dtype"
    if not value[0] < value[1]:
        raise click.BadParameter(
            f"The first value has to be below the second; got {value[0]:g} and {value[1]:g}."
        )
    return value


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value is not None:
        context.meta.setdefault(_READING, {})[parameter.name] = value


def reading() -> dict[str, Any]:
    """Return the running command's options of reading, as arguments of `load_images`."""
    context = click.get_current_context(silent=True)
    return {} if context is None else context.meta.get(_READING, {})


_WORK_OPTIONS: tuple[Callable[..., Any], ...] = (
    click.option("--quiet", is_flag=True, help="Show no progress."),
    click.option(
        "--cache", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
        help="Folder that keeps what was computed of each image, so that no image is described "
        "twice.",
    ),
    click.option(
        "--jobs", type=int, default=1, show_default=True, callback=_not_zero,
        help="Number of parallel jobs; -1 starts one for each processor.",
    ),
    click.option(
        "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default="0", metavar="INTEGER",
        help="Seed of all random numbers: folds, permutations and models.",
    ),
    click.option(
        "--intensity-range", type=(float, float), callback=_as_range, metavar="LOW HIGH",
        help="Stored values of black and white, such as -1000 1000 for CT; by default the range "
        "of 8 or 16 bits. Files whose data type can't hold these values keep the default.",
    ),
    click.option(
        "--recursive/--no-recursive", default=None, callback=_keep, expose_value=False,
        help="Search subfolders; by default they are searched if a folder itself holds no image.",
    ),
    click.option(
        "--max-pixels", type=click.IntRange(1, 10**9), callback=_keep, expose_value=False,
        metavar="INTEGER",
        help="Height x width of the largest picture that is read [default: 134217728].",
    ),
    click.option(
        "--exif-transpose", is_flag=True, callback=_keep, expose_value=False,
        help="Rotate pictures upright if their files (EXIF, TIFF) have an orientation.",
    ),
)  # fmt: skip


dry_run_option = click.option(
    "--dry-run",
    is_flag=True,
    help="Read and compare the images, estimate how long the rest takes, and stop.",
)


def work_options(command: Any) -> Any:
    """Add the options that all commands have: reading, scale, seed, jobs, cache and progress."""
    for option in _WORK_OPTIONS:
        command = option(command)
    return command


def patient_options(command: Any) -> Any:
    """Add the options that say which patient an image is of."""
    command = click.option(
        "--patients", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
        help="CSV file with the columns file and patient, for patients with several images.",
    )(command)  # fmt: skip
    return click.option(
        "--patient-from", type=click.Choice(("dicom", "folder", "file", "csv")),
        help="Source of an image's patient: dicom is PatientID of the header (only a digest is "
        "kept), folder the folder within --used and so on, file the file, for files with several "
        "frames, and csv the table of --patients.",
    )(command)  # fmt: skip


@contextmanager
def said_in_words() -> Iterator[None]:
    """Within this context, warnings go to standard error without the line of code."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield
    for one in said:
        say(f"Warning: {one.message}", err=True)


def open_folders(folders: Mapping[str, Path | None], volumes: str | None = None) -> dict[str, Any]:
    """Open folders of images, which are read when asked for.

    Parameters
    ----------
    folders : mapping of str to Path or None
        Folders of images by the name of the set, such as "used"; None is left out.
    volumes : {"axial", "coronal", "sagittal"} or None
        Kind of the slices that the volumes of all folders are cut into; None for folders of
        images.

    Returns
    -------
    dict of str to ImageFiles or VolumeSlices
        Images of each set. Those that no others are joined to are kept once they were read.
    """
    from .._validation.items import read_once
    from ..datasets import load_images, load_volumes

    with said_in_words():
        images = {
            name: load_images(path, **reading()) if volumes is None else load_volumes(path, volumes)
            for name, path in folders.items()
            if path is not None
        }
    joined = ("used", "not used")
    return {name: one if name in joined else read_once(one) for name, one in images.items()}


def inputs_of(images: Mapping[str, "ImageFiles"], *others: Path | None) -> set[Path]:
    """Return all files that are read, including archives that pictures lie in."""
    files = {path for one in images.values() for path in one.paths}
    parents = {parent for path in files for parent in path.parents}
    return files | parents | {path for path in others if path is not None}


def known_of(images: Mapping[str, Any]) -> tuple[Any, list[int]]:
    """Return the images of known membership, those not used first, and their labels."""
    from .._validation.items import read_once

    parts = [images["not used"], images["used"]]
    labels = [label for label, part in enumerate(parts) for _ in part.paths]
    return read_once(parts[0] + parts[1]), labels


def look(
    known: Any,
    labels: Any,
    generated: Any,
    candidates: Any = None,
    groups: tuple[Any, Any] = (None, None),
    intensity_range: Any = "dtype",
    others: Mapping[str, Any] | None = None,
) -> "Preflight":
    """Compare the sets of images, and print on standard error how they differ.

    Parameters
    ----------
    known, labels, generated, candidates, intensity_range
        See :func:`gan_isi.audit.preflight`.
    groups : tuple of two lists or None
        Patients of the known images and of the candidates.
    others : mapping of str to ImageFiles, default=None
        Further generated images by the name of their set.

    Returns
    -------
    Preflight
        Result of the comparison.

    Notes
    -----
    All files are read once, so that a file that can't be read is found before hours of work.
    """
    from .._runtime.whole import one_line
    from ..audit.inputs import run

    context = click.get_current_context(silent=True)
    quiet = context is None or context.params.get("quiet", True)
    title = "images" if context is None else str(context.info_name).split()[-1]
    with one_line(title, not quiet, leave=False):
        found = run(known, labels, generated, candidates, groups, [intensity_range], others or {})
    for text in found.warnings:
        say(f"Warning: {text}", err=True)
    return found


def refuse(found: "Preflight") -> "Preflight":
    """Raise ClickException if the comparison found errors, such as a picture in two sets."""
    if found.errors:
        raise click.ClickException(" ".join(found.errors))
    return found


def check(*arguments: Any, **options: Any) -> Any:
    """Compare the sets, refuse errors, and return a context without the same warnings again."""
    from .._preflight.before_fit import preflight_done

    return preflight_done(refuse(look(*arguments, **options)))


def find_patients(
    source: str | None,
    table: Path | None,
    images: Mapping[str, "ImageFiles"],
    folders: Mapping[str, Path | None],
) -> dict[str, list[str]]:
    """Return the patients of the images, or an empty dict if no option asks for them.

    Parameters
    ----------
    source : {"dicom", "folder", "file", "csv"} or None
        Value of --patient-from.
    table : Path or None
        Value of --patients.
    images : mapping of str to ImageFiles
        Images of each set.
    folders : mapping of str to Path or None
        Folder of each set.

    Returns
    -------
    dict of str to list of str
        Patients of each set, in the order of the images.

    Raises
    ------
    ClickException
        If the options contradict each other, or an image has no patient.
    """
    if (source == "csv" and table is None) or (table is not None and source not in (None, "csv")):
        raise click.UsageError(
            "--patient-from csv needs --patients FILE, which goes with no other value of it."
        )
    if table is not None:
        return read_patients(table, images)
    if source is None:
        return {}
    from ..datasets import patients_of

    try:
        return {n: patients_of(one, source, root=folders[n]) for n, one in images.items()}
    except (ValueError, OSError, ImportError) as error:
        raise click.ClickException(str(error)) from error


def read_patients(
    path: Path, images: Mapping[str, "ImageFiles"], column: str = "patient"
) -> dict[str, list[str]]:
    """Read the patient of each image, or what another column says of it, from a table.

    Parameters
    ----------
    path : Path
        A CSV file with the columns file and patient. A file is named with its folder
        (used/001.png, also used\\001.png) or with several folders; or without a folder, if no
        two images have the same name.
    images : mapping of str to ImageFiles
        Images of each set.
    column : str, default="patient"
        Column that is read.

    Returns
    -------
    dict of str to list of str
        Patients of each set, in the order of the images.

    Raises
    ------
    ClickException
        If the columns are others, if a file has two patients, or if an image has none.
    """
    patients = _read_table(path, column)
    files = [_parts(str(file.absolute())) for one in images.values() for file in one.paths]
    # The ends of paths are compared: those of the images, and those of the table.
    most = max(map(len, patients))
    depths = [*range(2, most + 1), 1]
    shared = {depth: Counter(parts[-depth:] for parts in files) for depth in depths}
    of_end: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for parts, patient in patients.items():
        for depth in range(1, len(parts) + 1):
            of_end[parts[-depth:]].add(patient)

    def find(file: Path) -> str:
        parts = _parts(str(file.absolute()))
        for depth in depths:
            # An end that two images or two patients share tells nothing.
            end = parts[-depth:]
            if shared[depth][end] == 1 and len(of_end[end]) == 1:
                return min(of_end[end])
        return ""

    of_images = {name: [find(file) for file in one.paths] for name, one in images.items()}
    without = [
        file
        for name, one in images.items()
        for file, patient in zip(one.paths, of_images[name], strict=True)
        if not patient
    ]
    if without:
        hint = ""
        if shared[1][_parts(str(without[0]))[-1:]] > 1:
            hint = " Several images have this name; write its folder before it."
        raise click.ClickException(
            f"{path} names no {column} for {len(without)} images; one of them is {without[0]}."
            f"{hint}"
        )
    return of_images


def _parts(name: str) -> tuple[str, ...]:
    """Return the parts of a path as it is written on any system."""
    return tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))


def _read_table(path: Path, column: str) -> dict[tuple[str, ...], str]:
    """Read a column of a table, by the parts of each file's path."""
    if not path.is_file():
        raise click.ClickException(f"{path} is not a regular file, which can be read twice.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            columns = rows.fieldnames or ()
            listed = [(row.get("file"), (row.get(column) or "").strip()) for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise click.ClickException(f"{path} is not a CSV file in UTF-8: {error}.") from error
    if not {"file", "patient", column} <= set(columns):
        needed = "file and patient" if column == "patient" else f"file, patient and {column}"
        raise click.ClickException(
            f"{path} needs a first line with the columns {needed}; it has {columns}."
        )
    patients: dict[tuple[str, ...], str] = {}
    for name, patient in listed:
        parts = _parts(name or "")
        if parts and not patient and column != "patient":
            continue  # only known images need one
        if not parts or not patient:
            raise click.ClickException(f"{path} has a line without a file or a {column}.")
        if patients.setdefault(parts, patient) != patient:
            raise click.ClickException(f"{path} names two {column}s for {'/'.join(parts)}.")
    if not patients:
        raise click.ClickException(f"{path} has no lines after the first.")
    return patients
