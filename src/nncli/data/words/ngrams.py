"""The n-grams of a block of texts, all at once: their hashes, and which row each is of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.data.words.hashing import BASE, CHARS, WORD_BASE, WORDS, Hashes, Prefixes
from nncli.data.words.options import Ngrams, Range
from nncli.data.words.segmentation import Codes, Positions, blanks, code_points, runs, word_bounds

BLANK = 32


class Found(NamedTuple):
    """N-grams of one kind and one length, in the order of the texts."""

    kind: int  # WORDS or CHARS
    hashes: Hashes  # g of each, without a salt
    rows: Positions  # the text of each
    name: Callable[[int], str]  # writes the one of a number
    spans: Callable[[], tuple[Positions, Positions]]  # where each begins and ends among the code points of all texts


def ngrams_of(texts: Sequence[str | None], parts: Ngrams) -> Iterator[Found]:
    """Yield all n-grams of texts."""
    codes, starts = code_points(texts)
    if parts.words:
        yield from _of_words(codes, starts, parts.words)
    if parts.chars:
        yield from _of_characters(codes, starts, parts.chars)


def _of_words(codes: Codes, starts: Positions, lengths: Range) -> Iterator[Found]:
    begins, ends = word_bounds(codes)
    hashes = Prefixes(codes).between(begins, ends)
    rows = _rows_of(begins, starts)
    grams = hashes
    for length in range(1, min(lengths[1], len(begins)) + 1):
        last = length - 1  # an n-gram that begins with word i ends with word i + last
        if length > 1:
            grams = grams[:-1] * np.uint64(WORD_BASE)  # g · WORD_BASE
            grams += hashes[last:]  #                    + h
        if length >= lengths[0]:
            chosen = np.flatnonzero(rows[: len(rows) - last] == rows[last:])  # within one text

            def name(at: int, chosen: Positions = chosen, length: int = length) -> str:
                words = range(chosen[at], chosen[at] + length)
                return " ".join(_text(codes[begins[word] : ends[word]]) for word in words)

            def spans(chosen: Positions = chosen, last: int = last) -> tuple[Positions, Positions]:
                return begins[chosen], ends[chosen + last]

            yield Found(WORDS, grams[chosen], rows[chosen], name, spans)


def _of_characters(codes: Codes, starts: Positions, lengths: Range) -> Iterator[Found]:
    """Yield n-grams as the analyzer `char_wb` of scikit-learn makes them: of pieces between whitespace, each with a
    blank before and behind it; a piece that is shorter than the shortest n-gram is one as a whole."""
    blank = blanks(codes)
    codes = np.where(blank, codes.dtype.type(BLANK), codes)
    begins, ends = runs(~blank)
    begins, ends = begins - 1, ends + 1  # with the blanks around it, which neighbours may share
    short = np.flatnonzero(ends - begins < lengths[0])
    if len(short):
        first, behind = begins[short], ends[short]
        hashes = Prefixes(codes).between(first, behind)
        rows = _rows_of(first + 1, starts)
        yield Found(CHARS, hashes, rows, lambda at: _text(codes[first[at] : behind[at]]), lambda: (first, behind))
    left = np.zeros(len(codes), np.int64)  # characters from here to the end of the piece
    for_each = ends - begins - 1  # without the last blank, with which the next piece may begin
    positions = np.repeat(begins - np.cumsum(for_each) + for_each, for_each) + np.arange(for_each.sum())
    left[positions] = np.repeat(ends, for_each) - positions
    numbers = codes.astype(np.uint64)
    numbers += np.uint64(1)  # c + 1
    grams = numbers
    for length in range(1, lengths[1] + 1):
        if length > 1:
            grams = grams[:-1] * np.uint64(BASE)  # h · BASE
            grams += numbers[length - 1 :]  #         + c + 1
        if length >= lengths[0]:
            chosen = np.flatnonzero(left[: len(grams)] >= length)

            def name(at: int, chosen: Positions = chosen, length: int = length) -> str:
                return _text(codes[chosen[at] : chosen[at] + length])

            def spans(chosen: Positions = chosen, length: int = length) -> tuple[Positions, Positions]:
                return chosen, chosen + length

            yield Found(CHARS, grams[chosen], _rows_of(chosen + 1, starts), name, spans)
            if length == 1:  # the blank behind each piece
                rows = _rows_of(ends - 1, starts)
                yield Found(CHARS, grams[ends - 1], rows, lambda at: chr(BLANK), lambda: (ends - 1, ends))


def _rows_of(positions: Positions, starts: Positions) -> Positions:
    """Return the text that each position, in rising order, is in."""
    counts = np.diff(np.searchsorted(positions, starts))
    return np.repeat(np.arange(len(counts)), counts)


def _text(codes: NDArray[Any]) -> str:
    return codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
