"""The format of a file, told by its beginning, or by its suffix if the beginning tells nothing."""

import os
import stat
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TypeVar

_Name = TypeVar("_Name", str, Path)

#: Number of bytes that tell the format of a file; DICOM needs the most.
HEAD = 144

#: Suffixes of the formats that are read.
SUFFIXES = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".webp": "WEBP",
    ".jp2": "JPEG2000",
    ".j2k": "JPEG2000",
    ".npy": "NPY",
    ".npz": "NPZ",
    ".h5": "HDF5",
    ".hdf5": "HDF5",
    ".zip": "ZIP",
    ".dcm": "DICOM",
}

#: Suffixes of files that often lie beside pictures, and need no warning.
_QUIET_SUFFIXES = {
    ".csv", ".tsv", ".txt", ".json", ".xml", ".yaml", ".yml", ".toml", ".md", ".rst", ".pdf",
    ".html", ".log", ".ini", ".db", ".py", ".ipynb", ".xls", ".xlsx", ".doc", ".docx",
}  # fmt: skip

_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\x93NUMPY", "NPY"),
    (b"PK\x03\x04", "ZIP"),
    (b"PK\x05\x06", "ZIP"),
    (b"GIF8", "GIF"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"8BPS", "PSD"),
    (b"NRRD000", "NRRD"),
    (b"v/1\x01", "EXR"),
)

#: Value representations of the elements that a DICOM file without preamble begins with.
_FIRST_REPRESENTATIONS = (b"UL", b"CS", b"UI", b"SH", b"LO", b"DA", b"OB")


def sniff(head: bytes) -> str | None:
    """Return the format of a file by its first bytes.

    Parameters
    ----------
    head : bytes
        The first `HEAD` bytes.

    Returns
    -------
    str or None
        Name of the format, which may be one that is not read ("GIF"); None if the beginning
        tells nothing.
    """
    if head[128:132] == b"DICM":  # this comes first, since the preamble may look like a TIFF
        return "DICOM"
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "BMP"
    if head[4:8] == b"ftyp":
        return "MP4" if head[8:10] in (b"mp", b"is", b"qt", b"M4") else "HEIF"
    if _is_bare_dicom(head):
        return "DICOM"
    return None


def _is_bare_dicom(head: bytes) -> bool:
    """Return whether a file begins with an early element of group 2 or 8, without a preamble."""
    if len(head) < 12 or head[:2] not in (b"\x02\0", b"\x08\0"):
        return False
    element, length = int.from_bytes(head[2:4], "little"), int.from_bytes(head[4:8], "little")
    return element <= 0x20 and (head[4:6] in _FIRST_REPRESENTATIONS or 0 < length <= 64)


def format_of(file: BinaryIO, name: str) -> str | None:
    """Return the format of an open file, which stays at its beginning.

    Parameters
    ----------
    file : file object
        File, open at its beginning.
    name : str
        Name of the file. It decides if the content tells nothing, as in an empty or damaged
        file.
    """
    found = sniff(file.read(HEAD))
    file.seek(0)
    suffix = Path(name).suffix.lower()
    # NPZ files and many documents are ZIP files by content; only the name tells them apart.
    if found == "ZIP" and (suffix == ".npz" or suffix in _QUIET_SUFFIXES):
        return SUFFIXES.get(suffix)
    return found or SUFFIXES.get(suffix)


class Passed:
    """Counts of files that are passed over, by reason."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def add(self, reason: str, count: int = 1) -> None:
        """Count files that are passed over for a reason."""
        if count:
            self.counts[reason] = self.counts.get(reason, 0) + count

    def takes(self, name: str, kind: str | None) -> bool:
        """Return whether a file is to be read, and count it otherwise.

        Parameters
        ----------
        name : str
            Name of the file, with its folders where these may be hidden too.
        kind : str or None
            Format of the file.
        """
        parts = PurePosixPath(name).parts
        if any(part.startswith((".", "__MACOSX")) and part != ".." for part in parts):
            self.add("hidden")
        elif kind in SUFFIXES.values():
            return True
        else:
            suffix = PurePosixPath(name).suffix.lower()
            shown = kind or suffix or "no suffix"
            quiet = kind is None and suffix in _QUIET_SUFFIXES
            self.add(f"no images ({shown})" if quiet else f"not read ({shown})")
        return False

    def words(self) -> str:
        """Return a sentence on what was passed over, or "" if nothing is worth a warning."""
        if all(reason.startswith(("hidden", "no images")) for reason in self.counts):
            return ""
        listed = ", ".join(f"{count} {reason}" for reason, count in self.counts.items())
        total = sum(self.counts.values())
        return f"{total} {'file was' if total == 1 else 'files were'} passed over: {listed}."


def pictures_first(found: dict[_Name, str], passed: Passed) -> dict[_Name, str]:
    """Leave out arrays beside pictures (statistics, labels), and archives beside either.

    Parameters
    ----------
    found : dict of path or str to str
        Format of each file.
    passed : Passed
        Counts, to which those that are left out are added.
    """
    for kinds, what in (({"ZIP"}, "archives"), ({"NPY", "NPZ", "HDF5"}, "arrays")):
        kept = {name: kind for name, kind in found.items() if kind not in kinds}
        if kept:
            passed.add(f"{what} beside images", len(found) - len(kept))
            found = kept
    return found


def is_regular(path: Path | str) -> bool:
    """Return whether this is a regular file: reading a FIFO, a socket or a device would wait.

    Raises
    ------
    FileNotFoundError, PermissionError
        If there is no such file, or it may not be accessed.
    """
    return stat.S_ISREG(os.stat(path).st_mode)
