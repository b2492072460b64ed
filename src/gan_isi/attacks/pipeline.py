"""The attack as one estimator: descriptors, distances, membership."""

import copy
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.metrics import accuracy_score
from sklearn.pipeline import Pipeline
from sklearn.utils import gen_batches
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._preflight.before_fit import check_before_fit
from .._runtime.progress import CallbackSupportMixin, fit_task, progress_bar, with_callbacks
from .._runtime.sklearn_compat import num_samples, print_elapsed_time, safe_indexing
from .._runtime.whole import in_whole, stage
from .._validation.images import check_finite_pixels
from .._validation.items import as_images, read_once
from .._validation.labels import check_groups, check_used, number_groups
from ..descriptors.transformer import families_of
from .comparison import Comparison
from .steps import STEPS, AttackSteps, fit_membership
from .streaming import closest_bags, emptied

#: Queries compared between two movements of the progress bar.
_QUERIES_SEEN = 16


def _last_step_has(method: str) -> Callable[[Pipeline], bool]:
    return lambda pipeline: hasattr(pipeline._final_estimator, method)


class SourceIdentificationPipeline(AttackSteps, CallbackSupportMixin):
    """The attack: a scikit-learn pipeline that knows the generated images.

    An :term:`attack` is built by :func:`make_pipeline`. A sample is a real image, so that
    scikit-learn's model selection splits by image; the generated images are a parameter, which
    it leaves alone.

    Parameters
    ----------
    steps : list of (name, estimator)
        The steps `descriptors`, `distances` and `membership`. Distances that are
        "passthrough" compare with nothing: the attack is blind.
    generated : array-like or sequence of array-like, default=None
        :term:`Generated <generated>` images, which may be of another size than the real ones.
        `clone` shares them. A pickle of a fitted attack is without them, unless it streams.
    verbose : bool, default=False
        Whether each step prints its time when fitting, and predicting shows a progress
        bar over the queries.
    stream : {"auto"} or bool, default="auto"
        Whether generated images are read a block after the other, of which each query keeps
        the closest ones only: in bounded memory, to the same distances. They are read again to
        predict, so that a pickle holds them. "auto" does so where what describes them takes more
        than scikit-learn's `working_memory`, and the attack looks at no others.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels of images that were not used, and of those that were.
    n_generated_ : int
        Number of generated images that queries are compared with.
    streamed_ : bool
        Whether they are read a block after the other.

    See Also
    --------
    make_pipeline : Build one, with an example.
    """

    # Patients: of use where something is calibrated in folds, else without effect.
    __metadata_request__fit = {"groups": True}  # noqa: RUF012

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    #: As :class:`sklearn.pipeline.Pipeline` has them, which this one does not use.
    transform_input, memory = None, None

    def __init__(
        self,
        steps: list[tuple[str, Any]],
        *,
        generated: Any = None,
        verbose: bool = False,
        stream: bool | str = "auto",
    ) -> None:
        self.steps = steps
        self.generated = generated
        self.verbose = verbose
        self.stream = stream

    @with_callbacks
    def fit(self, X: Any, y: Any = None, *, groups: Any = None) -> Self:
        """Learn from real images of known membership.

        Parameters
        ----------
        X : array-like or sequence of array-like
            Real images, as in :class:`BaseDescriptor`.
        y : array-like of shape (n_queries,)
            Whether each was used to train: booleans, 0/1 or -1/1. Text is refused, since
            which of two words means "used" can't be told.
        groups : array-like of shape (n_queries,), default=None
            Patients, say: the queries of one stay together when calibrating. Attacks that
            calibrate nothing in folds ignore them.

        Returns
        -------
        self
            Fitted.

        Raises
        ------
        ValueError
            For other steps, and without generated images; for other labels, missing ones, one
            class only, another number of them than of images, and patients without a name.
            All before an image is described. Where an intensity does not mean the same in
            real and generated images (a few of each are compared, see
            :func:`gan_isi.audit.preflight`; other differences are warnings).
        """
        self._fit(X, y, groups)
        return self

    @available_if(_last_step_has("predict_proba"))
    @with_callbacks
    def fit_predict_proba(
        self, X: Any, y: Any, candidates: Any, *, groups: Any = None
    ) -> NDArray[np.float64]:
        """Fit, and answer for candidates, reading many generated images only once.

        `fit` and `predict_proba` of an attack that streams read them once each.

        Parameters
        ----------
        X : array-like or sequence of array-like
            Real images of known membership.
        y : array-like of shape (n_queries,)
            Whether each was used to train, as in `fit`.
        candidates : array-like or sequence of array-like
            Real images that are asked about. Nothing is learned from them.
        groups : array-like of shape (n_queries,), default=None
            Patients of the images of known membership, as in `fit`.

        Returns
        -------
        ndarray of shape (n_candidates, 2)
            Membership probabilities, to the bits of ``fit(X, y).predict_proba(candidates)``.

        Raises
        ------
        ValueError
            As in `fit`.
        """
        return self._fit_and_answer(X, y, candidates, groups, "predict_proba")

    def _fit_and_answer(
        self, X: Any, y: Any, candidates: Any, groups: Any, method: str | Callable[[Any], Any]
    ) -> NDArray[Any]:
        candidates = read_once(as_images(candidates))
        bags = self._fit(X, y, groups, candidates)
        return self._in_blocks(method, candidates, {}) if bags is None else self._of(method)(bags)

    def _fit(
        self, X: Any, y: Any, groups: Any, candidates: Any = None
    ) -> NDArray[np.float32] | None:
        """Fit; return bags of the candidates where generated images are streamed, else None."""
        X = read_once(as_images(X))
        n_queries = len(X) if hasattr(X, "__len__") else None
        used, classes = check_used(y, n_queries)
        y = classes[used.astype(np.intp)]
        if groups is not None:
            groups = number_groups(check_groups(groups, len(y)))
        generated = self.check_steps()
        if generated is not None:
            check_finite_pixels(generated, "generated")
            check_before_fit(self, X, y, generated)
        context = self._init_callback_context(max_subtasks=len(STEPS))
        descriptors, _, membership = (step for _, step in self.steps)
        of_candidates = None
        with fit_task(context, self):
            with self._step(context, 0):
                if not isinstance(descriptors, str):
                    descriptors.fit(X)
                vectors = _transformed(descriptors, X)
                self.streamed_ = self.streams(np.shape(vectors)[-1])
                all_at_once = generated is not None and not self.streamed_
                reference = _transformed(descriptors, generated) if all_at_once else None
            with self._step(context, 1):
                if self.streamed_:
                    n = len(vectors)
                    if candidates is not None:
                        vectors = np.concatenate([vectors, _transformed(descriptors, candidates)])
                    bags, of_candidates = np.split(self._closest(vectors, n), [n])
                else:
                    bags = self.fit_distances(vectors, reference)
            del vectors, reference
            with self._step(context, 2), stage("fitting"):
                fit_membership(membership, bags, y, groups, self.blocks_)
        return of_candidates

    @available_if(_last_step_has("predict"))
    def predict(self, X: Any, **params: Any) -> NDArray[Any]:
        """Label of the more probable class of each query.

        Parameters
        ----------
        X : array-like or sequence of array-like
            Query images.
        **params : dict
            Parameters for the last step; ours takes none.

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
            Parameters for the last step; ours takes none.

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
            Parameters for the last step; ours takes none.

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
            Parameters for `predict` of the last step; ours takes none.

        Returns
        -------
        float
            Share of correct answers.
        """
        used, _ = check_used(y, len(X) if hasattr(X, "__len__") else None, both=False)
        called_used = self.predict(X, **params) == self.classes_[1]
        return float(accuracy_score(used, called_used, sample_weight=sample_weight))

    def retarget(self, generated: Any) -> Self:
        """Return a fitted copy that compares queries with other generated images.

        Parameters
        ----------
        generated : array-like or sequence of array-like
            The other generated images.

        Returns
        -------
        SourceIdentificationPipeline
            Shares the descriptors and the classifier with the original, which stays
            as it is. A blind attack says the same as before.

        Raises
        ------
        ValueError
            For retrieval, whose classifier knows the generated images of `fit` one by one.
        """
        check_is_fitted(self)
        descriptors, distances, membership = (step for _, step in self.steps)
        if getattr(membership, "_knows_generated", False):
            raise ValueError(
                f"{type(membership).__name__} knows how close the images not used come to the "
                "generated images of fit only; fit it again, with the others for generated."
            )
        other = copy.copy(self)
        other.generated = generated
        if self.compares:
            assert other.generated is not None
            check_finite_pixels(other.generated.images, "generated")
            other.streamed_ = other.streams(distances.n_features_in_)
            if other.streamed_:
                retargeted = emptied(distances)
            else:
                retargeted = distances.retarget(_transformed(descriptors, other.generated.images))
            other.steps = list(self.steps)
            other.steps[1] = ("distances", retargeted)
        return other

    def _step(self, context: Any, index: int) -> Any:
        name, step = self.steps[index]
        return fit_task(
            context,
            self,
            f"fit-{name}",
            child=step,
            timed=print_elapsed_time("Pipeline", self._log_message(index)),
        )

    def _closest(self, vectors: NDArray[np.float32], n_fitted: int) -> NDArray[np.float32]:
        """Return the bags of the closest generated images, reading all of them."""
        descriptors, distances, _ = (step for _, step in self.steps)
        assert self.n_closest is not None
        asked = Comparison(
            distances, vectors, np.arange(vectors.shape[1]), self.n_closest,
            descriptors.blocks_, n_fitted,
        )  # fmt: skip
        found = closest_bags(
            families_of(descriptors), [asked], self.check_steps(),
            n_jobs=descriptors.n_jobs, memory=descriptors.memory, verbose=self.verbose,
        )  # fmt: skip
        return found[0].bags

    def _of(self, method: str | Callable[[Any], Any]) -> Any:
        return method if callable(method) else getattr(self.steps[-1][1], method)

    def _in_blocks(
        self, method: str | Callable[[Any], Any], X: Any, params: dict[str, Any]
    ) -> NDArray[Any]:
        """Describe all queries, then compare and classify so many that memory is bounded.

        What answers is a method of the last step, or a function of bags.

        The vectors of a query take less room than its picture; its bag, with thousands
        of generated images, does not.
        """
        check_is_fitted(self)
        descriptors, distances, _ = (step for _, step in self.steps)
        answer = self._of(method)
        vectors = _transformed(descriptors, as_images(X))
        if not self.compares:
            return answer(vectors, **params)
        if self.streamed_:
            return answer(self._closest(vectors, 0), **params)
        bag_size = distances.n_generated_ * distances.n_maps_ * np.dtype(np.float32).itemsize
        # Scaled copies in double precision come on top of the distances themselves.
        size = int(get_config()["working_memory"] * 2**20 // (4 * bag_size))
        n_queries = num_samples(vectors)
        verbose = self.verbose or in_whole()
        if verbose:  # else the bar would hardly move
            size = min(size, _QUERIES_SEEN)
        answers = []
        with progress_bar(n_queries, description="compare", unit="query", verbose=verbose) as bar:
            for block in gen_batches(n_queries, max(1, size)):
                bags = distances.transform(safe_indexing(vectors, block))
                answers.append(answer(bags, **params))
                bar.update(len(answers[-1]))
        return np.concatenate(answers)


def _transformed(descriptors: Any, images: Any) -> Any:
    return images if isinstance(descriptors, str) else descriptors.transform(images)
