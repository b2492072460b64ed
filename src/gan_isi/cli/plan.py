"""The plan of a command's work, which ``--dry-run`` prints instead of doing it."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .folders import refuse
from .terminal import say

if TYPE_CHECKING:
    from ..audit import Preflight

#: Number of images that are described to estimate how long all take.
_TIMED = 3


def show_plan(found: "Preflight", attacks: Mapping[str, Any], images: Any, refits: str) -> None:
    """Print what was found in the images, and about how long describing them takes.

    Parameters
    ----------
    found : Preflight
        Comparison of the images, whose warnings were given already.
    attacks : mapping of str to SourceIdentificationPipeline
        Unfitted attacks without a cache.
    images : ImageFiles
        Images, a few of which are described.
    refits : str
        Description of the work that comes after.

    Raises
    ------
    ClickException
        If the comparison found errors; this is raised after all else is printed.
    """
    for name, one in found.sets.items():
        scale = "each scaled by its own range"
        if one.intensities:
            scale = "intensities {:.3g} to {:.3g}".format(*one.intensities)
        kinds = ", ".join(_counted(part) for part in (one.sizes, one.dtypes, one.channels))
        say(f"{name}: {one.count} images, {kinds} channel(s), {scale}")
    for name, counts in found.passed_over.items():
        listed = ", ".join(f"{count} {reason}" for reason, count in counts.items())
        say(f"beside the {name} images these were not read: {listed}")
    refuse(found)
    known = sum(one.count for name, one in found.sets.items() if name != "generated")
    seconds = 0.0
    for attack in attacks.values():
        n_images = known + found.sets["generated"].count * attack.compares
        seconds += n_images * _seconds(attack[:1], images)
    say(
        f"Describing the images with {', '.join(attacks)} takes about {_duration(seconds)}, as "
        f"estimated from {_TIMED} of them; {refits} come on top. Nothing was written."
    )


def _counted(counts: dict[str, int]) -> str:
    if len(counts) == 1:
        return next(iter(counts))
    return " / ".join(f"{value} ({count})" for value, count in counts.items())


def _seconds(descriptors: Any, images: Any) -> float:
    """Return the seconds that one image takes, without the work that is done only once."""
    some = [images[int(i)] for i in range(min(_TIMED, len(images)))]
    descriptors.fit(some).transform(some[:1])
    start = time.perf_counter()
    descriptors.transform(some)
    return (time.perf_counter() - start) / len(some)


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{max(seconds, 1):.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 6000 else f"{seconds / 3600:.1f} hours"
