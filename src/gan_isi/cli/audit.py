"""The command ``gan-isi audit``."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .._runtime.output import write_atomically
from .attacks import ATTACKS, make_attack
from .conditions import Condition, check_conditions, exit_code, fail_if_option
from .folders import Sets, check, look, open_sets, read_patients
from .outputs import check_installed, name_of, output_option, write_and_say, write_rows
from .pairs import write_pairs
from .plan import show_plan
from .replay import with_command
from .work import Work, dry_run_option, folder_option, folds_option, patient_options, work_options

if TYPE_CHECKING:
    from .._runtime.whole import Stage
    from ..audit import AuditResult

#: Name of the set of generated images that are a control, as of its option and in the library; a
#: test compares them.
UNRELATED = "unrelated generated"

#: Outputs that need pandas.
_TABLES = ("known_csv", "candidates_csv", "patients_csv")


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
@folds_option
@click.option(
    "--repeats", "n_repeats", type=click.IntRange(1), default=1, show_default=True,
    help="Number of times that the images are divided into folds.",
)  # fmt: skip
@click.option(
    "--permutations", "n_permutations", type=click.IntRange(0), default=199, show_default=True,
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
    no_images: bool,
    names: tuple[str, ...],
    volumes: str | None,
    subgroup: str | None,
    conditions: tuple[Condition, ...],
    work: Work,
    **judged: Any,
) -> int:
    """Test whether used images can be told from others.

    This needs real images of known membership. It prints its findings as sentences, with
    their uncertainty.

    \b
    gan-isi audit --used used/ --not-used other/ --generated fakes/ --report audit.html
    """
    named = list(dict.fromkeys([*names, "blind"]))
    _check_options(named)
    sets = open_sets(work, volumes=volumes)
    subgroups = None
    if work.patients is not None and subgroup is not None:
        subgroups = read_patients(work.patients, {"known": sets.known}, subgroup)["known"]
    attacks = {name: make_attack(name, work) for name in named}
    fakes, unrelated = sets.generated["generated"], sets.generated.get(UNRELATED)
    others = {} if unrelated is None else {UNRELATED: unrelated}
    inputs = (sets, fakes, work.intensity_range, others)
    if work.dry_run:
        show_plan(look(*inputs), _stages(sets, attacks, work, **judged))
        return 0
    from .. import audit as auditing

    with check(*inputs):
        result = auditing.audit(
            attacks,
            sets.known,
            sets.labels,
            generated=fakes,
            groups=sets.groups,
            candidates=sets.candidates,
            candidate_groups=sets.candidate_groups,
            volumes=getattr(sets.known, "groups", None),
            candidate_volumes=getattr(sets.candidates, "groups", None),
            subgroups=subgroups,
            unrelated_generated=unrelated,
            memory=work.cache,
            **judged,
            **work.of_audits,
        )
    result = with_command(result)
    _write(result, sets, work, pictures=not no_images)
    return exit_code(conditions, result)


def _check_options(named: list[str]) -> None:
    """Refuse options that contradict each other, before any image is looked at."""
    given = click.get_current_context().params
    if given["pairs_csv"] is not None and given["volumes"] is not None:
        raise click.UsageError("--pairs-csv compares images, and goes not with --volumes.")
    needed = ["jinja2", "matplotlib"] if given["report"] else []
    needed += ["pandas"] if any(given[one] for one in _TABLES) else []
    check_installed(needed, "The report and the tables need", "report")
    if given["subgroup"] is not None and given["patients"] is None:
        raise click.UsageError("--subgroup names a column of --patients; give that file as well.")
    if given["patients_csv"] is not None and not (given["patients"] or given["patient_from"]):
        raise click.UsageError("--patients-csv needs --patients or --patient-from.")
    epsilon_by = given["epsilon_by"]
    if epsilon_by is not None and epsilon_by not in given["names"]:
        raise click.UsageError(f"--epsilon-by {epsilon_by} needs --attack {epsilon_by} as well.")
    if given["candidates_csv"] is not None and given["candidates"] is None:
        raise click.UsageError("--candidates-csv needs --candidates.")
    check_conditions(
        given["conditions"],
        [*named, "chosen"] if given["choose"] else named,
        n_permutations=given["n_permutations"],
        candidates=given["candidates"] is not None,
        epsilon=epsilon_by is not None,
    )


def _stages(
    sets: Sets,
    attacks: Mapping[str, Any],
    work: Work,
    *,
    cv: int,
    n_repeats: int,
    n_permutations: int,
    choose: bool,
    controls: bool,
    **_: Any,
) -> "list[Stage]":
    """Return the stages of an audit, with their estimated seconds."""
    from ..audit.duration import measure_costs, stages_of_audit

    fakes, n_known = sets.generated["generated"], len(sets.known)
    n_test = n_known // cv
    costs = measure_costs(attacks, sets.known, fakes, n_train=n_known - n_test, n_test=n_test)
    return stages_of_audit(
        costs,
        attacks,
        lambda name: n_permutations,
        n_real=n_known + len(sets.candidates or ()),
        n_generated=len(fakes),
        n_fits=cv * n_repeats,
        n_jobs=work.jobs,
        candidates=sets.candidates is not None,
        choose=choose,
        controls=controls,
        n_unrelated=len(sets.generated.get(UNRELATED, ())),
    )


def _write(result: "AuditResult", sets: Sets, work: Work, *, pictures: bool) -> None:
    """Write the files that were asked for, and print what was found."""
    known, fakes = sets.known, sets.generated["generated"]
    shown = {"real": known, "generated": fakes} if pictures else {}
    patients = sets.groups
    if patients is not None and hasattr(known, "groups"):
        patients = _first_of(known.groups, patients)
    to = work.outputs
    write_and_say(
        [
            ("Numbers", to["--json"], result.to_json),
            ("Report", to["--report"], partial(result.to_html, **shown)),
            ("Manifest", to["--manifest"], lambda path: _write_manifest(result, path)),
            ("Images", to["--known-csv"], lambda path: _write_images(
                {name: result.queries_to_frame(name) for name in result.attacks},
                _names(known), {"used": "used", "p_value": "conformal_p"}, path,
            )),
            ("Images", to["--candidates-csv"], lambda path: _write_images(
                {name: result.candidates_to_frame(name) for name in result.attacks},
                _names(sets.candidates), {"p_value": "p_value"}, path,
            )),
            ("Pairs", to["--pairs-csv"], lambda path: write_pairs(
                path, result, known, fakes, work.jobs
            )),
            ("Patients", to["--patients-csv"], lambda path: _write_patients(
                {name: result.patients_to_frame(name, patients) for name in result.attacks}, path
            )),
        ],
        lambda: f"{result}{_of_subgroups(result)}",
    )  # fmt: skip


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


def _first_of(volumes: Any, patients: list[str]) -> list[str]:
    """Return the patient of each volume, given those of the slices."""
    return list(dict(zip(volumes[::-1].tolist(), patients[::-1], strict=True)).values())[::-1]
