"""Read all columns of a table, also one that could be its target: their kinds as in training, and then the rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

from nncli.data.csv.csv_options import CsvOptions
from nncli.data.dataset import Schema, Table
from nncli.data.load import load_dataset
from nncli.data.load_stream import stream_like
from nncli.data.row_blocks import Layout
from nncli.data.source_files import SourceFiles, open_training
from nncli.data.sources import STDIN, Source, title
from nncli.data.sparse_numbers import is_sparse
from nncli.data.unused_options import refuse_unused
from nncli.errors import DataError

DTYPE = "float64"  # of the numbers: what is compared is not rounded
ROWS_AT_ONCE, CELLS_AT_ONCE = 1 << 14, 1 << 22


@contextmanager
def stream_all(source: Source, options: CsvOptions) -> Iterator[tuple[Schema, Iterator[Table], list[str]]]:
    """Read a file block by block; give its columns, their rows, and notes, to which reading adds. Its kinds are
    detected as in training; columns that only tell rows apart are left out. Raises DataError, also for stdin, as a file
    is read more than once."""
    if source == STDIN:
        raise DataError(title(source), "expected a file, as it is read more than once", "Save it in a file first")
    given, notes = SourceFiles.of(source), list[str]()
    refuse_unused(given.named_formats(), vars(options))
    if given.is_matrix:
        dataset = load_dataset(source, options, DTYPE)
        notes.extend(dataset.notes)
        yield dataset.schema, _parts(dataset.table), notes
        return
    schema = _schema(given, options)
    with stream_like(source[0], schema, DTYPE, on_error=options.on_error, text=options.of_text) as (blocks, _, said):
        yield schema, (block.table for block in blocks), notes
        notes.extend(said)


def _schema(given: SourceFiles, options: CsvOptions) -> Schema:
    """Return the schema of all columns. A reader that learns takes one column for the target, and does not tell of what
    kind it is: it is asked twice, with another target each time."""
    names = _layout(given, dataclasses.replace(options, target="0", text=())).names if options.text else ()

    def layout(place: int) -> Layout:
        others = tuple(name for name in options.text if name not in (names[place], str(place)))  # no target is a text
        return _layout(given, dataclasses.replace(options, target=str(place), text=others))

    first, last = layout(0), layout(-1)
    kinds = {name: kind for one in (first, last) for name, kind in one.schema().columns}
    own = last.schema()
    columns = tuple((name, kinds[name]) for name in last.names if name in kinds)
    spellings = {**dict(first.schema().spellings), **dict(own.spellings)}
    its = {name: spelling for name, spelling in spellings.items() if kinds.get(name) in ("number", "date")}
    return dataclasses.replace(
        own, columns=columns, target="", target_place=len(columns), spellings=tuple(its.items()), dtype=DTYPE
    )


def _layout(given: SourceFiles, options: CsvOptions) -> Layout:
    with open_training(given.paths[0], given.formats[0], None, options, DTYPE) as table:
        return table.layout


def _parts(table: Table) -> Iterator[Table]:
    at_once = max(1, min(ROWS_AT_ONCE, CELLS_AT_ONCE // max(1, len(table.number_names))))
    if is_sparse(table.numbers):
        at_once = ROWS_AT_ONCE
    for start in range(0, len(table), at_once):
        some = slice(start, start + at_once)
        yield Table(table.number_names, table.numbers.take(some) if is_sparse(table.numbers) else table.numbers[some])
