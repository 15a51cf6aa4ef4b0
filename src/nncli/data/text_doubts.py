"""Tell of texts in a table that are probably not meant as they are: written in two ways, or in a wrong encoding."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import zip_longest

from nncli.data.dataset import Table, TextColumn
from nncli.system.output import in_quotes

MOST_VALUES = 20_000  # of a column, which are looked at
ALIKE = {  # Latin letters, in which those of Cyrillic and Greek words are written; dashes and quotes
    "a": "\u0430\u03b1",
    "b": "\u0432\u03b2",
    "c": "\u0441",
    "d": "\u0501",
    "e": "\u0435\u03b5",
    "h": "\u04bb\u043d",
    "i": "\u0456\u03b9",
    "j": "\u0458",
    "k": "\u043a\u03ba",
    "m": "\u043c",
    "n": "\u03bd",
    "o": "\u043e\u03bf",
    "p": "\u0440\u03c1",
    "s": "\u0455",
    "t": "\u0442\u03c4",
    "x": "\u0445\u03c7",
    "y": "\u0443\u03c5",
    "-": "\u2013\u2014\u2010\u2011\u2212",
    "'": "\u2019\u2018\u201a",
    '"': "\u201c\u201d\u201e",
}
YES_OR_NO = (("yes", "no"), ("y", "n"), ("true", "false"), ("t", "f"), ("on", "off"), ("1", "0"))
UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
LOOK_ALIKE = {ord(sign): one for one, signs in ALIKE.items() for sign in signs} | dict.fromkeys(map(ord, UNSEEN))
BLANKS = re.compile(r"(?<!\d)[\s_]+|[\s_]+(?!\d)")  # and not those between two numbers, as 1 10 is not 11 0


def notes_of_texts(
    table: Table, target: TextColumn, target_name: str, group: str | None, is_read: Callable[[str, TextColumn], bool]
) -> list[str]:
    """Say, a line each, which texts of a column seem to be one, unless it `is_read` word by word, and which are
    garbled. Classes that differ so are told where they are made."""
    notes = list[str]()
    for name, column in (*table.texts.items(), (target_name, target)):
        if len(column.values) > MOST_VALUES:
            continue
        if name == group or (name != target_name and not is_read(name, column)):
            notes += _alike(name, column.values, "groups" if name == group else "categories")
        notes += _garbled(name, column.values) + _answers_in_two_ways(name, column.values, name == target_name)
    return notes


def folded(text: str) -> str:
    """Write a text in small letters of one alphabet and without blanks, but for those between two numbers: texts that
    a reader takes for one are one."""
    return _folded(text) if text.isascii() else _folded(unicodedata.normalize("NFKC", text)).translate(LOOK_ALIKE)


def difference(one: str, other: str) -> str:
    """Say in what two texts differ that are `folded` alike."""
    if _folded(one) == _folded(other):
        return "differ only in capital letters or blanks"
    first, second = next((a, b) for a, b in zip_longest(one, other, fillvalue="") if a != b)
    names = [unicodedata.name(sign, f"U+{ord(sign):04X}").lower() if sign else "nothing" for sign in (first, second)]
    return f"look alike, but have other letters or signs ({names[0]}, {names[1]})"


def _folded(text: str) -> str:
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
    return [f"{warning}column {in_quotes(name)}: {what} {pair} {difference(*pairs[0])}, and are kept apart"]


def _answers_in_two_ways(name: str, values: Sequence[str], are_classes: bool) -> list[str]:
    """Tell of a column that has only yes and no, but in several pairs of words, as files of two programs have."""
    words = {value.casefold() for value in values} if len(values) <= 4 * len(YES_OR_NO) else set()
    words -= {"1", "0"} if words.issuperset(("true", "false")) else set()  # which are the same
    pairs = [pair for pair in YES_OR_NO if words.issuperset(pair)]
    if len(pairs) < 2 or len(words) > 2 * len(pairs):
        return []
    (yes, no), (one, other) = pairs[:2]
    told = f"{yes} and {no} stand beside {one} and {other}, and are kept apart: if they mean the same, write one pair"
    return [f"{'warning: ' * are_classes}column {in_quotes(name)}: {told}"]


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
