"""X of any kind as columns: arrays, mappings, texts, and the data frames of pandas, polars and Arrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.cells import check_width
from nncli.data.formats.npz_arrays import read_as
from nncli.data.formats.sparse_npz import MOST_FEATURES
from nncli.data.sparse_numbers import DENSE_COLUMNS, SparseNumbers
from nncli.estimators.columns import Column, is_missing
from nncli.estimators.refusals import InvalidCell, InvalidData
from nncli.system.characters import composed
from nncli.system.output import in_quotes

ONE_NAME = "Rename one of them"
BY_ITSELF = "X.reshape(-1, 1)", "X.reshape(1, -1)", "X.reshape(len(X), -1)"  # one column, one row, several
BY_NUMPY = "np.reshape(X, (-1, 1))", "np.reshape(X, (1, -1))", "np.reshape(X, (len(X), -1))"  # of lists
NO_ROWS = "expected one row or more, found 0 samples", "Give it rows"
TEXTS = "text"  # the name of a column of texts that has none
A_TABLE = "Give an array, a data frame, or a mapping of names to columns"


@dataclass(frozen=True)
class Frame:
    """n rows as columns: all numbers as one `matrix` (n, d), stored sparse where X is and has many columns, or one by
    one. `names` are None for arrays. `are_texts` says that X was a list of texts, or a vector of them, which is one
    column whatever it is called."""

    n: int
    width: int
    names: tuple[str, ...] | None
    matrix: NDArray[Any] | SparseNumbers | None = None
    columns: Sequence[Column] = ()
    are_texts: bool = False

    def column(self, place: int) -> Column:
        if isinstance(self.matrix, SparseNumbers):
            return self.matrix.column(place)
        return self.columns[place] if self.matrix is None else self.matrix[:, place]


def frame_of(X: Any) -> Frame:
    """Return X as columns; a list or vector of texts is one. Raises InvalidData, or InvalidCell, for what is no table
    of rows."""
    if (vector := _vector_of(X)) is not None and _are_texts(vector):
        name = own if isinstance(own := getattr(X, "name", None), str) and own else TEXTS
        return Frame(len(vector), 1, (composed(name),), columns=[np.array(vector, object)], are_texts=True)
    if _is_series(X):
        remedy = "X.to_frame()" if hasattr(X, "to_frame") else BY_NUMPY[0]
        problem = f"expected rows of shape (n, d), found {type(X).__name__} of shape ({len(X)},)"
        raise InvalidData("X", problem, f"Reshape your data: {remedy} for one column")
    if hasattr(X, "tocsr"):
        found = _of_sparse(X)
    elif isinstance(X, Mapping):
        found = _of_mapping(X)
    elif hasattr(X, "iloc") and hasattr(X, "columns"):
        found = _of_pandas(X)
    elif hasattr(X, "__arrow_c_stream__") or (hasattr(X, "__arrow_c_array__") and hasattr(X, "schema")):
        found = _of_arrow(X)
    else:
        found = _of_array(X)
    if not found.width:
        shape = f"0 feature(s) (shape=({found.n}, 0)) while a minimum of 1 is required"
        raise InvalidData("X", f"expected one column or more, found {shape}", "Give it columns")
    if not found.n:
        raise InvalidData("X", *NO_ROWS)
    check_width(found.width, "X", most=MOST_FEATURES if isinstance(found.matrix, SparseNumbers) else None)
    return found


def _vector_of(X: Any) -> Sequence[Any] | None:
    """Return the values of a list, or of a vector of NumPy, pandas, polars or Arrow, that may hold texts; None for what
    has columns or numbers."""
    if isinstance(X, list | tuple):
        return X
    if isinstance(X, np.ndarray):
        values: list[Any] | None = X.tolist() if X.ndim == 1 and X.dtype.kind in "UTO" else None
        return values
    if _is_series(X):
        return X.to_list() if hasattr(X, "to_list") else X.to_pylist()
    return None


def _is_series(X: Any) -> bool:
    """Tell whether X is a single column of pandas, polars or Arrow, with or without a name."""
    is_frame = hasattr(X, "columns") or hasattr(X, "schema") or isinstance(X, Mapping)
    return not is_frame and (hasattr(X, "to_frame") or hasattr(X, "to_pylist"))


def _are_texts(values: Sequence[Any]) -> bool:
    """Tell whether values are texts, perhaps some of them missing."""
    return all(isinstance(value, str) or is_missing(value) for value in values) and any(
        isinstance(value, str) for value in values
    )


def array_of(values: Any) -> NDArray[Any]:
    """Return values as NumPy has them, of which numbers beside text stay numbers. Raises ValueError for lists of
    several lengths."""
    array = np.asarray(values)
    if array.dtype.kind == "U" and isinstance(values, list | tuple):
        return np.asarray(values, object)
    return array


def _of_array(X: Any) -> Frame:
    try:
        array = array_of(X)
    except ValueError:
        raise InvalidData("X", "expected rows of one length, found several", "Give each row all columns") from None
    if array.ndim == 0:
        of_text = "Give a list of texts, or read the file first, as with pandas.read_csv"
        remedy = of_text if isinstance(X, str | PurePath) else A_TABLE
        remedy = "Use X.collect()" if hasattr(X, "collect") else remedy
        raise InvalidData("X", f"expected rows of shape (n, d), found {type(X).__name__}", remedy)
    if array.ndim == 1 and not len(array):
        raise InvalidData("X", *NO_ROWS)
    if array.ndim != 2:
        column, row, rows = BY_ITSELF if hasattr(X, "reshape") else BY_NUMPY
        remedy = f"Reshape your data: {rows if array.ndim > 2 else f'{column} for one column, {row} for one row'}"
        raise InvalidData("X", f"expected rows of shape (n, d), found {array.dtype} of shape {array.shape}", remedy)
    n, width = array.shape
    if array.dtype.kind == "c":
        problem = f"expected real numbers, found {array.dtype}. Complex data not supported"
        raise InvalidData("X", problem, "Use X.real, or X.real beside X.imag")
    if array.dtype.kind in "biuf":
        return Frame(n, width, None, array)
    return Frame(n, width, None, columns=[array[:, place] for place in range(width)])


def _of_sparse(X: Any) -> Frame:
    """Return a matrix or an array of SciPy, of any sparse format; of few columns with all zeros."""
    from scipy.sparse import csr_array

    if X.ndim != 2:
        problem = f"expected rows of shape (n, d), found a sparse array of shape {X.shape}"
        raise InvalidData("X", problem, "Reshape your data: X.reshape(1, -1) for one row")
    if X.dtype.kind not in "biuf":
        told = ". Complex data not supported" if X.dtype.kind == "c" else ""
        raise InvalidData("X", f"expected real numbers, found {X.dtype}{told}", "Use X.real, or X.astype(float)")
    csr = csr_array(X, copy=True)  # as what follows changes it
    try:
        csr.check_format()  # loops over rows take indices at their word
    except ValueError as error:
        remedy = "Make it anew, as its arrays were changed by hand"
        raise InvalidData("X", f"expected a whole sparse matrix, found another: {error}", remedy) from None
    csr.sum_duplicates()
    n, width = csr.shape
    if width <= DENSE_COLUMNS:
        return Frame(n, width, None, csr.toarray())
    with np.errstate(over="ignore"):  # infinite then
        data = csr.data.astype(read_as(csr.data) if len(csr.data) and csr.dtype != np.uint8 else np.float32)
    wrong = np.flatnonzero(~np.isfinite(data))
    if len(wrong):
        row = int(np.searchsorted(csr.indptr, wrong[0], "right")) - 1
        problem = f"row {row}, column {csr.indices[wrong[0]]}: expected a finite number, found {data[wrong[0]]:g}"
        raise InvalidData("X", problem, "Correct it, or leave the row out: a sparse matrix has none that is missing")
    return Frame(n, width, None, SparseNumbers.of(data, csr.indices, csr.indptr, (n, width)))


def _of_mapping(X: Mapping[Any, Any]) -> Frame:
    columns = [_vector(name, values) for name, values in X.items()]
    lengths = sorted({len(column) for column in columns})
    if len(lengths) > 1:
        raise InvalidData("X", f"expected columns of one length, found {lengths}", "Give each column all rows")
    return Frame(lengths[0] if lengths else 0, len(columns), _names([*X]), columns=columns)


def _vector(name: Any, values: Any) -> Column:
    try:
        column = array_of(values)
    except ValueError:  # of lists, which may be of several lengths
        column = np.empty(len(values), object)
        for row, value in enumerate(values):
            column[row] = value
    if column.ndim != 1:
        problem = f"column '{name}': expected one value for each row, found values of shape {column.shape}"
        raise InvalidData("X", problem, "Give each column alone")
    return column


def _of_pandas(X: Any) -> Frame:
    """Return a data frame of pandas. Its index is no column."""
    import pyarrow as pa

    names, n = _names(X.columns.tolist()), len(X)
    if all(isinstance(dtype, np.dtype) and dtype.kind in "iuf" for dtype in X.dtypes):
        return Frame(n, X.shape[1], names, X.to_numpy())
    columns: list[Column] = []
    for place in range(X.shape[1]):
        series = X.iloc[:, place]
        try:
            columns.append(_one_array(pa.Array.from_pandas(series)))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):  # objects of several kinds
            columns.append(np.asarray(series, object))
    return Frame(n, X.shape[1], names, columns=columns)


def _of_arrow(X: Any) -> Frame:
    """Return a table of pyarrow, or any that it can take over, as those of polars."""
    import pyarrow as pa

    table = X if isinstance(X, pa.Table) else pa.table(X)
    columns = [_one_array(column) for column in table.columns]
    return Frame(table.num_rows, table.num_columns, _names(table.column_names), columns=columns)


def _one_array(column: Any) -> Any:
    """Return an array of pyarrow in one piece, with text in its plain form."""
    import pyarrow as pa
    from pyarrow import types

    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0) if column.num_chunks else pa.array([], column.type)
    if types.is_large_string(column.type) or types.is_string_view(column.type):
        return column.cast(pa.string())
    return column


def _names(names: Sequence[Any]) -> tuple[str, ...] | None:
    """Return the names of columns as options have them; None where they are numbers. Raises InvalidData."""
    if not any(isinstance(name, str) for name in names) and names:
        return None
    found = tuple(composed(name) if isinstance(name, str) else "" for name in names)
    for name, own in zip(found, names, strict=True):
        if not name:
            problem = f"expected names of columns that are all text, found {own!r} among them"
            raise InvalidCell("X", problem, "Rename it")
    if len(set(found)) < len(found):
        twice = next(name for name in found if found.count(name) > 1)
        raise InvalidData("X", f"two columns are called {in_quotes(twice)}", ONE_NAME)
    return found
