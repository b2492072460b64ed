"""Each file is opened, made grey and resized once a call, however many families look at it."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from skimage.io import imsave
from sklearn import config_context
from sklearn.base import clone

from gan_isi import datasets, make_pipeline
from gan_isi._validation.items import read_once
from gan_isi.attacks import ATTACKS
from gan_isi.descriptors import CLASSICAL_FAMILIES, picture
from gan_isi.texture import pixels


@pytest.fixture(scope="module")
def problem():
    """Images that have to be resized."""
    return datasets.make_membership_problem(24, n_generated=17, image_size=40, random_state=0)


class Unread:
    """Images that must not be read."""

    def __len__(self):
        return 24

    def __getitem__(self, key):
        raise AssertionError("An image was read.")


@pytest.fixture
def lazy(tmp_path):
    """Make lazily read images, and count who is read, in other processes as well."""
    log = tmp_path / "log"
    log.touch()

    class Logged(Sequence):  # local, so that joblib sends it by value
        def __init__(self, images, name, numbers=None):
            self.images, self.name = images, name
            self.numbers = range(len(images)) if numbers is None else numbers

        def __len__(self):
            return len(self.numbers)

        def __getitem__(self, key):
            if isinstance(key, slice):
                return Logged(self.images, self.name, self.numbers[key])
            with open(log, "a") as file:
                file.write(f"{self.name}{self.numbers[key]}\n")
            return self.images[self.numbers[key]]

    def counts():
        found = Counter(log.read_text().split())
        log.write_text("")
        return found

    return Logged, counts


def once(name, n):
    return {f"{name}{number}": 1 for number in range(n)}


def attack_of(name, **options):
    small = {"n_levels": 8} if name in ("paper", "recommended") else {}
    return make_pipeline(name, **small, **options)


@pytest.mark.parametrize("work", ["alone", "two jobs", "memory"])
@pytest.mark.parametrize("name", ["paper", "recommended", "nearest", "blind"])
def test_fit_and_predict_read_each_image_once(name, work, problem, lazy, tmp_path):
    make, counts = lazy
    options = {"two jobs": {"n_jobs": 2}, "memory": {"memory": tmp_path / "kept"}}.get(work, {})
    real, generated = make(problem.images, "real"), make(problem.generated, "generated")
    attack = attack_of(name, generated=generated, **options)
    attack.fit(real, problem.target)
    assert counts() == once("real", 24) | ({} if name == "blind" else once("generated", 17))
    answers = attack.predict_proba(real)
    assert counts() == once("real", 24)
    plain = attack_of(name, generated=problem.generated).fit(problem.images, problem.target)
    np.testing.assert_array_equal(answers, plain.predict_proba(problem.images))
    if name != "blind":
        attack.retarget(generated)
        assert counts() == once("generated", 17)


def test_little_room_reads_only_those_that_were_looked_at_again(problem, lazy):
    make, counts = lazy
    real = make(problem.images, "real")
    attack = attack_of("nearest", generated=make(problem.generated, "generated"), stream=False)
    with config_context(working_memory=4 * 3 * 1600 / 2**20):  # three images
        attack.fit(real, problem.target)
    found = counts()
    # Before they are described the files are checked, and eight are looked at for colours.
    assert set(found.values()) <= {1, 2, 3}
    assert sum(times == 3 for times in found.values()) <= 8
    assert found.keys() == once("real", 24).keys() | once("generated", 17).keys()


@pytest.mark.parametrize("name", ["recommended", "paper"])
def test_grey_and_one_size_are_made_once(name, problem, monkeypatch):
    """Four families of pixels of three sizes, and four families of textures."""
    calls = Counter()

    def counted(function):
        def wrapper(*args, **kwargs):
            calls[function.__name__] += 1
            return function(*args, **kwargs)

        return wrapper

    monkeypatch.setattr(picture, "to_grey", counted(picture.to_grey))
    monkeypatch.setattr(pixels, "resize", counted(pixels.resize))
    attack = attack_of(name, generated=problem.generated, families=CLASSICAL_FAMILIES)
    attack.fit(problem.images, problem.target)
    sizes = 3 if name == "recommended" else 0
    assert calls == Counter(to_grey=24 + 17, resize=sizes * (24 + 17))
    calls.clear()
    attack.predict(problem.images[:5])
    assert calls == Counter(to_grey=5, resize=sizes * 5)


def test_each_size_is_one_resize(problem, monkeypatch):
    sizes = []
    resize = pixels.resize
    monkeypatch.setattr(pixels, "resize", lambda i, s, **k: sizes.append(s[0]) or resize(i, s, **k))
    attack = attack_of("recommended").set_params(descriptors__pixels_local__size=48)
    attack["descriptors"].fit(problem.images).transform(problem.images[:3])
    assert Counter(sizes) == {64: 3, 48: 3, 32: 3, 8: 3}


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_is_read_before_fit(name):
    attack = attack_of(name, generated=Unread())
    attack.set_params(generated=Unread(), verbose=False)
    assert len(clone(attack).get_params()["generated"]) == 24
    assert "24 images" in repr(attack)
    assert attack._repr_html_()


def test_folders_stay_lazy(problem, tmp_path, monkeypatch):
    for number, image in enumerate(problem.images):
        imsave(tmp_path / f"{number:02}.png", image, check_contrast=False)
    opened = Counter()
    read = datasets.files.read_image
    monkeypatch.setattr(
        datasets.files, "read_image", lambda path, *more: opened.update([path]) or read(path, *more)
    )
    files = datasets.load_images(tmp_path)
    attack = attack_of("recommended", generated=files, families=CLASSICAL_FAMILIES)
    clone(attack).set_params(descriptors__gabor="drop")
    assert not opened
    attack.fit(files, problem.target)
    assert set(opened.values()) == {2}  # each is real, and generated
    opened.clear()
    attack.predict(files)
    assert set(opened.values()) == {1}


class TestReadOnce:
    def test_keeps_no_more_than_a_quarter_of_the_working_memory(self, problem, lazy):
        make, counts = lazy
        with config_context(working_memory=4 * 10.5 * 1600 / 2**20):  # ten images and a half
            images = read_once(make(problem.images, "real"))
            for _ in range(3):
                for number in range(24):
                    np.testing.assert_array_equal(images[number], problem.images[number])
        found = counts()
        assert [found[f"real{number}"] for number in range(24)] == [1] * 10 + [3] * 14

    def test_a_slice_that_nobody_looked_at_stays_lazy(self, problem, lazy):
        make, counts = lazy
        images = read_once(make(problem.images, "real"))
        part = images[4:8]
        assert not counts()
        np.testing.assert_array_equal(part[1], problem.images[5])
        assert images[0] is images[0]

    def test_arrays_and_lists_are_left_alone(self, problem):
        for images in (problem.images, list(problem.images)):
            assert read_once(images) is images
