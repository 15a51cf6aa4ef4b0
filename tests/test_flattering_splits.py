"""check says where a random split flatters, and does not where it does not."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def findings(nncli: Run, *words: str) -> list[str]:
    outcome = nncli("check", "d.csv", "-q", "--json", *words)
    assert outcome.code == 0, outcome.err
    return [line for line in outcome.json["findings"] if "better than it is" in line]


def visits(name: str, ids: str = "{0}", alike: float = 0.05, n: int = 60, each: int = 10) -> None:
    rng = np.random.default_rng(0)
    lines = [f"{name},a,b,c,class"]
    for number in range(n):
        person, state = rng.normal(size=3), "pq"[rng.integers(2)]
        for a, b, c in person + rng.normal(0, alike, (each, 3)):
            lines.append(f"{ids.format(number)},{a:.3f},{b:.3f},{c:.3f},{state}")
    Path("d.csv").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("name", "ids"),
    [("patient", "{0}"), ("customer_id", "{0}"), ("userId", "7{0:03}"), ("who", "P{0}"), ("who", "00{0:02}"),
     ("the site", "S{0}")],
)  # fmt: skip
def test_groups_that_come_again_are_found(name: str, ids: str, nncli: Run) -> None:
    visits(name, ids)
    [line] = findings(nncli)
    assert line.startswith(
        f"column '{name}' may be of groups (60 in 600 rows): the nearest other row has the same class"
    )
    advice = line.split("than it is; ")[1].split(" tests on")[0]
    assert advice == f"--group {shlex.quote(name)}"
    words = shlex.split(advice)
    assert not findings(nncli, *words)  # as advised, nothing is left to say
    assert nncli("train", "d.csv", *words, "--epochs", "2", "-q").code == 0


def test_the_figures_are_those_of_a_count_by_hand(nncli: Run) -> None:
    """Twelve pairs of rows at 0, 10, 20 …, of one class each, which changes from pair to pair: the nearest other row
    is of the same class always, that of another pair never."""
    lines = [f"{i // 2},{10 * (i // 2) + i % 2},{'pq'[i // 2 % 2]}" for i in range(24)]
    Path("d.csv").write_text("patient,a,class\n" + "\n".join(lines) + "\n")
    [line] = findings(nncli)
    assert (
        "(12 in 24 rows): the nearest other row has the same class in 100.0 % of the rows, the nearest one of " in line
    )
    assert "of another group in 0.0 %" in line


@pytest.mark.parametrize("seed", range(8))
def test_rows_that_have_nothing_to_do_with_one_another_are_no_finding(seed: int, nncli: Run) -> None:
    """Names and dates alone are no evidence, nor is a category on which the class depends."""
    rng = np.random.default_rng(seed)
    lines = ["patient,shop,day,a,b,class"]
    for _ in range(600):
        a, b = rng.normal(size=2)
        shop = rng.integers(12)
        label = "pq"[int(a + b + shop / 6 - 1 > rng.normal() / 2)]
        lines.append(
            f"{rng.integers(60)},s{shop},2026-{rng.integers(1, 13):02}-{rng.integers(1, 29):02},{a:.3f},{b:.3f},{label}"
        )
    Path("d.csv").write_text("\n".join(lines) + "\n")
    assert not findings(nncli)


@pytest.mark.parametrize("time", ["day", "year"])
def test_rows_of_a_time_that_hang_together_are_found(time: str, nncli: Run) -> None:
    rng = np.random.default_rng(3)
    walk = np.cumsum(rng.normal(size=(2, 1500)), axis=1)
    state = np.repeat(rng.integers(2, size=75), 20)  # for twenty days
    when = (
        np.datetime64("2020-01-01") + np.arange(1500).astype("timedelta64[D]") if time == "day" else np.arange(1500) * 3
    )
    lines = [f"{when[i]},{walk[0, i]:.3f},{walk[1, i]:.3f},{'pq'[state[i]]}" for i in rng.permutation(1500)]
    Path("d.csv").write_text(f"{time},a,b,class\n" + "\n".join(lines) + "\n")
    [line] = findings(nncli)
    assert line.startswith(
        f"column '{time}' has times: for the latest 45.0 % of the rows, in 3 parts, the nearest row so far has the "
        "same class in "
    )
    assert line.endswith(f"so a random split looks better than it is; --time {time} tests on the latest rows")
    assert not findings(nncli, "--time", time)
    assert nncli("train", "d.csv", "--time", time, "--epochs", "2", "-q").code == 0


@pytest.mark.parametrize("seed", range(4))
def test_a_class_that_wanders_like_the_columns_is_found_though_it_may_stay_the_same_for_long(
    seed: int, nncli: Run
) -> None:
    """Three random walks: two columns, and one that is above or below its median. In the latest 15 % of the days the
    class may not change at all, and by luck be that of an earlier row."""
    walk = np.cumsum(np.random.default_rng(seed).normal(size=(3, 1500)), axis=1)
    label = walk[2] > np.median(walk[2])
    days = np.datetime64("2020-01-01") + np.arange(1500).astype("timedelta64[D]")
    lines = [f"{days[i]},{walk[0, i]:.3f},{walk[1, i]:.3f},{'pq'[int(label[i])]}" for i in range(1500)]
    Path("d.csv").write_text("day,a,b,class\n" + "\n".join(lines) + "\n")
    [line] = findings(nncli)
    assert line.endswith("--time day tests on the latest rows")


@pytest.mark.parametrize("name", ["iris", "wine", "breast-cancer", "moons", "spirals", "xor", "digits"])
def test_bundled_sets_have_none(name: str, nncli: Run) -> None:
    outcome = nncli("check", name, "-q", "--json")
    assert not [line for line in outcome.json["findings"] if "better than it is" in line]


@pytest.mark.parametrize(
    ("options", "told"),
    [("--drop day", True), ("--drop x", False), ("--drop day,x", True), ("--time day", False)],
    ids=["the date is left out", "another column is", "both are", "it orders the rows"],
)
def test_a_date_that_is_left_out_is_remembered(nncli: Run, options: str, told: bool) -> None:
    """A model for what is to come is tested on the latest rows, though their date is no input."""
    lines = [f"2024-01-{i % 28 + 1:02},{i * 37 % 101},{i * 7 % 11},{'pq'[i * i % 7 > 3]}" for i in range(200)]
    Path("d.csv").write_text("day,x,z,label\n" + "\n".join(lines) + "\n")
    found = nncli("check", "d.csv", "-q", "--json", *options.split()).json["findings"]
    assert any("column 'day' is left out" in line and "--time day" in line for line in found) == told
