"""The commands ``gan-isi predict`` and ``gan-isi submit``."""

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from .._runtime.output import write_atomically
from .attacks import ATTACKS, make_attack
from .folders import Sets, check, look, open_sets, refuse, said_in_words
from .outputs import check_outputs, name_of, output_option, write_all, write_rows
from .plan import show_plan
from .saved import answers_of, check_with_remembered, fitted_answers_of, load_attack
from .terminal import say
from .work import Work, dry_run_option, folder_option, patient_options, reading, work_options

_ATTACK = click.option(
    "--attack", "name", type=click.Choice(ATTACKS),
    default="recommended",
    show_default=True,
    help="The attack to fit.",
)  # fmt: skip

_SVM = click.option(
    "--svm", type=click.Choice(("libsvm", "intelex")), default="libsvm", show_default=True,
    help="What fits and evaluates the support vector machine of --attack paper. intelex is "
    "several times faster, in single precision, and needs the extra of that name.",
)  # fmt: skip

_WITHOUT = "[required without --load]"

#: Options that a fitted attack has decided.
_DECIDED = (
    "used", "not_used", "generated", "patients", "patient_from", "name", "seed",
    "intensity_range", "dry_run", "svm",
)  # fmt: skip


@click.command()
@folder_option("--used", f"Real images that it was trained on. {_WITHOUT}", required=False)
@folder_option("--not-used", f"Real images that it was not trained on. {_WITHOUT}", required=False)
@folder_option("--generated", f"Images of the generator. {_WITHOUT}", required=False)
@folder_option("--candidates", "Real images of unknown membership.")
@output_option("--output", "Write a CSV file with one line for each candidate.", required=True)
@output_option("--save", "Save the fitted attack, for --load.")
@click.option(
    "--load", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="Take a fitted attack that --save wrote, instead of --used, --not-used and --generated. "
    "Such a file (joblib, a pickle) runs code when it is loaded: load only what you trust.",
)  # fmt: skip
@folder_option(
    "--retarget",
    "Images of another generator: candidates are compared with these instead.",
    required=False,
)
@patient_options
@_ATTACK
@_SVM
@dry_run_option
@work_options
def predict(
    load: Path | None,
    name: str,
    svm: str,
    work: Work,
) -> None:
    """Score candidates with an attack fitted on known images.

    Run `gan-isi audit` first: it shows whether the answers mean anything. The column score
    is larger for candidates that are more like the used images; it is not the probability
    that an image was used.

    \b
    gan-isi predict --used used/ --not-used other/ --generated fakes/ \\
        --candidates unknown/ --output scores.csv --save attack.joblib
    gan-isi predict --load attack.joblib --candidates more/ --output more.csv
    """
    from .._preflight.before_fit import intensity_ranges, preflight_done
    from .._runtime.whole import expect, one_line
    from ..audit.duration import measure_costs, stages_of_predict

    output, save = work.outputs["--output"], work.outputs["--save"]
    _check_options(load, save)
    sets = open_sets(work, more_inputs=[load], with_patients=("used", "not used"))
    known, asked = sets.known, sets.candidates
    fakes: Any = sets.generated.get("generated")
    others = sets.generated.get("retarget")
    if load is not None:
        attack = load_attack(load, work.jobs, work.cache)
        if others is None:
            check_with_remembered(attack, asked)
        else:
            refuse(look(Sets(known=asked), others, intensity_ranges(attack)[0]))
    else:
        attack = make_attack(name, work, svm)
        further = {} if others is None else {"generated (--retarget)": others}
        found = look(sets, fakes, work.intensity_range, further)

        def stages() -> Any:
            costs = measure_costs(
                {name: attack}, known, fakes, n_train=len(known), n_test=len(known)
            )
            return stages_of_predict(
                costs, n_known=len(known), n_generated=len(fakes), n_candidates=len(asked),
                n_jobs=work.jobs,
            )  # fmt: skip

        if work.dry_run:
            return show_plan(found, stages())
        refuse(found)
        attack.set_params(generated=fakes)
    with one_line("predict", not work.quiet, leave=False):
        answers = None
        if load is None:
            expect(stages)
            with preflight_done(found):
                if others is None:
                    answers = fitted_answers_of(attack, known, sets.labels, sets.groups, asked)
                else:
                    attack.fit(known, sets.labels, groups=sets.groups)
        if others is not None:
            attack = attack.retarget(others)
        scores, decisions = answers or answers_of(attack, asked)
    rows = [
        (name_of(file), f"{score:.6g}", int(decision))
        for file, score, decision in zip(asked.names, scores, decisions, strict=True)
    ]
    lines = write_all([
        ("Scores", output, lambda path: write_rows(path, ["file", "score", "used"], rows)),
        ("Fitted attack", save, lambda path: _save(attack, path)),
    ])  # fmt: skip
    n_used = sum(row[2] for row in rows)
    shown = name if load is None else "loaded"
    say(f"The {shown} attack calls {n_used} of {len(rows)} images used.")
    say(lines)


def _check_options(load: Path | None, save: Path | None) -> None:
    """Refuse options that contradict --load, and name those that are missing without it."""
    context = click.get_current_context()
    options = {one.name: one.opts[0] for one in context.command.params}
    if load is None:
        for name in ("used", "not_used", "generated"):
            if context.params[name] is None:
                raise click.UsageError(
                    f"Missing option '{options[name]}'. A fitted attack that --save wrote "
                    "(--load) needs none."
                )
        return
    typed = [
        options[name]
        for name in _DECIDED
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    ]
    if typed:
        raise click.UsageError(
            f"--load takes an attack as it was fitted, so that {', '.join(typed)} would do "
            "nothing; leave it out, or fit without --load. Other generated images are given by "
            "--retarget."
        )
    if save is not None and context.params["retarget"] is None:
        raise click.UsageError("--save would write again what --load reads; leave it out.")


def _save(attack: Any, path: Path) -> None:
    import joblib

    write_atomically(path, lambda file: joblib.dump(attack, file))


@click.command()
@click.argument("train", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("test", type=click.Path(exists=True, file_okay=False, path_type=Path))
@output_option("--output", "Write the submission (CSV without a header).", required=True)
@_ATTACK
@_SVM
@work_options
def submit(train: Path, test: Path, name: str, svm: str, work: Work) -> None:
    """Label the test images of ImageCLEFmedical GANs 2023.

    TRAIN holds the folders real_used, real_not_used and generated; TEST holds real_unknown
    and generated. With --attack paper this is the paper's experiment.

    \b
    gan-isi submit train/ test/ --attack paper --output run.csv
    """
    from .._runtime.whole import one_line
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
    check_outputs(work.outputs, [path for one in images for path in one.paths])
    real, generated, others, unknown = images
    attack = make_attack(name, work, svm)
    sets = Sets(real, known.target, candidates=unknown)
    with check(sets, generated, work.intensity_range, {"generated (test)": others}):
        attack.set_params(generated=generated)
        with one_line("submit", not work.quiet, leave=False):
            attack.fit(real, known.target)
            labels = attack.retarget(others).predict(unknown)
    output: Any = work.outputs["--output"]
    ids = [path.stem for path in unknown.paths]
    write_submission(output, ids, labels)
    check_submission(output, ids)
    say(f"{output} calls {int(sum(labels))} of {len(ids)} images used.")
