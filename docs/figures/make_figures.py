"""Draw the figures of the user guide: what each family makes of a photograph.

    python docs/figures/make_figures.py

The photograph is scikit-image's "camera" (CC0), at half its size. The deep family is
not drawn: its pretrained weights have to be downloaded first.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from skimage import data

from gan_isi.descriptors import CLASSICAL_FAMILIES, FAMILIES
from gan_isi.plotting import FeatureMapsDisplay
from gan_isi.texture import cdf_vectors, cell_edges, local_entropy
from gan_isi.texture.pixels import pixels

FOLDER = Path(__file__).parent
CONTRASTS = ("none", "global", "local")


def save(figure, name):
    """Write a figure with no more colours than it needs."""
    path = FOLDER / f"{name}.png"
    figure.savefig(path, dpi=90)
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)


photograph = data.camera()[::2, ::2]
for name in CLASSICAL_FAMILIES:
    shown = FeatureMapsDisplay.from_estimator(FAMILIES[name](), photograph)
    if name == "gaussian":  # long names side by side
        for axes in shown.axes_:
            axes.set_title(axes.get_title(), fontsize=6.5)
    save(shown.figure_, f"maps_{name}")

views = np.stack([pixels(photograph / 255, contrast=contrast) for contrast in CONTRASTS])
shown = FeatureMapsDisplay(photograph, {"pixels": views}, {"pixels": CONTRASTS}).plot()
save(shown.figure_, "maps_pixels")

# The distance of two images in one map: the area between its CDFs.
pair = {"camera": photograph, "moon": data.moon()[::2, ::2]}
vectors = cdf_vectors([local_entropy(image / 255) for image in pair.values()])
edges = cell_edges(vectors.shape[1])
# A vector's entry is the mean over its cell times the cell's width relative to equal ones.
means = vectors / (np.diff(edges) * vectors.shape[1])
figure, ax = plt.subplots(figsize=(5.6, 3.2), layout="constrained")
for name, values in zip(pair, means, strict=True):
    ax.stairs(values, edges, baseline=None, orientation="horizontal", linewidth=1.5, label=name)
heights = np.repeat(edges, 2)[1:-1]
low, high = (np.repeat(values, 2) for values in means)
ax.fill_betweenx(heights, low, high, color="0.85", zorder=0, label="area: W1")
ax.set(xlabel="local entropy, bit", ylabel="cumulative probability", ylim=(0, 1))
ax.legend(frameon=False)
save(figure, "w1")
print(f"W1 of the two images: {np.abs(vectors[0] - vectors[1]).mean():.2f} bit")
