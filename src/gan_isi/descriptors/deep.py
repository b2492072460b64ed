"""The deep family: a layer of a network, by default the paper's of a pretrained ResNet-50."""

import copy
import os
from collections.abc import Sequence
from numbers import Integral
from threading import Lock
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from .._runtime.sklearn_compat import HasMethods, Interval, StrOptions, fit_context
from .._validation.blocks import Block
from .._validation.images import IntensityRange
from ..texture.cdf import DEFAULT_N_LEVELS, Cells
from ..texture.networks import (
    IMAGENET,
    INPUT_SIZE,
    Normalisation,
    check_normalisation,
    layer_output,
    load_network,
    preprocess,
    without_hooks,
)
from ..texture.resnet import addition_layer, load_resnet50
from ..texture.torch_context import resolve_device
from ..texture.weights import Weights
from .base import BaseDescriptor
from .network_key import network_key
from .picture import Picture
from .transformer import Tasks

#: The paper's network and layer.
PAPER_NETWORK, PAPER_LAYER = "resnet50", "addition14"

#: One network at a time on an accelerator, whose memory threads share.
_ACCELERATOR = Lock()


class DeepDescriptor(BaseDescriptor):
    """Channels of a layer of a network; by default ResNet-50's 14th addition layer (2048 maps).

    The paper's layer is the sum that ends torchvision's `layer4[0]`, before its ReLU: 2048
    channels of 7 x 7 values. All networks need the extra "deep" (PyTorch and torchvision):
    ``pip install "gan-isi[deep]"``.

    Parameters
    ----------
    network : str or torch.nn.Module, default="resnet50"
        Name of one of torchvision's networks for classification, such as "alexnet", or a
        network of your own with its weights. `clone` shares the network, `fit` copies it (in
        evaluation mode, without hooks), and so does a pickle.
    layer : str, default="addition14"
        Name of the layer, as the network's `named_modules` has it, such as "features.6"; ""
        is the whole network. The second axis of what it returns is that of the channels. Of
        a layer that is called several times the first call counts. "addition14" is the
        paper's, of "resnet50" only: it lies within a module and has no name there.
    weights : str, path or None, default="IMAGENET1K_V1"
        Weights of a network of torchvision: a name of its weights there (of ResNet-50:
        "IMAGENET1K_V1", "IMAGENET1K_V2" or "DEFAULT", of
        :class:`torchvision.models.ResNet50_Weights`), which torchvision downloads in the
        first `fit` (98 MB); the path of a state dict, for machines without a network; or None
        for random weights, for tests only. It has no effect on a network of your own.
    pooling : {"channels", "mean"} or None, default=None
        What is kept of the channels, which the paper leaves open.

        - None: the CDF of the values of each channel, as many maps as channels.
        - "channels": one CDF of all values of all channels, a single map.
        - "mean": the mean of each channel, one row of numbers that are no CDF vector, for
          :class:`PairwiseWhitenedTransformer` or :class:`PairwiseDistanceTransformer`
          ("cosine"). `n_levels`, `cells` and `grid` have no effect.
    input_size : int, default=224
        Height and width in pixels to which images are resized for the network, whatever their
        aspect ratio, bilinearly, with antialiasing where they shrink.
    normalisation : "imagenet" or tuple (mean, standard deviation), default="imagenet"
        What is subtracted from the grey image on the unit scale, and what it is divided by
        then: a number each, or as many as the network's input has channels. "imagenet" is the
        convention of torchvision's networks, three channels. Its Inception and GoogLeNet
        were trained on ``((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))``; (0, 1) is one channel as it is.
    device : str, default="auto"
        Device of the network: a device string of PyTorch, such as "cuda:1", or "auto", which
        takes CUDA if it is there, else MPS, else the CPU. It is chosen in each call, so that
        an estimator fitted on a GPU works on machines without one.
    batch_size : int, default=32
        Number of images that go through the network at once on an accelerator. It has no
        effect on the CPU.
    n_levels : int, default=64
        Number of cells of probability of each CDF vector, see :class:`BaseDescriptor`. From 49 on
        each value of a channel of the paper's layer has cells of its own, and distances are
        exact.
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
        The network, on the CPU, the paper's up to its layer only. It is part of the
        pickled estimator (59 MB for the paper's), in which it also takes the place of a
        `network` of your own.
    output_shape_ : tuple (n_channels, height, width)
        Shape of what the layer returns for an image.
    map_names_ : list of str
        Name of each map: ``deep_c0`` to ``deep_c2047``, or ``deep_all`` with a `pooling`.
    n_features_in_ : int
        Number of columns, if `fit` saw a two-dimensional array.
    feature_names_in_ : ndarray of str
        Names of these columns, if all of them are strings.

    See Also
    --------
    gan_isi.texture.resnet : The paper's network and layer.
    gan_isi.texture.networks : Other networks and layers, and how images are resized.
    PairwiseWhitenedTransformer : Compares pooled features.

    Notes
    -----
    On the CPU an image takes about 0.1 s with ResNet-50, and its vectors are the same bit for
    bit however the images are divided into calls and jobs. Accelerators and other
    processors add in another order, so the last digits differ there.

    An image has 49 values in each channel of the paper's layer, whatever its size. With
    `n_levels=64` one image has 131 072 columns (0.5 MB). 49 levels would be as exact, but all
    families of a pipeline have to have the same number.

    `memory` knows a network by its layers, their settings, the source of classes that are
    neither PyTorch's nor torchvision's, and its weights.

    Examples
    --------
    >>> from gan_isi import DeepDescriptor
    >>> deep = DeepDescriptor(pooling="channels").fit(images)  # doctest: +SKIP
    >>> deep.transform(images).shape  # doctest: +SKIP
    (12, 64)
    >>> pooled = DeepDescriptor(network="alexnet", layer="features.6", pooling="mean")
    >>> pooled.fit_transform(images).shape  # doctest: +SKIP
    (12, 384)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseDescriptor._parameter_constraints,
        "network": [str, HasMethods(["named_modules", "forward"])],
        "layer": [str],
        "weights": [str, os.PathLike, None],
        "pooling": [StrOptions({"channels", "mean"}), None],
        "input_size": [Interval(Integral, 1, None, closed="left")],
        "normalisation": [StrOptions({"imagenet"}), tuple, list],
        "device": [str],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        network: Any = PAPER_NETWORK,
        layer: str = PAPER_LAYER,
        weights: Weights = "IMAGENET1K_V1",
        pooling: str | None = None,
        input_size: int = INPUT_SIZE,
        normalisation: str | Normalisation = "imagenet",
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
        self.network = network
        self.layer = layer
        self.weights = weights
        self.pooling = pooling
        self.input_size = input_size
        self.normalisation = normalisation
        self.device = device
        self.batch_size = batch_size
        self.n_levels = n_levels
        self.cells = cells
        self.grid = grid
        self.intensity_range = intensity_range
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.memory = memory
        self.verbose = verbose

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
            If there is no such network or layer, if `weights` is neither a name nor a path or
            its file does not hold the network, if the layer does not return channels, or if
            the device can't be used.
        """
        return super().fit(X, y)

    def compute_maps(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the layer's output for one grey image.

        Parameters
        ----------
        image : ndarray of shape (height, width), float32
            One grey image on the unit scale.

        Returns
        -------
        ndarray of shape (n_channels, height, width) or (1, n_channels, height, width), float32
            Output of the layer; with a `pooling` all values are one map, and the shape is
            the second one.

        Raises
        ------
        NotFittedError
            If `fit`, which loads the network, was not called.
        """
        return self._maps([image])[0]

    @property
    def values_per_map(self) -> int | None:
        """Number of values of each map, or None if all channels are one map."""
        if self.pooling is not None:
            return None
        check_is_fitted(self, "output_shape_")
        return self.output_shape_[1] * self.output_shape_[2]

    @property
    def columns_per_map(self) -> int:
        """Number of consecutive columns that belong to one map."""
        return self.output_shape_[0] if self.pooling == "mean" else super().columns_per_map

    @property
    def blocks_(self) -> list[Block]:
        """The family as one block, of CDF vectors unless ``pooling="mean"``."""
        return [super().blocks_[0]._replace(cdf=self.pooling != "mean")]

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """Names of the columns, see :class:`BaseDescriptor`; of means those of the channels.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names that are only checked against the columns seen in `fit`.

        Returns
        -------
        ndarray of str, object
            Such as ``deep_c0_q0.375``, or ``deep_c0`` with ``pooling="mean"``.
        """
        names = super().get_feature_names_out(input_features)
        return np.array(self._channel_names(), dtype=object) if self.pooling == "mean" else names

    def __sklearn_clone__(self) -> Self:
        # A network is shared, as images are: a copy for each fit of a search would be large.
        bare = type(self).__new__(type(self))
        bare.__dict__.update({**vars(self), "network": PAPER_NETWORK})
        other = BaseDescriptor.__sklearn_clone__(bare)
        other.network = self.network
        return other

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if not isinstance(self.network, str):
            # Once, and without the user's hooks, which pickle may not be able to write.
            fitted = state.get("model_")
            state["network"] = without_hooks(self.network) if fitted is None else fitted
        return state

    def _set_fitted(self, images: Any) -> None:
        # The model stays on the CPU, whatever the device is: a pickle has to load anywhere.
        if self.layer == PAPER_LAYER:
            model = load_resnet50(self.weights, "cpu", random_state=self.random_state)
        else:
            model = load_network(
                self.network, self.layer, self.weights, random_state=self.random_state
            )
        black = np.zeros((1, 1), dtype=np.float32)
        self.output_shape_ = self._outputs(model, [black]).shape[1:]
        self.model_ = model
        super()._set_fitted(images)

    def _outputs(self, model: Any, images: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Compute what the layer returns for several images."""
        normalisation: Any = self.normalisation
        if normalisation == "imagenet":
            normalisation = IMAGENET
        batch = preprocess(images, self.input_size, normalisation)
        return (addition_layer if self.layer == PAPER_LAYER else layer_output)(model, batch)

    def _channels(self, images: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Compute the layer's output, on an accelerator as one batch."""
        check_is_fitted(self, "model_")
        device = resolve_device(self.device)
        if device == "cpu":
            return self._outputs(self.model_, images)
        with _ACCELERATOR:
            return self._outputs(copy.deepcopy(self.model_).to(device), images)

    def _maps(self, images: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        channels = self._channels(images)
        return channels if self.pooling is None else channels[:, np.newaxis]

    def _describe(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        greys = [one.grey(self.intensity_range) for one in pictures]
        if self.pooling == "mean":
            means = self._channels(greys).mean(axis=(2, 3), dtype=np.float64)
            return means.astype(np.float32)
        return np.stack([self._vectors(maps) for maps in self._maps(greys)])

    def _cache_key(self) -> tuple[Any, ...]:
        *family, parameters, code = super()._cache_key()
        # The key has the network itself, whatever file or seed it came from.
        for name in ("network", "weights", "random_state", "batch_size"):
            del parameters[name]
        parameters["device"] = resolve_device(self.device)
        return *family, parameters, code, network_key(self.model_)

    def _tasks(self) -> Tasks:
        # PyTorch computes without the interpreter's lock, and processes would need a copy of
        # the network with each task.
        size = Tasks().size if resolve_device(self.device) == "cpu" else self.batch_size
        return Tasks(size, threads=True)

    def _map_names(self) -> list[str]:
        return self._channel_names() if self.pooling is None else ["deep_all"]

    def _channel_names(self) -> list[str]:
        return [f"deep_c{channel}" for channel in range(self.output_shape_[0])]

    def _check_parameters(self) -> None:
        super()._check_parameters()
        resolve_device(self.device)
        if self.normalisation != "imagenet":
            check_normalisation(self.normalisation)
        own = not isinstance(self.network, str)
        if self.layer == PAPER_LAYER and (own or self.network != PAPER_NETWORK):
            name = type(self.network).__name__ if own else repr(self.network)
            raise ValueError(
                f"layer={PAPER_LAYER!r} is the paper's layer of network={PAPER_NETWORK!r}; give "
                f"the name of a layer of {name}, as its named_modules() has it."
            )
