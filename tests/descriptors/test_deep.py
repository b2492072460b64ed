"""The deep family as a transformer."""

import pickle
import subprocess
import sys
import threading
import warnings
from contextlib import nullcontext
from pathlib import Path

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks as checks
from sklearn.utils.estimator_checks import check_estimator

from gan_isi import (
    DeepDescriptor,
    DescriptorUnion,
    DistanceUnion,
    PairwiseDistanceTransformer,
    PairwiseWassersteinTransformer,
    PairwiseWhitenedTransformer,
    SourceIdentificationPipeline,
    SteerableDescriptor,
)
from gan_isi._runtime.store import digest
from gan_isi._validation.images import to_grey
from gan_isi.baselines import NearestGenerated
from gan_isi.descriptors import deep as deep_module
from gan_isi.texture import networks, resnet
from gan_isi.texture.cdf import cdf_vectors, cell_edges, quantile_levels


@pytest.fixture(autouse=True, scope="module")
def torch():
    pytest.importorskip("torchvision", reason='needs the extra "deep"')
    return pytest.importorskip("torch", reason='needs the extra "deep"')


def make(**changes):
    """Random weights, on the CPU."""
    return DeepDescriptor(**{"weights": None, "random_state": 0, "device": "cpu", **changes})


@pytest.fixture(scope="module")
def images(photographs):
    return photographs[:10]


@pytest.fixture(scope="module")
def fitted(images):
    return make().fit(images)


@pytest.fixture(scope="module")
def vectors(fitted, images):
    return fitted.transform(images)


# Maps and vectors


def test_maps_are_the_channels_of_the_layer(fitted, images):
    maps = fitted.feature_maps(images[0])
    assert maps.shape == (2048, 7, 7)
    assert maps.min() < 0 < maps.max()
    batch = networks.preprocess([to_grey(images[0])])
    assert_array_equal(maps, resnet.addition_layer(fitted.model_, batch)[0])


def test_vectors_are_the_cdf_vectors_of_the_channels(fitted, vectors, images):
    assert vectors.shape == (len(images), 2048 * 64)
    assert vectors.dtype == np.float32
    one_by_one = cdf_vectors(list(fitted.feature_maps(images[3])), 64, n_values=49)
    assert_array_equal(vectors[3].reshape(2048, 64), one_by_one)


def test_distances_of_the_channels_are_exact_whatever_the_size_of_the_image(fitted, images):
    sizes = [images[0], images[1][:50], images[2][:, :77]]
    bags = PairwiseWassersteinTransformer(n_levels=64).fit_transform(fitted.transform(sizes))
    maps = [np.sort(fitted.feature_maps(image).reshape(2048, 49)) for image in sizes]
    exact = [[np.abs(a - b).mean(axis=1) for b in maps] for a in maps]
    assert_allclose(bags, exact, rtol=1e-5, atol=1e-6 * np.max(exact))
    names = fitted.get_feature_names_out()
    assert len(set(names)) == len(names)
    levels = quantile_levels(64, n_values=49)
    assert [name.split("_q")[1] for name in names[:64]] == [f"{each:.7g}" for each in levels]
    assert_array_equal(fitted.edges, cell_edges(64, n_values=49))


@pytest.mark.parametrize("cells", ["fine_tails", "equal"])
@pytest.mark.parametrize("n_levels", [1, 4, 49, 64, 256])
@pytest.mark.parametrize("shape", [(300, 7, 7), (300, 1, 1), (3, 40, 41)])
def test_sorting_all_channels_at_once_changes_no_bit(rng, shape, n_levels, cells):
    maps = rng.normal(size=shape).astype(np.float32)
    maps[0] = 0.1
    assert_array_equal(cdf_vectors(maps, n_levels, cells), cdf_vectors(list(maps), n_levels, cells))


def test_cells_reach_the_vectors(fitted, images):
    other = make(cells="equal", n_levels=4).fit(images)
    expected = cdf_vectors(fitted.feature_maps(images[0]), 4, "equal")
    assert_array_equal(other.transform(images[:1]).reshape(2048, 4), expected)


