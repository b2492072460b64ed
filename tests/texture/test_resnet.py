"""The 14th addition layer, its weights, and what happens without them."""

import copy
import os
import subprocess
import sys
import urllib.error
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from gan_isi.texture import networks, resnet, torch_context


@pytest.fixture(scope="module")
def torch():
    pytest.importorskip("torchvision", reason='needs the extra "deep"')
    return pytest.importorskip("torch", reason='needs the extra "deep"')


@pytest.fixture(scope="module")
def whole(torch):
    """A whole torchvision ResNet-50 whose BatchNorm layers do something."""
    from torchvision.models import resnet50

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = resnet50(weights=None).eval()
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 2)
    return model.requires_grad_(False)


@pytest.fixture(scope="module")
def model(torch, whole, tmp_path_factory):
    """The same weights, through a file."""
    path = tmp_path_factory.mktemp("weights") / "resnet50.pth"
    torch.save(whole.state_dict(), path)
    return resnet.load_resnet50(path)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return rng.random((3, 50, 70)).astype(np.float32)


# Without PyTorch


@pytest.mark.parametrize(
    "module", ["gan_isi", "gan_isi.texture.resnet", "gan_isi.texture.networks"]
)
def test_importing_does_not_import_torch(module):
    code = f"import sys, {module}; print('torch' in sys.modules, 'torchvision' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"], done.stderr


@pytest.mark.parametrize("missing", ["torch", "torchvision"])
def test_missing_extra_is_named(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    for function in (
        resnet.load_resnet50,
        torch_context.resolve_device,
        lambda: networks.preprocess([np.zeros((8, 8))]),
    ):
        with pytest.raises(ImportError, match=r'pip install "gan-isi\[deep\]"'):
            function()


# The layer


def test_is_the_sum_before_the_relu_of_torchvision_s_own_forward(torch, whole, model, images):
    seen = {"relu": [], "block": None}
    block = whole.layer4[0]
    hooks = [
        # The block calls the same ReLU three times, the last time on the sum.
        block.relu.register_forward_pre_hook(lambda _, x: seen["relu"].append(x[0].clone())),
        block.register_forward_hook(lambda _, __, out: seen.update(block=out.clone())),
    ]
    batch = networks.preprocess(images[:1])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        whole(batch)
    finally:
        torch.set_num_threads(threads)
        for hook in hooks:
            hook.remove()
    sums = resnet.addition_layer(model, batch)
    assert sums.shape == (1, 2048, 7, 7)
    assert sums.dtype == np.float32
    assert len(seen["relu"]) == 3
    assert_array_equal(sums, seen["relu"][-1].numpy())
    assert_array_equal(np.maximum(sums, 0), seen["block"].numpy())
    assert (sums < 0).mean() > 0.1
    # A whole network gives the same layer.
    assert_array_equal(resnet.addition_layer(whole, batch), sums)


def test_is_the_fourteenth_addition(whole):
    blocks = [name for name, module in whole.named_modules() if hasattr(module, "conv3")]
    assert len(blocks) == 16
    assert blocks[13] == "layer4.0"


def test_only_the_layers_needed_are_kept(whole, model):
    needed = {name for name in whole.state_dict() if not name.startswith(resnet._BEYOND)}
    assert set(model.state_dict()) == needed
    assert sum(p.numel() for p in model.parameters()) < 0.6 * sum(
        p.numel() for p in whole.parameters()
    )
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())


def test_an_image_does_not_depend_on_its_neighbours(model, images):
    together = resnet.addition_layer(model, networks.preprocess(images))
    alone = [resnet.addition_layer(model, networks.preprocess([image])) for image in images]
    assert_array_equal(together, np.concatenate(alone))
    assert_array_equal(
        together[::-1], resnet.addition_layer(model, networks.preprocess(images[::-1]))
    )


def test_number_of_threads_changes_no_bit_and_is_put_back(torch, model, images):
    batch = networks.preprocess(images[:1])
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(resnet.addition_layer(model, batch))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert_array_equal(results[1], results[0])
    assert_array_equal(results[2], results[0])


