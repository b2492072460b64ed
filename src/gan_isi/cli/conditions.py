"""Conditions under which an audit fails, for pipelines: ``--fail-if "auc>0.6"``."""

import operator
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

import click

from .terminal import say

if TYPE_CHECKING:
    from ..audit import AuditResult

#: Exit code if a condition is met.
MET = 3

#: Measures with an interval, as rows of the record are called; their bounds are named with
#: "_low" and "_high" behind.
_WITH_BOUNDS = {
    "auc": "AUC",
    "beyond_blind": "AUC minus blind",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision": "precision",
    "recall": "recall",
    "specificity": "specificity",
    "tpr_at_0.01": "TPR at FPR 0.01",
    "tpr_at_0.05": "TPR at FPR 0.05",
    "tpr_at_0.1": "TPR at FPR 0.1",
    "candidates_auc": "candidates: AUC",
}

#: Measures without one.
_SINGLE = {
    "auc_at_most": "AUC, at most",
    "detectable_auc": "detectable AUC",
    "recognisable": "recognisable share",
    "candidates_p": "candidates: p-value",
    "p_auc": "p-value (AUC)",
    "p_tail": "p-value (tail)",
}

#: The p-value that takes all attacks into account; of one attack, and the blind one, its own.
_P_VALUES = ("p-value (any attack)", "p-value (AUC or tail)")

_OF_ATTACKS = (
    *(f"{name}{end}" for name in _WITH_BOUNDS for end in ("", "_low", "_high")),
    *_SINGLE, "p", "advantage",
)  # fmt: skip

#: Numbers of the whole audit.
_OF_AUDIT = ("copies", "epsilon")

_OPERATORS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}

_CONDITION = re.compile(
    r"\s*(?:(?P<attack>\w+)\s*:)?\s*(?P<name>[a-z][\w.]*)\s*(?P<op>>=|<=|>|<)"
    r"\s*(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*",
    flags=re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True)
class Condition:
    """A condition on a number of an audit.

    Attributes
    ----------
    text : str
        The condition as it was written.
    attack : str or None
        Attack whose number is meant; None for any of them but the blind one.
    name : str
        Name of the number.
    op : {">", ">=", "<", "<="}
        How it is compared.
    number : float
        What it is compared with.
    """

    text: str
    attack: str | None
    name: str
    op: str
    number: float

    def holds(self, value: float) -> bool:
        """Return whether a number, which is not NaN, meets the condition."""
        return bool(_OPERATORS[self.op](value, self.number))


def parse(text: str) -> Condition:
    """Return the condition that a text says.

    Parameters
    ----------
    text : str
        ``NAME OP NUMBER`` or ``ATTACK:NAME OP NUMBER``, with or without blanks.

    Returns
    -------
    Condition

    Raises
    ------
    ValueError
        For any other text, and for unknown names.
    """
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} is no condition: write a name, one of > >= < <=, and a number, in quotes "
            'because of the shell, as in "auc>0.6" or "recommended:p<=0.05".'
        )
    attack, name, op, number = found.group("attack", "name", "op", "number")
    name = name.lower()
    if name not in (*_OF_ATTACKS, *_OF_AUDIT):
        listed = [*_WITH_BOUNDS, "advantage", "p", *_SINGLE, *_OF_AUDIT]
        raise ValueError(
            f"{text!r} asks for {name!r}, which no audit has; there are {', '.join(listed)}, and "
            "of the intervals auc_low, auc_high and so on."
        )
    if attack is not None and name in _OF_AUDIT:
        raise ValueError(f"{text!r}: {name} is a number of the whole audit; leave out {attack}:.")
    return Condition(text.strip(), attack, name, op, float(number))


def _parsed(context: Any, parameter: Any, values: tuple[str, ...]) -> tuple[Condition, ...]:
    try:
        return tuple(map(parse, values))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


fail_if_option = click.option(
    "--fail-if", "conditions", multiple=True, metavar="CONDITION", callback=_parsed,
    help=f'End with the exit code {MET} if a number meets this condition, such as "auc>0.6" for '
    'any attack but the blind one, or "recommended:p<=0.05". May be repeated.',
)  # fmt: skip


