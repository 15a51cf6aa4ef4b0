"""Reads a source: a bundled set by its name, tables, or one matrix without column names (IDX, pictures, .npz, sparse
text).

`formats/known_formats.py` says which reader reads what.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from nncli.data.byte_input import ByteStream, open_input, open_raw, peek, sha256_of
from nncli.data.csv import reader
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.csv.positions import Known
from nncli.data.dataset import Dataset, Schema, Table, TextColumn, canonical_class, spellings_of
from nncli.data.disk import cache
from nncli.data.formats import images, libsvm, row_reader
from nncli.data.formats.format import Format
from nncli.data.formats.known_formats import (
    HEAD_BYTES,
    IDX,
    IMAGES,
    JSON_LINES,
    SPARSE,
    TEXT,
    XLSX,
    format_of,
    format_of_bytes,
)
from nncli.data.formats.row_reader import Rows
from nncli.data.labels import advice_for_class
from nncli.data.rare_classes import DROP, UNKNOWN, code_in, merged_into
from nncli.data.row_blocks import BlockReader, OnError, RowBlock
from nncli.data.sources import ARRAYS, STDIN, Source, is_there, paths_of, title
from nncli.data.table_builder import MemoryStorage, Opener, RawDataset, digest_of, read_files, recoded, to_learn_from
from nncli.data.text_doubts import notes_of_texts
from nncli.data.totals import notes_of_totals, refuse_total
from nncli.data.unused_options import refuse_unused
from nncli.errors import DataError, OptionError, listing, mention
from nncli.system.output import in_quotes

OF_ROWS = (JSON_LINES, XLSX)
Size = tuple[int, int]  # width and height
MOST_BYTES = 16 << 30  # of the data of an older model, whose file does not say how many there were


class _Input(NamedTuple):
    """A source that has been looked at: its files, what they are, and the stream in place of a file, if it is stdin."""

    source: Source
    paths: list[Path]
    formats: list[Format]
    stream: ByteStream | None = None

    @classmethod
    def of(cls, source: Source) -> _Input:
        """Raise DataError for what is no data, and for a matrix beside other files."""
        paths = paths_of(source)
        if source == STDIN:
            first, stream = peek(open_raw("-"), HEAD_BYTES)
            found = format_of_bytes(first)
            return cls(source, paths, [found if found in (SPARSE, JSON_LINES) else TEXT], stream)
        formats = [format_of(path) for path in paths]
        for path, found in zip(paths, formats, strict=True):
            if found.is_matrix and len(paths) > 1:
                raise DataError(str(path), "only tables can be read several at a time", "Name one file")
            if not found.reader:
                raise DataError(str(path), f"expected data, found {found.name}", found.advice(str(path)))
        return cls(source, paths, formats)

    @property
    def is_matrix(self) -> bool:
        return self.formats[0].is_matrix

    @property
    def is_folder(self) -> bool:
        """Tell whether it is one data set in several files, of which a folder or one of them is named."""
        return len(self.formats) == 1 and self.formats[0] in (IDX, IMAGES)

    def named_formats(self) -> list[tuple[str, Format]]:
        """Pair each file, as messages name it, with its format."""
        names = [title(self.source)] if len(self.paths) == 1 else map(str, self.paths)
        return list(zip(names, self.formats, strict=True))

    def files(self) -> list[Path]:
        """List what reading opens: also the files of a folder, and the labels beside images."""
        if not self.is_folder:
            return self.paths
        with suppress(DataError):  # whoever reads it says what is wrong
            return self.formats[0].load().files_of(self.paths[0])
        return self.paths

    def bytes(self) -> int:
        """Add up the sizes of its files, in bytes; what is no file counts nothing."""
        total = 0
        for path in self.files():
            with suppress(OSError, ValueError):
                total += path.stat().st_size if path.is_file() else 0
        return total

    def matrix(
        self, memory: int | None, like: Schema | None, resize: Size | None = None, on_error: OnError = "fail"
    ) -> Dataset:
        """Read a matrix; pictures are brought to the size `resize`. Raises OptionError for `memory`, as it is read into
        memory, and for `on_error` where it has no rows of its own."""
        if memory is not None:
            problem = f"{title(self.source)} is no table, and those alone can stay on the disk"
            raise OptionError("memory", problem, "Leave it out")
        if self.stream is None and self.formats[0] == IMAGES:
            return IMAGES.load().read(self.paths[0], like, resize, on_error)
        if on_error != "fail":
            problem = f"{title(self.source)} is no table and no folder of pictures, of which some could be left out"
            raise OptionError("on_error", problem, "Leave the option out")
        if self.stream is None:
            return self.formats[0].load().read(self.paths[0], like)
        return libsvm.read(self.paths[0], like, self.stream)

    def table(
        self,
        schema: Schema | None,
        options: CsvOptions,
        dtype: str,
        memory: int | None,
        tables: int,
        known: Known | None = None,
        alone: bool = True,
    ) -> RawDataset:
        """Read tables for a schema and `known` classes, or to learn from, into memory, or onto the disk where `memory`
        is all there is for so many `tables`; `alone` if no other source has the same options."""
        alone = alone and len(self.paths) == 1

        def opener(path: Path, found: Format) -> Opener:
            def opened(first: Schema | None) -> BlockReader:
                expected = schema or first
                if expected is not None:
                    how: dict[str, Any] = {"dtype": dtype, "with_target": True, "whole": True, "known": known}
                    how |= {"on_error": options.on_error, "needed": options.needed}
                    how |= {"alone": alone} if found is TEXT else {}
                    return _open_like(path, found, self.stream, expected, options.text, **how)
                if found is TEXT:
                    return reader.open_training(str(path), options, dtype, self.stream, alone)
                if found in OF_ROWS:
                    rows = _rows(path, found, self.stream, options.text, hashed=True, target=options.target)
                    own = dataclasses.replace(options, skip_rows=0, sheet=None) if found == XLSX else options
                    with _closed_on_error(rows):
                        return row_reader.open_training(rows, own, dtype)
                from nncli.data.formats import columnar

                return columnar.open_training(str(path), options, dtype, found.load())

            return opened

        files = [opener(path, found) for path, found in zip(self.paths, self.formats, strict=True)]
        where = title(self.source)
        if memory is None or (self.source != STDIN and not all(map(is_there, self.paths))):  # which the reader says
            return read_files(files, where, MemoryStorage())
        how = repr(
            (options, dtype)
            if schema is None
            else (schema, options.text, options.on_error, dtype, known, options.row_columns)
        )
        return cache.read_stored(self.paths, how, where, memory, lambda place: read_files(files, where, place), tables)


def _open_like(
    path: Path, found: Format, stream: ByteStream | None, schema: Schema, text: TextOptions, **how: Any
) -> BlockReader:
    """Open a table for a schema."""
    if found is TEXT:
        return reader.read_blocks(str(path), schema, stream=stream, text=text, **how)
    if found in OF_ROWS:
        rows = _rows(path, found, stream, text, how.get("whole", False), schema)
        with _closed_on_error(rows):
            return row_reader.read_blocks(rows, schema, **how)
    from nncli.data.formats import columnar

    return columnar.read_blocks(str(path), schema, found.load(), **how)


def _rows(
    path: Path,
    found: Format,
    stream: ByteStream | None,
    text: TextOptions,
    hashed: bool,
    schema: Schema | None = None,
    target: str | None = None,
) -> Rows:
    """Open the rows of an Excel file or of JSON Lines."""
    if found == XLSX:
        return found.load().open_rows(str(path), text.sheet, text.skip_rows, schema, target)
    file = open_input(str(path), stream=stream, hashed=hashed)
    try:
        rows = found.load().open_rows(file, schema)
    except BaseException:
        file.close()
        raise
    return rows


@contextmanager
def _closed_on_error(rows: Rows) -> Iterator[None]:
    try:
        yield
    except BaseException:
        rows.source.close()
        raise


def load_dataset(
    source: Source, options: CsvOptions, dtype: str, memory: int | None = None, tables: int = 1
) -> Dataset:
    """Read whole files to learn from, their target and the kinds of their columns detected or told. With `memory`, in
    bytes, tables are on the disk; so many `tables` share it. Raises DataError and OptionError."""
    given = _Input.of(source)
    size = given.bytes()
    refuse_unused(given.named_formats(), vars(options))
    if given.is_matrix:
        return dataclasses.replace(
            given.matrix(memory, None, options.resize, options.on_error), source=source, file_bytes=size
        )
    rows = given.table(None, options, dtype, memory, tables)
    if options.rows is None:
        is_text = given.formats == [TEXT] and options.on_error == "fail"
        refuse_total(rows.table, rows.target, rows.schema.target, title(source), is_text)
    dataset = to_learn_from(rows, source, rows.schema.target in options.categorical)
    notes = (*dataset.notes, *notes_of_totals(rows.table, rows.target))
    notes += (*notes_of_texts(rows.table, rows.target, rows.schema.target, options.group),)
    return dataclasses.replace(dataset, memory=memory, file_bytes=size, notes=notes)


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
) -> Dataset:
    """Read whole files as the rows of a model: the columns of its schema, the classes it knows. Rows of other classes
    are of the one that `rare` merges them into, or `UNKNOWN` if it drops them; else, DataError is raised. `text` is
    what the user has told of these files, or with `told` False of others like them. Raises OptionError for what is told
    of a file that has no use of it. `row_columns` are the columns of weights and groups, by their options."""
    given, where = _Input.of(source), title(source)
    size = given.bytes()
    if told:
        refuse_unused(given.named_formats(), vars(text))
    if given.is_matrix:
        matrix = given.matrix(memory, schema, on_error=on_error)
        table, sha256, notes = _named(matrix.table, schema, where), matrix.sha256, matrix.notes
        target = TextColumn(matrix.y, matrix.classes)
    else:
        options = CsvOptions(
            **vars(text), on_error=on_error, weight=row_columns.get("weight"), group=row_columns.get("group")
        )
        expected = {} if rare else {schema.target: tuple(classes)}
        rows = given.table(schema, options, dtype, memory, tables, expected, alone=told)
        table, target, sha256, notes = rows.table, rows.target, rows.sha256, rows.notes
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
) -> Iterator[tuple[Iterator[RowBlock], tuple[str, ...], Sequence[str]]]:
    """Read the rows of a file or pipe as they arrive, for a model's schema, and the classes and categories that are
    `known` to it; also give the columns to keep, and notes. Raises DataError and OptionError."""
    given = _Input.of((source,))
    path, found, stream = given.paths[0], given.formats[0], given.stream
    refuse_unused(given.named_formats(), vars(text))
    if found.is_matrix:
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
    with _open_like(path, found, stream, schema, text, dtype=dtype, keep=keep, on_error=on_error, known=known) as rows:
        yield iter(rows), rows.layout.keep, rows.notes


def digest_of_source(source: Source) -> str:
    """Return the SHA-256 of the bytes of a source, as `Dataset.sha256` has it."""
    given = _Input.of(source)
    if given.is_folder:
        return given.formats[0].load().digest(given.paths[0])
    return digest_of([sha256_of(path) for path in given.paths])


def files_read(source: Source) -> list[Path]:
    """List the files that reading a source opens: also those within a folder, and the labels beside images. Raises
    DataError as `paths_of` does."""
    return paths_of(source) if source == STDIN else _Input.of(source).files()  # a look would take bytes from stdin


def check_as_it_was(source: Source, size: int | None, model_file: str, remedy: str) -> None:
    """Raise DataError unless a source that a model file names can be what the model was trained on: files, a folder of
    IDX files or a bundled set, and together of that size in bytes. A file from a stranger may name anything: a device
    without an end, a pipe, all that matches a pattern. `size` None: an older file, which does not say it."""
    if source in (STDIN, ARRAYS):
        raise DataError(model_file, f"the model was trained on {title(source)}, which cannot be read again", remedy)
    for name, path in zip(source, paths_of(source), strict=True):
        if not is_there(path):
            raise DataError(name, f"no such file, where the rows of {model_file} are to come from", remedy)
        if not (path.is_file() or path.is_dir()):
            raise DataError(name, f"expected a file, where the rows of {model_file} are to come from", remedy)
    found = _Input.of(source).bytes()
    if found == 0 or (found > MOST_BYTES if size is None else found != size):
        had = "" if size is None else f", and had {size:,} then"
        raise DataError(
            title(source), f"the data have changed since {model_file} was trained on them: {found:,} bytes{had}", remedy
        )


def _named(table: Table, schema: Schema, source: str) -> Table:
    """Numbers without names of their own are a model's columns if there are as many."""
    wanted, found = schema.of_kind("number"), table.numbers.shape[1]
    if len(wanted) < len(schema.columns) or len(wanted) != found:
        raise DataError(source, f"expected the {len(schema.columns)} columns of the model, found {found} without names")
    return Table(wanted, table.numbers)
