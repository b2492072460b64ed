"""Evidence: the generated images named are those that the attack looks at."""

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gan_isi import BagSummaryTransformer, MembershipClassifier, datasets
from gan_isi import make_pipeline as make_attack
from gan_isi._validation.blocks import Block
from gan_isi.audit import audit
from gan_isi.audit import evidence as module
from gan_isi.audit.evidence import closest_generated
from gan_isi.audit.prepared import Recorder, _LabelledPart
from gan_isi.baselines import NearestGenerated
from gan_isi.descriptors import CLASSICAL_FAMILIES

SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"

N_GENERATED = 30

VIEWS = ("pixels", "pixels_local", "dihedral", "poses", "tiles", "whitened")


def nearest_by_eye(image, generated):
    """The nearest by SSIM, and by the correlation of local contrast: not written by us."""
    similar = [structural_similarity(image, one, data_range=255) for one in generated]

    def contrast(one):
        residual = one / 255 - gaussian_filter(one / 255, 3)
        return (residual / (np.sqrt(gaussian_filter(residual**2, 3)) + 0.01)).ravel()

    rows = np.array([contrast(one) for one in generated])
    return {int(np.argmax(similar)), int(np.corrcoef(contrast(image), rows)[0, 1:].argmax())}


def share_named(evidence, images, used, generated):
    members = np.flatnonzero(used == 1)
    right = [
        evidence.generated[one, 0] in nearest_by_eye(images[one], generated) for one in members
    ]
    return np.mean(right)


@pytest.fixture(scope="module")
def photographs():
    problem = datasets.make_membership_problem(
        50, n_generated=60, image_size=32, memorization=0.8, random_state=0
    )
    attacks = {
        "recommended": make_attack("recommended", families=CLASSICAL_FAMILIES),
        "nearest": make_attack("nearest", representation="ssim"),
    }
    images, unknown = problem.images[:40], problem.images[40:]
    result = audit(
        attacks, images, problem.target[:40], generated=problem.generated, candidates=unknown,
        n_permutations=0, n_resamples=10, random_state=0,
    )  # fmt: skip
    return result, images, problem


def test_the_first_one_named_is_the_nearest_photograph(photographs):
    result, images, problem = photographs
    for name in ("recommended", "nearest"):
        one = result.attacks[name]
        share = share_named(one.evidence, images, problem.target[:40], problem.generated)
        assert share >= 0.8, name  # 0.2 where all maps count alike
        found = one.candidates.evidence
        share = share_named(found, problem.images[40:], problem.target[40:], problem.generated)
        assert share >= 0.75, name
    assert result.attacks["blind"].evidence is None


def test_views_are_named_before_textures(photographs):
    result, *_ = photographs
    first = [names[0] for names in result.attacks["recommended"].evidence.maps if names]
    assert np.mean([name in VIEWS for name in first]) > 0.9


def test_frame_and_page_say_the_same(photographs):
    pytest.importorskip("matplotlib", reason='needs the extra "report"')
    result, *_ = photographs
    evidence = result.attacks["recommended"].evidence
    frame = result.queries_to_frame("recommended")
    assert frame["closest_generated"].tolist() == evidence.generated.tolist()
    assert_array_equal(frame["closest_distance"], evidence.distances[:, 0])
    assert frame["maps"].tolist() == [", ".join(names) for names in evidence.maps]
    assert "closest_generated" not in result.queries_to_frame("blind")
    page = re.sub(r"<[^>]+>", "|", result.to_html())
    for image in np.argsort(-frame["rank"], kind="stable")[:10]:
        row = frame.loc[image]
        cells = [str(image), "used" if row["used"] else "not used", f"{row['rank']:.2f}"]
        cells += [f"{row['conformal_p']:.2g}", ", ".join(map(str, row["closest_generated"]))]
        assert "||".join([*cells, row["maps"]]) in page


@pytest.mark.slow
def test_of_95_in_100_x_rays_the_first_one_named_is_the_nearest(shared_xrays):
    images, used, generated = shared_xrays
    images, used = images[::2], used[::2]
    attack = make_attack("recommended")  # of a generator that moved nothing
    attack.set_params(distances__poses__angles=(0,), distances__poses__zooms=(1,))
    result = audit(
        attack, images, used, generated=generated,
        n_permutations=0, n_resamples=10, random_state=0,
    )  # fmt: skip
    evidence = result.attacks["attack"].evidence
    assert share_named(evidence, images, used, generated) >= 0.95


@pytest.fixture
def shared_xrays():
    folder = SHARED_DATA / "cxr64_ddpm"
    if not folder.is_dir():
        pytest.skip(f"needs the diffusion model's images in {folder}")
    data = datasets.load_membership(folder)
    images, generated = (np.stack(list(some)) for some in (data.images, data.generated))
    return images, data.target, generated


