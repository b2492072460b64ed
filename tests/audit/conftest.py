"""Small worlds for audits: rows of numbers in place of images."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from gan_isi import BagSummaryTransformer, PairwiseWassersteinTransformer
from gan_isi.attacks.pipeline import SourceIdentificationPipeline
from gan_isi.audit.crossfit import Folds
from gan_isi.audit.record import as_json
from gan_isi.audit.statements import sentences


def attack(classifier=None, **summary):
    """An attack on rows of numbers: the distances are those of one map."""
    return SourceIdentificationPipeline(
        [
            ("descriptors", "passthrough"),
            ("distances", PairwiseWassersteinTransformer()),
            (
                "membership",
                make_pipeline(BagSummaryTransformer(**summary), classifier or LogisticRegression()),
            ),
        ]
    )


def world(rng, n=60, n_generated=40, copied=True):
    """Rows, who was used, and a generator that repeats the used ones with noise."""
    real = rng.normal(size=(n, 8))
    used = np.repeat([0, 1], n // 2)[rng.permutation(n)]
    sources = real[used == 1] if copied else rng.normal(size=(n, 8))
    generated = sources[rng.integers(len(sources), size=n_generated)]
    return real, used, generated + 0.05 * rng.normal(size=(n_generated, 8))


def folds_of(used, groups=None, cv=2):
    """All queries known, no candidates."""
    known = np.arange(len(used))
    return Folds(known, known[:0], groups, cv, n_repeats=1)


def stated(statements):
    """Kinds of statements, with the numbers of each, all of which the sentence has places for."""
    for one in statements:
        assert all("{" + name in sentences()[one.kind] for name in one.values), one
    return {one.kind: one.values for one in statements}


@pytest.fixture(scope="session", name="stated")
def _stated():
    return stated


def without_provenance(result):
    """The JSON of an audit, but for the part that has a date, a duration and arguments."""
    return as_json(result.to_dict() | {"provenance": None})


@pytest.fixture(scope="session", name="without_provenance")
def _without_provenance():
    return without_provenance


@pytest.fixture(scope="session", name="attack")
def _attack():
    return attack


@pytest.fixture(scope="session", name="world")
def _world():
    return world


@pytest.fixture(scope="session", name="folds_of")
def _folds_of():
    return folds_of
