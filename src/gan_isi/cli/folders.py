"""Folders of images, and what has to be true of them before hours of work begin."""

import csv
import sys
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

#: Where the options of reading are kept for `load`, of the running command.
_READING = "gan_isi.reading"


def folder_option(name: str, help_text: str, *, required: bool = True) -> Callable[..., Any]:
    """Return an option that names a folder of images, or an archive of some."""
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


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value is not None:
        context.meta.setdefault(_READING, {})[parameter.name] = value


def reading() -> dict[str, Any]:
    """Return what the running command was told of reading, as options of `load_images`."""
    context = click.get_current_context(silent=True)
    return {} if context is None else context.meta.get(_READING, {})


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
    click.option(
        "--recursive/--no-recursive",
        default=None,
        callback=_keep,
        expose_value=False,
        help="Search subfolders; by default where a folder holds no image itself.",
    ),
    click.option(
        "--max-pixels",
        type=click.IntRange(1, 10**9),
        callback=_keep,
        expose_value=False,
        metavar="INTEGER",
        help="Height x width of the largest picture that is read [default: 134217728].",
    ),
    click.option(
        "--exif-transpose",
        is_flag=True,
        callback=_keep,
        expose_value=False,
        help="Turn pictures upright where their files (EXIF, TIFF) note an orientation.",
    ),
)


dry_run_option = click.option(
    "--dry-run",
    is_flag=True,
    help="Read and compare the images, say how long describing them takes, and stop.",
)


def work_options(command: Any) -> Any:
    """Add what all commands take: scale, seed, parallel jobs, a cache, silence."""
    for option in _WORK_OPTIONS:
        command = option(command)
    return command


def patient_options(command: Any) -> Any:
    """Add the options that say which patient an image is of."""
    command = click.option(
        "--patients",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="CSV file with the columns file and patient, where patients have several images.",
    )(command)
    return click.option(
        "--patient-from",
        type=click.Choice(("dicom", "folder", "file", "csv")),
        help="Who an image is of: PatientID of its DICOM header (only a digest is kept), the "
        "folder within --used and so on that it lies in, its file where that has frames, or "
        "--patients FILE.",
    )(command)


def shows_progress(quiet: bool) -> bool:
    """Whether somebody is there to see a bar."""
    return not quiet and sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def said_in_words() -> Iterator[None]:
    """Within this context, warnings are said on standard error without the line of code."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield
    for one in said:
        say(f"Warning: {one.message}", err=True)


def load(
    folders: Mapping[str, Path | None], generated: Path, volumes: str | None = None
) -> dict[str, Any]:
    """Open folders of images, which are read when asked for.

    Parameters
    ----------
    folders : mapping of str to Path or None
        Of real images, by what they are called ("used"); None is left out.
    generated : Path
        That of the generated images.
    volumes : {"axial", "coronal", "sagittal"} or None
        How volumes are cut into slices, in all folders; None for folders of images.

    Returns
    -------
    dict of str to ImageFiles or VolumeSlices
        The real ones, and those "generated".
    """
    from ..datasets import load_images, load_volumes

    given = {**folders, "generated": generated}
    with said_in_words():
        return {
            name: load_images(path, **reading()) if volumes is None else load_volumes(path, volumes)
            for name, path in given.items()
            if path is not None
        }


def inputs_of(images: Mapping[str, "ImageFiles"], *others: Path | None) -> set[Path]:
    """Return all files that are read, also those that pictures are within."""
    files = {path for one in images.values() for path in one.paths}
    parents = {parent for path in files for parent in path.parents}
    return files | parents | {path for path in others if path is not None}


def known_of(images: Mapping[str, Any]) -> tuple[Any, list[int]]:
    """Return the images of known membership, those not used first, and their labels."""
    parts = [images["not used"], images["used"]]
    labels = [label for label, part in enumerate(parts) for _ in part.paths]
    return parts[0] + parts[1], labels


def look(
    known: Any,
    labels: Any,
    generated: Any,
    candidates: Any = None,
    groups: tuple[Any, Any] = (None, None),
    intensity_range: Any = "dtype",
    others: Mapping[str, Any] | None = None,
) -> "Preflight":
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
    Preflight

    Notes
    -----
    All files are read once, so that what can't be read is known before hours of work.
    """
    from ..audit.inputs import run

    found = run(known, labels, generated, candidates, groups, [intensity_range], others or {})
    for text in found.warnings:
        say(f"Warning: {text}", err=True)
    return found


def refuse(found: "Preflight") -> "Preflight":
    """Raise ClickException where an intensity differs in meaning, or a picture is in two sets."""
    if found.errors:
        raise click.ClickException(" ".join(found.errors))
    return found


def check(*arguments: Any, **options: Any) -> Any:
    """Return a context in which nothing is said again of what `look` finds (and `refuse` lets)."""
    from .._preflight.before_fit import preflight_done

    return preflight_done(refuse(look(*arguments, **options)))


def find_patients(
    source: str | None,
    table: Path | None,
    images: Mapping[str, "ImageFiles"],
    folders: Mapping[str, Path | None],
) -> dict[str, list[str]]:
    """Return the patients of the images, in their order; empty where nobody asks.

    Parameters
    ----------
    source : {"dicom", "folder", "file", "csv"} or None
        Of --patient-from.
    table : Path or None
        Of --patients.
    images : mapping of str to ImageFiles
        Those that need a patient.
    folders : mapping of str to Path or None
        Where they lie.

    Returns
    -------
    dict of str to list of str

    Raises
    ------
    ClickException
        For options that contradict each other, and images without a patient.
    """
    if (source == "csv" and table is None) or (table is not None and source not in (None, "csv")):
        raise click.UsageError("--patients FILE goes with --patient-from csv, and with no other.")
    if table is not None:
        return read_patients(table, images)
    if source is None:
        return {}
    from ..datasets import patients_of

    try:
        return {n: patients_of(one, source, root=folders[n]) for n, one in images.items()}
    except (ValueError, OSError, ImportError) as error:
        raise click.ClickException(str(error)) from error


def read_patients(path: Path, images: Mapping[str, "ImageFiles"]) -> dict[str, list[str]]:
    """Read which patient each image is of.

    Parameters
    ----------
    path : Path
        A CSV file with the columns file and patient. A file is named with its folder
        (used/001.png, also used\\001.png) or with more of them; or, where no two of the
        images share a name, without.
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
    files = [_parts(str(file.absolute())) for one in images.values() for file in one.paths]
    # What the ends of names stand for: of images, and of the table.
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
            # An end tells nothing where two images or two patients share it.
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
            hint = " Several images have this name: write the folder before it."
        raise click.ClickException(
            f"{path} names no patient for {len(without)} images; one is {without[0]}.{hint}"
        )
    return of_images


def _parts(name: str) -> tuple[str, ...]:
    """Return the parts of a path as written on any system."""
    return tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))


def _read_table(path: Path) -> dict[tuple[str, ...], str]:
    """Read patients by the parts of a file's name."""
    if not path.is_file():
        raise click.ClickException(f"{path} is no file that can be read twice.")
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
    patients: dict[tuple[str, ...], str] = {}
    for name, patient in listed:
        parts = _parts(name or "")
        if not parts or not patient:
            raise click.ClickException(f"{path} has a line without a file or a patient.")
        if patients.setdefault(parts, patient) != patient:
            raise click.ClickException(f"{path} names two patients for {'/'.join(parts)}.")
    if not patients:
        raise click.ClickException(f"{path} has no lines after the first.")
    return patients
