import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from gan_isi import MembershipClassifier
from gan_isi.membership.folds import query_folds


class Recorder(ClassifierMixin, BaseEstimator):
    """Remembers which rows it was fitted on and which it scored."""

    fits = []
    scored = []

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        Recorder.fits.append((X.copy(), y.copy()))
        return self

    def decision_function(self, X):
        Recorder.scored.append(X.copy())
        return X.sum(axis=1) - X.shape[1] / 2

    def predict(self, X):
        return self.classes_[(self.decision_function(X) > 0).astype(int)]


@pytest.fixture
def recorder():
    Recorder.fits, Recorder.scored = [], []
    return Recorder()


class TestPairs:
    def test_pairs_are_scored_like_the_estimator_on_rows(self, make_bags):
        bags, used = make_bags()
        fitted = MembershipClassifier(GaussianNB()).fit(bags, used)
        rows = bags.reshape(-1, 3)
        by_hand = GaussianNB().fit(rows, np.repeat(used, 10)).predict_proba(rows)[:, 1]
        np.testing.assert_allclose(fitted.predict_pair_proba(bags), by_hand.reshape(40, 10))
        np.testing.assert_allclose(
            fitted.predict_proba(bags)[:, 1], by_hand.reshape(40, 10).mean(axis=1)
        )

    def test_default_is_the_paper_s_svm_with_a_logistic_output(self, make_bags):
        bags, used = make_bags(gap=0.3)
        rows, labels = bags.reshape(-1, 3), np.repeat(used, 10)
        folds = [
            (
                np.flatnonzero(np.isin(np.repeat(np.arange(40), 10), train)),
                np.flatnonzero(np.isin(np.repeat(np.arange(40), 10), test)),
            )
            for train, test in StratifiedKFold(5).split(used, used)
        ]
        svm = make_pipeline(StandardScaler(), SVC())
        by_hand = CalibratedClassifierCV(svm, cv=folds, ensemble=False).fit(rows, labels)
        fitted = MembershipClassifier().fit(bags, used)
        np.testing.assert_allclose(
            fitted.predict_pair_proba(bags).ravel(), by_hand.predict_proba(rows)[:, 1]
        )

    def test_labels_of_any_kind_and_the_larger_is_used(self, make_bags):
        bags, used = make_bags()
        names = np.array(["no", "yes"])[used]
        by_name = MembershipClassifier(GaussianNB()).fit(bags, names)
        assert list(by_name.classes_) == ["no", "yes"]
        np.testing.assert_array_equal(by_name.predict(bags), names)
        turned = MembershipClassifier(GaussianNB()).fit(bags, -used)
        assert list(turned.classes_) == [-1, 0]
        np.testing.assert_allclose(
            turned.predict_proba(bags)[:, 0], by_name.predict_proba(bags)[:, 1]
        )

    def test_bags_of_one_row(self, make_bags):
        bags, used = make_bags(n_generated=1)
        flat = MembershipClassifier().fit(bags[:, 0], used).predict_proba(bags[:, 0])
        np.testing.assert_array_equal(
            flat, MembershipClassifier().fit(bags, used).predict_proba(bags)
        )

    def test_another_number_of_generated_images_is_fine_another_of_maps_is_not(self, make_bags):
        bags, used = make_bags()
        fitted = MembershipClassifier().fit(bags, used)
        assert fitted.predict_proba(bags[:, :4]).shape == (40, 2)
        with pytest.raises(ValueError, match=r"X has 2 maps, but .* fitted on 3"):
            fitted.predict(bags[:, :, :2])

    def test_decision_function_is_the_log_odds(self, make_bags):
        bags, used = make_bags(gap=0.2)
        fitted = MembershipClassifier().fit(bags, used)
        probability = fitted.predict_proba(bags)
        np.testing.assert_allclose(
            fitted.decision_function(bags), np.log(probability[:, 1] / probability[:, 0])
        )
        np.testing.assert_array_equal(fitted.predict(bags), fitted.decision_function(bags) > 0)

    def test_certain_scores_have_finite_log_odds(self, make_bags):
        bags, used = make_bags()
        certain = MembershipClassifier(GaussianNB(), fusion=lambda p: np.round(p.mean(axis=1)))
        assert np.isfinite(certain.fit(bags, used).decision_function(bags)).all()


