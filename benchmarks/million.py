"""Generated images by the million: time and memory, and how both grow with their number.

    python benchmarks/million.py [--real N] [--generated N ...] [--n-jobs N] [--memory FOLDER]
        [--audit] [--in-memory N]

Chest X-rays of 64 x 64 pixels against images of a diffusion model, each flipped and shifted in
another way so that as many as wanted differ, made when they are asked for: no more of them are in
memory than an attack holds. The recommended attack is fitted and asked about as many candidates in
one pass, or audited with 99 permutations (one pass, and the preflight's). Beside it what it takes
with all generated images in memory.
"""

import argparse
import time
import warnings

import numpy as np
from _common import Resampled, figure, load_known, peak_resident, print_table

from gan_isi import audit, make_pipeline


def load(n_real, n_generated):
    images, labels, made = load_known()
    chosen = np.random.default_rng(0).permutation(len(images))[:n_real]
    return images[chosen], labels[chosen], Resampled(made, n_generated)


def measured(options, n_generated, stream):
    images, labels, generated = load(options.real, n_generated)
    attack = make_pipeline(
        "recommended", generated=generated, stream=stream, n_jobs=options.n_jobs,
        memory=options.memory, verbose=options.verbose,
    )  # fmt: skip
    wall, cpu = time.perf_counter(), time.process_time()
    if options.audit:
        audit.audit(
            {"recommended": attack}, images, labels, generated=generated, n_permutations=99,
            random_state=0, n_jobs=options.n_jobs, verbose=options.verbose,
        )  # fmt: skip
    else:
        attack.fit_predict_proba(images[::2], labels[::2], images[1::2])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return wall, cpu, peak_resident() / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=int, default=200)
    parser.add_argument("--generated", type=int, nargs="+", default=[5000, 10000, 20000])
    parser.add_argument("--in-memory", type=int, nargs="*", default=[5000])
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--memory", help="folder that keeps what comes of each block")
    parser.add_argument("--audit", action="store_true", help="audit instead of fit and predict")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore", audit.PreflightWarning)
    rows = []
    for stream, sizes in ((True, options.generated), (False, options.in_memory)):
        for n in sorted(sizes):
            wall, cpu, peak = measured(options, n, stream)
            way = "a block after the other" if stream else "all in memory"
            rows.append((way, n, wall, cpu, peak))
            print(f"{way}, {n}: {wall:.0f} s, {cpu:.0f} CPU s, peak {peak:.2f} GB", flush=True)
    print_table(
        f"{'Audit' if options.audit else 'Fit and predict'} with {options.real} real images, "
        f"n_jobs={options.n_jobs}; CPU s are of this process, the peak is of all rows so far",
        ["way", "generated images", "s", "CPU s", "peak, GB"],
        [[way, f"{n:,}", *map(figure, numbers)] for way, n, *numbers in rows],
    )
    streamed = [row for row in rows if row[0] != "all in memory"]
    if len(streamed) > 2:
        slope = np.polyfit(*np.log([[n, wall] for _, n, wall, _, _ in streamed]).T, 1)[0]
        print(f"The time grows with n^{slope:.2f}.")
    same = {n: wall for way, n, wall, _, _ in rows if way == "all in memory"}
    for _, n, wall, _, _ in streamed:
        if n in same:
            print(f"{n:,} images: {wall / same[n]:.2f} of the time that it takes in memory.")


if __name__ == "__main__":
    main()