def bags_where(rng, told_by, n=40, n_maps=4, n_generated=N_GENERATED):
    """Bags of which used queries have a close image in some maps; others mean nothing."""
    used = np.arange(n) % 2
    bags = rng.uniform(1, 2, (n, n_generated, n_maps))
    shown = rng.integers(n_generated, size=n)
    for index in told_by:
        bags[np.arange(n), shown, index] = np.where(used == 1, 0.1, 0.7)
    rest = [index for index in range(n_maps) if index not in told_by]
    # As close, in the maps that mean nothing: in all queries alike, by another image.
    bags[np.arange(n)[:, None], (shown[:, None] + 1 + np.arange(len(rest))) % n_generated, rest] = (
        rng.uniform(0.1, 0.3, (n, len(rest)))
    )
    return bags.astype(np.float32), used, shown


def recorded(
    bags, used, *, summary=None, classifier=None, candidates=0, cv=4, estimator=None, blocks=None
):
    """A prepared attack after `cv` fits, folds by number; the last queries are candidates."""
    if classifier is None:
        classifier = make_pipeline(StandardScaler(), LogisticRegression())
    if estimator is None:
        summary = summary or BagSummaryTransformer(n_closest=(1,), contrast=5)
        estimator = make_pipeline(summary, classifier)
    part = _LabelledPart(estimator, bags, bags.shape[1], with_real=False, blocks=blocks)
    recorder = Recorder.of(part)
    known, asked = np.split(np.arange(len(bags)), [len(bags) - candidates])
    for fold in range(cv):
        train, test = known[known // 2 % cv != fold], known[known // 2 % cv == fold]
        recorder.answer(train, used[train], np.concatenate([test, asked]))
    return recorder


@pytest.mark.parametrize("classifier", [None, RandomForestClassifier(50, random_state=0)])
@pytest.mark.parametrize("told_by", [(2,), (0, 3), (0, 1, 2, 3)])
def test_what_the_attack_listens_to_decides(rng, told_by, classifier):
    bags, used, shown = bags_where(rng, told_by)
    evidence = closest_generated(recorded(bags, used, classifier=classifier))
    assert_array_equal(evidence.generated[used == 1, 0], shown[used == 1])
    named = {f"map {index}" for index in told_by}
    for names in np.array(evidence.maps, dtype=object)[used == 1]:
        assert len(names) > 0
        assert set(names) <= named
    assert (np.diff(evidence.distances, axis=1) >= 0).all()
    assert evidence.distances[used == 1, 0].max() < 0.5


def test_one_map_is_ranked_by_its_distance_and_1_is_the_median(rng):
    bags, used, _ = bags_where(rng, (0,), n_maps=1)
    evidence = closest_generated(recorded(bags, used))
    order = np.argsort(bags[:, :, 0], axis=1)[:, :3]
    assert_array_equal(evidence.generated, order)
    expected = np.take_along_axis(bags[:, :, 0], order, axis=1) / np.median(bags)
    assert_allclose(evidence.distances, expected, rtol=1e-6)


def test_a_family_is_averaged_and_its_closest_map_is_named(rng):
    bags, used, shown = bags_where(rng, (1, 2), n_maps=4)
    bags[np.arange(40), shown, 2] *= 0.5
    blocks = [Block("a", ("map 0",)), Block("b", ("map 1", "map 2")), Block("c", ("map 3",))]
    evidence = closest_generated(recorded(bags, used, blocks=blocks))
    assert_array_equal(evidence.generated[used == 1, 0], shown[used == 1])
    for names in np.array(evidence.maps, dtype=object)[used == 1]:
        assert names[0] == "map 2"
        assert "map 1" not in names


def test_where_no_view_speaks_for_used_all_count_alike(rng):
    """Used queries are the farther ones in every map."""
    used = np.arange(40) % 2
    bags = rng.uniform(1, 2, (40, N_GENERATED, 3)) * (1 + used)[:, None, None]
    summary = BagSummaryTransformer(n_closest=(1,), contrast=None)
    evidence = closest_generated(recorded(bags, used, summary=summary))
    expected = np.exp(np.log(bags / np.median(bags, axis=(0, 1))).mean(axis=2))
    assert_array_equal(evidence.generated[:, 0], expected.argmin(axis=1))
    assert_allclose(evidence.distances[:, 0], expected.min(axis=1))


def test_pairs_are_ranked_by_their_own_probability_out_of_fold(rng):
    bags, used, _ = bags_where(rng, (1,), n_generated=8)
    classifier = MembershipClassifier(LogisticRegression())
    recorder = recorded(bags, used, estimator=classifier, candidates=8)
    evidence = closest_generated(recorder)
    known, odds = np.arange(32), np.zeros((40, 8))
    for fold in range(4):
        train, test = known[known // 2 % 4 != fold], known[known // 2 % 4 == fold]
        pairs = LogisticRegression().fit(bags[train].reshape(-1, 4), np.repeat(used[train], 8))
        for asked, share in ((test, 1), (np.arange(32, 40), 1 / 4)):
            values = pairs.decision_function(bags[asked].reshape(-1, 4)).reshape(-1, 8)
            usual = pairs.decision_function(np.median(bags.reshape(-1, 4), axis=0)[None])
            odds[asked] += share * (values - usual)
            weights = pairs.coef_[0]
    assert_array_equal(evidence.generated, np.argsort(-odds, axis=1)[:, :3])
    assert_allclose(evidence.distances[:, 0], np.exp(-odds.max(axis=1)), rtol=1e-5)
    # The last fit's queries: what each map adds to log-odds that are linear.
    pair = bags[test[0], evidence.generated[test[0], 0]]
    added = weights * (pair - np.median(bags.reshape(-1, 4), axis=0))
    least = added.max() / 10
    named = [f"map {index}" for index in np.argsort(-added)[:3] if added[index] > least]
    assert evidence.maps[test[0]] == named


def test_attacks_by_one_distance_are_ranked_by_it(rng):
    bags, used, _ = bags_where(rng, (1,))
    estimator = NearestGenerated()
    evidence = closest_generated(recorded(bags, used, estimator=estimator))
    for query in (0, 13):
        train = np.arange(40) // 2 % 4 != query // 2 % 4
        one = (bags[query] / np.median(bags[train], axis=(0, 1))).mean(axis=1)
        assert_array_equal(evidence.generated[query], np.argsort(one)[:3])
        assert_allclose(evidence.distances[query], np.sort(one)[:3], rtol=1e-6)
        shares = bags[query, np.argmin(one)] / np.median(bags[train], axis=(0, 1))
        assert evidence.maps[query][0] == f"map {shares.argmin()}"


@pytest.mark.parametrize("pairs", [False, True])
def test_an_exact_copy_is_first_whatever_the_attack_listens_to(rng, pairs):
    bags, used, _ = bags_where(rng, (0,))
    bags[:, 7] = 0  # a copy, but for the view that mirrors and that the attack listens to
    bags[:, 7, 0] = 1.9
    bags[:, 11, 1] = 0  # no copy: equal in one view only
    estimator = MembershipClassifier(LogisticRegression())
    recorder = recorded(bags, used, estimator=estimator if pairs else None)
    evidence = closest_generated(recorder)
    assert (evidence.generated[:, 0] == 7).all()
    assert (evidence.distances[:, 0] == 0).all()
    assert (evidence.distances[:, 1:] > 0).all()


@pytest.mark.parametrize(
    "estimator",
    [
        None,
        MembershipClassifier(max_pairs=400, random_state=0),
        NearestGenerated(),
    ],
)
def test_of_equal_images_the_smaller_number_is_first(rng, estimator):
    bags, used, _ = bags_where(rng, (2,))
    bags = np.concatenate([bags, bags], axis=1)
    evidence = closest_generated(recorded(bags, used, estimator=estimator))
    assert (evidence.generated[:, 0] < N_GENERATED).all()
    assert_array_equal(evidence.generated[:, 1], evidence.generated[:, 0] + N_GENERATED)


class Wobbling(LogisticRegression):
    """The last digits depend on where a pair stands, as those of a matrix product may."""

    def predict_proba(self, X):
        used = super().predict_proba(X)[:, 1] + 1e-14 * np.arange(len(X))
        return np.column_stack([1 - used, used])


def test_of_equal_images_the_last_digits_do_not_decide(rng):
    bags, used, _ = bags_where(rng, (2,))
    bags = np.concatenate([bags, bags], axis=1)
    estimator = MembershipClassifier(Wobbling())
    evidence = closest_generated(recorded(bags, used, estimator=estimator))
    assert (evidence.generated[:, 0] < N_GENERATED).all()


@pytest.mark.parametrize("told_by", [(2,), (0, 3)])
def test_the_label_of_a_query_changes_nothing_of_its_evidence(rng, told_by):
    bags, used, _ = bags_where(rng, told_by)
    other = used.copy()
    other[5] = 1 - other[5]
    before, after = (closest_generated(recorded(bags, y, cv=4)) for y in (used, other))
    held_out_with_it = np.arange(40) // 2 % 4 == 5 // 2 % 4
    for name in ("generated", "distances"):
        one, two = (getattr(each, name)[held_out_with_it] for each in (before, after))
        assert_array_equal(one, two)
    assert (before.distances != after.distances).any()


def test_what_a_fit_listens_to_is_asked_of_queries_that_it_did_not_see(rng, monkeypatch):
    bags, used, _ = bags_where(rng, (2,), n=400)
    recorder, asked = recorded(bags, used, cv=2), []
    rows_of = Recorder.rows_of

    def seen(self, fit, queries):
        asked.append((fit, queries))
        return rows_of(self, fit, queries)

    monkeypatch.setattr(Recorder, "rows_of", seen)
    closest_generated(recorder)
    assert len(asked) == 2
    for fit, queries in asked:
        assert np.isin(queries, fit.test).all()
        assert len(queries) == 64
        assert 10 < used[queries].sum() < 54


def test_a_query_is_explained_by_fits_that_did_not_see_it_and_candidates_by_all(rng):
    """The fit of half the queries listens to map 0, that of the others to map 1."""
    bags, _, shown = bags_where(rng, (0, 1), n=42)
    half = np.arange(40) % 2
    close = np.arange(40) // 2 % 2
    for index in (0, 1):
        bags[:40, :, index] = rng.uniform(1, 2, (40, N_GENERATED))
        told = half != index  # in the map that the fit on the other half listens to
        bags[np.flatnonzero(told), shown[:40][told], index] = np.where(close[told] == 1, 0.1, 0.9)
    recorder = recorded(bags, close, cv=0)
    for index in (0, 1):
        train = np.flatnonzero(half == 1 - index)
        test = np.append(np.flatnonzero(half == index), [40, 41])
        recorder.answer(train, close[train], test)
    evidence = closest_generated(recorder)
    medians = np.median(bags, axis=(0, 1))
    heard = [module._weights(recorder, fit, _each(4), medians) for fit in recorder.fits]
    logs = -np.log(bags / medians)
    for index in (0, 1):
        own = np.flatnonzero(half == index)
        scores = logs[own] @ heard[index]
        assert_array_equal(evidence.generated[own, 0], scores.argmax(axis=1))
    both = logs[40:] @ np.mean(heard, axis=0)
    assert_array_equal(evidence.generated[40:, 0], both.argmax(axis=1))
    assert_allclose(evidence.distances[40:, 0], np.exp(-both.max(axis=1)), rtol=1e-5)


def _each(n_maps):
    return [slice(index, index + 1) for index in range(n_maps)]


def test_weights_are_the_variance_that_a_linear_attack_has_of_a_view(rng):
    """Of a score that is linear in independent summaries: twice weight^2 times variance."""
    bags, used, _ = bags_where(rng, (0, 2), n=400)
    summary = BagSummaryTransformer(n_closest=(1,), contrast=None)
    recorder = recorded(bags, used, summary=summary, classifier=LogisticRegression(), cv=2)
    fit = recorder.fits[0]
    found = module._weights(recorder, fit, _each(4), np.median(bags, axis=(0, 1)))
    coefficients = fit.estimator[-1].coef_[0]
    held_out = fit.estimator[0].transform(bags[fit.test])
    expected = coefficients**2 * held_out.var(axis=0) * (coefficients < 0)
    # From 64 of 200 held-out queries.
    assert_allclose(found, expected / expected.sum(), atol=0.12)
    assert found[[0, 2]].min() > 10 * found[[1, 3]].max()


def test_blocks_change_nothing(rng, monkeypatch):
    bags, used, _ = bags_where(rng, (1, 2))
    whole = closest_generated(recorded(bags, used, candidates=4))
    monkeypatch.setattr(module, "_DISTANCES_PER_BLOCK", 3 * N_GENERATED * 4)
    parts = closest_generated(recorded(bags, used, candidates=4))
    assert_array_equal(parts.generated, whole.generated)
    assert_array_equal(parts.distances, whole.distances)
    assert parts.maps == whole.maps


def test_nan_is_never_close(rng):
    bags, used, _ = bags_where(rng, (1,))
    bags[:, 3] = np.nan
    evidence = closest_generated(recorded(bags, used), n_shown=N_GENERATED)
    assert (evidence.generated[:, -1] == 3).all()
    assert np.isinf(evidence.distances[:, -1]).all()


class OfAnotherMake(ClassifierMixin, BaseEstimator):
    """Compares with no generated image that we know of."""

    def fit(self, X, y, generated=None):
        self.model_ = LogisticRegression().fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def test_blind_and_attacks_of_another_make_have_none(attack, world):
    real, used, generated = world(np.random.default_rng(0), n=20)
    result = audit(
        {"blind": attack(), "foreign": OfAnotherMake(), "ours": attack()},
        real, used, generated=generated, n_permutations=0, n_resamples=10,
    )  # fmt: skip
    assert result.attacks["blind"].evidence is None
    assert result.attacks["foreign"].evidence is None
    assert result.attacks["ours"].evidence is not None
