"""Gabor magnitudes against the literal definition in numpy.fft, and plane waves."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.fft import next_fast_len
from scipy.stats import wasserstein_distance

from gan_isi.texture import gabor_magnitudes
from gan_isi.texture.gabor import FilterBank, sampling_step

WAVELENGTHS = tuple(2**k * 4 / math.sqrt(2) for k in range(6))
ORIENTATIONS = (0, 45, 90, 135)
#: With (49, 29), the padded lengths of the shortest wavelength are odd.
SHAPES = [(31, 44), (44, 31), (25, 25), (49, 29), (1, 40), (40, 1), (2, 3)]
#: ceil(7 * largest sigma): what MATLAB's imgaborfilt pads.
LITERAL_PADDING = 713
#: Wavelength 2.83 at 0 and 90 degrees: cut off in the middle of their pass band.
CUT_AT_NYQUIST = (0, 2)

each_wavelength = pytest.mark.parametrize("wavelength", WAVELENGTHS)
each_orientation = pytest.mark.parametrize("angle", ORIENTATIONS)


def spatial_sigmas(wavelength, bandwidth=1.0, aspect=0.5):
    ratio = (2**bandwidth + 1) / (2**bandwidth - 1)
    along = wavelength / math.pi * math.sqrt(math.log(2) / 2) * ratio
    return along, along / aspect


def transfer(u, v, wavelength, angle, bandwidth=1.0, aspect=0.5):
    sx, sy = spatial_sigmas(wavelength, bandwidth, aspect)
    su, sv = 1 / (2 * math.pi * sx), 1 / (2 * math.pi * sy)
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    u_turned, v_turned = u * c - v * s, u * s + v * c
    exponent = (u_turned - 1 / wavelength) ** 2 / (2 * su**2) + v_turned**2 / (2 * sv**2)
    return 2 * math.pi * sx * sy * np.exp(-exponent)


def literal(image, wavelengths, angles, padding, fast=0, offset=0.0, **shape):
    """The definition, letter by letter, in double precision.

    With `fast`, the padded lengths are rounded up to that many times a length that
    transforms quickly. The values are those `offset` pixels to the lower right.
    """
    lengths = [n + 2 * padding for n in image.shape]
    if fast:
        lengths = [fast * next_fast_len(math.ceil(length / fast)) for length in lengths]
    widths = [(padding, m - n - padding) for n, m in zip(image.shape, lengths, strict=True)]
    spectrum = np.fft.fft2(np.pad(image, widths, mode="edge"))
    v = np.fft.fftfreq(lengths[0])[:, None]
    u = np.fft.fftfreq(lengths[1])[None, :]
    spectrum = spectrum * np.exp(2j * math.pi * (u + v) * offset)
    inside = tuple(slice(padding, padding + n) for n in image.shape)
    return np.stack(
        [
            np.abs(np.fft.ifft2(spectrum * transfer(u, v, wavelength, angle, **shape)))[inside]
            for wavelength in wavelengths
            for angle in angles
        ]
    )


def own_padding(wavelength):
    """Four standard deviations; 128 pixels where Nyquist cuts the filter."""
    along, across = spatial_sigmas(wavelength)
    cut = 1 / wavelength + 5 / (2 * math.pi * min(along, across)) > 0.5
    return max(128 if cut else 0, math.ceil(4 * max(along, across)))


def relative_errors(ours, reference):
    axes = (1, 2)
    return np.abs(ours - reference).max(axis=axes) / reference.max(axis=axes)


def plane_wave(shape, u, v, phase=0.0):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.cos(2 * math.pi * (u * columns + v * rows) + phase)


def along(angle):
    """Direction of the angle in (column, row); rows are counted downwards."""
    return math.cos(math.radians(angle)), -math.sin(math.radians(angle))


#: Of the two maps that ring; of the design, for X-rays.
LARGEST_SHIFT = {"photo": 0.01, "xray": 0.003}


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGEST_SHIFT)
def test_literal_padding(name, request):
    image = request.getfixturevalue(name)
    reference = literal(image, WAVELENGTHS, ORIENTATIONS, LITERAL_PADDING)
    ours = gabor_magnitudes(image)
    errors = relative_errors(ours, reference)
    shifts = np.array(
        [
            wasserstein_distance(one.ravel(), other.ravel()) / other.mean()
            for one, other in zip(ours, reference, strict=True)
        ]
    )
    cut = list(CUT_AT_NYQUIST)
    assert np.delete(errors, cut).max() <= 1e-4
    assert np.delete(shifts, cut).max() <= 1e-4
    # These two ring all over the image, from the seam of the padding too: without a
    # least padding their W1 shifts by up to 2.5 %.
    assert shifts[cut].max() <= LARGEST_SHIFT[name]


def assert_close(ours, reference, image, wavelength, **shape):
    """Within 1e-5 of the map's maximum; maps that are nearly empty, of what could pass."""
    peak = transfer(1 / wavelength, 0, wavelength, 0, **shape)
    scale = np.maximum(reference.max(axis=(1, 2)), 0.02 * peak * np.abs(image).max())
    errors = np.abs(ours - reference).max(axis=(1, 2)) / scale
    assert errors.max() <= 1e-5


