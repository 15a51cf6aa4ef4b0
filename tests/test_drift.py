"""How far two samples differ: PSI, the chi-square test of two samples, values outside of a range, Holm's correction."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nncli.guards.bins import EDGES, count_outside, count_up_to, counts_of, edges_of, padded
from nncli.guards.drift import chance_outside, chi_square_tail, holm, pooled, stability_index, two_sample_chi_square

RNG = np.random.default_rng(0)


def test_the_stability_index_is_that_of_a_hand_calculation() -> None:
    """Of (90, 10) and (60, 40), with half a value more in each bin: the shares are 90.5/101 and 10.5/101, 60.5/101 and
    40.5/101, and PSI = 30/101 · (ln(90.5/60.5) + ln(40.5/10.5)) = 0.297030 · (0.402707 + 1.349927) = 0.520584."""
    assert stability_index(np.array([90.0, 10]), np.array([60.0, 40])) == pytest.approx(0.520584, abs=1e-6)
    assert stability_index(np.array([5.0, 7, 0]), np.array([5.0, 7, 0])) == 0


@pytest.mark.parametrize("bins", [2, 3, 10, 40])
def test_chi_square_is_that_of_a_table_of_two_rows(bins: int) -> None:
    from scipy.stats import chi2_contingency

    a, b = RNG.integers(5, 90, bins).astype(float), RNG.integers(5, 60, bins).astype(float)
    expected = chi2_contingency(np.stack([a, b]), correction=False)
    found, df = two_sample_chi_square(a, b)
    assert (found, df) == (pytest.approx(expected.statistic), expected.dof)
    assert chi_square_tail(found, df) == pytest.approx(expected.pvalue, rel=1e-9)


@pytest.mark.parametrize("df", [1, 2, 3, 9, 10, 101, 1000])
def test_the_tail_of_chi_square_is_that_of_scipy(df: int) -> None:
    from scipy.stats import chi2

    for x in (1e-9, 0.3, df / 2, df, df + 5 * math.sqrt(2 * df), 4.0 * df + 60):
        assert chi_square_tail(x, df) == pytest.approx(chi2.sf(x, df), rel=1e-8, abs=1e-300)


def test_samples_without_two_bins_or_without_values_are_alike() -> None:
    for a, b in (([9.0, 0], [4.0, 0]), ([0.0, 0], [4.0, 7]), ([3.0], [5.0])):
        statistic, df = two_sample_chi_square(np.array(a), np.array(b))
        assert (statistic, df, chi_square_tail(statistic, df)) == (0, 0, 1)


def test_bins_in_which_few_are_expected_are_put_together() -> None:
    """Of the second sample, a third of all, (60 + 30) / 3 = 30, 18, 1 and 1 are expected: the last two, which are 2
    together, need the smallest of the others with them."""
    a, b = pooled(np.array([60.0, 35, 2, 3]), np.array([30.0, 19, 1, 0]))
    assert (a.tolist(), b.tolist()) == ([40, 60], [20, 30])
    a, b = pooled(np.array([50.0, 50]), np.array([25.0, 25]))
    assert (a.tolist(), b.tolist()) == ([50, 50], [25, 25])


def test_the_chance_of_values_outside_is_that_of_all_orders() -> None:
    """Of one new value and N others it is the lowest or highest with 2 / (N + 1). Of 2 new values and 1 other, of the
    six orders of a, b and x four have x first or last (2 outside, as both lie on one side), and two have it between
    them (again 2 outside): both are outside for sure."""
    assert chance_outside(1, 1, 99) == pytest.approx(2 / 100)
    assert chance_outside(2, 2, 1) == pytest.approx(1)
    assert chance_outside(0, 7, 20) == 1
    values = RNG.random((20_000, 40))
    known, new = values[:, :25], values[:, 25:]
    outside = ((new < known.min(1, keepdims=True)) | (new > known.max(1, keepdims=True))).sum(1)
    for found in (1, 2, 4):
        assert chance_outside(found, 15, 25) == pytest.approx(float((outside >= found).mean()), abs=0.012)


def test_holm_multiplies_by_how_many_are_left() -> None:
    """By hand: the smallest of four is multiplied by 4, the next by 3, and none may be below one before it."""
    assert holm([0.04, 0.01, 0.03, 0.9]) == pytest.approx([0.09, 0.04, 0.09, 0.9])
    assert holm([]) == []


def test_bins_have_as_many_values_each_and_frequent_values_their_own() -> None:
    assert edges_of(np.arange(1.0, 101)).tolist() == [10, 20, 30, 40, 50, 60, 70, 80, 90]
    flags = np.sort(np.array([0.0] * 95 + [1] * 5))
    assert counts_of(flags, edges_of(flags))[:3].tolist() == [95, 5, 0]
    mostly_ones = np.sort(np.array([0.0] * 3 + [1] * 97))
    assert counts_of(mostly_ones, edges_of(mostly_ones))[:3].tolist() == [3, 97, 0]
    around = np.sort(np.concatenate([[-2.0, -1], np.zeros(95), [1, 2, 3]]))
    assert counts_of(around, edges_of(around))[:4].tolist() == [2, 95, 3, 0]
    assert len(edges_of(np.zeros(50))) == len(edges_of(np.zeros(0))) == 0


@pytest.mark.parametrize("rows", [1, 200, 3001])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_cells_are_counted_as_one_by_one(dtype: str, rows: int) -> None:
    """Few rows, many rows, wide ones, and whole numbers of one byte are counted in ways of their own."""
    values = RNG.integers(0, 256, (rows, 5)).astype(dtype)
    if dtype != "uint8":
        values[:, 1] = RNG.normal(size=rows)
        values[:, :4][RNG.random((rows, 4)) < 0.2] = np.nan
    training = np.sort(RNG.integers(10, 200, (500, 5)), axis=0).astype(dtype)
    edges = np.stack([padded(edges_of(column)) for column in training.T])
    edges[2, 3:] = np.nan
    edges[4, :3] = -1, 254.5, 255
    low, high = np.array([20.0, -0.5, 20, 300, -1]), np.array([200.0, 0.75, 200, 400, 256])
    outside, (binned, up_to) = count_outside(values, low, high), count_up_to(values, edges)
    for i, column in enumerate(values.T.astype(float)):
        known = [v for v in column if v == v]
        assert outside.known[i] == binned[i] == len(known)
        assert up_to[i].tolist() == [sum(v <= edges[i, k] for v in known) for k in range(EDGES)]
        below, above = [v for v in known if v < low[i]], [v for v in known if v > high[i]]
        assert (outside.below[i], outside.above[i]) == (len(below), len(above))
        assert outside.lowest[i] == (min(below) if below else np.inf)
        assert outside.highest[i] == (max(above) if above else -np.inf)
    wide, times = np.tile(values, 120), lambda counts: np.tile(counts.T, 120).T
    for got, expected in zip(count_outside(wide, *np.tile([low, high], 120)), outside, strict=True):
        assert got.tolist() == times(expected).tolist()
    for got, expected in zip(count_up_to(wide, times(edges)), (binned, up_to), strict=True):
        assert got.tolist() == times(expected).tolist()
