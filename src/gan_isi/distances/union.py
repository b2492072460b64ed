"""Several distances side by side: the maps of all branches in one bag."""

import copy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import TransformerMixin, _fit_context, clone
from sklearn.pipeline import Pipeline
from sklearn.utils._repr_html.estimator import _VisualBlock
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import _num_samples, check_is_fitted

from .._generated import check_generated
from .._runtime.pickling import VersionedPickleMixin
from .._runtime.progress import CallbackSupportMixin, fit_task


class DistanceUnion(CallbackSupportMixin, VersionedPickleMixin, TransformerMixin, _BaseComposition):
    """Bags of several branches with their maps side by side.

    As :class:`sklearn.pipeline.FeatureUnion`, for distances: each branch describes the
    same images in its own way and compares them by its own measure. It takes the images
    themselves, and stands alone for the steps `descriptors` and `distances`.

    Parameters
    ----------
    transformer_list : list of (name, branch)
        A branch is a pairwise transformer, such as
        :class:`PairwiseDistanceTransformer`, or a :class:`sklearn.pipeline.Pipeline`
        that ends in one and begins with descriptors. "drop" leaves a branch out.

    Attributes
    ----------
    transformers_ : list of (name, fitted branch)
        Without those that are dropped.
    n_generated_ : int
        Number of generated images.
    n_maps_ : int
        Number of maps of all branches together.
    map_groups_ : list of (name, slice)
        Which maps come from which branch.
    n_real_ : int
        Number of real images whose columns follow, 0 unless the branches have
        `include_real`.
    n_features_in_ : int
        Number of columns, when `fit` saw a two-dimensional array.
    feature_names_in_ : ndarray of str
        Names of these columns, when they all are strings.

    Examples
    --------
    >>> from sklearn.pipeline import Pipeline
    >>> from gan_isi import (
    ...     DistanceUnion,
    ...     PairwiseDistanceTransformer,
    ...     PixelDescriptor,
    ...     datasets,
    ... )
    >>> def branch(contrast):
    ...     return Pipeline(
    ...         [
    ...             ("descriptors", PixelDescriptor(size=16, contrast=contrast)),
    ...             ("distances", PairwiseDistanceTransformer()),
    ...         ]
    ...     )
    >>> problem = datasets.make_membership_problem(8, n_generated=5, random_state=0)
    >>> union = DistanceUnion([("plain", branch("none")), ("local", branch("local"))])
    >>> union.fit(problem.images, generated=problem.generated).transform(problem.images).shape
    (8, 5, 2)
    >>> union.map_groups_
    [('plain', slice(0, 1, None)), ('local', slice(1, 2, None))]
    """

    # `generated` is always wanted, so that a plain Pipeline needs no set_fit_request.
    __metadata_request__fit = {"generated": True}  # noqa: RUF012

    _parameter_constraints: dict[str, list[Any]] = {"transformer_list": [list, tuple]}  # noqa: RUF012
    _required_parameters = ["transformer_list"]  # noqa: RUF012

    def __init__(self, transformer_list: list[tuple[str, Any]]) -> None:
        self.transformer_list = transformer_list

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the union and, by name, of its branches.

        Parameters
        ----------
        deep : bool, default=True
            Whether those of the branches are included.

        Returns
        -------
        dict
            Values by name.
        """
        return self._get_params("transformer_list", deep=deep)

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the branches, or whole branches, by name.

        Parameters
        ----------
        **params : dict
            Such as ``pixels__descriptors__size=32`` or ``pixels="drop"``.

        Returns
        -------
        self
            Itself.
        """
        self._set_params("transformer_list", **params)
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, *, generated: Any = None) -> Self:
        """Fit every branch on the images.

        Parameters
        ----------
        X : array-like or sequence of array-like
            Real images, or rows that all branches compare as they are.
        y : None
            Ignored.
        generated : array-like, sequence, or 1-tuple of either, default=None
            The generated images; None takes `X`.

        Returns
        -------
        self
            Fitted.

        Raises
        ------
        ValueError
            If no branch is left, names repeat, or only some branches have
            `include_real`.
        TypeError
            For a branch that does not end in a pairwise transformer.
        """
        self._fit(X, generated)
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    def fit_transform(self, X: Any, y: Any = None, *, generated: Any = None) -> NDArray[np.float32]:
        """Fit every branch and compare the same images, described once.

        Parameters
        ----------
        X : array-like or sequence of array-like
            Real images, or rows that all branches compare as they are.
        y : None
            Ignored.
        generated : array-like, sequence, or 1-tuple of either, default=None
            The generated images; None takes `X`.

        Returns
        -------
        ndarray of shape (n_queries, n_generated, n_maps), float32
            As from `transform`.
        """
        rows = self._fit(X, generated)
        parts = [
            split_branch(branch)[1].transform(row)
            for (_, branch), row in zip(self.transformers_, rows, strict=True)
        ]
        return _side_by_side(parts)

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Compare every query with every generated image, in every branch.

        Parameters
        ----------
        X : array-like or sequence of array-like
            Query images, as in `fit`.

        Returns
        -------
        ndarray of shape (n_queries, n_generated, n_maps), float32
            The maps of the branches one after the other. With `include_real` the
            distances to the real images of `fit` follow, NaN in all maps where any
            branch takes such an image for the query itself.
        """
        check_is_fitted(self, "transformers_")
        parts = [
            after.transform(before.transform(X) if before is not None else X)
            for before, after in (split_branch(branch) for _, branch in self.transformers_)
        ]
        return _side_by_side(parts)

    def retarget(self, generated: Any) -> Self:
        """Return a fitted copy that compares with other generated images.

        Parameters
        ----------
        generated : array-like, sequence, or 1-tuple of either
            The other generated images.

        Returns
        -------
        DistanceUnion
            The original stays as it is.
        """
        check_is_fitted(self, "transformers_")
        generated = check_generated(generated)
        other = copy.copy(self)
        other.transformers_ = []
        for name, branch in self.transformers_:
            before, after = split_branch(branch)
            rows = generated if before is None else before.transform(generated)
            other.transformers_.append((name, _join(before, after.retarget((rows,)), branch)))
        return other

    def set_output(self, *, transform: Any = None) -> Self:
        """Do nothing: bags are three-dimensional and stay arrays.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            Ignored.

        Returns
        -------
        self
            Itself.
        """
        return self

    @property
    def include_real(self) -> bool:
        """Whether the branches compare with the real images of `fit` as well."""
        values = {
            name: bool(getattr(split_branch(branch)[1], "include_real", False))
            for name, branch in self.transformer_list
            if branch != "drop"
        }
        if len(set(values.values())) > 1:
            raise ValueError(f"All branches need the same include_real; got {values}.")
        return any(values.values())

    @property
    def n_generated_(self) -> int:
        """Number of generated images."""
        return self._fitted_parts()[0][1].n_generated_

    @property
    def n_real_(self) -> int:
        """Number of real images that queries are compared with as well."""
        return getattr(self._fitted_parts()[0][1], "n_real_", 0)

    @property
    def n_maps_(self) -> int:
        """Number of maps of all branches together."""
        return self.map_groups_[-1][1].stop

    @property
    def map_groups_(self) -> list[tuple[str, slice]]:
        """Name of each branch, and which maps are its own."""
        groups, start = [], 0
        for name, part in self._fitted_parts():
            groups.append((name, slice(start, start + part.n_maps_)))
            start += part.n_maps_
        return groups

    @property
    def n_features_in_(self) -> int:
        """Number of columns, when `fit` saw a two-dimensional array."""
        return self._first_step().n_features_in_

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """Names of the columns, when `fit` saw names that all are strings."""
        return self._first_step().feature_names_in_

    def _fit(self, X: Any, generated: Any) -> list[Any]:
        """Fit clones of the branches; return what describes the images in each."""
        self._check_branches()
        if generated is not None:
            generated = check_generated(generated, _num_samples(X))
        fitted, rows = [], []
        with fit_task(self._init_callback_context(), self):
            for name, branch in self.transformer_list:
                if branch == "drop":
                    continue
                before, after = split_branch(clone(branch))
                described, reference = X, generated
                if before is not None:
                    described = before.fit(X).transform(X)
                    reference = None if generated is None else before.transform(generated)
                # In a tuple: the lengths were compared above, with the images.
                after.fit(described, generated=None if reference is None else (reference,))
                fitted.append((name, _join(before, after, branch)))
                rows.append(described)
        self.transformers_ = fitted
        return rows

    def _check_branches(self) -> None:
        pairs = list(self.transformer_list)
        names = [name for name, _ in pairs]
        self._validate_names(names)
        kept = [(name, branch) for name, branch in pairs if branch != "drop"]
        if not kept:
            raise ValueError(f"At least one branch is needed; got transformer_list={pairs!r}.")
        for name, branch in kept:
            last = split_branch(branch)[1]
            if not (hasattr(last, "retarget") and hasattr(last, "transform")):
                raise TypeError(
                    f"The branch {name!r} has to be a pairwise transformer (such as "
                    "PairwiseDistanceTransformer), or a Pipeline that ends in one; got "
                    f"{type(last).__name__}."
                )
        _ = self.include_real  # raises where branches disagree

    def _fitted_parts(self) -> list[tuple[str, Any]]:
        # An AttributeError where nothing is fitted, so that hasattr tells.
        return [(name, split_branch(branch)[1]) for name, branch in self.transformers_]

    def _first_step(self) -> Any:
        branch = self.transformers_[0][1]
        return branch.steps[0][1] if isinstance(branch, Pipeline) else branch

    def _sk_visual_block_(self) -> Any:
        names, branches = zip(*self.transformer_list, strict=True)
        return _VisualBlock("parallel", branches, names=names)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def split_branch(branch: Any) -> tuple[Pipeline | None, Any]:
    """Return what describes the images (None: nothing does), and what compares them.

    Parameters
    ----------
    branch : Pipeline or pairwise transformer
        Of a :class:`DistanceUnion`.

    Returns
    -------
    before : Pipeline or None
    after : pairwise transformer
    """
    if not isinstance(branch, Pipeline):
        return None, branch
    return (branch[:-1] if len(branch) > 1 else None), branch.steps[-1][1]


def _join(before: Pipeline | None, after: Any, like: Any) -> Any:
    """Put the two parts together as they were in the branch `like`."""
    if not isinstance(like, Pipeline):
        return after
    steps = [] if before is None else list(before.steps)
    joined = copy.copy(like)
    joined.steps = [*steps, (like.steps[-1][0], after)]
    return joined


def _side_by_side(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    bags = np.concatenate(parts, axis=2)
    bags[np.isnan(bags).any(axis=2)] = np.nan
    return bags
