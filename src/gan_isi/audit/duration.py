"""How long an audit takes, estimated from a few images and from small fits before it begins."""

import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import log2, nan
from typing import Any

import numpy as np
from joblib import cpu_count, effective_n_jobs
from sklearn.base import BaseEstimator, clone

from .._runtime.sklearn_compat import num_samples
from .._runtime.store import digest
from .._runtime.threads import one_blas_thread
from .._runtime.whole import Stage
from .._validation.images import check_images
from .._validation.items import spread
from ..attacks.pipeline import SourceIdentificationPipeline
from ..descriptors.transformer import BaseImageTransformer, describe, families_of
from .controls import HALVES, UNRELATED
from .names import BLIND, CHOSEN
from .prepared import _LabelledPart
from .withhold_attacks import CHOOSER

#: Number of images that are described, of queries that are compared, and of generated images
#: that these are compared with in a first and in a second try.
_DESCRIBED, _COMPARED, _REFERENCES = 3, 4, (20, 60)

#: A fit that takes so many seconds is long enough to tell how long larger ones take, by a power of
#: their size between these two.
_LONG_ENOUGH, _POWERS = 0.1, (1.0, 2.5)

#: Number of pairs of real and generated images of the first fit, which is doubled until then.
_FIRST_PAIRS = 400


@dataclass(frozen=True)
class Costs:
    """How many seconds the parts of the work take with one job; NaN where that is not known.

    Attributes
    ----------
    real, generated : float
        To describe one real image, and one generated image, by all attacks together.
    comparing : dict of str to float
        To compare all real images with all generated ones, by attack.
    fitting : dict of str to float
        To fit an attack on its distances to the images of one training part, and to answer.
    """

    real: float
    generated: float
    comparing: dict[str, float]
    fitting: dict[str, float]


def measure_costs(
    attacks: Mapping[str, Any], images: Any, generated: Any, *, n_train: int, n_test: int
) -> Costs:
    """Describe a few images, compare numbers drawn at random, and fit attacks on such.

    Parameters
    ----------
    attacks : mapping of str to estimator
        Unfitted attacks. What describes and compares of one that is no
        :class:`SourceIdentificationPipeline` is not known.
    images, generated : sequence of images
        Real and generated images.
    n_train, n_test : int
        Number of real images that an attack is fitted on, and that it then answers for.

    Returns
    -------
    Costs
        Each fit is made on few images first, then on more, and the rest is extrapolated.
    """
    n_generated = num_samples(generated)
    some, fakes = _some(images), _some(generated)
    families: dict[bytes, BaseImageTransformer] = {}
    compared: dict[bytes, BaseImageTransformer] = {}
    comparing, fitting = {}, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fits on noise
        for name, attack in attacks.items():
            comparing[name] = fitting[name] = nan
            if not isinstance(attack, SourceIdentificationPipeline):
                continue
            try:
                descriptors, distances, membership = (step for _, step in clone(attack).steps)
                if not isinstance(descriptors, str):
                    descriptors.fit(some)
                    own = {digest(one._cache_key()): one for one in families_of(descriptors)}
                    families |= own
                    compared |= own if attack.compares else {}
                sizes = n_train, n_test, n_generated
                cost = _of_attack(attack, descriptors, distances, membership, sizes)
            except Exception:  # an estimate keeps no audit from being made
                continue
            comparing[name] = cost[0] * num_samples(images)
            fitting[name] = cost[1]
        real = _per_image(list(families.values()), some)
        return Costs(real, _per_image(list(compared.values()), fakes), comparing, fitting)


