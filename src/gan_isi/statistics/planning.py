"""How much an audit of a given size would notice, before there is one."""

import math

import numpy as np
from numpy.typing import NDArray

from .power import detectable_auc

#: The simulated attack: numbers an image, the part of their variance that is a patient's, its
#: penalty, and its folds. As in benchmarks/audit_simulation.py.
N_COLUMNS, OF_PATIENT, PENALTY, N_FOLDS = 18, 0.5, 0.1, 5

#: The audit's AUC shares its 5 % with the highest scores.
SIGNIFICANCE = 0.025

#: Numbers that are simulated at once, which bounds the memory.
_AT_ONCE = 4_000_000


def simulated_null(
    n_used: int,
    n_other: int,
    images_per_patient: int = 1,
    *,
    learns: bool = True,
    n_simulations: int = 400,
    random_state: int = 0,
) -> NDArray[np.float64]:
    """Cross-validated AUCs of an attack where there is nothing to find.

    Parameters
    ----------
    n_used, n_other : int
        Numbers of patients that were used, and that were not.
    images_per_patient : int, default=1
        Number of images of each.
    learns : bool, default=True
        Whether the attack is regularised least squares on 18 numbers an image, with 5 folds by
        patient; otherwise it is one of these numbers, a score that learns nothing.
    n_simulations : int, default=400
        Number of AUCs.
    random_state : int, default=0
        Seed.

    Returns
    -------
    ndarray of shape (n_simulations,)
        Of normal numbers, half of whose variance is a patient's where patients have several images.
    """
    rng = np.random.default_rng(random_state)
    y = np.repeat(np.repeat([1, 0], [n_used, n_other]), images_per_patient)
    folds = np.repeat(
        np.concatenate([np.arange(n) % N_FOLDS for n in (n_used, n_other)]), images_per_patient
    )
    step = max(1, _AT_ONCE // (len(y) * N_COLUMNS))
    found = []
    for start in range(0, n_simulations, step):
        shape = min(step, n_simulations - start), n_used + n_other, N_COLUMNS
        rows = rng.normal(size=shape)
        if images_per_patient > 1:
            rows = math.sqrt(OF_PATIENT) * np.repeat(rows, images_per_patient, axis=1)
            rows += math.sqrt(1 - OF_PATIENT) * rng.normal(size=rows.shape)
        found.append(_learned_aucs(rows, y, folds) if learns else _aucs(rows[:, :, 0], y)[0])
    return np.concatenate(found)


def _learned_aucs(
    rows: NDArray[np.float64], y: NDArray[np.intp], folds: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the AUC within folds of least squares, for each of several data sets."""
    right, pairs = np.zeros(len(rows)), 0
    for fold in range(N_FOLDS):
        test = folds == fold
        known, labels = rows[:, ~test], y[~test]
        center, spread = known.mean(axis=1, keepdims=True), known.std(axis=1, keepdims=True)
        known = (known - center) / spread
        gram = np.swapaxes(known, 1, 2) @ known
        gram += PENALTY * known.shape[1] * np.eye(rows.shape[2])
        weights = np.linalg.solve(
            gram, np.swapaxes(known, 1, 2) @ (labels - labels.mean())[:, None]
        )
        aucs, own = _aucs((((rows[:, test] - center) / spread) @ weights)[:, :, 0], y[test])
        right, pairs = right + aucs * own, pairs + own
    return right / pairs


def _aucs(scores: NDArray[np.float64], y: NDArray[np.intp]) -> tuple[NDArray[np.float64], int]:
    """Return the AUC of each row of scores without ties, and the number of pairs."""
    ranks = scores.argsort(axis=1).argsort(axis=1) + 1
    m, n = int(y.sum()), int((1 - y).sum())
    return (ranks[:, y == 1].sum(axis=1) - m * (m + 1) / 2) / (m * n), m * n


def planned_auc(
    n_used: int, n_other: int, images_per_patient: int = 1, *, learns: bool = True
) -> float:
    """Smallest true AUC that an audit of this size notices in 80 of 100 cases.

    Parameters
    ----------
    n_used, n_other : int
        Numbers of patients, at least 5 each.
    images_per_patient : int, default=1
        Number of images of each.
    learns : bool, default=True
        Whether the attack learns, see `simulated_null`.

    Returns
    -------
    float
        By :func:`detectable_auc`, with the spread of simulated AUCs in place of those with permuted
        labels, and without where single images are scored by what learns nothing; NaN if even an
        AUC of 1 might be missed.
    """
    if images_per_patient == 1 and not learns:
        return detectable_auc(n_used, n_other, significance=SIGNIFICANCE)
    null = simulated_null(n_used, n_other, images_per_patient, learns=learns)
    sizes = n_used * images_per_patient, n_other * images_per_patient
    return detectable_auc(*sizes, null=null, significance=SIGNIFICANCE)


def patients_for(
    auc: float, images_per_patient: int = 1, *, learns: bool = True, most: int = 2000
) -> int | None:
    """Smallest number of patients of each class with which a true AUC is noticed.

    Parameters
    ----------
    auc : float
        The AUC, above 0.5.
    images_per_patient : int, default=1
        Number of images of each.
    learns : bool, default=True
        Whether the attack learns.
    most : int, default=2000
        Largest number that is tried.

    Returns
    -------
    int or None
        The number used, with as many not used; None above `most`.
    """

    def enough(n: int) -> bool:
        return planned_auc(n, n, images_per_patient, learns=learns) <= auc

    low = high = N_FOLDS
    while not enough(high):
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > max(1, high // 50):  # simulated numbers have no more digits
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def share_returned(rate: float, n_generated: int) -> float:
    """Probability that an image which comes back at a rate is there at least once.

    Parameters
    ----------
    rate : float
        Probability that one generated image is a copy of it, each independently.
    n_generated : int
        Number of generated images.

    Returns
    -------
    float
        ``1 - (1 - rate)^n``.
    """
    return -math.expm1(n_generated * math.log1p(-rate)) if rate < 1 else 1.0


def generated_for(rate: float, probability: float = 0.95) -> int:
    """Return the number of generated images among which an image is there at least once.

    Parameters
    ----------
    rate : float
        Probability that one generated image is a copy of it, each independently.
    probability : float, default=0.95
        Probability of at least one copy.

    Returns
    -------
    int
        The smallest n with ``1 - (1 - rate)^n`` at least `probability`.
    """
    return 1 if rate >= 1 else math.ceil(math.log1p(-probability) / math.log1p(-rate))


def largest_unseen_rate(n_generated: int, confidence: float = 0.95) -> float:
    """Upper bound of a rate of which no case was seen.

    Parameters
    ----------
    n_generated : int
        Number of generated images, none of which is a copy.
    confidence : float, default=0.95
        One-sided confidence level.

    Returns
    -------
    float
        ``1 - (1 - confidence)^(1/n)``, about 3 / n (the rule of three).
    """
    return -math.expm1(math.log1p(-confidence) / n_generated)
