"""Where the words of a normalised text stand in the text as it was written."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.data.words.segmentation import Positions, code_points, normalised, word_bounds


@dataclass(frozen=True)
class PlacedWords:
    """The words of a text: `begins` and `ends` (m,) in `text`, which is as it was written, and `of_code` (m, 2) among
    the code points of the normalised text. A text whose characters combine over more than one letter, which is rare,
    stands here in its normalised form."""

    text: str
    begins: Positions
    ends: Positions
    of_code: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.begins)

    def word(self, i: int) -> str:
        """Return a word as it is written."""
        return self.text[self.begins[i] : self.ends[i]]

    def distinct(self) -> dict[str, list[int]]:
        """Return the words as they are normalised, each once, with their numbers."""
        found = dict[str, list[int]]()
        for i in range(len(self)):
            found.setdefault(normalised(self.word(i)), []).append(i)
        return found

    def without(self, words: list[int]) -> str:
        """Return the text without some of its words."""
        parts, last = list[str](), 0
        for i in words:
            parts.append(self.text[last : self.begins[i]])
            last = int(self.ends[i])
        return "".join([*parts, self.text[last:]])


def placed_words(text: str) -> PlacedWords:
    """Find the words of a text, as `word_bounds` does."""
    text, starts, ends = _origins(text)
    begin, end = (bounds - 1 for bounds in word_bounds(code_points([text])[0]))
    return PlacedWords(text, starts[begin], ends[end - 1], np.stack([begin, end], axis=1))


def _origins(text: str) -> tuple[str, Positions, Positions]:
    """Return a text, and where the piece of it begins and ends that each code point of its normalised form is of."""
    if not text.isascii():
        starts, ends, place = list[int](), list[int](), 0
        for piece in _pieces(text):
            n = len(normalised(piece))
            starts += [place] * n
            place += len(piece)
            ends += [place] * n
        if len(starts) == len(found := normalised(text)):
            return text, np.array(starts, np.int64), np.array(ends, np.int64)
        text = found
    places = np.arange(len(text))
    return text, places, places + 1


def _pieces(text: str) -> list[str]:
    """Cut a text into letters, each with the marks behind it."""
    found = list[str]()
    for one in re.findall(r"(?s).", text):
        if found and unicodedata.combining(one):
            found[-1] += one
        else:
            found.append(one)
    return found