def test_pooled_channels_are_one_map(fitted, images):
    pooled = make(pooling="channels", n_levels=32).fit(images)
    maps = fitted.feature_maps(images[0])
    assert_array_equal(pooled.feature_maps(images[0]), maps[None])
    assert_array_equal(pooled.transform(images[:1]), cdf_vectors([maps], 32))
    assert pooled.map_names_ == ["deep_all"]
    assert len(pooled.get_feature_names_out()) == 32


@pytest.mark.parametrize("pooling", [None, "channels"])
def test_tiles(pooling, fitted, images):
    tiled = make(pooling=pooling, n_levels=2, grid=7).fit(images[:1])
    vectors = tiled.transform(images[:1]).reshape(-1, 7, 7, 2)
    maps = fitted.feature_maps(images[0])
    if pooling is None:  # one number a tile
        assert_allclose(vectors.mean(axis=-1), maps, rtol=1e-6)
    else:
        assert_array_equal(vectors[:, 2, 3], cdf_vectors(maps[None, :, 2, 3], 2))


def test_names(fitted):
    assert fitted.map_names_[:2] == ["deep_c0", "deep_c1"]
    assert fitted.map_names_[-1] == "deep_c2047"
    names = make(n_levels=2, cells="equal").fit(np.ones((1, 4, 4)))
    assert list(names.get_feature_names_out()[:3]) == [
        "deep_c0_q0.25",
        "deep_c0_q0.75",
        "deep_c1_q0.25",
    ]


def test_images_of_any_size_and_kind(fitted, images, vectors):
    colour = np.repeat(images[1][:, :, None], 3, axis=2)
    mixed = [images[0], images[1] / 255.0, np.kron(images[2], np.ones((2, 3), dtype=np.uint8))]
    result = fitted.transform([*mixed, colour])
    assert_array_equal(result[0], vectors[0])
    assert_allclose(result[1], vectors[1], atol=1e-3)
    assert_allclose(result[3], vectors[1], atol=1e-3)
    assert np.isfinite(result).all()


def test_intensity_range_reaches_the_network(images):
    first = make(intensity_range=(0, 255), pooling="channels").fit(images)
    assert_array_equal(
        first.transform(images[:1].astype(float)),
        make(pooling="channels").fit_transform(images[:1]),
    )


# Other networks and layers


def small_network(torch, seed=0, activation="ReLU"):
    nn = torch.nn
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2),
            getattr(nn, activation)(),
            nn.Conv2d(4, 6, 3),
            nn.BatchNorm2d(6),
        )


def small(torch, **changes):
    options = {"network": small_network(torch), "layer": "2", "input_size": 16, "device": "cpu"}
    return DeepDescriptor(**{**options, **changes})


def test_channels_of_any_layer(torch, images):
    deep = small(torch).fit(images)
    assert deep.output_shape_ == (6, 5, 5)
    assert deep.blocks_ == [("deep", tuple(f"deep_c{i}" for i in range(6)), 64, True)]
    batch = networks.preprocess([to_grey(images[2])], 16)
    with torch.inference_mode():
        expected = deep.network[:3].eval()(batch)[0].numpy()
    assert_allclose(deep.feature_maps(images[2]), expected, atol=1e-5)
    vectors = cdf_vectors(list(deep.feature_maps(images[2])), 64, n_values=25)
    assert_array_equal(deep.transform(images)[2], vectors.ravel())
    assert len(deep.get_feature_names_out()) == deep.transform(images).shape[1]


def test_networks_of_torchvision_by_name(images):
    deep = make(network="squeezenet1_1", layer="features.3", input_size=32, pooling="mean")
    assert deep.fit_transform(images[:2]).shape == (2, 128)


