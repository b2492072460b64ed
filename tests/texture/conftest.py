"""Images for the tests of the maps: a photograph, an X-ray, and noise."""

from pathlib import Path

import numpy as np
import pytest
from skimage import data, io

XRAYS = Path(__file__).parents[3] / "shared" / "data" / "cxr256"


@pytest.fixture(scope="session")
def photo_8bit():
    """256 x 256 crop of a photograph, uint8."""
    return data.camera()[128:384, 128:384].copy()


@pytest.fixture(scope="session")
def photo(photo_8bit):
    return photo_8bit / 255


@pytest.fixture(scope="session")
def xray_files():
    files = sorted(XRAYS.glob("*.png"))
    if not files:
        pytest.skip(f"needs the X-rays of {XRAYS}")
    return files


@pytest.fixture(scope="session")
def xray(xray_files):
    return io.imread(xray_files[0]) / 255


@pytest.fixture
def rng():
    return np.random.default_rng(20231)


@pytest.fixture
def grey_image(rng):
    """Factory of random 8-bit pictures on the unit scale; few levels make ties."""

    def make(shape, n_levels=256):
        return rng.integers(0, n_levels, shape) / 255

    return make
