"""scikit-learn's own check suite, and the checks that it never yields."""

import warnings

import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.naive_bayes import GaussianNB
from sklearn.utils import estimator_checks as checks
from sklearn.utils.estimator_checks import check_estimator

import gan_isi
from gan_isi.membership.rules import BaseBagClassifier

ESTIMATORS = [
    gan_isi.StatisticalDescriptor(),
    gan_isi.GaborDescriptor(),
    gan_isi.SteerableDescriptor(),
    gan_isi.GaussianDerivativeDescriptor(),
    gan_isi.PairwiseWassersteinTransformer(),
    gan_isi.PairwiseWassersteinTransformer(include_real=True),
    gan_isi.PairwiseDistanceTransformer(),
    gan_isi.PairwiseDistanceTransformer("correlation", include_real=True),
    gan_isi.PairwiseWhitenedTransformer(),
    gan_isi.DistanceUnion(
        [
            ("near", gan_isi.PairwiseDistanceTransformer()),
            ("direction", gan_isi.PairwiseDistanceTransformer("cosine")),
        ]
    ),
    gan_isi.PixelDescriptor(size=8),
    gan_isi.DescriptorUnion(
        [
            ("statistical", gan_isi.StatisticalDescriptor()),
            ("pixels", gan_isi.PixelDescriptor(size=8)),
        ],
        n_levels=8,
    ),
    gan_isi.baselines.NearestGenerated(),
    gan_isi.baselines.EpsilonBall(),
    gan_isi.baselines.EpsilonBall("median"),
    gan_isi.baselines.Retrieval(),
    gan_isi.BagSummaryTransformer(),
    gan_isi.SummaryClassifier(),
    gan_isi.MembershipClassifier(),
    gan_isi.MembershipClassifier(GaussianNB(), fusion="max", calibrate_fusion=True),
]
DESCRIPTORS = [
    estimator
    for estimator in ESTIMATORS
    if isinstance(
        estimator, (gan_isi.BaseDescriptor, gan_isi.PixelDescriptor, gan_isi.DescriptorUnion)
    )
]
#: Their bags end in a column a query of fit, which the suite's rows don't have.
WITH_REFERENCE = [gan_isi.baselines.DensityRatio(), gan_isi.baselines.CalibratedSimilarity()]


def ids(estimator):
    return type(estimator).__name__


def run_suite(estimator, expected):
    """Number of checks that ran; none failed but those whose labels say nothing."""
    with warnings.catch_warnings():
        # The checks themselves provoke warnings (constant columns, one-dimensional y).
        warnings.simplefilter("ignore")
        results = check_estimator(
            estimator, on_skip=None, on_fail=None, expected_failed_checks=expected
        )
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert failed == {}
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}  # needs SCIPY_ARRAY_API=1 at start-up
    failed = [r for r in results if r["status"] == "xfail"]
    assert all("which of them means used" in str(r["exception"]) for r in failed)
    return len(results) - len(skipped) - len(failed)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=ids)
def test_whole_check_suite(estimator, failures_for_labels):
    asks_who_was_used = isinstance(
        estimator, (BaseBagClassifier, gan_isi.BagSummaryTransformer, gan_isi.SummaryClassifier)
    )
    assert run_suite(estimator, failures_for_labels if asks_who_was_used else {}) > 40


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=ids)
@pytest.mark.parametrize(
    "check",
    [
        checks.check_param_validation,
        checks.check_dataframe_column_names_consistency,
        checks.check_n_features_in_after_fitting,
        checks.check_mixin_order,
        checks.check_do_not_raise_errors_in_init_or_set_params,
        checks.check_parameters_default_constructible,
    ],
    ids=lambda check: check.__name__,
)
def test_checks_outside_the_suite(estimator, check):
    check(ids(estimator), clone(estimator))


@pytest.mark.parametrize("estimator", WITH_REFERENCE, ids=ids)
@pytest.mark.parametrize(
    "check",
    [
        checks.check_param_validation,
        checks.check_mixin_order,
        checks.check_do_not_raise_errors_in_init_or_set_params,
        checks.check_parameters_default_constructible,
        checks.check_estimator_cloneable,
        checks.check_estimator_repr,
        checks.check_valid_tag_types,
        checks.check_estimators_unfitted,
    ],
    ids=lambda check: check.__name__,
)
def test_checks_that_need_no_bags(estimator, check):
    check(ids(estimator), clone(estimator))


@pytest.mark.parametrize("estimator", DESCRIPTORS, ids=ids)
@pytest.mark.parametrize(
    "check",
    [
        checks.check_transformer_get_feature_names_out,
        checks.check_transformer_get_feature_names_out_pandas,
        checks.check_get_feature_names_out_error,
        checks.check_set_output_transform,
        checks.check_set_output_transform_pandas,
        checks.check_global_output_transform_pandas,
    ],
    ids=lambda check: check.__name__,
)
# The checks fit on frames and transform arrays on purpose.
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
def test_feature_names_and_set_output(estimator, check):
    check(ids(estimator), clone(estimator))


@pytest.mark.parametrize("estimator", DESCRIPTORS, ids=ids)
def test_set_output_labels_each_column(estimator, photographs):
    frame = clone(estimator).set_output(transform="pandas").fit_transform(photographs[:2])
    assert isinstance(frame, pd.DataFrame)
    assert frame.columns.is_unique
    names = clone(estimator).fit(photographs).get_feature_names_out()
    assert frame.shape == (2, len(names))


@pytest.mark.parametrize("estimator", ESTIMATORS + WITH_REFERENCE, ids=ids)
def test_mixins_stand_left_of_base_estimator(estimator):
    names = [cls.__name__ for cls in type(estimator).__mro__]
    assert names.index("BaseEstimator") > names.index("VersionedPickleMixin")


@pytest.mark.parametrize("estimator", ESTIMATORS + WITH_REFERENCE, ids=ids)
def test_every_parameter_has_a_constraint(estimator):
    assert set(estimator.get_params(deep=False)) == set(estimator._parameter_constraints)
