"""Any layer of any network: hooks, copies, names, the input, and weights from packages."""

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gan_isi.texture import networks

#: Where the networks of packages are read.
BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")


@pytest.fixture(autouse=True, scope="module")
def torch():
    pytest.importorskip("torchvision", reason='needs the extra "deep"')
    return pytest.importorskip("torch", reason='needs the extra "deep"')


@pytest.fixture
def net(torch):
    """A small network with an in-place ReLU behind each convolution."""
    nn = torch.nn
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2),
            nn.ReLU(inplace=True),
            nn.Sequential(nn.Conv2d(4, 6, 3), nn.ReLU(inplace=True)),
            nn.Dropout(0.5),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(6, 5),
        )


@pytest.fixture
def batch(rng):
    return networks.preprocess(rng.random((5, 20, 30)), 24)


def test_layer_is_what_the_modules_up_to_it_return(torch, net, batch):
    net.eval()
    with torch.inference_mode():
        expected = net[2][0](net[:2](batch)).numpy()
        whole = net(batch).numpy()
    found = networks.layer_output(networks.load_network(net, "2.0"), batch)
    assert found.shape == (5, 6, 9, 9)
    assert found.min() < 0  # the ReLU that follows would be in place
    assert_allclose(found, expected, atol=1e-5)
    found = networks.layer_output(networks.load_network(net, ""), batch)
    assert_allclose(found, whole[:, :, None, None], atol=1e-5)


def test_layers_of_torchvision_are_those_of_its_own_extractor(torch, rng):
    from torchvision.models.feature_extraction import create_feature_extractor

    batch = networks.preprocess(rng.random((2, 70, 64)), 64)
    model = networks.load_network("alexnet", "features.8", None, random_state=3)
    found = networks.layer_output(model, batch)
    whole = copy.deepcopy(model)
    whole.features[8]._forward_hooks.clear()
    extractor = create_feature_extractor(whole, ["features.8"])
    with torch.inference_mode():
        expected = extractor(batch)["features.8"].numpy()
    assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_random_weights_are_those_of_the_seed(torch):
    before = torch.random.get_rng_state()
    first, again, other = (
        networks.load_network("alexnet", "features.3", None, random_state=seed)
        for seed in (1, 1, 2)
    )
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first.features[0].weight, again.features[0].weight)
    assert not torch.equal(first.features[0].weight, other.features[0].weight)


def test_state_dict_of_a_network_by_name(torch, tmp_path):
    saved = networks.load_network("alexnet", "features.3", None, random_state=1)
    torch.save(saved.state_dict(), tmp_path / "alexnet.pth")
    read = networks.load_network("alexnet", "features.3", tmp_path / "alexnet.pth")
    assert torch.equal(read.features[0].weight, saved.features[0].weight)
    with pytest.raises(ValueError, match="weights of torchvision's squeezenet1_1"):
        networks.load_network("squeezenet1_1", "features", tmp_path / "alexnet.pth")


@pytest.mark.parametrize("layer", ["0", "2.0", "4", ""])
def test_an_image_has_the_same_bits_in_any_batch_and_thread(net, batch, layer):
    model = networks.load_network(net, layer)
    alone = [networks.layer_output(model, one[None]) for one in batch]
    assert_array_equal(networks.layer_output(model, batch), np.concatenate(alone))
    with ThreadPoolExecutor(4) as pool:  # one model in several threads
        many = list(pool.map(lambda one: networks.layer_output(model, one[None]), [*batch] * 8))
    assert_array_equal(np.concatenate(many), np.concatenate(alone * 8))


def test_the_network_given_stays_as_it_is(torch, net, batch):
    net.double().train()
    before = copy.deepcopy(net.state_dict())
    networks.layer_output(networks.load_network(net, "2.0"), batch)
    assert net.training
    assert net[0].weight.dtype == torch.float64
    assert net[0].weight.requires_grad
    assert not any(module._forward_hooks for module in net.modules())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_hooks_of_the_user_are_neither_copied_nor_run(torch, net, batch):
    expected = networks.layer_output(networks.load_network(net, "2.0"), batch)
    lock = threading.Lock()  # can be neither copied nor pickled
    net[0].register_forward_hook(lambda module, args, output: (lock, output * 2)[1])
    net[0].register_forward_pre_hook(lambda module, args: (args[0] * 2,))
    net.register_full_backward_hook(lambda *args: lock)
    model = networks.load_network(net, "2.0")
    assert_array_equal(networks.layer_output(model, batch), expected)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(networks.layer_output(again, batch), expected)
    assert len(net[0]._forward_hooks) == 1


def test_hooks_of_pytorch_that_are_part_of_the_network_stay(torch, net, batch):
    from torch.nn.utils import prune

    prune.l1_unstructured(net[0], "weight", 0.5)
    with torch.no_grad():
        net[0].weight_orig += 1  # the hook computes the weight anew
        net[0].weight = net[0].weight.detach()
        expected = copy.deepcopy(net).eval()[:1](batch).numpy()
    found = networks.layer_output(networks.load_network(net, "0"), batch)
    assert_allclose(found, expected, atol=1e-5)


