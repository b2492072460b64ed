"""What one attack asks of the generated images, where they are read a block after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import gen_batches

from .._runtime.store import digest
from .._validation.blocks import Block
from ..distances import BasePairwiseTransformer
from ..distances.closest import Closest, closest_of, merged

#: Images that a view compares at once when it has learned.
_AT_ONCE = 2000


@dataclass(frozen=True)
class Comparison:
    """What one attack asks of the generated images.

    Attributes
    ----------
    distances : pairwise transformer or DistanceUnion
        Distances, which are not fitted unless `learned`.
    queries : ndarray of shape (n_queries, n_columns), float32
        What describes the queries.
    columns : ndarray of shape (n_columns,), int
        Which of the described columns are the attack's.
    n_closest : int
        How many of the closest generated images count in each map.
    blocks : list of Block or None
        Which columns are of which family.
    n_fitted : int or None
        Number of the queries, from the first, that the distances are fitted on; None for all, 0
        where `closest_bags` fitted them before, for the same images and other queries.
    """

    distances: Any
    queries: NDArray[np.float32]
    columns: NDArray[np.intp]
    n_closest: int
    blocks: Sequence[Block] | None = None
    n_fitted: int | None = None

    @property
    def views(self) -> list[BasePairwiseTransformer]:
        """The fitted views."""
        own = getattr(self.distances, "transformers_", [("", self.distances)])
        return [view for _, view in own]

    @property
    def known(self) -> NDArray[np.float32]:
        """What describes the queries that the distances are fitted on."""
        return self.queries[: self.n_fitted]

    @property
    def learned(self) -> bool:
        """Whether the distances were fitted before."""
        return self.n_fitted == 0

    def fit(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Fit the distances on a sample of the generated images; return its median distances."""
        own = np.take(rows, self.columns, axis=1)
        self.distances.fit(self.known, generated=own, blocks=self.blocks)
        found = [np.median(self._rough(view, self.known, view._as_maps(own)), axis=(0, 1))
                 for view in self.views]  # fmt: skip
        for view in self.views:
            view._forget()
        medians = np.concatenate(found).astype(np.float64)
        return np.where(medians > 0, medians, 1.0)

    def waits(self, view: BasePairwiseTransformer) -> bool:
        """Tell whether a view has to learn from all rows before it compares."""
        return view._learns and not self.learned

    def of_block(self, rows: NDArray[np.float32]) -> list[Any]:
        """Compare with some images: what is closest in each map of each view, or its rows."""
        own = np.take(rows, self.columns, axis=1)
        return [
            view._own_columns(own) if self.waits(view) else self.closest(view, view._as_maps(own))
            for view in self.views
        ]

    def closest(self, view: BasePairwiseTransformer, maps: NDArray[np.float32]) -> list[Closest]:
        """Return the closest of some images in each map of a view."""
        found = self._rough(view, self.queries, maps)
        return [closest_of(found[:, :, i], self.n_kept(view)) for i in range(found.shape[2])]

    def n_kept(self, view: BasePairwiseTransformer) -> int:
        """Return how many images are kept of a view before it refines any of them."""
        n_kept = view._n_candidates(self.n_closest)
        assert n_kept is not None
        return n_kept

    def learn(self, view: BasePairwiseTransformer, rows: NDArray[np.float32]) -> list[Closest]:
        """Let a view learn from all rows, the last of which are real images'; find the closest."""
        view._learn(rows)
        parts = [
            [one.shifted(block.start) for one in self.closest(view, view._maps_of(rows[block]))]
            for block in gen_batches(len(rows) - len(self.known), _AT_ONCE)
        ]
        return [merged(of_map, self.n_kept(view)) for of_map in zip(*parts, strict=True)]

    def compare(self, rows: NDArray[np.float32], query: int) -> NDArray[np.float32]:
        """Return the distances (n_images, n_maps) of a query to its own images, all refined."""
        own = np.take(rows, self.columns, axis=1)
        return self.distances.retarget(own).transform(self.queries[[query]])[0]

    def key(self) -> bytes:
        """Return a digest of all that `of_block` depends on, but for the images."""
        of_views = [
            (type(v).__qualname__, v.get_params(), v.columns_, v.matrix_ if v._learns else None)
            for v in self.views
        ]
        return digest(of_views, self.queries, self.columns, self.n_closest, self.n_fitted)

    @staticmethod
    def _rough(
        view: BasePairwiseTransformer, rows: NDArray[np.float32], maps: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        queries = view._as_maps(rows)
        found = np.empty((len(queries), len(maps), view.n_maps_), dtype=np.float32)
        view._rough(found, queries, maps)
        return found


def n_closest_of(distances: Any, membership: Any, blocks: Sequence[Block] | None) -> int | None:
    """Tell how many of the closest generated images an attack looks at in each map.

    Parameters
    ----------
    distances : pairwise transformer or DistanceUnion
        Step of the attack, fitted or not.
    membership : classifier
        Step of the attack, fitted or not.
    blocks : list of Block or None
        The families that the distances compare.

    Returns
    -------
    int or None
        None for an attack that looks at all of them, or at real images as well.
    """
    asked = getattr(membership, "n_closest_needed", None)
    parts = getattr(distances, "transformer_list", [("", distances)])
    views = [(name, part) for name, part in parts if isinstance(part, BasePairwiseTransformer)]
    if asked is None or blocks is None:
        return None
    kept, maps = [], list[Block]()
    for name, view in views:
        own = view._chosen(blocks)
        if own:
            kept.append(view)
            made = view._views(own, sum(len(block.maps) * block.width for block in own))
            maps += [block._replace(name=name or block.name) for block in made]
    n_closest = asked(maps) if kept else None
    if n_closest is None or any(view._n_candidates(n_closest) is None for view in kept):
        return None
    return int(n_closest)
