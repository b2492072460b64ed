"""Reading of one frame of a DICOM file as an array; errors say what the file is."""

import re
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .dicom_tables import table_of, through, through_palette

#: Number of bytes that `is_dicom` looks at.
HEAD = 132

#: Largest number of pixels of a frame, as in Pillow for other files.
MAX_PIXELS = 178_956_970

#: Photometric interpretations that pydicom returns as grey; it returns YBR as RGB.
_GREY = ("MONOCHROME1", "MONOCHROME2")

#: Names of SOP classes whose pixels are not a picture of a patient.
_NO_PICTURE = re.compile("Segmentation|Dose")

_DEFLATED = "1.2.840.10008.1.2.1.99"

#: Transfer syntax by (implicit VR, little endian), for files that do not say it.
_SYNTAXES = {
    (True, True): "1.2.840.10008.1.2",
    (False, True): "1.2.840.10008.1.2.1",
    (False, False): "1.2.840.10008.1.2.2",
}

#: The first of these decoders that is installed is used. GDCM comes last, since some damaged
#: files make it end the process. The run-length decoder in Rust is left out, since it panics.
_PLUGINS = ("pydicom", "pylibjpeg", "pyjpegls", "pillow", "gdcm")

_LOCK = threading.Lock()


def import_pydicom() -> ModuleType:
    """Return pydicom, or raise ImportError that says how to install it."""
    try:
        import pydicom.pixels
    except ImportError as error:
        raise ImportError(
            "Reading DICOM files needs pydicom 3, which is not installed. "
            'Install it with: pip install "gan-isi[dicom]"'
        ) from error
    return pydicom


def is_dicom(head: bytes) -> bool:
    """Return whether a file is DICOM by its beginning, with the usual preamble or without.

    Parameters
    ----------
    head : bytes
        The first `HEAD` bytes of the file, or all if it has fewer.

    Returns
    -------
    bool
        True for DICOM.
    """
    if head[128:132] == b"DICM":
        return True
    for order in ("little", "big"):
        group, element = (int.from_bytes(head[i : i + 2], order) for i in (0, 2))
        if group in (2, 8) and element <= 0x18 and len(head) > 8:
            length = int.from_bytes(head[4:8], order)
            if length <= 128 or re.fullmatch(rb"[ACDILOPSTU][A-Z]", head[4:6]):
                return True
    return False


def n_frames(source: Path | BinaryIO) -> int:
    """Return the number of images in a DICOM file; it is 1 for files without images.

    Parameters
    ----------
    source : Path or file object
        The file.

    Returns
    -------
    int
        Number of frames.
    """
    return _n_frames(read_header(source, ["NumberOfFrames"]))


def read_header(source: Path | BinaryIO, keywords: list[str] | None = None) -> Any:
    """Read the header, which stands before the pixels.

    Parameters
    ----------
    source : Path or file object
        The file.
    keywords : list of str, default=None
        Keywords of the elements to read; None reads all.

    Returns
    -------
    pydicom.Dataset
        The header.

    Raises
    ------
    ValueError
        If this is not a DICOM file, or if it is deflated and inflates to more than 4 bytes
        for each of `MAX_PIXELS` pixels.
    """
    import_pydicom()
    with _opened(source) as file:
        beginning = file.read(2048)
        if not is_dicom(beginning):
            raise ValueError("it does not begin like a DICOM file")
        if _DEFLATED.encode() in beginning:
            _check_inflated(file, beginning)
        file.seek(0)
        return _parse(file, specific_tags=keywords, stop_before_pixels=True)


def _parse(file: BinaryIO, **options: Any) -> Any:
    # Many files break rules that do not concern pixels, and pydicom would warn of each.
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return import_pydicom().dcmread(file, force=True, **options)
        except OSError as error:
            if error.errno is not None:
                raise
            raise ValueError(f"its header is damaged ({error})") from error


