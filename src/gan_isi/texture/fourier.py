"""Axes of a padded image in the frequency domain, with the bins that a filter keeps."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from .strips import LARGEST_STRIP


@dataclass(frozen=True)
class Axis:
    """One axis of a padded image and the frequency bins that are kept of it."""

    size: int
    padding: int
    length: int
    step: int
    bins: NDArray[np.int64]

    def part(self, window: slice) -> "Axis":
        """Return the same axis with some of its frequencies."""
        return Axis(self.size, self.padding, self.length, self.step, self.bins[window])

    def phases(self) -> NDArray[np.complex128]:
        """Return the phases that move the samples to the centres of their steps."""
        first_centre = self.padding + (self.step - 1) / 2
        return np.exp(2j * np.pi * self.bins * first_centre / self.length)


def blocks(n_lines: int, length: int) -> list[slice]:
    """Cut lines of this length into blocks of about 30 MB in single precision."""
    size = max(1, LARGEST_STRIP // length)
    return [slice(start, start + size) for start in range(0, n_lines, size)]


def padded_axis(size: int, padding: int, step: int, reach: float) -> Axis:
    """Return the axis of a padded image, with a length that is fast to transform."""
    # If `step` divides the length, every step-th sample comes from a shorter inverse
    # transform.
    length = step * fft.next_fast_len(-(-(size + 2 * padding) // step))
    last = min(math.ceil(reach * length), length // 2)
    bins = np.arange(-last, last + 1) if 2 * last < length else np.arange(-last, last)
    return Axis(size, padding, length, step, bins)


def replicate(values: NDArray, axis_plan: Axis, axis: int) -> NDArray:
    """Continue an image with its border values up to the length of the axis."""
    before = axis_plan.padding
    after = axis_plan.length - axis_plan.size - before
    widths = [(0, 0), (0, 0)]
    widths[axis] = (before, after)
    return np.pad(values, widths, mode="edge")


def signed_bins(half_spectrum: NDArray, bins: NDArray[np.int64]) -> NDArray:
    """Return bins of either sign from the transform of real rows: F(-k) = conj(F(k))."""
    selected = half_spectrum[:, np.abs(bins)]
    np.conjugate(selected, out=selected, where=(bins < 0)[None, :])
    return selected


# The inverse transform is computed at the centre of every square of the unpadded image. At the
# position n = n_0 + step * j of N = step * M, exp(2 pi i k n / N) is a phase for the first
# centre, which the gains hold, times exp(2 pi i k j / M), a transform of length M.


def sampled_rows(spectrum: NDArray, rows: Axis) -> NDArray:
    """Transform back along the rows, only at every step-th row."""
    samples = fft.ifft(_fold(spectrum, rows), axis=0, overwrite_x=True)
    return samples[: rows.size // rows.step]


def sampled_columns(samples: NDArray, columns: Axis) -> NDArray:
    """Transform back along the columns, only at every step-th column."""
    samples = fft.ifft(_fold(samples.T, columns).T, axis=1, overwrite_x=True)
    return samples[:, : columns.size // columns.step]


def _fold(spectrum: NDArray, axis: Axis) -> NDArray:
    """Add the bins of the first axis at their places among N / step."""
    n_samples, n_bins = axis.length // axis.step, len(axis.bins)
    folded = np.zeros((n_samples, spectrum.shape[1]), dtype=np.complex64)
    start = int(axis.bins[0]) % n_samples
    if n_bins > n_samples:
        np.add.at(folded, axis.bins % n_samples, spectrum)
    else:
        n_head = min(n_bins, n_samples - start)
        folded[start : start + n_head] = spectrum[:n_head]
        folded[: n_bins - n_head] = spectrum[n_head:]
    return folded
