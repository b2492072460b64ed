"""Attacks of other packages on the same images, in the same folds, beside ours.

    python benchmarks/peers.py [--folder FOLDER] [--seeds N] [--only NAME ...]

FOLDER holds cxr64_ddpm/ and cxr64_ddpm_aug/. A package that is not there is named and left out;
none of them is needed by anything else here. Each gets pixels as rows, both 0 to 255 and 0 to 1
where that matters. Those that compare with a reference get the images of the training part that
were not used, and no others. Called, in one environment of numpy 1.26 (for clearbox-sure):

- ai-privacy-toolkit 0.2.1: the k-nearest attack with its defaults (k = 5). Its check whether the
  distributions are alike raises TypeError on arrays with its defaults, so that its steps are
  called one by one. Import needs adversarial-robustness-toolbox, six and torch.
- domias 0.0.5: functions of `domias.baselines`, since `evaluate_performance` asks for a generator
  that it can train. Its densities (`kde_baseline`) fail on pixels: there are more than images.
- synthyverse 0.2.7: DOMIAS on principal components, DPI and the classifier. `evaluate` splits the
  images itself and returns no scores, so that they come from `_membership_scores`. With as few
  images as here, DOMIAS fails with its default of 99 % of the variance on an error that it does
  not expect; the next shares that it would try itself are tried then.
- clearbox-sure 0.2.16: the distance to the closest record, which its
  `membership_inference_test` compares with thresholds.
- imagededup 0.3.3.post2: the smallest Hamming distance of perceptual hashes. It finds duplicates
  and does not call itself an attack.

Not called: synth-mia, fld, dgm-eval and tapas-privacy are not on the index; synthcity 0.2.12 asks
for torch < 2.3; m3-score 0.1.0 and torch-fidelity 0.4.0 download weights when they run, and say
numbers of a set; sdmetrics, syntheval, mostlyai-qa and anonymeter say numbers of a set, too, and
none of each record; privacy-meter and mia attack a model.
"""

from functools import partial
from importlib import import_module
from pathlib import Path
from time import process_time
from warnings import catch_warnings, simplefilter

import numpy as np
from _common import (
    KNOWN_IMAGES,
    figure,
    load_known,
    mean_and_error,
    measures_of_each,
    options_of_runs,
    print_table,
)
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from zoo import randomly_moved

from gan_isi import datasets, make_pipeline

FIRST_SEED = 700
TPR = "TPR at FPR 0.05"


class Peer(ClassifierMixin, BaseEstimator):
    """Another package's attack as a classifier of real images.

    ``function(images, generated, others)`` returns a score for each image, the larger the more
    likely it was used; `others` are images of the training part that were not. Pixels are
    divided by `divisor`, since packages for tables don't know their range.
    """

    def __init__(self, function, divisor=1, generated=None):
        self.function = function
        self.divisor = divisor
        self.generated = generated

    def fit(self, X, y):
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.others_ = self._stack(X)[codes == 0]
        return self

    def decision_function(self, X):
        generated = getattr(self.generated, "images", self.generated)
        with catch_warnings():
            simplefilter("ignore")
            return self.function(self._stack(X), self._stack(generated), self.others_)

    def predict(self, X):
        scores = self.decision_function(X)
        return self.classes_[(scores > np.median(scores)).astype(int)]

    def _stack(self, images):
        stacked = np.stack([np.asarray(image) for image in images])
        return stacked if self.divisor == 1 else stacked / self.divisor


def rows(images):
    return np.reshape(images, (len(images), -1)).astype(float)


def knn_probabilities(images, generated, others):
    data = import_module("apt.utils.datasets").ArrayDataset
    name = "dataset_attack_membership_knn_probabilities"
    module = import_module(f"apt.risk.data_assessment.{name}")
    queries = data(rows(images))
    attack = module.DatasetAttackMembershipKnnProbabilities(queries, queries, data(rows(generated)))
    steps = attack.attack_strategy_utils
    steps.fit(attack.knn_learner, attack.synthetic_data)
    return attack.probability_per_sample(steps.find_knn(attack.knn_learner, queries))


def domias_baseline(images, generated, others, name, reference):
    torch = import_module("torch")
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - from which the package draws
    arguments = [rows(generated), rows(others)] if reference else [rows(generated)]
    return getattr(import_module("domias.baselines"), name)(rows(images), *arguments)


def synthyverse_attack(images, generated, others, name):
    pandas = import_module("pandas")
    privacy = import_module("synthyverse.evaluation.privacy")
    frame, synthetic, reference = (
        pandas.DataFrame(rows(each)).rename(columns=str) for each in (images, generated, others)
    )
    attack = getattr(privacy, name)()
    attack.discrete_features = []
    if attack.subsample:  # as many as of the reference, as the classifier does it
        synthetic = synthetic.sample(n=min(len(reference), len(synthetic)), random_state=0)
    unknown = pandas.Series(np.arange(len(frame)) % 2)  # of which only the kind is looked at
    data = privacy.MIAData(reference, synthetic, frame[:0], frame[:0], frame, unknown)
    for share in (0.99, 0.8, 0.5):
        attack.n_components = share
        try:
            return np.asarray(attack._membership_scores(data, seed=0), dtype=float)
        except ValueError:  # fewer reference images than components
            if share == 0.5:
                raise


