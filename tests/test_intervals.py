"""Intervals of metrics: within what a metric can be, and as wide as a calculation by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from nncli.metrics.definitions import METRICS
from nncli.metrics.intervals import estimate, share_interval
from nncli.metrics.rows import ScoredRows

Array = np.ndarray[Any, Any]


def of_probabilities(P: Array, y: Array) -> ScoredRows:
    """Rows with probabilities P; those of 0 are as small as can be written."""
    return ScoredRows(y, P.argmax(axis=1), P.shape[1], np.log(np.maximum(P, 1e-300)), probabilistic=True)


def test_wilson_interval() -> None:
    """81 of 263 is the worked example of Newcombe (1998), method 3: 0.2553 to 0.3662; 0 of 20: 0 to 0.1611."""
    assert share_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert share_interval(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
    assert share_interval(20, 20)[1] == 1


@pytest.mark.parametrize("n", [400, 8000])
def test_the_interval_of_a_mean_is_two_standard_errors_to_each_side(n: int) -> None:
    P = np.random.default_rng(0).dirichlet(np.ones(3), n)
    rows = of_probabilities(P, np.random.default_rng(1).integers(3, size=n))
    found = estimate(METRICS.create("log-loss"), rows)
    assert found.value is not None
    half = 1.96 * -np.log(P[np.arange(n), rows.y]).std() / math.sqrt(n)
    assert found.interval == pytest.approx((found.value - abs(half), found.value + abs(half)), abs=abs(half) / 8)
    assert found == estimate(METRICS.create("log-loss"), rows)  # it is seeded


def test_where_all_rows_are_right_resampled_ones_do_not_say_how_sure_that_is() -> None:
    """Of 5 right in 5, the share may still be as low as 57 %; an interval of 1 to 1 would be a promise."""
    rows = of_probabilities(np.eye(2)[[0, 0, 0, 1, 1]] * 0.8 + 0.1, np.array([0, 0, 0, 1, 1]))
    assert estimate(METRICS.create("f1"), rows).interval is None
    assert estimate(METRICS.create("roc-auc"), rows).interval is None
    assert estimate(METRICS.create("accuracy"), rows).interval == pytest.approx((0.5655, 1), abs=5e-5)


def test_intervals_stay_within_what_a_metric_can_be() -> None:
    """6,000 rows of which one is wrong: normal intervals would reach below 0."""
    P = np.tile([0.999, 0.001], (6000, 1))
    y = np.zeros(6000, np.int64)
    y[0] = 1
    for spec in ("log-loss", "brier", "ece"):
        low, high = estimate(METRICS.create(spec), of_probabilities(P, y)).interval or (np.nan, np.nan)
        assert 0 <= low < high, spec


def test_macro_averages_of_drawn_rows_are_over_the_same_classes() -> None:
    """The third class has 2 of 102 rows, and is never predicted: at most two thirds can be right."""
    y = np.repeat([0, 1, 2], [50, 50, 2])
    rows = ScoredRows(y, np.minimum(y, 1), 3, np.eye(3)[np.minimum(y, 1)], probabilistic=True)
    for spec in ("recall:average=macro", "balanced-accuracy"):
        interval = estimate(METRICS.create(spec), rows).interval
        assert interval is None or interval[1] < 0.67, spec
    f1 = estimate(METRICS.create("f1:average=macro"), rows)
    assert f1.interval is not None
    assert f1.interval[1] <= 2 / 3


def test_of_very_many_rows_it_is_said_that_there_is_no_interval() -> None:
    rng = np.random.default_rng(0)
    n = 600_000
    y = rng.integers(2, size=n)
    rows = ScoredRows(y, y, 2, rng.normal(size=(n, 1)), probabilistic=True)
    found = estimate(METRICS.create("average-precision"), rows)
    assert (found.interval, found.method) == (None, "no interval: many rows or classes")
