"""Controls of an audit: the same attacks where there is nothing to find."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._runtime.whole import stage
from .crossfit import Folds, cross_fit, null_distribution
from .measures import Estimate, Sampling, auc_of
from .prepared import PreparedAttack
from .significance import p_values_of

#: What is compared: two halves of the images not used, two of the used ones, and used with
#: other images by generated images that have nothing to do with them.
HALVES = {0: "halves of the images not used", 1: "halves of the used images"}
UNRELATED = "unrelated generated images"


@dataclass(frozen=True)
class Control:
    """What an attack finds where there is nothing to find.

    Attributes
    ----------
    kind : str
        "halves of the images not used" and "halves of the used images" are two random halves
        of the patients, one of which is called used: what is found there is a false alarm.
        "unrelated generated images" are in the place of the generator's: what is found
        there does not come from the generator.
    attack : str
        Name of the attack.
    n_images : int
        Number of real images (or volumes).
    auc : Estimate
        AUC of the attack.
    p_value : float
        P-value of its AUC or tail, by permutation; NaN without permutations. In halves it is
        uniform, as far as so few permutations can be.
    """

    kind: str
    attack: str
    n_images: int
    auc: Estimate
    p_value: float


@dataclass(frozen=True)
class ControlPlan:
    """How attacks are asked where there is nothing to find.

    Attributes
    ----------
    labels : ndarray of shape (n_known,)
        0 or 1.
    plan : Folds
        How the known images of the audit are held out.
    sampling : Sampling
        How intervals are made.
    seed : int
        Draws halves, folds and permutations, the same for each attack.
    n_jobs : int or None
        Number of parallel jobs.
    """

    labels: NDArray[np.intp]
    plan: Folds
    sampling: Sampling
    seed: int
    n_jobs: int | None

    def in_halves(self, name: str, prepared: PreparedAttack, n_permutations: int) -> list[Control]:
        """Ask an attack to tell two halves of images that are of the same kind.

        Parameters
        ----------
        name : str
            Name of the attack.
        prepared : PreparedAttack
            The attack.
        n_permutations : int
            Number of permutations.

        Returns
        -------
        list of Control
            One for the images not used and one for the used ones, where each has four
            patients at least.
        """
        found = []
        for label, kind in HALVES.items():
            own = self.plan.known[self.labels == label]
            groups = np.arange(len(own))
            if self.plan.groups is not None:
                groups = np.unique(self.plan.groups[own], return_inverse=True)[1]
            n_patients = int(groups.max()) + 1
            if n_patients < 4:
                continue
            rng = np.random.default_rng([self.seed, label])
            called = (rng.permutation(n_patients) < n_patients // 2).astype(np.intp)[groups]
            folds = Folds(
                own,
                own[:0],
                self.plan.groups,
                min(self.plan.cv, n_patients // 2),
                self.plan.n_repeats,
            )
            found.append(self._ask(kind, name, prepared, called, folds, n_permutations))
        return found

    def unrelated(self, name: str, prepared: PreparedAttack, n_permutations: int) -> Control:
        """Ask an attack that was prepared with unrelated generated images.

        Parameters
        ----------
        name : str
            Name of the attack.
        prepared : PreparedAttack
            The attack.
        n_permutations : int
            Number of permutations.

        Returns
        -------
        Control
        """
        known = Folds(
            self.plan.known, self.plan.known[:0], self.plan.groups, self.plan.cv,
            self.plan.n_repeats, self.plan.splitter,
        )  # fmt: skip
        return self._ask(UNRELATED, name, prepared, self.labels, known, n_permutations)

    def _ask(
        self,
        kind: str,
        name: str,
        prepared: PreparedAttack,
        labels: NDArray[np.intp],
        plan: Folds,
        n_permutations: int,
    ) -> Control:
        with stage(f"{name}: {kind}", n_permutations, "permutation") as shown:
            answers = cross_fit(prepared, labels, plan, seed=self.seed)
            null = null_distribution(
                prepared, labels, plan, n_permutations=n_permutations, seed=self.seed,
                n_jobs=self.n_jobs, progress=shown.update,
            )  # fmt: skip
        groups = plan.known_groups
        sampling = Sampling(groups, self.sampling.n_resamples, self.sampling.confidence, self.seed)
        p_values = p_values_of(answers.statistics(labels, groups), null)
        return Control(
            kind=kind,
            attack=name,
            n_images=len(labels),
            auc=auc_of(labels, answers, sampling, null["AUC"]),
            p_value=p_values.get("AUC or tail", float("nan")),
        )


def control_rows(controls: tuple[Control, ...]) -> list[dict[str, Any]]:
    """Return controls as rows of a table.

    Parameters
    ----------
    controls : tuple of Control
        The controls.

    Returns
    -------
    list of dict
    """
    return [
        {"control": one.kind, "attack": one.attack, "n_images": one.n_images,
         "AUC": one.auc.value, "low": one.auc.low, "high": one.auc.high, "p_value": one.p_value}
        for one in controls
    ]  # fmt: skip
