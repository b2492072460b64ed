"""Generated images of any number, read once: each query keeps the closest of them only.

What describes a million images takes 40 GB; what a summary looks at are the 51 closest. A task
describes a block of generated images, compares it with all queries and returns which are closest
in each view: all that travels, and all that is kept. In the end the images that are left are
described once more, and compared with their queries as in memory, to the same bits.
"""

import copy
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.utils import gen_even_slices
from sklearn.utils.parallel import Parallel, delayed

from .._runtime.progress import progress_bar
from .._runtime.sklearn_compat import num_samples
from .._runtime.store import Store, code_of_library, digest, store_of
from .._runtime.whole import in_whole
from .._validation.images import check_images
from .._validation.items import spread
from ..descriptors.transformer import (
    BaseImageTransformer,
    batch_of,
    describe_here,
)
from ..distances import BasePairwiseTransformer
from ..distances.closest import Closest, Nearest
from .comparison import Comparison

#: Generated images of one task. Fixed, so that `n_jobs` can't change what is kept on disk.
_BLOCK = 2000

#: Generated images from which the usual distances are known.
_SAMPLED = 500

#: Queries, at most, whose closest images one task compares in the end.
_QUERIES = 32


class ClosestBags(NamedTuple):
    """Distances of each query to the generated images that are closest to it in some view.

    Attributes
    ----------
    bags : ndarray of shape (n_queries, n_columns, n_maps), float32
        Distances to them, with NaN at the end where a query has fewer of them than another.
    numbers : ndarray of shape (n_queries, n_columns), int
        Which generated image each is, ascending; -1 where there is none.
    scales : ndarray of shape (n_maps,)
        Median distance of each map to a sample of the generated images, before any is refined;
        1 where it is 0. None where distances were learned before.
    """

    bags: NDArray[np.float32]
    numbers: NDArray[np.int64]
    scales: NDArray[np.float64] | None


def emptied(distances: Any) -> Any:
    """Return fitted distances that hold no generated images."""
    other = copy.copy(distances)
    if isinstance(other, BasePairwiseTransformer):
        other._forget()
    else:
        other.transformers_ = [(name, emptied(view)) for name, view in other.transformers_]
    return other


def too_many(generated: Any, n_columns: int) -> bool:
    """Tell whether what describes the generated images takes more than the working memory."""
    return num_samples(generated) * n_columns * 4 > get_config()["working_memory"] * 2**20


def closest_bags(
    families: Sequence[BaseImageTransformer],
    comparisons: Sequence[Comparison],
    generated: Any,
    *,
    n_jobs: int | None = None,
    memory: Any = None,
    verbose: int | bool = False,
) -> list[ClosestBags]:
    """Compare queries with generated images, a block after the other.

    Parameters
    ----------
    families : sequence of BaseImageTransformer
        Fitted families, which describe the images.
    comparisons : sequence of Comparison
        One an attack. Their distances are fitted, and hold no generated image afterwards.
    generated : array-like or sequence of array-like
        Generated images. Each is read once, and those that are close to a query once more.
    n_jobs : int, default=None
        Number of parallel jobs, on any backend of joblib. Changes no result.
    memory : str, path or joblib.Memory, default=None
        Folder that keeps what comes of each block, so that what was killed goes on there.
    verbose : int or bool, default=False
        Whether a progress bar is shown.

    Returns
    -------
    list of ClosestBags
        For each comparison, to the bits that the attack has in memory.
    """
    images = check_images(generated, BaseEstimator(), reset=True)
    store = store_of(memory)
    scales: list[NDArray[np.float64] | None] = [None] * len(comparisons)
    if not all(one.learned for one in comparisons):
        # One by one, so that an error names the right image.
        some = [int(i) for i in spread(len(images), _SAMPLED)]
        rows = np.concatenate([describe_here(families, [images[i]], i) for i in some])
        scales = [None if one.learned else one.fit(rows) for one in comparisons]
    found = _pass(families, comparisons, images, store, n_jobs, verbose)
    made = []
    for one, parts, own in zip(comparisons, found, scales, strict=True):
        views = zip(one.views, parts, strict=True)
        kept = [one.learn(view, part) if one.waits(view) else part for view, part in views]
        numbers = [
            np.unique(np.concatenate([of_map.numbers[i] for part in kept for of_map in part]))
            for i in range(len(one.queries))
        ]
        made.append(_refined(families, one, images, numbers, n_jobs)._replace(scales=own))
    if store is not None:
        store.prune()
    return made


