"""The attack as one estimator: descriptors, distances, membership."""

import copy
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context, get_config
from sklearn.metrics import accuracy_score
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, gen_batches
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples, check_is_fitted

from .._generated import check_generated
from .._preflight.before_fit import check_before_fit
from .._runtime.pickling import VersionedPickleMixin
from .._runtime.progress import progress_bar
from .._validation.images import check_finite_pixels
from .._validation.items import as_images
from .._validation.labels import check_groups, check_used, number_groups

#: Queries compared between two movements of the progress bar.
_QUERIES_SEEN = 16


def _last_step_has(method: str) -> Callable[[Pipeline], bool]:
    return lambda pipeline: hasattr(pipeline._final_estimator, method)


class SourceIdentificationPipeline(VersionedPickleMixin, Pipeline):
    """The attack: a scikit-learn pipeline that knows the generated images.

    Built by :func:`make_pipeline`, with the steps `descriptors`, `distances` and
    `membership`. A sample is a query image, so that scikit-learn's model selection
    splits by query. `fit` hands the generated images through the descriptors to the
    distances; no configuration is needed.

    Parameters
    ----------
    steps : list of (name, estimator)
        As for :class:`sklearn.pipeline.Pipeline`.
    transform_input : list of str, default=None
        Arguments of `fit` that go through the preceding steps; has to hold
        "generated".
    memory : str or joblib.Memory, default=None
        As for :class:`sklearn.pipeline.Pipeline`.
    verbose : bool, default=False
        Whether each step prints its time when fitting, and predicting shows a progress
        bar over the queries.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels of images that were not used, and of those that were.
    n_generated_ : int
        Number of generated images that queries are compared with.

    See Also
    --------
    make_pipeline : Build one, with an example.
    """

    def fit(self, X: Any, y: Any = None, *, generated: Any = None, groups: Any = None) -> Self:
        """Learn from real images of known membership.

        Parameters
        ----------
        X : array-like or sequence of array-like
            Real images, as in :class:`BaseDescriptor`.
        y : array-like of shape (n_queries,)
            Whether each was used to train: booleans, 0/1 or -1/1. Text is refused, since
            which of two words means "used" can't be told.
        generated : array-like, sequence, or 1-tuple of either
            Images that the generator made; they may be of another size. Inside
            scikit-learn's model selection write the tuple, ``generated=(images,)``:
            an argument as long as `X` would be sliced.
        groups : array-like of shape (n_queries,), default=None
            Patients, say: the queries of one stay together when calibrating.

        Returns
        -------
        self
            Fitted.

        Raises
        ------
        ValueError
            For missing generated images, or as many of them as queries outside a tuple;
            for other labels, missing ones, one class only, another number of them than of
            images, and patients without a name. All before an image is described. Where an
            intensity does not mean the same in real and generated images (a few of each are
            compared, see :func:`gan_isi.audit.preflight`; other differences are warnings).
        """
        X = as_images(X)
        n_queries = len(X) if hasattr(X, "__len__") else None
        if hasattr(self._final_estimator, "predict"):  # not a slice without the classifier
            used, classes = check_used(y, n_queries)
            y = classes[used.astype(np.intp)]
        if groups is not None and n_queries is not None:
            groups = number_groups(check_groups(groups, n_queries))
        if "distances" not in self.named_steps:
            return super().fit(X, y)
        if generated is None:
            raise ValueError(
                "fit needs the generated images: attack.fit(real, used, generated=generated). In "
                "model selection: search.fit(real, used, generated=(generated,)) or "
                "cross_val_predict(..., params={'generated': (generated,)})."
            )
        generated = check_generated(generated, n_queries)
        check_finite_pixels(generated, "generated")
        self._check_levels()
        check_before_fit(self, X, y, generated)
        params = {"generated": (generated,)}
        if groups is not None:
            params["groups"] = groups
        with config_context(enable_metadata_routing=True):
            return super().fit(X, y, **params)

    @available_if(_last_step_has("predict"))
    def predict(self, X: Any, **params: Any) -> NDArray[Any]:
        """Label of the more probable class of each query.

        Parameters
        ----------
        X : array-like or sequence of array-like
            Query images.
        **params : dict
            For the last step; ours takes none.

        Returns
        -------
        ndarray of shape (n_queries,)
            Labels out of `classes_`.
        """
        return self._in_blocks("predict", X, params)

    @available_if(_last_step_has("predict_proba"))
    def predict_proba(self, X: Any, **params: Any) -> NDArray[np.float64]:
        """Membership probability of each query.

        Parameters
        ----------
        X : array-like or sequence of array-like
            Query images.
        **params : dict
            For the last step; ours takes none.

        Returns
        -------
        ndarray of shape (n_queries, 2)
            Columns in the order of `classes_`: not used, used.
        """
        return self._in_blocks("predict_proba", X, params)

    @available_if(_last_step_has("decision_function"))
    def decision_function(self, X: Any, **params: Any) -> NDArray[np.float64]:
        """Log-odds of membership of each query.

        Parameters
        ----------
        X : array-like or sequence of array-like
            Query images.
        **params : dict
            For the last step; ours takes none.

        Returns
        -------
        ndarray of shape (n_queries,)
            Positive means "used".
        """
        return self._in_blocks("decision_function", X, params)

    @available_if(_last_step_has("predict_pair_proba"))
    def predict_pair_proba(self, X: Any) -> NDArray[np.float64]:
        """Probability, for every generated image, that the query was used for it.

        Parameters
        ----------
        X : array-like or sequence of array-like
            Query images.

        Returns
        -------
        ndarray of shape (n_queries, n_generated)
            The paper's pair question; `predict_proba` fuses the rows.
        """
        return self._in_blocks("predict_pair_proba", X, {})

    @available_if(_last_step_has("predict"))
    def score(self, X: Any, y: Any = None, sample_weight: Any = None, **params: Any) -> float:
        """Accuracy over the queries.

        Parameters
        ----------
        X : array-like or sequence of array-like
            Query images.
        y : array-like of shape (n_queries,)
            Whether each was used: booleans, 0/1 or -1/1.
        sample_weight : array-like of shape (n_queries,), default=None
            Weights of the queries.
        **params : dict
            For `predict` of the last step; ours takes none.

        Returns
        -------
        float
            Share of correct answers.
        """
        used, _ = check_used(y, len(X) if hasattr(X, "__len__") else None, both=False)
        called_used = self.predict(X, **params) == self.classes_[1]
        return float(accuracy_score(used, called_used, sample_weight=sample_weight))

    def _in_blocks(self, method: str, X: Any, params: dict[str, Any]) -> NDArray[Any]:
        """Describe all queries, then compare and classify so many that memory is bounded.

        The vectors of a query take less room than its picture; its bag, with thousands
        of generated images, does not.
        """
        check_is_fitted(self)
        answer = getattr(self._final_estimator, method)
        names = [name for name, _ in self.steps]
        if "distances" not in names:
            return answer(self[:-1].transform(X), **params)
        position = names.index("distances")
        vectors = self[:position].transform(X) if position else X
        distances = self.named_steps["distances"]
        bag_size = distances.n_generated_ * distances.n_maps_ * np.dtype(np.float32).itemsize
        # Scaled copies in double precision come on top of the distances themselves.
        size = int(get_config()["working_memory"] * 2**20 // (4 * bag_size))
        n_queries = _num_samples(vectors)
        if self.verbose and position:  # else the bar would hardly move
            size = min(size, _QUERIES_SEEN)
        after = self[position:-1]
        answers = []
        with progress_bar(
            n_queries, description="compare", unit="query", verbose=self.verbose
        ) as bar:
            for block in gen_batches(n_queries, max(1, size)):
                answers.append(answer(after.transform(_safe_indexing(vectors, block)), **params))
                bar.update(len(answers[-1]))
        return np.concatenate(answers)

    def retarget(self, generated: Any) -> Self:
        """Return a fitted copy that compares queries with other generated images.

        Parameters
        ----------
        generated : array-like, sequence, or 1-tuple of either
            The other generated images.

        Returns
        -------
        SourceIdentificationPipeline
            Shares the descriptors and the classifier with the original, which stays
            as it is.
        """
        check_is_fitted(self)
        position = [name for name, _ in self.steps].index("distances")
        generated = check_generated(generated)
        check_finite_pixels(generated, "generated")
        vectors = self[:position].transform(generated) if position else generated
        other = copy.copy(self)
        other.steps = list(self.steps)
        other.steps[position] = ("distances", self.named_steps["distances"].retarget(vectors))
        return other

    @property
    def n_generated_(self) -> int:
        """Number of generated images that queries are compared with."""
        return self.named_steps["distances"].n_generated_

    def _check_levels(self) -> None:
        """Refuse descriptors whose vectors the distances would cut at wrong places."""
        if "descriptors" not in self.named_steps:
            return
        wanted = self.named_steps["distances"].get_params().get("n_levels")
        descriptors = self.named_steps["descriptors"]
        families = getattr(descriptors, "transformer_list", [("descriptors", descriptors)])
        for name, family in families:
            if wanted is None or not hasattr(family, "n_levels"):
                continue
            n_levels, grid = family.n_levels, getattr(family, "grid", 1)
            if grid * grid * n_levels != wanted:
                tiles = f" for each of {grid} x {grid} tiles" if grid > 1 else ""
                raise ValueError(
                    f"The family {name!r} has n_levels={n_levels}{tiles}, but the distances have "
                    f"n_levels={wanted}; all have to agree (make_pipeline(n_levels=...))."
                )
        if families and all(isinstance(family, str) for _, family in families):
            raise ValueError("All descriptor families are dropped; keep at least one.")
