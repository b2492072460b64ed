"""The distances of pairs as operations of PyTorch, on any device that it knows.

What is computed once an image stays in numpy, in double precision; what is computed once a pair
runs here, in single precision. Results equal those of numpy to 1e-4, not to the bit.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import gen_batches

from ..texture.torch_context import one_thread, require_torch
from .poses import LEAST_NORM, Grid, warps
from .tile_evidence import USUAL_FREEDOM

#: Correlation of tiles near which distances feel the last digits of single precision.
_NEAR = 0.999

#: References of one matrix product with all moved pictures of a quarter turn.
_COLUMNS = 2**14

#: One set of distances at a time: threads share the device's memory, and the setting below.
_AT_WORK = Lock()


@contextmanager
def working_on(device: str) -> Iterator[None]:
    """Keep a device to one caller, and to products in full single precision.

    On the CPU each thread of ours takes one core, as in numpy.
    """
    torch = require_torch()
    with _AT_WORK, one_thread() if device == "cpu" else nullcontext():
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(before)


def placed(value: Any, device: str) -> Any:
    """Return arrays, or lists and named tuples of them, as tensors in single precision."""
    if isinstance(value, np.ndarray):
        torch = require_torch()
        # A copy: arrays may be read-only, or run backwards, for which PyTorch has no word.
        return torch.tensor(np.ascontiguousarray(value), dtype=torch.float32, device=device)
    parts = [placed(one, device) for one in value]
    return type(value)(*parts) if hasattr(value, "_fields") else parts


def as_array(value: Any) -> NDArray[Any]:
    """Return a tensor, or an array, as an array."""
    return value if isinstance(value, np.ndarray) else value.cpu().numpy()


def distances_of_tensors(queries: Any, references: Any, metric: str) -> Any:
    """Compare as `distances_between` does; further axes before the last two are looped over."""
    # From differences, not by matrix products: single precision would lose those of close pairs.
    distances = require_torch().cdist(
        queries,
        references,
        p=1 if metric == "cityblock" else 2,
        compute_mode="donot_use_mm_for_euclid_dist",
    )
    n_columns = queries.shape[-1]
    if metric == "cityblock":
        return distances / n_columns
    return distances / n_columns**0.5 if metric == "euclidean" else distances**2 / 2


def unexplained_in_place(
    queries: Any, references: Any, freedom: NDArray[np.floating], n_best: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Compare as `unexplained` and `correlations_in_place` do.

    Parameters
    ----------
    queries, references : tensor of shape (n, n_tiles, size * size)
        Tiles of mean 0 and norm 1, or 0.
    freedom : ndarray of shape (n_queries, n_tiles)
        Degrees of freedom.
    n_best : int
        Number of tiles whose evidence is averaged.

    Returns
    -------
    distances : ndarray of shape (n_queries, n_references)
    near : ndarray of shape (n_queries, n_references), bool
        Whether some tile fits so well that numpy has to be asked instead.
    """
    found = queries.transpose(0, 1) @ references.permute(1, 2, 0)
    scales = placed(np.sqrt(freedom - 1), queries.device).T[:, :, None]
    evidence = scales * found.clamp(0, _NEAR).atanh()
    best = evidence.topk(min(n_best, len(evidence)), dim=0).values.sum(dim=0)
    distances = (-best / (n_best * USUAL_FREEDOM**0.5)).exp()
    return as_array(distances), as_array((found > _NEAR).any(dim=0))


@lru_cache(maxsize=16)
def _taps(grid: Grid, device: Any) -> tuple[Any, Any]:
    """Return which pixels each one of `warps` is made of, (n, n_taps), and their weights."""
    matrix = warps(grid)
    counts = np.diff(matrix.indptr)
    place = np.repeat(np.arange(len(counts)), counts)
    tap = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], counts)
    pixels = np.zeros((len(counts), counts.max()), dtype=np.int64)
    weights = np.zeros(pixels.shape, dtype=np.float32)
    pixels[place, tap], weights[place, tap] = matrix.indices, matrix.data
    return require_torch().from_numpy(pixels).to(device), placed(weights, device)


def best_in_poses(
    turns: NDArray[np.float32],
    references: Any,
    grid: Grid,
    likely: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Search as `best_correlations` does.

    Parameters
    ----------
    turns : ndarray of shape (n_turns, channels, side, side), float32
        A picture in its quarter turns.
    references : tensor of shape (n_references, channels * side * side)
        Pictures from `standardised`.
    grid, likely
        Arguments of `best_correlations`.

    Returns
    -------
    correlations, poses : ndarray of shape (n_references,)
    """
    torch = require_torch()
    device = references.device
    channels, side = turns.shape[1:3]
    canvas, n_shifts = side + 2 * grid.reach, (2 * grid.reach + 1) ** 2
    pixels, weights = _taps(grid, device)
    best = references.new_full((len(references),), -torch.inf)
    poses = torch.zeros(len(references), dtype=torch.int64, device=device)
    for number, turn in enumerate(placed(turns, device)):
        wanted = np.arange(len(references)) if likely is None else np.flatnonzero(likely[number])
        if not len(wanted):
            continue
        warped = (turn.reshape(channels, -1)[:, pixels] * weights).sum(dim=2)
        warped = warped.reshape(channels, -1, canvas, canvas)
        windows = warped.unfold(2, side, 1).unfold(3, side, 1)
        rows = windows.permute(1, 2, 3, 0, 4, 5).reshape(-1, channels * side**2)
        rows = rows - rows.mean(dim=1, keepdim=True)
        norms = torch.linalg.vector_norm(rows, dim=1)
        scales = torch.where(norms > LEAST_NORM, 1 / norms, 0)
        for batch in gen_batches(len(wanted), _COLUMNS):
            place = torch.from_numpy(wanted[batch]).to(device)
            block = references[place]
            at = ((rows @ block.T) * scales[:, None]).argmax(dim=0)
            # Once more, in one order, so that equal references have equal correlations.
            found = (rows[at] * block).sum(dim=1) * scales[at]
            # A picture that is shifted downwards is seen through a window further up.
            at = at + n_shifts - 1 - 2 * (at % n_shifts)
            better = found > best[place]
            best[place] = torch.where(better, found, best[place])
            poses[place] = torch.where(better, number * len(rows) + at, poses[place])
    return as_array(best.clamp(-1, 1)), as_array(poses).astype(np.intp)
