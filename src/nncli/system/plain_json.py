"""Read JSON from strangers, such as that of model files and ledgers: limit its size first, then check its form."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_BYTES = 8 << 20
MOST_VALUES = 1_000_000  # each takes up to a hundred bytes of memory, however short it is in the file


@dataclass(frozen=True)
class Between:
    """The form of a number, whole or not, from `low` to `high`."""

    low: float
    high: float


def encode(document: Mapping[str, Any]) -> bytes:
    """Write a document as JSON; ValueError if it is larger than `decode` accepts."""
    written = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # a file name may have bytes that are no UTF-8: lone surrogates in Python, written as \udcff in JSON
    text = written.encode("utf-8", "backslashreplace")
    _check_size(text)
    return text


def decode(text: bytes, form: Any) -> Any:
    """Read JSON; ValueError if it is too large, is no JSON, or does not have the form (see `check_form`)."""
    _check_size(text)
    try:
        document = json.loads(text.decode(), parse_constant=_float, parse_float=_float, object_pairs_hook=_object)
        # refuse lone surrogates, but for those that stand for a byte of a file name
        json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogateescape")
    except RecursionError:
        raise ValueError("brackets nested too deeply") from None
    check_form(document, form)
    return document


def _check_size(text: bytes) -> None:
    if len(text) > MOST_BYTES or sum(map(text.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise ValueError(f"too many names and values: at most {MOST_BYTES >> 20} MiB, {MOST_VALUES:,} values")


def _float(text: str) -> float:
    """Read a finite number; ValueError for one that is too large, and for NaN and Infinity, which JSON has not."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]}")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object with a duplicate name")
    return found


def check_form(value: Any, form: Any, where: str = "") -> None:
    """Raise ValueError unless a value has a form.

    A form is a type, None for null, a pattern for all of a text, a range of whole numbers, a `Between`, a list of one
    form, a dict of forms by name, or a tuple of alternatives. `dict` itself stands for any object, whose content the
    caller checks.
    """
    if isinstance(form, tuple):
        for one in form:
            with contextlib.suppress(ValueError):
                check_form(value, one, where)
                return
    match form:
        case list():
            holds = isinstance(value, list)
            for item in value if holds else ():
                check_form(item, form[0], f"{where}[]")
        case dict():
            holds = isinstance(value, dict) and value.keys() == form.keys()
            for name, inner in form.items() if holds else ():
                check_form(value[name], inner, f"{where}.{name}" if where else name)
        case re.Pattern():
            holds = type(value) is str and form.fullmatch(value) is not None
        case range():
            holds = type(value) is int and value in form
        case Between():
            holds = type(value) in (int, float) and form.low <= value <= form.high
        case _:
            holds = value is None if form is None else type(value) is form
    if not holds:
        raise ValueError(f"'{where}' is not of its form")
