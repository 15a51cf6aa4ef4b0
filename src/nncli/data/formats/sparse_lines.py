"""Parse plain lines of sparse text all at once: labels, and pairs of place and value in order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nncli.data.arrow_conversion import vector

if TYPE_CHECKING:
    from scipy.sparse import csr_array

NEWLINE, BLANK, COLON = b"\n :"
MOST_PLACE = 1 << 31
COMMENT, PLUS = re.compile(rb"[ \t]*#[^\n]*"), re.compile(rb"^\+(?=[\d.])", re.MULTILINE)
BLANKS, EMPTY = re.compile(rb" {2,}"), re.compile(rb"\n{2,}")
QUERY = re.compile(rb"^([^ :\n]+) qid:\d+(?=[ \n]|\Z)", re.MULTILINE)  # as SVMlight has it behind the label
ONE_EACH = bytes.maketrans(b" :", b"\n\n")


def parsed_at_once(text: bytes) -> tuple[csr_array, NDArray[np.float64]] | None:
    """Return the rows and the labels of lines that are plain, as `load_svmlight_file` of scikit-learn does in ten times
    as long; None where some line is not: it may be written in another way, or wrong. Comments, lines without anything
    and numbers of queries are left out."""
    if b"#" in text:
        text = COMMENT.sub(b"", text)
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    if b"\t" in text:
        text = text.replace(b"\t", b" ")
    if b"  " in text:
        text = BLANKS.sub(b" ", text)
    if b" \n" in text:
        text = text.replace(b" \n", b"\n")
    if b"\n " in text:
        text = text.replace(b"\n ", b"\n")
    if b"\n\n" in text:
        text = EMPTY.sub(b"\n", text)
    text = text.strip(b" \r\n") + b"\n"
    if b"qid:" in text:
        text = QUERY.sub(rb"\1", text)
    if b"+" in text:
        text = PLUS.sub(b"", text)
    bytes_of = np.frombuffer(text, np.uint8)
    if ((bytes_of < BLANK) & (bytes_of != NEWLINE)).any() or not text.isascii():
        return None
    ends = np.flatnonzero((bytes_of == BLANK) | (bytes_of == COLON) | (bytes_of == NEWLINE))  # of all numbers
    kinds = bytes_of[ends]
    is_colon = kinds == COLON
    lengths = np.diff(ends, prepend=-1)
    if is_colon[0] or (lengths < 2).any() or ((kinds[:-1] == BLANK) != is_colon[1:]).any():
        return None  # a number between two others is missing, or no pair
    others = np.cumsum((bytes_of < b"0"[0]) | (bytes_of > b"9"[0]), dtype=np.int64)  # than digits, so far
    at = np.flatnonzero(is_colon)
    if (others[ends[at] - 1] != others[ends[at - 1]]).any():
        return None
    numbers = _numbers(text.translate(ONE_EACH), len(ends))
    if numbers is None or not np.isfinite(numbers).all():
        return None
    is_label = np.ones(len(ends), np.bool_)
    is_label[at] = is_label[at + 1] = False
    with np.errstate(over="ignore"):  # infinite then
        places, values = numbers[at], numbers[at + 1].astype(np.float32)
    starts = np.searchsorted(at, np.flatnonzero(kinds == NEWLINE), "right")
    starts = np.concatenate([[0], starts])
    if not np.isfinite(values).all() or (len(places) and places.max() >= MOST_PLACE):
        return None
    rises = places[1:] > places[:-1]
    rises[starts[(starts > 0) & (starts < len(places))] - 1] = True  # from one line to the next
    if not rises.all():
        return None
    from scipy.sparse import csr_array

    columns = places.astype(np.int32)
    shape = len(starts) - 1, int(columns.max(initial=0)) + 1
    return csr_array((values, columns, starts.astype(np.int32)), shape), numbers[is_label]


def _numbers(text: bytes, n: int) -> NDArray[np.float64] | None:
    """Read n numbers, one a line; None where some text is no number."""
    import pyarrow as pa
    from pyarrow import csv

    try:
        table = csv.read_csv(
            pa.py_buffer(text),
            read_options=csv.ReadOptions(column_names=["x"], use_threads=False, block_size=len(text) + 1),
            parse_options=csv.ParseOptions(quote_char=False),
            convert_options=csv.ConvertOptions(column_types={"x": pa.float64()}, null_values=[], check_utf8=False),
        )
    except pa.ArrowInvalid:
        return None
    [chunk] = table.column(0).chunks
    found = vector(chunk, "float64")
    return found if len(found) == n else None
