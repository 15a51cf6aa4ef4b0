from __future__ import annotations

import numpy as np
import pytest

from nncli.nn.averages import AVERAGES, RunningAverage


def averaged(spec: str, thetas: list[float], steps: int = 1) -> float:
    average = AVERAGES.create(spec)
    average.start(np.zeros(1))
    for theta in thetas:
        average.add(np.array([theta]), steps)
    return float(average.mean[0])


def test_the_mean_of_all_steps() -> None:
    assert averaged("mean", [1, 2, 6]) == pytest.approx(3)


def test_an_exponential_mean_has_no_bias_towards_the_start() -> None:
    # weights 0.25, 0.5, 1 for the steps, of 1.75 in all: (0.25 + 1 + 6) / 1.75
    assert averaged("exponential:decay=0.5", [1, 2, 6]) == pytest.approx(7.25 / 1.75)
    assert averaged("exponential", [5, 5, 5]) == pytest.approx(5)


def test_no_average_is_the_parameters_themselves() -> None:
    average, theta = AVERAGES.create("none"), np.array([1.0])
    average.start(theta)
    theta[0] = 4
    average.add(theta)
    assert average.mean is theta


@pytest.mark.parametrize("spec", ["mean", "exponential:decay=0.8"])
def test_steps_counted_together_are_the_same_as_one_by_one(spec: str) -> None:
    thetas = [1.0, -2, 3, 5, 8, -1]
    together = AVERAGES.create(spec)
    assert isinstance(together, RunningAverage)
    together.start(np.zeros(1))
    for few in (thetas[:1], thetas[1:4], thetas[4:]):
        together.add(np.array([together.within(len(few)) @ few]), len(few))
    assert float(together.mean[0]) == pytest.approx(averaged(spec, thetas))


@pytest.mark.parametrize("name", [name for name in AVERAGES if name != "none"])
def test_weights_within_some_steps_are_shares(name: str) -> None:
    average = AVERAGES.create(name)
    assert isinstance(average, RunningAverage)
    weights = average.within(7)
    assert weights.shape == (7,)
    assert weights.sum() == pytest.approx(1)
