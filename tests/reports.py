"""Reports to look into: what `report --json` prints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def report(nncli: Callable[..., Any], *argv: object) -> dict[str, Any]:
    """Return what `report --json` says; it must do its work."""
    outcome = nncli("report", *argv, "--json")
    assert outcome.code == 0, outcome.err
    found: dict[str, Any] = outcome.json
    return found


def blocks(made: dict[str, Any], title: str, kind: str) -> list[dict[str, Any]]:
    """Return the blocks of one kind in the section with this title."""
    (section,) = (one for one in made["sections"] if one["title"] == title)
    return [one for one in _unfolded(section["blocks"]) if one["kind"] == kind]


def _unfolded(some: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return blocks, and what is folded in its place."""
    return [its for one in some for its in ([one, *_unfolded(one["blocks"])] if one["kind"] == "folded" else [one])]


def listing(made: dict[str, Any], title: str, caption: str = "") -> list[dict[str, str]]:
    """Return the rows of a table, by the titles of its columns."""
    (table,) = (one for one in blocks(made, title, "listing") if one["caption"] == caption)
    return [dict(zip(table["header"], row, strict=True)) for row in table["rows"]]


def finding(made: dict[str, Any], name: str) -> dict[str, str]:
    """Return one of the findings."""
    found: dict[str, str] = next(one for one in made["findings"] if one["name"] == name)
    return found


def write_rows(path: str, columns: dict[str, Any]) -> None:
    """Write columns as CSV."""
    rows = zip(*(list(column) for column in columns.values()), strict=True)
    lines = [",".join(f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row) for row in rows]
    Path(path).write_text("\n".join([",".join(columns), *lines]) + "\n")


def two_classes(n: int = 1000, seed: int = 0, apart: float = 1.0) -> dict[str, Any]:
    """Return columns a and b that say something of the class, which is the last column."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n)
    X = rng.normal(size=(n, 2)) + apart * y[:, None]
    return {"a": X[:, 0], "b": X[:, 1], "class": np.array(["no", "yes"])[y]}
