"""What the attacks make of their scores, and what they refuse."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import rankdata
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from gan_isi import PairwiseDistanceTransformer
from gan_isi.baselines import (
    CalibratedSimilarity,
    DensityRatio,
    EpsilonBall,
    NearestGenerated,
    Retrieval,
)
from gan_isi.membership import fit_sigmoid

ATTACKS = [
    NearestGenerated(),
    NearestGenerated(2, relative_to=5),
    EpsilonBall(0.05),
    EpsilonBall("median"),
    Retrieval(),
    DensityRatio(),
    CalibratedSimilarity(),
    CalibratedSimilarity("ranking"),
]


@pytest.fixture(params=ATTACKS, ids=repr)
def attack(request):
    return clone(request.param)


@pytest.fixture
def make_pictures(rng):
    """Bags with the columns of real images; used ones have a generated image near."""

    def make(memorised=True, with_real=True, n_real=30):
        used = np.arange(n_real) % 2
        real = rng.normal(size=(n_real, 20))
        near = real[used == 1] if memorised else rng.normal(size=(n_real // 2, 20))
        generated = np.concatenate([near + 0.2 * rng.normal(size=near.shape)] * 2)
        distances = PairwiseDistanceTransformer(include_real=with_real)
        return distances.fit(real, generated=generated).transform(real), used

    return make


def bags_for(attack, make, **options):
    return make(with_real=isinstance(attack, (DensityRatio, CalibratedSimilarity)), **options)


def test_memorised_images_are_found(attack, make_pictures):
    bags, used = bags_for(attack, make_pictures)
    attack.fit(bags, used)
    # Those that count neighbours are the weaker ones where each member has two.
    weak = isinstance(attack, (EpsilonBall, Retrieval, DensityRatio))
    auc = roc_auc_score(used, attack.decision_function(bags))
    assert auc > (0.6 if weak else 0.95)


def test_probability_and_log_odds_say_the_same_as_the_score(attack, make_pictures):
    bags, used = bags_for(attack, make_pictures)
    attack.fit(bags, used)
    log_odds, probability = attack.decision_function(bags), attack.predict_proba(bags)
    np.testing.assert_allclose(probability[:, 1], expit(log_odds))
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    np.testing.assert_array_equal(attack.predict(bags), (log_odds > 0).astype(int))
    np.testing.assert_array_equal(rankdata(log_odds), rankdata(attack.score_samples(bags)))


def test_probability_is_platt_s(make_bags):
    bags, used = make_bags(gap=0.1)
    attack = NearestGenerated().fit(bags, used)
    scores = attack.score_samples(bags)
    expected = fit_sigmoid(scores, used).predict(scores)
    np.testing.assert_allclose(attack.predict_proba(bags)[:, 1], expected, atol=1e-4)


def test_closer_never_means_less_probably_used(attack, make_pictures):
    bags, used = bags_for(attack, make_pictures)
    unused = 1 - used
    if isinstance(attack, (DensityRatio, CalibratedSimilarity, Retrieval)):
        # These know of the labels which images are the reference: turn the signal itself.
        bags[used == 1, :30] += 10
        unused = used
    attack.fit(bags, unused)
    scores = attack.score_samples(bags)
    assert roc_auc_score(unused, scores) < 0.5
    assert attack.slope_ > 0
    probability = attack.predict_proba(bags)[:, 1]
    np.testing.assert_allclose(probability, 0.5, atol=1e-5)
    np.testing.assert_array_equal(rankdata(attack.decision_function(bags)), rankdata(scores))


def test_the_constant_probability_is_the_base_rate(make_bags):
    bags, used = make_bags(n_queries=40)
    unused = 1 - used
    unused[:8] = 1
    attack = NearestGenerated().fit(bags, unused)
    np.testing.assert_allclose(attack.predict_proba(bags)[:, 1], unused.mean(), atol=1e-5)
    assert set(attack.predict(bags)) == {1}


def test_any_labels_the_larger_one_is_used(attack, make_pictures):
    bags, used = bags_for(attack, make_pictures)
    expected = attack.fit(bags, used).decision_function(bags)
    for labels in ([-1, 1], [False, True], [0.0, 1.0]):
        named = np.array(labels)[used]
        attack.fit(bags, named)
        np.testing.assert_array_equal(attack.classes_, labels)
        np.testing.assert_array_equal(attack.decision_function(bags), expected)
        assert set(attack.predict(bags)) <= set(labels)


def test_order_and_company_of_the_queries_do_not_count(attack, make_pictures, rng):
    bags, used = bags_for(attack, make_pictures)
    attack.fit(bags, used)
    expected = attack.decision_function(bags)
    order = rng.permutation(30)
    np.testing.assert_array_equal(attack.decision_function(bags[order]), expected[order])
    alone = np.concatenate([attack.decision_function(bags[i : i + 1]) for i in range(30)])
    np.testing.assert_array_equal(alone, expected)


@pytest.mark.parametrize("name", ["DensityRatio", "CalibratedSimilarity"])
class TestReference:
    @pytest.fixture
    def attack(self, name):
        return {"DensityRatio": DensityRatio(), "CalibratedSimilarity": CalibratedSimilarity()}[
            name
        ]

    def test_members_are_no_reference(self, attack, make_pictures):
        bags, used = make_pictures()
        attack.fit(bags, used)
        np.testing.assert_array_equal(attack.known_, np.flatnonzero(used == 0))
        changed = bags.copy()
        changed[:, 30 + np.flatnonzero(used)] = 1e-3
        np.testing.assert_array_equal(attack.score_samples(changed), attack.score_samples(bags))
        changed[:, 30 + attack.known_[:3]] = 1e-3
        assert (attack.score_samples(changed) < attack.score_samples(bags)).all()

    def test_another_number_of_generated_images(self, attack, make_pictures):
        bags, used = make_pictures()
        attack.fit(bags, used)
        fewer = np.delete(bags, np.arange(5), axis=1)
        assert attack.score_samples(fewer).shape == (30,)
        with pytest.raises(ValueError, match=r"30 columns; expected at least 1 .* 30 real"):
            attack.score_samples(bags[:, 30:])

    def test_bags_without_real_images(self, attack, make_pictures):
        for bags, used in (make_pictures(with_real=False), make_pictures(n_real=10)):
            bags = np.nan_to_num(bags)
            with pytest.raises(ValueError, match=r"include_real=True. Got \d+ columns that don't"):
                attack.fit(bags, used)

    def test_missing_where_nothing_may_be(self, attack, make_pictures):
        bags, used = make_pictures()
        attack.fit(bags, used)
        holes = bags.copy()
        holes[3, 0] = np.nan
        with pytest.raises(ValueError, match="NaN among the distances to generated"):
            attack.predict(holes)
        holes = bags.copy()
        holes[3, 30:] = np.nan
        with pytest.raises(ValueError, match="Query 3 equals every image not used"):
            attack.predict(holes)

    def test_one_known_non_member_is_not_enough(self, attack, make_pictures):
        bags, _ = make_pictures()
        with pytest.raises(ValueError, match=r"at least 2 images not used.*got 1"):
            attack.fit(bags, np.arange(30) > 0)


class TestErrors:
    def test_more_neighbors_than_images(self, make_bags):
        bags, used = make_bags()
        with pytest.raises(ValueError, match="n_neighbors=11, but X has 10"):
            NearestGenerated(11).fit(bags, used)

    def test_retrieval_knows_its_generated_images(self, make_bags):
        bags, used = make_bags()
        fitted = Retrieval().fit(bags, used)
        with pytest.raises(ValueError, match=r"X has 7 generated images.*fitted on 10"):
            fitted.predict(bags[:, :7])

    def test_retrieval_of_all(self, make_bags):
        bags, used = make_bags()
        with pytest.raises(ValueError, match=r"n_retrieved=20 needs more.*got 20"):
            Retrieval(20).fit(bags, used)

    def test_other_maps_than_in_fit(self, make_bags):
        bags, used = make_bags()
        with pytest.raises(ValueError, match=r"X has 2 maps, but EpsilonBall was fitted on 3"):
            EpsilonBall().fit(bags, used).predict(bags[:, :, :2])

    def test_missing_distances(self, make_bags):
        bags, used = make_bags()
        bags[3, 2] = np.nan
        with pytest.raises(ValueError, match="contains NaN"):
            NearestGenerated().fit(bags, used)

    def test_labels(self, make_bags):
        bags, used = make_bags()
        with pytest.raises(ValueError, match="Images of both classes, used and not used"):
            NearestGenerated().fit(bags, np.ones(40))
        with pytest.raises(ValueError, match="y has 39 labels for 40 queries"):
            NearestGenerated().fit(bags, used[1:])
