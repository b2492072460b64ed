"""Volumes as slices: NIfTI files and DICOM series, of which one volume is read at a time."""

import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from .decode import ImageReadError
from .dicom import HEAD, check_picture, is_dicom, plane_of, read_dicom, read_header
from .lazy import LazyImages

#: Axis of the slices in a volume that was rotated to (inferior, posterior, left).
_PLANES = {"axial": 0, "coronal": 1, "sagittal": 2}

#: Largest number of voxels of a volume, which are in memory at once.
MAX_VOXELS = 2**30

_NIFTI = (".nii", ".nii.gz")

_HEADER = [
    "SOPClassUID", "SeriesInstanceUID", "InstanceNumber", "NumberOfFrames", "Rows", "Columns",
    "PhotometricInterpretation", "PixelRepresentation", "BitsStored", "HighBit",
    "ImagePositionPatient", "ImageOrientationPatient",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
]  # fmt: skip


@dataclass(frozen=True)
class Volume:
    """One volume on disk.

    Attributes
    ----------
    name : str
        Path of its file, or of the first file of the series.
    parts : tuple of (Path, int)
        Files and frames in the order of their places; for NIfTI the only file.
    shape : tuple of int
        Lengths of the stored axes in voxels.
    directions : tuple of three tuples, or None
        Direction of each stored axis in the patient (left, posterior, superior).
    """

    name: str
    parts: tuple[tuple[Path, int], ...] = field(repr=False)
    shape: tuple[int, ...]
    directions: tuple[tuple[float, ...], ...] | None = field(repr=False)


class _PassedOver(Exception):
    """The reason why a file is not a volume."""


