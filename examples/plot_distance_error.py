"""
How exact the distances are
===========================

A map of a 64 x 64 picture has 4,096 values; a CDF vector keeps `n_levels` numbers of them.
How far are distances of the vectors from the exact 1-Wasserstein distances of all values?
"""

# %%
# Exact distances by sorting
# --------------------------
# For two maps of equally many values, W1 is the mean absolute difference of the sorted
# values. The maps are all 65 of twelve crops of photographs.

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np

from gan_isi import datasets, make_descriptors
from gan_isi.distances import wasserstein_distances
from gan_isi.texture import cdf_vectors

images = datasets.make_membership_problem(
    12, n_generated=1, random_state=0
).images
descriptors = make_descriptors().fit(images)
maps = []
for image in images:
    families = [family for _, family in descriptors.transformers_]
    maps.append(
        np.concatenate(
            [family.compute_maps(image / 255.0) for family in families]
        )
    )
values = np.sort(np.reshape(maps, (12, 65, -1)), axis=2).astype(np.float64)
pairs = np.array(list(combinations(range(12), 2)))
exact = np.abs(values[pairs[:, 0]] - values[pairs[:, 1]]).mean(axis=2)

# %%
# Two ways to cut the probabilities
# ---------------------------------
# Cells of equal probability miss the tails, which heavy-tailed maps such as second
# derivatives have. Cells that become finer towards both ends hardly change the median error.
# From 16 of them on, their 99th percentile is below that of four times as many equal cells.

figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
levels = [8, 16, 32, 64, 128, 256]
for cells, color in (("equal", "tab:orange"), ("fine_tails", "tab:blue")):
    errors = []
    for n_levels in levels:
        vectors = np.array(
            [cdf_vectors(own, n_levels, cells) for own in values]
        )
        found = wasserstein_distances(vectors, vectors)[
            pairs[:, 0], pairs[:, 1]
        ]
        errors.append(100 * np.abs(found / exact - 1))
    ax.loglog(
        levels,
        [np.median(e) for e in errors],
        color=color,
        label=f"{cells}, median",
    )
    tail = [np.percentile(e, 99) for e in errors]
    ax.loglog(
        levels, tail, "--", color=color, label=f"{cells}, 99th percentile"
    )
ax.set(
    xlabel="n_levels",
    ylabel="error of a distance, %",
    xticks=levels,
    xticklabels=levels,
)
ax.minorticks_off()
ax.legend(frameon=False)
plt.show()
