"""What "used" means is said by the labels, at every door and in the same words."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import (
    GridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    permutation_test_score,
)
from sklearn.tree import DecisionTreeClassifier

from gan_isi import MembershipClassifier, datasets, make_pipeline
from gan_isi._validation.labels import check_groups, check_used, number_groups
from gan_isi.attacks import ATTACKS
from gan_isi.audit import audit


def few_poses(attack):
    """The attack itself; what is asked here does not depend on how many poses are tried."""
    if "distances__poses__angles" in attack.get_params():
        attack.set_params(distances__poses__angles=(0,), distances__poses__zooms=(1,))
    return attack


class Unread:
    """Images that must not be read."""

    shown = "An image was read."

    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        raise AssertionError(self.shown)


@pytest.fixture(scope="module")
def problem():
    return datasets.make_membership_problem(
        24, n_generated=20, memorization=0.9, image_size=32, random_state=0
    )


ACCEPTED = {
    "bool": lambda used: used,
    "list of bool": lambda used: used.tolist(),
    "objects": lambda used: used.astype(object),
    "int": lambda used: used.astype(int),
    "uint8": lambda used: used.astype(np.uint8),
    "float": lambda used: used.astype(float),
    "float -1/1": lambda used: 2.0 * used - 1,
    "int8 -1/1": lambda used: (2 * used.astype(np.int8) - 1).astype(np.int8),
    "integers as objects": lambda used: (2 * used.astype(int) - 1).astype(object),
    "series": lambda used: pd.Series(used, index=np.arange(len(used)) + 7),
    "nullable bool": lambda used: pd.Series(used, dtype="boolean"),
    "nullable int": lambda used: pd.Series(used.astype(int), dtype="Int64"),
    "categories of numbers": lambda used: pd.Series(used.astype(int), dtype="category"),
    "unmasked": lambda used: np.ma.array(used, mask=np.zeros(len(used))),
}


@pytest.mark.parametrize("write", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_all_ways_to_write_it(write):
    expected = np.array([True, False, False, True, True])
    used, classes = check_used(write(expected), 5)
    assert used.dtype == bool
    np.testing.assert_array_equal(used, expected)
    assert classes[0] < classes[1] == 1
    np.testing.assert_array_equal(classes[used.astype(int)], np.asarray(write(expected)))


REFUSED = {
    "words": (["a", "b"], r'holds text \("a" and "b"\).*y == "a" or y == "b"'),
    "categories": (pd.Series(["in", "out"], dtype="category"), 'Write y == "in" or y == "out"'),
    "bytes": (np.array([b"a", b"b"]), "holds text .* y == b'a' or y == b'b'"),
    "digits": (["0", "1"], 'y == "0" or y == "1"'),
    "a list": (["a", "b"], r"With y = numpy.asarray\(y\), write y =="),
    "1/2": ([1, 2], r"holds numbers \(1 and 2\).* y == 1 or y == 2"),
    "0/2": ([0.0, 2.0], r"holds numbers \(0.0 and 2.0\)"),
    "-1/0": ([-1, 0], "holds numbers"),
    "255": (np.array([255, 1], dtype=np.uint8), "holds numbers"),
    "infinite": ([0, np.inf], "holds numbers"),
    "complex": ([0, 1j], "holds numbers"),
    "three": ([0, 1, 2], "Only binary classification is supported. y holds 3 classes: 0, 1, 2"),
    "-1/0/1": ([0, 1, -1], "holds 3 classes"),
    "four words": (list("abcd"), r'4 classes: "a", "b", "c", \.\.\..*y == "c", whichever'),
    "continuous": ([0.1, 0.7, 0.2], r"continuous values, 0.1 to 0.7.* such as y > 0.2"),
    "one class": ([0, 0, 0], r"all 3 labels of y are of one class, 0 \(not used\)"),
    "all used": ([True, True], r"labels of y are of one class, True \(used\)"),
    "None": ([0, None, 1], "missing labels, 1 of 3; the first is number 1"),
    "None and words": (["a", None], "missing labels, 1 of 2"),
    "NaN": (np.array([0, 1, np.nan, np.nan]), "missing labels, 2 of 4; the first is number 2"),
    "NaN and words": (["a", "b", np.nan], "missing labels, 1 of 3"),
    "NA": (pd.Series([True, None], dtype="boolean"), "missing labels, 1 of 2"),
    "NA of integers": (pd.Series([1, None], dtype="Int64"), "missing labels, 1 of 2"),
    "NA in a list": ([1, pd.NA, 0], "missing labels, 1 of 3"),
    "NaT": (pd.to_datetime(["2023-09-18", None]), "missing labels, 1 of 2"),
    "masked": (np.ma.array([0, 1, 1], mask=[0, 0, 1]), "missing labels, 1 of 3"),
    "one-hot": (
        np.eye(3)[:, :2],
        r"shape \(3, 2\). If these are one-hot columns, pass .* y\[:, 1\]",
    ),
    "ragged": ([[0, 1], [1]], "holds labels"),
    "sets": ([{1}, {2}], "holds labels"),
    "tuples": (pd.Series([(0, 1), (1, 0)]), "holds labels"),
    "nothing": (None, "target y is None"),
    "empty": ([], "holds no labels"),
    "a number": (1, "1d array"),
}


@pytest.mark.parametrize(("y", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        check_used(y)


@given(st.lists(st.sampled_from(["member", "not member", 'a "b"', "'"]), min_size=2))
def test_the_line_to_write_is_python_and_made_of_the_labels(words):
    y = np.array(words)
    with pytest.raises(ValueError, match="Write ") as raised:
        check_used(y, both=False)
    lines = str(raised.value).partition("Write ")[2].partition(", whichever")[0].split(" or ")
    for line in lines:
        assert eval(line).any()
        check_used(eval(line), both=False)


@given(st.data())
def test_the_larger_one_is_used(data):
    used = np.array(data.draw(st.lists(st.booleans(), min_size=1)))
    low = data.draw(st.sampled_from([0, -1]))
    kind = data.draw(st.sampled_from([np.int8, int, np.float32, float, object]))
    found, classes = check_used(np.where(used, 1, low).astype(kind), both=False)
    np.testing.assert_array_equal(found, used)
    assert classes.tolist() == [low if not used.all() else 0, 1]


class TestEveryAttack:
    @pytest.mark.parametrize(
        ("y", "message"),
        [
            (np.arange(24) % 3, "Only binary classification is supported. y holds 3 classes"),
            (np.array(["member", "not member"] * 12), 'Write y == "member" or y == "not member"'),
            (np.zeros(24), "labels of y are of one class, 0.0"),
            (np.r_[np.nan, np.arange(23) % 2], "missing labels, 1 of 24; the first is number 0"),
            (np.arange(23) % 2, "y has 23 labels for 24 images"),
            (None, "target y is None"),
        ],
    )
    def test_refuses_in_the_same_words_before_an_image_is_described(self, y, message):
        said = set()
        for name in ATTACKS:
            with pytest.raises(ValueError, match=message) as raised:
                make_pipeline(name, generated=Unread(5)).fit(Unread(24), y)
            said.add(str(raised.value))
        with pytest.raises(ValueError, match=message) as raised:
            audit("nearest", Unread(24), y, generated=Unread(5))
        assert said == {str(raised.value)}

    @pytest.mark.parametrize("name", ["recommended", "nearest", "retrieval", "blind"])
    def test_answers_alike_however_the_labels_are_written(self, name, problem):
        used = problem.target == 1
        scores = []
        for write in (ACCEPTED["bool"], ACCEPTED["float -1/1"], ACCEPTED["nullable bool"]):
            y = write(used)
            attack = few_poses(make_pipeline(name, generated=problem.generated))
            attack.fit(problem.images, y)
            scores.append(attack.decision_function(problem.images))
            np.testing.assert_array_equal(attack.classes_, check_used(y)[1])
            accuracy = np.mean((attack.predict(problem.images) == 1) == used)
            assert attack.score(problem.images, y) == accuracy
            # By what they mean, not by how they are written.
            assert attack.score(problem.images, used.astype(int)) == accuracy
        for one in scores[1:]:
            np.testing.assert_array_equal(one, scores[0])

    def test_score_refuses_words(self, problem):
        attack = make_pipeline("nearest", generated=problem.generated)
        attack.fit(problem.images, problem.target)
        with pytest.raises(ValueError, match="holds text"):
            attack.score(Unread(24), np.array(["in", "out"] * 12))


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("nearest", "bool"),
        ("nearest", "int"),
        ("nearest", "int8 -1/1"),
        ("recommended", "int8 -1/1"),
    ],
)
def test_inside_of_scikit_learns_model_selection(name, written, problem):
    X, y = problem.images, ACCEPTED[written](problem.target == 1)
    options = {"families": ["statistical"]} if name == "recommended" else {}
    attack = few_poses(make_pipeline(name, generated=problem.generated, **options))
    grid = {
        "nearest": {"membership__n_neighbors": [1]},
        "recommended": {"membership__contrast": [5]},
    }
    search = GridSearchCV(attack, grid[name], cv=2)
    assert search.fit(X, y).best_score_ > 0.5
    calibrated = CalibratedClassifierCV(attack, cv=2, ensemble=False)
    assert calibrated.fit(X, y).predict_proba(X).shape == (24, 2)
    tuned = TunedThresholdClassifierCV(attack, cv=2, scoring="balanced_accuracy")
    assert set(tuned.fit(X, y).predict(X)) <= set(y)
    answers = cross_val_predict(attack, X, y, cv=2)
    assert answers.dtype == y.dtype
    score, _, p_value = permutation_test_score(
        attack, X, y, n_permutations=5, random_state=0, scoring="roc_auc", cv=2
    )
    assert score > 0.6
    assert p_value <= 0.5


class TestGroups:
    MISSING = (None, np.nan, float("nan"), pd.NA, pd.NaT, "", "  ")

    @pytest.mark.parametrize("nobody", MISSING, ids=repr)
    def test_every_image_has_a_patient(self, nobody):
        y = np.arange(24) % 2
        groups = [*map(str, range(22)), nobody, "5"]

        def fit(attack, given):
            return attack.fit(Unread(24), y, groups=given)

        asked = [
            *(partial(fit, make_pipeline(name, generated=Unread(5))) for name in ATTACKS),
            lambda given: audit("nearest", Unread(24), y, generated=Unread(5), groups=given),
            lambda given: audit(
                "nearest", Unread(24), y, generated=Unread(5), candidates=Unread(24),
                candidate_groups=given,
            ),
            lambda given: MembershipClassifier().fit(np.ones((24, 2, 1)), y, groups=given),
        ]  # fmt: skip
        for ask in asked:
            for written in (groups, pd.Series(groups), np.array(groups, dtype=object)):
                with pytest.raises(ValueError, match="names no patient for 1 of 24"):
                    ask(written)

    def test_as_many_as_images(self):
        y = np.arange(24) % 2
        with pytest.raises(ValueError, match="groups has 23 entries for 24 images"):
            make_pipeline(generated=Unread(5)).fit(Unread(24), y, groups=np.arange(23))
        with pytest.raises(ValueError, match="groups has 23 entries for 24 images"):
            audit("nearest", Unread(24), y, generated=Unread(5), groups=np.arange(23))

    def test_masked_and_two_dimensional_ones_are_refused(self):
        with pytest.raises(ValueError, match="names no patient for 1 of 2 images"):
            check_groups(np.ma.array([1, 2], mask=[0, 1]), 2)
        with pytest.raises(ValueError, match=r"shape \(2, 2\)"):
            check_groups([[1, 2], [3, 4]], 2)

    def test_names_of_any_kind_are_numbered(self):
        names = check_groups(["b", 3, "a", 3, "b", (1, 2)], 6)
        np.testing.assert_array_equal(number_groups(names), [0, 1, 2, 1, 0, 3])


class TestPatientsWithinACalibration:
    """Each patient has a second, equal image, and labels mean nothing."""

    @pytest.fixture
    def doubles(self, rng):
        bags = np.repeat(rng.random((40, 4, 6)), 2, axis=0)
        used = np.repeat(np.arange(40) % 2, 2)
        order = rng.permutation(80)
        patients = np.array([f"patient {i}" for i in np.repeat(np.arange(40), 2)])
        return bags[order], used[order], patients[order], rng.random((200, 4, 6))

    @pytest.mark.parametrize("fused", [False, True])
    def test_it_is_not_sure_of_what_it_can_not_know(self, fused, doubles):
        bags, used, patients, fresh = doubles

        class NoProbability(DecisionTreeClassifier):
            """Remembers what it was fitted on."""

            @property
            def predict_proba(self):
                raise AttributeError

            def decision_function(self, X):
                return super().predict(X) - 0.5

        estimator = (
            DecisionTreeClassifier(random_state=0) if fused else NoProbability(random_state=0)
        )
        attack = MembershipClassifier(estimator, calibrate_fusion=fused)
        alone = attack.fit(bags, used).predict_proba(fresh)[:, 1]
        together = attack.fit(bags, used, groups=patients).predict_proba(fresh)[:, 1]
        assert np.abs(alone - 0.5).mean() > 0.15
        assert np.abs(together - 0.5).mean() < 0.1
