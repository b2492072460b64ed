"""Patients of images, told by their headers, or by the folders that they lie in."""

import hashlib
import os
from pathlib import Path
from typing import Any

from .archives import locate
from .decode import ImageReadError
from .dicom import read_header


def patients_of(
    images: Any, source: str, *, root: str | os.PathLike[str] | None = None
) -> list[str]:
    """Return the patient of each image, for ``groups=``.

    Parameters
    ----------
    images : ImageFiles
        Images from :func:`load_images`, or any collection with the attribute `paths`.
    source : {"dicom", "folder", "file"}
        Source of the patients. "dicom" is PatientID of the header, of which only a digest is
        returned; "folder" is the name of the folder directly below `root` that the image lies
        in, at any depth; "file" is the file, for files with several frames.
    root : path-like, default=None
        Folder that holds those of the patients, for "folder" only.

    Returns
    -------
    list of str
        Name of each image's patient. The same name means the same patient, also in another
        collection.

    Raises
    ------
    ImageReadError
        If a file has no PatientID.
    ValueError
        If `source` is another, or a file lies in no folder below `root`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from gan_isi.datasets import load_images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("anna", "bert"):
    ...         Path(folder, name).mkdir()
    ...         Image.new("L", (4, 3)).save(Path(folder, name, "scan.png"))
    ...     images = load_images(folder, recursive=True)
    ...     print(patients_of(images, "folder", root=folder))
    ['anna', 'bert']
    """
    if source not in ("dicom", "folder", "file"):
        raise ValueError(f"source has to be 'dicom', 'folder' or 'file'; got {source!r}.")
    if source != "folder":
        files = [locate(Path(path))[0] for path in images.paths]
        name = str if source == "file" else _digest
        known = {file: name(file) for file in dict.fromkeys(files)}
        return [known[file] for file in files]
    if root is None:
        raise ValueError(
            "source='folder' needs root=, the folder that holds the folders of the patients."
        )
    return [_folder(Path(path), Path(root)) for path in images.paths]


def _digest(path: Path) -> str:
    try:
        found = str(read_header(path, ["PatientID"]).get("PatientID") or "").strip()
    except (OSError, ImportError):
        raise
    except Exception as error:  # a damaged header can raise anything
        raise ImageReadError(f"{path} names no patient: {error}.") from error
    if not found:
        raise ImageReadError(f"{path} names no patient: its PatientID is empty or missing.")
    return hashlib.sha256(found.encode()).hexdigest()[:16]


def _folder(path: Path, root: Path) -> str:
    try:
        below = path.absolute().relative_to(root.absolute()).parts
    except ValueError:
        below = ()
    if len(below) < 2:
        raise ValueError(f"{path} lies in no folder below {root} that could name its patient.")
    return below[0]
