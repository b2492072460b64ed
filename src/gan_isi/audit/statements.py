"""What an audit states: kinds of sentences with their numbers, never more than these bear out."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from tomllib import loads
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .measures import Estimate
from .names import BLIND, CHOSEN, CLOSENESS
from .significance import beyond_blind_as

if TYPE_CHECKING:
    from .attack_result import AttackResult
    from .candidates import CandidateResult
    from .result import AuditResult

#: The usual convention; sentences name the p-value beside it.
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Statement:
    """One finding of an audit, as a sentence and as data.

    Attributes
    ----------
    kind : str
        What is stated: a key of ``sentences.toml``, or "inputs" for what the preflight says.
    text : str
        The sentence or sentences.
    values : dict of str to float, int or str
        The numbers, and names of attacks, that the text holds.
    """

    kind: str
    text: str
    values: dict[str, Any]


@cache
def sentences() -> dict[str, str]:
    """Return the sentences of all kinds, with the places of their values in braces.

    Returns
    -------
    dict of str to str
    """
    text = resources.files(__package__).joinpath("sentences.toml").read_text("utf-8")
    return {kind: " ".join(sentence.split()) for kind, sentence in loads(text).items()}


def say(kind: str, /, **values: Any) -> Statement:
    """Fill the sentence of a kind.

    Parameters
    ----------
    kind : str
        A key of `sentences`.
    **values : float, int or str
        What takes the places in it.

    Returns
    -------
    Statement
    """
    plain = {name: np.asarray(value).item() for name, value in values.items()}
    return Statement(kind, sentences()[kind].format(**plain), plain)


def texts(statements: Iterable[Statement]) -> list[str]:
    """Return what statements say."""
    return [one.text for one in statements]


def bounds_of(found: Estimate, confidence: float, scale: float = 1) -> dict[str, float]:
    """Return an interval as sentences take it, of numbers or, with the scale 100, of percents."""
    return {"low": scale * found.low, "high": scale * found.high, "confidence": 100 * confidence}


def of_sizes(
    labels: NDArray[np.intp], groups: NDArray[Any] | None, n_generated: int
) -> list[Statement]:
    """Return how many images, and of how many patients, were compared."""
    n_used = int(labels.sum())
    counts = {"n_used": n_used, "n_not_used": len(labels) - n_used, "n_generated": n_generated}
    patients = [] if groups is None else [say("patients", n_patients=len(np.unique(groups)))]
    return [say("compared", **counts), *patients]


def of_blind(p_value: float, auc: Estimate, confidence: float) -> list[Statement]:
    """Return by what the blind attack tells two sets from each other; nothing if it does not."""
    if p_value <= SIGNIFICANCE:
        return [say("blind_p_value", p_value=p_value)]
    if auc.low > 0.5 or auc.high < 0.5:
        return [say("blind_interval", **bounds_of(auc, confidence, 100))]
    return []


def of_audit(result: "AuditResult") -> list[Statement]:
    """Return what was asked, of what, and what so many attacks could have shown.

    Parameters
    ----------
    result : AuditResult
        What :func:`audit` found.

    Returns
    -------
    list of Statement
    """
    said = [say("question"), *of_sizes(result.labels, result.groups, result.n_generated)]
    if result.n_repeats == 1:
        said.append(say("judged", n_folds=result.cv))
    else:
        said.append(say("judged_repeatedly", n_folds=result.cv, n_repeats=result.n_repeats))
    if result.n_slices is not None:
        said.append(say("volumes", n_slices=result.n_slices))
    others = [name for name in result.attacks if name not in (BLIND, CHOSEN)]
    if len(others) > 1:
        said += [say("several_attacks", n_attacks=len(others)), _to_quote(result, others)]
    said += _at_most(result, others)
    if result.epsilon is not None:
        bound = result.epsilon
        numbers = {"n_right": bound.n_right, "n_guesses": bound.n_guesses, "attack": bound.attack}
        kind = "epsilon_at_least" if bound.epsilon > 0 else "epsilon_not_bounded"
        found = {"epsilon": bound.epsilon, "confidence": 100 * bound.confidence}
        said.append(say(kind, **numbers, **(found if bound.epsilon > 0 else {})))
    if result.n_candidates:
        said.append(say("candidates", n_candidates=result.n_candidates))
    return said


def of_attack(result: "AuditResult", attack: "AttackResult") -> list[Statement]:
    """Return what one attack found, and what that does not say.

    Parameters
    ----------
    result : AuditResult
        What :func:`audit` found.
    attack : AttackResult
        One of its attacks.

    Returns
    -------
    list of Statement
    """
    percent = 100 * result.confidence
    auc, beyond = attack.measures["AUC"], attack.beyond_blind
    of_100 = 100 * float(f"{auc.value:.2f}")  # rounded once: 0.975 is not "98 (AUC 0.97)"
    said = [say("auc", auc=auc.value, of_100=of_100, **bounds_of(auc, result.confidence))]
    if not attack.n_permutations:
        said.append(say("auc_as_fitted"))
    if auc.high < 0.5:
        said.append(say("auc_below_chance"))
    # A rule that does not learn, beside the attack, which learns exchanged labels as well.
    rule = attack.measures.get(CLOSENESS)
    if rule is not None and rule.high < 0.5:
        bounds = bounds_of(rule, result.confidence)
        said.append(say("closeness_below_chance", auc=rule.value, **bounds))
    said += _significance(attack)
    shown = attack.p_values.get("AUC or tail", 1.0) <= SIGNIFICANCE
    if shown and attack.recognisable >= 0.005 and beyond is not None:
        kind = "share_of_images" if result.groups is None else "share_of_patients"
        said.append(say(kind, percent=100 * attack.recognisable, confidence=percent))
    if result.prior is not None and attack.name != BLIND:
        said.append(_predictive_value(result.prior, attack))
    if beyond is None:
        said.append(say("blind"))
    else:
        kind = beyond_blind_as(attack, result.attacks[BLIND])
        said.append(say(kind, difference=beyond.value, **bounds_of(beyond, result.confidence)))
    if attack.answers.chosen:
        counts = Counter(attack.answers.chosen).most_common()
        said.append(say("chosen", attacks=", ".join(f"{name} ({n})" for name, n in counts)))
    said.append(_single_images(result, attack))
    if attack.candidates is not None:
        said += of_candidates(result, attack)
    return said


def _at_most(result: "AuditResult", others: list[str]) -> list[Statement]:
    """State the most that the attacks tell, where none of them finds anything."""
    # Without permutations it is not known how much an attack that learns varies.
    p_values = [result.attacks[name].p_values.get("AUC or tail", 0.0) for name in others]
    bounds = [result.attacks[name].auc_at_most for name in others]
    if min(p_values, default=0.0) <= SIGNIFICANCE:
        return []
    return [say("auc_at_most", auc=max(bounds), confidence=100 * result.confidence)]


def _to_quote(result: "AuditResult", others: list[str]) -> Statement:
    if CHOSEN in result.attacks:
        return say("quote_chosen")
    p_values = [result.attacks[name].p_values.get("any attack", np.nan) for name in others]
    if np.isnan(p_values).all():
        return say("quote_nothing")
    best = int(np.nanargmin(p_values))
    return say("quote_p_value", attack=others[best], p_value=p_values[best])


def _significance(attack: "AttackResult") -> list[Statement]:
    n = attack.n_permutations
    if n == 0:
        return [say("no_permutations")]
    smallest, p_value = 1 / (n + 1), attack.p_values["AUC or tail"]
    if smallest > SIGNIFICANCE:
        numbers = {"n_permutations": n, "p_value": p_value, "smallest": smallest}
        return [say("too_few_permutations", **numbers)]
    numbers = {
        "n_permutations": n,
        "p_value": p_value,
        "p_auc": attack.p_values["AUC"],
        "p_tail": attack.p_values["tail"],
    }
    if p_value > SIGNIFICANCE:
        kinds = ("not_found", "no_proof_from_so_few", "no_proof_of_absence")
        if attack.beyond_blind is None:  # good news, of the blind one
            kinds = ("blind_not_found", "blind_may_miss_all", "blind_may_miss")
        if np.isnan(attack.detectable_auc):
            return [say(kinds[0], **numbers), say(kinds[1])]
        return [say(kinds[0], **numbers), say(kinds[2], detectable_auc=attack.detectable_auc)]
    as_a_set = attack.p_values["AUC"] <= SIGNIFICANCE
    said = [say("found_as_a_set" if as_a_set else "found_a_few", **numbers)]
    said += _smallest(p_value, n)
    of_all = attack.p_values.get("any attack", 0.0)
    return [*said, say("one_of_many", p_value=of_all)] if of_all > SIGNIFICANCE else said


def _predictive_value(prior: float, attack: "AttackResult") -> Statement:
    found = attack.measures["predictive value"]
    if np.isnan(found.low):
        return say("predictive_value_unknown", percent=100 * prior)
    bounds = {"low": 100 * found.low, "high": 100 * found.high}
    return say("predictive_value", percent=100 * prior, of_100=100 * found.value, **bounds)


def _smallest(p_value: float, n_refits: int) -> list[Statement]:
    if p_value > 1 / (n_refits + 1) * (1 + 1e-9):
        return []
    return [say("smallest_p_value", p_value=p_value)]


def _single_images(result: "AuditResult", attack: "AttackResult") -> Statement:
    """State how often a single image stands out, in truth and by mistake."""
    others = result.labels == 0
    units = np.arange(len(others)) if result.groups is None else result.groups
    held_out = [
        len(np.unique(units[others & (attack.answers.folds[0] == fold)]))
        for fold in range(result.cv)
    ]
    smallest = 1 / (1 + max(held_out))
    if smallest > SIGNIFICANCE:
        return say("single_images_unresolved", n_not_used=max(held_out), smallest=smallest)
    # An image not used is compared with one fewer, so that its p-values are a little larger.
    level = max(SIGNIFICANCE, 1 / min(held_out))
    small = attack.conformal <= level * (1 + 1e-9)
    return say(
        "single_images",
        n_used_out=small[~others].sum(),
        n_used=(~others).sum(),
        n_not_used_out=small[others].sum(),
        n_not_used=others.sum(),
        level=level,
        expected=level * (~others).sum(),
    )


def of_candidates(result: "AuditResult", attack: "AttackResult") -> list[Statement]:
    """Return what one attack says of the candidates.

    Nothing but its numbers where the blind attack tells candidates from the images not used:
    then they differ in something other than membership, and every attack may see just that.

    Parameters
    ----------
    result : AuditResult
        What :func:`audit` found.
    attack : AttackResult
        One of its attacks, with candidates.

    Returns
    -------
    list of Statement
    """
    found = attack.candidates
    assert found is not None
    pairs, answer = _pairs(found, 100 * result.confidence), no_answer(result)
    if attack.name != BLIND:
        return [pairs, *(answer or _claims(found))]
    said = [pairs, *_p_value(found)[1]]
    if answer:
        return [*said, say("blind_tells_candidates"), answer[-1]]
    return [*said, say("blind_does_not_tell_candidates")]


def no_answer(result: "AuditResult") -> list[Statement]:
    """Return why an audit does not say whether candidates were used; nothing where it does.

    Parameters
    ----------
    result : AuditResult
        What :func:`audit` found.

    Returns
    -------
    list of Statement
    """
    found = result.attacks[BLIND].candidates
    if found is None:
        return []
    reason = of_blind(_p_value(found)[0], found.auc, result.confidence)
    return [say("no_answer"), *reason, say("candidates_differ")] if reason else []


def _pairs(found: "CandidateResult", percent: float) -> Statement:
    value, low, high = (100 * x for x in (found.auc.value, found.auc.low, found.auc.high))
    if not np.isnan(low):
        return say("candidates_auc", of_100=value, low=low, high=high, confidence=percent)
    who = "image" if found.n_images == 1 else "patient"
    return say(f"candidates_auc_of_one_{who}", of_100=value)


def _claims(found: "CandidateResult") -> list[Statement]:
    one, (p_value, how) = found.n_images == 1, _p_value(found)
    alone = _alone(found)
    if not how:
        return [alone, _nothing_shown(found)]
    if p_value > SIGNIFICANCE:
        verdict = "candidates_not_found"
    else:
        verdict = "candidate_found" if one else "candidates_found"
    return [alone, *(said for said in how if said != alone), say(verdict)]


def _alone(found: "CandidateResult") -> Statement:
    n, smallest = found.n_images, found.smallest_p
    if n == 1:
        return say("candidate_alone", p_value=found.p_values[0], smallest=smallest)
    return say(
        "candidates_alone",
        n_out=(found.p_values <= SIGNIFICANCE).sum(),
        n_candidates=n,
        level=SIGNIFICANCE,
        smallest=smallest,
        expected=SIGNIFICANCE * n,
    )


def _nothing_shown(found: "CandidateResult") -> Statement:
    if not len(found.null):
        return say("no_exchanges")
    if np.isnan(found.auc.low) and found.smallest_p > SIGNIFICANCE:
        return say("too_few_not_used")
    return say("too_few_exchanges", p_value=found.p_value)


def _p_value(found: "CandidateResult") -> tuple[float, list[Statement]]:
    """Return the p-value of all candidates, and how it came about; of one, its own will do.

    1 and nothing where it can show nothing, or there is none.
    """
    n = len(found.null)
    if np.isnan(found.auc.low) and found.smallest_p > SIGNIFICANCE:
        return 1.0, []
    if n and 1 / (n + 1) <= SIGNIFICANCE:
        exchanges = say("exchanges", n_exchanges=n, p_value=found.p_value)
        return found.p_value, [exchanges, *_smallest(found.p_value, n)]
    if found.n_images == 1:
        return float(found.p_values[0]), [_alone(found)]
    return 1.0, []