def test_network_and_batch_are_left_as_they_are(torch, model, images):
    batch = networks.preprocess(images[:1])
    batch_before = batch.clone()
    state = copy.deepcopy(model.state_dict())
    resnet.addition_layer(model, batch)
    assert torch.equal(batch, batch_before)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_whole_batch_as_on_an_accelerator(torch, model, images):
    batch = networks.preprocess(images)
    before = torch.backends.cudnn.allow_tf32
    with torch.inference_mode(), torch_context.exact_convolutions(SimpleNamespace(type="cuda")):
        assert not torch.backends.cudnn.allow_tf32
        at_once = resnet._sum_before_relu(model, batch).numpy()
    assert torch.backends.cudnn.allow_tf32 == before
    one_by_one = resnet.addition_layer(model, batch)
    assert_allclose(at_once, one_by_one, rtol=0, atol=1e-5 * np.abs(one_by_one).max())


def test_gpu_agrees_with_cpu(torch, model, images):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    batch = networks.preprocess(images)
    expected = resnet.addition_layer(model, batch)
    sums = resnet.addition_layer(copy.deepcopy(model).to("cuda"), batch)
    assert_allclose(sums, expected, rtol=0, atol=1e-3 * np.abs(expected).max())


# Preprocessing


def test_preprocessing_normalises_three_equal_channels(torch, images):
    grey = np.full((9, 4), 0.25)
    batch = networks.preprocess([grey, images[0]])
    assert batch.shape == (2, 3, 224, 224)
    assert batch.dtype == torch.float32
    expected = (0.25 - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225]
    assert_allclose(batch[0].mean(dim=(1, 2)).numpy(), expected, rtol=1e-5)
    assert_allclose(batch[0].std(dim=(1, 2)).numpy(), 0, atol=1e-5)
    unscaled = batch[1].numpy() * np.array([0.229, 0.224, 0.225])[:, None, None]
    unscaled += np.array([0.485, 0.456, 0.406])[:, None, None]
    assert_allclose(unscaled[0], unscaled[1], atol=1e-6)
    assert_allclose(unscaled[0], unscaled[2], atol=1e-6)


@pytest.mark.parametrize("shape", [(50, 70), (500, 300), (224, 224), (1, 7)])
def test_resizing_is_antialiased_and_bilinear(torch, rng, shape):
    image = rng.random(shape).astype(np.float32)
    # Pillow widens its kernel in the same way.
    expected = np.asarray(Image.fromarray(image).resize((224, 224), Image.Resampling.BILINEAR))
    assert_allclose(networks.preprocess([image])[0, 0].numpy() * 0.229 + 0.485, expected, atol=2e-5)


def test_preprocessing_takes_arrays_that_may_not_be_written_to(torch, images):
    frozen = images[0][::-1]
    frozen.flags.writeable = False
    assert_array_equal(
        networks.preprocess([frozen]).numpy(), networks.preprocess([frozen.copy()]).numpy()
    )


# Weights


def same(torch, first, second):
    one, other = first.state_dict(), second.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_random_weights_are_those_of_the_seed(torch):
    before = torch.random.get_rng_state()
    first = resnet.load_resnet50(None, random_state=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert same(torch, first, resnet.load_resnet50(None, random_state=np.random.RandomState(1)))
    assert not same(torch, first, resnet.load_resnet50(None, random_state=2))


def test_random_weights_are_distributed_as_torchvision_s(torch):
    model = resnet.load_resnet50(None, random_state=0)
    weight = model.layer4[0].conv2.weight
    assert float(weight.std()) == pytest.approx((2 / (512 * 9)) ** 0.5, rel=0.01)
    assert float(model.bn1.weight.min()) == float(model.bn1.running_var.max()) == 1
    assert float(model.bn1.bias.abs().max()) == float(model.bn1.running_mean.abs().max()) == 0


def test_default_dtype_of_torch_does_not_matter(torch, images):
    expected = resnet.load_resnet50(None, random_state=0)
    torch.set_default_dtype(torch.float64)
    try:
        model = resnet.load_resnet50(None, random_state=0)
        assert model.conv1.weight.dtype == torch.float32
        assert networks.preprocess(images).dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)
    assert same(torch, model, expected)


