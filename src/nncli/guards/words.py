"""Two samples of texts: how many have each word, in which word they differ most, and whether chance explains that.

Words of one text come together, so that texts are counted, and not words: of each frequent word, those that have it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nncli.data.words.features import blocks_of_texts
from nncli.data.words.ngrams import ngrams_of
from nncli.data.words.options import Ngrams
from nncli.guards.drift import chi_square_tail, pooled, stability_index, two_sample_chi_square
from nncli.guards.shares import MISSING, Drift
from nncli.system.output import in_quotes, percent

MOST_WORDS = 100  # the most frequent ones of both samples, that are compared


class WordCounts(NamedTuple):
    """How many texts there are, missing ones among them, and how many have each word."""

    texts: int
    having: Counter[str]

    @property
    def most_frequent(self) -> list[str]:
        """Return the words that most texts have, the first of equals in the order of the alphabet."""
        return sorted(self.having, key=lambda word: (-self.having[word], word))


def words_in(texts: Sequence[str | None]) -> WordCounts:
    """Count of some texts how many have each word."""
    counts, names = Counter[int](), dict[int, str]()
    for block in blocks_of_texts(texts):
        for found in ngrams_of(block, Ngrams(words=(1, 1))):
            order = np.lexsort((found.rows, found.hashes))
            hashes, rows = found.hashes[order], found.rows[order]
            is_first = np.append(True, (hashes[1:] != hashes[:-1]) | (rows[1:] != rows[:-1]))[: len(order)]
            keys, at, times = np.unique(hashes[is_first], return_index=True, return_counts=True)
            for key, place, n in zip(keys.tolist(), order[is_first][at].tolist(), times.tolist(), strict=True):
                if key not in names:
                    names[key] = found.name(place)
                counts[key] += n
    having = Counter({names[key]: n for key, n in counts.items()})
    if missing := sum(text is None for text in texts):
        having[MISSING] = missing
    return WordCounts(len(texts), having)


class WordShares(NamedTuple):
    """The texts that have each of the most frequent words, in two samples. It is asked as `Shares` are."""

    names: tuple[str, ...]
    before: WordCounts
    now: WordCounts

    @classmethod
    def of(cls, before: WordCounts, now: WordCounts) -> WordShares:
        """Take the words that are most frequent in both samples together, by which chance favours neither."""
        together = WordCounts(before.texts + now.texts, before.having + now.having)
        return cls(tuple(together.most_frequent[:MOST_WORDS]), before, now)

    @property
    def most(self) -> tuple[str, Drift]:
        """Return the word that differs most surely, and how far; p holds for so many words (Bonferroni)."""
        found = "", Drift(0.0, 0.0, 1, 1.0)
        for name in self.names:
            counts = [np.array([its.having[name], its.texts - its.having[name]], np.float64) for its in self._both]
            a, b = pooled(*counts)  # one bin where few are expected
            chi_square, df = two_sample_chi_square(a, b)
            if df and chi_square > found[1].chi_square:
                p_value = min(1.0, len(self.names) * chi_square_tail(chi_square, df))
                found = name, Drift(stability_index(a, b), chi_square, df, p_value)
        return found

    @property
    def _both(self) -> tuple[WordCounts, WordCounts]:
        return self.before, self.now

    def share(self, name: str) -> tuple[float, float]:
        """Return the share of the texts that have a word, before and now."""
        before, now = (its.having[name] / max(1, its.texts) for its in self._both)
        return before, now

    def drift(self) -> Drift:
        """Return how far the word differs that differs most."""
        return self.most[1]

    def where(self, before: str) -> str:
        """Say which word that is; `before` says when the first sample was."""
        name, _ = self.most
        if not name:
            return "no word is frequent"
        p, q = self.share(name)
        what = name if name == MISSING else f"the word {in_quotes(name)}"
        return f"{what} in {percent(q)} of the texts, {percent(p)} {before}"

    def to_json(self, before: str, now: str) -> list[dict[str, Any]]:
        """Return how many texts have each word, by the names of the samples."""
        return [{"bin": name, before: self.before.having[name], now: self.now.having[name]} for name in self.names]