class TestSamePadding:
    """With the definition's padding equal to ours, only rounding and the support differ."""

    @each_wavelength
    def test_a_photograph(self, photo, wavelength):
        padding = own_padding(wavelength)
        reference = literal(photo, [wavelength], ORIENTATIONS, padding, fast=1)
        ours = gabor_magnitudes(photo, [wavelength])
        assert relative_errors(ours, reference).max() <= 1e-5

    @each_wavelength
    @pytest.mark.parametrize("shape", SHAPES)
    def test_noise_of_any_shape(self, rng, wavelength, shape):
        image = rng.normal(size=shape)
        padding = own_padding(wavelength)
        reference = literal(image, [wavelength], ORIENTATIONS, padding, fast=1)
        ours = gabor_magnitudes(image, [wavelength])
        assert ours.shape == (4, *shape)
        assert ours.dtype == np.float32
        assert_close(ours, reference, image, wavelength)

    @given(
        height=st.integers(1, 40),
        width=st.integers(1, 40),
        wavelength=st.floats(2, 30),
        angle=st.floats(-360, 360),
    )
    @settings(max_examples=50, deadline=None)
    def test_any_filter_on_any_shape(self, height, width, wavelength, angle):
        image = np.random.default_rng(height * width).random((height, width))
        padding = own_padding(wavelength)
        reference = literal(image, [wavelength], [angle], padding, fast=1)
        ours = gabor_magnitudes(image, [wavelength], [angle])
        assert_close(ours, reference, image, wavelength)

    @pytest.mark.parametrize("bandwidth", [0.5, 1.0, 1.8])
    @pytest.mark.parametrize("aspect_ratio", [0.25, 0.5, 1.0, 2.0])
    def test_other_bandwidths_and_aspect_ratios(self, rng, bandwidth, aspect_ratio):
        image = rng.normal(size=(33, 28))
        parameters = {"bandwidth": bandwidth, "aspect": aspect_ratio}
        along, across = spatial_sigmas(7.0, **parameters)
        cut = 1 / 7.0 + 5 / (2 * math.pi * min(along, across)) > 0.5
        padding = max(128 if cut else 0, math.ceil(4 * max(along, across)))
        reference = literal(image, [7.0], [0, 30, 90], padding, fast=1, **parameters)
        ours = gabor_magnitudes(
            image, [7.0], [0, 30, 90], bandwidth=bandwidth, aspect_ratio=aspect_ratio
        )
        assert_close(ours, reference, image, 7.0, **parameters)

    @pytest.mark.parametrize("padding", [0.0, 1.0, 7.0])
    def test_other_paddings(self, rng, padding):
        image = rng.normal(size=(30, 35))
        pixels = math.ceil(padding * max(spatial_sigmas(6.0)))
        reference = literal(image, [6.0], ORIENTATIONS, pixels, fast=1)
        ours = gabor_magnitudes(image, [6.0], padding=padding, least_padding=0)
        assert_close(ours, reference, image, 6.0)


