"""Decide from a sample of its cells whether a column holds numbers, text or dates, or identifies rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nncli.data.cells import BLANKS, NUMBER, as_number, is_missing, with_point
from nncli.data.dates import days_of
from nncli.data.preprocess import is_coarse

LEAST_IDS = 20  # rows: among fewer, all may be different by chance
NEARLY_ALL = 0.9
EXACT = 15  # figures that float64 always keeps
THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+")
NUMBERS = re.compile(f"(?:{NUMBER.pattern}\n)*+")
Vector = NDArray[np.float64]
Columns = Mapping[str, Sequence[str]]  # by name, the cells that are there, without blanks around them


@lru_cache(10_000)  # of a thousand columns, most hold the same numbers
def is_number(cell: str, decimal: str = ".") -> bool:
    return as_number(cell.strip(BLANKS), decimal) is not None


def present(columns: Mapping[str, Iterable[str]], missing: tuple[str, ...]) -> dict[str, list[str]]:
    """Keep the cells that are not missing."""
    tokens, known = frozenset(missing), dict[str, str]()  # of a thousand columns, most hold the same cells

    def stripped(cell: str) -> str:
        """Strip a cell; return the empty string for a missing one."""
        bare = cell.strip(BLANKS)
        known[cell] = "" if is_missing(bare, tokens) else bare
        return known[cell]

    return {
        name: [there for cell in cells if (there := known[cell] if cell in known else stripped(cell))]
        for name, cells in columns.items()
    }


def kind_of(cells: Sequence[str], decimal: str) -> str:
    """Return number or date if at least half of the cells are such, else text."""
    if _all_numbers(cells, decimal):
        return "number"
    kinds: dict[str, Callable[[str], bool]] = {
        "number": lambda cell: is_number(cell, decimal),
        "date": lambda cell: days_of(cell) is not None,
    }
    counts = Counter(cells)  # few cells are different, and each is looked at once
    for kind, matches in kinds.items():
        if 2 * sum(n for cell, n in counts.items() if matches(cell)) >= len(cells):
            return kind
    return "text"


def kinds_of(
    columns: Columns,
    decimal: str,
    categorical: Collection[str],
    numeric: Collection[str],
    only: Collection[str],
    weight: str | None,
) -> tuple[dict[str, str], list[str]]:
    """Name → kind, as told or detected, and notes. What only tells rows apart is left out, unless its kind is told, it
    is asked for, or there is nothing else to learn from."""
    kinds = {
        name: "text" if name in categorical else "number" if name in numeric else kind_of(cells, decimal)
        for name, cells in columns.items()
    }
    ids = {
        name: reason
        for name, cells in columns.items()
        if not (name in categorical or name in numeric or name in only or name == weight)
        if (reason := _why_id(kinds[name], cells, decimal))
    }
    if not kinds.keys() - ids.keys() - {weight}:
        return kinds, []
    notes = [f"column '{name}': left out, as {reason}" for name, reason in ids.items()]
    return {name: kind for name, kind in kinds.items() if name not in ids}, notes


def _why_id(kind: str, cells: Sequence[str], decimal: str) -> str:
    """Why a column tells rows apart and nothing else; empty if it does not."""
    if len(cells) < LEAST_IDS:
        return ""
    if kind == "text" and len(set(cells)) >= NEARLY_ALL * len(cells):
        return "nearly all of its texts are different (--categorical keeps it)"
    if kind == "number" and _count(_values(cells[:LEAST_IDS], decimal)) and _count(_values(cells, decimal)):
        return "it counts the rows (--numeric keeps it)"
    return ""


def _count(values: Vector) -> bool:
    with np.errstate(invalid="ignore", over="ignore"):
        return bool((np.diff(values) == 1).all() and values[0].is_integer())


def decimal_of(columns: Columns, delimiter: str) -> str:
    """Return a comma if that makes numbers of more columns than a point. Between commas, where such numbers are quoted,
    those with three figures behind it are rather thousands, and nothing is made of them."""
    numeric = {
        sign: {name for name, cells in columns.items() if cells and kind_of(cells, sign) == "number"} for sign in ".,"
    }
    more = numeric[","] - numeric["."]
    if delimiter == "," and all(THOUSANDS.fullmatch(cell) for name in more for cell in columns[name] if "," in cell):
        return "."
    return "," if len(numeric[","]) > len(numeric["."]) else "."


def are_rounded(cells: Sequence[str], decimal: str) -> bool:
    """Tell whether different whole numbers among the cells are equal as float64."""
    long = {cell for cell in cells if len(cell) > EXACT and cell.isdigit()}
    return len(set(_values([*long], decimal))) < len(long)


def are_finer_than_float32(cells: Sequence[str], decimal: str) -> bool:
    """Tell whether the cells differ by little more than the rounding errors of float32, as times in seconds do."""
    values = _values(cells, decimal)
    values = values[np.abs(values) <= np.finfo(np.float32).max]  # larger ones are an error of their own
    return len(set(values)) > 1 and bool(is_coarse(np.abs(values).max(), values.std()))


def _values(cells: Sequence[str], decimal: str) -> Vector:
    """NaN for what is no number."""
    if _all_numbers(cells, decimal):
        return np.array([float(with_point(cell, decimal)) for cell in cells])
    return np.array([float(as_number(cell, decimal) or "nan") for cell in cells])


def _all_numbers(cells: Sequence[str], decimal: str) -> bool:
    """Tell whether every cell is a number, by one match over all of them, which is far faster than one by one."""
    text = "\n".join([*cells, ""])
    return text.count("\n") == len(cells) > 0 and NUMBERS.fullmatch(with_point(text, decimal)) is not None
