"""What an audit found, as tables, words and a page."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._runtime.output import write_atomically
from .attack_result import AttackResult
from .controls import Control, of_controls
from .epsilon import EpsilonBound
from .evidence import Evidence
from .inputs import Preflight
from .names import CONTROLS
from .numbers import by_patient, by_subgroup
from .provenance import Provenance
from .record import COLUMNS, as_json, as_record, rows_of
from .statements import Statement, of_attack, of_audit, texts
from .verdict import Verdict, verdict

if TYPE_CHECKING:
    from ..plotting import AuditDisplay


@dataclass(frozen=True, repr=False)
class AuditResult:
    """What an audit found.

    Attributes
    ----------
    attacks : dict of str to AttackResult
        Results by name of the attack; "blind" sees no generated image.
    labels : ndarray of shape (n_queries,)
        1 for used, 0 for not used.
    classes : ndarray of shape (2,)
        The labels as they were given.
    groups : ndarray of shape (n_queries,) or None
        Patient of each query; None if each is a patient of its own.
    n_generated : int
        Number of generated images.
    n_candidates : int
        Number of candidates.
    cv, n_repeats : int
        Number of folds of the cross-validation, and of its repeats.
    confidence : float
        Confidence of all intervals.
    preflight : Preflight or None
        What was found in the images before anything was described.
    n_slices : int or None
        Number of slices of the known volumes; None if queries are no volumes.
    real_names, generated_names, candidate_names : tuple of str or None
        Names of the files of the known real images (or volumes), of the generated images and of
        the candidates; None where images came without.
    provenance : Provenance or None
        Inputs, arguments, versions and date of the audit.
    prior : float or None
        Share of used images at which predictive values are given.
    subgroups : ndarray of shape (n_queries,) or None
        Subgroup of each query.
    epsilon : EpsilonBound or None
        Lower bound of epsilon, where it was asked for.
    controls : tuple of Control
        What attacks found where there is nothing to find, where that was asked for.
    """

    attacks: dict[str, AttackResult]
    labels: NDArray[np.intp] = field(repr=False)
    classes: NDArray[Any]
    groups: NDArray[Any] | None = field(repr=False)
    n_generated: int
    n_candidates: int
    cv: int
    n_repeats: int
    confidence: float
    preflight: Preflight | None = field(default=None, repr=False)
    n_slices: int | None = None
    real_names: tuple[str, ...] | None = field(default=None, repr=False)
    generated_names: tuple[str, ...] | None = field(default=None, repr=False)
    candidate_names: tuple[str, ...] | None = field(default=None, repr=False)
    provenance: Provenance | None = field(default=None, repr=False)
    prior: float | None = None
    subgroups: NDArray[Any] | None = field(default=None, repr=False)
    epsilon: EpsilonBound | None = None
    controls: tuple[Control, ...] = field(default=(), repr=False)

    def verdict(self) -> Verdict:
        """Return what the audit comes to: one of a few fixed sentences, and what to do next.

        Returns
        -------
        Verdict
            Chosen by the p-value over all attacks, the blind attack, how many images can be
            told, and power.
        """
        return verdict(self)

    def plot(self, *, ax: Any = None) -> "AuditDisplay":
        """Draw the AUC of each attack with its interval; needs the extra `plot`.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        AuditDisplay
            Drawn.
        """
        from ..plotting import AuditDisplay

        return AuditDisplay.from_result(self, ax=ax)

    def to_frame(self, *, wide: bool = False) -> Any:
        """Return all numbers as a table.

        Parameters
        ----------
        wide : bool, default=False
            Whether there is one row an attack, as one reads it, instead of one a number, as one
            computes with it.

        Returns
        -------
        pandas.DataFrame
            One row an attack and measure, with the columns attack, measure, value, low,
            high and method. If `wide`, one row an attack, and for each measure the columns
            (measure, "value"), (measure, "low") and (measure, "high"), the last two where
            any attack has an interval.
        """
        import pandas as pd

        frame = pd.DataFrame(rows_of(self), columns=list(COLUMNS))
        if not wide:
            return frame
        kinds = ["value", "low", "high"]
        table = frame.pivot(index="attack", columns="measure", values=kinds).swaplevel(axis=1)
        columns = [(measure, kind) for measure in frame["measure"].unique() for kind in kinds]
        return table.reindex(list(self.attacks))[columns].dropna(axis=1, how="all")

    def queries_to_frame(self, attack: str) -> Any:
        """Return what an attack says of each query.

        Parameters
        ----------
        attack : str
            Name of the attack.

        Returns
        -------
        pandas.DataFrame
            One row a query: whether it was used, its out-of-fold rank within its fold
            (0 to 1), its conformal p-value, and where the attack compares, the
            numbers of the generated images that speak most for "used", the distance of
            the first one (0 is a copy, 1 a usual pair) and the maps by which it stands
            out; see :class:`Evidence`.
        """
        import pandas as pd

        result = self._attack(attack)
        columns = {
            "used": self.labels == 1,
            "rank": result.answers.ranks(),
            "conformal_p": result.conformal,
        }
        return pd.DataFrame(columns | _evidence_columns(result.evidence))

    def patients_to_frame(self, attack: str, names: Any = None) -> Any:
        """Return what an attack says of each patient.

        Parameters
        ----------
        attack : str
            Name of the attack.
        names : array-like of shape (n_queries,), default=None
            Name of each query's patient, as `groups` of the audit; numbers are written
            without.

        Returns
        -------
        pandas.DataFrame
            One row a patient, in the order of the first image: whether it was used, the number
            of images, the mean of their out-of-fold scores, its rank among the patients of the
            fold (0 to 1), and the conformal p-value, in which each patient counts once. A
            patient with images of both kinds has two rows.
        """
        return by_patient(self, self._attack(attack), names)

    def subgroups_to_frame(self, attack: str, subgroups: Any = None) -> Any:
        """Return the AUC of an attack in each subgroup.

        Parameters
        ----------
        attack : str
            Name of the attack.
        subgroups : array-like of shape (n_queries,), default=None
            Subgroup of each query; None takes those of the audit.

        Returns
        -------
        pandas.DataFrame
            One row a subgroup: numbers of images and patients, the AUC of pairs of images
            of this subgroup and fold with its interval, and a note where there are too few.
            Among many subgroups some differ by chance.

        Raises
        ------
        ValueError
            If there are no subgroups, or an image without one.
        """
        subgroups = self.subgroups if subgroups is None else subgroups
        if subgroups is None:
            raise ValueError("This audit has no subgroups; give one for each known image.")
        import pandas as pd

        return pd.DataFrame(by_subgroup(self, self._attack(attack), subgroups))

    def candidates_to_frame(self, attack: str) -> Any:
        """Return what an attack says of each candidate.

        Parameters
        ----------
        attack : str
            Name of the attack.

        Returns
        -------
        pandas.DataFrame
            One row a candidate: the share of the known images that score lower (rank, 0
            to 1), the p-value for the hypothesis that it was not used, and the columns
            of `queries_to_frame` about generated images.

        Raises
        ------
        ValueError
            If the audit had no candidates.
        """
        import pandas as pd

        found = self._attack(attack).candidates
        if found is None:
            raise ValueError("This audit had no candidates, that is images of unknown membership.")
        columns = {"rank": found.ranks, "p_value": found.p_values}
        return pd.DataFrame(columns | _evidence_columns(found.evidence))

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain types, for JSON.

        Returns
        -------
        dict
            With the keys schema (version of this form), version (of gan_isi), settings, results
            (rows as of `to_frame`), queries, candidates, controls,
            epsilon, subgroups, preflight, words, statements (the
            words as kinds and numbers) and provenance. The file ``audit.schema.json``
            in the folder of this package is their JSON schema.
        """
        return as_record(self)

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

    def to_html(
        self,
        path: str | Path | None = None,
        *,
        title: str = "Membership audit",
        real: Any = None,
        generated: Any = None,
    ) -> str:
        """Return, or also write, a page that needs nothing but itself.

        Parameters
        ----------
        path : str or Path, default=None
            File to write it to, if any.
        title : str, default="Membership audit"
            Heading of the page.
        real, generated : sequence of images, default=None
            The images of the audit, in its order. With both, the page shows the strongest pairs
            as thumbnails: used images that score highest beside the generated images that speak
            for them, and which parts of the ones are found in the others. Without, and of
            volumes, it names the files only.

        Returns
        -------
        str
            HTML with the verdict, what to do next and the strongest pairs, then the answers in
            words, what was and was not tested, the numbers, and an appendix of curves, single
            images and a glossary. Needs the extra `report`.

        Raises
        ------
        ValueError
            For other numbers of images than those of the audit.
        """
        from .report import render

        page = render(self, title, real, generated)
        if path is not None:
            write_atomically(path, page)
        return page

    def statements(self) -> dict[str, list[Statement]]:
        """Return the findings as data: what kind of statement was made, with which numbers.

        Returns
        -------
        dict of str to list of Statement
            The statements under the headings of `words`, one for each entry there.
        """
        found = self.verdict()
        said = {"verdict": found.said, "what to do next": found.next, "audit": of_audit(self)}
        if self.preflight is not None and self.preflight.warnings:
            said["inputs"] = [Statement("inputs", text, {}) for text in self.preflight.warnings]
        said |= {name: of_attack(self, one) for name, one in self.attacks.items()}
        return said | ({CONTROLS: of_controls(self)} if self.controls else {})

    def words(self) -> dict[str, list[str]]:
        """Return the findings as sentences that say no more than the numbers.

        Returns
        -------
        dict of str to list of str
            The verdict under "verdict", then "what to do next", the sentences about the whole audit
            under "audit", those about what differs between the sets of images under "inputs"
            (where something does), those about each attack under its name, and those about
            controls (where there are any).
        """
        return {heading: texts(said) for heading, said in self.statements().items()}

    def __repr__(self) -> str:
        counts = {
            "used": int(self.labels.sum()),
            "not used": int((self.labels == 0).sum()),
            "generated": self.n_generated,
            "candidates": self.n_candidates,
        }
        shown = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        width = max(len(name) for name in self.attacks)
        lines = [f"AuditResult({shown})"]
        for name, result in self.attacks.items():
            p_value = "not tested" if np.isnan(result.p_value) else f"{result.p_value:.2g}"
            lines.append(f"  {name:{width}}  AUC {result.measures['AUC']}, p-value {p_value}")
        return "\n".join(lines)

    def __str__(self) -> str:
        lines = []
        for heading, sentences in self.words().items():
            lines += ([] if heading == "verdict" else ["", heading]) + sentences
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from .notebook import as_html

        return as_html(self)

    def _attack(self, name: str) -> AttackResult:
        if name not in self.attacks:
            raise ValueError(f"No attack is named {name!r}; there are {list(self.attacks)}.")
        return self.attacks[name]


def _evidence_columns(evidence: Evidence | None) -> dict[str, Any]:
    if evidence is None:
        return {}
    return {
        "closest_generated": [list(map(int, row)) for row in evidence.generated],
        "closest_distance": evidence.distances[:, 0],
        "maps": [", ".join(names) for names in evidence.maps],
    }
