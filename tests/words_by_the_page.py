"""Inputs made of words, written from docs/how-to/text.md and docs/reference/model-file.md alone."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

MODULO = 1 << 64
UNSEEN = re.compile("[\u00ad\u200c\u200d\u2060\ufeff\ufe00-\ufe0f\U000e0100-\U000e01ef]")
WORDS, CHARS = 0, 1


def inputs_of_words(texts: Sequence[str | None], words: dict[str, Any], idf: Sequence[float]) -> list[float]:
    """Return the inputs of a row whose columns of text hold these, None for a missing one."""
    found = [0.0] * len(idf)
    for column, text in enumerate(texts):
        weights = {}
        for place, c in _counts(text or "", words, column).items():
            if c:
                weights[place] = math.copysign(1 + math.log(abs(c)), c) * float(idf[place])
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1
        for place, weight in weights.items():
            found[place] += weight / length
    return found


def _counts(text: str, words: dict[str, Any], column: int) -> Counter[int]:
    counts = Counter[int]()
    for kind, g in _ngrams(UNSEEN.sub("", unicodedata.normalize("NFKC", text).lower()), words["ngrams"]):
        x = _mix((g + _salt(words["seed"], column, kind)) % MODULO)
        counts[x % (1 << words["bits"])] += -1 if x >= MODULO // 2 else 1
    return counts


def _ngrams(text: str, ngrams: str) -> Iterator[tuple[int, int]]:
    for part in ngrams.split(","):
        kind, lengths = part.split(":")
        low, high = map(int, lengths.split("-"))
        if kind == "words":
            found = _words(text)
            for n in range(low, high + 1):
                for i in range(len(found) - n + 1):
                    g = 0
                    for word in found[i : i + n]:
                        g = (g * 0xA0761D6478BD642F + _hash(word)) % MODULO
                    yield WORDS, g
            continue
        for piece in (f" {piece} " for piece in text.split()):
            if len(piece) < low:
                yield CHARS, _hash(piece)
            for n in range(low, high + 1):
                for i in range(len(piece) - n + 1):
                    yield CHARS, _hash(piece[i : i + n])


def _words(text: str) -> list[str]:
    found, last = list[str](), ""
    for character in [*text, " "]:
        is_single = _is_single(character)
        if not is_single and (re.match(r"\w", character) or unicodedata.category(character)[0] == "M"):
            last += character
            continue
        found += [last] * bool(last) + [character] * is_single
        last = ""
    return found


def _is_single(character: str) -> bool:
    code, name = ord(character), unicodedata.name(character, "")
    is_pictograph = 0x2600 <= code <= 0x27BF or (0x1F000 <= code <= 0x1FAFF and not 0x1F3FB <= code <= 0x1F3FF)
    return character in "!?" or is_pictograph or name.startswith(("CJK UNIFIED", "HIRAGANA LETTER", "KATAKANA LETTER"))


def _hash(text: str) -> int:
    h = 0
    for character in text:
        h = (h * 0xD6E8FEB86659FD93 + ord(character) + 1) % MODULO
    return h


def _mix(x: int) -> int:
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % MODULO
    x = (x ^ x >> 27) * 0x94D049BB133111EB % MODULO
    return x ^ x >> 31


def _salt(seed: int, column: int, kind: int) -> int:
    s = 0
    for v in (seed, column, kind):
        s = _mix(((s ^ v) + 0x9E3779B97F4A7C15) % MODULO)
    return s
