"""A preflight compares the sets of images and finds those that are there twice, before an audit."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._preflight.before_fit import (
    PreflightWarning,
    intensity_ranges,
    known_preflight,
    sees_grey_only,
)
from .._preflight.comparison import compare, scaled_range
from .._preflight.looks import Look, look_at
from .._runtime.sklearn_compat import num_samples
from .._validation.images import IntensityRange, check_intensity_range
from .._validation.items import as_images
from .._validation.shared import SharedImages
from .arguments import Queries
from .copies import (
    among_generated,
    called_in,
    find_copies,
    near_copies,
    words_of_copies,
    words_of_generated,
)
from .names import BLIND
from .statements import say

#: Largest number of near copies that are listed; slices of a volume may have millions.
_MOST_PAIRS = 10_000

#: Generated images, at most, that are looked at closely; of the others copies are found.
_CLOSELY = 20_000


@dataclass(frozen=True)
class ImageSet:
    """One set of images in numbers.

    Attributes
    ----------
    count : int
        Number of images.
    sizes, dtypes, channels : dict of str to int
        Number of images of each height x width (the ten most frequent), data type and
        number of channels.
    intensities : tuple (low, high) or None
        1st and 99th percentile after scaling; None where each image has its own scale.
    bordered : float
        Share of images with a border of one intensity, 2 % of the side wide at least.
    border_width : float
        Median width of these borders, as a share of the side.
    turned : int
        Number of files that note an orientation (EXIF), which is not applied.
    colour_lost : float
        Median share of the variance of coloured images that grey loses.
    n_copies : int
        Number of images that have a copy earlier in the set.
    """

    count: int
    sizes: dict[str, int]
    dtypes: dict[str, int]
    channels: dict[str, int]
    intensities: tuple[float, float] | None
    bordered: float
    border_width: float
    turned: int
    colour_lost: float
    n_copies: int


@dataclass(frozen=True)
class Preflight:
    """What was found in the images before anything was described.

    Attributes
    ----------
    sets : dict of str to ImageSet
        Sets by name: "used" and "not used" (or "real"), "generated", "candidates",
        "unrelated generated".
    errors : list of str
        Sentences that say why no attack would mean anything.
    warnings : list of str
        Sentences about other differences between the sets.
    copies : list of list of (str, int)
        Real images that hold the same grey picture, as the name of the set and the number
        in `X` (or in the candidates).
    near_copies : list of ((str, int), (str, int))
        Pairs of real images that look almost the same, 10000 at most.
    passed_over : dict of str to dict of str to int
        Number of files beside the "real" images, the "candidates" and the "generated" ones
        that were not read, by reason.
    n_not_used_generated : int
        Number of images labelled as not used that are among those generated, pixel by pixel.
    n_used_generated : int
        Number of images labelled as used that are: copies.
    digests : dict of str to dict of str to str
        SHA-256 of the pixels of each image by its number, for sets that are not of files;
        :class:`Provenance` has those of files.
    """

    sets: dict[str, ImageSet]
    errors: list[str]
    warnings: list[str]
    copies: list[list[tuple[str, int]]] = field(repr=False)
    near_copies: list[tuple[tuple[str, int], tuple[str, int]]] = field(repr=False)
    passed_over: dict[str, dict[str, int]] = field(default_factory=dict)
    n_not_used_generated: int = 0
    n_used_generated: int = 0
    digests: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain types, for JSON.

        Returns
        -------
        dict
            Without the digests, which are part of the provenance.
        """
        return {name: one for name, one in asdict(self).items() if name != "digests"}


