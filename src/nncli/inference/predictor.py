"""Model + a stream of rows → a stream of answers, as CSV or lines of JSON. It never loads scikit-learn or rich."""

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
from nncli.model.model import Model

CELLS_AT_ONCE = 1 << 21  # scores: of 16,384 rows of 128 classes
FORMULA = "^[ \t\r\n]*[=+\\-@＝＋－＠]|^[\t\r\n]"  # as the Open Worldwide Application Security Project lists them
PLAIN_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"


class Predictor:
    """Answers block by block; a block's rows come out in order, one for one.

    With a `threshold`, for two classes, the second class is predicted from that probability on;
    without one, the likelier class. `proba` adds a figure for each class: p_<class>, or score_<class> where
    the model gives no probabilities. `embed` gives the last hidden layer instead, h_0 … `escape_formulas` puts an
    apostrophe before texts that a spreadsheet would take for a formula. `jsonl` writes each row as an object of JSON,
    with null for an empty prediction, in place of CSV.
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
            raise OptionError("--escape-formulas", "a spreadsheet does not read JSON", "Leave it out")
        kind = "p" if model.probabilistic else "score"
        if embed:
            own = [f"h_{i}" for i in range((model.config.hidden or ())[-1])]
        else:
            own = ["prediction", *(f"{kind}_{name}" for name in model.classes if proba)]
        names = [*self.keep, *own]
        doubled = next((name for i, name in enumerate(names) if name in names[:i]), None)
        if doubled is not None:
            raise OptionError(
                "--keep", f"the input has a column '{doubled}', and so has the answer", "Name the others with --keep"
            )
        written = (lambda name: quoted(escaped(name))) if escape_formulas else quoted
        self.header = (",".join(map(written, names)) + "\n").encode()
        # a line of its own must not be empty: readers of CSV would skip it
        self._empty = '""' if len(names) == 1 else ""
        cells = [*map(written, model.classes), self._empty]
        self._keys: list[str] = []  # of a line of JSON
        if jsonl:
            self._keys, self.header, self._empty = [f"{_json(name)}:" for name in names], b"", "null"
            cells = [*map(_json, model.classes), self._empty]
        self._cells, self._lines = string_array(cells), string_array([f"{cell}\n" for cell in cells])

    def answer(self, block: RowBlock) -> bytes:
        """The lines of CSV for a block. A row in `block.errors` gets an empty prediction."""
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
        """Find the place of the predicted class of each row, (n,), with the scores of some rows at a time."""
        at_once = max(1, CELLS_AT_ONCE // len(self.model.classes))
        if len(table) <= at_once:
            return self.model.predicted(self.model.scores(table), self.threshold)
        rows = np.arange(len(table))
        parts = (table.take(rows[start : start + at_once]) for start in range(0, len(table), at_once))
        return np.concatenate([self.model.predicted(self.model.scores(part), self.threshold) for part in parts])

    def _lines_of(self, block: RowBlock, columns: list[Any], figures: NDArray[Any], bad: list[int]) -> bytes:
        """The kept columns, then the given ones, then the figures (n, any), empty in the bad rows."""
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
            "--threshold", f"expected a model of two classes, found {len(model.classes)}", "Use --proba and choose"
        )
    if not model.probabilistic:
        raise OptionError(
            "--threshold", f"expected a model with probabilities, and {model.config.model} gives scores",
            "Train it with --calibrate",
        )  # fmt: skip


def _check_embed(model: Model, proba: bool, threshold: float | None) -> None:
    if not model.config.hidden:
        raise OptionError("--embed", f"model '{model.config.model}' has no hidden layer", "Train one with --model mlp")
    if proba or threshold is not None:
        raise OptionError(
            "--embed", f"it stands in place of predictions, and {'--proba' if proba else '--threshold'} asks for them",
            "Leave one of them out",
        )  # fmt: skip


def _json(cell: str) -> str:
    return json.dumps(cell, ensure_ascii=False)


def quoted(cell: str) -> str:
    """A cell as CSV wants it."""
    return '"' + cell.replace('"', '""') + '"' if any(sign in cell for sign in ',"\r\n') else cell


def escaped(cell: str) -> str:
    """A cell that is text to a spreadsheet too."""
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
    """Cells → lines."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = pc.binary_join_element_wise(pc.binary_join_element_wise(*columns, ","), "", "\n")
    return text_of(rows.combine_chunks() if isinstance(rows, pa.ChunkedArray) else rows)
