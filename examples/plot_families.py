"""
Where an attack gets it from
============================

Two looks into a fitted attack: which views and families its score depends on, and the
distances themselves.
"""

# %%
# Shuffled views
# --------------
# Each view's distances are given to other queries; the bars are what the AUC loses. A
# family without a bar may still know something that the others say as well.

import matplotlib.pyplot as plt

from gan_isi import datasets, make_pipeline
from gan_isi.plotting import DistanceHeatmapDisplay, FamilyImportanceDisplay

problem = datasets.make_membership_problem(
    120, n_generated=150, memorization=0.8, random_state=0
)
families = ["statistical", "gabor", "steerable", "gaussian"]
attack = make_pipeline(
    "recommended", generated=problem.generated, families=families
)
attack.fit(problem.images[:80], problem.target[:80])
held_out, truth = problem.images[80:], problem.target[80:]
FamilyImportanceDisplay.from_estimator(
    attack, held_out, truth, random_state=0
)
plt.show()

# %%
# The distances
# -------------
# Rows are held-out images, the used ones above, columns the generated ones. In the view
# with normalised local contrast the copies stand out as dark cells. One generated image is
# close to every real one, a dark column: that tells nothing of anybody.

DistanceHeatmapDisplay.from_estimator(
    attack, held_out, truth, map_name="pixels_local"
)
plt.show()

# %%
# In a texture map of the same images nothing comparable shows. How near two images are
# here depends on how rough they are, used or not.

DistanceHeatmapDisplay.from_estimator(
    attack, held_out, truth, map_name="statistical_std"
)
plt.show()
