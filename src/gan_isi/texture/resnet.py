"""Deep texture maps: the 14th addition layer of a ResNet-50.

ResNet-50 ends each of its 3 + 4 + 6 + 3 residual blocks with an addition. The 14th is
that of the first block of the last stage, in torchvision `layer4[0]`. It has 2048 channels
of 7 x 7 values for an input of 224 x 224 pixels, taken before the ReLU that follows.

The paper [1]_ (section Methods) names the network and the layer, but no software and no
weights. Other implementations have the same layers with the values of another training run.
torchvision's variant also halves the resolution in the 3 x 3 convolution of a block, while
the original one [2]_ halves it in the 1 x 1 convolution before.

PyTorch and torchvision are imported when a function is called, never with this module.

.. [1] M. Mehdipour Ghazi and M. Mehdipour Ghazi, "GAN-ISI: Generative Adversarial Networks
   Image Source Identification Using Texture Analysis", CLEF 2023, CEUR-WS vol. 3497.
.. [2] K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from .._validation.arrays import check_image, check_list
from .torch_context import exact_convolutions, one_thread

if TYPE_CHECKING:
    import torch

Weights: TypeAlias = str | os.PathLike[str] | None

#: Height and width of the network's input, and channels of the 14th addition layer.
INPUT_SIZE, N_CHANNELS = 224, 2048

#: Mean and standard deviation of the RGB images of the pretraining, on the unit scale.
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)

#: Parts of the network that come after the 14th addition layer.
_BEYOND = ("layer4.1.", "layer4.2.", "avgpool.", "fc.")


def values_per_channel() -> int:
    """Return the number of values of a map: 49, one for each 32 x 32 pixels of the input."""
    return (INPUT_SIZE // 32) ** 2


def load_resnet50(
    weights: Weights = "IMAGENET1K_V1",
    device: str = "cpu",
    *,
    random_state: int | np.random.RandomState | None = None,
) -> "torch.nn.Module":
    """Load a ResNet-50 up to its 14th addition layer.

    Parameters
    ----------
    weights : {"IMAGENET1K_V1", "IMAGENET1K_V2", "DEFAULT"}, path or None
        Weights of the network.

        - A name of :class:`torchvision.models.ResNet50_Weights`: torchvision downloads
          the file (98 MB) once and keeps it in its cache.
        - A path of a state dict that :func:`torch.save` wrote, bare or as the entry
          "state_dict" of a dictionary. Layers beyond the 14th addition, such as `fc`,
          may be missing or of another shape.
        - None: random weights, for tests only; they make no useful descriptor.
    device : str, default="cpu"
        Device of the network: "auto" or a device string of PyTorch.
    random_state : int, RandomState instance or None, default=None
        Seed of the random weights. PyTorch's own generators are not changed.

    Returns
    -------
    torch.nn.Module
        A :class:`torchvision.models.ResNet` without the layers beyond `layer4[0]`, in
        evaluation mode, float32, without gradients. It is an argument of `addition_layer`
        and can't be called itself.

    Raises
    ------
    ImportError
        If PyTorch or torchvision can't be imported.
    TypeError
        If `weights` is neither text, a path nor None.
    FileNotFoundError
        If `weights` is a path of a file that does not exist.
    OSError
        If torchvision can't fetch or read the file of a name.
    ValueError
        If `weights` is neither a name nor a path, or if the file doesn't hold the
        weights of a ResNet-50; the message names the first wrong keys.
    """
    _require_torch()
    if weights is not None and not isinstance(weights, (str, os.PathLike)):
        raise TypeError(f"weights has to be a name, a path or None; got {weights!r}.")
    model = _empty_model()
    if weights is None:
        _randomize(model, random_state)
    else:
        state, source = _read_weights(weights)
        _fill(model, state, source)
    model = model.to(device=resolve_device(device)).eval()
    return model.requires_grad_(False)


def preprocess(images: Sequence[ArrayLike] | NDArray[np.floating[Any]]) -> "torch.Tensor":
    """Turn grey images into a batch as the pretrained network expects it.

    Parameters
    ----------
    images : ndarray of shape (n, height, width) or sequence of (height, width) arrays
        Grey images on the unit scale; each may have another size.

    Returns
    -------
    torch.Tensor of shape (n, 3, 224, 224), float32
        Batch on the CPU. All three channels hold the grey image, normalised with the mean
        and the standard deviation of that channel in ImageNet.

    Raises
    ------
    TypeError, ValueError
        If there are no images, or one is not a finite two-dimensional array.

    Notes
    -----
    An image is resized to 224 x 224 pixels whatever its aspect ratio, bilinearly, with a
    wider kernel where the image shrinks (antialiasing). The paper doesn't say how it
    resized images.
    """
    torch = _require_torch()
    grey = [
        check_image(image, f"image {index}")
        for index, image in enumerate(check_list(images, "images"))
    ]
    if not grey:
        raise ValueError("images is empty; at least one image is required.")
    size = (INPUT_SIZE, INPUT_SIZE)
    mean, std = (
        torch.tensor(values, dtype=torch.float32, device="cpu")[:, None, None]
        for values in (_IMAGENET_MEAN, _IMAGENET_STD)
    )
    batch = torch.empty((len(grey), 3, *size), dtype=torch.float32, device="cpu")
    with torch.inference_mode(), one_thread():
        for row, image in zip(batch, grey, strict=True):
            # This copies, since PyTorch warns of arrays that may not be written to.
            pixels = torch.from_numpy(np.array(image, dtype=np.float32, order="C"))
            resized = torch.nn.functional.interpolate(
                pixels[None, None], size=size, mode="bilinear", align_corners=False, antialias=True
            )
            row.copy_((resized[0] - mean) / std)
    return batch


def addition_layer(model: "torch.nn.Module", batch: "torch.Tensor") -> NDArray[np.float32]:
    """Compute the output of the 14th addition layer, before its ReLU.

    Parameters
    ----------
    model : torch.nn.Module
        Network as from `load_resnet50`, or a whole torchvision ResNet-50 in evaluation mode.
        It computes on its own device.
    batch : torch.Tensor of shape (n, 3, 224, 224)
        Images as from `preprocess`.

    Returns
    -------
    ndarray of shape (n, 2048, 7, 7), float32
        Sums before the ReLU; they may be negative.

    Raises
    ------
    ValueError
        If `batch` is not such a tensor.

    Notes
    -----
    On the CPU one image after the other goes through the network in one thread. This makes
    the result of an image the same bit for bit, whatever else is in the batch and however
    many processes share the work. (Another number of threads splits the sums of the
    convolutions in another way, which shows in the fourth decimal.) An accelerator takes the
    batch as a whole, in full single precision; there the last bits may depend on its size.
    """
    torch = _require_torch()
    shape = tuple(getattr(batch, "shape", ()))
    if not torch.is_tensor(batch) or len(shape) != 4 or shape[1] != 3 or 0 in shape:
        raise ValueError(
            "batch has to be a tensor of shape (n, 3, height, width), as from preprocess; got "
            f"{type(batch).__name__} of shape {shape}."
        )
    device = next(model.parameters()).device
    with torch.inference_mode():
        if device.type == "cpu":
            sums = np.empty((len(batch), *_output_shape(batch)), dtype=np.float32)
            with one_thread():
                for index in range(len(batch)):
                    sums[index] = _sum_before_relu(model, batch[index : index + 1])[0].numpy()
            return sums
        with exact_convolutions(device):
            return _sum_before_relu(model, batch.to(device)).cpu().numpy()


def resolve_device(device: str = "auto") -> str:
    """Check that a device can be used on this machine.

    Parameters
    ----------
    device : str, default="auto"
        Device string of PyTorch, such as "cpu", "cuda:1" or "mps"; or "auto", which takes
        CUDA if it is there, else MPS (Apple), else the CPU.

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
    torch = _require_torch()
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
            f"device={device!r} can't be used on this machine ({reason}). Give 'auto', 'cpu', or "
            "a device of PyTorch that exists here, such as 'cuda', 'cuda:1' or 'mps'."
        ) from error
    return "cpu" if torch.device(device).type == "cpu" else device


