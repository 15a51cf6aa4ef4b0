"""The sparse text of LIBSVM and SVMlight, `label place:value …`, read some lines at a time."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nncli.data.byte_input import ByteStream, Input, open_input, refuse_bomb
from nncli.data.cells import check_width
from nncli.data.dataset import Dataset, Schema, Table
from nncli.data.disk.sparse_rows import SparseRowsFile, with_zeros
from nncli.data.formats.sparse_line_parser import MOST_FEATURES, parsed_line_by_line
from nncli.data.formats.sparse_lines import parsed_at_once
from nncli.data.labels import dataset_of
from nncli.data.lines import line_blocks
from nncli.data.row_blocks import RowBlock
from nncli.data.sparse_numbers import SparseNumbers, stays_sparse
from nncli.errors import DataError
from nncli.system.output import counted, in_quotes, shortened

REMEDY = "With enough memory, convert it to .npz or Parquet"  # where its zeros, too, have a size
DENSE_CELLS, PARSED_LINES = 1 << 22, 1 << 16  # spread at a time, or parsed without their zeros
ROW_BYTES, VALUE_BYTES = 24, 12  # of memory, for a row and for a value of it
OF_QUERIES = (
    "sparse text: numbers of queries (qid:) are left out, so that rows of one query may come into several parts of the "
    "split"
)
NO_LABEL, QUERY = re.compile(rb"[ \t]*\d+:"), re.compile(rb"[ \t]qid:")


class RowsBuilder(Protocol):
    """Rows that are put one below the other, without their zeros."""

    def append(self, X: Any) -> None: ...
    def finish(self, width: int, first: int = 0) -> SparseNumbers:
        """Return all rows, of so many columns, of which the first was called `first` so far."""
        ...


class RowsInMemory:
    """Rows that are put one below the other in memory."""

    def __init__(self) -> None:
        self.parts = list[Any]()

    def append(self, X: Any) -> None:
        self.parts.append(X)

    def finish(self, width: int, first: int = 0) -> SparseNumbers:
        return _joined(self.parts, first, width)


def read(
    path: Path, like: Schema | None = None, stream: ByteStream | None = None, folder: Path | None = None
) -> Dataset:
    """Read all lines of a file, or of `stream` if it is given; with a `folder`, into files there. Features are counted
    from 1, unless there is a 0 among them; those for a model, `like`, as it counts its own. Raises DataError."""
    rows: RowsBuilder = RowsInMemory() if folder is None else SparseRowsFile(folder, np.dtype(np.float32))
    labels_of, least, beyond, held, ignored, has_queries = list[NDArray[np.float64]](), 1, 0, 0, 0, False
    is_kept = folder is None  # in memory
    with open_input(str(path), stream=stream, hashed=True, kept=is_kept) as file:
        for number, lines in _line_blocks(file):
            X, y = _parsed(lines, number, file.where)
            has_queries = has_queries or any(QUERY.search(line.partition(b"#")[0]) for line in lines)
            if (missing := np.flatnonzero(~np.isfinite(y))).size:
                at = _rows(lines)[missing[0]]
                label = in_quotes(shortened(lines[at].split()[0].decode(errors="replace")))
                problem = f"expected a finite number as the label, found {label}"
                raise DataError(f"{file.where}:{number + at}", problem, "Correct it, or leave the line out")
            X.indices, X.data = X.indices.astype(np.int32), X.data.astype(np.float32)
            if like is not None:
                ignored += _drop_unknown(X, lines, number, file.where, like)
            least, beyond = min(least, int(X.indices.min(initial=1))), max(beyond, X.shape[1])
            held += VALUE_BYTES * X.nnz * is_kept + ROW_BYTES * len(y)
            refuse_bomb(file.where, "the sparse data", held, file.packed, REMEDY)
            rows.append(X)
            labels_of.append(y)
        sha256 = file.hexdigest()
    first = least if like is None else _first(like)
    width = beyond - first if like is None else len(like.columns)
    labels = np.concatenate(labels_of)
    del X
    numbers, notes = rows.finish(width, first), list[str]()
    if stays_sparse(numbers.shape, numbers.nnz) if like is None else like.sparse:
        notes = [str(numbers)] * (like is None)
        found: Any = numbers
    else:
        dense_bytes = np.dtype(np.float32).itemsize * len(labels) * width  # its zeros take memory too
        if is_kept:
            refuse_bomb(file.where, "the sparse data", dense_bytes, file.packed, REMEDY)
        found = numbers[:] if folder is None else with_zeros(numbers, folder)
    notes += [OF_QUERIES] * (has_queries and like is None)
    said = (f"sparse text: the features are counted from {first}", *notes, *_notes(ignored, like))
    return dataset_of(found, labels, str(path), sha256, like, first, said)


def _line_blocks(file: Input) -> Iterator[tuple[int, list[bytes]]]:
    """Yield whole lines, and the number of the first, without the mark of Unicode that a file may begin with."""
    for number, lines in line_blocks(file):
        yield number, lines if number > 1 else [lines[0].removeprefix(BOM_UTF8), *lines[1:]]


def _joined(parts: list[Any], first: int, width: int) -> SparseNumbers:
    """Put the rows of all parts below one another; the list is empty then."""
    data = np.concatenate([X.data for X in parts])
    columns = np.empty(len(data), np.int32)
    starts, n, at = np.zeros(1 + sum(X.shape[0] for X in parts), np.int64), 0, 0
    for X in parts:
        np.subtract(X.indices, first, out=columns[at : at + X.nnz])
        starts[n + 1 : n + 1 + X.shape[0]] = X.indptr[1:] + at
        n, at = n + X.shape[0], at + X.nnz
    parts.clear()
    return SparseNumbers.of(data, columns, starts, (n, width))


def row_blocks(path: Path, like: Schema, stream: ByteStream | None = None) -> Iterator[RowBlock]:
    """Read the rows for a model as they arrive, and at the end a block without rows for what there is to say of them.
    No labels are needed. Raises DataError."""
    return _blocks(open_input(str(path), stream=stream), like)


def _blocks(file: Input, like: Schema) -> Iterator[RowBlock]:
    width, first, ignored = len(like.columns), _first(like), 0
    unlabelled, empty = False, 0  # whether a row without a label has come, and the number of the first empty line
    at_once = PARSED_LINES if like.sparse else max(1, DENSE_CELLS // width)
    with file:
        for number, lines in _line_blocks(file):
            empty = empty or next((number + i for i, line in enumerate(lines) if not line.strip()), 0)
            unlabelled = unlabelled or any(map(NO_LABEL.match, lines))
            if unlabelled:
                if empty:  # which could be a row of zeros
                    problem = "expected a row, found an empty line"
                    raise DataError(f"{file.where}:{empty}", problem, "Delete the line")
                lines = [b"0 " + line if NO_LABEL.match(line) else line for line in lines]
            for start in range(0, len(lines), at_once):
                some = lines[start : start + at_once]
                X, _ = _parsed(some, number + start, file.where)
                ignored += _drop_unknown(X, some, number + start, file.where, like)
                numbers = _joined([X], first, width)
                if len(numbers):
                    yield RowBlock(Table((), numbers if like.sparse else numbers[:]), None, {}, {})
    if ignored:
        yield RowBlock(Table((), np.empty((0, width), np.float32)), None, {}, {}, _notes(ignored, like))


def _notes(ignored: int, like: Schema | None) -> tuple[str, ...]:
    """Say how many values have been ignored, as their features are none of a model's."""
    if like is None or not ignored:
        return ()
    last = _first(like) + len(like.columns) - 1
    return (f"{counted(ignored, 'value')} of features beyond {last}, the model's last, ignored",)


