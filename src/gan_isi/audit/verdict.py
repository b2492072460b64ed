"""The verdict of an audit: one of a few fixed sentences, what it means, and what to do next."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..statistics import detectable_auc, recognisable_share
from .controls import of_controls
from .measures import Estimate
from .names import BLIND, CHOSEN, CLOSENESS
from .significance import beyond_blind_as
from .statements import SIGNIFICANCE, Statement, bounds_of, of_blind, say, texts

if TYPE_CHECKING:
    from .attack_result import AttackResult
    from .result import AuditResult

#: Sentences that state how a verdict is chosen; the guide has them as well.
RULES = ("rule_inputs", "rule_found", "rule_differ", "rule_recognised", "rule_nothing")

#: What to do next, by what the verdict comes to.
NEXT = {
    "recognised": ("next_look", "next_hold_back", "next_train_again", "next_tell"),
    "differ": ("next_alike", "next_more_than_blind"),
    "unclear": ("next_look_anyway", "next_more", "next_alike"),
    "nothing": ("next_look_anyway", "next_keep", "next_again", "next_stronger"),
    "no_test": ("next_more", "next_permutations"),
    "not_asked": ("next_attacks",),
    "inputs": ("next_inputs",),
}

#: What each verdict comes to, for the patients and for what to do.
COMES_TO = {
    "inputs": "inputs",
    "not_asked": "not_asked",
    "not_tested": "no_test",
    "differ": "differ",
    "recognised": "recognised",
    "recognised_few": "recognised",
    "recognised_set": "recognised",
    "recognised_though": "recognised",
    "unclear": "unclear",
    "nothing": "nothing",
    "too_small": "no_test",
}


@dataclass(frozen=True)
class Verdict:
    """What an audit comes to.

    Attributes
    ----------
    kind : str
        Which of the verdicts: inputs, not_asked, not_tested, differ, recognised, recognised_few,
        recognised_set, recognised_though, unclear, nothing or too_small.
    said : list of Statement
        The verdict, what it means for a patient, and the numbers that it was chosen by.
    next : list of Statement
        What to do.
    """

    kind: str
    said: list[Statement]
    next: list[Statement]

    def __str__(self) -> str:
        return " ".join(texts(self.said))


@dataclass(frozen=True)
class Findings:
    """What a verdict is chosen by.

    Attributes
    ----------
    fits : bool
        Whether the inputs fit together.
    asked : bool
        Whether there is an attack that sees generated images.
    tested : bool
        Whether there were enough permutations for a p-value of 0.05.
    p_value : float
        Smallest p-value, all attacks taken into account.
    beyond_blind : bool
        Whether the interval of an attack that found something, of its AUC minus that of the
        blind attack, lies above 0 (and above what that tells the other way round).
    blind_differs : bool
        Whether the blind attack tells the two sets of real images from each other.
    of_few : bool
        Whether the highest scores alone show what was found.
    n_told : int
        Lower bound of the number of used images (or patients) that can be told.
    detectable : float
        True AUC that would have been noticed, whichever attack has it; NaN if none.
    """

    fits: bool
    asked: bool
    tested: bool
    p_value: float
    beyond_blind: bool
    blind_differs: bool
    of_few: bool
    n_told: int
    detectable: float


def choose(found: Findings) -> str:
    """Choose the verdict; this is the rule that the page and the guide state.

    Parameters
    ----------
    found : Findings
        What was found.

    Returns
    -------
    str
        A kind of :class:`Verdict`.
    """
    if not found.fits:
        return "inputs"
    if not found.asked:
        return "not_asked"
    shown = found.tested and found.p_value <= SIGNIFICANCE
    if found.blind_differs:
        return "recognised_though" if shown and found.beyond_blind else "differ"
    if not found.tested:
        return "not_tested"
    if shown and not (found.beyond_blind or found.of_few):
        return "unclear"
    if shown:
        kind = "recognised_set" if found.beyond_blind else "recognised_few"
        return "recognised" if found.n_told else kind
    return "too_small" if np.isnan(found.detectable) else "nothing"


def verdict(result: "AuditResult") -> Verdict:
    """Return what an audit comes to.

    Parameters
    ----------
    result : AuditResult
        What :func:`audit` found.

    Returns
    -------
    Verdict
    """
    tried = _tried(result)
    wrong = _wrong(result, tried)
    blind = result.attacks[BLIND]
    finders = [one for one in tried if _p_of_all(one, tried) <= SIGNIFICANCE]
    beyond = [one for one in finders if beyond_blind_as(one, blind) == "more_than_blind"]
    few = [one for one in finders if one.p_values["tail"] <= SIGNIFICANCE]
    tested = [one for one in tried if one.p_values]
    best = min(
        beyond or few or tested,
        key=lambda one: (_p_of_all(one, tried), -one.measures["AUC"].value),
        default=None,
    )
    n_told = max((_n_told(result, one, len(tried)) for one in [*beyond, *few]), default=0)
    found = Findings(
        fits=not wrong,
        asked=bool(tried),
        tested=best is not None and 1 / (best.n_permutations + 1) <= SIGNIFICANCE,
        p_value=min((_p_of_all(one, tried) for one in tested), default=1.0),
        beyond_blind=bool(beyond),
        blind_differs=bool(_blind_reason(result, blind)),
        of_few=bool(few),
        n_told=n_told,
        detectable=_detectable(result, tried),
    )
    kind = choose(found)
    unit, n_used = _units(result)
    values: dict[str, dict[str, Any]] = {
        "recognised": {"n_told": n_told, "n_used": n_used, "units": unit},
        "nothing": {"detectable_auc": found.detectable, "of_100": 100 * found.detectable},
    }
    said = [say(f"verdict_{kind}", **values.get(kind, {}))]
    said.append(say(f"meaning_{COMES_TO[kind]}"))
    said += _reasons(result, kind, found, best, wrong, len(tried))
    if result.controls:
        said += [one for one in of_controls(result) if one.kind.endswith("_alarm")]
    if result.preflight is not None and result.preflight.warnings and not wrong:
        said.append(say("verdict_warnings", n_warnings=len(result.preflight.warnings)))
    return Verdict(kind, said, [say(one) for one in NEXT[COMES_TO[kind]]])


def _reasons(
    result: "AuditResult", kind: str, found: Findings, best: "AttackResult | None",
    wrong: list[Statement], n_tried: int,
) -> list[Statement]:  # fmt: skip
    """Return the numbers that a verdict was chosen by."""
    if kind == "inputs":
        return wrong
    if kind == "not_asked" or best is None:
        return _blind_reason(result, result.attacks[BLIND])
    if kind == "not_tested":
        return [say("verdict_permutations", n_permutations=best.n_permutations)]
    said = [say("verdict_p_value", p_value=found.p_value, n_attacks=n_tried)]
    if n_tried == 1:
        said = [say("verdict_p_value_of_one", p_value=found.p_value)]
    if kind == "recognised":
        said.append(say("verdict_bound", confidence=100 * result.confidence))
    beyond = best.beyond_blind
    if kind.startswith("recognised") and not found.beyond_blind:
        said.append(say("verdict_tail", attack=best.name, p_tail=best.p_values["tail"]))
    elif kind.startswith("recognised") and beyond is not None:
        said.append(_of_difference("verdict_beyond", best.name, beyond, result.confidence))
    if kind in ("differ", "recognised_though"):
        return [*said, *_blind_reason(result, result.attacks[BLIND])]
    if kind == "unclear" and beyond is not None:
        said.append(_of_difference("verdict_perhaps", best.name, beyond, result.confidence))
    if kind in ("recognised", "recognised_set", "recognised_few", "nothing"):
        said.append(say("verdict_blind_silent"))
    return said


def _of_difference(kind: str, name: str, found: Estimate, confidence: float) -> Statement:
    return say(kind, attack=name, difference=found.value, **bounds_of(found, confidence))


def _tried(result: "AuditResult") -> list["AttackResult"]:
    """Return the attacks that see generated images, without the one chosen among them."""
    return [one for name, one in result.attacks.items() if name not in (BLIND, CHOSEN)]


def _p_of_all(attack: "AttackResult", tried: list["AttackResult"]) -> float:
    """Return an attack's p-value with all others taken into account; 1 if it has none."""
    kind = "AUC or tail" if len(tried) == 1 else "any attack"
    return attack.p_values.get(kind, 1.0)