def _require_torch() -> Any:
    try:
        import torch
        import torchvision  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "The deep family needs PyTorch and torchvision, and importing them failed "
            f'({error}). Install them with: pip install "gan-isi[deep]"'
        ) from error
    return torch


def _empty_model() -> Any:
    """Return a ResNet-50 up to `layer4[0]`, without memory for its weights."""
    torch = _require_torch()
    from torchvision.models import resnet50

    with torch.device("meta"):  # no memory for weights that are overwritten or dropped
        model = resnet50(weights=None)
    model.layer4 = torch.nn.Sequential(model.layer4[0])
    del model.avgpool, model.fc
    return model.float()  # whatever PyTorch's default dtype is set to


def _randomize(model: Any, random_state: int | np.random.RandomState | None) -> None:
    """Initialise as torchvision does, from a generator of our own."""
    torch = _require_torch()
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    generator = torch.Generator(device="cpu").manual_seed(int(seed))
    model.to_empty(device="cpu")
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(
                module.weight, mode="fan_out", nonlinearity="relu", generator=generator
            )
        elif isinstance(module, torch.nn.BatchNorm2d):
            module.reset_parameters()


def _read_weights(weights: str | os.PathLike[str]) -> tuple[Any, str]:
    """Return a state dict, and the name of its source for errors."""
    from torchvision.models import ResNet50_Weights

    names = list(ResNet50_Weights.__members__)
    name = str(weights).removeprefix("ResNet50_Weights.")
    if isinstance(weights, str) and name in names:
        return _download(name), name
    path = Path(weights).expanduser()
    if path.exists():
        return _read_file(path), str(path)
    message = (
        f"weights={str(weights)!r} is neither the name of pretrained weights ({', '.join(names)}) "
        "nor the path of an existing file with a state dict of ResNet-50."
    )
    looks_like_a_path = not isinstance(weights, str) or path.suffix or path.name != weights
    raise FileNotFoundError(message) if looks_like_a_path else ValueError(message)


