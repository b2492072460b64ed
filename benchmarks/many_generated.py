"""Where the recommended attack's time goes with many generated images, and how it grows.

    python benchmarks/many_generated.py [--real N] [--generated N ...] [--n-jobs N]

Chest X-rays of 64 x 64 pixels against images of a diffusion model, each shifted in another way so
that as many as wanted differ. CPU seconds of each view of the recommended attack for all pairs,
and of `predict` as a whole, with its peak of memory.
"""

import argparse
import time

import numpy as np
from _common import figure, load_known, peak_resident, print_table

from gan_isi import make_pipeline


def load(n_real, n_generated):
    images, labels, made = load_known()
    random = np.random.default_rng(0)
    shifts = random.integers(0, 64, size=(n_generated, 2))
    generated = [np.roll(made[k % len(made)], shift, (0, 1)) for k, shift in enumerate(shifts)]
    chosen = random.permutation(len(images))[:n_real]
    return images[chosen], labels[chosen], np.stack(generated)


def cpu_seconds(work, *arguments):
    start = time.process_time()
    work(*arguments)
    return time.process_time() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=int, default=200)
    parser.add_argument("--generated", type=int, nargs="+", default=[2500, 5000, 10000])
    parser.add_argument("--n-jobs", type=int, default=1)
    options = parser.parse_args()
    columns = []
    for n_generated in sorted(options.generated):
        images, labels, generated = load(options.real, n_generated)
        attack = make_pipeline("recommended", generated=generated, n_jobs=options.n_jobs)
        attack.fit(images[::10], labels[::10])
        vectors = attack["descriptors"].transform(images)
        spent = {
            name: cpu_seconds(view.transform, vectors)
            for name, view in attack["distances"].transformers_
        }
        start = time.perf_counter()
        spent["predict"] = cpu_seconds(attack.predict, images)
        spent["predict, wall"] = time.perf_counter() - start
        columns.append(spent)
        print(f"{n_generated} generated images: peak {peak_resident() / 1e9:.1f} GB", flush=True)
    rows = [[name, *(figure(column[name]) for column in columns)] for name in columns[0]]
    if len(columns) > 1:
        sizes = np.log(sorted(options.generated))
        for row, name in zip(rows, columns[0], strict=True):
            slope = np.polyfit(sizes, np.log([max(c[name], 1e-3) for c in columns]), 1)[0]
            row.append(f"n^{slope:.2f}")
    header = [*map(str, sorted(options.generated)), *(["growth"] if len(columns) > 1 else [])]
    print_table(
        f"CPU seconds for {options.real} real images, by number of generated ones",
        ["view", *header],
        rows,
    )


if __name__ == "__main__":
    main()
