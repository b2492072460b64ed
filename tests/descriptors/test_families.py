"""The families as transformers: names, layout, parallel runs, families of one's own."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

import gan_isi
from gan_isi import texture
from gan_isi._validation.images import to_grey
from gan_isi.texture.cdf import cdf_vectors, tiled_cdf_vectors

CLASSICAL = {
    gan_isi.StatisticalDescriptor: 3,
    gan_isi.GaborDescriptor: 24,
    gan_isi.SteerableDescriptor: 8,
    gan_isi.GaussianDerivativeDescriptor: 30,
}


@pytest.mark.parametrize(("family", "n_maps"), CLASSICAL.items())
def test_number_of_maps_and_shapes(family, n_maps, photographs):
    descriptor = family(n_levels=32)
    assert descriptor.fit_transform(photographs).shape == (len(photographs), n_maps * 32)
    assert len(set(descriptor.map_names_)) == n_maps
    assert descriptor.feature_maps(photographs[0]).shape == (n_maps, 48, 48)
    names = descriptor.get_feature_names_out()
    assert len(set(names)) == n_maps * 32


@pytest.mark.parametrize("family", CLASSICAL)
def test_vectors_are_the_cdf_vectors_of_the_maps(family, photographs):
    every_pixel = {"samples_per_wavelength": None} if family is gan_isi.GaborDescriptor else {}
    descriptor = family(n_levels=64, **every_pixel).fit(photographs)
    vectors = descriptor.transform(photographs[:1]).reshape(-1, 64)
    np.testing.assert_array_equal(vectors, cdf_vectors(descriptor.feature_maps(photographs[0]), 64))


def test_pure_functions_are_the_paper_s_65_maps_in_order(photographs):
    image = to_grey(photographs[0])
    maps = np.concatenate(
        [
            [texture.local_range(image), texture.local_std(image), texture.local_entropy(image)],
            texture.gabor_magnitudes(image),
            texture.steered_derivatives(image),
            texture.multiscale_maps(image),
        ]
    )
    union = gan_isi.make_descriptors(n_levels=16)
    union.set_params(gabor__samples_per_wavelength=None).fit(photographs)
    vectors = union.transform(photographs[:1]).reshape(65, 16)
    np.testing.assert_array_equal(vectors, cdf_vectors(maps, 16))


def test_long_wavelengths_are_sampled_for_their_cdf_only(photographs):
    sampled = gan_isi.GaborDescriptor().fit(photographs)
    every_pixel = gan_isi.GaborDescriptor(samples_per_wavelength=None).fit(photographs)
    n_values = [values.size for values in sampled._map_values(to_grey(photographs[0]))]
    assert n_values == [48 * 48] * 12 + [24 * 24] * 4 + [12 * 12] * 4 + [6 * 6] * 4
    assert sampled.feature_maps(photographs[0]).shape == (24, 48, 48)
    vectors, exact = (
        descriptor.transform(photographs).reshape(12, 24, 64)
        for descriptor in (sampled, every_pixel)
    )
    distances, expected = (np.abs(v[:, None] - v).mean(axis=-1) for v in (vectors, exact))
    different = ~np.eye(12, dtype=bool)
    error = np.abs(distances - expected)[different] / expected[different]
    assert np.median(error) < 1e-3
    np.testing.assert_array_equal(vectors[:, :12], exact[:, :12])


def test_names_say_which_map(photographs):
    union = gan_isi.make_descriptors(n_levels=4, cells="equal").fit(photographs)
    names = list(union.get_feature_names_out())
    assert names[:4] == [f"statistical_range_q{q}" for q in ("0.125", "0.375", "0.625", "0.875")]
    assert "gabor_w5.66_t45_q0.375" in names
    assert names[-1] == "gaussian_s1.5_hessian_norm_q0.875"
    assert len(names) == len(set(names)) == 65 * 4


def test_distance_of_vectors_is_the_distance_of_maps(photographs):
    descriptor = gan_isi.GaborDescriptor().fit(photographs)
    first, second = (descriptor.feature_maps(image) for image in photographs[:2])
    vectors = descriptor.transform(photographs[:2]).reshape(2, 24, 64)
    from_vectors = np.abs(vectors[0] - vectors[1]).mean(axis=1)
    exact = [wasserstein_distance(a.ravel(), b.ravel()) for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(from_vectors, exact, rtol=0.01)


@pytest.mark.parametrize("family", CLASSICAL)
def test_parallel_and_piecewise_runs_change_no_bit(family, photographs):
    many = np.concatenate([photographs, photographs[:, ::-1]])
    alone = family(n_levels=32).fit_transform(many)
    parallel = family(n_levels=32, n_jobs=2).fit_transform(many)
    np.testing.assert_array_equal(parallel, alone)
    fitted = family(n_levels=32).fit(many)
    pieces = [fitted.transform(many[start : start + 5]) for start in range(0, len(many), 5)]
    np.testing.assert_array_equal(np.concatenate(pieces), alone)


@pytest.mark.parametrize(
    ("descriptor", "message"),
    [
        (gan_isi.StatisticalDescriptor(entropy_size=8), "entropy_size has to be odd"),
        (gan_isi.GaborDescriptor(wavelengths=[1.5]), "at least 2 .pixels.; got 1.5"),
        (gan_isi.GaborDescriptor(wavelengths=[]), "one or more finite numbers"),
        (gan_isi.GaborDescriptor(orientations=[0, 0]), "different numbers"),
        (gan_isi.SteerableDescriptor(window=4), "window has to be odd"),
        (gan_isi.GaussianDerivativeDescriptor(sigmas=[-1]), "at least 0.1"),
        (gan_isi.GaussianDerivativeDescriptor(sigmas=[np.nan]), "finite"),
    ],
)
def test_impossible_parameters(descriptor, message, photographs):
    with pytest.raises(ValueError, match=message):
        descriptor.fit(photographs)


def test_parameters_reach_the_maps(photographs):
    image = photographs[0]
    for family, changes in {
        gan_isi.StatisticalDescriptor: [{"range_size": 5}, {"std_size": 5}, {"entropy_size": 5}],
        gan_isi.GaborDescriptor: [
            {"bandwidth": 2},
            {"aspect_ratio": 1},
            {"orientations": [9, 99, 30, 5]},
        ],
        gan_isi.SteerableDescriptor: [{"sigma": 2}, {"window": 7}, {"boundary": "wrap"}],
        gan_isi.GaussianDerivativeDescriptor: [
            {"curvature": "surface"},
            {"eigenvalue_order": "magnitude"},
            {"boundary": "nearest"},
        ],
    }.items():
        default = family().feature_maps(image)
        for change in changes:
            assert np.abs(family(**change).feature_maps(image) - default).max() > 0, change


class Brightness(gan_isi.BaseDescriptor):
    """A family of one's own needs one method."""

    def compute_maps(self, image):
        return image[None], (image**2)[None, :10]


