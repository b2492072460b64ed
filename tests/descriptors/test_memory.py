"""Nothing is described twice, and nothing damaged is believed."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

import gan_isi
from gan_isi import SteerableDescriptor, datasets, make_pipeline
from gan_isi._runtime import store as store_module


@pytest.fixture
def described(monkeypatch):
    """Count the images that each family really describes."""
    counts = Counter()
    describe = gan_isi.BaseDescriptor._describe

    def counting(self, pictures):
        counts[type(self).__name__] += len(pictures)
        return describe(self, pictures)

    monkeypatch.setattr(gan_isi.BaseDescriptor, "_describe", counting)
    return counts


def entries(folder):
    """Files of the store, without those that are being written."""
    return sorted(f for f in folder.rglob("gan_isi/??/*") if not f.name.startswith("."))


def test_known_images_are_not_described_again(photographs, tmp_path, described):
    expected = SteerableDescriptor().fit_transform(photographs)
    described.clear()
    descriptor = SteerableDescriptor(memory=tmp_path)
    np.testing.assert_array_equal(descriptor.fit_transform(photographs[:8]), expected[:8])
    assert described["SteerableDescriptor"] == 8
    np.testing.assert_array_equal(descriptor.transform(photographs[::-1]), expected[::-1])
    assert described["SteerableDescriptor"] == 12


@pytest.mark.parametrize(
    "form", [str, lambda path: path, lambda path: joblib.Memory(path, verbose=0)]
)
def test_forms_of_memory(form, photographs, tmp_path, described):
    for _ in range(2):
        SteerableDescriptor(memory=form(tmp_path)).fit_transform(photographs)
    assert described["SteerableDescriptor"] == 12


def test_a_memory_without_a_place_keeps_nothing(photographs, described):
    for _ in range(2):
        SteerableDescriptor(memory=joblib.Memory(None)).fit_transform(photographs)
    assert described["SteerableDescriptor"] == 24


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"sigma": 2.0}, True),
        ({"n_levels": 8}, True),
        ({"cells": "equal"}, True),
        ({"intensity_range": (0, 99)}, True),
        ({"n_jobs": 1}, False),
    ],
)
def test_what_changes_the_vectors_is_part_of_the_key(
    change, again, photographs, tmp_path, described
):
    SteerableDescriptor(memory=tmp_path).fit_transform(photographs)
    changed = SteerableDescriptor(memory=tmp_path, **change).fit_transform(photographs)
    assert described["SteerableDescriptor"] == (24 if again else 12)
    np.testing.assert_array_equal(changed, SteerableDescriptor(**change).fit_transform(photographs))


def test_the_dtype_of_the_pixels_is_part_of_the_key(photographs, tmp_path):
    descriptor = SteerableDescriptor(memory=tmp_path).fit(photographs)
    as_floats = photographs.astype(float)
    descriptor.transform(photographs)
    np.testing.assert_array_equal(
        descriptor.transform(as_floats), SteerableDescriptor().fit_transform(as_floats)
    )


@pytest.mark.parametrize(
    "same",
    [
        {"sigma": np.float64(1.5), "window": np.int64(5), "n_levels": np.int32(8)},
        {"angles": [0, 45.0], "sigma": 1.5},
        {"angles": np.array([0.0, 45.0])},
        {"angles": np.array([0, 45])},
        {"intensity_range": [0.0, np.int64(99)]},
    ],
)
def test_equal_parameters_of_other_types_are_one_entry(same, photographs, tmp_path, described):
    plain = {
        "angles": (0, 45), "sigma": 1.5, "window": 5, "n_levels": 8, "intensity_range": (0, 99),
    }  # fmt: skip
    first = SteerableDescriptor(memory=tmp_path, **plain).fit_transform(photographs)
    again = SteerableDescriptor(memory=tmp_path, **plain | same).fit_transform(photographs)
    assert described["SteerableDescriptor"] == 12
    np.testing.assert_array_equal(again, first)


def test_equal_images_in_other_forms_are_one_entry(photographs, tmp_path, described):
    descriptor = SteerableDescriptor(memory=tmp_path).fit(photographs)
    for form in (photographs, np.asfortranarray(photographs), list(photographs),
                 np.repeat(photographs, 2, axis=2)[:, :, ::2]):  # fmt: skip
        descriptor.transform(form)
    assert described["SteerableDescriptor"] == 12
    wide = photographs.astype(">u2")
    descriptor.transform(wide)
    descriptor.transform(wide.astype("<u2"))
    assert described["SteerableDescriptor"] == 24


def test_stored_bits_are_part_of_the_key(photographs, tmp_path):
    deep = photographs.astype(np.uint16)
    noted = [np.dtype(np.uint16, metadata={"bits_stored": bits}) for bits in (10, 12)]
    descriptor = SteerableDescriptor(memory=tmp_path).fit(deep)
    for dtype in noted:
        images = list(deep.astype(dtype))
        found = descriptor.transform(images)
        np.testing.assert_array_equal(found, SteerableDescriptor().fit_transform(images))


class Planted:
    def __reduce__(self):
        return open, ("planted", "w")


def test_nothing_in_the_folder_is_run(photographs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    descriptor = SteerableDescriptor(memory="kept")
    expected = descriptor.fit_transform(photographs)
    for path in entries(tmp_path):
        joblib.dump(Planted(), path)
    np.testing.assert_array_equal(descriptor.transform(photographs), expected)
    assert not (tmp_path / "planted").exists()


def test_exchanged_entries_are_not_believed(photographs, tmp_path):
    descriptor = SteerableDescriptor(memory=tmp_path)
    expected = descriptor.fit_transform(photographs)
    first, second = entries(tmp_path)[:2]
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    np.testing.assert_array_equal(descriptor.transform(photographs), expected)


def test_the_code_and_the_versions_of_what_computes_are_part_of_the_key(monkeypatch):
    # Each process reads the sources once.
    monkeypatch.setattr(store_module, "sources_digest", store_module.sources_digest.__wrapped__)
    found = set()
    for version, source, numpy in (
        ("1.0", "a", "1"), ("1.0", "b", "1"), ("1.0", "a", "2"), ("1.1", "a", "1"),
        ("1.0.dev0", "a", "1"), ("1.0.dev0", "b", "1"),
    ):  # fmt: skip
        monkeypatch.setattr(store_module, "__version__", version)
        monkeypatch.setattr("pathlib.Path.read_bytes", lambda path, source=source: source.encode())
        monkeypatch.setattr(store_module.metadata, "version", lambda name, numpy=numpy: numpy)
        found.add(store_module.code_of_library.__wrapped__())
    assert len(found) == 5  # a release is known by its number


def test_what_can_not_be_a_memory_is_refused(photographs):
    class Foreign:
        def cache(self, function):
            return function

    with pytest.raises(TypeError, match=r"memory has to be a folder, a joblib\.Memory"):
        SteerableDescriptor(memory=Foreign()).fit_transform(photographs)


def test_the_least_recently_used_go_first(photographs, tmp_path, described):
    descriptor = SteerableDescriptor(memory=tmp_path).fit(photographs)
    descriptor.transform(photographs)
    store = store_module.Store(tmp_path)
    for age, path in enumerate(entries(tmp_path)):
        os.utime(path, (10**9 + age, 10**9 + age))
    descriptor.transform(photographs[3:5])  # makes these the newest
    size = entries(tmp_path)[0].stat().st_size
    assert store.limit is None
    assert store.prune() == 0
    assert store.prune(2 * size) == 10
    described.clear()
    descriptor.transform(photographs[3:5])
    assert not described
    store.set_limit(5 * size)
    descriptor.transform(photographs)
    assert len(entries(tmp_path)) == 5
    store.set_limit(None)
    descriptor.transform(photographs)
    assert len(entries(tmp_path)) == 12


def test_torn_and_foreign_entries_are_computed_again(photographs, tmp_path, described):
    descriptor = SteerableDescriptor(memory=tmp_path)
    expected = descriptor.fit_transform(photographs)
    torn, empty, foreign, changed = entries(tmp_path)[:4]
    torn.write_bytes(torn.read_bytes()[:-100])
    empty.write_bytes(b"")
    foreign.write_bytes(torn.read_bytes())
    changed.write_bytes(changed.read_bytes()[:-1] + b"?")
    described.clear()
    np.testing.assert_array_equal(descriptor.transform(photographs), expected)
    assert described["SteerableDescriptor"] == 4


def test_parallel_jobs_share_it(photographs, tmp_path, described):
    expected = SteerableDescriptor(memory=tmp_path, n_jobs=2).fit_transform(photographs)
    assert len(entries(tmp_path)) == 12
    described.clear()
    again = SteerableDescriptor(memory=tmp_path).fit_transform(photographs)
    np.testing.assert_array_equal(again, expected)
    assert not described


def test_a_search_describes_every_image_once(tmp_path, described):
    problem = datasets.make_membership_problem(30, n_generated=12, image_size=32, random_state=0)
    attack = make_pipeline(
        generated=problem.generated,
        families=["statistical", "steerable"],
        n_levels=16,
        memory=tmp_path,
    )
    grid = {"membership__estimator__svc__C": [0.1, 1, 10], "membership__fusion": ["mean", "max"]}
    search = GridSearchCV(attack, grid, cv=5, error_score="raise")
    search.fit(problem.images, problem.target)
    # Copies of members that the generator repeats are the same picture.
    n_different = len({image.tobytes() for image in [*problem.images, *problem.generated]})
    assert described == {"StatisticalDescriptor": n_different, "SteerableDescriptor": n_different}
    search.best_estimator_.retarget(problem.generated[::-1])
    assert described["StatisticalDescriptor"] == n_different


@pytest.mark.slow
def test_processes_may_open_an_empty_memory_at_once(photographs, tmp_path):
    code = (
        "import sys, time, numpy as np, gan_isi\n"
        "images = np.load('images.npy')\n"
        "print(flush=True); sys.stdin.readline()\n"
        "gan_isi.SteerableDescriptor(memory='kept').fit_transform(images)\n"
    )
    np.save(tmp_path / "images.npy", photographs)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    command = [sys.executable, "-W", "error", "-c", code]
    running = [subprocess.Popen(command, cwd=tmp_path, text=True, **pipes) for _ in range(4)]
    for process in running:
        process.stdout.readline()
    said = [process.communicate("go\n")[0] for process in running]
    assert [process.returncode for process in running] == [0] * 4, said
    assert len(entries(tmp_path)) == len(photographs)


class Own(gan_isi.BaseDescriptor):
    def compute_maps(self, image):
        return [image]


def test_a_family_of_ones_own_is_known_by_its_code(photographs, tmp_path, monkeypatch):
    first = Own(memory=tmp_path).fit_transform(photographs)
    np.testing.assert_array_equal(Own(memory=tmp_path).fit_transform(photographs), first)
    assert len(entries(tmp_path)) == 12
    monkeypatch.setattr("inspect.getsource", lambda cls: "another version")
    Own(memory=tmp_path).fit_transform(photographs)
    assert len(entries(tmp_path)) == 24


def test_a_family_without_source_is_refused(photographs, tmp_path):
    names = {"gan_isi": gan_isi, "__name__": "nowhere"}
    exec("class Lost(gan_isi.BaseDescriptor):\n    def compute_maps(self, i): return [i]", names)
    with pytest.raises(ValueError, match="memory can't tell versions of Lost apart"):
        names["Lost"](memory=tmp_path).fit_transform(photographs)


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_stopped(photographs, tmp_path, described):
    many = np.concatenate([np.roll(photographs, shift, axis=2) for shift in range(10)])
    np.save(tmp_path / "images.npy", many)
    code = (
        "import numpy as np, time, gan_isi\n"
        "describe = gan_isi.BaseDescriptor._describe\n"
        "def slowly(self, pictures):\n"
        "    time.sleep(0.1)\n"
        "    return describe(self, pictures)\n"
        "gan_isi.BaseDescriptor._describe = slowly\n"
        "gan_isi.SteerableDescriptor(memory='kept').fit_transform(np.load('images.npy'))\n"
    )
    running = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    while len(entries(tmp_path)) < 50:
        assert running.poll() is None
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    n_kept = len(entries(tmp_path))
    assert 50 <= n_kept < 120
    vectors = SteerableDescriptor(memory=tmp_path / "kept").fit_transform(many)
    assert described["SteerableDescriptor"] == 120 - n_kept
    np.testing.assert_array_equal(vectors, SteerableDescriptor().fit_transform(many))


def test_the_deep_family_is_known_by_its_weights(photographs, tmp_path):
    pytest.importorskip("torch", reason='needs the extra "deep"')

    def describe(seed, memory=tmp_path):
        deep = gan_isi.DeepDescriptor(
            weights=None, random_state=seed, pooling="channels", memory=memory
        )
        return deep.fit_transform(photographs[:2])

    first, second = describe(0), describe(1)
    assert len(entries(tmp_path)) == 4
    np.testing.assert_array_equal(describe(0), first)
    np.testing.assert_array_equal(second, describe(1, memory=None))
    assert len(entries(tmp_path)) == 4
