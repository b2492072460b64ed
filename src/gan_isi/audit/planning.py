"""A plan: what an audit of so many patients and generated images would notice."""

from dataclasses import asdict, dataclass
from typing import Any

from .._validation.arrays import check_count, check_number
from ..statistics.planning import (
    N_FOLDS,
    generated_for,
    largest_unseen_rate,
    patients_for,
    planned_auc,
    share_returned,
)
from .record import as_json, without_nan

#: Rates at which one memorised image comes back, for the table.
_RATES = (0.1, 0.01, 0.001, 0.0001)


@dataclass(frozen=True)
class PlannedSize:
    """What an audit of one size would notice.

    Attributes
    ----------
    n_used, n_not_used : int
        Numbers of patients.
    images_per_patient : int
        Number of images of each.
    auc_learned, auc_fixed : float
        Smallest true AUC that is noticed in 80 of 100 cases, of an attack that learns and of a
        score that does not; NaN where there is none.
    """

    n_used: int
    n_not_used: int
    images_per_patient: int
    auc_learned: float
    auc_fixed: float


@dataclass(frozen=True)
class Plan:
    """What an audit would notice.

    Attributes
    ----------
    sizes : tuple of PlannedSize
        The size that was asked for first, then others around it.
    n_generated : int
        Number of generated images.
    returned : dict of float to float
        For rates at which one memorised image comes back per generated image, the probability that
        it is there at least once.
    needed : dict of float to int
        For the same rates the number of generated images among which it is with 95 %.
    largest_unseen_rate : float
        Upper 95 % bound of a rate of copies if there is none among the generated images.
    auc : float or None
        An AUC that was asked about.
    patients_learned, patients_fixed : int or None
        Numbers of patients of each class that notice it, of an attack that learns and of a score
        that does not; None above 2000.
    memorised : float or None
        Share of the used images that is supposed to be memorised, alike.
    expected_copied : float or None
        Number of used images of which a copy is expected if that share comes back, alike, in all
        generated images.
    """

    sizes: tuple[PlannedSize, ...]
    n_generated: int
    returned: dict[float, float]
    needed: dict[float, int]
    largest_unseen_rate: float
    auc: float | None = None
    patients_learned: int | None = None
    patients_fixed: int | None = None
    memorised: float | None = None
    expected_copied: float | None = None

    def __str__(self) -> str:
        lines = [
            "Smallest true AUC that an audit notices in 80 of 100 cases, by simulation:",
            "",
            "  used + not used  images a patient  attack that learns  fixed score",
        ]
        for one in self.sizes:
            patients = f"{one.n_used} + {one.n_not_used}"
            lines.append(
                f"  {patients:>15}  {one.images_per_patient:>16}  {_auc(one.auc_learned):>18}  "
                f"{_auc(one.auc_fixed):>11}"
            )
        if self.auc is not None:
            lines += ["", (
                f"An AUC of {self.auc:.2f} takes {_patients(self.patients_learned)} patients of "
                "each kind with an attack that learns, "
                f"{_patients(self.patients_fixed)} with a fixed score."
            )]  # fmt: skip
        lines += [
            "", f"One memorised image among {self.n_generated} generated ones, by formula:", "",
            "  copies of it per generated image  there at least once  generated for 95 %",
        ]  # fmt: skip
        lines += [
            f"  {rate:>32g}  {100 * share:>17.1f} %  {self.needed[rate]:>18}"
            for rate, share in self.returned.items()
        ]
        lines += ["", (
            f"If none of {self.n_generated} generated images is a copy, copies are at most "
            f"{100 * self.largest_unseen_rate:.2g} % of what it generates, with 95 % confidence "
            "(the rule of three)."
        )]  # fmt: skip
        if self.expected_copied is not None:
            lines.append(
                f"If it copies {100 * (self.memorised or 0):g} % of the used images, alike, and "
                f"nothing else, {self.expected_copied:.1f} used images are expected among them."
            )
        return "\n".join([*lines, "", _ASSUMED])

    def __repr__(self) -> str:
        return f"<Plan: {self}>"

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain types, those that are not there as None.

        Returns
        -------
        dict
        """
        found: dict[str, Any] = without_nan(asdict(self))
        return found

    def to_json(self) -> str:
        """Return `to_dict` as JSON.

        Returns
        -------
        str
        """
        return as_json(self.to_dict()) + "\n"


_ASSUMED = (
    "Simulated: attacks on 18 normal numbers an image, half of whose variance is a patient's, with "
    "5 folds and 2.5 % for the AUC; a real attack may vary more or less, and an audit says what it "
    "would have noticed. Assumed in the formulas: each generated image is a copy with the same "
    "probability, independently. Not said: which AUC so many copies give."
)


def _auc(value: float) -> str:
    return "none" if value != value else f"{value:.2f}"


def _patients(number: int | None) -> str:
    return "more than 2000" if number is None else f"about {number}"


def plan(
    n_used: int,
    n_not_used: int | None = None,
    *,
    images_per_patient: int = 1,
    n_generated: int = 500,
    auc: float | None = None,
    memorised: float | None = None,
) -> Plan:
    """Tell how many patients and generated images show which effect, before an audit.

    Parameters
    ----------
    n_used : int
        Number of used patients, at least 5.
    n_not_used : int, default=None
        Number of patients not used; None takes as many.
    images_per_patient : int, default=1
        Number of images of each.
    n_generated : int, default=500
        Number of generated images.
    auc : float, default=None
        AUC to be noticed: adds how many patients that takes.
    memorised : float, default=None
        Share of the used images that comes back in all generated images, alike: adds how many of
        them are expected among these.

    Returns
    -------
    Plan
        Numbers, and a text that says which are simulated and which are formulas.

    Raises
    ------
    TypeError, ValueError
        For fewer than 5 patients, and what is no number in its range.

    Examples
    --------
    >>> from gan_isi import audit
    >>> planned = audit.plan(50, n_generated=500)
    >>> round(planned.largest_unseen_rate, 4)
    0.006
    >>> planned.needed[0.01]
    299
    """
    n_used = check_count(n_used, "n_used", N_FOLDS)
    n_not_used = n_used if n_not_used is None else check_count(n_not_used, "n_not_used", N_FOLDS)
    images = check_count(images_per_patient, "images_per_patient")
    n_generated = check_count(n_generated, "n_generated")
    if auc is not None:
        auc = check_number(auc, "auc", above=0.5, most=1)
    expected = None
    if memorised is not None:
        memorised = check_number(memorised, "memorised", above=0, most=1)
        n_copied = max(1.0, memorised * n_used * images)
        expected = n_copied * share_returned(1 / n_copied, n_generated)
    factors = (1.0, 0.5, 2.0, 4.0)
    sizes = [(max(N_FOLDS, round(f * n_used)), max(N_FOLDS, round(f * n_not_used)), images)
             for f in factors]  # fmt: skip
    if images > 1:
        sizes.insert(1, (n_used, n_not_used, 1))
    return Plan(
        sizes=tuple(
            PlannedSize(*size, planned_auc(*size), planned_auc(*size, learns=False))
            for size in dict.fromkeys(sizes)
        ),
        n_generated=n_generated,
        returned={rate: share_returned(rate, n_generated) for rate in _RATES},
        needed={rate: generated_for(rate) for rate in _RATES},
        largest_unseen_rate=largest_unseen_rate(n_generated),
        auc=auc,
        patients_learned=None if auc is None else patients_for(auc, images),
        patients_fixed=None if auc is None else patients_for(auc, images, learns=False),
        memorised=memorised,
        expected_copied=expected,
    )
