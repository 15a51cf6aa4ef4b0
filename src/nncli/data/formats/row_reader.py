"""Parse rows of cells from formats that are neither text tables nor Arrow, as a text table with those cells is parsed.

Such a format has a function that opens its rows as `Rows`: the names of its columns, and blocks of rows.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import io
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal, Protocol

from nncli.data.cells import in_spelling
from nncli.data.csv.arrow_parser import FastParser
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.late_codes import CodeWatch
from nncli.data.csv.positions import Known
from nncli.data.csv.repeated_header import RepeatedHeader, of_other_table
from nncli.data.csv.second_table import of_other_names
from nncli.data.csv.strict_parser import StrictParser
from nncli.data.dataset import Schema
from nncli.data.formats.table_layout import layout_for_model, layout_to_learn
from nncli.data.row_blocks import BlockReader, Layout, OnError, RowBlock
from nncli.errors import DataError, listing
from nncli.system.output import counted

MOST_ABSENT = 3  # columns that are named, of those that rows do not have
FEW_BYTES = 4 << 10  # for so few, pyarrow's threads take longer
Row = tuple[int, list[str] | DataError]  # its number in the file, and its cells or what is wrong with it
Faults = dict[int, dict[int, DataError]]  # number of the row → place of the cell → what is wrong with it


class Source(Protocol):
    """An open file, which its reader closes at the end, and whose SHA-256 it asks for."""

    def hexdigest(self) -> str: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Rows:
    """The rows of an open file, and the columns that all of them have."""

    where: str
    names: list[str]
    place: str  # of the names, in messages
    blocks: Iterator[list[Row]]
    source: Source
    notes: tuple[str, ...] = ()
    faults: Faults = field(default_factory=dict)  # that matter where the column is used
    absent: Counter[str] = field(default_factory=Counter)  # column → rows so far that did not have it

    def say_absent(self) -> str:
        """Say which columns are not in all rows, in a line."""
        found = [(f"'{name}'", counted(n, "line")) for name, n in self.absent.items()]
        if len(found) == 1:
            return f"key {found[0][0]} is not in {found[0][1]}: read as a missing value"
        some = listing([f"{name} (not in {lines})" for name, lines in found], MOST_ABSENT)
        return f"{len(found)} keys are not in all lines, and are then read as missing values: {some}"


class RowReader(BlockReader):
    """An open table of such rows."""

    def __init__(
        self,
        rows: Rows,
        layout: Layout,
        notes: Sequence[str],
        *,
        training: bool = False,
        on_error: OnError = "fail",
        whole: bool = False,
    ) -> None:
        super().__init__(layout, (*rows.notes, *notes), on_error, whole)
        self.rows = rows
        header = RepeatedHeader([rows.names])
        self._strict = StrictParser(layout, rows.where, training, header)
        spelled = ((layout.place_of.get(name), its) for name, its in layout.spellings.items())
        self._spelled = {i: its for i, its in spelled if i is not None and its.decimal != "."}

    @functools.cached_property
    def _fast(self) -> FastParser:
        return FastParser(self.layout)  # which takes longer than a few rows

    def blocks(self) -> Iterator[RowBlock]:
        for rows in self.rows.blocks:
            if self.rows.faults:
                rows = [(number, self._fault(number, cells) or cells) for number, cells in rows]
            if rows:
                yield self._fast_block(rows) or self._strict.read_rows(
                    (f"{self.rows.where}:{number}", cells) for number, cells in rows
                )
                if self._strict.other_table:
                    raise self._with_other_names(*self._strict.other_table)
        if self.rows.absent:
            self.notes.append(self.rows.say_absent())

    def _with_other_names(self, where: str, cells: list[str]) -> DataError:
        """Make the error for a row of names among the rows."""
        header = self._strict.header
        if header.is_like(cells) or header.is_moved(cells):
            return of_other_table(where, cells, self.rows.names)
        return of_other_names(where, cells)

    def _fault(self, number: int, cells: list[str] | DataError) -> DataError | None:
        """Take what is wrong with a cell that is used of a row, or kept and not to be written."""
        faults = self.rows.faults.pop(number, {})
        kept = [] if isinstance(cells, DataError) else [i for i in self._strict.keep if not cells[i]]
        return next((faults[place] for place in (*self._strict.checks.used, *kept) if place in faults), None)

    def _fast_block(self, rows: list[Row]) -> RowBlock | None:
        """Read rows; None where there are few of them, or `StrictParser` has to say what is wrong with one."""
        cells = [cells for _, cells in rows if not isinstance(cells, DataError)]
        if len(cells) < len(rows):
            return None
        if self._spelled:
            if not self._spelled.keys().isdisjoint(self._strict.keep):
                return None  # cells are kept as they are in the file
            cells = [[in_spelling(cell, self._spelled.get(i)) for i, cell in enumerate(row)] for row in cells]
        out = io.StringIO()
        csv.writer(out, delimiter=self.layout.delimiter, lineterminator="\n").writerows(cells)
        try:
            data = out.getvalue().encode()
        except UnicodeEncodeError:  # half a character
            return None
        return None if len(data) < FEW_BYTES else self._fast.read(data, True, self.small)

    def growth(self) -> float:
        return 1.05

    def hexdigest(self) -> str:
        return self.rows.source.hexdigest()

    def close(self) -> None:
        self.rows.source.close()


def open_training(rows: Rows, options: CsvOptions, dtype: str, codes: Mapping[str, str] = {}) -> RowReader:
    """Open rows to learn from. Raises DataError and OptionError for what is wrong with them."""
    first: list[Row] = []

    def columns(most: int) -> Sequence[Sequence[str]]:
        """Read so many rows, which stay in `first`, and return their columns."""
        while len(first) < most and (block := next(rows.blocks, None)) is not None:
            first.extend(block)
        sample = [
            _without(rows.faults.get(number, {}), cells)
            for number, cells in first[:most]
            if not isinstance(cells, DataError)
        ]
        return list(zip(*sample, strict=True)) or [()] * len(rows.names)

    layout, notes = layout_to_learn(rows.names, columns, options, dtype, rows.where, codes=codes)
    with_first = dataclasses.replace(rows, blocks=chain([first], rows.blocks))
    return RowReader(with_first, layout, notes, training=True, on_error=options.on_error, whole=True)


def _without(faults: Collection[int], cells: list[str]) -> list[str]:
    return ["" if i in faults else cell for i, cell in enumerate(cells)] if faults else cells


def read_blocks(
    rows: Rows,
    expected: Schema,
    *,
    dtype: str = "float32",
    keep: Sequence[str] | Literal["all"] = (),
    with_target: bool = False,
    on_error: OnError = "fail",
    whole: bool = False,
    known: Known | None = None,
    needed: Mapping[str, str] = {},
    codes: CodeWatch | None = None,
) -> RowReader:
    """Open rows as a model expects them; see `csv.reader.read_blocks`."""
    layout, notes = layout_for_model(rows.names, expected, dtype, keep, with_target, rows.place, known)
    layout = dataclasses.replace(layout, needed=needed, codes=codes or CodeWatch({}))
    return RowReader(rows, layout, notes, on_error=on_error, whole=whole)