def test_means_are_one_block_that_is_no_cdf(torch, images):
    deep = small(torch, pooling="mean", n_jobs=2).fit(images)
    rows = deep.transform(images)
    assert rows.dtype == np.float32
    expected = [deep.feature_maps(image)[0].mean(axis=(1, 2)) for image in images]
    assert_allclose(rows, expected, rtol=1e-5, atol=1e-6)
    assert deep.blocks_ == [("deep", ("deep_all",), 6, False)]
    assert list(deep.get_feature_names_out()) == [f"deep_c{i}" for i in range(6)]
    assert_array_equal(np.vstack([deep.transform(images[i : i + 1]) for i in range(10)]), rows)


def test_means_stand_beside_textures_in_an_attack(torch, images):
    union = DescriptorUnion([("steerable", SteerableDescriptor()), ("pooled", small(torch))])
    attack = SourceIdentificationPipeline(
        [
            ("descriptors", union),
            (
                "distances",
                DistanceUnion(
                    [
                        ("white", PairwiseWhitenedTransformer(families="pooled")),
                        ("cosine", PairwiseDistanceTransformer("cosine", families="pooled")),
                        ("texture", PairwiseWassersteinTransformer()),
                    ]
                ),
            ),
            ("membership", NearestGenerated()),
        ],
        generated=images[5:],
    )
    attack.set_params(descriptors__pooled__pooling="mean")
    attack.fit(images, [0, 1] * 5)
    assert [block.name for block in attack.blocks_] == ["white", "cosine", "steerable"]
    found = attack.predict_proba(images)
    again = pickle.loads(pickle.dumps(attack)).predict_proba(images)
    assert_array_equal(again, found)


def test_clones_share_the_network(torch):
    deep = small(torch)
    copies = [clone(deep), clone(clone(deep)), clone(DescriptorUnion([("deep", deep)]))]
    assert copies[0].network is copies[1].network is deep.network
    assert copies[2].get_params()["deep"].network is deep.network
    assert copies[0].set_params(layer="0").layer != deep.layer


def test_hooks_of_the_user_stay_at_home(torch, images):
    expected = small(torch).fit_transform(images)
    deep = small(torch)
    lock = threading.Lock()  # can't be pickled
    deep.network[0].register_forward_hook(lambda module, args, output: (lock, 2 * output)[1])
    for unfitted in (deep, clone(deep), pickle.loads(pickle.dumps(deep))):
        assert_array_equal(unfitted.fit(images).transform(images), expected)
    loaded = pickle.loads(pickle.dumps(deep))
    assert loaded.network is loaded.model_
    assert_array_equal(loaded.transform(images), expected)
    assert_array_equal(clone(loaded).fit(images).transform(images), expected)
    other = clone(loaded).set_params(layer="0", pooling="mean").fit(images)
    assert other.transform(images).shape == (10, 4)


def test_network_that_changes_later_does_not_change_what_was_fitted(torch, images):
    deep = small(torch).fit(images)
    before = deep.transform(images)
    with torch.no_grad():
        deep.network[0].weight.zero_()
    assert_array_equal(deep.transform(images), before)


def test_memory_knows_networks_by_what_they_compute(torch, images, tmp_path):
    class Scaled(torch.nn.Module):
        def __init__(self, factor):
            super().__init__()
            self.inner, self.factor = small_network(torch), factor

        def forward(self, x):
            return self.inner(x) * self.factor

    def digest_of(**changes):
        return digest(small(torch, **changes).fit(images)._cache_key())

    known = digest_of()
    assert digest_of(network=small_network(torch)) == known
    assert digest_of(n_jobs=2, memory=tmp_path) == known
    grey = small_network(torch)
    grey[3].running_mean += 1
    others = [
        digest_of(network=small_network(torch, seed=1)),
        digest_of(network=small_network(torch, activation="GELU")),
        digest_of(network=grey),
        digest_of(layer="1"),
        digest_of(input_size=17),
        digest_of(normalisation=((0, 0, 0), (1, 1, 1))),
        digest_of(pooling="mean"),
        digest_of(network=Scaled(2.0), layer=""),
        digest_of(network=Scaled(3.0), layer=""),
    ]
    assert len({known, *others}) == 10
    kept = small(torch, pooling="mean", memory=tmp_path).fit(images)
    assert_array_equal(kept.transform(images), kept.transform(images))
    assert_array_equal(
        small(torch, pooling="mean", layer="1", memory=tmp_path).fit_transform(images),
        small(torch, pooling="mean", layer="1").fit_transform(images),
    )


