"""Figures of predicted numbers: their values are scikit-learn's, and their intervals hold what they should."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import mean_absolute_error, median_absolute_error, r2_score, root_mean_squared_error

from nncli.metrics.definitions import METRICS
from nncli.metrics.intervals import estimate
from nncli.metrics.mean_interval import median_interval, skewed_interval
from nncli.metrics.paired import sign_flip_p
from nncli.metrics.paired_interval import mean_difference_interval
from nncli.metrics.reported import OF_NUMBERS
from nncli.metrics.rows import ScoredRows

THEIRS: dict[str, Callable[..., float]] = {
    "rmse": root_mean_squared_error,
    "mae": mean_absolute_error,
    "r2": r2_score,
    "median-error": median_absolute_error,
}


def drawn(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers with a standard deviation of 2, and predictions that are off by normal errors of 1."""
    rng = np.random.default_rng(seed)
    predicted = 100 + np.sqrt(3) * rng.normal(size=n)
    return predicted + rng.normal(size=n), predicted


@pytest.mark.parametrize("name", OF_NUMBERS)
@pytest.mark.parametrize("n", [2, 7, 100, 5001])
def test_values_are_scikit_learns(name: str, n: int) -> None:
    y, predicted = drawn(n, n)
    rows, metric = ScoredRows.of_numbers(y, predicted), METRICS.create(name)
    expected = THEIRS[name](y, predicted)
    assert metric.value(rows) == pytest.approx(expected)
    once = np.ones((1, n))
    assert metric.values(metric.evidence(rows), y, once)[0] == pytest.approx(expected), "as resampled rows have it"


@pytest.mark.parametrize("name", ["rmse", "mae", "r2"])
def test_rows_that_count_several_times_are_rows_there_so_often(name: str) -> None:
    y, predicted = drawn(1, 50)
    times = np.arange(50) % 4
    rows, metric = ScoredRows.of_numbers(y, predicted), METRICS.create(name)
    found = metric.values(metric.evidence(rows), y, times[None].astype(float))[0]
    assert found == pytest.approx(THEIRS[name](np.repeat(y, times), np.repeat(predicted, times)))


# of normal errors: √1, √(2/π), the third quartile of the normal distribution, and 1 − 1/4
TRUE = {"rmse": 1.0, "mae": np.sqrt(2 / np.pi), "median-error": 0.6744897501960817, "r2": 0.75}


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_intervals_hold_the_truth_in_95_of_100_samples(name: str) -> None:
    draws, held = 60 if name == "r2" else 200, 0  # resampling takes its time
    for seed in range(draws):
        found = estimate(METRICS.create(name), ScoredRows.of_numbers(*drawn(seed, 80))).interval
        assert found is not None
        held += found[0] <= TRUE[name] <= found[1]
    assert held >= binom.ppf(1e-4, draws, 0.95), "fewer come up once in 10,000 times"


def test_groups_widen_the_intervals_of_errors_that_hang_together() -> None:
    """Ten rows of each of 20 groups have the same error: they are 20 rows, and not 200."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 10)
    y = rng.normal(size=200)
    predicted = y + rng.normal(size=20)[groups]
    for name in OF_NUMBERS:
        alone, together = (
            estimate(METRICS.create(name), ScoredRows.of_numbers(y, predicted, groups=which)).interval
            for which in (None, groups)
        )
        assert together[1] - together[0] > 1.5 * (alone[1] - alone[0]), name


@pytest.mark.parametrize("n", [5, 20, 101, 2001])
def test_the_interval_of_a_median_is_between_the_ranks_of_the_binomial_distribution(n: int) -> None:
    """The k-th least and the k-th largest, with the largest k for which P(B(n, ½) < k) ≤ 2.5 %; of 5 rows, all."""
    low, high = median_interval(np.arange(1.0, n + 1))
    k = max(1, int(binom.ppf(0.025, n, 0.5)) + (binom.cdf(binom.ppf(0.025, n, 0.5), n, 0.5) <= 0.025))
    assert low == pytest.approx(k, abs=1 if n > 1000 else 0)
    assert high == n + 1 - low


@pytest.mark.parametrize("unit", [2.0**1000, 2.0**-1000], ids=["huge", "tiny"])
def test_intervals_of_means_know_numbers_of_any_size(unit: float) -> None:
    """In another unit the interval is the same, though the squares of these numbers are no float: of squared errors of
    1e97, say."""
    x = np.random.default_rng(0).gamma(1, size=40)
    for interval in (skewed_interval, mean_difference_interval):
        low, high = interval(x)
        assert interval(x * unit) == (low * unit, high * unit)
    for d in (x[:1], x[:9] - 1, np.array([1.0, 1, -1])):
        assert sign_flip_p(d * unit) == sign_flip_p(d)


def test_r2_of_rows_with_one_number_is_not_defined() -> None:
    rows = ScoredRows.of_numbers(np.ones(10), np.arange(10.0))
    assert estimate(METRICS.create("r2"), rows).value is None
    assert estimate(METRICS.create("rmse"), rows).value == pytest.approx(np.sqrt(((np.arange(10) - 1) ** 2).mean()))
