"""Comparison of two sets of images: the differences between them, in sentences."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import fisher_exact

from .._runtime.threads import one_blas_thread
from .._validation.images import IntensityRange, _scale
from .._validation.items import spread
from .looks import THUMB, Look, joined_looks, unit

#: Shares of two ranges that they have in common. A smaller share is an error, an error for two
#: different data types, or a warning.
_APART, _APART_DTYPES, _DIFFER = 0.1, 0.3, 0.5

#: Least number of images of one data type that shows the range of a set.
_FEWEST = 10

#: Difference of correlations by which the images of one set look more like negatives of the
#: other set's images than like these, and the share of images for which that has to hold.
_INVERTED, _MOST = 0.15, 0.75

#: The same, for one of the sets, that has to be left where the closest pose may be chosen.
_IN_ANY_POSE = 0.03

#: Number of images of each set that are compared for this.
_COMPARED = 200

#: Least width of a border as a share of the side, and least difference of the shares with one.
_BORDER, _MORE = 0.02, 0.25

#: Least ratios between the sides of two sets, and between their ratios of height and width.
_SIZES, _ASPECTS = 1.25, 1.03

#: Least share of the variance that is colour, and least ratio of steps at and off the seams.
_LOST, _SEAM = 0.5, 2.5


def compare(
    sets: Sequence[Look], ranges: Sequence[IntensityRange], *, grey: bool = False
) -> tuple[list[str], list[str]]:
    """Compare sets of images.

    Parameters
    ----------
    sets : sequence of Look
        Sets named "used", "not used", "real", "candidates" or "generated".
    ranges : sequence of {"dtype", "image"} or (low, high)
        Intensities that become 0 and 1.
    grey : bool, default=False
        Whether an attack compares grey images only.

    Returns
    -------
    errors : list of str
        Sentences on sets in which an intensity does not mean the same.
    warnings : list of str
        Sentences on all other differences.
    """
    errors: list[str] = []
    warned: list[str] = []
    sets = [one for one in sets if not one.rows]
    known = [one for one in sets if one.name in ("used", "not used", "real")]
    if not known:
        return errors, warned
    real = joined_looks("real", known) if len(known) > 1 else known[0]
    pairs = [(real, one) for one in sets if one not in known]
    if len(known) > 1:
        pairs = [(known[0], known[1]), *pairs]
    for first, second in pairs:
        error, word = _intensities(first, second, ranges)
        errors += [error] if error else []
        frame = _borders(first, second)
        if not error and _negatives(_centred(first), _centred(second)):
            # Borders can make pictures look alike, or like negatives.
            (warned if frame else errors).append(
                f"The {second.adjective} images look like negatives of the {first.adjective} "
                "ones: what is bright in one set is dark in the other. Invert one of them "
                "(255 - image, for 8 bits)."
            )
        differences = (word, _shapes(first, second), frame, _seams(first, second))
        warned += [text for text in differences if text]
        if _opposed(*(unit(_some(one, one.hues)) for one in (first, second))):
            warned.append(
                f"Red and blue seem to have changed places between the {first.adjective} and the "
                f"{second.adjective} images. Is one set in BGR instead of RGB?"
            )
    for one in (real, *(one for one in sets if one not in known)):
        error, _ = _intensities(one, one, ranges)
        errors += [error] if error else []
        found = (_mixture(one), _orientation(one), _colour(one) if grey else None)
        warned += [text for text in found if text]
    return errors, warned


def scaled_range(look: Look, intensity_range: IntensityRange) -> tuple[float, float]:
    """Return the 1st and 99th percentile of a set's intensities after scaling."""
    values = [
        _scale(look.pixels[look.kinds == kind], dtype, intensity_range)
        for kind, dtype in look.dtypes.items()
        if (look.kinds == kind).any()
    ]
    low, high = np.percentile(np.concatenate(values), (1, 99))
    return float(low), float(high)


def _some(look: Look, rows: NDArray[Any]) -> NDArray[Any]:
    return rows[spread(len(look), _COMPARED)]


def _centred(look: Look) -> NDArray[np.float32]:
    thumbs = _some(look, look.thumbs)
    return unit(thumbs - thumbs.mean(axis=1, keepdims=True))


def _opposed(first: NDArray[np.float32], second: NDArray[np.float32]) -> bool:
    """Return whether pictures look more like negatives of the other set than like the set."""
    first, second = (one[(one != 0).any(axis=1)] for one in (first, second))
    if min(len(first), len(second)) < _FEWEST:
        return False
    return _clear(_gains((first @ second.T)[np.newaxis]))


