"""The best of several attacks is chosen without the queries that it then answers for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .crossfit import Folds, cross_fit
from .prepared import Answers, PreparedAttack


@dataclass(frozen=True)
class ChosenAttack(PreparedAttack):
    """Whichever attack does best in a cross-validation of the queries it is fitted on.

    The choice is part of the fit. Out of fold, it has not seen the queries that it is
    judged by, and under permuted labels it is made again, so that choosing flatters
    neither the numbers nor the p-value.

    Parameters
    ----------
    attacks : mapping of str to PreparedAttack
        Attacks to choose among by AUC, the first of equals.
    groups : ndarray of shape (n_images,) or None
        Patients of all real images.
    cv : int
        Number of folds of the cross-validation that chooses.
    seed : int
        Seed of these folds.
    """

    attacks: Mapping[str, PreparedAttack]
    groups: NDArray[Any] | None
    cv: int
    seed: int

    def answer(
        self, train: NDArray[np.intp], labels: NDArray[np.intp], test: NDArray[np.intp]
    ) -> Answers:
        """Choose and fit on the queries `train`, and answer for `test`."""
        plan = Folds(train, train[:0], self.groups, self.cv, 1)
        aucs = {
            name: cross_fit(attack, labels, plan, seed=self.seed).auc(labels)
            for name, attack in self.attacks.items()
        }
        best = max(aucs, key=aucs.__getitem__)
        answers = self.attacks[best].answer(train, labels, test)
        return Answers(answers.scores, answers.used, best)