class TestMaxPairs:
    def test_equal_share_recorded_and_seeded(self, make_bags, recorder):
        bags, used = make_bags()
        classifier = MembershipClassifier(recorder, max_pairs=130, random_state=3, cv=2)
        classifier.fit(bags, used)
        assert classifier.n_pairs_per_query_ == 3
        rows, labels = Recorder.fits[-1]
        assert rows.shape == (120, 3)
        np.testing.assert_array_equal(labels, np.repeat(used, 3))
        owners = [np.flatnonzero((bags == row).all(axis=2).any(axis=1))[0] for row in rows]
        np.testing.assert_array_equal(owners, np.repeat(np.arange(40), 3))
        assert len(np.unique(rows, axis=0)) == 120
        classifier.fit(bags, used)
        np.testing.assert_array_equal(Recorder.fits[-1][0], rows)
        classifier.set_params(random_state=4).fit(bags, used)
        assert (Recorder.fits[-1][0] != rows).any()

    def test_scoring_uses_every_pair(self, make_bags, recorder):
        bags, used = make_bags()
        fitted = MembershipClassifier(recorder, max_pairs=130, random_state=0).fit(bags, used)
        Recorder.scored = []
        assert fitted.predict_pair_proba(bags).shape == (40, 10)
        assert sum(len(rows) for rows in Recorder.scored) == 400

    def test_more_than_there_are_is_all(self, make_bags):
        bags, used = make_bags()
        all_pairs = MembershipClassifier().fit(bags, used).predict_proba(bags)
        enough = MembershipClassifier(max_pairs=10_000, random_state=0).fit(bags, used)
        np.testing.assert_array_equal(enough.predict_proba(bags), all_pairs)

    def test_too_few(self, make_bags):
        with pytest.raises(ValueError, match="max_pairs=39 leaves no pair for each of 40"):
            MembershipClassifier(max_pairs=39).fit(*make_bags())


