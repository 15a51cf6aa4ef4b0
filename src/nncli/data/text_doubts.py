"""Tell of texts in a table that are probably not meant as they are: written in two ways, or in a wrong encoding."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nncli.data.dataset import Table, TextColumn
from nncli.system.output import in_quotes

MOST_VALUES = 20_000  # of a column, which are looked at
BLANKS = re.compile(r"(?<!\d)[\s_]+|[\s_]+(?!\d)")  # and not those between two numbers, as 1 10 is not 11 0


def notes_of_texts(table: Table, target: TextColumn, target_name: str, group: str | None) -> list[str]:
    """Say, a line each, which texts of a column differ in case or blanks alone, and which are garbled. Classes that
    differ so are told where they are made."""
    notes = list[str]()
    for name, column in (*table.texts.items(), (target_name, target)):
        if len(column.values) > MOST_VALUES:
            continue
        if name != target_name:
            notes += _alike(name, column.values, "groups" if name == group else "categories")
        notes += _garbled(name, column.values)
    return notes


def folded(text: str) -> str:
    """Write a text in small letters and without blanks, but for those between two numbers."""
    return BLANKS.sub("", text).casefold()


def _alike(name: str, values: Sequence[str], what: str) -> list[str]:
    first, pairs = dict[str, str](), list[tuple[str, str]]()
    for value in values:
        other = first.setdefault(folded(value), value)
        if other != value:
            pairs.append((other, value))
    if not pairs:
        return []
    warning = "warning: " if what == "groups" else ""
    more = f" (and {len(pairs) - 1:,} more)" if len(pairs) > 1 else ""
    pair = f"{in_quotes(pairs[0][0])} and {in_quotes(pairs[0][1])}{more}"
    return [f"{warning}column {in_quotes(name)}: {what} {pair} differ in case or blanks alone, and are kept apart"]


def _garbled(name: str, values: Sequence[str]) -> list[str]:
    """Find a text that is UTF-8 read as another encoding and written so, as MÃ¼nchen for München."""
    for value in values:
        for encoding in () if value.isascii() else ("cp1252", "latin-1"):
            try:
                meant = value.encode(encoding).decode()
            except UnicodeError:
                continue
            told = f"{in_quotes(value)} looks like {in_quotes(meant)} in a wrong encoding"
            return [f"warning: column {in_quotes(name)}: {told}: correct it in the file"]
    return []
