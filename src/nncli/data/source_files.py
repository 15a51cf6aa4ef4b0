"""Opens a source: its files, what they are, how many bytes they have, and the reader that each of them takes.

`formats/known_formats.py` says which reader reads what.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from nncli.data.byte_input import ByteStream, open_input, open_raw, peek
from nncli.data.csv import reader
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.header import TextOptions
from nncli.data.csv.late_codes import CodeWatch, LateCode
from nncli.data.csv.late_repeats import LateRepeat, note_of_late_repeat
from nncli.data.csv.positions import Known
from nncli.data.dataset import Dataset, Schema
from nncli.data.formats.format import Format
from nncli.data.formats.known_formats import (
    HEAD_BYTES,
    IDX,
    IMAGES,
    JSON_LINES,
    NPZ,
    SPARSE,
    TEXT,
    XLSX,
    format_of,
    format_of_bytes,
)
from nncli.data.row_blocks import BlockReader, OnError
from nncli.data.sources import STDIN, Source, is_there, paths_of, title
from nncli.errors import DataError, OptionError

if TYPE_CHECKING:
    from nncli.data.formats.row_reader import Rows
    from nncli.data.table_builder import IsRead, Opener, RawDataset, Storage

OF_ROWS = (JSON_LINES, XLSX)
Size = tuple[int, int]  # width and height


class SourceFiles(NamedTuple):
    """A source that has been looked at: its files, what they are, and the stream in place of a file, if it is stdin."""

    source: Source
    paths: list[Path]
    formats: list[Format]
    stream: ByteStream | None = None

    @classmethod
    def of(cls, source: Source) -> SourceFiles:
        """Raise DataError for what is no data, and for a matrix beside other files."""
        paths = paths_of(source)
        if source == STDIN:
            first, stream = peek(open_raw("-"), HEAD_BYTES)
            found = format_of_bytes(first)
            return cls(source, paths, [found if found in (SPARSE, JSON_LINES) else TEXT], stream)
        formats = [format_of(path) for path in paths]
        for path, found in zip(paths, formats, strict=True):
            if found.is_matrix and len(paths) > 1:
                raise DataError(str(path), "only tables can be read from several files at once", "Name one file")
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
        """Read a matrix; pictures are brought to the size `resize`. With `memory`, rows that are stored without their
        zeros are on the disk. Raises OptionError for `memory` where others would be, and for `on_error` where it has no
        rows of its own."""
        if memory is not None and not self._may_stay_on_disk():
            problem = "is neither a table nor a sparse matrix, and only these can stay on the disk"
            raise OptionError("memory", f"{title(self.source)} {problem}", "Leave it out")
        if self.stream is None and self.formats[0] == IMAGES:
            return IMAGES.load().read(self.paths[0], like, resize, on_error)
        if on_error != "fail":
            problem = f"{title(self.source)} is neither a table nor a folder of pictures: nothing in it can be left out"
            raise OptionError("on_error", problem, "Leave the option out")
        how = (self.stream,) if self.formats[0] == SPARSE else ()
        read = functools.partial(self.formats[0].load().read, self.paths[0], like, *how)
        if memory is None:
            return read()
        from nncli.data.disk import cache

        cache.check_memory_to_read(memory)
        return cache.kept(lambda folder: read(folder=folder), lambda found: found.table.numbers)

    def _may_stay_on_disk(self) -> bool:
        """Tell whether a matrix is stored without its zeros."""
        return self.formats[0] == SPARSE or (self.formats[0] == NPZ and NPZ.load().is_sparse(self.paths[0]))

    def table(
        self,
        schema: Schema | None,
        options: CsvOptions,
        dtype: str,
        memory: int | None,
        tables: int,
        known: Known | None = None,
        alone: bool = True,
        is_read: IsRead = lambda name, column: False,
    ) -> RawDataset:
        """Read tables for a schema and `known` classes, or to learn from, into memory, or onto the disk where `memory`
        is all there is for so many `tables`; also the texts of columns that are read word by word, as `is_read` tells.
        `alone` if no other source has the same options."""
        alone, codes, notes = alone and len(self.paths) == 1, dict[str, str](), list[str]()
        while True:
            try:
                rows = self._table(schema, options, dtype, memory, tables, known, alone, codes, is_read)
                return rows._replace(notes=(*rows.notes, *notes))
            except LateCode as late:
                if self.stream is not None:  # which is read once
                    raise late.refusal() from None
                codes[late.column] = late.cell
            except LateRepeat as repeat:
                if self.stream is not None:
                    raise repeat.refusal(title(self.source)) from None
                options = dataclasses.replace(options, numeric=(*options.numeric, repeat.column))
                notes.append(note_of_late_repeat(repeat.column))

    def _table(
        self,
        schema: Schema | None,
        options: CsvOptions,
        dtype: str,
        memory: int | None,
        tables: int,
        known: Known | None,
        alone: bool,
        codes: Mapping[str, str],
        is_read: IsRead,
    ) -> RawDataset:
        """Read tables in which some columns are known to hold codes. Raises LateCode for another one."""
        from nncli.data.table_builder import MemoryStorage, read_files

        watch: CodeWatch | None = None

        def opener(path: Path, found: Format) -> Opener:
            def opened(first: Schema | None) -> BlockReader:
                nonlocal watch
                expected = schema or first
                if expected is not None:
                    how: dict[str, Any] = {"dtype": dtype, "with_target": True, "whole": True, "known": known}
                    how |= {"on_error": options.on_error, "needed": options.needed}
                    how |= {"alone": alone} if found is TEXT else {}
                    how |= {"codes": watch} if found is TEXT or found in OF_ROWS else {}
                    return open_like(path, found, self.stream, expected, options.of_text, **how)
                table = open_training(path, found, self.stream, options, dtype, alone, codes)
                watch = table.layout.codes if found is TEXT or found in OF_ROWS else None
                return table

            return opened

        files = [opener(path, found) for path, found in zip(self.paths, self.formats, strict=True)]
        where = title(self.source)
        if memory is None or (self.source != STDIN and not all(map(is_there, self.paths))):  # which the reader says
            return read_files(files, where, MemoryStorage())
        how = repr(
            (options, dtype)
            if schema is None
            else (schema, options.of_text, options.on_error, dtype, known, options.row_columns)
        )
        from nncli.data.disk import cache

        def read(place: Storage) -> RawDataset:
            return read_files(files, where, place, is_read)

        return cache.read_stored(self.paths, how, where, memory, read, tables)


def open_training(
    path: Path,
    found: Format,
    stream: ByteStream | None,
    options: CsvOptions,
    dtype: str,
    alone: bool = True,
    codes: Mapping[str, str] = {},
) -> BlockReader:
    """Open a table to learn from, in which some columns are known to hold codes."""
    if found is TEXT:
        return reader.open_training(str(path), options, dtype, stream, alone, codes)
    if found in OF_ROWS:
        from nncli.data.formats import row_reader

        rows = _rows(path, found, stream, options.of_text, hashed=True, target=options.target)
        own = dataclasses.replace(options, skip_rows=0, sheet=None) if found == XLSX else options
        with _closed_on_error(rows):
            return row_reader.open_training(rows, own, dtype, codes)
    from nncli.data.formats import columnar

    return columnar.open_training(str(path), options, dtype, found.load())


def open_like(
    path: Path, found: Format, stream: ByteStream | None, schema: Schema, text: TextOptions, **how: Any
) -> BlockReader:
    """Open a table for a schema."""
    if found is TEXT:
        return reader.read_blocks(str(path), schema, stream=stream, text=text, **how)
    if found in OF_ROWS:
        from nncli.data.formats import row_reader

        rows = _rows(path, found, stream, text, how.get("whole", False), schema, keep=how.get("keep", ()))
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
    keep: Sequence[str] | Literal["all"] = (),
) -> Rows:
    """Open the rows of an Excel file or of JSON Lines."""
    if found == XLSX:
        return found.load().open_rows(str(path), text.sheet, text.skip_rows, schema, target)
    file = open_input(str(path), stream=stream, hashed=hashed)
    try:
        rows = found.load().open_rows(file, schema, keep)
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
