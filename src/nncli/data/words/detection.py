"""Tell a column of texts, which are to be read word by word, from one of categories, names, addresses, lists or codes.

Asked is a sample of cells that are there, each with its repeats. In doubt the answer is no: `--text` says better.

Texts are mostly different and have several plain words each, few of them with figures. Four words on average are enough
where they are written small, as those of a sentence are and those of names, addresses and products are not, and where
they are no list (a, b, c). Where words are written large, as in headlines, seven are enough if several are small (of,
in). Where letters are neither small nor large, six are. From 15 on, only figures speak against them. In texts of Han,
Hiragana and Katakana characters these are counted, and signs of a sentence are asked for: its punctuation, Hiragana, or
characters that Chinese sentences are full of. Thai, Lao, Khmer and Burmese texts, whose words have nothing between
them, are not told from names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain

from nncli.data.words.segmentation import EAST

LEAST_CELLS = 20  # fewer say too little
LEAST_DIFFERENT = 0.6  # of the cells
MOST_CELLS, MOST_LETTERS = 500, 400  # that are looked at word by word; of each cell
LEAST_LETTERS = 8  # of a cell, on average, in any script

LEAST_PLAIN = 0.6  # of the pieces between blanks
SENTENCE, HEADLINE, CASELESS, PROSE = 4.0, 7.0, 6.0, 15.0  # plain words in a cell, on average
SEVERAL, SEVERAL_OF_EAST = 2.5, 4.0  # plain words in a cell that may be a text, or characters; on average
SMALL, SOME_SMALL, SMALL_ONES = 0.4, 0.08, 6  # of the words that are written large or small; different ones
MOST_FIGURES, MOST_FIGURES_IN_PROSE = 0.15, 0.35  # of the pieces that have one
MOST_COMMAS = 0.3  # of the pieces that end with one
MOST_UNIQUE, LEAST_VOCABULARY = 0.9, 0.5  # different words among n: at most 0.9 n, at least √n / 2

OF_EAST = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in EAST) + "]")
HIRAGANA = re.compile("[\u3041-\u3096]")
SIGNS = re.compile("[，。！？；、…]")
COMMON = re.compile("[的了是不我有在这這就都也很]")  # in sentences; hardly in names, addresses and goods
SENTENCE_OF_EAST, PROSE_OF_EAST = 8.0, 16.0  # characters in a cell, on average
LEAST_SIGNS, LEAST_COMMON, LEAST_HIRAGANA = 0.5, 0.04, 0.2  # a cell; of the characters

AROUND = "\"'`“”‘’«»„()[]{}<>*#@.,;:!?…¿¡-–—"
PLAIN = re.compile(r"[^\W\d_][^\d\x00-&(-,./:-@[-`{-~]*")  # of ASCII only letters, apostrophes and hyphens


def looks_like_text(values: Sequence[str]) -> bool:
    """Tell whether cells of a column are texts."""
    if len(values) < LEAST_CELLS or sum(map(len, values)) < LEAST_LETTERS * len(values):
        return False
    if len({*values}) < LEAST_DIFFERENT * len(values):
        return False
    cells = [value[:MOST_LETTERS] for value in values[:: -(-len(values) // MOST_CELLS)]]
    east = OF_EAST.findall("".join(cells))
    if 3 * len(east) > sum(map(len, cells)):
        return _is_prose_of_east(cells, east)
    return _is_prose(cells)


def has_several_words(values: Sequence[str]) -> bool:
    """Tell whether cells have several plain words each, so that some person may want them read word by word."""
    cells = [value[:MOST_LETTERS] for value in values[:MOST_CELLS]]
    words = sum(PLAIN.fullmatch(piece.strip(AROUND)) is not None for cell in cells for piece in cell.split())
    east = sum(len(OF_EAST.findall(cell)) for cell in cells)
    return bool(cells) and (words >= SEVERAL * len(cells) or east >= SEVERAL_OF_EAST * len(cells))


def _is_prose(cells: Sequence[str]) -> bool:
    pieces = [*chain.from_iterable(map(str.split, cells))]
    words = [word for piece in pieces if PLAIN.fullmatch(word := piece.strip(AROUND))]
    length = len(words) / len(cells)
    if length < SENTENCE or len(words) < LEAST_PLAIN * len(pieces):
        return False
    if not LEAST_VOCABULARY * len(words) ** 0.5 <= len({*map(str.lower, words)}) <= MOST_UNIQUE * len(words):
        return False
    figures = sum(any(map(str.isdigit, piece)) for piece in pieces) / len(pieces)
    if length >= PROSE:
        return figures <= MOST_FIGURES_IN_PROSE
    commas = sum(piece[-1] in ",;،" for piece in pieces) / len(pieces)
    if figures > MOST_FIGURES or commas > MOST_COMMAS:
        return False
    small, large = [word for word in words if word[0].islower()], sum(word[0].isupper() for word in words)
    if 2 * (len(small) + large) < len(words):
        return length >= CASELESS
    share = len(small) / (len(small) + large)
    return share >= SMALL or (length >= HEADLINE and share >= SOME_SMALL and len({*small}) >= SMALL_ONES)


def _is_prose_of_east(cells: Sequence[str], east: Sequence[str]) -> bool:
    text = "".join(cells)
    length = len(east) / len(cells)
    if sum(map(str.isdigit, text)) > MOST_FIGURES * len(text):
        return False
    if length >= PROSE_OF_EAST:
        return True
    return length >= SENTENCE_OF_EAST and (
        len(SIGNS.findall(text)) >= LEAST_SIGNS * len(cells)
        or len(COMMON.findall(text)) >= LEAST_COMMON * len(east)
        or len(HIRAGANA.findall(text)) >= LEAST_HIRAGANA * len(east)
    )
