"""One call: attacks against real images of known membership, with their uncertainty."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .._preflight.before_fit import preflight_done
from .._runtime.sklearn_compat import num_samples
from .._runtime.store import store_of
from .._runtime.whole import expect, shown_in_one_line
from .._validation.items import as_images, read_once
from .._validation.shared import SharedImages
from .arguments import (
    Queries,
    check_asked,
    check_choice,
    check_numbers,
    check_queries,
    joined,
    name_attacks,
)
from .attack_result import AttackResult
from .choice import ChosenAttack
from .controls import Control, in_halves, unrelated
from .crossfit import Folds
from .duration import measure_costs, stages_of_audit
from .epsilon import EpsilonBound, check_coins, split_bound
from .folds import check_folds, draw_seeds
from .inputs import look_first
from .judge import Judge
from .measures import Sampling
from .names import BLIND, CHOSEN, UNRELATED_SET, file_names
from .prepared import PreparedAttack, prepare
from .provenance import describe_inputs, digest_of_names, now, provenance_of
from .result import AuditResult
from .significance import adjusted
from .volumes import VolumeAttack, by_volume


@shown_in_one_line("audit")
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
    volumes: Any = None,
    candidate_volumes: Any = None,
    choose: bool = False,
    cv: Any = 5,
    n_repeats: int = 1,
    n_permutations: int | Mapping[str, int] = 199,
    n_resamples: int = 2000,
    confidence: float = 0.95,
    fprs: Sequence[float] = (0.01, 0.05, 0.1),
    prior: float | None = None,
    subgroups: Any = None,
    epsilon_by: str | None = None,
    controls: bool = False,
    unrelated_generated: Any = None,
    random_state: Any = None,
    n_jobs: int | None = None,
    verbose: bool = False,
    memory: Any = None,
) -> AuditResult:
    """Ask whether attacks can tell the real images that a generator was trained on.

    In an :term:`audit` every number comes from queries that the :term:`attack` was not fitted
    on. The attack named "blind" (:term:`blind attack`) should see no generated image: what it
    can tell is how the two sets of real images differ anyway (scanner, site, time), which is
    not membership.

    Parameters
    ----------
    attacks : estimator, str, list of str, or dict of str to estimator or str
        Unfitted attacks; by name those of :func:`gan_isi.make_pipeline`, or any classifier of
        real images: its parameter `generated`, where it has one, is set. The attack "blind" is
        added unless one is named so; "chosen" and "default" are no names for an attack.
    X : array-like or sequence of array-like of length n_queries
        Real images.
    y : array-like of shape (n_queries,)
        Whether each was :term:`used`: booleans, 0/1 or -1/1. Text is refused, since which of two
        words means "used" can't be told.
    generated : array-like or sequence
        Images of the generator.
    groups : array-like of shape (n_queries,), default=None
        Patients: their images are held out, resampled and permuted together, and stay
        together in the folds of a calibration. Each image needs one. Without them, copies
        of one picture are one patient.
    candidates : array-like or sequence of array-like of length n_candidates, default=None
        Real images of unknown membership (:term:`candidate`), of no patient in `X`. They are
        compared with those known not to be used, each of them and as a set; that the two are
        alike in all but membership (scanner, site, time) is for you to know, and for the blind
        attack to doubt.
    candidate_groups : array-like of shape (n_candidates,), default=None
        Patients of the candidates.
    volumes : array-like of shape (n_queries,), default=None
        Where `X` holds slices, the name of each one's volume (`groups` of
        :func:`gan_isi.datasets.load_volumes`): the attacks look at slices, and all that is
        told is told of volumes, of which one is a query then. Its score is the mean of its
        slices', and it is called used where more than half of them are; evidence is that
        of the slice with the closest generated image. Patients (`groups`) may have several volumes.
    candidate_volumes : array-like of shape (n_candidates,), default=None
        Volumes of the candidates.
    choose : bool, default=False
        Whether to add an attack "chosen": for each fold the one of `attacks` (other than
        the blind one) with the highest AUC in a cross-validation within the rest. Picking
        the best row of the table afterwards flatters it; this row does not. Costs as much
        as all attacks `cv` times again, also in each permutation.
    cv : int, splitter or iterable of (train, test), default=5
        Number of folds, stratified by label, that keep patients together; or who splits
        instead. Each known image has to be held out once, patients as a whole, and both
        classes have to be inside each fold and outside. One with ``random_state=None``
        draws from that of the audit; permuted labels go through the same splitter. With
        candidates a splitter has to know its `n_splits`; the folds within which
        `choose` chooses are our own, as many.
    n_repeats : int, default=1
        Number of times that cross-validation is repeated with other folds; a splitter then has to
        draw.
    n_permutations : int or dict of str to int, default=199
        Number of permutations of the labels, each with a refit of all that depends on them. A
        dict gives the number for each attack (0: no p-value; "default" for those not named),
        since a pair SVM takes minutes each. With n of them no p-value is below 1 / (n + 1). As
        many exchanges of candidates and images not used are made. Intervals take from
        them how much an attack that learns varies; without permutations they are those of
        the fitted scores only, and too narrow by a third or so.
    n_resamples : int, default=2000
        Number of resamples of the bootstrap, over queries or groups.
    confidence : float, default=0.95
        Confidence of the intervals.
    fprs : sequence of float, default=(0.01, 0.05, 0.1)
        False positive rates at which the true positive rate is reported, where there
        are enough images not used.
    prior : float, default=None
        Share of used images among those that an attack will be asked about, between 0 and
        1: adds how many of those it calls used were used (the predictive value).
    subgroups : array-like of shape (n_queries,), default=None
        Subgroup of each query, such as a sex or a site, by which the AUC is given as well.
    epsilon_by : str, default=None
        Name of the attack that gives a lower bound of epsilon, see :class:`EpsilonBound`: only
        where an independent fair coin decided, before training, which patient is used.
    controls : bool, default=False
        Whether each attack is also asked where there is nothing to find, see
        :class:`Control`: to tell two random halves of the images that were not used, and of
        those that were. Costs up to twice the permutations.
    unrelated_generated : array-like or sequence, default=None
        Images of a generator that was trained on none of the real images, but on others of
        the kind: what attacks find with these does not come from the generator.
    random_state : int, RandomState instance or None, default=None
        Seed of folds, permutations and resamples.
    n_jobs : int, default=None
        Number of parallel jobs over the permutations. Changes no result.
    verbose : bool, default=False
        Whether one line shows how far the audit is, and about how much time is left: a bar on a
        terminal and in a notebook, elsewhere a line in half a minute.
    memory : str, path or joblib.Memory, default=None
        Folder that keeps the result of each permutation, so that an audit that was killed
        goes on where it stopped, to the same bits. Attacks by name describe no image twice.

    Returns
    -------
    AuditResult
        Numbers, per-query evidence, where they come from, a table and a report.

    Raises
    ------
    ValueError
        Unless there are two classes with at least `cv` queries (or groups) each, if a
        patient has both known images and candidates, and for all other arguments that are
        no sense; before any image is described. For an error of :func:`preflight`: an
        intensity does not mean the same in all sets, or a picture is in two of them. Its
        warnings are given, and stand in the result.

    Examples
    --------
    >>> from gan_isi import audit, datasets
    >>> problem = datasets.make_membership_problem(
    ...     30, n_generated=20, memorization=0.9, random_state=0
    ... )
    >>> result = audit.audit(
    ...     "nearest",
    ...     problem.images,
    ...     problem.target,
    ...     generated=problem.generated,
    ...     n_permutations=19,
    ...     random_state=0,
    ... )
    >>> sorted(result.attacks)
    ['blind', 'nearest']
    """
    began = now()
    asked = {
        "random_state": random_state, "cv": cv, "n_repeats": n_repeats,
        "n_permutations": n_permutations, "n_resamples": n_resamples,
        "confidence": confidence, "fprs": fprs, "choose": choose, "prior": prior,
        "epsilon_by": epsilon_by, "controls": controls,
    }  # fmt: skip
    X = read_once(as_images(X))
    candidates = None if candidates is None else read_once(as_images(candidates))
    of_slices = check_queries(X, y, groups, candidates, candidate_groups)
    queries, of_slices, slices = by_volume(of_slices, volumes, candidate_volumes)
    # A volume is one patient, at least: copies within it are no matter.
    given = (
        volumes if groups is None else groups,
        candidate_volumes if candidate_groups is None else candidate_groups,
    )
    generated = read_once(SharedImages(generated).images)
    if unrelated_generated is not None:
        unrelated_generated = read_once(SharedImages(unrelated_generated).images)
    named = name_attacks(attacks, n_jobs, memory)
    names = [*named, CHOSEN] if choose else list(named)
    check_numbers(
        queries, names,
        n_repeats=n_repeats, n_permutations=n_permutations, n_resamples=n_resamples,
        confidence=confidence, fprs=fprs, n_jobs=n_jobs,
    )  # fmt: skip
    prior, subgroups = check_asked(prior, subgroups, epsilon_by, num_samples(X), names)
    if epsilon_by is not None:
        check_coins(queries.labels, queries.known_groups)
    given_names = {
        "groups": groups, "candidate_groups": candidate_groups, "volumes": volumes,
        "candidate_volumes": candidate_volumes, "subgroups": subgroups,
    }  # fmt: skip
    asked |= {argument: digest_of_names(one) for argument, one in given_names.items()}
    if subgroups is not None and slices is not None:
        subgroups = subgroups[[own[0] for own in slices][: len(queries.known)]]
    fold_seed, null_seed, seed = draw_seeds(random_state, 3)

    def check_cv(queries: Queries, cv: Any) -> tuple[int, Any]:
        n_folds, splitter, least = check_folds(
            cv, queries.labels, queries.known_groups,
            n_repeats=n_repeats, seed=fold_seed, with_candidates=candidates is not None,
        )  # fmt: skip
        if choose:
            check_choice(named, queries.known_groups, n_folds, least)
        return n_folds, splitter

    cv, splitter = check_cv(queries, cv)
    control = {UNRELATED_SET: unrelated_generated}
    inputs, together = look_first(named, X, of_slices, given, generated, candidates, control)
    others = {"generated": generated, "candidates": candidates, **control}
    digests = describe_inputs(X, of_slices.labels, others, inputs.digests)
    if slices is None and together is not queries:  # copies are one patient now
        queries = of_slices = together
        cv, splitter = check_cv(queries, cv if splitter is None else splitter)
    judge = Judge(
        Folds(queries.known, queries.candidates, queries.groups, cv, n_repeats, splitter),
        tuple(fprs),
        Sampling(queries.labels, queries.known_groups, n_resamples, confidence, seed),
        n_permutations, (fold_seed, null_seed), n_jobs, store_of(memory), prior,
    )  # fmt: skip
    images = joined(X, candidates)
    # The blind one first: the others are compared with it.
    in_order = {name: named[name] for name in sorted(named, key=lambda one: one != BLIND)}
    n_known = len(of_slices.known)
    expect(
        lambda: stages_of_audit(
            measure_costs(
                in_order, images, generated, n_train=n_known - n_known // cv, n_test=n_known // cv
            ),
            in_order, judge.planned, n_real=num_samples(images),
            n_generated=num_samples(generated), n_fits=cv * n_repeats, n_jobs=n_jobs,
            candidates=candidates is not None, choose=choose, controls=controls,
            n_unrelated=0 if unrelated_generated is None else num_samples(unrelated_generated),
        )
    )  # fmt: skip

    def prepared(attacks: Mapping[str, Any], fakes: Any) -> Iterator[tuple[str, PreparedAttack]]:
        for name, one in prepare(attacks, images, fakes, of_slices.groups):
            yield name, one if slices is None else VolumeAttack(one, slices)

    ready = prepared(in_order, generated)
    results, found_in_controls, bound = _ask(judge, ready, epsilon_by, choose, controls)
    if unrelated_generated is not None:
        compared = {name: attack for name, attack in in_order.items() if name != BLIND}
        ready = prepared(compared, unrelated_generated)
        found_in_controls += [unrelated(judge, name, one) for name, one in ready]
    results = adjusted(results, queries.labels, queries.known_groups)
    return AuditResult(
        attacks={name: results[name] for name in [*named, *results]},
        labels=queries.labels,
        classes=queries.classes,
        groups=queries.known_groups,
        n_generated=num_samples(generated),
        n_candidates=len(queries.candidates),
        cv=cv,
        n_repeats=n_repeats,
        confidence=confidence,
        preflight=inputs,
        n_slices=None if slices is None else len(of_slices.known),
        real_names=file_names(X, volumes),
        generated_names=file_names(generated),
        candidate_names=file_names(candidates, candidate_volumes),
        provenance=provenance_of(began, digests, asked, named),
        prior=prior,
        subgroups=subgroups,
        epsilon=bound,
        controls=tuple(found_in_controls),
    )


def _ask(
    judge: Judge,
    prepared: Iterable[tuple[str, PreparedAttack]],
    epsilon_by: str | None,
    choose: bool,
    controls: bool,
) -> tuple[dict[str, AttackResult], list[Control], EpsilonBound | None]:
    """Ask one attack after the other, of which the blind one comes first."""
    results: dict[str, AttackResult] = {}
    found_in_controls: list[Control] = []
    bound, to_choose = None, {}
    plan, fold_seed = judge.plan, judge.seeds[0]
    for name, one in prepared:
        results[name] = judge(name, one, results.get(BLIND))
        if name == epsilon_by:
            bound = split_bound(name, one, judge.sampling, fold_seed)
        if controls:
            found_in_controls += in_halves(judge, name, one)
        if choose and name != BLIND:
            to_choose[name] = one
    if choose:
        chosen = ChosenAttack(to_choose, plan.groups, plan.cv, fold_seed)
        results[CHOSEN] = judge(CHOSEN, chosen, results[BLIND])
    return results, found_in_controls, bound