class VolumeSlices(LazyImages):
    """A sequence of slices of volumes, which are read when they are asked for.

    `load_volumes` makes it. An integer gives one slice; a slice, a list or array of integers
    or a boolean mask gives another `VolumeSlices` and reads nothing. The volume that was
    read last stays in memory, so that slices in their order read each volume once.

    Parameters
    ----------
    entries : iterable of (Volume, int)
        Volume of each slice, and the number of the slice along the axis.
    axis : str or int
        Axis that the slices are cut along, see `load_volumes`.
    passed_over : dict of str to list of str, default=None
        Files that are not volumes, by reason.

    Attributes
    ----------
    groups : ndarray of shape (n_slices,), str
        Name of each slice's volume, for ``volumes=`` of :func:`gan_isi.audit.audit`.
    names : tuple of str
        Name of each slice: that of its volume, and its number along the axis.
    paths : tuple of Path
        File of each slice; for a DICOM series that of its first slice.
    passed_over : dict of str to list of str
        Files that are not volumes, by reason.
    shape : tuple (n_slices,)
        Shape that scikit-learn needs to index the sequence as an array.

    See Also
    --------
    load_volumes : Finds the volumes.
    """

    def __init__(
        self,
        entries: Iterable[tuple[Volume, int]],
        axis: str | int,
        passed_over: dict[str, list[str]] | None = None,
    ) -> None:
        self.entries = tuple(entries)
        self.axis = axis
        self.passed_over = passed_over or {}

    @property
    def groups(self) -> NDArray[np.str_]:
        """Name of each slice's volume."""
        return np.array([volume.name for volume, _ in self.entries])

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each slice: that of its volume, and its number along the axis."""
        return tuple(f"{volume.name}, slice {place}" for volume, place in self.entries)

    @property
    def paths(self) -> tuple[Path, ...]:
        """File of each slice; for a DICOM series that of its first slice."""
        return tuple(volume.parts[0][0] for volume, _ in self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __add__(self, other: "VolumeSlices") -> "VolumeSlices":
        """Return these slices followed by others."""
        if not isinstance(other, VolumeSlices):
            return NotImplemented
        passed = {
            why: [*self.passed_over.get(why, []), *other.passed_over.get(why, [])]
            for why in {**self.passed_over, **other.passed_over}
        }
        return VolumeSlices(self.entries + other.entries, self.axis, passed)

    def __repr__(self) -> str:
        n_volumes = len({volume.name for volume, _ in self.entries})
        return f"VolumeSlices({len(self)} slices of {n_volumes} volumes, axis={self.axis!r})"

    def _read(self, number: int) -> NDArray[Any]:
        volume, place = self.entries[number]
        changed = volume.parts[0][0].stat().st_mtime_ns
        array = _read(volume, isinstance(self.axis, str), changed)
        return np.ascontiguousarray(array.take(place, _axis(self.axis)))

    def _files(self, numbers: Iterable[int]) -> dict[Path, Path]:
        volumes = {self.entries[number][0].name: self.entries[number][0] for number in numbers}
        files = [path for one in volumes.values() for path, _ in one.parts]
        return dict.fromkeys(files, Path(os.path.commonpath([path.parent for path in files])))

    def _part(self, numbers: Iterable[int]) -> "VolumeSlices":
        return VolumeSlices((self.entries[i] for i in numbers), self.axis, self.passed_over)


def load_volumes(
    source: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    axis: str | int = "axial",
    *,
    n_slices: int | None = None,
) -> VolumeSlices:
    """Find volumes, which are cut into slices when these are asked for.

    Parameters
    ----------
    source : path-like or iterable of path-like
        A folder, searched with its subfolders, or a list of files and folders. Volumes are
        NIfTI files (.nii, .nii.gz), DICOM files of several frames, and DICOM series, whose
        files are put in the order of their places in the patient.
    axis : {"axial", "coronal", "sagittal"} or int, default="axial"
        Kind of the slices. Named slices are rotated as DICOM viewers show them (front or head
        up, the patient's right on the left); oblique volumes take the nearest axis. A number
        is an axis of the array as it is stored (0: the files of a series, then rows and
        columns), and nothing is rotated.
    n_slices : int, default=None
        Number of evenly spaced slices of each volume; None takes all.

    Returns
    -------
    VolumeSlices
        A lazy sequence of slices, whose `groups` name the volumes. Its `passed_over` lists
        files that are not volumes, such as localizers, and a warning counts them.

    Raises
    ------
    FileNotFoundError
        If a file or folder does not exist.
    ValueError
        If there are no volumes, or if `axis` or `n_slices` is out of range.
    ImportError
        If nibabel or pydicom is needed and not installed.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import nibabel
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in "ab":
    ...         image = nibabel.Nifti1Image(np.zeros((5, 6, 7), np.int16), np.eye(4))
    ...         nibabel.save(image, f"{folder}/{name}.nii.gz")
    ...     slices = load_volumes(folder, "coronal", n_slices=3)
    ...     print(slices, slices[0].shape)
    VolumeSlices(6 slices of 2 volumes, axis='coronal') (7, 5)
    """
    _axis(axis)
    if n_slices is not None and n_slices < 1:
        raise ValueError(f"n_slices has to be at least 1; got {n_slices}.")
    sources = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    passed_over: defaultdict[str, list[str]] = defaultdict(list)
    volumes, series = [], defaultdict(list)
    for path in (path for one in sources for path in _files(Path(one))):
        try:
            if path.name.lower().endswith(_NIFTI):
                volumes.append(_nifti(path))
            else:
                header = _dicom_header(path)
                series[str(header.get("SeriesInstanceUID", path))].append((path, header))
        except (OSError, ImportError):
            raise
        except Exception as error:
            passed_over[_reason(error)].append(str(path))
    for members in series.values():
        try:
            volumes.append(_series(members))
        except Exception as error:
            passed_over[_reason(error)] += [str(path) for path, _ in members]
    entries: list[tuple[Volume, int]] = []
    for volume in sorted(volumes, key=lambda one: one.name):
        if isinstance(axis, str) and volume.directions is None:
            passed_over["without orientation, for which axis has to be a number"].append(
                volume.name
            )
            continue
        total = volume.shape[_stored(volume, axis)]
        count = total if n_slices is None else min(n_slices, total)
        entries += [(volume, int((i + 0.5) * total / count)) for i in range(count)]
    counts = "; ".join(f"{len(names)} {why}" for why, names in passed_over.items())
    if not entries:
        where = "" if not counts else f" Files that were passed over: {counts}."
        raise ValueError(f"There are no volumes in {', '.join(map(str, sources))}.{where}")
    if counts:
        warnings.warn(
            f"Files that are no volumes were passed over: {counts}; `passed_over` has their names.",
            stacklevel=2,
        )
    return VolumeSlices(entries, axis, dict(passed_over))


def _axis(axis: str | int) -> int:
    if axis not in (*_PLANES, 0, 1, 2) or isinstance(axis, bool):
        raise ValueError(
            "axis has to be 'axial', 'coronal', 'sagittal', or the number 0, 1 or 2 of a stored "
            f"axis; got {axis!r}."
        )
    return _PLANES[axis] if isinstance(axis, str) else axis


def _reason(error: Exception) -> str:
    # A damaged header can raise anything.
    return str(error) if isinstance(error, _PassedOver) else "that cannot be read"


def _files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder {path}.")
    if path.is_file():
        yield path
        return
    for folder, subfolders, names in os.walk(path):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(folder, name).is_file():
                yield Path(folder, name)


def _nifti(path: Path) -> Volume:
    try:
        import nibabel
    except ImportError as error:
        raise ImportError(
            "Reading NIfTI needs nibabel, which is not installed. "
            'Install it with: pip install "gan-isi[volumes]"'
        ) from error
    try:
        image = nibabel.load(path)
    except (nibabel.filebasedimages.ImageFileError, EOFError, OSError) as error:
        raise _PassedOver("that cannot be read as NIfTI") from error
    shape = tuple(int(n) for n in image.shape)
    if len(shape) < 3 or max(shape[3:], default=1) > 1:
        raise _PassedOver(f"with {len(shape)} axes instead of 3 (save one volume per time point)")
    if not 0 < np.prod(shape, dtype=float) <= MAX_VOXELS:
        raise _PassedOver(f"with no voxels or more than {MAX_VOXELS}")
    codes = [int(image.header.get(name, 1)) for name in ("sform_code", "qform_code")]
    axes = np.asarray(image.affine)[:3, :3].T * (-1, -1, 1)  # left and posterior, as in DICOM
    known = any(codes) and np.linalg.matrix_rank(axes) == 3
    return Volume(str(path), ((path, 0),), shape[:3], _tuples(axes) if known else None)


def _dicom_header(path: Path) -> Any:
    with path.open("rb") as file:
        if not is_dicom(file.read(HEAD)):
            raise _PassedOver("that are neither NIfTI nor DICOM")
    try:
        header = read_header(path, _HEADER)
        check_picture(header)
    except ValueError as error:
        raise _PassedOver(f"because {error}") from error
    return header


def _series(members: list[tuple[Path, Any]]) -> Volume:
    """Put the slices of a series in the order of their places."""
    places, parts, sizes = [], [], set()
    members = sorted(members, key=lambda one: (int(one[1].get("InstanceNumber") or 0), one[0]))
    for path, header in members:
        sizes.add((int(header.Rows), int(header.Columns)))
        for frame in range(int(header.get("NumberOfFrames") or 1)):
            parts.append((path, frame))
            places.append(plane_of(header, frame))
    if len(parts) == 1:
        raise _PassedOver("with one slice only")
    if len(sizes) > 1:
        raise _PassedOver("of a series with slices of several sizes")
    shape = (len(parts), *sizes.pop())
    if np.prod(shape, dtype=float) > MAX_VOXELS:
        raise _PassedOver(f"with no voxels or more than {MAX_VOXELS}")
    known = [place for place in places if place is not None]
    if len(known) < len(places):
        return Volume(str(parts[0][0]), tuple(parts), shape, None)
    rows, columns = known[0][1][3:], known[0][1][:3]  # directions in which their numbers grow
    if any(np.abs(orientation - known[0][1]).max() > 0.01 for _, orientation in known):
        raise _PassedOver("of a series with slices of several orientations")
    normal = np.cross(columns, rows)
    heights = np.array([position @ normal for position, _ in known])
    order = np.argsort(heights, kind="stable")
    if (np.diff(heights[order]) < 0.001).any():
        raise _PassedOver("of a series with several slices in one place (times, echoes)")
    ordered = tuple(parts[i] for i in order)
    return Volume(str(ordered[0][0]), ordered, shape, _tuples(np.stack([normal, rows, columns])))


def _tuples(axes: NDArray[Any]) -> tuple[tuple[float, ...], ...]:
    unit = axes / np.linalg.norm(axes, axis=1, keepdims=True)
    return tuple(tuple(float(x) for x in row) for row in unit)


def _turns(volume: Volume) -> tuple[list[int], list[int]]:
    """Find the stored axes closest to (inferior, posterior, left), and their signs."""
    wanted = np.array([[0, 0, -1], [0, 1, 0], [1, 0, 0]])
    cosines = wanted @ np.array(volume.directions).T
    order = linear_sum_assignment(-np.abs(cosines))[1]
    return [int(i) for i in order], [1 if cosines[i, j] > 0 else -1 for i, j in enumerate(order)]


def _stored(volume: Volume, axis: str | int) -> int:
    return _turns(volume)[0][_axis(axis)] if isinstance(axis, str) else axis


@lru_cache(maxsize=1)
def _read(volume: Volume, turned: bool, changed: int) -> NDArray[Any]:
    """Read a volume, with the axes (inferior, posterior, left) if it is rotated."""
    path = volume.parts[0][0]
    try:
        is_nifti = path.name.lower().endswith(_NIFTI)
        array = _read_nifti(path) if is_nifti else _read_series(volume)
    except (FileNotFoundError, PermissionError, ImportError, MemoryError):
        raise
    except Exception as error:  # decoders raise anything when a file is damaged
        raise ImageReadError(f"{path} cannot be read as a volume: {error}.") from error
    if turned:
        order, signs = _turns(volume)
        array = array.transpose(*order, *range(3, array.ndim))
        array = array[tuple(slice(None, None, sign) for sign in signs)]
    array.setflags(write=False)  # later calls return it again
    return array


def _read_nifti(path: Path) -> NDArray[Any]:
    import nibabel

    array = np.asanyarray(nibabel.load(path).dataobj)
    array = array.reshape(array.shape[:3])
    if array.dtype.names:  # colours
        array = np.stack([array[name] for name in array.dtype.names], axis=-1)
    if array.dtype.kind not in "uif":
        raise ValueError(f"its values are {array.dtype}")
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _read_series(volume: Volume) -> NDArray[Any]:
    frames = Counter(path for path, _ in volume.parts)
    slices = [read_dicom(path, frame if frames[path] > 1 else None) for path, frame in volume.parts]
    dtypes = {one.dtype for one in slices}
    # numpy.stack would lose the metadata of the type, which note the stored bits.
    array = np.empty(
        (len(slices), *slices[0].shape), slices[0].dtype if len(dtypes) == 1 else np.float32
    )
    for place, one in zip(array, slices, strict=True):
        place[...] = one
    return array
