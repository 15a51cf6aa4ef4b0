"""JSON Lines: an object in each line. null and a key that is absent are missing values, true and false are text.

Numbers keep the digits that they are written with. The library of Python reads the lines, as that of Arrow takes a
key that is missing for null, and texts that look like dates for dates.
"""

from __future__ import annotations

import codecs
import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import Any, Literal, NamedTuple

from nncli.data.byte_input import Input, reason
from nncli.data.cells import PlainNumber, bare, check_width, quoted
from nncli.data.dataset import Schema
from nncli.data.formats.foreign import DOWNLOAD, JSON_ERROR, TABLES_OF_JSON
from nncli.data.formats.format import Format
from nncli.data.formats.row_reader import Faults, Row, Rows
from nncli.data.lines import line_blocks
from nncli.errors import DataError, did_you_mean, mention, write_names

WORDS = {None: "", True: "true", False: "false"}
# an object becomes a tuple of its pairs, so that a key that comes twice is seen
DECODER = json.JSONDecoder(object_pairs_hook=tuple, parse_int=PlainNumber, parse_float=PlainNumber, parse_constant=str)
Keys = tuple[str, ...]
NO_KEYS = "expected an object with a key for each column, found one without keys"
ERROR_KEYS = frozenset({"error", "errors", "message", "detail"})  # of what a server says in place of data
KEEP_ANOTHER = f"Name another one with {mention('keep')}, or leave it out"
ZERO = "0"  # of sparse rows, whose absent keys are no missing values
KEY_LINES = 1000  # that tell which keys there are


class Expected(NamedTuple):
    """The keys of a file, in the order of its cells; the columns of the model that reads it, if one does; whether other
    keys are refused, as each would be a column; which keys count as missing where they are absent (None: all); and what
    stands in their place: null, or in sparse rows, which have no missing values, 0."""

    keys: Keys
    names: Collection[str] = ()
    refuses_others: bool = True
    told: Collection[str] | None = None
    absent: str | None = None


def open_rows(file: Input, expected: Schema | None = None, keep: Sequence[str] | Literal["all"] = ()) -> Rows:
    """Open the objects in a stream; those of a model may lack keys that it `expected`, and have others, which are
    ignored unless all columns are to `keep`; keys to keep may come in later ones. Raises DataError where the first is
    none, and after the last one for a key to keep that none has."""
    blocks: Iterator[tuple[int, list[bytes]]] = line_blocks(file)
    number, lines = next(blocks, (1, [b""]))
    lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
    place = f"{file.where}:{number}"
    keys, _ = object_of(lines[0], place)
    if expected is None or {*expected.names}.isdisjoint(keys):
        second = next(blocks, None)
        _refuse_table([*lines, *(second[1] if second else [])], keys, file.where)
        blocks = chain([second] if second else [], blocks)
    check_width(len(keys), place)
    names = [bare(key) for key in keys]
    if not names:
        raise DataError(place, NO_KEYS)
    if len({*names}) < len(names):
        raise _twice(names, place)
    blocks = chain([(number, lines)], blocks)
    later = list[str]()
    if expected is None:
        first = _first_blocks(blocks)
        keys, blocks = _all_keys(first, file.where), chain(first, blocks)
        check_width(len(keys), place)
        its = Expected(keys)
    else:
        known = {*expected.names, expected.target, *(column.name for column in expected.profile)}
        if known.issuperset(written := {*names}):  # another key may be one of the model's, spelt in another way
            keys = (*keys, *(name for name in expected.names if name not in written))
        told = None if keep == "all" else {*expected.names, *keep}
        its = Expected(keys, {*expected.names}, keep == "all", told)
        if expected.sparse:
            its = its._replace(told={*keep}, absent=ZERO)
        later = [] if keep == "all" else [name for name in keep if _may_come(name, keys)]
        keys = (*keys, *later)
        its = its._replace(keys=keys)
    absent = Counter[str]()
    faults: Faults = {}
    rows = _blocks(blocks, its, absent, faults, file.where)
    if later:
        rows = _with_all(later, rows, absent, file.where)
    return Rows(file.where, [bare(key) for key in keys], place, rows, file, faults=faults, absent=absent)


def _may_come(name: str, keys: Sequence[str]) -> bool:
    """Tell whether a key to keep, of which there is none in the first object, may be in a later one: it is not nearly
    one of that object."""
    return name not in keys and not did_you_mean(name, keys)


def _with_all(
    names: Sequence[str], blocks: Iterator[list[Row]], absent: Counter[str], where: str
) -> Iterator[list[Row]]:
    """Yield the rows; DataError after the last one if none of them has a key of these."""
    n = 0
    for rows in blocks:
        n += sum(not isinstance(cells, DataError) for _, cells in rows)
        yield rows
    for name in names:
        if absent[name] == n:
            raise DataError(where, f"expected the key {quoted(name)} to keep, found it in no line", KEEP_ANOTHER)


