import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, recall_score

from gan_isi.metrics import membership_metrics, specificity_score


def test_specificity_is_the_recall_of_the_other_class(rng):
    y_true, y_pred = rng.integers(0, 2, (2, 50))
    assert specificity_score(y_true, y_pred) == recall_score(y_true, y_pred, pos_label=0)


def test_metrics_from_the_confusion_matrix(rng):
    names = np.array(["not used", "used"])
    y_true, y_pred = names[rng.integers(0, 2, (2, 60))]
    tn, fp, fn, tp = confusion_matrix(y_true, y_pred).ravel()
    metrics = membership_metrics(y_true, y_pred)
    assert metrics == pytest.approx(
        {
            "accuracy": (tn + tp) / 60,
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "specificity": tn / (tn + fp),
            "f1": 2 * tp / (2 * tp + fp + fn),
            "chance": max(tp + fn, tn + fp) / 60,
        }
    )


def test_nobody_called_a_member():
    assert membership_metrics([0, 1], [0, 0])["precision"] == 0


def test_errors():
    with pytest.raises(ValueError, match="at least one non-member"):
        specificity_score([1, 1], [0, 1])
    with pytest.raises(ValueError, match="Expected two labels, got 3"):
        specificity_score([0, 1, 2], [0, 1, 1])
    with pytest.raises(ValueError, match="say with pos_label"):
        specificity_score([0, 0], [0, 0])
    assert specificity_score([0, 0], [0, 0], pos_label=1) == 1
    with pytest.raises(ValueError, match="one label a query"):
        specificity_score([0, 0], [0])
