"""Every public function refuses odd input in our words, or answers as for float64."""

import traceback
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import gan_isi
from gan_isi import membership, texture
from gan_isi.distances import ssim, vectors, wasserstein_distances
from gan_isi.membership import calibration, fusion, scores
from gan_isi.membership import summaries as bags
from gan_isi.membership import svm as scoring
from gan_isi.texture import cdf as quantiles
from gan_isi.texture import derivatives, gabor, pixels, statistical

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 200, (12, 14)).astype(float)
MAPS = RNG.integers(0, 200, (3, 8, 9)).astype(float)
VECTORS = RNG.integers(0, 200, (4, 3, 8)).astype(float)
BAGS = RNG.integers(1, 200, (6, 7, 3)).astype(float)
PLANE = BAGS[:, :, 0]
SQUARES = RNG.integers(0, 200, (3, 9, 9)).astype(float)
PROBABILITIES = RNG.integers(0, 2, (5, 6)).astype(float)
ROW = np.sort(RNG.integers(0, 200, 9)).astype(float)
ZEROS_AND_ONES = np.array([0.0, 1, 0, 1, 1, 0, 1, 0, 1])
MACHINE = make_pipeline(StandardScaler(), SVC()).fit(BAGS.reshape(-1, 3), np.arange(42) % 2)
THREE_CLASSES = SVC().fit(BAGS.reshape(-1, 3), np.arange(42) % 3)


def similarity(queries, references):
    return ssim.ssim(ssim.image_moments(queries), ssim.image_moments(references))


#: Name: the function, an array that it takes first, other arguments.
FUNCTIONS = {
    "local_range": (texture.local_range, IMAGE, {}),
    "local_std": (texture.local_std, IMAGE, {}),
    "local_entropy": (texture.local_entropy, IMAGE, {}),
    "gabor_magnitudes": (texture.gabor_magnitudes, IMAGE, {"wavelengths": [4.0]}),
    "gaussian_derivatives": (texture.gaussian_derivatives, IMAGE, {"sigma": 1.0}),
    "sampled_derivatives": (
        texture.gaussian_derivatives,
        IMAGE,
        {"sigma": 1.0, "kernels": "sampled"},
    ),
    "steered_derivatives": (texture.steered_derivatives, IMAGE, {}),
    "multiscale_maps": (texture.multiscale_maps, IMAGE, {}),
    "surface_curvature": (texture.multiscale_maps, IMAGE, {"curvature": "surface"}),
    "pixels": (pixels.pixels, IMAGE, {"size": 8, "contrast": "local"}),
    "cdf_vectors": (quantiles.cdf_vectors, MAPS, {"n_levels": 4}),
    "tiled_cdf_vectors": (quantiles.tiled_cdf_vectors, MAPS, {"grid": 2, "n_levels": 4}),
    "wasserstein_queries": (wasserstein_distances, VECTORS, {"references": VECTORS}),
    "wasserstein_references": (
        lambda references: wasserstein_distances(VECTORS, references),
        VECTORS,
        {},
    ),
    "fuse": (fusion.fuse, PROBABILITIES, {"rule": "logit_mean"}),
    **{rule: (function, PROBABILITIES, {}) for rule, function in fusion.FUSION_RULES.items()},
    "low_order_statistics": (bags.low_order_statistics, BAGS, {"quantiles": (0.5,)}),
    "closest_distances": (membership.closest_distances, BAGS, {"n_closest": 4}),
    "decision_values": (lambda array: scoring.decision_values(MACHINE, array), BAGS, {}),
    "fit_sigmoid_scores": (
        lambda array: calibration.fit_sigmoid(array, ZEROS_AND_ONES).predict([3.0]),
        ROW,
        {},
    ),
    "fit_sigmoid_labels": (
        lambda array: calibration.fit_sigmoid(ROW, array).predict([3.0]),
        ZEROS_AND_ONES,
        {},
    ),
    "prepare_vectors": (vectors.prepare_vectors, PLANE, {"metric": "correlation"}),
    "vector_distances": (
        vectors.vector_distances,
        PLANE,
        {"references": PLANE, "metric": "euclidean"},
    ),
    "ssim": (similarity, SQUARES, {"references": SQUARES}),
    "map_scales": (scores.map_scales, BAGS, {}),
    "one_distance": (scores.one_distance, BAGS, {"scales": np.ones(3)}),
    "scales": (lambda scales: scores.one_distance(BAGS, scales), np.arange(1.0, 4.0), {}),
    "nearest_score": (scores.nearest_score, PLANE, {"n_neighbors": 2, "relative_to": 3}),
    "epsilon_score": (scores.epsilon_score, PLANE, {"radius": 60.0}),
    "density_ratio": (
        scores.density_ratio_score,
        PLANE,
        {"to_reference": PLANE, "bandwidth": 9.0},
    ),
    "reference": (lambda array: scores.density_ratio_score(PLANE, array, 9.0), PLANE, {}),
    "similarity_ratio": (scores.similarity_ratio, PLANE, {"to_reference": PLANE}),
    "share_below": (scores.share_below, ROW, {"known": ROW}),
    "known": (lambda known: scores.share_below(ROW, known), ROW, {}),
    "retrieval_thresholds": (scores.retrieval_thresholds, PLANE, {"n_retrieved": 2}),
    "retrieval_score": (scores.retrieval_score, PLANE, {"thresholds": PLANE[0]}),
}

