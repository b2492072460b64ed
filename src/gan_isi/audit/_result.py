"""What an audit found, as tables, words and a page."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ._candidates import CandidateResult
from ._crossfit import OutOfFold
from ._evidence import Evidence
from ._measures import Estimate
from ._preflight import Preflight
from ._words import describe_attack, describe_audit


@dataclass(frozen=True)
class AttackResult:
    """What one attack could tell.

    Attributes
    ----------
    name : str
        Of the attack.
    answers : OutOfFold
        Out-of-fold scores and decisions.
    measures : dict of str to Estimate
        AUC, accuracy and so on, each with its interval.
    null : ndarray of shape (n_permutations, 2)
        AUC and accuracy of refits on permuted labels.
    p_value, p_value_accuracy : float
        Share of permutations that did as well, NaN without permutations. Of the AUC it
        answers the question of the set: were *these* images, as a set, used?
    beyond_blind : Estimate or None
        AUC minus that of the blind attack; None for the blind one.
    conformal : ndarray of shape (n_queries,)
        For each query, the share of held-out known non-members of its fold that score as
        high, itself counted: no smaller than 1 / (1 + their number).
    evidence : Evidence or None
        Which generated images look closest.
    candidates : CandidateResult or None
        What it says of the images of unknown membership.
    """

    name: str
    answers: OutOfFold
    measures: dict[str, Estimate]
    null: NDArray[np.float64] = field(repr=False)
    p_value: float
    p_value_accuracy: float
    beyond_blind: Estimate | None
    conformal: NDArray[np.float64] = field(repr=False)
    evidence: Evidence | None = field(repr=False)
    candidates: CandidateResult | None = None


@dataclass(frozen=True, repr=False)
class AuditResult:
    """What an audit found.

    Attributes
    ----------
    attacks : dict of str to AttackResult
        By name; "blind" sees no generated image.
    labels : ndarray of shape (n_queries,)
        1 for used, 0 for not used.
    classes : ndarray of shape (2,)
        The labels as they were given.
    groups : ndarray of shape (n_queries,) or None
        Patients.
    n_generated : int
        Number of generated images.
    n_candidates : int
        Number of images of unknown membership.
    cv, n_repeats : int
        Of the cross-validation.
    confidence : float
        Of all intervals.
    detectable_accuracy : float
        Smallest true accuracy that so many queries would have shown significantly above
        the majority's share (one-sided, 5 %) with 80 % power.
    detectable_auc : float
        The same of the AUC.
    preflight : Preflight or None
        What was found in the images before anything was described.
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
    detectable_accuracy: float
    detectable_auc: float
    preflight: Preflight | None = field(default=None, repr=False)

    def to_frame(self) -> Any:
        """Return all numbers as a table.

        Returns
        -------
        pandas.DataFrame
            One row an attack and measure, with the columns attack, measure, value, low,
            high and method.
        """
        import pandas as pd

        return pd.DataFrame(self._rows(), columns=list(_COLUMNS))

    def queries_to_frame(self, attack: str) -> Any:
        """Return what an attack says of each query.

        Parameters
        ----------
        attack : str
            Its name.

        Returns
        -------
        pandas.DataFrame
            One row a query: whether it was used, its out-of-fold rank within its fold
            (0 to 1), its conformal p-value, and where the attack compares, the closest
            generated images (their numbers), how close the first one is (1 is a usual
            pair) and the maps in which it stands out.
        """
        import pandas as pd

        result = self._attack(attack)
        columns = {
            "used": self.labels == 1,
            "rank": result.answers.ranks(),
            "conformal_p": result.conformal,
        }
        return pd.DataFrame(columns | _evidence_columns(result.evidence))

    def candidates_to_frame(self, attack: str) -> Any:
        """Return what an attack says of each image of unknown membership.

        Parameters
        ----------
        attack : str
            Its name.

        Returns
        -------
        pandas.DataFrame
            One row a candidate: the share of the known images that score lower (rank, 0
            to 1), the p-value for the hypothesis that it was not used, and the columns
            of `queries_to_frame` about the closest generated images.

        Raises
        ------
        ValueError
            If the audit had no candidates.
        """
        import pandas as pd

        found = self._attack(attack).candidates
        if found is None:
            raise ValueError("This audit had no candidates: images of unknown membership.")
        columns = {"rank": found.ranks, "p_value": found.p_values}
        return pd.DataFrame(columns | _evidence_columns(found.evidence))

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain types, for JSON.

        Returns
        -------
        dict
            With the keys version, settings, results (rows as of `to_frame`), queries,
            candidates, preflight and words.
        """
        settings = {
            "n_used": int(self.labels.sum()),
            "n_not_used": int((self.labels == 0).sum()),
            "n_generated": self.n_generated,
            "n_candidates": self.n_candidates,
            "n_groups": None if self.groups is None else len(np.unique(self.groups)),
            "cv": self.cv,
            "n_repeats": self.n_repeats,
            "confidence": self.confidence,
            "detectable_accuracy": self.detectable_accuracy,
            "detectable_auc": self.detectable_auc,
        }
        queries = {
            name: {
                "rank": result.answers.ranks().tolist(),
                "conformal_p": result.conformal.tolist(),
            }
            for name, result in self.attacks.items()
        }
        candidates = {
            name: {
                "rank": result.candidates.ranks.tolist(),
                "p_value": result.candidates.p_values.tolist(),
            }
            for name, result in self.attacks.items()
            if result.candidates is not None
        }
        return {
            "version": __version__,
            "settings": settings,
            "results": [dict(zip(_COLUMNS, row, strict=True)) for row in self._rows()],
            "queries": queries,
            "candidates": candidates,
            "preflight": None if self.preflight is None else self.preflight.to_dict(),
            "words": self.words(),
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """Return, or also write, `to_dict` as JSON; what can't be told is null.

        Parameters
        ----------
        path : str or Path, default=None
            Where to write it.

        Returns
        -------
        str
        """
        text = json.dumps(_without_nan(self.to_dict()), indent=2, allow_nan=False)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def to_html(self, path: str | Path | None = None, *, title: str = "Membership audit") -> str:
        """Return, or also write, a page that needs nothing but itself.

        Parameters
        ----------
        path : str or Path, default=None
            Where to write it.
        title : str, default="Membership audit"
            Its heading.

        Returns
        -------
        str
            HTML with the question, the answers in words, what was and was not tested,
            the table and the figures. Needs the extra `report`.
        """
        from ._report import render

        page = render(self, title)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def words(self) -> dict[str, list[str]]:
        """Return the findings as sentences that say no more than the numbers.

        Returns
        -------
        dict of str to list of str
            Of the whole audit under "audit", of what differs between the sets of images
            under "inputs" (where something does), and of each attack under its name.
        """
        sentences = {"audit": describe_audit(self)}
        if self.preflight is not None and self.preflight.warnings:
            sentences["inputs"] = list(self.preflight.warnings)
        for name, result in self.attacks.items():
            sentences[name] = describe_attack(self, result)
        return sentences

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
            lines += ([] if heading == "audit" else ["", heading]) + sentences
        return "\n".join(lines)

    def _attack(self, name: str) -> AttackResult:
        if name not in self.attacks:
            raise ValueError(f"No attack is named {name!r}; there are {list(self.attacks)}.")
        return self.attacks[name]

    def _rows(self) -> list[tuple[Any, ...]]:
        rows = []
        for name, result in self.attacks.items():
            measures = dict(result.measures)
            if result.beyond_blind is not None:
                measures["AUC minus blind"] = result.beyond_blind
            rows += [
                (name, measure, one.value, one.low, one.high, one.method)
                for measure, one in measures.items()
            ]
            method = f"{len(result.null)} permutations with refit"
            for measure, value in (
                ("p-value (AUC)", result.p_value),
                ("p-value (accuracy)", result.p_value_accuracy),
            ):
                rows.append((name, measure, value, float("nan"), float("nan"), method))
            if result.candidates is not None:
                one = result.candidates.auc
                rows.append((name, "candidates: AUC", one.value, one.low, one.high, one.method))
                method = f"{len(result.candidates.null)} exchanges with non-members, with refit"
                value = result.candidates.p_value
                rows.append((name, "candidates: p-value", value, np.nan, np.nan, method))
        return rows


def _evidence_columns(evidence: Evidence | None) -> dict[str, Any]:
    if evidence is None:
        return {}
    return {
        "closest_generated": [list(map(int, row)) for row in evidence.generated],
        "closest_distance": evidence.distances[:, 0],
        "maps": [", ".join(names) for names in evidence.maps],
    }


_COLUMNS = ("attack", "measure", "value", "low", "high", "method")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value
