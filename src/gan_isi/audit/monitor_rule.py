"""How a monitor compares: by the rule of an attack that learns nothing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from .._validation.blocks import slices_of
from ..attacks import SourceIdentificationPipeline, make_pipeline
from ..membership.scores import map_scales, one_distance
from .monitor_record import MonitorPair

#: An exact copy is as far away as single precision tells it from a usual pair.
_CLOSEST = float(np.finfo(np.float32).eps)


def score(
    attack: SourceIdentificationPipeline, real: Any, generated: Any, n_used: int, n_pairs: int
) -> tuple[NDArray[np.float64], tuple[MonitorPair, ...]]:
    """Score real images by how far their closest generated image stands out.

    Parameters
    ----------
    attack : SourceIdentificationPipeline
        As of `label_free`; its descriptors are fitted.
    real, generated : ndarray
        What describes the images.
    n_used : int
        Number of used images, which come first.
    n_pairs : int
        Number of pairs that are returned.

    Returns
    -------
    scores : ndarray of shape (n_real,)
        In each view a distance is divided by the mean distance of the real image to all
        generated ones, and by that of the generated image to all real ones. The score is minus
        the mean over the views of the logarithm of the smallest, in standard deviations over
        the real images from their mean.
    pairs : tuple of MonitorPair
        The strongest pairs.
    """
    descriptors, distances, _ = (step for _, step in attack.steps)
    distances = clone(distances)
    blocks = getattr(descriptors, "blocks_", None)
    bags = distances.fit(real, generated=generated, blocks=blocks).transform(real)
    scales = map_scales(bags)
    scores, together = np.zeros(len(bags)), np.zeros(bags.shape[:2])
    views = [at for at in slices_of(distances.blocks_) if at.stop > at.start]
    for at in views:
        own = np.maximum(one_distance(bags[:, :, at], scales[at]), _CLOSEST)
        usual = own.mean(axis=1, keepdims=True) * own.mean(axis=0) / own.mean()
        logarithms = np.log(own / usual)
        closest = logarithms.min(axis=1)
        scores -= (closest - closest.mean()) / (closest.std() or 1.0) / len(views)
        together -= logarithms / len(views)
    first = together.argmax(axis=1)
    strengths = np.exp(together.max(axis=1))
    pairs = [
        MonitorPair(i < n_used, i if i < n_used else i - n_used, int(first[i]), float(strengths[i]))
        for i in np.argsort(-scores, kind="stable")[:n_pairs].tolist()
    ]
    return scores, tuple(pairs)


def label_free(
    attack: Any, intensity_range: Any, n_jobs: int | None
) -> SourceIdentificationPipeline:
    """Return the attack whose descriptors and distances a monitor takes.

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
    SourceIdentificationPipeline
        A clone, unfitted.

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
    attack = clone(attack).set_params(generated=None)
    descriptors, distances, _ = (step for _, step in attack.steps)
    if not attack.compares or getattr(distances, "include_real", False):
        what = "with real images as well" if attack.compares else "with no generated image"
        raise ValueError(
            f"This attack compares {what}; a monitor takes one whose distances are to generated "
            "images only, such as 'recommended' or 'nearest'."
        )
    if intensity_range is not None:
        descriptors.set_params(intensity_range=intensity_range)
    return attack
