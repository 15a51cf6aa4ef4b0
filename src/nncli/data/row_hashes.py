"""A number of 64 bits for each row, the same for rows of the same values, whatever file and format they came from.

Rows of different values have different ones but for an accident: among 10 million rows, one in 400,000 times.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Table, TextColumn
from nncli.data.disk.texts import DiskTexts
from nncli.data.sparse_numbers import SparseNumbers

Hashes = NDArray[np.uint64]
CELLS_AT_ONCE = 1 << 15  # a quarter of a megabyte, which stays in cache
MISSING = "\0missing"  # no cell has such a text


def hash_rows(table: Table) -> Hashes:
    """Return the hash of the values of each row, (n,), whatever the order of the columns."""
    found = np.zeros(len(table), np.uint64)
    names = sorted([*table.number_names, *table.dates, *table.texts])
    factors = np.random.default_rng(19).integers(0, 1 << 63, len(names), np.uint64) * np.uint64(2) + np.uint64(1)
    factor_of = dict(zip(names, factors, strict=True))
    of_numbers = np.array([factor_of[name] for name in table.number_names], np.uint64)
    texts = {name: _hashes_of(column.values) for name, column in table.texts.items()}
    is_sparse = isinstance(table.numbers, SparseNumbers)
    if is_sparse:
        _add_stored(table.numbers, of_numbers, found)
        if not (table.dates or texts):
            return found
    step = max(1, CELLS_AT_ONCE // max(1, len(names)))
    for start in range(0, len(table), step):
        part, out = slice(start, start + step), found[start : start + step]
        if len(of_numbers) and not is_sparse:
            out += np.einsum("ij,j->i", _mixed(table.numbers[part]), of_numbers)
        for name, days in table.dates.items():
            out += _mixed(days[part]) * factor_of[name]
        for name, column in table.texts.items():
            out += texts[name][column.codes[part]] * factor_of[name]  # −1, a missing one, finds the last
    return found


def codes_of_texts(column: TextColumn) -> NDArray[np.int64]:
    """Return the code of each cell, (n,), the same for cells of the same text: on the disk, a text may be there several
    times, and the first is the one for all, as far as hashes tell."""
    codes: NDArray[np.int64] = column.codes[:].astype(np.int64)
    if isinstance(column.values, DiskTexts):
        _, first, same = np.unique(_hashes_of(column.values)[:-1], return_index=True, return_inverse=True)
        codes = np.append(first[same], -1)[codes]  # −1, a missing one, finds the last
    return codes


def _add_stored(numbers: SparseNumbers, factors: Hashes, out: Hashes) -> None:
    """Add to `out` (n,) what the numbers of each row come to with the factors of their columns: a 0 comes to 0."""
    start = 0
    for block in numbers.blocks():
        block.data = _mixed(block.data)
        out[start : start + block.shape[0]] += block @ factors
        start += block.shape[0]


def _mixed(numbers: NDArray[Any]) -> Hashes:
    """Spread the bits of numbers over all 64, as those of whole numbers are only the first few; those of 0 stay 0."""
    if numbers.dtype == np.uint8:  # pixels, of which there may be very many
        return np.take(_of_bytes(), numbers, mode="clip")  # without a mode, numpy copies once more
    exact = numbers.astype(np.float64) + 0.0  # −0 is 0
    exact[np.isnan(exact)] = np.nan  # one of many
    bits = exact.view(np.uint64)
    bits ^= bits >> np.uint64(32)
    bits *= np.uint64(0x9E3779B97F4A7C15)
    bits ^= bits >> np.uint64(29)
    return bits


@cache
def _of_bytes() -> Hashes:
    return _mixed(np.arange(256.0))


def _hashes_of(texts: Sequence[str]) -> Hashes:
    """Return the hash of each text, and at last that of a missing one, (m + 1,)."""
    found = bytearray()
    for text in chain(texts, [MISSING]):
        found += hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return np.frombuffer(found, np.uint64)
