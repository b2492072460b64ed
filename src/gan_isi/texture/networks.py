"""Any layer of any network: images in, the values of its channels out.

A network is a :class:`torch.nn.Module`, or one of torchvision's networks for classification
by name. A layer has the name that `named_modules` gives it. PyTorch and torchvision are
imported when a function is called, never with this module.
"""

import copy
from collections import OrderedDict
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from .._validation.arrays import check_image, check_list
from .torch_context import exact_convolutions, one_thread, require_torch
from .weights import Weights, fill, read_weights

if TYPE_CHECKING:
    import torch

#: Mean and standard deviation of each channel of the input.
Normalisation: TypeAlias = tuple[float | Sequence[float], float | Sequence[float]]

#: Height and width of the input of most networks that were trained on ImageNet, and the mean
#: and standard deviation of these images in red, green and blue on the unit scale.
INPUT_SIZE = 224
IMAGENET: Normalisation = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def preprocess(
    images: Sequence[ArrayLike] | NDArray[np.floating[Any]],
    size: int = INPUT_SIZE,
    normalisation: Normalisation = IMAGENET,
) -> "torch.Tensor":
    """Turn grey images into a batch as a network expects it.

    Parameters
    ----------
    images : ndarray of shape (n, height, width) or sequence of (height, width) arrays
        Grey images on the unit scale; each may have another size.
    size : int, default=224
        Height and width of the network's input in pixels.
    normalisation : tuple (mean, standard deviation), default=IMAGENET
        A number for each channel of the network's input, or one number for networks with one
        channel, on the unit scale.

    Returns
    -------
    torch.Tensor of shape (n, channels, size, size), float32
        Batch on the CPU. Each channel holds the grey image minus the mean of the channel,
        divided by its standard deviation.

    Raises
    ------
    TypeError, ValueError
        If there are no images, or one is not a finite two-dimensional array; or if the
        normalisation is not as above.

    Notes
    -----
    An image is resized whatever its aspect ratio, bilinearly, with a wider kernel where the
    image shrinks (antialiasing). The paper doesn't say how it resized images.
    """
    torch = require_torch()
    grey = [
        check_image(image, f"image {index}")
        for index, image in enumerate(check_list(images, "images"))
    ]
    if not grey:
        raise ValueError("images is empty; at least one image is required.")
    mean, std = (
        torch.tensor(values, dtype=torch.float32, device="cpu")[:, None, None]
        for values in check_normalisation(normalisation)
    )
    batch = torch.empty((len(grey), len(mean), size, size), dtype=torch.float32, device="cpu")
    with torch.inference_mode(), one_thread():
        for row, image in zip(batch, grey, strict=True):
            # This copies, since PyTorch warns of arrays that may not be written to.
            pixels = torch.from_numpy(np.array(image, dtype=np.float32, order="C"))
            resized = torch.nn.functional.interpolate(
                pixels[None, None],
                size=(size, size),
                mode="bilinear",
                align_corners=False,
                antialias=True,
            )
            row.copy_((resized[0] - mean) / std)
    return batch


def check_normalisation(normalisation: Any) -> tuple[list[float], list[float]]:
    """Return the mean and the standard deviation of each channel of the input.

    Parameters
    ----------
    normalisation : tuple (mean, standard deviation)
        See `preprocess`.

    Returns
    -------
    mean, std : list of float
        Of one length.

    Raises
    ------
    ValueError
        If it is not a pair of as many finite numbers, the second ones positive.
    """
    try:
        mean, std = (np.atleast_1d(np.asarray(part, dtype=float)) for part in normalisation)
        fits = mean.shape == std.shape and mean.ndim == 1 and len(mean) > 0
        fits = fits and bool(np.isfinite([mean, std]).all()) and bool((std > 0).all())
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(
            "normalisation has to be a pair (mean, standard deviation) with a number, or as many "
            "numbers each as the network's input has channels, such as (0.5, 0.25) or "
            f"((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)); got {normalisation!r}."
        )
    return mean.tolist(), std.tolist()


def load_network(
    network: "str | torch.nn.Module",
    layer: str,
    weights: Weights = "IMAGENET1K_V1",
    *,
    random_state: int | np.random.RandomState | None = None,
) -> "torch.nn.Module":
    """Load a network that stops at a layer.

    Parameters
    ----------
    network : str or torch.nn.Module
        Name of one of torchvision's networks for classification, such as "alexnet", or a
        network, of which a copy is made.
    layer : str
        Name of a layer as `named_modules` gives it, such as "features.6"; "" is the whole
        network. Of a layer that is called several times the first call counts.
    weights : str, path or None, default="IMAGENET1K_V1"
        Weights of a network of torchvision: a name of its weights there, the path of a
        state dict, or None for random ones. A network that is given has its own.
    random_state : int, RandomState instance or None, default=None
        Seed of the random weights. PyTorch's own generators are as they were afterwards.

    Returns
    -------
    torch.nn.Module
        For `layer_output`; on the CPU, in evaluation mode, float32, without gradients and
        without the hooks that the network had. (PyTorch's own stay, such as those of
        `torch.nn.utils.weight_norm`.)

    Raises
    ------
    ImportError
        If PyTorch or torchvision can't be imported.
    TypeError
        If `network` is neither text nor a network.
    FileNotFoundError, OSError
        If the weights can't be found or fetched.
    ValueError
        If torchvision has no such network, the network no such layer, or if weights don't fit.
    """
    torch = require_torch()
    if isinstance(network, str):
        model = _from_torchvision(network, weights, random_state)
    elif isinstance(network, torch.nn.Module):
        model = without_hooks(network)
    else:
        raise TypeError(
            "network has to be the name of one of torchvision's networks or a torch.nn.Module; "
            f"got {network!r}."
        )
    model = model.to("cpu").float().eval().requires_grad_(False)
    names = dict(model.named_modules())
    if layer not in names:
        close = get_close_matches(layer, names, n=5, cutoff=0.3) or [n for n in names if n][:5]
        raise ValueError(
            f"layer={layer!r} is no layer of {type(model).__name__}; give a name of "
            f"network.named_modules(), such as {', '.join(map(repr, close))}."
        )
    # Part of the network, so that threads can share it: each call has an exception of its own.
    names[layer].register_forward_hook(_stop)
    return model


