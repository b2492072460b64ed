"""
A first attack
==============

Sixty photographs are known to have trained a generator or not; twenty are the candidates.
The generator here is simulated: it repeats its training images with noise of almost half
their own variation, so we know the truth and can look at how well it was found.
"""

# %%
# The problem
# -----------
# Real images, which of them were used, and what the generator made. From folders of your
# own, :func:`gan_isi.datasets.load_membership` reads all three.

import matplotlib.pyplot as plt
import numpy as np

from gan_isi import datasets, make_pipeline
from gan_isi.plotting import MembershipScoreDisplay

problem = datasets.make_membership_problem(
    80, n_generated=120, memorization=0.9, random_state=0
)
known, candidates = np.arange(60), np.arange(60, 80)

copied = problem.source[0]
figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.7), layout="constrained")
shown = {
    "used": problem.images[copied],
    "generated from it": problem.generated[0],
    "not used": problem.images[problem.target == 0][0],
}
for ax, (title, image) in zip(axes, shown.items(), strict=True):
    ax.imshow(image, cmap="gray", vmin=0, vmax=255)
    ax.set_title(title, fontsize="medium")
    ax.set_axis_off()

# %%
# The attack
# ----------
# The attack holds the generated images, and is fitted on the real ones of known membership.
# What comes out for the candidates is an ordinary scikit-learn classifier's answer.

attack = make_pipeline("recommended", generated=problem.generated)
attack.fit(problem.images[known], problem.target[known])
scores = attack.predict_proba(problem.images[candidates])[:, 1]
print(np.round(scores, 2))

# %%
# What it found
# -------------
# Each dot is a candidate. In real life you don't know the colours: whether such scores
# mean anything is a question for :doc:`an audit </auto_examples/plot_audit>`.

MembershipScoreDisplay.from_predictions(problem.target[candidates], scores)
plt.show()
