"""
An audit
========

Is there anything to find? Three attacks, judged by images that they were not fitted on,
with intervals and permutation tests, beside one that sees no generated image.
"""

# %%
# A generator that repeats its training images with much noise.

import matplotlib.pyplot as plt

from gan_isi import audit, datasets, make_pipeline
from gan_isi.plotting import LogRocDisplay

problem = datasets.make_membership_problem(
    100, n_generated=120, memorization=0.8, random_state=1
)
result = audit.audit(
    {
        "recommended": make_pipeline("recommended"),
        "nearest": make_pipeline("nearest"),
        "textures": make_pipeline("nearest", representation="texture"),
    },
    problem.images,
    problem.target,
    generated=problem.generated,
    n_permutations=39,
    n_resamples=500,  # not 2000, to be quick
    random_state=0,
)
result

# %%
# In words
# --------
# The sentences never say more than the numbers. :meth:`~gan_isi.audit.AuditResult.to_html`
# writes them, the table and the figures as one page.

print(result)

# %%
# At a low rate of false alarms
# -----------------------------
# Accuracy counts all images alike. Whoever may accuse few innocents looks at the left end
# of a logarithmic ROC curve, and at the line left of which 50 images that were not used
# can't tell. (The curves pool the folds, which the table does not: their AUC may differ.)

figure, ax = plt.subplots(figsize=(8.0, 4.4), layout="constrained")
for name, one in result.attacks.items():
    scores = one.answers.scores[0]
    LogRocDisplay.from_predictions(
        problem.target, scores, name=name, tpr_at=(0.05,), ax=ax
    )
ax.legend(
    handles=ax.get_legend().legend_handles,
    loc="upper left",
    bbox_to_anchor=(1, 1),
)
plt.show()
