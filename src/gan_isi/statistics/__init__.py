"""Statistics of an audit: pure functions of labels, scores, folds and groups."""

from .auc import auc_interval, difference_interval, null_effect, rank_within, within_fold_auc
from .decisions import (
    DECISION_METRICS,
    balanced_accuracy,
    bootstrap_decisions,
    confusion_counts,
)
from .epsilon import epsilon_lower_bound, epsilon_p_value
from .equivalence import auc_upper_bound
from .intervals import design_effect, proportion_interval
from .p_values import (
    conformal_p_values,
    cross_conformal_p_values,
    max_t_p_values,
    min_p_value,
    permutation_p_value,
    permute_labels,
)
from .power import detectable_auc
from .tail import recall_at_fpr, recognisable_share, tail_excess

__all__ = [
    "DECISION_METRICS",
    "auc_interval",
    "auc_upper_bound",
    "balanced_accuracy",
    "bootstrap_decisions",
    "conformal_p_values",
    "confusion_counts",
    "cross_conformal_p_values",
    "design_effect",
    "detectable_auc",
    "difference_interval",
    "epsilon_lower_bound",
    "epsilon_p_value",
    "max_t_p_values",
    "min_p_value",
    "null_effect",
    "permutation_p_value",
    "permute_labels",
    "proportion_interval",
    "rank_within",
    "recall_at_fpr",
    "recognisable_share",
    "tail_excess",
    "within_fold_auc",
]
