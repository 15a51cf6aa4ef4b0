"""Make golden rows: twenty rows with the answers of the model, by which a written file checks itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nncli.data.cells import text_column
from nncli.data.dataset import Schema, Table, TextColumn
from nncli.export.description import Description, columns_of
from nncli.export.golden_texts import golden_texts
from nncli.export.words import KIND
from nncli.model.model import Model

ROWS, PLAIN = 20, 12  # the others are edge cases
MOST_CELLS = 100  # that are not 0, of a plain row of numbers that are stored sparse
UNSEEN = "a value never seen"
# How far an answer may be off: what the order of a sum of such numbers changes.
NEAR = {"float32": 1e-6, "float64": 1e-9}
DAYS = (-719_000.0, 2_932_000.0)  # since 1970: nearly the first and the last that all languages have, of 1 and of 9999
Row = dict[str, float | str | None]


class Range(NamedTuple):
    """The lowest and highest value of a column in training, one far below and one far above, and whether values are
    whole."""

    low: float
    high: float
    below: float
    above: float
    is_whole: bool

    @classmethod
    def of(cls, low: float, high: float, limits: tuple[float, float], is_whole: bool = False) -> Range:
        """Return the range from low to high, all within the limits."""
        low, high = max(low, limits[0]), min(high, limits[1])
        wide = 3 * (high - low)
        return cls(low, high, max(low - wide, limits[0]), min(high + wide, limits[1]), is_whole)


def golden_rows(model: Model, description: Description) -> dict[str, Any]:
    """Return rows, made up from what the model knows of its columns, their answers, and how far off each may be.

    Twelve rows lie within the training range; then come: all missing, every second missing, all zero, all at the
    median, far below and far above the range, and two with text never seen. Texts of words are hard to read in the last
    six. Rows of numbers that are stored sparse have only cells that are not 0, and few of them. An answer may be off by
    1e-6 (1e-9 of a model in float64, without words, as inputs made of these are float32), and by what the type of the
    model itself adds to that: four times the largest difference that computing such rows in float64 makes.
    """
    rows = _rows(model, description)
    table = table_of(rows, model.schema)
    answers, exact = _numbers(model, table), _numbers(model.in_double(), table)
    size = np.maximum(1, np.abs(answers)) if not model.probabilistic else np.ones_like(answers)
    output = description["output"]
    near = NEAR["float32" if "words" in description else description["dtype"]]
    if model.target is not None:
        near = output["sd"] * near + output["unit"]
    rounded = np.abs(answers - exact).max(axis=1)
    rounded[:PLAIN], rounded[PLAIN:] = rounded[:PLAIN].max(), rounded[PLAIN:].max()
    allowed = (near * size).max(axis=1) + 4 * rounded
    found: dict[str, Any] = {"rows": rows, "answers": answers.tolist(), "tolerances": allowed.tolist()}
    if model.target is None:
        found["predictions"] = [model.classes[i] for i in model.predicted(model.scores(table))]
    return found


def table_of(rows: Sequence[Row], schema: Schema) -> Table:
    """Return rows as the table that the model reads; dates are days since 1970. Numbers that are stored sparse are 0
    where a row has none."""

    def cells(name: str) -> list[float | str | None]:
        return [row.get(name, 0.0) for row in rows] if schema.sparse else [row[name] for row in rows]

    names = schema.of_kind("number")
    numbers = np.array([[*map(_number, cells(name))] for name in names]).reshape(len(names), len(rows)).T
    texts = {name: _texts(cells(name), schema.missing) for name in schema.of_kind("text")}
    dates = {name: np.array([*map(_number, cells(name))]) for name in schema.of_kind("date")}
    with np.errstate(over="ignore"):
        return Table(names, numbers.astype(schema.dtype), texts, dates)


def _numbers(model: Model, table: Table) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the probability or score of each class (n, K), or the predicted number (n, 1)."""
    Z = model.scores(table)
    if model.target is not None:
        return model.numbers(Z)[:, None]
    return model.by_class(Z).astype(np.float64)


