"""Draw the figures of the user guide and of the landing page.

    python docs/figures/make_figures.py

What each family makes of a photograph: scikit-image's "camera" (CC0), at half its size. The deep
family is not drawn: its pretrained weights have to be downloaded first. Of the landing page: pairs
of the example (`example.py`), and its report as a browser shows it, where Chromium is installed.
"""

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from example import write
from PIL import Image
from skimage import data

from gan_isi.descriptors import CLASSICAL_FAMILIES, FAMILIES
from gan_isi.plotting import ClosestPairsDisplay, FeatureMapsDisplay
from gan_isi.texture import cdf_vectors, cell_edges, local_entropy
from gan_isi.texture.pixels import pixels

FOLDER = Path(__file__).parent
CONTRASTS = ("none", "global", "local")


def save(figure, name, dpi=90):
    """Write a figure with no more colours than it needs."""
    path = FOLDER / f"{name}.png"
    figure.savefig(path, dpi=dpi)
    shrink(path)


def shrink(path):
    """Keep no more colours of a picture than it needs."""
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)


def draw_pairs(result, real, generated):
    """Draw used images above their closest generated ones, and one that was not used."""
    best = result.attacks["recommended"]
    found = ClosestPairsDisplay.from_predictions(
        real, generated, best.evidence.generated[:, 0], best.answers.ranks(), result.labels
    )
    plt.close(found.figure_)
    titles = ["used"] * (len(found.pairs) - 1) + ["not used"]
    figure = plt.figure(figsize=(6.4, 5.05), layout="compressed")
    rows = figure.subplots(3, len(titles))
    sides = "real image", "closest\ngenerated", "the same,\nput back\ninto place"
    for axes, side in zip(rows[:, 0], sides, strict=True):
        axes.set_ylabel(side, rotation=0, ha="right", va="center", fontsize=11)
    for column, title, own, other, pair in zip(
        rows.T, titles, found.real, found.generated, found.pairs, strict=True
    ):
        for axes, picture in zip(column, (own, other, pair.placed(other)), strict=True):
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255 if picture.dtype == np.uint8 else 1)
            axes.set(xticks=[], yticks=[])
        column[0].set_title(title, fontsize=12, fontweight="bold")
        column[2].set_xlabel(f"similarity {pair.similarity:.2f}", fontsize=10)
    figure.supxlabel(result.words()["recommended"][0].replace(" (", "\n("), fontsize=10)
    save(figure, "landing", dpi=150)


def photograph_report(path):
    """Show the beginning of a report as a browser does, where there is one."""
    if (browser := shutil.which("chromium")) is None:
        print("Without Chromium the picture of the report stays as it is.")
        return
    picture = FOLDER / "report.png"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    subprocess.run(
        [browser, *options, "--window-size=900,1250", f"--screenshot={picture}", path.as_uri()],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    shrink(picture)


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

with TemporaryDirectory() as place:
    page = Path(place, "report.html")
    draw_pairs(*write(page))
    photograph_report(page)