def closest_record(images, generated, others):
    pandas = import_module("pandas")
    frames = [pandas.DataFrame(rows(each)).rename(columns=str) for each in (images, generated)]
    privacy = import_module("sure.privacy")
    found = privacy.distance_to_closest_record("other", *frames, parallel=False, save_data=False)
    return -np.asarray(found, dtype=float)


def perceptual_hash(images, generated, others):
    method = import_module("imagededup.methods").PHash(verbose=False)
    mine, theirs = (
        [method.encode_image(image_array=image) for image in each] for each in (images, generated)
    )
    return -np.array([min(method.hamming_distance(a, b) for b in theirs) for a in mine], float)


#: Package, module to import, attack, function, and whether it matters how pixels are scaled.
PEERS = [
    ("ai-privacy-toolkit", "apt.risk.data_assessment.dataset_attack_membership_knn_probabilities",
     "k nearest", knn_probabilities, True),
    *(
        ("domias", "domias.baselines", name,
         partial(domias_baseline, name=name, reference=reference), scaled)
        for name, reference, scaled in [
            ("GAN_leaks", False, True),
            ("GAN_leaks_cal", True, True),
            ("MC", False, False),
            ("LOGAN_D1", True, True),
        ]
    ),
    *(
        ("synthyverse", "synthyverse.evaluation.privacy", name,
         partial(synthyverse_attack, name=name), False)
        for name in ("DOMIAS", "DPI", "ClassifierMIA")
    ),
    ("clearbox-sure", "sure.privacy", "closest record", closest_record, False),
    ("imagededup", "imagededup.methods", "PHash", perceptual_hash, False),
]  # fmt: skip


def attacks():
    """Ours and all of theirs that are there, by name."""
    yield "recommended", make_pipeline("recommended")
    for representation in ("ssim", "pixels"):
        name = "relative_nearest" if representation == "ssim" else "nearest"
        yield f"{name}, {representation}", make_pipeline(name, representation=representation)
    yield "blind", make_pipeline("blind")
    missing = {}
    for package, module, name, function, scaled in PEERS:
        try:
            import_module(module)
        except ImportError as error:
            missing[package] = error
            continue
        yield f"{package}: {name}" + ", 0..255" * scaled, Peer(function)
        if scaled:
            yield f"{package}: {name}, 0..1", Peer(function, divisor=255)
    for package, error in missing.items():
        print(f"not installed: pip install {package} ({error})")


def moved_at_random(generated, seed=0):
    random = np.random.default_rng(seed)
    moved = [randomly_moved(image.astype(float), random) for image in generated]
    return np.clip(np.rint(moved), 0, 255).astype(np.uint8)


def problems(folder, n_seeds):
    """Name of a column, and its real images, labels and generated ones, one each run."""
    real = load_known(Path(folder, "cxr64_ddpm"))
    images, labels, generated = real
    yield "X-rays", [real]
    for name, changed in [
        ("mirrored", generated[:, :, ::-1]),
        ("rotated 90", np.rot90(generated, axes=(1, 2)).copy()),
        ("random", moved_at_random(generated)),
    ]:
        yield name, [(images, labels, changed)]
    augmented = datasets.load_images(Path(folder, "cxr64_ddpm_aug", "generated"))
    yield "augmented", [(images, labels, np.stack(list(augmented)))]
    runs = [
        datasets.make_membership_problem(
            80, n_generated=120, memorization=0.9, random_state=FIRST_SEED + index
        )
        for index in range(n_seeds)
    ]
    yield "photographs", [(one.images, one.target, one.generated) for one in runs]


def cpu_seconds(attack, images, labels, generated):
    """CPU time of this process to fit on all real images and to answer for all of them."""
    attack = clone(attack).set_params(generated=generated)
    start = process_time()
    attack.fit(images, labels)
    getattr(attack, "decision_function", getattr(attack, "predict_proba", None))(images)
    return process_time() - start


def entry(values):
    """One run's number, or the mean of several with its standard error; a dash for none."""
    if np.isnan(values).any():
        return "-"
    return f"{values[0]:.2f}" if len(values) == 1 else mean_and_error(values)


def main():
    parser = options_of_runs(__doc__)
    parser.set_defaults(seeds=3)
    parser.add_argument("--folder", default=KNOWN_IMAGES.parent)
    parser.add_argument("--only", nargs="*", help="attacks whose names contain one of these")
    options = parser.parse_args()
    named = {
        name: attack
        for name, attack in attacks()
        if not options.only or any(part in name for part in options.only)
    }
    named.setdefault("blind", make_pipeline("blind"))
    columns = dict(problems(options.folder, options.seeds))
    seconds = {name: cpu_seconds(one, *columns["X-rays"][0]) for name, one in named.items()}
    # The first call of some compiles.
    seconds |= {
        name: cpu_seconds(one, *columns["X-rays"][0])
        for name, one in named.items()
        if isinstance(one, Peer)
    }
    found = {
        column: [measures_of_each(named, *run, seed) for seed, run in enumerate(runs)]
        for column, runs in columns.items()
    }
    for title, measure in [("AUC out of fold", "AUC"), ("TPR at 5 % FPR", TPR)]:
        print_table(
            f"{title}; photographs: mean and standard error of {options.seeds} problems",
            ["attack", *columns, "CPU seconds"],
            [
                [
                    name,
                    *(entry([one[name][measure].value for one in runs]) for runs in found.values()),
                    figure(seconds[name]),
                ]
                for name in named
            ],
        )


if __name__ == "__main__":
    main()
