"""What a file is: by how it begins, and by its suffix only where that says nothing."""

import os
import stat
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TypeVar

_Name = TypeVar("_Name", str, Path)

#: How a file has to begin to be told; DICOM is the longest.
HEAD = 144

#: Formats that are read, and their suffixes.
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

#: What lies beside pictures and is no surprise.
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
        Also of some formats that are not read ("GIF"); None if the beginning tells nothing.
    """
    if head[128:132] == b"DICM":  # before all else: the preamble may look like a TIFF
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
    """Whether a file begins with an early element of groups 2 or 8, as without a preamble."""
    if len(head) < 12 or head[:2] not in (b"\x02\0", b"\x08\0"):
        return False
    element, length = int.from_bytes(head[2:4], "little"), int.from_bytes(head[4:8], "little")
    return element <= 0x20 and (head[4:6] in _FIRST_REPRESENTATIONS or 0 < length <= 64)


def format_of(file: BinaryIO, name: str) -> str | None:
    """Return the format of an open file, which stays at its beginning.

    Parameters
    ----------
    file : file object
        At its beginning.
    name : str
        Decides where the content says nothing, as of an empty or damaged file.
    """
    found = sniff(file.read(HEAD))
    file.seek(0)
    suffix = Path(name).suffix.lower()
    # By content NPZ is a ZIP, and so are documents; the name tells them from pictures.
    if found == "ZIP" and (suffix == ".npz" or suffix in _QUIET_SUFFIXES):
        return SUFFIXES.get(suffix)
    return found or SUFFIXES.get(suffix)


class Passed:
    """Counts what is passed over, by reason."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def add(self, reason: str, count: int = 1) -> None:
        """Count files that are passed over for a reason."""
        if count:
            self.counts[reason] = self.counts.get(reason, 0) + count

    def takes(self, name: str, kind: str | None) -> bool:
        """Whether a file is one to read; else it is counted.

        Parameters
        ----------
        name : str
            Of the file, with folders before it where these may be hidden too.
        kind : str or None
            Its format.
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
        """Return what is worth a warning in words, "" if nothing is."""
        if all(reason.startswith(("hidden", "no images")) for reason in self.counts):
            return ""
        listed = ", ".join(f"{count} {reason}" for reason, count in self.counts.items())
        return f"{sum(self.counts.values())} files passed over: {listed}."


def pictures_first(found: dict[_Name, str], passed: Passed) -> dict[_Name, str]:
    """Leave out arrays beside pictures (statistics, labels), and archives beside either.

    Parameters
    ----------
    found : dict of path or str to str
        Formats of files.
    passed : Passed
        Counts those that are left out.
    """
    for kinds, what in (({"ZIP"}, "archives"), ({"NPY", "NPZ", "HDF5"}, "arrays")):
        kept = {name: kind for name, kind in found.items() if kind not in kinds}
        if kept:
            passed.add(f"{what} beside images", len(found) - len(kept))
            found = kept
    return found


def is_regular(path: Path | str) -> bool:
    """Whether there is a file with an end: no FIFO, socket or device, which would be waited for.

    Raises
    ------
    FileNotFoundError, PermissionError
        If there is none, or nobody may look.
    """
    return stat.S_ISREG(os.stat(path).st_mode)
