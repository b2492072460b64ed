"""The command ``gan-isi compare``."""

from pathlib import Path
from typing import Any

import click

from .folders import open_sets, said_in_words
from .outputs import output_option, write_and_say
from .work import Work, folder_option, folds_option, patient_options, work_options

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
@folds_option
@click.option(
    "--permutations", "n_permutations", type=click.IntRange(0), default=199, show_default=True,
    help="Number of exchanges of the generators, each with a refit.",
)  # fmt: skip
@work_options
def compare(
    both: tuple[Path, ...],
    crossover: bool,
    attack: str,
    cv: int,
    n_permutations: int,
    work: Work,
) -> None:
    """Compare two generators, or two checkpoints of one, on the same real images.

    \b
    gan-isi compare --used used/ --not-used other/ --generated A/ --generated B/
    """
    if len(both) != 2:
        raise click.UsageError(f"--generated has to be given twice; got it {len(both)} times.")
    sets = open_sets(work, generated=dict(zip(_names(both), both, strict=True)))
    labels, fakes = sets.labels, sets.generated
    from .. import audit as auditing
    from .._runtime.output import write_atomically
    from ..attacks import make_pipeline

    own: Any = labels
    if crossover:
        own = dict(zip(fakes, (labels, [1 - label for label in labels]), strict=True))
    with said_in_words():
        result = auditing.compare(
            sets.known,
            own,
            fakes,
            groups=sets.groups,
            attack=make_pipeline(attack, **work.of_attacks),
            cv=cv,
            n_permutations=n_permutations,
            **work.of_audits,
        )
    json = work.outputs["--json"]
    write_and_say(
        [("Numbers", json, lambda path: write_atomically(path, result.to_json()))], result.__str__
    )


def _names(both: tuple[Path, ...]) -> list[str]:
    """Return the names of the folders, with as many parents as tell them apart."""
    parts = [one.absolute().parts for one in both]
    depth = next((n for n in range(1, 99) if parts[0][-n:] != parts[1][-n:]), 0)
    if not depth:
        return ["first", "second"]
    return ["/".join(one[-depth:]) for one in parts]
