"""Loops that are compiled, for `fused.py`: what `features.py` and `tfidf.py` do in NumPy, row by row, to the same bits.

A loop asks for no memory: whoever calls it brings the room that it works in.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nncli.data.words.hashing import BASE, LAST_SHIFT, STEPS, WORD_BASE
from nncli.data.words.segmentation import BETWEEN, LETTER
from nncli.system.compiling import rounded_each

ONE, SIGN = np.uint64(1), np.uint64(63)
OF_STRING, OF_NGRAM = np.uint64(BASE), np.uint64(WORD_BASE)
(FIRST_SHIFT, FIRST), (SECOND_SHIFT, SECOND) = ((np.uint64(shift), np.uint64(factor)) for shift, factor in STEPS)
THIRD_SHIFT = np.uint64(LAST_SHIFT)
BLANK = np.uint64(32 + 1)  # a term of a hash
FEWEST_DIGITS, MOST_DIGITS = 6, 11  # bits that are sorted by at a time


@rounded_each
def _key(g: Any, salt: Any, mask: Any) -> Any:
    """Return the place of an n-gram, and in the lowest bit whether it counts −1."""
    x = g + salt  # see `hashing`
    x = (x ^ (x >> FIRST_SHIFT)) * FIRST
    x = (x ^ (x >> SECOND_SHIFT)) * SECOND
    x ^= x >> THIRD_SHIFT
    return np.uint32((x & mask) << ONE | x >> SIGN)


@rounded_each
def _words(codes: Any, start: Any, stop: Any, classes: Any, hashes: Any) -> Any:
    """Write the hash of each word of a text, behind which stands a line feed; return how many there are."""
    n = 0
    i = start
    while i < stop:
        c = codes[i]
        i += 1
        kind = classes[c]
        if kind == BETWEEN:
            continue
        h = np.uint64(c) + ONE
        if kind == LETTER:
            c = codes[i]
            while classes[c] == LETTER:
                h = h * OF_STRING + (np.uint64(c) + ONE)  # h · BASE + c + 1
                i += 1
                c = codes[i]
        hashes[n] = h
        n += 1
    return n


@rounded_each
def _of_words(hashes: Any, n: Any, low: Any, high: Any, salt: Any, mask: Any, keys: Any) -> Any:
    """Write the keys of the n-grams of n words; return how many there are."""
    found = 0
    for length in range(low, min(high, n) + 1):
        for i in range(n - length + 1):
            g = hashes[i]
            for j in range(i + 1, i + length):
                g = g * OF_NGRAM + hashes[j]  # g · WORD_BASE + h
            keys[found + i] = _key(g, salt, mask)
        found += n - length + 1
    return found


@rounded_each
def _of_characters(
    codes: Any, start: Any, stop: Any, blank: Any, low: Any, high: Any, salt: Any, mask: Any, keys: Any, terms: Any
) -> Any:
    """Write the keys of the n-grams of the characters of a text, behind which stands a line feed; return how many there
    are. Each piece between whitespace has a blank before and behind it."""
    found = 0
    i = start
    terms[0] = BLANK
    while i < stop:
        if blank[codes[i]]:
            i += 1
            continue
        n = 1
        while not blank[codes[i]]:
            terms[n] = np.uint64(codes[i]) + ONE
            n += 1
            i += 1
        terms[n] = BLANK
        n += 1
        shortest = min(low, n)  # a piece that is shorter than the shortest n-gram is one as a whole
        for j in range(n - shortest + 1):
            h = np.uint64(0)
            for k in range(j, min(j + high, n)):
                h = h * OF_STRING + terms[k]  # h · BASE + c + 1
                if k - j + 1 >= shortest:
                    keys[found] = _key(h, salt, mask)
                    found += 1
    return found


@rounded_each
def _sorted(keys: Any, other: Any, n: Any, bits: Any, ends: Any) -> Any:
    """Sort n keys by their places, digit by digit, the last one first; return them, in either of the two arrays."""
    width = FEWEST_DIGITS
    while width < MOST_DIGITS and 1 << width < n:
        width += 1
    times = (bits + width - 1) // width
    width = (bits + times - 1) // times
    mask = np.uint32((1 << width) - 1)
    for time in range(times):
        shift = np.uint32(1 + time * width)
        for digit in range(1 << width):
            ends[digit] = 0
        for i in range(n):
            ends[(keys[i] >> shift) & mask] += 1
        total = 0
        for digit in range(1 << width):
            total, ends[digit] = total + ends[digit], total
        for i in range(n):
            digit = (keys[i] >> shift) & mask
            other[ends[digit]] = keys[i]
            ends[digit] += 1
        keys, other = other, keys
    return keys


@rounded_each
def _summed(keys: Any, n: Any, values: Any, places: Any, at: Any) -> Any:
    """Write the sum of the signs of each place of n sorted keys, and the place, from `at` on, without zeros; return
    where they end."""
    total, last = np.int64(0), np.uint32(0)
    for i in range(n):  # without a branch: a processor cannot guess which places come again
        place = keys[i] >> np.uint32(1)
        is_same = np.int64(place == last)
        at += (1 - is_same) & np.int64(total != 0)
        total = is_same * total + 1 - 2 * np.int64(keys[i] & np.uint32(1))
        values[at] = total
        places[at] = place
        last = place
    return at + np.int64(total != 0)


@rounded_each
def count(
    codes: Any,
    starts: Any,
    classes: Any,
    blank: Any,
    words: Any,
    chars: Any,
    salts: Any,
    bits: Any,
    hashes: Any,
    keys: Any,
    other: Any,
    values: Any,
    places: Any,
    lengths: Any,
) -> Any:
    """Write the counts of texts, their places, and how many each text has; return how many there are. `words` and
    `chars` are the shortest and the longest n-gram; `hashes`, `keys` and `other` are room for those of any text."""
    ends = np.empty(1 << MOST_DIGITS, np.int32)
    mask = (ONE << np.uint64(bits)) - ONE
    at = 0
    for row in range(len(lengths)):
        start, stop = starts[row], starts[row + 1] - 1
        n = 0
        if words[1] > 0:
            found = _words(codes, start, stop, classes, hashes)
            n = _of_words(hashes, found, words[0], words[1], salts[0], mask, keys)
        if chars[1] > 0:
            n += _of_characters(codes, start, stop, blank, chars[0], chars[1], salts[1], mask, keys[n:], hashes)
        end = _summed(_sorted(keys, other, n, bits, ends), n, values, places, at)
        lengths[row] = end - at
        at = end
    return at


@rounded_each
def add_rows(having: Any, indices: Any, indptr: Any, times: Any) -> None:
    """Add how many rows have each place; a row counts so many times."""
    for row in range(len(times)):
        for k in range(indptr[row], indptr[row + 1] if times[row] else indptr[row]):
            having[indices[k]] += times[row]


@rounded_each
def weigh(data: Any, indices: Any, indptr: Any, idf: Any, factors: Any, are_zero: Any) -> None:
    """Write weights in the place of counts, and which rows have nothing but zeros; `factors` are those of each |c|."""
    total = 0.0  # of all rows so far, as NumPy sums
    for row in range(len(are_zero)):
        start, stop = indptr[row], indptr[row + 1]
        before = total
        is_zero = True
        for k in range(start, stop):
            c = data[k]
            x = np.copysign(idf[indices[k]], c) * factors[np.int64(np.abs(c))]
            data[k] = x
            is_zero &= x == 0
            total += np.float64(x * x)
        are_zero[row] = is_zero
        length = np.sqrt(total - before)
        if length != 0:
            for k in range(start, stop):
                data[k] = data[k] / length
