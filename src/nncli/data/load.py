"""Which reader reads what: a bundled set by its name, matrices without names (IDX, .npz, sparse text), tables.

To add a matrix format, write `read`, `row_blocks` and `sha256_of` beside `idx.py` and `arrays.py`, and name it here; a
table format that can be written as CSV goes beside `columnar.py`.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from nncli.data import arrays, cache, idx, libsvm
from nncli.data.bundled import BUNDLED, path_of
from nncli.data.collect import InMemory, Opener, Rows, digest_of, recoded, rows_of, to_learn_from
from nncli.data.csv import Block, CsvOptions, CsvReader, open_training, read_blocks
from nncli.data.dataset import Dataset, Schema, Table, TextColumn
from nncli.data.files import ByteStream, first_bytes, open_input, open_raw, peek, shown
from nncli.data.files import sha256_of as sha256_of_file
from nncli.data.head import DETECTED, TextOptions
from nncli.errors import DataError, OptionError
from nncli.registry import did_you_mean


def load_dataset(source: str, options: CsvOptions, dtype: str, memory: int | None = None) -> Dataset:
    """Whole files to learn from, their target and the kinds of their columns detected or told. With `memory`, in bytes,
    tables are on the disk."""
    paths = paths_of(source)
    matrix, stream = _matrix(source, paths, memory)
    if matrix is not None:
        return dataclasses.replace(matrix, source=source)

    def opener(path: Path) -> Opener:
        def opened(schema: Schema | None) -> CsvReader:
            if schema is None:
                return open_training(str(path), options, dtype, stream)
            return read_blocks(str(path), schema, dtype=dtype, with_target=True, whole=True, text=options.text)

        return opened

    rows = _rows(paths, opener, source, memory, repr((options, dtype)))
    return dataclasses.replace(to_learn_from(rows, source), memory=memory)


def _stdin(source: str) -> tuple[ByteStream | None, bool]:
    """The stream, if that is the source, and whether it is sparse text; nothing of it is lost."""
    if source != "-":
        return None, False
    first, stream = peek(open_raw(source), libsvm.HEAD)
    return stream, libsvm.is_sparse(first)


def _rows(paths: list[Path], opener: Callable[[Path], Opener], source: str, memory: int | None, how: str) -> Rows:
    """Those of tables, in memory, or on the disk where `memory` is all there is of it. `how` says how they are read."""
    files, where = [opener(path) for path in paths], shown(source)
    absent = source != "-" and not all(path.exists() for path in paths)
    if memory is None or absent:  # which the reader says
        return rows_of(files, where, InMemory())
    return cache.stored(paths, how, where, memory, lambda place: rows_of(files, where, place))


def _matrix(
    source: str, paths: list[Path], memory: int | None, like: Schema | None = None
) -> tuple[Dataset | None, ByteStream | None]:
    """The data, where they are a matrix; else the stream to read a table from, if that is stdin. OptionError for
    `memory`: a matrix is read into it."""
    reader = _matrix_reader(paths)
    stream, is_sparse = _stdin(source)
    if reader is None and not is_sparse:
        return None, stream
    if memory is not None:
        raise OptionError("--memory", f"{source} is no table, and those alone can stay on the disk", "Leave it out")
    if reader is not None:
        return reader.read(paths[0], like), None
    with open_input(source, stream=stream, hashed=True) as file:
        return libsvm.read(file, source, like), None


def has_named_columns(source: str) -> bool:
    """Whether the columns of a source are more than so many numbers."""
    return _matrix_reader(paths_of(source)) is None


def load_like(
    source: str,
    schema: Schema,
    classes: Sequence[str],
    dtype: str,
    text: TextOptions = DETECTED,
    memory: int | None = None,
) -> Dataset:
    """Whole files read as the rows of a model: the columns of its schema, the classes it knows."""
    paths = paths_of(source)
    matrix, stream = _matrix(source, paths, memory, schema)
    if matrix is not None:
        table, sha256, notes = _named(matrix.table, schema, source), matrix.sha256, matrix.notes
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
                shown(source), f"expected a class that the model knows ({known}), found '{label}'",
                did_you_mean(label, classes),
            )  # fmt: skip
    y = recoded(target, [place[label] for label in target.values], len(classes))
    return Dataset(table, y, tuple(classes), schema, source, sha256, notes=tuple(notes), memory=memory)


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
    paths = paths_of(source)
    matrix = _matrix_reader(paths)
    if len(paths) > 1:
        raise DataError(source, f"expected one file at a time, found {len(paths)}", "Leave the quotes out")
    stream, is_sparse = _stdin(source)
    if matrix is not None or is_sparse:
        if keep:
            raise DataError(shown(source), "a file of that kind has no columns to keep", "Leave --keep out")
        piped = is_sparse and open_input(source, stream=stream)
        found = libsvm.blocks(piped, schema) if piped else matrix.row_blocks(paths[0], schema)
        yield (Block(_named(Table((), X), schema, source), None, {}, {}) for X in found), (), ()
        return
    with read_blocks(
        str(paths[0]), schema, dtype=dtype, keep=keep, on_error=on_error, stream=stream, text=text
    ) as reader:
        yield iter(reader), reader.layout.keep, reader.notes


def sha256_of(source: str) -> str:
    """The digest of the bytes of a source, as `Dataset.sha256` has it."""
    paths = paths_of(source)
    matrix = _matrix_reader(paths)
    return matrix.sha256_of(paths[0]) if matrix else digest_of([sha256_of_file(str(path)) for path in paths])


def paths_of(source: str) -> list[Path]:
    """The files of a source: the one of that name if there is one, else the bundled set; several between blanks, as a
    shell takes them, and all that fit a pattern such as day-*.csv, by name. DataError where there is none."""
    path = Path(source)
    if source == "-" or is_there(path):
        return [path]
    if source in BUNDLED:
        return [path_of(source)]
    try:
        words = shlex.split(source)
    except ValueError:
        words = [source]
    if any(sign in source for sign in "*?["):
        found = [name for word in words for name in _fitting(Path(word)) or [Path(word)]]
        missing = [name for name in found if not is_there(name)]
        if missing:
            raise DataError(str(missing[0]), "no file fits that pattern")
        return found
    if len(words) > 1 and any(is_there(Path(word)) for word in words):  # else it is the name of one, with blanks
        return [Path(word) for word in words]
    if path.parent == Path() and not path.suffix:
        near = did_you_mean(source, BUNDLED) or f"The bundled sets are {', '.join(BUNDLED)}"
        raise DataError(source, "no such file, and no bundled data set of that name", near)
    return [path]


def _fitting(pattern: Path) -> list[Path]:
    anchor = pattern.anchor
    return sorted(Path(anchor or ".").glob(str(pattern.relative_to(anchor)))) if pattern.parts else []


def files_of(source: str | None) -> list[str]:
    """Their names, as far as there are some."""
    try:
        return [str(path) for path in paths_of(source)] if source else []
    except DataError:
        return []


def is_there(path: Path) -> bool:
    """Also where it may not be looked at, or has a name that no file can have: whoever opens it says so."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return True


def _matrix_reader(paths: list[Path]) -> Any:
    """The module that reads a matrix without names; None for a table. DataError for what is neither, or for several
    of which one is a matrix."""
    for path in paths:
        found = idx if idx.is_idx(path) else arrays if arrays.is_arrays(path) else None
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
