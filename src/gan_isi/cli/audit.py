"""The command ``gan-isi audit``."""

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from .._runtime.output import write_atomically
from .attacks import ATTACKS, make_attack
from .conditions import Condition, check_conditions, exit_code, fail_if_option
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
    read_patients,
    work_options,
)
from .outputs import check_outputs, name_of, output_option, write_all, write_rows
from .pairs import write_pairs
from .plan import show_plan
from .replay import with_command
from .terminal import say

#: Name of the set of generated images that are a control, which a test compares as well.
UNRELATED = "unrelated generated"


@click.command()
@folder_option("--used", "Real images that the generator was trained on.")
@folder_option("--not-used", "Real images of the same kind that it was not trained on.")
@folder_option("--generated", "Images of the generator.")
@folder_option("--candidates", "Real images of unknown membership.", required=False)
@output_option("--report", "Write the audit as one HTML page.")
@output_option("--json", "Write all numbers as JSON, which gan-isi verify repeats.")
@output_option("--manifest", "Write the SHA-256 of each input, for sha256sum --check.")
@output_option(
    "--known-csv",
    "Write the result of each attack for each known image, with the report's numbers.",
)
@output_option("--candidates-csv", "Write the result of each attack for each candidate.")
@output_option(
    "--pairs-csv",
    "Write each known image with the generated image closest to it, and how alike they are.",
)
@click.option(
    "--no-images",
    is_flag=True,
    help="Show no pictures in the report, for images that may not leave the house.",
)
@click.option(
    "--attack", "names", multiple=True, type=click.Choice(ATTACKS),
    default=("recommended", "nearest"), show_default=True,
    help="An attack to audit; may be repeated. The blind attack is always included.",
)  # fmt: skip
@click.option(
    "--choose",
    is_flag=True,
    help="Also report the best of the attacks, chosen within the training part of each fold.",
)
@patient_options
@click.option(
    "--volumes", type=click.Choice(("axial", "coronal", "sagittal")),
    help="All folders hold volumes (NIfTI, DICOM series), which are cut into these slices; each "
    "volume gets one answer.",
)  # fmt: skip
@click.option(
    "--folds", type=click.IntRange(2), default=5, show_default=True,
    help="Number of folds, each of which is held out once.",
)  # fmt: skip
@click.option(
    "--repeats", type=click.IntRange(1), default=1, show_default=True,
    help="Number of times that the images are divided into folds.",
)  # fmt: skip
@click.option(
    "--permutations", type=click.IntRange(0), default=199, show_default=True,
    help="Number of permutations of the labels, each with a refit; with N of them no p-value is "
    "below 1 / (N + 1).",
)  # fmt: skip
@click.option(
    "--prior", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="SHARE",
    help="Share of used images among those that you would ask about: adds how many of those that "
    "an attack calls used were used.",
)  # fmt: skip
@click.option(
    "--subgroup", metavar="COLUMN",
    help="Column of --patients with a subgroup (sex, site): adds a table of the AUC in each.",
)  # fmt: skip
@output_option("--patients-csv", "Write the result of each attack for each patient.")
@click.option(
    "--epsilon-by", type=click.Choice(ATTACKS),
    help="Attack that gives a lower bound of epsilon of differential privacy; only if an "
    "independent fair coin decided of each patient, before training, whether to use the images.",
)  # fmt: skip
@click.option(
    "--controls",
    is_flag=True,
    help="Also ask each attack where there is nothing to find: to tell two halves of the images "
    "not used, and of the used ones.",
)
@folder_option(
    "--unrelated-generated",
    "Images of a generator that saw none of the real images: what attacks find with these does "
    "not come from the generator.",
    required=False,
)
@fail_if_option
@dry_run_option
@work_options
def audit(
    used: Path,
    not_used: Path,
    generated: Path,
    candidates: Path | None,
    report: Path | None,
    json: Path | None,
    manifest: Path | None,
    known_csv: Path | None,
    candidates_csv: Path | None,
    pairs_csv: Path | None,
    no_images: bool,
    names: tuple[str, ...],
    choose: bool,
    patients: Path | None,
    patient_from: str | None,
    volumes: str | None,
    folds: int,
    repeats: int,
    permutations: int,
    prior: float | None,
    subgroup: str | None,
    patients_csv: Path | None,
    epsilon_by: str | None,
    controls: bool,
    unrelated_generated: Path | None,
    conditions: tuple[Condition, ...],
    seed: int,
    jobs: int,
    cache: Path | None,
    quiet: bool,
    intensity_range: Any,
    dry_run: bool,
) -> int:
    """Test whether used images can be told from others.

    This needs real images of known membership. It prints its findings as sentences, with
    their uncertainty.

    \b
    gan-isi audit --used used/ --not-used other/ --generated fakes/ --report audit.html
    """
    if pairs_csv is not None and volumes is not None:
        raise click.UsageError("--pairs-csv compares images, and goes not with --volumes.")
    _check_extras(report, known_csv or candidates_csv or patients_csv)
    if subgroup is not None and patients is None:
        raise click.UsageError("--subgroup names a column of --patients; give that file as well.")
    if patients_csv is not None and patients is None and patient_from is None:
        raise click.UsageError("--patients-csv needs --patients or --patient-from.")
    if epsilon_by is not None and epsilon_by not in names:
        raise click.UsageError(f"--epsilon-by {epsilon_by} needs --attack {epsilon_by} as well.")
    if candidates_csv is not None and candidates is None:
        raise click.UsageError("--candidates-csv needs --candidates.")
    named = list(dict.fromkeys([*names, "blind"]))
    check_conditions(
        conditions, [*named, "chosen"] if choose else named, n_permutations=permutations,
        candidates=candidates is not None, epsilon=epsilon_by is not None,
    )  # fmt: skip
    folders = {"used": used, "not used": not_used, "candidates": candidates}
    images = open_folders(
        folders | {UNRELATED: unrelated_generated, "generated": generated}, volumes
    )
    outputs = {
        "--report": report, "--json": json, "--manifest": manifest, "--known-csv": known_csv,
        "--candidates-csv": candidates_csv, "--patients-csv": patients_csv,
        "--pairs-csv": pairs_csv,
    }  # fmt: skip
    check_outputs(outputs, inputs_of(images, patients))
    fakes, unrelated = images.pop("generated"), images.pop(UNRELATED, None)
    groups = find_patients(patient_from, patients, images, folders)
    subgroups = None
    if patients is not None and subgroup is not None:
        of_sets = read_patients(patients, {n: images[n] for n in ("not used", "used")}, subgroup)
        subgroups = of_sets["not used"] + of_sets["used"]
    from .. import audit as auditing

    known, labels = known_of(images)
    candidate_images = images.get("candidates")
    by_volume: dict[str, Any] = {}
    if volumes is not None:
        by_volume = {"volumes": known.groups, "candidate_volumes": None}
        if candidate_images is not None:
            by_volume["candidate_volumes"] = candidate_images.groups
    known_groups = groups["not used"] + groups["used"] if groups else None
    patients_of = known_groups, groups.get("candidates")
    attacks = {
        name: make_attack(name, seed, jobs, None if dry_run else cache, intensity_range)
        for name in named
    }
    others = {} if unrelated is None else {UNRELATED: unrelated}
    inputs = (known, labels, fakes, candidate_images, patients_of, intensity_range, others)
    if dry_run:
        from ..audit.duration import measure_costs, stages_of_audit

        found, n_test = look(*inputs), len(known) // folds
        costs = measure_costs(attacks, known, fakes, n_train=len(known) - n_test, n_test=n_test)
        stages = stages_of_audit(
            costs, attacks, lambda name: permutations, n_generated=len(fakes),
            n_real=len(known) + len(candidate_images or ()), n_fits=folds * repeats, n_jobs=jobs,
            candidates=candidate_images is not None, choose=choose, controls=controls,
            n_unrelated=len(unrelated or ()),
        )  # fmt: skip
        show_plan(found, stages)
        return 0
    with check(*inputs):
        result = auditing.audit(
            attacks,
            known,
            labels,
            generated=fakes,
            groups=known_groups,
            candidates=candidate_images,
            candidate_groups=groups.get("candidates"),
            **by_volume,
            choose=choose,
            cv=folds,
            n_repeats=repeats,
            n_permutations=permutations,
            prior=prior,
            subgroups=subgroups,
            epsilon_by=epsilon_by,
            controls=controls,
            unrelated_generated=unrelated,
            random_state=seed,
            n_jobs=jobs,
            verbose=not quiet,
            memory=cache,
        )
    result = with_command(result)
    lines = ""
    pictures = {} if no_images else {"real": known, "generated": fakes}
    by_patient = None if volumes is None else _first_of(known.groups, known_groups)
    try:  # the files come first, since they last
        lines = write_all([
            ("Numbers", json, result.to_json),
            ("Report", report, partial(result.to_html, **pictures)),
            ("Manifest", manifest, lambda path: _write_manifest(result, path)),
            ("Images", known_csv, lambda path: _write_images(
                {name: result.queries_to_frame(name) for name in result.attacks},
                _names(known), {"used": "used", "p_value": "conformal_p"}, path,
            )),
            ("Images", candidates_csv, lambda path: _write_images(
                {name: result.candidates_to_frame(name) for name in result.attacks},
                _names(candidate_images), {"p_value": "p_value"}, path,
            )),
            ("Pairs", pairs_csv, lambda path: write_pairs(path, result, known, fakes, jobs)),
            ("Patients", patients_csv, lambda path: _write_patients(
                {
                    name: result.patients_to_frame(name, by_patient or known_groups)
                    for name in result.attacks
                },
                path,
            )),
        ])  # fmt: skip
    finally:
        say(f"{result}{_of_subgroups(result)}\n\n{lines}".rstrip("\n"))
    return exit_code(conditions, result)


