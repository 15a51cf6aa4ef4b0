r"""A text becomes words: normalised, then cut.

**Normalised** is a text in Unicode's form NFKC, then in lower case, then without what is not seen: the soft hyphen, the
joiners of letters, variation selectors and the mark of byte order. ﬁ is fi, Ａ is a, ½ is 1⁄2. In JavaScript:

    text.normalize("NFKC").toLowerCase()
        .replace(/[\u00AD\u200C\u200D\u2060\uFE00-\uFE0F\uFEFF\u{E0100}-\u{E01EF}]/gu, "")

**A word** is a run of letters, digits, marks and underscores, as long as it can be: what `\w` of Python's regular
expressions matches, and all marks (categories Mn, Mc and Me), as the vowels of Indic scripts are. A word by itself is

- each Han, Hiragana or Katakana character, for no blanks stand between words there; pairs of words are then pairs of
  characters,
- each ! and ?, and each pictograph (U+2600 to U+27BF and U+1F000 to U+1FAFF, without the tones of skin), which say much
  about the mood of a text.

Everything else lies between words, and is dropped: other punctuation, apostrophes and hyphens too (don't is don and t,
and as a pair of words "don t"), # and @ of names. A URL falls into its words.

**A piece**, of which n-grams of characters are made, is a run of characters that are no whitespace (`str.split`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[Any]  # code points: uint8 where all are ASCII, else uint32
Positions = NDArray[np.int64]
BETWEEN, LETTER, SINGLE = 0, 1, 2  # classes of characters: part of no word, of a longer one, a word by itself
UNSEEN = re.compile("[\u00ad\u200c\u200d\u2060\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]")
EAST = (  # first and last of Han, Hiragana and Katakana
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3031, 0x3035),
    (0x3038, 0x303B),
    (0x3041, 0x3096),
    (0x309D, 0x309F),
    (0x30A1, 0x30FA),
    (0x30FC, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x1AFF0, 0x1B16F),
    (0x20000, 0x3FFFD),  # two planes, of which not all is given away yet
)
MOOD = ((0x21, 0x21), (0x3F, 0x3F), (0x61F, 0x61F), (0x2600, 0x27BF), (0x1F000, 0x1F3FA), (0x1F400, 0x1FAFF))
SINGLES = (*EAST, *MOOD)
LAST, MARKS_END = 0x10FFFF, 0x20000  # no marks are above, but for selectors, which are not seen


def normalised(text: str) -> str:
    """Return a text in the form NFKC, in lower case, without characters that are not seen."""
    if text.isascii():
        return text.lower()
    return UNSEEN.sub("", unicodedata.normalize("NFKC", text).lower())


def code_points(texts: Sequence[str | None]) -> tuple[Codes, Positions]:
    """Return the code points of texts, normalised, with a line feed before each and after the last one; and where each
    begins, with one more that says where the next one would, (n + 1,)."""
    filled = [text or "" for text in texts]
    joined = "\n".join(["", *filled, ""])
    if joined.isascii():
        codes = np.frombuffer(joined.lower().encode("ascii"), np.uint8)
    else:
        filled = [normalised(text) for text in filled]
        codes = np.frombuffer("\n".join(["", *filled, ""]).encode("utf-32-le", "surrogatepass"), "<u4")
    begins = np.zeros(len(filled) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, filled), np.int64, len(filled)) + 1, out=begins[1:])
    begins += 1  # behind the line feed
    return codes, begins


def word_bounds(codes: Codes) -> tuple[Positions, Positions]:
    """Return where words begin and where they end (the place behind their last character). The first and the last code
    point are of no word."""
    classes = np.take(class_tables(codes)[0], codes, mode="clip")
    borders = np.flatnonzero((classes[1:] != classes[:-1]) | (classes[1:] == SINGLE)) + 1
    inside = np.flatnonzero(classes[borders] != BETWEEN)
    return borders[inside], borders[inside + 1]


def blanks(codes: Codes) -> NDArray[np.bool_]:
    """Tell which code points are whitespace."""
    return np.take(class_tables(codes)[1], codes, mode="clip")


def class_tables(codes: Codes) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the class of each code point that there may be among some, and whether it is whitespace."""
    if codes.dtype == np.uint8:
        return _classes_of_ascii(), _whitespace_of_ascii()
    return _classes(), _whitespace()


def runs(inside: NDArray[np.bool_]) -> tuple[Positions, Positions]:
    """Return where runs of what is inside begin and end. The first and the last one are not."""
    changes = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    return changes[::2], changes[1::2]


@cache
def _classes_of_ascii() -> NDArray[np.uint8]:
    return _classes_of(128)


@cache
def _classes() -> NDArray[np.uint8]:
    return _classes_of(LAST + 1)


def _classes_of(n: int) -> NDArray[np.uint8]:
    """Return the class of each of the first n code points, (n,)."""
    characters = _characters(n)
    found = np.zeros(n, np.uint8)
    for run in re.finditer(r"\w+", characters):
        found[run.start() : run.end()] = LETTER
    for code in np.flatnonzero(found[:MARKS_END] == BETWEEN).tolist():
        if unicodedata.category(characters[code])[0] == "M":
            found[code] = LETTER
    for first, last in SINGLES:
        found[first : last + 1] = SINGLE
    return found


@cache
def _whitespace_of_ascii() -> NDArray[np.bool_]:
    return _whitespace_of(128)


@cache
def _whitespace() -> NDArray[np.bool_]:
    return _whitespace_of(LAST + 1)


def _whitespace_of(n: int) -> NDArray[np.bool_]:
    """Tell which of the first n code points are whitespace, (n,)."""
    found = np.zeros(n, np.bool_)
    for run in re.finditer(r"\s", _characters(n)):
        found[run.start()] = True
    return found


def _characters(n: int) -> str:
    return np.arange(n, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
