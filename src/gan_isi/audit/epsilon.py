"""A lower bound of epsilon from a split audit, where attack and threshold are fixed beforehand."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..statistics import epsilon_lower_bound
from .folds import draw_folds
from .measures import Sampling
from .prepared import PreparedAttack

#: Share of the held-out patients of whom a guess is made: those with the highest scores are
#: called used, as many with the lowest ones not used.
_GUESSED = 0.5


@dataclass(frozen=True)
class EpsilonBound:
    """Lower bound of the epsilon of differential privacy, by guesses of one attack.

    It presumes that an independent fair coin decided of each patient, before training, whether
    he or she is used, see :func:`gan_isi.statistics.epsilon_lower_bound`. Two
    folders that a hospital happens to have are usually not made so.

    Attributes
    ----------
    epsilon : float
        The bound, with delta = 0; 0 bounds nothing.
    n_right, n_guesses : int
        Number of right guesses, and of all. Half of the patients are held out; of these, the
        quarter with the highest scores is called used, and that with the lowest not used.
    attack : str
        Name of the attack, which was fitted on the other patients.
    confidence : float
        One-sided confidence.
    """

    epsilon: float
    n_right: int
    n_guesses: int
    attack: str
    confidence: float


def split_bound(name: str, prepared: PreparedAttack, sampling: Sampling, seed: int) -> EpsilonBound:
    """Fit an attack on half of the patients and guess of the others.

    Parameters
    ----------
    name : str
        Name of the attack.
    prepared : PreparedAttack
        The attack.
    sampling : Sampling
        Labels, patients, each of whom is guessed of once, and the confidence, one-sided here.
    seed : int
        Seed of the halves.

    Returns
    -------
    EpsilonBound

    Raises
    ------
    ValueError
        If a patient has used images and others: then no coin decided of him or her.
    """
    labels, groups = sampling.labels, sampling.groups
    numbers = np.arange(len(labels)) if groups is None else groups
    check_coins(labels, groups)
    train, test = draw_folds(2, None, labels, groups, seed)[0]
    scores = prepared.answer(train, labels[train], test).scores
    patients, first, units = np.unique(numbers[test], return_index=True, return_inverse=True)
    means = np.bincount(units, scores) / np.bincount(units)
    used = labels[test][first] == 1
    order = np.argsort(means, kind="stable")
    n_each = int(_GUESSED * len(patients) / 2)
    n_right = int(used[order[len(order) - n_each :]].sum() + (~used[order[:n_each]]).sum())
    epsilon = epsilon_lower_bound(n_right, 2 * n_each, confidence=sampling.confidence)
    return EpsilonBound(epsilon, n_right, 2 * n_each, name, sampling.confidence)


def check_coins(labels: NDArray[np.intp], groups: NDArray[np.intp] | None) -> None:
    """Refuse patients with images of both kinds, of whom no single coin decided.

    Parameters
    ----------
    labels : ndarray of shape (n_known,)
        0 or 1.
    groups : ndarray of shape (n_known,) or None
        Patients.

    Raises
    ------
    ValueError
        If there is one.
    """
    if groups is None:
        return
    both = np.intersect1d(groups[labels == 1], groups[labels == 0])
    if len(both):
        raise ValueError(
            f"A lower bound of epsilon needs patients of whom either all images were used or none; "
            f"{len(both)} have both."
        )
