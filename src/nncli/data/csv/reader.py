"""Text tables: blocks of whole rows, read by the fast parser, or where that refuses one by the strict parser.

byte_input → bytes · detection, alignment → layout · whole_rows → where rows end · strict_parser, cell_checks → what a
row means · arrow_parser → the same, fast.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from nncli.data.byte_input import ByteStream, Input, open_input
from nncli.data.csv.alignment import plan_answering
from nncli.data.csv.arrow_parser import FastParser
from nncli.data.csv.cell_checks import A_NOTE, A_TOTAL
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.csv.late_codes import CodeWatch
from nncli.data.csv.parallel import keep_freed_memory, side_by_side
from nncli.data.csv.plain_quotes import are_plain, or_plain
from nncli.data.csv.positions import Known
from nncli.data.csv.reading_plan import ReadingPlan
from nncli.data.csv.repeated_header import RepeatedHeader, may_hold, of_other_table
from nncli.data.csv.row_text import end_of_rows, open_quote
from nncli.data.csv.strict_parser import StrictParser
from nncli.data.csv.whole_rows import UnfinishedRow, whole_rows
from nncli.data.dataset import Schema
from nncli.data.row_blocks import BlockReader, OnError, RowBlock
from nncli.errors import DataError, mention
from nncli.system.threads import reader_threads

ROWS_OF_A_TABLE = 3  # that are all of another width than those above
MOST_BELOW = 10_000  # rows that cannot be read, of which each is looked at
BLOCK_BYTES = 3 << 19
MOST_THREADS = 8  # with a block each; more would wait for the one that cuts them
FEW_BYTES = 4 << 10  # read by hand in 0.05 to 0.5 ms; pyarrow may wait 4 ms for its threads
LOADING = 8  # times as many are read by hand before pyarrow is loaded, which takes 30 ms
BY_HAND_BYTES = 64 << 10  # a refused block is halved down to this, so that one bad row slows few others


class CsvReader(BlockReader):
    """An open text table."""

    def __init__(
        self,
        source: Input,
        plan: ReadingPlan,
        *,
        training: bool = False,
        on_error: OnError = "fail",
        whole: bool = False,
        alone: bool = True,
        make: Callable[[RowBlock], Any] | None = None,
    ) -> None:
        super().__init__(plan.layout, plan.notes, on_error, whole)
        self.input = source
        self._line = plan.first_line
        self._is_alone, self._make = alone, make
        # with --rows, which would cut every one of several files
        self._can_end = training and alone and plan.rows is None
        self._may_end = self._can_end and on_error == "fail"
        self._wanted, self._text = plan.rows, plan.text
        self._bytes = 0  # of the rows read so far
        self._header = RepeatedHeader.of_bytes(plan.header, plan.layout.delimiter)
        self._like_data = self._header.like_data(plan.layout)
        self._may_move = self._header.may_move(plan.layout)
        self._rows_read = 0
        self._may_be_quoted = plan.layout.quote == '"' and not plan.is_quote_told
        self._strict = StrictParser(self.layout, source.where, training, self._header, on_error == "fail")
        notes = self.notes
        self._cut = whole_rows(
            plan.rest,
            plan.stream,
            self.layout,
            on_error != "fail",
            BLOCK_BYTES,
            note=lambda text: notes.append(f"{source.where}: {text}"),
        )
        self._tail = b""  # a damaged row, or one behind it, that may go on in the next block

    @functools.cached_property
    def _fast(self) -> FastParser:
        return FastParser(self.layout)  # loads pyarrow, which takes as long as a small file

    def close(self) -> None:
        self.input.close()

    def growth(self) -> float:
        return 1.05 * max(1, self.input.size / max(1, self._bytes))  # a header alone has no rows

    def hexdigest(self) -> str:
        return self.input.hexdigest()

    def blocks(self) -> Iterator[RowBlock]:
        first, last = self._wanted or (1, sys.maxsize)
        n = 0
        blocks = self._blocks()
        try:
            for block in blocks:
                if block.errors and self._may_end:
                    self._advise_rows(block, n, blocks)
                start, end = max(0, first - 1 - n), min(len(block), last - n)
                n += len(block)
                if start < end:
                    yield block if end - start == len(block) else block.between(start, end)
                if n >= last:
                    break
        except DataError as error:
            raise (self._text.with_guess(error) if self._text else error) from None
        if self._text and self._text.guess and not self._strict.checks.training:  # which told it before
            guess = f"encoding: {self._text.guess}, as in training, a guess (--encoding names another)"
            self.notes.append(f"{self.input.where}: {guess}")

    def _advise_rows(self, block: RowBlock, above: int, later: Iterator[RowBlock]) -> None:
        """Name --rows in the first error of a block where no row can be read from there to the end of the file: it is a
        footer, a total or another table. So many rows are above the block."""
        from nncli.data.csv.cell_advice import QUOTED

        first, error = next(iter(block.errors.items()))
        bad, good = len(block.errors), above + first
        is_tail = bad == len(block) - first
        try:
            while is_tail and bad < MOST_BELOW and (below := next(later, None)) is not None:
                is_tail, bad = len(below.errors) == len(below), bad + len(below)
        except DataError:  # of a row that is not whole
            bad += 1
        cell = error.problem.partition(": expected a")[2].partition(", found '")[2]
        is_no_number = bool(cell) and not any(map(str.isdigit, cell))  # else it is spelled otherwise
        is_total = A_TOTAL in error.remedy or A_NOTE in error.remedy
        has_no_class = error.problem.startswith("target column") and error.problem.endswith("found an empty cell")
        is_long = is_no_number and (bad >= ROWS_OF_A_TABLE or len(cell.split()) > 1)
        is_long |= has_no_class and bad >= ROWS_OF_A_TABLE
        is_no_row = is_total or is_long or error.problem.startswith(f"expected {len(self.layout.names)} columns")
        if (
            is_tail
            and good
            and is_no_row
            and QUOTED not in error.remedy
            and mention("rows", f"1:{good}") not in error.remedy
        ):
            remedy = f"If the table ends above it, read that alone with {mention('rows', f'1:{good}')}"
            block.errors[first] = DataError(error.where, error.problem, f"{remedy}. {error.remedy}")

    def _blocks(self) -> Iterator[RowBlock]:
        keep_freed_memory()
        threads = min(reader_threads(), MOST_THREADS)
        try:
            for data, parsed in side_by_side(self._work_on, self._cut, threads, _is_little):
                yield from self._rows(data, parsed)
            if self._tail:
                yield from self._rows(b"", None, at_end=True)
            if self._header.times:
                times = "once" if self._header.times == 1 else f"{self._header.times:,} times"
                self.notes.append(f"{self.input.where}: the header comes again {times} among the rows: left out")
        except UnfinishedRow as unfinished:
            where, (problem, rest) = f"{self.input.where}:{self._line}", unfinished.args
            if problem == '"':
                is_plain = self.layout.delimiter == "\t" and are_plain(rest, self.layout)
                raise (or_plain(open_quote(where)) if is_plain else open_quote(where)) from None
            raise DataError(where, problem) from None

    def _rows(self, data: bytes, parsed: RowBlock | None, at_end: bool = False) -> Iterator[RowBlock]:
        rows, self._bytes = 0, self._bytes + len(data)
        if self._tail:
            data, parsed, self._tail = self._tail + data, None, b""
        for block in self._read(data, parsed, self._line, at_end or self.on_error == "fail"):
            if self._may_be_quoted and (block.table.texts or block.target) and b"'" in data:
                self._refuse_single_quotes(block)
            if block.errors:
                row, error = next(iter(block.errors.items()))
                block.errors[row] = self._of_another_table(error, self._rows_read + row, data)
            rows += len(block)
            self._rows_read += len(block)
            if self._text and self._text.guess:
                for row, error in block.errors.items():
                    block.errors[row] = self._text.with_guess(error)
            yield block
            if self._strict.other_table:
                raise self._with_other_names(*self._strict.other_table, self._rows_read)
        # counting takes longer than one thinks
        self._line += data.count(b"\n") - self._tail.count(b"\n") if parsed is None or b'"' in data else rows

    def _of_another_table(self, error: DataError, rows: int, data: bytes) -> DataError:
        """Say of a row of another width, with so many `rows` above it, whether another table begins there."""
        width, at = len(self.layout.names), error.where.rpartition(":")[2]
        if not (error.problem.startswith(f"expected {width} columns") and at.isdigit() and rows):
            return error
        from nncli.data.csv.second_table import are_other_names

        text = data.decode("utf-8", "surrogateescape").split("\n")[int(at) - self._line :]
        below = [(i, line) for i, line in enumerate(text, int(at)) if line.strip()][:ROWS_OF_A_TABLE]
        try:
            cut = [next(csv.reader([line], delimiter=self.layout.delimiter)) for _, line in below]
        except csv.Error:  # a lone CR, of which the error of its row will tell
            return error
        widths, first = [*map(len, cut)], 0
        while first < len(below) and widths[first] != width and '"' not in below[first][1]:  # which may go on below
            first += 1
        if first < len(below) and '"' not in below[first][1] and are_other_names(cells := cut[first], self.layout):
            return self._with_other_names(f"{self.input.where}:{below[first][0]}", cells, rows)
        if len(below) < ROWS_OF_A_TABLE or width in widths or widths[-1] == 1 or widths[-1] != widths[-2]:
            return error
        remedy = f"Read the first one with {mention('rows', f'1:{rows}')}"
        if not self._is_alone:  # the option would cut every file
            remedy = "Put it in a file of its own"
        problem = f"expected {width} columns, found what looks like another table, of {widths[-1]} columns"
        return DataError(f"{self.input.where}:{below[0][0]}", problem, remedy)

    def _with_other_names(self, where: str, cells: Sequence[str], rows: int) -> DataError:
        """Make the error for a row of names among the rows, with so many above it."""
        rows = rows if self._can_end else 0
        if self._header.is_like(cells) or self._header.is_moved(cells):
            return of_other_table(where, cells, self.layout.names, rows)
        from nncli.data.csv.second_table import of_other_names

        return of_other_names(where, cells, rows)

    def _refuse_single_quotes(self, block: RowBlock) -> None:
        """Raise DataError for a text as 'O''Neil', which is hardly meant so, and for a column whose texts all stand in
        single quotes, where none did in training."""
        columns = dict(block.table.texts) | ({self.layout.target or "": block.target} if block.target else {})
        for name, column in columns.items():
            quoted = [*filter(is_in_single_quotes, column.values)]
            found = next((text for text in quoted if "''" in text[1:-1]), None)
            words = self.layout.words.get(name, ())
            if quoted and len(quoted) == len(column.values) and words and not any(map(is_in_single_quotes, words)):
                found = found or quoted[0]
            if found is not None:
                problem = f"column '{name}': expected texts in double quotes or none, found {found}"
                remedy = """Add --quote "'" if that is a quoted text, or --quote '"' if it is meant as it is written"""
                raise DataError(self.input.where, problem, remedy)

    def _work_on(self, rows: tuple[bytes, bool]) -> tuple[bytes, RowBlock | None]:
        """Do with whole rows all that does not depend on the rows before them."""
        block = self._parse(*rows)
        if block is not None and self._make is not None:
            block = dataclasses.replace(block, made=self._make(block))
        return rows[0], block

    def _parse(self, data: bytes, regular: bool) -> RowBlock | None:
        """Parse rows fast; None where they are few, or have to be read one by one."""
        few = FEW_BYTES if "pyarrow" in sys.modules else FEW_BYTES * LOADING
        block = None if len(data) < few else self._fast.read(data, regular, self.small)
        if block and (
            any(may_hold(block, row, self.layout) for row in self._like_data)
            or (self._may_move and self._header.may_be_moved_in(block, self.layout))
        ):
            return None
        return block

    def _read(self, data: bytes, parsed: RowBlock | None, line: int, at_end: bool) -> Iterator[RowBlock]:
        """Yield what pyarrow made of the rows; where it refused them, read the halves again, small ones strictly."""
        if parsed is None and len(data) > BY_HAND_BYTES:
            half, _ = end_of_rows(data[: len(data) // 2], self.layout.delimiter)
            if half:
                for part, is_last in ((data[:half], False), (data[half:], True)):
                    _, regular = end_of_rows(part, self.layout.delimiter)
                    parsed = None if self._tail else self._parse(part, regular)
                    part, self._tail = self._tail + part, b""
                    yield from self._read(part, parsed, line, at_end and (is_last or self.on_error == "fail"))
                    line += part.count(b"\n") - self._tail.count(b"\n")
                return
        if parsed is None:
            parsed = self._strict.read(data, line, at_end)
            self._tail = self._strict.rest
        yield parsed


def _is_little(rows: tuple[bytes, bool]) -> bool:
    return len(rows[0]) < FEW_BYTES * LOADING


def read_blocks(
    source: str,
    expected: Schema,
    *,
    dtype: str = "float32",
    keep: Sequence[str] | Literal["all"] = (),
    with_target: bool = False,
    on_error: OnError = "fail",
    stream: ByteStream | None = None,
    whole: bool = False,
    text: TextOptions = DETECTED,
    known: Known | None = None,
    needed: Mapping[str, str] = {},
    codes: CodeWatch | None = None,
    alone: bool = True,
    make: Callable[[RowBlock], Any] | None = None,
) -> CsvReader:
    """Open the rows of `source` as a model expects them, block by block as they arrive; `known` are its classes, and
    the categories of its columns of text. `codes` watches columns of another file to learn from. What there is to
    `make` of the rows that pyarrow can read is made by the thread that has read them.

    Needs no more than the first line before it returns. The numbers are of `dtype`, or float64 where the model needs
    that; with `whole`, for a file that will be read to its end, blocks of small whole numbers may also be uint8, and
    the file is hashed.
    """
    opened = open_input(source, stream=stream, hashed=whole)
    try:
        plan = plan_answering(opened, expected, dtype, keep, with_target, text, known)
        plan = plan._replace(layout=dataclasses.replace(plan.layout, needed=needed, codes=codes or CodeWatch({})))
        return CsvReader(opened, plan, on_error=on_error, whole=whole, alone=alone, make=make)
    except BaseException:
        opened.close()
        raise


def open_training(
    source: str,
    options: CsvOptions,
    dtype: str,
    stream: ByteStream | None = None,
    alone: bool = True,
    codes: Mapping[str, str] = {},
) -> CsvReader:
    """Open the rows of `source` to learn from, `alone` if there are no other files; `codes` are known as in
    `plan_training`. Raises DataError and OptionError
    for what is wrong with it."""
    from nncli.data.csv.detection import plan_training

    opened = open_input(source, stream=stream, hashed=True)
    try:
        plan = plan_training(opened, options, dtype, codes)
        return CsvReader(opened, plan, training=True, on_error=options.on_error, whole=True, alone=alone)
    except BaseException:
        opened.close()
        raise


def is_in_single_quotes(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] == "'"
