"""Intervals of metrics: within what a metric can be, and as wide as a calculation by hand."""

from __future__ import annotations

import dataclasses
import math
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

from nncli.metrics.definitions import METRICS
from nncli.metrics.intervals import estimate
from nncli.metrics.metric import OfARanking
from nncli.metrics.rows import ScoredRows
from nncli.metrics.student import share_interval, student_point

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


def test_where_all_rows_are_right_the_interval_says_how_wrong_they_may_be() -> None:
    """Of 5 right in 5, the share may still be as low as 57 %; an interval of 1 to 1 would be a promise."""
    rows = of_probabilities(np.eye(2)[[0, 0, 0, 1, 1]] * 0.8 + 0.1, np.array([0, 0, 0, 1, 1]))
    assert estimate(METRICS.create("accuracy"), rows).interval == pytest.approx((0.5655, 1), abs=5e-5)
    for spec in ("f1", "mcc", "balanced-accuracy", "roc-auc", "average-precision"):
        low, high = estimate(METRICS.create(spec), rows).interval or (1, 1)
        assert low < 0.75, spec
        assert high == 1, spec


def of_table(table: list[list[int]]) -> ScoredRows:
    """Rows of a table of true (down) and predicted classes."""
    counts = np.array(table)
    y, predicted = (np.repeat(codes.ravel(), counts.ravel()) for codes in np.indices(counts.shape))
    return of_probabilities(np.eye(len(table))[predicted] * 0.5 + 0.1, y)


def test_the_posterior_of_a_recall_is_that_of_jeffreys() -> None:
    """Beta (r + ½, t − r + ½): of 10 rows right in 20, from 0.2934 to 0.7066 (Brown, Cai, DasGupta 2001). Balanced
    accuracy with a class of 10⁶ rows, all right, is half of it and half of 1."""
    low, high = scipy.stats.beta.ppf([0.025, 0.975], 10.5, 10.5)
    found = estimate(METRICS.create("balanced-accuracy"), of_table([[1_000_000, 0], [10, 10]]))
    assert found.method == "posterior"
    assert found.interval == pytest.approx((0.5 + low / 2, 0.5 + high / 2), abs=0.004)


def test_the_posterior_of_f1_is_that_of_the_share_of_its_rows() -> None:
    """F1 = 2 J / (1 + J), where J is the share of right rows in those that are of the class or predicted as it:
    Beta (r + ½, wrong + 1), as each class has half a wrong row more. All moved to F1 where that is farther out."""
    J = scipy.stats.beta.ppf([0.025, 0.975], 40.5, 21)
    low, high = 2 * J / (1 + J)
    centre = 2 * 40.5 / (2 * 40.5 + 21)
    found = estimate(METRICS.create("f1"), of_table([[10_000, 8], [12, 40]]))
    assert found.value == pytest.approx(0.8)
    assert found.interval == pytest.approx((low, high + 0.8 - centre), abs=0.005)


def test_of_many_rows_the_interval_of_roc_auc_is_that_of_delong() -> None:
    """The standard error of the mean of ranks: √(var (share of others below each row) / m + the same of others)."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [3000, 1000])
    z = rng.normal(size=4000) + y
    below = (z[y == 1][:, None] > z[y == 0]).astype(float)
    error = math.sqrt(below.mean(axis=1).var() / 1000 + below.mean(axis=0).var() / 3000)
    found = estimate(METRICS.create("roc-auc"), ScoredRows(y, (z > 0.5).astype(int), 2, z[:, None], probabilistic=True))
    assert found.interval is not None
    assert found.interval == pytest.approx((below.mean() - 1.96 * error, below.mean() + 1.96 * error), abs=error / 10)


@pytest.mark.parametrize("df", [5, 10, 30, 1000])
def test_the_point_of_student_is_that_of_scipy(df: int) -> None:
    assert student_point(df) == pytest.approx(scipy.stats.t.ppf(0.975, df), abs=0.005)
    if df >= 10:  # nearer, the expansion is cut off
        assert student_point(df, 3.0) == pytest.approx(scipy.stats.t.isf(scipy.stats.norm.sf(3), df), rel=0.005)


INTERVALS = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "intervals.py"))
COVERED, DRAWN = 0.93, 400
RARE = ("recall", True)


@pytest.mark.long
@pytest.mark.parametrize(
    "design",
    [
        "5 of 300 positive, mediocre",
        "100 rows, 2 classes, good",
        "300 rows, 4 classes, one of 5 %, good",
    ],
)
def test_intervals_of_every_metric_hold_in_93_of_100_samples(design: str) -> None:
    """Of `DRAWN` samples, less two standard errors, √(0.93 · 0.07 / DRAWN). Those of few rows may hold
    in more. The recall of 2 % of 5 rows is left out: Wilson's interval for it holds in 91 of 100."""
    found = INTERVALS["coverage"](DRAWN, *INTERVALS["DESIGNS"][design])
    least = 100 * (COVERED - 2 * math.sqrt(COVERED * (1 - COVERED) / DRAWN))
    low = {spec: held for spec, (truth, held, _) in found.items() if held < least and (spec, truth < 0.03) != RARE}
    assert not low


