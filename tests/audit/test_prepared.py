"""What an audit computes once: it changes no bit, and permutations see nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from threadpoolctl import threadpool_info, threadpool_limits

from gan_isi import PairwiseDistanceTransformer, SummaryClassifier, make_pipeline
from gan_isi.attacks.pipeline import SourceIdentificationPipeline
from gan_isi.audit.crossfit import cross_fit, null_distribution
from gan_isi.audit.evidence import closest_generated
from gan_isi.audit.prepared import Recorder, keep_generated, prepare
from gan_isi.baselines import NearestGenerated


def prepared_attack(membership, rng, world):
    real, used, generated = world(rng, n=40, n_generated=120)
    attack = SourceIdentificationPipeline(
        [
            ("descriptors", "passthrough"),
            ("distances", PairwiseDistanceTransformer()),
            ("membership", membership),
        ]
    )
    ((_, prepared),) = prepare({"attack": attack}, real, generated)
    return prepared, used


@pytest.mark.parametrize(
    "membership",
    [SummaryClassifier(), SummaryClassifier(n_closest=(1, 4), contrast=9), NearestGenerated(2, 9)],
)
def test_answers_and_evidence_are_those_of_whole_bags(membership, rng, world, folds_of):
    prepared, used = prepared_attack(membership, rng, world)
    for one in (prepared, keep_generated(prepared, np.arange(0, 120, 2))):
        assert one.closest.shape[1] < one.n_generated
        found = []
        for attack in (one, replace(one, closest=None, medians=None)):
            recorder = Recorder.of(attack)
            answers = cross_fit(recorder, used, folds_of(used, cv=4), seed=0)
            evidence = closest_generated(recorder)
            null = null_distribution(attack, used, folds_of(used), n_permutations=3, seed=0)
            found.append((answers.scores, evidence.generated, evidence.distances, *null.values()))
        for ours, whole in zip(*found, strict=True):
            assert_array_equal(ours, whole)


def test_what_needs_whole_bags_gets_them(rng, world):
    for membership in (SummaryClassifier(quantiles=(0.1,)), SummaryClassifier(contrast=500)):
        prepared, _ = prepared_attack(membership, rng, world)
        n = 120 if prepared.closest is None else prepared.closest.shape[1]
        assert n == 120
    problem = rng.random((12, 16, 16)), rng.random((9, 16, 16))
    for name in ("retrieval", "density_ratio", "calibrated_similarity", "epsilon_ball", "blind"):
        ((_, prepared),) = prepare({name: make_pipeline(name)}, *problem)
        assert prepared.closest is None, name


class _Counts(SummaryClassifier):
    """Counts the distances that its fits get."""

    seen: list[int] = []

    def fit(self, X, y, *, blocks=None, scales=None):
        self.seen.append(X.shape[1])
        return super().fit(X, y, blocks=blocks, scales=scales)


def test_a_permutation_does_not_look_at_all_distances(rng, world, folds_of):
    _Counts.seen.clear()
    prepared, used = prepared_attack(_Counts(contrast=9), rng, world)
    null_distribution(prepared, used, folds_of(used), n_permutations=2, seed=0)
    assert _Counts.seen == [10] * 4


class _Threads(SummaryClassifier):
    """Keeps how many threads BLAS has in its fits."""

    seen: list[int] = []

    def fit(self, X, y, *, blocks=None, scales=None):
        self.seen += [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
        return super().fit(X, y, blocks=blocks, scales=scales)


def test_small_fits_have_one_thread(rng, world, folds_of):
    _Threads.seen.clear()
    prepared, used = prepared_attack(_Threads(), rng, world)
    with threadpool_limits(2, user_api="blas"):
        cross_fit(prepared, used, folds_of(used), seed=0)
    assert set(_Threads.seen) == {1}
