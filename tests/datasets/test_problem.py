"""The built-in problem: what its data are, and what its generator can know."""

import numpy as np
import pytest
import skimage.data
from scipy.stats import chisquare

from gan_isi.datasets import make_membership_problem
from gan_isi.datasets import problem as problem_module
from gan_isi.datasets.problem import _smoothed_bootstrap


def grey_photograph(name):
    loaded = getattr(skimage.data, name)()
    image = np.asarray(loaded[0] if isinstance(loaded, tuple) else loaded, dtype=float)
    return image if image.ndim == 2 else image @ [0.2125, 0.7154, 0.0721]


def locate(crop, photograph):
    """Upper left corners of all places where a photograph shows a crop."""
    size = len(crop)
    corners = np.argwhere(np.ones(np.subtract(photograph.shape, size - 1)))
    for i in range(size):  # along the diagonal, then whole crops
        values = photograph[corners[:, 0] + i, corners[:, 1] + i]
        corners = corners[np.abs(values - crop[i, i]) <= 0.51]
    return [
        (row, column)
        for row, column in corners
        if np.abs(photograph[row : row + size, column : column + size] - crop).max() <= 0.51
    ]


@pytest.mark.parametrize("size", [64, 40])
def test_crops_are_disjoint_and_come_from_their_photographs(size):
    deal = problem_module._deal(60, size, np.random.RandomState(3))
    crops = np.concatenate([deal.images, deal.auxiliary])
    # The auxiliary crops come photograph by photograph, half as many as images.
    groups = np.concatenate([deal.groups, np.sort(deal.groups)[::2]])
    n_found = 0
    for group, name in enumerate(problem_module._PHOTOGRAPHS):
        photograph = grey_photograph(name)
        places = [locate(crop, photograph) for crop in crops[groups == group]]
        assert all(len(found) == 1 for found in places), name
        corners = np.array([found[0] for found in places])
        apart = np.abs(corners[:, np.newaxis] - corners).max(axis=2)
        assert (apart[~np.eye(len(corners), dtype=bool)] >= size).all(), name
        n_found += len(corners)
    assert n_found == 180


def test_the_public_images_are_those_of_the_deal():
    problem = make_membership_problem(40, image_size=48, random_state=5)
    assert problem.images.shape == (40, 48, 48)
    assert problem.images.dtype == np.uint8
    assert len(np.unique(problem.images.reshape(40, -1), axis=0)) == 40
    for image, group in list(zip(problem.images, problem.groups, strict=True))[:10]:
        assert len(locate(image, grey_photograph(problem.group_names[group]))) == 1


@pytest.mark.parametrize(("n_images", "image_size"), [(80, 64), (2, 64), (500, 64), (150, 128)])
def test_exactly_half_are_members_and_photographs_are_even(n_images, image_size):
    problem = make_membership_problem(n_images, image_size=image_size, random_state=0)
    assert set(problem.target) == {0, 1}
    assert problem.target.sum() == n_images // 2
    if n_images == 80:
        assert np.ptp(np.bincount(problem.groups, minlength=14)) <= 2


def test_every_choice_of_members_is_equally_likely():
    # 4 images have 6 halves; the crops are those of one seed, so only the choice varies.
    draws = [
        make_membership_problem(4, n_generated=1, image_size=32, random_state=seed).target
        for seed in range(600)
    ]
    _, counts = np.unique(draws, axis=0, return_counts=True)
    assert len(counts) == 6
    assert chisquare(counts).pvalue > 0.001


def test_all_crops_can_be_asked_for_and_no_more():
    with pytest.raises(ValueError, match=r"at image_size=64: at most \d+ images") as caught:
        make_membership_problem(10_000)
    most = int(str(caught.value).split("at most ")[1].split()[0])
    assert most > 300
    assert len(make_membership_problem(most, random_state=0).images) == most
    with pytest.raises(ValueError, match=f"n_images={most + 2} is more .* at most {most} images"):
        make_membership_problem(most + 2)
    with pytest.raises(ValueError, match="at most 0 images"):
        make_membership_problem(image_size=2000)


