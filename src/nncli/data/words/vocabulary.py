"""Which n-grams fall into which inputs: the names that hashing alone forgets.

Kept are n-grams that at least two texts have, of each place the one that most texts have, and of all of these at most
`MOST_NAMES`, the most frequent first. An n-gram of more than `LONGEST_NAME` characters has no name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.words.features import SIGN, blocks_of_texts, places_of
from nncli.data.words.hashing import Hashes
from nncli.data.words.occurrences import Occurrences, occurrences
from nncli.data.words.options import LONGEST_NAME, MOST_NAMES, WordOptions

FEWEST_TEXTS = 2  # that an n-gram is in
AT_ONCE = 1 << 22  # n-grams whose counts are added up at a time
Texts = Sequence[str | None]


@dataclass(frozen=True)
class Vocabulary:
    """N-grams by their places: `keys` (m,), in ascending order, are column · 2^(bits + 1) + place · 2, and one more
    where the n-gram counts −1."""

    keys: NDArray[np.int64]
    names: tuple[str, ...]
    bits: int

    def __len__(self) -> int:
        return len(self.names)

    @property
    def columns(self) -> NDArray[np.int64]:
        """Return the column of text that each is of, (m,)."""
        return self.keys >> (self.bits + 1)

    @property
    def places(self) -> NDArray[np.int64]:
        """Return the place of each, (m,)."""
        return (self.keys >> 1) & ((1 << self.bits) - 1)

    @property
    def signs(self) -> NDArray[np.float64]:
        """Return what each counts in its place, 1 or −1, (m,)."""
        return 1 - 2 * (self.keys & 1).astype(np.float64)

    @classmethod
    def learn(cls, columns: Sequence[Callable[[], Iterator[Texts]]], options: WordOptions) -> Vocabulary:
        """Read the texts of each column twice, in parts: once to count, and once to write the names."""
        counted = [_texts_with(parts(), options, number) for number, parts in enumerate(columns)]
        hashes = np.concatenate([its[0] for its in counted])
        counts = np.concatenate([its[1] for its in counted])
        numbers = np.repeat(np.arange(len(counted)), [len(its[0]) for its in counted])
        places = places_of(hashes, options).astype(np.int64)
        order = np.lexsort((hashes, numbers, -counts, places))
        order = order[np.append(True, np.diff(places[order]) != 0)] if len(order) else order  # one of each place
        order = order[np.argsort(-counts[order], kind="stable")][:MOST_NAMES]
        keys = numbers << (options.bits + 1) | places << 1 | (hashes >> SIGN).astype(np.int64)
        names = dict[int, str]()
        for number, parts in enumerate(columns):
            own = order[numbers[order] == number]
            for at, name in _names(parts(), options, number, hashes[own]):
                names[int(keys[own[at]])] = name
        names = {key: names[key] for key in sorted(names) if _is_writable(names[key])}
        return cls(np.array([*names], np.int64), tuple(names.values()), options.bits)

    def to_bytes(self) -> NDArray[np.uint8]:
        """Write the names one behind the other, each with a line feed behind it, in UTF-8."""
        return np.frombuffer("".join(f"{name}\n" for name in self.names).encode(), np.uint8)

    @classmethod
    def from_bytes(cls, keys: NDArray[np.int64], names: NDArray[np.uint8], columns: int, bits: int) -> Vocabulary:
        """Read what `to_bytes` has written; ValueError for what it could not have written."""
        read = tuple(names.tobytes().decode().split("\n"))
        if read[-1] or len(read) - 1 != len(keys) or not all(map(_is_writable, read[:-1])):
            raise ValueError("names of n-grams that do not fit their places")
        if len(keys) and (keys[0] < 0 or keys[-1] >= columns << (bits + 1) or (np.diff(keys) <= 0).any()):
            raise ValueError("places of n-grams that there are not")
        return cls(keys, read[:-1], bits)


def _is_writable(name: str) -> bool:
    """Tell whether a name is short, and of characters that are seen."""
    return 0 < len(name) <= LONGEST_NAME and name.isprintable()


def _texts_with(parts: Iterator[Texts], options: WordOptions, column: int) -> tuple[Hashes, NDArray[np.int64]]:
    """Return the hashes of the n-grams that enough texts have, and how many have each."""
    total: tuple[Hashes, NDArray[np.int64]] = (np.empty(0, np.uint64), np.empty(0, np.int64))
    waiting, size = list[tuple[Hashes, NDArray[np.int64]]](), 0
    for found, n in _found(parts, options, column):
        hashes, codes = np.unique(found.hashes, return_inverse=True)
        once = np.unique(codes * np.int64(n) + found.rows)  # each n-gram once in each text
        waiting.append((hashes, np.bincount(once // n, minlength=len(hashes))))
        size += len(hashes)
        if size > AT_ONCE:
            total, waiting, size = _added([total, *waiting]), [], 0
    hashes, counts = _added([total, *waiting])
    often = counts >= FEWEST_TEXTS
    return hashes[often], counts[often]


def _added(parts: Sequence[tuple[Hashes, NDArray[np.int64]]]) -> tuple[Hashes, NDArray[np.int64]]:
    """Add up the counts of equal hashes."""
    hashes, codes = np.unique(np.concatenate([its[0] for its in parts]), return_inverse=True)
    counts: NDArray[Any] = np.bincount(codes, np.concatenate([its[1] for its in parts]), len(hashes))
    return hashes, counts.astype(np.int64)


def _names(parts: Iterator[Texts], options: WordOptions, column: int, hashes: Hashes) -> Iterator[tuple[int, str]]:
    """Yield the name of each hash, with the position of the hash."""
    order = np.argsort(hashes)
    ascending, left = hashes[order], np.ones(len(hashes), np.bool_)
    for found, _ in _found(parts, options, column):
        if not left.any():
            return
        at = np.minimum(np.searchsorted(ascending, found.hashes), len(ascending) - 1)
        new = np.flatnonzero((ascending[at] == found.hashes) & left[at])
        places, first = np.unique(at[new], return_index=True)
        left[places] = False
        for place, one in zip(places.tolist(), new[first].tolist(), strict=True):
            yield int(order[place]), found.name(one)


def _found(parts: Iterator[Texts], options: WordOptions, column: int) -> Iterator[tuple[Occurrences, int]]:
    """Yield the n-grams of a block of texts after the other, with the number of its texts."""
    for texts in parts:
        for block in blocks_of_texts(texts):
            yield occurrences(block, options, column), len(block)
