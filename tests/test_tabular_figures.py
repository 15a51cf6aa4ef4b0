"""The figures of benchmarks/tabular.py: those of one method on one split, and the comparison over tables."""

from __future__ import annotations

import math
import runpy
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from sklearn import metrics

FIGURES = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "tabular_figures.py"))


def test_log_loss_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    P, y = rng.dirichlet(np.ones(4), 300), rng.integers(4, size=300)
    assert FIGURES["log_loss"](P, y) == pytest.approx(metrics.log_loss(y, P, labels=range(4)))


def test_one_certain_mistake_leaves_the_log_loss_finite() -> None:
    P = np.array([[1.0, 0.0], [0.5, 0.5]])
    assert FIGURES["log_loss"](P, np.array([1, 0])) == pytest.approx((math.log(1e7) + math.log(2)) / 2)


def test_the_calibration_error_is_that_by_hand() -> None:
    """Two rows are in (14/15, 1], of which one is a hit: |1 − (0.95 + 1)|; 0.62, a hit, is in (9/15, 10/15], and 0.69,
    a miss, in (10/15, 11/15]; 0.4 is a miss: (0.95 + 0.38 + 0.69 + 0.4) / 5 rows."""
    P = np.array([[0.95, 0.05, 0], [0, 1, 0], [0.2, 0.18, 0.62], [0.69, 0.31, 0], [0.4, 0.3, 0.3]])
    assert FIGURES["expected_calibration_error"](P, np.array([0, 2, 2, 1, 1])) == pytest.approx(0.484)


def test_the_interval_over_sets_is_that_of_the_t_test_of_scipy() -> None:
    values = np.random.default_rng(1).normal(0.3, 1, 9)
    mean, low, high = FIGURES["mean_and_interval"](values)
    expected = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (mean, low, high) == pytest.approx((values.mean(), expected.low, expected.high))


def test_methods_are_compared_on_the_splits_that_both_have() -> None:
    """On a: (0.75 + 0.85)/2 − (0.7 + 0.7)/2 = 0.1; on b, where LightGBM has split 0 alone: 0.6 − 0.8 = −0.2, so that
    the mean is −0.05; half of the interval is t₁(0.975) · 0.3/2 = 12.7062 · 0.15 = 1.90593. Set c is not in both."""
    accuracies = {
        "a": {"ours": [0.75, 0.85], "lightgbm": [0.7, 0.7]},
        "b": {"ours": [0.6, 1.0], "lightgbm": [0.8]},
        "c": {"ours": [0.5]},
    }
    records = [
        {"set": name, "method": method, "split": split, "accuracy": accuracy}
        for name, methods in accuracies.items()
        for method, its in methods.items()
        for split, accuracy in enumerate(its)
    ]
    lines = FIGURES["markdown"](records, ["ours", "lightgbm"]).splitlines()
    assert "| **mean of 2** | 70.00 | 75.00 |" in lines  # of a and b: (0.8 + 0.6)/2, (0.7 + 0.8)/2
    assert "| b | 60.00 | 80.00 |" in lines
    assert "| c | 50.00 | - |" in lines
    assert "| ours | -5.00 | -195.59 to +185.59 | 2 | 1 | 1 |" in lines


def test_methods_are_compared_with_the_peer_that_is_named() -> None:
    """LightGBM counts as any other method then: 0.9 − 0.7 = 0.2, and 0.8 − 0.7 = 0.1."""
    accuracies = {"ours": 0.7, "lightgbm": 0.9, "fasttext": 0.8}
    records = [{"set": "a", "method": name, "split": 0, "accuracy": value} for name, value in accuracies.items()]
    lines = FIGURES["markdown"](records, ["ours", "lightgbm", "fasttext"], "ours").splitlines()
    assert "| minus ours's | mean | 95 % interval over sets | sets | better | worse |" in lines
    assert "| lightgbm | +20.00 | - | 1 | 1 | 0 |" in lines
    assert "| fasttext | +10.00 | - | 1 | 1 | 0 |" in lines


def test_errors_are_compared_by_their_ratio() -> None:
    """Half of LightGBM's on one set and 8 times it on the other are √(½ · 8) = 2 times it on average."""
    errors = {"a": (1.0, 2.0), "b": (800.0, 100.0)}
    records = [
        {"set": name, "method": method, "split": 0, "rmse": error}
        for name, both in errors.items()
        for method, error in zip(("ours", "lightgbm"), both, strict=True)
    ]
    lines = FIGURES["markdown"](records, ["ours", "lightgbm"]).splitlines()
    assert [line for line in lines if line.startswith("| ours | 2.000 |") and line.endswith("| 2 | 1 | 1 |")]
