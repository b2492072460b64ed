"""How a monitor compares: by the rule of an attack that learns nothing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import gen_batches

from .._validation.blocks import slices_of
from ..attacks import SourceIdentificationPipeline, make_pipeline
from ..membership.scores import one_distance
from ..membership.summaries import BagSummaryTransformer
from .monitor_record import MonitorPair

#: Next images that the closest one is compared with, as the recommended attack has them.
_NEXT = 50

#: Distances of one block of real images, which bounds the memory.
_DISTANCES_PER_BLOCK = 20_000_000

#: An exact copy is as far away as single precision tells it from a usual pair.
_CLOSEST = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class LabelFreeRule:
    """The part of an attack that needs no labels, and a rule in place of what it would learn.

    Attributes
    ----------
    attack : SourceIdentificationPipeline
        Unfitted, without views that the rule does not look at.
    """

    attack: SourceIdentificationPipeline

    def describe(self, images: Any) -> Any:
        """Fit the descriptors on the real images, and return what describes them."""
        return self.attack.named_steps["descriptors"].fit(images).transform(images)

    def transform(self, images: Any) -> Any:
        """Return the same of generated images."""
        return self.attack.named_steps["descriptors"].transform(images)

    def score(
        self, real: Any, generated: Any, n_pairs: int
    ) -> tuple[NDArray[np.float64], list[tuple[int, int, float, str]]]:
        """Score real images by how far their closest generated image stands out.

        Parameters
        ----------
        real, generated : ndarray
            What describes the images.
        n_pairs : int
            Number of pairs that are returned.

        Returns
        -------
        scores : ndarray of shape (n_real,)
            Minus the smallest over the views of how close the closest generated image is relative
            to the next 50, and to all others: the mean of both logarithms, each in standard
            deviations over all real images from their mean.
        pairs : list of (real, generated, strength, view)
            The strongest pairs, see :class:`MonitorPair`.
        """
        distances = self.attack.named_steps["distances"]
        blocks = getattr(self.attack.named_steps["descriptors"], "blocks_", None)
        distances.fit(real, generated=generated, blocks=blocks)
        n_real, n_all = len(real), distances.n_generated_ * distances.n_maps_
        parts = gen_batches(n_real, max(1, _DISTANCES_PER_BLOCK // n_all))
        bags = np.concatenate([distances.transform(real[part]) for part in parts])
        # Of a generator that repeats few pictures the next 50 are as close as the closest.
        n_others = bags.shape[1] - 1
        next_ones, others = (
            BagSummaryTransformer(n_closest=(), contrast=n).fit(bags, blocks=distances.blocks_)
            for n in (min(_NEXT, n_others), n_others)
        )
        summary, rows = others, (next_ones.transform(bags) + others.transform(bags)) / 2
        scores = -rows.min(axis=1)
        strongest = np.argsort(-scores, kind="stable")[:n_pairs]
        views = [
            (block.name, at) for block, at in
            zip(summary.blocks_ or (), slices_of(summary.blocks_ or ()), strict=True)
        ]  # fmt: skip
        found = []
        for number in strongest:
            name, at = views[int(rows[number].argmin())]
            own = one_distance(bags[[number], :, at], summary.scales_[at])[0]
            closest = int(own.argmin())
            ratio = own[closest] / max(np.delete(own, closest).mean(), _CLOSEST)
            found.append((int(number), closest, float(1 / max(ratio, _CLOSEST)), name))
        return scores, found


def label_free(attack: Any, intensity_range: Any, n_jobs: int | None) -> LabelFreeRule:
    """Return the rule of an attack, by its name or as an unfitted pipeline.

    Parameters
    ----------
    attack : str or SourceIdentificationPipeline
        See :class:`MemorizationMonitor`.
    intensity_range : {"dtype", "image"}, (low, high) or None
        Intensities that become 0 and 1; None leaves the attack its own.
    n_jobs : int or None
        Number of threads of an attack that is named.

    Returns
    -------
    LabelFreeRule

    Raises
    ------
    TypeError
        For anything else.
    ValueError
        For an attack that compares with nothing, or with real images as well.
    """
    if isinstance(attack, str):
        attack = make_pipeline(attack, n_jobs=n_jobs)
    if not isinstance(attack, SourceIdentificationPipeline):
        raise TypeError(
            f"attack has to be a name, such as 'recommended', or an attack of make_pipeline; got "
            f"{attack!r}."
        )
    attack = clone(attack)
    descriptors, distances, membership = (step for _, step in attack.steps)
    if not attack.compares or getattr(distances, "include_real", False):
        what = "with real images as well" if attack.compares else "with no generated image"
        raise ValueError(
            f"This attack compares {what}; a monitor takes one whose distances are to generated "
            "images only, such as 'recommended' or 'nearest'."
        )
    if intensity_range is not None:
        descriptors.set_params(intensity_range=intensity_range)
    rule = getattr(membership, "rule", ())
    rule = {rule} if isinstance(rule, str) else set(rule)
    if rule and hasattr(distances, "transformer_list"):
        _drop_others(descriptors, distances, rule)
    return LabelFreeRule(attack)


def _drop_others(descriptors: Any, distances: Any, rule: set[str]) -> None:
    """Leave out the views that the rule does not look at, and what only they compare."""
    views = dict(distances.transformer_list)
    distances.set_params(**{name: "drop" for name in views if name not in rule})
    compared: set[str] = set()
    for name in rule & set(views):
        families = getattr(views[name], "families", None)
        if families is None:  # all of them
            return
        compared |= {families} if isinstance(families, str) else set(families)
    known = [name for name, _ in descriptors.transformer_list]
    descriptors.set_params(**{name: "drop" for name in known if name not in compared})


def as_pair(pair: tuple[int, int, float, str], n_used: int) -> MonitorPair:
    """Return a pair with the number of its real image among those used, or the others."""
    real, generated, strength, view = pair
    used = real < n_used
    return MonitorPair(used, real if used else real - n_used, generated, strength, view)