class TestFolds:
    def check_no_query_on_both_sides(self, bags, units):
        """No unit's rows are scored by a recorder that was fitted on rows of that unit."""

        def units_of(rows):
            return {units[np.flatnonzero((bags == row).all(axis=2).any(axis=1))[0]] for row in rows}

        *folds, (whole, _) = Recorder.fits
        assert len(whole) == bags.shape[0] * bags.shape[1]
        assert len(folds) == len(Recorder.scored)
        for (fitted, _), scored in zip(folds, Recorder.scored, strict=True):
            assert not units_of(fitted) & units_of(scored)
        assert sum(len(scored) for scored in Recorder.scored) == len(whole)

    def test_calibration_keeps_the_pairs_of_a_query_together(self, make_bags, recorder):
        bags, used = make_bags()
        MembershipClassifier(recorder).fit(bags, used)
        assert len(Recorder.fits) == 6
        self.check_no_query_on_both_sides(bags, np.arange(40))

    def test_calibration_keeps_the_queries_of_a_patient_together(self, make_bags, recorder):
        bags, used = make_bags()
        patients = np.arange(40) % 10  # not next to each other, as folds of queries are
        MembershipClassifier(recorder).fit(bags, used, groups=patients)
        self.check_no_query_on_both_sides(bags, patients)

    def test_fused_scores_are_calibrated_out_of_fold(self, make_bags, recorder):
        bags, used = make_bags()
        patients = np.arange(40) % 10  # not next to each other, as folds of queries are
        classifier = MembershipClassifier(recorder, fusion="max", calibrate_fusion=True, cv=2)
        classifier.fit(bags, used, groups=patients)
        # 2 + 1 fits for the pairs, and as many again in each of 2 folds of queries.
        assert len(Recorder.fits) == 9
        outer = [Recorder.fits[index][0] for index in (5, 8)]
        scored = [Recorder.scored[index] for index in (4, 7)]
        for fitted_on, scored_on in zip(outer, scored, strict=True):
            owners = [
                {patients[np.flatnonzero((bags == row).all(axis=2).any(axis=1))[0]] for row in rows}
                for rows in (fitted_on, scored_on)
            ]
            assert not owners[0] & owners[1]

    def test_patients_stay_together_in_the_folds_within_folds(self, make_bags, recorder, rng):
        bags, _ = make_bags()
        patients = rng.permutation(40) % 10  # in no order that a part of them shares
        used = patients % 2
        classifier = MembershipClassifier(recorder, calibrate_fusion=True, cv=2)
        classifier.fit(bags, used, groups=patients)

        def patients_of(rows):
            found = [np.flatnonzero((bags == row).all(axis=2).any(axis=1))[0] for row in rows]
            return set(patients[found])

        # Two folds and all, three times: of all queries, and of each training part. The
        # whole of a training part is scored on what it holds out.
        fits = [patients_of(rows) for rows, _ in Recorder.fits]
        scored = [patients_of(rows) for rows in Recorder.scored]
        assert len(fits) == 9
        for fit, held_out in zip([fits[i] for i in (0, 1, 3, 4, 5, 6, 7, 8)], scored, strict=True):
            assert not fit & held_out

    def test_calibration_makes_the_threshold_mean_something(self, make_bags):
        bags, used = make_bags(n_queries=200, gap=0.15)
        fresh, truth = make_bags(n_queries=200, gap=0.15, seed=1)
        raw = MembershipClassifier(GaussianNB(), fusion="max").fit(bags, used)
        calibrated = MembershipClassifier(GaussianNB(), fusion="max", calibrate_fusion=True)
        calibrated.fit(bags, used)
        share_raw = raw.predict(fresh).mean()
        share_calibrated = calibrated.predict(fresh).mean()
        assert share_raw > 0.9  # the largest of ten probabilities is nearly always above 0.5
        assert 0.3 < share_calibrated < 0.7
        assert np.mean(calibrated.predict(fresh) == truth) > np.mean(raw.predict(fresh) == truth)
        np.testing.assert_array_equal(
            np.argsort(raw.decision_function(fresh), kind="stable"),
            np.argsort(calibrated.decision_function(fresh), kind="stable"),
        )

    def test_folds_shrink_with_the_classes(self):
        assert len(query_folds(np.array([0, 0, 0, 1, 1, 1, 1]), None, n_splits=5)) == 3

    def test_one_query_of_a_class_can_not_be_calibrated(self, make_bags):
        bags, _ = make_bags(n_queries=6)
        lonely = np.array([0, 0, 0, 0, 0, 1])
        with pytest.raises(ValueError, match=r"at least 2 queries of each class; got 5 .* 1 used"):
            MembershipClassifier().fit(bags, lonely)
        assert MembershipClassifier(GaussianNB()).fit(bags, lonely).predict(bags).shape == (6,)

    def test_one_patient_of_a_class_can_not_be_calibrated(self, make_bags):
        bags, used = make_bags(n_queries=8)
        patients = np.where(used == 1, 0, np.arange(8))
        with pytest.raises(ValueError, match="at least 2 groups of each class"):
            MembershipClassifier().fit(bags, used, groups=patients)


