"""Out-of-fold answers, and the same again with labels that mean nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

from ._attacks import PreparedAttack
from ._statistics import permute_labels, within_fold_auc

_LARGEST_SEED = np.iinfo(np.int32).max


@dataclass(frozen=True)
class OutOfFold:
    """Answers for every query by an attack that was fitted without it.

    Attributes
    ----------
    folds : ndarray of shape (n_repeats, n_queries), int
        Which fold each query was held out in.
    scores : ndarray of shape (n_repeats, n_queries)
        Comparable within a fold only: each is another fit.
    used : ndarray of shape (n_repeats, n_queries), bool
        Decisions.
    """

    folds: NDArray[np.intp]
    scores: NDArray[np.float64]
    used: NDArray[np.bool_]

    def auc(self, labels: NDArray[np.intp]) -> float:
        """Mean over the repeats of the AUC within folds."""
        pairs = zip(self.scores, self.folds, strict=True)
        return float(np.mean([within_fold_auc(labels, scores, folds) for scores, folds in pairs]))

    def accuracy(self, labels: NDArray[np.intp]) -> float:
        """Share of correct decisions."""
        return float(np.mean(self.used == (labels == 1)))

    def ranks(self) -> NDArray[np.float64]:
        """Score of each query as its rank within its fold, 0 to 1, mean over the repeats."""
        ranks = np.empty_like(self.scores)
        for row, (scores, folds) in enumerate(zip(self.scores, self.folds, strict=True)):
            for fold in np.unique(folds):
                members = np.flatnonzero(folds == fold)
                below = (scores[members, None] > scores[members]).sum(axis=1)
                ties = (scores[members, None] == scores[members]).sum(axis=1)
                ranks[row, members] = (below + ties / 2) / len(members)
        return ranks.mean(axis=0)


def cross_fit(
    attack: PreparedAttack,
    labels: NDArray[np.intp],
    groups: NDArray[Any] | None,
    *,
    cv: int,
    n_repeats: int,
    seed: int,
) -> OutOfFold:
    """Answer for every query out of fold; stratified, patients stay together.

    Parameters
    ----------
    attack : PreparedAttack
        See `prepare`.
    labels : ndarray of shape (n_queries,)
        0 or 1.
    groups : ndarray of shape (n_queries,) or None
        Patients, say.
    cv : int
        Number of folds.
    n_repeats : int
        How often, each time with other folds.
    seed : int
        Draws the folds.

    Returns
    -------
    OutOfFold
    """
    rng = np.random.default_rng(seed)
    shape = n_repeats, len(labels)
    all_folds = np.empty(shape, dtype=np.intp)
    scores, used = np.empty(shape), np.empty(shape, dtype=bool)
    for repeat in range(n_repeats):
        state = int(rng.integers(_LARGEST_SEED))
        splitter: Any = StratifiedKFold if groups is None else StratifiedGroupKFold
        splits = splitter(cv, shuffle=True, random_state=state).split(labels, labels, groups)
        for fold, (train, test) in enumerate(splits):
            answers = attack.answer(train, labels[train], test)
            all_folds[repeat, test] = fold
            scores[repeat, test], used[repeat, test] = answers.scores, answers.used
    return OutOfFold(all_folds, scores, used)


def null_distribution(
    attack: PreparedAttack,
    labels: NDArray[np.intp],
    groups: NDArray[Any] | None,
    *,
    cv: int,
    n_repeats: int,
    n_permutations: int,
    seed: int,
    n_jobs: int | None = None,
    progress: Callable[[int], Any] = lambda n: None,
) -> NDArray[np.float64]:
    """AUC and accuracy where the labels mean nothing, by permuting and fitting again.

    Parameters
    ----------
    attack : PreparedAttack
        See `prepare`; everything in it that depends on labels is fitted again.
    labels, groups, cv, n_repeats
        As for `cross_fit`.
    n_permutations : int
        How often.
    seed : int
        Draws the permutations, the same for each attack of an audit.
    n_jobs : int, default=None
        Number of parallel jobs. Changes no result.
    progress : callable
        Called with 1 after each.

    Returns
    -------
    ndarray of shape (n_permutations, 2)
        AUC (within folds) and accuracy.
    """
    seeds = np.random.SeedSequence(seed).generate_state(n_permutations)
    results = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_permuted)(attack, labels, groups, cv, n_repeats, int(one)) for one in seeds
    )
    null = np.empty((n_permutations, 2))
    for row, result in enumerate(results):
        null[row] = result
        progress(1)
    return null


def _permuted(
    attack: PreparedAttack,
    labels: NDArray[np.intp],
    groups: NDArray[Any] | None,
    cv: int,
    n_repeats: int,
    seed: int,
) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    permuted = permute_labels(labels, groups, rng=rng)
    fold_seed = int(rng.integers(_LARGEST_SEED))
    # Thousands of small fits: threads of BLAS would mostly wait for each other.
    with threadpool_limits(limits=1, user_api="blas"):
        answers = cross_fit(attack, permuted, groups, cv=cv, n_repeats=n_repeats, seed=fold_seed)
    return answers.auc(permuted), answers.accuracy(permuted)
