"""Gaussian derivatives against closed forms, full 2-D windows, LAPACK and scipy.ndimage."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from gan_isi.texture import (
    derivatives,
    gaussian_derivatives,
    multiscale_maps,
    steered_derivatives,
)
from gan_isi.texture.derivatives import Derivatives, derivative_kernels
from gan_isi.texture.gaussian import MULTISCALE_MAPS, PAPER_SIGMAS

SIGMAS = (0.5, 0.75, 1.0, 1.25, 1.5)
ANGLES = (0, 45, 90, 135)

SHAPES = [(11, 14), (14, 11), (1, 12), (12, 1), (2, 3), (1, 1)]
#: scipy.ndimage's words for the boundary, and numpy's for the same padding.
BOUNDARIES = {"reflect": "symmetric", "nearest": "edge", "mirror": "reflect", "wrap": "wrap"}
MANY_ANGLES = (0, 17, 45, 90, 111, 135, 180, 270, -30)


def moment_kernels(sigma, radius):
    """Kernels from their definition: the Gaussian times a polynomial with given moments."""
    x = np.arange(-radius, radius + 1.0)
    gaussian = np.exp(-(x**2) / (2 * sigma**2))
    powers = np.array([x**0, x, x**2])
    moments = powers * gaussian @ powers.T
    smooth = gaussian / moments[0, 0]
    first = x * gaussian / moments[1, 1]
    even = np.linalg.solve(moments[::2, ::2], [0.0, 2.0])
    return smooth, first, (even @ powers[::2]) * gaussian


def by_full_window(image, kernel, boundary="reflect"):
    """Correlation with a 2-D kernel, window by window on the padded image."""
    padded = np.pad(image, len(kernel) // 2, mode=BOUNDARIES[boundary])
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return np.einsum("ijkl,kl->ij", windows, kernel)


def kernels_2d(sigma, radius):
    smooth, first, second = moment_kernels(sigma, radius)
    outer = np.outer  # rows (y) first
    return Derivatives(
        x=outer(smooth, first),
        y=outer(first, smooth),
        xx=outer(smooth, second),
        xy=outer(first, first),
        yy=outer(second, smooth),
    )


def brute_derivatives(image, sigma, radius, boundary="reflect"):
    kernels = kernels_2d(sigma, radius)
    return Derivatives(*[by_full_window(image, kernel, boundary) for kernel in kernels])


def brute_steered(image, angle, boundary="reflect", sigma=1.0, radius=2):
    """First and second derivative by one 2-D kernel turned to the direction."""
    kernels = kernels_2d(sigma, radius)
    c, s = np.cos(np.deg2rad(angle)), -np.sin(np.deg2rad(angle))
    first = c * kernels.x + s * kernels.y
    second = c * c * kernels.xx + 2 * c * s * kernels.xy + s * s * kernels.yy
    return by_full_window(image, first, boundary), by_full_window(image, second, boundary)


def six_maps(derivatives, curvature="determinant", eigenvalue_order="value"):
    """The maps of one scale by linear algebra on every pixel's Hessian."""
    x, y, xx, xy, yy = derivatives
    hessians = np.moveaxis(np.array([[xx, xy], [xy, yy]]), (0, 1), (-2, -1))
    eigenvalues = np.linalg.eigvalsh(hessians)[..., ::-1]
    if eigenvalue_order == "magnitude":
        order = np.argsort(-np.abs(eigenvalues), axis=-1, kind="stable")
        eigenvalues = np.take_along_axis(eigenvalues, order, axis=-1)
    determinant = np.linalg.det(hessians)
    if curvature == "surface":
        determinant = determinant / (1 + np.hypot(x, y) ** 2) ** 2
    return {
        "gradient_magnitude": np.hypot(x, y),
        "hessian_eigenvalue1": eigenvalues[..., 0],
        "hessian_eigenvalue2": eigenvalues[..., 1],
        "laplacian": np.trace(hessians, axis1=-2, axis2=-1),
        "curvature": determinant,
        "hessian_norm": np.linalg.norm(hessians, "fro", axis=(-2, -1)),
    }


def named_maps(image, sigma, **options):
    return dict(zip(MULTISCALE_MAPS, multiscale_maps(image, [sigma], **options), strict=True))


