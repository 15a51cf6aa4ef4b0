"""Tabulate precision, recall, rates and cost at each threshold of a model of two classes, for `eval --curve`."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nncli.inference.judged_rows import JudgedRows
from nncli.model.decision import Costs
from nncli.model.thresholds import Thresholds
from nncli.system.atomic import atomic_file

COLUMNS = ("threshold", "precision", "recall", "tpr", "fpr", "f1")


@dataclass(frozen=True)
class Curve:
    """The counts at each threshold, for a positive class; and what mistakes cost, if that is known."""

    at: Thresholds
    positive: int
    costs: Costs

    @classmethod
    def of(cls, rows: JudgedRows) -> Curve:
        """Count for judged rows of two classes, of which their positive one is to be found."""
        k, decision = rows.scored.positive, rows.model.decision
        at = Thresholds.of(rows.P[:, k].astype(np.float64), rows.y == k)
        return cls(at, k, () if decision is None else decision.costs)

    def write(self, path: Path) -> None:
        """Write a row for each threshold, the highest first; cells without a value are empty. tpr is the recall by its
        other name. Raises OutputError."""
        at = self.at
        columns = [at.t, at.precision, at.recall, at.recall, at.false_positive_rate, at.f1]
        if self.costs:
            columns.append(at.mean_cost(self.costs, self.positive))
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([*COLUMNS, *(["cost"] if self.costs else [])])
        rows = np.column_stack(columns).tolist()
        writer.writerows(["" if value != value else repr(value) for value in row] for row in rows)
        with atomic_file(path) as file:
            file.write(out.getvalue().encode())
