"""Controls of an audit: the same attacks where there is nothing to find."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .crossfit import Folds, cross_fit, null_distribution
from .judge import Judge
from .measures import Estimate, auc_of
from .prepared import PreparedAttack
from .significance import p_values_of
from .statements import SIGNIFICANCE, Statement, say

if TYPE_CHECKING:
    from .result import AuditResult

#: What is compared: two halves of the images not used, two of the used ones, and used with
#: other images by generated images that have nothing to do with them.
HALVES = {0: "halves of the images not used", 1: "halves of the used images"}
UNRELATED = "unrelated generated images"


@dataclass(frozen=True)
class Control:
    """What an attack finds where there is nothing to find.

    Attributes
    ----------
    kind : str
        "halves of the images not used" and "halves of the used images" are two random halves
        of the patients, one of which is called used: what is found there is a false alarm.
        "unrelated generated images" are in the place of the generator's: what is found
        there does not come from the generator.
    attack : str
        Name of the attack.
    n_images : int
        Number of real images (or volumes).
    auc : Estimate
        AUC of the attack.
    p_value : float
        P-value of its AUC or tail, by permutation; NaN without permutations. In halves it is
        uniform, as far as so few permutations can be.
    """

    kind: str
    attack: str
    n_images: int
    auc: Estimate
    p_value: float


def in_halves(judge: Judge, name: str, prepared: PreparedAttack) -> list[Control]:
    """Ask an attack to tell two halves of images that are of the same kind.

    Parameters
    ----------
    judge : Judge
        How the audit asks; its second seed draws halves, folds and permutations, the same for
        each attack.
    name : str
        Name of the attack.
    prepared : PreparedAttack
        The attack.

    Returns
    -------
    list of Control
        One for the images not used and one for the used ones, where each has four
        patients at least.
    """
    found = []
    plan = judge.plan
    for label, kind in HALVES.items():
        own = plan.known[judge.sampling.labels == label]
        groups = np.arange(len(own))
        if plan.groups is not None:
            groups = np.unique(plan.groups[own], return_inverse=True)[1]
        n_patients = int(groups.max()) + 1
        if n_patients < 4:
            continue
        rng = np.random.default_rng([judge.seeds[1], label])
        called = (rng.permutation(n_patients) < n_patients // 2).astype(np.intp)[groups]
        folds = replace(plan, known=own, cv=min(plan.cv, n_patients // 2), splitter=None)
        found.append(_ask(judge, kind, name, prepared, called, folds))
    return found


def unrelated(judge: Judge, name: str, prepared: PreparedAttack) -> Control:
    """Ask an attack that was prepared with unrelated generated images.

    Parameters
    ----------
    judge, name, prepared
        As for `in_halves`.

    Returns
    -------
    Control
    """
    return _ask(judge, UNRELATED, name, prepared, judge.sampling.labels, judge.plan)


def _ask(
    judge: Judge,
    kind: str,
    name: str,
    prepared: PreparedAttack,
    labels: NDArray[np.intp],
    plan: Folds,
) -> Control:
    plan = replace(plan, candidates=plan.candidates[:0])
    with judge.refits(name, f"{name}: {kind}") as how:
        answers = cross_fit(prepared, labels, plan, seed=judge.seeds[1])
        null = null_distribution(prepared, labels, plan, **how)
    groups = plan.known_groups
    sampling = replace(judge.sampling, labels=labels, groups=groups)
    p_values = p_values_of(answers.statistics(labels, groups), null)
    return Control(
        kind=kind,
        attack=name,
        n_images=len(labels),
        auc=auc_of(answers, sampling, null["AUC"]),
        p_value=p_values.get("AUC or tail", float("nan")),
    )


def control_rows(controls: tuple[Control, ...]) -> list[dict[str, Any]]:
    """Return controls as rows of a table.

    Parameters
    ----------
    controls : tuple of Control
        The controls.

    Returns
    -------
    list of dict
    """
    return [
        {"control": one.kind, "attack": one.attack, "n_images": one.n_images,
         "AUC": one.auc.value, "low": one.auc.low, "high": one.auc.high, "p_value": one.p_value}
        for one in controls
    ]  # fmt: skip


def of_controls(result: "AuditResult") -> list[Statement]:
    """Return what attacks found where there is nothing to find.

    Parameters
    ----------
    result : AuditResult
        What :func:`audit` found, with controls.

    Returns
    -------
    list of Statement
    """
    said = []
    for of_halves, kind in ((True, "controls"), (False, "unrelated")):
        tested = [
            one
            for one in result.controls
            if (one.kind != UNRELATED) == of_halves and not np.isnan(one.p_value)
        ]
        if not tested:
            continue
        least = min(tested, key=lambda one: one.p_value)
        # Bonferroni: of many controls one is an alarm by chance.
        p_value = min(1.0, len(tested) * least.p_value)
        numbers = {"n_controls": len(tested), "p_value": p_value}
        if p_value > SIGNIFICANCE:
            said.append(say(f"{kind}_quiet", **numbers))
            continue
        where = {"control": least.kind} if of_halves else {}
        said.append(say(f"{kind}_alarm", **numbers, **where, attack=least.attack))
    return said or [say("controls_untested")]