def _first(like: Schema) -> int:
    """Return the number of a model's first feature."""
    return 1 if like.columns[0][0] == "c1" else 0


def _parsed(lines: Sequence[bytes], number: int, where: str) -> tuple[Any, NDArray[np.float64]]:
    """Parse the lines from that number on: X, with a column 0 that may be empty, and y."""
    for i, line in enumerate(lines):
        check_width(line.count(b":"), f"{where}:{number + i}", "features in a row", MOST_FEATURES)
        if NO_LABEL.match(line):
            problem = "expected a label before the features, found none"
            raise DataError(f"{where}:{number + i}", problem, "Begin the line with it, as in '1 3:0.5 7:2'")
    X, y = parsed_at_once(b"\n".join(lines)) or parsed_line_by_line(lines, number, where)
    if len(X.indices):
        widest = X.indices.argmax()
        check_width(int(X.indices[widest]), _place(X, widest, lines, number, where), "features", MOST_FEATURES)
    return X, y


def _drop_unknown(X: Any, lines: Sequence[bytes], number: int, where: str, like: Schema) -> int:
    """Remove the values of features beyond the last of a model, and count them. Raises DataError for one before the
    first: such a file counts otherwise."""
    first, width = _first(like), len(like.columns)
    wrong = np.flatnonzero(X.indices < first)
    if len(wrong):
        place = _place(X, wrong[0], lines, number, where)
        problem = f"expected features from {first}, as the model counts them, found {X.indices[wrong[0]]}"
        raise DataError(place, problem, "Number the features as in training")
    known = X.indices < first + width
    X.indptr = np.concatenate([[0], np.cumsum(known)])[X.indptr]
    X.indices, X.data = X.indices[known], X.data[known]
    return int(len(known) - known.sum())


def _place(X: Any, value: int, lines: Sequence[bytes], number: int, where: str) -> str:
    """Name the line that a value of X is from; one with a comment alone is no row."""
    row = int(np.searchsorted(X.indptr, value, "right")) - 1
    return f"{where}:{number + _rows(lines)[row]}"


def _rows(lines: Sequence[bytes]) -> list[int]:
    """Return which lines are rows, from 0."""
    return [i for i, line in enumerate(lines) if line.partition(b"#")[0].strip()]
