"""Parse text rows cell by cell, and say what is wrong with one: the slow parser, which the fast one must equal.

Rows of cells from other kinds of tables are read here too where a cell is out of the ordinary.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

from nncli.data.arrow_conversion import string_array, vector
from nncli.data.cells import (
    DEFAULT_MISSING,
    INFINITY,
    as_number,
    bare,
    days,
    is_missing,
    later_number,
    quoted,
    text_column,
)
from nncli.data.csv.cell_advice import advice_for_marks, advice_to_learn, advice_to_predict, as_no_number
from nncli.data.csv.damaged_row import damaged_row
from nncli.data.csv.missing_words import ERROR_VALUE
from nncli.data.csv.repeated_header import RepeatedHeader
from nncli.data.csv.row_text import check_utf8, open_quote, row_patterns, split_row
from nncli.data.dataset import Table, canonical_class
from nncli.data.dates import days_of
from nncli.data.labels import advice_for_class
from nncli.data.row_blocks import Layout, RowBlock
from nncli.data.spellings import Spelling
from nncli.data.totals import is_total
from nncli.errors import MOST_LISTED, DataError, mention

MAYBE_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}[.,][0-9]{3}")
A_TOTAL = "it seems to be a total of other rows"


class StrictParser:
    """Reads rows one by one, text rows with Python's csv module; `training` decides which remedies make sense. A text
    row that repeats the `header` is none."""

    def __init__(self, layout: Layout, where: str, training: bool, header: RepeatedHeader | None = None) -> None:
        self.header, self.is_text = header or RepeatedHeader([]), header is not None
        self.layout, self.where, self.training = layout, where, training
        self.missing = frozenset(layout.missing)
        place = layout.place_of
        self.target = None if layout.target is None else place[layout.target]
        self.keep = [place[name] for name in layout.keep]
        kinds = {"number": layout.numeric, "text": layout.text, "date": layout.dates}
        self.features = [(kind, name, place[name]) for kind, names in kinds.items() for name in names]
        used = {i for _, _, i in self.features}
        self.used = sorted(used if self.target is None else {*used, self.target})
        self.places_of_words = [(name, place[name]) for name in layout.words]
        self.data = self.rest = b""  # the text read last, and what of it may be the start of a row
        self.has_quotes = False  # any text so far
        skip = mention("on_error", "skip")  # of each command that reads rows with their classes
        self.or_skip = f", or leave such rows out with {skip}" if training or self.target is not None else ""
        # where the names of another one stand, down to which rows have been read, and those
        self.other_table: tuple[str, list[str]] | None = None

    def read(self, data: bytes, first_line: int, at_end: bool) -> RowBlock:
        """Read rows of text; the first of them begins in that line. What may be the start of a row, or the first lines
        of a damaged one, is left in `rest` unless the text is `at_end` of its file."""
        self.data, self.has_quotes = data, self.has_quotes or b'"' in data
        return self.read_rows(self._rows(data, first_line, at_end))

    def read_rows(self, rows: Iterable[tuple[str, list[str] | DataError]]) -> RowBlock:
        """Read rows as (place in the file, cells, or what is wrong with the row)."""
        import pyarrow as pa
        from pyarrow._compute import CastOptions, call_function  # pyarrow.compute makes wrappers for 25 ms

        layout, errors, places = self.layout, dict[int, DataError](), []
        blank: list[str | None] = [None] * (len(self.features) + 1)
        clean, kept = [], []
        for i, (where, found) in enumerate(rows):
            if not isinstance(found, DataError) and self.header.is_moved(found):
                self.other_table = where, found
                break
            places.append(where)
            cells: list[str] = []
            try:
                if isinstance(found, DataError):
                    raise found
                cells = found
                clean.append(self._clean(cells, where))
            except DataError as error:
                if cells and self.header.is_like(cells):
                    self.other_table = where, cells
                    break
                errors[i] = error.with_traceback(None)  # which would keep all that is here alive
                clean.append(blank)
            kept.append(["" if not cells or not _is_utf8(cells[j]) else cells[j] for j in self.keep])
        # Arrow's own parser, so that both parsers round alike.
        d = len(layout.numeric)
        flat = string_array([cell or "nan" for row in clean for cell in row[:d]])
        cast = call_function("cast", [flat], CastOptions.safe(getattr(pa, layout.dtype)()))
        numbers = vector(cast, layout.dtype).reshape(len(clean), d).copy()
        for i, j in np.argwhere(np.isinf(numbers)):
            if i not in errors:
                errors[int(i)] = self._too_large(clean[i][j] or "", layout.numeric[j], places[i])
        for i in errors:
            clean[i] = blank
            numbers[i] = np.nan
        n = np.arange(len(clean))
        columns = [list(column) for column in zip(*clean, strict=True)][d:] if clean else [[] for _ in blank[d:]]
        texts = dict(zip(layout.text, columns, strict=False))
        dates = dict(zip(layout.dates, columns[len(texts) :], strict=False))
        target = None if self.target is None else text_column(n, columns[-1], frozenset(), feature=False)
        table = Table(
            layout.numeric,
            numbers,
            {name: text_column(n, cells, frozenset()) for name, cells in texts.items()},
            {
                name: days(text_column(n, cells, frozenset()), layout.spellings.get(name))
                for name, cells in dates.items()
            },
        )
        handed_on = {name: string_array([row[j] for row in kept]) for j, name in enumerate(layout.keep)}
        return RowBlock(table, target, handed_on, dict(sorted(errors.items())))

    def _rows(self, data: bytes, line: int, at_end: bool) -> Iterator[tuple[str, list[str] | DataError]]:
        _, pattern = row_patterns(self.layout.delimiter)
        start, self.rest = 0, b""
        above: tuple[int, int, list[str]] | None = None  # a row with quotes, until that below it is seen to be whole
        while start < len(data):
            match = pattern.match(data, start)
            where, cells = f"{self.where}:{line}", list[str]()
            try:
                if match is None:
                    raise open_quote(where)
                cells, end = self._split(match.group(), where), match.end()
                if data.find(b"\n", start, end - 1) >= 0 and not self.header.has(cells):
                    self._clean(cells, where)  # a wrong quote may have made lines a part of a cell
            except DataError as error:
                place = self.place_of_damage(data, start, above and above[0], at_end) if match or at_end else None
                if place is None:
                    self.rest = data[start:]
                    break
                begin, end = place
                if above and begin < start:
                    start, line = above[:2]
                    error = DataError(f"{self.where}:{line}", error.problem, error.remedy)
                elif above:
                    yield f"{self.where}:{above[1]}", above[2]
                above = None
                # a row that is whole, and has a wrong value, keeps its cells
                is_whole = bool(cells) and match is not None and place == (start, match.end())
                yield f"{self.where}:{line}", cells if is_whole else error
            else:
                if above:
                    yield f"{self.where}:{above[1]}", above[2]
                above = None
                if self.header.has(cells):
                    self.header.count(cells)
                elif b'"' in match.group():
                    above = start, line, cells
                else:
                    yield where, cells
            line += data.count(b"\n", start, end)
            start = end
        if above:
            yield f"{self.where}:{above[1]}", above[2]

    def place_of_damage(self, data: bytes, start: int, above: int | None, at_end: bool) -> tuple[int, int] | None:
        """Return where a damaged row begins and ends; None where rows that are still to come will tell."""
        if not self.has_quotes:
            return start, data.index(b"\n", start) + 1
        return damaged_row(data, start, above, self.layout.delimiter, self._is_row, at_end)

    def _is_row(self, row: bytes) -> bool:
        """Tell whether nothing is wrong in a row."""
        try:
            cells = self._split(row, "")
            return self.header.has(cells) or bool(self._clean(cells, ""))
        except DataError:
            return False

    def _split(self, row: bytes, where: str) -> list[str]:
        width, delimiter = len(self.layout.names), self.layout.delimiter
        if width > 1 and row in (b"\n", b"\r\n"):
            remedy = f"Delete the line{self.or_skip.replace('rows', 'lines')}"
            raise DataError(where, f"expected {width} columns, found an empty line", remedy)
        try:
            cells = split_row(row, delimiter, where)
        except DataError as error:
            raise DataError(where, error.problem, advice_for_marks(row, self.layout) or error.remedy) from None
        if len(cells) != width:
            sign = "tab" if delimiter == "\t" else f"'{delimiter}'"
            look = f"Look for a missing or an unquoted {sign}"
            remedy = f"{advice_for_marks(row, self.layout) or look}{self.or_skip}"
            raise DataError(where, f"expected {width} columns, found {len(cells)}", remedy)
        if b'"' in row and not row_patterns(delimiter)[0].fullmatch(row):
            doubtful = [cell for cell in cells if cell[:1] == " " or cell.count('"') % 2]
            cell = next((cell for cell in (*doubtful, *cells) if '"' in cell), cells[0])
            sign = "tab" if delimiter == "\t" else f"'{delimiter}'"
            problem = f"expected {sign} before a quoted cell, found {quoted(cell)}"
            raise DataError(where, problem, 'Correct it, or quote the cell and write each quote within it as ""')
        if b'"' in row:
            self._check_quotes(cells, row, where)
        return cells

    def _check_quotes(self, cells: list[str], row: bytes, where: str) -> None:
        """Raise DataError for a quote too many or too few around or within a word that its column has without it."""
        for name, i in self.places_of_words:
            cell = cells[i].strip()
            if self.layout.has_stray_quote(name, cell):
                written = '"' + cell.replace('"', '""') + '"'
                if written.encode("utf-8", "surrogateescape") not in row:
                    word = cell.replace('"', "")
                    problem = f"column '{name}': expected a word such as {word}, found {cell} with a quote"
                    raise DataError(
                        where, problem, f"Correct it, or write it as {written} if the quote is a part of it"
                    )

    def _clean(self, cells: list[str], where: str) -> list[str | None]:
        """Numeric cells, then text cells, dates, and the target; None for a missing one."""
        for i in self.used:
            if not _is_utf8(cells[i]):
                check_utf8(cells[i], where, self._encoding_remedy())
            if "\0" in cells[i]:
                problem = f"column '{self.layout.names[i]}': expected text, found a zero byte in it"
                raise DataError(where, problem, "Write the file again: it is damaged, or no text")
        clean: list[str | None] = []
        for kind, name, i in self.features:
            cell = bare(cells[i])
            expected, value = "", None if is_missing(cell, self.missing) else cell
            spelling = self.layout.spellings.get(name)
            if value is not None and kind == "number":
                value = spelling.number(cell) if spelling else as_number(cell, self.layout.decimal)
                if value is None and not self.training:
                    value = later_number(cell, spelling, self.layout.decimal)
                if value is None:
                    expected = "a finite number" if INFINITY.fullmatch(cell) else "a number"
                    expected += f" ({spelling})" if spelling else ""
                elif self._may_be_other_thousands(name, cell, spelling):
                    raise _maybe_thousands(cell, name, where)
            elif value is not None and kind == "date" and (spelling.days(cell) if spelling else days_of(cell)) is None:
                expected = f"a date ({spelling})" if spelling else "a date such as 2026-11-21"
            if expected:
                problem = f"column '{name}': expected {expected}, found {quoted(cell)}"
                raise DataError(where, problem, self._remedy_for_no_row(cells) or self._remedy(name, cell, cells))
            self._check_known(name, cell, where)
            if name in self.layout.needed:
                self._check_filled(name, cell, value, where)
            clean.append(value)
        if self.target is None:
            return [*clean, None]
        cell = bare(cells[self.target])
        if is_missing(cell, self.missing):
            found = quoted(cell) if cell else "an empty cell"
            problem = f"target column '{self.layout.target}': expected a class, found {found}"
            remedy = f"Fill it in{self.or_skip}{self._or_value(cell, 'class')}"
            raise DataError(where, problem, self._remedy_for_no_row(cells) or remedy)
        self._check_known(self.layout.target or "", cell, where)
        return [*clean, cell]

    def _check_filled(self, name: str, cell: str, value: str | None, where: str) -> None:
        """Raise DataError for a row without its group, its time or a weight from 0."""
        what = self.layout.needed[name]
        if value is None or (what == "weight" and name in self.layout.numeric and float(value) < 0):
            expected = "a weight from 0" if what == "weight" else f"a {what}"
            problem = f"column '{name}': expected {expected}, found {quoted(cell) if cell else 'an empty cell'}"
            fill = "" if cell or what != "group" else ", fill the cells down where a group is written once"
            or_value = self._or_value(cell, what) if what == "group" else ""
            raise DataError(where, problem, f"Correct it{fill}{self.or_skip}{or_value}")

    def _or_value(self, cell: str, what: str) -> str:
        """Say how a word that stands for a missing value is read as what is needed there."""
        is_word = cell in DEFAULT_MISSING[1:] and not is_missing(cell, ("",))
        return f"; add {mention('no_missing', cell)} if that is a {what}" if self.training and is_word else ""

    def _may_be_other_thousands(self, name: str, cell: str, spelling: Spelling | None) -> bool:
        """Tell whether a cell of a column of whole numbers may have thousands in it, written otherwise than there."""
        thousands = spelling.thousands if spelling else ""
        return name in self.layout.whole and MAYBE_THOUSANDS.fullmatch(cell) is not None and cell[-4] != thousands

    def _check_known(self, name: str, cell: str, where: str) -> None:
        known = self.layout.known.get(name)
        if known is None or canonical_class(cell) in known or is_missing(cell, self.missing):
            return
        classes = sorted(known)
        shown = ", ".join(classes[:MOST_LISTED]) + (", …" if len(classes) > MOST_LISTED else "")
        problem = f"column '{name}': expected a class that the model knows ({shown}), found {quoted(cell)}"
        if self.layout.target is None:
            raise DataError(where, problem, "Write the names of the columns above the rows")
        raise DataError(where, problem, advice_for_class(cell, classes, self.or_skip))

    def _remedy_for_no_row(self, cells: list[str]) -> str:
        """Say what to do with a total or a comment among the rows; nothing for a row."""
        is_comment = cells[0].lstrip().startswith("#") and not ERROR_VALUE.fullmatch(bare(cells[0]))
        if not (is_comment or is_total(cells)):
            return ""
        return f"Delete the row{self.or_skip}: {'it seems to be a comment' if is_comment else A_TOTAL}"

    def _encoding_remedy(self) -> str:
        """Say what to do about a byte that is no UTF-8: not to read rows in another encoding that are in UTF-8. The
        empty string where nothing shows that."""
        text = self.data.decode("utf-8", "surrogateescape")
        if any(character > "\x7f" and _is_utf8(character) for character in text):
            return f"Write it in UTF-8, as other cells are{self.or_skip}"
        return ""

    def _remedy(self, name: str, cell: str, cells: list[str]) -> str:
        """Say what to do with a cell that is no number or date."""
        if self.training:
            return advice_to_learn(self.layout, name, cell, cells, self.or_skip, self.is_text)
        return advice_to_predict(self.layout, name, cell)

    def _too_large(self, cell: str, name: str, where: str) -> DataError:
        remedy = "Correct it, or leave the cell empty"
        if self.training:
            wide = self.layout.dtype == "float32" and np.isfinite(float(cell))
            first = f"Use {mention('dtype', 'float64')}" if wide else "Correct it"
            remedy = f"{first}, {as_no_number(name)}"
        return DataError(where, f"column '{name}': {quoted(cell)} is too large for {self.layout.dtype}", remedy)


def _maybe_thousands(cell: str, name: str, where: str) -> DataError:
    digits = re.sub("[.,]", "", cell)
    problem = f"column '{name}': expected a whole number, as all were in training; found {quoted(cell)}"
    return DataError(where, f"{problem}, which may be {digits}", f"Write {digits}, or {cell}0 for a fraction")


def _is_utf8(cell: str) -> bool:
    return cell.isascii() or not any("\ud800" <= character <= "\udfff" for character in cell)