def _download(name: str) -> Any:
    torch = _require_torch()
    from torchvision.models import ResNet50_Weights

    entry = ResNet50_Weights[name]
    try:
        return entry.get_state_dict(
            progress=True, check_hash=True, map_location="cpu", weights_only=True
        )
    # There is no network or no room, the hash is wrong, or the file in the cache is damaged.
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        cache = Path(torch.hub.get_dir(), "checkpoints")
        raise OSError(
            f"torchvision could not fetch or read the weights {name!r} of ResNet-50 ({error}). "
            f"Without a network, download {entry.url} on another machine, copy the file here, and "
            'give its path, weights="/path/to/state_dict.pth", or put it into '
            f"{cache}, where torchvision looks first."
        ) from error


def _read_file(path: Path) -> Any:
    torch = _require_torch()
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a file that is no state dict can raise anything
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{path} can't be read as a state dict of ResNet-50 ({reason}). Write one with "
            "torch.save(model.state_dict(), path)."
        ) from error


def _fill(model: Any, state: Any, source: str) -> None:
    """Load a state dict into the model, or raise an error that says what is wrong with it."""
    torch = _require_torch()
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and torch.is_tensor(value) for name, value in state.items()
    ):
        raise ValueError(
            f"{source} holds no state dict of ResNet-50: expected a mapping from names to tensors, "
            f"got {type(state).__name__}."
        )
    expected = model.state_dict()
    found = {name: value for name, value in state.items() if not name.startswith(_BEYOND)}
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
            f"{source} does not hold the weights of torchvision's ResNet-50. "
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


def _sum_before_relu(model: Any, x: Any) -> Any:
    x = model.maxpool(model.relu(model.bn1(model.conv1(x))))
    x = model.layer3(model.layer2(model.layer1(x)))
    # The block's own forward would apply the ReLU in place, over the sum.
    block = model.layer4[0]
    out = block.relu(block.bn1(block.conv1(x)))
    out = block.relu(block.bn2(block.conv2(out)))
    return block.bn3(block.conv3(out)) + block.downsample(x)


def _output_shape(batch: Any) -> tuple[int, int, int]:
    # Five layers halve the resolution, rounding up.
    height, width = (-(-length // 32) for length in batch.shape[-2:])
    return N_CHANNELS, height, width
