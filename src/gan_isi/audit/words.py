"""Findings as sentences. They never say more than the numbers, and never "safe"."""

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from .candidate_words import SIGNIFICANCE as _SIGNIFICANCE
from .candidate_words import describe_candidates, present_candidates
from .names import BLIND, CHOSEN, CLOSENESS

if TYPE_CHECKING:
    from .result import AttackResult, AuditResult


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
    sentences = [
        "Can it be told from the generated images which real images the generator was trained on?",
        f"Compared were {n_used} real images known to be used and {n_not} known not to be "
        f"used{units} with {result.n_generated} generated images. Each real image was judged by "
        f"attacks that were fitted without it ({result.cv}-fold cross-validation{repeats}).",
    ]
    if result.n_slices is not None:
        sentences.append(
            f"Each real image is a volume: its score is the mean of its slices', {result.n_slices} "
            "of those of known membership, and all counts and p-values are of volumes."
        )
    others = [name for name in result.attacks if name not in (BLIND, CHOSEN)]
    if len(others) > 1:
        sentences.append(
            f"{len(others)} attacks were tried. The best of several looks better than it is: "
            + (
                'the one to quote is "chosen", for which the choice was made without the '
                "images that it was judged by."
                if CHOSEN in result.attacks
                else _of_any(result, others)
            )
        )
    if result.n_candidates:
        sentences.append(present_candidates(result.n_candidates))
    return sentences


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
    of_100 = 100 * float(f"{auc.value:.2f}")  # rounded once: 0.975 is not "98 (AUC 0.97)"
    sentences = [
        f"A used image scores higher than one not used in {of_100:.0f} of 100 pairs "
        f"(AUC {auc.value:.2f}, {percent} {auc.low:.2f} to {auc.high:.2f}; chance is 0.50)."
    ]
    if not attack.n_permutations:
        sentences.append(
            "Without permutations this interval is that of the scores as they were fitted: an "
            "attack that learns varies more from one set of training images to another."
        )
    if auc.high < 0.5:
        sentences.append(
            "The whole interval lies below 0.50: the images are told apart the other way round, "
            "those labelled as not used score higher. Check the labels and the folders."
        )
    sentences += [*_wrong_way_round(attack, percent), _significance(attack), *_few(result, attack)]
    if attack.beyond_blind is not None:
        sentences.append(_beyond_blind(attack, percent))
    else:
        sentences.append(
            "This attack saw no generated image: what it tells apart is how the two sets of real "
            "images differ anyway, which is no membership."
        )
    if attack.answers.chosen:
        counts = Counter(attack.answers.chosen).most_common()
        listed = ", ".join(f"{name} ({count})" for name, count in counts)
        sentences.append(f"Chosen in the folds: {listed}.")
    sentences.append(_known_nonmembers(result, attack))
    if attack.candidates is not None:
        sentences += describe_candidates(result, attack, percent)
    return sentences


def _of_any(result: "AuditResult", others: list[str]) -> str:
    p_values = [result.attacks[name].p_values.get("any attack", np.nan) for name in others]
    if np.isnan(p_values).all():
        return "without permutations there is no p-value that takes that into account."
    best = others[int(np.nanargmin(p_values))]
    return (
        f'the smallest p-value, that of "{best}", is {np.nanmin(p_values):.2g} when all attacks '
        "are taken into account (max-T over the permutations that they share)."
    )


