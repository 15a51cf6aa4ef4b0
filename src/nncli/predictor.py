"""Model + a stream of rows → a stream of answers, as CSV. It never loads scikit-learn or rich."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.arrow import number_array, string_array
from nncli.data.csv import Block
from nncli.errors import OptionError
from nncli.model import Model


class Predictor:
    """Answers block by block; a block's rows come out in order, one for one.

    With a `threshold`, for two classes, the second class is predicted from that probability on;
    without one, the likelier class.
    """

    def __init__(
        self, model: Model, keep: Sequence[str] = (), proba: bool = False, threshold: float | None = None
    ) -> None:
        if threshold is not None and len(model.classes) != 2:
            raise OptionError(
                "--threshold", f"expected a model of two classes, found {len(model.classes)}", "Use --proba and choose"
            )
        self.model, self.keep, self.proba, self.threshold = model, tuple(keep), proba, threshold
        names = [*self.keep, "prediction", *(f"p_{name}" for name in model.classes if proba)]
        doubled = next((name for i, name in enumerate(names) if name in names[:i]), None)
        if doubled is not None:
            raise OptionError(
                "--keep", f"the input has a column '{doubled}', and so has the answer", "Name the others with --keep"
            )
        self.header = (",".join(map(quoted, names)) + "\n").encode()
        # a line of its own must not be empty: readers of CSV would skip it
        empty = '""' if len(names) == 1 else ""
        self._cells = np.array([*map(quoted, model.classes), empty], object)

    def answer(self, block: Block) -> bytes:
        """The lines of CSV for a block. A row in `block.errors` gets an empty prediction."""
        P = self.model.probabilities(block.table)
        codes = self.predicted(P)
        bad = sorted(block.errors)
        codes[bad] = len(self.model.classes)
        labels = self._cells[codes].tolist()
        if not (self.keep or self.proba):
            return "".join([f"{label}\n" for label in labels]).encode()
        import pyarrow.compute as pc

        columns = [_quoted_column(block.kept[name]) for name in self.keep]
        columns.append(string_array(labels))
        if self.proba:
            for p in P.T:
                column = pc.cast(number_array(p), "string")
                columns.append(_blanked(column, bad) if bad else column)
        return _lines(columns)

    def predicted(self, P: NDArray[Any]) -> NDArray[np.int64]:
        """The position of the predicted class for each row of P (n, K)."""
        codes: NDArray[np.int64] = P.argmax(axis=1) if self.threshold is None else (P[:, 1] >= self.threshold) * 1
        return codes


def quoted(cell: str) -> str:
    """A cell as CSV wants it."""
    return '"' + cell.replace('"', '""') + '"' if any(sign in cell for sign in ',"\r\n') else cell


def _blanked(column: Any, rows: Iterable[int]) -> Any:
    cells = column.to_pylist()
    for row in rows:
        cells[row] = ""
    return string_array(cells)


def _quoted_column(column: Any) -> Any:
    import pyarrow.compute as pc

    needs = pc.match_substring_regex(column, '[,"\r\n]')
    if not pc.any(needs).as_py():
        return column
    escaped = pc.replace_substring(column, '"', '""')
    return pc.if_else(needs, pc.binary_join_element_wise('"', escaped, '"', ""), column)


def _lines(columns: Iterable[Any]) -> bytes:
    """Cells → lines: the joined strings stand in memory one after the other, so their buffer is the text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = pc.binary_join_element_wise(pc.binary_join_element_wise(*columns, ","), "", "\n")
    if isinstance(rows, pa.ChunkedArray):
        rows = rows.combine_chunks()
    offsets = np.frombuffer(rows.buffers()[1], np.int32)[rows.offset : rows.offset + len(rows) + 1]
    data = rows.buffers()[2]
    return b"" if data is None or len(rows) == 0 else data[int(offsets[0]) : int(offsets[-1])].to_pybytes()
