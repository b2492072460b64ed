"""Simple attacks by their names: what describes the images, and the rule."""

from typing import Any, Literal, TypeAlias

from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline as make_sklearn_pipeline
from sklearn.preprocessing import StandardScaler

from .._validation.images import IntensityRange
from ..descriptors import DeepDescriptor, PixelDescriptor, make_descriptors
from ..distances import PairwiseDistanceTransformer, PairwiseWassersteinTransformer
from ..membership.generated_rules import EpsilonBall, NearestGenerated, Retrieval
from ..membership.reference_rules import CalibratedSimilarity, DensityRatio
from ..texture.cdf import DEFAULT_N_LEVELS
from .pipeline import SourceIdentificationPipeline
from .special import BlindPipeline, RetrievalPipeline

Representation: TypeAlias = Literal[
    "pixels", "local_contrast", "ssim", "texture", "local_texture", "deep"
]

#: Names of what `make_baseline` makes.
BASELINES = (
    "nearest",
    "relative_nearest",
    "epsilon_ball",
    "density_ratio",
    "calibrated_similarity",
    "retrieval",
    "blind",
)

#: Names of what images may be compared by.
REPRESENTATIONS = ("pixels", "local_contrast", "ssim", "texture", "local_texture", "deep")

#: Next closest images that "relative_nearest" sets the closest one in relation to.
_N_RELATIVE = 50

#: Tiles along each side of a texture map, and cells of each tile's CDF vector: a tile of
#: a small picture has few pixels.
_GRID, _TILE_N_LEVELS = 8, 8

#: Of a deep channel's CDF vector: its mean. A distance a channel would make bags of 2048
#: maps, gigabytes for a few hundred queries.
_DEEP_N_LEVELS = 1

#: Share of the variance that the blind attack keeps, and side of the pictures it reads.
_BLIND_VARIANCE, _BLIND_SIZE = 0.9, 32


def make_baseline(
    name: str,
    *,
    representation: Representation = "pixels",
    intensity_range: IntensityRange = "dtype",
    n_jobs: int | None = None,
    memory: Any = None,
) -> SourceIdentificationPipeline:
    """Build a simple attack to compare with.

    Parameters
    ----------
    name : str
        - "nearest": :class:`NearestGenerated`.
        - "relative_nearest": the same in relation to the next 50 generated images.
        - "epsilon_ball": :class:`EpsilonBall`.
        - "density_ratio": :class:`DensityRatio`.
        - "calibrated_similarity": :class:`CalibratedSimilarity`.
        - "retrieval": :class:`Retrieval`.
        - "blind": see :func:`make_blind`.
    representation : str, default="pixels"
        - "pixels": root mean square difference of the pixels.
        - "local_contrast": the same after local contrast normalisation.
        - "ssim": structural similarity of the pixels.
        - "texture": the 65 classical maps, 1-Wasserstein distances.
        - "local_texture": the same of 8 x 8 tiles of each map (of at least 8 x 8 pixels),
          which see where things are.
        - "deep": cosine distance of the means of ResNet-50's 2048 channels; needs the
          extra "deep".
    intensity_range : {"dtype", "image"} or tuple (low, high), default="dtype"
        Which intensities become 0 and 1, see :class:`~gan_isi.BaseDescriptor`.
    n_jobs : int, default=None
        Number of parallel jobs. Changes no result.
    memory : str, path or joblib.Memory, default=None
        Where to keep what describes the images, see :class:`~gan_isi.BaseDescriptor`.

    Returns
    -------
    SourceIdentificationPipeline
        Unfitted, with the steps `descriptors`, `distances` (not if blind) and
        `membership`.

    Raises
    ------
    ValueError
        For unknown names, with those that there are.

    Examples
    --------
    >>> from gan_isi import baselines, datasets
    >>> problem = datasets.make_membership_problem(20, n_generated=30, random_state=0)
    >>> attack = baselines.make_baseline("relative_nearest")
    >>> attack = attack.fit(problem.images, problem.target, generated=problem.generated)
    >>> attack.predict_proba(problem.images).shape
    (20, 2)
    """
    _check_name("name", name, BASELINES)
    if name == "blind":
        return make_blind(
            representation=representation,
            intensity_range=intensity_range,
            n_jobs=n_jobs,
            memory=memory,
        )
    rules: dict[str, Any] = {
        "nearest": NearestGenerated(),
        "relative_nearest": NearestGenerated(relative_to=_N_RELATIVE),
        "epsilon_ball": EpsilonBall(),
        "density_ratio": DensityRatio(),
        "calibrated_similarity": CalibratedSimilarity(),
        "retrieval": Retrieval(),
    }
    rule = rules[name]
    steps = [
        ("descriptors", _make_descriptors(representation, intensity_range, n_jobs, memory)),
        ("distances", _make_distances(representation, rule._needs_real, n_jobs)),
        ("membership", rule),
    ]
    kind = RetrievalPipeline if name == "retrieval" else SourceIdentificationPipeline
    return kind(steps, transform_input=["generated"])


