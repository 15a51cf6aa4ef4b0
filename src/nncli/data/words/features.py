"""Texts become sparse rows of signed counts: each n-gram is hashed into one of 2^bits places. No vocabulary
is kept.

`hashing.py` says how, so that anybody can write it again; `segmentation.py` says what a word is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.data.words.choice import fused_loops
from nncli.data.words.hashing import CHARS, WORDS, Hashes, mixed, salt_of
from nncli.data.words.ngrams import Found, ngrams_of
from nncli.data.words.options import Ngrams, WordOptions
from nncli.data.words.segmentation import normalised

if TYPE_CHECKING:
    from scipy.sparse import csr_array

BLOCK = 1 << 15  # characters that are looked at at once, so that what is made of them stays near the processor
SIGN = np.uint64(63)  # the bit of a hash that says −1


def counts_of(texts: Sequence[str | None], options: WordOptions, column: int = 0) -> csr_array:
    """Count the n-grams of each text, each in its place and with its sign; return float32 of shape (n, 2^bits), with
    sorted indices and without zeros. A text that is None has none. Equal n-grams of two columns, by their numbers, have
    places and signs that have nothing to do with each other. Beside the counts, memory is that of a block of texts,
    or 40 to 70 bytes a character of a text that is longer."""
    from scipy.sparse import csr_array

    data = [np.empty(0, np.float32)]
    indices = [np.empty(0, np.int32)]
    lengths = [np.zeros(1, np.int64)]
    salts, loops = salts_of(options, column), fused_loops()
    for block in blocks_of_texts(texts, BLOCK if loops is None else loops.BLOCK):
        values, places, of_rows = (_counts if loops is None else loops.counts)(block, options, salts)
        data.append(values)
        indices.append(places)
        lengths.append(of_rows)
    starts = np.cumsum(np.concatenate(lengths))
    kind = np.int32 if starts[-1] < 1 << 31 else np.int64
    found = (np.concatenate(data), np.concatenate(indices).astype(kind, copy=False), starts.astype(kind))
    counts = csr_array(found, shape=(len(texts), options.places))
    counts.has_canonical_format = True  # sorted, and each place once
    return counts


class Words(NamedTuple):
    """Different words of a column, with the place and the sign (1 or −1) of each, and how often texts have it."""

    names: list[str]
    places: NDArray[np.int64]
    signs: NDArray[np.int8]
    times: NDArray[np.int64]

    def some(self, which: NDArray[Any]) -> Words:
        """Return some of the words: by their numbers, or those for which a mask is true."""
        chosen = np.flatnonzero(which) if which.dtype == np.bool_ else which
        names = [self.names[i] for i in chosen.tolist()]
        return Words(names, self.places[chosen], self.signs[chosen], self.times[chosen])

    def find(self, word: str) -> int | None:
        """Return the number of a word, as texts are cut into words; None where it is none of these."""
        word = normalised(word)
        return next((i for i, name in enumerate(self.names) if name == word.strip()), None)


def words_of(texts: Sequence[str | None], options: WordOptions, column: int, more: Collection[str] = ()) -> Words:
    """Return the different words of texts, and then `more` words that are not among them."""
    times: dict[int, int] = {}
    spelt: dict[int, str] = {}
    for block in blocks_of_texts(texts):
        for found in ngrams_of(block, Ngrams(words=(1, 1))):
            hashes, first, repeats = np.unique(found.hashes, return_index=True, return_counts=True)
            for key, at, count in zip(hashes.tolist(), first.tolist(), repeats.tolist(), strict=True):
                if key not in spelt:
                    spelt[key] = found.name(at)
                times[key] = times.get(key, 0) + count
    of_texts = dict(zip(spelt.values(), times.values(), strict=True))
    of_all = of_texts | {word: 0 for word in map(normalised, more) if word not in of_texts}
    names = [*of_all]
    which, places, signs = places_of_words(names, options, column)
    chosen = [names[i] for i in which.tolist()]
    return Words(chosen, places, signs, np.array([of_all[name] for name in chosen], np.int64))


def places_of_words(
    words: Sequence[str], options: WordOptions, column: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]:
    """Return which of some texts are one word, as texts are cut into words, by their numbers, and the place and the
    sign (1 or −1) of each such word in a column."""
    salts = salts_of(options, column)
    found = next(ngrams_of(words, Ngrams(words=(1, 1))), None)
    if found is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int8)
    single = np.flatnonzero(np.bincount(found.rows, minlength=len(words))[found.rows] == 1)
    hashes = mixed(found.hashes[single] + salts[WORDS])
    signs = np.where(hashes >> SIGN, -1, 1).astype(np.int8)
    return found.rows[single], places_of(hashes, options).astype(np.int64), signs


def _counts(
    texts: Sequence[str | None], options: WordOptions, salts: Sequence[np.uint64]
) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[np.int64]]:
    """Return the counts of a block, their places, and how many each row has. One sort of numbers does it, of which each
    has a row in its upper bits, then a place, and the sign in its lowest."""
    kind: Any = np.uint32 if len(texts) << (options.bits + 1) <= 1 << 32 else np.uint64  # half as long to sort
    keys: list[NDArray[Any]] = [np.empty(0, kind)]
    for found in ngrams_of(texts, options.parts):
        hashes = salted(found, salts)
        key: NDArray[Any] = places_of(hashes, options).astype(kind)
        key += found.rows.astype(kind) << kind(options.bits)
        key += key
        key += (hashes >> SIGN).astype(kind)
        keys.append(key)
    key = _sorted(np.concatenate(keys))
    totals = np.zeros(len(key) + 1, np.int32)  # of the signs, before each key
    np.cumsum(1 - 2 * (key & kind(1)).astype(np.int32), out=totals[1:])
    key >>= kind(1)
    first = np.flatnonzero(np.concatenate([[len(key) > 0], key[1:] != key[:-1]]))  # of each place of a row
    sums = np.diff(totals[first], append=totals[-1:])
    if not sums.all():  # some are +1 and −1
        first, sums = first[sums != 0], sums[sums != 0]
    key = key[first]
    rows = np.bincount((key >> kind(options.bits)).astype(np.int64), minlength=len(texts))
    return sums.astype(np.float32), (key & kind(options.places - 1)).astype(np.int32), rows


def _sorted(keys: NDArray[Any]) -> NDArray[Any]:
    """Sort whole numbers without a sign. NumPy sorts those of 16 bits by their digits, as fast on all processors; its
    sort of longer ones is six times slower on some than on others."""
    if keys.dtype.itemsize > 4:
        return np.sort(keys)
    for shift in (0, 16):
        keys = keys[np.argsort((keys >> np.uint32(shift)).astype(np.uint16), kind="stable")]
    return keys


def salts_of(options: WordOptions, column: int) -> list[np.uint64]:
    """Return the salts of words and of characters in a column."""
    return [salt_of(options.seed, column, kind) for kind in (WORDS, CHARS)]


def salted(found: Found, salts: Sequence[np.uint64]) -> Hashes:
    """Return the hashes of n-grams in a column, with all their bits."""
    return mixed(found.hashes + salts[found.kind])


def places_of(hashes: Hashes, options: WordOptions) -> Hashes:
    """Return the place of each hash."""
    return hashes & np.uint64(options.places - 1)


def blocks_of_texts(texts: Sequence[str | None], characters: int | None = None) -> Iterator[Sequence[str | None]]:
    """Cut texts into runs of about so many characters, `BLOCK` unless told; a longer text is one by itself."""
    most = characters or BLOCK
    start, size = 0, 0
    for stop, text in enumerate(texts):
        length = len(text) + 1 if text else 1
        if size + length > most and stop > start:
            yield texts[start:stop]
            start, size = stop, 0
        size += length
    if start < len(texts):
        yield texts[start:]
