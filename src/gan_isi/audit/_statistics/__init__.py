"""Statistics of an audit: pure functions of labels, scores, folds and groups."""

from ._auc import auc_interval, difference_interval, rank_within, within_fold_auc
from ._intervals import bootstrap_interval, proportion_interval, wilson_interval
from ._p_values import (
    conformal_p_values,
    cross_conformal_p_values,
    permutation_p_value,
    permute_labels,
)
from ._power import detectable_accuracy, detectable_auc

__all__ = [
    "auc_interval",
    "bootstrap_interval",
    "conformal_p_values",
    "cross_conformal_p_values",
    "detectable_accuracy",
    "detectable_auc",
    "difference_interval",
    "permutation_p_value",
    "permute_labels",
    "proportion_interval",
    "rank_within",
    "wilson_interval",
    "within_fold_auc",
]