def test_the_paper_s_layer_is_that_of_resnet50(torch, images):
    for changes, message in (
        ({"layer": "addition14"}, "layer of Sequential"),
        ({"layer": "addition14", "network": "alexnet"}, "layer of 'alexnet'"),
        ({"layer": "7"}, "no layer of Sequential"),
        ({"network": 3}, "'network' parameter"),
        ({"normalisation": (0, 0)}, "normalisation has to be a pair"),
        ({"normalisation": "mri"}, "'normalisation' parameter"),
    ):
        with pytest.raises(ValueError, match=message):
            small(torch, **changes).fit(images)


# The same bits


def test_parts_give_the_bits_of_the_whole(fitted, images, vectors):
    for size in (1, 3, 9):
        parts = [
            fitted.transform(images[start : start + size]) for start in range(0, len(images), size)
        ]
        assert_array_equal(np.concatenate(parts), vectors)


# Threads are what one gets without asking; new processes take seconds to start.
@pytest.mark.parametrize(
    "backend", [None, "threading", pytest.param("loky", marks=pytest.mark.slow)]
)
def test_jobs_change_no_bit(torch, images, vectors, backend):
    threads = torch.get_num_threads()
    with joblib.parallel_config(backend=backend) if backend else nullcontext():
        assert_array_equal(make(n_jobs=2).fit(images).transform(images), vectors)
    assert torch.get_num_threads() == threads


def test_same_seed_same_network(images, vectors):
    assert_array_equal(make().fit(images).transform(images[:1]), vectors[:1])
    assert np.abs(make(random_state=1).fit(images).transform(images[:1]) - vectors[:1]).max() > 0