def read_dicom(
    source: Path | BinaryIO, frame: int | None = None, *, max_pixels: int = MAX_PIXELS
) -> NDArray[Any]:
    """Read one frame of a DICOM file.

    Parameters
    ----------
    source : Path or file object
        The file.
    frame : int, default=None
        Number of the frame, from 0. None is for files with a single frame.
    max_pixels : int
        Largest number of pixels of a frame.

    Returns
    -------
    ndarray of shape (height, width) or (height, width, 3)
        Grey values that are larger where the image is brighter, after the modality table or
        the rescale; palettes and YBR become RGB. If fewer bits are stored than the type
        holds, the metadata of the type say how many.

    Raises
    ------
    ValueError
        If the file is not an image, or cannot be read; the message does not name the file.
    """
    dataset = read_header(source)
    check_picture(dataset)
    count = _n_frames(dataset)
    if frame is None and count != 1:
        raise ValueError(f"it contains {count} frames where one image is expected")
    if not 0 <= (frame or 0) < count:
        raise ValueError(f"it contains {count} frames, and none with the number {frame}")
    size = int(dataset.get("Rows") or 0) * int(dataset.get("Columns") or 0)
    if size > max_pixels:
        raise ValueError(f"it has {size} pixels, more than max_pixels={max_pixels}")
    is_2000 = "2000" in getattr(_syntax(dataset), "name", "")
    whole = count == 1 or is_2000 or _syntax(dataset) in (None, _DEFLATED)
    if whole:
        dataset = _read_all(source)
        if is_2000:
            _check_boxes(dataset.PixelData)
            _check_size(dataset.PixelData, b"\xff\x4f\xff\x51", 8, 4, size)
        elif "JPEG-LS" in getattr(_syntax(dataset), "name", ""):
            _check_size(dataset.PixelData, b"\xff\xf7", 5, 2, size)
    with _opened(source) as file:  # only this frame is read
        pixels = _decode(dataset if whole else file, frame or 0, _syntax(dataset))
    photometric = str(dataset.PhotometricInterpretation)
    bits = int(dataset.get("BitsStored") or 8 * pixels.itemsize)
    if photometric == "PALETTE COLOR":
        return _with_bits(*through_palette(pixels, dataset))
    if photometric not in _GREY:
        return _with_bits(np.array(pixels), bits)
    inverted = photometric == "MONOCHROME1" or dataset.get("PresentationLUTShape") == "INVERSE"
    if dataset.get("ModalityLUTSequence"):
        table = dataset.ModalityLUTSequence[0]
        values, bits = table_of(table.LUTData, table.LUTDescriptor, dataset)
        mapped = through(pixels, values, table.LUTDescriptor)
        return _with_bits(_mirror(mapped, bits) if inverted else mapped, bits)
    if inverted:
        pixels = _mirror(pixels, bits)
    slope, intercept = _rescale(dataset, frame or 0)
    if (slope, intercept) == (1.0, 0.0):
        return _with_bits(np.array(pixels), bits)
    return (pixels * slope + intercept).astype(np.float32)


def check_picture(dataset: Any) -> None:
    """Refuse objects that are not pictures, and pixels in a form that is not supported.

    Parameters
    ----------
    dataset : pydicom.Dataset
        The header.

    Raises
    ------
    ValueError
        If the object is not a picture, or is not supported; the message says what it is.
    """
    meta = getattr(dataset, "file_meta", {})
    sop = dataset.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID")
    name = getattr(sop, "name", "DICOM object of an unnamed kind").removesuffix(" Storage")
    if _NO_PICTURE.search(name):
        raise ValueError(f"it is a {name}, whose pixels are not a picture of a patient")
    if "Rows" not in dataset and "PixelRepresentation" not in dataset:
        raise ValueError(f"it is a {name}, which holds no image")
    photometric = str(dataset.get("PhotometricInterpretation"))
    known = [*_GREY, "RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR"]
    if "2000" in getattr(_syntax(dataset), "name", ""):
        known += ["YBR_ICT", "YBR_RCT"]
    if photometric not in known:
        raise ValueError(
            f"it has the photometric interpretation {photometric}; expected {', '.join(known)}"
        )
    high, bits = dataset.get("HighBit"), dataset.get("BitsStored")
    if high is not None and bits is not None and int(high) != int(bits) - 1:
        raise ValueError(f"its {bits} stored bits do not begin at the lowest (HighBit is {high})")