class TestPlaneWaves:
    @each_wavelength
    @each_orientation
    def test_along_the_carrier(self, wavelength, angle):
        sx, sy = spatial_sigmas(wavelength)
        side = max(2 * math.ceil(4.5 * sy) + 9, 201)
        x, y = along(angle)
        wave = 0.3 * plane_wave((side, side), x / wavelength, y / wavelength, phase=1.0)
        (response,) = gabor_magnitudes(wave, [wavelength], [angle])
        center = response[side // 2 - 4 : side // 2 + 5, side // 2 - 4 : side // 2 + 5]
        # The cut filters see the border of the wave from afar.
        rtol = 5e-3 if wavelength < 4 and angle in (0, 90) else 2e-5
        assert_allclose(center, math.pi * sx * sy * 0.3, rtol=rtol)

    @pytest.mark.parametrize("frequency_offset", [(0.02, 0.0), (-0.03, 0.01), (0.0, -0.02)])
    @each_orientation
    def test_off_the_carrier(self, angle, frequency_offset):
        wavelength = 9.0
        x, y = along(angle)
        u, v = x / wavelength + frequency_offset[0], y / wavelength + frequency_offset[1]
        (response,) = gabor_magnitudes(plane_wave((131, 131), u, v), [wavelength], [angle])
        expected = transfer(u, v, wavelength, angle) / 2
        peak = transfer(x / wavelength, y / wavelength, wavelength, angle) / 2
        assert_allclose(response[65, 65], expected, atol=3e-5 * peak)

    @pytest.mark.parametrize("phase", np.linspace(0, 2 * math.pi, 7))
    def test_the_phase_does_not_matter(self, phase):
        wave = plane_wave((111, 111), 1 / 8, 0, phase)
        response = gabor_magnitudes(wave, [8], [0])[0, 45:66, 45:66]
        sx, sy = spatial_sigmas(8)
        assert_allclose(response, math.pi * sx * sy, rtol=2e-5)

    @pytest.mark.parametrize("bandwidth", [0.7, 1.0, 1.5])
    def test_bandwidth_is_where_the_response_halves(self, bandwidth):
        ratio = (2**bandwidth - 1) / (2**bandwidth + 1)
        waves = [plane_wave((161, 161), f / 10, 0) for f in (1, 1 - ratio, 1 + ratio)]
        peak, low, high = (
            gabor_magnitudes(wave, [10], [0], bandwidth=bandwidth)[0, 80, 80] for wave in waves
        )
        assert math.log2((1 + ratio) / (1 - ratio)) == pytest.approx(bandwidth)
        assert_allclose([low, high], peak / 2, rtol=3e-3)

    def test_45_degrees_point_to_the_upper_right(self):
        frequency = math.sqrt(0.5) / 8
        to_upper_right = plane_wave((111, 111), frequency, -frequency)
        to_lower_right = plane_wave((111, 111), frequency, frequency)
        for wave, answering, silent in ((to_upper_right, 0, 1), (to_lower_right, 1, 0)):
            response = gabor_magnitudes(wave, [8], [45, 135])[:, 55, 55]
            assert response[answering] > 1e4 * response[silent]


class TestInvariance:
    # Above 4 pixels: the shortest wavelength treats the two ends of the band unequally.
    LONGER = WAVELENGTHS[1:4]

    def test_a_quarter_turn_permutes_the_orientations(self, photo):
        image = photo[:90, :110]
        maps = np.rot90(gabor_magnitudes(image, self.LONGER), axes=(1, 2))
        turned = gabor_magnitudes(np.rot90(image), self.LONGER)
        order = np.arange(12).reshape(3, 4)[:, [2, 3, 0, 1]].ravel()
        assert relative_errors(turned, maps[order]).max() <= 1e-4

    def test_a_mirror_exchanges_the_diagonals(self, photo):
        image = photo[:90, :110]
        maps = gabor_magnitudes(image, self.LONGER)[:, :, ::-1]
        mirrored = gabor_magnitudes(image[:, ::-1], self.LONGER)
        order = np.arange(12).reshape(3, 4)[:, [0, 3, 2, 1]].ravel()
        assert relative_errors(mirrored, maps[order]).max() <= 1e-4

    @pytest.mark.parametrize("factor", [2.0, -0.25, 1000.0])
    def test_the_amplitude_scales(self, photo, factor):
        image = photo[:50, :40]
        maps = gabor_magnitudes(image)
        atol = 1e-6 * abs(factor) * maps.max()
        assert_allclose(gabor_magnitudes(factor * image), abs(factor) * maps, atol=atol)

    @each_wavelength
    @pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (17, 20), (64, 64)])
    def test_a_constant_image_answers_at_frequency_zero(self, wavelength, shape):
        response = gabor_magnitudes(np.full(shape, 0.6), [wavelength])
        # Single precision leaves 1e-7 of what the filter passes at its centre.
        atol = 3e-7 * transfer(1 / wavelength, 0, wavelength, 0)
        assert_allclose(response, 0.6 * transfer(0, 0, wavelength, 0), rtol=1e-5, atol=atol)

    def test_the_order_of_the_maps(self, photo):
        image = photo[:40, :50]
        maps = gabor_magnitudes(image)
        assert maps.shape == (24, 40, 50)
        each = [
            gabor_magnitudes(image, [wavelength], [angle])[0]
            for wavelength in WAVELENGTHS
            for angle in ORIENTATIONS
        ]
        assert_array_equal(maps, each)

    def test_the_image_is_left_alone(self, photo):
        image = photo[:30, :30].astype(np.float32)
        before = image.copy()
        gabor_magnitudes(image)
        assert_array_equal(image, before)


