"""Rows that come again in another part of the data, where they make the figures look better than they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from nncli.data.dataset import Positions
from nncli.data.row_hashes import Hashes
from nncli.errors import flag

SAMPLE_ROWS = 2000  # of the training rows, that a model file remembers: exact for fewer, an estimate for more
CLASS_FACTOR = np.uint64(0xD6E8FEB86659FD93)
NOUNS = {"train": "training", "val": "validation", "test": "test"}


@dataclass(frozen=True)
class RowHashes:
    """The hashes of the values of rows: of all rows of the data, and of those in each part, "train", "val" and
    "test". Some parts are `own` files, by their options."""

    every: Hashes
    parts: Mapping[str, Hashes]
    own: tuple[str, ...] = ()

    def repeats(self) -> list[str]:
        """Say, a line for each pair of parts, how many rows of the later one come in the earlier one too. Validation
        and test rows of one split may be alike."""
        found = []
        for first, second in combinations(NOUNS, 2):
            if first != "train" and not self.own:
                continue
            if seen := self.seen(first, second):
                own = f"{second}_data" in self.own
                which = f"rows of {flag(f'{second}_data')}" if own else f"{NOUNS[second]} rows"
                have = "has" if seen == 1 else "have"
                same = f"{seen:,} of {len(self.parts[second]):,} {which} {have} the same values as a {NOUNS[first]} row"
                line = f"{same}: the {NOUNS[second]} figures look better than they are"
                found.append(f"warning: {line}" if own else line)
        return found

    def seen(self, first: str, second: str) -> int:
        """Count the rows of the second part that come in the first one too."""
        return int(np.isin(self.parts[second], self.parts[first]).sum())

    def sample(self) -> str:
        """Write the smallest hashes of the training rows, 16 figures each, as a model file remembers them."""
        return np.unique(self.parts["train"])[:SAMPLE_ROWS].astype(">u8").tobytes().hex()


def first_rows(hashes: Hashes, y: Positions, rows: Positions, elsewhere: Hashes) -> Positions:
    """Return those of the rows that repeat no earlier one with the same class, and none that is elsewhere."""
    keys = hashes[rows] + (y[rows].astype(np.uint64) + np.uint64(1)) * CLASS_FACTOR
    _, first = np.unique(keys, return_index=True)
    kept = rows[np.sort(first)]
    return kept[~np.isin(hashes[kept], elsewhere)]


def trained_on(hashes: Hashes, sample: str) -> tuple[int, bool]:
    """Count the rows that a model was trained on, by the sample in its file; also tell whether the count is exact."""
    known = np.frombuffer(bytes.fromhex(sample), ">u8").astype(np.uint64)
    if not len(known) or not len(hashes):
        return 0, True
    exact = len(known) < SAMPLE_ROWS
    comparable = hashes if exact else hashes[hashes <= known[-1]]
    seen = int(np.isin(comparable, known).sum())
    return (seen, True) if exact else (round(seen / max(1, len(comparable)) * len(hashes)), False)
