"""One line for long work: how far it is, how much is left, on a terminal and in a log."""

import json
import re
import time
from math import isnan

import numpy as np
import pytest

from gan_isi import audit, datasets, make_pipeline
from gan_isi._runtime import whole as module
from gan_isi._runtime.whole import Stage, Whole, duration, expect, in_whole, one_line, stage
from gan_isi.audit.duration import measure_costs, stages_of_audit


@pytest.fixture(scope="module")
def problem():
    return datasets.make_membership_problem(
        24, n_generated=15, image_size=32, memorization=0.9, random_state=0
    )


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_time_left_by_estimates_and_by_what_was_measured():
    clock = Clock()
    whole = Whole("audit", clock)
    whole.begin("reading", 4, "image")
    assert isnan(whole.left)
    assert str(whole) == "reading, image 0 of 4"
    whole.end()
    whole.expect([Stage("a: fitting", 10), Stage("a", 90), Stage("b", 100)])
    assert whole.left == 200
    whole.begin("a: fitting", 0, "")
    clock.now = 5
    assert (whole.left, whole.share) == (195, 0.025)
    clock.now = 20  # twice as long as was estimated
    assert isnan(whole.left)
    assert str(whole) == "a: fitting"
    whole.end()
    assert whole.left == 180 + 100  # the same attack is as slow later
    whole.begin("a", 100, "permutation")
    clock.now = 50
    whole.update(20)
    assert whole.left == 30 * 80 / 20 + 100
    assert str(whole) == "a, permutation 20 of 100, about 4 minutes left"
    whole.update(80)
    whole.end()
    whole.begin("never planned", 0, "")
    assert isnan(whole.left)
    whole.end()
    whole.begin("b", 1, "permutation")
    whole.update()
    whole.end()
    assert (whole.left, whole.share) == (0, 1)


def test_stages_that_are_left_out_are_done():
    whole = Whole("audit", Clock())
    whole.expect([Stage("a", 10), Stage("b", 10), Stage("c", 20)])
    whole.begin("c", 2, "fit")
    assert whole.share == 0.5


def run(lines=(), seconds=0.0):
    with one_line("work", True):
        expect(lambda: [Stage("first", 60), Stage("second", 60)])
        for name in lines:
            with stage(name, 2, "step") as task:
                task.update()
                with stage("inner", 5, "step") as inner:  # counts for nothing
                    inner.update()
                time.sleep(seconds)


def test_a_log_has_whole_lines_and_no_control_characters(capsys, monkeypatch):
    monkeypatch.setattr(module, "LOG_EVERY", 0.1)
    monkeypatch.setattr(module, "_LOG_STAGE", 0.0)
    run(["first", "second\x1b[2J"], 0.35)
    err = capsys.readouterr().err
    lines = err.splitlines()
    assert lines[0] == "work: about 2 minutes, estimated from a few images and small fits"
    assert any(re.fullmatch(r"work: \d+ % done, first, step 1 of 2.*", one) for one in lines)
    assert lines[-1].startswith("work: done in 1 second")
    # One line each tenth of a second at most, and one for each stage.
    assert 4 <= len(lines) <= 12
    assert "inner" not in err
    assert not set(err) & {"\r", "\x1b"}


def test_short_work_writes_no_log(capsys):
    run(["first"])
    # What was announced as long work is also told to be done.
    assert len(capsys.readouterr().err.splitlines()) == 2
    with one_line("work", True), stage("first"):
        pass
    with one_line("work", False):
        assert not in_whole()
    assert capsys.readouterr().err == ""


def test_a_terminal_has_one_bar(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    run(["first", "second"])
    shown = capsys.readouterr().err
    assert "work: second, step 0 of 2" in shown
    assert "100%" in shown.split("\r")[-1]
    assert "work: done in 1 second" in shown
    assert shown.count("\n") == 1


def test_errors_pass_through_and_end_it(capsys):
    with pytest.raises(ZeroDivisionError), one_line("work", True), stage("first"):
        _ = 1 / 0
    assert not in_whole()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "1 second"),
        (2, "2 seconds"),
        (99, "99 seconds"),
        (101, "2 minutes"),
        (7200, "2.0 hours"),
    ],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


def test_each_stage_of_an_audit_was_planned(problem, monkeypatch):
    begun, planned = [], []
    begin, expected = Whole.begin, Whole.expect
    monkeypatch.setattr(
        Whole, "begin", lambda self, *given: begun.append(given[0]) or begin(self, *given)
    )
    monkeypatch.setattr(
        Whole, "expect", lambda self, stages: planned.extend(stages) or expected(self, stages)
    )
    other = datasets.make_membership_problem(
        24, n_generated=9, image_size=32, memorization=0.5, random_state=7
    )
    options = {
        "generated": problem.generated, "unrelated_generated": other.generated,
        "candidates": problem.images[20:], "choose": True, "controls": True, "cv": 2,
        "n_permutations": 2, "n_resamples": 10, "random_state": 0,
    }  # fmt: skip
    real, used = problem.images[:20], problem.target[:20]
    attacks = ["nearest", "density_ratio"]
    shown = audit.audit(attacks, real, used, **options, verbose=True)
    first = begun.index("estimating the time")
    assert [name for name in begun[:first] if not name.startswith("reading the ")] == []
    names = [one.name for one in planned]
    # The two attacks are described and compared together; none of it is a surprise.
    assert begun[first + 1 :] == [name for name in names if name in begun]
    assert set(names) == set(begun[first + 1 :])
    assert all(one.seconds >= 0 for one in planned)
    silent = audit.audit(attacks, real, used, **options)
    results = [json.loads(one.to_json())["results"] for one in (shown, silent)]
    assert results[0] == results[1]


def test_an_attack_of_another_make_has_no_estimate(problem):
    from sklearn.dummy import DummyClassifier

    attacks = {
        "ours": make_pipeline("nearest", generated=problem.generated),
        "x": DummyClassifier(),
    }
    costs = measure_costs(attacks, problem.images, problem.generated, n_train=16, n_test=8)
    assert np.isfinite([costs.real, costs.generated, costs.comparing["ours"]]).all()
    assert isnan(costs.fitting["x"])
    stages = stages_of_audit(
        costs, attacks, lambda name: 9, n_real=24, n_generated=15, n_fits=3, n_jobs=1
    )
    assert isnan(sum(one.seconds for one in stages))


@pytest.mark.slow
def test_estimates_are_near_what_it_takes(monkeypatch):
    it = datasets.make_membership_problem(60, n_generated=40, memorization=0.9, random_state=0)
    planned = []
    expected = Whole.expect
    monkeypatch.setattr(
        Whole, "expect", lambda self, stages: planned.extend(stages) or expected(self, stages)
    )
    start = time.perf_counter()
    audit.audit(
        ["recommended", "nearest"], it.images, it.target, generated=it.generated,
        n_permutations=39, random_state=0, verbose=True,
    )  # fmt: skip
    took = time.perf_counter() - start
    # Other processes may come and go meanwhile.
    assert took / 8 < sum(one.seconds for one in planned) < 8 * took
