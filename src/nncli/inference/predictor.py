"""Predict blocks of rows, and write the predictions as CSV or lines of JSON. Loads neither scikit-learn nor rich."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nncli.data.arrow_conversion import as_arrow, string_array, text_of
from nncli.data.dataset import Table
from nncli.data.row_blocks import RowBlock
from nncli.data.scaled_rows import InMemory, SparseMatrix
from nncli.errors import OptionError, mention
from nncli.inference.predict_options import PredictOptions, check_options
from nncli.inference.written_cells import (
    Cells,
    are_few,
    csv_quoted,
    escaped,
    escaped_column,
    json_quoted,
    number_column,
    quoted_column,
)
from nncli.metrics.rows import CELLS_AT_ONCE
from nncli.model.model import Model
from nncli.system.output import in_quotes
from nncli.system.threads import multiply_with, reader_threads

EXPLAINED_AT_ONCE = 1024  # rows, by each thread


class Listener(Protocol):
    """Hears what is predicted, as a `Guard` does."""

    def look_at_predictions(self, predicted: NDArray[Any]) -> None:
        """Take in what is predicted of some rows: positions of classes, or numbers."""


class Predictor:
    """Predicts block by block: one line of output for each row, in order."""

    def __init__(
        self,
        model: Model,
        options: PredictOptions,
        keep: Sequence[str] = (),
        beside: Sequence[str] = (),
    ) -> None:
        """Prepare to write the columns `keep` of the input, and behind those of the model columns `beside` them, which
        whoever calls `lines` brings; OptionError where the model cannot do what is asked."""
        check_options(options, model)
        self.guard: Listener | None = None  # is told what is predicted
        self.model, self.options, self.keep = model, options, keep
        self.half_width = self.least = None
        if options.interval is not None:
            from nncli.model.interval_of_model import half_width, least_probability
        if options.interval is not None and model.target is not None:
            self.half_width = half_width(model, options.interval)
        elif options.interval is not None:
            self.least = least_probability(model, options.interval)
        self._unknown = list[Mapping[str, NDArray[np.bool_]]]()  # of the texts of the block, part by part
        self.rows = self.tied = 0  # so far, and those for which two scores without probabilities are the same
        if options.embed:
            own = [f"h_{i}" for i in range(model.network.embedded)]
        else:
            kind = "p" if model.probabilistic else "score"
            own = ["prediction", *(f"{kind}_{name}" for name in model.classes if options.proba)]
            own += ["set"] * (self.least is not None)
            own += ["runner_up"] * (options.reasons > 0 and len(model.classes) > 2)
            own += ["low", "high"] if self.half_width is not None else []
            own += ["uncertainty"] * options.uncertainty
            own += [f"{what}_{i + 1}" for i in range(options.reasons) for what in ("reason", "contribution")]
        names = [*keep, *own, *beside]
        self.names = tuple(own)  # of the columns that the model adds
        doubled = next((name for i, name in enumerate(names) if name in names[:i]), None)
        if doubled is not None:
            problem = f"the input has a column {in_quotes(doubled)}, and so has the output"
            raise OptionError("keep", problem, f"Name the others with {mention('keep')}")
        written = (lambda name: csv_quoted(escaped(name))) if options.escape_formulas else csv_quoted
        self._written = written
        self.header = (",".join(map(written, names)) + "\n").encode()
        # a line must not be empty: readers of CSV would skip it
        self._empty = '""' if len(names) == 1 else ""
        cells = [*map(written, model.classes), self._empty]
        self._keys: list[str] = []  # of a JSON object; empty for CSV
        if options.jsonl:
            self._keys, self.header, self._empty = [f"{json_quoted(name)}:" for name in names], b"", "null"
            cells = [*map(json_quoted, model.classes), self._empty]
        columns = [*map(json_quoted if options.jsonl else written, model.schema.names), self._empty]
        self._columns = Cells(columns if options.reasons else [])
        self._cells, self._lines = Cells(cells), [f"{cell}\n".encode() for cell in cells]
        self.class_of_cell = dict(zip(cells, model.classes, strict=False))  # by the way it is written
        self._is_class_alone = own == ["prediction"] and model.target is None and not (keep or self._keys)

    def predict(self, block: RowBlock) -> bytes:
        """Return the lines for a block; the rows in `block.errors` get an empty prediction."""
        if self._is_class_alone:
            self._unknown = []
            codes, _ = self._codes(block.table, bad := sorted(block.errors))
            self._tell_guard(codes, bad)
            self.rows += len(block) - len(bad)
            codes[bad] = len(self.model.classes)
            return b"".join([self._lines[code] for code in codes.tolist()])
        return self.lines(block, self.columns(block))

    def columns(self, block: RowBlock) -> list[Any]:
        """Return the columns `names` for a block, as they are written: of few rows lists of texts, of more pyarrow
        string arrays, or either. The rows in `block.errors` have empty ones."""
        bad = sorted(block.errors)
        self._unknown = []
        if self.options.embed:
            return self._numbers(self.model.embed(block.table, self._look), bad)
        if self.model.target is not None:
            numbers = self.model.numbers(self._scores(block.table))[:, None]
            self._tell_guard(numbers[:, 0], bad)
            if self.half_width is not None:
                numbers = np.hstack([numbers, numbers - self.half_width, numbers + self.half_width])
                np.round(numbers, self._decimals, out=numbers)
            columns = self._numbers(numbers + 0.0, bad)  # −0 is 0
            if self.options.uncertainty:
                spread = np.round(self.model.spread(block.table), self._decimals)
                columns += self._numbers(spread[:, None], bad)
            if self.options.reasons:
                only_output = np.zeros(len(block.table), np.int64)
                columns += self._reasons(block.table, only_output, only_output, bad)
            return columns
        figures: list[Any] = []
        self.rows += len(block.table) - len(bad)
        if self.options.proba or self.least is not None:
            Z = self._scores(block.table)
            codes, runner_up = self._decided(Z, 0, bad)
            P = self.model.by_class(Z)
            figures = self._numbers(P, bad) if self.options.proba else []
            figures += [self._sets(P, bad)] if self.least is not None else []
        else:
            codes, runner_up = self._codes(block.table, bad)
        self._tell_guard(codes, bad)
        if self.options.uncertainty:
            spread = self.model.spread(block.table, codes).astype(self.model.network.dtype)
            figures += self._numbers(spread[:, None], bad)
        if self.options.reasons:
            figures += self._reasons(block.table, codes, runner_up, bad)
        codes[bad] = len(self.model.classes)
        return [self._cells.at(codes), *figures]

    @property
    def _decimals(self) -> int:
        return self.model.of_numbers.decimals(self.model.network.dtype.name)

    def _tell_guard(self, predicted: NDArray[Any], bad: list[int]) -> None:
        if self.guard is not None:
            self.guard.look_at_predictions(np.delete(predicted, bad) if bad else predicted)

    def _reasons(
        self, table: Table, codes: NDArray[np.int64], runner_up: NDArray[np.int64], bad: list[int]
    ) -> list[Any]:
        """Return the columns of the reasons for the predicted classes (n,), or numbers, of several classes behind the
        runner-up (n,); each thread works on few rows at a time."""
        from concurrent.futures import ThreadPoolExecutor

        from nncli.explain.reasons import largest_with_words, reasons

        def largest(rows: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
            if self.model.preprocess.words is not None:
                part = table.take(rows)
                return largest_with_words(
                    reasons(self.model, part, codes[rows], runner_up[rows]), part, self.options.reasons
                )
            return reasons(self.model, table.take(rows), codes[rows], runner_up[rows]).largest(self.options.reasons)

        rows = np.arange(len(table))
        # the last digits depend on which rows are multiplied together, and must not depend on the number of threads
        at_once = max(1, min(CELLS_AT_ONCE // max(1, self.model.preprocess.n_others), EXPLAINED_AT_ONCE))
        parts = [rows[start : start + at_once] for start in range(0, max(1, len(table)), at_once)]
        with multiply_with(1):
            if len(parts) == 1:
                places, values = largest(parts[0])
            else:
                with ThreadPoolExecutor(reader_threads()) as pool:
                    places, values = (np.concatenate(its) for its in zip(*pool.map(largest, parts), strict=True))
        if self.model.target is not None:  # places beyond these are rounding errors
            values = np.round(values, self._decimals) + 0.0  # −0 is 0
        if self.model.preprocess.words is not None:
            found = self._named(places, values, bad)
        else:
            places[bad] = len(self.model.schema.names)
            names = [self._columns.at(column) for column in places.T]
            found = [one for pair in zip(names, self._numbers(values, bad), strict=True) for one in pair]
        if len(self.model.classes) <= 2:
            return found
        runner_up[bad] = len(self.model.classes)
        return [self._cells.at(runner_up), *found]

    def _named(self, names: NDArray[Any], values: NDArray[Any], bad: list[int]) -> list[Any]:
        """Return the columns of reasons that are called so (n, k), among them n-grams, of which a row may have fewer:
        there, and in the bad rows, the cells are empty."""
        write, found = json_quoted if self._keys else self._written, list[Any]()
        for its, numbers in zip(names.T, self._numbers(values, bad), strict=True):
            none = {*bad, *(i for i, name in enumerate(its.tolist()) if name is None)}
            cells = [self._empty if i in none else write(name) for i, name in enumerate(its.tolist())]
            figures = numbers if isinstance(numbers, list) else numbers.to_pylist()
            figures = [self._empty if i in none else figure for i, figure in enumerate(figures)]
            found += [cells, figures] if isinstance(numbers, list) else [string_array(cells), string_array(figures)]
        return found

    def _sets(self, P: NDArray[Any], bad: list[int]) -> Any:
        """Write the prediction sets of rows with the probabilities P (n, K), which are empty in the bad rows."""
        from nncli.inference.prediction_sets import as_cell, as_json, sets_of

        assert self.least is not None
        found, of_row = sets_of(P, self.least)
        named = ([self.model.classes[i] for i in one if i >= 0] for one in found)
        if self._keys:
            cells = [*map(as_json, named)]
        else:
            written = self._written
            cells = [written(as_cell(one)) for one in named]
        of_row[bad] = len(cells)
        return Cells([*cells, self._empty]).at(of_row)

    def _codes(self, table: Table, bad: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the predicted class of each row and the runner-up as their positions, (n,) each; few scores are in
        memory at a time."""
        at_once = max(1, CELLS_AT_ONCE // len(self.model.classes))
        if len(table) <= at_once:
            return self._decided(self._scores(table), 0, bad)
        rows = np.arange(len(table))
        parts = ((start, table.take(rows[start : start + at_once])) for start in range(0, len(table), at_once))
        codes, runner_up = zip(*(self._decided(self._scores(one), start, bad) for start, one in parts), strict=True)
        return np.concatenate(codes), np.concatenate(runner_up)

    def _scores(self, table: Table) -> NDArray[Any]:
        return self.model.scores(table, self._look)

    def _look(self, inputs: InMemory) -> None:
        """Keep which texts of some rows have none of the words of training."""
        if isinstance(inputs, SparseMatrix) and inputs.unknown:
            self._unknown.append(inputs.unknown)

    def unknown_texts(self, bad: Iterable[int] = ()) -> dict[str, NDArray[np.int64]]:
        """Return the rows of the block just predicted whose text has none of the words of training, by column, but for
        bad rows."""
        parts = self._unknown
        found = {name: np.flatnonzero(np.concatenate([one[name] for one in parts])) for name in (parts or [{}])[0]}
        return {name: np.setdiff1d(rows, [*bad]) for name, rows in found.items() if len(rows)}

    def _decided(self, Z: NDArray[Any], start: int, bad: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the predicted classes from scores, which begin with those of the row `start` of a block, and the
        runners-up, if reasons are asked for; count the rows that are tied, but for bad ones."""
        if not self.model.probabilistic:
            tied = self.model.loss.tied(Z)
            self.tied += int(tied.sum()) - sum(bool(tied[i - start]) for i in bad if start <= i < start + len(Z))
        codes = self.model.predicted(Z, self.options.threshold)
        if not self.options.reasons:
            return codes, codes
        from nncli.explain.leads import runners_up

        return codes, runners_up(Z, codes)

    def _numbers(self, figures: NDArray[Any], bad: list[int]) -> list[Any]:
        """Write the columns of figures (n, any), which are empty in the bad rows."""
        columns = [*map(number_column, figures.T)]
        if bad:
            columns = [column if isinstance(column, list) else column.to_pylist() for column in columns]
            for column in columns:
                for row in bad:
                    column[row] = self._empty
        return columns

    def lines(self, block: RowBlock, columns: list[Any]) -> bytes:
        """Write the lines of a block: the kept columns, and the given ones, which are written already."""
        kept = [block.kept[name] for name in self.keep]
        if are_few(len(block)):
            write = json_quoted if self._keys else self._written
            kept = [[*map(write, column.to_pylist())] for column in kept]
            rows: Iterable[Iterable[str]] = zip(
                *kept, *(one if isinstance(one, list) else one.to_pylist() for one in columns), strict=True
            )
            if self._keys:
                rows = (map(str.__add__, self._keys, row) for row in rows)
            begin, end = ("{", "}\n") if self._keys else ("", "\n")
            return "".join(f"{begin}{','.join(row)}{end}" for row in rows).encode()
        import pyarrow as pa
        import pyarrow.compute as pc

        kept, columns = ([*map(as_arrow, its)] for its in (kept, columns))
        kept = [escaped_column(column) for column in kept] if self.options.escape_formulas else kept
        if self._keys:
            columns = [*(string_array([json_quoted(cell) for cell in column.to_pylist()]) for column in kept), *columns]
        else:
            columns = [*map(quoted_column, kept), *columns]
        if self._keys:
            columns = [
                pc.binary_join_element_wise("{" * (i == 0) + key, column, "}" * (i == len(self._keys) - 1), "")
                for i, (key, column) in enumerate(zip(self._keys, columns, strict=True))
            ]
        rows = pc.binary_join_element_wise(pc.binary_join_element_wise(*columns, ","), "", "\n")
        return text_of(rows.combine_chunks() if isinstance(rows, pa.ChunkedArray) else rows)