def _rows(model: Model, description: Description) -> list[Row]:
    rng = np.random.default_rng(0)
    rows: list[Row] = [{} for _ in range(ROWS)]
    ranges = _ranges(model, description)
    for place, column in enumerate(description["columns"]):
        if column["kind"] == KIND:
            cells = _texts_of_words(model, column["name"], rng)
        else:
            cells = _cells(column, place, ranges.get(column["name"]), rng)
        for row, cell in zip(rows, cells, strict=True):
            row[column["name"]] = cell
    return [_without_zeros(row, rng) for row in rows] if model.schema.sparse else rows


def _without_zeros(row: Row, rng: np.random.Generator) -> Row:
    """Return a row with some of its cells, as rows of numbers that are stored sparse have them: none is missing."""
    names = [name for name, cell in row.items() if cell]
    chosen = sorted(rng.choice(len(names), min(len(names), MOST_CELLS), replace=False).tolist())
    return {names[i]: row[names[i]] for i in chosen}


def _texts_of_words(model: Model, name: str, rng: np.random.Generator) -> list[float | str | None]:
    """Return the cells of a column of texts whose words are read: plain ones, then edge cases."""
    words = model.preprocess.words
    assert words is not None
    place = words.columns.index(name)
    texts = golden_texts(words, place, PLAIN + 1, ROWS - PLAIN - 2, rng)
    second = texts[PLAIN] if place % 2 else None  # missing in every second column
    return [*texts[:PLAIN], None, second, *texts[PLAIN + 1 :]]


def _cells(
    column: Mapping[str, Any], place: int, its: Range | None, rng: np.random.Generator
) -> list[float | str | None]:
    """Return the cells of a column: plain ones, then the edge cases in the order that `golden_rows` tells."""
    second = place % 2 == 0  # of every second column
    if its is None:
        categories = sorted(text for text, code in column["codes"].items() if code != column["missing"])
        known = [str(rng.choice(categories)) if categories else None for _ in range(PLAIN + 6)]
        unseen = UNSEEN if second else known[-1]
        return [*known[:PLAIN], None, None if second else known[0], *known[PLAIN : PLAIN + 4], UNSEEN, unseen]
    median = column["median"] if column["kind"] == "number" else column["first"] + column["median"][0]
    plain = [_short(its.low * (1 - share) + its.high * share, its.is_whole) for share in rng.random(PLAIN + 2)]
    edges = [_short(value, its.is_whole) for value in (0.0, median, its.below, its.above)]
    return [*plain[:PLAIN], None, None if second else plain[0], *edges, *plain[PLAIN:]]


def _ranges(model: Model, description: Description) -> dict[str, Range]:
    """Return the range of each column of numbers or dates."""
    most = float(np.finfo(description["reads"]).max) / 2  # may be rounded up
    scaling = model.preprocess.scaling
    profile = {column.name: column for column in model.schema.profile}
    found = {}
    for column in columns_of(description, "number"):
        its = profile.get(column["name"])
        if its is not None and its.low is not None and its.high is not None:
            found[column["name"]] = Range.of(its.low, its.high, (-most, most), its.whole)
        else:
            low, high = _spread(column["shift"], column["scale"], scaling)
            found[column["name"]] = Range.of(low, high, (-most, most), scaling == "pixels")
    for column in columns_of(description, "date"):
        low, high = _spread(column["shift"][0], column["scale"][0], scaling if scaling == "minmax" else "standard")
        found[column["name"]] = Range.of(column["first"] + low, column["first"] + high, DAYS)
    return found


def _spread(shift: float, scale: float, scaling: str) -> tuple[float, float]:
    """Return the values whose inputs are 0 and 1 where these are the ends of the range, else those of −2 and 2; the
    shift alone for a column that was constant."""
    size = 1 / scale if scale else 0.0
    return (shift, shift + size) if scaling in ("pixels", "minmax") else (shift - 2 * size, shift + 2 * size)


def _short(value: float, whole: bool) -> float:
    """Round a value to few figures, as people write them."""
    return float(round(value)) if whole else float(f"{value:.6g}")


def _number(cell: float | str | None) -> float:
    return np.nan if cell is None else float(cell)


def _texts(cells: Sequence[float | str | None], missing: tuple[str, ...]) -> TextColumn:
    """Return cells of text as a reader of files does: the missing ones known, flags and numbers in their usual form."""
    written = [None if cell is None else str(cell) for cell in cells]
    return text_column(np.arange(len(cells)), written, frozenset(missing))