def _negatives(first: NDArray[np.float32], second: NDArray[np.float32]) -> bool:
    """Return the same of square pictures, unless they are alike once one is rotated or mirrored.

    X-rays that were rotated look like negatives of those that were not.
    """
    first, second = (one[(one != 0).any(axis=1)] for one in (first, second))
    if min(len(first), len(second)) < _FEWEST:
        return False
    pictures = first.reshape(-1, THUMB, THUMB)
    turns = [
        np.rot90(one, quarters, axes=(1, 2)).reshape(first.shape)
        for one in (pictures, pictures[:, :, ::-1])
        for quarters in range(4)
    ]
    with one_blas_thread():  # for products this small others mostly wait
        alike = np.stack([turn @ second.T for turn in turns])
    in_any_pose = _gains(alike)
    left = [float(np.median(gains)) for gains in in_any_pose]
    found = _clear(_gains(alike[:1])) or _clear(in_any_pose)
    return found and min(left) > 0 and max(left) > _IN_ANY_POSE


def _gains(alike: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Return how much closer the closest negative is, of correlations (n_poses, n, n_others)."""
    highest, lowest = alike.max(axis=0), alike.min(axis=0)
    return [-lowest.min(axis=axis) - highest.max(axis=axis) for axis in (1, 0)]


def _clear(gains: list[NDArray[np.float32]]) -> bool:
    large = any((g > 0).mean() >= _MOST and np.median(g) >= _INVERTED for g in gains)
    return large and all(np.median(g) > 0 for g in gains)


def _intensities(
    first: Look, second: Look, ranges: Sequence[IntensityRange]
) -> tuple[str | None, str | None]:
    """Return an error, or a warning, where an intensity does not mean the same."""
    word = None
    for one_range in ranges:
        if one_range == "image":
            continue
        for a, b in _cells(first, second):
            verdict = _verdict(a, b, one_range)
            if verdict == "error":
                return _mismatch(a, b, one_range), None
            if verdict == "warning":
                word = (
                    f"Intensities differ: {_shown(a, one_range)}, {_shown(b, one_range)}. If this "
                    "comes from how the images were saved, bring them to one scale."
                )
    return None, word


def _cells(first: Look, second: Look) -> Iterator[tuple[Look, Look]]:
    """Yield pairs of images of one data type each, of two sets or of two types within one set."""
    for kind in first.dtypes:
        for other in second.dtypes:
            if first is not second or kind < other:
                yield _of_kind(first, kind), _of_kind(second, other)


def _of_kind(look: Look, kind: str) -> Look:
    if len(look.dtypes) == 1:
        return look
    here = look.kinds == kind
    return replace(
        look,
        numbers=look.numbers[here],
        kinds=look.kinds[here],
        pixels=look.pixels[here],
        dtypes={kind: look.dtypes[kind]},
    )


def _verdict(a: Look, b: Look, intensity_range: IntensityRange) -> str | None:
    (low, high), (other_low, other_high) = (scaled_range(x, intensity_range) for x in (a, b))
    many = min(len(a), len(b)) >= _FEWEST
    if low == high or other_low == other_high:  # images of one intensity show no scale
        return "warning" if many and (low == high) != (other_low == other_high) else None
    together = max(high, other_high) - min(low, other_low)
    common = max(0.0, min(high, other_high) - max(low, other_low)) / together
    outside = [x < -0.1 or y > 1.1 for x, y in ((low, high), (other_low, other_high))]
    same = a.kinds[0] == b.kinds[0]
    if outside[0] != outside[1] and common < (0.6 if many or not same else _APART):
        return "error"
    if common < (_APART if same else _APART_DTYPES) and (many or not same):
        return "error"
    return "warning" if common < _DIFFER and many else None


def _shown(look: Look, intensity_range: IntensityRange) -> str:
    low, high = scaled_range(look, intensity_range)
    stored = np.percentile(look.pixels, (1, 99))
    return (
        f"{look.adjective} images ({look.kinds[0]}) span {low:.3g} to {high:.3g} after scaling "
        f"({stored[0]:.4g} to {stored[1]:.4g} as stored)"
    )


def _mismatch(a: Look, b: Look, intensity_range: IntensityRange) -> str:
    text = (
        "The same intensity does not mean the same in all images: "
        f"{_shown(a, intensity_range)}, {_shown(b, intensity_range)}. "
    )
    for pair in _guesses(a, b):
        if _verdict(a, b, pair) is None:
            low, high = pair
            return text + (
                f"Give the values of black and white, probably intensity_range=({low:g}, "
                f"{high:g}); in the shell --intensity-range {low:g} {high:g}."
            )
    return text + (
        "Bring them to one scale, and give the values of black and white by "
        "intensity_range=(low, high); in the shell --intensity-range LOW HIGH."
    )


def _guesses(a: Look, b: Look) -> Iterator[tuple[float, float]]:
    """Yield ranges that one of two sets may have been stored in, the likeliest first."""
    for one in (a, b):
        low, high = float(one.pixels.min()), float(one.pixels.max())
        if low < -0.1 and high <= 1.1:
            yield -1.0, 1.0
        for bits in (8, 10, 12, 14, 16):
            if low >= 0 and 2 ** (bits - 2) < high < 2**bits:
                yield 0.0, 2.0**bits - 1
        if low < -1.1 or high > 255:
            digits = 10.0 ** np.ceil(np.log10(max(abs(low), abs(high)))) / 20
            yield float(np.floor(low / digits) * digits), float(np.ceil(high / digits) * digits)


def _shapes(first: Look, second: Look) -> str | None:
    heights = [np.median(one.sizes[:, 0]) for one in (first, second)]
    widths = [np.median(one.sizes[:, 1]) for one in (first, second)]
    aspects = [np.median(one.sizes[:, 0] / one.sizes[:, 1]) for one in (first, second)]
    ratios = heights[1] / heights[0], widths[1] / widths[0]
    larger = float(np.sqrt(ratios[0] * ratios[1]))
    if max(larger, 1 / larger) < _SIZES and max(aspects) / min(aspects) < _ASPECTS:
        return None
    text = (
        f"Sizes differ: {first.adjective} images have {heights[0]:g} x {widths[0]:g} pixels "
        f"(height x width, medians), {second.adjective} images {heights[1]:g} x {widths[1]:g}. "
    )
    if second.name.startswith("generated") and min(ratios) > 1.9:
        text += (
            f"If these are sheets of samples ({ratios[0]:.0f} x {ratios[1]:.0f}), cut them; if "
            "they are single samples, bring both sets to one size."
        )
    elif max(aspects) / min(aspects) >= _ASPECTS:
        text += (
            "Pixels are compared after all images are stretched to one square, so copies with "
            "another aspect ratio are missed: crop or pad both sets in the same way."
        )
    else:
        text += (
            "Textures depend on the size: bring both sets to the size that the generator was "
            "trained on."
        )
    return text


def _borders(first: Look, second: Look) -> str | None:
    wide = [one.borders >= _BORDER for one in (first, second)]
    shares = [one.mean() for one in wide]
    widths = [
        float(np.median(one.borders[w])) if w.any() else 0.0
        for one, w in zip((first, second), wide, strict=True)
    ]
    table = np.array([[w.sum(), (~w).sum()] for w in wide])
    more = abs(shares[0] - shares[1]) >= _MORE and fisher_exact(table)[1] < 0.005
    wider = min(shares) > 0.75 and abs(widths[0] - widths[1]) >= 2 * _BORDER
    if not (more or wider):
        return None
    said = " and ".join(
        f"{10 * round(10 * share):.0f} % of the {one.adjective} images"
        + (f" (median width {100 * width:.0f} % of the side)" if share > 0.05 else "")
        for one, share, width in zip((first, second), shares, widths, strict=True)
    )
    return (
        f"Borders of one intensity differ: {said} have one. Crop or pad both sets in the same way."
    )


def _seams(first: Look, second: Look) -> str | None:
    tiles = [_tiles(one) for one in (first, second)]
    if tiles[0] == tiles[1]:
        return None
    one, n = max(zip((first, second), tiles, strict=True), key=lambda pair: pair[1])
    return f"The {one.adjective} images look like sheets of {n} x {n} pictures: cut them."


def _tiles(look: Look) -> int:
    """Return the number of pictures along each side of a sheet, or 1 if images are no sheets."""
    for n in range(8, 1, -1):
        if look.edges and all(_jumps(steps, n) for steps in look.edges):
            return n
    return 1


def _jumps(steps: NDArray[np.float64], n: int) -> bool:
    """Return whether the steps at all n - 1 seams are larger than the steps elsewhere."""
    length = len(steps) + 1
    if length % n or length // n < 4:
        return False
    seams = np.arange(1, n) * (length // n) - 1
    others = np.delete(steps, seams)
    return bool(steps[seams].min() > max(_SEAM * np.median(others), others.max()))


def _mixture(look: Look) -> str | None:
    if len(look.dtypes) == 1:
        return None
    counts = ", ".join(f"{(look.kinds == kind).sum()} {kind}" for kind in sorted(look.dtypes))
    return f"The {look.adjective} images have several data types: {counts}."


def _orientation(look: Look) -> str | None:
    if not look.turned:
        return None
    return (
        f"{look.turned} of {len(look)} files of {look.adjective} images have an orientation "
        "(EXIF) that is not applied: they are read as stored. Generators are mostly "
        "trained on upright images: load_images(exif_transpose=True), in the shell "
        "--exif-transpose, rotates them."
    )


def _colour(look: Look) -> str | None:
    coloured = look.channels > 2
    if not coloured.any() or np.median(look.lost[coloured]) < _LOST:
        return None
    return (
        "Attacks that compare no pixels convert images to grey, which loses most of what the "
        f"{look.adjective} images show: {100 * np.median(look.lost[coloured]):.0f} % of the "
        "variance (median) is colour. The recommended attack sees it."
    )