@pytest.mark.parametrize(
    "form", ["bare", "wrapped", "without_fc", "half", "old", "views", "as_str"]
)
def test_forms_of_state_dict(torch, whole, model, tmp_path, form):
    path = tmp_path / "weights.pth"
    state = whole.state_dict()
    if form == "without_fc":
        state = {name: v for name, v in state.items() if not name.startswith("fc.")}
        state["fc.weight"] = torch.zeros(2, 2048)
    elif form == "half":
        state = {name: v.half() for name, v in state.items()}
    elif form == "old":
        state = {name: v for name, v in state.items() if "num_batches" not in name}
    elif form == "views":
        state = {name: torch.stack([v, v])[1] for name, v in state.items()}
    torch.save({"state_dict": state, "epoch": 3} if form == "wrapped" else state, path)
    loaded = resnet.load_resnet50(str(path) if form == "as_str" else path)
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    # Views of larger tensors would make larger pickles.
    assert all(p.untyped_storage().nbytes() == 4 * p.numel() for p in loaded.parameters())
    if form == "half":
        assert_allclose(loaded.conv1.weight.numpy(), model.conv1.weight.numpy(), atol=1e-3)
    else:
        assert same(torch, loaded, model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conv1.weight": None}, r"conv1\.weight is missing"),
        ({"layer9.weight": (2,)}, r"layer9\.weight is unexpected"),
        (
            {"conv1.weight": (64, 1, 7, 7)},
            r"conv1\.weight \(64, 1, 7, 7\) instead of \(64, 3, 7, 7\) is of another shape",
        ),
        (
            {f"layer{stage}.0.bn1.weight": None for stage in (1, 2, 3, 4)},
            r"layer1\.0\.bn1\.weight, layer2.*, layer3\.0\.bn1\.weight and 1 more are missing",
        ),
    ],
)
def test_wrong_keys_are_named(torch, whole, tmp_path, change, message):
    state = dict(whole.state_dict())
    for name, shape in change.items():
        if shape is None:
            del state[name]
        else:
            state[name] = torch.zeros(shape)
    path = tmp_path / "wrong.pth"
    torch.save(state, path)
    with pytest.raises(ValueError, match=message) as error:
        resnet.load_resnet50(path)
    assert str(path) in str(error.value)


def test_another_network_is_refused(torch, tmp_path):
    path = tmp_path / "other.pth"
    torch.save(torch.nn.Linear(2, 2).state_dict(), path)
    with pytest.raises(
        ValueError, match=r"conv1\.weight, .* more are missing.*weight, bias are un"
    ):
        resnet.load_resnet50(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04broken", b"\x80\x02}q\x00."])
def test_files_that_hold_no_state_dict(torch, tmp_path, content):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="state dict of ResNet-50") as error:
        resnet.load_resnet50(path)
    assert str(path) in str(error.value)


def test_tensor_is_no_state_dict(torch, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(torch.zeros(3), path)
    with pytest.raises(ValueError, match="expected a mapping from names to tensors, got Tensor"):
        resnet.load_resnet50(path)


def test_code_in_a_file_is_not_run(torch, tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("evil",))

    path = tmp_path / "weights.pth"
    torch.save({"conv1.weight": Evil()}, path)
    with pytest.raises(ValueError, match="can't be read"):
        resnet.load_resnet50(path)


def test_missing_file(torch, tmp_path):
    for weights in (tmp_path / "no.pth", str(tmp_path / "no"), "no.pth"):
        with pytest.raises(FileNotFoundError, match="nor the path of an existing file"):
            resnet.load_resnet50(weights)


def test_neither_name_nor_path(torch):
    with pytest.raises(
        ValueError, match=r"IMAGENET1K_V1, IMAGENET1K_V2.* nor the path of an exist"
    ):
        resnet.load_resnet50("imagenet")


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("IMAGENET1K_V1", "IMAGENET1K_V1"),
        ("IMAGENET1K_V2", "IMAGENET1K_V2"),
        ("DEFAULT", "IMAGENET1K_V2"),
        ("ResNet50_Weights.IMAGENET1K_V1", "IMAGENET1K_V1"),
    ],
)
def test_names_go_to_torchvision_s_own_loader(torch, monkeypatch, whole, model, name, entry):
    from torchvision.models import ResNet50_Weights

    asked = []

    def get_state_dict(self, **options):
        asked.append((self.name, options))
        return whole.state_dict()

    monkeypatch.setattr(ResNet50_Weights, "get_state_dict", get_state_dict)
    assert same(torch, resnet.load_resnet50(name), model)
    assert asked[0][0] == entry
    assert asked[0][1]["check_hash"]
    assert asked[0][1]["weights_only"]


