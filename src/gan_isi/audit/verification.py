"""Whether an audit, or what withholding buys, comes out again: the same inputs and numbers."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .provenance import InputSet
from .record import SCHEMA, as_json

if TYPE_CHECKING:
    from .result import AuditResult
    from .withhold_result import WithholdResult

#: Largest difference of numbers that other versions or another processor may make.
TOLERANCE = 1e-6

#: Largest number of files, and of numbers, that are named.
_NAMED = 20

#: Keys of a record that hold no number of their own, or none that comes out again.
_NO_NUMBERS = ("schema", "version", "provenance", "preflight", "words", "statements")


@dataclass(frozen=True)
class Difference:
    """A number that did not come out.

    Attributes
    ----------
    place : str
        Where it stands in the record.
    before, after : float or None
        What was recorded, and what came out; None where there is none.
    """

    place: str
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Verification:
    """Whether an audit came out again.

    Attributes
    ----------
    inputs : list of str
        Sentences that name each input that was changed, is missing or is additional; empty
        if all are the same.
    differences : list of Difference
        Numbers that are not the same to the last bit.
    n_numbers : int
        How many numbers were compared; 0 if inputs differ.
    conditions : list of str
        Sentences that name what else differs: versions, and the machine.
    arguments : list of str
        Sentences that name each argument of :func:`audit` that was another one.
    """

    inputs: list[str]
    differences: list[Difference]
    n_numbers: int
    conditions: list[str]
    arguments: list[str] = field(default_factory=list)

    @property
    def largest(self) -> float:
        """Largest difference; infinite where a number is missing."""
        return max((_size(one) for one in self.differences), default=0.0)

    @property
    def came_out(self) -> bool:
        """Whether inputs and numbers are the same.

        To the last bit where nothing else differs, and within 1e-6 where versions or the machine
        do.
        """
        if self.inputs:
            return False
        return not self.differences or (bool(self.conditions) and self.largest <= TOLERANCE)

    def words(self) -> list[str]:
        """Return what was found as sentences.

        Returns
        -------
        list of str
        """
        if self.inputs:
            return [
                *self.inputs,
                "The inputs are not those of the audit, so its numbers were not compared.",
            ]
        said = ["All inputs are those of the audit, byte by byte."]
        said += [*self.conditions, *self.arguments]
        if not self.differences:
            return [*said, f"All {self.n_numbers} numbers are the same, to the last bit."]
        differ = f"{len(self.differences)} of {self.n_numbers} numbers differ"
        if self.came_out:
            return [
                *said,
                f"{differ}, none by more than {self.largest:.1g}. Other versions and processors "
                f"round differently: the numbers count as the same up to {TOLERANCE:g}.",
            ]
        named = [
            f"{one.place}: {_shown(one.before)} was recorded, {_shown(one.after)} came out."
            for one in self.differences[:_NAMED]
        ]
        rest = len(self.differences) - len(named)
        more = [f"{rest} more differ."] if rest else []
        why = "Versions and machine are the same, so each number should be, to the last bit."
        if self.conditions:
            why = f"That is more than {TOLERANCE:g}, which other versions or processors may make."
        if self.arguments:
            why = "The arguments are others; repeat the call with those that were recorded."
        return [*said, *named, *more, f"The numbers do not come out: {differ}. {why}"]


def verify(
    record: str | PathLike[str] | Mapping[str, Any], result: "AuditResult | WithholdResult"
) -> Verification:
    """Say whether an audit that was repeated is the one that was recorded.

    Parameters
    ----------
    record : path-like or dict
        JSON of the first audit, see :meth:`AuditResult.to_json`, or of :func:`withhold`.
    result : AuditResult or WithholdResult
        What the same call found now.

    Returns
    -------
    Verification
        Inputs are compared by their digests, then all numbers of the record. Dates, durations and
        sentences are not.

    Raises
    ------
    ValueError
        If the record is none of an audit, of another version of the schema, without
        provenance, or of the other function.

    Examples
    --------
    >>> from gan_isi import audit, datasets
    >>> it = datasets.make_membership_problem(20, n_generated=9, memorization=0, random_state=0)
    >>> options = {"n_permutations": 2, "n_resamples": 9, "cv": 2, "random_state": 0}
    >>> first, again = (
    ...     audit.audit("nearest", it.images, it.target, generated=it.generated, **options)
    ...     for _ in range(2)
    ... )
    >>> audit.verify(first.to_dict(), again).words()[0]
    'All inputs are those of the audit, byte by byte.'
    """
    recorded = read_record(record)
    now = json.loads(as_json(result.to_dict()))
    if is_of_withhold(recorded) != is_of_withhold(now):
        found, given = ("withhold", "audit") if is_of_withhold(recorded) else ("audit", "withhold")
        raise ValueError(f"The record is of {found}, and the result of {given}.")
    changes = compare_inputs(
        recorded, {} if result.provenance is None else result.provenance.inputs
    )
    if changes:
        return Verification(changes, [], 0, [])
    return compare_records(recorded, now)


def read_record(record: str | PathLike[str] | Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of an audit, from its file if need be.

    Parameters
    ----------
    record : path-like or dict
        See `verify`.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        See `verify`.
    """
    if isinstance(record, Mapping):
        name, read = "The record", json.loads(as_json(dict(record)))
    else:
        name = str(record)
        try:
            read = json.loads(Path(record).read_text(encoding="utf-8"))
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f"{name} is no JSON: {error}.") from error
    if not isinstance(read, dict) or not {"results", "settings"} <= set(read):
        raise ValueError(
            f"{name} is no record of an audit, as gan-isi audit --json writes it, nor of withhold."
        )
    if read.get("schema") != SCHEMA:
        raise ValueError(
            f"{name} has version {read.get('schema')!r} of the record's schema; this version of "
            f"gan_isi reads {SCHEMA}. Verify it with gan_isi {read.get('version')}, or audit again."
        )
    if not _is_whole(read.get("provenance")):
        raise ValueError(
            f"{name} has no whole provenance, so it is not known of what its numbers are. Take a "
            "record that nobody has edited."
        )
    return read


