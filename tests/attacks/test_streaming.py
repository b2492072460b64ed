"""Generated images read a block after the other: the same answers in bounded memory."""

import pickle
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict

from gan_isi import SummaryClassifier, datasets, make_pipeline
from gan_isi._validation.items import spread
from gan_isi.attacks import streaming
from gan_isi.attacks.comparison import Comparison, n_closest_of
from gan_isi.attacks.streaming import closest_bags
from gan_isi.descriptors.transformer import families_of

STREAMED = ["recommended", "nearest", "relative_nearest"]


class Counted(Sequence):
    """Images that count how often each was read; a block with `breaks_at` can't be read."""

    def __init__(self, images, breaks_at=None):
        self.images, self.breaks_at = images, breaks_at
        self.n_read = np.zeros(len(images), dtype=int)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, key):
        if isinstance(key, slice):
            if self.breaks_at in range(len(self))[key]:
                raise KeyboardInterrupt
            return [self[i] for i in range(len(self))[key]]
        self.n_read[key] += 1
        return self.images[key]


@pytest.fixture(scope="module")
def problem():
    return datasets.make_membership_problem(
        16, n_generated=230, image_size=32, memorization=0.8, random_state=0
    )


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(streaming, "_BLOCK", 64)
    monkeypatch.setattr(streaming, "_QUERIES", 5)


def cheap(attack, angles=(0,), **parameters):
    """Fewer poses; 20 of 230 images are refined."""
    if "distances__poses__angles" in attack.get_params():
        attack.set_params(
            distances__poses__angles=angles,
            distances__poses__zooms=(1,),
            distances__poses__n_refined=20,
        )
    return attack.set_params(**parameters)


def compared(attack, problem, generated, **options):
    """Bags in memory, and the closest of each query by streaming."""
    descriptors, distances, membership = (step for _, step in clone(attack).steps)
    real = descriptors.fit(problem.images).transform(problem.images)
    n_closest = n_closest_of(distances, membership, descriptors.blocks_)
    asked = Comparison(distances, real, np.arange(real.shape[1]), n_closest, descriptors.blocks_)
    found = closest_bags(families_of(descriptors), [asked], generated, **options)[0]
    whole = clone(attack["distances"]).fit(
        real, generated=descriptors.transform(list(generated)), blocks=descriptors.blocks_
    )
    return whole.transform(real), found, n_closest


@pytest.mark.parametrize("name", STREAMED)
@pytest.mark.parametrize("n_generated", [230, 64, 30])
def test_the_closest_have_the_bits_that_they_have_in_memory(problem, name, n_generated):
    attack = cheap(make_pipeline(name), angles=(-10, 0, 10))
    bags, found, n_closest = compared(attack, problem, problem.generated[:n_generated])
    for own, row, numbers in zip(bags, found.bags, found.numbers, strict=True):
        there = numbers >= 0
        assert_array_equal(row[there], own[numbers[there]])
        assert np.isnan(row[~there]).all()
        assert_array_equal(np.sort(row, axis=0)[:n_closest], np.sort(own, axis=0)[:n_closest])
    assert (np.diff(found.numbers, axis=1)[found.numbers[:, 1:] >= 0] > 0).all()


def test_more_may_count_than_are_refined(problem):
    attack = cheap(make_pipeline("recommended"), membership__contrast=70)
    bags, found, n_closest = compared(attack, problem, problem.generated)
    assert n_closest == 71
    for own, row in zip(bags, found.bags, strict=True):
        assert_array_equal(np.sort(row, axis=0)[:71], np.sort(own, axis=0)[:71])


def test_colours(problem):
    rng = np.random.default_rng(0)
    real, generated = (rng.integers(0, 256, (n, 16, 16, 3), dtype=np.uint8) for n in (6, 90))
    attack = cheap(make_pipeline("recommended", generated=generated)).fit(real, [0, 1] * 3)
    streamed = clone(attack).set_params(stream=True).fit(real, [0, 1] * 3)
    assert_allclose(streamed.predict_proba(real), attack.predict_proba(real), atol=1e-6)


