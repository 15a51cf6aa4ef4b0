"""Find texts that are nearly copies of others, as one that is sent again with another number: a random split has them
in several parts.

Two texts are nearly copies if most of their triples of words are the same, words with digits left out: the Jaccard
similarity of the sets A and B of triples is |A ∩ B| / |A ∪ B|, and the share of MinHashes that are equal estimates it
(Broder 1997). Whether that flatters is put to the test as for numbers, where the nearest text is the one with the
largest cosine of weighted words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Positions
from nncli.data.words.features import blocks_of_texts
from nncli.data.words.hashing import Hashes, mixed
from nncli.data.words.ngrams import ngrams_of
from nncli.data.words.options import Ngrams
from nncli.training.prepare import Prepared

MOST_ROWS, MOST_CHARACTERS = 20_000, 4_000_000  # that are looked at
TRIPLES, WORDS = Ngrams(words=(3, 3)), Ngrams(words=(1, 1))
NUMBERS = re.compile(r"\w*\d\w*")
BANDS, OF_BAND = 6, 4  # of MinHashes: texts with one band in common are held against each other
ALIKE = 0.7  # of the MinHashes of near copies
MOST_ASKED, AT_ONCE = 500, 100  # texts, whose nearest ones are looked for
PLACES, COMMON, LEAST_COMMON = 1 << 18, 0.1, 20  # of words; of the texts that have one, from which it says little


def near_texts(
    prepared: Prepared,
) -> tuple[Positions, tuple[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64], NDArray[np.int64]]:
    """Return the positions of some rows without repeats, (n,), and by their numbers among these, (m,) each: those asked
    about, with how many near copies each has; the nearest other row of each; and the nearest that is no copy."""
    rows, texts = _texts(prepared)
    copy_of = _groups(texts)
    sizes = np.bincount(copy_of, minlength=1)
    asked = np.sort(np.random.default_rng(0).permutation(len(rows))[:MOST_ASKED])
    nearest, apart = _nearest(texts, copy_of, asked)
    return rows, (asked, sizes[copy_of[asked]] - 1), nearest, apart


def _texts(prepared: Prepared) -> tuple[Positions, list[str]]:
    """Return some rows without repeats, by their positions, and the text of each, without words with digits."""
    split, table = prepared.split, prepared.dataset.table
    rows = np.random.default_rng(0).permutation(np.concatenate([split.train, split.val, split.test]))[:MOST_ROWS]
    _, first = np.unique(prepared.hashes.every[rows], return_index=True)
    rows = rows[np.sort(first)]
    columns = [table.texts[name] for name in prepared.preprocess.columns_of_words]
    texts, size = list[str](), 0
    for row in rows.tolist():
        codes = [(column, int(column.codes[row])) for column in columns]
        texts.append("\n".join(column.values[code] for column, code in codes if code >= 0))
        size += len(texts[-1])
        if size > MOST_CHARACTERS:
            break
    rows = rows[: len(texts)]
    order = np.argsort(rows)
    return rows[order], [NUMBERS.sub(" ", texts[i]) for i in order.tolist()]


def _groups(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of the group of near copies that each text is of, (n,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    hashes, rows = _ngrams(texts, TRIPLES)
    having, starts = np.unique(rows, return_index=True)  # texts of fewer words are copies of none
    pairs = [np.zeros((0, 2), np.int64)]
    if len(having):
        salts = np.random.default_rng(1).integers(0, 1 << 63, BANDS * OF_BAND, np.uint64)
        least = np.stack([np.minimum.reduceat(mixed(hashes ^ salt), starts) for salt in salts], axis=1)
        for start in range(0, BANDS * OF_BAND, OF_BAND):
            band = np.ascontiguousarray(least[:, start : start + OF_BAND])
            _, first, of_row = np.unique(
                band.view(np.dtype((np.void, band.itemsize * OF_BAND))).ravel(), return_index=True, return_inverse=True
            )
            found = np.stack([first[of_row], np.arange(len(having))], axis=1)
            alike = (least[found[:, 0]] == least[found[:, 1]]).mean(axis=1) >= ALIKE
            pairs.append(having[found[alike & (found[:, 0] != found[:, 1])]])
    one, other = np.concatenate(pairs).T
    n = len(texts)
    groups: NDArray[np.int64] = connected_components(coo_array((np.ones(len(one)), (one, other)), shape=(n, n)))[1]
    return groups.astype(np.int64)


def _nearest(
    texts: Sequence[str], copy_of: NDArray[np.int64], asked: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the nearest other text of each that is asked about, a near copy where there is one, and the nearest that
    is none."""
    from scipy.sparse import csr_array

    hashes, rows = _ngrams(texts, WORDS)
    X = csr_array((np.ones(len(rows)), (rows, (hashes % np.uint64(PLACES)).astype(np.int64))), (len(texts), PLACES))
    X.sum_duplicates()
    having = np.bincount(X.indices, minlength=PLACES)
    idf = np.where(having > max(LEAST_COMMON, COMMON * len(texts)), 0, np.log((1 + len(texts)) / (1 + having)) + 1)
    X.data = (1 + np.log(X.data)) * idf[X.indices]
    squares = np.bincount(np.repeat(np.arange(len(texts)), np.diff(X.indptr)), X.data**2, len(texts))
    X.data /= np.repeat(np.sqrt(np.where(squares > 0, squares, 1)), np.diff(X.indptr))
    found = []
    for start in range(0, len(asked), AT_ONCE):
        some = asked[start : start + AT_ONCE]
        cosine = (X[some] @ X.T).toarray()
        is_copy = copy_of[some][:, None] == copy_of
        apart = np.where(is_copy, -1, cosine).argmax(axis=1)
        own = np.arange(len(some)), some
        cosine[own], is_copy[own] = -1, False
        nearest = np.where(is_copy, cosine + 2, cosine).argmax(axis=1)
        found.append(np.stack([nearest, apart]))
    nearest, apart = np.concatenate(found, axis=1)
    return nearest, apart


def _ngrams(texts: Sequence[str], parts: Ngrams) -> tuple[Hashes, NDArray[np.int64]]:
    """Return the hashes of the n-grams of one length in all texts, and the text that each is of, in rising order."""
    hashes, rows, before = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)], 0
    for block in blocks_of_texts(texts):
        for found in ngrams_of(block, parts):
            hashes.append(found.hashes)
            rows.append(found.rows + before)
        before += len(block)
    return np.concatenate(hashes), np.concatenate(rows)
