"""Predict blocks of rows, and write the predictions as CSV or lines of JSON. Loads neither scikit-learn nor rich."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.arrow_conversion import number_array, string_array, take, text_of
from nncli.data.dataset import Table
from nncli.data.row_blocks import RowBlock
from nncli.errors import OptionError
from nncli.inference.metrics import SCORES_AT_ONCE
from nncli.model.model import Model
from nncli.system.output import in_quotes

FORMULA = "^[ \t\r\n]*[=+\\-@＝＋－＠]|^[\t\r\n]"  # the list of the Open Worldwide Application Security Project
PLAIN_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"


class Predictor:
    """Predicts block by block: one line of output for each row, in order.

    threshold: for two classes, predict the second from this probability on; None: the likelier class.
    proba: add a column for each class, `p_<class>`, or `score_<class>` if the model gives no probabilities.
    embed: write the outputs of the last hidden layer instead, `h_0`, `h_1`, …
    escape_formulas: put an apostrophe before text that a spreadsheet would run as a formula.
    jsonl: write each row as a JSON object, with null for an empty prediction, instead of CSV.

    Raises OptionError where the model cannot do what is asked.
    """

    def __init__(
        self,
        model: Model,
        keep: Sequence[str] = (),
        proba: bool = False,
        threshold: float | None = None,
        embed: bool = False,
        escape_formulas: bool = False,
        jsonl: bool = False,
    ) -> None:
        if threshold is not None:
            _check_threshold(model)
        if embed:
            _check_embed(model, proba, threshold)
        self.model, self.keep, self.threshold, self.embed = model, tuple(keep), threshold, embed
        self.proba, self.escape_formulas = proba, escape_formulas
        if jsonl and escape_formulas:
            raise OptionError("escape_formulas", "a spreadsheet does not read JSON", "Leave it out")
        kind = "p" if model.probabilistic else "score"
        if embed:
            own = [f"h_{i}" for i in range(model.config.model.hidden[-1])]
        else:
            own = ["prediction", *(f"{kind}_{name}" for name in model.classes if proba)]
        names = [*self.keep, *own]
        doubled = next((name for i, name in enumerate(names) if name in names[:i]), None)
        if doubled is not None:
            raise OptionError(
                "keep",
                f"the input has a column {in_quotes(doubled)}, and so has the output",
                "Name the others with --keep",
            )
        written = (lambda name: quoted(escaped(name))) if escape_formulas else quoted
        self.header = (",".join(map(written, names)) + "\n").encode()
        # a line must not be empty: readers of CSV would skip it
        self._empty = '""' if len(names) == 1 else ""
        cells = [*map(written, model.classes), self._empty]
        self._keys: list[str] = []  # of a JSON object; empty for CSV
        if jsonl:
            self._keys, self.header, self._empty = [f"{_json(name)}:" for name in names], b"", "null"
            cells = [*map(_json, model.classes), self._empty]
        self._cells, self._lines = string_array(cells), string_array([f"{cell}\n" for cell in cells])

    def predict(self, block: RowBlock) -> bytes:
        """Return the lines for a block; the rows in `block.errors` get an empty prediction."""
        bad = sorted(block.errors)
        if self.embed:
            return self._lines_of(block, [], self.model.embed(block.table), bad)
        if self.proba:
            Z = self.model.scores(block.table)
            codes, figures = self.model.predicted(Z, self.threshold), self.model.by_class(Z)
        else:
            codes, figures = self._codes(block.table), np.empty((len(block), 0))
        codes[bad] = len(self.model.classes)
        if not (self.keep or self.proba or self._keys):
            return text_of(take(self._lines, codes))
        return self._lines_of(block, [take(self._cells, codes)], figures, bad)

    def _codes(self, table: Table) -> NDArray[np.int64]:
        """Return the predicted class of each row as its position, (n,); few scores are in memory at a time."""
        at_once = max(1, SCORES_AT_ONCE // len(self.model.classes))
        if len(table) <= at_once:
            return self.model.predicted(self.model.scores(table), self.threshold)
        rows = np.arange(len(table))
        parts = (table.take(rows[start : start + at_once]) for start in range(0, len(table), at_once))
        return np.concatenate([self.model.predicted(self.model.scores(part), self.threshold) for part in parts])

    def _lines_of(self, block: RowBlock, columns: list[Any], figures: NDArray[Any], bad: list[int]) -> bytes:
        """Join the kept columns, the given ones and the figures (n, any), which are empty in the bad rows."""
        import pyarrow.compute as pc

        kept = [block.kept[name] for name in self.keep]
        kept = [_escaped_column(column) for column in kept] if self.escape_formulas else kept
        if self._keys:
            columns = [*(string_array([_json(cell) for cell in column.to_pylist()]) for column in kept), *columns]
        else:
            columns = [*map(_quoted_column, kept), *columns]
        for figure in figures.T:
            column = pc.cast(number_array(figure), "string")
            columns.append(_blanked(column, bad, self._empty) if bad else column)
        if self._keys:
            columns = [
                pc.binary_join_element_wise("{" * (i == 0) + key, column, "}" * (i == len(self._keys) - 1), "")
                for i, (key, column) in enumerate(zip(self._keys, columns, strict=True))
            ]
        return _joined(columns)


def _check_threshold(model: Model) -> None:
    if len(model.classes) != 2:
        raise OptionError(
            "threshold", f"expected a model of two classes, found {len(model.classes)}", "Use --proba and choose"
        )
    if not model.probabilistic:
        raise OptionError(
            "threshold",
            f"expected a model with probabilities, and {model.config.model.name} gives scores",
            "Train it with --calibrate",
        )


def _check_embed(model: Model, proba: bool, threshold: float | None) -> None:
    if not model.config.model.hidden:
        problem = f"model '{model.config.model.name}' has no hidden layer"
        raise OptionError("embed", problem, "Train one with --model mlp")
    if proba or threshold is not None:
        raise OptionError(
            "embed",
            f"it replaces the predictions, and {'--proba' if proba else '--threshold'} asks for them",
            "Leave one of them out",
        )


def _json(cell: str) -> str:
    return json.dumps(cell, ensure_ascii=False)


def quoted(cell: str) -> str:
    """Quote a cell for CSV where it needs that."""
    return '"' + cell.replace('"', '""') + '"' if any(character in cell for character in ',"\r\n') else cell


def escaped(cell: str) -> str:
    """Escape a cell that a spreadsheet would run as a formula."""
    return f"'{cell}" if re.match(FORMULA, cell) and not re.fullmatch(PLAIN_NUMBER, cell) else cell


def _escaped_column(column: Any) -> Any:
    import pyarrow.compute as pc

    formula = pc.match_substring_regex(column, FORMULA)
    is_text = pc.invert(pc.match_substring_regex(column, f"^{PLAIN_NUMBER}$"))
    return pc.if_else(pc.and_(formula, is_text), pc.binary_join_element_wise("'", column, ""), column)


def _blanked(column: Any, rows: Iterable[int], empty: str) -> Any:
    cells = column.to_pylist()
    for row in rows:
        cells[row] = empty
    return string_array(cells)


def _quoted_column(column: Any) -> Any:
    import pyarrow.compute as pc

    needs = pc.match_substring_regex(column, '[,"\r\n]')
    if not pc.any(needs).as_py():
        return column
    escaped = pc.replace_substring(column, '"', '""')
    return pc.if_else(needs, pc.binary_join_element_wise('"', escaped, '"', ""), column)


def _joined(columns: Iterable[Any]) -> bytes:
    """Join columns of cells into lines of CSV."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = pc.binary_join_element_wise(pc.binary_join_element_wise(*columns, ","), "", "\n")
    return text_of(rows.combine_chunks() if isinstance(rows, pa.ChunkedArray) else rows)
