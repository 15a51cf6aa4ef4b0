"""The hash of strings and n-grams: one that anybody can write again.

All numbers are whole, of 64 bits without a sign: sums and products are modulo 2^64. The constants are below.

- A string of code points c, c', … has h = 0, then h = h · BASE + c + 1 for each code point in turn.
- An n-gram of words has g = 0, then g = g · WORD_BASE + h for the h of each word in turn; one of characters has g = h.
- mix(x) is the end of splitmix64: x = (x ⊕ x >> 30) · 0xBF58476D1CE4E5B9, then x = (x ⊕ x >> 27) ·
  0x94D049BB133111EB, then x ⊕ x >> 31.
- The salt is s = 0, then s = mix((s ⊕ v) + GOLDEN) for v in turn the seed, the number of the column, and the kind (0
  for words, 1 for characters).
- x = mix(g + s). Its lowest bits are the place; its highest bit, if set, says that the n-gram counts −1 there, not 1.

A hash of any part of a text comes out of sums from its beginning: with S(i) = Σ (c(j) + 1) · BASE^−j over j < i, the
string from i to before k has h = BASE^(k − 1) · (S(k) − S(i)). An odd number has an inverse modulo 2^64.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
BASE = 0xD6E8FEB86659FD93
WORD_BASE = 0xA0761D6478BD642F
GOLDEN = 0x9E3779B97F4A7C15
STEPS = (30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)
LAST_SHIFT = 31
ALL_BITS = (1 << 64) - 1
WORDS, CHARS = 0, 1  # kinds of n-grams
KEPT = 1 << 16  # powers of BASE that are kept, enough for a block; a longer text has its own


def salt_of(seed: int, column: int, kind: int) -> np.uint64:
    """Return what is added to the hashes of the n-grams of a kind, in a column."""
    salt = 0
    for value in (seed, column, kind):
        salt = int(mixed(np.array([((salt ^ value) + GOLDEN) & ALL_BITS], np.uint64))[0])
    return np.uint64(salt)


def mixed(numbers: Hashes) -> Hashes:
    """Spread what numbers have over all their bits, in place, as splitmix64 does at its end; return them."""
    high = np.empty_like(numbers)
    for shift, factor in STEPS:
        np.right_shift(numbers, np.uint64(shift), out=high)
        numbers ^= high
        numbers *= np.uint64(factor)
    np.right_shift(numbers, np.uint64(LAST_SHIFT), out=high)
    numbers ^= high
    return numbers


class Prefixes:
    """Hold the sums S of code points, from which the hash of each part comes at once."""

    def __init__(self, codes: NDArray[Any]) -> None:
        self.powers, inverse = _kept_powers() if len(codes) <= KEPT else _powers(len(codes))
        self.sums = np.zeros(len(codes) + 1, np.uint64)
        terms = codes.astype(np.uint64)
        terms += np.uint64(1)
        terms *= inverse[: len(codes)]  # (c(j) + 1) · BASE^−j
        np.cumsum(terms, out=self.sums[1:])

    def between(self, begins: NDArray[np.int64], ends: NDArray[np.int64]) -> Hashes:
        """Return the hash of the string from each beginning to before each end."""
        found = self.sums[ends]
        found -= self.sums[begins]
        found *= self.powers[ends - 1]  # BASE^(k − 1) · (S(k) − S(i))
        return found


@cache
def _kept_powers() -> tuple[Hashes, Hashes]:
    return _powers(KEPT)


def _powers(n: int) -> tuple[Hashes, Hashes]:
    """Return BASE^j and BASE^−j for j < n."""
    found = []
    for base in (BASE, pow(BASE, -1, 1 << 64)):
        factors = np.full(n, base, np.uint64)
        factors[0] = 1
        found.append(np.cumprod(factors))
    return found[0], found[1]
