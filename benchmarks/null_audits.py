"""Where nothing was memorised, is nothing found, whatever number of poses is tried?

    python benchmarks/null_audits.py [--audits N] [--permutations N] [--n-jobs N]

Generators that saw neither side: a diffusion model of other patients' X-rays, blends of other
crops of photographs, and copies of these; their images as they are, and each moved in another way.
Of the images that none of them saw, as many are called used as not used, by chance, and audited
with the recommended attack and, the smaller sets, with the best of four attacks that is chosen
within each fold (`choose=True`). More poses mean closer images for everybody, so that p-values
should stay uniform (Kolmogorov and Smirnov's test) and the mean AUC 0.5.
"""

import argparse

import numpy as np
from _common import KNOWN_IMAGES, print_table
from scipy import stats
from sklearn.utils.parallel import Parallel, delayed
from zoo import as_bytes, randomly_moved

from gan_isi import datasets, make_pipeline
from gan_isi.audit.choice import ChosenAttack
from gan_isi.audit.crossfit import Folds, cross_fit, null_distribution
from gan_isi.audit.prepared import prepare

#: Used and other images of each audit.
SIZES = ((20, 20), (40, 40))

ATTACKS = {
    "recommended": {},
    "relative_nearest": {"representation": "ssim"},
    "nearest": {},
    "calibrated_similarity": {"representation": "local_contrast"},
}


def problems():
    """Yield names, real images and generated ones of a generator that saw none of them."""
    if KNOWN_IMAGES.is_dir():
        known = datasets.load_membership(KNOWN_IMAGES)
        unseen = np.flatnonzero(np.asarray(known.target) == 0)
        yield "X-rays, diffusion", known.images[unseen], np.stack(list(known.generated))[:300]
    for memorization in (0.9, 0.5):
        known = datasets.make_membership_problem(
            200, n_generated=300, memorization=memorization, random_state=700
        )
        name = f"photographs, memorization {memorization}"
        yield name, known.images[known.target == 0], known.generated


def prepared_sets(n_jobs):
    for name, real, generated in problems():
        rng = np.random.default_rng(0)
        moved = as_bytes(np.stack([randomly_moved(one / 255, rng) for one in generated]))
        for kind, fakes in (("as they are", generated), ("moved", moved)):
            attacks = {
                attack: make_pipeline(attack, n_jobs=n_jobs, **options)
                for attack, options in ATTACKS.items()
            }
            yield f"{name}, {kind}", len(real), dict(prepare(attacks, real, fakes))


def one_audit(prepared, n_images, sizes, choose, n_permutations, seed):
    """The AUC, and a p-value that is uniform on 0..1 where permutations are exact."""
    rng = np.random.default_rng([seed, *sizes])
    known = rng.permutation(n_images)[: sum(sizes)]
    labels = rng.permutation(np.repeat([1, 0], sizes))
    attack = prepared["recommended"]
    if choose:
        attack = ChosenAttack(prepared, None, 5, seed)
    plan = Folds(known, known[:0], None, 5, 1)
    auc = cross_fit(attack, labels, plan, seed=seed).auc(labels)
    null = null_distribution(attack, labels, plan, n_permutations=n_permutations, seed=seed + 1)
    above, ties = (null["AUC"] > auc).sum(), (null["AUC"] == auc).sum()
    p_value = (above + rng.random() * (ties + 1)) / (n_permutations + 1)  # ties by chance
    return auc, p_value


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--audits", type=int, default=40, help="of each set of images and size")
    parser.add_argument("--permutations", type=int, default=19)
    parser.add_argument("--chosen-permutations", type=int, default=4)
    parser.add_argument("--n-jobs", type=int, default=2)
    options = parser.parse_args()
    rows, pooled = [], {}
    for name, n_images, prepared in prepared_sets(options.n_jobs):
        for sizes in (sizes for sizes in SIZES if sum(sizes) <= n_images):
            # To choose costs many times as much.
            for choose in (False, True) if sizes == SIZES[0] else (False,):
                n_permutations = options.chosen_permutations if choose else options.permutations
                found = Parallel(options.n_jobs)(
                    delayed(one_audit)(prepared, n_images, sizes, choose, n_permutations, seed)
                    for seed in range(options.audits)
                )
                title = "chosen" if choose else "recommended"
                rows.append([name, f"{sizes[0]} + {sizes[1]}", title, *_summary(found)])
                pooled.setdefault((title, name.rsplit(", ", 1)[1]), []).extend(found)
                print(" | ".join(rows[-1]), flush=True)
    for (title, kind), found in pooled.items():
        rows.append([f"all, {kind}", "", title, *_summary(found)])
    print_table(
        "Audits of generators that saw neither side",
        ["images", "used + other", "attack", "audits", "mean AUC", "p at most 0.05", "KS, p"],
        rows,
    )


def _summary(found):
    aucs, p_values = np.transpose(found)
    reach = stats.t.ppf(0.975, len(aucs) - 1) * stats.sem(aucs)
    return [
        str(len(aucs)),
        f"{aucs.mean():.3f} ({aucs.mean() - reach:.3f} to {aucs.mean() + reach:.3f})",
        f"{(p_values <= 0.05).mean():.3f}",
        f"{stats.kstest(p_values, 'uniform').pvalue:.2f}",
    ]


if __name__ == "__main__":
    main()
