"""The rows that a model of numbers was evaluated on, one by one: in a file, those with the largest errors, and figures
of groups."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.csv.column_names import unique_names
from nncli.inference.judged_rows import ROWS_AT_ONCE, JudgedRows
from nncli.inference.written_cells import csv_quoted
from nncli.metrics.rows import Floats
from nncli.system.atomic import atomic_file

OF_GROUPS = ("rmse", "mae")  # metrics that are reported of each group


@dataclass(frozen=True)
class JudgedNumbers(JudgedRows):
    """Hold the rows that a model of numbers was judged on, and write, sort and group them: P (n, 1) has the predicted
    numbers, and `half_width` is how far the interval of a prediction goes on both sides; None where it is not known."""

    half_width: float | None = None

    @property
    def errors(self) -> Floats:
        """Return how far each prediction is above the true number, (n,)."""
        return np.asarray(self.predicted - self.y, np.float64)

    def write(self, path: Path) -> None:
        """Write a row each as CSV: its number in the data, from 1, its columns (of sparse rows none), its number, what
        was predicted, by how much that is too high, the ends of the interval if it is known, and the part. Raises
        OutputError."""
        import pyarrow as pa
        from pyarrow import csv

        schema, ends = self.model.schema, () if self.half_width is None else ("low", "high")
        names = unique_names(["row", *self.names_written, schema.target, "prediction", "error", *ends, "part"])
        options = csv.WriteOptions(include_header=False, quoting_style="needed")
        with atomic_file(path) as file:
            file.write((",".join(map(csv_quoted, names)) + "\n").encode())
            for start in range(0, len(self.y), ROWS_AT_ONCE):
                some = slice(start, start + ROWS_AT_ONCE)
                predicted = self.predicted[some]
                interval = [] if self.half_width is None else [predicted - self.half_width, predicted + self.half_width]
                columns = [
                    pa.array(self.rows[some] + 1),
                    *self.cells_written(self.rows[some]),
                    *map(pa.array, (self.y[some], predicted, self._rounded(self.errors[some]))),
                    *(pa.array(self._rounded(end)) for end in interval),
                    pa.array([self.part] * len(predicted)),
                ]
                csv.write_csv(pa.Table.from_arrays(columns, names=[*map(str, range(len(names)))]), file, options)

    def _rounded(self, values: NDArray[Any]) -> Floats:
        """Leave out decimal places that are rounding errors."""
        found: Floats = np.round(values, self.model.of_numbers.decimals(self.model.network.dtype.name))
        return found

    @property
    def of_groups(self) -> tuple[str, ...]:
        """Return the metrics of groups: a few, in the unit of the target."""
        return OF_GROUPS

    def worst(self, most: int) -> list[dict[str, Any]]:
        """Return the rows with the largest errors, at most so many; of equal ones, the first in the data. Of each: its
        number in the data, its target, the prediction, by how much that is too high, and its columns."""
        chosen = np.argsort(-np.abs(self.errors), kind="stable")[:most]
        cells = {name: column.to_pylist() for name, column in self.columns(self.rows[chosen]).items()}
        errors = self._rounded(self.errors)
        return [
            {
                "row": int(self.rows[i]) + 1,
                "target": float(self.y[i]),
                "prediction": float(self.predicted[i]),
                "error": float(errors[i]),
                "columns": {name: column[at] for name, column in cells.items()},
            }
            for at, i in enumerate(chosen.tolist())
        ]
