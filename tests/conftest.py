"""Fixtures and factories that several test files share."""

from pathlib import Path

import numpy as np
import pytest
from skimage import data

#: Real images that lie beside a checkout; tests that want them skip where they don't.
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def photographs():
    """Twelve 8-bit crops of 48 x 48 pixels out of one photograph."""
    camera = data.camera()
    corners = [(row, column) for row in range(60, 360, 100) for column in range(40, 440, 100)]
    return np.stack([camera[r : r + 48, c : c + 48] for r, c in corners])


@pytest.fixture
def rng():
    return np.random.default_rng(20230918)


@pytest.fixture(scope="session")
def failures_for_labels():
    """Checks of scikit-learn's suite that fit on 1 and 2 or on words, which don't say who was used.

    One that is listed here and passes all the same is no failure.
    """
    reason = "fits on labels that are not booleans, 0/1 or -1/1"
    transformers = ("check_estimators_dtypes", "check_fit2d_1feature")
    classifiers = ("check_classifier_data_not_an_array", "check_classifiers_classes")
    return dict.fromkeys(transformers + classifiers, reason)


@pytest.fixture(scope="session")
def make_bags():
    """Bags whose used queries lie closer to some generated images."""

    def make(n_queries=40, n_generated=10, n_maps=3, gap=1.0, seed=0):
        rng = np.random.default_rng(seed)
        used = np.arange(n_queries) % 2
        bags = rng.random((n_queries, n_generated, n_maps))
        return bags + gap * (1 - used)[:, None, None], used

    return make
