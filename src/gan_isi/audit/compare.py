"""Two generators, or two checkpoints of one, are compared on the same patients."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from .._preflight.before_fit import preflight_done
from .._runtime.sklearn_compat import num_samples
from .._runtime.whole import shown_in_one_line, stage
from .._validation.arrays import check_count
from .._validation.items import as_images, read_once
from .._validation.labels import check_groups, check_used, number_groups
from .._validation.shared import SharedImages
from ..statistics import auc_interval, permutation_p_value, permute_labels, within_fold_auc
from ..statistics.paired import patient_weights, weighted_aucs, weighted_recalls
from .arguments import check_queries, name_attacks
from .compare_result import CompareResult
from .crossfit import Folds, OutOfFold, cross_fit, refit_often
from .folds import LARGEST_SEED, check_folds, draw_folds, draw_seeds, repeat_seeds
from .inputs import look_first
from .measures import Estimate, made_by
from .prepared import PreparedAttack, _LabelledPart, keep_generated, prepare, with_distances

#: False positive rate at which the true positive rates are compared.
FPR = 0.05


@shown_in_one_line("compare")
@preflight_done()
def compare(
    real: Any,
    used: Any,
    generated: Mapping[str, Any],
    *,
    groups: Any = None,
    attack: Any = "recommended",
    cv: int = 5,
    n_permutations: int = 199,
    n_resamples: int = 2000,
    confidence: float = 0.95,
    random_state: Any = None,
    n_jobs: int | None = None,
    verbose: bool = False,
) -> CompareResult:
    """Ask from which of two generators' images used real images are told better.

    One attack is cross-validated against each, with the same folds. Of the generator with more
    images only the first ones are taken, as many as the other has, since more images show more.

    Parameters
    ----------
    real : array-like or sequence of array-like of length n_queries
        Real images.
    used : array-like of shape (n_queries,), or dict of str to array-like
        Whether each was used to train: booleans, 0/1 or -1/1, for both generators; or for each by
        its name. Labels that differ make a cross-over, of the images that exactly one generator
        used.
    generated : dict of str to array-like or sequence
        Images of two generators by name.
    groups : array-like of shape (n_queries,), default=None
        Patients: held out, resampled and exchanged as a whole.
    attack : str or SourceIdentificationPipeline, default="recommended"
        Attack that scores real images, see :func:`gan_isi.make_pipeline`. Its distances have to
        be to generated images only.
    cv : int, default=5
        Number of folds.
    n_permutations : int, default=199
        Number of times that the generators are exchanged in a random half of the patients, or
        in a cross-over their roles, with a refit each. With n of them no p-value is below
        1 / (n + 1).
    n_resamples : int, default=2000
        Number of resamples of the paired bootstrap.
    confidence : float, default=0.95
        Confidence of the intervals.
    random_state : int, RandomState instance or None, default=None
        Seed of folds, exchanges and resamples.
    n_jobs : int, default=None
        Number of parallel jobs. Changes no result.
    verbose : bool, default=False
        Whether a progress bar is shown.

    Returns
    -------
    CompareResult
        Each generator's AUC, the differences with intervals and p-values, and words.

    Raises
    ------
    TypeError, ValueError
        For other than two generators, labels or patients as in :func:`audit`, an attack that does
        not compare with generated images only, and errors of :func:`preflight`.

    Examples
    --------
    >>> from gan_isi import audit, datasets
    >>> it = datasets.make_membership_problem(30, n_generated=40, memorization=0.9, random_state=0)
    >>> early = datasets.make_membership_problem(
    ...     30, n_generated=40, memorization=0.0, random_state=0
    ... )
    >>> found = audit.compare(
    ...     it.images,
    ...     it.target,
    ...     {"late": it.generated, "early": early.generated},
    ...     attack="nearest",
    ...     n_permutations=19,
    ...     random_state=0,
    ... )
    >>> sorted(found.auc)
    ['early', 'late']
    """
    real = read_once(as_images(real))
    labels = _labels(used, generated, num_samples(real))
    n_permutations = check_count(n_permutations, "n_permutations", 0)
    n_resamples = check_count(n_resamples, "n_resamples")
    named = name_attacks({"attack": attack}, n_jobs)["attack"]
    if not getattr(named, "compares", False) or getattr(named.steps[1][1], "include_real", False):
        raise ValueError(
            "compare takes an attack of make_pipeline whose distances are to generated images "
            f"only, such as 'recommended' or 'nearest'; got {attack!r}."
        )
    named = clone(named).set_params(stream=False)  # as many generated images of either are taken
    numbers = None if groups is None else number_groups(check_groups(groups, len(labels[0])))
    crossed = labels[0] != labels[1]
    is_crossover = bool(crossed.any())
    if is_crossover:
        kept = np.flatnonzero(crossed)
        is_array = isinstance(real, np.ndarray)
        real = real[kept] if is_array else [real[int(i)] for i in kept]
        labels = [one[kept] for one in labels]
        numbers = None if numbers is None else numbers[kept]
    seeds = draw_seeds(random_state, 3)
    parts: list[_LabelledPart] = []
    for own, given in zip(labels, generated.values(), strict=True):
        images = read_once(SharedImages(given).images)
        asked = check_queries(real, own, numbers, None, None)
        _, queries = look_first({"attack": named}, real, asked, (numbers, None), images, None)
        for _, one in prepare({"attack": named}, real, images, queries.groups):
            assert isinstance(one, _LabelledPart)
            parts.append(one)
    n_generated = min(one.n_generated or 0 for one in parts)
    both = [keep_generated(one, np.arange(n_generated)) for one in parts]
    n_folds, _, _ = check_folds(
        cv, labels[0], queries.known_groups, n_repeats=1, seed=seeds[0],
        with_candidates=False,
    )  # fmt: skip
    plan = Folds(queries.known, queries.candidates, queries.groups, n_folds, 1)
    judge = _Judge(plan, labels[0], tuple(generated), seeds, n_permutations, n_resamples,
                   confidence, n_jobs, n_generated)  # fmt: skip
    return judge.roles(both) if is_crossover else judge.pairs(both)


def _labels(used: Any, generated: Any, n_images: int) -> list[NDArray[np.intp]]:
    """Return the labels for each of two generators."""
    if not isinstance(generated, Mapping) or len(generated) != 2:
        what = f"{len(generated)}" if isinstance(generated, Mapping) else type(generated).__name__
        raise ValueError(
            "generated has to be a dict with the images of two generators by name, "
            f"{{'A': images, 'B': others}}; got {what}."
        )
    if not isinstance(used, Mapping):
        labels = check_used(used, n_images)[0].astype(np.intp)
        return [labels, labels]
    if set(used) != set(generated):
        raise ValueError(
            f"used has labels for {sorted(used)}, but generated has images of {sorted(generated)}."
        )
    both = [
        check_used(used[name], n_images, name=f"used[{name!r}]")[0].astype(np.intp)
        for name in generated
    ]
    crossed = both[0] != both[1]
    if crossed.any() and len(np.unique(both[0][crossed])) < 2:
        raise ValueError(
            "In a cross-over each generator has used images that the other did not; here only one "
            "has. Give the labels of the images that both or none used, the same for both."
        )
    return both


@dataclass(frozen=True)
class _Judge:
    """What is asked of the two, by the same folds and seeds."""

    plan: Folds
    labels: NDArray[np.intp]
    names: tuple[str, ...]
    seeds: list[int]
    n_permutations: int
    n_resamples: int
    confidence: float
    n_jobs: int | None
    n_generated: int

    @property
    def groups(self) -> NDArray[Any] | None:
        return self.plan.known_groups

    def pairs(self, both: list[PreparedAttack]) -> CompareResult:
        """Compare two generators that used the same images."""
        plan, labels, seed = self.plan, self.labels, self.seeds[0]
        answers = [cross_fit(one, labels, plan, seed=seed) for one in both]
        observed = _differences(answers, labels)
        null = np.reshape(self._refits(_exchanged, (both, labels, plan, seed)), (-1, len(observed)))
        weights = patient_weights(labels, self.groups, self.n_resamples, self.seeds[2])
        aucs = [weighted_aucs(labels, a.scores[0], a.folds[0], weights) for a in answers]
        recalls = [weighted_recalls(labels, a.ranks(), FPR, weights) for a in answers]
        samples = aucs[0] - aucs[1], recalls[0] - recalls[1]
        (auc, p_value), (recall, recall_p_value) = (
            (self._difference(*one), _two_sided(one[0], one[2]))
            for one in zip(observed, samples, null.T, strict=True)
        )
        return self._result(
            auc={n: self._auc(a.scores[0], a.folds[0])
                 for n, a in zip(self.names, answers, strict=True)},
            difference=auc, p_value=p_value, tpr_difference=recall, tpr_p_value=recall_p_value,
        )  # fmt: skip

    def roles(self, both: list[PreparedAttack]) -> CompareResult:
        """Compare two generators each of which used what the other did not."""
        stacked = _stacked(both)
        scores, folds = _within(stacked, self.labels, self.plan, self.seeds[0])
        apart = scores[0] - scores[1]
        null = np.array(self._refits(_other_roles, (stacked, self.labels, self.plan)), float)
        found = self._auc(apart, folds, null.ravel())
        own = {
            name: self._auc(one if number == 0 else -one, folds)
            for number, (name, one) in enumerate(zip(self.names, scores, strict=True))
        }
        p_value = permutation_p_value(found.value, null.ravel()) if null.size else float("nan")
        return self._result(auc=own, crossover=found, crossover_p_value=p_value)

    def _result(self, **found: Any) -> CompareResult:
        units = np.arange(len(self.labels)) if self.groups is None else self.groups
        return CompareResult(
            n_images=len(self.labels), n_patients=len(np.unique(units)),
            n_generated=self.n_generated, n_permutations=self.n_permutations,
            confidence=self.confidence, **found,
        )  # fmt: skip

    def _refits(self, statistic: Any, arguments: tuple[Any, ...]) -> list[Any]:
        with stage("exchanges", self.n_permutations, "exchange") as shown:
            return refit_often(
                statistic, arguments, self.n_permutations, seed=self.seeds[1], n_jobs=self.n_jobs,
                progress=shown.update,
            )  # fmt: skip

    def _auc(
        self, scores: NDArray[np.float64], folds: NDArray[np.intp], null: Any = None
    ) -> Estimate:
        bounds = auc_interval(
            self.labels, scores, folds, self.groups, null=null, confidence=self.confidence
        )
        value = within_fold_auc(self.labels, scores, folds)
        return Estimate(value, *bounds, made_by("Newcombe", self.groups, null, "exchanges"))

    def _difference(
        self, value: float, sample: NDArray[np.float64], null: NDArray[np.float64]
    ) -> Estimate:
        sample = sample[~np.isnan(sample)]
        if np.isnan(value) or len(sample) < self.confidence * self.n_resamples:
            return Estimate(np.nan, np.nan, np.nan, "too few patients not used")
        low, high = np.quantile(sample, [(1 - self.confidence) / 2, (1 + self.confidence) / 2])
        # The resamples keep the fits; exchanges fit again, and vary by what is learned too.
        wider = 1.0
        if len(null) and sample.std() > 0:
            wider = max(1.0, float(np.sqrt(np.mean(null**2)) / sample.std()))
        low, high = value - wider * (value - low), value + wider * (high - value)
        return Estimate(value, max(-1.0, min(low, value)), min(1.0, max(high, value)),
                        "paired bootstrap over patients, no narrower than refits vary")  # fmt: skip


def _two_sided(observed: float, null: NDArray[np.float64]) -> float:
    if not len(null) or np.isnan(observed):
        return float("nan")
    return permutation_p_value(abs(observed), np.abs(null))


def _differences(answers: list[OutOfFold], labels: NDArray[np.intp]) -> list[float]:
    once = np.ones((1, len(labels)))
    recalls = [float(weighted_recalls(labels, one.ranks(), FPR, once)[0]) for one in answers]
    return [answers[0].auc(labels) - answers[1].auc(labels), recalls[0] - recalls[1]]


def _exchanged(
    both: list[_LabelledPart],
    labels: NDArray[np.intp],
    plan: Folds,
    seed: int,
    rng: np.random.Generator,
) -> list[float]:
    """Exchange the generators in a random half of the patients, fit again, and compare."""
    units = np.arange(len(labels)) if plan.groups is None else plan.groups
    swap = (rng.random(int(units.max()) + 1) < 0.5)[units]
    rows = [np.where(swap[:, None, None], b.rows, a.rows) for a, b in (both, both[::-1])]
    swapped = [with_distances(one, own) for one, own in zip(both, rows, strict=True)]
    return _differences([cross_fit(one, labels, plan, seed=seed) for one in swapped], labels)


def _stacked(both: list[Any]) -> _LabelledPart:
    """Return one attack for which each image is a query twice, against either generator."""
    rows = np.concatenate([one.rows for one in both])
    units = np.arange(len(both[0].rows)) if both[0].groups is None else both[0].groups
    # Where an attack calibrates in folds, both rows of an image stay together.
    return with_distances(replace(both[0], groups=np.tile(units, 2)), rows)


def _within(
    stacked: _LabelledPart, labels: NDArray[np.intp], plan: Folds, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Score each image out of fold against either generator, by the same fits.

    Each image is in a fit twice, once as used and once as not: what does not depend on the
    generator tells nothing.
    """
    n = len(labels)
    scores, folds = np.empty((2, n)), np.empty(n, dtype=np.intp)
    state = repeat_seeds(seed, 1)[0]
    splits = draw_folds(plan.cv, None, labels, plan.known_groups, state)
    for fold, (train, test) in enumerate(splits):
        answers = stacked.answer(
            np.concatenate([train, n + train]),
            np.concatenate([labels[train], 1 - labels[train]]),
            np.concatenate([test, n + test]),
        )
        scores[:, test] = answers.scores.reshape(2, -1)
        folds[test] = fold
    return scores, folds


def _other_roles(
    stacked: _LabelledPart, labels: NDArray[np.intp], plan: Folds, rng: np.random.Generator
) -> float:
    """Exchange which generator used which patients, fit again, and compare."""
    permuted = permute_labels(labels, plan.known_groups, rng=rng)
    scores, folds = _within(stacked, permuted, plan, int(rng.integers(LARGEST_SEED)))
    return within_fold_auc(permuted, scores[0] - scores[1], folds)
