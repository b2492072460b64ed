"""How far a tile of one picture that is found in another one speaks for a copy."""

import numpy as np
from numpy.typing import NDArray

#: Correlation above which single precision can't tell two windows apart.
_SAME = 1 - 5e-6

#: Degrees of freedom of a usual tile, less 1: its evidence is the unit of that of others.
USUAL_FREEDOM = 20.0


def degrees_of_freedom(tiles: NDArray[np.float32]) -> NDArray[np.float64]:
    """Tell how many numbers a tile consists of that vary on their own.

    An edge fits many edges, an irregular texture fits itself only: the participation ratio of the
    power spectrum counts the waves of which a tile is made.

    Parameters
    ----------
    tiles : ndarray of shape (n_tiles, size * size)
        Tiles of mean 0.

    Returns
    -------
    ndarray of shape (n_tiles,)
        From 1, for a single wave or a tile of zeros, to less than size * size.
    """
    size = round(tiles.shape[1] ** 0.5)
    taper = np.hanning(size + 2)[1:-1]
    waves = np.fft.fft2(tiles.reshape(-1, size, size).astype(np.float64) * np.outer(taper, taper))
    power = np.abs(waves).reshape(len(tiles), -1) ** 2
    squares = (power**2).sum(axis=1)
    ratio = np.divide(power.sum(axis=1) ** 2, squares, out=np.ones(len(tiles)), where=squares > 0)
    return np.maximum(ratio, 1)


def evidence(
    correlations: NDArray[np.floating], freedom: NDArray[np.floating]
) -> NDArray[np.float64]:
    r"""Tell how far tiles fit beyond chance, in standard deviations.

    By Fisher's transformation the correlation :math:`c` of random pictures with :math:`d` degrees
    of freedom makes :math:`\sqrt{d - 1}\,\operatorname{artanh} c` vary with a standard deviation
    of about 1: tiles which fit anything, such as a straight edge, hardly count.

    Parameters
    ----------
    correlations : ndarray of shape (..., n_tiles)
        Correlations from `tile_correlations`.
    freedom : ndarray of shape (n_tiles,), or one that goes with `correlations`
        See `degrees_of_freedom`.

    Returns
    -------
    ndarray of shape (..., n_tiles)
        From 0; infinite for copies without any error. None (0) for negative correlations, and
        for tiles of one degree of freedom.

    References
    ----------
    R. A. Fisher, "On the probable error of a coefficient of correlation deduced from a small
    sample", Metron 1, 1921.
    """
    positive = np.maximum(correlations, 0).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.sqrt(freedom - 1) * np.arctanh(np.where(positive > _SAME, 1, positive))
    return np.where(freedom > 1, found, 0)


def unexplained(
    correlations: NDArray[np.floating], freedom: NDArray[np.floating], n_best: int = 1
) -> NDArray[np.float64]:
    """Summarise the tiles of a pair as a distance: by the few that speak most for a copy.

    Parameters
    ----------
    correlations, freedom : ndarray
        See `evidence`.
    n_best : int, default=1
        Number of tiles whose evidence is averaged. Where fewer have contrast, the others have
        none (0).

    Returns
    -------
    ndarray of shape (...,)
        From 0 for copies without error to 1 for pictures without any likeness: the root of
        (1 - c) / (1 + c) for tiles of the usual number of degrees of freedom, 21.
    """
    found = evidence(correlations, freedom)
    best = np.partition(found, -min(n_best, found.shape[-1]), axis=-1)[..., -n_best:]
    # Sorted, as partition leaves them in an order that sums may feel.
    return np.exp(-np.sort(best, axis=-1).sum(axis=-1) / (n_best * np.sqrt(USUAL_FREEDOM)))