@pytest.mark.long
def test_intervals_of_groups_hold_all_together_in_95_of_100_samples() -> None:
    """Of 4 groups of 200 rows with a class of 10 %, in 150 samples; less two standard errors, √(0.95 · 0.05 / 150)."""
    held = INTERVALS["of_groups"](150, 4, 200, [0.9, 0.1], 1.5)
    assert not {spec: percent for spec, percent in held.items() if percent < 100 * (0.95 - 2 * 0.0178)}


@pytest.mark.long
@pytest.mark.parametrize("noise", [(0.4, 0.4), (0.2, 0.8)], ids=["equally good", "one better"])
def test_intervals_of_differences_hold_and_go_with_their_p_values(noise: tuple[float, float]) -> None:
    """Of 150 pairs of models on 300 rows, of which 10 are of one class: 93 % less two standard errors, 0.0208, and p
    below 0.05 for at most 7 % and as much of equally good ones. Both disagree in 2 % of the pairs at most; cost and
    means of few rows in 6, as their p-values come from signs alone."""
    found = INTERVALS["differences"](150, *INTERVALS["DESIGNS"]["10 of 300 positive, good"], noise)
    assert not {spec: its for spec, its in found.items() if its[0] < 100 * (0.93 - 2 * 0.0208)}
    assert not {spec: its for spec, its in found.items() if its[2] > 0 or its[3] > 6}
    if noise[0] == noise[1]:
        assert not {spec: its for spec, its in found.items() if its[1] > 100 * (0.07 + 2 * 0.0208)}


def test_intervals_stay_within_what_a_metric_can_be() -> None:
    """6,000 rows of which one is wrong: normal intervals would reach below 0."""
    P = np.tile([0.999, 0.001], (6000, 1))
    y = np.zeros(6000, np.int64)
    y[0] = 1
    for spec in ("log-loss", "brier", "ece"):
        low, high = estimate(METRICS.create(spec), of_probabilities(P, y)).interval or (np.nan, np.nan)
        assert 0 <= low < high, spec


def test_the_calibration_error_of_one_bin_has_the_interval_of_a_mean() -> None:
    """Of 10,000 rows with the probability 0.8, 70 % are right: a gap of 0.1 with the standard error
    √(0.7 · 0.3 / 10,000) = 0.00458, so 0.1 ± 1.96 · 0.00458. As many groups of ten equal rows know √10 less."""
    y = np.arange(10_000) % 10 >= 7
    rows = of_probabilities(np.tile([0.8, 0.2], (10_000, 1)), y.astype(np.int64))
    found = estimate(METRICS.create("ece"), rows)
    assert found.interval == pytest.approx((0.0910, 0.1090), abs=0.0006)
    wider = estimate(METRICS.create("ece"), rows, z=3.0)  # as one of several looks
    assert wider.interval == pytest.approx((0.1 - 3 * 0.00458, 0.1 + 3 * 0.00458), abs=0.001)
    groups = np.arange(10_000) // 100 * 10 + np.arange(10_000) % 10  # ten equal rows each
    grouped = estimate(METRICS.create("ece"), dataclasses.replace(rows, groups=groups))
    assert grouped.interval == pytest.approx((0.1 - 0.0090 * 10**0.5, 0.1 + 0.0090 * 10**0.5), abs=0.002)


def test_a_small_calibration_error_may_be_none() -> None:
    """Of 100 rows with the probability 0.8, 79 are right: a gap of 0.01, with the standard error s = 0.0407. A true
    gap t gives one within ±0.01 with the probability Φ((0.01 − t) / s) − Φ((−0.01 − t) / s): 2.5 % for t = 0.083."""
    rows = of_probabilities(np.tile([0.8, 0.2], (100, 1)), (np.arange(100) >= 79).astype(np.int64))
    found = estimate(METRICS.create("ece"), rows)
    assert found.interval is not None
    assert found.interval[0] == 0
    assert found.interval[1] == pytest.approx(0.083, abs=0.003)
    wider = estimate(METRICS.create("ece"), rows, z=3.0).interval
    assert wider is not None
    assert wider[0] == 0
    assert wider[1] > 0.083 + 0.02  # it may end below the error that was found, and yet has to grow