@pytest.mark.parametrize("name", STREAMED)
def test_an_attack_answers_as_in_memory(problem, name):
    known, asked = slice(0, 10), slice(10, None)
    attack = cheap(make_pipeline(name, generated=problem.generated, stream=False))
    attack.fit(problem.images[known], problem.target[known])
    expected = attack.predict_proba(problem.images[asked])
    streamed = clone(attack).set_params(stream=True)
    streamed.fit(problem.images[known], problem.target[known])
    assert (attack.streamed_, streamed.streamed_) == (False, True)
    assert streamed.n_generated_ == attack.n_generated_ == len(problem.generated)
    assert_allclose(streamed.predict_proba(problem.images[asked]), expected, atol=1e-6)
    loaded = pickle.loads(pickle.dumps(streamed))
    assert_array_equal(
        loaded.predict_proba(problem.images[asked]),
        streamed.predict_proba(problem.images[asked]),
    )
    others = problem.generated[100:]
    assert_allclose(
        streamed.retarget(others).predict_proba(problem.images[asked]),
        attack.retarget(others).predict_proba(problem.images[asked]),
        atol=1e-6,
    )


def test_a_block_comes_from_any_task(problem):
    fits = [
        make_pipeline("relative_nearest", generated=problem.generated, stream=True, n_jobs=n_jobs)
        .fit(problem.images, problem.target)
        .predict_proba(problem.images)
        for n_jobs in (None, 2)
    ]
    assert_array_equal(*fits)


def test_each_is_read_once_and_the_close_ones_once_more(problem):
    generated = Counted(problem.generated)
    _, found, _ = compared(make_pipeline("nearest"), problem, generated)
    of_blocks = generated.n_read - 2  # a sample, which are all here; and in memory
    close = np.isin(np.arange(len(generated)), found.numbers)
    assert 0 < close.sum() <= len(problem.images)
    assert (of_blocks[~close] == 1).all()
    assert (of_blocks[close] >= 2).all()


