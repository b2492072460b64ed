"""A membership problem of known truth, from photographs that scikit-image ships."""

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

#: Photographs inside the wheel of scikit-image (0.24 or later), so nothing is downloaded.
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

#: Crops that vary less (standard deviation in grey levels) are sky, not texture.
_LEAST_CONTRAST = 4.0

_DESCR = """\
Built-in membership problem

Disjoint square crops of photographs that scikit-image ships, in 8-bit grey. Half of
them, drawn at random, are members. The generated images come from a smoothed bootstrap
that was fitted on the members only. `memorization` turns it from copies of its training
set (1) to images that do not depend on the training set at all (0).
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

    Photographs that are part of scikit-image are cut into disjoint crops. Chance makes
    half of them members, and a generator is fitted on the members only. How much it
    tells of them is one number.

    Parameters
    ----------
    n_images : int, default=80
        Number of real images; even, since half of them are members.
    n_generated : int, default=120
        Number of generated images.
    image_size : int, default=64
        Height and width of all images in pixels, at least 8.
    memorization : float, default=1.0
        From 1, where generated images are copies of members, to 0, where they do not
        depend on who is a member.
    random_state : int, RandomState instance or None, default=None
        Decides everything. With the same integer, problems that differ only in
        `memorization` share images, members and the noise of the generator.

    Returns
    -------
    Bunch
        Dictionary-like, with the attributes

        images : ndarray of shape (n_images, image_size, image_size), uint8
            The real images, in random order.
        target : ndarray of shape (n_images,), int
            1 for members, 0 for the others; exactly half each.
        generated : ndarray of shape (n_generated, image_size, image_size), uint8
            The generated images.
        groups : ndarray of shape (n_images,), int
            The photograph that each image was cut from, an index into `group_names`.
        group_names : list of str
            Names of the photographs, as in `skimage.data`.
        source : ndarray of shape (n_generated,), int
            The member (an index into `images`) that each generated image was derived
            from. Ground truth for tests; without meaning at ``memorization=0``.
        target_names : list of str
            ``["not_used", "used"]``.
        DESCR : str
            A description.

    Raises
    ------
    ValueError
        If `n_images` is odd, or the photographs do not give that many crops.

    Notes
    -----
    The generator is a smoothed bootstrap, that is, a sample of a kernel density estimate,
    shrunk so that it keeps the variance of the population [1]_:

    .. math:: x = \mu + t\,(x_i - \mu) + \sqrt{1 - t^2}\; e

    with :math:`x_i` a member (each is used equally often, give or take one),
    :math:`t` the memorization, :math:`\mu` a mean grey value and :math:`e` a stationary
    (periodic) Gaussian field; then rounded and clipped to 8 bits. :math:`\mu` and the
    power spectrum of :math:`e`, taken about :math:`\mu` and so with the variation of
    brightness, come from a third set of crops, neither members nor not.

    Which half of the images are members is drawn without regard to the photographs. All
    choices being equally likely, permuting the labels gives an exact null distribution;
    a balance within each photograph would not.

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
        raise ValueError(f"n_images={n_images} is odd; expected an even number, half are members.")
    rng = check_random_state(random_state)
    # Streams of their own: the generator's noise is the same whoever is a member.
    dealing, choosing, generating = (RandomState(s) for s in rng.randint(2**31 - 1, size=3))
    deal = _deal(n_images // 2, image_size, dealing)
    members = _choose_members(n_images, choosing)
    bootstrap = _SmoothedBootstrap(memorization).fit(deal.images[members], deal.auxiliary)
    generated, derived_from = bootstrap.sample(n_generated, generating)
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


class _SmoothedBootstrap:
    """Sample a kernel density estimate of the members (see `make_membership_problem`).

    The members enter through `members_` alone, and what is drawn at random does not
    depend on them but on their number.
    """

    def __init__(self, memorization: float) -> None:
        self.memorization = memorization

    def fit(self, members: NDArray[np.uint8], auxiliary: NDArray[np.uint8]) -> "_SmoothedBootstrap":
        self.members_ = members.astype(np.float64)
        self.mean_ = float(auxiliary.mean())
        power = np.abs(np.fft.rfft2(auxiliary - self.mean_)) ** 2
        # White noise of unit variance has a mean power of one a pixel.
        self.amplitude_ = np.sqrt(power.mean(axis=0) / auxiliary[0].size)
        return self

    def sample(
        self, n_samples: int, rng: RandomState
    ) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
        """Draw images, and tell the row of the member that each was derived from."""
        members = _round_robin(len(self.members_), n_samples, rng)
        noise_share = np.sqrt(1 - self.memorization**2)
        generated = np.empty((n_samples, *self.members_.shape[1:]), dtype=np.uint8)
        for image, member in zip(generated, members, strict=True):
            signal = self.memorization * (self.members_[member] - self.mean_)
            sample = self.mean_ + signal + noise_share * self._field(rng)
            image[:] = np.clip(np.rint(sample), 0, 255)
        return generated, members

    def _field(self, rng: RandomState) -> NDArray[np.float64]:
        shape = self.members_.shape[1:]
        spectrum = self.amplitude_ * np.fft.rfft2(rng.standard_normal(shape))
        field: NDArray[np.float64] = np.fft.irfft2(spectrum, s=shape)
        return field


def _round_robin(n_items: int, n_draws: int, rng: RandomState) -> NDArray[np.intp]:
    """Draw all items before any comes again, in a new order each time."""
    n_rounds = -(-n_draws // n_items)
    return np.concatenate([rng.permutation(n_items) for _ in range(n_rounds)])[:n_draws]


def _choose_members(n_images: int, rng: RandomState) -> NDArray[np.intp]:
    """Rows of half of the images, all halves equally likely."""
    return np.sort(rng.permutation(n_images)[: n_images // 2])


def _deal(n_auxiliary: int, image_size: int, rng: RandomState) -> _Deal:
    """Deal `n_auxiliary` crops and twice as many images out of the same photographs."""
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
    """Spread `total` over the photographs, as evenly as they can give."""
    if total > sum(capacities):
        raise ValueError(
            f"n_images={2 * total} is more than the photographs give at "
            f"image_size={image_size}: at most {2 * sum(capacities)} images (and half as many "
            "for the generator's model of the population)."
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
    """Disjoint crops of a photograph, on a grid; (n_crops, image_size, image_size)."""
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
