"""The attacks that are there by name, for audits and the shell."""

from typing import Any

from .baselines import BASELINES, make_baseline
from .pipeline import SourceIdentificationPipeline
from .presets import make_pipeline

#: Presets of the pipeline, then the simple attacks.
ATTACKS = ("recommended", "paper", *BASELINES)


def make_attack(
    name: str, *, random_state: Any = None, n_jobs: int | None = None, memory: Any = None
) -> SourceIdentificationPipeline:
    """Return an attack by its name.

    Parameters
    ----------
    name : str
        One of `ATTACKS`.
    random_state, n_jobs, memory
        As for :func:`gan_isi.make_pipeline`.

    Returns
    -------
    SourceIdentificationPipeline
        Unfitted.

    Raises
    ------
    ValueError
        For another name, with those that there are.
    """
    if name not in ATTACKS:
        raise ValueError(f"No attack is named {name!r}; there are {', '.join(ATTACKS)}.")
    if name == "paper":
        return make_pipeline(random_state=random_state, n_jobs=n_jobs, memory=memory)
    if name == "recommended":
        return make_pipeline(preset="recommended", n_jobs=n_jobs, memory=memory)
    return make_baseline(name, n_jobs=n_jobs, memory=memory)
