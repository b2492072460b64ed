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

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from .networks import output_of_each
from .torch_context import require_torch, resolve_device
from .weights import Weights, fill, read_weights

if TYPE_CHECKING:
    import torch

#: What errors call the network.
_TITLE = "ResNet-50"

#: Parts of the network that come after the 14th addition layer.
_BEYOND = ("layer4.1.", "layer4.2.", "avgpool.", "fc.")


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
    require_torch()
    model = _empty_model()
    if weights is None:
        _randomize(model, random_state)
    else:
        state, source = read_weights(weights, "resnet50", _TITLE)
        fill(model, state, source, _TITLE, _BEYOND)
    model = model.to(device=resolve_device(device)).eval()
    return model.requires_grad_(False)


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
    torch = require_torch()
    shape = tuple(getattr(batch, "shape", ()))
    if not torch.is_tensor(batch) or len(shape) != 4 or shape[1] != 3 or 0 in shape:
        raise ValueError(
            "batch has to be a tensor of shape (n, 3, height, width), as from preprocess; got "
            f"{type(batch).__name__} of shape {shape}."
        )
    return output_of_each(lambda x: _sum_before_relu(model, x), model, batch)


def _empty_model() -> Any:
    """Return a ResNet-50 up to `layer4[0]`, without memory for its weights."""
    torch = require_torch()
    from torchvision.models import resnet50

    with torch.device("meta"):  # no memory for weights that are overwritten or dropped
        model = resnet50(weights=None)
    model.layer4 = torch.nn.Sequential(model.layer4[0])
    del model.avgpool, model.fc
    return model.float()  # whatever PyTorch's default dtype is set to


def _randomize(model: Any, random_state: int | np.random.RandomState | None) -> None:
    """Initialise as torchvision does, from a generator of our own."""
    torch = require_torch()
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


def _sum_before_relu(model: Any, x: Any) -> Any:
    x = model.maxpool(model.relu(model.bn1(model.conv1(x))))
    x = model.layer3(model.layer2(model.layer1(x)))
    # The block's own forward would apply the ReLU in place, over the sum.
    block = model.layer4[0]
    out = block.relu(block.bn1(block.conv1(x)))
    out = block.relu(block.bn2(block.conv2(out)))
    return block.bn3(block.conv3(out)) + block.downsample(x)
