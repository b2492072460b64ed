"""Draw the figures of the user guide: each family's maps on a photograph.

    python docs/figures/make_figures.py

The photograph is scikit-image's "camera" (CC0), at half its size.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from skimage import data

from gan_isi.descriptors import CLASSICAL_FAMILIES, FAMILIES
from gan_isi.plotting import FeatureMapsDisplay

FOLDER = Path(__file__).parent

for name in CLASSICAL_FAMILIES:
    shown = FeatureMapsDisplay.from_estimator(FAMILIES[name](), data.camera()[::2, ::2])
    shown.figure_.savefig(FOLDER / f"maps_{name}.png", dpi=90)