@pytest.mark.parametrize(
    ("name", "stream"), [*((name, True) for name in STREAMED), ("nearest", False)]
)
def test_fitted_and_asked_in_one_pass(problem, name, stream):
    known, asked = np.arange(10), np.arange(10, 16)
    generated = Counted(problem.generated)
    attack = cheap(make_pipeline(name, generated=generated, stream=stream))
    images, labels = problem.images[known], problem.target[known]
    # Some are far from all others: it would be seen if anything were learned from them.
    candidates = np.concatenate([problem.images[asked], 255 - problem.images[asked] // 9])
    answers = clone(attack).fit_predict_proba(images, labels, candidates)
    n_read = generated.n_read.copy()
    attack.fit(images, labels)
    assert_array_equal(answers, attack.predict_proba(candidates))
    if stream:
        assert np.median(n_read) < np.median(generated.n_read - n_read)
    with pytest.raises(ValueError, match="labels"):
        clone(attack).fit_predict_proba(images, labels[:3], candidates)


def test_auto_streams_what_does_not_fit(problem):
    attack = make_pipeline("nearest", generated=problem.generated)  # 16 kB an image
    with config_context(working_memory=5):
        assert not clone(attack).fit(problem.images, problem.target).streamed_
    with config_context(working_memory=3):
        assert clone(attack).fit(problem.images, problem.target).streamed_
        assert (
            clone(attack).set_params(stream=False).fit(problem.images, problem.target).streamed_
            is False
        )
        paper = make_pipeline(families=["steerable"], generated=problem.generated)
        assert not paper.fit(problem.images, problem.target).streamed_


def test_retarget_to_more_than_fits(problem):
    attack = cheap(make_pipeline("recommended", generated=problem.generated[:60]))
    attack.fit(problem.images, problem.target)
    expected = attack.retarget(problem.generated).predict_proba(problem.images)
    with config_context(working_memory=5):
        other = attack.retarget(problem.generated)
    assert other.streamed_
    assert not attack.streamed_
    assert_allclose(other.predict_proba(problem.images), expected, atol=1e-6)
    assert attack.n_generated_ == 60  # as it was


def test_in_model_selection(problem):
    attack = make_pipeline("relative_nearest", generated=problem.generated)
    scores = [
        cross_val_predict(
            clone(attack).set_params(stream=stream), problem.images, problem.target, cv=2,
            method="predict_proba",
        )
        for stream in (False, True)
    ]  # fmt: skip
    assert_allclose(scores[0], scores[1], atol=1e-6)


def test_what_was_killed_goes_on(problem, tmp_path, monkeypatch):
    attack = cheap(make_pipeline("recommended"))
    n_described = []
    original = streaming.describe_here

    def spy(families, images, first):
        n_described.append(len(images))
        return original(families, images, first)

    monkeypatch.setattr(streaming, "describe_here", spy)
    with pytest.raises(KeyboardInterrupt):
        # Of the four blocks two are done.
        compared(attack, problem, Counted(problem.generated, 140), memory=tmp_path)
    n_described.clear()
    _, found, _ = compared(attack, problem, problem.generated, memory=tmp_path)
    of_sample, of_blocks = n_described[:230], n_described[230:]
    assert of_sample == [1] * 230
    assert of_blocks[:2] == [64, 38]
    _, expected, _ = compared(attack, problem, problem.generated)
    for one, other in zip(found, expected, strict=True):
        assert_array_equal(one, other)


def test_what_is_kept_belongs_to_its_images_and_queries(problem, tmp_path):
    attack = cheap(make_pipeline("nearest"))
    compared(attack, problem, problem.generated, memory=tmp_path)
    changed = problem.generated.copy()
    changed[70] = problem.images[3]
    _, found, _ = compared(attack, problem, changed, memory=tmp_path)
    assert found.numbers[3, 0] == 70
    assert found.bags[3, 0, 0] == 0
    other = datasets.make_membership_problem(6, n_generated=2, image_size=32, random_state=9)
    bags, found, _ = compared(attack, other, problem.generated, memory=tmp_path)
    assert_array_equal(found.bags[:, 0, 0], bags[:, :, 0].min(axis=1))


@pytest.mark.parametrize("n_sampled", [500, 40])
def test_errors_name_the_image(problem, n_sampled, monkeypatch):
    monkeypatch.setattr(streaming, "_SAMPLED", n_sampled)
    generated = problem.generated.astype(float) / 255
    images = list(generated)
    bad = int(spread(len(images), n_sampled)[-3])  # seen in the sample, not first in it
    images[bad] = np.where(np.eye(32) > 0, np.nan, images[bad])
    attack = make_pipeline("nearest", generated=images, stream=True)
    with pytest.raises(ValueError, match=f"image {bad} contains NaN"):
        attack.fit(problem.images / 255, problem.target)


def test_who_looks_at_all_distances_is_refused(problem):
    for attack in (
        make_pipeline(families=["steerable"], stream=True),
        make_pipeline("recommended", families=["steerable"], stream=True),
        make_pipeline("calibrated_similarity", stream=True),
        make_pipeline("epsilon_ball", stream=True),
        make_pipeline("recommended", stream=True).set_params(
            membership=SummaryClassifier(quantiles=(0.1,), n_closest=(1,))
        ),
    ):
        with pytest.raises(ValueError, match="stream=True is for attacks that look at the closest"):
            attack.set_params(generated=problem.generated).fit(problem.images, problem.target)
    with pytest.raises(ValueError, match="stream has to be"):
        make_pipeline("nearest", generated=problem.generated, stream="yes").fit(
            problem.images, problem.target
        )


def test_the_distances_alone_say_that_they_hold_no_images(problem):
    attack = make_pipeline("nearest", generated=problem.generated, stream=True)
    attack.fit(problem.images, problem.target)
    with pytest.raises(ValueError, match="hold no generated images"):
        attack[:-1].transform(problem.images)
    attack.set_params(generated=None)
    with pytest.raises(ValueError, match="no generated images"):
        attack.predict(problem.images)
