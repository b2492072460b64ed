"""The commands ``gan-isi predict`` and ``gan-isi submit``."""

from pathlib import Path
from typing import Any

import click

from .._runtime.output import write_atomically
from .audit import make_attack
from .folders import (
    check,
    dry_run_option,
    find_patients,
    folder_option,
    inputs_of,
    known_of,
    load,
    look,
    patient_options,
    reading,
    said_in_words,
    shows_progress,
    work_options,
)
from .outputs import check_outputs, name_of, output_option, write_all, write_rows
from .plan import show_plan
from .terminal import say

_PRESETS = click.option(
    "--preset", type=click.Choice(("recommended", "paper")), default="recommended",
    show_default=True,
    help="The attack to fit.",
)  # fmt: skip


@click.command()
@folder_option("--used", "Real images that the generator was trained on.")
@folder_option("--not-used", "Real images that it was not trained on.")
@folder_option("--generated", "Images of the generator.")
@folder_option("--candidates", "Real images of unknown membership.")
@output_option("--output", "Write a CSV file with one line for each candidate.", required=True)
@output_option("--save", "Save the fitted attack (by joblib: load only files that you trust).")
@patient_options
@_PRESETS
@dry_run_option
@work_options
def predict(
    used: Path,
    not_used: Path,
    generated: Path,
    candidates: Path,
    output: Path,
    save: Path | None,
    patients: Path | None,
    patient_from: str | None,
    preset: str,
    seed: int,
    jobs: int,
    cache: Path | None,
    quiet: bool,
    intensity_range: Any,
    dry_run: bool,
) -> None:
    """Score candidates with an attack fitted on known images.

    Run `gan-isi audit` first: it shows whether the answers mean anything. The column score
    is larger for candidates that are more like the used images; it is not the probability
    that an image was used.

    \b
    gan-isi predict --used used/ --not-used other/ --generated fakes/ \\
        --candidates unknown/ --output scores.csv
    """
    folders = {"used": used, "not used": not_used}
    images = load(folders | {"candidates": candidates}, generated)
    check_outputs({"--output": output, "--save": save}, inputs_of(images, patients))
    known, labels = known_of(images)
    of_known = find_patients(patient_from, patients, {n: images[n] for n in folders}, folders)
    groups = of_known["not used"] + of_known["used"] if of_known else None
    kept = None if dry_run else cache
    attack = make_attack(preset, seed, jobs, kept, intensity_range, verbose=shows_progress(quiet))
    generated_images, candidate_images = images["generated"], images["candidates"]
    inputs = known, labels, generated_images, candidate_images, (groups, None), intensity_range
    if dry_run:
        return show_plan(look(*inputs), {preset: attack}, known, "comparing them and the fit")
    with check(*inputs):
        attack.set_params(generated=generated_images).fit(known, labels, groups=groups)
    scores = attack.predict_proba(images["candidates"])[:, 1]
    decisions = attack.predict(images["candidates"])
    rows = [
        (name_of(name), f"{score:.6g}", int(decision))
        for name, score, decision in zip(images["candidates"].names, scores, decisions, strict=True)
    ]
    lines = write_all([
        ("Scores", output, lambda path: write_rows(path, ["file", "score", "used"], rows)),
        ("Fitted attack", save, lambda path: _save(attack, path)),
    ])  # fmt: skip
    n_used = sum(row[2] for row in rows)
    say(f"The {preset} attack calls {n_used} of {len(rows)} images used.")
    say(lines)


def _save(attack: Any, path: Path) -> None:
    import joblib

    write_atomically(path, lambda file: joblib.dump(attack, file))


@click.command()
@click.argument("train", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("test", type=click.Path(exists=True, file_okay=False, path_type=Path))
@output_option("--output", "Write the submission (CSV without a header).", required=True)
@_PRESETS
@work_options
def submit(
    train: Path,
    test: Path,
    output: Path,
    preset: str,
    seed: int,
    jobs: int,
    cache: Path | None,
    quiet: bool,
    intensity_range: Any,
) -> None:
    """Label the test images of ImageCLEFmedical GANs 2023.

    TRAIN holds the folders real_used, real_not_used and generated; TEST holds real_unknown
    and generated. With --preset paper this is the paper's experiment.

    \b
    gan-isi submit train/ test/ --preset paper --output run.csv
    """
    from .._validation.items import read_once
    from ..datasets import check_submission, load_membership, write_submission

    with said_in_words():
        known, asked = (load_membership(root, **reading()) for root in (train, test))
    if known.target is None:
        raise click.ClickException(f"{train} has no folders real_used and real_not_used.")
    unknown = asked.images if asked.target is None else asked.unknown
    if unknown is None:
        raise click.ClickException(f"{test} has no folder real_unknown.")
    images = [read_once(x) for x in (known.images, known.generated, asked.generated, unknown)]
    check_outputs({"--output": output}, [path for one in images for path in one.paths])
    real, generated, others, unknown = images
    attack = make_attack(preset, seed, jobs, cache, intensity_range, verbose=shows_progress(quiet))
    with check(
        real,
        known.target,
        generated,
        unknown,
        intensity_range=intensity_range,
        others={"generated (test)": others},
    ):
        attack.set_params(generated=generated).fit(real, known.target)
    labels = attack.retarget(others).predict(unknown)
    ids = [path.stem for path in unknown.paths]
    write_submission(output, ids, labels)
    check_submission(output, ids)
    say(f"{output} calls {int(sum(labels))} of {len(ids)} images used.")
