"""One image on its way through the families: read, converted and resized once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._validation.images import IntensityRange, to_channels, to_grey
from ..texture.pixels import resized


class Picture:
    """An image that several families describe.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, channels)
        The image as it was read.
    name : str
        How errors speak of it.
    """

    def __init__(self, image: Any, name: str) -> None:
        self.image = image
        self._name = name
        self._grey: dict[Any, NDArray[np.float32]] = {}
        self._resized: dict[Any, NDArray[np.floating[Any]]] = {}

    def grey(self, intensity_range: IntensityRange) -> NDArray[np.float32]:
        """Return the grey image, its intensity range mapped to 0..1."""
        key = _key(intensity_range)
        if key not in self._grey:
            self._grey[key] = to_grey(self.image, intensity_range, self._name)
        return self._grey[key]

    def resized(
        self, size: int, intensity_range: IntensityRange, n_channels: int = 1
    ) -> NDArray[np.floating[Any]]:
        """Return the grey image, or its colours, of shape (n_channels, size, size)."""
        key = size, _key(intensity_range), n_channels
        if key not in self._resized:
            if n_channels == 1:
                planes = self.grey(intensity_range)[np.newaxis]
            else:
                planes = to_channels(self.image, intensity_range, self._name)
            self._resized[key] = np.stack([resized(plane, size) for plane in planes])
        return self._resized[key]


def _key(intensity_range: IntensityRange) -> Any:
    return intensity_range if isinstance(intensity_range, str) else tuple(intensity_range)
