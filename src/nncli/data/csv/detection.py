"""Decide from its first rows how a table to learn from is read.

`alignment` does the same for a model that exists.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from nncli.data.byte_input import Input
from nncli.data.cells import bare
from nncli.data.csv.below_header import (
    ALIGNED,
    ROW_NAMES,
    Place,
    has_row_names,
    refuse_more_names,
    remedy_for_aligned,
    with_rule,
)
from nncli.data.csv.column_layout import layout_of, sample_rows
from nncli.data.csv.column_names import (
    column_names,
    has_target,
    unique_names,
    with_full_names,
)
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.dialect_detection import dialect_to_learn
from nncli.data.csv.encoding import warnings_of_mixture
from nncli.data.csv.header import DELIMITERS, Head
from nncli.data.csv.header_row import TARGETS, about_header, has_header, joined_names, refuse_other_width
from nncli.data.csv.late_codes import codes_below
from nncli.data.csv.other_delimiter import refuse_names_at_the_left, refuse_other_delimiter
from nncli.data.csv.other_quotes import refuse_other_quotes
from nncli.data.csv.preamble import first_lines, refuse_lines_above, skip_preamble
from nncli.data.csv.reading_plan import ReadingPlan, planned
from nncli.data.csv.repeated_header import RepeatedHeader
from nncli.data.csv.second_table import refuse_second_table
from nncli.data.csv.sign_doubts import late_points
from nncli.data.row_blocks import Layout, one_line_and_few
from nncli.errors import DataError, OptionError, flag, mention

ZEROS = re.compile(rb"0[0-9]+[^0-9.:/-]")
FIRST_SIGN, LAST_SIGN = ord("-"), ord(":")  # between them are all of -./0123456789:
POINTS = re.compile(rb"\.\d{3}[^0-9.]")  # begins with what is searched for fast
NEARLY_ALL = 0.8


def plan_training(stream: Input, options: CsvOptions, dtype: str, codes: Mapping[str, str] = {}) -> ReadingPlan:
    """Decide how to read a text table, of which some columns are known to hold `codes`. Raises DataError and
    OptionError, as `layout_of` does."""
    head = Head(stream, options.of_text)
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
    dialect, told = dialect_to_learn(head, options.delimiter, options.of_text)
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
    refuse_other_quotes([first, *sampled], head.data, head.place, head.encoding)
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
    told_of = {
        *options.only,
        *options.categorical,
        *options.text,
        *options.numeric,
        *options.drop,
        options.target,
        options.weight,
    }
    if header and (nameless := [i for i, own in enumerate(first) if not own and names[i] not in told_of]):
        cells = all_rows()
        empty = tuple(names[i] for i in nameless if not any(map(str.strip, cells[i])))
        told += [f"column '{name}': left out, as it has neither a name nor a value" for name in empty]
        if len(empty) == 1 and 1 < names.index(empty[0]) < len(names) - 2:
            told.append(
                f"warning: column '{empty[0]}' may stand between two tables: {flag('only')} reads columns of one"
            )
        options = dataclasses.replace(options, drop=(*options.drop, *empty))
    if _has_codes(head.data):
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
        others = {*layout.numeric, *layout.dates, *options.categorical, *options.text, *options.drop, layout.target}
        refuse_second_table(below, [(name, i) for i, name in enumerate(names) if name not in others], head.where)
    if header and options.header_rows is None and options.on_error == "fail" and not has_rule:
        place = Place(head.where, head.line + with_names.count(b"\n"), head.line - 1, bool(options.skip_rows))
        places = [names.index(name) for name in (*layout.numeric, *layout.dates)]
        rows = [*zip(*sample, strict=True)]
        refuse_more_names(rows, places, names.index(layout.target or ""), layout.missing, place)
    by_name, measured = dict(zip(names, sample, strict=True)), {*layout.numeric, *layout.dates}
    texts = {name: cells for name, cells in by_name.items() if name not in measured}
    repeated = {name: its for name, cells in texts.items() if (its := repeated_texts(cells))}
    layout = dataclasses.replace(
        layout,
        quote=dialect.quote,
        escape=dialect.escape,
        blanks=dialect.blanks,
        is_rewritten=not dialect.is_usual,
        header_rows=header_rows,
        row_numbers=() if head.at_end else layout.row_numbers,  # where all rows have been looked at
        words=_words(layout, by_name),
        **one_line_and_few(repeated),
    )
    return planned(layout, head, with_names, [*notes, *told, *more], options.of_text, names_row)


def _has_codes(data: bytes) -> bool:
    """Tell whether there are figures behind a zero that stands behind no other sign of numbers, dates and times: all
    bytes at once, as a search from byte to byte takes as long as all else of the plan for a table of pixels."""
    byte = np.frombuffer(data, np.uint8)
    behind = (byte[:-2] < FIRST_SIGN) | (byte[:-2] > LAST_SIGN)
    found = behind & (byte[1:-1] == ord("0")) & (byte[2:] - np.uint8(ord("0")) <= 9)
    return any(ZEROS.match(data, start) for start in (np.flatnonzero(found) + 1).tolist())


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
