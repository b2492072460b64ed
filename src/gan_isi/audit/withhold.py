"""Which generated images to withhold, and what that buys."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._preflight.before_fit import preflight_done
from .._runtime.sklearn_compat import num_samples
from .._runtime.whole import expect, shown_in_one_line, stage
from .._validation.items import as_images, read_once
from .._validation.shared import SharedImages
from ..statistics import permute_labels
from .arguments import check_numbers, check_queries
from .crossfit import Folds, OutOfFold, cross_fit, refit_often
from .duration import measure_costs, stages_of_withhold
from .folds import LARGEST_SEED, check_folds, draw_folds, draw_seeds
from .inputs import look_first
from .measures import Estimate, Sampling, auc_of
from .names import BLIND
from .prepared import PreparedAttack, keep_generated, prepare
from .provenance import describe_inputs, digest_of_names, now, provenance_of
from .withhold_attacks import CHOOSER, looks_at, name_all
from .withhold_choice import choose, pair_distances
from .withhold_result import NAMED, RANDOM, UNNAMED, WithholdResult


@shown_in_one_line("withhold")
@preflight_done()
def withhold(
    X: Any,
    y: Any,
    *,
    generated: Any,
    groups: Any = None,
    choose_by: Any = "pixels",
    attacks: Any = None,
    shares: Sequence[float] = (0, 0.1, 0.25, 0.5, 0.75, 0.9),
    cv: int = 5,
    n_random: int = 5,
    n_permutations: int = 99,
    confidence: float = 0.95,
    random_state: Any = None,
    n_jobs: int | None = None,
    verbose: bool = False,
    memory: Any = None,
) -> WithholdResult:
    """Put generated images in the order in which to withhold them, and ask what that buys.

    First comes the image that is closest to one of the used images. The attacks are then
    judged on what is left. Two things would flatter that: the distances that chose, and
    real images whose labels were known to the choice. So other attacks judge as well, the
    highest of them is quoted, and the choice is also made by one half of the patients and
    judged by the other: training images that nobody named are not protected.

    Parameters
    ----------
    X : array-like or sequence of array-like of length n_queries
        Real images.
    y : array-like of shape (n_queries,)
        Whether each was used: booleans, 0/1 or -1/1.
    generated : array-like or sequence
        Images of the generator.
    groups : array-like of shape (n_queries,), default=None
        Patients, who stay together in halves and folds. Without them, copies of one picture
        are one patient.
    choose_by : str or SourceIdentificationPipeline, default="pixels"
        Distances that choose: a representation of :func:`gan_isi.make_pipeline`, or
        "recommended" for all views of that attack (where copies may have been moved), or an
        unfitted attack with distances of its own.
    attacks : estimator, str, list of str, or dict of str to estimator or str, default=None
        Attacks that judge, see :func:`audit`; one of them has to look at something else than
        what chose. None takes the recommended one and "relative_nearest" by pixels, by local
        contrast and by SSIM, and by texture too where "recommended" chooses.
    shares : sequence of float, default=(0, 0.1, 0.25, 0.5, 0.75, 0.9)
        Shares of the generated images to withhold, from 0 to less than 1; 0 is always among
        them.
    cv : int, default=5
        Number of folds, of all patients and of each half.
    n_random : int, default=5
        Number of times that as many images are withheld by chance, for comparison.
    n_permutations : int, default=99
        Number of permutations of the labels, each with a refit, before anything is withheld.
        Intervals take from them how much an attack that learns varies; with 0 they are too
        narrow for such.
    confidence : float, default=0.95
        Confidence of the intervals of all attacks together (Bonferroni), at each share.
    random_state : int, RandomState instance or None, default=None
        Seed of halves, folds, permutations and of what is withheld by chance.
    n_jobs : int, default=None
        Number of parallel jobs. Changes no result.
    verbose : bool, default=False
        Whether one line shows how far the work is, as in :func:`audit`.
    memory : str, path or joblib.Memory, default=None
        Folder of what describes images, for the attacks that are made here.

    Returns
    -------
    WithholdResult
        The order, the AUCs of what is left, and sentences.

    Raises
    ------
    ValueError
        For labels, patients and sets of images as in :func:`audit`; unless each half has at
        least `cv` patients of each class; for shares that leave less than two images; for
        attacks without distances, and where all attacks look at what chose.

    Examples
    --------
    >>> from gan_isi import audit, datasets, make_pipeline
    >>> problem = datasets.make_membership_problem(
    ...     40, n_generated=30, memorization=0.9, random_state=0
    ... )
    >>> result = audit.withhold(
    ...     problem.images,
    ...     problem.target,
    ...     generated=problem.generated,
    ...     attacks={"contrast": make_pipeline("nearest", representation="local_contrast")},
    ...     shares=(0.5,),
    ...     cv=2,
    ...     n_permutations=9,
    ...     random_state=0,
    ... )
    >>> len(result.order), result.shares
    (30, (0.0, 0.5))
    """
    began = now()
    asked = {
        "random_state": random_state, "cv": cv, "n_random": n_random,
        "n_permutations": n_permutations, "confidence": confidence, "shares": shares,
        "choose_by": choose_by,
    }  # fmt: skip
    X = read_once(as_images(X))
    generated = read_once(SharedImages(generated).images)
    queries = check_queries(X, y, groups, None, None)
    n_generated = num_samples(generated)
    named = name_all(attacks, choose_by, n_jobs, memory, n_generated)
    check_numbers(
        queries, list(named), n_repeats=n_random, n_permutations=n_permutations, n_resamples=1,
        confidence=confidence, fprs=(), n_jobs=n_jobs,
    )  # fmt: skip
    shares = _check_shares(shares, n_generated)
    inputs, queries = look_first(named, X, queries, (groups, None), generated, None)
    labels, patients = queries.labels, queries.known_groups
    digests = describe_inputs(X, labels, {"generated": generated}, inputs.digests)
    seeds = draw_seeds(random_state, 4)
    design = _halves(labels, patients, cv, seeds[0])

    asked_often = 2 * len(shares) + n_random * (len(shares) - 1) + 1
    expect(
        lambda: stages_of_withhold(
            measure_costs(
                named, X, generated, n_train=len(labels) - len(labels) // cv,
                n_test=len(labels) // cv,
            ),
            n_permutations, asked_often, n_real=len(labels), n_generated=n_generated, cv=cv,
            n_jobs=n_jobs,
        )
    )  # fmt: skip
    prepared = dict(prepare(named, X, generated, patients))
    chooser: Any = prepared.pop(CHOOSER)
    distances = pair_distances(chooser.bags, chooser.blocks)
    used = labels == 1
    choice = choose(distances, used, patients)
    took_part = [name for name, one in prepared.items() if looks_at(one.bags, chooser.bags)]
    if len(took_part) == len(prepared) - 1:  # but for the blind one
        raise ValueError(
            "All attacks look at the distances that chose, which flatters what is left; give "
            "attacks that look at something else, or another choose_by."
        )

    everyone = _Design((np.arange(len(labels)),), patients, cv, seeds[1])
    orders = [choose(distances[half], used[half]).order for half in design.parts]
    by_chance = [np.random.default_rng([seeds[3], i]).permutation(n_generated)
                 for i in range(n_random)]  # fmt: skip
    asked_of = {
        NAMED: (everyone, [[choice.order]]),
        # Each half answers for the choice of the other.
        UNNAMED: (design, [orders[::-1]]),
        RANDOM: (everyone, [[order] for order in by_chance]),
    }
    # What is left makes no difference to the blind attack.
    blind = {BLIND: prepared.pop(BLIND)}
    total = (2 * n_permutations + asked_often) * len(prepared) + n_permutations + 1
    with stage("judging what is left", total, "fit") as bar:
        judge = _Judge(
            labels, prepared, confidence, n_permutations, seeds[2], n_jobs, bar.update
        )  # fmt: skip
        of_blind = replace(judge, attacks=blind)
        found = of_blind(everyone, [[choice.order]], 0.0, of_blind.null(everyone))
        curves = {(NAMED, 0.0, BLIND): found[BLIND]}
        of_all, of_halves = judge.null(everyone), judge.null(design)
        for who, (plan, drawn) in asked_of.items():
            null = of_halves if who == UNNAMED else of_all
            for share in shares:
                # Nothing is withheld: all draws are the same.
                found = judge(plan, drawn[: 1 if share == 0 else None], share, null)
                curves |= {(who, share, name): one for name, one in found.items()}
    return WithholdResult(
        choice=choice,
        curves=curves,
        shares=shares,
        attacks=tuple(prepared),
        took_part=tuple(took_part),
        labels=labels,
        groups=patients,
        n_random=n_random,
        n_permutations=n_permutations,
        confidence=confidence,
        preflight=inputs,
        provenance=provenance_of(
            began, digests, asked | {"groups": digest_of_names(groups)}, named
        ),
    )


@dataclass(frozen=True)
class _Design:
    """Which real images are judged together, and how they are held out."""

    parts: tuple[NDArray[np.intp], ...]
    groups: NDArray[np.intp] | None
    cv: int
    seed: int

    def cross_fit(
        self, attacks: Sequence[PreparedAttack], labels: NDArray[np.intp], seed: int
    ) -> OutOfFold:
        """Answer for each part by its attack, which is fitted on the same part."""
        shape = 1, len(labels)
        folds, scores = np.empty(shape, dtype=np.intp), np.empty(shape)
        used = np.empty(shape, dtype=bool)
        for number, (attack, part) in enumerate(zip(attacks, self.parts, strict=True)):
            plan = Folds(part, part[:0], self.groups, self.cv, 1)
            answers = cross_fit(attack, labels[part], plan, seed=seed)
            folds[:, part] = answers.folds + number * self.cv
            scores[:, part], used[:, part] = answers.scores, answers.used
        return OutOfFold(folds, scores, used, np.empty((1, self.cv, 0)))


@dataclass(frozen=True)
class _Judge:
    """All attacks, asked in the same way about what is left."""

    labels: NDArray[np.intp]
    attacks: Mapping[str, PreparedAttack]
    confidence: float
    n_permutations: int
    seed: int
    n_jobs: int | None
    progress: Callable[[int], Any]

    def null(self, design: _Design) -> dict[str, NDArray[np.float64]]:
        """Return AUCs of each attack with permuted labels, before anything is withheld."""
        return {
            name: np.array(
                refit_often(
                    _permuted_auc, (attack, self.labels, design), self.n_permutations,
                    seed=self.seed, n_jobs=self.n_jobs, progress=self.progress,
                )
            )
            for name, attack in self.attacks.items()
        }  # fmt: skip

    def __call__(
        self,
        design: _Design,
        drawn: Sequence[Sequence[NDArray[np.intp]]],
        share: float,
        nulls: Mapping[str, NDArray[np.float64]],
    ) -> dict[str, Estimate]:
        """Return the AUC of each attack, as the mean over what was drawn."""
        level = 1 - (1 - self.confidence) / len(self.attacks)
        sampling = Sampling(self.labels, design.groups, 0, level, 0)
        found = {}
        for name, attack in self.attacks.items():
            rows = []
            for orders in drawn:
                # What stays is in the order in which it came: ties are broken as before.
                kept = [np.sort(order[round(share * len(order)) :]) for order in orders]
                left = [keep_generated(attack, own) for own in kept]
                answers = design.cross_fit(left, self.labels, design.seed)
                rows.append(auc_of(answers, sampling, nulls[name]))
                self.progress(1)
            value, low, high = np.mean([(r.value, r.low, r.high) for r in rows], axis=0).tolist()
            found[name] = Estimate(value, low, high, rows[0].method)
        return found


def _permuted_auc(
    attack: PreparedAttack, labels: NDArray[np.intp], design: _Design, rng: np.random.Generator
) -> float:
    permuted = labels.copy()
    for part in design.parts:
        groups = None if design.groups is None else design.groups[part]
        permuted[part] = permute_labels(labels[part], groups, rng=rng)
    attacks = [attack] * len(design.parts)
    return design.cross_fit(attacks, permuted, int(rng.integers(LARGEST_SEED))).auc(permuted)


def _halves(
    labels: NDArray[np.intp], groups: NDArray[np.intp] | None, cv: int, seed: int
) -> _Design:
    """Divide the patients into two halves, in each of which folds can be held out."""
    try:
        check_folds(2, labels, groups, n_repeats=1, seed=seed, with_candidates=False)
        parts = tuple(np.sort(test) for _, test in draw_folds(2, None, labels, groups, seed))
        for part in parts:
            own = None if groups is None else groups[part]
            check_folds(cv, labels[part], own, n_repeats=1, seed=seed, with_candidates=False)
    except ValueError as error:
        raise ValueError(
            "One half of the patients chooses and the other judges, each of which has to be "
            f"divided into {cv} folds: {error}"
        ) from error
    return _Design(parts, groups, cv, seed)


def _check_shares(shares: Any, n_generated: int) -> tuple[float, ...]:
    given = [shares] if isinstance(shares, Real) else list(shares)
    for share in given:
        if not isinstance(share, Real) or not 0 <= float(share) < 1:
            raise ValueError(f"shares have to be from 0 to less than 1; got {share!r}.")
        if n_generated - round(float(share) * n_generated) < 2:
            raise ValueError(
                f"A share of {share:g} leaves less than 2 of {n_generated} generated images."
            )
    return tuple(sorted({0.0, *map(float, given)}))
