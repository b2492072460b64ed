"""Findings as sentences. They never say more than the numbers, and never "safe"."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ._result import AttackResult, AuditResult

#: The usual convention; sentences name the p-value beside it.
_SIGNIFICANCE = 0.05


def describe_audit(result: "AuditResult") -> list[str]:
    """Return what was asked, of what, and what so many queries could have shown.

    Parameters
    ----------
    result : AuditResult
        Of :func:`audit`.

    Returns
    -------
    list of str
    """
    n_used, n_not = int(result.labels.sum()), int((result.labels == 0).sum())
    units = "" if result.groups is None else f" of {len(np.unique(result.groups))} patients"
    repeats = "" if result.n_repeats == 1 else f", repeated {result.n_repeats} times"
    return [
        "Can it be told from the generated images which real images the generator was trained on?",
        f"Compared were {n_used} real images known to be used and {n_not} known not to be "
        f"used{units} with {result.n_generated} generated images. Each real image was judged by "
        f"attacks that were fitted without it ({result.cv}-fold cross-validation{repeats}).",
        f"An attack whose true AUC is {result.detectable_auc:.2f}, or whose true accuracy is "
        f"{result.detectable_accuracy:.2f}, would have shown significantly above chance "
        "(one-sided, 5 %) in 80 of 100 such audits; weaker ones may well be missed.",
    ]


def describe_attack(result: "AuditResult", attack: "AttackResult") -> list[str]:
    """Return what one attack found, and what that does not say.

    Parameters
    ----------
    result : AuditResult
        Of :func:`audit`.
    attack : AttackResult
        One of its attacks.

    Returns
    -------
    list of str
    """
    percent = f"{100 * result.confidence:g} % interval"
    auc = attack.measures["AUC"]
    sentences = [
        f"A used image scores higher than one not used in {100 * auc.value:.0f} of 100 pairs "
        f"(AUC {auc.value:.2f}, {percent} {auc.low:.2f} to {auc.high:.2f}; chance is 0.50).",
        _significance(result, attack),
    ]
    if attack.beyond_blind is not None:
        sentences.append(_beyond_blind(attack, percent))
    else:
        sentences.append(
            "This attack saw no generated image: what it tells apart is how the two sets of real "
            "images differ anyway, which is no membership."
        )
    return sentences


def _significance(result: "AuditResult", attack: "AttackResult") -> str:
    n = len(attack.null)
    if n == 0:
        return "No permutations of the labels were made, so no p-value is given."
    exactly = f"p = {attack.p_value:.2g} with {n} permutations"
    if attack.p_value <= 1 / (n + 1) * (1 + 1e-9):
        exactly += ", the smallest that so many can show"
    if attack.p_value <= _SIGNIFICANCE:
        return (
            "As a set, the used images were told from the others better than labels drawn by lot "
            f"would be ({exactly})."
        )
    return (
        f"No evidence found by this attack ({exactly}). That is no proof of absence: this audit "
        f"could have detected a true AUC of {result.detectable_auc:.2f} in 80 of 100 cases, and "
        "another attack may see what this one does not."
    )


def _beyond_blind(attack: "AttackResult", percent: str) -> str:
    beyond = attack.beyond_blind
    assert beyond is not None
    sentence = (
        f"Its AUC exceeds that of the blind attack by {beyond.value:.2f} ({percent} "
        f"{beyond.low:.2f} to {beyond.high:.2f})"
    )
    if beyond.low > 0:
        return sentence + ": more than the two sets of real images differ anyway."
    return sentence + (
        ", an interval that holds 0: what was seen may be a difference between the two sets of "
        "real images that has nothing to do with the generator."
    )
