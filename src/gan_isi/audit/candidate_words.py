"""What is said of images of unknown membership, and when nothing may be."""

from typing import TYPE_CHECKING

import numpy as np

from .names import BLIND

if TYPE_CHECKING:
    from .candidates import CandidateResult
    from .result import AttackResult, AuditResult

#: The usual convention; sentences name the p-value beside it.
SIGNIFICANCE = 0.05


def present_candidates(n_candidates: int) -> str:
    """Return what candidates are compared with, and what that presumes."""
    who, are, them = "1 candidate, a real image", "was", "the candidate and those are"
    if n_candidates > 1:
        who, are, them = f"{n_candidates} candidates, real images", "were", "the two are"
    return (
        f"{who} of unknown membership, {are} compared with the images known not to be used. That "
        f"presumes that {them} alike in all but membership (scanner, site, time); what the "
        "blind attack finds speaks against it."
    )


def describe_candidates(result: "AuditResult", attack: "AttackResult", percent: str) -> list[str]:
    """Return what one attack says of the candidates.

    Nothing but its numbers where the blind attack tells candidates from the images not used:
    then they differ in something other than membership, and every attack may see just that.

    Parameters
    ----------
    result : AuditResult
        Of :func:`audit`.
    attack : AttackResult
        One of its attacks, with candidates.
    percent : str
        How its intervals are called.

    Returns
    -------
    list of str
    """
    found = attack.candidates
    assert found is not None
    reason = told_apart_by_blind(result)
    numbers = _pairs(found, percent)
    if attack.name == BLIND:
        return [numbers, _of_blind(found, reason)]
    if reason:
        return [numbers, no_answer(found, reason)]
    return [numbers, _alone(found), *_as_a_set(found)]


def told_apart_by_blind(result: "AuditResult") -> str:
    """Return by which number the blind attack tells the candidates apart, "" if it does not."""
    found = result.attacks[BLIND].candidates
    if found is None:
        return ""
    p_value, exactly = _p_value(found)
    if p_value <= SIGNIFICANCE:
        return exactly
    if found.auc.low > 0.5 or found.auc.high < 0.5:
        return f"AUC {found.auc}"
    return ""


def no_answer(found: "CandidateResult", reason: str) -> str:
    """Return why an audit does not say whether candidates were used."""
    who, it = ("the candidate was", "it") if found.n_images == 1 else ("candidates were", "them")
    return (
        f"Whether {who} used, this comparison does not answer: the blind attack, which saw no "
        f"generated image, tells {it} from the images known not to be used as well ({reason}). "
        "They differ in something other than membership (scanner, site, time), and a score "
        "may come from that, high or low."
    )


def _of_blind(found: "CandidateResult", reason: str) -> str:
    who = "the candidate" if found.n_images == 1 else "the candidates"
    if reason:
        return (
            f"This attack saw no generated image, and tells {who} from the images known not to be "
            f"used ({reason}): they differ in something other than membership (scanner, site, "
            "time). So no attack here can answer whether candidates were used."
        )
    exactly = _p_value(found)[1]
    return (
        f"This attack saw no generated image, and does not tell {who} from the images known not to "
        f"be used{f' ({exactly})' if exactly else ''}. That is no proof that they are alike in all "
        "but membership."
    )


def _pairs(found: "CandidateResult", percent: str) -> str:
    auc = found.auc
    if np.isnan(auc.low):
        who = "The candidate scores" if found.n_images == 1 else "The candidates score"
        return (
            f"{who} higher than images known not to be used in {100 * auc.value:.0f} of 100 pairs "
            f"(any number is about as likely if not used). There is no interval: {auc.method}."
        )
    return (
        f"Candidates score higher than images known not to be used in {100 * auc.value:.0f} of 100 "
        f"pairs ({percent} {100 * auc.low:.0f} to {100 * auc.high:.0f}; 50 is usual if none was "
        "used)."
    )


def _alone(found: "CandidateResult") -> str:
    n, smallest = found.n_images, f"{found.smallest_p:.2g} is the smallest there can be"
    if n == 1:
        return (
            f"Of the images known not to be used so many score as high that its p-value is "
            f"{found.p_values[0]:.2g} ({smallest})."
        )
    return (
        f"Taken alone, {(found.p_values <= SIGNIFICANCE).sum()} of {n} candidates stand out (p at "
        f"most {SIGNIFICANCE:g}, where {smallest}); by chance about {SIGNIFICANCE * n:.0f} would "
        "if none was used."
    )


def _as_a_set(found: "CandidateResult") -> list[str]:
    p_value, exactly = _p_value(found)
    n_null = len(found.null)
    if not exactly:
        if n_null and np.isnan(found.auc.low) and found.smallest_p > SIGNIFICANCE:
            return ["So few images not used can show nothing, whatever the score."]
        if n_null:
            return [f"So few exchanges can show nothing of the set (p = {found.p_value:.2g})."]
        return ["No exchanges were made, so no p-value is given for the set."]
    one = found.n_images == 1
    if p_value > SIGNIFICANCE:
        what, proof = ("it", "it was not") if one else ("any candidate", "none was")
        return [
            f"No evidence found by this attack that {what} was used ({exactly}). That is no "
            f"proof that {proof}."
        ]
    if one:
        return [
            f"The candidate scores higher than the images not used would by chance ({exactly}): "
            "evidence that it was used."
        ]
    return [
        "As a set, the candidates score higher than sets drawn by chance from them and the "
        f"images not used ({exactly}): evidence that some of them were used. It does not say "
        "which, nor how many."
    ]


def _p_value(found: "CandidateResult") -> tuple[float, str]:
    """Return the p-value of all candidates, and how it came about; of one, its own will do.

    1 and an empty text where it can show nothing, or there is none.
    """
    n_null = len(found.null)
    if np.isnan(found.auc.low) and found.smallest_p > SIGNIFICANCE:
        return 1.0, ""
    if n_null and 1 / (n_null + 1) <= SIGNIFICANCE:
        exactly = f"p = {found.p_value:.2g} with {n_null} exchanges"
        if found.p_value <= 1 / (n_null + 1) * (1 + 1e-9):
            exactly += ", the smallest that so many can show"
        return found.p_value, exactly
    if found.n_images == 1:
        return float(found.p_values[0]), f"p = {found.p_values[0]:.2g} among those not used"
    return 1.0, ""
