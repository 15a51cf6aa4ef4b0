"""Decide from a sample of its cells whether a column holds numbers, text or dates, or identifies rows."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.data.cells import NUMBER, as_number, bare, decimal_as_point, is_missing, is_number, quoted
from nncli.data.column_statistics import is_coarse
from nncli.data.csv.code_like import MONTH, are_dates_of, doubt_of_numbers, unread_form, why_codes
from nncli.data.csv.date_columns import about_dates, example_of_date, several_meanings, with_century
from nncli.data.csv.late_codes import note_of_late_code
from nncli.data.csv.late_repeats import COUNTS, INDEXES
from nncli.data.csv.sign_doubts import doubt_of_few_decimals, doubt_of_lists, may_be_thousands
from nncli.data.dates import days_of
from nncli.data.spellings import (
    NO_CENTS,
    WORDS,
    Spelling,
    date_spellings,
    is_accounting,
    number_spellings,
    time_spelling,
    units_of,
)
from nncli.data.words.detection import has_several_words, looks_like_text
from nncli.errors import OptionError, flag, mention

STORED_AS_TEXT = "numbers are stored as text"
DECLARED = "numbers are declared to be categories in the file"
TEXTS = 1000  # cells that tell whether they hold sentences
LEAST_IDS = 20  # rows: among fewer, all may be different by chance
NEARLY_ALL = 0.9
# of columns that pandas writes, and of those that databases have
INDEX = r"(?i:unnamed: \d+|__index_level_\d+__|index|idx|(.*[_ ])?id|row_?(number|nr|no)?|rownames?)|.*[a-z]I[dD]"
OTHER_MINUS = ("−", "–", ")\n", "-\n")  # at the end of a cell, but for the first
MOST_ODD, LEAST_CELLS = 0.05, 10  # of the cells, that may have another decimal sign than other columns by mistake
EXACT = 15  # figures that float64 always keeps
GROUPED = re.compile(r"(?:[+-]?(?:[1-9]\d{0,2}(?:\.\d{3})+|\d+)\n)*+")  # points that may stand between thousands
NUMBERS = re.compile(f"(?:{NUMBER.pattern}\n)*+")
Vector = NDArray[np.float64]
Columns = Mapping[str, Sequence[str]]  # by name, the cells that are there, without blanks around them


def present(columns: Columns, missing: tuple[str, ...]) -> dict[str, list[str]]:
    """Keep the cells that are not missing, without what nobody sees around them."""
    tokens, known = frozenset(missing), dict[str, str]()  # of a thousand columns, most hold the same cells

    def stripped(cell: str) -> str:
        """Strip a cell; return the empty string for a missing one."""
        text = bare(cell)
        known[cell] = "" if is_missing(text, tokens) else text
        return known[cell]

    return {
        name: [*cells]
        if are_numbers("\n".join([*cells, ""]), len(cells)) and tokens.isdisjoint(cells)
        else [there for cell in cells if (there := known[cell] if cell in known else stripped(cell))]
        for name, cells in columns.items()
    }


class Hints(NamedTuple):
    """Hints on what the columns are, which the options and the file give before any cell is looked at."""

    categorical: Collection[str] = ()
    numeric: Collection[str] = ()
    not_numbers: Mapping[str, str] = {}  # in a file that has types: why, though they can be read so
    codes: Mapping[str, str] = {}  # by a cell with a leading zero that stands below the sample
    decimal: str | None = None  # None, and those below: to be detected
    thousands: str | None = None
    date_format: str | None = None
    delimiter: str | None = None  # of a text
    target: Sequence[str] = ()  # cells that show the decimal sign where no column does


class Kinds(NamedTuple):
    """The kinds that columns were found to be, by name, how their cells spell numbers and dates, and notes."""

    of: dict[str, str]  # number, text or date
    spellings: dict[str, Spelling]
    decimal: str
    notes: list[tuple[str, str]]  # of a column each; "" for all
    has_points: bool = False  # decimal ones for certain


def kinds_of(columns: Columns, hints: Hints, where: str, whole: Collection[str] = ()) -> Kinds:
    """Decide what columns are; those that are `whole` hold nothing but whole numbers for certain. Raises OptionError
    for cells that have two meanings, between which an option decides."""
    known = {*whole, *hints.categorical}
    ways = {name: _number_ways(cells, hints) for name, cells in columns.items() if name not in known}
    signs = _decimal_signs(ways, columns)
    if not (signs or whole) and any(len(its) > 1 for its in ways.values()):
        signs = _decimal_signs({"": _number_ways(hints.target, hints)}, {"": hints.target})
    decimal = hints.decimal or ("," if signs[","] > signs["."] else ".")
    notes = [("", f"decimal sign: {decimal}")] * (hints.decimal is None and decimal != ".")
    found = Kinds({}, {}, decimal, notes, has_points=signs["."] > 0)
    for name, cells in columns.items():
        kind = "text" if name in hints.categorical else "number" if name in whole else ""
        found.of[name] = kind or _kind_of(name, cells, ways[name], hints, found, where)
    if hints.date_format is not None and not any(one.date_format for one in found.spellings.values()):
        raise OptionError("date_format", f"{where} has no column of dates written as {hints.date_format}", "Correct it")
    return found


def _kind_of(name: str, cells: Sequence[str], ways: list[Spelling], hints: Hints, found: Kinds, where: str) -> str:
    """Return the kind of a column; its spelling and notes are added to what was found."""
    decimal, text = found.decimal, "\n".join(["", *cells, ""])
    if name in hints.codes and name not in hints.numeric:
        found.notes.append((name, note_of_late_code(name, hints.codes[name])))
        return "text"
    why = hints.not_numbers[name] if ways and name in hints.not_numbers else why_codes(cells, text)
    form = hints.date_format if name not in hints.numeric else None
    if form is not None and are_dates_of(cells, form):
        spelling = Spelling("date", date_format=form)
    elif why and name not in hints.numeric:
        found.notes.append((name, f"column '{name}': read as categories, as its {why} (--numeric reads numbers)"))
        return "text"
    elif ways:
        spelling = _chosen(name, cells, ways, hints, found, where)
    elif name in hints.numeric or _mostly(cells, lambda cell: is_number(cell, decimal)):
        spelling = Spelling(decimal=decimal)
    elif form is not None and _is_written_as(cells, form):  # as dates may be that are read without it too
        spelling = Spelling("date", date_format=form)
    elif _mostly(cells, lambda cell: days_of(cell) is not None):
        found.notes.extend((name, f"column '{name}': {note}") for note in about_dates(cells, None))
        return "date"
    elif time := time_spelling(cells):
        spelling = time
    elif dates := date_spellings(cells) if form is None else []:
        if len(dates) > 1:
            raise several_meanings(name, cells, dates, where)
        spelling = dates[0]
    else:
        units = [] if name in hints.not_numbers else units_of(cells)
        if units and not any(re.fullmatch(MONTH, unit) for unit in units):
            listed = ", ".join(units[:3]) + (", …" if len(units) > 3 else "")
            found.notes.append(
                (name, f"column '{name}': read as categories, as its numbers have several units: {listed}")
            )
        elif form := unread_form(cells):
            found.notes.append((name, f"column '{name}': read as categories, though its cells {form}"))
        return "text"
    if spelling.kind == "date":
        spelling = with_century(spelling, cells)
    if spelling.decimal != decimal and not spelling.thousands and _is_odd(spelling.decimal, cells):
        spelling = dataclasses.replace(spelling, decimal=decimal)
    plain = spelling == Spelling(decimal=decimal)
    in_quotes = hints.delimiter == "," == spelling.decimal
    if in_quotes and name not in hints.numeric and (doubt := doubt_of_lists(name, cells)):
        found.notes.append((name, f"warning: column '{name}': {doubt}"))
    if spelling.decimal == "," and not spelling.thousands and (doubt := doubt_of_few_decimals(cells)):
        found.notes.append((name, f"warning: column '{name}': {doubt}"))
    is_other = (any(sign in text for sign in OTHER_MINUS) or not text.isascii()) and any(
        not is_number(cell, decimal) and spelling.number(cell) for cell in cells
    )
    if plain and not is_other:
        if name not in hints.numeric and cells and (doubt := doubt_of_numbers(name, cells, text)):
            found.notes.append((name, f"column '{name}': {doubt}"))
        if hints.thousands is None or (hints.thousands == decimal and decimal in text):
            return "number"
        other = "," if decimal == "." else "."
        spelling = Spelling(decimal=other if hints.thousands == decimal else decimal, thousands=hints.thousands)
        # rows that come later may need it
    found.spellings[name] = spelling
    unusual = (cell for cell in cells if is_accounting(cell) or NO_CENTS.search(cell))
    example = next(((cell, own) for cell in unusual if (own := spelling.number(cell))), None)
    told = f"; {quoted(example[0])} is read as {example[1]}" if example else ""
    is_script = plain and is_other and not any(sign in text for sign in OTHER_MINUS)
    has_cents_left_out = example is not None and NO_CENTS.search(example[0]) is not None
    how = (
        "numbers"
        if plain and has_cents_left_out
        else "numbers in the digits of another script"
        if is_script
        else spelling
    )
    told = example_of_date(cells, spelling) if spelling.kind == "date" else told
    found.notes.append((name, f"column '{name}': {how}{told}"))
    if spelling.kind != "date":
        return "number"
    found.notes.extend((name, f"column '{name}': {note}") for note in about_dates(cells, spelling))
    return "date"


def _number_ways(cells: Sequence[str], hints: Hints) -> list[Spelling]:
    """List the ways to read a column as numbers."""
    text = "\n".join([*cells, ""])
    if text.count("\n") == len(cells) and NUMBERS.fullmatch(text) and not ("." in text and GROUPED.fullmatch(text)):
        ways = [Spelling()]  # the usual case, and far faster than one cell after the other
    else:
        ways = number_spellings(cells)
    if hints.decimal is not None:
        ways = [way for way in ways if way.decimal == hints.decimal]
    if hints.thousands is not None:
        ways = [way for way in ways if way.thousands == hints.thousands] or [way for way in ways if not way.thousands]
    return ways


def _chosen(name: str, cells: Sequence[str], ways: list[Spelling], hints: Hints, found: Kinds, where: str) -> Spelling:
    """Choose between two ways to read numbers, of which each comma or point could stand between thousands: a comma
    does, unless it is the decimal sign of other columns; a point does not, unless a comma is that sign."""
    if len(ways) == 1:
        return ways[0]
    one, other = sorted(ways[:2], key=lambda way: not way.thousands)  # the first has thousands
    example = next((cell for cell in cells if one.number(cell) != other.number(cell)), cells[0])
    meanings = f"{one.number(example)} or {other.number(example)}"
    if other.thousands or other.decimal == "," == found.decimal:
        options = f"Add {mention('thousands', WORDS[one.thousands])}, or {mention('decimal', WORDS[other.decimal])}"
        problem = f"{where}: column '{name}': {quoted(example)} can be {meanings}"
        raise OptionError("thousands", problem, options)
    if other.decimal == "." == found.decimal:
        what = f"column '{name}': {quoted(example)} is read as {other.number(example)}"
        advice = f"if it is {one.number(example)}, add {flag('thousands')} {WORDS[one.thousands]}"
        if may_be_thousands(cells, found.has_points, hints.delimiter):
            what, advice = f"warning: {what}", f"{advice}, else {flag('decimal')} {WORDS[other.decimal]}"
        found.notes.append((name, f"{what}; {advice}"))
        return other
    return one


def _decimal_signs(ways: Mapping[str, list[Spelling]], columns: Columns) -> Counter[str]:
    """Count the decimal signs of the cells in columns that have one meaning only."""
    signs = Counter[str]()
    for name, its in ways.items():
        if len({way.decimal for way in its}) == 1:
            sign = its[0].decimal
            signs[sign] += "".join(columns[name]).count(sign)  # a number has one at most
    return signs


def _is_odd(sign: str, cells: Sequence[str]) -> bool:
    """Tell whether so few cells have a decimal sign, which is not that of other columns, that it is an error there, and
    says nothing of the whole numbers beside it."""
    n = sum(sign in cell for cell in cells)
    return n <= MOST_ODD * len(cells) or (n == 1 and len(cells) >= LEAST_CELLS)


def _is_written_as(cells: Sequence[str], date_format: str) -> bool:
    own = Spelling("date", date_format=date_format)
    return _mostly(cells, lambda cell: own.days(cell) is not None)


def _mostly(cells: Sequence[str], matches: Callable[[str], bool]) -> bool:
    """Tell whether at least half of the cells match, of which equal ones are looked at once."""
    counts = Counter(cells)
    return 2 * sum(n for cell, n in counts.items() if matches(cell)) >= len(cells)


def ids_of(kinds: Mapping[str, str], columns: Columns, values: Mapping[str, Vector]) -> dict[str, str]:
    """Find the columns that tell rows apart and nothing else: name → why."""
    found = {name: _why_id(name, kind, columns[name], values.get(name)) for name, kind in kinds.items()}
    return {name: why for name, why in found.items() if why}


def _why_id(name: str, kind: str, cells: Sequence[str], values: Vector | None) -> str:
    if len(cells) < LEAST_IDS:
        return ""
    if kind == "text" and len(set(cells)) >= NEARLY_ALL * len(cells) and not looks_like_text(cells[:TEXTS]):
        if why_codes(cells, "\n".join(["", *cells, ""])).startswith("cells begin"):
            ways = f"{flag('numeric')} reads them as numbers, {flag('categorical')} keeps them"
            return f"nearly all of its codes, some of which begin with 0, are different ({ways})"
        form = unread_form(cells)
        learns = "--text learns from their words, " if has_several_words(cells[:TEXTS]) else ""
        return f"nearly all of its texts are different ({learns}--categorical keeps it)" + (
            f", though they {form}" if form else ""
        )
    if kind == "number" and values is not None and np.isfinite(values).all() and (values == np.trunc(values)).all():
        # and not only v + 1 == v, as beyond 2⁵³; the cells first, as others may be too large to subtract
        if all(map(str.isdigit, cells)) and (np.diff(values) == 1).all():
            return COUNTS
        if re.fullmatch(INDEX, name) and len(set(cells if are_rounded(cells) else values.tolist())) == len(cells):
            return INDEXES
    return ""


def are_rounded(cells: Sequence[str]) -> bool:
    """Tell whether different whole numbers among the cells are equal as float64."""
    if max(map(len, cells), default=0) <= EXACT:
        return False
    long = {cell for cell in cells if len(cell) > EXACT and cell.isdigit()}
    return len({float(cell) for cell in long}) < len(long)


def are_finer_than_float32(values: Vector) -> bool:
    """Tell whether numbers differ by little more than the rounding errors of float32, as times in seconds do."""
    values = values[np.abs(values) <= np.finfo(np.float32).max]  # larger ones are an error of their own
    return len(set(values)) > 1 and bool(is_coarse(np.abs(values).max(), values.std()))


def are_numbers(text: str, n: int) -> bool:
    """Tell whether a text is n lines of a number each: one match is far faster than one for each cell."""
    return text.count("\n") == n and NUMBERS.fullmatch(text) is not None


def values_of(cells: Sequence[str], decimal: str, spelling: Spelling | None) -> Vector:
    """Return the numbers of cells, NaN for what is none."""
    if spelling is not None:
        return np.array([float(spelling.number(cell) or "nan") for cell in cells])
    text = decimal_as_point("\n".join([*cells, ""]), decimal)
    if are_numbers(text, len(cells)):
        return np.array([*map(float, text.split())])
    return np.array([float(as_number(cell, decimal) or "nan") for cell in cells])
