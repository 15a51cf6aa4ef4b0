"""The figure of the effect of a column: what the model says where all rows have one value in it (partial dependence,
Friedman 2001), and what it says of single rows (individual conditional expectation, Goldstein 2015)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Table, TextColumn
from nncli.data.dates import written
from nncli.data.sparse_numbers import with_column
from nncli.errors import DataError, OptionError, did_you_mean
from nncli.figures.figure import Axis, Estimates, Figure, Floats, Line, Panel
from nncli.figures.kinds import FIGURES, OfModel, Problem, Subject
from nncli.figures.planes import evenly
from nncli.model.model import Model
from nncli.system.output import counted, in_quotes

POINTS = 40  # of the range of a column
RANGE = (0.05, 0.95)  # of the rows, by their values: few rows say what is so beyond
MOST_LINES, MOST_CLASSES, MOST_CATEGORIES = 30, 4, 15  # that are shown


def one_column(of: Subject) -> Problem:
    """Say what is wrong unless a column is named."""
    first = of.model.schema.names[0]
    return None if of.columns else ("expected a column, found none", f"Name one, such as {in_quotes(first)}")


@FIGURES.register("effect")
class Effect(OfModel):
    """what COLUMN does to the prediction, all others as they are"""

    needs = (one_column,)
    of_numbers = True
    most_columns = 1

    def build(self, of: Subject) -> Figure:
        (name,), model = of.columns, of.model
        if name not in model.schema.names:
            problem = f"effect: the model has no column {in_quotes(name)}"
            raise OptionError("figure", problem, did_you_mean(name, model.schema.names, listed="columns"))
        if name in model.preprocess.columns_of_words:
            problem = f"effect: column {in_quotes(name)} is read as words, and has no values to compare"
            raise OptionError("figure", problem, "Use weights, or nncli explain --words")
        judged = of.judged
        rows = judged.rows.table.take(judged.rows.rows[evenly(len(judged.rows.rows))])
        values = Values.of(model, rows, name)
        if not len(values.each):
            raise DataError(judged.of, f"column {in_quotes(name)} has no value in any row")
        tables = (values.put(rows, value) for value in values.each.tolist())
        answers = np.stack([_answers(model, model.scores(table)) for table in tables]).astype(np.float64)
        shown = _classes(model, answers)
        titles = [_title(model, k) for k in shown]
        panels = (_of_categories if values.names else _of_numbers)(values, answers[:, :, shown], titles)
        n = len(judged.rows.rows)
        of_all = counted(n, "row")
        if len(rows) < n:
            of_all = f"{len(rows):,} of {n:,} rows, evenly taken to save time"
        notes = [f"every value is put into {of_all}, in place of their own", values.note]
        if 2 < len(model.classes) != len(shown):
            notes.append(f"the {len(shown)} of {len(model.classes):,} classes that it changes most")
        return Figure(f"Effect of {name}, {judged.of}", tuple(panels), tuple(filter(None, notes)))


@dataclass(frozen=True)
class Values:
    """The values (m,) that a column of a kind is given: numbers, days since 1970, or the codes of categories. `title`
    is that of their axis, which begins to count at `zero`."""

    name: str
    kind: str
    each: Floats
    place: int = 0  # among the numbers
    names: tuple[str, ...] = ()
    title: str = ""
    zero: float = 0.0
    note: str = ""

    @classmethod
    def of(cls, model: Model, rows: Table, name: str) -> Values:
        """Return the categories that most rows have; of numbers and dates all, if they are few, or else some at equal
        steps over the range of most rows."""
        kind = dict(model.schema.columns)[name]
        if kind == "text":
            column = rows.texts[name]
            n_rows = np.bincount(column.codes[column.codes >= 0], minlength=len(column.values))
            codes = np.argsort(-n_rows, kind="stable")[: min(MOST_CATEGORIES, np.count_nonzero(n_rows))]
            known = np.count_nonzero(n_rows)
            note = f"; the {len(codes)} of {known:,} categories with the most rows" if len(codes) < known else ""
            names = tuple(column.values[code] for code in codes.tolist())
            note = f"a point is the mean, and a line spans what 90 % of the rows get: it is no interval{note}"
            return cls(name, kind, codes.astype(np.float64), names=names, title=name, note=note)
        if kind == "date":
            grid = _grid(rows.dates[name])
            zero = float(np.floor(grid[0])) if len(grid) else 0.0
            return cls(name, kind, grid, title=f"{name}, days after {written(zero)}", zero=zero)
        place = model.schema.of_kind("number").index(name)
        return cls(name, kind, _grid(rows.numbers[:, place]), place, title=name)

    def put(self, rows: Table, value: float) -> Table:
        """Return the rows, all with that value in the column."""
        if self.kind == "text":
            filled = TextColumn(np.full(len(rows), int(value)), rows.texts[self.name].values)
            return dataclasses.replace(rows, texts={**rows.texts, self.name: filled})
        if self.kind == "date":
            return dataclasses.replace(rows, dates={**rows.dates, self.name: np.full(len(rows), value)})
        dtype = "float64" if rows.numbers.dtype == np.float64 else "float32"
        return dataclasses.replace(rows, numbers=with_column(rows.numbers, self.place, value, dtype))


def _grid(column: NDArray[Any]) -> Floats:
    known = np.unique(column[np.isfinite(column)]).astype(np.float64)
    if len(known) <= POINTS:
        return known
    low, high = np.quantile(column[np.isfinite(column)], RANGE)
    return np.linspace(low, high, POINTS) if low < high else np.linspace(known[0], known[-1], POINTS)


def _answers(model: Model, Z: NDArray[Any]) -> NDArray[Any]:
    """Return what the model says of rows with the scores Z: of each class (n, K), or the number (n, 1)."""
    return model.by_class(Z) if model.target is None else model.numbers(Z)[:, None]


def _title(model: Model, k: int) -> str:
    """Name what the model says of class k, or the number."""
    if model.target is not None:
        return f"predicted {model.schema.target}"
    return f"{'probability' if model.probabilistic else 'score'} of {in_quotes(model.classes[k])}"


def _classes(model: Model, answers: Floats) -> list[int]:
    """Return the positive one of two classes, or those for which the mean of the rows changes most."""
    if len(model.classes) == 2:
        return [model.positive]
    changes = np.ptp(answers.mean(axis=1), axis=0)
    return sorted(np.argsort(-changes, kind="stable")[:MOST_CLASSES].tolist())


def _of_numbers(values: Values, answers: Floats, titles: list[str]) -> list[Panel]:
    """Return a panel for each class of the answers (m, n, classes): the mean of all rows, and some by themselves."""
    single, mean = answers[:, evenly(answers.shape[1], MOST_LINES)], answers.mean(axis=1)
    x, y, at = Axis.around(values.title, values.each - values.zero), Axis.around("", single), values.each - values.zero
    gap = np.full((1, single.shape[1]), np.nan)  # between two lines
    return [
        Panel(
            x,
            dataclasses.replace(y, title=title),
            (
                Line(
                    np.tile([*at, np.nan], single.shape[1]), np.vstack([single[:, :, k], gap]).T.ravel(), "single rows",
                    faint=True,
                ),
                Line(at, mean[:, k], "mean of all rows"),
            ),
        )
        for k, title in enumerate(titles)
    ]  # fmt: skip


def _of_categories(values: Values, answers: Floats, titles: list[str]) -> list[Panel]:
    """Return a panel for each class of the answers (m, n, classes): the mean of the rows, and where most are."""
    mean, (low, high) = answers.mean(axis=1), np.quantile(answers, RANGE, axis=1)
    x, y = Axis.around("", low, high, mean), Axis.of_names(values.title, values.names)
    return [
        Panel(dataclasses.replace(x, title=title), y, (Estimates(mean[:, k], low[:, k], high[:, k]),))
        for k, title in enumerate(titles)
    ]
