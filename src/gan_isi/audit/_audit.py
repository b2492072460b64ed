"""One call: attacks against real images of known membership, with their uncertainty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import _num_samples

from .._generated import check_generated
from .._preflight import preflight_done
from .._progress import progress_bar
from ._arguments import check_choice, check_queries, joined, name_attacks
from ._attacks import PreparedAttack, prepare
from ._candidates import CandidateResult, judge_candidates
from ._choice import ChosenAttack
from ._crossfit import Folds, OutOfFold, cross_fit, null_distribution
from ._evidence import Evidence, closest_generated
from ._measures import Estimate, Sampling, measure
from ._names import BLIND, CHOSEN
from ._preflight import look_first
from ._result import AttackResult, AuditResult
from ._statistics import (
    cross_conformal_p_values,
    detectable_accuracy,
    detectable_auc,
    difference_interval,
    permutation_p_value,
)


@preflight_done()
def audit(
    attacks: Any,
    X: Any,
    y: Any,
    *,
    generated: Any,
    groups: Any = None,
    candidates: Any = None,
    candidate_groups: Any = None,
    choose: bool = False,
    cv: int = 5,
    n_repeats: int = 1,
    n_permutations: int | Mapping[str, int] = 199,
    n_resamples: int = 2000,
    confidence: float = 0.95,
    fprs: Sequence[float] = (0.01, 0.05, 0.1),
    random_state: Any = None,
    n_jobs: int | None = None,
    verbose: bool = False,
) -> AuditResult:
    """Ask whether attacks can tell the real images that a generator was trained on.

    Every number comes from queries that the attack was not fitted on. The attack named
    "blind" should see no generated image: what it can tell is how the two sets of real
    images differ anyway (scanner, site, time), which is no membership.

    Parameters
    ----------
    attacks : estimator or dict of str to estimator
        Unfitted; pipelines of :func:`gan_isi.make_pipeline`, `gan_isi.baselines`, or any
        classifier with ``fit(X, y, generated=(images,))``. Unless one is named "blind",
        :func:`gan_isi.baselines.make_blind` is added.
    X : array-like or sequence of array-like of length n_queries
        Real images.
    y : array-like of shape (n_queries,)
        Two labels; the larger one in sort order means "used".
    generated : array-like or sequence
        Images of the generator.
    groups : array-like of shape (n_queries,), default=None
        Patients: their images are held out, resampled and permuted together. Without
        them, copies of one picture are one patient.
    candidates : array-like or sequence of array-like of length n_candidates, default=None
        Real images of unknown membership, of no patient in `X`. They are compared with
        the known non-members, each of them and as a set; that the two are alike in all
        but membership (scanner, site, time) is for you to know, and for the blind attack
        to doubt.
    candidate_groups : array-like of shape (n_candidates,), default=None
        Their patients.
    choose : bool, default=False
        Whether to add an attack "chosen": for each fold the one of `attacks` (other than
        the blind one) with the highest AUC in a cross-validation within the rest. Picking
        the best row of the table afterwards flatters it; this row does not. Costs as much
        as all attacks `cv` times again, also in each permutation.
    cv : int, default=5
        Number of folds.
    n_repeats : int, default=1
        How often cross-validation is repeated with other folds.
    n_permutations : int or dict of str to int, default=199
        Of the labels, each with a refit of all that depends on them. A dict gives the
        number for each attack (0: no p-value; "default" for those not named), since a
        pair SVM takes minutes each. With n of them no p-value is below 1 / (n + 1). As
        many exchanges of candidates and known non-members are made.
    n_resamples : int, default=2000
        Of the bootstrap, over queries or groups.
    confidence : float, default=0.95
        Of the intervals.
    fprs : sequence of float, default=(0.01, 0.05, 0.1)
        False positive rates at which the true positive rate is reported, where there
        are enough known non-members.
    random_state : int, RandomState instance or None, default=None
        Draws folds, permutations and resamples.
    n_jobs : int, default=None
        Number of parallel jobs over the permutations. Changes no result.
    verbose : bool, default=False
        Whether progress bars are shown.

    Returns
    -------
    AuditResult
        Numbers, per-query evidence, a table and a report.

    Raises
    ------
    ValueError
        Unless there are two classes with at least `cv` queries (or groups) each, if
        a patient has both known images and candidates, or for an error of
        :func:`preflight`: an intensity does not mean the same in all sets, or a picture
        is in two of them. Its warnings are given, and stand in the result.

    Examples
    --------
    >>> from gan_isi import audit, baselines, datasets
    >>> problem = datasets.make_membership_problem(
    ...     30, n_generated=20, memorization=0.9, random_state=0
    ... )
    >>> result = audit.audit(
    ...     {"nearest": baselines.make_baseline("nearest")},
    ...     problem.images,
    ...     problem.target,
    ...     generated=problem.generated,
    ...     n_permutations=19,
    ...     random_state=0,
    ... )
    >>> sorted(result.attacks)
    ['blind', 'nearest']
    """
    queries = check_queries(X, y, groups, candidates, candidate_groups, cv)
    generated = check_generated(generated)
    named = name_attacks(attacks)
    inputs, queries = look_first(
        named, X, queries, (groups, candidate_groups), generated, candidates, cv
    )
    if choose:
        check_choice(named, queries.labels, queries.known_groups, cv)
    rng = check_random_state(random_state)
    fold_seed, null_seed, seed = (int(s) for s in rng.randint(np.iinfo(np.int32).max, size=3))
    judge = _Judge(
        queries.labels,
        Folds(queries.known, queries.candidates, queries.groups, cv, n_repeats),
        tuple(fprs),
        Sampling(queries.known_groups, n_resamples, confidence, seed),
        n_permutations,
        (fold_seed, null_seed),
        n_jobs,
        verbose,
    )
    images = joined(X, candidates)
    prepared: dict[str, PreparedAttack] = {}
    results: dict[str, AttackResult] = {}
    # The blind one first: the others are compared with it.
    for name in sorted(named, key=lambda one: one != BLIND):
        one = prepare(named[name], images, generated)
        blind = results[BLIND].answers if BLIND in results else None
        results[name] = judge(name, one, blind, closest_generated(one, named[name]))
        if choose and name != BLIND:
            prepared[name] = one
    if choose:
        chosen = ChosenAttack(prepared, queries.groups, cv, fold_seed)
        results[CHOSEN] = judge(CHOSEN, chosen, results[BLIND].answers, None)
    return AuditResult(
        attacks={name: results[name] for name in [*named, *results]},
        labels=queries.labels,
        classes=queries.classes,
        groups=queries.known_groups,
        n_generated=_num_samples(generated),
        n_candidates=len(queries.candidates),
        cv=cv,
        n_repeats=n_repeats,
        confidence=confidence,
        detectable_accuracy=detectable_accuracy(
            len(queries.labels), chance=_majority(queries.labels)
        ),
        detectable_auc=detectable_auc(*np.bincount(queries.labels)[::-1].tolist()),
        preflight=inputs,
    )


@dataclass(frozen=True)
class _Judge:
    """All that is asked of each attack, and in the same way."""

    labels: NDArray[np.intp]
    plan: Folds
    fprs: tuple[float, ...]
    sampling: Sampling
    n_permutations: int | Mapping[str, int]
    seeds: tuple[int, int]
    n_jobs: int | None
    verbose: bool

    def __call__(
        self,
        name: str,
        prepared: PreparedAttack,
        blind: OutOfFold | None,
        evidence: Evidence | None,
    ) -> AttackResult:
        fold_seed, null_seed = self.seeds
        planned = self._planned(name)
        answers = cross_fit(prepared, self.labels, self.plan, seed=fold_seed)
        with self._bar(name, planned) as bar:
            null = null_distribution(
                prepared, self.labels, self.plan, n_permutations=planned, seed=null_seed,
                n_jobs=self.n_jobs, progress=bar.update,
            )  # fmt: skip
        n_known = len(self.labels)
        return AttackResult(
            name=name,
            answers=answers,
            measures=measure(self.labels, answers, self.fprs, self.sampling),
            null=null,
            p_value=_p_value(answers.auc(self.labels), null, 0),
            p_value_accuracy=_p_value(answers.accuracy(self.labels), null, 1),
            beyond_blind=_beyond(self.labels, answers, blind, self.sampling),
            conformal=cross_conformal_p_values(
                self.labels, answers.scores[0], answers.folds[0], self.plan.known_groups
            ),
            evidence=None if evidence is None else evidence[:n_known],
            candidates=self._candidates(name, prepared, answers, evidence),
        )

    def _candidates(
        self,
        name: str,
        prepared: PreparedAttack,
        answers: OutOfFold,
        evidence: Evidence | None,
    ) -> CandidateResult | None:
        if not len(self.plan.candidates):
            return None
        planned = self._planned(name)
        with self._bar(f"{name}, candidates", planned) as bar:
            return judge_candidates(
                prepared, self.labels, answers, self.plan, self.sampling,
                evidence=None if evidence is None else evidence[len(self.labels) :],
                n_permutations=planned, seed=self.seeds[1], n_jobs=self.n_jobs,
                progress=bar.update,
            )  # fmt: skip

    def _planned(self, name: str) -> int:
        if isinstance(self.n_permutations, Mapping):
            return int(self.n_permutations.get(name, self.n_permutations.get("default", 199)))
        return int(self.n_permutations)

    def _bar(self, shown: str, total: int) -> Any:
        return progress_bar(total, description=shown, unit="permutation", verbose=self.verbose)


def _p_value(observed: float, null: NDArray[np.float64], column: int) -> float:
    return float(permutation_p_value(observed, null[:, column])) if len(null) else float("nan")


def _beyond(
    labels: NDArray[np.intp], answers: OutOfFold, blind: OutOfFold | None, sampling: Sampling
) -> Estimate | None:
    """AUC of the attack minus that of the blind one, resampled together."""
    if blind is None:
        return None
    # Both were cross-validated with the same folds.
    bounds = [
        difference_interval(
            labels, scores, blind_scores, folds, sampling.groups, confidence=sampling.confidence
        )
        for scores, blind_scores, folds in zip(
            answers.scores, blind.scores, answers.folds, strict=True
        )
    ]
    low, high = np.mean(bounds, axis=0)
    difference = answers.auc(labels) - blind.auc(labels)
    return Estimate(difference, float(low), float(high), "Zou and Yue, correlated AUCs")


def _majority(labels: NDArray[np.intp]) -> float:
    share = float(labels.mean())
    return max(share, 1 - share)