def _significance(attack: "AttackResult") -> str:
    n = attack.n_permutations
    if n == 0:
        return "No permutations of the labels were made, so no p-value is given."
    of_set, of_few, p_value = (attack.p_values[k] for k in ("AUC", "tail", "AUC or tail"))
    exactly = f"p = {p_value:.2g} with {n} permutations"
    if 1 / (n + 1) > _SIGNIFICANCE:
        return (
            f"So few permutations can show nothing ({exactly}): none has a p-value below "
            f"{1 / (n + 1):.2g}."
        )
    if p_value <= 1 / (n + 1) * (1 + 1e-9):
        exactly += ", the smallest that so many can show"
    apart = f"of the AUC alone {of_set:.2g}, of the highest scores alone {of_few:.2g}"
    if p_value > _SIGNIFICANCE:
        return (
            f"No evidence found by this attack ({exactly}; {apart}). That is no proof of absence: "
            f"{_power(attack)}, and another attack may see what this one does not."
        )
    if of_set <= _SIGNIFICANCE:
        sentence = (
            "As a set, the used images were told from the others better than labels drawn by "
            f"chance would be ({exactly}; {apart})."
        )
    else:
        sentence = (
            "A few used images score so high that labels drawn by chance would rarely show it, "
            "though as a set the used images are hardly told from the others "
            f"({exactly}; {apart})."
        )
    of_all = attack.p_values.get("any attack", 0.0)
    if of_all > _SIGNIFICANCE:
        sentence += (
            " Among all the attacks that were tried, one of them shows as much by chance more "
            f"often (p = {of_all:.2g})."
        )
    return sentence


def _wrong_way_round(attack: "AttackResult", percent: str) -> list[str]:
    """Read a rule that does not learn beside the attack, which learns exchanged labels as well."""
    rule = attack.measures.get(CLOSENESS)
    if rule is None or not rule.high < 0.5:
        return []
    return [
        "Without learning, it is the images labelled as not used that have the closer generated "
        f"images (AUC {rule.value:.2f}, {percent} {rule.low:.2f} to {rule.high:.2f}): near copies "
        "are of them. Check whether labels or folders are exchanged before anything else is read."
    ]


def _power(attack: "AttackResult") -> str:
    if np.isnan(attack.detectable_auc):
        return "so few images might have missed even an attack without an error"
    return (
        f"this audit would have noticed such an attack in 80 of 100 cases if its true AUC were "
        f"{attack.detectable_auc:.2f}, less often if it were lower"
    )


def _few(result: "AuditResult", attack: "AttackResult") -> list[str]:
    """Say how many can be told at least, where it was shown that any can."""
    shown = attack.p_values.get("AUC or tail", 1.0) <= _SIGNIFICANCE
    if not shown or attack.recognisable < 0.005 or attack.beyond_blind is None:
        return []
    who = "images" if result.groups is None else "patients"
    return [
        f"At least {100 * attack.recognisable:.0f} % of the used {who} can be told from those "
        f"not used (lower bound, {100 * result.confidence:g} %, for the scores as they were "
        "fitted)."
    ]


def _beyond_blind(attack: "AttackResult", percent: str) -> str:
    beyond = attack.beyond_blind
    assert beyond is not None
    against = "above" if beyond.value >= 0 else "below"
    sentence = (
        f"Its AUC is {abs(beyond.value):.2f} {against} that of the blind attack ({percent} of the "
        f"difference {beyond.low:.2f} to {beyond.high:.2f})"
    )
    if beyond.low > 0:
        return sentence + ": more than the two sets of real images differ anyway."
    if beyond.high < 0:
        return sentence + ": it tells less than how the two sets of real images differ anyway."
    return sentence + (
        ", an interval that holds 0: what was seen may be a difference between the two sets of "
        "real images that has nothing to do with the generator."
    )


def _known_nonmembers(result: "AuditResult", attack: "AttackResult") -> str:
    """Say how often a single image stands out, in truth and by mistake."""
    others = result.labels == 0
    units = np.arange(len(others)) if result.groups is None else result.groups
    held_out = [
        len(np.unique(units[others & (attack.answers.folds[0] == fold)]))
        for fold in range(result.cv)
    ]
    smallest = 1 / (1 + max(held_out))
    if smallest > _SIGNIFICANCE:
        return (
            f"Of single images no more can be said: with {max(held_out)} not used in a fold, none "
            f"has a p-value below {smallest:.2g}."
        )
    # An image not used is compared with one fewer, so that its p-values are a little larger.
    level = max(_SIGNIFICANCE, 1 / min(held_out)) * (1 + 1e-9)
    small = attack.conformal <= level
    return (
        f"Taken alone, {small[~others].sum()} of {(~others).sum()} used images stand out (p at "
        f"most {level:.2g}), and {small[others].sum()} of {others.sum()} that were not used; "
        f"by chance about {level * (~others).sum():.0f} of the former would."
    )
