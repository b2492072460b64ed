"""Collections of image files, each of which is read when it is asked for."""

import os
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from numpy.typing import NDArray

from .._validation.arrays import check_count
from .archives import is_turned, locate, pictures_in, read_image
from .decode import MAX_PIXELS, ImageReadError
from .dicom import import_pydicom
from .formats import SUFFIXES, Passed, format_of, is_regular, pictures_first
from .lazy import LazyImages

#: Suffixes (lower case) of files that `load_images` takes for images, whatever their content.
IMAGE_SUFFIXES = tuple(SUFFIXES)


class ImageFiles(LazyImages):
    """A sequence of images that are read from their files when they are asked for.

    `load_images` makes it. An integer reads one image; a slice, a list or array of
    integers, or a boolean mask gives another `ImageFiles` and reads nothing, so that
    scikit-learn can split a collection that does not fit into memory. Nothing is
    cached: every access reads the file again.

    Parameters
    ----------
    paths : iterable of path-like
        Paths of the images, in the order of the sequence. A picture in a file that holds many
        has a path below it: ``archive.zip/00000/img00000000.png``, ``samples.npz/arr_0/0012``.
    names : iterable of str, default=None
        Names of the images; None takes the last part of each path.
    max_pixels : int, default=134217728
        Largest number of pixels, height x width, of a picture that is decoded.
    exif_transpose : bool, default=False
        Whether the orientation in a file's metadata is applied.
    passed_over : mapping of str to int, default=None
        Number of files that were passed over, by reason.

    Attributes
    ----------
    paths : tuple of Path
        Paths of the images.
    names : tuple of str
        Paths within the folder that was loaded, with forward slashes.
    max_pixels, exif_transpose
        The parameters of these names.
    passed_over : dict of str to int
        Number of files of the folder that were passed over, by reason; the same for parts.
    shape : tuple (n_images,)
        Shape that scikit-learn needs to index the sequence as an array.

    See Also
    --------
    load_images : Finds and checks the files.

    Notes
    -----
    An image is an array (height, width) or (height, width, channels) in the data type
    of its file: 8-bit integers, 16-bit ones, booleans for 1-bit files, floats.

    - The content of a file decides its format, not its suffix.
    - Palettes are expanded, to grey if every colour that occurs is grey, else to RGB;
      a transparent entry adds an alpha channel. CMYK becomes RGB.
    - The orientation that a camera writes into the EXIF data is not applied: pixels come as
      they are stored. :func:`gan_isi.audit.preflight` counts such files.
    - Files with several pages or frames, and PNG colour images of 16 bits a channel
      (which Pillow reduces to 8), are refused.
    - For DICOM the modality table or the rescale is applied, but not windows (VOI) and padding
      values. The result is float32, unless slope and intercept are 1 and 0 or absent. Then the
      stored type is kept; if fewer bits are stored, its metadata say so, and white is the
      largest value of these bits. Where 0 is white (MONOCHROME1, or the presentation shape
      INVERSE) the stored values are mirrored within their bits before the rescale, so that
      larger is brighter in all files, but not in physical units. Palettes and YBR become RGB.

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

    def __init__(
        self,
        paths: Iterable[str | os.PathLike[str]],
        *,
        names: Iterable[str] | None = None,
        max_pixels: int = MAX_PIXELS,
        exif_transpose: bool = False,
        passed_over: Mapping[str, int] | None = None,
    ) -> None:
        self.paths = tuple(Path(path) for path in paths)
        self.names = tuple(path.name for path in self.paths) if names is None else tuple(names)
        self.max_pixels = max_pixels
        self.exif_transpose = exif_transpose
        self.passed_over = dict(passed_over or {})

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        n = len(self.paths)
        if n == 0:
            return "ImageFiles(0 images)"
        if n == 1:
            return f"ImageFiles(1 image, {str(self.paths[0])!r})"
        return f"ImageFiles({n} images, {str(self.paths[0])!r} ... {str(self.paths[-1])!r})"

    def _read(self, number: int) -> NDArray[Any]:
        return read_image(self.paths[number], self.max_pixels, self.exif_transpose)

    def __add__(self, other: "ImageFiles") -> "ImageFiles":
        """Return these images followed by others, which are read with the same options."""
        if not isinstance(other, ImageFiles):
            return NotImplemented
        joined = self[:]
        joined.paths += other.paths
        joined.names += other.names
        joined.passed_over = dict(Counter(self.passed_over) + Counter(other.passed_over))
        return joined

    def is_turned(self, number: int) -> bool:
        """Return whether the file of an image has an orientation that is not applied.

        Parameters
        ----------
        number : int
            Number of the image in the sequence.

        Returns
        -------
        bool
            False with `exif_transpose`, which applies the orientation.
        """
        return not self.exif_transpose and is_turned(self.paths[number])

    def _files(self, numbers: Iterable[int]) -> dict[Path, Path]:
        found: dict[Path, Path] = {}
        for number in numbers:
            path = self.paths[number]
            file, _ = locate(path)
            if file not in found:
                name = PurePosixPath(self.names[number])
                below = path.as_posix().endswith(f"/{name}")
                root = path.parents[len(name.parts) - 1] if below else path.parent
                found[file] = file.parent if root.is_relative_to(file) else root
        return found

    def _part(self, numbers: Iterable[int]) -> "ImageFiles":
        chosen = list(numbers)
        return ImageFiles(
            (self.paths[i] for i in chosen),
            names=(self.names[i] for i in chosen),
            max_pixels=self.max_pixels,
            exif_transpose=self.exif_transpose,
            passed_over=self.passed_over,
        )


def load_images(
    source: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    recursive: bool | None = None,
    max_pixels: int = MAX_PIXELS,
    exif_transpose: bool = False,
) -> ImageFiles:
    """Find image files, to be read one at a time when they are asked for.

    Parameters
    ----------
    source : path-like or iterable of path-like
        A folder, a file that holds many images (ZIP, NPZ, NPY, HDF5), or a list of files.
        In a folder, files are images if they begin like PNG, JPEG, TIFF, BMP, WebP, JPEG 2000
        or DICOM files, or have such a suffix; they are sorted by their path relative to the
        folder. NumPy's arrays and archives are read only if no images lie beside them.
        Listed files keep their order.
    recursive : bool, default=None
        Whether the subfolders of a folder are searched as well. None searches them if no
        image lies in the folder itself.
    max_pixels : int, default=134217728
        Largest number of pixels, height x width. Reading a larger picture raises an error
        before it takes memory.
    exif_transpose : bool, default=False
        Whether pictures are rotated upright if their file has another orientation (EXIF, or
        that of TIFF). The default leaves pixels as they are stored.

    Returns
    -------
    ImageFiles
        A lazy sequence of images; its class describes how they are read.

    Raises
    ------
    FileNotFoundError
        If the folder or a listed file does not exist.
    NotADirectoryError
        If `source` is the file of a single image.
    ValueError
        If there are no images, or a listed file is not an image.
    ImageReadError
        If an archive is damaged.
    ImportError
        If there are DICOM files and pydicom is not installed.

    Warns
    -----
    UserWarning
        If files were passed over that may be meant as images: other formats, subfolders,
        arrays and archives beside images. `ImageFiles.passed_over` counts all.

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
    check_count(max_pixels, "max_pixels")
    passed = Passed()
    if isinstance(source, (str, os.PathLike)):
        root = Path(source)
        paths = _paths_of(root, recursive, passed)
        names = [path.relative_to(root).as_posix() for path in paths]
    else:
        paths = [picture for item in source for picture in _listed(item, passed)]
        names = [path.name for path in paths]
        if not paths:
            raise ValueError("The list of image files is empty; expected at least one path.")
    if said := passed.words():
        where = source if isinstance(source, (str, os.PathLike)) else "The listed files"
        hint = " recursive=True (in the shell --recursive) searches subfolders."
        subfolders = hint if _BELOW in passed.counts else ""
        warnings.warn(f"{where}: {said}{subfolders}", stacklevel=2)
    return ImageFiles(
        paths,
        names=names,
        max_pixels=max_pixels,
        exif_transpose=exif_transpose,
        passed_over=passed.counts,
    )


