"""One frame of a DICOM file in, one array out; or an error that says what the file is."""

import re
import threading
import warnings
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Bytes of a file that `is_dicom` looks at.
HEAD = 132

#: Pixels of a frame, at most: as Pillow has it for other files.
MAX_PIXELS = 178_956_970

#: What pydicom hands out as grey, as indices of a palette, or as RGB.
_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422")
_JPEG_2000_ONLY = ("YBR_ICT", "YBR_RCT")

#: SOP classes with pixels that are no picture of a patient, by their name.
_NO_PICTURE = re.compile("Segmentation|Dose")

_DEFLATED = "1.2.840.10008.1.2.1.99"

#: Transfer syntax by (implicit VR, little endian), for files that do not say it.
_SYNTAXES = {
    (True, True): "1.2.840.10008.1.2",
    (False, True): "1.2.840.10008.1.2.1",
    (False, False): "1.2.840.10008.1.2.2",
}

_LOCK = threading.Lock()


def import_pydicom() -> ModuleType:
    """Return pydicom, or raise ImportError that says how to get it."""
    try:
        import pydicom.pixels
    except ImportError as error:
        raise ImportError(
            "Reading DICOM files needs pydicom 3, which is not installed; "
            'install it with: pip install "gan-isi[dicom]".'
        ) from error
    module: ModuleType = pydicom
    return module


