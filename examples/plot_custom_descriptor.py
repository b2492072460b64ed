"""
A descriptor of your own
========================

A texture family is a class with one method: an image comes in, maps go out. CDF vectors,
distances, caching and parallel jobs come with the base class.
"""

# %%
# Local binary patterns
# ---------------------
# scikit-image has them; the map is the pattern's code at each pixel.

import matplotlib.pyplot as plt
import numpy as np
from skimage import data
from skimage.feature import local_binary_pattern
from sklearn.model_selection import GridSearchCV

from gan_isi import (
    BaseDescriptor,
    StatisticalDescriptor,
    datasets,
    make_pipeline,
)
from gan_isi.plotting import FeatureMapsDisplay


class LocalBinaryPatternDescriptor(BaseDescriptor):
    """Codes of uniform local binary patterns, one map a radius."""

    def __init__(
        self,
        radii=(1, 3),
        n_levels=64,
        cells="fine_tails",
        intensity_range="dtype",
    ):
        super().__init__(
            n_levels=n_levels, cells=cells, intensity_range=intensity_range
        )
        self.radii = radii

    def compute_maps(self, image):
        # Patterns compare neighbours; equal integers tie where floats may not.
        grey = np.rint(255 * image).astype(np.uint8)
        maps = [
            local_binary_pattern(grey, 8, radius, "uniform")
            for radius in self.radii
        ]
        return np.asarray(maps, dtype=np.float32)

    def _map_names(self):
        return [f"lbp_radius{radius}" for radius in self.radii]


FeatureMapsDisplay.from_estimator(
    LocalBinaryPatternDescriptor(), data.brick()[::2, ::2]
)
plt.show()

# %%
# In a grid search
# ----------------
# Families are members of a union, and a search may swap them. A simulated generator whose
# copies are nearly exact gives it something to find.

problem = datasets.make_membership_problem(
    60, n_generated=60, image_size=32, memorization=0.999, random_state=0
)
attack = make_pipeline(
    generated=problem.generated, families=["statistical"], fusion="max"
)
attack.set_params(membership__estimator__svc__gamma=1.0)
search = GridSearchCV(
    attack,
    {
        "descriptors__statistical": [
            StatisticalDescriptor(),
            LocalBinaryPatternDescriptor(),
        ]
    },
    cv=3,
    scoring="roc_auc",
)
search.fit(problem.images, problem.target)
for parameters, mean, deviation in zip(
    search.cv_results_["params"],
    search.cv_results_["mean_test_score"],
    search.cv_results_["std_test_score"],
    strict=True,
):
    name = type(parameters["descriptors__statistical"]).__name__
    print(
        f"{name}: AUC {mean:.2f}, standard deviation over 3 folds {deviation:.2f}"
    )

# %%
# The two differ by less than either does between the folds. This search gives no reason to
# prefer one of them.
