"""Rows that come again in another part of the data, where they make the figures look better than they are."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Positions, Target
from nncli.data.row_hashes import Hashes
from nncli.errors import flag
from nncli.system.output import WARNING

SAMPLE_ROWS = 2000  # of the training rows, that a model file remembers: exact for fewer, an estimate for more
CLASS_FACTOR = np.uint64(0xD6E8FEB86659FD93)
SOME = 0.01  # of the rows, below which those that are known already change no figure by much
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
                line = f"{same}: {effect_on(f'the {NOUNS[second]} figures', seen, len(self.parts[second]))}"
                found.append(f"warning: {line}" if own else line)
        return found

    def seen(self, first: str, second: str) -> int:
        """Count the rows of the second part that come in the first one too."""
        known = self._of_training if first == "train" else np.sort(self.parts[first])
        return int(_are_in(known, self.parts[second]).sum())

    def in_training(self, hashes: Hashes) -> int:
        """Count the rows of these hashes whose values are those of a training row."""
        return int(_are_in(self._of_training, hashes).sum())

    def sample(self, part: str = "train") -> str:
        """Write the smallest hashes of the training rows, or of the rows of another part that are like none of these,
        16 figures each, as a model file remembers them."""
        rows = self.parts[part]
        ordered = self._of_training if part == "train" else np.sort(rows[~_are_in(self._of_training, rows)])
        distinct = ordered[np.diff(ordered, prepend=~ordered[:1]) != 0]
        return distinct[:SAMPLE_ROWS].astype(">u8").tobytes().hex()

    @functools.cached_property
    def _of_training(self) -> Hashes:
        return np.sort(self.parts["train"])


def effect_on(figures: str, seen: int, n: int) -> str:
    """Say what it does to figures of n rows that a model has seen some of them, in words that are proportionate."""
    return f"{figures} look better than they are" if seen >= SOME * n else f"too few to change {figures} by much"


def warned(line: str, seen: int, n: int) -> str:
    """Return a line on so many of n rows that a model has seen: a warning, unless they are too few to matter."""
    return f"{WARNING}{line}" if seen >= SOME * n else line


def known_test_rows(seen: int, n: int) -> str:
    """Say that so many of n test rows of the model before train the one that goes on from it."""
    told = f"{seen:,} of {n:,} test rows of before {'has' if seen == 1 else 'have'} the same values as a training row"
    return warned(f"{told}: {effect_on('the figures of these', seen, n)}", seen, n)


def first_rows(hashes: Hashes, y: Target, rows: Positions) -> Positions:
    """Return those of the rows that repeat no earlier one with the same class or number."""
    codes = y[rows].view(np.uint64) if y.dtype == np.float64 else y[rows].astype(np.uint64)
    keys = hashes[rows] + (codes + np.uint64(1)) * CLASS_FACTOR
    _, first = np.unique(keys, return_index=True)
    return rows[np.sort(first)]


def trained_on(hashes: Hashes, sample: str) -> tuple[int, bool]:
    """Count the rows that a model was trained on, or validated, by the sample in its file; also tell whether the count
    is exact."""
    known = np.frombuffer(bytes.fromhex(sample), ">u8").astype(np.uint64)
    if not len(known) or not len(hashes):
        return 0, True
    exact = len(known) < SAMPLE_ROWS
    comparable = hashes if exact else hashes[hashes <= known[-1]]
    seen = int(_are_in(known, comparable).sum())
    return (seen, True) if exact else (round(seen / max(1, len(comparable)) * len(hashes)), False)


def _are_in(ordered: Hashes, some: Hashes) -> NDArray[np.bool_]:
    """Tell which of some hashes are among others in their order; as np.isin, which would sort these each time."""
    if not len(ordered):
        return np.zeros(len(some), np.bool_)
    return ordered[np.searchsorted(ordered, some).clip(max=len(ordered) - 1)] == some
