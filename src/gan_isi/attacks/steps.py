"""What an attack holds: its steps, and the generated images."""

import copy
from collections.abc import Sequence
from typing import Any, Self

from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._runtime.pickling import VersionedPickleMixin
from .._runtime.whole import stage
from .._validation.blocks import Block
from .._validation.items import read_once
from .._validation.shared import SharedImages
from .comparison import n_closest_of
from .streaming import too_many

#: The steps of every attack.
STEPS = ("descriptors", "distances", "membership")


class AttackSteps(VersionedPickleMixin, Pipeline):
    """Base class: a pipeline of three steps that shares the generated images with its clones.

    A subclass stores `steps`, `generated`, `verbose` and `stream`, and fits them.
    """

    streamed_: bool = False

    @property
    def generated(self) -> SharedImages | None:
        """The generated images, as they are shared; None where there are none."""
        return self._generated

    @generated.setter
    def generated(self, images: Any) -> None:
        shared = images is None or isinstance(images, SharedImages)
        self._generated = images if shared else SharedImages(images)

    @property
    def compares(self) -> bool:
        """Whether queries are compared with generated images; blind attacks don't."""
        return hasattr(self.steps[1][1], "retarget")

    @property
    def n_generated_(self) -> int:
        """Number of generated images that queries are compared with."""
        if not self.compares:
            raise AttributeError("A blind attack compares with no generated images.")
        if self.streamed_:
            return len(self.check_steps())
        return self.named_steps["distances"].n_generated_

    @property
    def blocks_(self) -> list[Block] | None:
        """Which maps of the distances belong together, and their names; None if blind."""
        return self.named_steps["distances"].blocks_ if self.compares else None

    def check_steps(self) -> Any:
        """Look at the steps before any of them is fitted.

        Returns
        -------
        sequence or None
            The generated images; None for a blind attack.

        Raises
        ------
        ValueError
            For other steps than those of an attack, and without generated images.
        """
        names = tuple(name for name, _ in self.steps)
        if names != STEPS:
            raise ValueError(
                f"An attack has the steps {', '.join(STEPS)}; got {', '.join(names)}. Others go "
                "together in a Pipeline of scikit-learn, with transform_input=['generated']."
            )
        if not self.compares:
            return None
        if self.generated is None:
            raise ValueError(
                "The attack has no generated images: give make_pipeline(..., generated=images), or "
                "attack.set_params(generated=images), also after a fitted attack was loaded."
            )
        return read_once(self.generated.images)

    def fit_distances(self, vectors: Any, reference: Any) -> Any:
        """Fit the distances on what describes the images; no labels are needed.

        Parameters
        ----------
        vectors : ndarray of shape (n_queries, n_columns)
            What describes the real images, by the fitted step `descriptors`.
        reference : ndarray of shape (n_generated, n_columns) or None
            The same of the generated images; a blind attack needs none.

        Returns
        -------
        ndarray of shape (n_queries, n_generated, n_maps)
            Bags of distances; of a blind attack the vectors.
        """
        if not self.compares:
            return vectors
        distances = self.steps[1][1]
        blocks = getattr(self.steps[0][1], "blocks_", None)
        with stage("comparing"):
            return distances.fit(vectors, generated=reference, blocks=blocks).transform(vectors)

    def streams(self, n_columns: int) -> bool:
        """Tell whether generated images are to be read a block after the other.

        Parameters
        ----------
        n_columns : int
            Number of columns that describe an image.

        Returns
        -------
        bool
            Whether their distances are not to be in memory all at once.

        Raises
        ------
        ValueError
            With ``stream=True``, for an attack that looks at all distances.
        """
        if self.stream not in ("auto", True, False):
            raise ValueError(f"stream has to be 'auto', True or False; got {self.stream!r}.")
        if not self.stream or not self.compares:
            return False
        if self.n_closest is None and self.stream is True:
            raise ValueError(
                "stream=True is for attacks that look at the closest generated images in each view "
                "only, such as the recommended one without textures; give stream=False."
            )
        wanted = self.stream is True or too_many(self.generated, n_columns)
        return wanted and self.n_closest is not None

    @property
    def n_closest(self) -> int | None:
        """How many generated images count in each view, the closest; None where all do."""
        (_, descriptors), (_, distances), (_, membership) = self.steps
        blocks = getattr(descriptors, "blocks_", None)
        return n_closest_of(distances, membership, blocks)

    def get_metadata_routing(self) -> Any:
        """Return that `fit` itself takes `groups`.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRequest
        """
        return BaseEstimator.get_metadata_routing(self)

    def __getitem__(self, position: Any) -> Any:
        """Return a step, or some of them as a pipeline of scikit-learn."""
        if isinstance(position, slice):
            return Pipeline(self.steps[position], verbose=self.verbose)
        return super().__getitem__(position)

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        """Return the steps, a line each."""
        shown = [f"{name}={' '.join(repr(step).split())}" for name, step in self.steps]
        shown.append(f"generated={self.generated!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def __getstate__(self) -> dict[str, Any]:
        """Leave the generated images out where they are not needed any more."""
        state = super().__getstate__()
        try:
            check_is_fitted(self)
        except NotFittedError:
            return state
        return state if self.streamed_ else state | {"_generated": None}

    def __copy__(self) -> Self:
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def __deepcopy__(self, memo: Any) -> Self:
        other = type(self).__new__(type(self))
        other.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return other


def fit_membership(
    estimator: Any,
    bags: Any,
    y: NDArray[Any],
    groups: NDArray[Any] | None,
    blocks: Sequence[Block] | None,
    scales: NDArray[Any] | None = None,
) -> Any:
    """Fit the last step of an attack, with what it asks for.

    Parameters
    ----------
    estimator : classifier
        The step `membership`; fitted in place.
    bags : ndarray of shape (n_queries, n_generated, n_maps), or (n_queries, n_columns)
        Distances, or what describes the queries of a blind attack.
    y : ndarray of shape (n_queries,)
        Labels.
    groups : ndarray of shape (n_queries,) or None
        Patients, for what calibrates in folds.
    blocks : list of Block or None
        Names of the maps.
    scales : ndarray of shape (n_maps,), default=None
        Median distance of each map, where the bags hold the closest images only.

    Returns
    -------
    classifier
        The same, fitted.
    """
    offered = {"groups": groups, "blocks": blocks, "scales": scales}
    given = {name: value for name, value in offered.items() if value is not None}
    with config_context(enable_metadata_routing=True):
        routing = getattr(estimator, "get_metadata_routing", None)
        asked = routing().consumes("fit", list(given)) if routing is not None else set()
        return estimator.fit(bags, y, **{name: given[name] for name in asked})
