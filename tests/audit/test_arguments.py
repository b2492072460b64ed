"""What an audit is told is looked at before any image is."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    PredefinedSplit,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
)

from gan_isi import make_pipeline
from gan_isi.audit import audit
from gan_isi.audit.folds import LARGEST_SEED, draw_folds, repeat_seeds

USED = np.arange(24) % 2
PATIENTS = np.arange(24) // 4  # each with both classes
PAIRS = np.arange(24) // 2  # to be of one class each


class Unread:
    """Images that must not be read."""

    def __init__(self, n=24):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        raise AssertionError("An image was read.")


class Moody:
    """A splitter that nobody can ask twice."""

    n_splits = 2

    def split(self, X, y=None, groups=None):
        yield from StratifiedKFold(2, shuffle=True).split(X, y)


HALVES = [(np.arange(12), np.arange(12, 24)), (np.arange(12, 24), np.arange(12))]

REFUSED = [
    ({"attacks": "nearst"}, r"one of \['recommended', 'paper', 'nearest', .* got 'nearst'"),
    ({"attacks": ["nearest", "nearest"]}, "An attack is named twice"),
    ({"attacks": []}, "No attack was given"),
    ({"attacks": [make_pipeline("nearest")]}, "A list of attacks holds names"),
    ({"attacks": {"chosen": "nearest"}}, "can't be named 'chosen'"),
    ({"attacks": {"default": "nearest"}}, "can't be named 'default'"),
    ({"attacks": {3: "nearest"}}, "can't be named 3"),
    ({"attacks": {" ": "nearest"}}, "can't be named ' '"),
    ({"attacks": {"mine": 3}}, "The attack 'mine' is no classifier with fit"),
    ({"attacks": LogisticRegression}, "The attack 'attack' is no classifier with fit"),
    ({"attacks": make_pipeline("nearest")[:-1]}, "is no classifier with fit"),
    ({"n_permutations": {"nearst": 5}}, "n_permutations names 'nearst', and no attack is named so"),
    ({"n_permutations": {"chosen": 5}}, "n_permutations names 'chosen'"),
    ({"n_permutations": {"nearest": -1}}, r"n_permutations\['nearest'\] has to be .* from 0"),
    ({"n_permutations": -1}, "n_permutations has to be a whole number from 0; got -1"),
    ({"n_permutations": 19.0}, "n_permutations has to be a whole number"),
    ({"n_permutations": True}, "n_permutations has to be a whole number"),
    ({"n_resamples": 0}, "n_resamples has to be a whole number from 1; got 0"),
    ({"n_repeats": 0}, "n_repeats has to be a whole number from 1; got 0"),
    ({"confidence": 95}, "confidence has to lie between 0 and 1, both excluded; got 95"),
    ({"confidence": 1.0}, "confidence has to lie"),
    ({"confidence": np.nan}, "confidence has to lie"),
    ({"fprs": (0.1, 1.5)}, "fprs has to lie between 0 and 1, both excluded; got 1.5"),
    ({"fprs": (0.0,)}, "fprs has to lie"),
    ({"fprs": 0.1}, "fprs has to be a list of rates"),
    ({"n_jobs": 0}, "n_jobs has to be None, or a whole number other than 0; got 0"),
    ({"n_jobs": 1.5}, "n_jobs has to be None"),
    ({"cv": 1}, "cv has to be a whole number from 2; got 1"),
    ({"cv": 13}, "cv=13 needs at least 13 queries of each class"),
    ({"cv": 2.5}, "cv has to be a whole number from 2, a splitter"),
    ({"cv": None}, "cv has to be a whole number from 2, a splitter"),
    ({"cv": True}, "cv has to be a whole number from 2, a splitter"),
    ({"cv": "5"}, "cv has to be a whole number from 2, a splitter"),
    ({"cv": [1, 2]}, "cv has to be a whole number from 2, a splitter"),
    ({"cv": HALVES[:1]}, "image 0 is held out 0 times"),
    ({"cv": HALVES * 2}, "image 0 is held out 2 times"),
    ({"cv": [(np.arange(24), test) for _, test in HALVES]}, "Fold 0 of cv trains on images that"),
    ({"cv": [([0.5], [1])]}, "have to be numbers of the 24 known images"),
    ({"cv": [([24], [1])]}, "have to be numbers of the 24 known images"),
    ({"cv": [([0], [-1])]}, "have to be numbers of the 24 known images"),
    ({"cv": ShuffleSplit(4)}, r"exactly once; image \d+ is held out"),
    ({"cv": RepeatedStratifiedKFold(n_splits=2)}, "held out 10 times .repeats are for n_repeats"),
    ({"cv": LeaveOneOut()}, "The test part of fold 0 of cv holds one class only"),
    ({"cv": [(np.arange(0, 24, 2), np.arange(1, 24, 2)), (np.arange(1, 24, 2),
              np.arange(0, 24, 2))]}, "The training part of fold 0 of cv holds one class only"),
    ({"cv": KFold(4), "groups": np.arange(24) % 6}, "Fold 0 of cv trains on images of patients"),
    ({"cv": StratifiedKFold(4), "groups": PATIENTS, "n_permutations": 0},
     "StratifiedGroupKFold for one"),
    ({"cv": Moody()}, "gives other folds each time it is asked"),
    ({"cv": HALVES, "n_repeats": 2}, "n_repeats=2 needs folds that can be drawn again"),
    ({"cv": StratifiedKFold(2), "n_repeats": 2}, "n_repeats=2 needs folds"),
    ({"cv": StratifiedKFold(2, shuffle=True, random_state=0), "n_repeats": 2}, "drawn again"),
    ({"cv": HALVES, "candidates": Unread()}, "With candidates, which change places"),
    ({"cv": 12, "choose": True, "attacks": ["nearest", "retrieval"]}, "for 12 inner folds"),
    ({"cv": PredefinedSplit(np.arange(24) // 2), "choose": True,
      "attacks": ["nearest", "retrieval"]}, "only 11 queries may be left for 12 inner folds"),
    ({"attacks": ["nearest"], "choose": True}, "needs two attacks at least"),
    ({"groups": PATIENTS}, "of 6 groups can't be permuted"),
    ({"candidates": Unread(0)}, "Found 0 candidates"),
    ({"candidate_groups": [1]}, "candidate_groups were given without candidates"),
    ({"random_state": "seed"}, "cannot be used to seed"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), REFUSED, ids=[m for _, m in REFUSED])
def test_what_makes_no_sense_is_refused_at_once(change, message):
    arguments = {"attacks": "nearest", "X": Unread(), "y": USED, "generated": Unread(9)} | change
    with pytest.raises(ValueError, match=message):
        audit(**arguments)


def test_what_makes_sense_is_read():
    """So that the images of the test above would have been."""
    with pytest.raises(AssertionError, match="An image was read"):
        audit("nearest", Unread(), USED, generated=Unread(9), cv=np.int64(3), fprs=[])


def test_attacks_by_name(monkeypatch):
    made = []
    monkeypatch.setattr(
        "gan_isi.audit.arguments.make_pipeline",
        lambda name, **options: made.append((name, options)) or make_pipeline("nearest"),
    )
    for attacks in ("paper", ["recommended", "nearest"], {"mine": "paper"}, ("blind",)):
        with pytest.raises(AssertionError):
            audit(attacks, Unread(), USED, generated=Unread(9), n_jobs=2)
    names = ["paper", "blind", "recommended", "nearest", "blind", "paper", "blind", "blind"]
    assert made == [(name, {"n_jobs": 2, "memory": None}) for name in names]


def test_by_name_they_are_those_of_the_library(without_provenance):
    rng = np.random.default_rng(0)
    real, generated = rng.integers(0, 255, (24, 8, 8)), rng.integers(0, 255, (9, 8, 8))
    real, generated = real.astype(np.uint8), generated.astype(np.uint8)
    options = {"generated": generated, "n_permutations": 2, "n_resamples": 10, "random_state": 0}
    by_name = audit(["nearest", "retrieval"], real, USED, **options)
    by_hand = audit(
        {name: make_pipeline(name) for name in ("nearest", "retrieval", "blind")},
        real, USED, **options,
    )  # fmt: skip
    assert without_provenance(by_name) == without_provenance(by_hand)
    assert by_name.provenance.attacks == by_hand.provenance.attacks
    assert list(by_name.attacks) == ["nearest", "retrieval", "blind"]


class TestSplitters:
    OPTIONS = {"n_permutations": 3, "n_resamples": 10, "random_state": 0}

    @pytest.fixture
    def asked(self, rng, attack, world):
        real, _, generated = world(rng, n=24)

        def ask(**options):
            result = audit(attack(), real, USED, generated=generated, **self.OPTIONS | options)
            folds = [one.answers.folds for one in result.attacks.values()]
            assert_array_equal(folds[0], folds[1])  # the same for all attacks
            assert result.cv == folds[0].max() + 1
            return result, folds[0]

        return ask

    def test_our_own_folds_are_those_of_scikit_learn(self):
        for groups, kind in ((None, StratifiedKFold), (PATIENTS, StratifiedGroupKFold)):
            expected = kind(3, shuffle=True, random_state=7).split(USED, USED, groups)
            for one, other in zip(draw_folds(3, None, USED, groups, 7), expected, strict=True):
                assert_array_equal(one[0], other[0])
                assert_array_equal(one[1], other[1])

    def test_splits_that_are_given_are_used_as_they_are(self, asked):
        part = np.arange(24) // 8
        splits = [(np.flatnonzero(part != one), np.flatnonzero(part == one)) for one in range(3)]
        masks = [(part != one, part == one) for one in range(3)]
        for cv in (splits, iter(splits), masks, PredefinedSplit(part), KFold(3)):
            result, folds = asked(cv=cv)
            assert_array_equal(folds, [part])
            assert result.cv == 3

    def test_one_patient_a_fold(self, asked):
        result, folds = asked(cv=LeaveOneGroupOut(), groups=PATIENTS, n_permutations=0)
        assert_array_equal(folds, [PATIENTS])
        assert result.cv == 6

    @pytest.mark.parametrize("n_repeats", [1, 3])
    def test_one_that_draws_draws_from_the_seed_of_the_audit(
        self, asked, n_repeats, without_provenance
    ):
        cv = StratifiedKFold(4, shuffle=True)
        first, folds = asked(cv=cv, n_repeats=n_repeats)
        again, _ = asked(cv=cv, n_repeats=n_repeats)
        assert without_provenance(first) == without_provenance(again)
        assert len(np.unique(folds, axis=0)) == n_repeats
        assert (asked(cv=cv, n_repeats=n_repeats, random_state=1)[1] != folds).any()
        # They are our own, as ours are drawn by the same splitter.
        ours, _ = asked(cv=4, n_repeats=n_repeats)
        assert without_provenance(first) == without_provenance(ours)
        assert cv.random_state is None

    def test_permuted_labels_go_through_the_same_splitter(self, attack, rng, world):
        real, _, generated = world(rng, n=24)
        seen = []

        class Spy(StratifiedKFold):
            def split(self, X, y, groups=None):
                seen.append(np.array(y))
                return super().split(X, y, groups)

        audit(attack(), real, USED, generated=generated, cv=Spy(3), **self.OPTIONS)
        permuted = [y for y in seen if (y != USED).any()]
        assert len(permuted) == 2 * 3  # of two attacks
        assert all(y.sum() == 12 for y in permuted)

    def test_with_candidates_patients_and_a_choice(self, asked, rng, attack, world):
        real, _, generated = world(rng, n=24)
        result = audit(
            {"a": attack(), "b": attack(n_closest=(1,))}, real,
            PAIRS % 2, generated=generated,
            groups=PAIRS, candidates=real[:6] + 1, candidate_groups=np.arange(6) // 3 + 100,
            cv=StratifiedGroupKFold(3), choose=True, **self.OPTIONS,
        )  # fmt: skip
        assert result.attacks["chosen"].answers.candidates.shape == (1, 3, 6)
        folds = result.attacks["a"].answers.folds[0].reshape(12, 2)
        assert (folds == folds[:, :1]).all()


def test_seeds_of_the_repeats():
    assert repeat_seeds(3, 5)[:2] == repeat_seeds(3, 2)
    assert len({*repeat_seeds(3, 5)}) == 5
    assert max(repeat_seeds(0, 100)) < LARGEST_SEED


@pytest.mark.filterwarnings("ignore:The least populated class")
def test_folds_of_our_own_leave_both_classes_outside_each():
    """Two patients of each class, one of them large: some draws would put one class together."""
    labels = np.repeat([0, 0, 1, 1], [9, 1, 1, 9])
    groups = np.repeat(np.arange(4), [9, 1, 1, 9])
    for seed in range(50):
        for train, test in draw_folds(2, None, labels, groups, seed):
            assert set(labels[train]) == {0, 1}
            assert not set(groups[train]) & set(groups[test])
    with pytest.raises(ValueError, match="can't be split into 2 folds with both classes"):
        draw_folds(2, None, np.array([0, 0, 1]), np.array([0, 1, 2]), 0)
