"""Distances on a device: the same code on PyTorch's CPU, against numpy."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage
from sklearn import config_context
from sklearn.base import clone

from gan_isi import (
    DistanceUnion,
    PairwiseDistanceTransformer,
    PairwisePoseTransformer,
    PairwiseTileTransformer,
    PairwiseWassersteinTransformer,
    PairwiseWhitenedTransformer,
    audit,
    datasets,
    make_pipeline,
)
from gan_isi.attacks import ATTACKS, streaming
from gan_isi.distances import base, torch_backend
from gan_isi.distances.poses import Grid, best_correlations, likely_turns, standardised
from gan_isi.distances.ssim import ImageMoments, _one_against_many, image_moments
from gan_isi.distances.vectors import VECTOR_METRICS, distances_between
from gan_isi.texture import torch_context

torch = pytest.importorskip("torch", reason='needs the extra "deep"')
pytest.importorskip("torchvision", reason='needs the extra "deep"')

FEW_POSES = {"angles": (-10, 0, 10), "zooms": (1, 1.2)}

ESTIMATORS = [
    *(PairwiseDistanceTransformer(m) for m in ("euclidean", "cityblock", "cosine", "correlation")),
    PairwiseDistanceTransformer("ssim"),
    PairwiseDistanceTransformer("ssim", n_refined=7),
    PairwiseDistanceTransformer("ssim", poses="mirrored"),
    PairwiseDistanceTransformer("euclidean", poses="dihedral"),
    PairwisePoseTransformer(angles=(0,), zooms=(1,), max_shift=0, n_refined=9),
    PairwisePoseTransformer(**FEW_POSES, n_refined=9),
    PairwisePoseTransformer(**FEW_POSES, quarter_turns=False, n_refined=100),
    PairwiseTileTransformer(max_shift=0, tile=8, stride=4),
    PairwiseTileTransformer(max_shift=0, tile=8, stride=2, n_best=40),
    PairwiseWhitenedTransformer(),
    PairwiseWhitenedTransformer("euclidean"),
    PairwiseWassersteinTransformer(),
    PairwiseWassersteinTransformer(include_real=True),
    PairwiseDistanceTransformer("correlation", include_real=True),
]


def on_cpu(estimator):
    return clone(estimator).set_params(device="cpu")


def pictures(rng, n, side, channels=1):
    """Pictures in 0..1 whose details are larger than a pixel."""
    noise = rng.normal(size=(n, channels, side, side))
    values = ndimage.gaussian_filter(noise, (0, 0, 1.2, 1.2), mode="wrap")
    return ((values - values.min()) / np.ptp(values)).astype(np.float32)


def examples(rng, side, channels=1, n=40):
    """Queries, and generated images: copies, nearly copies, moved ones, and one that is grey."""
    queries, generated = pictures(rng, 6, side, channels), pictures(rng, n, side, channels)
    generated[3], generated[4], generated[5] = queries[0], queries[1, ..., ::-1], 0.5
    for number, noise in enumerate((1e-4, 1e-3, 3e-3, 1e-2), start=6):
        generated[number] = queries[2] + noise * rng.normal(size=queries[2].shape)
    generated[10:13] = generated[13]
    return queries.reshape(6, -1), generated.reshape(n, -1)


@pytest.fixture(scope="module")
def problem():
    return datasets.make_membership_problem(
        16, n_generated=150, image_size=32, memorization=0.8, random_state=0
    )


#: As few poses as make the recommended attack quick.
QUICK = {
    "distances__poses__angles": (0,),
    "distances__poses__zooms": (1,),
    "distances__poses__n_refined": 20,
}


class TestViews:
    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("side", [12, 15])
    @pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
    def test_are_those_of_numpy(self, rng, estimator, side, channels):
        queries, generated = examples(rng, side, channels)
        expected = clone(estimator).fit(queries, generated=generated).transform(queries)
        found = on_cpu(estimator).fit(queries, generated=generated).transform(queries)
        assert found.dtype == np.float32
        assert_allclose(found, expected, atol=1e-5)
        copy = (1, 4) if getattr(estimator, "poses", None) == "mirrored" else (0, 3)
        assert_allclose(found[copy], 0, atol=1e-6)

    def test_nearly_copied_tiles(self, rng):
        # What is smooth has few degrees of freedom: there the last digit of a correlation counts.
        estimator = PairwiseTileTransformer(max_shift=0, tile=8, stride=4)
        values = ndimage.gaussian_filter(rng.normal(size=(20, 32, 32)), (0, 6, 6))
        values /= values.std()
        for noise in (1e-3, 3e-3, 1e-2):
            noisy = values + noise * rng.normal(size=values.shape)
            rows, generated = (one.reshape(20, -1) for one in (values, noisy))
            expected = estimator.fit(rows, generated=generated).transform(rows)
            found = on_cpu(estimator).fit(rows, generated=generated).transform(rows)
            assert_allclose(found, expected, atol=2e-5)

    @pytest.mark.parametrize("contrast", [0.05, 1e-3])
    def test_little_contrast_on_a_bright_ground(self, rng, contrast):
        queries, generated = (1000 + contrast * one for one in examples(rng, 16))
        for estimator in (
            PairwiseDistanceTransformer("euclidean"),
            PairwiseDistanceTransformer("correlation"),
            PairwisePoseTransformer(**FEW_POSES),
        ):
            expected = estimator.fit(queries, generated=generated).transform(queries)
            found = on_cpu(estimator).fit(queries, generated=generated).transform(queries)
            assert_allclose(found, expected, atol=1e-4)

    @pytest.mark.parametrize("estimator", [
        PairwisePoseTransformer(**FEW_POSES, n_refined=5),
        PairwisePoseTransformer(n_refined=11),
        PairwiseDistanceTransformer("ssim", n_refined=5),
    ], ids=str)  # fmt: skip
    def test_ties_where_some_are_refined(self, rng, estimator):
        queries, different = examples(rng, 16)
        # As they come, so that equal ones lie on both sides of what is refined.
        generated = different[rng.integers(0, 5, size=203)]
        expected = clone(estimator).fit(queries, generated=generated).transform(queries)
        found = on_cpu(estimator).fit(queries, generated=generated).transform(queries)
        assert_allclose(found, expected, atol=1e-5)

    @pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
    def test_neither_blocks_nor_threads_matter(self, rng, estimator, monkeypatch):
        queries, generated = examples(rng, 12)
        estimator = on_cpu(estimator).fit(queries, generated=generated)
        whole = estimator.transform(queries)
        monkeypatch.setattr(torch_backend, "_COLUMNS", 7)
        monkeypatch.setattr(base, "BATCH_SIZE", 2)
        monkeypatch.setattr("gan_isi.distances.ssim._PIXELS_ON_DEVICE", 1000)
        with config_context(working_memory=0.05):
            assert_allclose(estimator.set_params(n_jobs=2).transform(queries), whole, atol=1e-5)

    @pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
    def test_fitted_ones_are_copied_and_pickled(self, rng, estimator):
        queries, generated = examples(rng, 12)
        queries, generated = queries[::-1, ::-1], generated[:, ::-1]
        generated.setflags(write=False)  # as joblib hands them out
        fitted = on_cpu(estimator).fit(queries, generated=generated[:9])
        found = fitted.transform(queries)
        assert fitted.get_params()["device"] == clone(fitted).device == "cpu"
        assert_array_equal(pickle.loads(pickle.dumps(fitted)).transform(queries), found)
        other = fitted.retarget(generated)
        expected = clone(estimator).fit(queries, generated=generated[:9]).retarget(generated)
        assert_allclose(other.transform(queries), expected.transform(queries), atol=1e-5)
        assert_array_equal(fitted.transform(queries), found)
        assert not any(torch.is_tensor(value) for value in vars(fitted).values())

    def test_side_by_side(self, rng):
        queries, generated = examples(rng, 12)
        views = [("near", PairwiseDistanceTransformer()), ("turned", PairwisePoseTransformer())]
        union = DistanceUnion(views).set_params(near__device="cpu", turned__device="cpu")
        expected = DistanceUnion([(name, clone(v).set_params(device=None)) for name, v in views])
        assert_allclose(
            union.fit(queries, generated=generated).transform(queries),
            expected.fit(queries, generated=generated).transform(queries),
            atol=1e-5,
        )

    def test_a_pose_is_found_as_without(self, rng):
        queries, generated = examples(rng, 16)
        plain = PairwisePoseTransformer(**FEW_POSES).fit(queries, generated=generated)
        placed = on_cpu(plain).fit(queries, generated=generated)
        assert placed.find_pose(queries[1], 4) == plain.find_pose(queries[1], 4)


class TestPoses:
    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("grid", [
        Grid(8, (0.0,), (1.0,), 0, True), Grid(9, (-20.0, 0.0, 15.0), (0.9, 1.0, 1.12), 2, True),
        Grid(7, (0.0, 30.0), (1.3,), 1, False), Grid(6, (10.0,), (0.5, 2.0), 3, True),
    ], ids=str)  # fmt: skip
    def test_the_same_are_best(self, rng, grid, channels):
        picture, *others = pictures(rng, 30, grid.side, channels)
        rows = standardised(np.stack(others))
        tensors = torch_backend.placed(rows, "cpu")
        likely = likely_turns(picture, rows, grid, 2)
        assert_array_equal(likely_turns(picture, tensors, grid, 2), likely)
        likely[1] = False  # a turn that nobody asks for
        likely[0] |= ~likely.any(axis=0)
        for wanted in (None, likely):
            expected = best_correlations(picture, rows, grid, wanted)
            found = best_correlations(picture, tensors, grid, wanted)
            assert_allclose(found[0], expected[0], atol=1e-6)
            assert_array_equal(found[1], expected[1])

    def test_pictures_without_contrast(self):
        grid = Grid(8, (0.0, 10.0), (1.0,), 1, True)
        flat = np.full((2, 1, 8, 8), 0.3, dtype=np.float32)
        rows = torch_backend.placed(standardised(flat), "cpu")
        assert_array_equal(best_correlations(flat[0], rows, grid)[0], 0)


class TestAttacks:
    @pytest.mark.slow
    def test_the_recommended_one(self, problem):
        expected, attack = (
            make_pipeline(
                "recommended", generated=problem.generated, families=["gabor"], device=one
            )
            .set_params(**QUICK)
            .fit(problem.images, problem.target)
            for one in (None, "cpu")
        )
        found = attack.predict_proba(problem.images)
        assert_allclose(found, expected.predict_proba(problem.images), atol=1e-3)
        described = attack["descriptors"].transform(problem.images)
        others = dict(expected["distances"].transformers_)
        for name, view in attack["distances"].transformers_:
            assert (view.device, others[name].device) == ("cpu", None)
            distances = others[name].transform(described)
            assert_allclose(view.transform(described), distances, rtol=1e-5, atol=1e-5)

    @pytest.mark.slow
    def test_a_block_after_the_other(self, problem, monkeypatch):
        monkeypatch.setattr(streaming, "_BLOCK", 64)
        generated = problem.generated
        expected, streamed = (
            make_pipeline("recommended", generated=generated, stream=one is not None, device=one)
            .set_params(**QUICK)
            .fit(problem.images, problem.target)
            for one in (None, "cpu")
        )
        assert streamed.streamed_
        found = streamed.retarget(generated[50:]).predict_proba(problem.images)
        others = expected.retarget(generated[50:]).predict_proba(problem.images)
        assert_allclose(found, others, atol=1e-3)

    @pytest.mark.parametrize("name", [name for name in ATTACKS if name != "blind"])
    @pytest.mark.parametrize("representation", ["pixels", "deep"])
    def test_the_device_reaches_all_parts(self, name, representation):
        ready_made = name in ("paper", "recommended")
        options = {"families": ["deep"]} if ready_made else {"representation": representation}
        attack = make_pipeline(name, device="cpu:0", **options)
        of_parts = {k: v for k, v in attack.get_params().items() if k.endswith("device")}
        assert set(of_parts.values()) == {"cpu:0"}
        deep = "descriptors__deep__device" in of_parts
        assert deep == (ready_made or representation == "deep")
        plain = make_pipeline(name, **options).get_params()
        assert {plain[k] for k in of_parts} == ({None, "auto"} if deep else {None})

    def test_the_blind_one_takes_none(self):
        with pytest.raises(ValueError, match="'blind' does not take device, which would do noth"):
            make_pipeline("blind", device="cpu")

    def test_a_record_of_an_audit_tells_it(self, problem):
        records = [
            audit.audit(
                {"near": make_pipeline("nearest", device=device)},
                problem.images,
                problem.target,
                generated=problem.generated,
                n_permutations=0,
                n_resamples=2,
                random_state=0,
            ).provenance
            for device in (None, "cpu")
        ]
        told = [one.attacks["near"]["parameters"]["distances__device"] for one in records]
        assert told == [None, "cpu"]
        assert ["torch" in one.versions for one in records] == [False, True]


class TestDevices:
    @pytest.mark.parametrize("estimator", [
        PairwiseDistanceTransformer(device="cuda:99"), PairwisePoseTransformer(device="gpu"),
        PairwiseTileTransformer(tile=8, max_shift=0, device="meta"),
    ], ids=str)  # fmt: skip
    def test_one_that_is_not_there(self, rng, estimator):
        queries, generated = examples(rng, 12)
        with pytest.raises(ValueError, match=r"can't be used .* that is there: cpu"):
            estimator.fit(queries, generated=generated)

    def test_all_that_are_there_are_named(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
        with pytest.raises(ValueError, match=r"there: cpu, cuda:0, cuda:1, mps\.$"):
            torch_context.resolve_device("gpu")

    def test_a_search_for_tiles_takes_none(self, rng):
        queries, generated = examples(rng, 16)
        for max_shift in (None, 0.25):
            tiles = PairwiseTileTransformer(tile=8, max_shift=max_shift, device="cpu")
            with pytest.raises(ValueError, match=r"device='cpu' is for max_shift=0"):
                tiles.fit(queries, generated=generated)

    def test_without_pytorch_the_extra_is_named(self, rng, monkeypatch):
        queries, generated = examples(rng, 12)
        monkeypatch.setitem(sys.modules, "torch", None)
        PairwisePoseTransformer(**FEW_POSES).fit(queries, generated=generated).transform(queries)
        with pytest.raises(ImportError, match=r'device= of distances .*"gan-isi\[deep\]"'):
            PairwisePoseTransformer(device="cpu").fit(queries, generated=generated)

    @pytest.mark.slow
    def test_pytorch_is_imported_only_where_it_is_asked_for(self):
        code = (
            "import sys, numpy as np; from gan_isi import PairwisePoseTransformer as P\n"
            "P().fit(np.eye(64)).transform(np.eye(64)[:2]); print('torch' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout.split() == ["False"], done.stderr

    def test_products_are_in_full_precision_whatever_the_setting(self, rng, monkeypatch):
        queries, generated = examples(rng, 12)
        seen = []
        search = torch_backend.best_in_poses

        def settings():
            return torch.get_float32_matmul_precision(), torch.get_num_threads()

        def watched(*arguments):
            seen.append(settings())
            return search(*arguments)

        monkeypatch.setattr(torch_backend, "best_in_poses", watched)
        estimator = PairwisePoseTransformer(**FEW_POSES, device="cpu")
        torch.set_float32_matmul_precision("medium")
        before = settings()
        try:
            for n_jobs in (None, 2):
                estimator.set_params(n_jobs=n_jobs).fit(queries, generated=generated)
                estimator.transform(np.repeat(queries, 5, axis=0))
                assert settings() == before
            assert set(seen) == {("highest", 1)}
            with pytest.raises(KeyError), torch_backend.working_on("cuda"):
                raise KeyError
            assert torch.get_float32_matmul_precision() == "medium"
        finally:
            torch.set_float32_matmul_precision("highest")

    def test_nothing_mixes_devices(self, rng, monkeypatch):
        # PyTorch's tensors without numbers know their device, on machines without it as well.
        fake = pytest.importorskip("torch._subclasses.fake_tensor")
        returned = []

        def as_array(value):
            returned.append(value.device.type)
            return value.new_zeros(value.shape, device="meta")

        monkeypatch.setattr(torch_backend, "as_array", as_array)
        grid = Grid(12, (0.0, 10.0), (1.0, 1.1), 1, True)
        few = pictures(rng, 5, 12)
        likely = np.arange(8 * 5).reshape(8, 5) % 3 == 0
        with fake.FakeTensorMode():
            rows = torch_backend.placed(standardised(few), "cuda")
            tiles = torch_backend.placed(rng.random((5, 9, 64)), "cuda")
            moments = torch_backend.placed(image_moments(few[:, 0]), "cuda")
            for metric in VECTOR_METRICS:
                as_array(distances_between(rows, rows[np.arange(3)], metric))
            torch_backend.unexplained_in_place(tiles[:2], tiles, np.ones((2, 9)), 2)
            as_array(_one_against_many(ImageMoments(*(part[0] for part in moments)), moments))
            for wanted in (None, likely):
                with pytest.raises(AttributeError, match="astype"):  # numbers for numpy, in the end
                    best_correlations(few[0], rows, grid, wanted)
        assert returned == ["cuda"] * (4 + 2 + 1 + 2 * 2)

    def test_the_default_type_of_the_user_changes_nothing(self, rng):
        queries, generated = examples(rng, 12)
        estimators = [on_cpu(one).fit(queries, generated=generated) for one in ESTIMATORS]
        expected = [one.transform(queries) for one in estimators]
        torch.set_default_dtype(torch.float64)
        try:
            for one, distances in zip(estimators, expected, strict=True):
                assert_array_equal(one.transform(queries), distances)
        finally:
            torch.set_default_dtype(torch.float32)
