"""What is planned agrees with what audits and other formulas say."""

import json

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from gan_isi import audit
from gan_isi.statistics import detectable_auc, within_fold_auc
from gan_isi.statistics.planning import (
    N_FOLDS,
    PENALTY,
    _learned_aucs,
    generated_for,
    largest_unseen_rate,
    patients_for,
    planned_auc,
    share_returned,
    simulated_null,
)


def test_the_simulated_attack_is_ridge_regression_out_of_fold():
    rng = np.random.default_rng(0)
    y = np.repeat([1, 0], [14, 20])
    folds = np.concatenate([np.arange(14), np.arange(20)]) % N_FOLDS
    rows = rng.normal(size=(3, 34, 4))
    expected = []
    for own in rows:
        scores = np.empty(34)
        for fold in range(N_FOLDS):
            test = folds == fold
            scaler = StandardScaler().fit(own[~test])
            ridge = Ridge(alpha=PENALTY * (~test).sum()).fit(scaler.transform(own[~test]), y[~test])
            scores[test] = ridge.predict(scaler.transform(own[test]))
        expected.append(within_fold_auc(y, scores, folds))
    np.testing.assert_allclose(_learned_aucs(rows, y, folds), expected)


def test_a_fixed_score_of_single_images_is_that_of_the_formula():
    null = simulated_null(60, 60, learns=False, n_simulations=2000)
    simulated = detectable_auc(60, 60, null=null, significance=0.025)
    assert planned_auc(60, 60, learns=False) == pytest.approx(simulated, abs=0.01)


@pytest.mark.parametrize(
    ("sizes", "named"),
    [((20, 20), 0.83), ((100, 100), 0.66), ((10, 100), 0.85), ((40, 40, 4), 0.69)],
)
def test_the_plan_is_what_simulated_audits_name(sizes, named):
    # The table of docs/guide/validation.md, by benchmarks/audit_simulation.py.
    assert planned_auc(*sizes) == pytest.approx(named, abs=0.02)


def test_nothing_is_found_on_average_where_there_is_nothing():
    for learns in (True, False):
        null = simulated_null(20, 30, 2, learns=learns, n_simulations=400)
        assert len(null) == 400
        assert null.mean() == pytest.approx(0.5, abs=4 * null.std() / 20)


def test_more_patients_more_images_and_no_learning_notice_less():
    assert planned_auc(80, 80) < planned_auc(20, 20)
    assert planned_auc(20, 20, 3) < planned_auc(20, 20)
    assert planned_auc(40, 40, learns=False) < planned_auc(40, 40)
    # Several images of a patient are worth less than as many patients.
    assert planned_auc(40, 40, learns=False) < planned_auc(20, 20, 2, learns=False)


def test_the_number_of_patients_for_an_auc_notices_it_and_few_less_do_not():
    n = patients_for(0.7, learns=False)
    assert planned_auc(n, n, learns=False) <= 0.7 < planned_auc(n - 4, n - 4, learns=False)
    assert patients_for(0.501, most=50) is None


@pytest.mark.parametrize("rate", [0.3, 0.01, 1e-4])
def test_copies_are_counted_as_the_binomial_distribution_does(rate):
    assert share_returned(rate, 70) == pytest.approx(binom.sf(0, 70, rate))
    n = generated_for(rate)
    assert binom.sf(0, n, rate) >= 0.95 > binom.sf(0, n - 1, rate)
    assert binom.pmf(0, 300, largest_unseen_rate(300)) == pytest.approx(0.05)


def test_expected_copies_are_those_of_drawn_ones():
    rng = np.random.default_rng(0)
    drawn = [len(np.unique(rng.integers(0, 20, 30))) for _ in range(2000)]
    planned = audit.plan(40, n_generated=30, memorised=0.5)
    assert planned.expected_copied == pytest.approx(np.mean(drawn), abs=0.2)


def test_words_and_json_have_the_same_numbers():
    planned = audit.plan(10, 12, images_per_patient=2, n_generated=100, auc=0.9, memorised=0.3)
    record = json.loads(planned.to_json())
    assert record["sizes"][0]["n_not_used"] == 12
    assert f"{record['sizes'][0]['auc_learned']:.2f}" in str(planned)
    assert f"about {record['patients_learned']} patients" in str(planned)
    assert "at most 3 %" in str(planned)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [((4,), {}), ((10, 2), {}), ((10,), {"auc": 0.5}), ((10,), {"memorised": 0}),
     ((10,), {"images_per_patient": 0}), ((10,), {"n_generated": 0.5})],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(arguments, options):
    with pytest.raises((TypeError, ValueError)):
        audit.plan(*arguments, **options)