def test_crops_have_contrast():
    problem = make_membership_problem(700, random_state=0)
    assert problem.images.std(axis=(1, 2)).min() >= 4


def test_order_is_random():
    target = make_membership_problem(random_state=0).target
    switches = np.count_nonzero(np.diff(target))
    assert 20 < switches < 60  # 39.5 +- 4.4 by chance


def test_full_memorization_copies_members():
    problem = make_membership_problem(random_state=1)
    np.testing.assert_array_equal(problem.generated, problem.images[problem.source])
    assert (problem.target[problem.source] == 1).all()


@pytest.mark.parametrize(("n_images", "n_generated"), [(80, 120), (20, 5), (10, 50)])
def test_members_are_used_equally_often(n_images, n_generated):
    problem = make_membership_problem(n_images, n_generated=n_generated, random_state=2)
    used = np.bincount(problem.source, minlength=n_images)
    assert used.sum() == n_generated
    assert np.ptp(used[problem.target == 1]) <= 1
    assert used[problem.target == 0].sum() == 0


@pytest.fixture(scope="module")
def deal():
    return problem_module._deal(40, 32, np.random.RandomState(0))


def test_without_memorization_members_do_not_matter(deal):
    samples = []
    for members in (deal.images[:40], deal.images[40:], deal.images[39::-1], deal.auxiliary):
        found = _smoothed_bootstrap(members, deal.auxiliary, 0.0, 30, np.random.RandomState(7))
        samples.append(found[0].tobytes())
    assert len(set(samples)) == 1
    seed = np.random.RandomState(7)
    other, _ = _smoothed_bootstrap(deal.images[:40], deal.auxiliary, 0.01, 30, seed)
    assert other.tobytes() not in samples


@pytest.mark.parametrize("memorization", [0.0, 0.3])
def test_swapping_members_and_others_in_the_problem(monkeypatch, memorization):
    options = {"memorization": memorization, "image_size": 32, "random_state": 4}
    before = make_membership_problem(**options)
    choose = problem_module._choose_members
    monkeypatch.setattr(
        problem_module, "_choose_members", lambda n, rng: np.setdiff1d(np.arange(n), choose(n, rng))
    )
    after = make_membership_problem(**options)
    label_of = dict(zip(map(np.ndarray.tobytes, before.images), before.target, strict=True))
    for image, label in zip(after.images, after.target, strict=True):
        assert label_of[image.tobytes()] == 1 - label
    same = before.generated.tobytes() == after.generated.tobytes()
    assert same == (memorization == 0)


def correlated_fields(n, rng):
    """Fields of known spectrum, low in amplitude so that nothing is clipped."""
    noise = rng.normal(size=(n, 32, 32))
    smooth = noise + np.roll(noise, 1, axis=2) + 0.5 * np.roll(noise, 1, axis=1)
    fields = 120 + 12 * smooth + 4 * rng.normal(size=(n, 1, 1))
    return np.rint(fields).astype(np.uint8)


def test_noise_has_the_power_spectrum_of_the_auxiliary_crops():
    auxiliary = correlated_fields(50, np.random.default_rng(0))
    generated, _ = _smoothed_bootstrap(auxiliary, auxiliary, 0.0, 1500, np.random.RandomState(1))
    power = (np.abs(np.fft.fft2(generated - auxiliary.mean())) ** 2).mean(axis=0)
    expected = (np.abs(np.fft.fft2(auxiliary - auxiliary.mean())) ** 2).mean(axis=0)
    expected += 32 * 32 / 12  # rounding to whole grey levels
    # A mean of 1500 exponential variables: 2.6 %, and 3.7 % where the field is real.
    ratio = power / expected
    assert abs(ratio.mean() - 1) < 0.005
    assert 0.02 < ratio.std() < 0.035
    assert np.abs(ratio - 1).max() < 0.16
    assert expected.max() > 50 * expected.min()  # the spectrum is far from flat
    assert abs(generated.mean() - auxiliary.mean()) < 0.5