def test_same_bits_in_a_new_process(fitted, images, vectors, tmp_path):
    (tmp_path / "pickle").write_bytes(pickle.dumps(fitted))
    joblib.dump(fitted, tmp_path / "joblib")
    # The network without what comes after the layer: 14.6 million float32.
    assert max(path.stat().st_size for path in tmp_path.iterdir()) < 60e6
    np.save(tmp_path / "images.npy", images[:2])
    code = """if True:
        import pathlib, pickle, sys
        import joblib, numpy as np
        folder = pathlib.Path(sys.argv[1])
        images = np.load(folder / "images.npy")
        fitted = pickle.loads((folder / "pickle").read_bytes()), joblib.load(folder / "joblib")
        np.save(folder / "vectors.npy", [deep.transform(images) for deep in fitted])
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, tmp_path], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for result in np.load(tmp_path / "vectors.npy"):
        assert_array_equal(result, vectors[:2])


def test_transform_sets_no_state(images):
    deep = make().fit(images)
    before = set(vars(deep))
    deep.transform(images[:1])
    assert set(vars(deep)) == before


# Accelerators


def test_accelerator_gets_batches_in_one_process(monkeypatch, fitted, images, vectors):
    # Without a device at hand: "cpu:0" is not recognised as the CPU by what is under test.
    monkeypatch.setattr(deep_module, "resolve_device", lambda device: "cpu:0")
    batches = []

    def addition_layer(model, batch):
        assert model is not fitted.model_
        batches.append(len(batch))
        return resnet.addition_layer(model, batch)

    monkeypatch.setattr(deep_module, "addition_layer", addition_layer)
    deep = pickle.loads(pickle.dumps(fitted)).set_params(batch_size=4, n_jobs=2)
    assert_array_equal(deep.transform(images), vectors)
    assert batches == [4, 4, 2]


def test_network_stays_on_the_cpu(fitted):
    assert {p.device.type for p in fitted.model_.parameters()} == {"cpu"}


def test_gpu_agrees_with_cpu(torch, fitted, images, vectors):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    deep = make(device="auto").fit(images)
    on_gpu = deep.transform(images)
    assert_allclose(on_gpu, vectors, rtol=0, atol=1e-3 * np.abs(vectors).max())
    assert {p.device.type for p in deep.model_.parameters()} == {"cpu"}


# Parameters and errors


def test_feature_maps_need_fit(images):
    for call in (
        lambda: make().feature_maps(images[0]),
        lambda: make().transform(images),
        lambda: make().compute_maps(to_grey(images[0])),
    ):
        with pytest.raises(NotFittedError, match="DeepDescriptor"):
            call()


def test_default_parameters():
    assert DeepDescriptor().get_params() == {
        "network": "resnet50",
        "layer": "addition14",
        "weights": "IMAGENET1K_V1",
        "pooling": None,
        "input_size": 224,
        "normalisation": "imagenet",
        "device": "auto",
        "batch_size": 32,
        "n_levels": 64,
        "cells": "fine_tails",
        "intensity_range": "dtype",
        "random_state": None,
        "n_jobs": None,
        "grid": 1,
        "memory": None,
        "verbose": False,
    }


def test_clone_is_not_fitted(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "model_")
    assert {type(value).__module__ for value in copy.get_params().values()} == {"builtins"}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"weights": "imagenet"}, ValueError, "neither the name of pretrained weights"),
        ({"weights": Path("no/such/file.pth")}, FileNotFoundError, "existing file"),
        ({"weights": 3}, ValueError, "'weights' parameter"),
        ({"pooling": "all"}, ValueError, "'pooling' parameter"),
        ({"device": "abacus"}, ValueError, "can't be used on this machine"),
        ({"batch_size": 0}, ValueError, "'batch_size' parameter"),
        ({"intensity_range": (1, 0)}, ValueError, "low < high"),
    ],
)
def test_impossible_parameters(images, changes, error, message):
    with pytest.raises(error, match=message):
        make(**changes).fit(images)


def test_bad_images_are_named(fitted, images):
    bad = images.astype(float)
    bad[9, 3, 3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        fitted.transform(bad)
    with pytest.raises(ValueError, match="image 9 contains NaN"):
        fitted.transform(list(bad))


def test_without_pytorch(monkeypatch, images):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"gan-isi\[deep\]"):
        DeepDescriptor().fit(images)


# Conformance: about estimators, not about resolution, with 49 times fewer pixels


@pytest.mark.slow
def test_whole_check_suite():
    with warnings.catch_warnings():
        # The checks themselves provoke warnings (constant columns, one-dimensional y).
        warnings.simplefilter("ignore")
        results = check_estimator(make(n_levels=4, input_size=32), on_skip=None, on_fail=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert failed == {}
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}  # needs SCIPY_ARRAY_API=1 at start-up
    assert len(results) - len(skipped) > 40


@pytest.mark.parametrize(
    "check",
    [
        checks.check_param_validation,
        checks.check_dataframe_column_names_consistency,
        checks.check_n_features_in_after_fitting,
        checks.check_mixin_order,
        checks.check_do_not_raise_errors_in_init_or_set_params,
        checks.check_parameters_default_constructible,
        checks.check_transformer_get_feature_names_out,
        checks.check_transformer_get_feature_names_out_pandas,
        checks.check_get_feature_names_out_error,
        checks.check_set_output_transform,
        checks.check_set_output_transform_pandas,
        checks.check_global_output_transform_pandas,
    ],
    ids=lambda check: check.__name__,
)
# The checks fit on frames and transform arrays on purpose.
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
def test_checks_outside_the_suite(check):
    check("DeepDescriptor", make(n_levels=2, pooling="channels", input_size=32))


def test_every_parameter_has_a_constraint():
    assert set(DeepDescriptor().get_params()) == set(DeepDescriptor._parameter_constraints)