def _units(result: "AuditResult") -> tuple[str, int]:
    """Return what is counted, and how many of them were used."""
    used = result.labels == 1
    if result.groups is not None:
        return "patients", len(np.unique(result.groups[used]))
    return ("volumes" if result.n_slices is not None else "images"), int(used.sum())


def _n_told(result: "AuditResult", attack: "AttackResult", n_tried: int) -> int:
    """Return a lower bound of how many can be told, which holds for all attacks together."""
    share = recognisable_share(
        result.labels, attack.answers.scores.mean(axis=0), result.groups,
        confidence=1 - (1 - result.confidence) / n_tried,
    )  # fmt: skip
    return int(share * _units(result)[1] + 1e-9)


def _detectable(result: "AuditResult", tried: list["AttackResult"]) -> float:
    """Return the AUC that is noticed whichever attack has it; NaN if one may have none such."""
    tested = [one for one in tried if one.n_permutations]
    sizes = [int((result.labels == own).sum()) for own in (1, 0)]
    values = [
        detectable_auc(*sizes, null=one.null["AUC"], significance=SIGNIFICANCE / 2 / len(tested))
        for one in tested
    ]
    return float(np.max(values)) if values else float("nan")


def _blind_reason(result: "AuditResult", blind: "AttackResult") -> list[Statement]:
    """Return by what the blind attack tells the sets from each other; nothing if it does not."""
    p_value = blind.p_values.get("AUC or tail", 1.0)
    return of_blind(p_value, blind.measures["AUC"], result.confidence)


def _wrong(result: "AuditResult", tried: list["AttackResult"]) -> list[Statement]:
    """Return why the inputs do not fit together; nothing if they may."""
    said = []
    if result.preflight is not None:
        said = [Statement("inputs", text, {}) for text in result.preflight.errors]
        if result.preflight.n_not_used_generated:
            said.append(say("verdict_mixed_up", n_images=result.preflight.n_not_used_generated))
    for one in tried:
        rule = one.measures.get(CLOSENESS)
        found = _p_of_all(one, tried) <= SIGNIFICANCE
        if (found and rule is not None and rule.high < 0.5) or _reversed(result, one, len(tried)):
            said.append(say("verdict_exchanged", attack=one.name))
    return said


def _reversed(result: "AuditResult", attack: "AttackResult", n_tried: int) -> bool:
    """Return whether an attack tells the images apart the other way round, all taken together."""
    level = 1 - (1 - result.confidence) / n_tried
    bounds = attack.answers.auc_intervals(
        result.labels, result.groups, null=attack.null["AUC"], confidence=level
    )
    return bool(bounds[:, 1].mean() < 0.5)
