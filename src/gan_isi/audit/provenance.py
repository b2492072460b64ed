"""Where the numbers of an audit come from: inputs with digests, arguments, versions, date."""

import hashlib
import platform
import re
import shlex
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from .._preflight.looks import pixel_digest
from .._runtime.sklearn_compat import num_samples
from .._runtime.store import sources_digest
from .._version import __version__

#: Packages whose version can change a number of an audit; those below only where they are used.
_PACKAGES = ("numpy", "scipy", "scikit-learn", "scikit-image", "pillow")
_NETWORKS = ("torch", "torchvision")

#: Parameters of attacks that change no number, and may tell of the machine.
_NO_RESULT = ("n_jobs", "memory", "verbose")

#: Number of elements of the longest array that is written out.
_LONGEST = 1000


@dataclass(frozen=True)
class InputSet:
    """One set of inputs with the SHA-256 of each.

    Attributes
    ----------
    count : int
        Number of images that were read; 1 for a table.
    kind : {"files", "arrays"}
        Whether `digests` are of the bytes of files, as ``sha256sum`` computes them, or of the
        data type, shape and pixels of arrays.
    folder : str or None
        Folder of the files, as it was given; None if they lie in several.
    digests : dict of str to str
        SHA-256 of each file by its name within the folder (of each array by its number),
        in the order of the names.
    """

    count: int
    kind: str
    folder: str | None
    digests: dict[str, str] = field(repr=False)

    @property
    def sha256(self) -> str:
        """SHA-256 of the lines of the manifest, with names within the folder."""
        return hashlib.sha256(_manifest(self.digests)).hexdigest()


