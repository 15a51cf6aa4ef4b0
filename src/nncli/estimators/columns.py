"""A column of a data frame, of NumPy or Arrow, as numbers, text or dates."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.arrow_conversion import encoded
from nncli.data.dataset import TextColumn, canonical
from nncli.data.dates import SECONDS
from nncli.estimators.refusals import InvalidCell, InvalidData
from nncli.system.characters import composed

Column = Any  # a NumPy vector, or an array of pyarrow
KINDS = {**dict.fromkeys("iuf", "number"), "b": "text", "U": "text", "S": "text", "M": "date"}  # by those of NumPy
NUMBERS = (int, float, np.number, decimal.Decimal)
NOTHING = "missing"  # the kind of a column without a value, which fits any other
CONVERT = "Leave the column out, or make numbers, text or dates of it"


def is_arrow(column: Column) -> bool:
    """Tell whether a column is an array of pyarrow."""
    return not isinstance(column, np.ndarray)


def kind_of(column: Column, name: str) -> str:
    """Return "number", "text" (booleans and categories are text), "date", or "missing" for a column without a value.
    Raises InvalidData for another type."""
    if is_arrow(column):
        return _kind_of_arrow(column, name)
    if column.dtype.kind == "O":
        return _kind_of_objects(column, name)
    kind = KINDS.get(column.dtype.kind)
    if kind is None:
        raise _no_kind(name, column.dtype)
    return kind


def numbers_of(column: Column, name: str) -> NDArray[Any]:
    """Return a column as numbers (n,), NaN for a missing one. Raises InvalidData for other cells."""
    if is_arrow(column) and hasattr(column, "dictionary"):  # categories may be numbers
        column = column.dictionary_decode()
    kind = kind_of(column, name)
    if kind == NOTHING:
        return np.full(len(column), np.nan)
    is_flag = kind == "text" and _holds_flags(column)
    if kind != "number" and not is_flag:
        raise InvalidData("X", f"column '{name}': expected numbers, found {_called(kind)}", "Give it as in training")
    found: NDArray[Any] = column.to_numpy(zero_copy_only=False) if is_arrow(column) else column
    return _as_floats(found) if found.dtype.kind == "O" else found


def text_of(column: Column, name: str) -> TextColumn:
    """Return a column as text: numbers and booleans as a file has them. Raises InvalidData for dates."""
    if kind_of(column, name) == "date":
        raise InvalidData("X", f"column '{name}': expected text, found dates", "Give it as in training")
    if is_arrow(column):
        codes, cells = _coded_arrow(column)
    else:
        codes, cells = _coded(column.tolist())
    values: dict[str, int] = {}
    recode = [
        -1 if is_missing(cell) else values.setdefault(canonical(composed(_written(cell))), len(values))
        for cell in cells
    ]
    return TextColumn(np.array([*recode, -1], np.int32)[codes], tuple(values))


def days_of(column: Column, name: str) -> NDArray[np.float64]:
    """Return a column as dates, in days since 1970, NaN for a missing one. Raises InvalidData for other cells."""
    kind = kind_of(column, name)
    if kind == NOTHING:
        return np.full(len(column), np.nan)
    if kind != "date":
        raise InvalidData("X", f"column '{name}': expected dates, found {_called(kind)}", "Give them as datetime64")
    if is_arrow(column):
        import pyarrow as pa

        column = column.cast(pa.timestamp("us"), safe=False).to_numpy(zero_copy_only=False)
    elif column.dtype.kind == "O":
        column = np.array([None if is_missing(value) else _in_utc(value) for value in column], "datetime64[us]")
    seconds = column.astype("datetime64[ms]").astype(np.float64) / 1000
    return np.where(np.isnat(column), np.nan, seconds / SECONDS)


def _kind_of_arrow(column: Column, name: str) -> str:
    from pyarrow import types

    kind = column.type
    if types.is_null(kind) or (len(column) and column.null_count == len(column)):
        return NOTHING
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "number"
    if types.is_date(kind) or types.is_timestamp(kind):
        return "date"
    text = (types.is_boolean, types.is_dictionary, types.is_string, types.is_large_string, types.is_string_view)
    if any(one(kind) for one in text):
        return "text"
    raise _no_kind(name, kind)


def _kind_of_objects(column: NDArray[Any], name: str) -> str:
    """Return the kind of Python objects: numbers where all are."""
    kinds = {kind: i for i, value in reversed([*enumerate(column)]) if (kind := _kind_of_value(value)) != NOTHING}
    if None in kinds:
        row = kinds[None]
        found = type(column[row]).__name__
        raise InvalidCell(
            "X",
            f"row {row}, column '{name}': expected a number, a text or a date, found {found} (float() argument must be "
            f"a string or a real number, not '{found}')",
            CONVERT,
        )
    if len(kinds) > 1 and "date" in kinds:
        raise InvalidData("X", f"column '{name}': expected dates or none, found some among other cells", CONVERT)
    return "text" if "text" in kinds else str(next(iter(kinds), NOTHING))


def _kind_of_value(value: Any) -> str | None:
    if isinstance(value, str | bytes | bool | np.bool_):
        return "text"
    if is_missing(value):
        return NOTHING
    if isinstance(value, NUMBERS) and not isinstance(value, np.complexfloating | np.timedelta64):
        return "number"
    return "date" if isinstance(value, datetime.date | np.datetime64) else None


def is_missing(value: Any) -> bool:
    """Tell whether a cell is None, NaN, NaT or the NA of pandas."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating | np.datetime64 | decimal.Decimal) and bool(value != value)


def _holds_flags(column: Column) -> bool:
    """Tell whether all cells are booleans, which are 0 and 1 where a model wants numbers."""
    if is_arrow(column):
        return str(column.type) == "bool"
    if column.dtype.kind == "O":
        return all(isinstance(value, bool | np.bool_) or is_missing(value) for value in column)
    return bool(column.dtype.kind == "b")


def _as_floats(values: Any) -> NDArray[np.float64]:
    return np.array([np.nan if is_missing(value) else float(value) for value in values], np.float64)


def _coded(cells: list[Any]) -> tuple[NDArray[Any], list[Any]]:
    """Return the code of each cell, and the different ones: 1, 1.0 and True are three."""
    known: dict[Any, int] = {}
    codes = [-1 if is_missing(cell) else known.setdefault((type(cell), cell), len(known)) for cell in cells]
    return np.array(codes, np.int64), [cell for _, cell in known]


def _coded_arrow(column: Column) -> tuple[NDArray[Any], list[Any]]:
    """Return what `_coded` does, of an array of pyarrow."""
    import pyarrow as pa

    if pa.types.is_string(column.type):
        return encoded(column)
    if not pa.types.is_dictionary(column.type):
        return _coded(column.to_pylist())
    codes = np.nan_to_num(column.indices.to_numpy(zero_copy_only=False), nan=-1)  # of a missing one
    return codes.astype(np.int64), column.dictionary.to_pylist()


def _written(cell: Any) -> str:
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def _in_utc(value: Any) -> Any:
    """Return a date or time without its zone, as NumPy has them."""
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(datetime.UTC).replace(tzinfo=None)
    return value


def _called(kind: str) -> str:
    return {"number": "numbers", "date": "dates"}.get(kind, kind)


def _no_kind(name: str, found: Any) -> InvalidData:
    return InvalidData("X", f"column '{name}': expected numbers, text or dates, found {found}", CONVERT)
