"""Names that have a meaning in an audit, and those of files."""

from collections.abc import Iterable
from typing import Any

#: The attack that sees no generated image.
BLIND = "blind"

#: The attack that is chosen anew in each fold.
CHOSEN = "chosen"

#: Stands for all attacks that are not named, where numbers of permutations are given by name.
DEFAULT = "default"

#: Name of the measure of a rule that does not learn, beside what an attack has learned.
CLOSENESS = "AUC of closeness, not learned"

#: Name of the set of generated images that have nothing to do with the generator.
UNRELATED_SET = "unrelated generated"

#: Heading of what is said of controls.
CONTROLS = "controls"


def file_names(images: Any, volumes: Iterable[Any] | None = None) -> tuple[str, ...] | None:
    """Return the names of images, or of the volumes that they are slices of.

    Parameters
    ----------
    images : sequence of images
        As of :func:`gan_isi.datasets.load_images`, whose names are those of their files.
    volumes : iterable of length n_images, default=None
        Names of the volumes, one a slice.

    Returns
    -------
    tuple of str or None
        None for images without names.
    """
    names = getattr(images, "names", None) if volumes is None else dict.fromkeys(volumes)
    if not isinstance(names, (tuple, list, dict)):  # other libraries call other things names
        return None
    if volumes is None and len(names) != len(images):
        return None
    return tuple(str(name) for name in names)
