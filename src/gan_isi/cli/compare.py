"""The command ``gan-isi compare``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from .folders import (
    find_patients,
    folder_option,
    inputs_of,
    known_of,
    open_folders,
    patient_options,
    said_in_words,
    work_options,
)
from .outputs import check_outputs, output_option, write_all
from .terminal import say

#: Attacks whose distances are to generated images only; a test compares them with the registry.
ATTACKS = ("recommended", "paper", "nearest", "relative_nearest", "epsilon_ball", "retrieval")


@click.command()
@folder_option("--used", "Real images that both generators (or the first) were trained on.")
@folder_option("--not-used", "Real images that they (or the first) were not trained on.")
@click.option(
    "--generated", "both", multiple=True, required=True, metavar="DIR",
    type=click.Path(exists=True, path_type=Path),
    help="Images of a generator; given twice. They are named by their folders.",
)  # fmt: skip
@click.option(
    "--crossover", is_flag=True,
    help="The second generator was trained on --not-used and not on --used: what makes an image "
    "easy for either cancels.",
)  # fmt: skip
@output_option("--json", "Write all numbers as JSON.")
@click.option(
    "--attack", type=click.Choice(ATTACKS), default="recommended", show_default=True,
    help="Attack that scores the real images.",
)  # fmt: skip
@patient_options
@click.option(
    "--folds", type=click.IntRange(2), default=5, show_default=True,
    help="Number of folds, each of which is held out once.",
)  # fmt: skip
@click.option(
    "--permutations", type=click.IntRange(0), default=199, show_default=True,
    help="Number of exchanges of the generators, each with a refit.",
)  # fmt: skip
@work_options
def compare(
    used: Path,
    not_used: Path,
    both: tuple[Path, ...],
    crossover: bool,
    json: Path | None,
    attack: str,
    patients: Path | None,
    patient_from: str | None,
    folds: int,
    permutations: int,
    seed: int,
    jobs: int,
    cache: Path | None,
    quiet: bool,
    intensity_range: Any,
) -> None:
    """Compare two generators, or two checkpoints of one, on the same real images.

    \b
    gan-isi compare --used used/ --not-used other/ --generated A/ --generated B/
    """
    if len(both) != 2:
        raise click.UsageError(f"--generated has to be given twice; got it {len(both)} times.")
    folders = {"used": used, "not used": not_used}
    images = open_folders(folders)
    fakes = open_folders(dict(zip(_names(both), both, strict=True)))
    inputs = inputs_of({**images, **fakes}, patients)
    check_outputs({"--json": json}, inputs)
    groups = find_patients(patient_from, patients, images, folders)
    known, labels = known_of(images)
    from .. import audit as auditing
    from ..attacks import make_pipeline

    scored = make_pipeline(
        attack, intensity_range=intensity_range, n_jobs=jobs,
        memory=None if cache is None else str(cache),
    )  # fmt: skip
    own: Any = labels
    if crossover:
        own = dict(zip(fakes, (labels, [1 - label for label in labels]), strict=True))
    with said_in_words():
        result = auditing.compare(
            known,
            own,
            fakes,
            groups=groups["not used"] + groups["used"] if groups else None,
            attack=scored,
            cv=folds,
            n_permutations=permutations,
            random_state=seed,
            n_jobs=jobs,
            verbose=not quiet,
        )
    write: Callable[[Path], Any] = lambda path: _write(result, path)  # noqa: E731
    lines = ""
    try:  # the file comes first, since it lasts
        lines = write_all([("Numbers", json, write)])
    finally:
        say(f"{result}\n\n{lines}".rstrip("\n"))


def _names(both: tuple[Path, ...]) -> list[str]:
    """Return the names of the folders, with as many parents as tell them apart."""
    parts = [one.absolute().parts for one in both]
    depth = next((n for n in range(1, 99) if parts[0][-n:] != parts[1][-n:]), 0)
    if not depth:
        return ["first", "second"]
    return ["/".join(one[-depth:]) for one in parts]


def _write(result: Any, path: Path) -> None:
    from .._runtime.output import write_atomically

    write_atomically(path, result.to_json())
