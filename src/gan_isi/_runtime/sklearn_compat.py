"""scikit-learn's own machinery that has no public name, gathered in one place.

A release that moves one of these is mended here, and nowhere else.
"""

from operator import attrgetter

from sklearn.base import _fit_context as fit_context
from sklearn.calibration import _SigmoidCalibration as SigmoidCalibration
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions, validate_params
from sklearn.utils._repr_html.estimator import _VisualBlock as VisualBlock
from sklearn.utils._user_interface import _print_elapsed_time as print_elapsed_time
from sklearn.utils.metaestimators import _BaseComposition as BaseComposition
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in
from sklearn.utils.validation import _num_samples as num_samples

#: What a fitted support vector machine took for `gamma`, as a number.
gamma_of = attrgetter("_gamma")

__all__ = [
    "BaseComposition",
    "HasMethods",
    "Interval",
    "SigmoidCalibration",
    "StrOptions",
    "VisualBlock",
    "check_feature_names_in",
    "fit_context",
    "gamma_of",
    "num_samples",
    "print_elapsed_time",
    "safe_indexing",
    "validate_params",
]
