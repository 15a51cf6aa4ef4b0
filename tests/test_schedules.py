from __future__ import annotations

import math

import pytest

from nncli.errors import OptionError
from nncli.nn.schedules import SCHEDULES, Schedule


def started(spec: str, steps: int = 100) -> Schedule:
    schedule = SCHEDULES.create(spec)
    schedule.start(steps)
    return schedule


@pytest.mark.parametrize(
    ("spec", "factors"),
    [  # at the steps 0, 25, 50 and 75 of 100
        ("constant", [1, 1, 1, 1]),
        ("cosine", [1, 0.853553, 0.5, 0.146447]),  # (1 ± √½) / 2
        ("flat-cos", [1, 1, 1, 0.5]),  # from there a cosine, half done at 75
        # log₂ 4.75 = 2.247928, log₂ 8.5 = 3.087463, log₂ 12.25 = 3.614710; cosines of 89.254°, 31.487° and 221.296°
        ("coslog4", [0, 0.493489, 0.0736189, 0.875658]),
        ("step", [1, 1, 0.1, 0.01]),  # after 33 and 67 steps
        ("step:every=0.25:gamma=0.5", [1, 0.5, 0.25, 0.125]),
        ("exponential", [1, 0.316228, 0.1, 0.0316228]),  # 10^−½
        ("one-cycle:rise=0.5", [0.04, 0.52, 1, 0.5]),  # halfway up, (1/25 + 1) / 2
        ("plateau", [1, 1, 1, 1]),  # nothing heard of
    ],
)
def test_values(spec: str, factors: list[float]) -> None:
    schedule = started(spec)
    assert [schedule.factor(step) for step in (0, 25, 50, 75)] == pytest.approx(factors, rel=1e-5)


def test_coslog4_is_at_0_and_1_where_the_logarithm_is_whole_and_half() -> None:
    schedule = started("coslog4", 15)
    assert [schedule.shape((2**k - 1) / 15) for k in range(5)] == pytest.approx([0] * 5, abs=1e-12)
    assert [schedule.shape((2 ** (k + 0.5) - 1) / 15) for k in range(4)] == pytest.approx([1] * 4)


@pytest.mark.parametrize("name", [name for name in SCHEDULES if started(name).factor(0)])
def test_warm_up_rises_in_a_straight_line_to_the_start_of_the_schedule(name: str) -> None:
    plain, warm = started(name, 90), started(f"{name}:warmup=9", 99)
    assert [warm.factor(step) for step in range(9)] == pytest.approx([plain.factor(0) * k / 10 for k in range(1, 10)])
    assert [warm.factor(9 + step) for step in range(90)] == [plain.factor(step) for step in range(90)]


@pytest.mark.parametrize("name", SCHEDULES)
def test_factors_stay_between_0_and_1(name: str) -> None:
    schedule = started(name, 10)
    assert all(0 <= schedule.factor(step) <= 1 for step in range(10))


def test_plateau_falls_after_patience_epochs_without_a_lower_loss() -> None:
    schedule, factors = started("plateau:patience=2:gamma=0.5"), []
    for loss in (3, 2, 2, 2.5, 1.9, 2, 2, 2, 2):
        schedule.observe(loss)
        factors.append(schedule.factor(50))
    # the 2nd is the lowest, and two later ones are not below it; then 1.9 is; then twice two more are not
    assert factors == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]


def test_plateau_takes_no_number_for_no_better_loss() -> None:
    schedule = started("plateau:patience=1:gamma=0.5")
    for loss in (1.0, math.nan):
        schedule.observe(loss)
    assert schedule.factor(0) == 0.5


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("cosine:warmup=-1", "--schedule: cosine: warmup: expected a number of steps from 0, found -1."),
        ("cosine:warmup=1.5", "--schedule: cosine:warmup: expected a whole number, found '1.5'."),
        ("coslog4:warmup=5", "--schedule: coslog4: warmup: expected 0, as α rises from 0 without it, found 5."),
        ("step:every=0", "--schedule: step: every: expected a share of the steps above 0, up to 1, found 0.0."),
        ("step:gamma=1", "--schedule: step: gamma: expected a factor between 0 and 1, found 1.0."),
        (
            "one-cycle:rise=1",
            "--schedule: one-cycle: rise: expected a share of the steps between 0 and 1, found 1.0.",
        ),
        ("plateau:patience=0", "--schedule: plateau: patience: expected a number of epochs from 1, found 0."),
        ("plateau:level=2", "--schedule: expected warmup=…, gamma=…, patience=… after 'plateau'; found 'level=2'."),
    ],
)
def test_bad_settings_are_explained(spec: str, message: str) -> None:
    with pytest.raises(OptionError) as error:
        SCHEDULES.create(spec)
    assert str(error.value) == message
