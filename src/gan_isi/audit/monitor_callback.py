"""A monitor as a callback of Lightning's Trainer."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .monitor import MemorizationMonitor


def callback_class() -> Any:
    """Return `MonitorHooks`, as a callback of Lightning's where that is installed."""
    for name in ("lightning", "pytorch_lightning"):
        if find_spec(name) is not None:
            base = import_module("lightning.pytorch" if name == "lightning" else name).Callback
            return type("MonitorCallback", (MonitorHooks, base), {})
    return MonitorHooks


@dataclass(eq=False, repr=False)
class MonitorHooks:
    """The methods that a Trainer calls.

    Parameters
    ----------
    monitor : MemorizationMonitor
        What checks.
    sample, every, stop, path
        See :meth:`MemorizationMonitor.callback`.
    """

    monitor: "MemorizationMonitor"
    sample: Callable[[Any], Any]
    every: int
    stop: bool
    path: str | os.PathLike[str] | None
    _checked: int = field(default=0, init=False)

    def on_train_batch_end(self, trainer: Any, module: Any, *arguments: Any) -> None:
        """Check if so many steps have passed; batches whose gradients add up are one step."""
        passed = int(trainer.global_step) // self.every
        if passed <= self._checked:
            return
        self._checked = passed
        # One process of several is enough.
        if not getattr(trainer, "is_global_zero", True):
            return
        with undisturbed(module):
            generated = self.sample(module)
        record = self.monitor.check(generated, step=int(trainer.global_step))
        if self.path is not None:
            self.monitor.save(self.path)
        if self.stop and record.copies:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """Return what goes into a checkpoint of the training."""
        return {"checked": self._checked, "monitor": self.monitor.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on as of a checkpoint of the training."""
        self._checked = state["checked"]
        self.monitor.load_state_dict(state["monitor"])


@contextmanager
def undisturbed(module: Any) -> Iterator[None]:
    """Within this context a module is evaluated without gradients; afterwards all is as before.

    Parameters
    ----------
    module : torch.nn.Module
        What is trained. The mode of each of its parts is set back, one by one, as are the random
        numbers of PyTorch and NumPy.
    """
    import torch

    training = [(part, part.training) for part in module.modules()]
    state = np.random.get_state()  # noqa: NPY002 - that of the user
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    try:
        module.eval()
        with torch.random.fork_rng(list(devices)), torch.no_grad():
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
        for part, mode in training:
            part.training = mode
