"""The words of a text that did most to decide an answer, where they stand in it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nncli.data.dataset import Positions, Table
from nncli.data.words.places_in_text import PlacedWords, placed_words
from nncli.explain.word_reasons import WordSlopes
from nncli.metrics.rows import Floats

MOST, LEAST = 8, 0.25  # words that are marked, and of the strongest of them what each adds at least


@dataclass(frozen=True)
class Mark:
    """A word, from `begin` to before `end`, and what it adds by all n-grams that it is part of."""

    begin: int
    end: int
    contribution: float


@dataclass(frozen=True)
class MarkedText:
    """A text of a column, and the words to mark in it, in their order."""

    column: str
    text: str
    marks: tuple[Mark, ...]

    def to_json(self) -> dict[str, Any]:
        return {"column": self.column, "text": self.text, "marks": [*map(asdict, self.marks)]}

    def excerpt(self, most: int) -> MarkedText:
        """Return at most so many characters of the text, about the word that adds or takes away most."""
        if len(self.text) <= most or not self.marks:
            return MarkedText(
                self.column, self.text[:most] + "…" * (len(self.text) > most), _within(self.marks, 0, most)
            )
        largest = max(self.marks, key=lambda one: abs(one.contribution))
        start = max(0, min(largest.begin - most // 3, len(self.text) - most))
        start = self.text.find(" ", start, largest.begin) + 1 or start if start else 0  # at the beginning of a word
        end = start + most
        before, behind = "…" * (start > 0), "…" * (end < len(self.text))
        marks = _within(self.marks, start, end, len(before) - start)
        return MarkedText(self.column, f"{before}{self.text[start:end]}{behind}", marks)

    def parts(self) -> list[tuple[str, float | None]]:
        """Cut the text into marked and other parts, with what the marked ones add."""
        found, last = list[tuple[str, float | None]](), 0
        for one in self.marks:
            found += [(self.text[last : one.begin], None), (self.text[one.begin : one.end], one.contribution)]
            last = one.end
        return [part for part in [*found, (self.text[last:], None)] if part[0]]

    def written(self) -> str:
        """Write the text with [+] around words that speak for the answer, and [−] around those that speak against."""
        return "".join(
            part if value is None else f"[{'+' if value > 0 else '−'}{part}]" for part, value in self.parts()
        )


def _within(marks: tuple[Mark, ...], start: int, end: int, shift: int = 0) -> tuple[Mark, ...]:
    inside = (one for one in marks if start <= one.begin and one.end <= end)
    return tuple(Mark(one.begin + shift, one.end + shift, one.contribution) for one in inside)


def marked_texts(slopes: WordSlopes, table: Table, row: int = 0) -> list[MarkedText]:
    """Mark the words of a row of a table, in all columns of text that have one. What an n-gram adds is spread evenly
    over its letters."""
    texts, credits = list[tuple[str, PlacedWords]](), list[Floats]()
    for number, name in enumerate(slopes.words.columns):
        column = table.texts[name]
        if column.codes[row] < 0:
            continue
        words = placed_words(column.values[int(column.codes[row])])
        added = slopes.of_words(table, number, row)
        texts.append((name, words))
        # a text that is normalised in one more way, where it is normalised again, has no marks
        credits.append(added if len(added) == len(words) else np.zeros(len(words)))
    every = np.abs(np.concatenate([np.zeros(0), *credits]))
    least = max(LEAST * every.max(initial=0), np.sort(every)[-MOST:].min(initial=np.inf)) if len(every) else np.inf
    return [
        MarkedText(name, words.text, _marks(words, credit, np.flatnonzero((np.abs(credit) >= least) & (credit != 0))))
        for (name, words), credit in zip(texts, credits, strict=True)
    ]


def _marks(words: PlacedWords, credit: Floats, chosen: Positions) -> tuple[Mark, ...]:
    """Return the marks of some words; those that are written as one character, as ½, are one."""
    found = list[Mark]()
    for i in chosen.tolist():
        one = Mark(int(words.begins[i]), int(words.ends[i]), float(credit[i]))
        if found and one.begin < found[-1].end:
            last = found.pop()
            one = Mark(last.begin, one.end, last.contribution + one.contribution)
        found.append(one)
    return tuple(found)
