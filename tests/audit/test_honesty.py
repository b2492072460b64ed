"""Every attack of the library against generators that never saw the members, or copy them."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline as make_sklearn_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from gan_isi import BagSummaryTransformer, datasets, make_pipeline
from gan_isi.attacks import ATTACKS
from gan_isi.audit import audit

FAMILIES = ["statistical", "gaussian"]


def attacks():
    scaled_svm = make_sklearn_pipeline(StandardScaler(), SVC(gamma=1.0))
    summary = make_sklearn_pipeline(BagSummaryTransformer(n_closest=(1,)), StandardScaler(), SVC())
    # Few poses, as nothing is moved.
    recommended = make_pipeline("recommended", families=FAMILIES).set_params(
        distances__poses__angles=(0,), distances__poses__zooms=(1,)
    )
    named = {
        "recommended": recommended,
        "textures, SVM of pairs": make_pipeline(fusion="max", estimator=scaled_svm),
        "textures, SVM of bags": make_pipeline(families=FAMILIES).set_params(membership=summary),
    }
    for name in set(ATTACKS) - {"recommended", "paper"}:
        named[name] = make_pipeline(name)
    return named


def audited(memorization, n_seeds, n_permutations=0):
    for seed in range(n_seeds):
        problem = datasets.make_membership_problem(
            40, n_generated=60, image_size=32, memorization=memorization, random_state=seed
        )
        yield audit(
            attacks(),
            problem.images,
            problem.target,
            generated=problem.generated,
            n_permutations={"default": 0, "recommended": n_permutations},
            n_resamples=10,
            random_state=seed,
        ).attacks


@pytest.mark.slow
def test_every_attack_is_at_chance_where_nothing_was_memorised():
    found = list(audited(0.0, n_seeds=4, n_permutations=9))
    for name in attacks():
        aucs = [one[name].measures["AUC"] for one in found]
        # The standard error of one AUC of 20 and 20 is 0.09, that of the mean 0.045.
        assert abs(np.mean([auc.value for auc in aucs]) - 0.5) < 0.13, name
        # Without permutations the interval of an attack that learns is too narrow.
        assert sum(auc.low > 0.5 for auc in aucs) <= (0 if name == "recommended" else 2), name


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*are among those generated:UserWarning")
def test_every_attack_has_power_where_the_generator_copies():
    found = list(audited(1.0, n_seeds=5))
    for name in set(attacks()) - {"blind"}:
        clear = [one[name].measures["AUC"].low > 0.5 for one in found]
        assert sum(clear) >= 4, name
        if name not in ("density_ratio", "retrieval"):
            assert np.mean([one[name].measures["AUC"].value for one in found]) > 0.95, name
    assert sum(one["blind"].measures["AUC"].low > 0.5 for one in found) <= 1
