"""The attacks by name, the same names in all commands."""

from typing import Any

from .work import Work

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


def make_attack(name: str, work: Work, svm: Any = "libsvm") -> Any:
    """Return an attack by its name.

    Parameters
    ----------
    name : str
        One of `ATTACKS`.
    work : Work
        Options of the command.
    svm : {"libsvm", "intelex"}, default="libsvm"
        What fits and evaluates the support vector machine of "paper".

    Returns
    -------
    SourceIdentificationPipeline
        The unfitted attack.
    """
    from ..attacks import make_pipeline

    return make_pipeline(name, random_state=work.seed, svm=svm, **work.of_attacks)
