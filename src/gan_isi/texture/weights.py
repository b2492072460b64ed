"""Weights of torchvision's networks: by name, or from a file that can run no code."""

import os
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeAlias

from .torch_context import require_torch

Weights: TypeAlias = str | os.PathLike[str] | None


def read_weights(
    weights: str | os.PathLike[str], network: str, title: str
) -> tuple[Mapping[str, Any], str]:
    """Return a state dict, and the name of its source for errors.

    Parameters
    ----------
    weights : str or path
        A name of torchvision's weights of the network, or the path of a state dict.
    network : str
        Name of the network in torchvision.
    title : str
        What errors call it.

    Returns
    -------
    state : mapping of str to tensor
        As it was read.
    source : str
        The name or the path.

    Raises
    ------
    TypeError
        If `weights` is neither text nor a path.
    FileNotFoundError, OSError, ValueError
        Where there is no such file or name, or where it can't be read.
    """
    from torchvision.models import get_model_weights

    if not isinstance(weights, (str, os.PathLike)):
        raise TypeError(f"weights has to be a name, a path or None; got {weights!r}.")
    entries = get_model_weights(network)
    names = list(entries.__members__)
    name = str(weights).removeprefix(f"{entries.__name__}.")
    if isinstance(weights, str) and name in names:
        return _download(entries[name], title), name
    path = Path(weights).expanduser()
    if path.exists():
        return _read_file(path, title), str(path)
    message = (
        f"weights={str(weights)!r} is neither the name of pretrained weights ({', '.join(names)}) "
        f"nor the path of an existing file with a state dict of {title}."
    )
    looks_like_a_path = not isinstance(weights, str) or path.suffix or path.name != weights
    raise FileNotFoundError(message) if looks_like_a_path else ValueError(message)


def _download(entry: Any, title: str) -> Any:
    torch = require_torch()
    try:
        return entry.get_state_dict(
            progress=True, check_hash=True, map_location="cpu", weights_only=True
        )
    # There is no network or no room, the hash is wrong, or the file in the cache is damaged.
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        cache = Path(torch.hub.get_dir(), "checkpoints")
        raise OSError(
            f"torchvision could not fetch or read the weights {entry.name!r} of {title} ({error}). "
            f"Without a network, download {entry.url} on another machine, copy the file here, and "
            'give its path, weights="/path/to/state_dict.pth", or put it into '
            f"{cache}, where torchvision looks first."
        ) from error


def _read_file(path: Path, title: str) -> Any:
    torch = require_torch()
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a file that is no state dict can raise anything
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{path} can't be read as a state dict of {title} ({reason}). Write one with "
            "torch.save(model.state_dict(), path)."
        ) from error


def fill(model: Any, state: Any, source: str, title: str, ignored: tuple[str, ...] = ()) -> None:
    """Load a state dict into the model, or raise an error that says what is wrong with it.

    Parameters
    ----------
    model : torch.nn.Module
        What is filled, in place.
    state : mapping of str to tensor
        The state dict, bare or as the entry "state_dict".
    source, title : str
        What errors call the file and the network.
    ignored : tuple of str
        Beginnings of names that are passed over.

    Raises
    ------
    ValueError
        If names or shapes are others than those of the model.
    """
    torch = require_torch()
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and torch.is_tensor(value) for name, value in state.items()
    ):
        raise ValueError(
            f"{source} holds no state dict of {title}: expected a mapping from names to tensors, "
            f"got {type(state).__name__}."
        )
    expected = model.state_dict()
    found = {name: value for name, value in state.items() if not name.startswith(ignored)}
    for name in expected:
        # Only training needs the count of batches; files from before 2018 lack it.
        if name.endswith("num_batches_tracked"):
            found.setdefault(name, torch.tensor(0, device="cpu"))
    shapes = [
        f"{name} {tuple(found[name].shape)} instead of {tuple(expected[name].shape)}"
        for name in expected
        if name in found and found[name].shape != expected[name].shape
    ]
    problems = {
        "missing": [name for name in expected if name not in found],
        "unexpected": [name for name in found if name not in expected],
        "of another shape": shapes,
    }
    if any(problems.values()):
        raise ValueError(
            f"{source} does not hold the weights of torchvision's {title}. "
            + " ".join(f"{_some(names)} {what}." for what, names in problems.items() if names)
        )
    # Clones, since a tensor that is a part of a larger one would be pickled as a whole.
    ready = {
        name: found[name].detach().to(dtype=like.dtype).clone(memory_format=torch.contiguous_format)
        for name, like in expected.items()
    }
    model.load_state_dict(ready, assign=True)


def _some(names: list[str], shown: int = 3) -> str:
    more = f" and {len(names) - shown} more are" if len(names) > shown else ""
    return ", ".join(names[:shown]) + (more or (" are" if len(names) > 1 else " is"))
