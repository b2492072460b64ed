"""Real images beside the generated images that are closest to them."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from textwrap import fill
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._runtime.sklearn_compat import num_samples, safe_indexing
from .._validation.arrays import check_count
from .._validation.items import Items, as_images
from .._validation.labels import check_used
from ..membership.scores import map_scales, one_distance
from .attack import bags_of, check_scores, query_scores, views_of
from .pair import Pair, compare_pair, in_words, likeness, shown
from .style import draw_likeness, draw_picture, figure_and_axes, literal

#: Height of one pair in inches, and letters that fit beside each other above a picture.
_ROW, _WRAPPED = 2.4, 30


@dataclass(eq=False, repr=False)
class ClosestPairsDisplay:
    """The strongest pairs: real images, the generated ones closest to them, and what they share.

    Each row has a real image, the generated one put back into place where it is in another pose,
    and which parts of the real image are found in it. Use `from_estimator` or `from_predictions`;
    the constructor takes what they find.

    Parameters
    ----------
    real, generated : sequence of array-like of shape (height, width) or (height, width, channels)
        The images of each pair.
    pairs : sequence of Pair
        How alike they are: with the attributes `similarity` and `pose`.
    names : sequence of (str, str), default=None
        What to call the images of each pair; None numbers the pairs.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on: those of the pictures lie within.
    axes_ : ndarray of matplotlib Axes, shape (n_pairs, 3)
        Axes of the real image, the generated image and the heat map of each pair.
    figure_ : matplotlib Figure
        Figure of the axes.

    See Also
    --------
    TileMapDisplay : One pair, and which parts of the one are found in the other.
    gan_isi.audit.AuditResult.to_html : Shows the strongest pairs of an audit.

    Notes
    -----
    The similarity is the correlation of both images at 32 x 32 pixels with local contrast: 1 is a
    copy. Images of one kind, such as X-rays, are somewhat alike in any case: compare with the
    strongest pair of an image that was not used, which is the last row where `y` is given.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_isi.plotting import ClosestPairsDisplay
    >>> real, generated = np.random.default_rng(0).random((2, 4, 32, 32))
    >>> generated[2] = real[1, :, ::-1]  # a mirrored copy
    >>> shown = ClosestPairsDisplay.from_predictions(
    ...     real, generated, closest=[0, 2, 1, 3], y_score=[0.1, 0.9, 0.3, 0.2], n_pairs=1
    ... )
    >>> shown.pairs[0].pose.mirrored, round(shown.pairs[0].similarity, 2)
    (True, 1.0)
    """

    real: Sequence[ArrayLike]
    generated: Sequence[ArrayLike]
    pairs: Sequence[Pair]
    _: KW_ONLY
    names: Sequence[tuple[str, str]] | None = None

    @classmethod
    def from_estimator(
        cls, attack: Any, X: Any, y: ArrayLike | None = None, *, n_pairs: int = 3, ax: Any = None
    ) -> Self:
        """Score images, and find the generated image closest to each of the highest.

        Parameters
        ----------
        attack : SourceIdentificationPipeline
            A fitted attack that compares, which holds its generated images.
        X : array-like or sequence of array-like
            Real images, best ones that it was not fitted on.
        y : array-like of shape (n_queries,), default=None
            Whether each was used: booleans, 0/1 or -1/1. With it the last row is the strongest
            pair of an image that was not used, and all others are of used ones.
        n_pairs : int, default=3
            Number of pairs, without that one.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        ClosestPairsDisplay
            Drawn. Closest is the smallest geometric mean over the views of the distance, each in
            multiples of its median; an audit weights views by how much the attack listens to each.

        Raises
        ------
        TypeError
            If this is no attack that compares.
        ValueError
            If the attack was unpickled and is without its generated images, or for other labels.
        """
        views = [view.columns for view in views_of(attack)]
        if attack.generated is None:
            raise ValueError(
                "The attack is without its generated images, as one that was unpickled is; give "
                "them with attack.set_params(generated=...)."
            )
        scores = check_scores(query_scores(attack, X), "scores")
        rows = _strongest(scores, y, n_pairs)
        bags = bags_of(attack, safe_indexing(X, rows))[:, : attack.n_generated_]
        scales = map_scales(bags)
        smallest = np.finfo(np.float32).eps
        far = [
            np.log(np.maximum(one_distance(bags[:, :, view], scales[view]), smallest))
            for view in views
        ]
        closest = np.zeros(len(scores), dtype=np.intp)
        closest[rows] = np.mean(far, axis=0).argmin(axis=1)
        return cls._of(X, attack.generated.images, closest, rows).plot(ax)

    @classmethod
    def from_predictions(
        cls,
        X: Any,
        generated: Any,
        closest: ArrayLike,
        y_score: ArrayLike,
        y: ArrayLike | None = None,
        *,
        n_pairs: int = 3,
        ax: Any = None,
    ) -> Self:
        """Draw pairs that are already known, such as those of an audit.

        Parameters
        ----------
        X : array-like or sequence of array-like
            Real images; only those drawn are read.
        generated : array-like or sequence of array-like
            Generated images.
        closest : array-like of shape (n_queries,)
            Number of the generated image closest to each real one, such as
            ``result.attacks["recommended"].evidence.generated[:, 0]``.
        y_score : array-like of shape (n_queries,)
            Scores, larger for used images, such as
            ``result.attacks["recommended"].answers.ranks()``.
        y : array-like of shape (n_queries,), default=None
            Whether each was used, as for `from_estimator`.
        n_pairs : int, default=3
            Number of pairs, without the one of an image that was not used.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        ClosestPairsDisplay
            Drawn.

        Raises
        ------
        ValueError
            For other numbers of images, scores and labels, and numbers of no generated image.
        """
        scores = check_scores(y_score, "y_score")
        numbers, n_generated = np.asarray(closest), num_samples(generated)
        if numbers.shape != scores.shape or len(scores) != num_samples(X):
            raise ValueError(
                f"X, closest and y_score have to be of one length; got {num_samples(X)}, "
                f"{numbers.shape} and {scores.shape}."
            )
        if numbers.dtype.kind not in "iu" or numbers.min() < 0 or numbers.max() >= n_generated:
            raise ValueError(f"closest has to hold numbers from 0 to {n_generated - 1}.")
        return cls._of(X, generated, numbers, _strongest(scores, y, n_pairs)).plot(ax)

    @classmethod
    def _of(cls, X: Any, generated: Any, closest: NDArray[Any], rows: NDArray[np.intp]) -> Self:
        own, others = Items(as_images(X)), Items(as_images(generated))
        real = [own[int(row)] for row in rows]
        fakes = [others[int(closest[row])] for row in rows]
        names = [
            (_name(X, int(row), "real"), _name(generated, int(closest[row]), "generated"))
            for row in rows
        ]
        pairs = [compare_pair(*pair) for pair in zip(real, fakes, strict=True)]
        return cls(real, fakes, pairs, names=names)

    def plot(self, ax: Any = None) -> Self:
        """Draw the pairs, one below the other.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw: its place is divided, and it is switched off. None makes a new figure.

        Returns
        -------
        self
            Itself.

        Raises
        ------
        ValueError
            If there are not as many real images as generated ones and pairs.
        """
        n = len(self.pairs)
        if not n or len(self.real) != n or len(self.generated) != n:
            raise ValueError(
                "There have to be as many real images as generated ones and pairs, at least one; "
                f"got {len(self.real)}, {len(self.generated)} and {n}."
            )
        names = self.names or [(f"real {i}", f"generated {i}") for i in range(n)]
        self.figure_, self.ax_ = figure_and_axes(ax, figsize=(6.6, min(_ROW * n, 12.0)))
        self.ax_.set_axis_off()
        rows = []
        for i, (real, generated, pair, said) in enumerate(
            zip(self.real, self.generated, self.pairs, names, strict=True)
        ):
            bottom, height = 1 - (i + 0.9) / n, 0.7 / n
            three = [self.ax_.inset_axes((0.34 * k, bottom, 0.31, height)) for k in range(3)]
            own, other = shown(real), pair.placed(generated)
            how = in_words(pair.pose)
            titles = *said, f"similarity {pair.similarity:.2f}"
            if how:
                three[1].set_xlabel(fill(f"put back (was {how})", _WRAPPED), fontsize="small")
            for axes, title, picture in zip(three, titles, (own, other, own), strict=True):
                wrapped = fill(literal(title), _WRAPPED)
                draw_picture(axes, picture, wrapped, fontsize="small", vmin=0, vmax=1)
            draw_likeness(three[2], likeness(own, other), own, linewidth=1)
            rows.append(three)
        self.axes_ = np.array(rows, dtype=object)
        return self


def _strongest(scores: NDArray[np.float64], y: Any, n_pairs: int) -> NDArray[np.intp]:
    """Return the images with the highest scores; last, where it is known, one not used."""
    check_count(n_pairs, "n_pairs")
    order = np.argsort(-scores, kind="stable")
    if y is None:
        return order[:n_pairs]
    used, _ = check_used(y, len(scores), unit="queries")
    return np.concatenate([order[used[order]][:n_pairs], order[~used[order]][:1]])


def _name(images: Any, number: int, kind: str) -> str:
    names = getattr(images, "names", None)
    return str(names[number]) if isinstance(names, (tuple, list)) else f"{kind} {number}"
