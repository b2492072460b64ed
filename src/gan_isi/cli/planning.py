"""The command ``gan-isi plan``."""

from pathlib import Path

import click

from .outputs import check_outputs, output_option, write_and_say


@click.command()
@click.option(
    "--patients", type=click.IntRange(5), required=True,
    help="Number of patients whose images train the generator.",
)  # fmt: skip
@click.option(
    "--other-patients", type=click.IntRange(5),
    help="Number of patients kept out of the training; as many by default.",
)  # fmt: skip
@click.option(
    "--images-per-patient", type=click.IntRange(1), default=1, show_default=True,
    help="Number of images of each patient.",
)  # fmt: skip
@click.option(
    "--generated", type=click.IntRange(1), default=500, show_default=True,
    help="Number of generated images.",
)  # fmt: skip
@click.option(
    "--auc", type=click.FloatRange(0.5, 1, min_open=True),
    help="AUC that is to be noticed: adds how many patients that takes.",
)  # fmt: skip
@click.option(
    "--memorised", type=click.FloatRange(0, 1, min_open=True), metavar="SHARE",
    help="Share of the used images that comes back, alike, in all generated images: adds how many "
    "of them are expected.",
)  # fmt: skip
@output_option("--json", "Write all numbers as JSON.")
def plan(
    patients: int,
    other_patients: int | None,
    images_per_patient: int,
    generated: int,
    auc: float | None,
    memorised: float | None,
    json: Path | None,
) -> None:
    """Tell what so many patients and generated images would show.

    No image is needed. What is said of the AUC is simulated, what is said of copies is a formula;
    both say what they assume.

    \b
    gan-isi plan --patients 50 --images-per-patient 2 --generated 500 --auc 0.6
    """
    check_outputs({"--json": json}, set())
    from .._runtime.output import write_atomically
    from ..audit import plan as planned

    found = planned(
        patients,
        other_patients,
        images_per_patient=images_per_patient,
        n_generated=generated,
        auc=auc,
        memorised=memorised,
    )
    write_and_say(
        [("Numbers", json, lambda path: write_atomically(path, found.to_json()))], found.__str__
    )
