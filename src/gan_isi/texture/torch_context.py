"""Settings of PyTorch that make its results reproducible, while they are needed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_thread_lock = threading.Lock()
_thread_limit = {"depth": 0, "before": 1}


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