@pytest.fixture(params=range(3))
def quadratic(request):
    """A random quadratic surface and its exact derivatives."""
    c, gx, gy, hxx, hxy, hyy = np.random.default_rng(request.param).normal(size=6)
    y, x = np.mgrid[:15, :18] - 8.0
    ones = np.ones_like(x)
    surface = c + gx * x + gy * y + hxx * x**2 / 2 + hxy * x * y + hyy * y**2 / 2
    exact = Derivatives(
        gx + hxx * x + hxy * y, gy + hxy * x + hyy * y, hxx * ones, hxy * ones, hyy * ones
    )
    return surface, exact


class TestKernels:
    @pytest.mark.parametrize("sigma", [*SIGMAS, 2.0, 3.3])
    @pytest.mark.parametrize("window", [None, 3, 5, 21])
    def test_moments(self, sigma, window):
        smooth, first, second = derivative_kernels(sigma, window)
        x = np.arange(len(smooth)) - len(smooth) // 2
        assert_allclose([smooth.sum(), smooth @ x], [1, 0], atol=1e-14)
        assert_allclose([first.sum(), first @ x, first @ x**2], [0, 1, 0], atol=1e-13)
        assert_allclose([second.sum(), second @ x, second @ x**2], [0, 0, 2], atol=1e-12)

    @pytest.mark.parametrize("sigma", SIGMAS)
    def test_they_are_the_gaussian_times_a_polynomial(self, sigma):
        radius = int(np.ceil(2 * sigma))
        ours = derivative_kernels(sigma)
        for kernel, expected in zip(ours, moment_kernels(sigma, radius), strict=True):
            assert_allclose(kernel, expected, atol=1e-13)

    @pytest.mark.parametrize(
        ("sigma", "taps"), [(0.5, 3), (0.75, 5), (1, 5), (1.25, 7), (1.5, 7), (2, 9)]
    )
    def test_the_papers_window(self, sigma, taps):
        assert [len(kernel) for kernel in derivative_kernels(sigma)] == [taps] * 3


class TestQuadraticsInClosedForm:
    # Three pixels from the border no window of the paper reaches outside.
    INTERIOR = (slice(3, -3), slice(3, -3))

    @pytest.mark.parametrize("sigma", SIGMAS)
    @pytest.mark.parametrize("curvature", ["determinant", "surface"])
    @pytest.mark.parametrize("order", ["value", "magnitude"])
    def test_multiscale(self, quadratic, sigma, curvature, order):
        surface, exact = quadratic
        ours = named_maps(surface, sigma, curvature=curvature, eigenvalue_order=order)
        for name, expected in six_maps(exact, curvature, order).items():
            assert_allclose(
                ours[name][self.INTERIOR], expected[self.INTERIOR], atol=1e-10, err_msg=name
            )

    @pytest.mark.parametrize("angle", MANY_ANGLES)
    def test_steered(self, quadratic, angle):
        surface, exact = quadratic
        direction = np.array([np.cos(np.deg2rad(angle)), -np.sin(np.deg2rad(angle))])
        gradient = np.array([exact.x, exact.y])
        hessian = np.array([[exact.xx, exact.xy], [exact.xy, exact.yy]])
        first, second = steered_derivatives(surface, [angle])
        expected_first = np.einsum("i,ihw->hw", direction, gradient)
        expected_second = np.einsum("i,ijhw,j->hw", direction, hessian, direction)
        assert_allclose(first[self.INTERIOR], expected_first[self.INTERIOR], atol=1e-12)
        assert_allclose(second[self.INTERIOR], expected_second[self.INTERIOR], atol=1e-12)

    def test_45_degrees_point_to_the_upper_right(self):
        y, x = np.mgrid[:15, :15] - 7.0
        rising_to_the_upper_right = x - y
        first = steered_derivatives(rising_to_the_upper_right, [45, 135])
        assert_allclose(first[:2, 7, 7], [np.sqrt(2), 0], atol=1e-13)


