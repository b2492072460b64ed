"""The command ``gan-isi withhold``."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .attacks import CHOICES
from .folders import (
    check,
    dry_run_option,
    find_patients,
    folder_option,
    inputs_of,
    known_of,
    look,
    open_folders,
    patient_options,
    work_options,
)
from .outputs import check_outputs, name_of, output_option, write_all, write_rows
from .plan import show_plan
from .replay import with_command
from .terminal import say

if TYPE_CHECKING:
    from ..audit import WithholdResult


@click.command()
@folder_option("--used", "Real images that the generator was trained on.")
@folder_option("--not-used", "Real images of the same kind that it was not trained on.")
@folder_option("--generated", "Images of the generator.")
@output_option(
    "--out",
    "Write the list of generated images: a name ending in .csv gives a table of all, in order, any "
    "other the names of those to withhold, one a line.",
)
@output_option("--json", "Write all numbers as JSON, which gan-isi verify repeats.")
@output_option("--figure", "Draw the curves (PNG, SVG or PDF, by the name's end).")
@click.option(
    "--share", type=click.FloatRange(0, 1, max_open=True), metavar="SHARE",
    help="Share of the generated images that --out lists; by default those that come closer to a "
    "used image than any comes to an image not used. The curves have a point there as well.",
)  # fmt: skip
@click.option(
    "--choose-by", type=click.Choice(CHOICES), default="pixels", show_default=True,
    help="Distances that choose. All other attacks judge what is left.",
)  # fmt: skip
@patient_options
@click.option(
    "--folds", type=click.IntRange(2), default=5, show_default=True,
    help="Number of folds, each of which is held out once.",
)  # fmt: skip
@click.option(
    "--permutations", type=click.IntRange(0), default=99, show_default=True,
    help="Number of permutations of the labels, which show how much an attack that learns varies.",
)  # fmt: skip
@dry_run_option
@work_options
def withhold(
    used: Path,
    not_used: Path,
    generated: Path,
    out: Path | None,
    json: Path | None,
    figure: Path | None,
    share: float | None,
    choose_by: str,
    patients: Path | None,
    patient_from: str | None,
    folds: int,
    permutations: int,
    seed: int,
    jobs: int,
    cache: Path | None,
    quiet: bool,
    intensity_range: Any,
    dry_run: bool,
) -> None:
    """List the generated images to withhold, and show what that buys.

    Attacks are judged on what is left after more and more images were withheld, those closest
    to used images first. Mostly this shows that the generator has to be trained again.

    \b
    gan-isi withhold --used used/ --not-used other/ --generated fakes/ --out withhold.csv
    """
    if share is not None and out is None and json is None:
        raise click.UsageError("--share is the part of the images that --out lists; give --out.")
    if figure is not None and find_spec("matplotlib") is None:
        raise click.ClickException(
            'The figure needs matplotlib. Install with: pip install "gan-isi[plot]"'
        )
    if figure is not None and figure.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise click.UsageError(f"--figure has to end in .png, .svg or .pdf; got {figure}.")
    folders = {"used": used, "not used": not_used}
    images = open_folders({**folders, "generated": generated})
    check_outputs({"--out": out, "--json": json, "--figure": figure}, inputs_of(images, patients))
    fakes = images.pop("generated")
    groups = find_patients(patient_from, patients, images, folders)
    known, labels = known_of(images)
    known_groups = groups["not used"] + groups["used"] if groups else None
    from .. import audit as auditing
    from ..audit.withhold_attacks import default_judges, make_chooser, name_all

    options: dict[str, Any] = {
        "n_jobs": jobs, "memory": None if cache is None or dry_run else str(cache),
        "intensity_range": intensity_range,
    }  # fmt: skip
    chooser, judges = make_chooser(choose_by, **options), default_judges(choose_by, **options)
    given = (0, 0.1, 0.25, 0.5, 0.75, 0.9)
    inputs = (known, labels, fakes, None, (known_groups, None), intensity_range)
    if dry_run:
        from ..audit.duration import measure_costs, stages_of_withhold

        found, n_known = look(*inputs), len(known)
        attacks = name_all(judges, chooser, jobs, None, len(fakes))
        n_train = n_known - n_known // folds
        costs = measure_costs(attacks, known, fakes, n_train=n_train, n_test=n_known // folds)
        # Each share once for both choices, and five times by chance.
        stages = stages_of_withhold(
            costs, permutations, 7 * len(given) - 4, n_real=n_known, n_generated=len(fakes),
            cv=folds, n_jobs=jobs,
        )  # fmt: skip
        return show_plan(found, stages)
    with check(*inputs):
        result = auditing.withhold(
            known,
            labels,
            generated=fakes,
            groups=known_groups,
            choose_by=chooser,
            attacks=judges,
            shares=given if share is None else sorted({*given, share}),
            cv=folds,
            n_permutations=permutations,
            random_state=seed,
            n_jobs=jobs,
            verbose=not quiet,
        )
    result = with_command(result)
    lines = ""
    try:  # the files come first, since they last
        lines = write_all([
            ("Numbers", json, result.to_json),
            ("List", out, lambda path: _write_list(
                result, share, tuple(fakes.names), tuple(known.names), path
            )),
            ("Figure", figure, lambda path: _draw(result, path)),
        ])  # fmt: skip
    finally:
        table = repr(result).partition("\n")[2]
        say(f"{result}\n\nAUC of the attack that tells most\n{table}\n\n{lines}".rstrip("\n"))


def _draw(result: "WithholdResult", target: Path) -> None:
    """Draw the curves without a window."""
    from matplotlib.figure import Figure

    from .._runtime.output import write_atomically
    from ..plotting import WithholdDisplay

    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    WithholdDisplay.from_result(result, ax=figure.subplots())
    write_atomically(target, lambda file: figure.savefig(file, format=target.suffix[1:].lower()))


def _write_list(
    result: "WithholdResult",
    share: float | None,
    fakes: tuple[str, ...],
    known: tuple[str, ...],
    target: Path,
) -> None:
    """Write the generated images in order, as a table of all or as names of the first ones."""
    choice, n = result.choice, len(fakes)
    n_listed = choice.n_closer if share is None else round(share * n)
    names = [name_of(fakes[number]) for number in result.order]
    if target.suffix.lower() != ".csv":
        from .._runtime.output import visible, write_atomically

        write_atomically(target, "".join(f"{visible(name)}\n" for name in names[:n_listed]))
        return
    rows = [
        (
            name,
            int(place < n_listed),
            f"{choice.closeness[number]:.4g}",
            name_of(known[choice.closest_used[number]]),
            f"{choice.p_values[number]:.4g}",
        )
        for place, (name, number) in enumerate(zip(names, result.order, strict=True))
    ]
    write_rows(target, ["file", "withhold", "closeness", "closest_used", "p_value"], rows)
