"""The names of the columns of a file, by a look at its beginning: for completion, as a shell has no time for more.

A table that must be looked at closely, as it has lines above its header, has the names that its first row holds.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from nncli.data.byte_input import open_input
from nncli.data.formats.known_formats import JSON_LINES, TEXT, XLSX, format_of
from nncli.system.characters import composed

HEAD_BYTES, MOST_BYTES = 1 << 16, 1 << 20
DELIMITERS = ",;\t|"
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def column_names_at_once(path: Path) -> list[str]:
    """List the names of the columns, each once; none of a file without a header, of other kinds of data, and of what is
    no regular file, as a pipe has only one reader. Whatever is wrong with the file may raise any error of a library."""
    if not path.is_file():
        return []
    kind = format_of(path)
    if kind.name == "a Parquet file":
        import pyarrow.parquet

        return [*pyarrow.parquet.read_schema(path).names]
    if kind.name == "an Arrow file":
        import pyarrow.ipc

        with pyarrow.memory_map(str(path)) as file:
            return [*pyarrow.ipc.open_file(file).schema.names]
    if kind is XLSX:
        from python_calamine import CalamineWorkbook

        return _names(map(str, CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python(nrows=1)[0]))
    if kind not in (TEXT, JSON_LINES):
        return []
    with closing(open_input(str(path))) as stream:
        head = b""
        while len(head) < MOST_BYTES and b"\n" not in head and (more := stream.read(HEAD_BYTES)):
            head += more
    return _names(_first_row(head) if kind is TEXT else json.loads(head.partition(b"\n")[0]))


def _first_row(head: bytes) -> list[str]:
    """Cut the first row with the delimiter that makes most cells of it."""
    code = next((code for mark, code in MARKS if head.startswith(mark)), "utf-8")
    text = head.decode(code, "replace").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    lines = [line for line in text.splitlines() if line.strip() and not line.lower().startswith("sep=")]
    rows = [next(csv.reader(lines[:1], delimiter=delimiter, skipinitialspace=True), []) for delimiter in DELIMITERS]
    return max(rows, key=len)


def _names(cells: Iterable[str]) -> list[str]:
    """Return the cells as names; none if one is a number, as rows of data have."""
    names = [composed(cell.strip()) for cell in cells]
    return [] if any(map(_is_number, names)) else [*dict.fromkeys(filter(None, names))]


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True
