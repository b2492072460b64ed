"""Files that hold many pictures; each has a path below the file, archive.zip/00000/img.png."""

import errno
import io
import os
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZipFile, ZipInfo

from numpy.typing import NDArray

from .arrays import (
    pictures_in_hdf5,
    pictures_in_npy,
    pictures_in_npz,
    read_hdf5_member,
    read_npy_member,
    read_npz_member,
)
from .decode import ImageReadError, decode, orientation
from .dicom import n_frames, read_dicom
from .formats import HEAD, SUFFIXES, Passed, format_of, is_regular, pictures_first, sniff

#: Largest size of a member of an archive, in bytes for each pixel that is allowed.
_BYTES_A_PIXEL = 8


def locate(path: Path) -> tuple[Path, str]:
    """Return the file that holds a picture, and the picture's name in it; "" if it is the file.

    Raises
    ------
    FileNotFoundError, PermissionError
        If the file does not exist or may not be read.
    ImageReadError
        If this is a folder, a FIFO, a socket or a device.
    """
    for file in (path, *path.parents):
        try:
            if is_regular(file):
                return file, path.relative_to(file).as_posix() if file != path else ""
        except NotADirectoryError:  # below a file
            continue
        raise ImageReadError(f"{path} is a folder, a FIFO, a socket or a device; expected a file.")
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def read_image(path: Path, max_pixels: int, exif_transpose: bool = False) -> NDArray[Any]:
    """Read one picture, from its own file or from a file that holds many.

    Parameters
    ----------
    path : Path
        Path of a file, or of a picture below a file that holds many.
    max_pixels : int
        Largest number of pixels, height x width.
    exif_transpose : bool, default=False
        Whether the orientation in the file's metadata is applied.

    Returns
    -------
    ndarray of shape (height, width) or (height, width, channels)
        A new, contiguous array in native byte order.

    Raises
    ------
    ImageReadError
        If the file is damaged, too large, or is not one image.
    FileNotFoundError, PermissionError
        If the file does not exist or may not be read.
    ImportError
        If the file is DICOM and pydicom is not installed.
    """
    file, member = locate(path)
    try:
        with file.open("rb") as stream:
            if not member:
                return decode(stream, path, max_pixels, exif_transpose)
            kind = format_of(stream, file.name)
        if kind == "ZIP":
            return decode(_member(file, member, max_pixels), path, max_pixels, exif_transpose)
        if kind == "DICOM":
            return read_dicom(file, int(member), max_pixels=max_pixels)
        read = {"NPY": read_npy_member, "NPZ": read_npz_member, "HDF5": read_hdf5_member}[str(kind)]
        image = read(file, member, max_pixels)
        return image.astype(image.dtype.newbyteorder("="), copy=False)
    except (ImageReadError, FileNotFoundError, PermissionError, ImportError, MemoryError):
        raise
    except Exception as error:  # decoders raise anything when a file is damaged
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise ImageReadError(f"{path} cannot be read as an image: {reason}.") from error


def is_turned(path: Path) -> bool:
    """Return whether a picture's metadata have an orientation that is not that of its pixels."""
    try:
        file, member = locate(path)
        with file.open("rb") as stream:
            kind = format_of(stream, file.name)
            if member and kind == "ZIP":
                inner = _member(file, member, 2**30)
                return orientation(inner, format_of(inner, path.name)) != 1
            return not member and orientation(stream, kind) != 1
    except Exception:  # reading the file raises the error
        return False


def pictures_in(path: Path, kind: str) -> tuple[list[Path] | None, dict[str, int]]:
    """Return the pictures below a file that holds many, and counts of what is passed over.

    Returns
    -------
    list of Path or None
        Paths of the pictures, or None for a file that is one picture.
    dict of str to int
        Number of members that are passed over, by reason.
    """
    passed: dict[str, int] = {}
    try:
        if kind == "NPY":
            names: list[str] | None = pictures_in_npy(path) or None
        elif kind in ("NPZ", "HDF5"):
            names, others = (pictures_in_npz if kind == "NPZ" else pictures_in_hdf5)(path)
            passed = {"no images (arrays)": others} if others else {}
        elif kind == "ZIP":
            names, passed = _pictures_in_zip(path)
        elif kind == "DICOM":
            names = _frames(path)
        else:
            return None, {}
    except (ImageReadError, ImportError):
        raise
    except Exception as error:
        raise ImageReadError(f"{path} cannot be read: {str(error).rstrip('.')}.") from error
    return None if names is None else [path / name for name in names], passed


def _frames(path: Path) -> list[str] | None:
    try:
        count = n_frames(path)
    except Exception:  # reading the file raises the error
        return None
    return [f"{frame:05}" for frame in range(count)] if count > 1 else None


def _pictures_in_zip(path: Path) -> tuple[list[str], dict[str, int]]:
    found: dict[str, str] = {}
    passed = Passed()
    archive, members = _open_zip(path)
    for name, info in members.items():
        with archive.open(info) as file:
            kind = sniff(file.read(HEAD)) or SUFFIXES.get(PurePosixPath(name).suffix.lower())
        if kind in ("ZIP", "NPZ", "HDF5"):
            passed.add("archives within archives")
        elif passed.takes(name, kind):
            found[name] = str(kind)
    return sorted(pictures_first(found, passed)), passed.counts


def _open_zip(path: Path) -> tuple[ZipFile, dict[str, ZipInfo]]:
    state = path.stat()
    return _archive(path, (state.st_mtime_ns, state.st_size), os.getpid())


@lru_cache(maxsize=4)  # for each process, since a shared position in the file would mix up reads
def _archive(
    path: Path, state: tuple[int, int], process: int
) -> tuple[ZipFile, dict[str, ZipInfo]]:
    archive = ZipFile(path)
    members = {}
    for info in archive.infolist():
        name = PurePosixPath(info.filename.replace("\\", "/")).as_posix().lstrip("/")
        if info.is_dir():
            continue
        if name in members:
            raise ImageReadError(f"{path} holds {name} twice; write the archive again.")
        members[name] = info
    return archive, members


def _member(path: Path, name: str, max_pixels: int) -> io.BytesIO:
    archive, members = _open_zip(path)
    if name not in members:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path / name))
    info = members[name]
    if info.file_size > _BYTES_A_PIXEL * max_pixels:
        raise ImageReadError(
            f"{path / name} has {info.file_size} bytes, more than {_BYTES_A_PIXEL} for each of "
            f"max_pixels={max_pixels} pixels; give a larger number to load_images(max_pixels=...)."
        )
    return io.BytesIO(archive.read(info))
