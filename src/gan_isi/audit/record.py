"""What an audit found, as plain types and as JSON."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._runtime.output import write_atomically
from .._version import __version__
from .controls import control_rows
from .measures import Estimate
from .numbers import by_subgroup
from .statements import texts

if TYPE_CHECKING:
    from .attack_result import AttackResult
    from .result import AuditResult

#: Version of the form of the record. It rises when the meaning of a key changes or a key goes;
#: keys may be added without.
SCHEMA = 1

#: Columns of the table of all numbers.
COLUMNS = ("attack", "measure", "value", "low", "high", "method")


def as_record(result: "AuditResult") -> dict[str, Any]:
    """Return all numbers of an audit as plain types, see :meth:`AuditResult.to_dict`."""
    said = result.statements()
    settings = {
        "n_used": int(result.labels.sum()),
        "n_not_used": int((result.labels == 0).sum()),
        "n_generated": result.n_generated,
        "n_candidates": result.n_candidates,
        "n_slices": result.n_slices,
        "n_groups": None if result.groups is None else len(np.unique(result.groups)),
        "cv": result.cv,
        "n_repeats": result.n_repeats,
        "confidence": result.confidence,
        "prior": result.prior,
    }
    queries = {
        name: {"rank": one.answers.ranks().tolist(), "conformal_p": one.conformal.tolist()}
        for name, one in result.attacks.items()
    }
    candidates = {
        name: {
            "rank": one.candidates.ranks.tolist(),
            "p_value": one.candidates.p_values.tolist(),
        }
        for name, one in result.attacks.items()
        if one.candidates is not None
    }
    return {
        "schema": SCHEMA,
        "version": __version__,
        "settings": settings,
        "results": [dict(zip(COLUMNS, row, strict=True)) for row in rows_of(result)],
        "queries": queries,
        "candidates": candidates,
        "controls": control_rows(result.controls),
        "epsilon": None if result.epsilon is None else asdict(result.epsilon),
        "subgroups": {
            name: by_subgroup(result, one, result.subgroups)
            for name, one in result.attacks.items()
            if result.subgroups is not None
        },
        "preflight": None if result.preflight is None else result.preflight.to_dict(),
        "words": {heading: texts(some) for heading, some in said.items()},
        "statements": {heading: list(map(asdict, some)) for heading, some in said.items()},
        "provenance": None if result.provenance is None else result.provenance.to_dict(),
    }


def as_json(record: dict[str, Any], path: str | Path | None = None) -> str:
    """Return a record as JSON, where NaN becomes null, and write it to a file if there is one."""
    text = json.dumps(without_nan(record), indent=2, allow_nan=False)
    if path is not None:
        write_atomically(path, text)
    return text


def measures_of(attack: "AttackResult") -> dict[str, Estimate]:
    """Return the measures of an attack, that beyond the blind one among them."""
    beyond = attack.beyond_blind
    return attack.measures | ({} if beyond is None else {"AUC minus blind": beyond})


def rows_of(result: "AuditResult") -> list[tuple[Any, ...]]:
    """Return one row of `COLUMNS` for each attack and measure."""
    rows = []
    for name, one in result.attacks.items():
        rows += [
            (name, measure, found.value, found.low, found.high, found.method)
            for measure, found in measures_of(one).items()
        ]
        method = f"{one.n_permutations} permutations with refit"
        rows += [
            (name, f"p-value ({kind})", value, np.nan, np.nan, method)
            for kind, value in one.p_values.items()
        ]
        spread = method if one.n_permutations else "for scores that do not depend on others"
        rows.append((name, "detectable AUC", one.detectable_auc, np.nan, np.nan, spread))
        bound = f"lower bound, {100 * result.confidence:g} %, of the fitted scores only"
        rows.append((name, "recognisable share", one.recognisable, np.nan, np.nan, bound))
        bound = f"upper bound, {100 * result.confidence:g} %, one-sided"
        rows.append((name, "AUC, at most", one.auc_at_most, np.nan, np.nan, bound))
        if one.candidates is not None:
            auc = one.candidates.auc
            rows.append((name, "candidates: AUC", auc.value, auc.low, auc.high, auc.method))
            method = f"{len(one.candidates.null)} exchanges with images not used, with refit"
            value = one.candidates.p_value
            rows.append((name, "candidates: p-value", value, np.nan, np.nan, method))
    return rows


def without_nan(value: Any) -> Any:
    """Return plain types with None for each NaN, and lists for tuples."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value
