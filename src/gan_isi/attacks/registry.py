"""The ready-made attacks by name: the paper's, the one we recommend, and simple ones."""

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any, Literal, TypeAlias

from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline as make_sklearn_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from .._validation.images import IntensityRange
from ..descriptors import (
    CLASSICAL_FAMILIES,
    DescriptorUnion,
    PixelDescriptor,
    make_descriptors,
)
from ..distances import (
    DistanceUnion,
    PairwiseDistanceTransformer,
    PairwisePoseTransformer,
    PairwiseTileTransformer,
    PairwiseWassersteinTransformer,
    PairwiseWhitenedTransformer,
)
from ..membership.fusion import FusionRule
from ..membership.generated_rules import EpsilonBall, NearestGenerated, Retrieval
from ..membership.pairs import MembershipClassifier
from ..membership.queries import SummaryClassifier
from ..membership.reference_rules import CalibratedSimilarity, DensityRatio
from ..texture.cdf import DEFAULT_N_LEVELS, Cells
from .pipeline import SourceIdentificationPipeline

Representation: TypeAlias = Literal[
    "pixels", "local_contrast", "ssim", "texture", "local_texture", "deep"
]

#: Of what the simple attacks compare images by: families, and what the union of them takes.
#: A tile of a small picture has few pixels, so that few cells tell its CDF. Of a deep
#: channel's CDF the mean is left: a distance a channel would make bags of gigabytes.
_REPRESENTATIONS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "pixels": (("pixels",), {}),
    "local_contrast": (("pixels_local",), {}),
    "ssim": (("pixels",), {}),
    "texture": (CLASSICAL_FAMILIES, {}),
    "local_texture": (CLASSICAL_FAMILIES, {"n_levels": 8, "grid": 8}),
    "deep": (("deep",), {"n_levels": 1}),
}

#: The rules of the simple attacks; 50 next images, as of Carlini et al. (2023).
_RULES: dict[str, Callable[[], Any]] = {
    "nearest": NearestGenerated,
    "relative_nearest": lambda: NearestGenerated(relative_to=50),
    "epsilon_ball": EpsilonBall,
    "density_ratio": DensityRatio,
    "calibrated_similarity": CalibratedSimilarity,
    "retrieval": Retrieval,
}

#: Names of the attacks.
ATTACKS = ("recommended", "paper", *_RULES, "blind")

#: Names of what the simple attacks may compare images by.
REPRESENTATIONS = tuple(_REPRESENTATIONS)

#: Share of the variance that the blind attack keeps, and side of the pictures it reads.
_BLIND_VARIANCE, _BLIND_SIZE = 0.9, 32

#: The pictures that the recommended attack compares as they are.
_PICTURES = ("pixels", "pixels_local")

#: The views by which few images are told apart best without learning anything.
_RULE_VIEWS = ("dihedral", "poses", "tiles")

#: What only some attacks take.
_TEXTURES = ("families", "n_levels", "cells", "grid", "estimator")
_PAIRS = ("fusion", "top_fraction", "calibrate_fusion", "folds", "max_pairs", "svm")
_SIMPLE = ("representation", "device")
_TAKES = {
    "paper": (*_TEXTURES, *_PAIRS, "device"),
    "recommended": (*_TEXTURES, "device"),
    "blind": ("representation",),
}