def test_family_of_ones_own(photographs):
    family = Brightness(n_levels=8)
    assert family.fit_transform(photographs).shape == (12, 16)
    assert family.map_names_ == ["brightness_0", "brightness_1"]
    np.testing.assert_allclose(
        family.transform(photographs)[:, :8].mean(axis=1),
        photographs.mean(axis=(1, 2)) / 255,
        rtol=1e-5,
    )


@pytest.mark.parametrize("family", CLASSICAL)
def test_maps_in_tiles(family, photographs):
    descriptor = family(n_levels=4, grid=3).fit(photographs)
    maps = descriptor.feature_maps(photographs[0])
    vectors = descriptor.transform(photographs[:1])
    np.testing.assert_array_equal(vectors[0], tiled_cdf_vectors(maps, 3, 4).ravel())
    assert descriptor.columns_per_map == 36
    names = descriptor.get_feature_names_out()
    assert len(set(names)) == vectors.shape[1]
    # The last cell of the tile in the middle of the first map.
    assert names[19].startswith(f"{descriptor.map_names_[0]}_r1c1_q0.9")
    assert vectors[0, 19] == pytest.approx(cdf_vectors(maps[:1, 16:32, 16:32], 4)[0, 3])


def test_more_tiles_than_pixels(photographs):
    with pytest.raises(ValueError, match=r"\(48, 48\) can't be cut into 49 x 49 tiles"):
        gan_isi.SteerableDescriptor(grid=49).fit_transform(photographs)


def test_a_family_that_knows_nothing_of_tiles_has_one(photographs):
    class Old(Brightness):
        def __init__(self):  # no super().__init__, no grid
            self.n_levels, self.cells, self.intensity_range = 4, "equal", "dtype"
            self.n_jobs, self.memory, self.verbose = None, None, False

    assert Old().fit_transform(photographs).shape == (12, 8)


@pytest.mark.parametrize(
    "family", [gan_isi.SteerableDescriptor, gan_isi.GaussianDerivativeDescriptor]
)
def test_kernels_reach_the_maps(family, photographs):
    sampled, corrected = (family(kernels=name) for name in ("sampled", "corrected"))
    grey = photographs[0] / np.float32(255)
    steerable = family is gan_isi.SteerableDescriptor
    function = texture.steered_derivatives if steerable else texture.multiscale_maps
    np.testing.assert_array_equal(
        sampled.feature_maps(photographs[0]), function(grey, kernels="sampled")
    )
    vectors = [each.fit_transform(photographs[:1]) for each in (sampled, corrected, family())]
    assert not np.array_equal(vectors[0], vectors[1])
    np.testing.assert_array_equal(vectors[1], vectors[2])
    with pytest.raises(ValueError, match="kernels"):
        family(kernels="short").fit(photographs)


def test_cells_are_the_same_for_images_of_every_size(photographs):
    descriptor = gan_isi.StatisticalDescriptor(grid=2, n_levels=64)
    small, whole = photographs[0][:8, :8], photographs[0]
    maps = [descriptor.feature_maps(image) for image in (small, whole)]
    vectors = descriptor.fit_transform([small, whole])
    for own, row in zip(maps, vectors, strict=True):
        np.testing.assert_array_equal(row, tiled_cdf_vectors(own, 2, 64).ravel())
