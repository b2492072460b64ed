"""Several views side by side: the maps of all of them in one bag."""

import copy
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from .._runtime.composition import NamedParts
from .._runtime.pickling import VersionedPickleMixin
from .._runtime.progress import CallbackSupportMixin, fit_task
from .._runtime.sklearn_compat import fit_context
from .._validation.blocks import Block
from .base import BagsMixin, BasePairwiseTransformer
from .pairwise import ONE_MAP


class DistanceUnion(
    CallbackSupportMixin,
    VersionedPickleMixin,
    BagsMixin,
    NamedParts,
    auto_wrap_output_keys=None,  # type: ignore[call-arg]
):
    """Bags of several views with their maps side by side.

    It works as :class:`sklearn.pipeline.FeatureUnion`, for distances: each :term:`view` compares
    the families that it names (`families`) by its own measure.

    Parameters
    ----------
    transformer_list : list of (name, pairwise transformer)
        The views, such as :class:`PairwiseDistanceTransformer`. "drop" leaves one out. A
        view whose families all are dropped is left out as well.

    Attributes
    ----------
    transformers_ : list of (name, fitted pairwise transformer)
        Fitted clones of the views that are left.
    blocks_ : list of Block
        Which maps belong together, and their names: those of a view with one distance are
        named like the view, those of texture maps like their families.
    n_generated_ : int
        Number of generated images.
    n_maps_ : int
        Number of maps of all views together.
    n_real_ : int
        Number of real images whose columns follow, 0 unless the views have
        `include_real`.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Names of the columns, when they all are strings.

    Examples
    --------
    >>> from gan_isi import DistanceUnion, PairwiseDistanceTransformer, datasets, make_descriptors
    >>> problem = datasets.make_membership_problem(8, n_generated=5, random_state=0)
    >>> descriptors = make_descriptors(["pixels", "pixels_local"])
    >>> real = descriptors.fit_transform(problem.images)
    >>> views = DistanceUnion(
    ...     [
    ...         ("plain", PairwiseDistanceTransformer(families="pixels")),
    ...         ("local", PairwiseDistanceTransformer(families="pixels_local")),
    ...     ]
    ... )
    >>> generated = descriptors.transform(problem.generated)
    >>> views.fit(real, generated=generated, blocks=descriptors.blocks_).transform(real).shape
    (8, 5, 2)
    >>> list(views.get_feature_names_out())
    ['plain', 'local']
    """

    # `generated` is always wanted, so that a plain Pipeline needs no set_fit_request.
    __metadata_request__fit = {"generated": True}  # noqa: RUF012

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"transformer_list": [list, tuple]}

    def __init__(self, transformer_list: list[tuple[str, Any]]) -> None:
        self.transformer_list = transformer_list

    @fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        generated: Any = None,
        blocks: Sequence[Block] | None = None,
    ) -> Self:
        """Fit every view on what describes the images.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_columns)
            What describes the queries.
        y : None
            Ignored.
        generated : array-like of shape (n_generated, n_columns), default=None
            The same of the generated images; None takes `X`.
        blocks : list of Block, default=None
            Which columns are of which family, as the descriptors say (`blocks_`); an
            attack hands them on. None: every view compares all columns.

        Returns
        -------
        self
            Fitted.

        Raises
        ------
        TypeError
            For a part that is no pairwise transformer.
        ValueError
            If no view is left, names repeat, or only some views have `include_real`.
        """
        X = validate_data(self, X, dtype=np.float32)
        if generated is not None:
            generated = check_array(generated, dtype=np.float32, input_name="generated")
        kept = self._kept()
        for name, view in kept:
            if not isinstance(view, BasePairwiseTransformer):
                raise TypeError(
                    f"The view {name!r} has to be a pairwise transformer, such as "
                    f"PairwiseDistanceTransformer; got {view!r}."
                )
        _ = self.include_real  # raises where views disagree
        if blocks is not None:
            kept = [(name, view) for name, view in kept if view._chosen(blocks)]
            if not kept:
                raise ValueError("All families that the views compare are dropped; keep one.")
        with fit_task(self._init_callback_context(), self):
            self.transformers_ = [
                (name, clone(view).fit(X, generated=generated, blocks=blocks))
                for name, view in kept
            ]
        names = [block.name for block in self.blocks_]
        if len(set(names)) < len(names):
            raise ValueError(
                f"Views and families need different names; got {names}. Give one of those that "
                "share a name another one, or drop it."
            )
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Compare every query with every generated image, in every view.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_columns)
            What describes the queries.

        Returns
        -------
        ndarray of shape (n_queries, n_generated, n_maps), float32
            The maps of the views one after the other. With `include_real` the
            distances to the real images of `fit` follow, NaN in all maps where any
            view takes such an image for the query itself.
        """
        check_is_fitted(self, "transformers_")
        X = validate_data(self, X, dtype=np.float32, reset=False)
        bags = np.concatenate([view.transform(X) for _, view in self.transformers_], axis=2)
        if self.n_real_:
            bags[np.isnan(bags).any(axis=2)] = np.nan
        return bags

    def retarget(self, generated: Any) -> Self:
        """Return a fitted copy that compares with other generated images.

        Parameters
        ----------
        generated : array-like of shape (n_generated, n_columns)
            What describes the other generated images.

        Returns
        -------
        DistanceUnion
            The original stays as it is.
        """
        check_is_fitted(self, "transformers_")
        other = copy.copy(self)
        other.transformers_ = [
            (name, view.retarget(generated)) for name, view in self.transformers_
        ]
        return other

    @property
    def include_real(self) -> bool:
        """Whether the views compare with the real images of `fit` as well."""
        values = {name: bool(view.include_real) for name, view in self._kept()}
        if len(set(values.values())) > 1:
            raise ValueError(f"All views need the same include_real; got {values}.")
        return any(values.values())

    @property
    def blocks_(self) -> list[Block]:
        """The maps by view or family."""
        fitted = dict(self.transformers_)
        blocks: list[Block] = []
        for name, _ in self.transformer_list:
            if name not in fitted:  # dropped, or all that it compares
                blocks.append(Block(name, ()))
                continue
            blocks += [
                Block(name, (name,)) if block.name == ONE_MAP else block
                for block in fitted[name].blocks_
            ]
        return blocks

    @property
    def n_generated_(self) -> int:
        """Number of generated images."""
        return self.transformers_[0][1].n_generated_

    @property
    def n_real_(self) -> int:
        """Number of real images that queries are compared with as well."""
        return self.transformers_[0][1].n_real_

    @property
    def n_maps_(self) -> int:
        """Number of maps of all views together."""
        return sum(view.n_maps_ for _, view in self.transformers_)
