"""Arrays on disk, found by a digest of all that they were computed from; no entry can run code."""

import hashlib
import inspect
import io
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache, partial
from importlib import metadata
from numbers import Integral, Real
from pathlib import Path
from types import FunctionType
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from .._version import __version__
from .output import write_atomically

#: Name of the folder of the entries, within the user's folder.
FOLDER = "gan_isi"

#: Name of the file in it that holds the limit in bytes, where there is one.
_LIMIT = "limit"

#: Packages whose version can change the bits of a result.
_COMPUTE = ("numpy", "scipy", "scikit-image", "scikit-learn", "torch", "torchvision")

#: Parameters that change no result.
_NO_RESULT = ("n_jobs", "memory", "verbose")

#: Packages whose classes no user edits.
_KNOWN_PACKAGES = ("gan_isi", "sklearn", "abc", "builtins", "numpy", "scipy")


class Store:
    """A store of arrays by keys, in a folder that several processes may share.

    Each entry is a file: a SHA-256 digest of its key and content, then an array in NumPy's
    format. Entries are written beside their place and renamed, so that no process sees half
    of one.

    Parameters
    ----------
    folder : path-like
        Folder that holds `FOLDER`, which is created if needed and readable by its owner only.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder, FOLDER)

    def get(self, key: bytes) -> NDArray[Any] | None:
        """Return the array of a key, or None if it is missing or not as it was written."""
        path = self._path(key)
        try:
            if not path.is_file():  # reading a pipe would wait
                return None
            content = path.read_bytes()
            seal, payload = content[:32], content[32:]
            if seal != hashlib.sha256(key + payload).digest():
                return None
            array = np.lib.format.read_array(io.BytesIO(payload), allow_pickle=False)
        except (OSError, ValueError):
            return None
        with suppress(OSError):  # the folder may be read-only
            os.utime(path)  # the least recently used entries are dropped first
        return array

    def put(self, key: bytes, array: NDArray[Any]) -> None:
        """Keep an array, or warn if that fails."""
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=False)
        payload = buffer.getvalue()
        path = self._path(key)
        try:
            for folder in (self.folder.parent, self.folder, path.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            content = hashlib.sha256(key + payload).digest() + payload
            write_atomically(path, content, durable=False)
        except OSError as error:
            warnings.warn(
                f"Nothing more is kept in {self.folder.parent} ({error.strerror or error}); "
                "this changes no result.",
                stacklevel=2,
            )

    def _path(self, key: bytes) -> Path:
        name = key.hex()
        return self.folder / name[:2] / name[2:]

    def entries(self) -> Iterator[tuple[float, int, Path]]:
        """Yield when each entry was last used, its size in bytes, and its file."""
        for path in self.folder.glob("??/*"):
            try:
                found = path.stat()
            except OSError:  # pruned by another process
                continue
            yield found.st_mtime, found.st_size, path

    @property
    def limit(self) -> int | None:
        """Number of bytes that are kept after a run, or None if there is no limit."""
        try:
            return int((self.folder / _LIMIT).read_text())
        except (OSError, ValueError):
            return None

    def set_limit(self, n_bytes: int | None) -> None:
        """Set `limit` for all later runs."""
        if n_bytes is None:
            (self.folder / _LIMIT).unlink(missing_ok=True)
        else:
            write_atomically(self.folder / _LIMIT, str(n_bytes))

    def prune(self, n_bytes: int | None = None) -> int:
        """Drop the least recently used entries until at most `n_bytes` bytes are left.

        Parameters
        ----------
        n_bytes : int, default=None
            Number of bytes to keep. None takes `limit`; if that is None too, nothing is
            dropped.

        Returns
        -------
        int
            Number of entries that were dropped.
        """
        n_bytes = self.limit if n_bytes is None else n_bytes
        if n_bytes is None:
            return 0
        found = sorted(self.entries(), reverse=True)
        kept = np.cumsum([size for _, size, _ in found]) <= n_bytes
        dropped = [path for (_, _, path), stays in zip(found, kept, strict=True) if not stays]
        for path in dropped:
            path.unlink(missing_ok=True)
        return len(dropped)


def store_of(memory: Any) -> Store | None:
    """Return the store of a path or a joblib memory, or None if nothing is kept."""
    location = memory.location if isinstance(memory, joblib.Memory) else memory
    if location is None:
        return None
    if not isinstance(location, (str, os.PathLike)):
        raise TypeError(
            f"memory has to be a folder, a joblib.Memory of a folder, or None; got {memory!r}."
        )
    return Store(location)


def digest(*parts: Any) -> bytes:
    """Return 32 bytes that are the same for equal parts.

    Numbers of Python and NumPy, lists and tuples, and arrays in any memory order count as
    equal. Arrays of different data types do not, since their intensities may mean something
    else. Estimators are compared by their parameters, and the user's own classes and
    functions by their source.
    """
    found = hashlib.sha256()
    for part in parts:
        _feed(found, part)
    return found.digest()


def _feed(found: Any, value: Any) -> None:
    def header(kind: str, *more: Any) -> None:
        found.update(f"{kind} {' '.join(map(repr, more))};".encode(errors="surrogatepass"))

    if isinstance(value, np.ndarray) and value.dtype != object:
        array: Any = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("="))
        # The data type may note how many bits of a pixel are stored.
        header("array", array.dtype.str, value.shape, sorted((value.dtype.metadata or {}).items()))
        found.update(memoryview(array).cast("B") if array.dtype.kind in "buif" and array.size
                     else array.tobytes())  # fmt: skip
    elif isinstance(value, (bool, np.bool_, Integral, Real)):
        number: Any = value  # NumPy's numbers become Python's
        number = float(number) if isinstance(number, (float, np.floating)) else int(number)
        header("number", int(number) if number == number // 1 else number)
    elif value is None or isinstance(value, (str, bytes)):
        header(
            "text",
            None if value is None else bytes(value) if isinstance(value, bytes) else str(value),
        )
    elif isinstance(value, os.PathLike):
        _feed(found, os.fspath(value))
    elif isinstance(value, (Sequence, np.ndarray)):  # images may be files, read one by one
        header("sequence", len(value))
        for index in range(len(value)):
            _feed(found, value[index])
    elif isinstance(value, Mapping):
        header("mapping", len(value))
        for name in sorted(value, key=repr):
            _feed(found, name)
            _feed(found, value[name])
    elif isinstance(value, type) or not _is_ours(value):
        header(
            "object", joblib.hash(value), code_of(value if isinstance(value, type) else type(value))
        )
    else:
        _feed(found, parts_of(value))


def _is_ours(value: Any) -> bool:
    return is_dataclass(value) or isinstance(value, (BaseEstimator, FunctionType, partial))


def parts_of(value: Any) -> tuple[Any, ...]:
    """Return everything that the results of an estimator, a dataclass or a function depend on."""
    if isinstance(value, partial):
        return "partial", value.func, value.args, value.keywords
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        name = value.__module__, value.__qualname__
        return *name, code_of(value), value.__defaults__, value.__kwdefaults__, cells
    if isinstance(value, BaseEstimator):
        parts = value.get_params(deep=False)
        parts = {
            name: one.tolist() if isinstance(one, np.ndarray) else one  # an array equals a list
            for name, one in parts.items()
            if name not in _NO_RESULT
        }
    else:
        parts = {one.name: getattr(value, one.name) for one in fields(value)}
    cls = type(value)
    return cls.__module__, cls.__qualname__, code_of(cls), parts


@cache
def code_of_library() -> str:
    """Return the versions of the code that computes, and a development version's sources."""
    versions = [__version__]
    for package in _COMPUTE:
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    if "dev" in __version__:
        versions.append(sources_digest())
    return "\n".join(versions)


@cache
def sources_digest() -> str:
    """Return the SHA-256 of the library's sources, by which development versions differ."""
    sources = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        sources.update(path.read_bytes())
    return sources.hexdigest()


def code_of(cls: Any) -> str:
    """Return the source of a class or function that the user wrote, and may change.

    Raises
    ------
    ValueError
        If the source can't be found.
    """
    classes = cls.__mro__ if isinstance(cls, type) else (cls,)
    own = [one for one in classes if (one.__module__ or "").split(".")[0] not in _KNOWN_PACKAGES]
    try:
        return "\n".join(inspect.getsource(one) for one in own)
    except (OSError, TypeError) as error:
        raise ValueError(
            f"memory can't tell versions of {cls.__qualname__} apart, because its source can't be "
            "found; define it in a file, or use memory=None."
        ) from error
