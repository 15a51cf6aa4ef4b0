"""HTML as a type of its own: a text that is not HTML is escaped wherever it goes into a page, so none is forgotten.

A text shows as text: signs that would move a cursor, turn the direction of writing or have no width are written out,
words that are written from right to left stay where they are, and what is far too long has its middle left out. Options
of commands are code, and no line ends within them, or between a number and its %.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass

from nncli.system.output import one_line

LONGEST_WORD, LONGEST_TEXT = 120, 2000  # characters
LONG_WORD = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")
RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
RUN = re.compile(rf"([{RIGHT_TO_LEFT}]+(?:[^\w<>&]+[{RIGHT_TO_LEFT}]+)*)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z0-9](?: \d+(?:\.\d+)?)?(?![\w-])")  # and its number
UNBROKEN = re.compile(r"(?<=\d) (?=%)|(?<=[\d%] to) (?=[-\d])")  # before a percent sign and the end of an interval
VOID = {"input", "link", "meta"}  # elements that have no end


@dataclass(frozen=True)
class Markup:
    """A text that is HTML."""

    html: str


def element(tag: str, /, *children: Markup | str, **attributes: str | int | bool | None) -> Markup:
    """Make an element. `class_` and `aria_label` are the attributes class and aria-label; one that is None or False is
    left out, and one that is True has no value."""
    start = "".join(
        f" {_attribute(key)}" if value is True else f' {_attribute(key)}="{html.escape(one_line(str(value)))}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Markup(f"<{tag}{start}>" + ("" if tag in VOID else f"{joined(children).html}</{tag}>"))


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def joined(parts: Iterable[Markup | str]) -> Markup:
    """Join pieces of HTML, and texts, which are escaped."""
    return Markup("".join(part.html if isinstance(part, Markup) else _text(part) for part in parts))


def verbatim(text: str) -> Markup:
    """Return a text whole, however long it is, as a command is that is to be copied."""
    return Markup(html.escape(one_line(text), quote=False))


def own_code(name: str, text: str) -> Markup:
    """Make a style or a script of a text that is in this package; browsers take it as it is."""
    assert "</" not in text
    return Markup(f"<{name}>{text}</{name}>")


def _text(text: str) -> str:
    """Return a text as HTML."""
    safe = LONG_WORD.sub(lambda word: _cut(word[0], LONGEST_WORD), one_line(text))
    safe = html.escape(_cut(safe, LONGEST_TEXT), quote=False)
    safe = OPTION.sub(r"<code>\g<0></code>", UNBROKEN.sub("&nbsp;", safe))
    return safe if safe.isascii() else RUN.sub(r"<bdi>\1</bdi>", safe)


def _cut(text: str, most: int) -> str:
    """Leave out the middle of a text that is too long."""
    return text if len(text) <= most else f"{text[: most * 2 // 3]}…{text[-most // 4 :]}"