class TestAgainstFullWindows:
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("sigma", SIGMAS)
    def test_the_30_multiscale_maps(self, rng, shape, sigma):
        image = rng.random(shape)
        expected = six_maps(brute_derivatives(image, sigma, int(np.ceil(2 * sigma))))
        for name, ours in named_maps(image, sigma).items():
            assert_allclose(ours, expected[name], atol=2e-14 / sigma**4, err_msg=name)

    @pytest.mark.parametrize("shape", SHAPES)
    def test_the_8_steered_maps(self, rng, shape):
        image = rng.random(shape)
        expected = np.swapaxes([brute_steered(image, angle) for angle in ANGLES], 0, 1)
        assert_allclose(steered_derivatives(image), expected.reshape(8, *shape), atol=1e-14)

    @pytest.mark.parametrize("boundary", BOUNDARIES)
    def test_boundaries(self, rng, boundary):
        image = rng.random((9, 12))
        expected = six_maps(brute_derivatives(image, 1.5, 3, boundary))
        for name, ours in named_maps(image, 1.5, boundary=boundary).items():
            assert_allclose(ours, expected[name], atol=1e-14, err_msg=name)
        first, second = steered_derivatives(image, [30], boundary=boundary)
        assert_allclose([first, second], brute_steered(image, 30, boundary), atol=1e-14)

    @pytest.mark.parametrize("curvature", ["determinant", "surface"])
    @pytest.mark.parametrize("order", ["value", "magnitude"])
    def test_what_the_paper_leaves_open(self, rng, curvature, order):
        image = 5 * rng.random((11, 13))
        expected = six_maps(brute_derivatives(image, 1.0, 2), curvature, order)
        ours = named_maps(image, 1.0, curvature=curvature, eigenvalue_order=order)
        for name in MULTISCALE_MAPS:
            assert_allclose(ours[name], expected[name], atol=1e-12, err_msg=name)

    @pytest.mark.parametrize("window", [3, 7, 9])
    def test_other_windows(self, rng, window):
        image = rng.random((10, 8))
        ours = gaussian_derivatives(image, 1.2, window=window)
        for one, expected in zip(ours, brute_derivatives(image, 1.2, window // 2), strict=True):
            assert_allclose(one, expected, atol=1e-14)

    @pytest.mark.parametrize(
        ("sigma", "window", "radius"), [(1.0, 7, 3), (1.5, None, 3), (0.7, 5, 2)]
    )
    def test_steering_at_other_scales(self, rng, sigma, window, radius):
        image = rng.random((10, 8))
        ours = steered_derivatives(image, [60], sigma=sigma, window=window)
        expected = brute_steered(image, 60, sigma=sigma, radius=radius)
        assert_allclose(ours, expected, atol=1e-14)

    def test_the_maps_of_a_photograph_in_single_precision(self, photo):
        maps = np.concatenate(
            [multiscale_maps(photo.astype("f4")), steered_derivatives(photo.astype("f4"))]
        )
        assert maps.dtype == np.float32
        scales = [six_maps(brute_derivatives(photo, s, int(np.ceil(2 * s)))) for s in SIGMAS]
        expected = [scale[name] for scale in scales for name in MULTISCALE_MAPS]
        expected += [brute_steered(photo, angle)[k] for k in (0, 1) for angle in ANGLES]
        for one, reference in zip(maps, expected, strict=True):
            assert np.abs(one - reference).max() <= 1e-6 * np.abs(reference).max()

    def test_a_bright_image_in_single_precision_keeps_its_digits(self, photo):
        bright = (photo + 100).astype("f4")
        expected = brute_derivatives(bright.astype(float), 1.0, 2)
        for one, reference in zip(gaussian_derivatives(bright, 1.0), expected, strict=True):
            assert np.abs(one - reference).max() <= 1e-6 * np.abs(reference).max()


class TestAgainstScipy:
    """With a wide window the corrected kernels are the sampled ones of gaussian_filter."""

    ORDERS = Derivatives(x=(0, 1), y=(1, 0), xx=(0, 2), xy=(1, 1), yy=(2, 0))

    @pytest.mark.parametrize(
        ("sigma", "bound"), [(0.75, 1e-2), (1.0, 1e-5), (1.25, 1e-8), (1.5, 5e-7), (3.0, 1e-6)]
    )
    def test_wide_window(self, photo, sigma, bound):
        # Below one pixel the sampled kernels lose their moments, and scipy keeps them so.
        ours = gaussian_derivatives(photo, sigma, window=2 * int(np.ceil(6 * sigma)) + 1)
        for one, order in zip(ours, self.ORDERS, strict=True):
            reference = ndimage.gaussian_filter(photo, sigma, order=order, truncate=6)
            assert np.abs(one - reference).max() <= bound * np.abs(reference).max()

    def test_the_papers_window_is_another_filter(self, photo):
        reference = ndimage.gaussian_filter(photo, 1.0, order=(0, 2), truncate=6)
        ours = gaussian_derivatives(photo, 1.0).xx
        assert np.abs(ours - reference).max() > 0.05 * np.abs(reference).max()


class TestInvariance:
    @pytest.mark.parametrize("boundary", BOUNDARIES)
    def test_a_constant_image_has_zero_maps(self, boundary):
        image = np.full((9, 11), 0.7)
        assert_allclose(multiscale_maps(image, boundary=boundary), 0, atol=1e-14)
        assert_allclose(steered_derivatives(image, boundary=boundary), 0, atol=1e-14)

    @pytest.mark.parametrize("function", [multiscale_maps, steered_derivatives])
    def test_brightness_changes_nothing(self, rng, function):
        image = rng.random((16, 13))
        assert_allclose(function(image + 5.0), function(image), atol=1e-12)

    def test_contrast_scales(self, rng):
        image = rng.random((16, 13))
        power = np.array([2.0 if name == "curvature" else 1.0 for name in MULTISCALE_MAPS])
        factors = np.tile(3**power, len(SIGMAS))[:, None, None]
        assert_allclose(multiscale_maps(3 * image), factors * multiscale_maps(image), atol=1e-11)
        assert_allclose(
            steered_derivatives(-3 * image), -3 * steered_derivatives(image), atol=1e-13
        )

    @pytest.mark.parametrize("turns", [1, 2, 3])
    def test_turning_the_image_turns_the_invariants(self, rng, turns):
        image = rng.random((16, 13))
        expected = np.rot90(multiscale_maps(image), turns, axes=(1, 2))
        assert_allclose(multiscale_maps(np.rot90(image, turns)), expected, atol=1e-12)

    @pytest.mark.parametrize("angle", MANY_ANGLES)
    def test_turning_the_image_turns_the_direction(self, rng, angle):
        image = rng.random((16, 13))
        turned = steered_derivatives(np.rot90(image), [angle + 90])
        expected = np.rot90(steered_derivatives(image, [angle]), axes=(1, 2))
        assert_allclose(turned, expected, atol=1e-14)

    def test_a_quarter_turn_permutes_the_papers_directions(self, rng):
        image = rng.random((16, 13))
        maps = np.rot90(steered_derivatives(image), axes=(1, 2))
        turned = steered_derivatives(np.rot90(image))
        # 90 degrees becomes 180: the first derivative of 0 degrees with the other sign.
        order = [2, 3, 0, 1, 6, 7, 4, 5]
        signs = np.array([-1, -1, 1, 1, 1, 1, 1, 1])[:, None, None]
        assert_allclose(turned, signs * maps[order], atol=1e-14)

    def test_the_papers_scales_angles_and_maps_are_the_defaults(self, rng):
        image = rng.random((16, 13))
        assert_array_equal(multiscale_maps(image), multiscale_maps(image, SIGMAS))
        assert_array_equal(
            steered_derivatives(image), steered_derivatives(image, ANGLES, sigma=1.0, window=5)
        )
        assert set(MULTISCALE_MAPS) == set(six_maps(brute_derivatives(image, 1.0, 2)))

    def test_scales_and_angles_come_in_the_order_given(self, rng):
        image = rng.random((16, 13))
        both = multiscale_maps(image, [1.5, 0.5])
        assert_array_equal(both[:6], multiscale_maps(image, [1.5]))
        assert_array_equal(both[6:], multiscale_maps(image, [0.5]))
        steered = steered_derivatives(image, [90, 20])
        assert_array_equal(steered[[1, 3]], steered_derivatives(image, [20]))


@pytest.mark.parametrize("boundary", ["reflect", "nearest", "mirror", "wrap"])
@pytest.mark.parametrize("shape", [(40, 33), (1, 9), (2, 2), (7, 1)])
def test_compiled_derivatives_are_the_same_bit_for_bit(boundary, shape, rng, monkeypatch):
    pytest.importorskip("numba", reason='needs the extra "fast"')
    image = rng.random(shape, dtype=np.float32)
    assert derivatives._compiled_derivatives() is not None
    for sigma in PAPER_SIGMAS:
        compiled = gaussian_derivatives(image, sigma, boundary=boundary)
        with monkeypatch.context() as without:
            without.setattr(derivatives, "_compiled_derivatives", lambda: None)
            expected = gaussian_derivatives(image, sigma, boundary=boundary)
        for name in ("x", "y", "xx", "xy", "yy"):
            ours, theirs = getattr(compiled, name), getattr(expected, name)
            assert ours.dtype == theirs.dtype == np.float32
            np.testing.assert_array_equal(ours, theirs, err_msg=name)


class TestSampledKernels:
    """Derivatives of the Gaussian as they are at the pixels."""

    @pytest.mark.parametrize("sigma", SIGMAS)
    def test_they_are_the_derivatives_of_the_gaussian(self, sigma):
        smooth, first, second = derivative_kernels(sigma, kernels="sampled")
        x = np.arange(-(len(smooth) // 2), len(smooth) // 2 + 1)
        h = 1e-4
        density = [np.exp(-((x + shift) ** 2) / (2 * sigma**2)) for shift in (-h, 0, h)]
        scale = density[1].sum()
        assert_allclose(smooth, density[1] / scale, rtol=1e-12)
        # A correlation with the mirrored derivative, so that a rising image is positive.
        assert_allclose(first, -(density[2] - density[0]) / (2 * h) / scale, atol=1e-6)
        curvature = (density[2] - 2 * density[1] + density[0]) / h**2
        assert_allclose(second, curvature / scale, atol=1e-5)

    @pytest.mark.parametrize("sigma", SIGMAS)
    def test_a_short_window_sees_the_brightness(self, rng, sigma):
        image = rng.random((12, 13))
        of_constant = derivative_kernels(sigma, kernels="sampled")[2].sum()
        assert abs(of_constant) > 0.01
        dark, bright = (
            gaussian_derivatives(each, sigma, kernels="sampled") for each in (image, image + 3)
        )
        assert_allclose(bright.xx - dark.xx, 3 * of_constant, atol=1e-12)
        assert_allclose(bright.x, dark.x, atol=1e-12)

    def test_a_wide_window_makes_both_the_same(self, photo):
        for sampled, corrected in zip(
            *(
                gaussian_derivatives(photo.astype(float), 2.0, window=21, kernels=kernels)
                for kernels in ("sampled", "corrected")
            ),
            strict=True,
        ):
            assert_allclose(sampled, corrected, atol=1e-4 * np.abs(corrected).max())

    def test_first_derivatives_differ_by_a_factor(self, rng):
        image = rng.random((12, 13))
        sampled, corrected = (
            steered_derivatives(image, kernels=kernels) for kernels in ("sampled", "corrected")
        )
        assert np.ptp(sampled[:4] / corrected[:4]) < 1e-9
        assert np.ptp(sampled[4:] / corrected[4:]) > 1

    def test_maps_are_made_of_them(self, rng):
        image = rng.random((12, 13))
        maps = named_maps(image, 1.0, kernels="sampled")
        derivatives = gaussian_derivatives(image, 1.0, kernels="sampled")
        assert_allclose(maps["laplacian"], derivatives.xx + derivatives.yy, atol=1e-12)

    @pytest.mark.parametrize("boundary", BOUNDARIES)
    def test_compiled_ones_are_the_same_bit_for_bit(self, boundary, rng, monkeypatch):
        image = rng.random((11, 14)).astype(np.float32)
        found = multiscale_maps(image, kernels="sampled", boundary=boundary)
        monkeypatch.setattr(derivatives, "_compiled_derivatives", lambda: None)
        assert_array_equal(multiscale_maps(image, kernels="sampled", boundary=boundary), found)