class TestSampling:
    """Values at the centres of squares of step x step pixels."""

    BANK = FilterBank(WAVELENGTHS, ORIENTATIONS)

    @each_wavelength
    @pytest.mark.parametrize("step", [2, 3, 4, 8])
    def test_it_is_the_definition_there(self, photo, wavelength, step):
        image = photo[:192, :240]
        sampled = np.stack(list(self.BANK.each_magnitude(image, wavelength, step=step)))
        offset, padding = (step - 1) / 2, own_padding(wavelength)
        full = literal(image, [wavelength], ORIENTATIONS, padding, fast=step, offset=offset)
        expected = full[:, ::step, ::step]
        assert sampled.shape == expected.shape
        assert relative_errors(sampled, expected).max() <= 1e-5

    @pytest.mark.parametrize("wavelength", WAVELENGTHS[1:])
    @pytest.mark.parametrize("step", [3, 5])
    def test_an_odd_step_takes_pixels_of_the_map(self, photo, wavelength, step):
        image = photo[:120, :225]
        full = np.stack(list(self.BANK.each_magnitude(image, wavelength)))
        sampled = np.stack(list(self.BANK.each_magnitude(image, wavelength, step=step)))
        centres = slice(step // 2, None, step)
        # The padded length depends on the step, and so does what wraps around.
        assert relative_errors(sampled, full[:, centres, centres]).max() <= 1e-4

    @pytest.mark.parametrize("step", [2, 3, 4])
    @pytest.mark.parametrize("repeats", [(1, 1), (2, 9), (11, 1)])
    def test_any_shape(self, rng, step, repeats):
        image = rng.random((repeats[0] * step, repeats[1] * step))
        sampled = np.stack(list(self.BANK.each_magnitude(image, WAVELENGTHS[2], step=step)))
        offset, padding = (step - 1) / 2, own_padding(WAVELENGTHS[2])
        full = literal(image, WAVELENGTHS[2:3], ORIENTATIONS, padding, fast=step, offset=offset)
        assert_close(sampled, full[:, ::step, ::step], image, WAVELENGTHS[2])

    @given(
        wavelength=st.floats(2, 200),
        height=st.integers(1, 40),
        width=st.integers(1, 40),
        power=st.integers(0, 5),
        samples=st.floats(1, 20),
    )
    @settings(max_examples=60, deadline=None)
    def test_the_step(self, wavelength, height, width, power, samples):
        shape = (height * 2**power, width * 2**power)
        suitable = [
            step
            for step in (2**k for k in range(12))
            if not (shape[0] % step or shape[1] % step) and wavelength / step >= samples
        ]
        assert sampling_step(wavelength, shape, samples) == max(suitable, default=1)