@pytest.mark.long
@pytest.mark.parametrize("temperature", [0.6, 1, 1.5])
def test_intervals_of_the_calibration_error_hold_in_some_95_of_100_samples(temperature: float) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=200_000)
    Z = temperature * (rng.normal(size=(len(y), 3)) + 1.5 * np.eye(3)[y])
    everyone = ScoredRows(y, Z.argmax(axis=1), 3, Z, probabilistic=True)
    metric = METRICS.create("ece")
    truth, hits = metric.value(everyone), 0
    for _ in range(400):
        some = rng.integers(len(y), size=300)
        sample = ScoredRows(y[some], everyone.predicted[some], 3, Z[some], probabilistic=True)
        low, high = estimate(metric, sample).interval or (np.nan, np.nan)
        hits += low <= truth <= high
    assert hits >= 0.92 * 400  # the standard error of a share of 0.95 is 1.1 %


def test_macro_averages_of_drawn_rows_are_over_the_same_classes() -> None:
    """The third class has 2 of 102 rows, and is never predicted. Its recall is at most that of Beta (½, 2½), 0.67, and
    the mean at most (1 + 1 + 0.67) / 3; its F1 at most 2 · 0.67 / 1.67 = 0.80. Without that class both would be 1."""
    y = np.repeat([0, 1, 2], [50, 50, 2])
    rows = ScoredRows(y, np.minimum(y, 1), 3, np.eye(3)[np.minimum(y, 1)], probabilistic=True)
    for spec in ("recall:average=macro", "balanced-accuracy"):
        interval = estimate(METRICS.create(spec), rows).interval
        assert interval is not None
        assert interval[1] < 0.9, spec
    f1 = estimate(METRICS.create("f1:average=macro"), rows)
    assert f1.interval is not None
    assert f1.interval[1] < (1 + 1 + 0.81) / 3


def test_of_very_many_rows_it_is_said_that_there_is_no_interval() -> None:
    rng = np.random.default_rng(0)
    n = 600_000
    y = rng.integers(2, size=n)
    rows = ScoredRows(y, y, 2, rng.normal(size=(n, 1)), probabilistic=True)
    found = estimate(METRICS.create("average-precision"), dataclasses.replace(rows, groups=np.arange(n) // 2))
    assert (found.interval, found.method) == (None, "no interval: many rows or classes")


@pytest.mark.parametrize("spec", ["average-precision", "roc-auc"])
@pytest.mark.parametrize("K", [2, 3])
def test_the_influence_of_a_row_is_how_the_figure_grows_where_it_counts_a_little_more(spec: str, K: int) -> None:
    """Of rows with ties: the difference quotient of a row that counts 1 + 1e-6 times."""
    rng, metric = np.random.default_rng(K), METRICS.create(spec)
    assert isinstance(metric, OfARanking)
    y = np.arange(40) % K
    rows = ScoredRows(y, y, K, rng.integers(0, 4, (40, K)).astype(float) + np.eye(K)[y], probabilistic=True)
    counts = np.ones((41, 40))
    counts[np.arange(40), np.arange(40)] += 1e-6
    values = metric.values(metric.evidence(rows), y, counts)
    assert metric.influence(rows) == pytest.approx((values[:40] - values[40]) / 1e-6, abs=1e-6)
    assert metric.influence(rows).sum() == pytest.approx(0, abs=1e-12)


def test_the_interval_of_average_precision_is_as_wide_as_that_of_drawn_rows() -> None:
    """Of 2,000 rows, whose 2,000 resamples have a spread that is known within 1.6 %."""
    rng, metric = np.random.default_rng(0), METRICS.create("average-precision")
    y = (rng.random(2000) < 0.2).astype(np.int64)
    rows = ScoredRows(y, y, 2, (rng.normal(size=2000) + y)[:, None], probabilistic=True)
    drawn = metric.values(metric.evidence(rows), y, rng.multinomial(2000, np.full(2000, 1 / 2000), 2000).astype(float))
    low, high = estimate(metric, rows).interval or (np.nan, np.nan)
    assert high - low == pytest.approx(2 * 1.96 * drawn.std(), rel=0.06)