def make_blind(
    *,
    representation: Representation = "pixels",
    intensity_range: IntensityRange = "dtype",
    n_jobs: int | None = None,
    memory: Any = None,
) -> BlindPipeline:
    """Build an attack that sees no generated image at all.

    A logistic regression on the principal components (90 % of the variance) of what
    describes the query itself. It takes `generated` in `fit` and ignores it. Whatever it
    scores above chance is no membership: used and unused images differ by scanner, site
    or selection, and every other attack may live on that difference too.

    Parameters
    ----------
    representation : str, default="pixels"
        What describes a query, see :func:`make_baseline`; "ssim" is "pixels" here, and
        pictures have 32 x 32 pixels.
    intensity_range : {"dtype", "image"} or tuple (low, high), default="dtype"
        Which intensities become 0 and 1, see :class:`~gan_isi.BaseDescriptor`.
    n_jobs : int, default=None
        Number of parallel jobs. Changes no result.
    memory : str, path or joblib.Memory, default=None
        Where to keep what describes the images, see :class:`~gan_isi.BaseDescriptor`.

    Returns
    -------
    BlindPipeline
        A :class:`~gan_isi.SourceIdentificationPipeline` with the steps `descriptors` and
        `membership`, unfitted.

    Raises
    ------
    ValueError
        For an unknown representation, with those that there are.

    References
    ----------
    D. Das, J. Zhang, F. Tramèr, "Blind baselines beat membership inference attacks for
    foundation models" (2024).

    Examples
    --------
    >>> from gan_isi import baselines, datasets
    >>> problem = datasets.make_membership_problem(20, n_generated=30, random_state=0)
    >>> blind = baselines.make_blind().fit(problem.images, problem.target)
    >>> blind.predict(problem.images).shape
    (20,)
    """
    # What learns from all queries is one step: who describes them once and splits them
    # afterwards (the audit) must not hand it the queries that it is tested on.
    classifier = make_sklearn_pipeline(
        StandardScaler(), PCA(n_components=_BLIND_VARIANCE), LogisticRegression(max_iter=1000)
    )
    descriptors = _make_descriptors(representation, intensity_range, n_jobs, memory)
    if isinstance(descriptors, PixelDescriptor):
        descriptors.set_params(size=_BLIND_SIZE)
    return BlindPipeline([("descriptors", descriptors), ("membership", classifier)])


def _make_descriptors(
    representation: str, intensity_range: IntensityRange, n_jobs: int | None, memory: Any
) -> Any:
    _check_name("representation", representation, REPRESENTATIONS)
    options: dict[str, Any] = {
        "intensity_range": intensity_range,
        "n_jobs": n_jobs,
        "memory": memory,
    }
    if representation == "texture":
        return make_descriptors(**options)
    if representation == "local_texture":
        return make_descriptors(n_levels=_TILE_N_LEVELS, grid=_GRID, **options)
    if representation == "deep":
        return DeepDescriptor(n_levels=_DEEP_N_LEVELS, **options)
    if representation == "local_contrast":
        return PixelDescriptor(contrast="local", **options)
    return PixelDescriptor(**options)


def _make_distances(representation: str, include_real: bool, n_jobs: int | None) -> Any:
    n_columns = {"texture": DEFAULT_N_LEVELS, "local_texture": _GRID**2 * _TILE_N_LEVELS}
    if representation in n_columns:
        return PairwiseWassersteinTransformer(
            n_levels=n_columns[representation], include_real=include_real, n_jobs=n_jobs
        )
    metric = {"ssim": "ssim", "deep": "cosine"}.get(representation, "euclidean")
    return PairwiseDistanceTransformer(metric, include_real=include_real, n_jobs=n_jobs)


def _check_name(parameter: str, name: Any, known: tuple[str, ...]) -> None:
    if name not in known:
        raise ValueError(f"{parameter} has to be one of {list(known)}; got {name!r}.")
