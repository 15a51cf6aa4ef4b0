"""The body of a request: what kind of text it is, and its rows as lines of JSON or of CSV, which the readers of files
read.

Numbers keep the digits that they are written with. Long lists are decoded part by part, so that other threads can work
meanwhile, and no part may be very long (see `json_values.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from nncli.data.cells import PlainNumber, quoted
from nncli.data.decompression import MAGIC
from nncli.data.formats.json_lines import Keys
from nncli.data.formats.known_formats import HEAD_BYTES, JSON_LINES, format_of_bytes
from nncli.serve.json_values import JsonValues, refuse_long_lines
from nncli.serve.problems import WHERE, Problem

Form = Literal["row", "rows", "columns", "csv", "ndjson"]
Kind = Literal["json", "csv", "ndjson"]
JSON = "application/json"
KINDS: dict[str, Kind] = {
    JSON: "json",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/x-ndjson": "ndjson",
    "application/jsonl": "ndjson",
}
SENDABLE = "application/json, text/csv or application/x-ndjson"
SPACE = re.compile(r"[ \t\n\r]*")
KEY = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'  # without ways back: each would take 100 bytes of memory for each character
COLUMNS = re.compile(rf"\{{[ \t\n\r]*{KEY}[ \t\n\r]*:[ \t\n\r]*\[")  # the first value is a list
ENCODER = json.JSONEncoder(check_circular=False, separators=(",", ":"))
AN_OBJECT = 'an object such as {"a": 1, "b": "x"}'


class Body(NamedTuple):
    """The rows that were sent: the form in which they are to be answered, and their text as a file has it. `keys` and
    `values` are those of a single object."""

    form: Form
    lines: bytes
    keys: Keys = ()
    values: Sequence[Any] = ()


def kind_of(content_type: str | None) -> tuple[Kind, str | None]:
    """Return what a Content-Type says of a body, and the encoding that it names. Raises Problem for another type."""
    if content_type == JSON:
        return "json", None
    name, *more = (part.strip() for part in (content_type or "").split(";"))
    kind = KINDS.get(name.lower())
    if kind is None:
        found = f"found '{name}'" if name else "found none"
        advice = "With curl: -H 'Content-Type: application/json' -d @FILE"
        raise Problem(415, "Content-Type", f"expected {SENDABLE}, {found}", advice)
    values = dict(part.lower().replace(" ", "").partition("=")[::2] for part in more)
    charset = values.get("charset", "").strip('"') or None
    if kind != "csv":
        if charset not in (None, "utf-8", "utf8", "us-ascii"):
            raise Problem(415, "Content-Type", f"expected JSON in utf-8, found '{charset}'", "Send it in utf-8")
        charset = None
    return kind, charset


def read_body(data: bytes, kind: Kind, most_rows: int) -> Body:
    """Find the rows in a body. Raises Problem for what is no text of its kind, and for JSON with too many rows, or with
    one that is too long."""
    if data[:1] not in (b"{", b"["):
        packed = next((name for magic, name in MAGIC.items() if data.startswith(magic)), None)
        if packed is not None:
            raise Problem(415, WHERE, f"expected text, found data compressed by {packed}", "Send it as it is unpacked")
    if kind == "csv":
        sent = format_of_bytes(data[:HEAD_BYTES])
        if sent.reader and not sent.is_text:
            remedy = "Send it as application/json or application/x-ndjson" if sent == JSON_LINES else "Send it as CSV"
            raise Problem(415, WHERE, f"expected CSV, found {sent.name}", remedy)
    if kind == "ndjson":
        refuse_long_lines(data)
    if kind != "json":
        return Body(kind, data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem(400, WHERE, f"expected JSON in utf-8: byte {error.start:,} is none", "Send it in utf-8") from None
    start = _behind_space(text, 0)
    first = text[start : start + 1]
    if first == "[":
        return Body("rows", _as_file(_rows(text, start + 1, most_rows)))
    if first != "{":
        found = f"found {quoted(text[start:])}" if first else "found nothing"
        raise Problem(
            400, WHERE, f"expected JSON, {AN_OBJECT}, or a list of such objects, {found}", "See /openapi.json"
        )
    if COLUMNS.match(text, start):
        return Body("columns", _rows_of_columns(text, start, most_rows))
    pairs, end = JsonValues(text).decode(start, "row")
    _refuse_more(text, end)
    keys, values = zip(*pairs, strict=True) if pairs else ((), ())
    return Body("row", _on_one_line(text[start:end]).encode(), keys, values)


def _rows(text: str, start: int, most: int) -> list[str]:
    """Cut a list of objects into the texts of these, one line each."""
    found: list[str] = []
    values, at = JsonValues(text), _behind_space(text, start)
    while not text.startswith("]", at):
        if found:
            at = _behind_space(text, _behind(text, at, ","))
        if len(found) >= most:
            raise too_many_rows(most)
        row, end = values.decode(at, "row")
        if not isinstance(row, tuple):
            what = "a list" if isinstance(row, list) else quoted(text[at:end])
            remedy = "Write each row with the names of its columns"
            raise Problem(422, f"{WHERE}:{len(found) + 1}", f"expected {AN_OBJECT}, found {what}", remedy)
        found.append(_on_one_line(text[at:end]))
        at = _behind_space(text, end)
    _refuse_more(text, at + 1)
    return found


def _rows_of_columns(text: str, start: int, most: int) -> bytes:
    """Turn an object of lists into lines, an object for each row."""
    columns: dict[str, list[Any]] = {}
    values, at = JsonValues(text), _behind_space(text, start + 1)
    while not text.startswith("}", at):
        if columns:
            at = _behind_space(text, _behind(text, at, ","))
        key, end = values.decode(at, "name of a column")
        if not (text.startswith('"', at) and isinstance(key, str)):
            raise _not_json(text, at, "expected the name of a column in double quotes")
        begin = _behind_space(text, _behind(text, _behind_space(text, end), ":"))
        column, end = values.decode(begin, "column")
        if not isinstance(column, list):
            problem = f"key '{key}': expected a list, as the first key has one"
            raise Problem(422, WHERE, problem, "Write all values as lists, or none of them")
        if key in columns:
            raise Problem(422, WHERE, f"key '{key}' comes twice", "Rename one of them")
        columns[key] = column
        at = _behind_space(text, end)
    _refuse_more(text, at + 1)
    lengths = {key: len(column) for key, column in columns.items()}
    (first, n), *others = lengths.items()
    other = next(((key, length) for key, length in others if length != n), None)
    if other is not None:
        problem = f"expected lists of one length, found {n:,} values for '{first}' and {other[1]:,} for '{other[0]}'"
        raise Problem(422, WHERE, problem, "Write null where there is no value")
    if n > most:
        raise too_many_rows(most)
    written = (map(_written, column) for column in columns.values())
    keys = [f"{ENCODER.encode(key)}:" for key in columns]
    return _as_file(f"{{{','.join(map(str.__add__, keys, row))}}}" for row in zip(*written, strict=True))


def _written(value: Any) -> str:
    """Write a value of JSON that has been decoded; a number keeps its digits, and is no text."""
    return str(value) if isinstance(value, PlainNumber) else ENCODER.encode(value)


def _as_file(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _on_one_line(text: str) -> str:
    """Replace line breaks, which JSON has between its tokens alone."""
    return text.replace("\n", " ").replace("\r", " ")


def too_many_rows(most: int) -> Problem:
    """Say that a request has too many rows."""
    return Problem(413, WHERE, f"expected at most {most:,} rows, found more", "Send them in several requests")


def _behind_space(text: str, at: int) -> int:
    found = SPACE.match(text, at)
    return found.end() if found else at


def _behind(text: str, at: int, sign: str) -> int:
    if not text.startswith(sign, at):
        raise _not_json(text, at, f"expected '{sign}'")
    return at + len(sign)


def _refuse_more(text: str, end: int) -> None:
    if _behind_space(text, end) < len(text):
        raise _not_json(text, _behind_space(text, end), "expected nothing behind the rows")


def _not_json(text: str, at: int, problem: str) -> Problem:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return Problem(400, WHERE, f"expected JSON: {problem}: line {line} column {column} (char {at})", "Correct it")