def plane_of(dataset: Any, frame: int) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return the place of a frame in the patient, or None if the header does not say it.

    Parameters
    ----------
    dataset : pydicom.Dataset
        The header.
    frame : int
        Number of the frame, from 0.

    Returns
    -------
    position : ndarray of shape (3,)
        Position of the first pixel in mm.
    orientation : ndarray of shape (6,)
        Directions in which the numbers of the columns and of the rows grow.
    """
    found = []
    for keyword, sequence in (
        ("ImagePositionPatient", "PlanePositionSequence"),
        ("ImageOrientationPatient", "PlaneOrientationSequence"),
    ):
        value = dataset.get(keyword) if _n_frames(dataset) == 1 else None
        for group in _functional_groups(dataset, frame):
            for item in group.get(sequence) or ():
                value = item.get(keyword)
        if not value:
            return None
        found.append(np.array(value, dtype=float))
    return found[0], found[1]


def _syntax(dataset: Any) -> Any:
    return getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")


@contextmanager
def _opened(source: Path | BinaryIO) -> Iterator[BinaryIO]:
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield file
    else:
        source.seek(0)
        yield source


def _read_all(source: Path | BinaryIO) -> Any:
    with _opened(source) as file:
        dataset = _parse(file)
    if not any(f"{kind}PixelData" in dataset for kind in ("", "Float", "DoubleFloat")):
        raise ValueError("it has no pixel data")
    if not _syntax(dataset):
        encoding = tuple(dataset.original_encoding)
        if encoding not in _SYNTAXES or dataset["PixelData"].is_undefined_length:
            raise ValueError("it does not say how it is encoded (TransferSyntaxUID)")
        dataset.file_meta.TransferSyntaxUID = import_pydicom().uid.UID(_SYNTAXES[encoding])
    return dataset


def _check_inflated(file: BinaryIO, beginning: bytes) -> None:
    """Refuse a deflated file that would fill the memory, since pydicom inflates it as a whole."""
    meta = HEAD if beginning[128:HEAD] == b"DICM" else 0
    start = meta + 12 + int.from_bytes(beginning[meta + 8 : meta + 12], "little")
    most = 4 * MAX_PIXELS
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = 0
    file.seek(start)
    while block := file.read(2**16):
        while block:
            inflated += len(inflate.decompress(block, 2**20))
            block = inflate.unconsumed_tail
            if inflated > most:
                raise ValueError(f"it is deflated and inflates to more than {most} bytes")


def _check_boxes(data: bytes) -> None:
    """Refuse damaged boxes around JPEG 2000, in which pydicom would loop for ever."""
    offset = 0
    while (start := data.find(b"\0\0\0\x0cjP  ", offset)) >= 0:
        offset = start + 12
        while data[offset + 4 : offset + 8] != b"jp2c":
            length = int.from_bytes(data[offset : offset + 4], "big")
            if length < 8 or offset + length > len(data):
                raise ValueError("the boxes around its JPEG 2000 are damaged")
            offset += length


def _check_size(data: bytes, marker: bytes, skip: int, width: int, size: int) -> None:
    """Refuse compressed data that decompress to far more pixels than the header says."""
    start = data.find(marker) + skip
    height = int.from_bytes(data[start : start + width], "big")
    if height * int.from_bytes(data[start + width : start + 2 * width], "big") > 4 * size + 2**20:
        raise ValueError("its compressed data are of another size than its header says")


def _decode(source: Any, frame: int, syntax: Any) -> NDArray[Any]:
    pixels = import_pydicom().pixels
    there = pixels.get_decoder(syntax).available_plugins
    name = next((one for one in _PLUGINS if one in there), "")
    try:
        return pixels.pixel_array(source, index=frame, decoding_plugin=name)
    except RuntimeError as error:  # a decoder failed, or none is installed
        reason = " ".join(str(error).split())
        if "12-bit" in reason:
            reason += (
                "; with 12 bits it needs a decoder under the GPL, which does not come with "
                "gan-isi: pip install pylibjpeg pylibjpeg-libjpeg"
            )
        raise ValueError(f"it is compressed as {syntax.name}. {reason}") from error


def _n_frames(dataset: Any) -> int:
    return int(dataset.get("NumberOfFrames") or 1)


def _mirror(stored: NDArray[Any], bits: int) -> NDArray[Any]:
    """Swap dark and bright within the range of the stored integers."""
    if stored.dtype.kind == "f":
        return -stored
    if stored.dtype.kind == "i":
        return -1 - stored
    if stored.max() >= 2**bits:
        raise ValueError(f"it stores {bits} bits and holds {stored.max()}, which takes more")
    return (2**bits - 1 - stored.astype(np.int64)).astype(stored.dtype)


def _with_bits(pixels: NDArray[Any], bits: int) -> NDArray[Any]:
    """Note in the metadata of the data type that white is less than the type could hold.

    The values stay those of the file. If the metadata are lost (`numpy.stack` drops them), the
    comparison of the sets finds the other scale.
    """
    if pixels.dtype.kind != "u" or bits >= 8 * pixels.itemsize:
        return pixels
    return pixels.view(np.dtype(pixels.dtype.str, metadata={"bits_stored": bits}))


def _rescale(dataset: Any, frame: int) -> tuple[float, float]:
    """Return slope and intercept, which enhanced objects keep in functional groups."""
    holder = dataset
    for group in _functional_groups(dataset, frame):
        for transformation in group.get("PixelValueTransformationSequence") or ():
            holder = transformation
    slope, intercept = holder.get("RescaleSlope"), holder.get("RescaleIntercept")
    if slope is not None and not float(slope):
        raise ValueError("its rescale slope is 0")
    return (
        1.0 if slope is None else float(slope),
        0.0 if intercept is None else float(intercept),
    )


def _functional_groups(dataset: Any, frame: int) -> list[Any]:
    """Return the functional groups of enhanced objects for all frames, and for this frame."""
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    of_frames = dataset.get("PerFrameFunctionalGroupsSequence") or []
    return [*shared[:1], *of_frames[frame : frame + 1]]
