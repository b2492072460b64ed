"""What an audit reads and describes, and how attacks of another make are run."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.naive_bayes import GaussianNB

from gan_isi import datasets, make_pipeline
from gan_isi.audit import audit
from gan_isi.audit.prepared import prepare
from gan_isi.descriptors.transformer import BaseImageTransformer

QUICK = {"cv": 2, "n_permutations": 2, "n_resamples": 10, "random_state": 0}


class Files(Sequence):
    """Images that are decoded each time that they are asked for, which is counted."""

    def __init__(self, images):
        self.images, self.decoded = images, Counter()

    def __len__(self):
        return len(self.images)

    def __getitem__(self, key):
        if isinstance(key, slice):
            return [self[number] for number in range(len(self))[key]]
        number = range(len(self))[key]
        self.decoded[number] += 1
        return self.images[number].copy()


@pytest.fixture(scope="module")
def problem():
    return datasets.make_membership_problem(
        24, n_generated=10, image_size=16, memorization=0.5, random_state=0
    )


@pytest.fixture
def described(monkeypatch):
    """How many images each family described, by its parameters."""
    counts = Counter()
    for family in _all_families(BaseImageTransformer):
        if "_describe" in vars(family):
            monkeypatch.setattr(family, "_describe", _counting(family._describe, counts))
    return counts


def _all_families(base):
    yield base
    for one in base.__subclasses__():
        yield from _all_families(one)


def _counting(method, counts):
    def counted(self, pictures):
        counts[repr(self), getattr(self, "size", None)] += len(pictures)
        return method(self, pictures)

    return counted


@pytest.mark.parametrize("with_candidates", [False, True])
def test_each_file_is_decoded_once_for_all_attacks(problem, with_candidates):
    known, generated = Files(problem.images[:20]), Files(problem.generated)
    candidates = Files(problem.images[20:]) if with_candidates else None
    audit(
        {"nearest": "nearest", "recommended": make_pipeline("recommended", families=["steerable"])},
        known,
        problem.target[:20],
        generated=generated,
        candidates=candidates,
        **QUICK,
    )
    for files in filter(None, (known, generated, candidates)):
        assert files.decoded == dict.fromkeys(range(len(files)), 1)


def test_an_image_is_described_once_by_each_distinct_family(problem, described):
    audit(
        {
            "nearest": "nearest",
            "paper": make_pipeline(families=["statistical", "steerable"]),
            "recommended": make_pipeline("recommended", families=["steerable"]),
        },
        problem.images,
        problem.target,
        generated=problem.generated,
        **QUICK,
    )
    # Pixels as they are and with local contrast, small and tiny ones, two textures, and the small
    # pixels of the blind attack, which compares with none.
    n_real, n_generated = len(problem.images), len(problem.generated)
    assert sorted(described.values()) == [n_real] + [n_real + n_generated] * 6


class Given(ClassifierMixin, BaseEstimator):
    """A classifier of the images' means that notes what it was given."""

    seen = ()

    def __init__(self, generated=None, shift=0.0):
        self.generated = generated
        self.shift = shift

    def fit(self, X, y, groups=None):
        Given.seen += ((self.generated, groups),)
        self.model_ = GaussianNB().fit(self._rows(X), y)
        self.classes_ = self.model_.classes_
        return self

    def _rows(self, X):
        return np.array([[one.mean() + self.shift] for one in X])

    def predict_proba(self, X):
        return self.model_.predict_proba(self._rows(X))

    def predict(self, X):
        return self.model_.predict(self._rows(X))


class Asking(Given):
    """The same, and its patients are asked for."""

    __metadata_request__fit = {"groups": True}


@pytest.mark.parametrize("attack", [Given(), Asking()], ids=["plain", "asks for patients"])
def test_a_plain_classifier_gets_the_generated_images_and_its_patients(
    problem, attack, monkeypatch
):
    monkeypatch.setattr(Given, "seen", ())
    patients = np.repeat(np.arange(12), 2)
    labels = np.repeat(np.arange(12) % 2, 2)
    audit(
        {"own": attack}, problem.images, labels, generated=problem.generated, groups=patients,
        **QUICK,
    )  # fmt: skip
    assert len(Given.seen) == 2 * 3  # of the true labels and of two permutations
    for generated, groups in Given.seen:
        assert_allclose(getattr(generated, "images", generated), problem.generated)
        assert (groups is not None) == isinstance(attack, Asking)
        if groups is not None:
            # All images of a patient are in the same part.
            assert set(np.unique(groups, return_counts=True)[1]) == {2}
    assert attack.generated is None  # the user's own stays as it is


def test_a_search_over_an_attack_says_what_it_says_fitted_by_hand(problem):
    patients = np.repeat(np.arange(12), 2)
    labels = np.repeat(np.arange(12) % 2, 2)

    def search(**given):
        return GridSearchCV(
            make_pipeline("nearest", **given),
            {"membership__n_neighbors": [1, 2]},
            cv=StratifiedGroupKFold(2),
        )

    named = {"search": search()}
    ((_, prepared),) = prepare(named, problem.images, problem.generated, patients)
    train, test = np.arange(0, 16), np.arange(16, 24)
    found = prepared.answer(train, labels[train], test)
    expected = search(generated=problem.generated)
    expected.fit(problem.images[train], labels[train], groups=patients[train])
    assert_allclose(found.scores, expected.decision_function(problem.images[test]))
    result = audit(
        named, problem.images, labels, generated=problem.generated, groups=patients, **QUICK
    )
    assert set(result.attacks) == {"search", "blind"}


def test_a_classifier_without_the_parameter_is_left_alone(problem):
    rows = problem.images.reshape(24, -1) / 255.0
    ((_, prepared),) = prepare({"own": LogisticRegression()}, rows, problem.generated)
    answers = prepared.answer(np.arange(16), problem.target[:16], np.arange(16, 24))
    expected = LogisticRegression().fit(rows[:16], problem.target[:16])
    assert_allclose(answers.scores, expected.decision_function(rows[16:]))
