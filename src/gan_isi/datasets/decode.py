"""Decoding of one picture to one array at the bit depth of the file; errors name the file."""

import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .._validation.pillow import as_stored, orientation_of, to_array, upright
from .dicom import read_dicom
from .formats import format_of

#: Largest height x width of a picture; a larger one is refused before it is decoded.
MAX_PIXELS = 2**27

_PNG_COLOUR_TYPES = {b"\x02": "RGB", b"\x04": "grey and alpha", b"\x06": "RGBA"}

#: Compressions of TIFF that are read without Pillow: deflate, and no compression.
_INFLATES, _PLAIN = {8, 32946}, {1}

#: Largest ratio between the sizes of data and of the same data deflated.
_DEFLATE_RATIO = 1032

#: Codes of alpha among the extra samples of a TIFF: multiplied into the colours, or not.
_ASSOCIATED, _UNASSOCIATED = 1, 2


class ImageReadError(OSError):
    """A file could not be read as one image; the message names the file."""


def decode(file: BinaryIO, path: Path, max_pixels: int, exif_transpose: bool) -> NDArray[Any]:
    """Decode an open file at its own bit depth.

    Parameters
    ----------
    file : file object
        File, open at its beginning.
    path : Path
        Path of the file for errors. Its suffix decides if the content does not tell the format.
    max_pixels : int
        Largest number of pixels, height x width.
    exif_transpose : bool
        Whether the orientation in the file's metadata is applied.

    Returns
    -------
    ndarray of shape (height, width) or (height, width, channels)
        A new, contiguous array in native byte order.

    Raises
    ------
    ImageReadError
        If the file is damaged, is not one image, or is too large.
    ImportError
        If the file is DICOM and pydicom is not installed.
    """
    kind = format_of(file, path.name)
    if kind not in READERS:
        what = f"its content is {kind}, which is not read as a single image"
        if kind is None:
            what = "its beginning is that of no known format"
        raise ImageReadError(f"{path} cannot be read as an image: {what}.")
    image = READERS[kind](file, path, max_pixels)
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] > 4) or not image.size:
        raise ImageReadError(
            f"{path} holds an array of shape {image.shape}; expected height x width, with 1 to 4 "
            "channels."
        )
    if image.dtype.kind not in "buif":
        raise ImageReadError(
            f"{path} holds values of the type {image.dtype}; expected integers or floats."
        )
    if exif_transpose:
        image = upright(image, orientation(file, kind))
    # A conversion to the same type could lose the metadata of the type.
    native = image.dtype.newbyteorder("=")
    return np.ascontiguousarray(image, dtype=None if image.dtype.isnative else native)


def orientation(file: BinaryIO, kind: str | None) -> int:
    """Return the orientation (1 to 8) in the metadata of an open file."""
    if kind not in ("PNG", "JPEG", "TIFF", "WEBP"):
        return 1
    file.seek(0)
    return orientation_of(_open_with_pillow(file, kind))


def refuse_size(path: Path, height: int, width: int, max_pixels: int) -> None:
    """Raise ImageReadError for a picture with more than `max_pixels` pixels."""
    if height * width > max_pixels:
        raise ImageReadError(
            f"{path} has {height} x {width} pixels, more than max_pixels={max_pixels}. Give "
            f"load_images(max_pixels={height * width}), in the shell --max-pixels, if there is "
            "enough memory; or make the pictures smaller."
        )


def refuse_pages(path: Path, n_pages: int) -> None:
    """Raise ImageReadError unless a file holds one picture."""
    if n_pages != 1:
        raise ImageReadError(
            f"{path} contains {n_pages} pages or frames; expected a single image. "
            "Save each page as a file of its own."
        )


def _read_png(file: BinaryIO, path: Path, max_pixels: int) -> NDArray[Any]:
    header = file.read(26)
    # Pillow would silently reduce these to 8 bits.
    depth, colour_type = header[24:25], _PNG_COLOUR_TYPES.get(header[25:26])
    if depth == b"\x10" and colour_type is not None:
        raise ImageReadError(
            f"{path} is a PNG of 16 bits a channel in {colour_type}, which cannot be read "
            "without loss; save it as 16-bit grey PNG or as TIFF."
        )
    return _read_with_pillow(file, path, max_pixels, "PNG")