def make_pipeline(
    name: str = "paper",
    *,
    generated: Any = None,
    families: Sequence[str] | None = None,
    n_levels: int = DEFAULT_N_LEVELS,
    cells: Cells = "fine_tails",
    grid: int = 1,
    representation: Representation = "pixels",
    intensity_range: IntensityRange = "dtype",
    estimator: Any = None,
    fusion: str | FusionRule = "mean",
    top_fraction: float = 0.05,
    calibrate_fusion: bool = False,
    folds: Literal["refit", "average"] = "refit",
    max_pairs: int | None = None,
    svm: Literal["libsvm", "intelex"] = "libsvm",
    random_state: Any = None,
    n_jobs: int | None = None,
    memory: Any = None,
    verbose: bool = False,
    stream: bool | str = "auto",
    device: str | None = None,
) -> SourceIdentificationPipeline:
    """Build an attack by its name; without one, the paper's best setting.

    That setting is the four classical families (65 maps), a standardised RBF SVM on
    the pairs and the mean over the generated images. In the paper it reached an
    accuracy of 0.535 on 200 test images, which is not significantly above chance
    (one-sided binomial p = 0.18). What we recommend is "recommended": pictures as they
    are, in tiles, and in all poses that training with augmentation makes of them (each is a
    :term:`view`), the distances of each query summarised (:term:`summary`) by its closest
    generated image, and a logistic regression on the queries, which
    leans to a rule as long as there are few (:class:`SummaryClassifier`);
    :doc:`/guide/recommended` has what it was measured against.

    Parameters
    ----------
    name : str, default="paper"
        Name of the attack.

        - "paper": the paper's.
        - "recommended": the one that we recommend.
        - "nearest": :class:`~gan_isi.baselines.NearestGenerated`.
        - "relative_nearest": the same in relation to the next 50 generated images.
        - "epsilon_ball": :class:`~gan_isi.baselines.EpsilonBall`.
        - "density_ratio": :class:`~gan_isi.baselines.DensityRatio`.
        - "calibrated_similarity": :class:`~gan_isi.baselines.CalibratedSimilarity`.
        - "retrieval": :class:`~gan_isi.baselines.Retrieval`.
        - "blind" (:term:`blind attack`): a logistic regression on the principal components
          (90 % of the variance) of what describes the query. It sees no generated image: whatever
          it scores above chance is not membership, but a difference of scanner, site or
          selection between used and other images, and every other attack may live on that
          difference too.
    generated : array-like or sequence of array-like, default=None
        :term:`Generated <generated>` images; None where they are set before `fit`. The blind
        attack ignores them.
    families : sequence of str, default=None
        Texture families of "paper" and "recommended", see :func:`make_descriptors`. None takes
        the four classical ones for "paper", and none for "recommended".
    n_levels : int, default=64
        Number of cells of each map's CDF vector, of the same two.
    cells : {"fine_tails", "equal"}, default="fine_tails"
        Which cells of probability, of the same two, see :class:`BaseDescriptor`.
    grid : int, default=1
        Number of tiles along each side of a map, of the same two, each with a CDF vector of
        its own, see :class:`BaseDescriptor`. The paper's maps are whole.
    representation : str, default="pixels"
        What the other attacks compare images by.

        - "pixels": root mean square difference of the pixels.
        - "local_contrast": the same after local contrast normalisation.
        - "ssim": structural similarity of the pixels.
        - "texture": the 65 classical maps, 1-Wasserstein distances.
        - "local_texture": the same of 8 x 8 tiles of each map (of at least 8 x 8 pixels),
          which see where things are.
        - "deep": cosine distance of the means of ResNet-50's 2048 channels; needs the
          extra "deep".

        The blind attack takes what describes the images; its pictures have 32 x 32 pixels.
    intensity_range : {"dtype", "image"} or tuple (low, high), default="dtype"
        Which intensities become 0 and 1, see :class:`BaseDescriptor`.
    estimator : classifier, default=None
        Classifier of pairs ("paper") or of summaries ("recommended"); None takes
        ``make_pipeline(StandardScaler(), SVC())``, or the logistic regression that leans to
        a rule. Another one gets no rule.
    fusion : {"mean", "median", "max", "logit_mean", "top_mean"} or callable, default="mean"
        How pair probabilities become a score, as the next five for "paper" only, see
        :class:`MembershipClassifier`.
    top_fraction : float, default=0.05
        Share of the generated images that "top_mean" averages.
    calibrate_fusion : bool, default=False
        Whether the fused score is calibrated per query; without it 0.5 means nothing
        for other rules than the mean.
    folds : {"refit", "average"}, default="refit"
        Whether one classifier is fitted, or one a fold whose probabilities are averaged: the
        paper's "5-fold" may mean either, see :class:`MembershipClassifier`.
    max_pairs : int, default=None
        Largest number of pairs to fit on; None takes all.
    svm : {"libsvm", "intelex"}, default="libsvm"
        What fits and evaluates the default `estimator`. "libsvm" fits scikit-learn's SVC, evaluated
        in double precision. "intelex" fits that of scikit-learn-intelex (the extra `intelex`),
        several times faster, in single precision, in which it is evaluated as well
        (:doc:`/howto/large_sets`): with tens of thousands of pairs decision values differ by up to
        4e-3.
    random_state : int, RandomState instance or None, default=None
        Seed of the pairs that are drawn when `max_pairs` is given; nothing else is drawn.
    n_jobs : int, default=None
        Number of parallel jobs of all stages. Changes no result.
    memory : str, path or joblib.Memory, default=None
        Folder of what describes images described before: of each image and each
        family, so that the folds of a search describe nothing twice.
    verbose : bool, default=False
        Whether each step prints its time when fitting, and describing and predicting
        show progress bars.
    stream : {"auto"} or bool, default="auto"
        Whether generated images are read a block after the other, so that a million take no more
        memory than a thousand, see :class:`SourceIdentificationPipeline`. For "recommended"
        without textures, "nearest" and "relative_nearest".
    device : str, default=None
        Where images are compared with generated ones, and where the deep family's network
        runs: a device of PyTorch, such as "cuda:1", or "auto", as for
        :class:`DeepDescriptor`; needs the extra "deep". None compares by numpy. Distances on
        a device equal those of numpy to 1e-4, not to the bit.

    Returns
    -------
    SourceIdentificationPipeline
        Unfitted, with the steps `descriptors`, `distances` and `membership`.

    Raises
    ------
    TypeError
        For a name that is no text, such as images in its place.
    ValueError
        For an unknown name or representation, and for parameters that the attack does not
        take. A device that is not there is found in `fit`.
    ImportError
        For ``svm="intelex"`` without scikit-learn-intelex.

    References
    ----------
    D. Das, J. Zhang, F. Tramèr, "Blind baselines beat membership inference attacks for
    foundation models" (2024), for "blind".

    Examples
    --------
    >>> from gan_isi import datasets, make_pipeline
    >>> problem = datasets.make_membership_problem(20, n_generated=10, random_state=0)
    >>> attack = make_pipeline("recommended", generated=problem.generated)
    >>> attack.fit(problem.images, problem.target).predict_proba(problem.images[:3]).shape
    (3, 2)
    """
    _check_name("name", name, ATTACKS)
    _check_name("representation", representation, REPRESENTATIONS)
    given = {key: value for key, value in locals().items() if key in _REFUSABLE}
    _refuse_what_does_nothing(name, given)
    work: dict[str, Any] = {"n_jobs": n_jobs, "memory": memory, "verbose": verbose}
    described = {"intensity_range": intensity_range, **work}
    textures = {"n_levels": n_levels, "cells": cells, "grid": grid, **described}
    if name == "paper":
        membership: Any = MembershipClassifier(
            _pair_estimator(svm, estimator),
            fusion=fusion,
            top_fraction=top_fraction,
            calibrate_fusion=calibrate_fusion,
            folds=folds,
            max_pairs=max_pairs,
            random_state=random_state,
            n_jobs=n_jobs,
            precision="single" if svm == "intelex" else "double",
        )
        families = CLASSICAL_FAMILIES if families is None else families
        descriptors = make_descriptors(families, **textures)
        distances: Any = PairwiseWassersteinTransformer(n_jobs=n_jobs)
    elif name == "recommended":
        descriptors = _recommended_descriptors(families or (), textures)
        distances = _recommended_distances(n_jobs)
        membership = SummaryClassifier(
            LogisticRegression(C=0.3) if estimator is None else estimator,
            rule=_RULE_VIEWS if estimator is None else (),
        )
    else:
        own, options = _REPRESENTATIONS[representation]
        descriptors = make_descriptors(own, **described, **options)
        if name == "blind":
            distances, membership = "passthrough", _blind_classifier(descriptors)
        else:
            membership = _RULES[name]()
            distances = _distances_of(representation, membership._needs_real, n_jobs)
    if device is not None:
        _set_device(device, descriptors, distances)
    return SourceIdentificationPipeline(
        [("descriptors", descriptors), ("distances", distances), ("membership", membership)],
        generated=generated,
        verbose=verbose,
        stream=stream,
    )


