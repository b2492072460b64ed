"""The pixels as a descriptor, for distances that compare pictures point by point."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from .._runtime.sklearn_compat import Interval, StrOptions, check_feature_names_in
from .._validation.blocks import Block
from .._validation.images import IntensityRange, is_coloured
from ..texture.pixels import Contrast, normalised
from .picture import Picture
from .transformer import BaseImageTransformer

#: Pixels whose contrast is taken out at once: many of small images, one large one.
_AT_ONCE = 2**18


class PixelDescriptor(BaseImageTransformer):
    """The image itself, at one size, as a row of pixels.

    The CDF of a texture does not tell where things are in an image, but that shows a copy.
    The rows are meant for :class:`PairwiseDistanceTransformer`; they are not CDF vectors.

    Parameters
    ----------
    size : int, default=64
        Side in pixels to which every image is resized, by linear interpolation if its shape
        differs. Images that are not square are stretched.
    contrast : {"none", "global", "local"}, default="none"
        Normalisation of the contrast, so that brightness and exposure don't hide a copy:
        none, by the mean and standard deviation of the image, or by those around each pixel.
        See `gan_isi.texture.pixels`. Of colours, the mean is that of each channel and the
        deviation that of all three together.
    colour : bool or "auto", default="auto"
        Whether a row holds red, green and blue, one after the other, or the grey image. "auto":
        colours where one of up to eight images of `fit` has channels that differ; grey stored
        as RGB is grey. A grey image among coloured ones has three equal channels.
    intensity_range : {"dtype", "image"} or tuple (low, high), default="dtype"
        Intensities that become 0 and 1, see :class:`BaseDescriptor`.
    n_jobs : int, default=None
        Number of parallel jobs, which changes no result.
    memory : str, path or joblib.Memory, default=None
        Folder that keeps the rows of images for later calls, see :class:`BaseDescriptor`.
    verbose : int or bool, default=False
        Whether `transform` shows a progress bar.

    Attributes
    ----------
    shape_ : tuple (size, size)
        Shape of each channel that a row holds, row by row.
    n_channels_ : int
        1 for grey, 3 for red, green and blue.
    n_features_in_ : int
        Number of columns, if `fit` saw a two-dimensional array.
    feature_names_in_ : ndarray of str
        Names of these columns, if all of them are strings.

    See Also
    --------
    PairwiseDistanceTransformer : Compares the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi import PixelDescriptor
    >>> images = np.arange(32, dtype=np.uint8).reshape(2, 4, 4)
    >>> PixelDescriptor(size=2).fit_transform(images).shape
    (2, 4)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseImageTransformer._parameter_constraints,
        "size": [Interval(Integral, 1, None, closed="left")],
        "contrast": [StrOptions(set(get_args(Contrast)))],
        "colour": [StrOptions({"auto"}), "boolean"],
    }

    _fitted_attribute = "shape_"

    def __init__(
        self,
        *,
        size: int = 64,
        contrast: Contrast = "none",
        colour: bool | str = "auto",
        intensity_range: IntensityRange = "dtype",
        n_jobs: int | None = None,
        memory: Any = None,
        verbose: int | bool = False,
    ) -> None:
        self.size = size
        self.contrast = contrast
        self.colour = colour
        self.intensity_range = intensity_range
        self.n_jobs = n_jobs
        self.memory = memory
        self.verbose = verbose

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """Return the names of the columns, which have the row and column of the pixel.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names that are only compared with the columns seen in `fit`.

        Returns
        -------
        ndarray of shape (n_channels * size * size,), object
            Names such as ``pixel_r0_c63``, or ``pixel_red_r0_c63`` where there are colours.
        """
        check_is_fitted(self, "shape_")
        check_feature_names_in(self, input_features, generate_names=False)
        height, width = self.shape_
        colours = ("",) if self.n_channels_ == 1 else ("red_", "green_", "blue_")
        return np.array(
            [
                f"pixel_{colour}r{row}_c{column}"
                for colour in colours
                for row in range(height)
                for column in range(width)
            ],
            dtype=object,
        )

    @property
    def _n_features_out(self) -> int:
        return self.n_channels_ * self.shape_[0] * self.shape_[1]

    def _set_fitted(self, images: Any) -> None:
        self.shape_ = (self.size, self.size)
        coloured = is_coloured(images) if self.colour == "auto" else self.colour
        self.n_channels_ = 3 if coloured else 1

    def _cache_key(self) -> tuple[Any, ...]:
        *family, parameters, code = super()._cache_key()
        del parameters["colour"]  # "auto" may be either
        return *family, parameters, code, self.n_channels_

    @property
    def blocks_(self) -> list[Block]:
        """All pixels as one block of one map."""
        return [Block("pixels", ("pixels",), self._n_features_out)]

    def _describe(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        images = [
            one.resized(self.size, self.intensity_range, self.n_channels_) for one in pictures
        ]
        parts = gen_batches(len(images), max(1, _AT_ONCE // self._n_features_out))
        rows = [normalised(np.stack(images[part]), self.contrast) for part in parts]
        return np.concatenate(rows).reshape(len(images), -1)
