"""Whether time and memory grow faster than the arithmetic, as rows, columns, units or classes become many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from epochs import in_turns
from measure import Comparison
from shown import heading, show

SMALL = {"rows": 100_000, "columns": 100, "hidden": 64, "classes": 10}
GROWN = {"rows": 10, "columns": 10, "hidden": 4, "classes": 100}
ROUNDS = 5
LIMIT = 1.0


def growth(data: Any, folder: Path, peers: set[str]) -> None:
    for what, factor in GROWN.items():
        large = SMALL | {what: SMALL[what] * factor}
        more = arithmetic(**large) / arithmetic(**SMALL)
        heading(f"growth: one epoch with {what} × {factor}, where the arithmetic grows × {more:.1f}")
        found, memory = in_turns(
            {name: ["growth_nncli.py", *map(str, shape.values())] for name, shape in (("1", SMALL), ("x", large))},
            ROUNDS,
        )
        peer = f"{more:.1f} × the smaller"
        show(Comparison("time", "s", peer, found["x"], [more * seconds for seconds in found["1"]], LIMIT))
        more = max(more, rows_and_columns(**large) / rows_and_columns(**SMALL))
        show(Comparison("memory", "MB", f"{more:.1f} × the smaller", [memory["x"]], [more * memory["1"]], LIMIT))


def rows_and_columns(rows: int, columns: int, hidden: int, classes: int) -> int:
    """The numbers of the table."""
    return rows * columns


def arithmetic(rows: int, columns: int, hidden: int, classes: int) -> int:
    """Multiplications of an epoch, as far as it depends on these."""
    return rows * (columns * hidden + hidden * classes)