def layer_output(model: "torch.nn.Module", batch: "torch.Tensor") -> NDArray[np.float32]:
    """Compute what a layer returns.

    Parameters
    ----------
    model : torch.nn.Module
        Network of `load_network`. It computes on its own device.
    batch : torch.Tensor of shape (n, channels, size, size)
        Images as from `preprocess`.

    Returns
    -------
    ndarray of shape (n, n_channels, height, width), float32
        The second axis of what the layer returns is that of its channels. A layer with one
        number a channel has height and width 1, one with three or more axes of
        values has all but the last in the height.

    Raises
    ------
    ValueError
        If the network does not call the layer, or if the layer does not return a tensor of
        finite numbers with channels on the second axis.

    Notes
    -----
    On the CPU one image after the other goes through the network in one thread, as in
    :func:`gan_isi.texture.resnet.addition_layer`, with the same bits for any batches.
    """

    def compute(x: "torch.Tensor") -> "torch.Tensor":
        try:
            model(x)
        except _Reached as reached:
            return _by_channel(reached.output, len(x))
        raise ValueError("The network does not call the layer; give the name of another one.")

    values = output_of_each(compute, model, batch)
    if not np.isfinite(values).all():
        raise ValueError(
            "The layer returned NaN or infinity; the network's weights are not finite, or not "
            "for images like these (see normalisation)."
        )
    return values


def output_of_each(
    compute: Callable[["torch.Tensor"], "torch.Tensor"],
    model: "torch.nn.Module",
    batch: "torch.Tensor",
) -> NDArray[np.float32]:
    """Compute something of a batch on the device of a network.

    Parameters
    ----------
    compute : callable
        Function of a batch that returns a tensor with a row for each image.
    model : torch.nn.Module
        Whose device it is.
    batch : torch.Tensor
        Images as from `preprocess`.

    Returns
    -------
    ndarray, float32
        On the CPU the result of each image by itself, in one thread.
    """
    torch = require_torch()
    own = next(chain(model.parameters(), model.buffers()), batch)
    with torch.inference_mode():
        if own.device.type == "cpu":
            with one_thread():
                return np.concatenate([compute(one[None]).numpy() for one in batch])
        with exact_convolutions(own.device):
            return compute(batch.to(own.device)).cpu().numpy()


def without_hooks(network: "torch.nn.Module") -> "torch.nn.Module":
    """Return a copy of a network without the user's hooks.

    Parameters
    ----------
    network : torch.nn.Module
        It stays as it is. Its hooks may be such that they can be neither copied nor pickled.

    Returns
    -------
    torch.nn.Module
        With hooks of PyTorch's own classes only, which belong to what a network computes.
    """
    hooks = [
        value
        for module in network.modules()
        for name, value in vars(module).items()
        if name.endswith(("_hooks", "_hooks_with_kwargs", "_hooks_always_called"))
        and isinstance(value, dict)
    ]
    # What is in the memo is not copied but taken from there.
    memo: dict[int, Any] = {
        id(value): OrderedDict(
            (key, hook) for key, hook in value.items() if type(hook).__module__.startswith("torch.")
        )
        for value in hooks
    }
    return copy.deepcopy(network, memo)


class _Reached(Exception):
    """Carries the output of the layer out of the network."""

    def __init__(self, output: Any) -> None:
        self.output = output


def _stop(module: Any, args: Any, output: Any) -> None:
    raise _Reached(output)


def _by_channel(output: Any, n: int) -> Any:
    torch = require_torch()
    shape = tuple(getattr(output, "shape", ()))
    if not torch.is_tensor(output) or len(shape) < 2 or shape[0] != n or 0 in shape:
        raise ValueError(
            "The layer has to return a tensor of shape (n, channels, ...); got "
            f"{type(output).__name__} of shape {shape} for {n} images. Give a layer within it "
            "or after it, or put it into a module that returns such a tensor."
        )
    width = shape[-1] if len(shape) > 2 else 1
    return output.float().reshape(*shape[:2], -1, width)


def _from_torchvision(network: str, weights: Weights, random_state: Any) -> Any:
    torch = require_torch()
    from torchvision import models

    known = models.list_models(module=models)
    if network not in known:
        close = get_close_matches(network, known, n=5, cutoff=0.3) or known[:5]
        raise ValueError(
            f"network={network!r} is none of torchvision's networks for classification, such as "
            f"{', '.join(map(repr, close))}."
        )
    read = None if weights is None else read_weights(weights, network, network)
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(seed))
        model = models.get_model(network, weights=None)
    if read is not None:
        fill(model, *read, network)
    return model
