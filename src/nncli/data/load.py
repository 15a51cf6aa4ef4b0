"""Which reader reads what: a bundled set by its name, a folder or file of IDX, anything else as CSV.

To add a file format, write a reader that makes a `Dataset` beside `csv.py` and `idx.py`, and name it here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

import numpy as np

from nncli.data import idx
from nncli.data.bundled import BUNDLED, path_of
from nncli.data.csv import Block, CsvOptions, read_blocks, read_dataset
from nncli.data.dataset import Dataset, Schema, Table, concatenate
from nncli.data.files import open_raw, shown
from nncli.data.files import sha256_of as sha256_of_file
from nncli.data.head import DETECTED, TextOptions
from nncli.errors import DataError
from nncli.registry import did_you_mean


def load_dataset(source: str, options: CsvOptions, dtype: str) -> Dataset:
    """A whole file to learn from, its target and the kinds of its columns detected or told."""
    path = _path(source)
    if idx.is_idx(path):
        return dataclasses.replace(idx.read_idx(path), source=source)
    _refuse_other_formats(path)
    return dataclasses.replace(read_dataset(str(path), options, dtype), source=source)


def has_named_columns(source: str) -> bool:
    """Whether the columns of a source are more than so many pixels."""
    return not idx.is_idx(_path(source))


def load_like(source: str, schema: Schema, classes: Sequence[str], dtype: str, text: TextOptions = DETECTED) -> Dataset:
    """A whole file read as the rows of a model: the columns of its schema, the classes it knows."""
    path = _path(source)
    if idx.is_idx(path):
        found = idx.read_idx(path)
        table, labels, sha256 = _named(found.table, schema, source), found.classes, found.sha256
        codes, notes = found.y, found.notes
    else:
        _refuse_other_formats(path)
        with read_blocks(str(path), schema, dtype=dtype, with_target=True, whole=True, text=text) as reader:
            blocks = list(reader)
            sha256 = reader.input.hexdigest()
        if not blocks:
            raise DataError(shown(source), "no rows below the header")
        table = concatenate([block.table for block in blocks])
        target = concatenate(
            [Table((), np.empty((len(block), 0)), {"": block.target}) for block in blocks if block.target]
        )
        labels, codes, notes = target.texts[""].values, target.texts[""].codes.astype(np.int64), reader.notes
    place = {name: i for i, name in enumerate(classes)}
    for label in labels:
        if label not in place:
            known = ", ".join(classes[:10]) + (", …" if len(classes) > 10 else "")
            raise DataError(
                shown(source), f"expected a class that the model knows ({known}), found '{label}'",
                did_you_mean(label, classes),
            )  # fmt: skip
    y = np.array([place[label] for label in labels], np.int64)[codes]
    return Dataset(table, y, tuple(classes), schema, source, sha256, notes=tuple(notes))


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
    path = _path(source)
    if source != "-" and idx.is_idx(path):
        if keep:
            raise DataError(source, "an IDX file has no columns to keep", "Leave --keep out")
        table = _named(Table((), idx.read_images(path)), schema, source)
        yield iter([Block(table, None, {}, {})]), (), ()
        return
    _refuse_other_formats(path)
    with read_blocks(str(path), schema, dtype=dtype, keep=keep, on_error=on_error, text=text) as reader:
        yield iter(reader), reader.layout.keep, reader.notes


def sha256_of(source: str) -> str:
    """The digest of the bytes of a source, as `Dataset.sha256` has it."""
    path = _path(source)
    return idx.sha256_of(path) if idx.is_idx(path) else sha256_of_file(str(path))


def _path(source: str) -> Path:
    """A file of that name if there is one, else the bundled set."""
    path = Path(source)
    if source in BUNDLED and not path.exists():
        return path_of(source)
    if source != "-" and not path.exists() and path.parent == Path() and not path.suffix:
        near = did_you_mean(source, BUNDLED) or f"The bundled sets are {', '.join(BUNDLED)}"
        raise DataError(source, "no such file, and no bundled data set of that name", near)
    return path


def _refuse_other_formats(path: Path) -> None:
    """Better a word about the format than an error about its bytes as text."""
    if path.is_dir():
        raise DataError(
            str(path), "expected a folder with MNIST-style IDX files, found none in it", "Name a file in it"
        )
    if not path.is_file():
        return
    with closing(open_raw(str(path))) as file:
        head = file.read(4)
    known = {b"PAR1": "Parquet", b"ARRO": "Arrow", b"PK\x03\x04": "zip, npz or Excel"}
    if head in known:
        raise DataError(str(path), f"expected CSV or IDX, found {known[head]}", "Convert it to CSV")


def _named(table: Table, schema: Schema, source: str) -> Table:
    """Pixels have no names of their own: they are a model's columns if there are as many."""
    wanted, found = schema.of_kind("number"), table.numbers.shape[1]
    if schema.of_kind("text") or len(wanted) != found:
        raise DataError(source, f"expected the {len(schema.columns)} columns of the model, found {found} pixels")
    return Table(wanted, table.numbers)
