"""How describing and comparing grow with the workers of a dask cluster on this machine.

    python benchmarks/cluster.py [--real N] [--generated N] [--workers N ...]

Chest X-rays of 64 x 64 pixels against images of a diffusion model, made when they are asked for. A
worker is a process with one thread, which keeps memory that it has freed: as dask starts workers,
they give it back after each array, and blocks took 6.5 instead of 4.5 s. The recommended attack is
fitted a block after the other, and asked about as many candidates. The rows of all cluster sizes
have to be the same bits.
"""

import argparse
import time
import warnings

import dask
import joblib
import numpy as np
from _common import figure, print_table
from distributed import Client, LocalCluster
from million import load

from gan_isi import audit, make_pipeline

KEEPS_MEMORY = {"distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 2**28}


def seconds_and_answers(images, labels, generated, n_workers):
    attack = make_pipeline("recommended", generated=generated, stream=True, n_jobs=n_workers)
    start = time.perf_counter()
    attack.fit(images[::2], labels[::2])
    answers = attack.predict_proba(images[1::2])
    return time.perf_counter() - start, answers


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=int, default=200)
    parser.add_argument("--generated", type=int, default=20000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    warnings.simplefilter("ignore", audit.PreflightWarning)
    images, labels, generated = load(options.real, options.generated)
    few, rows, first = load(options.real, 4000)[2], [], None
    for n_workers in options.workers:
        with (
            dask.config.set(KEEPS_MEMORY),
            LocalCluster(
                n_workers=n_workers, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            Client(cluster),
            joblib.parallel_config(backend="dask"),
        ):
            # Imports, and what numba compiles.
            seconds_and_answers(images[:20], labels[:20], few, n_workers)
            seconds, answers = seconds_and_answers(images, labels, generated, n_workers)
        first = (seconds, answers) if first is None else first
        same = "yes" if np.array_equal(answers, first[1]) else "NO"
        rows.append([str(n_workers), figure(seconds), figure(first[0] / seconds), same])
    print_table(
        f"Fit and predict, {options.real} real and {options.generated:,} generated images",
        ["workers", "s", "times as fast", "same bits"],
        rows,
    )


if __name__ == "__main__":
    main()
