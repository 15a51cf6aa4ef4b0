"""The sparse text of LIBSVM and SVMlight, `label place:value …`, read some lines at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.byte_input import ByteStream, Input, open_input, reason, refuse_bomb
from nncli.data.cells import check_width
from nncli.data.csv.header import FIRST_LINE
from nncli.data.dataset import Dataset, Schema
from nncli.data.labels import dataset_of
from nncli.errors import DataError

REMEDY = "With enough memory, convert it to .npz or Parquet"  # where its zeros, too, have a size
BLOCK_BYTES, DENSE_CELLS = 1 << 20, 1 << 22  # read, and spread, at a time
ROW_BYTES, VALUE_BYTES = 24, 12  # of memory, for a row and for a value of it


def read(path: Path, like: Schema | None = None, stream: ByteStream | None = None) -> Dataset:
    """Read all lines of a file, or of `stream` if it is given. Features are counted from 1, unless there is a 0 among
    them; those for a model, `like`, as it counts its own. Raises DataError."""
    parts, least, beyond, held = [], 1, 0, 0
    with open_input(str(path), stream=stream, hashed=True) as file:
        for number, lines in _lines(file):
            X, y = _parsed(lines, number, file.where)
            X.indices, X.data = X.indices.astype(np.int32), X.data.astype(np.float32)
            least, beyond = min(least, int(X.indices.min(initial=1))), max(beyond, X.shape[1])
            if like is not None:
                _check_features(X, lines, number, file.where, like)
            held += VALUE_BYTES * X.nnz + ROW_BYTES * len(y)
            refuse_bomb(file.where, "the sparse data", held, file.packed, REMEDY)
            parts.append((X, y))
        sha256 = file.hexdigest()
    first = least if like is None else _first(like)
    width = beyond - first if like is None else len(like.columns)
    n = sum(len(y) for _, y in parts)
    dense_bytes = np.dtype(np.float32).itemsize * n * width  # its zeros take memory too
    refuse_bomb(file.where, "the sparse data", dense_bytes, file.packed, REMEDY)
    dense, at = np.zeros((n, width), np.float32), 0
    labels = np.concatenate([y for _, y in parts])
    for X, y in reversed(parts):
        at += len(y)
        _spread(X, first, dense[n - at : n - at + len(y)])
    note = f"sparse text: the features are counted from {first}"
    return dataset_of(dense, labels, str(path), sha256, like, first, (note,))


def row_blocks(path: Path, like: Schema, stream: ByteStream | None = None) -> Iterator[NDArray[Any]]:
    """Read the rows for a model as they arrive, (n, d) at a time. Raises DataError."""
    return _dense_blocks(open_input(str(path), stream=stream), like)


def _dense_blocks(file: Input, like: Schema) -> Iterator[NDArray[Any]]:
    width, first = len(like.columns), _first(like)
    at_once = max(1, DENSE_CELLS // width)
    with file:
        for number, lines in _lines(file):
            for start in range(0, len(lines), at_once):
                some = lines[start : start + at_once]
                X, _ = _parsed(some, number + start, file.where)
                _check_features(X, some, number + start, file.where, like)
                dense = np.zeros((X.shape[0], width), np.float32)
                _spread(X, first, dense)
                if len(dense):
                    yield dense


def _first(like: Schema) -> int:
    """Return the number of a model's first feature."""
    return 1 if like.columns[0][0] == "c1" else 0


def _lines(file: Input) -> Iterator[tuple[int, list[bytes]]]:
    """Yield whole lines as they arrive, and the number of the first of them."""
    rest, number = b"", 1
    while chunk := file.read(BLOCK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > FIRST_LINE:
            place = f"{file.where}:{number + len(lines)}"
            raise DataError(place, f"expected a line, found no end of it in {FIRST_LINE >> 20} MiB")
        if lines:
            yield number, lines
        number += len(lines)
    if rest:
        yield number, [rest]


def _parsed(lines: Sequence[bytes], number: int, where: str) -> tuple[Any, NDArray[np.float64]]:
    """Parse the lines from that number on: X, with a column 0 that may be empty, and y."""
    for i, line in enumerate(lines):
        check_width(line.count(b":"), f"{where}:{number + i}", "features in a row")
    try:
        X, y = _loaded(lines)
    except (ValueError, OverflowError) as error:
        if len(lines) > 1:  # the first one that is wrong is in this half or in that
            half = len(lines) // 2
            _parsed(lines[:half], number, where)
            _parsed(lines[half:], number + half, where)
        problem = f"expected a line such as '1 3:0.5 7:2': {reason(error)}"
        raise DataError(f"{where}:{number}", problem) from None
    wrong = np.flatnonzero(~np.isfinite(X.data))
    if len(wrong):
        place = _place(X, wrong[0], lines, number, where)
        raise DataError(place, "expected finite numbers that fit float32, found others")
    if len(X.indices):
        widest = X.indices.argmax()
        check_width(int(X.indices[widest]), _place(X, widest, lines, number, where), "features")
    return X, y


def _loaded(lines: Sequence[bytes]) -> tuple[Any, NDArray[np.float64]]:
    from sklearn.datasets import load_svmlight_file

    text = b"\n".join(lines)
    if b"_" in text and any(b"_" in line.partition(b"#")[0] for line in lines):
        raise ValueError("a number with _ in it")  # which Python takes
    X, y = load_svmlight_file(BytesIO(text), dtype=np.float32, zero_based=True)
    return X, y


def _check_features(X: Any, lines: Sequence[bytes], number: int, where: str, like: Schema) -> None:
    first, width = _first(like), len(like.columns)
    wrong = np.flatnonzero((X.indices < first) | (X.indices >= first + width))
    if len(wrong):
        place = _place(X, wrong[0], lines, number, where)
        raise DataError(place, f"expected features {first} to {first + width - 1}, found {X.indices[wrong[0]]}")


def _place(X: Any, value: int, lines: Sequence[bytes], number: int, where: str) -> str:
    """Name the line that a value of X is from; one with a comment alone is no row."""
    row = int(np.searchsorted(X.indptr, value, "right")) - 1
    rows = [i for i, line in enumerate(lines) if line.partition(b"#")[0].strip()]
    return f"{where}:{number + rows[row]}"


def _spread(X: Any, first: int, out: NDArray[np.float32]) -> None:
    rows = np.repeat(np.arange(len(out)), np.diff(X.indptr))
    out[rows, X.indices - first] = X.data