@pytest.mark.parametrize(
    "cause",
    [
        urllib.error.URLError("Name or service not known"),
        PermissionError("cache is read-only"),
        RuntimeError("invalid hash value"),
        EOFError("Ran out of input"),
    ],
)
def test_failed_download_says_what_to_do(torch, monkeypatch, cause):
    from torchvision.models import ResNet50_Weights

    def get_state_dict(self, **options):
        raise cause

    monkeypatch.setattr(ResNet50_Weights, "get_state_dict", get_state_dict)
    with pytest.raises(OSError, match="could not fetch or read") as error:
        resnet.load_resnet50("IMAGENET1K_V1")
    assert error.value.__cause__ is cause
    path = 'weights="/path/to/state_dict.pth"'
    for part in (str(cause), path, "resnet50-0676ba61.pth", "checkpoints", "IMAGENET1K_V1"):
        assert part in str(error.value)


def test_download_that_reaches_nothing(torch, tmp_path):
    # A real attempt of torchvision's own, through a proxy that nobody runs: refused at once.
    code = "from gan_isi.texture.resnet import load_resnet50; load_resnet50('IMAGENET1K_V1')"
    environment = {
        **os.environ,
        "TORCH_HOME": str(tmp_path),
        "https_proxy": "http://127.0.0.1:9",
        "no_proxy": "",
    }
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("the refused download took more than 60 s")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("OSError: torchvision could not fetch or read the weights")
    assert 'weights="/path/to/state_dict.pth"' in last
    assert not list(tmp_path.rglob("*.pth"))


# Devices


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_cpu_is_always_there(torch, device):
    assert torch_context.resolve_device(device) == "cpu"


def test_auto_prefers_accelerators(torch, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert torch_context.resolve_device("auto") == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert torch_context.resolve_device("auto") == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert torch_context.resolve_device("auto") == "cuda"


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta", ""])
def test_device_that_is_not_there(torch, device):
    with pytest.raises(ValueError, match="can't be used on this machine") as error:
        torch_context.resolve_device(device)
    assert repr(device) in str(error.value)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ([], "images is empty"),
        (None, "images has to be a list of numbers"),
        (np.zeros((4, 4)), r"image 0 has shape \(4,\); expected \(height, width\)"),
        ([np.zeros((4, 4)), np.full((4, 4), np.nan)], "image 1 contains NaN"),
        (["a.png"], "image 0 has to be an array of real numbers"),
    ],
)
def test_what_is_no_image_is_refused(torch, images, words):
    with pytest.raises((TypeError, ValueError), match=words):
        networks.preprocess(images)


def test_what_is_no_batch_is_refused(torch):
    for batch in (np.zeros((1, 3, 8, 8)), networks.preprocess([np.ones((4, 4))])[0], None):
        with pytest.raises(ValueError, match="as from preprocess"):
            resnet.addition_layer(None, batch)
    with pytest.raises(TypeError, match="device has to be"):
        torch_context.resolve_device(1.5)
    with pytest.raises(TypeError, match="weights has to be"):
        resnet.load_resnet50(5)


def test_bytes_are_numbers_like_others(torch):
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert (networks.preprocess([image]) == networks.preprocess([image.astype(float)])).all()
