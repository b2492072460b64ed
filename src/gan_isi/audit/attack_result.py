"""What one attack of an audit found."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .candidates import CandidateResult
from .crossfit import OutOfFold
from .evidence import Evidence
from .measures import Estimate


@dataclass(frozen=True)
class AttackResult:
    """What one attack found.

    Attributes
    ----------
    name : str
        Name of the attack.
    answers : OutOfFold
        Out-of-fold scores and decisions.
    measures : dict of str to Estimate
        AUC, accuracy and so on, each with its interval.
    null : dict of str to ndarray of shape (n_permutations,)
        Statistics of refits on permuted labels: AUC, tail, balanced accuracy, accuracy,
        recall and specificity.
    p_values : dict of str to float
        Share of permutations that did as well, by statistic; empty without permutations.
        "AUC" answers the question of the set: were *these* images, as a set, used? "tail"
        asks whether a few of them stand out (see `tail_excess`), "AUC or tail" whether
        either is so, and "balanced accuracy" is the p-value of the decisions, where each
        patient counts once. "any attack" is the p-value of this attack's AUC or tail,
        adjusted for all the attacks that were tried.
    detectable_auc : float
        Smallest true AUC of such an attack that this audit would have noticed (one-sided,
        2.5 %, as it shares 5 % with the tail) with 80 % power, by the spread of the
        permutations; NaN if none.
    recognisable : float
        Lower bound of the share of used images (or patients) that the attack tells from
        those not used, with the audit's confidence, for the scores as they are.
    beyond_blind : Estimate or None
        AUC minus that of the blind attack; None for the blind one.
    conformal : ndarray of shape (n_queries,)
        Share of the held-out images of its fold known not to be used that score as high
        as the query, itself counted: no smaller than 1 / (1 + their number).
    evidence : Evidence or None
        Generated images that speak for "used"; None for attacks that compare with none.
    candidates : CandidateResult or None
        What the attack says of the candidates; None if there are none.
    auc_at_most : float
        Upper bound of its true AUC for images such as these, one-sided at the audit's
        confidence.
    """

    name: str
    answers: OutOfFold
    measures: dict[str, Estimate]
    null: dict[str, NDArray[np.float64]] = field(repr=False)
    p_values: dict[str, float]
    detectable_auc: float
    recognisable: float
    beyond_blind: Estimate | None
    conformal: NDArray[np.float64] = field(repr=False)
    evidence: Evidence | None = field(repr=False)
    candidates: CandidateResult | None = None
    auc_at_most: float = float("nan")

    @property
    def n_permutations(self) -> int:
        """Number of permutations of the labels."""
        return len(self.null["AUC"])

    @property
    def p_value(self) -> float:
        """P-value of the AUC; NaN without permutations."""
        return self.p_values.get("AUC", float("nan"))