class TestBadInput:
    def test_one_class_only(self, make_bags):
        bags, used = make_bags()
        with pytest.raises(ValueError, match=r"2 classes, used and not used; got 1 class:"):
            MembershipClassifier().fit(bags, used * 0)

    def test_three_classes(self, make_bags):
        bags, _ = make_bags()
        with pytest.raises(ValueError, match="got 3 classes"):
            MembershipClassifier().fit(bags, np.arange(40) % 3)

    def test_no_labels(self, make_bags):
        with pytest.raises(ValueError, match="requires y to be passed"):
            MembershipClassifier().fit(make_bags()[0], None)

    @pytest.mark.parametrize("shape", [(0, 3, 2), (3, 0, 2), (3, 2, 0)])
    def test_empty_bags(self, shape):
        with pytest.raises(ValueError, match=r"0 sample|Found bags of shape"):
            MembershipClassifier().fit(np.empty(shape), np.arange(shape[0]) % 2)

    def test_lengths_that_differ(self, make_bags):
        bags, used = make_bags()
        with pytest.raises(ValueError, match="y has 39 labels for 40 queries"):
            MembershipClassifier().fit(bags, used[:-1])
        with pytest.raises(ValueError, match="groups has 39 entries for 40 queries"):
            MembershipClassifier().fit(bags, used, groups=used[:-1])

    def test_nan(self, make_bags):
        bags, used = make_bags()
        bags[3, 2, 1] = np.nan
        with pytest.raises(ValueError, match="X contains NaN"):
            MembershipClassifier().fit(bags, used)

    def test_nan_labels(self, make_bags):
        bags, used = make_bags()
        with pytest.raises(ValueError, match="missing labels, 20 of 40; the first is number 0"):
            MembershipClassifier().fit(bags, np.where(used, 1.0, np.nan))

    def test_unknown_fusion_names_the_known(self, make_bags):
        with pytest.raises(ValueError, match=r"'fusion' parameter .*logit_mean"):
            MembershipClassifier(fusion="mode").fit(*make_bags())

    def test_estimator_without_scores(self, make_bags):
        from sklearn.cluster import KMeans

        with pytest.raises(ValueError, match=r"'estimator' parameter .*'predict_proba'"):
            MembershipClassifier(KMeans()).fit(*make_bags())


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(), LinearSVC(), GaussianNB(), SVC(kernel="linear")]
)
def test_other_classifiers(estimator, make_bags):
    bags, used = make_bags()
    assert MembershipClassifier(estimator).fit(bags, used).score(bags, used) > 0.9


