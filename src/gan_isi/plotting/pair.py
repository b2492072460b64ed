"""A real image beside a generated one: how alike they are, in which pose, and in which parts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from .._validation.images import to_channels
from ..descriptors import PixelDescriptor
from ..distances import PairwisePoseTransformer, PairwiseTileTransformer, Pose, moved

#: By how much more a pair has to be alike in another pose, and how much at least, for that to be
#: taken for its pose: among thousands of poses some are better by chance. Of ten X-rays and as many
#: generated ones taken as they come, the largest correlation in the best of all poses was 0.46.
_GAIN, _LEAST = 0.1, 0.6

#: Side of the pictures whose correlation is the similarity.
_SIDE = 32


@dataclass(frozen=True)
class Pair:
    """How alike a real and a generated image are.

    Attributes
    ----------
    similarity : float
        Correlation of both at 32 x 32 pixels with local contrast, -1 to 1, in the pose.
    pose : Pose or None
        How the real image is to be moved so that it lies on the generated one; None where it
        lies on it as it is, or as badly in any pose.
    """

    similarity: float
    pose: Pose | None

    def placed(self, generated: Any) -> NDArray[np.float64]:
        """Return the generated image moved so that it lies on the real one, in colour."""
        picture = shown(generated)
        return picture if self.pose is None else moved(picture, self.pose, backwards=True)


def compare_pair(real: Any, generated: Any) -> Pair:
    """Find out how alike two images are, and in which pose.

    Parameters
    ----------
    real, generated : array-like of shape (height, width) or (height, width, channels)
        Two images of any sizes, which are stretched to a square.

    Returns
    -------
    Pair
    """
    descriptor = PixelDescriptor(
        size=_SIDE, contrast="local", colour=False, intensity_range="image"
    )
    own, other = descriptor.fit_transform([np.asarray(real), np.asarray(generated)])
    as_they_are = _correlation(own, other)
    poses = PairwisePoseTransformer().fit(own[np.newaxis], generated=other[np.newaxis])
    pose = poses.find_pose(own, 0)
    side = own.reshape(_SIDE, _SIDE).astype(float)
    in_pose = _correlation(moved(side, pose).ravel(), other)
    if in_pose < max(_LEAST, as_they_are + _GAIN):
        return Pair(as_they_are, None)
    return Pair(in_pose, pose)


def likeness(real: Any, generated: Any, view: Any = None) -> NDArray[np.float64]:
    """Return which parts of a real image are found in a generated one.

    Parameters
    ----------
    real, generated : array-like of shape (height, width) or (height, width, channels)
        Two images.
    view : PairwiseTileTransformer, default=None
        What searches, fitted or not; None is that with its defaults, at 64 x 64 pixels.

    Returns
    -------
    ndarray of shape (side, side)
        As of :meth:`PairwiseTileTransformer.tile_map`.
    """
    view = PairwiseTileTransformer() if view is None else view
    size = round(view.reference_.shape[2] ** 0.5) if hasattr(view, "reference_") else 64
    descriptor = PixelDescriptor(size=size, contrast="local", intensity_range="image")
    rows = descriptor.fit_transform([np.asarray(real), np.asarray(generated)])
    return clone(view).set_params(families=None).fit(rows).tile_map(*rows)


def in_words(pose: Pose | None) -> str:
    """Return a pose as words, such as "mirrored, rotated by 10 degrees"; nothing for None."""
    if pose is None:
        return ""
    said = ["mirrored"] if pose.mirrored else []
    angle = (pose.angle - 180) % -360 + 180  # above -180, and up to 180
    said += [f"rotated by {angle:g} degrees"] if angle else []
    said += [f"magnified {pose.zoom:.2f} times"] if pose.zoom != 1 else []
    for share, names in zip(pose.shift, (("down", "up"), ("right", "left")), strict=True):
        if percent := round(100 * abs(share)):
            said.append(f"shifted {names[share < 0]} by {percent} %")
    return ", ".join(said)


def shown(image: Any) -> NDArray[np.float64]:
    """Return a picture to be shown, (height, width) or (height, width, 3), from 0 to 1.

    8-bit images keep their intensities; of others black and white are the smallest and the
    largest intensity.
    """
    array = np.asarray(image)
    scale = "dtype" if array.dtype in (np.uint8, bool) else "image"
    planes = to_channels(array, scale).astype(float).clip(0, 1)
    return planes[0] if (planes == planes[0]).all() else np.moveaxis(planes, 0, -1)


def _correlation(one: NDArray[Any], other: NDArray[Any]) -> float:
    one, other = (np.asarray(row, dtype=float) - np.mean(row) for row in (one, other))
    norm = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / norm) if norm > 0 else 0.0
