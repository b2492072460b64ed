"""
Why pairs must not be split
===========================

A pair classifier has thousands of rows, and a row looks like a sample. It is none: split
rows at random, and labels that were drawn by chance look like an almost perfect attack.
"""

# %%
# Random labels
# -------------
# No generated image has anything to do with anybody here, and labels are drawn by chance,
# ten times. Pairs of one real image are near-copies of each other, and a nearest neighbour
# finds them. The answers for the pairs of an image are then fused into one, by majority.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import (
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.neighbors import KNeighborsClassifier

from gan_isi import MembershipClassifier, datasets, make_pipeline

problem = datasets.make_membership_problem(
    80, n_generated=40, memorization=0.0, random_state=0
)
attack = make_pipeline(
    generated=problem.generated, families=["statistical", "steerable"]
)
attack.fit(problem.images, problem.target)
bags = attack[:-1].transform(
    problem.images
)  # (80 queries, 40 generated images, 11 maps)

nearest = KNeighborsClassifier(1)
folds = StratifiedKFold(5, shuffle=True, random_state=0)
rng = np.random.default_rng(0)
by_pair, by_image = [], []
for _ in range(10):
    labels = rng.permutation(problem.target)
    rows, row_labels = (
        bags.reshape(-1, bags.shape[2]),
        np.repeat(labels, bags.shape[1]),
    )
    answers = cross_val_predict(nearest, rows, row_labels, cv=folds).reshape(
        len(labels), -1
    )
    by_pair.append(np.mean((answers.mean(axis=1) > 0.5) == labels))
    by_image.append(
        cross_val_score(
            MembershipClassifier(nearest), bags, labels, cv=folds
        ).mean()
    )

# %%
# The same classifier, the same distances
# ---------------------------------------
# In gan_isi a sample is a real image, and pairs exist only inside the classifier, so that
# scikit-learn's cross-validation can't split them.

figure, ax = plt.subplots(figsize=(6.0, 3.6), layout="constrained")
for position, scores in enumerate((by_pair, by_image)):
    ax.scatter(
        position + np.linspace(-0.1, 0.1, 10),
        scores,
        color="tab:blue",
        alpha=0.7,
    )
    ax.hlines(np.mean(scores), position - 0.2, position + 0.2, color="black")
ax.axhline(0.5, color="0.6", linestyle=":")
ax.text(1.45, 0.51, "chance", ha="right", color="0.4", fontsize="small")
ax.set_xticks([0, 1], ["split by pair (wrong)", "split by image"])
ax.set(
    xlim=(-0.5, 1.5),
    ylim=(0.3, 1.03),
    ylabel="accuracy on ten sets of random labels",
)
plt.show()
