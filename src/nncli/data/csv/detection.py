"""Decide from its first rows how a table to learn from is read.

`alignment` does the same for a model that exists.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from typing import NamedTuple

import numpy as np

from nncli.data.byte_input import ByteStream, Input
from nncli.data.cells import BLANKS, bare, is_excel_text
from nncli.data.csv import column_kinds
from nncli.data.csv.below_header import (
    ALIGNED,
    ROW_NAMES,
    Place,
    has_row_names,
    refuse_more_names,
    remedy_for_aligned,
    with_rule,
)
from nncli.data.csv.column_names import (
    column_names,
    features_of,
    find_target,
    has_target,
    unique_names,
    with_full_names,
)
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.dialect_detection import dialect_to_learn
from nncli.data.csv.encoding import UTF_8, Utf8Text, warnings_of_mixture
from nncli.data.csv.header import DELIMITERS, Head, TextOptions
from nncli.data.csv.header_row import TARGETS, about_header, has_header, joined_names, refuse_other_width
from nncli.data.csv.late_codes import CodeWatch, codes_below, widths_of
from nncli.data.csv.merged_cells import NOTE, merged_columns
from nncli.data.csv.missing_words import NA, missing_texts, missing_words, notes_of_codes, notes_of_errors
from nncli.data.csv.other_delimiter import refuse_names_at_the_left, refuse_other_delimiter
from nncli.data.csv.preamble import first_lines, refuse_lines_above, skip_preamble
from nncli.data.csv.repeated_header import RepeatedHeader
from nncli.data.csv.sample_profile import profile_columns
from nncli.data.csv.second_table import refuse_second_table
from nncli.data.csv.sign_doubts import late_points
from nncli.data.csv.stand_ins import notes_of_stand_ins
from nncli.data.row_blocks import Layout, one_line_and_few
from nncli.data.totals import note_of_total_in
from nncli.errors import DataError, OptionError, flag, mention

ZEROS = re.compile(rb"[^0-9.:/-]0[0-9]+[^0-9.:/-]")
POINTS = re.compile(rb"\.\d{3}[^0-9.]")  # begins with what is searched for fast
ZERO = re.compile(r"[+-]?0+(?:[.,]0*)?")
SAMPLE_CELLS = 100_000  # a thousand rows of a hundred columns
SAMPLE_ROWS, LEAST_ROWS = 1000, 100
NEARLY_ALL = 0.8
MOST_WHOLE = 2**24  # up to which float32 holds every whole number
FEW_CELLS = 20  # which tell whether all are texts for Excel, or at the end whether there are totals
MORE_ROWS = 10_000  # of other tables than text, that a column which seems to tell rows apart is looked at in


class ReadingPlan(NamedTuple):
    """The layout of a text table, where its first row is, and what to tell the user."""

    layout: Layout
    rest: bytes  # what was read ahead, from the first data row on
    stream: ByteStream  # what is behind that
    first_line: int
    notes: tuple[str, ...] = ()
    is_quote_told: bool = False  # by the user
    header: bytes = b""  # the row with the names
    text: Utf8Text | None = None  # below the stream
    rows: tuple[int, int] | None = None


def sample_rows(columns: int) -> int:
    """Return how many rows of a table of so many columns are looked at to decide what the columns are."""
    return min(SAMPLE_ROWS, max(LEAST_ROWS, SAMPLE_CELLS // columns))


def plan_training(stream: Input, options: CsvOptions, dtype: str, codes: Mapping[str, str] = {}) -> ReadingPlan:
    """Decide how to read a text table, of which some columns are known to hold `codes`. Raises DataError and
    OptionError, as `layout_of` does."""
    head = Head(stream, options.text)
    try:
        return _plan(head, options, dtype, codes)
    except (DataError, OptionError) as error:
        raise head.text.with_guess(error) from None


def _plan(head: Head, options: CsvOptions, dtype: str, codes: Mapping[str, str]) -> ReadingPlan:
    head.fill()
    notes = [*head.notes]
    if not (options.skip_rows or options.header_rows):
        notes += skip_preamble(head, options.delimiter or head.delimiter or DELIMITERS)
    lines, above = first_lines(head), head.line - 1
    dialect, told = dialect_to_learn(head, options.delimiter, options.text)
    notes += told
    head.use(dialect)
    head.fill()  # with rows of that dialect
    notes += warnings_of_mixture(head.data, head.encoding)
    delimiter = dialect.delimiter
    header_rows = options.header_rows or 1
    row, parts = head.split_header(delimiter, header_rows)
    first = joined_names(parts)
    if any("\0" in cell for cell in first):
        problem = "expected text, found a zero byte in the first row"
        raise DataError(head.place, problem, "Write the file again: it is damaged, or not a text")
    with_names = with_rule(head, row, delimiter)
    has_rule = len(with_names) > len(row)
    start = header_rows + has_rule  # of the rows
    sampled = head.sample(delimiter, sample_rows(len(first)))[start:]
    header = options.header
    if options.header_rows or has_rule:
        if header is False:
            raise OptionError("header_rows", f"there is no header, as {mention('no_header')} says", "Leave one out")
        header = True
    if header is not False and has_row_names(first, sampled) and has_header(["", *first], sampled):
        first, header = ["", *first], True
        options = dataclasses.replace(options, drop=(*options.drop, unique_names(first)[0]))
        notes.append(ROW_NAMES)
        names_row = b""  # which is no row among others, as it is narrower
    else:
        refuse_other_width(first, sampled, delimiter, head.place)
        names_row = row

    def as_wide(rows: list[list[str]]) -> list[list[str]]:
        return [cells for cells in rows if len(cells) == len(first)]

    below = as_wide(sampled)
    if len(first) == 1 and ALIGNED.search(first[0]):
        raise DataError(
            head.place, "expected a delimiter between the columns, found only blanks", remedy_for_aligned(lines)
        )
    if len(first) == 1 and not (options.delimiter or head.delimiter):
        refuse_other_delimiter(lines, head.place)
    if header is None:
        header = has_header(first, below)
        notes += about_header(first, below, header)
    names, told = column_names(first, header, options.header is None)
    twice = next((name for name in first if name.lower() in TARGETS and first.count(name) > 1), None)
    if header and options.target is None and twice:
        remedy = f"Choose one by its position, as {mention('target', first.index(twice))}"
        raise DataError(head.where, f"several columns are called '{twice}', and could be the target", remedy)
    again = RepeatedHeader.of_bytes(names_row if header else b"", delimiter)
    may_come = again.may_be_in(head.data[len(with_names) :].decode("utf-8", "replace"))
    options = dataclasses.replace(options, delimiter=delimiter, header=header, encoding=head.encoding)
    if header_rows > 1:
        given, options = options.target, with_full_names(options, names, parts)
        notes += [f"target column: {options.target}"] if given != options.target else []

    def columns(rows: list[list[str]]) -> list[tuple[str, ...]]:
        """Return the columns of those rows that are to be read."""
        first_row, last = options.rows or (1, len(rows) + 1)
        rows = rows if header else [first, *rows]
        rows = [row for row in rows if not again.has(row)] if may_come else rows
        return list(zip(*(rows[first_row - 1 : last] or rows), strict=True)) or [()] * len(names)

    def all_rows() -> list[tuple[str, ...]]:
        return columns(as_wide(head.sample(delimiter, sys.maxsize - 1)[start:]))

    sample = columns(below)
    is_named = has_target(names) if options.target is None else options.target in names
    if header and not is_named:
        refuse_names_at_the_left([row[0] for row in below], options.target, delimiter, head.place)
    if not (above or options.header_rows or is_named):
        refuse_lines_above(lines, options.target, DELIMITERS, head.where)
    told_of = {*options.only, *options.categorical, *options.numeric, *options.drop, options.target, options.weight}
    if header and (nameless := [i for i, own in enumerate(first) if not own and names[i] not in told_of]):
        cells = all_rows()
        empty = tuple(names[i] for i in nameless if not any(map(str.strip, cells[i])))
        told += [f"column '{name}': left out, as it has neither a name nor a value" for name in empty]
        if len(empty) == 1 and 1 < names.index(empty[0]) < len(names) - 2:
            told.append(
                f"warning: column '{empty[0]}' may stand between two tables: {flag('only')} reads columns of one"
            )
        options = dataclasses.replace(options, drop=(*options.drop, *empty))
    if ZEROS.search(head.data):
        codes = {**codes_below(names, sample, all_rows()), **codes}
    layout, more = layout_of(
        names,
        sample,
        options,
        dtype,
        head.where,
        all_rows,
        may_hold=lambda text: text.encode() in head.data,
        codes=codes,
    )
    if POINTS.search(head.data) and len(sample[0]) >= sample_rows(len(names)) - 1:
        plain = [name for name in layout.numeric if name not in layout.spellings]
        more += late_points({name: sample[names.index(name)] for name in plain}, all_rows, names)
    if header and options.rows is None:
        others = {*layout.numeric, *layout.dates, *options.categorical, *options.drop, layout.target}
        refuse_second_table(below, [(name, i) for i, name in enumerate(names) if name not in others], head.where)
    if header and options.header_rows is None and options.on_error == "fail" and not has_rule:
        place = Place(head.where, head.line + with_names.count(b"\n"), head.line - 1, bool(options.skip_rows))
        places = [names.index(name) for name in (*layout.numeric, *layout.dates)]
        stripped = [[cell.strip(BLANKS) for cell in r] for r in zip(*sample, strict=True)]
        refuse_more_names(stripped, places, names.index(layout.target or ""), layout.missing, place)
    by_name, measured = dict(zip(names, sample, strict=True)), {*layout.numeric, *layout.dates}
    repeated = {name: its for name, cells in by_name.items() if (its := repeated_texts(cells))}
    layout = dataclasses.replace(
        layout,
        quote=dialect.quote,
        escape=dialect.escape,
        blanks=dialect.blanks,
        is_rewritten=not dialect.is_usual,
        header_rows=header_rows,
        words=_words(layout, by_name),
        **one_line_and_few({name: its for name, its in repeated.items() if name not in measured}),
    )
    return planned(layout, head, with_names, [*notes, *told, *more], options.text, names_row)


def _words(layout: Layout, sample: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    """Collect the texts in columns of text, but for those with a quote that come only once: it may be damage."""
    words = {}
    for name in (*layout.text, *([layout.target] if layout.target else [])):
        times = Counter(cell.strip() for cell in sample[name])
        words[name] = frozenset(text for text, n in times.items() if n > 1 or '"' not in text)
    return words


def repeated_texts(cells: Sequence[str]) -> set[str]:
    """Return the texts that come several times in a column where nearly all do, as the others may be of damaged rows;
    none where a text has several lines."""
    times = Counter(map(bare, cells))
    if any("\n" in text for text in times):
        return set()
    found = {text for text, n in times.items() if n > 1}
    return found if sum(map(times.__getitem__, found)) >= NEARLY_ALL * len(cells) else set()


def _weighted(columns: Sequence[Sequence[str]], place: int) -> list[list[str]]:
    """Return the columns without the rows whose weight, in that place, is 0, if there are others."""
    counts = [not ZERO.fullmatch(bare(cell)) for cell in columns[place]]
    return [[*compress(column, counts)] for column in columns] if any(counts) else [[*column] for column in columns]


def layout_of(
    names: tuple[str, ...],
    sample: Sequence[Sequence[str]],
    options: CsvOptions,
    dtype: str,
    where: str,
    all_rows: Callable[[], Sequence[Sequence[str]]],
    not_numbers: Mapping[str, str] = {},
    may_hold: Callable[[str], bool] = lambda text: True,
    codes: Mapping[str, str] = {},
) -> tuple[Layout, list[str]]:
    """Decide how to read the columns of a table from the cells of some rows, one sequence for each column; also return
    notes. The delimiter, header and encoding are those of `options`; `may_hold` tells whether all rows may have a text
    in them, `not_numbers` why columns are none that look like numbers, and `codes` which columns have a leading zero
    below those rows, each with that cell. The numbers are of `dtype`, or float64 where that is float32 and could not
    tell those of a column apart. Raises DataError and OptionError where there is no target, or no column to learn
    from."""
    target, notes = find_target(names, options.target, where)
    features = features_of(names, target, options, where)
    missing = missing_texts(options)
    if options.weight in names:
        sample = _weighted(sample, names.index(options.weight))
    cells = dict(zip(names, sample, strict=True))
    columns = column_kinds.present({name: cells[name] for name in features}, missing)
    aside = {*options.row_columns.values()}
    excel_texts = [name for name in features if any(map(is_excel_text, cells[name][:FEW_CELLS]))]
    hints = column_kinds.Hints(
        (*options.categorical, options.group or ""),
        options.numeric,
        {**dict.fromkeys(excel_texts, column_kinds.STORED_AS_TEXT), **not_numbers},
        codes,
        options.decimal,
        options.thousands,
        options.date_format,
        options.delimiter,
        column_kinds.present({target: cells[target]}, missing)[target],
    )
    kinds = column_kinds.kinds_of(columns, hints, where)
    decimal, kind_of = kinds.decimal, kinds.of
    values = {
        name: column_kinds.values_of(columns[name], decimal, kinds.spellings.get(name))
        for name, kind in kind_of.items()
        if kind == "number"
    }
    told = {*options.categorical, *options.numeric, *options.only, *aside}
    ids = column_kinds.ids_of({n: k for n, k in kind_of.items() if n not in told}, columns, values)
    if ids:  # which are looked at in more rows: an hour that begins again after a thousand rows is none
        longer = dict(zip(names, all_rows(), strict=True))
        more = column_kinds.present({name: longer[name] for name in ids}, missing)
        spelled = {name: column_kinds.values_of(more[name], decimal, kinds.spellings.get(name)) for name in ids}
        ids = column_kinds.ids_of({name: kind_of[name] for name in ids}, more, spelled)
        for name in ids:
            notes += note_of_total_in(name, [*more[name][:SAMPLE_ROWS], *more[name][-FEW_CELLS:]])
    if not kind_of.keys() - ids.keys() - aside:
        ids = {}  # there is nothing else to learn from
    notes += [f"column '{name}': left out, as {reason}" for name, reason in ids.items()]
    notes += [
        note
        for name, note in (
            *kinds.notes,
            *notes_of_stand_ins(columns, {name: its for name, its in values.items() if name != options.weight}),
        )
        if name not in ids
    ]
    merged = merged_columns({name: cells[name] for name in features if name not in aside}, values)
    notes += [f"warning: column '{name}': {NOTE}" for name in merged]
    used = {name: kind for name, kind in kind_of.items() if name not in ids}
    numeric, text, dates = (
        tuple(name for name, its in used.items() if its == kind) for kind in ("number", "text", "date")
    )
    suspects = [*dates, *(name for name in numeric if np.isnan(values[name]).any())]
    words = missing_words({name: columns[name] for name in suspects}, names, all_rows)
    classes = column_kinds.present({target: cells[target]}, missing)
    notes += notes_of_errors({name: columns[name] for name in text} | classes, target)
    if NA in missing:
        notes += notes_of_codes(columns, text, cells, lambda: all_rows() if may_hold(NA) else ())
    if dtype == "float32":
        fine = [name for name in numeric if column_kinds.are_finer_than_float32(values[name])]
        if options.time in numeric and (np.abs(values[options.time]) > MOST_WHOLE).any():  # as 20260131
            fine.append(options.time)
        if fine:
            dtype = "float64"
            notes.append(f"column '{fine[0]}': float32 cannot tell its numbers apart, so all are read as float64")
    rounded = [name for name in numeric if column_kinds.are_rounded(columns[name])]
    if rounded:
        notes.append(f"column '{rounded[0]}': numbers of that size are rounded (--categorical keeps them apart)")
    layout = Layout(
        names=names,
        delimiter=options.delimiter or ",",
        header=bool(options.header),
        numeric=numeric,
        text=text,
        target=target,
        missing=missing,
        decimal=decimal,
        is_decimal_sure=options.decimal is not None
        or any(decimal in cell for name in numeric for cell in columns[name]),
        spellings={name: spelling for name, spelling in kinds.spellings.items() if name not in ids},
        dtype=dtype,
        dates=dates,
        encoding=options.encoding or UTF_8,
        needed=options.needed,
        profile=profile_columns(cells, used, missing, decimal),
        missing_words=words,
        codes=CodeWatch(widths_of({n: columns[n] for n in numeric if n not in (*kinds.spellings, *options.numeric)})),
    )
    return layout, notes


def planned(
    layout: Layout, head: Head, row: bytes, notes: Sequence[str], options: TextOptions, names: bytes
) -> ReadingPlan:
    """Make the plan that follows from the first row, which is a header or the first row of data; `names` is what may
    come again of a header."""
    used = row if layout.header else b""
    first_line = head.line + used.count(b"\n")
    return ReadingPlan(
        layout,
        head.data[len(used) :],
        head.stream,
        first_line,
        tuple(notes),
        is_quote_told=options.quote is not None,
        header=names if layout.header else b"",
        text=head.text,
        rows=options.rows,
    )
