"""What withholding buys, as a table, an order and sentences."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from .inputs import Preflight
from .measures import Estimate
from .names import BLIND
from .provenance import Provenance
from .record import SCHEMA, as_json
from .statements import Statement, bounds_of, of_sizes, say, texts
from .withhold_choice import Choice

#: Who is judged: the images that took part in the choice; each half of the patients, of which
#: the other chose; and all, after as many generated images were withheld by chance.
NAMED, UNNAMED, RANDOM = "named", "not named", "at random"


@dataclass(frozen=True, repr=False)
class WithholdResult:
    """Which generated images to withhold, and what attacks tell from the rest.

    Attributes
    ----------
    choice : Choice
        The order, and how close each generated image is to the used ones.
    curves : dict of (str, float, str) to Estimate
        AUCs by who is judged, the share withheld and the attack. "named" are the images that
        took part in the choice; "not named" those of one half of the patients while the other
        half chose; "at random" is with as many withheld by chance, as the mean over some
        draws. The intervals hold for all attacks together, but that of the blind one, which
        is "named" at the share 0 only.
    shares : tuple of float
        Shares that were withheld, ascending from 0.
    attacks : tuple of str
        Names of the attacks that judged, without the blind one.
    took_part : tuple of str
        Attacks that look at nothing but the distances that chose: what is left looks
        better to them than it is.
    labels : ndarray of shape (n_real,)
        1 for used, 0 for not used.
    groups : ndarray of shape (n_real,) or None
        Patients.
    n_random, n_permutations : int
        Number of draws "at random", and of permutations that the intervals take their spread
        from.
    confidence : float
        Confidence of the intervals.
    preflight : Preflight
        What was found in the images before anything was described.
    provenance : Provenance or None
        Inputs, arguments, versions and date of the call.
    """

    choice: Choice
    curves: dict[tuple[str, float, str], Estimate]
    shares: tuple[float, ...]
    attacks: tuple[str, ...]
    took_part: tuple[str, ...]
    labels: NDArray[np.intp] = field(repr=False)
    groups: NDArray[Any] | None = field(repr=False)
    n_random: int
    n_permutations: int
    confidence: float
    preflight: Preflight = field(repr=False)
    provenance: Provenance | None = field(default=None, repr=False)

    @property
    def order(self) -> NDArray[np.intp]:
        """Numbers of the generated images, the first to withhold first."""
        return self.choice.order

    def highest(self, who: str, share: float) -> tuple[str, Estimate]:
        """Return the number to quote: the highest AUC of all attacks.

        Parameters
        ----------
        who : {"named", "not named", "at random"}
            Who is judged, see `curves`.
        share : float
            One of `shares`.

        Returns
        -------
        attack : str
            Name of the attack that tells most.
        Estimate
            Its AUC. The interval is that of the highest true AUC of all attacks: from the
            highest lower bound to the highest upper one, as these hold together.

        Raises
        ------
        ValueError
            If nothing was judged so.
        """
        found = {name: self.curves.get((who, share, name)) for name in self.attacks}
        known = {name: one for name, one in found.items() if one is not None}
        if not known:
            raise ValueError(
                f"Nothing was judged as {who!r} at the share {share!r}; there are {NAMED!r}, "
                f"{UNNAMED!r} and {RANDOM!r} at {', '.join(f'{one:g}' for one in self.shares)}."
            )
        best = max(known, key=lambda name: known[name].value)
        low, high = (max(getattr(one, end) for one in known.values()) for end in ("low", "high"))
        method = f"highest of {len(known)} attacks, {known[best].method}"
        return best, Estimate(known[best].value, low, high, method)

    def to_frame(self) -> Any:
        """Return all AUCs as a table.

        Returns
        -------
        pandas.DataFrame
            One row for who is judged, share and attack, with the columns judged, share, left
            (number of generated images), attack, chose, value, low, high and method. The attack
            "highest" is the one to quote, see `highest`.
        """
        import pandas as pd

        return pd.DataFrame(self._rows())

    def generated_to_frame(self) -> Any:
        """Return the generated images in the order in which to withhold them.

        Returns
        -------
        pandas.DataFrame
            One row a generated image: its number, its closeness, the number of the closest used
            image, the p-value for so close a one (see :class:`Choice`), and whether it comes
            closer than any comes to an image not used.
        """
        import pandas as pd

        order, choice = self.order, self.choice
        return pd.DataFrame(
            {
                "generated": order,
                "closeness": choice.closeness[order],
                "closest_used": choice.closest_used[order],
                "p_value": choice.p_values[order],
                "closer_than_to_others": np.arange(len(order)) < choice.n_closer,
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain types, for JSON.

        Returns
        -------
        dict
            With the keys schema, version, settings, results (rows as of `to_frame`), choice,
            preflight, words, statements and provenance.
        """
        said = self.statements()
        choice = {name: np.asarray(value).tolist() for name, value in vars(self.choice).items()}
        return {
            "schema": SCHEMA,
            "version": __version__,
            "settings": {
                "n_used": int(self.labels.sum()),
                "n_not_used": int((self.labels == 0).sum()),
                "n_generated": len(self.order),
                "n_groups": None if self.groups is None else len(np.unique(self.groups)),
                "n_random": self.n_random,
                "n_permutations": self.n_permutations,
                "confidence": self.confidence,
            },
            "results": self._rows(),
            "choice": choice,
            "preflight": self.preflight.to_dict(),
            "words": texts(said),
            "statements": list(map(asdict, said)),
            "provenance": None if self.provenance is None else self.provenance.to_dict(),
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """Return, or also write, `to_dict` as JSON, where NaN becomes null.

        Parameters
        ----------
        path : str or Path, default=None
            File to write it to, if any.

        Returns
        -------
        str
        """
        return as_json(self.to_dict(), path)

    def statements(self) -> list[Statement]:
        """Return the findings as data, see :meth:`AuditResult.statements`.

        Returns
        -------
        list of Statement
        """
        said = [say("withhold_question"), *of_sizes(self.labels, self.groups, len(self.order))]
        said += [*self._closest(), *self._verdict(), *self._bought()]
        if self.took_part:
            said.append(say("withhold_took_part", attacks="; ".join(self.took_part)))
        blind = self.curves[NAMED, 0.0, BLIND]
        if blind.low > 0.5:
            bounds = {"low": blind.low, "high": blind.high}
            said.append(say("withhold_blind", auc=blind.value, **bounds))
        return [*said, say("withhold_limits")]

    def words(self) -> list[str]:
        """Return the findings as sentences that say no more than the numbers.

        Returns
        -------
        list of str
        """
        return texts(self.statements())

    def __str__(self) -> str:
        return "\n".join(self.words())

    def __repr__(self) -> str:
        asked = (NAMED, UNNAMED, RANDOM)
        lines = [f"WithholdResult({len(self.order)} generated images), highest AUC of all attacks"]
        lines.append("  withheld" + "".join(f"  {who:20}" for who in asked))
        for share in self.shares:
            cells = [f"  {self.highest(who, share)[1]!s:20}" for who in asked]
            lines.append(f"  {100 * share:6.3g} %" + "".join(cells))
        return "\n".join(line.rstrip() for line in lines)

    def _closest(self) -> list[Statement]:
        choice = self.choice
        if not choice.n_closer:
            return [say("withhold_none_closer")]
        numbers = {
            "n_closer": choice.n_closer,
            "n_generated": len(self.order),
            "p_value": choice.closer_p_value,
        }
        who = "images" if self.groups is None else "patients"
        return [say(f"withhold_closer_to_{who}", **numbers, n_affected=choice.n_closer_patients)]

    def _verdict(self) -> list[Statement]:
        """Say whether some share is enough, as far as these attacks tell."""
        best, before = self.highest(NAMED, 0.0)
        said = [say("withhold_before", **_numbers(before, self.confidence), attack=best)]
        if before.low <= 0.5:
            return [*said, say("withhold_nothing_before")]
        if len(self.shares) == 1:
            return [*said, say("withhold_nothing_tried")]
        named, unnamed = self._enough(NAMED), self._enough(UNNAMED)
        most = 100 * self.shares[-1]
        if named is None:
            said.append(say("withhold_not_enough", share=most))
        elif unnamed is None:
            said.append(say("withhold_named_only", share=100 * named))
        else:
            share = max(named, unnamed)
            high = max(self.highest(who, share)[1].high for who in (NAMED, UNNAMED))
            said.append(say("withhold_perhaps_enough", share=100 * share, high=high))
        return said

    def _enough(self, who: str) -> float | None:
        """Return the share from which on the interval of the highest AUC holds chance."""
        found = None
        for share in reversed(self.shares):
            if self.highest(who, share)[1].low > 0.5:
                break
            found = share
        return found

    def _bought(self) -> list[Statement]:
        """Say what attacks tell where most is withheld."""
        share = self.shares[-1]
        if share == 0:
            return []
        said = []
        for who in (NAMED, UNNAMED, RANDOM):
            best, found = self.highest(who, share)
            kind, numbers = f"withhold_{who.replace(' ', '_')}", _numbers(found, self.confidence)
            said.append(say(kind, share=100 * share, **numbers, attack=best))
        named, by_chance = (self.highest(who, share)[1] for who in (NAMED, RANDOM))
        if named.high >= by_chance.value:
            said.append(say("withhold_as_by_chance"))
        lowest = min(self.curves[NAMED, share, name].high for name in self.attacks)
        if lowest < 0.5:
            said.append(say("withhold_below_chance", share=100 * share))
        return said

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for who in (NAMED, UNNAMED, RANDOM):
            for share in self.shares:
                found = {name: one for (whom, at, name), one in self.curves.items()
                         if (whom, at) == (who, share)}  # fmt: skip
                found["highest"] = self.highest(who, share)[1]
                rows += [
                    {
                        "judged": who,
                        "share": share,
                        "left": len(self.order) - round(share * len(self.order)),
                        "attack": name,
                        "chose": name in self.took_part,
                        **asdict(one),
                    }
                    for name, one in found.items()
                ]
        return rows


def _numbers(found: Estimate, confidence: float) -> dict[str, float]:
    of_100 = 100 * float(f"{found.value:.2f}")  # rounded once, as of an audit
    return {"of_100": of_100, "auc": found.value, **bounds_of(found, confidence)}