def is_dicom(head: bytes) -> bool:
    """Whether a file that begins so is DICOM, with the usual preamble or without.

    Parameters
    ----------
    head : bytes
        Of the file, `HEAD` of them where it has as many.

    Returns
    -------
    bool
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


def n_frames(path: Path) -> int:
    """Return how many images a DICOM file holds; files without any are said to hold one.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    int
    """
    return _n_frames(read_header(path, ["NumberOfFrames"]))


def read_header(path: Path, keywords: list[str] | None = None) -> Any:
    """Read what stands before the pixels.

    Parameters
    ----------
    path : Path
        The file.
    keywords : list of str, default=None
        Elements that are wanted; None reads all.

    Returns
    -------
    pydicom.Dataset

    Raises
    ------
    ValueError
        If it is no DICOM file, or if it is deflated and grows beyond 4 bytes a pixel of
        `MAX_PIXELS`.
    """
    pydicom = import_pydicom()
    with path.open("rb") as file:
        beginning = file.read(2048)
    if not is_dicom(beginning):
        raise ValueError("it does not begin like a DICOM file")
    if _DEFLATED.encode() in beginning:
        _check_inflated(path, beginning)
    # Many files break rules that concern no pixel; each would be warned of.
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, force=True, specific_tags=keywords, stop_before_pixels=True)


def read_dicom(
    path: Path, frame: int | None = None, *, max_pixels: int = MAX_PIXELS
) -> NDArray[Any]:
    """Read one frame of a DICOM file.

    Parameters
    ----------
    path : Path
        The file.
    frame : int, default=None
        Its number, from 0; None is the only one.
    max_pixels : int
        Larger frames are refused.

    Returns
    -------
    ndarray of shape (height, width) or (height, width, 3)
        Grey values larger where brighter, after the modality table or the rescale;
        palettes and YBR as RGB. Where fewer bits are stored than the type holds, the type
        notes it.

    Raises
    ------
    ValueError
        If it is no image, or cannot be read; the message does not name the file.
    """
    pydicom = import_pydicom()
    dataset = read_header(path)
    check_picture(dataset)
    count = _n_frames(dataset)
    if frame is None and count != 1:
        raise ValueError(f"it contains {count} frames where one image is expected")
    if not 0 <= (frame or 0) < count:
        raise ValueError(f"it contains {count} frames, and none with the number {frame}")
    size = int(dataset.get("Rows") or 0) * int(dataset.get("Columns") or 0)
    if size > max_pixels:
        raise ValueError(f"it has {size} pixels, more than max_pixels={max_pixels}")
    if count == 1 or _syntax(dataset) in (None, _DEFLATED):
        dataset = _read_all(path)
        source = dataset
    else:
        source = path  # of which the one frame is read
    try:
        pixels = pydicom.pixels.pixel_array(source, index=frame or 0)
    except RuntimeError as error:
        raise ValueError(_without_decoder(dataset, error)) from error
    photometric = str(dataset.PhotometricInterpretation)
    bits = int(dataset.get("BitsStored") or 8 * pixels.itemsize)
    if photometric == "PALETTE COLOR":
        return _with_bits(*_through_palette(pixels, dataset))
    if photometric not in _GREY:
        return _with_bits(np.array(pixels), bits)
    inverted = photometric == "MONOCHROME1" or dataset.get("PresentationLUTShape") == "INVERSE"
    if dataset.get("ModalityLUTSequence"):
        table = dataset.ModalityLUTSequence[0]
        values, bits = _table(table.LUTData, table.LUTDescriptor, dataset)
        mapped = _through(pixels, values, table.LUTDescriptor)
        return _with_bits(_mirror(mapped, bits) if inverted else mapped, bits)
    if inverted:
        pixels = _mirror(pixels, bits)
    slope, intercept = _rescale(dataset, frame or 0)
    if (slope, intercept) == (1.0, 0.0):
        return _with_bits(np.array(pixels), bits)
    return (pixels * slope + intercept).astype(np.float32)


def check_picture(dataset: Any) -> None:
    """Refuse what is no picture, by its name, and pixels in a form that is not read.

    Parameters
    ----------
    dataset : pydicom.Dataset
        The header.

    Raises
    ------
    ValueError
    """
    meta = getattr(dataset, "file_meta", {})
    sop = dataset.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID")
    name = getattr(sop, "name", "DICOM object of an unnamed kind").removesuffix(" Storage")
    if _NO_PICTURE.search(name):
        raise ValueError(f"it is a {name}, whose pixels are no picture of a patient")
    if "Rows" not in dataset and "PixelRepresentation" not in dataset:
        raise ValueError(f"it is a {name}, which holds no image")
    photometric = str(dataset.get("PhotometricInterpretation"))
    known = [*_GREY, *_COLOUR, "PALETTE COLOR"]
    if "2000" in getattr(_syntax(dataset), "name", ""):
        known += _JPEG_2000_ONLY
    if photometric not in known:
        raise ValueError(
            f"it has the photometric interpretation {photometric}; expected {', '.join(known)}"
        )
    high, bits = dataset.get("HighBit"), dataset.get("BitsStored")
    if high is not None and bits is not None and int(high) != int(bits) - 1:
        raise ValueError(f"its {bits} stored bits do not begin at the lowest (HighBit is {high})")


def plane_of(dataset: Any, frame: int) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return where a frame lies in the patient.

    Parameters
    ----------
    dataset : pydicom.Dataset
        The header.
    frame : int
        Its number.

    Returns
    -------
    position : ndarray of shape (3,), in mm
    orientation : ndarray of shape (6,)
        Where the numbers of columns and those of rows grow; None for both where the header does
        not say it.
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


def _read_all(path: Path) -> Any:
    pydicom = import_pydicom()
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, force=True)
    if not any(f"{kind}PixelData" in dataset for kind in ("", "Float", "DoubleFloat")):
        raise ValueError("it has no pixel data")
    if not _syntax(dataset):
        encoding = tuple(dataset.original_encoding)
        if encoding not in _SYNTAXES or dataset["PixelData"].is_undefined_length:
            raise ValueError("it does not say how it is encoded (TransferSyntaxUID)")
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(_SYNTAXES[encoding])
    return dataset


def _check_inflated(path: Path, beginning: bytes) -> None:
    """Refuse a deflated file that would fill the memory; pydicom inflates it as a whole."""
    meta = HEAD if beginning[128:HEAD] == b"DICM" else 0
    start = meta + 12 + int.from_bytes(beginning[meta + 8 : meta + 12], "little")
    most = 4 * MAX_PIXELS
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = 0
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(2**16):
            while block:
                inflated += len(inflate.decompress(block, 2**20))
                block = inflate.unconsumed_tail
                if inflated > most:
                    raise ValueError(f"it is deflated and grows beyond {most} bytes")


def _without_decoder(dataset: Any, error: Exception) -> str:
    kind = getattr(_syntax(dataset), "name", "?")
    if "12-bit" in str(error):
        return (
            f"it is compressed as {kind} with more than 8 bits; the decoder of that is under the "
            "GPL and not installed with gan-isi: pip install pylibjpeg pylibjpeg-libjpeg"
        )
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"it is compressed as {kind}, and no decoder reads it ({'; '.join(lines[1:] or lines)})"


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
    """Note in the data type that white is less than the type could hold.

    The values stay those of the file. Where the note is lost (`numpy.stack` drops it), the
    comparison of the sets finds the other scale.
    """
    if pixels.dtype.kind != "u" or bits >= 8 * pixels.itemsize:
        return pixels
    return pixels.view(np.dtype(pixels.dtype.str, metadata={"bits_stored": bits}))


def _rescale(dataset: Any, frame: int) -> tuple[float, float]:
    """Slope and intercept; enhanced objects keep them in functional groups."""
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
    """Return what enhanced objects say of all frames, and of this one."""
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    of_frames = dataset.get("PerFrameFunctionalGroupsSequence") or []
    return [*shared[:1], *of_frames[frame : frame + 1]]


def _table(data: Any, descriptor: Any, dataset: Any) -> tuple[NDArray[Any], int]:
    """Return the entries of a lookup table, and how many bits they have."""
    count, bits = int(descriptor[0]) or 2**16, int(descriptor[2])
    if isinstance(data, bytes):
        order = ">" if dataset.original_encoding[1] is False else "<"
        # Entries of 8 bits may lie in bytes or in words.
        kind = "u1" if len(data) < 2 * count else f"{order}u2"
        bits = 8 if kind == "u1" else bits
        values = np.frombuffer(
            data[: len(data) // np.dtype(kind).itemsize * np.dtype(kind).itemsize], kind
        )
    else:
        values = np.atleast_1d(np.asarray(data))
    if len(values) < count or not 1 <= bits <= 16:
        raise ValueError(f"its lookup table has {len(values)} entries instead of {count}")
    return values[:count].astype(np.uint8 if bits <= 8 else np.uint16), bits


def _through(stored: NDArray[Any], values: NDArray[Any], descriptor: Any) -> NDArray[Any]:
    """Look values up; below the first and above the last entry, these hold."""
    return values[np.clip(stored.astype(np.int64) - int(descriptor[1]), 0, len(values) - 1)]


def _through_palette(stored: NDArray[Any], dataset: Any) -> tuple[NDArray[Any], int]:
    """Colours of indices, and how many bits they have."""
    if "RedPaletteColorLookupTableData" not in dataset:  # segmented, or missing
        colours = import_pydicom().pixels.apply_color_lut(stored, dataset)
        return colours[..., :3], 8 * colours.itemsize
    parts, bits = [], 0
    for colour in ("Red", "Green", "Blue"):
        descriptor = dataset[f"{colour}PaletteColorLookupTableDescriptor"].value
        data = dataset[f"{colour}PaletteColorLookupTableData"].value
        values, bits = _table(data, descriptor, dataset)
        parts.append(_through(stored, values, descriptor))
    return np.stack(parts, axis=-1), bits
