"""The same picture, or almost the same, is found in two sets or twice in one."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from .._preflight.looks import Look, details
from .statements import say

#: Correlation of the details of two thumbnails above which one is a near copy of the other.
#: The largest between different X-rays was 0.65, that between crops of photographs 0.82.
_NEAR = 0.9

#: Number of thumbnails compared at once.
_BLOCK = 1024


def find_copies(real: Sequence[Look]) -> list[list[tuple[str, int]]]:
    """Return groups of real images that hold the same picture."""
    found: defaultdict[bytes, list[tuple[str, int]]] = defaultdict(list)
    for one in real:
        for number, key in zip(one.numbers, one.keys, strict=True):
            if key is not None:
                found[key].append((one.name, int(number)))
    return [group for group in found.values() if len(group) > 1]


def called_in(looks: Sequence[Look]) -> dict[tuple[str, int], str]:
    """Return what sentences call the images of sets, by the set and the number."""
    return {(one.name, int(n)): one.called(i) for one in looks for i, n in enumerate(one.numbers)}


def words_of_copies(
    copies: Sequence[Sequence[tuple[str, int]]],
    patients: Mapping[tuple[str, int], Any],
    called: Mapping[tuple[str, int], str],
) -> tuple[list[str], list[str]]:
    """Return errors and warnings; one image can't be both used and not used."""
    errors, warned = [], []
    clashes = [group for group in copies if len({name for name, _ in group}) > 1]
    if clashes:
        a = clashes[0][0]
        b = next(image for image in clashes[0] if image[0] != a[0])
        first, second = (f"{called[image]} ({image[0]})" for image in (a, b))
        numbers = {"n_pictures": len(clashes), "first": first, "second": second}
        errors.append(say("pictures_in_two_sets", **numbers).text)
    for name in ("used", "not used", "real", "candidates"):
        within = [group for group in copies if {one for one, _ in group} == {name}]
        own = [group for group in within if patients[group[0]] is None]
        split = [g for g in within if len({patients[image] for image in g}) > 1]
        for kind, groups in (("copies", own), ("copies_of_several_patients", split)):
            if groups:
                first, second = (called[image] for image in groups[0][:2])
                numbers = {"n_pictures": len(groups), "first": first, "second": second}
                warned.append(say(kind, images=name.removesuffix("s"), **numbers).text)
    return errors, warned


def near_copies(
    real: Sequence[Look], copies: Sequence[Sequence[tuple[str, int]]]
) -> Iterator[tuple[tuple[str, int], tuple[str, int]]]:
    """Yield pairs of real images that have almost the same details, but are no copies."""
    if any(one.rows for one in real):
        return
    images = [(one.name, int(number)) for one in real for number in one.numbers]
    same = {image: i for i, group in enumerate(copies) for image in group}
    fine = details(np.concatenate([one.thumbs for one in real]))
    for block in gen_batches(len(fine), _BLOCK):
        rows, columns = np.nonzero(fine[block] @ fine.T > _NEAR)
        for i, j in zip(rows + block.start, columns, strict=True):
            a, b = images[i], images[j]
            if i < j and (a not in same or same[a] != same.get(b)):
                yield a, b


def among_generated(real: Sequence[Look], generated: Look) -> list[tuple[str, int]]:
    """Return the real images that are among those generated, pixel by pixel."""
    keys = set(generated.all_keys)
    return [
        (one.name, int(number))
        for one in real
        for number, key in zip(one.numbers, one.keys, strict=True)
        if key in keys
    ]


def words_of_generated(
    found: Sequence[tuple[str, int]], called: Mapping[tuple[str, int], str]
) -> list[str]:
    """Return warnings of what `among_generated` found; images not used can't be copied."""
    words = []
    for kind, images in (
        ("generated_are_not_used", [image for image in found if image[0] == "not used"]),
        ("generated_are_real", [image for image in found if image[0] != "not used"]),
    ):
        if images:
            first = f"{called[images[0]]} ({images[0][0]})"
            words.append(say(kind, n_images=len(images), first=first).text)
    return words
