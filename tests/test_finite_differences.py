"""Derivatives by differences, of functions whose derivatives anyone knows; what is a kink, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nncli.nn.finite_differences import DIRECTIONS, ENTRIES, TOLERANCE, BlockCheck, Differences

Function = Callable[[np.ndarray], np.ndarray]


def compared(
    function: Function, at: list[float] | np.ndarray, gradient: list[float] | np.ndarray, size: float = 1
) -> BlockCheck:
    """What the check makes of a gradient of Σ function(w)."""
    w = np.array(at, float)
    before = w.copy()
    differences = Differences(lambda: function(w), size)
    block = differences.block("w", w, np.array(gradient, float), np.random.default_rng(0))
    np.testing.assert_array_equal(w, before)
    return block


def test_a_right_gradient_is_ok() -> None:
    # w⁴ + w² has the derivative 4 w³ + 2 w: 6 at 1, −36 at −2
    block = compared(lambda w: w**4 + w**2, [1, -2], [6, -36])
    assert (block.verdict, block.kinks, block.entries, block.directions) == ("ok", 0, 2, DIRECTIONS)
    assert block.worst is not None
    assert block.worst.error < 1e-9


@pytest.mark.parametrize("error", [1e-5, 0.01, 1, -2])
def test_a_wrong_entry_is_named(error: float) -> None:
    block = compared(lambda w: w**2, [[1, 2, 3], [4, 5, 6]], [[2, 4, 6], [8, 10 * (1 + error), 12]])
    assert block.verdict == "wrong"
    assert block.worst is not None
    assert block.worst.index == (1, 1)
    assert block.worst.numeric == pytest.approx(10)
    assert block.worst.analytic == pytest.approx(10 * (1 + error))


@pytest.mark.long
def test_a_wrong_entry_of_a_large_block_is_found_and_named() -> None:
    """It is not among those drawn: a direction shows it, and halves of it lead there."""
    w = np.random.default_rng(1).normal(size=(300, 200))
    gradient = np.cos(w)
    found = []
    for place in ((7, 7), (123, 45), (299, 199)):
        gradient[place] *= 1.01
        block = compared(np.sin, w, gradient)
        gradient[place] /= 1.01
        assert block.entries == ENTRIES
        assert block.verdict == "wrong"
        assert block.worst is not None
        found.append(block.worst.index)
    assert found == [(7, 7), (123, 45), (299, 199)]


@pytest.mark.parametrize(
    ("function", "at", "backprop"),
    [(np.abs, 0, 0), (np.abs, 0, 1), (lambda w: np.maximum(w, 0), 0, 0), (lambda w: np.maximum(0, 1 - w), 1, -1)],
    ids=["|w|, between its slopes", "|w|, one of its slopes", "relu", "hinge"],
)
def test_a_kink_is_no_pass_and_no_failure(function: Function, at: float, backprop: float) -> None:
    # beside it a straight line, without a kink
    block = compared(lambda w: np.append(function(w[:1]), 3 * w[1]), [at, 2], [backprop, 3])
    assert block.kinks == 1 + DIRECTIONS
    assert block.verdict == "ok"
    assert block.worst is not None
    assert block.worst.index == (1,)


def test_nothing_but_kinks_proves_nothing() -> None:
    block = compared(np.abs, [0, 0], [0, 0])
    assert (block.verdict, block.worst) == ("kink", None)


@pytest.mark.parametrize("distance", [1e-4, 3e-6, -3e-6, 1e-6, -2e-7, 3e-8])
def test_a_kink_nearby_is_no_excuse(distance: float) -> None:
    """A shorter step does not reach it."""
    slope = 1 if distance > 0 else 0
    right = compared(lambda w: np.maximum(w, 0), [distance, 1], [slope, 1])
    assert (right.verdict, right.kinks) == ("ok", 0)
    wrong = compared(lambda w: np.maximum(w, 0), [distance, 1], [1 - slope, 1])
    assert wrong.verdict == "wrong"


def test_a_kink_explains_no_error_larger_than_itself() -> None:
    # |w| / 1000 + 2 w at 0: the slopes are 2 ∓ 0.001
    assert compared(lambda w: np.abs(w) / 1000 + 2 * w, [0], [2]).verdict == "kink"
    assert compared(lambda w: np.abs(w) / 1000 + 2 * w, [0], [2.1]).verdict == "wrong"


def test_a_steep_curve_gets_a_shorter_step() -> None:
    # sin(10⁵ w) makes more than a tenth of a turn in the first step
    w = np.array([0.3, 0.1])
    block = compared(lambda w: np.sin(1e5 * w), w, 1e5 * np.cos(1e5 * w))
    assert (block.verdict, block.kinks) == ("ok", 0)
    assert compared(lambda w: np.sin(1e5 * w), w, 1.001e5 * np.cos(1e5 * w)).verdict == "wrong"


@pytest.mark.parametrize("offset", [0, 1e3, 1e6])
def test_slopes_at_large_parameters_are_exact(offset: float) -> None:
    # ½ (w − c)² at w = c + 1, where c is large: steps of powers of two lose nothing
    block = compared(lambda w: 0.5 * (w - offset) ** 2, [offset + 1, offset - 2], [1, -2])
    assert block.verdict == "ok"
    assert block.worst is not None
    assert block.worst.error < 1e-9


def test_an_error_below_the_tolerance_is_none() -> None:
    assert compared(lambda w: 3 * w, [1, 2], [3, 3 * (1 + TOLERANCE / 10)]).verdict == "ok"
    assert compared(lambda w: 3 * w, [1, 2], [3, 3 * (1 + TOLERANCE * 10)]).verdict == "wrong"


def test_nothing_is_said_about_what_rounding_hides() -> None:
    """A slope of 10⁻⁹ beside numbers of a million, which are rounded to 10⁻¹⁰."""
    block = compared(lambda w: 1e6 + 1e-9 * w, [1, 2], [1e-9, 3e-9], size=1e6)
    assert (block.verdict, block.lost, block.worst) == ("lost", 2 + DIRECTIONS, None)
    assert compared(lambda w: 1e6 + 10 * w, [1, 2], [10, 11], size=1e6).verdict == "wrong"


def test_what_is_not_finite_is_wrong() -> None:
    with np.errstate(all="ignore"):
        assert compared(lambda w: 3 * w, [1, 2], [3, np.nan]).verdict == "wrong"
        assert compared(lambda w: 3 * w, [1, 2], [3, np.inf]).verdict == "wrong"
        assert compared(np.log, [0.0, 1.0], [1, 1]).verdict == "wrong"


def test_a_gradient_of_zeros_proves_nothing() -> None:
    assert compared(lambda w: 0 * w, [1, 2], [0, 0]).verdict == "zero"
    assert compared(lambda w: np.array([2.0, 0]) * w, [1, 2], [2, 0]).verdict == "ok"


def test_an_even_steeper_curve_gets_the_shortest_step() -> None:
    w = np.array([0.3, 0.1])
    assert compared(lambda w: np.sin(1e7 * w), w, 1e7 * np.cos(1e7 * w)).verdict == "ok"


def test_large_terms_that_do_not_move_drown_nothing() -> None:
    """Differences are taken term by term: of the sums, 10⁻⁴ would be lost, more than a step makes."""
    block = compared(lambda w: np.append(w**2, 1e12), [1, 2], [2, 4])
    assert block.worst is not None
    assert block.worst.error < 1e-9


def test_a_kink_where_it_shows_least_of_itself() -> None:
    """At 2/7 of the step, D errs 2.5 times as much as either sign of the kink; no shorter step is to be had."""
    step = 2.0**-17
    bent = [-2 / 7 * step, 1.0]
    block = compared(lambda w: np.array([max(w[0], 0), 3 * w[1]]), bent, [0, 3], size=1e3)
    assert (block.verdict, block.wrong, block.kinks) == ("ok", 0, 1 + DIRECTIONS)


@pytest.mark.parametrize(("slope", "verdict"), [(1e-4, "ok"), (1e-7, "lost")])
def test_what_rounding_hides_is_a_share_of_the_derivative(slope: float, verdict: str) -> None:
    """Beside numbers of 1, differences err by 10⁻⁹ or so: a hundred-thousandth of the one, a hundredth of the other."""
    assert compared(lambda w: slope * w, [1, 2], [slope, slope]).verdict == verdict
