"""Pixels as a descriptor: every image at one size, with its contrast normalised on request."""

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.transform import resize

from .._validation.arrays import check_choice, check_count, check_image
from .._validation.typing import FloatImage

Contrast: TypeAlias = Literal["none", "global", "local"]

#: Standard deviation of the local window as a share of the image's side.
_LOCAL_SIGMA = 1 / 16

#: Contrast, in units of the intensity, below which local normalisation stops amplifying.
_LEAST_CONTRAST = 1e-2

#: Relative contrast below which single precision can't tell an image from a constant one.
_ROUNDING = 1e-6


def pixels(
    image: FloatImage, *, size: int = 64, contrast: Contrast = "none"
) -> NDArray[np.float32]:
    """Resize a grey image to a common size and normalise its contrast.

    Parameters
    ----------
    image : ndarray of shape (height, width)
        Grey values without NaN.
    size : int, default=64
        Side of the result in pixels. Images of another shape are interpolated linearly,
        after a Gaussian filter against aliasing where they shrink; images of another aspect
        ratio are stretched.
    contrast : {"none", "global", "local"}, default="none"
        Normalisation of the contrast.

        - "none" leaves the intensities as they are.
        - "global" subtracts the mean of the image and divides by its standard deviation. A
          constant image becomes zero.
        - "local" subtracts the Gaussian mean around each pixel (standard deviation
          `size` / 16, mirrored at the border), and divides by the square root of the
          Gaussian mean of the squared difference plus 0.01 squared.

    Returns
    -------
    ndarray of shape (size, size), float32
        Pixels in units of the intensity for "none", and without unit otherwise.

    Raises
    ------
    TypeError
        If the image or `size` does not hold real numbers.
    ValueError
        If the image is not two-dimensional or holds NaN or infinity, or if a parameter is
        out of range.

    References
    ----------
    K. Jarrett, K. Kavukcuoglu, M. Ranzato, Y. LeCun, "What is the best multi-stage
    architecture for object recognition?", ICCV 2009 (local contrast normalisation).

    Examples
    --------
    >>> import numpy as np
    >>> pixels(np.array([[0.0, 2.0], [2.0, 0.0]]), size=2, contrast="global")
    array([[-1.,  1.],
           [ 1., -1.]], dtype=float32)
    """
    check_choice(contrast, "contrast", get_args(Contrast))
    size = check_count(size, "size")
    return normalised(resized(check_image(image), size)[np.newaxis, np.newaxis], contrast)[0, 0]


def resized(image: FloatImage, size: int) -> FloatImage:
    """Return a checked grey image of `size` x `size` pixels, see `pixels`."""
    values: FloatImage = image.astype(np.float32, copy=False)
    if values.shape != (size, size):
        values = resize(values, (size, size), order=1, anti_aliasing=True, preserve_range=True)
    return values


def normalised(planes: FloatImage, contrast: Contrast) -> NDArray[np.float32]:
    """Return the channels of images of one size without their contrast, see `pixels`.

    Parameters
    ----------
    planes : ndarray of shape (n_images, n_channels, size, size)
        Means are those of each channel. Deviations are of all channels of an image together, or
        the noise of a dark channel would count as much as what is seen in the others.
    contrast : {"none", "global", "local"}

    Returns
    -------
    ndarray of shape (n_images, n_channels, size, size), float32
    """
    if contrast == "global":
        planes = np.stack([_standardised(of_image) for of_image in planes])
    elif contrast == "local":
        planes = _locally_normalised(planes)
    return np.ascontiguousarray(planes, dtype=np.float32)


def _standardised(planes: FloatImage) -> NDArray[np.float64]:
    means = planes.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    centred = planes.astype(np.float64) - means
    deviation = centred.std()
    if deviation <= _ROUNDING * np.abs(planes).max():
        return np.zeros_like(centred)
    return centred / deviation


def _locally_normalised(planes: FloatImage) -> NDArray[np.float64]:
    # All images at once: each call of the filter takes longer than a small image.
    sigma = (0, 0, *[_LOCAL_SIGMA * planes.shape[-1]] * 2)
    residual = planes.astype(np.float64)
    residual -= gaussian_filter(residual, sigma)
    variance = gaussian_filter(residual**2, sigma).mean(axis=1, keepdims=True)
    return residual / np.sqrt(variance + _LEAST_CONTRAST**2)
