"""Candidates, the images of unknown membership, are judged each, and all as one set."""

from dataclasses import dataclass, field, replace
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..statistics import permutation_p_value, permute_labels
from .crossfit import Folds, OutOfFold, cross_fit, refit_often
from .evidence import Evidence
from .folds import LARGEST_SEED
from .measures import Estimate, Sampling, made_by
from .prepared import PreparedAttack


@dataclass(frozen=True)
class CandidateResult:
    """What an attack says of the candidates, the images of unknown membership.

    Attributes
    ----------
    ranks : ndarray of shape (n_candidates,)
        Share of the known images, used or not, that score lower by an attack that saw
        neither; ties count one half.
    p_values : ndarray of shape (n_candidates,)
        P-values for the hypothesis that the image was not used: the share of images known
        not to be used that score as high by an attack that saw neither, itself counted
        (see `candidate_p_values`).
    smallest_p : float
        Smallest p-value that so many images not used, or patients of them, can show.
    auc : Estimate
        Share of pairs of a candidate and an image known not to be used in which the candidate
        scores higher; 0.5 is expected if no candidate was used. One candidate, or one patient,
        says nothing of how others vary: there is no interval, and its bounds are NaN.
    null : ndarray of shape (n_permutations,)
        That share where candidates and images known not to be used are exchanged.
    p_value : float
        P-value of the set, for the hypothesis that none of its images was used: no smaller
        than 1 / (number of sets that could be drawn); NaN without permutations.
    evidence : Evidence or None
        Generated images that look closest; None for attacks that compare with none.
    """

    ranks: NDArray[np.float64] = field(repr=False)
    p_values: NDArray[np.float64] = field(repr=False)
    smallest_p: float
    auc: Estimate
    null: NDArray[np.float64] = field(repr=False)
    p_value: float
    evidence: Evidence | None = field(repr=False)

    @property
    def n_images(self) -> int:
        """Number of candidates."""
        return len(self.p_values)


def judge_candidates(
    attack: PreparedAttack,
    answers: OutOfFold,
    plan: Folds,
    sampling: Sampling,
    *,
    evidence: Evidence | None,
    n_permutations: int,
    **how: Any,
) -> CandidateResult:
    """Compare candidates with the held-out images known not to be used.

    Parameters
    ----------
    attack : PreparedAttack
        Attack to judge by, see `prepare`.
    answers : OutOfFold
        Answers of `cross_fit`.
    plan : Folds
        Folds in which those were made.
    sampling : Sampling
        How the interval is made.
    evidence : Evidence or None
        Generated images that look closest to the candidates.
    n_permutations : int
        Number of exchanges.
    **how
        Seed, and all else that `refit_often` takes.

    Returns
    -------
    CandidateResult
    """
    labels = sampling.labels
    p_values = np.mean(
        [
            candidate_p_values(labels, scores, folds, candidates, plan.known_groups)
            for (scores, folds), candidates in zip(answers.repeats, answers.candidates, strict=True)
        ],
        axis=0,
    )
    null = np.array(refit_often(_exchanged, (attack, labels, plan), n_permutations, **how))
    estimate = _estimate(answers, plan, sampling, null)
    p_value = float("nan")
    if n_permutations:
        # The same exchange gives another number with other folds, which shows nothing more.
        free = plan.known[exchangeable(labels, plan.known_groups)]
        n_asked, n_free = (_n_patients(plan, images) for images in (plan.candidates, free))
        p_value = max(
            permutation_p_value(estimate.value, null), 1 / comb(n_asked + n_free, n_asked)
        )
    n_units = _n_patients(plan, plan.known[labels == 0])
    return CandidateResult(
        _ranks(answers), p_values, 1 / (1 + n_units), estimate, null, p_value, evidence
    )


def candidate_p_values(
    labels: NDArray[np.intp],
    scores: NDArray[np.float64],
    folds: NDArray[np.intp],
    candidates: NDArray[np.float64],
    groups: NDArray[Any] | None = None,
) -> NDArray[np.float64]:
    """Return cross-conformal p-values of images that no fold was fitted on.

    Each image known not to be used is compared with the candidate by the attack that was
    fitted without its fold; the comparisons of all folds are counted together. For a
    candidate that is exchangeable with the images not used the p-value is below a in about
    a share a of cases; what can be proved is a share of 2 a (and a little for small folds),
    since the folds' attacks differ. Patients with several images count once.

    Parameters
    ----------
    labels : ndarray of shape (n_known,)
        0 or 1.
    scores : ndarray of shape (n_known,)
        Out-of-fold scores.
    folds : ndarray of shape (n_known,), int
        Number of the fold in which each was held out, from 0.
    candidates : ndarray of shape (n_folds, n_candidates)
        Scores of the candidates by the attack of each fold.
    groups : ndarray of shape (n_known,) or None
        Patients.

    Returns
    -------
    ndarray of shape (n_candidates,)
        P-values, no smaller than 1 / (1 + number of images not used, or of their patients).

    References
    ----------
    V. Vovk, "Cross-conformal predictors", Annals of Mathematics and Artificial
    Intelligence 74 (2015) 9-28; R. F. Barber, E. J. Candes, A. Ramdas and R. J.
    Tibshirani, "Predictive inference with the jackknife+", Annals of Statistics 49
    (2021) 486-507.
    """
    others = np.flatnonzero(labels == 0)
    patients = others if groups is None else np.unique(groups[others], return_inverse=True)[1]
    sizes = np.bincount(patients)
    at_least = scores[others, None] >= candidates[folds[others]]
    counts = (at_least / sizes[patients][:, None]).sum(axis=0)
    return np.asarray((1 + counts) / (1 + np.count_nonzero(sizes)))


