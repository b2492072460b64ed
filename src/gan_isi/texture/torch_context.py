"""Settings of PyTorch that make its results reproducible, while they are needed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_thread_lock = threading.Lock()
_thread_limit = {"depth": 0, "before": 1}


def require_torch(what: str = "The deep family") -> Any:
    """Return PyTorch, or raise the ImportError that says what needs it and how to get it."""
    try:
        import torch
        import torchvision  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{what} needs PyTorch and torchvision, and importing them failed "
            f'({error}). Install them with: pip install "gan-isi[deep]"'
        ) from error
    return torch


def resolve_device(device: str = "auto", what: str = "The deep family") -> str:
    """Check that a device can be used on this machine.

    Parameters
    ----------
    device : str, default="auto"
        Device string of PyTorch, such as "cpu", "cuda:1" or "mps"; or "auto", which takes
        CUDA if it is there, else MPS (Apple), else the CPU.
    what : str, default="The deep family"
        What asks for it, for the error where PyTorch is missing.

    Returns
    -------
    str
        A device string of PyTorch.

    Raises
    ------
    TypeError
        If `device` is not text.
    ValueError
        If PyTorch doesn't know the device or can't use it here.
    """
    torch = require_torch(what)
    if not isinstance(device, str):
        raise TypeError(f"device has to be 'auto' or a device string of PyTorch; got {device!r}.")
    if device == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=device).cpu()
    # PyTorch asserts where it was built without the device.
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"device={device!r} can't be used on this machine ({reason}). Give 'auto' or a "
            f"device that is there: {', '.join(_devices(torch))}."
        ) from error
    return "cpu" if torch.device(device).type == "cpu" else device


def _devices(torch: Any) -> list[str]:
    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return ["cpu", *(f"cuda:{i}" for i in range(cuda)), *mps]


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch use one thread for each operation.

    The number of threads is a setting of the process. If several threads are in here at the
    same time (joblib's threading backend), the first saves it and the last restores it.
    """
    import torch

    with _thread_lock:
        if _thread_limit["depth"] == 0:
            _thread_limit["before"] = torch.get_num_threads()
        _thread_limit["depth"] += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _thread_lock:
            _thread_limit["depth"] -= 1
            if _thread_limit["depth"] == 0:
                torch.set_num_threads(_thread_limit["before"])


@contextmanager
def exact_convolutions(device: Any) -> Iterator[None]:
    """Compute in full single precision; CUDA would use 10 bits of mantissa (TF32)."""
    if device.type != "cuda":
        yield
        return
    import torch

    with torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    ):
        yield