def preflight(
    X: Any,
    y: Any = None,
    *,
    generated: Any,
    candidates: Any = None,
    groups: Any = None,
    candidate_groups: Any = None,
    intensity_range: IntensityRange = "dtype",
) -> Preflight:
    """Compare sets of images before anything is concluded from them.

    Do they mean the same by an intensity, and is an image there twice? Where real and
    generated images were saved at another scale, size, orientation or format, copies are
    missed without a word, and the blind attack, which sees no generated image, can't
    notice. :func:`audit` and the shell run this first; `fit` looks at a few images of
    each set.

    Parameters
    ----------
    X : array-like or sequence of array-like of length n_queries
        Real images; each file is read once.
    y : array-like of shape (n_queries,), default=None
        Labels, of which the larger of two means used; None where that is not known.
    generated : array-like or sequence
        Images of the generator.
    candidates : array-like or sequence of array-like, default=None
        Real images of unknown membership.
    groups, candidate_groups : array-like, default=None
        Patients. Copies of one patient are not mentioned.
    intensity_range : {"dtype", "image"} or (low, high), default="dtype"
        Intensities that the attack takes for black and white, see
        :class:`~gan_isi.BaseDescriptor`.

    Returns
    -------
    Preflight
        Errors and warnings as sentences; nothing is raised, and no warning given.

    Raises
    ------
    TypeError, ValueError
        If what is given are no images, or if there are not two labels.

    Notes
    -----
    - **Errors**: intensities of another scale (of the ranges from the 1st to the 99th
      percentile less than a tenth is common, or three tenths where data types differ; or
      floats of one set only lie outside 0..1), negatives, and the same picture as used and
      not used, or as known and candidate.
    - **Copies** hold the same grey picture at one scale: the order of the intensities is
      the same at each pixel, which is so for files of 8 and 16 bits, floats, and grey saved
      as RGB. Pictures of one intensity are no copies. Of pictures above 512 x 512 pixels, a grid
      of that many is compared.
    - **Near copies** have thumbnails of 32 x 32 pixels whose details (less the mean of 7 x 7)
      correlate above 0.9.
    - Of more than 20,000 **generated images** copies are found among all; borders, intensities and
      the like are those of 20,000 that are spread over them, and of the first of each size, data
      type and number of channels.

    Examples
    --------
    >>> from gan_isi import audit, datasets
    >>> it = datasets.make_membership_problem(20, n_generated=30, random_state=0)
    >>> found = audit.preflight(it.images, it.target, generated=it.generated / 127.5 - 1)
    >>> print(found.errors[0][:62])
    The same intensity does not mean the same in all images: real
    """
    check_intensity_range(intensity_range)
    given = (groups, candidate_groups)
    candidates = None if candidates is None else as_images(candidates)
    return run(
        as_images(X), y, SharedImages(generated).images, candidates, given, [intensity_range], {}
    )


def look_first(
    attacks: Mapping[str, Any],
    X: Any,
    queries: Queries,
    groups: tuple[Any, Any],
    generated: Any,
    candidates: Any,
    others: Mapping[str, Any] | None = None,
) -> tuple[Preflight, Queries]:
    """Run the preflight of an audit, and take copies for images of one patient.

    Parameters
    ----------
    attacks : mapping of str to estimator
        Attacks, which know the intensities that they take for black and white.
    X, queries, generated, candidates
        Images and queries of :func:`audit`.
    groups : tuple of two array-likes or None
        Patients of the known images and of the candidates, as they were given.
    others : mapping of str to images or None, default=None
        Further generated images by the name of their set; None is left out.

    Returns
    -------
    Preflight
        What was found.
    Queries
        The queries, as the same object where there are no copies.

    Raises
    ------
    ValueError
        If the preflight found errors.
    """
    found = known_preflight()
    if found is None:
        seeing = [attack for name, attack in attacks.items() if name != BLIND]
        seeing = seeing or list(attacks.values())
        ranges, grey = intensity_ranges(*seeing), sees_grey_only(*seeing)
        further = {name: images for name, images in (others or {}).items() if images is not None}
        found = run(X, queries.labels, generated, candidates, groups, ranges, further, grey=grey)
        if found.errors:
            raise ValueError(" ".join(found.errors))
        for text in found.warnings:
            # Of the function that called this one, which two decorators wrap.
            warnings.warn(text, PreflightWarning, stacklevel=5)
    n_known = len(queries.known)
    own = [(copies, copies[0][0] == "candidates") for copies in found.copies]
    alike = [[number + of_candidates * n_known for _, number in copies]
             for copies, of_candidates in own if groups[of_candidates] is None]  # fmt: skip
    if not alike:
        return found, queries
    patients = queries.groups
    numbers = np.arange(n_known + len(queries.candidates)) if patients is None else patients.copy()
    for members in alike:
        numbers[members] = numbers[members[0]]
    return found, replace(queries, groups=numbers)


