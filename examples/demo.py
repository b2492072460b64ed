"""Attack a generator that memorises, on real photographs: the library in two minutes.

Run with ``make demo``, or ``python examples/demo.py [FIGURE]`` where gan_isi and
matplotlib are installed.
"""

import argparse
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from gan_isi import make_pipeline
from gan_isi.datasets import make_membership_problem
from gan_isi.metrics import membership_metrics

#: The generator returns its training images with noise of 20 % of their variation.
MEMORIZATION = 0.98
METRICS = ("accuracy", "precision", "recall", "specificity", "f1")


def main():
    """Fit two attacks on half of the images, and ask them about the other half."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("figure", nargs="?", type=Path, default=Path("output/demo.png"))
    figure = arguments.parse_args().figure

    problem = make_membership_problem(
        120, n_generated=90, memorization=MEMORIZATION, random_state=0
    )
    known, held_out = np.split(np.arange(120), 2)
    truth = problem.target[held_out]
    print(
        f"{len(known)} photographs of known membership, {len(held_out)} held out "
        f"({truth.sum()} of them used), {len(problem.generated)} generated images "
        f"(memorization {MEMORIZATION})."
    )
    scores = {}
    for name, attack in attacks(problem.generated).items():
        start = time.perf_counter()
        attack.fit(problem.images[known], problem.target[known])
        scores[name] = attack.predict_proba(problem.images[held_out])[:, 1]
        print(f"\n{name} ({time.perf_counter() - start:.0f} s)")
        report(truth, scores[name], held_out)
    print("\nBoth attacks saw the same distances; they differ in how they read them.")
    distances = attack[:-1].transform(problem.images[held_out])
    draw(problem, held_out, scores, distances, figure)
    print(f"\nFigure: {figure}")


def attacks(generated):
    """The paper's setting, and one that looks for the closest generated images."""
    forest = RandomForestClassifier(100, min_samples_leaf=3, random_state=0, n_jobs=2)
    closest = make_pipeline(
        generated=generated,
        estimator=forest,
        fusion="top_mean",
        top_fraction=0.01,
        calibrate_fusion=True,
    )
    return {
        "The paper's setting: SVM of pairs, mean of all": make_pipeline(generated=generated),
        "The closest pairs: forest of pairs, mean of the top 1 %, calibrated": closest,
    }


def report(truth, score, held_out):
    """Print some queries, then the metrics over all held-out queries."""
    print("  query  P(used)  truth")
    for row in range(6):
        print(f"  {held_out[row]:5d}  {score[row]:7.2f}  {('not used', 'used')[truth[row]]}")
    metrics = membership_metrics(truth, score > 0.5)
    listed = ", ".join(f"{name} {metrics[name]:.2f}" for name in METRICS)
    print(f"  all {len(truth)} held-out queries: {listed}")
    print(f"  chance: accuracy {metrics['chance']:.2f}; AUC {roc_auc_score(truth, score):.2f}")


def draw(problem, held_out, scores, distances, path):
    """Draw the scores of both attacks, and three members beside their closest image."""
    truth = problem.target[held_out]
    figure = plt.figure(figsize=(10, 4.6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(3, 2))
    rng = np.random.default_rng(0)
    for axes, (name, score) in zip(left.subplots(1, 2), scores.items(), strict=True):
        for label, color in ((0, "tab:blue"), (1, "tab:orange")):
            chosen = score[truth == label]
            jitter = rng.uniform(-0.18, 0.18, len(chosen))
            axes.plot(label + jitter, chosen, "o", color=color, alpha=0.7, markersize=5)
        axes.axhline(0.5, color="0.6", linewidth=1, zorder=0)
        axes.set(xlim=(-0.5, 1.5), ylim=(0, 1), ylabel="membership probability")
        axes.set_xticks([0, 1], ["not used", "used"])
        axes.set_title(name.replace(": ", ":\n").replace(", ", ",\n", 1), fontsize=9)
    relative = (distances / distances.mean(axis=(0, 1))).mean(axis=2)
    closest = relative.argmin(axis=1)
    members = np.flatnonzero(truth == 1)
    best = members[np.argsort(relative.min(axis=1)[members])[:3]]
    panels = right.subplots(3, 2)
    for (real_axes, generated_axes), row in zip(panels, best, strict=True):
        real_axes.imshow(problem.images[held_out[row]], cmap="gray", vmin=0, vmax=255)
        generated_axes.imshow(problem.generated[closest[row]], cmap="gray", vmin=0, vmax=255)
        for axes in (real_axes, generated_axes):
            axes.set_axis_off()
    panels[0, 0].set_title("used for training", fontsize=9)
    panels[0, 1].set_title("closest generated", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    main()
