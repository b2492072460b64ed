"""The deep family: a layer of a pretrained ResNet-50."""

import copy
import os
from collections.abc import Sequence
from numbers import Integral
from threading import Lock
from typing import Any, Self

import numpy as np
from joblib import hash as joblib_hash
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from .._runtime.sklearn_compat import Interval, StrOptions, fit_context
from .._validation.images import IntensityRange
from ..texture.cdf import DEFAULT_N_LEVELS, Cells
from ..texture.resnet import (
    N_CHANNELS,
    Weights,
    addition_layer,
    load_resnet50,
    preprocess,
    resolve_device,
    values_per_channel,
)
from .base import BaseDescriptor
from .picture import Picture
from .transformer import Tasks

#: One network at a time on an accelerator, whose memory threads share.
_ACCELERATOR = Lock()


class DeepDescriptor(BaseDescriptor):
    """Channels of ResNet-50's 14th addition layer (2048 maps by default).

    The layer is the sum that ends torchvision's `layer4[0]`, before its ReLU: 2048
    channels of 7 x 7 values. It needs the extra "deep" (PyTorch and torchvision):
    ``pip install "gan-isi[deep]"``.

    Parameters
    ----------
    weights : {"IMAGENET1K_V1", "IMAGENET1K_V2", "DEFAULT"}, path or None, default="IMAGENET1K_V1"
        Weights of the network: a name of :class:`torchvision.models.ResNet50_Weights`, which
        torchvision downloads in the first `fit` (98 MB); the path of a state dict, for
        machines without a network; or None for random weights, for tests only.
    pooling : {"channels"} or None, default=None
        Pooling of the channels, which the paper leaves open. None makes one CDF of the 49
        values of each channel, 2048 maps. "channels" makes one CDF of all 7 x 7 x 2048
        values, a single map.
    device : str, default="auto"
        Device of the network: a device string of PyTorch, such as "cuda:1", or "auto", which
        takes CUDA if it is there, else MPS, else the CPU. It is chosen in each call, so that
        an estimator fitted on a GPU works on machines without one.
    batch_size : int, default=32
        Number of images that go through the network at once on an accelerator. It has no
        effect on the CPU.
    n_levels : int, default=64
        Number of cells of probability of each CDF vector, see :class:`BaseDescriptor`. From 49 on
        each value of a channel has cells of its own, and distances are exact.
    cells : {"fine_tails", "equal"}, default="fine_tails"
        Kind of the cells of probability, see :class:`BaseDescriptor`. It has no effect if
        each value has cells of its own.
    grid : int, default=1
        Number of tiles along each side of a map, see :class:`BaseDescriptor`.
    intensity_range : {"dtype", "image"} or tuple (low, high), default="dtype"
        Intensities that become 0 and 1, see :class:`BaseDescriptor`. The pretrained
        networks were trained on 0..1 only.
    random_state : int, RandomState instance or None, default=None
        Seed of the random weights; it has no effect on pretrained weights.
    n_jobs : int, default=None
        Number of parallel jobs on the CPU, which are threads by default and take one core
        each; -1 takes all cores. It changes no result, and has no effect on an accelerator.
    memory : str, path or joblib.Memory, default=None
        Folder that keeps the vectors of images for later calls, see :class:`BaseDescriptor`.
    verbose : int or bool, default=False
        Whether `transform` shows a progress bar.

    Attributes
    ----------
    model_ : torch.nn.Module
        Network up to the layer, on the CPU; it is part of the pickled estimator (59 MB).
    map_names_ : list of str
        Name of each map: ``deep_c0`` to ``deep_c2047``, or ``deep_all``.
    n_features_in_ : int
        Number of columns, if `fit` saw a two-dimensional array.
    feature_names_in_ : ndarray of str
        Names of these columns, if all of them are strings.

    See Also
    --------
    gan_isi.texture.resnet : The network, the layer, and how images are resized.

    Notes
    -----
    On the CPU an image takes about 0.1 s, and its vectors are the same bit for bit
    however the images are divided into calls and jobs. Accelerators and other
    processors add in another order, so the last digits differ there.

    An image has 49 values in each channel, whatever its size. With `n_levels=64` one image
    has 131 072 columns (0.5 MB). 49 levels would be as exact, but all families of a pipeline
    have to have the same number.

    Examples
    --------
    >>> from gan_isi import DeepDescriptor
    >>> deep = DeepDescriptor(pooling="channels").fit(images)  # doctest: +SKIP
    >>> deep.transform(images).shape  # doctest: +SKIP
    (12, 64)
    """

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012
        **BaseDescriptor._parameter_constraints,
        "weights": [str, os.PathLike, None],
        "pooling": [StrOptions({"channels"}), None],
        "device": [str],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        weights: Weights = "IMAGENET1K_V1",
        pooling: str | None = None,
        device: str = "auto",
        batch_size: int = 32,
        n_levels: int = DEFAULT_N_LEVELS,
        cells: Cells = "fine_tails",
        grid: int = 1,
        intensity_range: IntensityRange = "dtype",
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
        memory: Any = None,
        verbose: int | bool = False,
    ) -> None:
        super().__init__(
            n_levels=n_levels,
            cells=cells,
            grid=grid,
            intensity_range=intensity_range,
            n_jobs=n_jobs,
            memory=memory,
            verbose=verbose,
        )
        self.weights = weights
        self.pooling = pooling
        self.device = device
        self.batch_size = batch_size
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Validate the images and load the network; nothing is learned from the pixels.

        Parameters
        ----------
        X : array-like or sequence of array-like
            Images, see :class:`BaseDescriptor`.
        y : None
            Ignored.

        Returns
        -------
        self
            The fitted descriptor.

        Raises
        ------
        ImportError
            If PyTorch or torchvision can't be imported.
        FileNotFoundError
            If `weights` is a path of a file that does not exist.
        OSError
            If the pretrained weights can't be fetched; the message says what to do without a
            network.
        ValueError
            If `weights` is neither a name nor a path, if its file does not hold a ResNet-50,
            or if the device can't be used.
        """
        super().fit(X, y)
        # The model stays on the CPU, whatever the device is: a pickle has to load anywhere.
        self.model_ = load_resnet50(self.weights, "cpu", random_state=self.random_state)
        return self

    def compute_maps(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the layer's output for one grey image.

        Parameters
        ----------
        image : ndarray of shape (height, width), float32
            One grey image on the unit scale.

        Returns
        -------
        ndarray of shape (2048, 7, 7) or (1, 2048, 7, 7), float32
            Output of the layer; with ``pooling="channels"`` all values are one map, and the
            shape is the second one.

        Raises
        ------
        NotFittedError
            If `fit`, which loads the network, was not called.
        """
        return self._maps([image])[0]

    @property
    def values_per_map(self) -> int | None:
        """Number of values of each map: 49, or None if all channels are one map."""
        return values_per_channel() if self.pooling is None else None

    def _maps(self, images: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Compute the maps of several images, on an accelerator as one batch."""
        check_is_fitted(self, "model_")
        device = resolve_device(self.device)
        if device == "cpu":
            sums = addition_layer(self.model_, preprocess(images))
        else:
            with _ACCELERATOR:
                model = copy.deepcopy(self.model_).to(device)
                sums = addition_layer(model, preprocess(images))
        return sums if self.pooling is None else sums[:, np.newaxis]

    def _describe(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        greys = [one.grey(self.intensity_range) for one in pictures]
        return np.stack([self._vectors(maps) for maps in self._maps(greys)])

    def _cache_key(self) -> tuple[Any, ...]:
        *family, parameters, code = super()._cache_key()
        # The key has the network itself, whatever file or seed it came from.
        for name in ("weights", "random_state", "batch_size"):
            del parameters[name]
        parameters["device"] = resolve_device(self.device)
        weights = {name: tensor.numpy() for name, tensor in self.model_.state_dict().items()}
        return *family, parameters, code, joblib_hash(weights)

    def _tasks(self) -> Tasks:
        # PyTorch computes without the interpreter's lock, and processes would need a copy of
        # the network with each task.
        size = Tasks().size if resolve_device(self.device) == "cpu" else self.batch_size
        return Tasks(size, threads=True)

    def _map_names(self) -> list[str]:
        if self.pooling == "channels":
            return ["deep_all"]
        return [f"deep_c{channel}" for channel in range(N_CHANNELS)]

    def _check_parameters(self) -> None:
        super()._check_parameters()
        resolve_device(self.device)
