"""What a monitor is given: images of several libraries, their scale and their patients."""

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._preflight.before_fit import PreflightWarning
from .._preflight.comparison import compare, scaled_range
from .._preflight.looks import look_at
from .._validation.images import IntensityRange
from .._validation.items import as_image, read_once, spread
from ..statistics.looks import smallest_p_value
from .copies import called_in, find_copies, words_of_copies

#: Images of each set whose intensities are compared at each check.
_LOOKED_AT = 20


def plain(images: Any, name: str) -> Any:
    """Return images as the library takes them, tensors of any device included.

    Parameters
    ----------
    images : array-like, tensor or sequence
        Images, such as a tensor (n, channels, height, width).
    name : str
        Name of the argument in errors.

    Returns
    -------
    array-like or sequence

    Raises
    ------
    ValueError
        For one image alone, and for a list of batches.
    """
    if hasattr(images, "detach"):
        tensor = images.detach().cpu()
        # NumPy has no bfloat16.
        images = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    elif isinstance(images, (list, tuple)):
        images = [plain(one, name) if hasattr(one, "detach") else one for one in images]
        if len(images) and getattr(images[0], "ndim", 0) == 4:
            raise ValueError(
                f"{name} is a list of batches; put them together, torch.cat({name}) or "
                f"np.concatenate({name})."
            )
    if getattr(images, "ndim", 0) == 2:
        raise ValueError(
            f"{name} has the shape {images.shape}; images are (n, height, width), or with channels "
            f"first or last. A single image is {name}[None]."
        )
    return read_once(images)


class MonitorInputs:
    """What real images look like, for generated ones to be compared with.

    Parameters
    ----------
    sets : mapping of str to images
        The real images, "used" and "not used".
    ranges : sequence of {"dtype", "image"} or (low, high)
        Intensities that become 0 and 1.
    """

    def __init__(self, sets: Mapping[str, Any], ranges: Sequence[IntensityRange]) -> None:
        self.ranges = ranges
        self.looks = [
            look_at(name, images, spread(len(images), _LOOKED_AT), copies=False)
            for name, images in sets.items()
        ]

    def patients(
        self, sets: Mapping[str, Any], groups: NDArray[np.intp] | None
    ) -> NDArray[np.intp] | None:
        """Compare the two sets, and take copies for images of one patient.

        Parameters
        ----------
        sets : mapping of str to images
            The real images.
        groups : ndarray of int or None
            Patients, where they were given.

        Returns
        -------
        ndarray of int or None
            The same; where none were given, there are some if pictures are there twice.

        Raises
        ------
        ValueError
            If a picture is in both sets, or their intensities have another scale.
        """
        looks = [look_at(name, images) for name, images in sets.items()]
        errors, warned = compare(looks, self.ranges)
        called = called_in(looks)
        own = [None] * len(called) if groups is None else groups.tolist()
        copies = find_copies(looks)
        clash, doubled = words_of_copies(copies, dict(zip(called, own, strict=True)), called)
        if errors + clash:
            raise ValueError(" ".join(errors + clash))
        for text in warned + doubled:
            warnings.warn(text, PreflightWarning, stacklevel=4)
        if groups is not None or not copies:
            return groups
        groups = np.arange(len(called))
        places = {image: place for place, image in enumerate(called)}
        for group in copies:
            groups[[places[image] for image in group]] = places[group[0]]
        return groups

    def check_scale(self, generated: Any, *, first: bool) -> None:
        """Refuse another scale of intensities; other differences are warned of at the first check.

        What a generator makes early in training may be grey or noise, which is no mistake.

        Parameters
        ----------
        generated : array-like or sequence
            Generated images.
        first : bool
            Whether this is the first check.

        Raises
        ------
        ValueError
            For intensities outside of the range where those of real images are within, and for
            another data type with another range.
        """
        some = look_at("generated", generated, spread(len(generated), _LOOKED_AT), copies=False)
        errors, warned = compare([*self.looks, some], self.ranges)
        spans = [scaled_range(some, one) for one in self.ranges if one != "image"]
        kinds = {str(kind) for one in self.looks for kind in one.kinds}
        fits = all(low >= -0.1 and high <= 1.1 for low, high in spans)
        if errors and not (fits and set(map(str, some.kinds)) <= kinds):
            raise ValueError(
                f"{errors[0]} Here it is MemorizationMonitor(..., intensity_range=(low, high))."
            )
        for text in (*errors, *warned) if first else ():
            warnings.warn(text, PreflightWarning, stacklevel=4)


def check_enough(labels: NDArray[np.intp], groups: NDArray[np.intp] | None, level: float) -> None:
    """Refuse patients that are used and not used, and too few to ever name a checkpoint.

    Parameters
    ----------
    labels : ndarray of shape (n_images,)
        1 for used images, 0 for others.
    groups : ndarray of shape (n_images,) or None
        Patients.
    level : float
        Level of the first checkpoint.

    Raises
    ------
    ValueError
    """
    numbers = np.arange(len(labels)) if groups is None else groups
    patients = np.unique(np.column_stack([numbers, labels]), axis=0)
    if len(patients) > len(np.unique(numbers)):
        raise ValueError(
            "Some patients in groups have used images and others; a patient is used or not used "
            "as a whole here. Leave the images not used of these patients out."
        )
    used = patients[:, 1] == 1
    least = 2 * smallest_p_value(used)
    if least > level:
        raise ValueError(
            f"With {used.sum()} used patients and {(~used).sum()} others no p-value is below "
            f"{least:.2g}, and the first checkpoint is tested at {level:.2g}: copies could never "
            "be named. Give more images, or fewer n_checkpoints."
        )


def digest_of(sets: Mapping[str, Any], groups: NDArray[np.intp] | None) -> str:
    """Return what tells real images, their order and their patients apart.

    Parameters
    ----------
    sets : mapping of str to images
        The real images.
    groups : ndarray of int or None
        Patients.

    Returns
    -------
    str
        SHA-256 of names, pixels and patients.
    """
    found = hashlib.sha256(repr(None if groups is None else groups.tolist()).encode())
    for name, images in sets.items():
        for number in range(len(images)):
            image = np.ascontiguousarray(as_image(images[number], f"image {number}"))
            found.update(f"{name} {image.dtype} {image.shape}".encode() + image.tobytes())
    return found.hexdigest()
