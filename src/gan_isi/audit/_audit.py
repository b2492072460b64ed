"""One call: attacks against real images of known membership, with their uncertainty."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _num_samples, check_consistent_length, column_or_1d

from .._generated import check_generated
from .._progress import progress_bar
from ._attacks import PreparedAttack, prepare
from ._crossfit import OutOfFold, cross_fit, null_distribution
from ._evidence import closest_generated
from ._measures import Estimate, Sampling, measure
from ._result import AttackResult, AuditResult
from ._statistics import (
    cross_conformal_p_values,
    detectable_accuracy,
    detectable_auc,
    difference_interval,
    permutation_p_value,
)

#: Name of the attack that sees no generated image.
BLIND = "blind"


def audit(
    attacks: Any,
    X: Any,
    y: Any,
    *,
    generated: Any,
    groups: Any = None,
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
        Unfitted; pipelines of :func:`make_pipeline`, :mod:`gan_isi.baselines`, or any
        classifier with ``fit(X, y, generated=(images,))``. Unless one is named "blind",
        :func:`gan_isi.baselines.make_blind` is added.
    X : array-like or sequence of array-like of length n_queries
        Real images.
    y : array-like of shape (n_queries,)
        Two labels; the larger one in sort order means "used".
    generated : array-like or sequence
        Images of the generator.
    groups : array-like of shape (n_queries,), default=None
        Patients: their images are held out, resampled and permuted together.
    cv : int, default=5
        Number of folds.
    n_repeats : int, default=1
        How often cross-validation is repeated with other folds.
    n_permutations : int or dict of str to int, default=199
        Of the labels, each with a refit of all that depends on them. A dict gives the
        number for each attack (0: no p-value; "default" for those not named), since a
        pair SVM takes minutes each. With n of them no p-value is below 1 / (n + 1).
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
        Unless there are two classes with at least `cv` queries (or groups) each.

    Examples
    --------
    >>> from gan_isi import audit, baselines, datasets
    >>> problem = datasets.make_membership_problem(30, n_generated=20, random_state=0)
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
    named = _named(attacks)
    labels, classes = _labels(y, X)
    groups = None if groups is None else column_or_1d(groups)
    check_consistent_length(labels, groups)
    _check_folds(labels, groups, cv)
    generated = check_generated(generated)
    rng = check_random_state(random_state)
    fold_seed, null_seed, seed = (int(s) for s in rng.randint(np.iinfo(np.int32).max, size=3))
    sampling = Sampling(groups, n_resamples, confidence, seed)
    planned = {name: _planned(n_permutations, name) for name in named}

    results: dict[str, AttackResult] = {}
    blind_answers: OutOfFold | None = None
    # The blind one first: the others are compared with it.
    for name in sorted(named, key=lambda one: one != BLIND):
        prepared = prepare(named[name], X, generated)
        answers = cross_fit(prepared, labels, groups, cv=cv, n_repeats=n_repeats, seed=fold_seed)
        null = _null(prepared, labels, groups, cv, n_repeats, planned[name], null_seed, n_jobs,
                     name if verbose else None)  # fmt: skip
        results[name] = AttackResult(
            name=name,
            answers=answers,
            measures=measure(labels, answers, fprs, sampling),
            null=null,
            p_value=_p_value(answers.auc(labels), null, 0),
            p_value_accuracy=_p_value(answers.accuracy(labels), null, 1),
            beyond_blind=_beyond(labels, answers, blind_answers, sampling),
            conformal=cross_conformal_p_values(labels, answers.scores[0], answers.folds[0]),
            evidence=closest_generated(prepared, named[name]),
        )
        if name == BLIND:
            blind_answers = answers
    return AuditResult(
        attacks={name: results[name] for name in named},
        labels=labels,
        classes=classes,
        groups=groups,
        n_generated=_num_samples(generated),
        cv=cv,
        n_repeats=n_repeats,
        confidence=confidence,
        detectable_accuracy=detectable_accuracy(len(labels), chance=_majority(labels)),
        detectable_auc=detectable_auc(int((labels == 1).sum()), int((labels == 0).sum())),
    )


def _named(attacks: Any) -> dict[str, Any]:
    named = dict(attacks) if isinstance(attacks, Mapping) else {"attack": attacks}
    if not named:
        raise ValueError("No attack was given.")
    if BLIND not in named:
        from ..baselines import make_blind

        named[BLIND] = make_blind()
    return named


def _labels(y: Any, X: Any) -> tuple[NDArray[np.intp], NDArray[Any]]:
    y = column_or_1d(y)
    check_classification_targets(y)
    if len(y) != _num_samples(X):
        raise ValueError(f"y has {len(y)} labels for {_num_samples(X)} images.")
    classes, labels = np.unique(y, return_inverse=True)
    if len(classes) != 2:
        raise ValueError(f"An audit needs images that were used and others; got {classes!r}.")
    return labels, classes


def _check_folds(labels: NDArray[np.intp], groups: NDArray[Any] | None, cv: int) -> None:
    units = np.arange(len(labels)) if groups is None else groups
    counts = [len(np.unique(units[labels == label])) for label in (0, 1)]
    if min(counts) < cv:
        kind = "queries" if groups is None else "groups"
        raise ValueError(
            f"cv={cv} needs at least {cv} {kind} of each class; got {counts[0]} not used and "
            f"{counts[1]} used."
        )


def _planned(n_permutations: int | Mapping[str, int], name: str) -> int:
    if isinstance(n_permutations, Mapping):
        return int(n_permutations.get(name, n_permutations.get("default", 199)))
    return int(n_permutations)


def _null(
    prepared: PreparedAttack,
    labels: NDArray[np.intp],
    groups: NDArray[Any] | None,
    cv: int,
    n_repeats: int,
    n_permutations: int,
    seed: int,
    n_jobs: int | None,
    shown: str | None,
) -> NDArray[np.float64]:
    with progress_bar(
        n_permutations, description=f"{shown}", unit="permutation", verbose=shown is not None
    ) as bar:
        return null_distribution(
            prepared,
            labels,
            groups,
            cv=cv,
            n_repeats=n_repeats,
            n_permutations=n_permutations,
            seed=seed,
            n_jobs=n_jobs,
            progress=bar.update,
        )


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
