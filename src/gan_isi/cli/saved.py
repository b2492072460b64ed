"""Fitted attacks that were saved: what is loaded, and what they remember of images."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from .folders import said_in_words
from .terminal import warn


def load_attack(path: Path, jobs: int, cache: Path | None) -> Any:
    """Load a fitted attack, which may run any code that the file holds.

    Parameters
    ----------
    path : Path
        File that `gan-isi predict --save` or `joblib.dump` wrote.
    jobs, cache
        Options of the command, which replace those that the attack was fitted with.

    Returns
    -------
    SourceIdentificationPipeline
        The fitted attack.

    Raises
    ------
    ClickException
        If the file holds something else, or can't be read.
    """
    import joblib
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    from ..attacks import SourceIdentificationPipeline

    wanted = "--load takes what gan-isi predict --save wrote."
    try:
        with said_in_words():  # of other versions
            attack = joblib.load(path)
    except Exception as error:  # a file that is no pickle may raise any
        reason = f"{type(error).__name__}: {error}".strip().rstrip(".:")
        raise click.ClickException(
            f"{path} can't be loaded as a fitted attack ({reason}). {wanted}"
        ) from error
    if not isinstance(attack, SourceIdentificationPipeline):
        if hasattr(attack, "best_estimator_"):
            wanted = "Of a search, save best_estimator_."
        raise click.ClickException(
            f"{path} holds no attack of gan_isi but an object of the class "
            f"{type(attack).__name__}. {wanted}"
        )
    try:
        check_is_fitted(attack)
    except NotFittedError as error:
        raise click.ClickException(
            f"{path} holds an attack that was not fitted. {wanted}"
        ) from error
    views = [view for _, view in getattr(attack.steps[1][1], "transformers_", ())]
    for part in (attack, *views):  # the fitted views are no parameters
        jobs_of = [one for one in part.get_params() if one.rpartition("__")[2] == "n_jobs"]
        part.set_params(**dict.fromkeys(jobs_of, jobs))
    attack.set_params(verbose=False)
    if isinstance(attack.steps[0][1], str):
        return attack
    return attack.set_params(
        descriptors__memory=None if cache is None else str(cache), descriptors__verbose=False
    )


def answers_of(attack: Any, images: Any) -> tuple[Any, Any]:
    """Return scores and decisions of a fitted attack, which describes each image once.

    Parameters
    ----------
    attack : SourceIdentificationPipeline
        The fitted attack.
    images : sequence of images
        Real images.

    Returns
    -------
    scores : ndarray of shape (n_images,)
        Column "used" of `predict_proba`.
    used : ndarray of shape (n_images,)
        Whether `predict` calls each used, 0 or 1.
    """
    return tuple(attack._in_blocks(_both(attack), images, {}).T)


def fitted_answers_of(
    attack: Any, known: Any, labels: Any, groups: Any, images: Any
) -> tuple[Any, Any]:
    """Fit an attack and return the same; of many generated images each is read once."""
    return tuple(attack._fit_and_answer(known, labels, images, groups, _both(attack)).T)


def _both(attack: Any) -> Any:
    import numpy as np

    last = attack.steps[-1][1]

    def both(bags: Any) -> Any:
        used = last.predict(bags) == attack.classes_[1]
        return np.column_stack([last.predict_proba(bags)[:, 1], used])

    return both


def check_with_remembered(attack: Any, candidates: Any) -> None:
    """Compare candidates with the small pictures that an attack keeps of generated images.

    Parameters
    ----------
    attack : SourceIdentificationPipeline
        A fitted attack. Where it keeps no pictures, the candidates are compared with each other.
    candidates : sequence of images
        Real images of unknown membership.

    Raises
    ------
    ClickException
        If an intensity does not mean the same in both.

    Notes
    -----
    The pictures have one size, so that sizes, and seams of other formats, are not compared.
    """
    import numpy as np

    from .._preflight.before_fit import intensity_ranges
    from .._preflight.comparison import compare
    from .._preflight.looks import look_at

    ranges = intensity_ranges(attack)
    looks = [look_at("real", candidates)]
    pictures = remembered(attack, ranges[0])
    if pictures is not None:
        kept = look_at("generated", pictures)
        sizes = np.repeat(looks[0].sizes[:1], len(kept), axis=0)
        looks.append(replace(kept, sizes=sizes, edges=()))
    errors, warned = compare(looks, ranges)
    for text in warned:
        warn(text)
    if errors:
        raise click.ClickException(" ".join(errors))


def remembered(attack: Any, intensity_range: Any) -> Any:
    """Return the generated images as a fitted attack keeps them, or None if it keeps none.

    Parameters
    ----------
    attack : SourceIdentificationPipeline
        A fitted attack.
    intensity_range : {"dtype", "image"} or (low, high)
        Intensities that the attack takes for black and white.

    Returns
    -------
    ndarray of shape (n_generated, size, size[, 3]) or None
        Small pictures, with intensities as those of the images.
    """
    import numpy as np

    from ..descriptors import PixelDescriptor

    if not attack.compares:
        return None
    descriptors, distances = attack.steps[0][1], attack.steps[1][1]
    families: Mapping[str, Any] = dict(getattr(descriptors, "transformers_", ()))
    for _, view in getattr(distances, "transformers_", [("", distances)]):
        names = list(families) if getattr(view, "families", None) is None else view.families
        names = [names] if isinstance(names, str) else names
        family = families.get(names[0]) if len(names) == 1 else None
        if not isinstance(family, PixelDescriptor) or family.contrast != "none":
            continue
        low, high = (0.0, 1.0) if isinstance(intensity_range, str) else intensity_range
        shape = (-1, family.n_channels_, *family.shape_)
        planes = np.reshape(view.reference_, shape) * (high - low) + low
        return planes[:, 0] if len(planes[0]) == 1 else np.moveaxis(planes, 1, -1)
    return None
