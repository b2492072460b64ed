"""What a comparison of two generators found, in numbers and words."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from .measures import Estimate
from .record import as_json, without_nan


@dataclass(frozen=True)
class CompareResult:
    """What a comparison of two generators found.

    Attributes
    ----------
    auc : dict of str to Estimate
        AUC of the attack against each generator's images, out of fold.
    n_images, n_patients : int
        Numbers of real images, and of their patients (of images where none were given); in a
        cross-over of those that exactly one generator used.
    n_generated : int
        Number of images of each generator that were compared.
    n_permutations : int
        Number of exchanges, with a refit each.
    confidence : float
        Confidence of the intervals.
    difference, tpr_difference : Estimate or None
        AUC, and true positive rate at a false positive rate of 5 %, of the first generator minus
        that of the second. None in a cross-over.
    p_value, tpr_p_value : float
        Two-sided p-values, by exchange of the generators in a random half of the patients.
    crossover : Estimate or None
        Probability that the score against the first generator minus that against the second is
        larger for an image that the first one used than for one that the second one used.
    crossover_p_value : float
        One-sided p-value, by exchange of which generator used which patients.
    """

    auc: dict[str, Estimate]
    n_images: int
    n_patients: int
    n_generated: int
    n_permutations: int
    confidence: float
    difference: Estimate | None = None
    p_value: float = math.nan
    tpr_difference: Estimate | None = None
    tpr_p_value: float = math.nan
    crossover: Estimate | None = None
    crossover_p_value: float = math.nan

    def __str__(self) -> str:
        return "\n".join([self._head(), *self._found()])

    def __repr__(self) -> str:
        return f"<CompareResult: {self}>"

    def _head(self) -> str:
        each = ", ".join(f"{name} {one}" for name, one in self.auc.items())
        return (
            f"{self.n_images} real images of {self.n_patients} patients against {self.n_generated} "
            f"images of each generator. AUC: {each}."
        )

    def _found(self) -> list[str]:
        first, second = self.auc
        if self.crossover is not None:
            said = f"Cross-over AUC {self.crossover}{_p(self.crossover_p_value)}: "
            if self.crossover_p_value <= 0.05:
                return [
                    f"{said}which of the two generators used an image can be told from their "
                    "images. What makes an image easy for either cancels."
                ]
            return [
                f"{said}this does not show that the generators' images tell which one used an "
                "image, nor that they do not."
            ]
        assert self.difference is not None
        words = [f"{first} minus {second}: AUC {self.difference:+.2f}{_p(self.p_value)}."]
        if self.tpr_difference is not None and not math.isnan(self.tpr_difference.value):
            words.append(
                f"True positive rate at a false positive rate of 5 %: {self.tpr_difference:+.2f}"
                f"{_p(self.tpr_p_value)}."
            )
        if self.p_value <= 0.05:
            more, less = (first, second) if self.difference.value > 0 else (second, first)
            words.append(
                f"Used images are told better from the images of {more} than from those of {less}."
            )
        else:
            words.append(
                "This does not show that the two differ, nor that they are alike: the interval "
                "has the differences that go with these images."
            )
        return words

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain types, those that are not there as None.

        Returns
        -------
        dict
            With the sentences as `words`.
        """
        return {**without_nan(asdict(self)), "words": str(self).splitlines()}

    def to_json(self) -> str:
        """Return `to_dict` as JSON.

        Returns
        -------
        str
        """
        return as_json(self.to_dict()) + "\n"


def _p(value: float) -> str:
    return "" if math.isnan(value) else f", p = {value:.2g}"
