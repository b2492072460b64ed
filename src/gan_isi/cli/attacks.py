"""The attacks by name, the same names in all commands."""

from pathlib import Path
from typing import Any

#: Names of all attacks. They are written out here so that ``--help`` need not import the
#: library; a test compares them with its registry.
ATTACKS = (
    "recommended",
    "paper",
    "nearest",
    "relative_nearest",
    "epsilon_ball",
    "density_ratio",
    "calibrated_similarity",
    "retrieval",
    "blind",
)

#: Names of what may choose the images to withhold: what the simple attacks compare images by,
#: and the views of the recommended attack. A test compares them as well.
CHOICES = ("pixels", "local_contrast", "ssim", "texture", "local_texture", "deep", "recommended")


def make_attack(
    name: str, seed: int, jobs: int, cache: Path | None, intensity_range: Any = "dtype"
) -> Any:
    """Return an attack by its name.

    Parameters
    ----------
    name : str
        One of `ATTACKS`.
    seed, jobs, cache, intensity_range
        Options of the command.

    Returns
    -------
    SourceIdentificationPipeline
        The unfitted attack.
    """
    from ..attacks import make_pipeline

    return make_pipeline(
        name,
        random_state=seed,
        n_jobs=jobs,
        memory=None if cache is None else str(cache),
        intensity_range=intensity_range,
    )
