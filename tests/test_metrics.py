from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

from nncli.inference import metrics
from nncli.inference.metrics import accuracy_interval, all_metrics, calibration_error, pooled
from peak_memory import PEAK


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


@pytest.mark.parametrize("K", [2, 4, 31])
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
    by_class = reference.precision_recall_fscore_support(y, predicted, zero_division=0)
    for name, values in zip(("precision", "recall", "f1", "n"), by_class, strict=True):
        assert [row[name] for row in found["per_class"].values()] == pytest.approx(values.tolist(), rel=1e-12)
    assert found["confusion_matrix"] == reference.confusion_matrix(y, predicted).tolist()


@pytest.mark.parametrize("cells", [1, 700, 1 << 21])
def test_areas_under_the_curve_are_those_of_scikit_learn(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where many scores are the same, and where classes are taken one, two or all at a time."""
    monkeypatch.setattr(metrics, "SCORES_AT_ONCE", cells)
    rng = np.random.default_rng(1)
    K, n = 17, 300
    y = np.concatenate([np.arange(K), rng.integers(K, size=n - K)])
    for scores in (rng.normal(size=(n, K)), rng.integers(4, size=(n, K)), np.zeros((n, K))):
        scores = scores.astype(np.float32)
        expected = [reference.roc_auc_score(y == k, scores[:, k]) for k in range(K)]
        assert metrics.areas_under_the_curve(scores, y, range(K)) == pytest.approx(expected, rel=1e-12)
        others = [[max(row[:k].tolist() + row[k + 1 :].tolist()) for k in range(K)] for row in scores]
        leads = scores - np.array(others, np.float32)
        expected = [reference.roc_auc_score(y == k, leads[:, k]) for k in range(K)]
        found = all_metrics(scores.copy(), scores.argmax(axis=1), y, [f"c{k}" for k in range(K)], probabilistic=False)
        assert found["roc_auc"] == pytest.approx(np.mean(expected), rel=1e-12)


def judged(y: np.ndarray[Any, Any], predicted: np.ndarray[Any, Any], K: int) -> dict[str, Any]:
    return all_metrics(np.eye(K)[predicted], predicted, y, [f"c{k}" for k in range(K)], probabilistic=True)


def test_the_confusion_matrix_has_its_zeros_for_up_to_200_classes() -> None:
    """Class 0 is right twice and taken for the last once; the last is never right."""
    for K in (2, 200, 201):
        found = judged(np.array([0, 0, 0, K - 1]), np.array([0, K - 1, 0, 0]), K)
        assert found["confusion_counts"] == [[0, 0, 2], [0, K - 1, 1], [K - 1, 0, 1]]
        assert found["confusion_matrix_omitted"] == (K > 200)
        if K > 200:
            assert found["confusion_matrix"] is None
        else:
            matrix = np.array(found["confusion_matrix"])
            assert (matrix.shape, matrix.sum()) == ((K, K), 4)
            assert (matrix[0, 0], matrix[0, K - 1], matrix[K - 1, 0]) == (2, 1, 1)


@pytest.mark.parametrize("K", [3, 300])
def test_the_metrics_of_several_files_are_those_of_all_their_rows(K: int) -> None:
    rng = np.random.default_rng(2)
    y = rng.integers(K, size=500)
    predicted = np.where(rng.random(500) < 0.7, y, rng.integers(K, size=500))
    parts = [judged(y[some], predicted[some], K) for some in (slice(0, 9), slice(9, 10), slice(10, 500))]
    whole = judged(y, predicted, K)
    for name, value in pooled(parts).items():
        assert value == pytest.approx(whole[name], rel=1e-12), name


def test_metrics_of_many_classes_take_little_more_memory_than_the_probabilities() -> None:
    """A matrix of 6,000 × 6,000 counts would take 288 MB, and as lists as much again."""
    code = f"""if True:
        import numpy as np
        from nncli.inference.metrics import all_metrics
        rng = np.random.default_rng(0)
        P, y, classes = rng.random((6000, 6000), np.float32), rng.permutation(6000), list(map(str, range(6000)))
        predicted = P.argmax(axis=1)
        before = {PEAK}
        found = all_metrics(P, predicted, y, classes, probabilistic=True)
        assert abs(found["roc_auc"] - 0.5) < 0.05
        print({PEAK} - before)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60_000  # KiB


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
