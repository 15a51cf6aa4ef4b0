"""The messages that a page may send: each a small JSON object of one of these forms, and anything else is refused."""

from __future__ import annotations

import re
from typing import Any

from nncli.play.setup import OF_PAGE
from nncli.system import plain_json
from nncli.system.plain_json import Between

MOST_BYTES = 1 << 16  # of a message; the largest is a drawing
MOST_ROWS = 1 << 31
VALUE = re.compile(r"[^\x00-\x1f]{0,2000}")  # of an option, as text
NAME = re.compile(r"[^\x00-\x1f]{1,300}")
FORMS: dict[str, dict[str, Any]] = {
    "open": {"do": str, "data": NAME, "options": dict, "noise": Between(0, 5), "columns": [NAME]},
    "reset": {"do": str},
    "play": {"do": str},
    "pause": {"do": str},
    "step": {"do": str, "of": re.compile("epoch|batch|row")},
    "look": {"do": str, "columns": [NAME]},
    "rate": {"do": str, "lr": VALUE},
    "weight": {"do": str, "layer": range(1000), "input": (range(MOST_ROWS), None), "unit": range(MOST_ROWS),
               "value": Between(-1e6, 1e6)},
    "row": {"do": str, "row": range(MOST_ROWS)},
    "draw": {"do": str, "drawing": re.compile(r"[A-Za-z0-9+/]{1,20000}={0,2}")},
}  # fmt: skip


def read(text: str) -> dict[str, Any]:
    """Read a message; ValueError, which says why, for any other text."""
    data = text.encode("utf-8", "replace")
    if len(data) > MOST_BYTES:
        raise ValueError(f"a message of {len(data):,} bytes, more than {MOST_BYTES:,}")
    message: dict[str, Any] = plain_json.decode(data, dict)
    do = message.get("do")
    if not isinstance(do, str) or do not in FORMS:
        raise ValueError("a message that asks for nothing known")
    plain_json.check_form(message, FORMS[do], do)
    if do == "open":
        for name, value in message["options"].items():
            if name not in OF_PAGE:
                raise ValueError(f"'{name[:50]}' is no option of the playground")
            plain_json.check_form(value, VALUE, name)
    if len(message.get("columns", ())) not in (0, 2):
        raise ValueError("expected two columns, or none")
    return message
