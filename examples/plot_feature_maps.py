"""
What the descriptors see
========================

The paper's 65 texture maps of one picture, and how two pictures are compared in one of
them: by the CDFs of its values, wherever in the picture they stand.
"""

# %%
# All maps of one picture
# -----------------------

import matplotlib.pyplot as plt
from skimage import data

from gan_isi import datasets, make_descriptors, make_pipeline
from gan_isi.plotting import FeatureMapsDisplay, MapCdfDisplay

picture = data.camera()[::2, ::2]
FeatureMapsDisplay.from_estimator(make_descriptors(), picture)
plt.show()

# %%
# One map of two pictures
# -----------------------
# The distance of two pictures in a map is the area between the two curves: the
# 1-Wasserstein distance. Below are a photograph that trained a generator, the three
# generated images that are closest to it in this map, and one at the median distance.
# Close in one map among 120 images is little by itself: something always is. Here we know
# that the three are copies of the photograph, of which the generator made six.

problem = datasets.make_membership_problem(
    40, n_generated=120, memorization=0.98, random_state=0
)
attack = make_pipeline(generated=problem.generated, families=["statistical"])
attack.fit(problem.images, problem.target)
MapCdfDisplay.from_estimator(
    attack, problem.images[problem.source[0]], "statistical_std"
)
plt.show()
# sphinx_gallery_thumbnail_number = 2