_REFUSABLE = {
    key: signature(make_pipeline).parameters[key].default for key in (*_TEXTURES, *_PAIRS, *_SIMPLE)
}


def _pair_estimator(svm: str, estimator: Any) -> Any:
    _check_name("svm", svm, ("libsvm", "intelex"))
    if svm == "libsvm":
        return make_sklearn_pipeline(StandardScaler(), SVC()) if estimator is None else estimator
    if estimator is not None:
        raise ValueError(
            f'svm="intelex" names the classifier of pairs, and so does estimator={estimator!r}; '
            "leave one of them out."
        )
    try:
        from sklearnex.svm import SVC as IntelexSVC
    except ImportError as error:
        raise ImportError(
            'svm="intelex" needs scikit-learn-intelex: pip install "gan-isi[intelex]"'
        ) from error
    return make_sklearn_pipeline(StandardScaler(), IntelexSVC())


def _set_device(device: str, descriptors: DescriptorUnion, distances: Any) -> None:
    for steps in (descriptors, distances):
        own = [name for name in steps.get_params() if name.rpartition("__")[2] == "device"]
        steps.set_params(**dict.fromkeys(own, device))


def _refuse_what_does_nothing(name: str, given: dict[str, Any]) -> None:
    takes = _TAKES.get(name, _SIMPLE)
    changed = [key for key, usual in _REFUSABLE.items() if given[key] is not usual]
    useless = [key for key in changed if key not in takes and given[key] != _REFUSABLE[key]]
    if useless:
        raise ValueError(
            f"The attack {name!r} does not take {', '.join(useless)}, which would do nothing; of "
            f"these parameters it takes {', '.join(takes)}."
        )


