"""Sets of images and their patients, and checks of these before hours of work begin."""

import csv
import warnings
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .outputs import check_outputs
from .terminal import warn
from .work import Work, reading

if TYPE_CHECKING:
    from ..audit import Preflight
    from ..datasets import ImageFiles


#: Names of the sets of real images.
_REAL = ("used", "not used", "candidates")


@contextmanager
def said_in_words() -> Iterator[None]:
    """Within this context, warnings go to standard error without the line of code."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield
    for one in said:
        warn(one.message)


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


@dataclass(frozen=True)
class Sets:
    """Sets of images that a command reads.

    Attributes
    ----------
    known : sequence of images or None
        Real images of known membership, those not used first.
    labels : list of int
        Whether each was used.
    groups : list of str or None
        Patient of each.
    candidates : sequence of images or None
        Real images of unknown membership.
    candidate_groups : list of str or None
        Patient of each.
    generated : dict of str to sequence of images
        Generated images by the name of their set.
    """

    known: Any = None
    labels: Any = None
    groups: list[str] | None = None
    candidates: Any = None
    candidate_groups: list[str] | None = None
    generated: Mapping[str, Any] = field(default_factory=dict)


def open_sets(
    work: Work,
    *,
    generated: Mapping[str, Path | None] | None = None,
    volumes: str | None = None,
    more_inputs: Iterable[Path | None] = (),
    with_patients: Collection[str] = _REAL,
) -> Sets:
    """Open the folders of a command, and find the patients of the real images.

    Parameters
    ----------
    work : Work
        Options of the command.
    generated : mapping of str to Path or None, default=None
        Folders of generated images by the name of their set; None takes those of `work`.
    volumes : {"axial", "coronal", "sagittal"} or None
        See `open_folders`.
    more_inputs : iterable of Path or None
        Further files that are read.
    with_patients : collection of str
        Real sets whose patients are asked for.

    Returns
    -------
    Sets

    Raises
    ------
    UsageError
        If an input would be written over, or options contradict each other.
    ClickException
        If an image has no patient.
    """
    from .._validation.items import read_once

    real = {name: path for name, path in work.folders.items() if name in _REAL}
    if generated is None:
        generated = {name: path for name, path in work.folders.items() if name not in _REAL}
    images, made = open_folders(real, volumes), open_folders(generated, volumes)
    read = {path for one in (*images.values(), *made.values()) for path in one.paths}
    parents = {parent for path in read for parent in path.parents}
    check_outputs(work.outputs, {*read, *parents, work.patients, *more_inputs})
    asked = {name: one for name, one in images.items() if name in with_patients}
    groups = find_patients(work.patient_from, work.patients, asked, real)
    sets = Sets(
        candidates=images.get("candidates"),
        candidate_groups=groups.get("candidates"),
        generated=made,
    )
    if "used" not in images:
        return sets
    parts = [images["not used"], images["used"]]
    return replace(
        sets,
        known=read_once(parts[0] + parts[1]),
        labels=[label for label, part in enumerate(parts) for _ in part.paths],
        groups=groups["not used"] + groups["used"] if groups else None,
    )


def look(
    sets: Sets, generated: Any, intensity_range: Any, others: Mapping[str, Any] | None = None
) -> "Preflight":
    """Compare the sets of images, and print on standard error how they differ.

    Parameters
    ----------
    sets : Sets
        The real images.
    generated : sequence of images
        Generated images.
    intensity_range : {"dtype", "image"} or (low, high)
        See :func:`gan_isi.audit.preflight`.
    others : mapping of str to sequence of images, default=None
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
    real = sets.known, sets.labels, generated, sets.candidates
    groups = sets.groups, sets.candidate_groups
    with one_line(title, not quiet, leave=False):
        found = run(*real, groups, [intensity_range], others or {})
    for text in found.warnings:
        warn(text)
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
