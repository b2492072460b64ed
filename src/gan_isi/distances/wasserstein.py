"""1-Wasserstein distances between the CDF vectors of `gan_isi.texture.cdf`."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from .._validation.arrays import check_array, check_same
from .._validation.typing import FloatArray


def wasserstein_distances(queries: FloatArray, references: FloatArray) -> NDArray[np.float32]:
    """1-Wasserstein distance of every map between every query and every reference.

    Parameters
    ----------
    queries : ndarray of shape (n_queries, n_maps, n_levels)
        CDF vectors, as from `cdf_vectors`.
    references : ndarray of shape (n_references, n_maps, n_levels)
        CDF vectors of the same maps, with the same cells.

    Returns
    -------
    ndarray of shape (n_queries, n_references, n_maps), float32
        In the units of the maps.

    Raises
    ------
    TypeError, ValueError
        For another number of maps or levels, NaN or infinity.

    Notes
    -----
    Beyond the result, the working memory is that of one map in double precision.

    References
    ----------
    For distributions on the line, W1 is the L1 distance of the quantile functions:
    C. Villani, "Topics in Optimal Transportation" (2003), theorem 2.18.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi.texture import cdf_vectors
    >>> a = cdf_vectors(np.array([[0.0, 1.0, 2.0, 3.0]]))
    >>> b = cdf_vectors(np.array([[5.0, 6.0, 7.0, 8.0]]))
    >>> wasserstein_distances(a[None], b[None])
    array([[[5.]]], dtype=float32)
    """
    queries = check_array(queries, "queries", "(n_queries, n_maps, n_levels)", largest=1e38)
    references = check_array(
        references, "references", "(n_references, n_maps, n_levels)", largest=1e38
    )
    for axis, what in ((1, "maps"), (2, "levels")):
        check_same("queries", queries.shape[axis], "references", references.shape[axis], what)
    return distances_of_maps(queries, references)


def distances_of_maps(queries: FloatArray, references: FloatArray) -> NDArray[np.float32]:
    """Do the work of `wasserstein_distances` on vectors that were checked before."""
    n_maps, n_levels = queries.shape[1:]
    distances = np.empty((len(queries), len(references), n_maps), dtype=np.float32)
    for index in range(n_maps):
        of_queries = queries[:, index].astype(np.float64)
        of_references = references[:, index].astype(np.float64)
        distances[:, :, index] = cdist(of_queries, of_references, "cityblock") / n_levels
    return distances
