"""What a monitor records of each checkpoint."""

from dataclasses import asdict, dataclass
from typing import Any

from .measures import Estimate


@dataclass(frozen=True)
class MonitorPair:
    """A real and a generated image that stand out as a pair.

    Attributes
    ----------
    used : bool
        Whether the real image was used.
    real : int
        Number of the image among those used, or among those not used.
    generated : int
        Number of the generated image.
    strength : float
        How many times closer the two are than is usual for either, as the geometric mean over the
        views.
    """

    used: bool
    real: int
    generated: int
    strength: float


@dataclass(frozen=True)
class MonitorRecord:
    """What a monitor found at one checkpoint.

    Attributes
    ----------
    step : int or float
        Step of the training, as it was given.
    n_generated : int
        Number of generated images.
    auc : Estimate
        AUC of the rule, with a 95 % interval for this checkpoint alone.
    p_value : float
        Twice the smaller one of the next two, at most 1.
    p_all, p_highest : float
        P-values of the order of all patients, and of the used ones among the highest tenth.
    level : float
        Level of this checkpoint: the monitor's `alpha` is divided among all of them.
    copies : bool
        Whether `p_value` is at most `level`.
    pairs : tuple of MonitorPair
        The most outstanding pairs, one a real image, the strongest first.
    seconds : float
        Duration of the comparison.
    """

    step: float
    n_generated: int
    auc: Estimate
    p_value: float
    p_all: float
    p_highest: float
    level: float
    copies: bool
    pairs: tuple[MonitorPair, ...]
    seconds: float

    def __str__(self) -> str:
        found = "copies appear" if self.copies else "no copies shown"
        return (
            f"step {self.step:g}: {found}; AUC {self.auc}, p = {self.p_value:.2g} "
            f"(level {self.level:.2g}), {self.n_generated} generated images"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain types, for JSON.

        Returns
        -------
        dict
            Of which `from_dict` makes the same record.
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "MonitorRecord":
        """Return the record of which `to_dict` made plain types.

        Parameters
        ----------
        values : dict
            Plain types.

        Returns
        -------
        MonitorRecord
        """
        auc, pairs = Estimate(**values["auc"]), [MonitorPair(**one) for one in values["pairs"]]
        return cls(**{**values, "auc": auc, "pairs": tuple(pairs)})
