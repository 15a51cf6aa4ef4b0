"""Read the rows of one source as they come, in the columns of a model: no more is loaded than `predict` needs. What
finds columns, classes and targets is in `load.py`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Literal

from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.csv.positions import Known
from nncli.data.dataset import Schema, Table
from nncli.data.formats.known_formats import IMAGES, TEXT
from nncli.data.row_blocks import OnError, RowBlock
from nncli.data.source_files import SourceFiles, open_like
from nncli.data.sources import title
from nncli.data.unused_options import refuse_unused
from nncli.errors import DataError, listing, mention
from nncli.system.output import in_quotes


@contextmanager
def stream_like(
    source: str,
    schema: Schema,
    dtype: str,
    keep: Sequence[str] | Literal["all"] = (),
    on_error: OnError = "fail",
    text: TextOptions = DETECTED,
    known: Known | None = None,
    with_target: bool = False,
    make: Callable[[RowBlock], Any] | None = None,
) -> Iterator[tuple[Iterator[RowBlock], tuple[str, ...], Sequence[str]]]:
    """Read the rows of a file or pipe as they arrive, for a model's schema, and the classes and categories that are
    `known` to it; also give the columns to keep, and notes. What there is to `make` of a block may be `made` of it by
    the thread that has read it. Raises DataError and OptionError; also for what is no table, if rows have to have their
    target."""
    given = SourceFiles.of((source,))
    path, found, stream = given.paths[0], given.formats[0], given.stream
    refuse_unused(given.named_formats(), vars(text))
    if found.is_matrix and with_target:
        problem = f"expected a table, whose rows can be learned from as they come, found {found.name}"
        raise DataError(title((source,)), problem, "Save it in a file, and name that")
    if found.is_matrix:
        from nncli.data.formats import images, libsvm

        kept = tuple([images.FILE] if keep == "all" and found == IMAGES else keep)
        if kept and found != IMAGES:
            raise DataError(
                title((source,)), "a file of that kind has no columns to keep", f"Leave {mention('keep')} out"
            )
        if found == IMAGES:
            read = images.row_blocks(path, schema, kept, on_error)
        else:
            read = found.load().row_blocks(path, schema) if stream is None else libsvm.row_blocks(path, schema, stream)
        yield (dataclasses.replace(block, table=named(block.table, schema, source)) for block in read), kept, ()
        return
    how: dict[str, Any] = {"dtype": dtype, "keep": keep, "on_error": on_error, "known": known}
    how |= {"make": make} if found is TEXT else {}
    opened = open_like(path, found, stream, schema, text, with_target=with_target, **how)
    with opened as rows, closing(iter(rows)) as blocks:  # whoever stops in the middle leaves nobody reading ahead
        yield blocks, rows.layout.keep, rows.notes


def named(table: Table, schema: Schema, source: str) -> Table:
    """Numbers without names of their own are a model's columns if there are as many."""
    wanted, found = schema.of_kind("number"), table.numbers.shape[1]
    if len(wanted) < len(schema.columns):
        others = listing([in_quotes(name) for name in schema.names if name not in wanted])
        remedy = "Name a table with the columns of training"
        raise DataError(
            source, f"expected the columns of the model, also {others}, found numbers without names", remedy
        )
    if len(wanted) != found:
        raise DataError(source, f"expected the {len(schema.columns)} columns of the model, found {found} without names")
    return Table(wanted, table.numbers)
