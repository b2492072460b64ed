"""Options that commands share, and what they say, as one object."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

import click

from .outputs import is_output

_FOLDER = click.Path(exists=True, path_type=Path)

#: Options of reading, which are called as the parameters of `load_images`.
_READING = ("recursive", "max_pixels", "exif_transpose")


@dataclass(frozen=True)
class Work:
    """What the shared options of a command say, and which files it writes.

    Attributes
    ----------
    seed, jobs, cache, quiet, intensity_range, dry_run, patients, patient_from
        The options of these names.
    folders : dict of str to Path or None
        Folders of images, by the name of the set: that of the option, such as "not used".
    outputs : dict of str to Path or None
        Files to write, by the option that names each.
    """

    seed: int
    jobs: int
    cache: Path | None
    quiet: bool
    intensity_range: Any
    folders: dict[str, Path | None]
    outputs: dict[str, Path | None]
    dry_run: bool = False
    patients: Path | None = None
    patient_from: str | None = None

    @property
    def of_attacks(self) -> dict[str, Any]:
        """Arguments of `make_pipeline`, but for the seed; a dry run fills no cache."""
        memory = None if self.cache is None or self.dry_run else str(self.cache)
        return {"n_jobs": self.jobs, "memory": memory, "intensity_range": self.intensity_range}

    @property
    def of_audits(self) -> dict[str, Any]:
        """Arguments that `audit`, `withhold` and `compare` of the library have in common."""
        return {"random_state": self.seed, "n_jobs": self.jobs, "verbose": not self.quiet}


def folder_option(name: str, help_text: str, *, required: bool = True) -> Callable[..., Any]:
    """Return an option that names a folder or an archive of images."""
    return click.option(name, type=_FOLDER, required=required, metavar="DIR", help=help_text)


def folders_of(context: click.Context) -> dict[str, Path | None]:
    """Return the folders of images that a command reads, by the names of the sets."""
    return {
        one.opts[0].removeprefix("--").replace("-", " "): context.params[str(one.name)]
        for one in context.command.params
        if one.type is _FOLDER
    }


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


def reading() -> dict[str, Any]:
    """Return the running command's options of reading, as arguments of `load_images`."""
    context = click.get_current_context(silent=True)
    given = {} if context is None else context.params
    return {name: given[name] for name in _READING if given.get(name) is not None}


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
        "--recursive/--no-recursive", default=None,
        help="Search subfolders; by default they are searched if a folder itself holds no image.",
    ),
    click.option(
        "--max-pixels", type=click.IntRange(1, 10**9), metavar="INTEGER",
        help="Height x width of the largest picture that is read [default: 134217728].",
    ),
    click.option(
        "--exif-transpose", is_flag=True,
        help="Rotate pictures upright if their files (EXIF, TIFF) have an orientation.",
    ),
)  # fmt: skip


dry_run_option = click.option(
    "--dry-run",
    is_flag=True,
    help="Read and compare the images, estimate how long the rest takes, and stop.",
)


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


folds_option = click.option(
    "--folds", "cv", type=click.IntRange(2), default=5, show_default=True,
    help="Number of folds, each of which is held out once.",
)  # fmt: skip


def work_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that all commands have: reading, scale, seed, jobs, cache and progress.

    What they say is handed to the command as `work`, with the folders and the files to write.
    """

    @wraps(command)
    def with_work(**given: Any) -> Any:
        context = click.get_current_context()
        options = context.command.params
        outputs = {one.opts[0]: given[str(one.name)] for one in options if is_output(one)}
        shared = {one.name: given[one.name] for one in fields(Work) if one.name in given}
        work = Work(folders=folders_of(context), outputs=outputs, **shared)
        collected = {one.name for one in options if is_output(one) or one.type is _FOLDER}
        own = given.keys() - collected - shared.keys() - set(_READING)
        return command(work=work, **{name: given[name] for name in own})

    decorated: Callable[..., Any] = with_work
    for option in _WORK_OPTIONS:
        decorated = option(decorated)
    return decorated