#: NaN in a distance says that there is nothing to compare with.
MAY_HOLD_NAN = {
    "low_order_statistics", "closest_distances", "map_scales", "one_distance", "reference",
}  # fmt: skip


def with_one(value):
    def put(array):
        changed = array.copy()
        changed.flat[array.size // 2] = value
        return changed

    return put


def strided(array):
    wider = np.zeros((*array.shape[:-1], 2 * array.shape[-1]))
    wider[..., ::2] = array
    return wider[..., ::2]


def masked(array):
    mask = np.zeros(array.shape, dtype=bool)
    mask.flat[1] = True
    return np.ma.MaskedArray(array, mask)


#: Input that means the same in another form, and input that means nothing.
SAME = {
    "uint8": lambda a: a.astype(np.uint8),
    "int16": lambda a: a.astype(np.int16),
    "uint64": lambda a: a.astype(np.uint64),
    "float16": lambda a: a.astype(np.float16),
    "float32": lambda a: a.astype(np.float32),
    "longdouble": lambda a: a.astype(np.longdouble),
    "big endian": lambda a: a.astype(">f8"),
    "object": lambda a: a.astype(object),
    "list": lambda a: a.tolist(),
    "strided": strided,
    "fortran": np.asfortranarray,
    "reversed twice": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "read only": lambda a: np.frombuffer(a.tobytes()).reshape(a.shape),
}
REFUSED = {
    "nan": with_one(np.nan),
    "inf": with_one(np.inf),
    "minus inf": with_one(-np.inf),
    "float32 inf": lambda a: with_one(np.inf)(a).astype(np.float32),
    "huge": with_one(1e200),
    "nothing": lambda a: np.full(a.shape, np.nan),
    "empty": lambda a: a[:0],
    "no columns": lambda a: a[..., :0],
    "an axis more": lambda a: a[..., np.newaxis],
    "an axis less": lambda a: a.reshape(-1)[0] if a.ndim == 1 else a[..., 0],
    "a number": lambda a: 3.0,
    "none": lambda a: None,
    "complex": lambda a: a + 1j,
    "words": lambda a: a.astype(str),
    "word objects": lambda a: a.astype(str).astype(object),
    "a word": lambda a: "image",
    "times": lambda a: a.astype("datetime64[D]"),
    "masked": masked,
    "ragged": lambda a: [[1.0], [1.0, 2.0]],
    "a dictionary": lambda a: {"a": 1},
}

#: Maps may have any number of axes from two on, tiles are cut from the last two.
MAY_DIFFER = {"cdf_vectors": ("an axis less", "an axis more", "ragged")}
MAY_DIFFER |= {"tiled_cdf_vectors": ("an axis more",), "one_distance": ("nothing",)}


def ours(error):
    """Whether an error was raised by this library, in so many words."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return (
        isinstance(error, (TypeError, ValueError))
        and Path(gan_isi.__file__).parent in Path(last.filename).parents
        and last.line.startswith("raise ")  # not what NumPy raised in a line of ours
    )


def outcome(function, *arguments, **keywords):
    """Return the answer as one array, or None where it was refused in our words."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            answer = function(*arguments, **keywords)
    except Exception as error:
        if ours(error):
            return None
        raise AssertionError(f"not in our words: {error!r}") from error
    return np.stack(answer) if isinstance(answer, tuple) else np.asarray(answer)


#: With numba and without, where there are two ways to the same numbers.
TWO_WAYS = ("local_entropy", "gaussian_derivatives", "steered_derivatives", "multiscale_maps")


def without_numba(monkeypatch):
    monkeypatch.setattr(derivatives, "_compiled_derivatives", lambda: None)
    monkeypatch.setattr(statistical, "_compiled_window_sums", lambda: None)


@pytest.fixture(params=[*FUNCTIONS, *(f"{name} without numba" for name in TWO_WAYS)])
def name(request, monkeypatch):
    name, _, numba = request.param.partition(" ")
    if numba:
        without_numba(monkeypatch)
    return name


class TestFirstArgument:
    @pytest.mark.parametrize("form", SAME)
    def test_another_form_gives_the_same(self, name, form):
        function, array, more = FUNCTIONS[name]
        expected = function(array, **more)
        answer = outcome(function, SAME[form](array), **more)
        # In single precision a map may round; a wrapped byte is off by hundreds.
        scale = np.abs(np.stack(expected) if isinstance(expected, tuple) else expected).max()
        np.testing.assert_allclose(answer, expected, rtol=1e-5, atol=1e-5 * scale)

    def test_booleans_are_zero_and_one(self, name):
        function, array, more = FUNCTIONS[name]
        flags = array > array.mean()
        if name in ("scales", "map_scales", "fit_sigmoid_scores", "ssim"):
            flags = np.ones(array.shape, dtype=bool)
        answer, expected = (outcome(function, a, **more) for a in (flags, flags.astype(float)))
        scale = np.abs(expected).max()
        np.testing.assert_allclose(answer, expected, rtol=1e-5, atol=1e-5 * scale)

    @pytest.mark.parametrize("form", REFUSED)
    def test_what_means_nothing_is_refused(self, name, form):
        function, array, more = FUNCTIONS[name]
        if form == "nan" and name in MAY_HOLD_NAN:
            for dtype in (np.float32, np.float64):
                missing = REFUSED[form](array).astype(dtype)
                assert np.isfinite(outcome(function, missing, **more)).mean() > 0.8
            return
        if form in MAY_DIFFER.get(name, ()):
            return
        assert outcome(function, REFUSED[form](array), **more) is None


#: Calls with parameters that mean nothing.
PARAMETERS = [
    *[
        (function, (IMAGE,), {"size": size})
        for function in (texture.local_range, texture.local_std, texture.local_entropy)
        for size in (0, -3, 2, 4, 3.0, "3", None, True, np.array([3]))
    ],
    (texture.local_std, (IMAGE,), {"size": 1}),
    *[
        (texture.gaussian_derivatives, (IMAGE, 1.0), {"window": window})
        for window in (0, 1, 2, 4, -5, 5.0, "5", True)
    ],
    *[
        (function, (IMAGE,), {"sigma": sigma})
        for function in (texture.gaussian_derivatives, texture.steered_derivatives)
        for sigma in (0, -1.0, 1e-9, 1e-200, 1e9, np.nan, np.inf, "1", None, [1.0])
    ],
    *[
        (function, (IMAGE, *more), {name: value})
        for function, more in (
            (texture.gaussian_derivatives, (1.0,)),
            (texture.steered_derivatives, ()),
            (texture.multiscale_maps, ()),
        )
        for name in ("boundary", "kernels")
        for value in ("bad", "constant", "symmetric", None, 1, ["reflect"])
    ],
    *[
        (texture.multiscale_maps, (IMAGE,), {name: value})
        for name in ("curvature", "eigenvalue_order")
        for value in ("bad", None, 1, "Determinant")
    ],
    *[
        (texture.multiscale_maps, (IMAGE,), {"sigmas": sigmas})
        for sigmas in ([], 1.0, [0.0], [-1.0], [np.nan], ["1"], "1", [[1.0]], None)
    ],
    *[
        (texture.steered_derivatives, (IMAGE,), {"angles": angles})
        for angles in ([], 45.0, [np.nan], ["45"], [1j], None)
    ],
    *[
        (texture.gabor_magnitudes, (IMAGE,), {name: value})
        for name, values in {
            "wavelengths": ([], 4.0, [1.0], [0.0], [-4.0], [np.nan], ["4"], [1e9], None),
            "orientations": ([], 45.0, [np.inf], ["45"], None),
            "bandwidth": (0, -1, 1e-300, 1e9, np.nan, "1", None),
            "aspect_ratio": (0, -1, 1e-300, 1e300, np.nan, "1"),
            "padding": (-1, 1e9, np.nan, np.inf, "4"),
            "least_padding": (-1, 1.5, "1", None),
        }.items()
        for value in values
    ],
    *[
        (gabor.sampling_step, (wavelength, (8, 8), samples), {})
        for wavelength, samples in ((0, 4), (9.0, 0), (9.0, -1), (np.nan, 4), ("9", 4))
    ],
    *[(gabor.sampling_step, (9.0, shape, 4), {}) for shape in (8, (8,), (8, 0), "ab", None)],
    *[
        (
            lambda *sizes: next(gabor.FilterBank((4.0,), (0.0,)).each_magnitude(*sizes)),
            (IMAGE, 4.0, step),
            {},
        )
        for step in (0, -1, 3, 2.0, "2")
    ],
    *[(pixels.pixels, (IMAGE,), {"size": size}) for size in (0, -1, 8.0, "8", None)],
    *[(pixels.pixels, (IMAGE,), {"contrast": name}) for name in ("bad", None, 1)],
    *[
        (function, (n_levels,), {})
        for function in (quantiles.cell_edges, quantiles.quantile_levels)
        for n_levels in (0, -1, 4.0, "4", None, True, 10**30)
    ],
    *[
        (function, (*first, 4), {"cells": cells})
        for function, first in (
            (quantiles.cell_edges, ()),
            (quantiles.quantile_levels, ()),
            (quantiles.cdf_vectors, (MAPS,)),
        )
        for cells in ("bad", "fine", None, 1, ["equal"])
    ],
    *[
        (quantiles.cdf_vectors, (MAPS,), {"n_values": n_values})
        for n_values in (0, -1, 71, 73, 72.0, "72")
    ],
    *[(quantiles.cdf_vectors, (MAPS,), {"n_levels": n}) for n in (0, -4, 2.5, "4", None)],
    (quantiles.cdf_vectors, ([],), {}),
    (quantiles.cdf_vectors, (iter([]),), {}),
    (quantiles.cdf_vectors, ([MAPS[0], []],), {}),
    (quantiles.cdf_vectors, ([MAPS[0], "map"],), {}),
    (quantiles.cdf_vectors, ([1.0, 2.0],), {}),
    *[(quantiles.tiled_cdf_vectors, (MAPS, grid), {}) for grid in (0, -1, 9, 2.0, "2", None)],
    (quantiles.tiled_cdf_vectors, ([MAPS[0], MAPS[0, 0]], 2), {}),
    (quantiles.tiled_cdf_vectors, ([], 2), {}),
    *[
        (wasserstein_distances, (VECTORS, references), {})
        for references in (VECTORS[:, :2], VECTORS[:, :, :4], VECTORS[:, [0, 1, 2, 0]])
    ],
    (wasserstein_distances, (VECTORS[:, :2], VECTORS), {}),
    *[(fusion.fuse, (PROBABILITIES, rule), {}) for rule in ("bad", None, 1, ["mean"])],
    *[
        (fusion.fuse, (PROBABILITIES, "top_mean"), {"top_fraction": share})
        for share in (0, -0.1, 1.5, np.nan, "0.1", None)
    ],
    (fusion.top_mean, (PROBABILITIES,), {"fraction": 2.0}),
    *[(fusion.fuse, (values, "mean"), {}) for values in (PROBABILITIES + 1, -PROBABILITIES)],
    *[
        (function, (3 * PROBABILITIES - 1,), {})  # their mean may well lie in 0..1
        for function in fusion.FUSION_RULES.values()
    ],
    (fusion.fuse, (PROBABILITIES, lambda p: p), {}),
    (fusion.fuse, (PROBABILITIES, lambda p: 2 + p[:, 0]), {}),
    (fusion.fuse, (PROBABILITIES, lambda p: ["a"] * len(p)), {}),
    (fusion.fuse, (PROBABILITIES, lambda p: 1j * p[:, 0]), {}),
    *[
        (bags.low_order_statistics, (BAGS,), {name: value})
        for name, values in {
            "n_closest": (1, (0,), (-1,), (1.5,), ("1",), None),
            "quantiles": (0.5, "", {0.5}, (-0.1,), (1.1,), (np.nan,), ("0.5",), None),
            "contrast": (0, -1, 2.5, "50"),
        }.items()
        for value in values
    ],
    (bags.low_order_statistics, (BAGS,), {"n_closest": (), "contrast": None}),
    (scoring.decision_values, (MACHINE, BAGS[:, :, :2]), {}),
    (scoring.decision_values, (THREE_CLASSES, BAGS), {}),
    (scoring.decision_values, (StandardScaler().fit(BAGS[0]), BAGS), {}),
    (scoring.decision_values, (None, BAGS), {}),
    (scoring.decision_values, ("svc", BAGS), {}),
    *[(scoring.decision_values, (MACHINE, BAGS), {"n_jobs": n}) for n in (0, 1.5, "2", [])],
    *[
        (calibration.fit_sigmoid, (ROW, labels), {})
        for labels in (
            ZEROS_AND_ONES[:-1],
            np.zeros(9),
            ZEROS_AND_ONES * 2,
            ZEROS_AND_ONES - 1,
            np.array(["used", "not"] * 4 + ["used"]),
            np.arange(9) % 3,
            ZEROS_AND_ONES / 2,
        )
    ],
    *[(vectors.prepare_vectors, (PLANE, metric), {}) for metric in ("bad", None, 1, "ssim")],
    *[
        (vectors.vector_distances, (PLANE, PLANE, metric), {})
        for metric in ("bad", None, "ssim", "cosine", "correlation")
    ],
    (vectors.vector_distances, (PLANE, PLANE[:, :3], "euclidean"), {}),
    (ssim.ssim, (SQUARES, SQUARES), {}),
    (ssim.image_moments, (SQUARES[:, :6, :6],), {}),
    (similarity, (SQUARES, np.zeros((2, 8, 8))), {}),
    (similarity, (SQUARES, np.zeros((2, 9, 8))), {}),
    *[
        (scores.one_distance, (BAGS, scales), {})
        for scales in (np.ones(2), np.ones(4), np.zeros(3), -np.ones(3))
    ],
    *[
        (scores.nearest_score, (PLANE,), {name: value})
        for name in ("n_neighbors", "relative_to")
        for value in (0, -1, 1.5, "1")
    ],
    (scores.nearest_score, (PLANE,), {"n_neighbors": 8}),
    *[(scores.epsilon_score, (PLANE, radius), {}) for radius in (-1.0, np.nan, "1", None)],
    *[
        (scores.density_ratio_score, (PLANE, PLANE, bandwidth), {})
        for bandwidth in (0.0, -1.0, np.nan, "1", None)
    ],
    *[
        (function, (PLANE, PLANE[:4], *more), {})
        for function, more in ((scores.density_ratio_score, (1.0,)), (scores.similarity_ratio, ()))
    ],
    (scores.share_below, (ROW, ROW[::-1]), {}),
    *[(scores.retrieval_thresholds, (PLANE, n), {}) for n in (0, -1, 7, 1.5, "1", None)],
    (scores.retrieval_score, (PLANE, PLANE[0, :3]), {}),
    (scores.retrieval_score, (PLANE, PLANE[0, :1]), {}),
]


@pytest.mark.parametrize("numba", [True, False])
@pytest.mark.parametrize("function", list(dict.fromkeys(call[0] for call in PARAMETERS)))
def test_parameters_that_mean_nothing_are_refused(function, numba, monkeypatch):
    if not numba:
        without_numba(monkeypatch)
    for each, arguments, keywords in PARAMETERS:
        if each == function:
            assert outcome(function, *arguments, **keywords) is None, keywords or arguments[1:]


def test_a_machine_that_is_not_fitted():
    with pytest.raises((TypeError, ValueError), match="not fitted"):
        scoring.decision_values(SVC(), BAGS)
    with pytest.raises(TypeError, match="decision_function"):
        scoring.decision_values(StandardScaler(), BAGS)
    other = LogisticRegression().fit(BAGS.reshape(-1, 3), np.arange(42) % 2)
    assert scoring.decision_values(other, BAGS.astype(np.uint8)).shape == (6, 7)


def test_small_integers_do_not_wrap_either():
    wide = np.arange(300.0)[None]
    for first, second in ((100, 100), (np.int8(100), np.int8(100))):
        assert scores.nearest_score(wide, first, second) == pytest.approx(-49.5 / 149.5)
    bank = gabor.FilterBank((4.0,), (0.0,))
    step = np.int8(16)
    square = np.arange(1024.0).reshape(32, 32)
    found, expected = (next(bank.each_magnitude(square, 4.0, one)) for one in (step, 16))
    np.testing.assert_array_equal(found, expected)


class TestBytes:
    """What wrapped before."""

    def test_a_derivative_of_bytes(self):
        step = np.repeat(np.array([[0, 255]], dtype=np.uint8), 6, axis=1).repeat(12, axis=0)
        slopes = texture.gaussian_derivatives(step, 1.0).x
        assert slopes.min() >= 0
        assert slopes.max() < 255

    def test_large_levels_keep_their_differences(self):
        # Single precision knows every eighth whole number here.
        levels = 10**8 + np.arange(100).reshape(10, 10)
        for image in (levels / 255, levels):
            assert texture.local_entropy(image, 3)[5, 5] == pytest.approx(np.log2(9))

    def test_words_say_what_to_write(self):
        with pytest.raises(ValueError, match=r"image has shape \(2, 3, 4\); expected \(height, w"):
            texture.local_range(np.zeros((2, 3, 4)))
        with pytest.raises(ValueError, match="size has to be odd, so that a pixel is central; g"):
            texture.local_range(IMAGE, 4)
        with pytest.raises(ValueError, match="one of 'determinant', 'surface'; got 'bad'"):
            texture.multiscale_maps(IMAGE, curvature="bad")
        with pytest.raises(ValueError, match="queries has 3 maps, but references has 2"):
            wasserstein_distances(VECTORS, VECTORS[:, :2])
        with pytest.raises(ValueError, match="map 1 contains NaN"):
            quantiles.cdf_vectors([[1.0], [np.nan]])
