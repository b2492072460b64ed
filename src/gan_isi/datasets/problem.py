"""A membership problem with a known answer, made of photographs that scikit-image ships."""

from functools import cache
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import skimage.data
from numpy.random import RandomState
from numpy.typing import NDArray
from skimage.color import rgb2gray
from sklearn.utils import Bunch, check_random_state

from .._runtime.sklearn_compat import Interval, validate_params

#: Photographs that the wheel of scikit-image (0.24 or later) holds, so nothing is downloaded.
_PHOTOGRAPHS = (
    "astronaut",
    "brick",
    "camera",
    "chelsea",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "immunohistochemistry",
    "moon",
    "retina",
    "rocket",
    "stereo_motorcycle",
)

#: Least standard deviation of a crop in grey levels; crops that vary less are sky, not texture.
_LEAST_CONTRAST = 4.0

_DESCR = """\
Built-in membership problem

The real images are disjoint square crops of photographs that scikit-image ships, in 8-bit
grey. Half of them, drawn at random, were used. The generated images come from a smoothed
bootstrap that was fitted on the used images only. `memorization` sets what it generates: from
copies of its training set (1) to images that do not depend on the training set at all (0).
"""


class _Deal(NamedTuple):
    """Disjoint crops: the real images, and half as many of the same photographs."""

    images: NDArray[np.uint8]
    groups: NDArray[np.intp]  # photograph of each image
    auxiliary: NDArray[np.uint8]