def _read_jpeg2000(file: BinaryIO, path: Path, max_pixels: int) -> NDArray[Any]:
    # After the markers SOC and SIZ come a length (2 bytes), a profile (2), eight sizes (4 each),
    # the number of components (2), and for each component its depth (top bit: signed) and steps.
    head = file.read(2**16)
    start = head.find(b"\xff\x4f\xff\x51") + 4
    n_components = int.from_bytes(head[start + 36 : start + 38], "big")
    width, height = (int.from_bytes(head[start + i : start + i + 4], "big") for i in (4, 8))
    refuse_size(path, height, width, max_pixels)
    depths = {byte + 1 for byte in head[start + 38 : start + 38 + 3 * n_components : 3]}
    if start < 4 or not (depths == {8} or (depths == {16} and n_components == 1)):
        raise ImageReadError(
            f"{path} is a JPEG 2000 of {n_components} components of {sorted(depths)} bits "
            "(above 128: signed), which cannot be read without loss; expected 8 bits, or 16 in "
            "grey. Save it as TIFF."
        )
    return _read_with_pillow(file, path, max_pixels, "JPEG2000")


def _read_webp(file: BinaryIO, path: Path, max_pixels: int) -> NDArray[Any]:
    head = file.read(30)
    if head[12:16] == b"VP8X":  # Pillow allocates this canvas when it opens the file
        width, height = (1 + int.from_bytes(head[i : i + 3], "little") for i in (24, 27))
        refuse_size(path, height, width, max_pixels)
    return _read_with_pillow(file, path, max_pixels, "WEBP")


def _open_with_pillow(file: BinaryIO, kind: str) -> Any:
    # Pillow's own limit is a setting of the process, and does not hold for TIFF in floats.
    Image.init()
    if kind not in Image.OPEN:
        raise ValueError(f"this Pillow was built without {kind}")
    # The file is not opened by its path, since Pillow then scrambles TIFF with an orientation.
    return Image.OPEN[kind][0](file, None)


def _read_with_pillow(file: BinaryIO, path: Path, max_pixels: int, kind: str) -> NDArray[Any]:
    file.seek(0)
    with _open_with_pillow(file, kind) as image:
        refuse_size(path, image.height, image.width, max_pixels)
        # The other pictures of a JPEG with several (MPO) are previews or depth maps.
        if image.format != "MPO":
            refuse_pages(path, getattr(image, "n_frames", 1))
        turned = orientation_of(image) if kind == "TIFF" else 1
        image.load()
        pixels = _to_array(image, path)
        # Pillow rotates TIFF files, and deletes their orientation, but no other files.
        return as_stored(pixels, turned) if orientation_of(image) != turned else pixels


def _to_array(image: Any, path: Path) -> NDArray[Any]:
    try:
        return to_array(image, str(path))
    except ValueError as error:
        raise ImageReadError(str(error)) from error


