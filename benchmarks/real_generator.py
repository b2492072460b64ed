"""Every attack on a diffusion model whose training images are known.

    python benchmarks/real_generator.py [FOLDER] [--permutations N] [--report PAGE] [--figure PNG]

FOLDER holds real_used/, real_not_used/ and generated/. Each attack is audited by
cross-validation over the real images. "chosen" is the best of those that need no textures,
chosen within each training part, in each permutation as well.
"""

import argparse

from _common import KNOWN_IMAGES, RULES, load_known, print_table
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline as make_sklearn_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from gan_isi import SummaryClassifier, audit, make_pipeline
from gan_isi.descriptors import CLASSICAL_FAMILIES
from gan_isi.plotting import LogRocDisplay

#: scikit-learn's default, 1 / 65 for standardised distances of 65 maps; MATLAB's default.
GAMMAS = ("scale", 1)
FUSIONS = ("mean", "median", "max", "top_mean", "logit_mean")


#: Tiles along each side of a map, and numbers of each tile's CDF, as the simple attacks have them.
TILES = {"grid": 8, "n_levels": 8}


def summary_attack(families, **tiles):
    """Texture distances alone, their bags summarised map by map."""
    classifier = make_sklearn_pipeline(StandardScaler(), LogisticRegression())
    membership = SummaryClassifier(classifier, by_family=False)
    return make_pipeline(families=families, **tiles).set_params(membership=membership)


def pair_svm(fusion, gamma, max_pairs, **tiles):
    """The paper's attack; it does not name the width of the kernel."""
    estimator = make_sklearn_pipeline(StandardScaler(), SVC(gamma=gamma))
    return make_pipeline(
        estimator=estimator, fusion=fusion, max_pairs=max_pairs, random_state=0, **tiles
    )


def attacks(paper_pairs):
    yield "recommended", make_pipeline("recommended")
    for name in RULES:
        for representation in ("pixels", "local_contrast", "ssim", "texture", "local_texture"):
            yield f"{name}, {representation}", make_pipeline(name, representation=representation)
    yield "blind", make_pipeline("blind")
    for gamma in GAMMAS:
        for fusion in FUSIONS:
            yield f"pair SVM, gamma={gamma}, {fusion}", pair_svm(fusion, gamma, paper_pairs)
        for fusion in ("mean", "max"):
            attack = pair_svm(fusion, gamma, paper_pairs, **TILES)
            yield f"pair SVM of tiles, gamma={gamma}, {fusion}", attack
    yield "summary, all four families", summary_attack(CLASSICAL_FAMILIES)
    yield "summary of tiles, all four families", summary_attack(CLASSICAL_FAMILIES, **TILES)
    for family in CLASSICAL_FAMILIES:
        yield f"summary, {family} alone", summary_attack([family])
        rest = [other for other in CLASSICAL_FAMILIES if other != family]
        yield f"summary, without {family}", summary_attack(rest)


#: Those drawn; the table has all.
DRAWN = (
    "recommended",
    "nearest, pixels",
    "relative_nearest, local_texture",
    "relative_nearest, texture",
    "pair SVM, gamma=scale, mean",
    "blind",
)


def draw(path, result):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.2, 5), layout="constrained")
    axes = figure.subplots()
    for name in DRAWN:
        scores = result.attacks[name].answers.scores[0]
        LogRocDisplay.from_predictions(result.labels, scores, name=name, tpr_at=(), ax=axes)
    # Beside the curves, of which it would hide some.
    legend = axes.get_legend()
    labels = [text.get_text() for text in legend.get_texts()]
    figure.legend(legend.legend_handles, labels, frameon=False, loc="outside right upper")
    legend.remove()
    figure.savefig(path, dpi=100)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=KNOWN_IMAGES)
    parser.add_argument("--permutations", type=int, default=199)
    parser.add_argument("--slow-permutations", type=int, default=19, help="with all 65 maps")
    parser.add_argument("--paper-pairs", type=int, default=4000)
    parser.add_argument("--figure", help="where to draw ROC curves of some")
    parser.add_argument("--report", help="where to write the audit as a page")
    options = parser.parse_args()
    images, labels, generated = load_known(options.folder)
    named = dict(attacks(options.paper_pairs))
    permutations = {"default": options.permutations}
    slow = [name for name in named if "texture" in name or "summary" in name or "pair SVM" in name]
    permutations |= dict.fromkeys(slow, options.slow_permutations)
    # Each takes as long as the mean's, which stands for them.
    pairs = [name for name in named if "pair SVM" in name]
    permutations |= {name: 0 for name in pairs if not name.endswith(", mean")}
    arguments = {"generated": generated, "random_state": 0, "n_jobs": 2, "verbose": True}
    result = audit.audit(named, images, labels, n_permutations=permutations, **arguments)
    quick = {name: attack for name, attack in named.items() if name not in slow}
    choice = audit.audit(
        quick,
        images,
        labels,
        choose=True,
        n_permutations={"default": 0, "chosen": options.permutations},
        **arguments,
    )
    found = result.attacks | {"chosen": choice.attacks["chosen"]}
    rows = []
    for name, one in sorted(found.items(), key=lambda item: -item[1].measures["AUC"].value):
        beyond = "" if one.beyond_blind is None else f"{one.beyond_blind}"
        p_value = f"{one.p_value:.3f} ({one.n_permutations})" if one.n_permutations else ""
        tpr = format(one.measures["TPR at FPR 0.05"])
        rows.append(
            [name, f"{one.measures['AUC']}", f"{one.measures['accuracy']}", tpr, p_value, beyond]
        )
    print_table(
        f"{len(images)} real and {len(generated)} generated images of {options.folder}; "
        f"{100 * result.confidence:g} % intervals",
        ["attack", "AUC", "accuracy", "TPR at 5 % FPR", "p (permutations)", "AUC minus blind"],
        rows,
    )
    print("Chosen in the folds:", ", ".join(found["chosen"].answers.chosen))
    if options.figure:
        draw(options.figure, result)
    if options.report:
        result.to_html(options.report)


if __name__ == "__main__":
    main()