def _refuse_table(lines: Sequence[bytes], keys: Keys, where: str) -> None:
    """Raise DataError for a single object that is no row, but holds a table or tells of an error."""
    found = next((one for one in TABLES_OF_JSON if one.matches(lines[0])), None)
    if found is None and not ERROR_KEYS.isdisjoint(key.lower() for key in keys):
        found = Format(JSON_ERROR, b"", remedy=DOWNLOAD)
    if found is not None and not any(map(bytes.strip, lines[1:])):
        raise DataError(
            where, f"expected data, found {found.name}", found.advice("FILE" if where == "stdin" else where)
        )


def _first_blocks(blocks: Iterator[tuple[int, list[bytes]]]) -> list[tuple[int, list[bytes]]]:
    """Take blocks of lines until there are enough to tell which keys there are."""
    found = []
    for number, lines in blocks:
        found.append((number, lines))
        if number + len(lines) > KEY_LINES:
            break
    return found


def _all_keys(blocks: Sequence[tuple[int, list[bytes]]], where: str) -> Keys:
    """List the keys of all objects among the first lines, in the order in which they come."""
    keys = dict[str, None]()
    for line in islice(chain.from_iterable(lines for _, lines in blocks), KEY_LINES):
        with suppress(DataError):  # which whoever reads the row will raise
            keys |= dict.fromkeys(object_of(line, where)[0])
    return (*keys,)


def _blocks(
    blocks: Iterator[tuple[int, list[bytes]]], expected: Expected, absent: Counter[str], faults: Faults, where: str
) -> Iterator[list[Row]]:
    """Yield the rows of each block of lines; empty lines may stand at the end of the file, and nowhere else. Values
    that are no cells are added to the `faults` of their rows."""
    empty: list[int] = []
    for first, lines in blocks:
        rows: list[Row] = []
        for number, line in enumerate(lines, first):
            if not line.strip():
                empty.append(number)
                continue
            for i in empty:
                problem = DataError(f"{where}:{i}", "expected an object, found an empty line", "Delete the line")
                rows.append((i, problem))
            empty.clear()
            place = f"{where}:{number}"
            try:
                cells, nested = cells_of(*object_of(line, place), expected, absent, place)
                rows.append((number, cells))
                faults |= {number: nested} if nested else {}
            except DataError as error:
                rows.append((number, error.with_traceback(None)))
        yield rows


def object_of(line: bytes, place: str) -> tuple[Keys, Sequence[Any]]:
    """Return the keys and the values of the object in a line."""
    try:
        found = DECODER.decode(line.decode())
    except (ValueError, RecursionError) as error:
        problem = "no UTF-8" if isinstance(error, UnicodeDecodeError) else reason(error)
        raise DataError(place, f'expected an object such as {{"a": 1, "b": "x"}}: {problem}') from None
    if not isinstance(found, tuple):
        raise DataError(
            place, f'expected an object such as {{"a": 1, "b": "x"}}, found {quoted(line.decode().strip())}',
            "Write each row with the names of its columns",
        )  # fmt: skip
    keys, values = zip(*found, strict=True) if found else ((), ())
    return keys, values


def cells_of(
    keys: Keys, values: Sequence[Any], expected: Expected, absent: Counter[str], place: str
) -> tuple[list[str], dict[int, DataError]]:
    """Return the values as cells in the order of the expected keys, and what is wrong with those that are no cells;
    count in `absent` those that there are not. Raises DataError for other keys, where these are refused, or where one
    is nearly that of a column that there is not."""
    if keys != expected.keys:
        values = _in_order(keys, values, expected, place)
        told = expected.keys if expected.told is None else expected.told
        absent.update(key for key in expected.keys if key in told and key not in keys)
    if {*map(type, values)} <= {str, PlainNumber}:
        return list(values), {}
    cells, faults = [], dict[int, DataError]()
    for i, (key, value) in enumerate(zip(expected.keys, values, strict=True)):
        if isinstance(value, list | tuple):
            found = "an object" if isinstance(value, tuple) else "a list"
            problem = f"key {quoted(key)}: expected a number, text, true, false or null, found {found}"
            drop = "" if expected.names else f"Leave it out with {mention('drop', write_names([key]))}, or give"
            faults[i] = DataError(place, problem, f"{drop or 'Give'} each part of it a key of its own")
            value = ""
        cells.append(value if isinstance(value, str) else WORDS[value])
    return cells, faults


def _in_order(keys: Keys, values: Sequence[Any], expected: Expected, place: str) -> list[Any]:
    if not keys:
        raise DataError(place, NO_KEYS, "Delete the line")
    found = dict(zip(keys, values, strict=True))
    if len(found) < len(keys):
        raise _twice(keys, place)
    others = [key for key in keys if key not in expected.keys]
    if others and expected.refuses_others:
        problem = f"expected the keys of the lines above, found {quoted(others[0])} too"
        raise DataError(place, problem, "Write it in the first line too, as null if there is no value")
    for name in expected.names if others else ():
        if name not in found and (near := did_you_mean(name, others)):
            raise DataError(place, f"column {quoted(name)} is missing", near)
    return [found.get(key, expected.absent) for key in expected.keys]


def _twice(keys: Sequence[str], place: str) -> DataError:
    key = next(key for i, key in enumerate(keys) if key in keys[:i])
    return DataError(place, f"key {quoted(key)} comes twice", "Rename one of them")
