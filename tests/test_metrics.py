from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from nncli.metrics import accuracy_interval, all_metrics, calibration_error


def test_wilson_interval() -> None:
    """81 of 263 is the worked example of Newcombe (1998), method 3: 0.2553 to 0.3662; 0 of 20: 0 to 0.1611."""
    assert accuracy_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert accuracy_interval(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
    assert accuracy_interval(20, 20)[1] == 1


def test_calibration_error_by_hand() -> None:
    """Confidences 0.9, 0.9 (one right) and 0.6 (right): (2/3)·|0.5 − 0.9| + (1/3)·|1 − 0.6| = 0.4"""
    P = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]])
    assert calibration_error(P, np.array([0, 1, 1])) == pytest.approx(0.4)


def test_a_sure_and_right_model_is_calibrated() -> None:
    assert calibration_error(np.eye(3), np.arange(3)) == 0


@pytest.mark.parametrize("K", [2, 4])
def test_the_rest_against_scikit_learn(K: int) -> None:
    rng = np.random.default_rng(K)
    P = rng.dirichlet(np.ones(K), 200)
    y = rng.integers(K, size=200)
    predicted = P.argmax(axis=1)
    found = all_metrics(P, predicted, y, [f"c{k}" for k in range(K)], probabilistic=True)
    assert found["accuracy"] == reference.accuracy_score(y, predicted)
    assert found["log_loss"] == pytest.approx(reference.log_loss(y, P))
    assert found["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(y, predicted))
    assert found["f1_macro"] == pytest.approx(reference.f1_score(y, predicted, average="macro"))
    assert found["f1_weighted"] == pytest.approx(reference.f1_score(y, predicted, average="weighted"))
    of_k = P[:, 1] if K == 2 else P
    assert found["roc_auc"] == pytest.approx(reference.roc_auc_score(y, of_k, multi_class="ovr", average="macro"))
    assert sum(map(sum, found["confusion_matrix"])) == found["n"] == 200
    assert [row["n"] for row in found["per_class"].values()] == np.bincount(y).tolist()


def test_a_class_without_rows_is_no_zero() -> None:
    """Of three classes two have rows: their recalls are 1 and 0.5, and the third does not count."""
    P = np.eye(3)[[0, 1, 0]]
    found = all_metrics(P, P.argmax(axis=1), np.array([0, 1, 1]), ["a", "b", "c"], probabilistic=True)
    assert found["balanced_accuracy"] == 0.75
    assert found["log_loss"] == pytest.approx(87.33654 / 3, rel=1e-6)  # −log 2⁻¹²⁶ = 126 · 0.693147, once in three rows
    assert found["roc_auc"] is None


def test_rows_of_the_confusion_matrix_are_the_true_classes() -> None:
    """Two rows of class a, both taken for b, and one of b taken for b."""
    P = np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]])
    found = all_metrics(P, np.array([1, 1, 1]), np.array([0, 0, 1]), ["a", "b"], probabilistic=True)
    assert found["confusion_matrix"] == [[0, 2], [0, 1]]
    assert found["per_class"]["b"] == {"precision": 1 / 3, "recall": 1, "f1": 0.5, "n": 1}


def test_scores_have_no_log_loss_but_an_area_under_the_curve() -> None:
    """Of the scores −3, 2, 1, 4 with truth 0, 0, 1, 1, three of the four pairs are in order: AUC 0.75."""
    z = np.array([-3.0, 2.0, 1.0, 4.0])
    found = all_metrics(
        np.stack([-z, z], axis=1), (z >= 0) * 1, np.array([0, 0, 1, 1]), ["a", "b"], probabilistic=False
    )
    assert (found["log_loss"], found["ece"], found["roc_auc"], found["accuracy"]) == (None, None, 0.75, 0.75)
