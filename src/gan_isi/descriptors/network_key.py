"""What tells one network from another, for the vectors that are kept on disk."""

from typing import Any

from joblib import hash as joblib_hash

from .._runtime.store import code_of
from ..texture.torch_context import require_torch


def network_key(model: Any) -> tuple[Any, ...]:
    """Return everything that a network's results depend on but the version of PyTorch.

    Parameters
    ----------
    model : torch.nn.Module
        The network, on the CPU.

    Returns
    -------
    tuple
        The layers with their settings, and a digest of the weights; for `digest`.

    Raises
    ------
    ValueError
        If the source of a class that is not PyTorch's can't be found.
    """
    torch = require_torch()
    usual = vars(torch.nn.Module())
    layers = []
    for name, module in model.named_modules():
        kind = type(module)
        known = kind.__module__.split(".")[0] in ("torch", "torchvision")
        settings = {key: _plain(value) for key, value in vars(module).items() if key not in usual}
        code = "" if known else code_of(kind)
        layers.append((name, kind.__module__, kind.__qualname__, code, settings))
    weights = dict(model.named_parameters()) | dict(model.named_buffers())
    return layers, joblib_hash({name: tensor.numpy() for name, tensor in weights.items()})


def _plain(value: Any) -> Any:
    """Return a setting of a layer as something whose digest is the same in any process."""
    if isinstance(value, require_torch().Tensor):
        return value.detach().cpu().numpy()
    return repr(value) if type(value).__module__.split(".")[0] == "torch" else value
