"""The fast parser: pyarrow's reading of a block of rows, taken only where it is sure to be that of `StrictParser`."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.arrow_conversion import call, encoded, vector
from nncli.data.cells import NAN_SPELLINGS, as_number, bare, days, spelled_numbers, text_column
from nncli.data.csv import uint8_parser
from nncli.data.csv.late_codes import count_codes, has_leading_zero
from nncli.data.dataset import Table, TextColumn
from nncli.data.row_blocks import Layout, RowBlock

CELLS_AT_ONCE = 1 << 14  # which stay in cache
COLUMNS_AT_ONCE = 2000  # that are converted


class FastParser:
    """A parser of one block by pyarrow.csv, in one thread, with options that are built once."""

    def __init__(self, layout: Layout) -> None:
        import pyarrow as pa
        from pyarrow import csv

        self.pa, self.csv, self.layout, self.dtype = pa, csv, layout, layout.dtype
        # Columns go by their positions here, as names that nobody asks for may come twice.
        place = {name: str(i) for name, i in layout.place_of.items()}
        self.spelled = [name for name in layout.numeric if name in layout.spellings]  # read as text first
        self.numeric = [place[name] for name in layout.numeric if name not in layout.spellings]
        target = [] if layout.target is None else [layout.target]
        self.text = [(name, place[name]) for name in (*self.spelled, *layout.text, *layout.dates, *target)]
        self.keep = [(name, place[name]) for name in layout.keep]
        self.row_numbers = [(name, place[name]) for name in layout.row_numbers]
        self.missing = missing = frozenset(layout.missing)
        # pyarrow compares these before it strips blanks: ' -1' may be a number where '-1' is a missing one.
        numbers = (as_number(token, layout.decimal) for token in missing)
        self.missing_numbers = [float(number) for number in numbers if number is not None]
        # whole numbers alone may be there until a block shows something else
        others = (
            self.spelled or layout.text or layout.dates or layout.keep or layout.row_numbers or self.missing_numbers
        )
        self.whole = bool(layout.numeric) and not others
        names = [str(i) for i in range(len(layout.names))]
        self.read_options = csv.ReadOptions(column_names=names, block_size=1 << 30, use_threads=False)
        self.parse_options = {
            quotes: csv.ParseOptions(
                delimiter=layout.delimiter, quote_char='"', newlines_in_values=quotes, ignore_empty_lines=False
            )
            for quotes in (False, True)
        }
        tokens = sorted(missing.union(NAN_SPELLINGS))
        text = {column: pa.string() for _, column in self.text}
        others_of = text | {column: pa.int64() for _, column in self.row_numbers}
        self.convert_options = {
            kind: self._options(
                {**dict.fromkeys(self.numeric, getattr(pa, kind)()), **others_of},
                null_values=[] if kind == "uint8" else tokens,  # a missing cell is no uint8
                decimal_point=layout.decimal,
            )
            for kind in ("uint8", self.dtype)
        }
        self.whole_columns = [i for i, name in enumerate(layout.numeric) if name in layout.whole]
        self.keep_options = self._options({column: pa.string() for _, column in self.keep})

    def _options(self, types: Mapping[str, Any], **how: Any) -> list[Any]:
        """Return the options that convert some columns to these types, of some columns at a time: pyarrow takes ten
        kilobytes for each while it does."""
        columns = list(types)
        parts = [columns[i : i + COLUMNS_AT_ONCE] for i in range(0, max(1, len(columns)), COLUMNS_AT_ONCE)]
        return [
            self.csv.ConvertOptions(
                column_types={column: types[column] for column in part},
                include_columns=part,
                strings_can_be_null=False,
                **how,
            )
            for part in parts
        ]

    def read(self, data: bytes, regular: bool, small: bool) -> RowBlock | None:
        """Read whole rows; None where pyarrow refuses them, or might read them otherwise than `StrictParser`."""
        if self.whole and regular:
            cells = uint8_parser.read(data, len(self.layout.names), self.layout.delimiter)
            if cells is not None:
                block = self._whole(cells)  # none with a leading zero
                return block if self.layout.are_known({}, block.target) else None
            self.whole = False
        if data.startswith(BOM_UTF8):
            return None  # pyarrow takes it off, and here it is a part of a cell
        if not regular or b"\0" in data or (b"\r" in data and data.count(b"\r") != data.count(b"\r\n")):
            return None  # pyarrow is lenient about misplaced quotes, and takes a single CR for the end of a row
        table = numbers = None
        if (
            small and not self.spelled and b"x" not in data and b"X" not in data
        ):  # pyarrow takes 0x10 for a whole number
            table = self._parse(data, self.convert_options["uint8"])
            if table is not None:
                numbers = self._matrix(table)
        if numbers is None:
            table = self._parse(data, self.convert_options[self.dtype])
            if table is not None:
                numbers = self._matrix(table)
        if numbers is None or table is None:
            return None
        texts = {
            name: text_column(*encoded(table[column].combine_chunks()), self.missing, name in self.layout.text)
            for name, column in self.text
        }
        if self._has_late_code(data, texts):
            return None
        target = None if self.layout.target is None else texts.pop(self.layout.target)
        try:
            numbers = self._with_spelled(numbers, texts)
            dates = {name: days(texts.pop(name), self.layout.spellings.get(name)) for name in self.layout.dates}
        except ValueError:
            return None
        if target is not None and target.codes.size and target.codes.min() < 0:
            return None
        table_read = Table(self.layout.numeric, numbers, texts, dates)
        if not self.layout.are_filled(table_read):
            return None
        if not self.layout.are_known(texts, target) or (b'"' in data and self._has_stray_quote(texts, target)):
            return None
        if self.whole_columns and self._has_fraction(numbers):
            return None  # which may be a thousand with a separator
        if target is None and self._may_be_empty(numbers, texts, dates) and _has_empty_line(data):
            return None  # which pyarrow reads as empty cells; in a row with a target it is a missing target
        kept: dict[str, Any] = {}
        if self.keep:
            cells = self._parse(data, self.keep_options)
            if cells is None:
                return None
            kept = {name: cells[column].combine_chunks() for name, column in self.keep}
        columns = {name: table[column].combine_chunks() for name, column in self.row_numbers}
        row_numbers = {name: vector(its.drop_null(), "int64") for name, its in columns.items()}
        return RowBlock(table_read, target, kept, {}, row_numbers=row_numbers)

    def _has_late_code(self, data: bytes, texts: Mapping[str, TextColumn]) -> bool:
        """Tell whether a watched column of numbers has a cell with a leading zero."""
        watched = self.layout.codes.widths
        n = count_codes(data, self.layout.delimiter) if watched else 0
        if not n or (data.isascii() and n == sum(map(_rows_with_codes, texts.values()))):
            return False
        places = [str(self.layout.place_of[name]) for name in watched]
        table = self._parse(data, self._options(dict.fromkeys(places, self.pa.string())))
        if table is None:
            return True  # the strict parser will see
        columns = (column.combine_chunks() for column in table.columns)
        low = (call("array_filter", cells, call("less", cells, self.pa.scalar("1"))) for cells in columns)
        return any(cell and has_leading_zero(bare(cell)) for cells in low for cell in encoded(cells)[1])

    def _with_spelled(self, numbers: NDArray[Any], texts: dict[str, TextColumn]) -> NDArray[Any]:
        """Put the columns of numbers that were read as text among the others, taking them out of the texts. Raises
        ValueError where a text is no number."""
        if not self.spelled:
            return numbers
        plain = iter(numbers.T)
        columns = [
            spelled_numbers(texts.pop(name), self.layout.spellings[name], self.dtype)
            if name in self.spelled
            else next(plain)
            for name in self.layout.numeric
        ]
        return np.column_stack(columns)

    def _whole(self, cells: NDArray[np.uint8]) -> RowBlock:
        places = [int(place) for place in self.numeric]
        low, high = places[0], places[-1] + 1
        numbers = cells[:, low:high] if places == [*range(low, high)] else np.take(cells, places, axis=1)
        target = None
        if self.layout.target is not None:
            [(_, place)] = self.text
            values, first, codes = np.unique(cells[:, int(place)], return_index=True, return_inverse=True)
            order = np.argsort(first)  # as they are met
            target = text_column(np.argsort(order)[codes], [str(k) for k in values[order]], self.missing, feature=False)
        return RowBlock(Table(self.layout.numeric, numbers), target, {}, {})

    def _has_stray_quote(self, texts: Mapping[str, TextColumn], target: TextColumn | None) -> bool:
        columns = dict(texts) if target is None else {**texts, self.layout.target or "": target}
        return any(
            self.layout.has_stray_quote(name, value) for name in self.layout.words for value in columns[name].values
        )

    def _may_be_empty(self, numbers: NDArray[Any], texts: Mapping[str, TextColumn], dates: Mapping[str, Any]) -> bool:
        """Tell whether some row has an empty first feature: far cheaper than a search for empty lines."""
        if len(self.layout.names) == 1:
            return False  # there, an empty line is a row with a missing cell
        if self.layout.numeric:
            return bool(np.isnan(numbers[:, 0]).any())
        if self.layout.dates:
            return bool(np.isnan(dates[self.layout.dates[0]]).any())
        return bool((texts[self.layout.text[0]].codes < 0).any())

    def _has_fraction(self, numbers: NDArray[Any]) -> bool:
        """Tell whether a number is not whole in a column that should have whole ones."""
        if numbers.dtype == np.uint8:
            return False
        some = numbers if len(self.whole_columns) == numbers.shape[1] else numbers[:, self.whole_columns]
        rows = max(1, CELLS_AT_ONCE // some.shape[1])
        parts = (some[start : start + rows] for start in range(0, len(some), rows))
        return any(bool((np.abs(part - np.rint(part)) > 0).any()) for part in parts)  # a missing one is no fraction

    def _parse(self, data: bytes, convert_options: Sequence[Any]) -> Any:
        """Read the columns that each of the options names; None where pyarrow refuses one."""
        columns: dict[str, Any] = {}
        for options in convert_options:
            try:
                table = self.csv.read_csv(
                    self.pa.py_buffer(data),
                    read_options=self.read_options,
                    parse_options=self.parse_options[b'"' in data],
                    convert_options=options,
                )
            except (self.pa.ArrowInvalid, self.pa.ArrowKeyError):
                return None
            columns |= zip(table.column_names, table.columns, strict=True)
        return self.pa.table(columns)

    def _matrix(self, table: Any) -> NDArray[Any] | None:
        d = len(self.numeric)
        if not d:
            return np.empty((table.num_rows, 0), self.dtype)
        batches = table.select(self.numeric).combine_chunks().to_batches()
        assert len(batches) == 1
        small = batches[0].schema.types[0] == self.pa.uint8()
        numbers: NDArray[Any] = batches[0].to_tensor(null_to_nan=not small).to_numpy()
        if not (small or np.isfinite(numbers).all()):  # too large for the type, or spelled -nan or nan(1)
            nulls = sum(column.null_count for column in batches[0].columns)
            if np.isinf(numbers).any() or np.count_nonzero(np.isnan(numbers)) != nulls:
                return None
        return None if any((numbers == x).any() for x in self.missing_numbers) else numbers


def _has_empty_line(data: bytes) -> bool:
    return b"\n\n" in data or b"\n\r\n" in data or data.startswith((b"\n", b"\r\n"))


def _rows_with_codes(column: TextColumn) -> int:
    """Count the rows whose text is a code with a leading zero."""
    codes = [i for i, value in enumerate(column.values) if has_leading_zero(value)]
    return int(np.isin(column.codes, codes).sum()) if codes else 0
