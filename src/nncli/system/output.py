"""What leaves the program for a person or a script: lines, and JSON. Nothing in them moves a cursor."""

from __future__ import annotations

import contextlib
import json
import re
import select
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import Any

STDOUT = "stdout"  # what an error of it has for the name of its file
LONGEST, BEGINNING, ENDING = 8000, 5000, 1000  # characters of a line of a message, and what is left of a longer one
MOST_SHOWN = 60  # characters of what is refused
# What a terminal may obey or leave out, where JSON has it as it is: control characters, signs that turn the direction
# of the text or have no width, and those that no UTF-8 has.
UNSEEN = re.compile(
    r"[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    r"\U000e0000-\U000e0fff]"
)


def one_line(text: str) -> str:
    """Write line breaks, escape sequences and other signs that cannot be seen as Python escapes them."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def shortened(text: str) -> str:
    """Shorten what somebody has written, for a message that refuses it."""
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "…"


def say(line: str, quiet: bool = False) -> None:
    """Print a note for the person, one line on stderr. That nobody can read it is no reason to stop."""
    if not quiet:
        line = one_line(line)
        if len(line) > LONGEST:  # where it is and what to do stand at the ends
            line = f"{line[:BEGINNING]} … {line[-ENDING:]}"
        with contextlib.suppress(OSError):
            print(line, file=sys.stderr, flush=True)


class _Stdout(FileIO):
    """The file behind stdout. Its errors bear its name, so that it is blamed for them and for no others."""

    abandoned = False

    def write(self, data: Any) -> int:
        if self.abandoned:
            return len(memoryview(data).cast("B"))
        try:
            while (written := super().write(data)) is None:  # somebody has made it a file that does not wait
                select.select([], [self], [])
            return written
        except OSError as error:
            error.filename = STDOUT
            raise


class _Stderr(FileIO):
    """The file behind stderr. What cannot be written there is lost: that nobody can read it is no reason to stop."""

    def write(self, data: Any) -> int:
        with contextlib.suppress(OSError):
            super().write(data)
        return len(memoryview(data).cast("B"))


def tell_streams_apart() -> None:
    """Have errors of stdout say so, and those of stderr pass, whoever writes to them."""
    for name, raw in (("stdout", _Stdout), ("stderr", _Stderr)):
        stream = getattr(sys, name)
        if stream is not None:
            file = BufferedWriter(raw(stream.fileno(), "wb", closefd=False))
            lines = stream.line_buffering
            setattr(sys, name, TextIOWrapper(file, stream.encoding, "backslashreplace", line_buffering=lines))


def abandon_stdout() -> None:
    """Let go of what is still buffered, which nobody takes: without this, Python would try again at its end."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(raw, _Stdout):
        raw.abandoned = True


def put(line: str = "") -> None:
    """Print a line of a result on stdout."""
    print(one_line(line))


def print_json(document: Any) -> None:
    """Print what scripts read: the same document to them, and harmless on a terminal."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    print(UNSEEN.sub(lambda sign: json.dumps(sign[0])[1:-1], text))


def number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.3g}"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"
