"""Write lines and JSON for a person or a script. Nothing in them moves a cursor."""

from __future__ import annotations

import contextlib
import csv
import json
import math
import os
import re
import select
import sys
import textwrap
from collections.abc import Iterable, Sequence
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import Any, TextIO

STDOUT = "stdout"  # the file name in errors of stdout
WARNING = "warning: "  # begins a line on what makes a figure wrong
LONGEST, BEGINNING, ENDING = 8000, 5000, 1000  # characters of a message, and those kept of a longer one
MOST_SHOWN = 60  # characters of a refused text
SEEN_BEFORE = 3  # characters before the one in which two names differ
# What JSON contains as it is, and a terminal may obey or leave out: control characters, characters that change the
# direction of text or have no width, and those that UTF-8 cannot encode.
UNSEEN = (  # compiled where it is used, as few runs do
    r"[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    r"\U000e0000-\U000e0fff]"
)


def one_line(text: str) -> str:
    """Escape line breaks, control sequences and other invisible characters, as Python does."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def shortened(text: str, most: int = MOST_SHOWN) -> str:
    """Shorten a text, for a message that refuses it."""
    return text if len(text) <= most else text[:most] + "…"


def told_apart(names: Sequence[str], most: int) -> list[str]:
    """Shorten names to `most` characters each, so that those that differ still do: at the end or, of names that begin
    alike, also before where they differ."""
    short = [name if len(name) <= most else name[: most - 1] + "…" for name in names]
    for one in {text for text in short if text.endswith("…") and short.count(text) > 1}:
        places = [i for i, text in enumerate(short) if text == one]
        alike = {names[i] for i in places}
        head, lengths = one[: most // 3 - 1], [*map(len, alike)]
        if len(alike) == 1 or not head:
            continue  # there is nothing to tell apart, or no room
        room = most - len(head) - 1
        first = next((k for k, each in enumerate(zip(*alike, strict=False)) if len({*each}) > 1), min(lengths))
        start = max(len(head), min(first - SEEN_BEFORE, max(lengths) - room))
        ends = told_apart([names[i][start:] for i in places], room)
        for i, end in zip(places, ends, strict=True):
            short[i] = f"{head}…{end}"
    return short


def say(line: str, quiet: bool = False, wrap: bool = True) -> None:
    """Print a note or an error on stderr: one line, which a terminal shows wrapped between words.

    With `wrap=False` it stays one line there too, as a command does that is to be copied. A failure to write is no
    reason to stop. A warning is said also if one wants it `quiet`, as it makes a figure wrong.
    """
    if not quiet or line.startswith(WARNING):
        line = one_line(line)
        if len(line) > LONGEST:  # the beginning says where, the end what to do
            line = f"{line[:BEGINNING]} … {line[-ENDING:]}"
        with contextlib.suppress(OSError):
            print(_wrapped(line, sys.stderr) if wrap else line, file=sys.stderr, flush=True)


def _wrapped(line: str, stream: TextIO) -> str:
    """Break a line between words, to the width of a terminal; a word that is longer stays whole. What goes on in other
    lines stands a little further in."""
    if not stream.isatty():
        return line
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() else os.get_terminal_size(stream.fileno()).columns
    own = line[: len(line) - len(line.lstrip(" "))]
    more = own + "  " if own else ""
    return textwrap.fill(line, width or 80, subsequent_indent=more, break_long_words=False, break_on_hyphens=False)


class _Stdout(FileIO):
    """The file behind stdout. Its errors carry its name, to tell them from those of other files."""

    abandoned = False

    def write(self, data: Any) -> int:
        if self.abandoned:
            return len(memoryview(data).cast("B"))
        try:
            while (written := super().write(data)) is None:  # it has been made non-blocking
                select.select([], [self], [])
            return written
        except OSError as error:
            error.filename = STDOUT
            raise


class _Stderr(FileIO):
    """The file behind stderr. What cannot be written there is lost: that is no reason to stop."""

    def write(self, data: Any) -> int:
        with contextlib.suppress(OSError):
            super().write(data)
        return len(memoryview(data).cast("B"))


def tell_streams_apart() -> None:
    """Name stdout in its errors, and ignore those of stderr, whoever writes to them."""
    for name, raw in (("stdout", _Stdout), ("stderr", _Stderr)):
        stream = getattr(sys, name)
        if stream is not None:
            file = BufferedWriter(raw(stream.fileno(), "wb", closefd=False))
            lines = stream.line_buffering
            setattr(sys, name, TextIOWrapper(file, stream.encoding, "backslashreplace", line_buffering=lines))


def abandon_stdout() -> None:
    """Drop what is still buffered for stdout, which nobody reads: Python would try to write it again at its end."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(raw, _Stdout):
        raw.abandoned = True


def put(line: str = "") -> None:
    """Print a line of a result on stdout, which a terminal shows wrapped between words."""
    print(_wrapped(one_line(line), sys.stdout))


def print_json(document: Any) -> None:
    """Print a document for scripts, with the characters escaped that a terminal might obey."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    print(re.sub(UNSEEN, lambda found: json.dumps(found[0])[1:-1], text))


def print_utf_8(text: str) -> None:
    """Print a text in UTF-8, which a file of its kind has in every locale."""
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:  # a stream of texts, as in a notebook
        print(text)
    else:
        sys.stdout.flush()
        buffer.write(f"{text}\n".encode())


def print_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table for scripts; None is an empty cell, and numbers have all their figures."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)


def counted(n: int, noun: str) -> str:
    """Return a number with its noun, such as 1 row or 2,000 rows."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def note_of(where: str, note: str) -> str:
    """Say what a note is about, unless it does so itself; a warning stays one."""
    if note.startswith((f"{where}:", f"{WARNING}{where}:")):
        return note
    warning = WARNING if note.startswith(WARNING) else ""
    return f"{warning}{where}: {note.removeprefix(warning)}"


def warnings_in(lines: Iterable[str]) -> list[str]:
    """Return the warnings among some lines, for a document that a script reads."""
    return [line.removeprefix(WARNING) for line in lines if line.startswith(WARNING)]


def in_quotes(name: str) -> str:
    """Return a name between quotation marks that do not occur in it."""
    return f'"{name}"' if "'" in name else f"'{name}'"


MOST_DECIMALS = 15  # that a number of double precision has


def number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.3g}"


def quantity(value: float) -> str:
    """Write a number in the unit of a target with five figures; a very small or large one as a power of ten."""
    size = abs(value)
    if not (size == 0 or 1e-4 <= size < 1e9):  # also what is not finite
        return f"{value:.4g}"
    decimals = max(0, 4 - math.floor(math.log10(size))) if size else 0
    return f"{value:,.{decimals}f}"


def signed_alike(values: Sequence[float]) -> list[str]:
    """Write numbers with their signs, all with as many decimals, so that their points stand below one another: the
    largest has four figures."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    decimals = min(MOST_DECIMALS, max(0, 3 - math.floor(math.log10(largest)))) if largest > 0 else 0
    return [f"{value:+.{decimals}f}" for value in values]


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"
