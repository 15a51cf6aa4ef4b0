"""Say what to do with a row that cannot be cut into cells, or a cell that is no number or date where others are."""

from __future__ import annotations

import csv
import dataclasses
import re
from collections.abc import Sequence
from contextlib import suppress

from nncli.data.cells import SHOWN, as_number, quoted
from nncli.data.csv.dialect import Dialect
from nncli.data.csv.missing_words import MOST_WORDS, is_word, stands_for_missing
from nncli.data.csv.torn_cell import torn_text
from nncli.data.row_blocks import Layout
from nncli.data.spellings import WORDS, Spelling, meanings, units_of
from nncli.errors import mention, write_names

THOUSANDS = re.compile(r"[+-]?\d{1,3}([.,]\d{3})+", re.ASCII)
QUOTED = "If cells are quoted with"
AN_EXAMPLE = 7.5  # of a number
ANSWERS = {
    "true": "Write it as 1",
    "false": "Write it as 0",
    "yes": "Correct it",
    "no": "Correct it",
}  # not missing ones


def advice_for_marks(row: bytes, layout: Layout, has_quotes: bool) -> str:
    """Say which option cuts a row into as many cells as there are columns, or with `has_quotes` in the file, which that
    would read as text, how to write the row; the empty string if nothing does."""
    usual, text = Dialect(layout.delimiter), row.decode("utf-8", "surrogateescape")
    if (layout.quote, layout.escape) == ("'", "") and '"' in text:
        with suppress(csv.Error):
            as_it_was = layout.delimiter.join(next(usual.cut(text.splitlines(True)))) + "\n"
            if [*map(len, usual.cut([as_it_was]))] == [len(layout.names)]:
                return f"{QUOTED} {usual.quote}, add {mention('quote', usual.quote)}"
    if (layout.quote, layout.escape) != (usual.quote, usual.escape):
        return ""
    with suppress(csv.Error):
        cells = next(usual.cut([text]), []) if '"' in text else []
        if len(cells) == 1 and [*map(len, usual.cut(cells))] == [len(layout.names)]:
            return "Take the quotes around the row away, and write those within it once"
    for option, its in (
        ("quote", dataclasses.replace(usual, quote="'")),
        ("escape", dataclasses.replace(usual, escape="\\")),
    ):
        sign = its.escape or its.quote
        if sign in text and not (option == "quote" and '"' in text):
            with suppress(csv.Error):
                if [*map(len, its.cut([text]))] == [len(layout.names)]:
                    if option == "quote" and has_quotes:
                        return f"{QUOTED} {sign}, write {usual.quote} in its place, as in other rows"
                    what = f"{QUOTED} {sign}" if option == "quote" else f"If {sign} is an escape character"
                    return f"{what}, add {mention(option, sign)}"
    return ""


def advice_to_learn(layout: Layout, name: str, cell: str, cells: Sequence[str], or_skip: str, is_text: bool) -> str:
    """Say what to do with such a cell in rows to learn from, of which these are the others; `is_text` is whether they
    were cut out of a text."""
    if name in layout.needed:
        return f"Correct it{or_skip}"
    kinds = [column.kind for column in layout.profile] if is_text else []
    if torn := torn_text(cells, layout.place_of[name], kinds, layout.delimiter, layout.decimal):
        first = f"If {quoted(torn)} is one cell, quote it, and look for the cell that is missing behind it{or_skip}"
    else:
        first = _first_advice(layout, name, cell, or_skip)
    return f"{first}, {as_no_number(name)}"


def _first_advice(layout: Layout, name: str, cell: str, or_skip: str) -> str:
    decimal, spelling = layout.decimal, layout.spellings.get(name)
    other = "," if decimal == "." else "."
    if other in cell and not spelling and Spelling(decimal=decimal, thousands=other).number(cell):
        return f"Add {mention('thousands', WORDS[other])}"  # it is good, and only written in another way
    if cell.lower() in ANSWERS:
        return ANSWERS[cell.lower()]
    if is_word(cell):
        return "Correct it" if len(cell) > SHOWN else _missing(layout, name, cell)
    if cell.count(decimal) > 1 and not spelling and (number := Spelling(decimal=other, thousands=decimal).number(cell)):
        option = mention("thousands", WORDS[decimal])
        return f"Write it as {number}, or add {option} if a {WORDS[decimal]} stands between thousands in all such cells"
    if other in cell and as_number(cell, other):
        written = cell.replace(other, decimal)
        if layout.is_decimal_sure:  # the option would refuse the cells that show the decimal sign
            return f"Write it as {written}, as in other cells{or_skip}"
        option = mention("decimal", WORDS[other])
        if spelling and spelling.thousands == other:
            return f"Write it as {written}, or add {option} if a {WORDS[other]} is the decimal sign of all such cells"
        return f"Set {option}" if not THOUSANDS.fullmatch(cell) else f"Write it as {cell.replace(other, '')}"
    if units := units_of([cell]):
        return f"Write it as a plain number, without {quoted(units[0])}"
    numbers = meanings(cell, Spelling(decimal=decimal)) if not spelling else []
    return f"Write it as {' or as '.join(numbers)}" if numbers else "Correct it"


def _missing(layout: Layout, name: str, cell: str) -> str:
    """Advise --missing for a cell, and for all that stands for a missing value elsewhere, at once."""
    its = layout.missing_words.get(name, ())
    others = [word for words in layout.missing_words.values() for word in words if stands_for_missing(word)]
    more = [*(its if len(its) <= MOST_WORDS else ()), *others]
    words = [*dict.fromkeys([cell, *(word for word in more if word not in layout.missing)])]
    told = " for all such words" if len(words) > 1 else ""
    return f"Add {mention('missing', write_names(words))}{told}"


def advice_to_predict(layout: Layout, name: str, cell: str) -> str:
    """Say what to do with such a cell in rows for a model."""
    its = layout.spellings.get(name) or Spelling(decimal=layout.decimal)
    numbers = meanings(cell, its) if name in layout.numeric else []
    first = f"Write it as {' or as '.join(numbers)}" if numbers else "Correct it"
    is_bare = name in layout.numeric and (as_number(cell, ".") or as_number(cell, its.decimal))
    if not numbers and is_bare and not its.takes_numbers:
        unit = f"with {quoted(its.suffix)}" if its.kind == "number" else "as text"
        first = f"Write it {unit}, such as {its.written(AN_EXAMPLE)}"
    return f"{first}, or leave the cell empty"


def as_no_number(name: str) -> str:
    """Say what else a column with a cell that is no number may be."""
    its = write_names([name])
    return f"read the column as text with {mention('categorical', its)}, or leave it out with {mention('drop', its)}"
