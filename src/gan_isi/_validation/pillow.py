"""Conversion of Pillow's images to arrays, as stored or rotated as their metadata say."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Pillow modes whose array is the image as it is stored.
_PLAIN_MODES = ("1", "L", "LA", "RGB", "RGBA", "F")

#: Modes that are converted, since nothing else here understands them.
_CONVERSIONS = {"CMYK": "RGB", "YCbCr": "RGB", "RGBX": "RGB", "RGBa": "RGBA", "La": "LA"}

#: Modes in which a file may declare a single colour transparent, and the mode with alpha.
_WITH_ALPHA = {"L": "LA", "RGB": "RGBA"}

#: Inverses of the orientations that are not their own inverse.
_INVERSE = {6: 8, 8: 6}

ORIENTATION = 0x0112


def to_array(image: Any, name: str) -> NDArray[Any]:
    """Return the pixels of a Pillow image; palettes are expanded, to grey if all colours are grey.

    Parameters
    ----------
    image : PIL.Image.Image
        Image, which may not be decoded yet.
    name : str
        Name of the image in errors.

    Returns
    -------
    ndarray of shape (height, width) or (height, width, channels)
        Pixels as they are stored.

    Raises
    ------
    ValueError
        If the colour space is not supported, such as LAB.
    """
    if image.mode.startswith("I;16"):
        if "transparency" in image.info:
            raise ValueError(
                f"{name} has 16 bits and a transparent grey level, which is not supported; "
                "save it without transparency."
            )
        return np.array(image)
    if image.mode == "I":
        # Older Pillow opens 16-bit grey PNG as 32-bit integers.
        return np.array(image).astype(np.uint16 if image.format == "PNG" else np.int32)
    if image.mode in ("P", "PA"):
        opaque = image.mode == "P" and "transparency" not in image.info
        return _grey_if_all_colours_are(np.array(image.convert("RGB" if opaque else "RGBA")))
    if image.mode in _CONVERSIONS:
        image = image.convert(_CONVERSIONS[image.mode])
    elif image.mode in _WITH_ALPHA and "transparency" in image.info:
        image = image.convert(_WITH_ALPHA[image.mode])
    if image.mode not in _PLAIN_MODES:
        raise ValueError(
            f"{name} is in the colour space {image.mode!r}; expected grey, RGB or a palette, "
            "with or without alpha."
        )
    return np.array(image)


def _grey_if_all_colours_are(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if (pixels[..., :1] != pixels[..., 1:3]).any():
        return pixels
    return pixels[..., 0] if pixels.shape[2] == 3 else pixels[..., [0, 3]]


def orientation_of(image: Any) -> int:
    """Return the orientation (EXIF or TIFF, 1 to 8) in a Pillow image's metadata; 1 is upright."""
    # For a PNG without it, `getexif` would decode the picture to look for it.
    if image.format == "PNG" and "exif" not in image.info:
        return 1
    noted = image.getexif().get(ORIENTATION)
    return int(noted) if noted in range(2, 9) else 1


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Rotate or mirror stored pixels as an orientation (1 to 8) says."""
    if orientation >= 5:
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def as_stored(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undo `upright`."""
    return upright(pixels, _INVERSE.get(orientation, orientation))
