"""Which reader reads what: a bundled set by its name, matrices without names (IDX, .npz, sparse text), tables.

To add a matrix format, write a module with `read`, `row_blocks` and `sha256_of` in `formats`, as `idx.py` is, and name
it here; a table format that can be written as CSV goes beside `formats/columnar.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from nncli.data.builder import InMemory, Opener, Rows, digest_of, recoded, rows_of, to_learn_from
from nncli.data.byte_stream import ByteStream
from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.csv.reader import Block, CsvOptions, CsvReader, open_training, read_blocks
from nncli.data.dataset import Dataset, Schema, Table, TextColumn
from nncli.data.disk import cache
from nncli.data.formats import idx, libsvm, npz
from nncli.data.sources import ARRAYS, STDIN, Source, is_there, paths_of, title
from nncli.data.streams import first_bytes, open_input, open_raw, peek, shown
from nncli.data.streams import sha256_of as sha256_of_file
from nncli.errors import DataError, OptionError, did_you_mean

MOST_BYTES = 16 << 30  # of the data of an older model, whose file does not say how many there were


def load_dataset(source: Source, options: CsvOptions, dtype: str, memory: int | None = None) -> Dataset:
    """Whole files to learn from, their target and the kinds of their columns detected or told. With `memory`, in bytes,
    tables are on the disk."""
    paths = paths_of(source)
    size = bytes_of(source)
    matrix, stream = _matrix(source, paths, memory)
    if matrix is not None:
        return dataclasses.replace(matrix, source=source, file_bytes=size)

    def opener(path: Path) -> Opener:
        def opened(schema: Schema | None) -> CsvReader:
            if schema is None:
                return open_training(str(path), options, dtype, stream)
            return read_blocks(str(path), schema, dtype=dtype, with_target=True, whole=True, text=options.text)

        return opened

    rows = _rows(paths, opener, source, memory, repr((options, dtype)))
    return dataclasses.replace(to_learn_from(rows, source), memory=memory, file_bytes=size)


def _stdin(source: Source) -> tuple[ByteStream | None, bool]:
    """The stream, if that is the source, and whether it is sparse text; nothing of it is lost."""
    if source != STDIN:
        return None, False
    first, stream = peek(open_raw("-"), libsvm.HEAD)
    return stream, libsvm.is_sparse(first)


def _rows(paths: list[Path], opener: Callable[[Path], Opener], source: Source, memory: int | None, how: str) -> Rows:
    """Those of tables, in memory, or on the disk where `memory` is all there is of it. `how` says how they are read."""
    files, where = [opener(path) for path in paths], title(source)
    absent = source != STDIN and not all(map(is_there, paths))
    if memory is None or absent:  # which the reader says
        return rows_of(files, where, InMemory())
    return cache.stored(paths, how, where, memory, lambda place: rows_of(files, where, place))


def _matrix(
    source: Source, paths: list[Path], memory: int | None, like: Schema | None = None
) -> tuple[Dataset | None, ByteStream | None]:
    """The data, where they are a matrix; else the stream to read a table from, if that is stdin. OptionError for
    `memory`: a matrix is read into it."""
    reader = _matrix_reader(paths)
    stream, is_sparse = _stdin(source)
    if reader is None and not is_sparse:
        return None, stream
    if memory is not None:
        raise OptionError(
            "memory", f"{title(source)} is no table, and those alone can stay on the disk", "Leave it out"
        )
    if reader is not None:
        return reader.read(paths[0], like), None
    with open_input("-", stream=stream, hashed=True) as file:
        return libsvm.read(file, "-", like), None


def has_named_columns(source: Source) -> bool:
    """Whether the columns of a source are more than so many numbers."""
    return _matrix_reader(paths_of(source)) is None


def load_like(
    source: Source,
    schema: Schema,
    classes: Sequence[str],
    dtype: str,
    text: TextOptions = DETECTED,
    memory: int | None = None,
) -> Dataset:
    """Whole files read as the rows of a model: the columns of its schema, the classes it knows."""
    paths = paths_of(source)
    size = bytes_of(source)
    matrix, stream = _matrix(source, paths, memory, schema)
    if matrix is not None:
        table, sha256, notes = _named(matrix.table, schema, title(source)), matrix.sha256, matrix.notes
        target = TextColumn(matrix.y, matrix.classes)
    else:

        def opener(path: Path) -> Opener:
            return lambda _: read_blocks(
                str(path), schema, dtype=dtype, with_target=True, stream=stream, whole=True, text=text
            )

        rows = _rows(paths, opener, source, memory, repr((schema, text, dtype)))
        table, target, sha256, notes = rows.table, rows.target, rows.sha256, rows.notes
    place = {name: i for i, name in enumerate(classes)}
    for label in target.values:
        if label not in place:
            known = ", ".join(classes[:10]) + (", …" if len(classes) > 10 else "")
            raise DataError(
                title(source), f"expected a class that the model knows ({known}), found '{label}'",
                did_you_mean(label, classes),
            )  # fmt: skip
    y = recoded(target, [place[label] for label in target.values], len(classes))
    return Dataset(table, y, tuple(classes), schema, source, sha256, notes=tuple(notes), memory=memory, file_bytes=size)


@contextmanager
def stream_like(
    source: str,
    schema: Schema,
    dtype: str,
    keep: Sequence[str] | Literal["all"] = (),
    on_error: Literal["fail", "blank"] = "fail",
    text: TextOptions = DETECTED,
) -> Iterator[tuple[Iterator[Block], tuple[str, ...], tuple[str, ...]]]:
    """The rows of a file or pipe as they arrive, for a model's schema; also the kept columns, and notes."""
    (path,) = paths_of((source,))
    matrix = _matrix_reader([path])
    stream, is_sparse = _stdin((source,))
    if matrix is not None or is_sparse:
        if keep:
            raise DataError(shown(source), "a file of that kind has no columns to keep", "Leave --keep out")
        piped = is_sparse and open_input(source, stream=stream)
        found = libsvm.blocks(piped, schema) if piped else matrix.row_blocks(path, schema)
        yield (Block(_named(Table((), X), schema, source), None, {}, {}) for X in found), (), ()
        return
    with read_blocks(str(path), schema, dtype=dtype, keep=keep, on_error=on_error, stream=stream, text=text) as reader:
        yield iter(reader), reader.layout.keep, reader.notes