def _pass(
    families: Sequence[BaseImageTransformer],
    comparisons: Sequence[Comparison],
    images: Any,
    store: Store | None,
    n_jobs: int | None,
    verbose: int | bool,
) -> list[list[Any]]:
    """Read all images once; return what is left for each view of each comparison."""
    key = b""
    if store is not None:
        described = [one._cache_key() for one in families]
        key = digest(code_of_library(), described, [one.key() for one in comparisons])
    starts = range(0, len(images), _BLOCK)
    results = Parallel(n_jobs=n_jobs, return_as="generator", batch_size=1)(
        delayed(_of_block)(families, comparisons, batch_of(images, start, _BLOCK), start, store,
                           key)
        for start in starts
    )  # fmt: skip
    kept = [
        [
            _Rows(len(images), view._own_columns(one.known))
            if one.waits(view)
            else Nearest(one.n_kept(view))
            for view in one.views
        ]
        for one in comparisons
    ]
    # In an audit, the stage that describes them when they are few.
    name, shown = "describing generated images", verbose or in_whole()
    with progress_bar(len(images), description=name, unit="image", verbose=shown) as bar:
        for start, result in zip(starts, results, strict=True):
            for own, parts in zip(kept, result, strict=True):
                for so_far, part in zip(own, parts, strict=True):
                    so_far.add(part, start)
            bar.update(min(_BLOCK, len(images) - start))
    return [[so_far.found for so_far in own] for own in kept]


class _Rows:
    """The rows of all images, for a view that learns from them; in the end those of real ones."""

    def __init__(self, n_images: int, real: NDArray[np.float32]) -> None:
        # One array from the start: lists of parts would take twice the memory when joined.
        self.found = np.empty((n_images + len(real), real.shape[1]), dtype=np.float32)
        self.found[n_images:] = real

    def add(self, rows: NDArray[np.float32], start: int) -> None:
        self.found[start : start + len(rows)] = rows


def _of_block(
    families: Sequence[BaseImageTransformer],
    comparisons: Sequence[Comparison],
    images: Any,
    first: int,
    store: Store | None,
    key: bytes,
) -> list[list[Any]]:
    """Describe a block of images and compare it, or take what was kept of it."""
    if store is None:
        rows = describe_here(families, images, first)
        return [one.of_block(rows) for one in comparisons]
    images = [np.asarray(image) for image in images]
    key = digest(key, images)
    known = store.get(key)
    if known is not None:
        return _unpacked(known, comparisons)
    rows = describe_here(families, images, first)
    found = [one.of_block(rows) for one in comparisons]
    store.put(key, _packed(found))
    return found


def _packed(found: list[list[Any]]) -> NDArray[np.uint8]:
    """Return what came of a block as one array, for the store."""
    arrays = []
    for part in (part for parts in found for part in parts):
        arrays += [part] if isinstance(part, np.ndarray) else [a for one in part for a in one]
    buffer = io.BytesIO()
    np.savez(buffer, *arrays)
    return np.frombuffer(buffer.getvalue(), dtype=np.uint8)


def _unpacked(packed: NDArray[np.uint8], comparisons: Sequence[Comparison]) -> list[list[Any]]:
    archive = np.load(io.BytesIO(packed.tobytes()), allow_pickle=False)
    arrays = iter([archive[name] for name in archive.files])
    return [
        [
            next(arrays)
            if one.waits(view)
            else [Closest(next(arrays), next(arrays)) for _ in range(view.n_maps_)]
            for view in one.views
        ]
        for one in comparisons
    ]


def _refined(
    families: Sequence[BaseImageTransformer],
    one: Comparison,
    images: Any,
    numbers: list[NDArray[np.int64]],
    n_jobs: int | None,
) -> ClosestBags:
    """Describe the images that are left once more, and compare each query with its own."""
    shape = len(numbers), max(map(len, numbers))
    bags = np.full((*shape, sum(view.n_maps_ for view in one.views)), np.nan, dtype=np.float32)
    places = np.full(shape, -1, dtype=np.int64)
    batches = list(gen_even_slices(len(numbers), -(-len(numbers) // _QUERIES)))
    unions = [np.unique(np.concatenate(numbers[batch])) for batch in batches]
    # One a task: joblib may have learned from shorter tasks to send several to one worker.
    parts = Parallel(n_jobs=n_jobs, return_as="generator", batch_size=1)(
        delayed(_of_queries)(
            families, one, [images[int(i)] for i in wanted], batch.start,
            [np.searchsorted(wanted, own) for own in numbers[batch]],
        )
        for batch, wanted in zip(batches, unions, strict=True)
    )  # fmt: skip
    for batch, part in zip(batches, parts, strict=True):
        for query, found in enumerate(part, start=batch.start):
            bags[query, : len(found)] = found
            places[query, : len(found)] = numbers[query]
    return ClosestBags(bags, places, None)


def _of_queries(
    families: Sequence[BaseImageTransformer],
    one: Comparison,
    images: list[Any],
    first: int,
    places: list[NDArray[np.intp]],
) -> list[NDArray[np.float32]]:
    rows = describe_here(families, images, 0)
    return [one.compare(rows[own], query) for query, own in enumerate(places, start=first)]