def run(
    X: Any,
    y: Any,
    generated: Any,
    candidates: Any,
    groups: tuple[Any, Any],
    ranges: Sequence[IntensityRange],
    others: Mapping[str, Any],
    *,
    grey: bool = False,
) -> Preflight:
    """Compare sets of images, see `preflight`; `others` are further generated ones by name.

    `grey` says whether an attack compares grey images only.
    """
    real = [look_at(name, X, which) for name, which in _of_labels(y, num_samples(X)).items()]
    if candidates is not None:
        real.append(look_at("candidates", candidates))
    made = {"generated": generated, **others}
    looks = [*real, *(look_at(name, one, n_closely=_CLOSELY) for name, one in made.items())]
    sources = {"real": X, "candidates": candidates, "generated": generated, **others}
    errors, warned = compare(looks, ranges, grey=grey)
    doubles = find_copies(real)
    patients = {
        (one.name, int(i)): None if given is None else np.asarray(given)[i]
        for one in real
        for given in [groups[one.name == "candidates"]]
        for i in one.numbers
    }
    called = called_in(real)
    clash, doubled = words_of_copies(doubles, patients, called)
    near = list(islice(near_copies(real, doubles), _MOST_PAIRS))
    apart = [p for p in near if patients[p[0]] is None or patients[p[0]] != patients[p[1]]]
    if apart:
        first, second = (f"{called[image]} ({image[0]})" for image in apart[0])
        doubled.append(say("near_copies", n_pairs=len(apart), first=first, second=second).text)
    copied = among_generated(real, looks[len(real)])
    doubled += words_of_generated(copied, called)
    return Preflight(
        {one.name: _summary(one, ranges[0]) for one in looks},
        errors + clash,
        warned + doubled,
        doubles,
        near,
        {
            name: dict(images.passed_over)
            for name, images in sources.items()
            if getattr(images, "passed_over", None)
        },
        n_not_used_generated=sum(name == "not used" for name, _ in copied),
        n_used_generated=sum(name == "used" for name, _ in copied),
        digests={one.name: dict(one.digests) for one in looks if one.digests},
    )


def _of_labels(y: Any, n_images: int) -> dict[str, NDArray[np.intp]]:
    if y is None:
        return {"real": np.arange(n_images)}
    labels = np.asarray(y)
    classes = np.unique(labels)
    if len(classes) != 2 or labels.shape != (n_images,):
        raise ValueError(
            f"y has to be one label for each of {n_images} images, used or not used; got the "
            f"labels {classes!r} in the shape {labels.shape}."
        )
    return {
        "used": np.flatnonzero(labels == classes[1]),
        "not used": np.flatnonzero(labels == classes[0]),
    }


def _summary(look: Look, intensity_range: IntensityRange) -> ImageSet:
    wide = look.borders[look.borders >= 0.02]
    coloured = look.lost[look.channels > 2]
    keys = look.all_keys
    return ImageSet(
        count=look.count,
        sizes=dict(look.tally("sizes").most_common(10)),
        dtypes=dict(look.tally("kinds")),
        channels=dict(look.tally("channels")),
        intensities=None if intensity_range == "image" else scaled_range(look, intensity_range),
        bordered=len(wide) / len(look),
        border_width=float(np.median(wide)) if len(wide) else 0.0,
        turned=look.turned,
        colour_lost=float(np.median(coloured)) if len(coloured) else 0.0,
        n_copies=len(keys) - len(set(keys)),
    )
