"""Long work shows how far it is, when asked; scikit-learn's callbacks see the parts of fit."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from gan_isi import MembershipClassifier, SteerableDescriptor, datasets, make_pipeline


@pytest.fixture(scope="module")
def problem():
    return datasets.make_membership_problem(24, n_generated=15, image_size=32, random_state=0)


def fitted(problem, **options):
    options |= {"families": ["statistical", "steerable"], "n_levels": 16}
    attack = make_pipeline(generated=problem.generated, **options)
    return attack.fit(problem.images, problem.target)


def test_silent_by_default(problem, capfd):
    fitted(problem).predict(problem.images)
    assert capfd.readouterr() == ("", "")


def test_descriptors_count_images_to_the_last(photographs, capfd):
    SteerableDescriptor(verbose=True).fit_transform(photographs)
    shown = capfd.readouterr().err
    assert "steerable: 100%" in shown
    assert "12/12" in shown
    assert "image/s" in shown


def test_predicting_counts_queries_and_changes_nothing(problem, capfd):
    quiet = fitted(problem).predict_proba(problem.images)
    attack = fitted(problem, verbose=True)
    capfd.readouterr()
    np.testing.assert_array_equal(attack.predict_proba(problem.images), quiet)
    shown = capfd.readouterr().err
    assert "describe: 100%" in shown
    assert "compare: 100%" in shown
    assert "24/24" in shown


class Recorder:
    """Callback that writes down the tasks that begin and end."""

    def __init__(self):
        self.begun, self.ended = [], []

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.begun.append((context.estimator_name, context.task_name))

    def on_fit_task_end(self, estimator, context):
        self.ended.append((context.estimator_name, context.task_name))

    def teardown(self, estimator, context):
        pass


@pytest.mark.parametrize(
    ("estimator", "calibrated", "n_fits"),
    [
        (None, False, 1 + 5),
        (None, True, 1 + 5 + 5 * (1 + 5)),
        (LogisticRegression(), False, 1),
        (LogisticRegression(), True, 1 + 5),
    ],
)
def test_callbacks_see_every_fit_of_pairs(estimator, calibrated, n_fits, rng):
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since 1.9")
    recorder = Recorder()
    classifier = MembershipClassifier(estimator, calibrate_fusion=calibrated)
    classifier.set_callbacks(recorder)
    classifier.fit(rng.random((20, 3, 2)), np.repeat([0, 1], 10))
    assert recorder.begun.count(("MembershipClassifier", "pairs")) == n_fits
    assert recorder.begun.count(("MembershipClassifier", "fit")) == 1
    assert sorted(recorder.begun) == sorted(recorder.ended)


def test_scikit_learns_progress_bar_goes_through_all_steps(problem, capfd):
    callback = pytest.importorskip("sklearn.callback", reason="since scikit-learn 1.9")
    attack = make_pipeline(generated=problem.generated, families=["statistical"], n_levels=16)
    # A step that does not know callbacks makes scikit-learn warn, which is an error here.
    attack.set_callbacks(callback.ProgressBar(max_propagation_depth=None))
    attack.fit(problem.images, problem.target)
    assert "SourceIdentificationPipeline - fit" in capfd.readouterr().out


def children(pid):
    listing = subprocess.run(
        ["ps", "-o", "pid=,stat=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    rows = [line.split() for line in listing.stdout.splitlines()]
    return [int(number) for number, state in rows if not state.startswith("Z")]


INTERRUPTED = """
import sys, time
import numpy as np
import gan_isi

images = np.random.default_rng(0).random((4000, 128, 128), dtype=np.float32)
descriptor = gan_isi.GaborDescriptor(n_jobs=2).fit(images)
print("begun", flush=True)
try:
    descriptor.transform(images)
except KeyboardInterrupt:
    print("stopped", flush=True)
    time.sleep(float(sys.argv[1]))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT to a process")
def test_ctrl_c_stops_promptly_and_leaves_no_workers():
    # The process lives on after the interruption, as a notebook's does.
    running = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, "20"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A shell starts jobs in the background with SIGINT ignored, and so their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert running.stdout.readline() == "begun\n"
        time.sleep(6)  # the workers are at work
        assert children(running.pid)
        interrupted = time.monotonic()
        running.send_signal(signal.SIGINT)
        said = running.stdout.readline()
        while said and said != "stopped\n":
            said = running.stdout.readline()
        assert said == "stopped\n"
        assert time.monotonic() - interrupted < 5
        deadline = time.monotonic() + 5
        # joblib's resource trackers end with the process; they are no workers.
        while len(children(running.pid)) > 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        names = [command_of(pid) for pid in children(running.pid)]
        assert not [name for name in names if "resource_tracker" not in name]
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()


def command_of(pid):
    listing = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listing.stdout
