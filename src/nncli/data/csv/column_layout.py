"""Decide how the columns of a table are read by the cells of its first rows, for text and for other tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import compress

import numpy as np

from nncli.data.cells import bare, is_excel_text
from nncli.data.csv import column_kinds
from nncli.data.csv.code_like import CALLED_CODES
from nncli.data.csv.column_names import (
    features_of,
    find_target,
    has_target,
)
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.encoding import UTF_8
from nncli.data.csv.late_codes import CodeWatch, widths_of
from nncli.data.csv.late_repeats import COUNTS, INDEXES
from nncli.data.csv.merged_cells import NOTE, merged_columns
from nncli.data.csv.missing_words import NA, missing_texts, missing_words, notes_of_codes, notes_of_errors
from nncli.data.csv.other_tools import refuse_lines_of_other_tools
from nncli.data.csv.sample_profile import profile_columns
from nncli.data.csv.short_numbers import short_numbers
from nncli.data.csv.stand_ins import STAND_INS, notes_of_stand_ins
from nncli.data.row_blocks import Layout
from nncli.data.totals import note_of_total_in

ZERO = re.compile(r"[+-]?0+(?:[.,]0*)?")
SAMPLE_CELLS = 100_000  # a thousand rows of a hundred columns
SAMPLE_ROWS, LEAST_ROWS = 1000, 100
MOST_WHOLE = 2**24  # up to which float32 holds every whole number
FEW_CELLS = 20  # which tell whether all are texts for Excel, or at the end whether there are totals
MORE_ROWS = 10_000  # of other tables than text, that a column which seems to tell rows apart is looked at in


def sample_rows(columns: int) -> int:
    """Return how many rows of a table of so many columns are looked at to decide what the columns are."""
    return min(SAMPLE_ROWS, max(LEAST_ROWS, SAMPLE_CELLS // columns))


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
    if options.target is None and not has_target(names):
        for first_cells in (names, [column[0] for column in sample if column]):
            refuse_lines_of_other_tools(first_cells, options.delimiter or "", where)
    target, notes = find_target(names, options.target, where)
    features = features_of(names, target, options, where)
    missing = missing_texts(options)
    if options.weight in names:
        sample = _weighted(sample, names.index(options.weight))
    cells = dict(zip(names, sample, strict=True))
    told_of = {*options.categorical, *options.text, options.group, *not_numbers, *codes}
    is_told = options.decimal == "," or options.thousands or options.date_format or any(map(str.isdigit, missing))
    short = short_numbers(
        {} if is_told else {name: cells[name] for name in features},
        lambda name: name in told_of or re.fullmatch(CALLED_CODES, name) is not None,
    )
    others = column_kinds.present({name: cells[name] for name in features if name not in short.known}, missing)
    columns = {name: cells[name] if name in short.known else others[name] for name in features}
    aside = {*options.row_columns.values()}
    excel_texts = [name for name in others if any(map(is_excel_text, cells[name][:FEW_CELLS]))]
    hints = column_kinds.Hints(
        (*options.categorical, *options.text, options.group or ""),
        options.numeric,
        {**dict.fromkeys(excel_texts, column_kinds.STORED_AS_TEXT), **not_numbers},
        codes,
        options.decimal,
        options.thousands,
        options.date_format,
        options.delimiter,
        column_kinds.present({target: cells[target]}, missing)[target],
    )
    kinds = column_kinds.kinds_of(columns, hints, where, short.known)
    decimal, kind_of = kinds.decimal, kinds.of
    of_short = short.values
    values = {
        name: of_short[name]
        if name in short.known
        else column_kinds.values_of(columns[name], decimal, kinds.spellings.get(name))
        for name, kind in kind_of.items()
        if kind == "number"
    }
    told = {*options.categorical, *options.text, *options.numeric, *options.only, *aside}
    told |= {name for name in short.known - short.counting() if not re.fullmatch(column_kinds.INDEX, name)}
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
            *notes_of_stand_ins(
                columns,
                {name: its for name, its in values.items() if name != options.weight},
                short.known - short.ending_in(STAND_INS),
            ),
        )
        if name not in ids
    ]
    merged = merged_columns({name: cells[name] for name in others if name not in aside}, values)
    notes += [f"warning: column '{name}': {NOTE}" for name in merged]
    used = {name: kind for name, kind in kind_of.items() if name not in ids}
    numeric, text, dates = (
        tuple(name for name, its in used.items() if its == kind) for kind in ("number", "text", "date")
    )
    not_short = [name for name in numeric if name not in short.known]
    suspects = [*dates, *(name for name in not_short if np.isnan(values[name]).any())]
    words = missing_words({name: columns[name] for name in suspects}, names, all_rows)
    classes = column_kinds.present({target: cells[target]}, missing)
    notes += notes_of_errors({**{name: columns[name] for name in text}, **classes}, target)
    if NA in missing:
        notes += notes_of_codes(columns, text, cells, lambda: all_rows() if may_hold(NA) else ())
    if dtype == "float32":
        exact = short.known - short.maybe_coarse()
        fine = [n for n in numeric if n not in exact and column_kinds.are_finer_than_float32(values[n])]
        if options.time in numeric and (np.abs(values[options.time]) > MOST_WHOLE).any():  # as 20260131
            fine.append(options.time)
        if fine:
            dtype = "float64"
            notes.append(f"column '{fine[0]}': float32 cannot tell its numbers apart, so all are read as float64")
    rounded = [name for name in not_short if column_kinds.are_rounded(columns[name])]
    if rounded:
        notes.append(f"column '{rounded[0]}': numbers of that size are rounded (--categorical keeps them apart)")
    widths = short.widths | widths_of({n: columns[n] for n in not_short if n not in kinds.spellings})
    layout = Layout(
        names=names,
        delimiter=options.delimiter or ",",
        header=bool(options.header),
        numeric=numeric,
        text=text,
        target=target,
        missing=missing,
        decimal=decimal,
        is_decimal_sure=options.decimal is not None or any(decimal in "".join(columns[name]) for name in not_short),
        spellings={name: spelling for name, spelling in kinds.spellings.items() if name not in ids},
        dtype=dtype,
        dates=dates,
        encoding=options.encoding or UTF_8,
        needed=options.needed,
        profile=profile_columns(cells, used, missing, decimal),
        missing_words=words,
        row_numbers=tuple(  # and fit int64
            name
            for name, why in ids.items()
            if why in (COUNTS, INDEXES) and all(cell.isdigit() and len(cell) < 19 for cell in columns[name])
        ),
        codes=CodeWatch({name: widths[name] for name in numeric if name in widths and name not in options.numeric}),
    )
    return layout, notes
