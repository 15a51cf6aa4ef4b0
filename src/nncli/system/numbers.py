"""Numbers, read from text and written as text. What Python's `int` and `float` take beside them is refused: 1_000,
digits of other scripts, inf and nan."""

from __future__ import annotations

import math
import re

WHOLE = re.compile(r"[+-]?[0-9]{1,30}", re.ASCII)
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)


def read_whole(text: str) -> int:
    """Read a whole number; ValueError for any other text."""
    if not WHOLE.fullmatch(text.strip()):
        raise ValueError("a whole number")
    return int(text)


def read_number(text: str) -> float:
    """Read a finite number; ValueError for any other text."""
    value = float(text) if NUMBER.fullmatch(text.strip()) else math.nan
    if not math.isfinite(value):
        raise ValueError("a number")
    return value


def write_number(value: float) -> str:
    """Write a number as a person would, and so that it is read as the same."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
