"""P-values of attacks by their permutations, and what these would have noticed."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..statistics import detectable_auc, max_t_p_values, min_p_value, permutation_p_value
from .measures import Null
from .names import BLIND, CHOSEN

if TYPE_CHECKING:
    from .attack_result import AttackResult

#: The statistics that ask whether anything was memorised, of many or of few.
TESTED = ["AUC", "tail"]


def beyond_blind_as(attack: "AttackResult", blind: "AttackResult") -> str:
    """Return how an attack stands to the blind one, as a kind of statement.

    Parameters
    ----------
    attack, blind : AttackResult
        An attack that sees generated images, and the blind one.

    Returns
    -------
    {"more_than_blind", "less_than_blind", "perhaps_as_blind", "as_blind_reversed"}
        By the interval of the difference of their AUCs. A blind attack whose whole interval lies
        below 0.5 tells the two sets from each other as well, the other way round; so much has to
        be exceeded then.
    """
    beyond, auc = attack.beyond_blind, blind.measures["AUC"]
    assert beyond is not None
    if beyond.low > (1 - 2 * auc.value if auc.high < 0.5 else 0):
        return "more_than_blind"
    if beyond.low > 0:
        return "as_blind_reversed"
    return "less_than_blind" if beyond.high < 0 else "perhaps_as_blind"


def p_values_of(observed: dict[str, float], null: Null) -> dict[str, float]:
    """Return the p-value of each statistic, and that of the AUC or the tail.

    Parameters
    ----------
    observed : dict of str to float
        Statistics with the true labels.
    null : mapping of str to ndarray of shape (n_permutations,)
        The same with permuted ones.

    Returns
    -------
    dict of str to float
        Empty without permutations.
    """
    if not len(null["AUC"]):
        return {}
    found = {
        name: permutation_p_value(observed[name], null[name])
        for name in [*TESTED, "balanced accuracy"]
    }
    rows = np.column_stack([null[name] for name in TESTED])
    return found | {"AUC or tail": min_p_value([observed[name] for name in TESTED], rows)}


def adjusted(
    results: dict[str, "AttackResult"], labels: NDArray[np.intp], groups: NDArray[Any] | None
) -> dict[str, "AttackResult"]:
    """Give each attack the p-value that knows of all the others.

    Parameters
    ----------
    results : dict of str to AttackResult
        Attacks by name.
    labels : ndarray of shape (n_queries,)
        0 or 1.
    groups : ndarray of shape (n_queries,) or None
        Patients.

    Returns
    -------
    dict of str to AttackResult
    """
    tried = [
        name
        for name, result in results.items()
        if name not in (BLIND, CHOSEN) and result.n_permutations
    ]
    if not tried:
        return results
    # The first permutations are the same for all attacks.
    n_common = min(results[name].n_permutations for name in tried)
    observed = [results[name].answers.statistics(labels, groups)[kind]
                for name in tried for kind in TESTED]  # fmt: skip
    null = [results[name].null[kind][:n_common] for name in tried for kind in TESTED]
    p_values = max_t_p_values(observed, np.column_stack(null)).reshape(len(tried), -1).min(axis=1)
    found = {
        name: replace(results[name], p_values=results[name].p_values | {"any attack": float(p)})
        for name, p in zip(tried, p_values, strict=True)
    }
    return results | found


def detectable(labels: NDArray[np.intp], groups: NDArray[Any] | None, null: Null) -> float:
    """Return the smallest AUC that would have been noticed, see `AttackResult`.

    Parameters
    ----------
    labels : ndarray of shape (n_queries,)
        0 or 1.
    groups : ndarray of shape (n_queries,) or None
        Patients.
    null : mapping of str to ndarray of shape (n_permutations,)
        Statistics with permuted labels.

    Returns
    -------
    float
    """
    if len(null["AUC"]):
        sizes = [int((labels == own).sum()) for own in (1, 0)]
        # The AUC shares its 5 % with the tail.
        return detectable_auc(*sizes, null=null["AUC"], significance=0.025)
    units = np.arange(len(labels)) if groups is None else groups
    sizes = [len(np.unique(units[labels == own])) for own in (1, 0)]
    return detectable_auc(*sizes, significance=0.025)