#: Reason for passing over a file in a subfolder.
_BELOW = "in subfolders"

#: Stands for a format if the file has been counted already.
_NO_FILE = "no file"


def _listed(item: str | os.PathLike[str], passed: Passed) -> list[Path]:
    if not isinstance(item, (str, os.PathLike)):
        raise TypeError(f"Expected paths of image files; got {type(item).__name__}: {item!r}.")
    path = Path(item)
    try:
        _, member = locate(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no image file {path}.") from None
    if member:
        return [path]
    kind = _format(path)
    if not Passed().takes(path.name.lstrip("."), kind):
        raise ValueError(
            f"{path} is {kind or 'no image'} by its content, and has the suffix {path.suffix!r}; "
            f"expected an image, or one of the suffixes {', '.join(IMAGE_SUFFIXES)}."
        )
    return _expanded(path, str(kind), passed)


def _format(path: Path) -> str | None:
    with path.open("rb") as file:
        kind = format_of(file, path.name)
    # A file with the suffix of a picture is never passed over: reading it raises an error.
    return kind if kind in SUFFIXES.values() else SUFFIXES.get(path.suffix.lower(), kind)


def _expanded(path: Path, kind: str, passed: Passed) -> list[Path]:
    if kind == "DICOM":
        import_pydicom()  # a missing package is an error now, not after a thousand other files
    pictures, others = pictures_in(path, kind)
    for reason, count in others.items():
        passed.add(reason, count)
    return [path] if pictures is None else pictures


def _paths_of(root: Path, recursive: bool | None, passed: Passed) -> list[Path]:
    if not root.exists():
        raise FileNotFoundError(f"There is no folder {root}.")
    if not root.is_dir():
        paths = _listed(root, passed)
        if paths == [root]:
            raise NotADirectoryError(
                f"{root} is a file; expected a folder, a file that holds many images, or a list "
                "of files."
            )
    else:
        found = _files_below(root, recursive, passed)
        found = pictures_first(found, passed)
        ordered = sorted(found, key=lambda path: path.relative_to(root).as_posix())
        # Pictures in a file keep the order that they have there.
        paths = [one for path in ordered for one in _expanded(path, found[path], passed)]
    if not paths:
        listed = ", ".join(f"{count} {reason}" for reason, count in passed.counts.items())
        why = f" These files were passed over: {listed}." if listed else ""
        hint = " Subfolders are searched with recursive=True." if _BELOW in passed.counts else ""
        raise ValueError(
            f"{root} contains no image files, such as {', '.join(IMAGE_SUFFIXES)}.{why}{hint}"
        )
    return paths


def _files_below(root: Path, recursive: bool | None, passed: Passed) -> dict[Path, str]:
    """Return the files to read and their formats; other files are counted."""
    found: dict[Path, str] = {}
    seen: set[str] = set()
    for folder, subfolders, names in os.walk(root, onerror=_raise, followlinks=True):
        if (real := os.path.realpath(folder)) in seen:  # links may lead in circles
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if Path(folder) != root and recursive is False:
            passed.add(_BELOW, len(names))
            continue
        for name in names:
            path = Path(folder, name)
            kind = None if name.startswith(".") else _format_or_none(path, passed)
            if kind != _NO_FILE and passed.takes(name, kind):
                found[path] = str(kind)
        if Path(folder) == root and recursive is None:
            recursive = not any(kind != "ZIP" for kind in found.values())
    return found


def _format_or_none(path: Path, passed: Passed) -> str | None:
    try:
        if is_regular(path):
            return _format(path)
        passed.add("no regular files (FIFO, socket, device)")
    except FileNotFoundError:
        passed.add("links that lead nowhere")
    except PermissionError:
        raise
    except OSError as error:
        raise ImageReadError(f"{path} cannot be read: {error}.") from error
    return _NO_FILE


def _raise(error: OSError) -> None:
    raise error