def test_shapes_of_outputs(torch, batch):
    class Shaped(torch.nn.Module):
        def __init__(self, *shape):
            super().__init__()
            self.shape = shape

        def forward(self, x):
            return x.new_ones(len(x), *self.shape)

    for shape, expected in (
        ((4,), (4, 1, 1)),
        ((4, 3), (4, 1, 3)),
        ((4, 3, 2), (4, 3, 2)),
        ((4, 5, 3, 2), (4, 15, 2)),
    ):
        model = networks.load_network(Shaped(*shape), "")
        assert networks.layer_output(model, batch).shape == (5, *expected)


def test_what_is_no_layer_is_named(torch, net, batch):
    with pytest.raises(ValueError, match=r"layer='2\.2' is no layer of Sequential.*'2\.0'"):
        networks.load_network(net, "2.2")
    with pytest.raises(ValueError, match=r"network='alexnett' .*'alexnet'"):
        networks.load_network("alexnett", "features", None)
    with pytest.raises(TypeError, match="or a torch"):
        networks.load_network(3, "features")
    with pytest.raises(TypeError, match="weights has to be"):
        networks.load_network("alexnet", "features", 3)

    class Odd(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.unused = torch.nn.ReLU()
            self.pair = Pair()

        def forward(self, x):
            return self.pair(x)[0] / 0

    class Pair(torch.nn.Module):
        def forward(self, x):
            return x, x

    for layer, message in (
        ("unused", "does not call"),
        ("pair", "got tuple"),
        ("", "NaN or infinity"),
    ):
        with pytest.raises(ValueError, match=message):
            networks.layer_output(networks.load_network(Odd(), layer), batch)


# The input


def test_normalisation_of_each_channel(rng):
    image = rng.random((8, 8))
    one = networks.preprocess([image], 8, (0.5, 0.25))
    assert one.shape == (1, 1, 8, 8)
    assert_allclose(one[0, 0].numpy(), (image - 0.5) / 0.25, atol=1e-5)
    two = networks.preprocess([image], 8, ((0, 1), (1, 2)))
    assert_allclose(two[0].numpy(), [image, (image - 1) / 2], atol=1e-5)


@pytest.mark.parametrize(
    "normalisation", [0.5, (0.5,), (0, 0), ((0, 0), (1, 1, 1)), "abc", ((), ()), (np.nan, 1)]
)
def test_normalisation_that_is_none(normalisation):
    with pytest.raises(ValueError, match="normalisation has to be a pair"):
        networks.preprocess([np.ones((4, 4))], 8, normalisation)


# Real weights


@pytest.fixture
def pretrained(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return pytest.importorskip("pretrained")


def loaded(pretrained, name):
    path = pretrained.find(name)
    if path is None:
        pytest.skip(f"no installed package has {pretrained.FILES[name]}")
    return pretrained.load(name, path)


def test_efficientnet_knows_a_cup_of_coffee(torch, pretrained):
    from skimage import data
    from skimage.color import rgb2gray

    network = loaded(pretrained, "efficientnet_lite0")
    picture = rgb2gray(data.coffee())[:, 100:500]
    normalisation = pretrained.NORMALISATION["efficientnet_lite0"]
    model = networks.load_network(network, "")
    (logits,) = networks.layer_output(
        model, networks.preprocess([picture], normalisation=normalisation)
    )
    assert {967, 968} & set(np.argsort(logits.ravel())[-5:])  # espresso, cup


@pytest.mark.parametrize(("name", "n_layers"), [("alexnet", 5), ("vgg16", 13)])
def test_arrays_of_a_pickle_become_convolutions(torch, pretrained, name, n_layers):
    network = loaded(pretrained, name)
    layers = [layer for layer in network if isinstance(layer, torch.nn.Conv2d)]
    assert len(layers) == n_layers
    # The first layer of a trained network sees edges: smoother filters than noise.
    weight = layers[0].weight.detach().numpy()
    neighbours = np.corrcoef(weight[..., :-1].ravel(), weight[..., 1:].ravel())[0, 1]
    assert neighbours > 0.3


def test_pickles_that_ask_for_more_are_refused(pretrained, tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("evil",))

    path = tmp_path / "alexnet.ckpt"
    path.write_bytes(pickle.dumps({"AlexNet_0": Evil()}))
    with pytest.raises(pickle.UnpicklingError, match=r"builtins\.print"):
        pretrained.load("alexnet", path)


def test_arrays_of_a_package_are_read(torch, pretrained, tmp_path, rng):
    channels, sizes = [3, 64, 192, 384, 256, 256], [11, 5, 3, 3, 3]
    shapes = [(k, k, *pair) for k, pair in zip(sizes, pairwise(channels), strict=True)]
    arrays = {
        f"Conv_{i}": {
            "kernel": rng.normal(size=shape).astype(np.float32),
            "bias": np.zeros(shape[-1], dtype=np.float32),
        }
        for i, shape in enumerate(shapes)
    }
    path = tmp_path / "alexnet.ckpt"
    path.write_bytes(pickle.dumps({"AlexNet_0": arrays, "NetLinLayer_0": {}}, protocol=3))
    network = pretrained.load("alexnet", path)
    kernel = arrays["Conv_1"]["kernel"]
    assert_array_equal(network[3].weight[7, 5].detach().numpy(), kernel[:, :, 5, 7])
