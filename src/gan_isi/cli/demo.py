"""The command ``gan-isi demo``: what the library does, on a problem whose answer is known."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from .outputs import write_all
from .terminal import say

#: The generator returns its training images with noise of 20 % of their variation.
_MEMORIZATION = 0.98
_N_IMAGES, _N_GENERATED, _PERMUTATIONS = 120, 90, 39


@click.command()
@click.option(
    "--output", "folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    default="gan-isi-demo", show_default=True,
    help="Folder for a figure, demo.png, and a report, demo.html.",
)  # fmt: skip
@click.option("--quiet", is_flag=True, help="Show no progress.")
def demo(folder: Path, quiet: bool) -> None:
    """Show in some seconds what an attack and an audit are, on built-in photographs.

    Nothing is needed for it: a generator is simulated that memorised half of the photographs.

    \b
    gan-isi demo
    """
    import numpy as np
    from sklearn.metrics import roc_auc_score

    from .. import audit, make_pipeline
    from ..datasets import make_membership_problem

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"{folder} can't be made: {error.strerror}.") from error
    problem = make_membership_problem(
        _N_IMAGES, n_generated=_N_GENERATED, memorization=_MEMORIZATION, random_state=0
    )
    generated = problem.generated.copy()
    generated[::3] = generated[::3, :, ::-1]  # as training with mirrored images makes them
    say(
        f"{_N_IMAGES} photographs, half of which trained a generator. It memorised them: its "
        f"{_N_GENERATED} images are\nnoisy copies, one in three mirrored. Which of the photographs "
        "were used? An audit fits attacks on\nsome of them, asks about the others, and does so "
        f"with {_PERMUTATIONS} permuted labels, to tell what is chance.\n"
    )
    result = audit.audit(
        ["recommended", "nearest"], problem.images, problem.target, generated=generated,
        n_permutations=_PERMUTATIONS, random_state=0, verbose=not quiet,
    )  # fmt: skip
    say(_answers(result, problem.target))
    scores = {"recommended": (problem.target, _scores(result))}
    known, asked = np.split(np.arange(_N_IMAGES), 2)
    paper = make_pipeline("paper", generated=generated)
    paper.fit(problem.images[known], problem.target[known])
    answers = paper.predict_proba(problem.images[asked])[:, 1]
    scores["paper"] = problem.target[asked], answers
    say(
        "The paper's attack, which compares textures, has an AUC of "
        f"{roc_auc_score(*scores['paper']):.2f} here; 0.50 is chance.\n"
    )
    pictures = {"real": problem.images, "generated": generated}
    outputs = [
        ("Figure", ("matplotlib",), folder / "demo.png",
         lambda path: _draw(result, problem, generated, scores, path)),
        ("Report", ("matplotlib", "jinja2", "pandas"), folder / "demo.html",
         lambda path: result.to_html(path, title="Membership audit of the demo", **pictures)),
    ]  # fmt: skip
    missing = {one for _, needed, *_ in outputs for one in needed if find_spec(one) is None}
    there = [(what, path, write) for what, needed, path, write in outputs
             if not missing.intersection(needed)]  # fmt: skip
    if there:
        say(write_all(there))
    if missing:
        say(
            f"Without {', '.join(sorted(missing))} there is no "
            f"{'report' if there else 'figure and no report'}. "
            'Install with: pip install "gan-isi[report]"'
        )
    say(
        "\nNow with your own folders: images that trained the generator, others of the same kind "
        "that did\nnot, and the generator's.\n\n"
        "    gan-isi audit --used used/ --not-used other/ --generated generated/ "
        "--report audit.html"
    )


def _scores(result: Any) -> Any:
    """Return what the recommended attack says of each photograph, fitted without it."""
    from scipy.special import expit

    return expit(result.attacks["recommended"].answers.scores.mean(axis=0))


def _answers(result: Any, truth: Any) -> str:
    """Return what the recommended attack says of some images used and some not used."""
    scores = _scores(result)
    lines = ["The recommended attack, fitted without the photograph that it is asked about:", ""]
    lines += ["  photograph  P(used)  truth"]
    for row in sorted([*(truth == 1).nonzero()[0][:3], *(truth == 0).nonzero()[0][:3]]):
        lines.append(f"  {row:10d}  {scores[row]:7.2f}  {('not used', 'used')[truth[row]]}")
    auc = result.attacks["recommended"].measures["AUC"]
    right = int(((scores > 0.5) == truth).sum())
    return "\n".join([
        *lines, "", f"{right} of {len(truth)} answers are right; AUC {auc}.",
        f"Verdict of the audit: {result.verdict().said[0].text}",
    ])  # fmt: skip


def _pairs(result: Any, real: Any, generated: Any) -> list[tuple[str, Any, Any, str]]:
    """Return titles and pictures of strong pairs: two as they are, one in another pose, one not.

    The last one is the strongest pair of an image that was not used.
    """
    from ..plotting.pair import compare_pair, in_words, shown

    found, pairs = result.attacks["recommended"], []
    order = (-found.answers.ranks()).argsort(kind="stable")
    wanted = {"used": 2, "used, in another pose": 1, "not used": 1}
    for row in order:
        other = generated[found.evidence.generated[row, 0]]
        used = result.labels[row] == 1
        if not (used or wanted["not used"]):
            continue
        pair = compare_pair(real[row], other)
        kind = "used" if used else "not used"
        kind += ", in another pose" if used and pair.pose else ""
        if wanted.get(kind, 0):
            wanted[kind] -= 1
            below = f"put back: it was\n{in_words(pair.pose)}" if pair.pose else ""
            title = f"photograph {row},\n{'used' if used else 'not used'}"
            pairs.append((title, shown(real[row]), pair.placed(other), below))
        if not any(wanted.values()):
            break
    return sorted(pairs, key=lambda one: "not used" in one[0])


def _draw(result: Any, problem: Any, generated: Any, scores: dict[str, Any], path: Path) -> None:
    """Draw four pairs for the eye, and what both attacks say of used and other images."""
    import numpy as np
    from matplotlib.figure import Figure
    from sklearn.metrics import roc_auc_score

    from .._runtime.output import write_atomically
    from ..plotting.style import draw_picture

    pairs = _pairs(result, problem.images, generated)
    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(2, 1))
    panels = left.subplots(2, len(pairs))
    for column, (title, real, other, below) in enumerate(pairs):
        draw_picture(panels[0, column], real, title, vmin=0, vmax=1)
        draw_picture(panels[1, column], other, "closest generated", vmin=0, vmax=1)
        panels[1, column].set_xlabel(below, fontsize="medium")
    axes, rng = right.subplots(), np.random.default_rng(0)
    for place, (truth, answers) in enumerate(scores.values()):
        for label, colour, marker in ((0, "C0", "o"), (1, "C1", "x")):
            own = answers[truth == label]
            spread = 2.5 * place + label + rng.uniform(-0.25, 0.25, len(own))
            axes.plot(spread, own, marker, color=colour, alpha=0.6)
    axes.axhline(0.5, color="0.7", linewidth=1, zorder=0)
    axes.set(ylabel="P(used)", ylim=(-0.03, 1.03))
    axes.set_xticks([0, 1, 2.5, 3.5], ["not used", "used"] * 2)
    for where, (name, own) in zip(("left", "right"), scores.items(), strict=True):
        text = f"{name}\nAUC {roc_auc_score(*own):.2f}"
        axes.set_title(text, fontsize="medium", loc=where)
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=120))
