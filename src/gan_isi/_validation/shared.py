"""A set of images that estimators share and never copy."""

from typing import Any, Self

import numpy as np

from .items import as_images


class SharedImages:
    """Images that a parameter holds, neither copied by `clone` nor sent to each task.

    An attack puts its generated images into one. Give it yourself where a search runs over
    several large sets, ``{"generated": [SharedImages(one), SharedImages(other)]}``:
    scikit-learn copies other values of a grid for each fit.

    Parameters
    ----------
    images : array-like or sequence of array-like
        The images.
    """

    def __init__(self, images: Any) -> None:
        self.images: Any = images.images if isinstance(images, SharedImages) else as_images(images)

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        return f"SharedImages({len(self) if hasattr(self.images, '__len__') else '?'} images)"

    def __deepcopy__(self, memo: Any) -> Self:
        return self  # also by scikit-learn's clone

    def __getstate__(self) -> dict[str, Any]:
        """Pack a list of small arrays into large ones, which joblib maps instead of copying."""
        images = self.images
        if not isinstance(images, (list, tuple)) or not all(type(i) is np.ndarray for i in images):
            return {"images": images}
        if "_packed" not in self.__dict__:
            kinds: dict[Any, list[int]] = {}
            for number, image in enumerate(images):
                kinds.setdefault((image.shape, image.dtype), []).append(number)
            self._packed = [(n, np.stack([images[i] for i in n])) for n in kinds.values()]
        return {"packed": self._packed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "images" in state:
            self.images = state["images"]
            return
        found = {i: one for numbers, block in state["packed"]
                 for i, one in zip(numbers, block, strict=True)}  # fmt: skip
        self.images = [found[i] for i in range(len(found))]
