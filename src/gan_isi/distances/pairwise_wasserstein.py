"""CDF vectors of queries against those of the generated images."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

from .._runtime.sklearn_compat import Interval
from .._validation.blocks import Block
from .base import BasePairwiseTransformer
from .torch_backend import distances_of_tensors
from .wasserstein import distances_of_maps


class PairwiseWassersteinTransformer(BasePairwiseTransformer):
    """1-Wasserstein distance of every map, every query against every generated image.

    Parameters
    ----------
    n_levels : int, default=None
        Number of consecutive columns that make one map's CDF vector, or the vectors of
        all its tiles, over which the distance is then a mean (`columns_per_map` of a
        descriptor). None: as the descriptors of an attack say; where nothing is known
        of the columns they are one map.
    families : str or list of str, default=None
        Names of the descriptor families that are compared, in an attack; None for all
        families of texture maps.
    include_real : bool, default=False
        Whether queries are compared with the real images of `fit` as well; their
        columns follow those of the generated images.
    n_jobs : int, default=None
        Number of threads. Changes no result.
    device : str, default=None
        Where pairs are compared: a device of PyTorch, such as "cuda:1", or "auto", as for
        :class:`DeepDescriptor`; needs the extra "deep". None: the processor, by numpy. Distances
        on a device equal those of numpy to 1e-4 of their size, not to the bit.

    Attributes
    ----------
    reference_ : ndarray of shape (n_generated, n_maps, n_levels), float32
        CDF vectors of the generated images.
    n_generated_ : int
        Number of generated images.
    n_maps_ : int
        Number of maps.
    blocks_ : list of Block
        The maps by family, and their names.
    real_ : ndarray of shape (n_real, n_maps, n_levels), float32
        CDF vectors of the images of `fit`. With `include_real` only.
    n_real_ : int
        Number of real images in `real_`, 0 without.
    n_features_in_ : int
        Number of columns, ``n_maps * n_levels``.
    feature_names_in_ : ndarray of str
        Names of the columns, when they all are strings.

    See Also
    --------
    gan_isi.distances.wasserstein_distances : The distance and how exact it is.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi import PairwiseWassersteinTransformer
    >>> queries = np.array([[0.0, 1.0, 10.0, 10.0]])
    >>> generated = np.array([[2.0, 3.0, 10.0, 10.0], [0.0, 1.0, 9.0, 11.0]])
    >>> distances = PairwiseWassersteinTransformer(n_levels=2)
    >>> distances.fit(queries, generated=generated).transform(queries)
    array([[[2., 0.],
            [0., 1.]]], dtype=float32)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BasePairwiseTransformer._parameter_constraints,
        "n_levels": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        *,
        n_levels: int | None = None,
        families: str | Sequence[str] | None = None,
        include_real: bool = False,
        n_jobs: int | None = None,
        device: str | None = None,
    ) -> None:
        self.n_levels = n_levels
        self.families = families
        self.include_real = include_real
        self.n_jobs = n_jobs
        self.device = device

    def _wanted(self, blocks: Sequence[Block]) -> list[str]:
        if self.families is None:
            return [block.name for block in blocks if block.cdf or not block.maps]
        return super()._wanted(blocks)

    def _views(self, blocks: Sequence[Block] | None, width: int) -> list[Block]:
        if blocks is None:
            n_levels = width if self.n_levels is None else self.n_levels
            if width % n_levels:
                raise ValueError(
                    f"{width} columns don't divide into maps of n_levels={n_levels} columns."
                )
            return [Block(f"map{i}", (f"map{i}",)) for i in range(width // n_levels)]
        widths = {block.name: block.width for block in blocks}
        if self.n_levels is not None:
            widths["n_levels"] = self.n_levels
        if len(set(widths.values())) > 1:
            raise ValueError(f"All maps have to have the same number of columns; got {widths}.")
        return [block._replace(width=1, cdf=False) for block in blocks]

    def _compare(self, queries: Any, references: Any) -> Any:
        # Checked once, when the vectors came in.
        if self.device is None:
            return distances_of_maps(queries, references)
        maps = (queries.transpose(0, 1), references.transpose(0, 1))
        return distances_of_tensors(*maps, "cityblock").permute(1, 2, 0)

    def _bytes_per_reference(self) -> int:
        if self.device is not None:
            return super()._bytes_per_reference()
        # One map at a time is held in double precision.
        return 8 * self.reference_.shape[2]
