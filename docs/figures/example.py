"""The example of the landing page: an audit of the built-in problem, and its report.

    python docs/figures/example.py REPORT.html

The real images are crops of photographs that scikit-image ships: nothing is loaded from a
network, and no patient is shown. The documentation is built with this report.
"""

import os
import sys
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from gan_isi import audit, datasets

TITLE = "Example: photographs of scikit-image, and noisy copies of half of them"


def make_problem():
    """Return the problem; its generated images are noisy copies in one of eight poses each."""
    problem = datasets.make_membership_problem(
        80, n_generated=100, memorization=0.9, random_state=1
    )
    rng = np.random.default_rng(0)
    problem.generated = np.stack(
        [np.rot90(image[:, :: rng.choice((1, -1))], rng.integers(4)) for image in problem.generated]
    )
    return problem


def write_folders(problem):
    """Write the images as files, into the folders that `datasets.load_membership` reads."""
    folders = [Path("real_not_used"), Path("real_used"), Path("generated")]
    for folder in folders:
        folder.mkdir()
    for number, image in enumerate(problem.images):
        name = f"{problem.group_names[problem.groups[number]]}_{number:02d}.png"
        Image.fromarray(image).save(folders[problem.target[number]] / name)
    for number, image in enumerate(problem.generated):
        Image.fromarray(image).save(folders[2] / f"generated_{number:02d}.png")


def write(path):
    """Audit two attacks, write the report, and return what was found, with the images."""
    path = os.path.abspath(path)
    with TemporaryDirectory() as folder, chdir(folder):  # the report names no place of this machine
        write_folders(make_problem())
        data = datasets.load_membership(".")
        result = audit.audit(
            ["recommended", "nearest"],
            data.images,
            data.target,
            generated=data.generated,
            n_permutations=99,
            random_state=0,
        )
        result.to_html(path, title=TITLE, real=data.images, generated=data.generated)
        return result, list(data.images), list(data.generated)


if __name__ == "__main__":
    print(write(sys.argv[1])[0])
