"""Dates as numbers: days since 1970, and what a network gets of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

INPUTS = ("days", "day of the year", "weekday")  # since the first date in training; from 1; Monday is 0
DATE = re.compile(
    r"(?:(?P<y>\d{4})(?P<sign>[-/.])(?P<m>\d{1,2})(?P=sign)(?P<d>\d{1,2})|(?P<D>\d{1,2})\.(?P<M>\d{1,2})\.(?P<Y>\d{4}))"
    r"(?:[T ](?P<time>\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,6})?)?)(?P<zone>Z| ?UTC| ?GMT|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)
SECONDS = 24 * 60 * 60
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(10_000)  # few cells of a column are different
def days_of(cell: str) -> float | None:
    """Days since the beginning of 1970, in UTC; None for what is no date.

    A date is 2026-11-21, 2026/11/21, 2026.11.21 or 21.11.2026, with a time as 17:30 or 17:30:05.25 behind a blank or
    a T if there is one, and a zone as Z, UTC or +01:00. What could be of two kinds, as 11/12/2026, is none.
    """
    found = DATE.fullmatch(cell)
    if found is None:
        return None
    year, month, day = found["y"] or found["Y"], found["m"] or found["M"], found["d"] or found["D"]
    time = (found["time"] or "00:00").replace(",", ".")
    zone = found["zone"] if (found["zone"] or "")[:1] in ("+", "-") else "Z"
    try:
        moment = datetime.fromisoformat(f"{year}-{month:0>2}-{day:0>2}T{time}{zone}")
    except ValueError:  # the 31st of June
        return None
    return (moment - EPOCH).total_seconds() / SECONDS


def written(days: float) -> str:
    """Write days since 1970 as a date, with the time of day, to the second, unless that is midnight."""
    moment = EPOCH + timedelta(seconds=round(days * SECONDS))
    return f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(" 00:00:00")


def inputs_of(days: NDArray[np.float64], first: float) -> NDArray[np.float64]:
    """Return (n, 3): the `INPUTS` of dates (n,) in days since 1970, NaN where they are missing."""
    whole = np.floor(days)
    known = np.isfinite(whole)
    dates = np.where(known, whole, 0).astype("datetime64[D]")
    year = dates.astype("datetime64[Y]").astype("datetime64[D]")
    of_year = (dates - year).astype(float) + 1
    weekday = (np.where(known, whole, 0) + 3) % 7  # the first day of 1970 was a Thursday
    missing = np.where(known, 0.0, np.nan)
    return np.column_stack([days - first, of_year + missing, weekday + missing])
