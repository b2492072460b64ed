"""The strongest pairs of an audit, as thumbnails with the names of their files."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._validation.items import Items, as_images
from .statements import Statement, say

if TYPE_CHECKING:
    from ..plotting.pair import Pair
    from .attack_result import AttackResult
    from .result import AuditResult

#: Number of pairs of used images that are shown, beside one of an image not used.
SHOWN = 5

#: Largest side of a thumbnail in pixels.
_SIDE = 160

#: Likeness from which on a part is outlined, as in `plotting.TileMapDisplay`.
_OUTLINED = 0.75


@dataclass(frozen=True)
class Card:
    """One pair as it is shown.

    Attributes
    ----------
    real, generated : str
        Names of the files, or numbers.
    used : bool
        Whether the real image was used.
    rank : float
        Rank of its score within its fold, 0 to 1.
    distance : float
        Distance as the attack sees it: 0 is a copy, 1 a usual pair.
    pictures : list of (str, str)
        What each thumbnail shows, and the PNG file in base64; empty without images.
    said : list of Statement
        How alike the two are.
    """

    real: str
    generated: str
    used: bool
    rank: float
    distance: float
    pictures: list[tuple[str, str]]
    said: list[Statement]


def best_attack(result: "AuditResult") -> "AttackResult | None":
    """Return the attack whose pairs are shown: of those that name pairs the highest AUC."""
    found = [one for one in result.attacks.values() if one.evidence is not None]
    return max(found, key=lambda one: (one.measures["AUC"].value, one.name), default=None)


def strongest(result: "AuditResult", attack: "AttackResult", n: int = SHOWN) -> list[int]:
    """Return the used images that score highest, and last the one not used that does.

    One of each patient; of equal scores the one whose generated image is closest comes first.
    Where the inputs do not fit together, an attack may have learned the wrong way round: then
    closeness decides.

    Parameters
    ----------
    result : AuditResult
        What :func:`audit` found.
    attack : AttackResult
        One of its attacks, with evidence.
    n : int, default=5
        Number of used images.

    Returns
    -------
    list of int
    """
    assert attack.evidence is not None
    keys = [attack.evidence.distances[:, 0], -attack.answers.ranks().round(9)]
    order = np.lexsort(keys[:1] if result.verdict().kind == "inputs" else keys)
    groups = np.arange(len(order)) if result.groups is None else result.groups
    chosen: list[int] = []
    for label, most in ((1, n), (0, 1)):
        own = [int(i) for i in order if result.labels[i] == label]
        _, first = np.unique(groups[own], return_index=True)
        chosen += [own[i] for i in np.sort(first)[:most]]
    return chosen


def name_of(names: tuple[str, ...] | None, number: int) -> str:
    """Return the name of a file, or the number of an image without one."""
    return f"image {number}" if names is None else names[number]


def cards(result: "AuditResult", real: Any = None, generated: Any = None) -> Iterator[Card]:
    """Yield the strongest pairs of the best attack.

    Parameters
    ----------
    result : AuditResult
        What :func:`audit` found.
    real, generated : sequence of images, default=None
        The images of the audit; without them, or of volumes, there are no pictures.

    Yields
    ------
    Card
        Those of used images first, then one that was not used.

    Raises
    ------
    ValueError
        For other numbers of images than those of the audit.
    """
    attack = best_attack(result)
    if attack is None:
        return
    assert attack.evidence is not None
    with_pictures = check_pictures(result, real, generated)
    ranks = attack.answers.ranks()
    for number in strongest(result, attack):
        closest = int(attack.evidence.generated[number, 0])
        pictures: list[tuple[str, str]] = []
        said: list[Statement] = []
        if with_pictures:
            pair = Items(as_images(real))[number], Items(as_images(generated))[closest]
            pictures, said = _drawn(*pair)
        yield Card(
            name_of(result.real_names, number),
            name_of(result.generated_names, closest),
            bool(result.labels[number]),
            float(ranks[number]),
            float(attack.evidence.distances[number, 0]),
            pictures,
            said,
        )


def check_pictures(result: "AuditResult", real: Any, generated: Any) -> bool:
    """Return whether there are pictures to show, which have to be those of the audit."""
    if real is None or generated is None or result.n_slices is not None:
        return False
    counts, expected = (len(real), len(generated)), (len(result.labels), result.n_generated)
    if counts != expected:
        raise ValueError(
            f"Got {counts[0]} real and {counts[1]} generated images; the audit was of "
            f"{expected[0]} and {expected[1]}."
        )
    return True


def _drawn(real: Any, generated: Any) -> tuple[list[tuple[str, str]], list[Statement]]:
    from ..plotting.pair import compare_pair, in_words, likeness, shown

    pair = compare_pair(real, generated)
    own, placed = shown(real), pair.placed(generated)
    pictures = [("real", _png(own)), ("generated", _png(shown(generated)))]
    if pair.pose is not None:
        pictures.append(("put back into place", _png(placed)))
    pictures.append(("found in it", _png(_heated(own, likeness(own, placed)))))
    return pictures, similarity_in_words(pair, in_words(pair.pose))


def similarity_in_words(pair: "Pair", pose: str) -> list[Statement]:
    """Return how alike the images of a pair are."""
    if pose:
        return [say("pair_in_pose", similarity=pair.similarity, pose=pose)]
    return [say("pair_as_it_is", similarity=pair.similarity)]


def _heated(picture: NDArray[Any], likeness: NDArray[Any]) -> NDArray[np.float64]:
    """Lay a heat map of what is found over a grey picture, and outline what is found best."""
    from matplotlib import colormaps
    from skimage.segmentation import find_boundaries
    from skimage.transform import resize

    from ..plotting.style import SEQUENTIAL

    grey = picture if picture.ndim == 2 else picture.mean(axis=2)
    side = _SIDE / max(grey.shape)
    size = tuple(max(1, round(side * length)) for length in grey.shape)
    grey, likeness = (resize(one, size, order=1) for one in (grey, likeness))
    mixed = 0.35 * grey[..., np.newaxis] + 0.65 * colormaps[SEQUENTIAL](likeness)[..., :3]
    mixed[find_boundaries(likeness > _OUTLINED, mode="inner")] = 0
    return np.asarray(mixed)


def _png(picture: NDArray[Any]) -> str:
    from PIL import Image

    image = Image.fromarray((255 * np.clip(picture, 0, 1)).round().astype(np.uint8))
    image.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    image.save(buffer, format="png")  # optimized it takes six times as long, for 4 % fewer bytes
    return base64.b64encode(buffer.getvalue()).decode("ascii")