def check_conditions(
    conditions: Iterable[Condition],
    attacks: Collection[str],
    *,
    n_permutations: int,
    candidates: bool,
    epsilon: bool,
) -> None:
    """Refuse conditions that this audit could never answer, before hours of work.

    Parameters
    ----------
    conditions : iterable of Condition
        Values of the option.
    attacks : collection of str
        Names of the attacks that are audited.
    n_permutations : int
        Number of permutations.
    candidates, epsilon : bool
        Whether there are candidates, and whether epsilon is bounded.

    Raises
    ------
    UsageError
        Where a number will not be there, or no number can meet the condition.
    """
    smallest = 1 / (n_permutations + 1)
    for one in conditions:
        why = ""
        is_p = one.name in ("p", "p_auc", "p_tail", "candidates_p")
        if one.attack is not None and one.attack not in attacks:
            why = f"{one.attack} is none of the attacks, which are {', '.join(attacks)}"
        elif one.attack is None and one.name not in _OF_AUDIT and set(attacks) == {"blind"}:
            why = "only the blind attack is audited; name it, as in blind:auc>0.6"
        elif one.name.startswith("candidates_") and not candidates:
            why = "there are no --candidates"
        elif one.name == "epsilon" and not epsilon:
            why = "epsilon is bounded with --epsilon-by only"
        elif one.name.startswith("beyond_blind") and one.attack == "blind":
            why = "the blind attack is what others are compared with"
        elif (is_p or one.name == "detectable_auc") and not n_permutations:
            why = "there are no --permutations"
        elif is_p and one.op in ("<", "<=") and not one.holds(smallest):
            why = f"with {n_permutations} permutations no p-value is below {smallest:.2g}"
        if why:
            raise click.UsageError(f'--fail-if "{one.text}" can\'t be told: {why}.')


def exit_code(conditions: Iterable[Condition], result: "AuditResult") -> int:
    """Say on standard error which conditions are met, and which can't be told.

    Parameters
    ----------
    conditions : iterable of Condition
        Values of the option.
    result : AuditResult
        What the audit found.

    Returns
    -------
    int
        3 if a condition is met; 1 if none is, but one can't be told; 0 otherwise.
    """
    code, numbers = 0, _numbers(result)
    for one in conditions:
        owners = [name for name in result.attacks if name != "blind"]
        owners = [one.attack or ""] if one.attack or one.name in _OF_AUDIT else owners
        values = {owner: numbers.get((owner, one.name), float("nan")) for owner in owners}
        met = {owner: value for owner, value in values.items() if one.holds(value)}
        for owner, value in met.items():
            whose = f"{owner}: " if owner else ""
            say(f'Failed: {whose}{one.name} is {value:.4g} (--fail-if "{one.text}").', err=True)
            code = MET
        unknown = [owner for owner, value in values.items() if isnan(value)]
        if unknown and not met:
            whose = f" of {', '.join(unknown)}" if any(unknown) else ""
            why = f"the audit has no {one.name}{whose}"
            say(f'Error: --fail-if "{one.text}" can\'t be told: {why}.', err=True)
            code = code or 1
    return code


def _numbers(result: "AuditResult") -> dict[tuple[str, str], float]:
    """Return all numbers of an audit by attack and name; those of the audit by the name ""."""
    from ..audit.record import rows_of

    rows = {(attack, measure): numbers for attack, measure, *numbers, _ in rows_of(result)}
    found = {}
    for attack in result.attacks:
        for name, measure in (_WITH_BOUNDS | _SINGLE).items():
            value, low, high = rows.get((attack, measure), [float("nan")] * 3)
            found[attack, name] = value
            if name in _WITH_BOUNDS:
                found |= {(attack, f"{name}_low"): low, (attack, f"{name}_high"): high}
        # Of the same decisions: the true positive rate minus the false one.
        found[attack, "advantage"] = 2 * found[attack, "balanced_accuracy"] - 1
        p_values = [rows[attack, one][0] for one in _P_VALUES if (attack, one) in rows]
        found[attack, "p"] = p_values[0] if p_values else float("nan")
    if result.preflight is not None:
        found["", "copies"] = float(result.preflight.n_used_generated)
    if result.epsilon is not None:
        found["", "epsilon"] = result.epsilon.epsilon
    return found
