"""An audit is shown as one page that needs nothing but itself."""

import base64
import io
from functools import cache
from importlib import resources
from tomllib import loads
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from .._version import __version__
from ..plotting.style import import_pyplot, literal
from .gallery import Card, best_attack, cards
from .names import BLIND, CLOSENESS
from .numbers import subgroup_rows
from .record import measures_of
from .statements import Statement, no_answer, say, texts
from .verdict import RULES

if TYPE_CHECKING:
    from .candidates import CandidateResult
    from .evidence import Evidence
    from .result import AuditResult

#: Measures that are shown, in this order, if an audit has them.
_SHOWN = (
    "AUC",
    "AUC minus blind",
    CLOSENESS,
    "accuracy",
    "recall",
    "specificity",
    "precision",
    "F1",
    "kappa",
)

#: Largest number of curves in one figure.
_DRAWN = 6

#: Number of queries listed for each attack, those with the highest scores.
_LISTED = 10


def render(result: "AuditResult", title: str, real: Any = None, generated: Any = None) -> str:
    """Return a self-contained HTML page.

    Parameters
    ----------
    result : AuditResult
        What :func:`audit` found.
    title : str
        Heading of the page.
    real, generated : sequence of images, default=None
        The images of the audit; with both, the strongest pairs are shown as thumbnails.

    Returns
    -------
    str

    Raises
    ------
    ImportError
        If Jinja2 or matplotlib is missing; the error names the extra that installs them.
    ValueError
        If the images are not those of the audit.
    """
    try:
        import jinja2

        import_pyplot()
    except ImportError as error:
        raise ImportError(
            'Reports need Jinja2 and matplotlib: pip install "gan-isi[report]".'
        ) from error
    template = resources.files(__package__).joinpath("report.html.jinja").read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.PackageLoader("gan_isi", "audit"),
    )
    attacks = list(result.attacks.values())
    shown = [name for name in _SHOWN if any(name in measures_of(one) for one in attacks)]
    shown += [n for kind in ("TPR", "predictive") for n in attacks[0].measures if kind in n]
    rows = [_row(attack, shown) for attack in attacks]
    pairs = list(cards(result, real, generated))
    return environment.from_string(template).render(
        title=title,
        verdict=result.verdict(),
        rules=[say(kind).text for kind in RULES],
        cards=pairs,
        of_pairs=texts(_of_pairs(result, pairs)),
        glossary=glossary(),
        words=result.words(),
        measures=list(dict.fromkeys(name for row in rows for name in row["cells"])),
        rows=rows,
        queries={name: _queries(result, name) for name in result.attacks},
        candidates={
            name: _candidates(result, attack.candidates)
            for name, attack in result.attacks.items()
            if attack.candidates is not None
        },
        subgroups=subgroup_rows(result),
        no_answer=" ".join(texts(no_answer(result))),
        figures=_figures(result),
        result=result,
        version=__version__,
    )


@cache
def glossary() -> dict[str, str]:
    """Return the words of the page with their meanings, as in the glossary of the documentation."""
    text = resources.files(__package__).joinpath("glossary.toml").read_text("utf-8")
    return {word: " ".join(meaning.split()) for word, meaning in loads(text).items()}


def _of_pairs(result: "AuditResult", pairs: list[Card]) -> list[Statement]:
    """Return what the strongest pairs are, and how to read them."""
    best = best_attack(result)
    if best is None or not pairs:
        return [say("no_pairs")]
    kind = result.verdict().kind
    said = [say("pairs_closest" if kind == "inputs" else "pairs_shown", attack=best.name)]
    if result.n_slices is not None:
        return [*said, say("pairs_of_volumes")]
    if not pairs[0].pictures:
        return [*said, say("pairs_without_pictures")]
    how = "pairs_recognised" if kind.startswith("recognised") else "pairs_not_recognised"
    return [*said, say("pairs_measure"), say(how)]


