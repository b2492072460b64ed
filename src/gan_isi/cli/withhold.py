"""The command ``gan-isi withhold``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .attacks import CHOICES
from .folders import check, look, open_sets
from .outputs import check_installed, name_of, output_option, write_and_say, write_rows
from .plan import show_plan
from .replay import with_command
from .work import Work, dry_run_option, folder_option, folds_option, patient_options, work_options

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
@folds_option
@click.option(
    "--permutations", "n_permutations", type=click.IntRange(0), default=99, show_default=True,
    help="Number of permutations of the labels, which show how much an attack that learns varies.",
)  # fmt: skip
@dry_run_option
@work_options
def withhold(
    share: float | None,
    choose_by: str,
    cv: int,
    n_permutations: int,
    work: Work,
) -> None:
    """List the generated images to withhold, and show what that buys.

    Attacks are judged on what is left after more and more images were withheld, those closest
    to used images first. Mostly this shows that the generator has to be trained again.

    \b
    gan-isi withhold --used used/ --not-used other/ --generated fakes/ --out withhold.csv
    """
    out, json, figure = (work.outputs[name] for name in ("--out", "--json", "--figure"))
    if share is not None and out is None and json is None:
        raise click.UsageError("--share is the part of the images that --out lists; give --out.")
    if figure is not None:
        check_installed(["matplotlib"], "The figure needs", "plot")
        if figure.suffix.lower() not in (".png", ".svg", ".pdf"):
            raise click.UsageError(f"--figure has to end in .png, .svg or .pdf; got {figure}.")
    sets = open_sets(work)
    fakes = sets.generated["generated"]
    from .. import audit as auditing
    from ..audit.withhold_attacks import default_judges, make_chooser, name_all

    chooser, judges = (of(choose_by, **work.of_attacks) for of in (make_chooser, default_judges))
    given = (0, 0.1, 0.25, 0.5, 0.75, 0.9)
    inputs = (sets, fakes, work.intensity_range)
    if work.dry_run:
        from ..audit.duration import measure_costs, stages_of_withhold

        found, n_known = look(*inputs), len(sets.known)
        attacks = name_all(judges, chooser, work.jobs, None, len(fakes))
        n_test = n_known // cv
        costs = measure_costs(attacks, sets.known, fakes, n_train=n_known - n_test, n_test=n_test)
        # Each share once for both choices, and five times by chance.
        stages = stages_of_withhold(
            costs, n_permutations, 7 * len(given) - 4, n_real=n_known, n_generated=len(fakes),
            cv=cv, n_jobs=work.jobs,
        )  # fmt: skip
        return show_plan(found, stages)
    with check(*inputs):
        result = auditing.withhold(
            sets.known,
            sets.labels,
            generated=fakes,
            groups=sets.groups,
            choose_by=chooser,
            attacks=judges,
            shares=given if share is None else sorted({*given, share}),
            cv=cv,
            n_permutations=n_permutations,
            **work.of_audits,
        )
    result = with_command(result)
    write_and_say(
        [
            ("Numbers", json, result.to_json),
            ("List", out, lambda path: _write_list(
                result, share, tuple(fakes.names), tuple(sets.known.names), path
            )),
            ("Figure", figure, lambda path: _draw(result, path)),
        ],
        lambda: f"{result}\n\nAUC of the attack that tells most\n{_table(result)}",
    )  # fmt: skip


def _table(result: "WithholdResult") -> str:
    """Return the table of what is left, without the line above it."""
    return repr(result).partition("\n")[2]


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
