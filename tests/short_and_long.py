"""Tests with two lengths: a short run in `make test`, and a long one, marked `long`, in `make test-long`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def short_and_long(short: object, long: object) -> list[Any]:
    """Return the two values of a parameter that says how much is tried."""
    return [pytest.param(short, id="short"), pytest.param(long, id="long", marks=pytest.mark.long)]


def more_of_each(values: Iterable[Any], count: int, *, short: object, long: object) -> list[Any]:
    """Return pairs of a value and of how much is tried with it: `count` values, evenly spread, for the short tests, and
    all for the long ones. Two parameters, of which one is short and long, would try the others in the short way too."""
    every = list(values)
    names = [
        "-".join(getattr(word, "name", str(word)) for word in one) if isinstance(one, tuple) else str(one)
        for one in every
    ]
    some = {i * len(every) // count for i in range(count)}
    return [pytest.param(every[i], short, id=f"{names[i]}-short") for i in some] + [
        pytest.param(one, long, id=f"{name}-long", marks=pytest.mark.long)
        for one, name in zip(every, names, strict=True)
    ]


def for_examples(count: int, check: Callable[..., None], **strategies: st.SearchStrategy[Any]) -> None:
    """Call `check` with so many generated arguments; with the same ones each time."""
    run = given(**strategies)(check)
    settings(
        max_examples=count, deadline=20_000, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )(run)()


def some_short(values: Iterable[Any], count: int) -> list[Any]:
    """Return all values of a parameter: `count` of them, evenly spread, for the short tests too, the others for the
    long ones alone."""
    every = list(values)
    short = {i * len(every) // count for i in range(count)}
    return [
        value if i in short else pytest.param(*value, marks=pytest.mark.long) if isinstance(value, tuple)
        else pytest.param(value, marks=pytest.mark.long)
        for i, value in enumerate(every)
    ]  # fmt: skip