def _read_tiff(file: BinaryIO, path: Path, max_pixels: int) -> NDArray[Any]:
    import tifffile  # here, since it is slow to import and few folders need it

    with tifffile.TiffFile(file) as tiff:
        refuse_pages(path, len(tiff.pages))
        page: Any = tiff.pages.first
        refuse_size(path, page.imagelength, page.imagewidth, max_pixels)
        if tiff.is_imagej or tiff.is_shaped:  # one page may stand for several planes
            refuse_pages(path, tiff.series[0].size // max(page.size, 1))
        refuse_pages(path, page.imagedepth)
        if page.is_reduced:  # as in raw files of cameras
            raise ImageReadError(
                f"{path} begins with a reduced copy of its image; save the image itself."
            )
        if page.is_tiled:
            refuse_size(path, page.tilelength, page.tilewidth, max_pixels)
        alpha = _refuse_samples(page, path)
        kinds = tifffile.PHOTOMETRIC
        bits = {int(one) for one in np.ravel(page.bitspersample)}
        plain = page.photometric in (kinds.MINISBLACK, kinds.MINISWHITE, kinds.RGB)
        if not bits <= {1, 2, 4, 8, 16, 32, 64} or len(bits) > 1 or (max(bits) > 8 and not plain):
            raise ImageReadError(
                f"{path} has {sorted(bits)} bits a channel in the photometric interpretation "
                f"{page.photometric.name}; expected 8, or 16 in grey or RGB."
            )
        # Pillow knows more compressions, but reads these wrongly.
        shallow = page.dtype == np.uint8 and (page.planarconfig == 1 or page.samplesperpixel == 1)
        grey = page.samplesperpixel == 1 and page.dtype in (np.uint16, np.float32)
        if plain and min(bits) >= 8 and int(page.compression) in _INFLATES | _PLAIN:
            parts = (*page.dataoffsets, *page.databytecounts)
            if 0 in parts or len(parts) < 2 * np.prod(page.chunked):  # would be read as zeros
                raise ImageReadError(f"{path} is damaged: a part of it has no data.")
            if int(page.compression) in _INFLATES:
                _refuse_inflation(page, file, path, max_pixels)
            return _values(page, path, alpha)
        if max(bits) >= 8 and not shallow and not (grey and page.photometric == kinds.MINISBLACK):
            raise ImageReadError(
                f"{path} is compressed by {page.compression.name}, which is not supported for the "
                f"type {page.dtype} or for planes; save it without compression or with deflate."
            )
    return _read_with_pillow(file, path, max_pixels, "TIFF")


def _refuse_inflation(page: Any, file: BinaryIO, path: Path, max_pixels: int) -> None:
    """Raise ImageReadError for deflated data that would fill the memory."""
    most = 32 * max_pixels
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        if count * _DEFLATE_RATIO > most:
            file.seek(offset)
            inflating = zlib.decompressobj()
            size = len(inflating.decompress(file.read(count), page.nbytes + 1))
            if size > page.nbytes or inflating.unconsumed_tail:
                raise ImageReadError(f"{path} holds more data than its pixels need; save it again.")


def _refuse_samples(page: Any, path: Path) -> int | None:
    """Return the code of a TIFF's alpha, or None without; other extra samples are refused."""
    extra = tuple(map(int, page.extrasamples))
    names = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3}  # colours by photometric interpretation
    n_extra = page.samplesperpixel - names.get(int(page.photometric), 3)
    if n_extra == 0 and not extra:
        return None
    if n_extra != 1 or len(extra) != 1 or extra[0] not in (_ASSOCIATED, _UNASSOCIATED):
        raise ImageReadError(
            f"{path} has {page.samplesperpixel} channels in the photometric interpretation "
            f"{page.photometric.name}, and does not say what the extra ones are; expected grey "
            "or RGB, with or without alpha. Save only the channels of the picture."
        )
    return extra[0]


def _values(page: Any, path: Path, alpha: int | None) -> NDArray[Any]:
    pixels: NDArray[Any] = page.asarray()
    if page.axes.startswith("S"):
        pixels = np.moveaxis(pixels, 0, -1)
    if page.photometric.name != "MINISWHITE" and alpha != _ASSOCIATED:
        return pixels
    if pixels.dtype.kind != "u" or pixels.itemsize > 4:
        raise ImageReadError(
            f"{path} stores white as 0, or colours multiplied by alpha, in the type "
            f"{pixels.dtype}, which is not supported; save it with black as 0 and separate alpha."
        )
    white = np.iinfo(pixels.dtype).max
    if page.photometric.name == "MINISWHITE":
        if alpha is not None:
            raise ImageReadError(f"{path} stores white as 0 and has alpha; save black as 0.")
        return white - pixels
    colours, opacity = pixels[..., :-1].astype(np.uint64), pixels[..., -1:].astype(np.uint64)
    straight = np.minimum(colours * white // np.maximum(opacity, 1), white)
    straight = np.where(opacity > 0, straight, colours)
    return np.concatenate([straight, opacity], axis=-1).astype(pixels.dtype)


def _read_npy(file: BinaryIO, path: Path, max_pixels: int) -> NDArray[Any]:
    from .arrays import header, layout, picture, sides

    found = header(file)
    if layout(found.shape, str(path)) != "image":
        raise ImageReadError(f"{path} holds an array of shape {found.shape}; expected one image.")
    refuse_size(path, *sides(found.shape, str(path)), max_pixels)
    file.seek(0)
    return picture(np.lib.format.read_array(file, allow_pickle=False), str(path))


#: A function that reads an open file, given its path for errors and the largest size.
Reader = Callable[[BinaryIO, Path, int], NDArray[Any]]

READERS: dict[str, Reader] = {
    "PNG": _read_png,
    "JPEG": partial(_read_with_pillow, kind="JPEG"),
    "TIFF": _read_tiff,
    "BMP": partial(_read_with_pillow, kind="BMP"),
    "WEBP": _read_webp,
    "JPEG2000": _read_jpeg2000,
    "NPY": _read_npy,
    "DICOM": lambda file, path, max_pixels: read_dicom(file, max_pixels=max_pixels),
}
