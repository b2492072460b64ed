"""Files of arrays, NumPy's and HDF5: reading their shapes only, or one image out of many."""

from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import IO, Any, NamedTuple
from zipfile import ZIP_STORED, ZipFile

import numpy as np
from numpy.typing import NDArray

from .._validation.items import channel_axis
from .decode import refuse_size

#: Largest compressed stack in bytes, since one image of it needs the whole stack decompressed.
_MOST_BYTES = 2**31


class Header(NamedTuple):
    """Shape and type of an array, and the offset of its values in the file."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    offset: int


def header(file: IO[bytes]) -> Header:
    """Read the header of an open .npy file."""
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"version {version} of the format holds tables")
    shape, fortran, dtype = read(file)
    if dtype.kind not in "buif":
        raise ValueError(f"its values are {dtype}; expected integers or floats")
    return Header(shape, fortran, dtype, file.tell())


def layout(shape: tuple[int, ...], name: str) -> str:
    """Return whether a shape is that of an "image", a "stack" of images, or "other".

    Raises
    ------
    ValueError
        If it could be an image or a stack.
    """
    if len(shape) == 3 and shape[2] > 4 and shape[0] in (2, 3, 4):
        raise ValueError(
            f"{name} has shape {shape}, which may be {shape[0]} images or {shape[0]} channels of "
            "one image; save images as (n, height, width, 1), or channels as (height, width, "
            "channels)"
        )
    if len(shape) == 2 or (len(shape) == 3 and shape[2] <= 4):
        return "image"
    return "stack" if len(shape) in (3, 4) else "other"


def pictures_in_npy(path: Path) -> list[str]:
    """Return the names of the images in a .npy file, or none if the file is one image."""
    with path.open("rb") as file:
        found = header(file)
    return _numbers(found.shape) if layout(found.shape, str(path)) == "stack" else []


def pictures_in_npz(path: Path) -> tuple[list[str], int]:
    """Return the names of the images in a .npz file, and the number of its other arrays."""
    shapes = {}
    others = 0
    with ZipFile(path) as archive:
        for info in archive.infolist():
            with archive.open(info) as file:
                try:
                    shapes[info.filename.removesuffix(".npy")] = header(file).shape
                except ValueError:  # objects, or texts
                    others += 1
    return _pictures(shapes, others, path)


def _pictures(shapes: dict[str, tuple[int, ...]], others: int, path: Path) -> tuple[list[str], int]:
    """Return the names of the images among arrays, and the number of all others."""
    # Next to stacks of images, a matrix is a table of statistics or labels.
    least = 3 if any(len(shape) >= 3 for shape in shapes.values()) else 2
    names = []
    for name, shape in shapes.items():
        kind = layout(shape, f"{path}/{name}") if len(shape) >= least else "other"
        if kind == "stack":
            names += [f"{name}/{number}" for number in _numbers(shape)]
        elif kind == "image":
            names.append(name)
        else:
            others += 1
    return names, others


def _numbers(shape: tuple[int, ...]) -> list[str]:
    width = max(4, len(str(shape[0] - 1)))
    return [f"{i:0{width}d}" for i in range(shape[0])]


def sides(shape: tuple[int, ...], name: str) -> tuple[int, int]:
    """Return height and width of an image of this shape, channels last or first."""
    first = len(shape) == 3 and channel_axis(shape, name) == 0
    return (shape[1], shape[2]) if first else (shape[0], shape[1])


def picture(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return a copy of an image with its channels last."""
    first = array.ndim == 3 and channel_axis(array.shape, name) == 0
    return np.array(np.moveaxis(array, 0, -1) if first else array)


def read_npy_member(path: Path, member: str, max_pixels: int) -> NDArray[Any]:
    """Read one image of a .npy file that holds many."""
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    refuse_size(path, *sides(array.shape[1:], str(path)), max_pixels)
    return picture(array[int(member)], str(path))


def read_npz_member(path: Path, member: str, max_pixels: int) -> NDArray[Any]:
    """Read one image of a .npz file."""
    whole, _, number = member.rpartition("/")
    with ZipFile(path) as archive:
        names = set(archive.namelist())
        in_stack = f"{whole}.npy" in names and f"{member}.npy" not in names
        with archive.open(f"{whole if in_stack else member}.npy") as file:
            shape = header(file).shape
    refuse_size(path / member, *sides(shape[in_stack:], str(path)), max_pixels)
    state = path.stat()
    key = state.st_mtime_ns, state.st_size
    array = _array_of_npz(path, whole if in_stack else member, key)
    return picture(array[int(number)] if in_stack else array, str(path))


@lru_cache(maxsize=2)
def _array_of_npz(path: Path, name: str, state: tuple[int, int]) -> NDArray[Any]:
    """Return an array of an archive, memory-mapped if it is not compressed."""
    with ZipFile(path) as archive:
        info = archive.getinfo(f"{name}.npy")
        with archive.open(info) as file:
            found = header(file)
        n_bytes = int(np.prod(found.shape, dtype=object)) * found.dtype.itemsize
        if info.compress_type != ZIP_STORED:
            if n_bytes > _MOST_BYTES:
                raise ValueError(
                    f"its array {name} has {n_bytes / 2**30:.1f} GiB and is compressed; "
                    "save it with np.savez instead of np.savez_compressed"
                )
            with archive.open(info) as file:
                return np.lib.format.read_array(file, allow_pickle=False)
    with path.open("rb") as raw:
        raw.seek(info.header_offset + 26)  # here are the lengths of the name and an extra field
        lengths = np.frombuffer(raw.read(4), "<u2").sum(dtype=int)
        raw.seek(int(lengths), 1)
        start = raw.tell() + found.offset
    order = "F" if found.fortran else "C"
    return np.memmap(path, found.dtype, "r", start, found.shape, order)  # type: ignore[call-overload]


def import_h5py() -> ModuleType:
    """Return h5py, or raise ImportError that says how to install it."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            "Reading HDF5 needs h5py, which is not installed. "
            'Install it with: pip install "gan-isi[hdf5]"'
        ) from error
    return h5py


def pictures_in_hdf5(path: Path) -> tuple[list[str], int]:
    """Return the names of the images in an HDF5 file, and the number of its other arrays."""
    h5py = import_h5py()
    shapes: dict[str, tuple[int, ...]] = {}
    others = 0

    def visit(name: str, item: Any) -> None:  # links to other files are not followed
        nonlocal others
        if isinstance(item, h5py.Dataset):
            if item.dtype.kind in "buif" and not item.is_virtual and not item.external:
                shapes[name] = item.shape
            else:
                others += 1

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return _pictures(shapes, others, path)


def read_hdf5_member(path: Path, member: str, max_pixels: int) -> NDArray[Any]:
    """Read one image of an HDF5 file."""
    with import_h5py().File(path, "r") as file:
        in_stack = member not in file
        whole, _, number = member.rpartition("/")
        data = file[whole if in_stack else member]
        if data.is_virtual or data.external:
            raise ValueError("its values lie in another file")
        refuse_size(path / member, *sides(data.shape[in_stack:], str(path)), max_pixels)
        return picture(data[int(number)] if in_stack else data[()], str(path))
