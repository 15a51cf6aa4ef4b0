"""The values in a text of JSON, one by one, each of a bounded length.

The decoder of Python lets no other thread work until it has a whole value: one of 30 MB holds up all requests for
seconds. A value of 2 MiB takes some tenths of a second at worst.
"""

from __future__ import annotations

import json
from typing import Any

from nncli.data.byte_input import reason
from nncli.data.formats.json_lines import DECODER
from nncli.serve.problems import WHERE, Problem

MOST_VALUE = 2 << 20  # characters of an object or a column; of JSON Lines, bytes of a line
STEP = MOST_VALUE // 4  # the part that is looked at moves on by so much
CUT = 16  # characters at the end of a part, in which an error may come from the cut alone
AS_CSV = "Send the rows as text/csv"


class JsonValues:
    """Decodes the values of a text at given places, which may only grow."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._look_from(0)

    def _look_from(self, at: int) -> None:
        self._part, self._start = self.text[at : at + MOST_VALUE + STEP], at

    def decode(self, at: int, what: str) -> tuple[Any, int]:
        """Decode the value that begins at a place, and find where it ends. Raises Problem for what is no JSON, and for
        `what`, such as a column, that is too long."""
        if at - self._start > STEP:
            self._look_from(at)
        end = self._start + len(self._part)
        try:
            value, behind = DECODER.raw_decode(self._part, at - self._start)
        except RecursionError:
            raise Problem(400, WHERE, "expected JSON, found brackets nested too deeply", "Send rows alone") from None
        except json.JSONDecodeError as error:
            place = self._start + error.pos
            if end < len(self.text) and (place > end - CUT or error.msg.startswith("Unterminated")):
                raise too_long(what) from None
            error = json.JSONDecodeError(error.msg, self.text, place)
            raise Problem(400, WHERE, f"expected JSON: {reason(error)}", "Correct it") from None
        if self._start + behind - at > MOST_VALUE:
            raise too_long(what)
        return value, self._start + behind


def too_long(what: str) -> Problem:
    """Say that one value is longer than others should have to wait for."""
    remedy = f"{AS_CSV}, or in several requests" if what == "column" else AS_CSV
    problem = f"expected at most {MOST_VALUE:,} characters of JSON in a {what}, found more"
    return Problem(413, WHERE, problem, remedy)


def refuse_long_lines(data: bytes) -> None:
    """Raise Problem for JSON Lines of which one is too long."""
    at = 0
    while len(data) - at > MOST_VALUE:
        end = data.rfind(b"\n", at, at + MOST_VALUE + 1)
        if end < 0:
            raise too_long("row")
        at = end + 1
