"""Collections of image files that are read one at a time, when asked for."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ._decode import READERS, read_image
from ._dicom import import_pydicom

#: Suffixes (lower case) of the files that `load_images` reads.
IMAGE_SUFFIXES = tuple(READERS)


class ImageFiles(Sequence[NDArray[Any]]):
    """A sequence of images that are read from their files when they are asked for.

    Made by `load_images`. An integer reads one image; a slice, a list or array of
    integers, or a boolean mask gives another `ImageFiles` and reads nothing, so that
    scikit-learn can split a collection that does not fit into memory. Nothing is
    cached: every access reads the file again.

    Parameters
    ----------
    paths : iterable of path-like
        The files, in the order of the sequence.

    Attributes
    ----------
    paths : tuple of Path
        The files.
    shape : tuple (n_images,)
        What scikit-learn looks at to index the sequence as an array.

    See Also
    --------
    load_images : Finds and checks the files.

    Notes
    -----
    An image is an array (height, width) or (height, width, channels) in the data type
    of its file: 8-bit integers, 16-bit ones, booleans for 1-bit files, floats.

    - Palettes are expanded, to grey if every colour that occurs is grey, else to RGB;
      a transparent entry adds an alpha channel. CMYK becomes RGB.
    - The orientation that a camera notes in the EXIF data is not applied: pixels come as
      they are stored. :func:`gan_isi.audit.preflight` counts such files.
    - Files with several pages or frames, and PNG colour images of 16 bits a channel
      (which Pillow reduces to 8), are refused.
    - DICOM: the modality table or the rescale is applied (float32, unless slope and
      intercept are 1 and 0 or absent, which keeps the stored type, and notes in its metadata
      if fewer bits are stored: white is then the largest value of these); windows (VOI) and
      padding values are not. Where 0 is white (MONOCHROME1, or the presentation shape
      INVERSE) the stored values are mirrored within their stored bits before the rescale, so
      that larger is brighter in all files; they are no physical units then. Palettes
      and YBR become RGB.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("a.png", "b.png", "c.png"):
    ...         Image.new("L", (4, 3)).save(Path(folder, name))
    ...     images = load_images(folder)
    ...     print(len(images), images[0].shape, images[0].dtype)
    ...     print([path.name for path in images[1:].paths])
    3 (3, 4) uint8
    ['b.png', 'c.png']
    """

    def __init__(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        self.paths = tuple(Path(path) for path in paths)

    @property
    def shape(self) -> tuple[int]:
        """Length as a tuple, as of a one-dimensional array."""
        return (len(self.paths),)

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        n = len(self.paths)
        if n == 0:
            return "ImageFiles(0 images)"
        if n == 1:
            return f"ImageFiles(1 image, {str(self.paths[0])!r})"
        return f"ImageFiles({n} images, {str(self.paths[0])!r} ... {str(self.paths[-1])!r})"

    @overload
    def __getitem__(self, key: int) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, key: slice) -> "ImageFiles": ...
    @overload
    def __getitem__(self, key: Any) -> Any: ...
    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple):
            key = self._only_axis(key)
        if isinstance(key, slice):
            return ImageFiles(self.paths[key])
        # numpy is strict about booleans, floats, bounds and the length of masks.
        position = np.arange(len(self))[_as_index(key)]
        if np.ndim(position) == 0:
            return read_image(self.paths[int(position)])
        if position.ndim > 1:
            raise IndexError(
                f"ImageFiles has one axis; the index has {position.ndim} dimensions, expected 1."
            )
        return ImageFiles(self.paths[i] for i in position)

    @staticmethod
    def _only_axis(key: tuple[Any, ...]) -> Any:
        """Unpack ``(key, ...)``, as scikit-learn indexes an array of any dimension."""
        if len(key) == 2 and key[1] is Ellipsis:
            return key[0]
        raise IndexError(
            f"ImageFiles has one axis, that of the images; got the index {key!r}. "
            "Read an image first to index its pixels."
        )


def _as_index(key: Any) -> Any:
    index = np.asarray(key)
    if index.ndim == 0 and index.dtype.kind in "iu":
        return int(index)
    if index.ndim == 0:
        raise TypeError(
            "ImageFiles is indexed by integers, slices, integer arrays and boolean masks; "
            f"got {key!r}."
        )
    return index.astype(np.intp) if index.size == 0 and index.dtype != bool else index


def load_images(
    source: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], *, recursive: bool = False
) -> ImageFiles:
    """Find image files, to be read one at a time when they are asked for.

    Parameters
    ----------
    source : path-like or iterable of path-like
        A folder, or the files themselves. Of a folder, the files with the suffixes .png,
        .jpg, .jpeg, .tif, .tiff, .bmp and .dcm (in any case) are taken, sorted by their
        path relative to the folder; others and hidden ones are passed over. Listed files
        keep their order.
    recursive : bool, default=False
        Whether the subfolders of a folder are searched as well.

    Returns
    -------
    ImageFiles
        A lazy sequence of images; the class says how they are read.

    Raises
    ------
    FileNotFoundError
        If the folder or a listed file does not exist.
    NotADirectoryError
        If `source` is a single file.
    ValueError
        If there are no images, or a listed file has another suffix.
    ImportError
        If there are DICOM files and pydicom is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (4, 3), color=7).save(Path(folder, "scan.png"))
    ...     images = load_images(folder)
    ...     images[0]
    array([[7, 7, 7, 7],
           [7, 7, 7, 7],
           [7, 7, 7, 7]], dtype=uint8)
    """
    if isinstance(source, (str, os.PathLike)):
        paths = _paths_in_folder(Path(source), recursive)
    else:
        paths = [_listed_path(item) for item in source]
        if not paths:
            raise ValueError("The list of image files is empty; expected at least one path.")
    if any(path.suffix.lower() == ".dcm" for path in paths):
        import_pydicom()  # rather now than after a thousand other files
    return ImageFiles(paths)


def is_image_name(name: str) -> bool:
    """Whether a file of this name is taken for a readable image."""
    return not name.startswith(".") and Path(name).suffix.lower() in READERS


def _listed_path(item: str | os.PathLike[str]) -> Path:
    if not isinstance(item, (str, os.PathLike)):
        raise TypeError(f"Expected paths of image files; got {type(item).__name__}: {item!r}.")
    path = Path(item)
    if path.suffix.lower() not in READERS:
        raise ValueError(
            f"{path} has the suffix {path.suffix!r}; expected one of {', '.join(READERS)}."
        )
    if not path.is_file():
        raise FileNotFoundError(f"There is no image file {path}.")
    return path


def _paths_in_folder(root: Path, recursive: bool) -> list[Path]:
    if not root.exists():
        raise FileNotFoundError(f"There is no folder {root}.")
    if not root.is_dir():
        raise NotADirectoryError(f"{root} is a file; expected a folder, or a list of files.")
    found: list[Path] = []
    has_subfolders = False
    for folder, subfolders, names in os.walk(root, onerror=_raise):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        found += [Path(folder, name) for name in names if is_image_name(name)]
        if not recursive:
            has_subfolders = bool(subfolders)
            break
    if not found:
        hint = " Its subfolders are searched with recursive=True." if has_subfolders else ""
        raise ValueError(
            f"The folder {root} contains no image files; looked for {', '.join(READERS)}.{hint}"
        )
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def _raise(error: OSError) -> None:
    raise error