class TestTwoReadingsOfTheFolds:
    """One model of all pairs, or the mean of one a fold."""

    @staticmethod
    def rows_of(queries, n_generated):
        return (np.asarray(queries)[:, None] * n_generated + np.arange(n_generated)).ravel()

    @pytest.mark.parametrize("patients", [False, True])
    @pytest.mark.parametrize(
        "estimator", [None, LinearSVC(), make_pipeline(StandardScaler(), SVC(kernel="poly"))]
    )
    def test_average_is_scikit_learns_ensemble(self, make_bags, estimator, patients):
        bags, used = make_bags(gap=0.3)
        groups = np.arange(40) // 2 if patients else None
        folds = [
            (self.rows_of(train, 10), self.rows_of(test, 10))
            for train, test in query_folds(used, groups, n_splits=5)
        ]
        expected = CalibratedClassifierCV(
            estimator or make_pipeline(StandardScaler(), SVC()), ensemble=True, cv=folds
        )
        rows = bags.reshape(-1, 3)
        expected.fit(rows, np.repeat(used, 10))
        ours = MembershipClassifier(estimator, folds="average").fit(bags, used, groups=groups)
        probabilities = ours.predict_pair_proba(bags)
        np.testing.assert_allclose(
            probabilities.ravel(), expected.predict_proba(rows)[:, 1], atol=1e-7
        )
        np.testing.assert_allclose(ours.predict_proba(bags)[:, 1], probabilities.mean(axis=1))
        assert len(ours.estimator_) == len(ours.pair_calibrator_) == 5
        one = MembershipClassifier(estimator).fit(bags, used, groups=groups)
        assert np.abs(one.predict_pair_proba(bags) - probabilities).max() > 1e-4

    def test_probabilities_of_the_estimator_are_averaged_as_they_are(self, make_bags):
        bags, used = make_bags(gap=0.3)
        ours = MembershipClassifier(GaussianNB(), folds="average", cv=4).fit(bags, used)
        rows = bags.reshape(-1, 3)
        expected = [
            GaussianNB()
            .fit(rows[self.rows_of(train, 10)], np.repeat(used[train], 10))
            .predict_proba(rows)[:, 1]
            for train, _ in query_folds(used, None, n_splits=4)
        ]
        np.testing.assert_allclose(ours.predict_pair_proba(bags).ravel(), np.mean(expected, axis=0))
        assert ours.pair_calibrator_ == [None] * 4

    def test_no_pair_is_scored_by_what_was_fitted_on_its_query_or_patient(
        self, make_bags, recorder
    ):
        bags, used = make_bags()
        groups = np.arange(40) // 2
        MembershipClassifier(recorder, folds="average").fit(bags, used, groups=groups)
        assert len(Recorder.fits) == len(Recorder.scored) == 5  # and none of all pairs
        patient_of = {row.tobytes(): q // 2 for q, bag in enumerate(bags) for row in bag}
        for (fitted, _), scored in zip(Recorder.fits, Recorder.scored, strict=True):
            fitted, scored = (
                {patient_of[row.tobytes()] for row in rows} for rows in (fitted, scored)
            )
            assert not fitted & scored
            assert fitted | scored == set(range(20))

    @pytest.mark.parametrize("estimator", [GaussianNB(), LinearSVC()])
    def test_with_calibration_of_the_fused_score_and_few_pairs(self, make_bags, estimator):
        bags, used = make_bags(gap=0.4)
        ours = MembershipClassifier(
            estimator, folds="average", calibrate_fusion=True, max_pairs=200, random_state=0
        ).fit(bags, used)
        assert (ours.predict(bags) == used).mean() > 0.9
        assert ours.fusion_calibrator_ is not None
        assert ours.n_pairs_per_query_ == 5

    def test_a_fold_of_one_class_has_no_logistic(self, make_bags):
        bags, _ = make_bags()
        used = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 1])
        patients = np.array([2, 0, 3, 3, 4, 0, 0, 4, 0, 2, 0, 1])  # the last alone in a fold
        ours = MembershipClassifier(LinearSVC(), folds="average")
        with pytest.raises(ValueError, match="both classes in each, which folds='average' needs"):
            ours.fit(bags[:12], used, groups=patients)
        ours.set_params(estimator=GaussianNB()).fit(bags[:12], used, groups=patients)
        ours.set_params(estimator=LinearSVC(), folds="refit")
        ours.fit(bags[:12], used, groups=patients)

    def test_unknown(self, make_bags):
        with pytest.raises(ValueError, match="folds"):
            MembershipClassifier(folds="mean").fit(*make_bags())


class TestSinglePrecision:
    @pytest.mark.parametrize("folds", ["refit", "average"])
    def test_differs_by_rounding_only(self, folds, make_bags):
        bags, used = make_bags()
        double = MembershipClassifier(folds=folds).fit(bags, used)
        single = MembershipClassifier(folds=folds, precision="single").fit(bags, used)
        found, expected = (one.predict_pair_proba(bags) for one in (single, double))
        assert 0 < np.abs(found - expected).max() < 1e-4
        again = MembershipClassifier(folds=folds, precision="double").fit(bags, used)
        np.testing.assert_array_equal(again.predict_pair_proba(bags), expected)

    def test_other_jobs_and_pickles_change_no_bit(self, make_bags):
        bags, used = make_bags()
        alone = MembershipClassifier(precision="single").fit(bags, used)
        expected = alone.predict_proba(bags)
        shared = MembershipClassifier(precision="single", n_jobs=2).fit(bags, used)
        np.testing.assert_array_equal(shared.predict_proba(bags), expected)
        np.testing.assert_array_equal(
            pickle.loads(pickle.dumps(alone)).predict_proba(bags), expected
        )

    def test_another_is_refused(self, make_bags):
        with pytest.raises(ValueError, match=r"'precision' parameter .* Got 'half'"):
            MembershipClassifier(precision="half").fit(*make_bags())