def _row(attack: Any, names: list[str]) -> dict[str, Any]:
    measures = measures_of(attack)
    tested = f"{attack.n_permutations} permutations" if attack.p_values else "not tested"
    return {
        "name": attack.name,
        "cells": {name: str(measures.get(name, "")) for name in names}
        | {f"p-value of {name}": f"{value:.2g}" for name, value in attack.p_values.items()}
        | {
            "permutations": tested,
            "detectable AUC": _or_none(attack.detectable_auc),
            "recognisable, at least": f"{100 * attack.recognisable:.0f} %",
            "AUC, at most": _or_none(attack.auc_at_most),
        },
    }


def _or_none(value: float) -> str:
    return "none" if np.isnan(value) else f"{value:.2f}"


def _queries(result: "AuditResult", name: str) -> list[dict[str, Any]]:
    """Return the queries with the highest scores, for a reader to look at."""
    attack = result.attacks[name]
    rows = _highest(
        attack.answers.ranks(), attack.conformal, attack.evidence, result.real_names,
        result.generated_names,
    )  # fmt: skip
    for row in rows:
        row["used"] = "used" if result.labels[row["number"]] else "not used"
    return rows


def _candidates(result: "AuditResult", found: "CandidateResult") -> dict[str, Any]:
    p_value = "not tested" if np.isnan(found.p_value) else f"{found.p_value:.2g}"
    rows = _highest(
        found.ranks, found.p_values, found.evidence, result.candidate_names, result.generated_names
    )
    return {"auc": str(found.auc), "p_value": p_value, "n": len(found.null), "listed": rows}


def _highest(
    ranks: NDArray[np.float64],
    p_values: NDArray[np.float64],
    evidence: "Evidence | None",
    names: tuple[str, ...] | None,
    generated_names: tuple[str, ...] | None,
) -> list[dict[str, Any]]:
    rows = []
    for image in np.argsort(-ranks, kind="stable")[:_LISTED]:
        closest = [] if evidence is None else evidence.generated[image]
        shown = [str(i) if generated_names is None else generated_names[i] for i in closest]
        rows.append(
            {
                "number": int(image),
                "file": "" if names is None else names[image],
                "rank": f"{ranks[image]:.2f}",
                "p": f"{p_values[image]:.2g}",
                "closest": ", ".join(shown),
                "maps": "" if evidence is None else ", ".join(evidence.maps[image]),
            }
        )
    return rows


def _figures(result: "AuditResult") -> list[dict[str, str]]:
    from matplotlib.figure import Figure

    from ..plotting import LogRocDisplay, MembershipScoreDisplay

    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.subplots()
    highest = sorted(
        result.attacks,
        key=lambda name: (name != BLIND, -result.attacks[name].measures["AUC"].value),
    )[:_DRAWN]
    for name in (name for name in result.attacks if name in highest):
        # Scores of different folds share no scale, but ranks within folds do. One AUC is named on
        # the page, that of the table.
        fpr, tpr, _ = roc_curve(result.labels, result.attacks[name].answers.ranks())
        auc = result.attacks[name].measures["AUC"].value
        display = LogRocDisplay(
            fpr, tpr, n_not_used=int((result.labels == 0).sum()), roc_auc=auc, name=name
        )
        display.plot(axes, tpr_at=())
    said = [say("figure_curves")]
    if len(highest) < len(result.attacks):
        said.append(say("figure_best", n_drawn=_DRAWN))
    figures = [{"image": _png(figure), "text": " ".join(texts(said))}]
    for name, attack in result.attacks.items():
        figure = Figure(figsize=(6.4, 3.0), layout="constrained")
        axes = figure.subplots()
        MembershipScoreDisplay.from_predictions(result.labels, attack.answers.ranks(), ax=axes)
        axes.set_xlabel("rank of the out-of-fold score within its fold")
        axes.set_title(literal(name))
        text = say("figure_scores", attack=name).text
        figures.append({"image": _png(figure), "text": text})
    return figures


def _png(figure: Any) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
