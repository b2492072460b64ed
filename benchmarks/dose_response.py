"""How much a generator has to repeat before each attack sees it.

    python benchmarks/dose_response.py [--seeds N] [--figure PATH.png]

Generators of known memorization, from not depending on their training images (0) to
copies of them (1), on crops of photographs. Each attack's AUC is out of fold, and the
mean over generators with other crops and members, none of which anything was chosen on.
"""

import numpy as np
from _common import RULES, auc_of_each, options_of_runs, print_means
from real_generator import pair_svm, summary_attack
from scipy.stats import sem
from sklearn.utils.parallel import Parallel, delayed

from gan_isi import datasets, make_pipeline
from gan_isi.descriptors import CLASSICAL_FAMILIES

DOSES = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

#: The views of the recommended attack were chosen with generators of smaller seeds in sight.
FIRST_SEED = 100

#: Of 24,000, to fit the pair SVM on.
MAX_PAIRS = 2000

#: Those drawn; the table has all.
DRAWN = {
    "recommended": {"color": "#0b5394", "marker": "o"},
    "nearest, ssim": {"color": "#38761d", "marker": "s"},
    "nearest, pixels": {"color": "#b45f06", "marker": "^"},
    "relative_nearest, local_texture": {"color": "#741b47", "marker": "v"},
    "texture summary": {"color": "#a64d79", "marker": "D"},
    "pair SVM, gamma=scale, mean": {"color": "#444444", "marker": "x"},
    "pair SVM, gamma=1, mean": {"color": "#990000", "marker": "P"},
    "blind": {"color": "#999999", "marker": ""},
}


def attacks():
    yield "recommended", make_pipeline("recommended")
    for name in RULES:
        for representation in ("pixels", "local_contrast", "ssim"):
            yield f"{name}, {representation}", make_pipeline(name, representation=representation)
    for name, representation in (
        ("nearest", "texture"), ("nearest", "local_texture"), ("relative_nearest", "local_texture"),
    ):  # fmt: skip
        yield f"{name}, {representation}", make_pipeline(name, representation=representation)
    yield "blind", make_pipeline("blind")
    yield "texture summary", summary_attack(CLASSICAL_FAMILIES)
    for gamma, fusion in (("scale", "mean"), (1, "mean"), (1, "max")):
        yield f"pair SVM, gamma={gamma}, {fusion}", pair_svm(fusion, gamma, MAX_PAIRS)


def measure(dose, seed):
    """AUC of each attack on one generator."""
    problem = datasets.make_membership_problem(
        120, n_generated=200, memorization=dose, random_state=seed
    )
    return auc_of_each(attacks(), problem.images, problem.target, problem.generated, seed)


def draw(path, values):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.axhline(0.5, color="#cccccc", linewidth=1, zorder=0)
    n_seeds = values["recommended"].shape[1]
    for name, style in DRAWN.items():
        means, errors = values[name].mean(axis=1), sem(values[name], axis=1)
        axes.errorbar(
            DOSES, means, errors, label=name, markersize=5, capsize=2, linewidth=1.5, **style
        )
    axes.set(xlabel="memorization of the generator", ylabel="AUC, out of fold", ylim=(0.35, 1.02))
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, fontsize="small", loc="outside right upper")
    axes.set_title(
        f"Mean of {n_seeds} generators, 120 real and 200 generated images; bars: standard error",
        fontsize="medium",
    )
    figure.savefig(path, dpi=150)


def main():
    parser = options_of_runs(__doc__)
    parser.add_argument("--figure", help="where to draw it")
    options = parser.parse_args()
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    tasks = [(dose, seed) for dose in DOSES for seed in seeds]
    found = Parallel(n_jobs=options.n_jobs)(delayed(measure)(*task) for task in tasks)
    names = list(found[0])
    values = {
        name: np.reshape([one[name] for one in found], (len(DOSES), options.seeds))
        for name in names
    }
    print_means(
        f"AUC by memorization: mean and standard error of {options.seeds} generators each",
        ["attack", *map(str, DOSES)],
        values,
    )
    if options.figure:
        draw(options.figure, values)


if __name__ == "__main__":
    main()