@pytest.mark.parametrize("memorization", [0.0, 0.25, 0.6, 0.9, 1.0])
def test_share_of_the_member_and_variance(memorization):
    rng = np.random.default_rng(0)
    members, auxiliary = correlated_fields(100, rng), correlated_fields(100, rng)
    seed = np.random.RandomState(0)
    generated, source = _smoothed_bootstrap(members, auxiliary, memorization, 400, seed)
    signal = (members[source] - auxiliary.mean()).ravel()
    sample = (generated - auxiliary.mean()).ravel()
    slope = signal @ sample / (signal @ signal)
    assert slope == pytest.approx(memorization, abs=0.02)
    assert sample.var() == pytest.approx(signal.var(), rel=0.05)


def test_values_beyond_8_bits_are_clipped_not_wrapped():
    extreme = np.zeros((2, 16, 16), dtype=np.uint8)
    extreme[:, :8] = 255
    generated, _ = _smoothed_bootstrap(extreme, extreme, 0.9, 20, np.random.RandomState(0))
    assert generated[:, 2:6].mean() > 200
    assert generated[:, 10:14].mean() < 55


def test_the_seed_decides_everything():
    first, again, other = (
        make_membership_problem(memorization=0.5, image_size=32, random_state=seed)
        for seed in (0, 0, 1)
    )
    for key in ("images", "target", "generated", "groups", "source"):
        np.testing.assert_array_equal(first[key], again[key])
        assert not np.array_equal(first[key], other[key])
    instance = np.random.RandomState(0)
    same = make_membership_problem(memorization=0.5, image_size=32, random_state=instance)
    np.testing.assert_array_equal(first.generated, same.generated)
    further = make_membership_problem(memorization=0.5, image_size=32, random_state=instance)
    assert not np.array_equal(first.generated, further.generated)


def test_problems_that_differ_in_memorization_only_share_the_rest():
    copies = make_membership_problem(image_size=32, random_state=0)
    blurred = make_membership_problem(image_size=32, memorization=0.2, random_state=0)
    for key in ("images", "target", "groups", "source"):
        np.testing.assert_array_equal(copies[key], blurred[key])


def test_the_global_random_state_is_left_alone():
    np.random.seed(0)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    make_membership_problem(10, image_size=32, random_state=0)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_photographs_are_not_changed_by_users_of_the_problem():
    first = make_membership_problem(10, image_size=32, random_state=0)
    expected = first.images.copy()
    first.images[:] = 0
    first.generated[:] = 0
    again = make_membership_problem(10, image_size=32, random_state=0)
    np.testing.assert_array_equal(again.images, expected)


@pytest.mark.parametrize(
    "options",
    [
        {"n_images": 0},
        {"n_images": 10.0},
        {"n_generated": 0},
        {"image_size": 7},
        {"memorization": -0.1},
        {"memorization": 1.1},
        {"memorization": float("nan")},
        {"memorization": "all"},
        {"random_state": "seed"},
    ],
    ids=str,
)
def test_parameters_are_validated(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"The '{name}' parameter of make_membership_problem"):
        make_membership_problem(**options)


def test_an_odd_number_of_images():
    with pytest.raises(ValueError, match="n_images=81 is odd; it has to be even"):
        make_membership_problem(81)


def test_bunch():
    problem = make_membership_problem(10, random_state=0)
    assert problem.target_names == ["not_used", "used"]
    assert problem.generated.shape == (120, 64, 64)
    assert problem.generated.dtype == np.uint8
    assert "memorization" in problem.DESCR
    assert max(problem.groups) < len(problem.group_names)
