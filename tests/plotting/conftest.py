"""A small fitted attack that all figures can show, and figures that get closed."""

import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

from gan_isi import make_pipeline  # noqa: E402


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def images(photographs):
    """Queries, labels, and generated images that copy the used queries with noise."""
    used = np.arange(len(photographs)) % 2
    rng = np.random.default_rng(0)
    copies = photographs[used == 1].astype(float)
    generated = np.concatenate([copies, copies[:4, ::-1]])
    noisy = generated + rng.normal(scale=4, size=generated.shape)
    return photographs, used, noisy.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def attack(images):
    queries, used, generated = images
    families = ["statistical", "steerable"]
    return make_pipeline(families=families).set_params(generated=generated).fit(queries, used)
