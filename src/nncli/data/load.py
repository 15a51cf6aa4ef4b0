"""Reads a source: a bundled set by its name, tables, or one matrix without column names (IDX, pictures, .npz, sparse
text).

`source_files.py` opens its files. What reads the rows of one as they come, `load_stream.py`, loads far less.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from nncli.data.bundled import BUNDLED
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.csv.second_table import refuse_names_among
from nncli.data.dataset import Dataset, Schema, TextColumn, canonical_class, spellings_of
from nncli.data.formats.known_formats import TEXT
from nncli.data.labels import advice_for_class, for_task
from nncli.data.load_stream import named
from nncli.data.numeric_target import NoNumber, numbers_like, with_numeric_target
from nncli.data.rare_classes import DROP, UNKNOWN, code_in, merged_into
from nncli.data.row_blocks import OnError
from nncli.data.source_files import SourceFiles
from nncli.data.sources import Source, is_there, title
from nncli.data.table_builder import recoded, to_learn_from
from nncli.data.task import CLASSIFICATION, REGRESSION
from nncli.data.totals import notes_of_totals, refuse_total
from nncli.data.unused_options import refuse_unused
from nncli.errors import DataError, listing
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
        table, sha256, notes = named(matrix.table, schema, where), matrix.sha256, matrix.notes
        if is_numeric:
            table = named(matrix.table, schema, where)
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