def stages_of_audit(
    costs: Costs,
    attacks: Iterable[str],
    planned: Callable[[str], int],
    *,
    n_real: int,
    n_generated: int,
    n_fits: int,
    n_jobs: int | None,
    candidates: bool = False,
    choose: bool = False,
    controls: bool = False,
    n_unrelated: int = 0,
) -> list[Stage]:
    """Return the stages of an audit with their estimated seconds, in their order.

    Parameters
    ----------
    costs : Costs
        What the parts take.
    attacks : iterable of str
        Names of the attacks, in the order in which they are asked.
    planned : callable
        Function that returns the number of permutations of an attack.
    n_real, n_generated : int
        Number of images that are described.
    n_fits : int
        Number of folds times that of repeats.
    n_jobs : int or None
        Number of parallel jobs.
    candidates, choose, controls : bool
        Whether there are candidates, whether an attack is chosen, and whether controls are made.
    n_unrelated : int
        Number of unrelated generated images.

    Returns
    -------
    list of Stage
    """
    jobs = min(effective_n_jobs(n_jobs), cpu_count())
    names = list(attacks)
    stages = [
        Stage("describing real images", n_real * costs.real / jobs),
        Stage("describing generated images", n_generated * costs.generated / jobs),
    ]
    for name in names:
        fits = n_fits * costs.fitting[name]
        refits = planned(name) * fits / jobs
        stages.append(Stage(f"{name}: comparing", costs.comparing[name] / jobs))
        stages += [Stage(f"{name}: fitting", fits), Stage(name, refits)]
        stages += [Stage(f"{name}, candidates", refits)] if candidates else []
        # Each half has half of the images.
        stages += [Stage(f"{name}: {kind}", refits / 2) for kind in HALVES.values() if controls]
    others = [name for name in names if name != BLIND]
    if choose:
        fits = n_fits * (1 + n_fits) * sum(costs.fitting[name] for name in others)
        refits = planned(CHOSEN) * fits / jobs
        stages += [Stage(f"{CHOSEN}: fitting", fits), Stage(CHOSEN, refits)]
        stages += [Stage(f"{CHOSEN}, candidates", refits)] if candidates else []
    if n_unrelated:
        share = n_unrelated / max(n_generated, 1)
        stages += [stages[0], Stage(stages[1].name, stages[1].seconds * share)]
        for name in others:
            refits = planned(name) * n_fits * costs.fitting[name] * share / jobs
            stages.append(Stage(f"{name}: comparing", costs.comparing[name] * share / jobs))
            stages.append(Stage(f"{name}: {UNRELATED}", refits))
    return stages


def stages_of_predict(
    costs: Costs, *, n_known: int, n_generated: int, n_candidates: int, n_jobs: int | None
) -> list[Stage]:
    """Return the stages of one fit and its answers with their estimated seconds.

    Parameters
    ----------
    costs : Costs
        What the parts of the one attack take.
    n_known, n_generated, n_candidates : int
        Number of images.
    n_jobs : int or None
        Number of parallel jobs.

    Returns
    -------
    list of Stage
    """
    jobs = min(effective_n_jobs(n_jobs), cpu_count())
    comparing, fitting = (sum(one.values()) for one in (costs.comparing, costs.fitting))
    return [
        Stage("describe", n_known * costs.real / jobs),
        *([Stage("describe", n_generated * costs.generated / jobs)] if costs.generated else []),
        Stage("comparing", comparing / jobs),
        Stage("fitting", fitting),
        Stage("describe", n_candidates * costs.real / jobs),
        Stage("compare", comparing / jobs * n_candidates / n_known),
    ]


def stages_of_withhold(
    costs: Costs,
    n_permutations: int,
    n_judged: int,
    *,
    n_real: int,
    n_generated: int,
    cv: int,
    n_jobs: int | None,
) -> list[Stage]:
    """Return the stages of :func:`withhold` with their estimated seconds, in their order.

    Parameters
    ----------
    costs : Costs
        What the parts take, of the attack that chooses and of those that judge.
    n_permutations, n_judged : int
        Number of permutations, and of generated sets that each attack judges.
    n_real, n_generated : int
        Number of images.
    cv : int
        Number of folds.
    n_jobs : int or None
        Number of parallel jobs.

    Returns
    -------
    list of Stage
    """
    jobs = min(effective_n_jobs(n_jobs), cpu_count())
    fits = cv * sum(seconds for name, seconds in costs.fitting.items() if name != CHOOSER)
    return [
        Stage("describing real images", n_real * costs.real / jobs),
        Stage("describing generated images", n_generated * costs.generated / jobs),
        *(Stage(f"{name}: comparing", it / jobs) for name, it in costs.comparing.items()),
        Stage("judging what is left", fits * (2 * n_permutations / jobs + n_judged)),
    ]


