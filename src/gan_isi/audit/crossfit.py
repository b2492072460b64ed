"""Attacks answer out of fold, and do so again with labels that mean nothing."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.utils.parallel import Parallel, delayed

from .._runtime.store import Store, code_of_library, digest
from .._runtime.threads import one_blas_thread
from ..statistics import (
    DECISION_METRICS,
    auc_interval,
    balanced_accuracy,
    confusion_counts,
    permute_labels,
    rank_within,
    tail_excess,
    within_fold_auc,
)
from .folds import LARGEST_SEED, draw_folds, repeat_seeds
from .prepared import PreparedAttack

#: Statistics of refits with permuted labels, see `OutOfFold.statistics`.
NULL_STATISTICS = ("AUC", "tail", "balanced accuracy", "accuracy", "recall", "specificity")


@dataclass(frozen=True)
class OutOfFold:
    """Answers for every query by an attack that was fitted without it.

    Attributes
    ----------
    folds : ndarray of shape (n_repeats, n_queries), int
        Number of the fold in which each query was held out.
    scores : ndarray of shape (n_repeats, n_queries)
        Scores, comparable within a fold only: each fold is another fit.
    used : ndarray of shape (n_repeats, n_queries), bool
        Decisions.
    candidates : ndarray of shape (n_repeats, n_folds, n_candidates)
        Scores of the candidates by the fit of each fold.
    chosen : tuple of str
        Name of the attack that answered in each fold, where there was a choice.
    """

    folds: NDArray[np.intp]
    scores: NDArray[np.float64]
    used: NDArray[np.bool_]
    candidates: NDArray[np.float64]
    chosen: tuple[str, ...] = ()

    @property
    def repeats(self) -> Iterator[tuple[NDArray[np.float64], NDArray[np.intp]]]:
        """Scores and folds of one repeat after the other."""
        return zip(self.scores, self.folds, strict=True)

    def auc(self, labels: NDArray[np.intp]) -> float:
        """Return the mean over the repeats of the AUC within folds."""
        return float(np.mean([within_fold_auc(labels, *pair) for pair in self.repeats]))

    def auc_intervals(self, labels: NDArray[np.intp], groups: Any, **how: Any) -> NDArray[Any]:
        """Return the interval of each repeat's AUC, (n_repeats, 2), see `auc_interval`."""
        return np.array([auc_interval(labels, *pair, groups, **how) for pair in self.repeats])

    def statistics(self, labels: NDArray[np.intp], groups: NDArray[Any] | None) -> dict[str, float]:
        """Return all that permutations of the labels are asked for, as means over the repeats."""
        counts = np.sum([confusion_counts(labels, used) for used in self.used], axis=(0, 1))
        by_unit = [balanced_accuracy(labels, used, groups) for used in self.used]
        return {
            "AUC": self.auc(labels),
            "tail": float(np.mean([tail_excess(labels, *pair) for pair in self.repeats])),
            "balanced accuracy": float(np.mean(by_unit)),
        } | {
            name: float(DECISION_METRICS[name](*counts))
            for name in ("accuracy", "recall", "specificity")
        }

    def ranks(self) -> NDArray[np.float64]:
        """Return the rank of each query within its fold, 0 to 1, as the mean over the repeats."""
        rows = [
            (rank_within(scores, folds) - 0.5) / np.bincount(folds)[folds]
            for scores, folds in self.repeats
        ]
        return np.asarray(np.mean(rows, axis=0))


@dataclass(frozen=True)
class Folds:
    """Which queries are known, and how they are held out.

    Attributes
    ----------
    known : ndarray of shape (n_known,), int
        Numbers of the real images of known membership.
    candidates : ndarray of shape (n_candidates,), int
        Numbers of the candidates, which are answered for in each fold and fitted in none.
    groups : ndarray of shape (n_images,) or None
        Patients of all real images, by number.
    cv, n_repeats : int
        Number of folds, and of repeats with other folds.
    splitter : splitter or None
        What draws the folds, see `draw_folds`.
    """

    known: NDArray[np.intp]
    candidates: NDArray[np.intp]
    groups: NDArray[Any] | None
    cv: int
    n_repeats: int
    splitter: Any = None

    @property
    def known_groups(self) -> NDArray[Any] | None:
        """Patients of the known images, in the order of these."""
        return None if self.groups is None else self.groups[self.known]


