"""Attacks look at slices but answer for volumes, by which everything is counted."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._validation.labels import check_groups, number_groups
from .arguments import Queries
from .evidence import Evidence
from .prepared import Answers, PreparedAttack


@dataclass(frozen=True)
class VolumeAttack(PreparedAttack):
    """A prepared attack on slices that answers for volumes, by the mean of the slices' scores.

    Attributes
    ----------
    attack : PreparedAttack
        Attack on slices, each of which has the label of its volume in a fit.
    slices : tuple of ndarray of int
        Numbers of the slices of each volume.
    """

    attack: PreparedAttack
    slices: tuple[NDArray[np.intp], ...]

    def answer(
        self, train: NDArray[np.intp], labels: NDArray[np.intp], test: NDArray[np.intp]
    ) -> Answers:
        """Fit on the slices of the volumes `train`, and answer for the volumes `test`."""
        sizes = [len(self.slices[volume]) for volume in train]
        found = self.attack.answer(self._of(train), np.repeat(labels, sizes), self._of(test))
        ends = np.cumsum([len(self.slices[volume]) for volume in test])[:-1]
        scores = np.array([part.mean() for part in np.split(found.scores, ends)])
        votes = np.array([part.mean() for part in np.split(found.used, ends)])
        return Answers(scores, votes > 0.5, found.chosen)

    def evidence(self, of_slices: Evidence) -> Evidence:
        """Return the evidence of each volume's slice with the closest generated image."""
        best = [int(own[of_slices.distances[own, 0].argmin()]) for own in self.slices]
        maps = [of_slices.maps[i] for i in best]
        return Evidence(of_slices.generated[best], of_slices.distances[best], maps)

    def mean(self, of_slices: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean of each volume's slices."""
        return np.array([of_slices[own].mean() for own in self.slices])

    def _of(self, volumes: NDArray[np.intp]) -> NDArray[np.intp]:
        return np.concatenate([self.slices[volume] for volume in volumes])


def by_volume(
    queries: Queries, volumes: Any, candidate_volumes: Any
) -> tuple[Queries, Queries, tuple[NDArray[np.intp], ...] | None]:
    """Take slices together to volumes.

    Parameters
    ----------
    queries : Queries
        Slices, with their patients if there are any.
    volumes, candidate_volumes
        Names of the slices' volumes, see :func:`audit`; None without volumes.

    Returns
    -------
    volumes : Queries
        The volumes.
    of_slices : Queries
        The slices, of which those of a volume are of one patient.
    slices : tuple of ndarray of int, or None
        Numbers of the slices of each volume; None where each image is a query of its own.

    Raises
    ------
    ValueError
        If slices have no volume, or a volume has two labels, two patients, or known as well
        as unknown membership.
    """
    if volumes is None and candidate_volumes is None:
        return queries, queries, None
    n_known, n_asked = len(queries.known), len(queries.candidates)
    if volumes is None or (candidate_volumes is None) == (n_asked > 0):
        raise ValueError(
            "candidate_volumes= goes with volumes= and candidates=: give all three, or volumes= "
            "alone."
        )
    names = check_groups(volumes, n_known, name="volumes", unit="slices")
    if n_asked:
        names += check_groups(candidate_volumes, n_asked, name="candidate_volumes", unit="slices")
    numbers = number_groups(names)
    slices = tuple(np.flatnonzero(numbers == number) for number in range(numbers.max() + 1))
    first = np.array([own[0] for own in slices])
    status = np.concatenate([queries.labels, np.full(n_asked, 2)])
    for values, what in ((status, "used, not used or candidates"), (queries.groups, "patients")):
        if values is None:
            continue
        mixed = np.flatnonzero(values != values[first][numbers])
        if len(mixed):
            raise ValueError(
                f"The slices of a volume have to be alike; volume {names[mixed[0]]!r} has slices "
                f"of two kinds ({what})."
            )
    known = np.flatnonzero(first < n_known)
    made = replace(
        queries,
        labels=queries.labels[first[known]],
        known=known,
        candidates=np.flatnonzero(first >= n_known),
        groups=None if queries.groups is None else number_groups(queries.groups[first].tolist()),
    )
    of_slices = queries if queries.groups is not None else replace(queries, groups=numbers)
    return made, of_slices, slices
