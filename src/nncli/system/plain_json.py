"""The JSON of a model file: bounded before it is read, and of the form that is expected."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

MOST_BYTES = 4 << 20
MOST_VALUES = 300_000  # each takes up to a hundred bytes of memory, however few it has in the file


def encode(document: Mapping[str, Any]) -> bytes:
    """ValueError for more than `decode` takes."""
    written = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # the name of a file may have bytes that are no UTF-8: Python has them as lone surrogates, JSON as \udcff
    text = written.encode("utf-8", "backslashreplace")
    _check_size(text)
    return text


def decode(text: bytes, form: Any) -> Any:
    """ValueError for a text that is too large, is no JSON, or does not have the form."""
    _check_size(text)
    try:
        document = json.loads(text.decode(), parse_constant=_refuse, parse_float=_float, object_pairs_hook=_object)
        # half a letter, which JSON can have, is none; but a byte of a file's name can be written so
        json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogateescape")
    except RecursionError:
        raise ValueError("brackets in brackets without an end") from None
    check(document, form)
    return document


def _check_size(text: bytes) -> None:
    if len(text) > MOST_BYTES or sum(map(text.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise ValueError(f"too many names and values: at most {MOST_BYTES >> 20} MiB, {MOST_VALUES:,} values")


def _refuse(constant: str) -> None:
    raise ValueError(f"the number {constant}")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]}")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object with one name twice")
    return found


def check(value: Any, form: Any, where: str = "") -> None:
    """A form is a type; a list of one form; a dict of forms by name; or a tuple: one of several. None is null.

    `dict` alone is an object of any kind, to be looked at by those who read it.
    """
    if isinstance(form, tuple):
        for one in form:
            try:
                return check(value, one, where)
            except ValueError:
                continue
    elif isinstance(form, list) and isinstance(value, list):
        for item in value:
            check(item, form[0], f"{where}[]")
        return None
    elif isinstance(form, dict) and isinstance(value, dict) and value.keys() == form.keys():
        for name, inner in form.items():
            check(value[name], inner, f"{where}.{name}" if where else name)
        return None
    elif (form is None and value is None) or (isinstance(form, type) and type(value) is form):
        return None
    raise ValueError(f"'{where}' is not of its form")
