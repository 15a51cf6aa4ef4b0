"""The rows that a model was evaluated on, one by one: in a file, the most wrong of them, and figures of groups."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.csv.column_names import unique_names
from nncli.data.dataset import Positions, Table
from nncli.data.dates import written
from nncli.data.row_hashes import codes_of_texts
from nncli.data.sparse_numbers import is_sparse
from nncli.inference.written_cells import csv_quoted
from nncli.metrics.definitions import METRICS
from nncli.metrics.intervals import Estimate, estimate
from nncli.metrics.reported import reported
from nncli.metrics.rows import ScoredRows
from nncli.model.model import Model
from nncli.system.atomic import atomic_file

ROWS_AT_ONCE, CELLS_WRITTEN = 1 << 16, 1 << 24
MOST_WHOLE = 1e15  # of a number that is written without an exponent
FEWEST = 10  # rows of a group of which a figure stands out, unless it is a share, whose interval holds for any
MOST_GROUPS = 20  # categories of a column of text; the others are one group


@dataclass(frozen=True)
class JudgedRows:
    """Rows of a table at these positions, with what a model has said of them: P (n, K), its probability of each class
    or score, and what the metrics are worked out from."""

    model: Model
    table: Table
    rows: Positions
    P: NDArray[Any]
    scored: ScoredRows
    part: str  # test, or empty for rows that are no part of the training data
    beside: Table | None = None  # the same rows, with a column that is no input

    @property
    def predicted(self) -> NDArray[np.int64]:
        return self.scored.predicted

    @property
    def y(self) -> NDArray[np.int64]:
        return self.scored.y

    @property
    def positive(self) -> str:
        """Return the positive class, of two."""
        return self.model.classes[self.scored.positive]

    @property
    def _kind(self) -> str:
        """Name what the model gives each class, as columns and keys begin."""
        return "p" if self.model.probabilistic else "score"

    def write(self, path: Path) -> None:
        """Write a row each as CSV: its number in the data, from 1, its columns (of sparse rows, which may be a million,
        none), its class, what was predicted, the probability of each class, and its part. Raises OutputError."""
        import pyarrow as pa
        from pyarrow import csv

        schema, classes = self.model.schema, np.array(self.model.classes, object)
        own = [f"{self._kind}_{name}" for name in self.model.classes]
        names = unique_names(["row", *self.names_written, schema.target, "prediction", *own, "part"])
        options = csv.WriteOptions(include_header=False, quoting_style="needed")
        with atomic_file(path) as file:
            file.write((",".join(map(csv_quoted, names)) + "\n").encode())
            at_once = max(1, min(ROWS_AT_ONCE, CELLS_WRITTEN // len(names)))
            for start in range(0, len(self.y), at_once):
                some = slice(start, start + at_once)
                columns = [
                    pa.array(self.rows[some] + 1),
                    *self.cells_written(self.rows[some]),
                    pa.array(classes[self.y[some]]),
                    pa.array(classes[self.predicted[some]]),
                    *(pa.array(column) for column in self.P[some].T),
                    pa.array([self.part] * len(self.y[some])),
                ]
                csv.write_csv(pa.Table.from_arrays(columns, names=[*map(str, range(len(names)))]), file, options)

    @property
    def names_written(self) -> tuple[str, ...]:
        """Name the columns that a file of judged rows has of them: all, or none of sparse rows."""
        return () if is_sparse(self.table.numbers) else self.model.schema.names

    def cells_written(self, rows: Positions) -> list[Any]:
        """Return the cells of some rows in these columns, as pyarrow arrays."""
        return [*self.columns(rows).values()] if self.names_written else []

    def columns(self, rows: Positions) -> dict[str, Any]:
        """Return the columns of some rows of the table as pyarrow arrays, null where a cell is missing."""
        import pyarrow as pa

        table, places = self.table.take(rows).with_zeros(), {name: i for i, name in enumerate(self.table.number_names)}
        found: dict[str, Any] = {}
        for name, kind in self.model.schema.columns:
            if kind == "number":
                found[name] = pa.array(table.numbers[:, places.get(name, len(found))], from_pandas=True)
            elif kind == "date":
                found[name] = _dates(table.dates[name])
            else:
                column = table.texts[name]
                found[name] = pa.array([None if code < 0 else column.values[code] for code in column.codes.tolist()])
        return found

    def worst(self, most: int) -> list[dict[str, Any]]:
        """Return the most wrong rows, at most so many: wrongly predicted, and with the least probability of their class
        (or the furthest that its score is behind); of equally wrong ones, the first in the data. Of each: its number,
        class, prediction, that probability (p_class) or score (score_class), and its columns."""
        wrong = np.flatnonzero(self.predicted != self.y)
        if self.model.probabilistic:
            behind = self.scored.log_p()[wrong]  # of probabilities that round to 0, some are less than others
        else:
            own = self.P[wrong, self.y[wrong]].astype(np.float64)
            behind = own - self.P[wrong, self.predicted[wrong]]
        chosen = wrong[np.argsort(behind, kind="stable")[:most]]
        cells = {name: column.to_pylist() for name, column in self.columns(self.rows[chosen]).items()}
        return [
            {
                "row": int(self.rows[i]) + 1,
                "class": self.model.classes[self.y[i]],
                "prediction": self.model.classes[self.predicted[i]],
                f"{self._kind}_class": float(self.P[i, self.y[i]]),
                "columns": {name: column[at] for name, column in cells.items()},
            }
            for at, i in enumerate(chosen.tolist())
        ]

    @property
    def of_groups(self) -> tuple[str, ...]:
        """Return the metrics of groups: those that `eval` reports."""
        return reported(self.scored.K, self.scored.costs is not None)

    def by(self, name: str, metric: str | None = None) -> list[dict[str, Any]]:
        """Return the metrics `of_groups`, after one that is asked for, for each category of a column, or for each
        quarter of its numbers or dates.

        All intervals hold together with 95 % (Bonferroni: of m, each has 1 − 0.05/m). Figures whose interval leaves out
        that of all rows are marked, if the group is not too small to tell. A metric that is not defined in a group is
        None.
        """
        specs = dict.fromkeys([metric, *self.of_groups] if metric else self.of_groups)
        labels, codes = self.groups(name)
        present = np.unique(codes)
        asked = {spec: METRICS.create(spec) for spec in specs}
        z = NormalDist().inv_cdf(1 - 0.025 / (len(present) * len(asked)))
        rows = self.scored.oriented
        of_all = {spec: None if one.problem(rows) else one.value(rows) for spec, one in asked.items()}
        found = []
        for k in present:
            rows = self.scored.take(codes == k)
            figures = {}
            for spec, one in asked.items():
                own = estimate(one, rows, z)
                is_sure = len(rows) >= FEWEST or own.method == "Wilson"
                figures[spec] = _beside(own, of_all[spec] if is_sure else None)
            found.append({"group": labels[k], "n": len(rows), "metrics": figures})
        return found

    def groups(self, name: str) -> tuple[list[str], NDArray[np.int64]]:
        """Return the names of the groups of a column, and the group of each row (n,)."""
        table = self.beside or self.table
        if name in table.texts:
            column = table.texts[name]
            codes = codes_of_texts(column)[self.rows]
            often = np.bincount(codes[codes >= 0], minlength=len(column.values)).argsort(kind="stable")[::-1]
            shown = often[:MOST_GROUPS]
            place = np.full(len(column.values) + 1, len(shown), np.int64)
            place[shown] = np.arange(len(shown))
            place[-1] = len(shown) + 1  # of the code −1
            return [*(column.values[code] for code in shown), "(others)", "(missing)"], place[codes]
        is_date = name in table.dates
        values = table.dates[name][self.rows] if is_date else self._numbers(table, name)
        dtype, values = values.dtype, values.astype(np.float64)
        known = np.sort(values[~np.isnan(values)])
        edges = _quarters(known)
        parts = np.split(known, np.searchsorted(known, edges, side="right")) if len(known) else []
        write = written if is_date else (lambda value: _shown(value, dtype))
        ends = [[*map(write, dict.fromkeys((float(part[0]), float(part[-1]))))] for part in parts]
        codes = np.searchsorted(edges, values, side="left")
        return [*map(" to ".join, ends), "(missing)"], np.where(np.isnan(values), len(ends), codes)

    def _numbers(self, table: Table, name: str) -> NDArray[Any]:
        names = table.number_names or self.model.schema.of_kind("number")
        place = names.index(name)
        found: NDArray[Any] = (
            table.numbers.column(place)[self.rows] if is_sparse(table.numbers) else table.numbers[self.rows][:, place]
        )
        return found


def _quarters(known: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return up to three of some sorted values, each the last of a group, so that the groups have about as many values;
    equal ones are together, and no group is empty."""
    values = np.unique(known)
    if len(values) < 2:
        return np.zeros(0)
    return np.unique(np.quantile(known, [0.25, 0.5, 0.75], method="inverted_cdf").clip(max=values[-2]))


def _beside(found: Estimate, of_all: float | None) -> dict[str, Any]:
    """Return a figure of a group, and whether it stands out beside that of all rows. A calibration error does not: its
    interval is of the true error, above which that of few rows lies, and that of all rows too."""
    low, high = found.interval or (-np.inf, np.inf)
    stands_out = of_all is not None and found.method != "simulation" and not low <= of_all <= high
    return {**dataclasses.asdict(found), "stands_out": stands_out}


def _dates(days: NDArray[np.float64]) -> Any:
    """Write days since 1970 as dates, with the time of day where there is one."""
    import pyarrow as pa

    whole = np.isnan(days) | (days == np.floor(days))
    if whole.all():
        return pa.array([None if np.isnan(day) else str(np.datetime64(int(day), "D")) for day in days.tolist()])
    seconds = np.round(days * 86_400)
    return pa.array([None if np.isnan(s) else str(np.datetime64(int(s), "s")) for s in seconds.tolist()])


def _shown(value: float, dtype: Any) -> str:
    """Write a number with all figures that its column has."""
    if value.is_integer() and abs(value) < MOST_WHOLE:
        return f"{value:.0f}"
    return str(np.float32(value)) if dtype == np.float32 else f"{value:.15g}"
