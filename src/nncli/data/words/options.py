"""Hold what is counted in a text, and in how many places."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from nncli.errors import listing

MOST_WORDS, MOST_CHARS = 5, 8  # in an n-gram
MOST_NAMES, LONGEST_NAME = 100_000, 60  # of a vocabulary, and the characters of each
MOST_BITS = 30  # the number of a place fits into an int32
EXPECTED = (
    "expected words:1-2, chars:3-5 or both with a comma between them, "
    f"of 1 to {MOST_WORDS} words and 1 to {MOST_CHARS} characters"
)
PART = re.compile(r"(words|chars):([0-9])(?:-([0-9]))?", re.ASCII)
Range = tuple[int, int]  # the shortest and the longest n-gram, both included


@dataclass(frozen=True)
class Ngrams:
    """Hold the lengths of the n-grams that are counted, of words and of characters; None: none of that kind."""

    words: Range | None = None
    chars: Range | None = None

    def __str__(self) -> str:
        """Write them in the form that `parse_ngrams` reads."""
        parts = {"words": self.words, "chars": self.chars}
        return ",".join(f"{kind}:{part[0]}-{part[1]}" for kind, part in parts.items() if part)


def parse_ngrams(text: str) -> Ngrams:
    """Read n-grams as an option has them: `words:1-2,chars:3-5`, or one of the two; `words:1` is `words:1-1`. Raise
    ValueError, of one line that says what is expected and what was found."""
    found: dict[str, Range] = {}
    for part in text.split(","):
        match = PART.fullmatch(part.strip())
        if not match:
            raise ValueError(f"{EXPECTED}, found {text!r}")
        kind, low, high = match[1], int(match[2]), int(match[3] or match[2])
        most = MOST_WORDS if kind == "words" else MOST_CHARS
        if not 1 <= low <= high <= most or kind in found:
            raise ValueError(f"{EXPECTED}, found {text!r}")
        found[kind] = low, high
    return Ngrams(**found)


@dataclass(frozen=True)
class WordOptions:
    """Say which n-grams of a text are counted, in how many places (2^bits), and by which of the hash functions (seed).
    Raise ValueError, of one line, if a value is out of its range."""

    ngrams: str = "words:1-2"
    bits: int = 18
    seed: int = 0

    def __post_init__(self) -> None:
        parse_ngrams(self.ngrams)
        if not 1 <= self.bits <= MOST_BITS:
            raise ValueError(f"expected a whole number of bits from 1 to {MOST_BITS}, found {self.bits}")
        if not 0 <= self.seed < 1 << 64:
            raise ValueError(f"expected a seed from 0 to 2^64 - 1, found {self.seed}")

    @cached_property
    def parts(self) -> Ngrams:
        """The n-grams, read."""
        return parse_ngrams(self.ngrams)

    @property
    def places(self) -> int:
        """The number of places: 2^bits."""
        return 1 << self.bits

    def in_words(self) -> str:
        """Say what is counted, in words."""
        found = []
        if self.parts.words:
            low, high = self.parts.words
            found += ["words"] if low == 1 else []
            found += ["pairs of words"] if low <= 2 <= high else []
            found += [f"sequences of {_to(max(low, 3), high)} words"] if high >= 3 else []
        if self.parts.chars:
            low, high = self.parts.chars
            found += ["characters"] if low == 1 else []
            found += [f"sequences of {_to(max(low, 2), high)} characters"] if high >= 2 else []
        return listing(found)


def _to(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"
