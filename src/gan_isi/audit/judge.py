"""How an audit asks each attack, the same of all."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from .._runtime.store import Store
from .._runtime.whole import stage
from ..statistics import cross_conformal_p_values, recognisable_share
from .attack_result import AttackResult
from .candidates import CandidateResult, judge_candidates
from .crossfit import Folds, OutOfFold, cross_fit, null_distribution
from .evidence import Evidence, closeness, closest_generated
from .measures import Sampling, beyond_blind, measure, of_rule
from .names import BLIND, CLOSENESS
from .numbers import auc_at_most, predictive_values
from .prepared import PreparedAttack, Recorder
from .significance import detectable, p_values_of
from .volumes import VolumeAttack


@dataclass(frozen=True)
class Judge:
    """All that is asked of each attack, and in the same way.

    Attributes
    ----------
    plan : Folds
        How images are held out.
    fprs : tuple of float
        False positive rates.
    sampling : Sampling
        Labels, and how intervals are made.
    n_permutations : int or mapping of str to int
        Number of permutations of all attacks, or by their names.
    seeds : tuple of two int
        Seeds of the folds and of the permutations.
    n_jobs : int or None
        Number of parallel jobs.
    store : Store or None
        Where permutations are kept.
    prior : float or None
        Share of used images among those asked about.
    """

    plan: Folds
    fprs: tuple[float, ...]
    sampling: Sampling
    n_permutations: int | Mapping[str, int]
    seeds: tuple[int, int]
    n_jobs: int | None
    store: Store | None
    prior: float | None

    def __call__(
        self,
        name: str,
        prepared: PreparedAttack,
        blind: AttackResult | None,
    ) -> AttackResult:
        """Return what an attack finds.

        Parameters
        ----------
        name : str
            Name of the attack.
        prepared : PreparedAttack
            The attack.
        blind : AttackResult or None
            What the blind attack found, if it was asked before.

        Returns
        -------
        AttackResult
        """
        labels, groups = self.sampling.labels, self.sampling.groups
        volumes = prepared if isinstance(prepared, VolumeAttack) else None
        recorder = Recorder.of(prepared if volumes is None else volumes.attack)
        asked = recorder if volumes is None else replace(volumes, attack=recorder)
        with stage(f"{name}: fitting"):
            answers = cross_fit(asked, labels, self.plan, seed=self.seeds[0])
            evidence, close = None, None
            if name != BLIND and isinstance(recorder, Recorder):
                evidence, close = closest_generated(recorder), closeness(recorder)
                if volumes is not None:
                    evidence, close = volumes.evidence(evidence), volumes.mean(close)
        del recorder, asked  # and with them the fits
        with self.refits(name, name) as how:
            null = null_distribution(prepared, labels, self.plan, **how)
        scores, n_known = answers.scores.mean(axis=0), len(labels)
        measures = measure(answers, self.fprs, self.sampling, null)
        if self.prior is not None:
            measures |= predictive_values(measures, self.prior, self.fprs, self.sampling.confidence)
        if close is not None:
            measures[CLOSENESS] = of_rule(labels, close[:n_known], groups, self.sampling.confidence)
        return AttackResult(
            name=name,
            answers=answers,
            measures=measures,
            null=null,
            p_values=p_values_of(answers.statistics(labels, groups), null),
            detectable_auc=detectable(labels, groups, null),
            recognisable=recognisable_share(
                labels, scores, groups, confidence=self.sampling.confidence
            ),
            beyond_blind=None
            if blind is None
            else beyond_blind(answers, null, (blind.answers, blind.null), self.sampling),
            conformal=cross_conformal_p_values(labels, answers.scores[0], answers.folds[0], groups),
            evidence=None if evidence is None else evidence[:n_known],
            auc_at_most=auc_at_most(answers, self.sampling, null["AUC"]),
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
        own = None if evidence is None else evidence[len(self.plan.known) :]
        with self.refits(name, f"{name}, candidates") as how:
            return judge_candidates(
                prepared, answers, self.plan, self.sampling, evidence=own, **how
            )

    @contextmanager
    def refits(self, name: str, shown: str) -> Iterator[dict[str, Any]]:
        """Show a stage of permutations, and give what `refit_often` is told of them.

        Parameters
        ----------
        name : str
            Name of the attack that is fitted again.
        shown : str
            Name of the stage.

        Yields
        ------
        dict of str to object
        """
        planned = self.planned(name)
        with stage(shown, planned, "permutation") as task:
            yield {
                "n_permutations": planned, "seed": self.seeds[1], "n_jobs": self.n_jobs,
                "progress": task.update, "store": self.store,
            }  # fmt: skip

    def planned(self, name: str) -> int:
        """Return the number of permutations of an attack.

        Parameters
        ----------
        name : str
            Name of the attack.

        Returns
        -------
        int
        """
        if isinstance(self.n_permutations, Mapping):
            return int(self.n_permutations.get(name, self.n_permutations.get("default", 199)))
        return int(self.n_permutations)
