"""Describe a report as plain data, the same for every writer: a verdict, findings, and sections of blocks.

Whoever builds a report decides what it says, with all numbers as a person reads them; whoever writes it as a page or as
Markdown decides what it looks like, and works out nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from nncli.figures.figure import Figure

MARK = "<!-- nncli report -->"  # that a file of a report begins with, whatever its form
# something to look at; tested, but the rows are too few to tell; not tested; nothing found
State = Literal["look", "undecided", "unknown", "passed"]


# what a test is called that has found something, by its name
FAULTS = {
    "A simple reference": "A simple reference is better",
    "Balance of the classes": "A class with few rows",
    "Better than always one answer": "Not shown to be better than always one answer",
    "Equally good for all": "More mistakes for some kinds of rows",
    "Groups to judge by": "Too few groups to be sure",
    "Errors alike for all predictions": "Larger errors for some predictions",
    "Honest intervals": "Intervals that hold too few rows",
    "Honest probabilities": "Probabilities that are off",
    "Names of the columns": "Columns without names",
    "Neither too high nor too low": "Predictions that are off to one side",
    "Overfitting": "Overfitting: it learned rows by heart",
    "Rows that belong together": "Rows of training and test that belong together",
    "Rows to judge by": "Too few rows to be sure",
    "The same kind of rows as in training": "Other rows than in training",
    "Training to its end": "Training that ended too early",
    "Underfitting": "Underfitting: it learned little",
    "Which is best": "No clear winner",
}


@dataclass(frozen=True)
class Finding:
    """Hold what one test of a model or its data found.

    `name`      the question, in two or three words: "Overfitting"
    `evidence`  a sentence with the numbers
    `remedy`    a sentence on what to do; empty where nothing is to be done
    """

    name: str
    state: State
    evidence: str
    remedy: str = ""

    @property
    def title(self) -> str:
        """Name what was found: the question may sound like praise."""
        return FAULTS.get(self.name, self.name) if self.state == "look" else self.name


@dataclass(frozen=True)
class Paragraph:
    """Sentences."""

    text: str


class Marked(str):
    """A text in which words are marked, as a cell of a table: [+word] where it speaks for an answer, [−word] where it
    speaks against, or as `parts` with numbers above 0, below 0, and 0 for what is not marked."""

    parts: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, parts: Iterable[tuple[str, float]]) -> Marked:
        """Make one of its parts."""
        own = tuple(parts)
        found = cls("".join(part if not value else f"[{'+' if value > 0 else '−'}{part}]" for part, value in own))
        found.parts = own
        return found


@dataclass(frozen=True)
class Listing:
    """A table of texts. Columns whose titles are in `numbers` stand to the right, one figure under another."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[str] = frozenset()
    caption: str = ""


@dataclass(frozen=True)
class Drawing:
    """A figure, and a sentence that says what to see in it, which also stands for it where it cannot be seen."""

    figure: Figure
    caption: str


@dataclass(frozen=True)
class Command:
    """A command line to copy."""

    line: str


@dataclass(frozen=True)
class Slider:
    """A threshold to move: what happens at each. Texts are as people read them; the i-th of each list belongs to the
    i-th threshold, and `chosen` is the position of the threshold that the model uses.

    `titles`    what is shown at a threshold: "precision", "recall", "rows predicted 'yes'", "cost of a row"
    `values`    for each title, a text for each threshold
    `commands`  for each threshold, the command line that uses it
    """

    positive: str
    thresholds: tuple[str, ...]
    chosen: int
    titles: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Folded:
    """Blocks of less weight, behind a title that opens them; on paper all are there."""

    title: str
    blocks: tuple[Block, ...]


Block = Paragraph | Listing | Drawing | Command | Slider | Folded


@dataclass(frozen=True)
class Section:
    """A part of a report under a title of its own."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """A whole report: the verdict in three sentences, what was found, and the sections in their order."""

    title: str
    verdict: tuple[str, str, str]
    findings: tuple[Finding, ...]
    sections: tuple[Section, ...]

    def to_json(self) -> dict[str, Any]:
        """Return what `report --json` prints: the kind of each block, and what it has."""
        sections = [{"title": one.title, "blocks": [*map(_plain, one.blocks)]} for one in self.sections]
        findings = [dataclasses.asdict(one) for one in self.findings]
        return {"title": self.title, "verdict": list(self.verdict), "findings": findings, "sections": sections}


def _plain(block: Block) -> dict[str, Any]:
    found: dict[str, Any] = {
        key: sorted(its) if isinstance(its, frozenset) else its for key, its in vars(block).items()
    }
    if isinstance(block, Drawing):
        found["figure"] = block.figure.to_json()
    elif isinstance(block, Folded):
        found["blocks"] = [*map(_plain, block.blocks)]
    return {"kind": type(block).__name__.lower(), **found}
