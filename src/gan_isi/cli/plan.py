"""The plan of a command's work, which ``--dry-run`` prints instead of doing it."""

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING

from .folders import refuse
from .terminal import say

if TYPE_CHECKING:
    from .._runtime.whole import Stage
    from ..audit import Preflight


def show_plan(found: "Preflight", stages: "Sequence[Stage]") -> None:
    """Print what was found in the images, and about how long the work takes.

    Parameters
    ----------
    found : Preflight
        Comparison of the images, whose warnings were given already.
    stages : sequence of Stage
        Stages of the work, with their estimated seconds.

    Raises
    ------
    ClickException
        If the comparison found errors; this is raised after all else is printed.
    """
    from .._runtime.whole import duration

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
    parts = {"describing the images": 0.0, "comparing them": 0.0, "fits": 0.0}
    for stage in stages:
        known = [part for part in parts if part[:6] in stage.name]
        parts[known[0] if known else "fits"] += stage.seconds
    total = sum(parts.values())
    if not isfinite(total):
        say("How long it takes can't be estimated. Nothing was written.")
        return
    listed = ", ".join(f"{part} {duration(seconds)}" for part, seconds in parts.items())
    say(
        f"It takes about {duration(total)}, as estimated from a few images and small fits: "
        f"{listed}. Nothing was written."
    )


def _counted(counts: dict[str, int]) -> str:
    if len(counts) == 1:
        return next(iter(counts))
    return " / ".join(f"{value} ({count})" for value, count in counts.items())
