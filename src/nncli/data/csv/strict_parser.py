"""Parse text rows cell by cell, and say what is wrong with one: the slow parser, which the fast one must equal.

Rows of cells from other kinds of tables are read here too where a cell is out of the ordinary.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from nncli.data.arrow_conversion import ListedCells
from nncli.data.cells import bare, days, quoted, rounded, text_column
from nncli.data.csv.cell_checks import CellChecker, is_utf8
from nncli.data.csv.damaged_row import ENOUGH, Damage, DamagedRows
from nncli.data.csv.lines_of_text import as_json_lines
from nncli.data.csv.plain_quotes import are_plain, or_plain
from nncli.data.csv.repeated_header import RepeatedHeader
from nncli.data.csv.row_text import CONVERT_CR, open_quote, row_patterns, split_row
from nncli.data.dataset import Table, canonical_class
from nncli.data.row_blocks import Layout, RowBlock
from nncli.errors import DataError
from nncli.system.output import counted

MOST_PLACED = 100  # damaged rows whose ends are looked for, milliseconds each, where reading ends at the first of them
UNOPENED = re.compile(r'[^"]+(?:""[^"]*)+"')


class StrictParser:
    """Reads rows one by one, text rows with Python's csv module; `training` decides which remedies make sense. A text
    row that repeats the `header` is none. `fails` tells whether reading ends at a damaged row, so that it does not
    matter where that ends."""

    def __init__(
        self, layout: Layout, where: str, training: bool, header: RepeatedHeader | None = None, fails: bool = True
    ) -> None:
        self.fails = fails
        self.header = header or RepeatedHeader([])
        self.layout, self.where = layout, where
        self.checks = CellChecker(layout, training, is_text=header is not None)
        place = self.place_of = layout.place_of
        self.keep = [place[name] for name in layout.keep]
        self.places_of_words = [(name, place[name]) for name in layout.words]
        self.places_of_one_line = [place[name] for name in place if layout.has_one_line(name)]
        self.places_of_few_words = [(place[name], its) for name, its in layout.few_words.items() if name in place]
        self.rest = b""  # what of the text read last may be the start of a row
        self.has_quotes = self.has_lines = False  # any text so far; a row of several lines
        self.quotes_are_plain: bool | None = None  # looked at where a quote is wrong
        self.damaged = 0  # rows so far
        # where the names of another one stand, down to which rows have been read, and those
        self.other_table: tuple[str, list[str]] | None = None

    def read(self, data: bytes, first_line: int, at_end: bool) -> RowBlock:
        """Read rows of text; the first of them begins in that line. What may be the start of a row, or the first lines
        of a damaged one, is left in `rest` unless the text is `at_end` of its file."""
        self.checks.data, self.has_quotes = data, self.has_quotes or b'"' in data
        return self.read_rows(self._rows(data, first_line, at_end))

    def read_rows(self, rows: Iterable[tuple[str, list[str] | DataError]]) -> RowBlock:
        """Read rows as (place in the file, cells, or what is wrong with the row)."""
        layout, errors, places = self.layout, dict[int, DataError](), []
        blank: list[str | None] = [None] * (len(self.checks.features) + 1)
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
                clean.append(self.checks.without_weight(cells) or self.checks.clean(cells, where))
                if layout.codes.widths:
                    layout.codes.look(self.place_of, cells, where, self.checks.is_missing)
            except DataError as error:
                if cells and self._is_of_other_table(cells):
                    self.other_table = where, cells
                    break
                errors[i] = error.with_traceback(None)  # which would keep all that is here alive
                clean.append(blank)
            kept.append(["" if not cells or not is_utf8(cells[j]) else cells[j] for j in self.keep])
        d = len(layout.numeric)
        numbers = rounded([cell or "nan" for row in clean for cell in row[:d]], layout.dtype).reshape(len(clean), d)
        for i, j in np.argwhere(np.isinf(numbers)):
            if i not in errors:
                errors[int(i)] = self.checks.too_large(clean[i][j] or "", layout.numeric[j], places[i])
        for i in errors:
            clean[i] = blank
            numbers[i] = np.nan
        n = np.arange(len(clean))
        columns = [list(column) for column in zip(*clean, strict=True)][d:] if clean else [[] for _ in blank[d:]]
        texts = dict(zip(layout.text, columns, strict=False))
        dates = dict(zip(layout.dates, columns[len(texts) :], strict=False))
        target = None if self.checks.target is None else text_column(n, columns[-1], frozenset(), feature=False)
        table = Table(
            layout.numeric,
            numbers,
            {name: text_column(n, cells, frozenset()) for name, cells in texts.items()},
            {
                name: days(text_column(n, cells, frozenset()), layout.spellings.get(name), later=True)
                for name, cells in dates.items()
            },
        )
        handed_on = {name: ListedCells([row[j] for row in kept]) for j, name in enumerate(layout.keep)}
        return RowBlock(table, target, handed_on, dict(sorted(errors.items())))

    def _is_of_other_table(self, cells: Sequence[str]) -> bool:
        """Tell whether a row that cannot be read has the names of columns: of these, or of another table."""
        from nncli.data.csv.second_table import are_other_names

        return self.header.is_like(cells) or are_other_names(cells, self.layout)

    def _rows(self, data: bytes, line: int, at_end: bool) -> Iterator[tuple[str, list[str] | DataError]]:
        _, pattern = row_patterns(self.layout.delimiter)
        start, self.rest, damaged_rows = 0, b"", DamagedRows(data, self.layout.delimiter, self._evidence, at_end)
        above: tuple[int, int, list[str]] | None = None  # the row above, until that below it is seen to be whole
        while start < len(data):
            match = pattern.match(data, start)
            where, cells = f"{self.where}:{line}", list[str]()
            try:
                if match is None:
                    raise self._of_quotes(open_quote(where))
                cells, end = self._split(match.group(), where), match.end()
                if data.find(b"\n", start, end - 1) >= 0 and not self.header.has(cells):
                    self.checks.clean(cells, where)  # a wrong quote may have made lines a part of a cell
                    self.has_lines = True
            except DataError as error:
                place = self._place_of_damage(damaged_rows, start, above and above[0])
                if place is None:
                    self.rest, above = data[above[0] if above else start :], None
                    break
                begin, end, is_certain = place
                if above and begin < start:
                    start, line = above[:2]
                    error = DataError(f"{self.where}:{line}", error.problem, error.remedy)
                elif above:
                    yield f"{self.where}:{above[1]}", above[2]
                if not (is_certain or self.fails):
                    raise _without_an_end(error) from None
                above = None
                # a row that is whole, and has a wrong value, keeps its cells
                is_whole = bool(cells) and match is not None and (begin, end) == (start, match.end())
                yield f"{self.where}:{line}", cells if is_whole else error
            else:
                if above:
                    yield f"{self.where}:{above[1]}", above[2]
                above = None
                if self.header.has(cells):
                    self.header.count(cells)
                else:
                    above = start, line, cells
            line += data.count(b"\n", start, end)
            start = end
        if above:
            yield f"{self.where}:{above[1]}", above[2]

    def _place_of_damage(self, rows: DamagedRows, start: int, above: int | None) -> Damage | None:
        """Return where a damaged row begins and ends; None where rows that are still to come will tell."""
        if self.layout.is_rewritten:
            place = rows.place_of_line(start)
            return place._replace(is_certain=place.is_certain and not self.has_lines) if place else None
        self.damaged += 1
        if not self.has_quotes or (self.fails and self.damaged > MOST_PLACED):
            return Damage(start, rows.data.index(b"\n", start) + 1, True)
        return rows.place(start, above)

    def _evidence(self, row: bytes) -> int:
        """Count the cells that show bytes to be a row, as numbers, dates and words of a few do, without those that show
        the contrary; 1 where no column holds such ones, 0 where something is wrong."""
        try:
            cells = self._split(row, "")
            if self.header.has(cells):
                return ENOUGH
            clean = self.checks.clean(cells, "")
        except DataError:
            return 0
        if b"\n" in row[:-1] and any("\n" in cells[i].strip() for i in self.places_of_one_line):
            return 0  # lines that a wrong quote has joined
        words = [(canonical_class(bare(cells[i])), its) for i, its in self.places_of_few_words]
        measures = [value for (kind, _, _), value in zip(self.checks.features, clean, strict=False) if kind != "text"]
        if not (words or measures):
            return 1
        odd = sum(cell != "" and cell not in its for cell, its in words)
        return max(0, sum(value is not None for value in measures) + sum(cell in its for cell, its in words) - odd)

    def _advice_for_marks(self, row: bytes) -> str:
        from nncli.data.csv.cell_advice import advice_for_marks

        return advice_for_marks(row, self.layout, self.has_quotes)

    def _split(self, row: bytes, where: str) -> list[str]:
        width, delimiter = len(self.layout.names), self.layout.delimiter
        if width > 1 and row in (b"\n", b"\r\n"):
            remedy = f"Delete the line{self.checks.or_skip.replace('rows', 'lines')}"
            raise DataError(where, f"expected {counted(width, 'column')}, found an empty line", remedy)
        try:
            cells = split_row(row, delimiter, where)
        except DataError as error:
            if advice := self._advice_for_marks(row):
                raise DataError(where, error.problem, advice) from None
            raise (error if error.remedy == CONVERT_CR else self._of_quotes(error)) from None
        if len(cells) != width:
            sign = "tab" if delimiter == "\t" else f"'{delimiter}'"
            look = f"Look for a missing or an unquoted {sign}"
            if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
                is_one = len(cells) == width + 1
                look = (
                    f"Take away the {sign} at the end of the row" if is_one else "Take away the empty cells at its end"
                )
                if self.layout.header and not self.checks.training:  # where all rows end so, that told of the header
                    look += f", or if all rows end so, end the header with {f'a {sign}' if is_one else 'as many'} too"
            elif self.layout.text == self.layout.names and not self.checks.training:
                command = as_json_lines(self.layout.names[0])
                look = f"Put texts with a {sign} in quotes, or pass the lines below the name through: {command}"
            remedy = f"{self._advice_for_marks(row) or look}{self.checks.or_skip}"
            raise DataError(where, f"expected {counted(width, 'column')}, found {len(cells)}", remedy)
        if b'"' in row and not row_patterns(delimiter)[0].fullmatch(row):
            raise self._of_quotes(_misplaced_quote(cells, delimiter, where))
        if b'"' in row:
            self._check_quotes(cells, row, where)
        return cells

    def _of_quotes(self, error: DataError) -> DataError:
        """Return the error for a wrong quote, with what to do where quotes seem to be a part of the texts."""
        if self.quotes_are_plain is None:
            self.quotes_are_plain = are_plain(self.checks.data, self.layout)
        return or_plain(error) if self.quotes_are_plain else error

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


def _without_an_end(error: DataError) -> DataError:
    problem = f"{error.problem}; it cannot be told which of the lines below belong to this row"
    return DataError(error.where, problem, "Correct the row: it cannot be left out by itself")


def _misplaced_quote(cells: list[str], delimiter: str, where: str) -> DataError:
    """Say which cell of a row has a quote that is not in its place."""
    to_quote = 'quote the cell and write each quote within it as ""'
    unopened = next(filter(UNOPENED.fullmatch, cells), None)
    if unopened is not None:
        problem = f"expected a quote before a cell that ends in one, found {quoted(unopened)}"
        return DataError(where, problem, f"Write it in front of the cell; if it has none, {to_quote}")
    doubtful = [cell for cell in cells if cell[:1] == " " or cell.count('"') % 2]
    cell = next((cell for cell in (*doubtful, *cells) if '"' in cell), cells[0])
    sign = "tab" if delimiter == "\t" else f"'{delimiter}'"
    return DataError(where, f"expected {sign} before a quoted cell, found {quoted(cell)}", f"Correct it, or {to_quote}")
