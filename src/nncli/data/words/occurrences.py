"""Each n-gram of some texts, one by one: where it stands, in which place it is counted, and with which sign."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.data.words.features import SIGN, places_of, salted, salts_of
from nncli.data.words.hashing import Hashes
from nncli.data.words.ngrams import Found, ngrams_of
from nncli.data.words.options import WordOptions
from nncli.data.words.segmentation import Positions


@dataclass(frozen=True)
class Occurrences:
    """N-grams of texts, (m,) each: the text of each, its hash with all its bits, by which n-grams are told apart, and
    its place among the 2^bits inputs."""

    rows: Positions
    hashes: Hashes
    places: Positions
    found: tuple[Found, ...]
    starts: Positions  # of each part of `found`

    @property
    def is_minus(self) -> NDArray[np.bool_]:
        """Tell which count −1."""
        return (self.hashes >> SIGN).astype(np.bool_)

    @property
    def signs(self) -> NDArray[np.float64]:
        """Return what each counts, 1 or −1."""
        return 1 - 2 * self.is_minus.astype(np.float64)

    def name(self, at: int) -> str:
        """Write the n-gram of a number."""
        part = int(np.searchsorted(self.starts, at, "right")) - 1
        return self.found[part].name(at - int(self.starts[part]))

    def spans(self) -> tuple[Positions, Positions]:
        """Return where each begins and ends among the code points of the text, normalised, of a single one. A blank
        before the text or behind it may be part of an n-gram of characters."""
        spans: list[Callable[[], tuple[Positions, Positions]]] = [one.spans for one in self.found]
        pairs = [one() for one in spans]
        begins, ends = (np.concatenate([np.empty(0, np.int64), *(pair[i] for pair in pairs)]) for i in range(2))
        return begins - 1, ends - 1  # behind the line feed before the text


def occurrences(texts: Sequence[str | None], options: WordOptions, column: int) -> Occurrences:
    """Return all n-grams of some texts of a column; memory is that of all of them."""
    found, salts = tuple(ngrams_of(texts, options.parts)), salts_of(options, column)
    hashes = np.concatenate([np.empty(0, np.uint64), *(salted(one, salts) for one in found)])
    rows = np.concatenate([np.empty(0, np.int64), *(one.rows for one in found)])
    starts = np.cumsum([0, *(len(one.rows) for one in found)])[:-1]
    return Occurrences(rows, hashes, places_of(hashes, options).astype(np.int64), found, starts)
