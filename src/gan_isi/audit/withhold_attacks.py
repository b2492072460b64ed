"""Attacks that choose which generated images to withhold, and those that judge what is left."""

from typing import Any

import numpy as np
from sklearn.base import clone

from ..attacks import REPRESENTATIONS, SourceIdentificationPipeline, make_pipeline
from .arguments import name_attacks
from .names import BLIND

#: Name under which the attack that chooses is prepared with the others.
CHOOSER = "the choice"

#: Views of the attacks that judge, unless others are given.
_VIEWS = ("pixels", "local_contrast", "ssim")


def name_all(
    attacks: Any, choose_by: Any, n_jobs: int | None, memory: Any, n_generated: int
) -> dict[str, Any]:
    """Return the attacks that judge and the one that chooses, by name.

    Parameters
    ----------
    attacks, choose_by, n_jobs, memory
        See :func:`withhold`.
    n_generated : int
        Number of generated images, all of which are compared as finely as the closest ones:
        far ones are the closest of what is left.

    Returns
    -------
    dict of str to estimator
        Clones; that which chooses is named `CHOOSER`.

    Raises
    ------
    ValueError
        For names that can't be, and attacks without distances.
    """
    if attacks is None:
        attacks = default_judges(choose_by, n_jobs=n_jobs, memory=memory)
    named = name_attacks(attacks, n_jobs, memory)
    if CHOOSER in named:
        raise ValueError(f"An attack that judges can't be named {CHOOSER!r}.")
    named[CHOOSER] = make_chooser(choose_by, n_jobs=n_jobs, memory=memory)
    for name, attack in named.items():
        _check_attack(name, attack)
    return {name: _refined(attack, n_generated) for name, attack in named.items()}


def default_judges(choose_by: Any, **options: Any) -> dict[str, Any]:
    """Return the attacks that judge, unless others are given.

    Parameters
    ----------
    choose_by : str or estimator
        What chooses, see :func:`withhold`.
    **options
        Parameters of :func:`gan_isi.make_pipeline`.

    Returns
    -------
    dict of str to SourceIdentificationPipeline
    """
    views = (*_VIEWS, "texture") if choose_by == "recommended" else _VIEWS
    return {
        "recommended": make_pipeline("recommended", **options),
        "blind": make_pipeline("blind", **options),
        **{
            f"relative_nearest, {view}": make_pipeline(
                "relative_nearest",
                representation=view,  # type: ignore[arg-type]
                **options,
            )
            for view in views
        },
    }


def make_chooser(choose_by: Any, **options: Any) -> Any:
    """Return the attack whose distances choose.

    Parameters
    ----------
    choose_by : str or estimator
        See :func:`withhold`; an estimator is returned as it is.
    **options
        Parameters of :func:`gan_isi.make_pipeline`.

    Returns
    -------
    estimator

    Raises
    ------
    ValueError
        For an unknown name.
    """
    if not isinstance(choose_by, str):
        return choose_by
    if choose_by == "recommended":
        return make_pipeline("recommended", **options)
    if choose_by not in REPRESENTATIONS:
        raise ValueError(
            f"choose_by has to be 'recommended', one of {', '.join(REPRESENTATIONS)}, or an "
            f"attack; got {choose_by!r}."
        )
    return make_pipeline("nearest", representation=choose_by, **options)  # type: ignore[arg-type]


def _check_attack(name: str, attack: Any) -> None:
    ours = isinstance(attack, SourceIdentificationPipeline)
    if name != BLIND and not (ours and attack.compares):
        raise ValueError(
            f"The attack {name!r} has no distances to generated images of which some could be "
            "left out: give attacks of make_pipeline, or others with its three steps."
        )


def _refined(attack: Any, n_generated: int) -> Any:
    """Return a clone that compares all pairs as finely as the closest ones."""
    attack = clone(attack)
    rough = [name for name, value in attack.get_params().items()
             if name.split("__")[-1] == "n_refined" and value is not None]  # fmt: skip
    # Of all generated images any may be left out, and the next ones count then.
    whole = {"stream": False} if "stream" in attack.get_params() else {}
    return attack.set_params(**dict.fromkeys(rough, n_generated), **whole)


def looks_at(bags: Any, chose: Any) -> bool:
    """Return whether each map of an attack is one of those that chose.

    Parameters
    ----------
    bags : ndarray of shape (n_real, n_generated, n_maps) or None
        Distances of the attack; None for the blind one, which looks at none.
    chose : ndarray of shape (n_real, n_generated, n_maps)
        Distances that chose.

    Returns
    -------
    bool
    """
    if bags is None:
        return False
    return all(
        any(np.allclose(bags[:, :, own], chose[:, :, other], rtol=1e-4, atol=1e-6)
            for other in range(chose.shape[2]))
        for own in range(bags.shape[2])
    )  # fmt: skip
