"""One file in, one array out, at the depth of the file; or an error that names the file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ._dicom import read_dicom

#: Pillow modes whose array is the image as it is stored.
_PLAIN_MODES = ("1", "L", "LA", "RGB", "RGBA", "F")

#: Modes that hold the same pictures in a form that nothing else here understands.
_CONVERSIONS = {"CMYK": "RGB", "YCbCr": "RGB", "RGBX": "RGB", "RGBa": "RGBA", "La": "LA"}

#: Where a file may name a single colour (or a palette entry) as transparent.
_WITH_ALPHA = {"L": "LA", "RGB": "RGBA"}

_PNG_COLOUR_TYPES = {b"\x02": "RGB", b"\x04": "grey and alpha", b"\x06": "RGBA"}


class ImageReadError(OSError):
    """A file could not be read as one image; the message names the file."""


def read_image(path: Path) -> NDArray[Any]:
    """Read one image file at its own depth.

    Parameters
    ----------
    path : Path
        With one of the suffixes of `READERS`.

    Returns
    -------
    ndarray of shape (height, width) or (height, width, channels)
        A new, contiguous array in native byte order.

    Raises
    ------
    ImageReadError
        If the file is damaged, or is not one image.
    FileNotFoundError, PermissionError
        If there is nothing to read.
    ImportError
        If the file is DICOM and pydicom is not installed.
    """
    try:
        image = READERS[path.suffix.lower()](path)
    except (ImageReadError, FileNotFoundError, PermissionError, ImportError, MemoryError):
        raise
    except Exception as error:  # decoders raise anything when a file is damaged
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise ImageReadError(f"{path} cannot be read as an image: {reason}.") from error
    # Asked for its own type, an array may lose what the type notes of it.
    native = image.dtype.newbyteorder("=")
    return np.ascontiguousarray(image, dtype=None if image.dtype.isnative else native)


def _read_png(path: Path) -> NDArray[Any]:
    with path.open("rb") as file:
        header = file.read(26)
    # Pillow would halve the depth of these without a word.
    depth, colour_type = header[24:25], _PNG_COLOUR_TYPES.get(header[25:26])
    if header.startswith(b"\x89PNG") and depth == b"\x10" and colour_type is not None:
        raise ImageReadError(
            f"{path} is a PNG of 16 bits a channel in {colour_type}, which cannot be read "
            "without loss; save it as 16-bit grey PNG or as TIFF."
        )
    return _read_with_pillow(path)


def _read_with_pillow(path: Path) -> NDArray[Any]:
    with Image.open(path, formats=("PNG", "JPEG", "TIFF", "BMP")) as image:
        # In a JPEG of several pictures (MPO) the others are previews or depth maps.
        if image.format != "MPO":
            _refuse_pages(path, getattr(image, "n_frames", 1))
        image.load()
        return _to_array(image, path)


def _to_array(image: Any, path: Path) -> NDArray[Any]:
    """Pixels of a Pillow image; palettes are expanded, to grey if all colours are."""
    if image.mode.startswith("I;16"):
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
        raise ImageReadError(
            f"{path} is in the colour space {image.mode!r}; expected grey, RGB or a palette, "
            "with or without alpha."
        )
    return np.array(image)


def _grey_if_all_colours_are(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if (pixels[..., :1] != pixels[..., 1:3]).any():
        return pixels
    return pixels[..., 0] if pixels.shape[2] == 3 else pixels[..., [0, 3]]


def _read_tiff(path: Path) -> NDArray[Any]:
    import tifffile  # only folders with TIFF pay for it

    # Pillow knows more compressions and colour spaces, tifffile more depths.
    with tifffile.TiffFile(path) as file:
        _refuse_pages(path, len(file.pages))
        page = file.pages.first
        bits = int(np.max(page.bitspersample))
        if bits > 8 and page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
            raise ImageReadError(
                f"{path} stores white as 0 at {bits} bits a channel, which is not supported; "
                "save it with black as 0."
            )
        plain = page.samplesperpixel == 1 and page.dtype in (np.uint16, np.float32)
        if bits > 8 and not plain:
            pixels: NDArray[Any] = page.asarray()
            return np.moveaxis(pixels, 0, -1) if page.axes.startswith("S") else pixels
    return _read_with_pillow(path)


def _refuse_pages(path: Path, n_pages: int) -> None:
    if n_pages != 1:
        raise ImageReadError(
            f"{path} contains {n_pages} pages or frames; expected a single image. "
            "Save each page as a file of its own."
        )


READERS: dict[str, Callable[[Path], NDArray[Any]]] = {
    ".png": _read_png,
    ".jpg": _read_with_pillow,
    ".jpeg": _read_with_pillow,
    ".tif": _read_tiff,
    ".tiff": _read_tiff,
    ".bmp": _read_with_pillow,
    ".dcm": read_dicom,
}