def _recommended_descriptors(families: Sequence[str], options: dict[str, Any]) -> DescriptorUnion:
    families = [families] if isinstance(families, str) else list(families)
    known = make_descriptors([*_PICTURES, *families], **options)
    known.transformer_list[len(_PICTURES) : len(_PICTURES)] = [
        ("pixels_small", PixelDescriptor(size=32, contrast="local")),
        ("pixels_tiny", PixelDescriptor(size=8, contrast="global")),
    ]
    return known


def _recommended_distances(n_jobs: int | None) -> DistanceUnion:
    views: list[tuple[str, Any]] = [
        (name, PairwiseDistanceTransformer(families=name, n_jobs=n_jobs)) for name in _PICTURES
    ]
    turned = PairwisePoseTransformer(
        angles=(0,), zooms=(1,), max_shift=0, families="pixels_local", n_jobs=n_jobs
    )
    views.append(("dihedral", turned))
    views.append(("poses", PairwisePoseTransformer(families="pixels_small", n_jobs=n_jobs)))
    in_place = PairwiseTileTransformer(max_shift=0, families="pixels_local", n_jobs=n_jobs)
    views.append(("tiles", in_place))
    views.append(("whitened", PairwiseWhitenedTransformer(families="pixels_tiny", n_jobs=n_jobs)))
    # Of the families that there are: none, unless some are given.
    return DistanceUnion([*views, ("texture", PairwiseWassersteinTransformer(n_jobs=n_jobs))])


def _distances_of(representation: str, include_real: bool, n_jobs: int | None) -> Any:
    if representation in ("texture", "local_texture"):
        return PairwiseWassersteinTransformer(include_real=include_real, n_jobs=n_jobs)
    metric = {"ssim": "ssim", "deep": "cosine"}.get(representation, "euclidean")
    return PairwiseDistanceTransformer(metric, include_real=include_real, n_jobs=n_jobs)


def _blind_classifier(descriptors: DescriptorUnion) -> Any:
    for name, family in descriptors.transformer_list:
        if name.startswith("pixels"):
            family.set_params(size=_BLIND_SIZE)
    # What learns from all queries is one step: who describes them once and splits them
    # afterwards (the audit) must not hand it the queries that it is tested on.
    return make_sklearn_pipeline(
        StandardScaler(), PCA(n_components=_BLIND_VARIANCE), LogisticRegression(max_iter=1000)
    )


def _check_name(parameter: str, name: Any, known: Sequence[str]) -> None:
    if not isinstance(name, str):
        raise TypeError(
            f"{parameter} has to be one of {list(known)}; got {type(name).__name__}. Generated "
            "images are given by name, generated=images."
        )
    if name not in known:
        raise ValueError(f"{parameter} has to be one of {list(known)}; got {name!r}.")
