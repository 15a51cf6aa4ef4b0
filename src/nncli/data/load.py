"""Reads a source: a bundled set by its name, tables, or one matrix without column names (IDX, pictures, .npz, sparse
text).

`source_files.py` opens its files.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal

from nncli.data.bundled import BUNDLED
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.csv.positions import Known
from nncli.data.csv.second_table import refuse_names_among
from nncli.data.dataset import Dataset, Schema, Table, TextColumn, canonical_class, spellings_of
from nncli.data.formats.known_formats import IMAGES, TEXT
from nncli.data.labels import advice_for_class, for_task
from nncli.data.numeric_target import NoNumber, numbers_like, with_numeric_target
from nncli.data.rare_classes import DROP, UNKNOWN, code_in, merged_into
from nncli.data.row_blocks import OnError, RowBlock
from nncli.data.source_files import SourceFiles, open_like
from nncli.data.sources import Source, is_there, title
from nncli.data.table_builder import recoded, to_learn_from
from nncli.data.task import CLASSIFICATION, REGRESSION
from nncli.data.totals import notes_of_totals, refuse_total
from nncli.data.unused_options import refuse_unused
from nncli.errors import DataError, listing, mention
from nncli.system.output import in_quotes


def load_dataset(
    source: Source,
    options: CsvOptions,
    dtype: str,
    memory: int | None = None,
    tables: int = 1,
    task: str | None = None,
) -> Dataset:
    """Read whole files to learn from, their target and the kinds of their columns detected or told. With `memory`, in
    bytes, tables are on the disk; so many `tables` share it. The target holds classes or numbers, as the `task` says;
    None: as it looks. Raises DataError and OptionError."""
    from nncli.data.rising_columns import without_row_numbers
    from nncli.data.text_doubts import notes_of_texts
    from nncli.data.text_inputs import holds_texts

    def is_read(name: str, column: TextColumn) -> bool:  # whose texts may be on the disk, some several times
        told_apart = name in options.row_columns.values()  # as groups, each has to have one code
        return not told_apart and holds_texts(name, column, options.text, options.categorical)

    given = SourceFiles.of(source)
    size = given.bytes()
    if options.target is None and len(source) == 1 and source[0] in BUNDLED and not is_there(Path(source[0])):
        options = dataclasses.replace(options, target=BUNDLED[source[0]].target or None)
    refuse_unused(given.named_formats(), vars(options))
    if given.is_matrix:
        dataset = for_task(given.matrix(memory, None, options.resize, options.on_error), task)
        return dataclasses.replace(dataset, source=source, memory=memory, file_bytes=size)
    rows = given.table(None, options, dtype, memory, tables, is_read=is_read)
    if options.rows is None:
        is_text = given.formats == [TEXT] and options.on_error == "fail"
        refuse_total(rows.table, rows.target, rows.schema.target, title(source), is_text)
        refuse_names_among(rows.table, rows.target, title(source), is_text)
    task = CLASSIFICATION if rows.schema.target in options.categorical else task
    try:
        dataset = to_learn_from(rows, source, task)
    except NoNumber as error:
        if given.stream is not None:  # which is read once
            raise
        schema = with_numeric_target(rows.schema, error.spelling)
        # which raises the error of the line
        rows = given.table(schema, options, dtype, memory, tables, is_read=is_read)
        dataset = to_learn_from(rows, source, REGRESSION)
    notes = (*dataset.notes, *notes_of_totals(rows.table, rows.target))
    notes += (*notes_of_texts(rows.table, rows.target, rows.schema.target, options.group, is_read),)
    dataset = dataclasses.replace(dataset, memory=memory, file_bytes=size, notes=notes)
    return without_row_numbers(dataset, {*options.numeric, *options.only, *options.row_columns.values()})


def load_like(
    source: Source,
    schema: Schema,
    classes: Sequence[str],
    dtype: str,
    text: TextOptions = DETECTED,
    memory: int | None = None,
    tables: int = 1,
    on_error: OnError = "fail",
    rare: str | None = None,
    told: bool = True,
    row_columns: Mapping[str, str] = {},
    takes_new: bool = False,
    words: Collection[str] = (),
) -> Dataset:
    """Read whole files as the rows of a model: the columns of its schema, the classes it knows. Rows of other classes
    are of the one that `rare` merges them into, or `UNKNOWN` if it drops them; else, if the data set `takes_new` ones,
    they are among its classes, and if not, DataError is raised. `text` is what the user has told of these files, or
    with `told` False of others like them. Raises OptionError for what is told of a file that has no use of it.
    `row_columns` are the columns of weights and groups, by their options, and `words` those of text that are read word
    by word."""
    given, where = SourceFiles.of(source), title(source)
    size, is_numeric = given.bytes(), schema.numeric_target
    if told:
        refuse_unused(given.named_formats(), vars(text))
    if given.is_matrix:
        matrix = given.matrix(memory, schema, on_error=on_error)
        matrix = for_task(matrix, REGRESSION if is_numeric else CLASSIFICATION)
        matrix = dataclasses.replace(matrix, source=source, memory=memory, file_bytes=size)
        table, sha256, notes = _named(matrix.table, schema, where), matrix.sha256, matrix.notes
        if is_numeric:
            table = _named(matrix.table, schema, where)
            return dataclasses.replace(matrix, table=table, schema=schema)
        target = TextColumn(matrix.y, matrix.classes)
    else:
        options = CsvOptions(
            **vars(text), on_error=on_error, weight=row_columns.get("weight"), group=row_columns.get("group")
        )
        expected = {} if rare or is_numeric or takes_new else {schema.target: tuple(classes)}
        how = dtype, memory, tables, expected, told
        rows = given.table(schema, options, *how, is_read=lambda name, column: name in words)
        table, target, sha256, notes = rows.table, rows.target, rows.sha256, rows.notes
    if is_numeric:
        numbers = numbers_like(target, schema, where)
        made = Dataset(table, numbers, (), schema, source, sha256, notes=tuple(notes))
        return dataclasses.replace(made, memory=memory, file_bytes=size)
    if takes_new and not rare:
        from nncli.data.new_classes import with_new_classes

        classes = with_new_classes(target, schema, classes, where)
    code_of = code_in(classes, rare)
    notes = tuple(notes)
    others = [label for label in target.values if code_of(label) == UNKNOWN]
    if others and rare != DROP:
        known = ", ".join(classes[:10]) + (", …" if len(classes) > 10 else "")
        problem = f"expected a class that the model knows ({known}), found '{others[0]}'"
        raise DataError(where, problem, advice_for_class(others[0], classes))
    if into := merged_into(rare):
        known_names = spellings_of(classes)
        if merged := [in_quotes(label) for label in target.values if canonical_class(label) not in known_names]:
            notes += (f"{where}: rows of class {listing(sorted(merged))} count as {in_quotes(into)}",)
    y = recoded(target, [code_of(label) for label in target.values], len(classes))
    return Dataset(table, y, tuple(classes), schema, source, sha256, notes=tuple(notes), memory=memory, file_bytes=size)


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
        yield (dataclasses.replace(block, table=_named(block.table, schema, source)) for block in read), kept, ()
        return
    how: dict[str, Any] = {"dtype": dtype, "keep": keep, "on_error": on_error, "known": known}
    how |= {"make": make} if found is TEXT else {}
    opened = open_like(path, found, stream, schema, text, with_target=with_target, **how)
    with opened as rows, closing(iter(rows)) as blocks:  # whoever stops in the middle leaves nobody reading ahead
        yield blocks, rows.layout.keep, rows.notes


def _named(table: Table, schema: Schema, source: str) -> Table:
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