@validate_params(
    {
        "n_images": [Interval(Integral, 2, None, closed="left")],
        "n_generated": [Interval(Integral, 1, None, closed="left")],
        "image_size": [Interval(Integral, 8, None, closed="left")],
        "memorization": [Interval(Real, 0, 1, closed="both")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_membership_problem(
    n_images: int = 80,
    *,
    n_generated: int = 120,
    image_size: int = 64,
    memorization: float = 1.0,
    random_state: int | RandomState | None = None,
) -> Bunch:
    r"""Make a membership problem whose answer is known, without a download.

    Photographs that are part of scikit-image are cut into disjoint crops. Half of these,
    drawn at random, are used to fit a generator. One number, `memorization`, sets how much
    the generated images tell about them.

    Parameters
    ----------
    n_images : int, default=80
        Number of real images; even, since half of them are used.
    n_generated : int, default=120
        Number of generated images.
    image_size : int, default=64
        Height and width of all images in pixels, at least 8.
    memorization : float, default=1.0
        Dial of the generator, from 1, where generated images are copies of used images, to 0,
        where they do not depend on which images were used.
    random_state : int, RandomState instance or None, default=None
        Seed of all that is random. With the same integer, problems that differ only in
        `memorization` have the same images, labels and noise of the generator.

    Returns
    -------
    Bunch
        Dictionary-like, with the attributes

        images : ndarray of shape (n_images, image_size, image_size), uint8
            Real images in random order.
        target : ndarray of shape (n_images,), int
            Labels: 1 for used, 0 for not used; exactly half each.
        generated : ndarray of shape (n_generated, image_size, image_size), uint8
            Generated images.
        groups : ndarray of shape (n_images,), int
            Photograph that each image was cut from, as an index into `group_names`.
        group_names : list of str
            Names of the photographs, as in `skimage.data`.
        source : ndarray of shape (n_generated,), int
            Used image (an index into `images`) that each generated image was derived from.
            It is a ground truth for tests, without meaning at ``memorization=0``.
        target_names : list of str
            ``["not_used", "used"]``.
        DESCR : str
            Description of the problem.

    Raises
    ------
    ValueError
        If `n_images` is odd, or the photographs do not give that many crops.

    Notes
    -----
    The generator is a smoothed bootstrap, that is, a sample of a kernel density estimate,
    shrunk so that it keeps the variance of the population [1]_:

    .. math:: x = \mu + t\,(x_i - \mu) + \sqrt{1 - t^2}\; e

    where :math:`x_i` is a used image (each is drawn equally often, give or take one),
    :math:`t` the memorization, :math:`\mu` a mean grey value and :math:`e` a stationary
    (periodic) Gaussian field. The result is rounded and clipped to 8 bits. :math:`\mu` and
    the power spectrum of :math:`e`, taken about :math:`\mu` and so with the variation of
    brightness, come from a third set of crops, which are not among the real images.

    The used half of the images is drawn without regard to the photographs. As all choices
    are equally likely, permuting the labels gives an exact null distribution; a balance
    within each photograph would not.

    Crops that are almost constant (standard deviation below 4 grey levels) are left out.

    References
    ----------
    .. [1] B. W. Silverman, "Density Estimation for Statistics and Data Analysis",
       Chapman and Hall, 1986, section 6.4.

    Examples
    --------
    >>> from gan_isi.datasets import make_membership_problem
    >>> problem = make_membership_problem(20, n_generated=30, image_size=32, random_state=0)
    >>> problem.images.shape, problem.generated.shape, int(problem.target.sum())
    ((20, 32, 32), (30, 32, 32), 10)
    >>> bool((problem.generated == problem.images[problem.source]).all())
    True
    """
    if n_images % 2:
        raise ValueError(
            f"n_images={n_images} is odd; it has to be even, since half of the images are used."
        )
    rng = check_random_state(random_state)
    # Separate streams make the generator's noise independent of the labels.
    dealing, choosing, generating = (RandomState(s) for s in rng.randint(2**31 - 1, size=3))
    deal = _deal(n_images // 2, image_size, dealing)
    members = _choose_members(n_images, choosing)
    generated, derived_from = _smoothed_bootstrap(
        deal.images[members], deal.auxiliary, memorization, n_generated, generating
    )
    target = np.zeros(n_images, dtype=int)
    target[members] = 1
    return Bunch(
        images=deal.images,
        target=target,
        generated=generated,
        groups=deal.groups,
        group_names=list(_PHOTOGRAPHS),
        source=members[derived_from],
        target_names=["not_used", "used"],
        DESCR=_DESCR,
    )


def _smoothed_bootstrap(
    members: NDArray[np.uint8],
    auxiliary: NDArray[np.uint8],
    memorization: float,
    n_samples: int,
    rng: RandomState,
) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Sample a kernel density estimate, see `make_membership_problem`.

    The random numbers depend on the number of the used images only.

    Returns
    -------
    generated : ndarray of shape (n_samples, height, width), uint8
    derived_from : ndarray of shape (n_samples,), int
        Which row of `members` each image was derived from.
    """
    mean, shape = float(auxiliary.mean()), members.shape[1:]
    power = np.abs(np.fft.rfft2(auxiliary - mean)) ** 2
    # White noise of unit variance has a mean power of one per pixel.
    amplitude = np.sqrt(power.mean(axis=0) / auxiliary[0].size)
    noise_share = np.sqrt(1 - memorization**2)
    derived_from = _round_robin(len(members), n_samples, rng)
    generated = np.empty((n_samples, *shape), dtype=np.uint8)
    for image, member in zip(generated, derived_from, strict=True):
        signal = memorization * (members[member].astype(np.float64) - mean)
        field = np.fft.irfft2(amplitude * np.fft.rfft2(rng.standard_normal(shape)), s=shape)
        image[:] = np.clip(np.rint(mean + signal + noise_share * field), 0, 255)
    return generated, derived_from


def _round_robin(n_items: int, n_draws: int, rng: RandomState) -> NDArray[np.intp]:
    """Draw all items before any is drawn again, in a new order each time."""
    n_rounds = -(-n_draws // n_items)
    return np.concatenate([rng.permutation(n_items) for _ in range(n_rounds)])[:n_draws]


def _choose_members(n_images: int, rng: RandomState) -> NDArray[np.intp]:
    """Draw the rows of half of the images; all halves are equally likely."""
    return np.sort(rng.permutation(n_images)[: n_images // 2])


def _deal(n_auxiliary: int, image_size: int, rng: RandomState) -> _Deal:
    """Draw `n_auxiliary` crops and twice as many images from the same photographs."""
    crops = [_crops(name, image_size) for name in _PHOTOGRAPHS]
    shares = _even_shares([len(own) // 3 for own in crops], n_auxiliary, image_size, rng)
    picks = [
        own[rng.permutation(len(own))[: 3 * share]].reshape(3, share, *own.shape[1:])
        for own, share in zip(crops, shares, strict=True)
    ]
    *images, auxiliary = np.concatenate(picks, axis=1)
    groups = np.tile(np.repeat(np.arange(len(crops)), shares), 2)
    order = rng.permutation(2 * n_auxiliary)
    return _Deal(np.concatenate(images)[order], groups[order], auxiliary)


def _even_shares(
    capacities: list[int], total: int, image_size: int, rng: RandomState
) -> NDArray[np.intp]:
    """Spread `total` over the photographs, as evenly as their capacities allow."""
    if total > sum(capacities):
        raise ValueError(
            f"n_images={2 * total} is more than the photographs give at "
            f"image_size={image_size}: at most {2 * sum(capacities)} images (and half as many "
            "for the generator's model of the population). Give fewer or smaller images."
        )
    left = np.array(capacities)
    shares = np.zeros(len(capacities), dtype=np.intp)
    while total > 0:
        able = rng.permutation(np.flatnonzero(left))[:total]
        shares[able] += 1
        left[able] -= 1
        total -= len(able)
    return shares


def _crops(name: str, image_size: int) -> NDArray[np.uint8]:
    """Return disjoint crops of a photograph on a grid, (n_crops, image_size, image_size)."""
    grey = _photograph(name)
    rows, columns = (length // image_size for length in grey.shape)
    grid = grey[: rows * image_size, : columns * image_size]
    tiles = grid.reshape(rows, image_size, columns, image_size).swapaxes(1, 2)
    crops = tiles.reshape(rows * columns, image_size, image_size)
    return crops[crops.std(axis=(1, 2)) >= _LEAST_CONTRAST]


@cache
def _photograph(name: str) -> NDArray[np.uint8]:
    loaded: Any = getattr(skimage.data, name)()
    image = loaded[0] if isinstance(loaded, tuple) else loaded  # the left one of a stereo pair
    grey = image if image.ndim == 2 else np.rint(255 * rgb2gray(image))
    photograph: NDArray[np.uint8] = np.asarray(grey, dtype=np.uint8)
    photograph.setflags(write=False)
    return photograph