def _some(images: Any) -> list[Any]:
    checked = check_images(images, BaseEstimator(), reset=True)
    return [checked[int(i)] for i in spread(len(checked), 1 + _DESCRIBED)]


def _per_image(families: list[BaseImageTransformer], images: list[Any]) -> float:
    """Return the seconds that one image takes, without the work that is done only once."""
    if not families:
        return 0.0
    memory = next((one.memory for one in families if one.memory is not None), None)
    how: dict[str, Any] = {"n_jobs": None, "memory": memory, "verbose": False, "description": ""}
    describe(families, images[:1], **how)
    some = images[1:] or images
    return _seconds(lambda: describe(families, some, **how)) / len(some)


def _of_attack(
    attack: Any, descriptors: Any, distances: Any, membership: Any, sizes: tuple[int, int, int]
) -> tuple[float, float]:
    """Return the seconds of comparing one query, and of one fit with its answers."""
    n_train, n_test, n_generated = sizes
    rng = np.random.default_rng(0)
    width = sum(len(one.maps) * one.width for one in getattr(descriptors, "blocks_", ()))
    if not attack.compares:

        def fit_rows(share: float) -> float:
            rows = rng.normal(size=(round(share * n_train), width))
            return _fit_and_answer(_LabelledPart(membership, rows, None, False), n_test)

        return 0.0, _extrapolated(fit_rows, n_train * width, 8 * width)
    blocks = getattr(descriptors, "blocks_", None)
    queries = rng.normal(size=(_COMPARED, width)).astype(np.float32)
    own = bool(getattr(distances, "include_real", False))
    took: list[float] = []
    for n_references in _REFERENCES:
        fakes = rng.normal(size=(n_references, width)).astype(np.float32)
        distances.fit(queries, generated=fakes, blocks=blocks)
        if not took:
            distances.transform(queries[:1])  # what is done only once
        took.append(_seconds(lambda: distances.transform(queries)))
    each = max(took[1] - took[0], 0.0) / (_REFERENCES[1] - _REFERENCES[0])
    once = max(took[0] - _REFERENCES[0] * each, 0.0)
    n_columns = n_generated + own * (n_train + n_test)
    comparing = (once + n_columns * each) / _COMPARED
    # The closest ones are found once, where no others count.
    ask = getattr(membership, "n_closest_needed", None)
    n_counting = None if ask is None or own else ask(distances.blocks_)
    n_columns = n_generated if n_counting is None else min(n_generated, n_counting)

    def fit_bags(share: float) -> float:
        n_queries = max(4, round(n_train * share**0.5))
        n_fakes = max(2, round(n_columns * share**0.5))
        shape = n_queries, n_fakes + own * n_queries, distances.n_maps_
        bags = rng.random(shape, dtype=np.float32)
        if own:  # no image is its own reference
            bags[np.arange(n_queries), n_fakes + np.arange(n_queries)] = np.nan
        part = _LabelledPart(membership, bags, n_fakes, own, None, distances.blocks_)
        return _fit_and_answer(part, n_test)

    return comparing, _extrapolated(fit_bags, n_train * n_columns, _FIRST_PAIRS)


def _fit_and_answer(part: _LabelledPart, n_test: int) -> float:
    train = np.arange(len(part.rows))
    with one_blas_thread():
        return _seconds(lambda: part.fit_and_answer(train, train % 2, train[: max(1, n_test)]))


def _extrapolated(measure: Callable[[float], float], size: float, first: float) -> float:
    """Return the seconds of work of a size, of which shares are measured."""
    share, before = min(1.0, first / size), nan
    measure(share)  # what is done only once
    while True:
        seconds = measure(share)
        if share >= 1:
            return seconds
        if seconds > _LONG_ENOUGH:
            break
        share, before = min(1.0, 2 * share), seconds
    power = _POWERS[0] if np.isnan(before) else log2(seconds / before)
    return float(seconds * (1 / share) ** np.clip(power, *_POWERS))


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