def _ranks(answers: OutOfFold) -> NDArray[np.float64]:
    """Return the mean over folds and repeats of the share of held-out queries that score lower."""
    shares = []
    for (scores, folds), candidates in zip(answers.repeats, answers.candidates, strict=True):
        for fold, own in enumerate(candidates):
            others = scores[folds == fold][:, None]
            shares.append(((others < own).mean(axis=0) + (others <= own).mean(axis=0)) / 2)
    return np.asarray(np.mean(shares, axis=0))


def _beside(labels: NDArray[np.intp], answers: OutOfFold) -> tuple[NDArray[np.intp], OutOfFold]:
    """Return labels and answers of the images not used, then of all candidates by fold."""
    others = labels == 0
    n_repeats, n_folds, n_candidates = answers.candidates.shape
    folds = np.tile(np.repeat(np.arange(n_folds), n_candidates), (n_repeats, 1))
    beside = replace(
        answers,
        folds=np.hstack([answers.folds[:, others], folds]),
        scores=np.hstack([answers.scores[:, others], answers.candidates.reshape(folds.shape)]),
    )
    return np.repeat([0, 1], [others.sum(), folds.shape[1]]), beside


def _estimate(
    answers: OutOfFold, plan: Folds, sampling: Sampling, null: NDArray[np.float64]
) -> Estimate:
    """Return the AUC with its interval, if the candidates are of two patients at least."""
    labels = sampling.labels
    of_rows, beside = _beside(labels, answers)
    auc = beside.auc(of_rows)
    if _n_patients(plan, plan.candidates) == 1:
        who = "image" if len(plan.candidates) == 1 else "patient"
        return Estimate(auc, np.nan, np.nan, f"one {who} does not say how others vary")
    # In the rows each candidate is once a fold.
    images = np.concatenate([plan.known[labels == 0], np.tile(plan.candidates, plan.cv)])
    units = images if plan.groups is None else plan.groups[images]
    bounds = beside.auc_intervals(of_rows, units, null=null, confidence=sampling.confidence)
    low, high = bounds.mean(axis=0).tolist()
    return Estimate(auc, low, high, made_by("Newcombe", sampling.groups, null))


def _n_patients(plan: Folds, images: NDArray[np.intp]) -> int:
    return len(images if plan.groups is None else np.unique(plan.groups[images]))


def exchangeable(labels: NDArray[np.intp], groups: NDArray[Any] | None) -> NDArray[np.bool_]:
    """Return which known images may be exchanged with candidates.

    They are those not used, of patients of whom no image was used: a patient of whom other
    images were used is unlike those of the candidates.

    Parameters
    ----------
    labels : ndarray of shape (n_known,)
        0 or 1.
    groups : ndarray of shape (n_known,) or None
        Patients.

    Returns
    -------
    ndarray of shape (n_known,), bool
    """
    used = labels == 1
    return ~(used if groups is None else np.isin(groups, groups[used]))


def _exchanged(
    attack: PreparedAttack, labels: NDArray[np.intp], plan: Folds, rng: np.random.Generator
) -> float:
    """Return the AUC with candidates drawn at random from them and the images not used."""
    fixed = ~exchangeable(labels, plan.known_groups)
    pool = np.concatenate([plan.known[~fixed], plan.candidates])
    is_candidate = np.repeat([0, 1], [(~fixed).sum(), len(plan.candidates)])
    patients = None if plan.groups is None else plan.groups[pool]
    drawn = permute_labels(is_candidate, patients, rng=rng) == 1
    known = np.concatenate([plan.known[fixed], pool[~drawn]])
    new_labels = np.concatenate([labels[fixed], np.zeros((~drawn).sum(), dtype=np.intp)])
    refit = replace(plan, known=known, candidates=pool[drawn])
    answers = cross_fit(attack, new_labels, refit, seed=int(rng.integers(LARGEST_SEED)))
    of_rows, beside = _beside(new_labels, answers)
    return beside.auc(of_rows)