def _check_extras(report: Path | None, table: Path | None) -> None:
    needed = ["jinja2", "matplotlib"] if report else []
    needed += ["pandas"] if table else []
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"The report and the tables need {', '.join(missing)}. "
            'Install with: pip install "gan-isi[report]"'
        )


def _names(images: Any) -> tuple[str, ...]:
    """Return the names of images, or of the volumes that slices belong to."""
    if hasattr(images, "groups"):
        return tuple(dict.fromkeys(images.groups.tolist()))
    return tuple(images.names)


def _write_manifest(result: Any, target: Path) -> None:
    write_atomically(target, result.provenance.manifest())


def _write_images(
    frames: dict[str, Any], files: tuple[str, ...], columns: dict[str, str], target: Path
) -> None:
    """Write one line for each attack and image, with the number that the report has."""
    rows = [
        (
            name,
            number,
            name_of(file),
            *(f"{frame[own].iloc[number]:.4g}" for own in ("rank", *columns.values())),
        )
        for name, frame in frames.items()
        for number, file in enumerate(files)
    ]
    write_rows(target, ["attack", "number", "file", "rank", *columns], rows)


def _write_patients(frames: dict[str, Any], target: Path) -> None:
    """Write one line for each attack and patient."""
    rows = [
        (
            name, name_of(row.patient), int(row.used), row.n_images,
            *(f"{value:.4g}" for value in (row.score, row.rank, row.conformal_p)),
        )
        for name, frame in frames.items()
        for row in frame.itertuples()
    ]  # fmt: skip
    write_rows(target, ["attack", "patient", "used", "n_images", "score", "rank", "p_value"], rows)


def _of_subgroups(result: Any) -> str:
    """Return a line for each attack and subgroup, if these were asked for."""
    if result.subgroups is None:
        return ""
    from ..audit.numbers import by_subgroup, subgroup_line

    lines = [
        f"{name}, {subgroup_line(row)}"
        for name, one in result.attacks.items()
        for row in by_subgroup(result, one, result.subgroups)
    ]
    return "\n".join(["\n\nsubgroups (among many, some differ by chance)", *lines])


def _first_of(volumes: Any, patients: list[str] | None) -> list[str] | None:
    """Return the patient of each volume, given those of the slices."""
    if patients is None:
        return None
    return list(dict(zip(volumes[::-1].tolist(), patients[::-1], strict=True)).values())[::-1]
