"""Decide from its first rows how a table to learn from is read.

`alignment` does the same for a model that exists.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nncli.data.byte_input import ByteStream, Input
from nncli.data.cells import BLANKS, DEFAULT_MISSING, is_missing
from nncli.data.csv import column_kinds
from nncli.data.csv.below_header import (
    ALIGNED,
    ALIGNED_REMEDY,
    ROW_NAMES,
    Place,
    has_row_names,
    refuse_more_names,
    with_rule,
)
from nncli.data.csv.dialect_detection import dialect_to_learn
from nncli.data.csv.encoding import UTF_8, Utf8Text, warnings_of_mixture
from nncli.data.csv.header import DELIMITERS, DETECTED, Head, TextOptions
from nncli.data.csv.header_row import TARGETS, about_header, has_header, joined_names, refuse_other_width
from nncli.data.csv.preamble import first_lines, refuse_lines_above, skip_preamble
from nncli.data.csv.repeated_header import RepeatedHeader
from nncli.data.csv.sample_profile import profile_columns
from nncli.data.csv.second_table import refuse_second_table
from nncli.data.row_blocks import Layout, OnError
from nncli.errors import DataError, OptionError, did_you_mean, listing, mention

POSITION = re.compile(r"[+-]?[0-9]{1,9}", re.ASCII)
SAMPLE_CELLS = 100_000  # a thousand rows of a hundred columns
SAMPLE_ROWS, LEAST_ROWS = 1000, 100
MOST_WHOLE = 2**24  # up to which float32 holds every whole number
MORE_ROWS = 10_000  # of other tables than text, that a column which seems to tell rows apart is looked at in


@dataclass(frozen=True)
class CsvOptions:
    """Options of the user on how a table is read; None and () stand for what is detected."""

    target: str | None = None
    drop: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    weight: str | None = None  # this and the next two are no inputs
    group: str | None = None
    time: str | None = None
    missing: tuple[str, ...] = ()
    no_missing: tuple[str, ...] = ()
    header: bool | None = None
    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    date_format: str | None = None
    encoding: str | None = None
    skip_rows: int = 0
    quote: str | None = None
    escape: str | None = None
    header_rows: int | None = None
    rows: tuple[int, int] | None = None
    sheet: str | None = None
    resize: tuple[int, int] | None = None
    on_error: OnError = "fail"

    @property
    def row_columns(self) -> dict[str, str]:
        """Return the columns that say something of each row and are no inputs, by the options that name them."""
        named = {"weight": self.weight, "group": self.group, "time": self.time}
        return {option: name for option, name in named.items() if name is not None}

    @property
    def text(self) -> TextOptions:
        return TextOptions(**{name: getattr(self, name) for name in vars(DETECTED)})

    @property
    def text_of_others(self) -> TextOptions:
        """Say how files beside the training file are written. The lines around its table and its sheet are its own."""
        return dataclasses.replace(self.text, skip_rows=0, rows=None, sheet=None)

    def of_table(self) -> CsvOptions:
        """Return the options for a file that says by itself what its cells are."""
        return dataclasses.replace(self, header=True, delimiter=",", decimal=".", encoding="utf-8")


@dataclass(frozen=True)
class ReadingPlan:
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


def plan_training(stream: Input, options: CsvOptions, dtype: str) -> ReadingPlan:
    """Decide how to read a text table. Raises DataError and OptionError, as `layout_of` does."""
    head = Head(stream, options.text)
    try:
        return _plan(head, options, dtype)
    except (DataError, OptionError) as error:
        raise head.text.with_guess(error) from None


def _plan(head: Head, options: CsvOptions, dtype: str) -> ReadingPlan:
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
        raise DataError(head.place, "expected a delimiter between the columns, found only blanks", ALIGNED_REMEDY)
    if header is None:
        header = has_header(first, below)
        notes += about_header(first, below, header)
    names, told = column_names(first, header, options.header is None)
    twice = next((name for name in first if name.lower() in TARGETS and first.count(name) > 1), None)
    if header and options.target is None and twice:
        remedy = f"Choose one by its position, as --target {first.index(twice)}"
        raise DataError(head.where, f"several columns are called '{twice}', and could be the target", remedy)
    again = RepeatedHeader.of_bytes(names_row if header else b"", delimiter)
    may_come = again.may_be_in(head.data[len(with_names) :].decode("utf-8", "replace"))
    options = dataclasses.replace(options, delimiter=delimiter, header=header, encoding=head.encoding)
    if header_rows > 1:
        given, options = options.target, _with_full_names(options, names, parts)
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
    if not above and not options.header_rows and not _has_target(names, options.target):
        refuse_lines_above(lines, options.target, DELIMITERS, head.where)
    told_of = {*options.only, *options.categorical, *options.numeric, *options.drop, options.target, options.weight}
    if header and (nameless := [i for i, own in enumerate(first) if not own and names[i] not in told_of]):
        cells = all_rows()
        empty = tuple(names[i] for i in nameless if not any(map(str.strip, cells[i])))
        told += [f"column '{name}': left out, as it has neither a name nor a value" for name in empty]
        options = dataclasses.replace(options, drop=(*options.drop, *empty))
    layout, more = layout_of(names, sample, options, dtype, head.where, all_rows)
    if header and options.rows is None:
        others = {*layout.numeric, *layout.dates, *options.categorical, *options.drop, layout.target}
        refuse_second_table(below, [(name, i) for i, name in enumerate(names) if name not in others], head.where)
    if header and options.header_rows is None and options.on_error == "fail" and not has_rule:
        place = Place(head.where, head.line + with_names.count(b"\n"), head.line - 1, bool(options.skip_rows))
        measured = [names.index(name) for name in (*layout.numeric, *layout.dates)]
        stripped = [[cell.strip(BLANKS) for cell in r] for r in zip(*sample, strict=True)]
        refuse_more_names(stripped, measured, names.index(layout.target or ""), layout.missing, place)
    layout = dataclasses.replace(
        layout,
        quote=dialect.quote,
        escape=dialect.escape,
        blanks=dialect.blanks,
        header_rows=header_rows,
        words=_words(layout, dict(zip(names, sample, strict=True))),
    )
    return planned(layout, head, with_names, [*notes, *told, *more], options.text, names_row)


def _words(layout: Layout, sample: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    """Collect the texts in columns of text, but for those with a quote that come only once: it may be damage."""
    words = {}
    for name in (*layout.text, *([layout.target] if layout.target else [])):
        times = Counter(cell.strip() for cell in sample[name])
        words[name] = frozenset(text for text, n in times.items() if n > 1 or '"' not in text)
    return words


def missing_texts(options: CsvOptions) -> tuple[str, ...]:
    """List the texts that mean a missing value. Raises OptionError where one of them cannot be a value."""
    texts = DEFAULT_MISSING + tuple(token.strip() for token in options.missing)
    for text in options.no_missing:
        if text not in texts or is_missing(text, ("",)):
            able = listing([f"'{one}'" for one in texts if not is_missing(one, ("",))])
            raise OptionError("no_missing", f"expected some of {able}, found '{text}'")
    return tuple(text for text in texts if text not in options.no_missing)


def layout_of(
    names: tuple[str, ...],
    sample: Sequence[Sequence[str]],
    options: CsvOptions,
    dtype: str,
    where: str,
    all_rows: Callable[[], Sequence[Sequence[str]]],
    stored_as_text: Collection[str] = (),
) -> tuple[Layout, list[str]]:
    """Decide how to read the columns of a table from the cells of some rows, one sequence for each column; also return
    notes. The delimiter, header and encoding are those of `options`; the numbers are of `dtype`, or float64 where that
    is float32 and could not tell those of a column apart. Raises DataError and OptionError where there is no target, or
    no column to learn from."""
    target, notes = _find_target(names, options.target, where)
    features = _features(names, target, options, where)
    missing = missing_texts(options)
    cells = dict(zip(names, sample, strict=True))
    columns = column_kinds.present({name: cells[name] for name in features}, missing)
    aside = {*options.row_columns.values()}
    hints = column_kinds.Hints(
        (*options.categorical, options.group or ""),
        options.numeric,
        stored_as_text,
        options.decimal,
        options.thousands,
        options.date_format,
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
    if not kind_of.keys() - ids.keys() - aside:
        ids = {}  # there is nothing else to learn from
    notes += [f"column '{name}': left out, as {reason}" for name, reason in ids.items()]
    notes += [note for name, note in kinds.notes if name not in ids]
    numeric, text, dates = (
        tuple(name for name, its in kind_of.items() if its == kind and name not in ids)
        for kind in ("number", "text", "date")
    )
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
        spellings={name: spelling for name, spelling in kinds.spellings.items() if name not in ids},
        dtype=dtype,
        dates=dates,
        encoding=options.encoding or UTF_8,
        needed=tuple(aside),
        profile=profile_columns(cells, {name: kind_of[name] for name in (*numeric, *text, *dates)}, missing, decimal),
    )
    return layout, notes


def column_names(first: Sequence[str], header: bool, tell: bool) -> tuple[tuple[str, ...], list[str]]:
    """Name all columns after the cells of the first row, or by their positions; also return notes."""
    if not header:
        names = tuple(f"c{i}" for i in range(len(first)))
        called = f"no header: the columns are called {names[0]}" + (f" to {names[-1]}" if len(names) > 1 else "")
        return names, [called] * tell
    names, notes = unique_names(first), []
    for i, (own, name) in enumerate(zip(first, names, strict=True), 1):
        if name != own:
            problem = "is not the first one of its name" if own else "has no name in the header"
            notes.append(f"column {i} {problem}: it is called {name}")
    return names, notes


def _features(names: tuple[str, ...], target: str, options: CsvOptions, where: str) -> list[str]:
    """Return the columns to learn from; OptionError for unknown names, and for options that contradict one another."""
    given = {
        "drop": options.drop, "only": options.only, "categorical": options.categorical,
        "numeric": options.numeric,
    }  # fmt: skip
    for option, named in given.items():
        for name in named:
            if name not in names:
                raise OptionError(option, f"no column is called '{name}'", did_you_mean(name, names, listed="columns"))
            if name == target:
                raise OptionError(
                    option, f"'{name}' is the target column", f"Name another one with {mention('target')}"
                )
    given |= {option: (name,) for option, name in options.row_columns.items()}
    pairs = [("drop", option) for option in ("only", "categorical", "numeric", *options.row_columns)]
    for one, other in (*pairs, ("numeric", "categorical")):
        both = [name for name in given[one] if name in given[other]]
        if both:
            raise OptionError(one, f"'{both[0]}' is named by {mention(other)} too", "Name it once")
    wanted = {*options.only, *options.row_columns.values()} if options.only else {*names}
    found = [name for name in names if name in wanted and name != target and name not in options.drop]
    if not found:
        raise DataError(where, f"no feature column is left beside the target '{target}'", "Drop fewer columns")
    return found


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


def unique_names(given: Sequence[str]) -> tuple[str, ...]:
    """Names for all columns: c2 for the third one where it has none, a_2 for the second one called a."""
    taken, found = set(given), dict[str, None]()
    for i, own in enumerate(given):
        name = base = own or f"c{i}"
        number = 2
        while name in found or (name != own and name in taken):
            name, number = f"{base}_{number}", number + 1
        found[name] = None
    return tuple(found)


def _with_full_names(options: CsvOptions, names: Sequence[str], parts: Sequence[Sequence[str]]) -> CsvOptions:
    """Write names in options that are a part of one name alone as that name, which several rows tell together."""
    times = Counter(part for column in zip(*parts, strict=True) for part in {*column} if part)
    full = {part: name for name, column in zip(names, zip(*parts, strict=True), strict=False) for part in column}

    def name_of(given: str) -> str:
        return full[given] if times[given] == 1 and given not in names else given

    target = options.target
    if target is None and not _has_target(names, None):
        found = [part for part in times if part.lower() in TARGETS]
        target = name_of(found[0]) if len(found) == 1 else None
    elif target is not None:
        target = name_of(target)
    return dataclasses.replace(
        options,
        target=target,
        drop=tuple(map(name_of, options.drop)),
        only=tuple(map(name_of, options.only)),
        categorical=tuple(map(name_of, options.categorical)),
        numeric=tuple(map(name_of, options.numeric)),
    )


def _has_target(names: Sequence[str], given: str | None) -> bool:
    """Tell whether there is a column to predict, which a position always names."""
    if given is None:
        return any(name.lower() in TARGETS for name in names)
    return given in names or POSITION.fullmatch(given) is not None


def _find_target(names: tuple[str, ...], given: str | None, where: str) -> tuple[str, list[str]]:
    """Return the column to predict, and a note; DataError or OptionError if there is none, or several."""
    if given is None:
        found = [name for name in names if name.lower() in TARGETS]
        if len(found) == 1:
            return found[0], [f"target column: {found[0]} (the only column called label, target, class or y)"]
        if found:
            raise DataError(
                where, f"several columns could be the target: {listing(found)}", f"Choose one with {mention('target')}"
            )
        raise DataError(
            where,
            f"expected a column called label, target, class or y; found {listing(names)}",
            f"Name the target with {mention('target')}",
        )
    if given in names:
        return given, []
    if POSITION.fullmatch(given):
        place, width = int(given), len(names)
        if not -width <= place < width:
            raise OptionError("target", f"expected a position from {-width} to {width - 1}, found {place}")
        return names[place], []
    raise OptionError("target", f"no column is called '{given}'", did_you_mean(given, names, listed="columns"))