def sha256_of(source: Source) -> str:
    """The digest of the bytes of a source, as `Dataset.sha256` has it."""
    paths = paths_of(source)
    matrix = _matrix_reader(paths)
    return matrix.sha256_of(paths[0]) if matrix else digest_of([sha256_of_file(str(path)) for path in paths])


def files_read(source: Source) -> list[Path]:
    """List the files that reading a source opens: also those within a folder, and the labels beside images. Raises
    DataError as `paths_of` does."""
    found = []
    for path in paths_of(source):
        parts = [path]
        with suppress(OSError, ValueError, DataError):  # whoever reads it says what is wrong
            parts = idx.files_of(path) if path.is_dir() or idx.is_idx(path) else [path]
        found += parts
    return found


def bytes_of(source: Source) -> int:
    """Add up the sizes of the files of a source, in bytes; what is no file counts nothing. Raises DataError as
    `paths_of` does."""
    total = 0
    for path in files_read(source):
        with suppress(OSError, ValueError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def check_as_it_was(source: Source, size: int | None, model_file: str, remedy: str) -> None:
    """Raise DataError unless a source that a model file names can be what the model was trained on: files, a folder of
    IDX files or a bundled set, and together of that size in bytes. A file from a stranger may name anything: a device
    without an end, a pipe, all that fits a pattern. `size` None: an older file, which does not say it."""
    if source in (STDIN, ARRAYS):
        raise DataError(model_file, f"the model was trained on {title(source)}, which cannot be read again", remedy)
    for name, path in zip(source, paths_of(source), strict=True):
        if not is_there(path):
            raise DataError(name, f"no such file, where the rows of {model_file} are to come from", remedy)
        if not (path.is_file() or path.is_dir()):
            raise DataError(name, f"expected a file, where the rows of {model_file} are to come from", remedy)
    found = bytes_of(source)
    if found == 0 or (found > MOST_BYTES if size is None else found != size):
        had = "" if size is None else f", and had {size:,} then"
        raise DataError(
            title(source), f"the data have changed since {model_file} was trained on them: {found:,} bytes{had}", remedy
        )


def _matrix_reader(paths: list[Path]) -> Any:
    """The module that reads a matrix without names; None for a table, and for stdin, which is looked at elsewhere.
    DataError for what is neither, or for several of which one is a matrix."""
    if paths == [Path("-")]:  # there may be a file of that name
        return None
    for path in paths:
        found = idx if idx.is_idx(path) else npz if npz.is_arrays(path) else None
        if found is not None and len(paths) > 1:
            raise DataError(str(path), "only tables can be read several at a time", "Name one file")
        if found is not None:
            return found
        if path.is_dir():
            raise DataError(
                str(path), "expected a folder with MNIST-style IDX files, found none in it", "Name a file in it"
            )
        if first_bytes(path, 4) == b"PK\x03\x04":
            problem = "expected a table, or an .npz with X and y, found another zip file"
            raise DataError(str(path), problem, "Convert it to CSV")
    return None


def _named(table: Table, schema: Schema, source: str) -> Table:
    """Numbers without names of their own are a model's columns if there are as many."""
    wanted, found = schema.of_kind("number"), table.numbers.shape[1]
    if len(wanted) < len(schema.columns) or len(wanted) != found:
        raise DataError(source, f"expected the {len(schema.columns)} columns of the model, found {found} without names")
    return Table(wanted, table.numbers)
