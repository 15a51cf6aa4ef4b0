"""Print what a model makes of words: the n-grams with the largest weights, and the words of a text that decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.text import Text

from nncli.explain.marks import Mark, MarkedText
from nncli.system.output import counted, in_quotes, one_line, put, signed_alike
from nncli.terminal.tables import cut, new_console, new_table, show

if TYPE_CHECKING:
    from nncli.explain.word_weights import WordWeights

MOST_CLASSES, MOST_SHOWN = 10, 10
FEW_SHOWN = 5  # n-grams of each of several classes
LONGEST_TEXT = 2000  # characters that are shown
COLOURS = "bold green", "bold red"  # of words that speak for the answer, and against it


def print_word_weights(found: WordWeights) -> None:
    """Print the n-grams with the largest weights, class by class."""
    if not len(found.vocabulary):
        why = f"no n-gram is in two of the texts of {found.where_from}, so that none can be named"
        put(f"{why}: name more rows, or train with --vocabulary")
        return
    several = len(found.columns) > 1
    put(f"largest weights of {counted(len(found.vocabulary), found.kind)} named by {found.where_from}: {found.method}")
    table = new_table("class" if found.model.classes else "", *["column"] * several, found.kind, "weight", align="left")
    table.columns[-1].justify = "right"
    most = MOST_SHOWN if len(found.of) == 2 else FEW_SHOWN
    shown = [one for k in range(len(found.of[:MOST_CLASSES])) for one in found.largest(k, most)]
    before = ""
    for one, weight in zip(shown, signed_alike([one.weight for one in shown]), strict=True):
        name = "" if one.of == before else cut(one.of)
        table.add_row(name, *[cut(one.column)] * several, f'"{one.ngram}"', weight)
        before = one.of
    show(table)
    if len(found.of) > MOST_CLASSES:
        put(f"the first {MOST_CLASSES} of {len(found.of):,} classes; --words --csv has all")


def print_ngrams(ngrams: list[dict[str, Any]], kind: str, write: Callable[[float], str]) -> None:
    """Print what the n-grams of a row add, or words where that is their `kind`, in a table."""
    if not ngrams:
        return
    table = new_table(kind, "adds")
    several = len({one["column"] for one in ngrams}) > 1
    for one in ngrams[:MOST_SHOWN]:
        name = f'"{one["ngram"]}"'
        table.add_row(f"{cut(one['column'])}: {name}" if several else name, write(one["contribution"]))
    show(table)


def print_marked(texts: list[dict[str, Any]]) -> None:
    """Print texts with the words that decided: in colours on a terminal, and as [+word] or [−word] elsewhere."""
    console = new_console()
    for its in texts:
        marks = tuple(Mark(**mark) for mark in its["marks"])
        marked = MarkedText(its["column"], its["text"], marks).excerpt(LONGEST_TEXT)
        if not (console.is_terminal and console.color_system):
            put(f"{in_quotes(marked.column)}: {marked.written()}")
            continue
        line = Text(f"{one_line(in_quotes(marked.column))}: ")
        for part, value in marked.parts():
            line.append(one_line(part), "" if value is None else COLOURS[value < 0])
        console.print(line)
