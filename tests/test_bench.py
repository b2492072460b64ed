"""The comparison of two runs of `make bench`, on made-up ones; and what a run writes."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

ROOT = Path(__file__).parents[1]
MACHINE = {"processor": "one", "AVX-512": "True", "cores": "2", "numpy": "2.4.6"}


def module_of(path):
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tool():
    return module_of("tools/compare_bench.py")


@pytest.fixture(scope="module")
def common():
    return module_of("benchmarks/_common.py")


@pytest.fixture
def write(tmp_path):
    def write(name, ratios, machine=MACHINE):
        path = tmp_path / f"{name}.json"
        run = {"gan_isi": "0.1", "machine": machine, "ratios": ratios}
        path.write_text(json.dumps(run))
        return str(path)

    return write


STEADY = [2.0, 2.02, 1.98, 2.01, 1.99]
SHAKY = [2.0, 3.0, 1.4, 2.6, 1.7]


class TestComparison:
    def test_what_moved_is_named(self, tool, write, capsys):
        before = write("a", {"fast: one": STEADY, "two": STEADY, "three": SHAKY, "gone": STEADY})
        faster, slower = (list(factor * np.array(STEADY)) for factor in (1.3, 0.8))
        shaky = list(0.8 * np.array(SHAKY))
        after = write("b", {"fast: one": faster, "two": slower, "three": shaky, "new": STEADY})
        assert tool.main([before, after]) == 1
        *told, last = (" ".join(line.split()) for line in capsys.readouterr().out.splitlines())
        assert told[1] == "fast: one 2 ± 1% 2.6 ± 1% +30.0% faster"
        assert told[2] == "two 2 ± 1% 1.6 ± 1% -20.0% slower"
        assert told[3] == "three 2 ± 46% 1.6 ± 46% -20.0%"
        assert told[4:] == ["Only before: gone", "Only after: new"]
        assert last == "2 of 3 ratios moved by more than their noise."

    @pytest.mark.parametrize("factor", [1.0, 1.04, 0.97])
    def test_little_is_noise(self, tool, write, factor, capsys):
        before, after = write("a", {"one": STEADY}), write("b", {"one": [2 * factor] * 5})
        assert tool.main([before, after]) == 0
        assert tool.main([before, write("c", {"one": STEADY})]) == 0
        assert "0 of 1 ratios moved" in capsys.readouterr().out
        assert tool.main([before, after, "--least=0"]) == int(factor != 1)

    @pytest.mark.parametrize(("slow", "moved"), [(6.2, True), (5.0, False)])
    def test_one_slow_repeat_hides_little(self, tool, slow, moved):
        before = np.array([9.3, 9.1, slow, 9.6, 9.0])
        after = np.array([5.8, 5.9, 5.7, 6.0, 5.6])
        assert bool(tool.compare({"one": before}, {"one": after})[0][-1]) == moved

    def test_false_alarms_are_as_rare_as_said(self, tool, rng):
        runs = [{str(i): rng.lognormal(0, 0.3, size=5) for i in range(1000)} for _ in "ab"]
        alarms = sum(bool(row[-1]) for row in tool.compare(*runs, least=0))
        # All of one run above all of the other: 2 orders of the 252.
        low, high = stats.binom.interval(0.9999, 1000, 2 / 252)
        assert low <= alarms <= high

    def test_other_machines_are_refused(self, tool, write, capsys):
        before = write("a", {"one": STEADY})
        after = write("b", {"one": STEADY}, MACHINE | {"AVX-512": "False", "torch": "2.9"})
        assert tool.main([before, after]) == 2
        told = capsys.readouterr().err
        assert "AVX-512: True before, False after" in told
        assert "torch: - before, 2.9 after" in told
        assert "cores" not in told
        assert tool.main([before, after, "--anyway"]) == 0
        assert "Differs: AVX-512: True before, False after" in capsys.readouterr().out

    @pytest.mark.parametrize(("ratios", "words"), [
        ({"one": STEADY[:4]}, "'one' needs 5 repeats"), ({"one": [0.0, *STEADY]}, "not above 0"),
        ({"one": [float("nan"), *STEADY]}, "not above 0"), ([1], "no file of make bench"),
        ({"other": STEADY}, "no ratio in common"), ({"one": "fast"}, "no file of make bench"),
    ])  # fmt: skip
    def test_what_tells_nothing_is_refused(self, tool, write, ratios, words, capsys):
        assert tool.main([write("a", {"one": STEADY}), write("b", ratios)]) == 2
        assert words in capsys.readouterr().err
        assert tool.main(["nowhere.json", write("a", {"one": STEADY})]) == 2
        assert "nowhere.json" in capsys.readouterr().err


class TestRecord:
    @pytest.fixture(autouse=True)
    def of_a_script(self, monkeypatch):
        monkeypatch.setattr(sys, "argv", ["benchmarks/script.py"])

    def test_it_can_be_compared(self, tool, common, tmp_path, monkeypatch):
        target = tmp_path / "made" / "bench.json"
        monkeypatch.setenv("BENCH_JSON", str(target))
        common.record("first", np.array(STEADY))
        monkeypatch.setattr(sys, "argv", ["benchmarks/other.py"])
        common.record("second", np.array(SHAKY))
        machine, ratios = tool.read_run(target)
        assert_allclose(ratios["script: first"], STEADY)
        assert_allclose(ratios["other: second"], SHAKY)
        assert {"processor", "AVX-512", "cores", "linear algebra", "numpy"} <= set(machine)
        assert all(isinstance(value, str) for value in machine.values())
        assert tool.main([str(target), str(target)]) == 0

    def test_nothing_is_written_unasked(self, common, tmp_path, monkeypatch):
        monkeypatch.delenv("BENCH_JSON", raising=False)
        monkeypatch.chdir(tmp_path)
        common.record("first", np.array(STEADY))
        assert not list(tmp_path.iterdir())

    def test_machines_are_not_mixed(self, common, write, monkeypatch):
        monkeypatch.setenv("BENCH_JSON", write("a", {}))
        with pytest.raises(SystemExit, match="of another machine or version"):
            common.record("first", np.array(STEADY))

    def test_functions_run_in_turns(self, common):
        calls = []
        seconds = common.side_by_side(lambda: calls.append("a"), lambda: calls.append("b"))
        assert seconds.shape == (5, 2)
        assert (seconds >= 0).all()
        assert "".join(calls) == "ab" * 6
