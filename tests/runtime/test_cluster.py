"""A cluster gives the same bits as one machine, also when it loses a worker."""

import os
import signal
import threading
from contextlib import contextmanager

import joblib
import numpy as np
import pytest

from gan_isi import GaborDescriptor, datasets, make_pipeline

distributed = pytest.importorskip("dask.distributed", reason="needs distributed")
pytestmark = [
    pytest.mark.slow,
    # Sockets of a cluster that has gone are closed by the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_the_attack_gives_the_same_bits(client):
    problem = datasets.make_membership_problem(40, n_generated=30, image_size=32, random_state=0)

    def attack():
        pipeline = make_pipeline(
            generated=problem.generated, n_levels=16, max_pairs=400, random_state=0
        )
        pipeline.fit(problem.images, problem.target)
        return pipeline.predict_proba(problem.images)

    expected = attack()
    n_before = client.run_on_scheduler(n_finished)
    with joblib.parallel_config(backend="dask"):
        np.testing.assert_array_equal(attack(), expected)
    # It did go to the workers: 40, 30 and 40 images, 8 in a task, and the fits of pairs.
    assert client.run_on_scheduler(n_finished) > n_before + 5 + 4 + 5


def n_finished(dask_scheduler):
    return sum(len(steps) for steps in dask_scheduler.plugins["counted"].steps.values())


@pytest.fixture(scope="module", autouse=True)
def counted(client):
    class Plugin(distributed.diagnostics.plugin.SchedulerPlugin):
        name = "counted"

        def __init__(self):
            self.steps = {"memory": []}

        def transition(self, key, start, finish, *args, **kwargs):
            if finish == "memory":
                self.steps["memory"].append(key)

    client.register_plugin(Plugin())


def test_comparing_goes_to_the_workers_and_outlives_one(client, monkeypatch):
    """Blocks of generated images are described and compared there; what is closest comes back."""
    monkeypatch.setattr("gan_isi.attacks.streaming._BLOCK", 50)
    problem = datasets.make_membership_problem(20, n_generated=500, image_size=32, random_state=0)

    def answers():
        attack = make_pipeline("recommended", generated=problem.generated, stream=True)
        attack.set_params(distances__poses__angles=(0,), distances__poses__zooms=(1,))
        attack.fit(problem.images, problem.target)
        return attack.predict_proba(problem.images)

    expected = answers()
    n_before = client.run_on_scheduler(n_finished)
    with joblib.parallel_config(backend="dask"), killing_one(client, after=0.6):
        found = answers()
    np.testing.assert_array_equal(found, expected)
    # Twice 10 blocks and the queries' own images, of which joblib sends several at once.
    assert client.run_on_scheduler(n_finished) > n_before + 5


@contextmanager
def killing_one(client, after):
    """Kill a worker on the way, and wait for another in its place."""
    pids = list(client.run(os.getpid).values())
    killed = []

    def kill():
        os.kill(pids[0], signal.SIGKILL)
        killed.append(pids[0])

    timer = threading.Timer(after, kill)
    timer.start()
    yield
    assert killed, "the work was done before the worker was killed"
    timer.join()
    client.wait_for_workers(2, timeout=60)
    assert pids[0] not in client.run(os.getpid).values()


def test_a_killed_worker_changes_nothing(client, photographs):
    images = np.concatenate([np.roll(photographs, shift, axis=2) for shift in range(30)])
    descriptor = GaborDescriptor(n_levels=16).fit(images)
    expected = descriptor.transform(images)
    with joblib.parallel_config(backend="dask"), killing_one(client, after=0.4):
        vectors = descriptor.transform(images)
    np.testing.assert_array_equal(vectors, expected)
