"""What attacks can tell at most: the equivalence reading of an AUC."""

from numpy.typing import ArrayLike

from .arguments import check_share
from .auc import auc_interval


def auc_upper_bound(
    y: ArrayLike,
    scores: ArrayLike,
    folds: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    *,
    null: ArrayLike | None = None,
    confidence: float = 0.95,
) -> float:
    """Upper bound of the AUC of an attack, for images such as these.

    That a test finds nothing is no proof that there is nothing. A bound says how much there may be:
    an AUC above it is rejected at the level ``1 - confidence``, which is the half of two
    one-sided tests (TOST) that matters here. Of several attacks the highest bound is one of
    the highest AUC, at the same confidence. It says nothing of attacks that were not tried.

    Parameters
    ----------
    y : array-like of shape (n_queries,)
        Labels: 1 for queries that were used, 0 for queries that were not.
    scores : array-like of shape (n_queries,)
        Scores of the attack, larger for queries that were used.
    folds : array-like of shape (n_queries,), default=None
        Fold in which each query was held out.
    groups : array-like of shape (n_queries,), default=None
        Group of each query, its patient for example.
    null : array-like of shape (n_permutations,), default=None
        AUCs of refits with permuted labels, see :func:`auc_interval`.
    confidence : float, default=0.95
        One-sided confidence level, from 0.5.

    Returns
    -------
    float
        The upper end of the two-sided interval of the confidence ``2 confidence - 1``.

    Raises
    ------
    ValueError
        As in :func:`auc_interval`.

    References
    ----------
    D. J. Schuirmann, "A comparison of the two one-sided tests procedure and the power
    approach for assessing the equivalence of average bioavailability", Journal of
    Pharmacokinetics and Biopharmaceutics 15 (1987) 657-680.

    Examples
    --------
    >>> print(f"{auc_upper_bound([0, 1] * 50, range(100)):.2f}")
    0.60
    """
    two_sided = 2 * check_share(confidence, "confidence") - 1
    return auc_interval(y, scores, folds, groups, null=null, confidence=two_sided)[1]
