"""One answer a volume: the same as of slices where each volume has one, and by hand else."""

import numpy as np
import pytest

from gan_isi import audit, datasets
from gan_isi.audit.evidence import Evidence
from gan_isi.audit.prepared import Answers
from gan_isi.audit.volumes import VolumeAttack

QUICK = {"n_permutations": 5, "n_resamples": 50, "random_state": 0, "cv": 3}


@pytest.fixture(scope="module")
def small():
    return datasets.make_membership_problem(
        30, n_generated=20, image_size=32, memorization=0.9, random_state=0
    )


def run(X, y, generated, **options):
    return audit.audit(["nearest", "epsilon_ball"], X, y, generated=generated, **QUICK | options)


def same(one, other):
    for name, result in one.attacks.items():
        np.testing.assert_array_equal(result.answers.scores, other.attacks[name].answers.scores)
        assert result.p_values == other.attacks[name].p_values
        np.testing.assert_array_equal(result.conformal, other.attacks[name].conformal)
        assert result.measures == other.attacks[name].measures
        if result.evidence is not None:
            np.testing.assert_array_equal(
                result.evidence.generated, other.attacks[name].evidence.generated
            )


def test_volumes_of_one_slice_are_images(small):
    names = [f"v{i}" for i in range(30)]
    same(
        run(small.images, small.target, small.generated),
        run(small.images, small.target, small.generated, volumes=names),
    )
    patients = np.arange(30) // 2
    order = np.argsort(small.target, kind="stable")
    X, y = small.images[order], small.target[order]
    same(
        run(X, y, small.generated, groups=patients),
        run(X, y, small.generated, groups=patients, volumes=names),
    )


def test_a_slice_twice_changes_no_score_of_an_attack_without_fit(small, stated):
    one = run(small.images, small.target, small.generated)
    twice = run(
        np.repeat(small.images, 2, axis=0), np.repeat(small.target, 2), small.generated,
        volumes=np.repeat(np.arange(30), 2),
    )  # fmt: skip
    assert one.attacks["nearest"].measures["AUC"].value == pytest.approx(
        twice.attacks["nearest"].measures["AUC"].value
    )
    assert (twice.n_slices, len(twice.labels)) == (60, 30)
    assert stated(twice.statements()["audit"])["volumes"] == {"n_slices": 60}


def test_scores_votes_and_evidence_by_hand():
    class Slices:
        def answer(self, train, labels, test):
            assert train.tolist() == [1, 5, 2]
            assert labels.tolist() == [1, 1, 0]
            return Answers(np.array([0.0, 3.0, 6.0, -1.0]), np.array([True, True, False, False]))

    slices = (np.array([1, 5]), np.array([2]), np.array([0, 3, 4]), np.array([6]))
    made = VolumeAttack(Slices(), slices)
    answers = made.answer(np.array([0, 1]), np.array([1, 0]), np.array([2, 3]))
    assert answers.scores.tolist() == [3.0, -1.0]
    assert answers.used.tolist() == [True, False]
    distances = np.array(
        [[0.5, 0.9], [0.3, 0.8], [0.7, 0.7], [0.1, 0.2], [0.4, 0.6], [0.2, 0.9], [1, 1]]
    )
    evidence = Evidence(np.arange(14).reshape(7, 2), distances, [[str(i)] for i in range(7)])
    best = made.evidence(evidence)
    assert best.generated[:, 0].tolist() == [10, 4, 6, 12]
    assert best.maps == [["5"], ["2"], ["3"], ["6"]]
    assert made.mean(np.arange(7.0)).tolist() == [3.0, 2.0, pytest.approx(7 / 3), 6.0]


def test_candidates_are_volumes(small):
    known, asked = slice(0, 20), slice(20, 30)
    result = run(
        np.repeat(small.images[known], 2, axis=0), np.repeat(small.target[known], 2),
        small.generated, candidates=np.repeat(small.images[asked], 3, axis=0),
        volumes=np.repeat(np.arange(20), 2), candidate_volumes=np.repeat(np.arange(20, 30), 3),
        choose=True,
    )  # fmt: skip
    assert result.n_candidates == 10
    for one in result.attacks.values():
        assert one.candidates.n_images == 10
        assert one.candidates.smallest_p == pytest.approx(1 / (1 + (result.labels == 0).sum()))


def test_half_of_the_slices_are_not_enough_to_call_a_volume_used():
    class Halves:
        def answer(self, train, labels, test):
            return Answers(np.array([1.0, 2.0]), np.array([True, False]))

    made = VolumeAttack(Halves(), (np.array([0, 1]), np.array([2])))
    answers = made.answer(np.array([1]), np.array([1]), np.array([0]))
    assert (answers.scores.tolist(), answers.used.tolist()) == ([1.5], [False])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"volumes": [0, 0, *range(28)]}, "volume 0 has slices of two kinds (used"),
        ({"volumes": range(29)}, "volumes has 29 entries for 30 slices"),
        ({"volumes": [None, *range(29)]}, "volumes names no patient for 1 of 30 slices"),
        ({"candidate_volumes": [1]}, "candidate_volumes= goes with volumes= and candidates="),
    ],
)
def test_what_is_no_sense_is_refused_before_any_image_is_read(small, options, words):
    y = np.arange(30) % 2
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        run(small.images, y, small.generated, **options)


def test_a_volume_of_two_patients_is_refused(small):
    with pytest.raises(ValueError, match=r"two kinds \(patients"):
        run(small.images, np.arange(30) < 14, small.generated,
            groups=np.arange(30), volumes=np.arange(30) // 2)  # fmt: skip