def cross_fit(
    attack: PreparedAttack, labels: NDArray[np.intp], plan: Folds, *, seed: int
) -> OutOfFold:
    """Answer for every query out of fold; patients stay together.

    Parameters
    ----------
    attack : PreparedAttack
        Attack that answers, see `prepare`.
    labels : ndarray of shape (n_known,)
        0 or 1.
    plan : Folds
        How queries are held out.
    seed : int
        Seed of the folds.

    Returns
    -------
    OutOfFold
    """
    shape = plan.n_repeats, len(labels)
    all_folds = np.empty(shape, dtype=np.intp)
    scores, used = np.empty(shape), np.empty(shape, dtype=bool)
    candidates = np.empty((plan.n_repeats, plan.cv, len(plan.candidates)))
    chosen = []
    for repeat, state in enumerate(repeat_seeds(seed, plan.n_repeats)):
        splits = draw_folds(plan.cv, plan.splitter, labels, plan.known_groups, state)
        for fold, (train, test) in enumerate(splits):
            asked = np.concatenate([plan.known[test], plan.candidates])
            answers = attack.answer(plan.known[train], labels[train], asked)
            all_folds[repeat, test] = fold
            scores[repeat, test] = answers.scores[: len(test)]
            used[repeat, test] = answers.used[: len(test)]
            candidates[repeat, fold] = answers.scores[len(test) :]
            chosen += [answers.chosen] if answers.chosen else []
    return OutOfFold(all_folds, scores, used, candidates, tuple(chosen))


def null_distribution(
    attack: PreparedAttack,
    labels: NDArray[np.intp],
    plan: Folds,
    *,
    n_permutations: int,
    **how: Any,
) -> dict[str, NDArray[np.float64]]:
    """Return statistics where the labels mean nothing, by permuting and fitting again.

    Parameters
    ----------
    attack : PreparedAttack
        Attack that answers, see `prepare`; all in it that depends on labels is fitted again.
    labels, plan
        Labels and folds, as for `cross_fit`. Candidates are left out.
    n_permutations : int
        Number of permutations.
    **how
        Seed, the same for each attack of an audit, and all else that `refit_often` takes.

    Returns
    -------
    dict of str to ndarray of shape (n_permutations,)
        The statistics of `OutOfFold.statistics`.
    """
    plan = replace(plan, candidates=plan.candidates[:0])
    rows = refit_often(_permuted, (attack, labels, plan), n_permutations, **how)
    columns = np.reshape(rows, (-1, len(NULL_STATISTICS))).T
    return dict(zip(NULL_STATISTICS, columns, strict=True))


def refit_often(
    statistic: Callable[..., Any],
    arguments: tuple[Any, ...],
    n_permutations: int,
    *,
    seed: int,
    n_jobs: int | None = None,
    progress: Callable[[int], Any] = lambda n: None,
    store: Store | None = None,
) -> list[Any]:
    """Call ``statistic(*arguments, rng)`` with other random numbers each time, in parallel.

    Parameters
    ----------
    statistic : callable
        Function that permutes, fits, and returns what is to be kept: a number or an array.
    arguments : tuple
        Arguments of each call.
    n_permutations : int
        Number of calls.
    seed : int
        Seed of all random numbers.
    n_jobs : int, default=None
        Number of parallel jobs, which changes no result.
    progress : callable
        Function that is called with 1 after each call.
    store : Store, default=None
        Store that has what was computed before for the same arguments and random numbers, and
        keeps the rest as it comes.

    Returns
    -------
    list of length n_permutations
        What the calls returned.
    """
    seeds = np.random.SeedSequence(seed).generate_state(n_permutations).tolist()
    keys = _keys(statistic, arguments, seeds) if store is not None else []
    values = [None] * len(seeds) if store is None or not keys else [store.get(key) for key in keys]
    missing = [index for index, value in enumerate(values) if value is None]
    progress(len(seeds) - len(missing))
    results = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_in_one_thread)(statistic, arguments, seeds[index]) for index in missing
    )
    for index, value in zip(missing, results, strict=True):
        values[index] = value
        if store is not None and keys:
            store.put(keys[index], np.asarray(value, dtype=np.float64))
        progress(1)
    return values


def _keys(
    statistic: Callable[..., Any], arguments: tuple[Any, ...], seeds: list[int]
) -> list[bytes]:
    """Return the keys of single results; warn, and return none, if they can't be told apart."""
    try:
        common = digest(code_of_library(), statistic.__qualname__, arguments)
    except Exception as error:  # may come of whatever the user's estimators hold
        warnings.warn(f"Permutations are not kept: {error}", stacklevel=2)
        return []
    return [digest(common, seed) for seed in seeds]


def _in_one_thread(statistic: Callable[..., Any], arguments: tuple[Any, ...], seed: int) -> Any:
    with one_blas_thread():  # thousands of small fits
        return statistic(*arguments, np.random.default_rng(seed))


def _permuted(
    attack: PreparedAttack, labels: NDArray[np.intp], plan: Folds, rng: np.random.Generator
) -> list[float]:
    permuted = permute_labels(labels, plan.known_groups, rng=rng)
    # The fits with the true labels have checked the same parameters and rows.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        answers = cross_fit(attack, permuted, plan, seed=int(rng.integers(LARGEST_SEED)))
    found = answers.statistics(permuted, plan.known_groups)
    return [found[name] for name in NULL_STATISTICS]
