"""The attacks that are there by name, for audits and the shell."""

from typing import Any

from .._validation.images import IntensityRange
from ..baselines import BASELINES, make_baseline
from .pipeline import SourceIdentificationPipeline
from .presets import make_pipeline

#: Presets of the pipeline, then the simple attacks.
ATTACKS = ("recommended", "paper", *BASELINES)


def make_attack(
    name: str,
    *,
    random_state: Any = None,
    n_jobs: int | None = None,
    memory: Any = None,
    intensity_range: IntensityRange = "dtype",
) -> SourceIdentificationPipeline:
    """Return an attack by its name.

    Parameters
    ----------
    name : str
        One of `ATTACKS`.
    random_state, n_jobs, memory, intensity_range
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
    options: dict[str, Any] = {
        "n_jobs": n_jobs,
        "memory": memory,
        "intensity_range": intensity_range,
    }
    if name == "paper":
        return make_pipeline(random_state=random_state, **options)
    if name == "recommended":
        return make_pipeline(preset="recommended", **options)
    return make_baseline(name, **options)