def is_of_withhold(record: Mapping[str, Any]) -> bool:
    """Return whether a record is that of :func:`withhold`, and not of an audit."""
    return "choice" in record


def _is_whole(provenance: Any) -> bool:
    """Return whether a provenance has the parts that are compared."""
    if not isinstance(provenance, dict):
        return False
    parts = [provenance.get(name) for name in ("inputs", "arguments", "versions", "machine")]
    if not all(isinstance(part, dict) for part in parts):
        return False
    sets = provenance["inputs"].values()
    return all(isinstance(one, dict) and isinstance(one.get("digests"), dict) for one in sets)


def compare_inputs(recorded: Mapping[str, Any], inputs: Mapping[str, InputSet]) -> list[str]:
    """Name each input that is not the one that was recorded.

    Parameters
    ----------
    recorded : mapping
        Record of the first audit.
    inputs : mapping of str to InputSet
        Inputs as they are now.

    Returns
    -------
    list of str
        One sentence an input; of more than 20 alike the rest is counted.
    """
    said = []
    before = recorded["provenance"]["inputs"]
    for name in dict.fromkeys([*before, *inputs]):
        old = before[name]["digests"] if name in before else {}
        new = inputs[name].digests if name in inputs else {}
        for which, what in (
            ([one for one in old if one in new and new[one] != old[one]], "was changed"),
            ([one for one in old if one not in new], "is missing"),
            ([one for one in new if one not in old], "was not there"),
        ):
            said += [f"{one} ({name}) {what}." for one in which[:_NAMED]]
            if len(which) > _NAMED:
                said.append(f"So it is with {len(which) - _NAMED} more ({name}): each {what}.")
    return said


def compare_records(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> Verification:
    """Compare all numbers of two records, of the same inputs.

    Parameters
    ----------
    recorded, now : mapping
        Records of the first audit and of its repetition, as read from JSON.

    Returns
    -------
    Verification
    """
    old, new = (
        dict(_numbers({key: one for key, one in record.items() if key not in _NO_NUMBERS}))
        for record in (recorded, now)
    )
    places = dict.fromkeys([*old, *new])
    differences = [
        Difference(place, old.get(place), new.get(place))
        for place in places
        if (place in old) != (place in new) or old[place] != new[place]
    ]
    conditions, arguments = (
        [
            f"{name}: {before.get(name, 'none')} then, {after.get(name, 'none')} now."
            for what in parts
            for before, after in [[one["provenance"][what] for one in (recorded, now)]]
            for name in dict.fromkeys([*before, *after])
            if before.get(name) != after.get(name)
        ]
        for parts in (("versions", "machine"), ("arguments",))
    )
    return Verification([], differences, len(places), conditions, arguments)


def _numbers(value: Any, place: str = "") -> Iterator[tuple[str, float | None]]:
    """Yield each number, and each null, with its place."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _numbers(one, f"{place}, {key}" if place else str(key))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            name = str(number)
            if isinstance(one, Mapping) and {"attack", "measure"} <= set(one):
                name = f"{one['attack']}, {one['measure']}"
            yield from _numbers(one, f"{place}, {name}")
    elif not isinstance(value, str):
        yield place, value


def _size(one: Difference) -> float:
    if one.before is None or one.after is None:
        return float("inf")
    return abs(float(one.after) - float(one.before))


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value!r}"