@dataclass(frozen=True)
class Provenance:
    """Inputs, arguments, versions and date of an audit.

    Attributes
    ----------
    inputs : dict of str to InputSet
        Sets by name: "used", "not used", "generated", "candidates", "unrelated generated"; in
        the shell also tables, such as "patients".
    arguments : dict of str to object
        Arguments of :func:`audit` that change a number, but for images and attacks. Names of
        patients, volumes and subgroups, one an image, are told by one SHA-256 of them all.
    attacks : dict of str to dict
        Class and parameters of each attack. What is no plain value is told by its class.
    versions : dict of str to str
        Versions of gan_isi (of a development version also the digest of its sources), of
        the packages that it computes with, and of Python.
    machine : dict of str to str
        Platform, processor, and the libraries of linear algebra, which round differently.
    date : str
        When the audit began, UTC, as in ISO 8601.
    duration : float
        How long it took, in seconds.
    command : list of str or None
        Command line; None if it was not run by the shell.
    options : dict of str to object or None
        Options of the command, defaults included, but for those that change no number.
    """

    inputs: dict[str, InputSet] = field(repr=False)
    arguments: dict[str, Any]
    attacks: dict[str, dict[str, Any]] = field(repr=False)
    versions: dict[str, str]
    machine: dict[str, str]
    date: str
    duration: float
    command: list[str] | None = None
    options: dict[str, Any] | None = None

    @property
    def command_line(self) -> str:
        """The command line as a shell reads it; empty if there is none."""
        return shlex.join(self.command or [])

    @property
    def sha256(self) -> str:
        """SHA-256 of the digests of all sets: one text that stands for all inputs."""
        digests = {name: one.sha256 for name, one in self.inputs.items()}
        return hashlib.sha256(_manifest(digests)).hexdigest()

    def manifest(self) -> bytes:
        """Return one line a file, as ``sha256sum --check`` reads them.

        Returns
        -------
        bytes
            SHA-256 and path, from the folder that the audit was run in if folders were
            given relative to it. Sets of arrays are left out.
        """
        digests = {
            name if one.folder is None else Path(one.folder, name).as_posix(): digest
            for one in self.inputs.values()
            if one.kind == "files"
            for name, digest in one.digests.items()
        }
        return _manifest(digests)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain types, for JSON.

        Returns
        -------
        dict
            The attributes, and `sha256` of each set and of all.
        """
        inputs = {name: asdict(one) | {"sha256": one.sha256} for name, one in self.inputs.items()}
        return asdict(self) | {"inputs": inputs, "sha256": self.sha256}


def now() -> tuple[datetime, float]:
    """Return the date, and a clock that no change of the date disturbs."""
    return datetime.now(UTC), time.perf_counter()


def provenance_of(
    began: tuple[datetime, float],
    inputs: dict[str, InputSet],
    arguments: Mapping[str, Any],
    attacks: Mapping[str, Any],
) -> Provenance:
    """Record how an audit that ends now was made.

    Parameters
    ----------
    began : tuple
        What `now` returned at the beginning.
    inputs : dict of str to InputSet
        See `describe_inputs`.
    arguments : mapping of str to object
        Arguments of the audit that change a number.
    attacks : mapping of str to estimator
        Unfitted attacks by name.

    Returns
    -------
    Provenance
    """
    described = {name: _describe(attack) for name, attack in attacks.items()}
    networks = any(
        name.rpartition("__")[2] == "device" and value is not None
        for one in described.values()
        for name, value in one["parameters"].items()
    )
    return Provenance(
        inputs=inputs,
        arguments={name: as_plain(value) for name, value in arguments.items()},
        attacks=described,
        versions=_versions(_PACKAGES + _NETWORKS * networks),
        machine=_machine(),
        date=began[0].isoformat(timespec="seconds"),
        duration=round(time.perf_counter() - began[1], 3),
    )


def describe_inputs(
    X: Any,
    labels: NDArray[np.intp],
    others: Mapping[str, Any],
    digests: Mapping[str, Mapping[str, str]],
) -> dict[str, InputSet]:
    """Return all images of an audit with their digests.

    Parameters
    ----------
    X : sequence of images
        Real images of known membership.
    labels : ndarray of shape (n_images,)
        1 for used, 0 for not used.
    others : mapping of str to sequence of images or None
        All other sets by name, such as "generated"; None is left out.
    digests : mapping of str to mapping of str to str
        Digests of images that are not read from files, as the preflight saw them.

    Returns
    -------
    dict of str to InputSet

    Notes
    -----
    Files that images are read from are read once more, as bytes; nothing is decoded a second
    time. That takes about as long as ``sha256sum``, a second for a gigabyte or two, and the
    system has them in memory from the preflight, which read them just before.
    """
    parts = {
        "used": (X, np.flatnonzero(labels == 1)),
        "not used": (X, np.flatnonzero(labels == 0)),
    } | {
        name: (images, np.arange(num_samples(images)))
        for name, images in others.items()
        if images is not None
    }
    hashed: dict[Path, str] = {}
    found = {}
    for name, (images, numbers) in parts.items():
        if hasattr(images, "files_of"):
            found[name] = files_with_digests(images.files_of(numbers), len(numbers), hashed)
        else:
            own = digests.get(name) or {
                str(number): pixel_digest(np.asarray(images[int(number)])) for number in numbers
            }
            found[name] = InputSet(len(numbers), "arrays", None, dict(own))
    return found


def files_with_digests(
    files: Mapping[Path, Path], count: int, hashed: dict[Path, str] | None = None
) -> InputSet:
    """Return files with the SHA-256 of their bytes.

    Parameters
    ----------
    files : mapping of Path to Path
        Files, each with the folder that it was found in.
    count : int
        Number of images that they hold.
    hashed : dict of Path to str, default=None
        Digests that are known, to which the others are added.

    Returns
    -------
    InputSet
    """
    hashed = {} if hashed is None else hashed
    folders = set(files.values())
    folder = folders.pop() if len(folders) == 1 else None
    named = {}
    for file in files:
        if file not in hashed:
            with file.open("rb") as stream:
                hashed[file] = hashlib.file_digest(stream, "sha256").hexdigest()
        named[file.as_posix() if folder is None else file.relative_to(folder).as_posix()] = file
    digests = {name: hashed[named[name]] for name in sorted(named)}
    return InputSet(count, "files", None if folder is None else str(folder), digests)


def digest_of_names(names: Any) -> str | None:
    """Return one digest of the names that images have, such as those of their patients.

    Parameters
    ----------
    names : array-like of shape (n_images,) or None
        Names, in the order of the images.

    Returns
    -------
    str or None
        SHA-256 of the names as text, one a line, so that no name is told; None without names.
    """
    if names is None:
        return None
    lines = "".join(f"{name}\n" for name in np.asarray(names).ravel())
    return f"SHA-256 {hashlib.sha256(lines.encode('utf-8', 'surrogatepass')).hexdigest()}"


def as_plain(value: Any) -> Any:
    """Return a value as JSON holds it, the same in each process.

    Parameters
    ----------
    value : object
        Any value of a parameter.

    Returns
    -------
    object
        Plain values as they are (infinite numbers and NaN as text); tuples, sets and arrays as
        lists, long arrays as their digest; functions and classes by their names, estimators by
        their class, and all else as Python shows it, without addresses in memory.
    """
    if isinstance(value, np.ndarray) and value.size > _LONGEST:
        return f"array {value.shape} with the SHA-256 {pixel_digest(value)}"
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): as_plain(one) for key, one in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(map(as_plain, value), key=str)
    if isinstance(value, (list, tuple)):
        return [as_plain(one) for one in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "__qualname__") and hasattr(value, "__module__"):  # no generator
        return f"{value.__module__}.{value.__qualname__}"
    if hasattr(value, "get_params"):  # its parameters stand beside it
        return _class_of(value)
    return re.sub(r" (?:at|object at) 0x[0-9a-fA-F]+", "", repr(value))


def _describe(attack: Any) -> dict[str, Any]:
    parameters = attack.get_params() if hasattr(attack, "get_params") else {}
    kept = {
        name: as_plain(value)
        for name, value in sorted(parameters.items())
        if name.rpartition("__")[2] not in _NO_RESULT
    }
    return {"class": _class_of(attack), "parameters": kept}


def _class_of(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _versions(packages: Iterable[str]) -> dict[str, str]:
    found = {"gan_isi": __version__}
    if "dev" in __version__:
        found["sources of gan_isi"] = sources_digest()
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found | {"python": platform.python_version()}


def _machine() -> dict[str, str]:
    algebra = {
        " ".join(str(one[key]) for key in ("internal_api", "version", "architecture") if key in one)
        for one in threadpool_info()
        if one.get("user_api") == "blas"
    }
    return {
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "byte order": sys.byteorder,
        "linear algebra": ", ".join(sorted(algebra)),
    }


def _manifest(digests: Mapping[str, str]) -> bytes:
    """Return the lines that ``sha256sum`` writes, by name; it escapes these three characters."""
    lines = []
    for name in sorted(digests):
        escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        lines.append(f"{'' if escaped == name else chr(92)}{digests[name]}  {escaped}\n")
    return "".join(lines).encode("utf-8", "surrogateescape")  # what is no UTF-8 keeps its bytes
