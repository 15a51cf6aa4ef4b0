"""Say which texts mean a missing value. Find the words among numbers and dates that stand for one, as n/a and #DIV/0!
do, and NA where it may be the code of a country."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from nncli.data.cells import DEFAULT_MISSING, SHOWN, bare, is_missing, quoted
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.totals import is_total
from nncli.errors import OptionError, flag, listing, write_names

ERROR_VALUE = re.compile(r"#[¡¿]?[A-Z0-9/_]+[!?]|#(?:N/[AD]|NV|NA)(?: .*)?|#{2,}", re.ASCII)  # of a spreadsheet
WORD = (  # compiled where it is used, as few files need it
    r"(?i)[^\w\s]{1,3}|n[./]?[ ]?[abcdrv][.]?|k[. /]*a\.?|none|nil|null|missing|blank|empty|unknown|undefined"
    r"|not (?:available|applicable|known|recorded|reported|given)|no (?:data|answer|value)|don'?t know"
    r"|unbekannt|fehlt|leer|keine (?:angabe|daten)|inconnue?|manquante?|vide|non (?:disponible|renseignée?|connue?)"
    r"|desconocid[oa]|desconhecid[oa]|sconosciut[oa]|onbekend"
)
LEAST_TIMES = 2  # of another word
CODE, NA = re.compile(r"[A-Z]{2}", re.ASCII), "NA"  # of countries; also North America is called so
LEAST_CODES = 2  # different ones
MOST_WORDS = 10  # of a column: with more, its words say something
Rows = Callable[[], Sequence[Sequence[str]]]


def missing_texts(options: CsvOptions) -> tuple[str, ...]:
    """List the texts that mean a missing value. Raises OptionError where one of them cannot be a value."""
    texts = DEFAULT_MISSING + tuple(token.strip() for token in options.missing)
    for text in options.no_missing:
        if text not in texts or is_missing(text, ("",)):
            able = listing([f"'{one}'" for one in texts if not is_missing(one, ("",))])
            raise OptionError("no_missing", f"expected some of {able}, found '{text}'")
    return tuple(text for text in texts if text not in options.no_missing)


def stands_for_missing(word: str) -> bool:
    """Tell whether a word stands for a missing value in many tables, whatever its column is."""
    return ERROR_VALUE.fullmatch(word) is not None or re.fullmatch(WORD, word) is not None


def is_word(cell: str) -> bool:
    """Tell whether a cell is no number or date, however wrongly written: it has no figures, or is an error value."""
    return cell[:1] == "#" or not any(character.isdigit() for character in cell)


def missing_words(
    columns: Mapping[str, Sequence[str]], names: Sequence[str], all_rows: Rows
) -> dict[str, tuple[str, ...]]:
    """List the words that stand for a missing value in columns of numbers and dates, of which these are the first
    cells: those that many tables have, and those that come again. All rows but totals are looked at where there are
    such words, by name."""
    found = [name for name, cells in columns.items() if any(map(is_word, {*cells}))]
    rows = [row for row in zip(*all_rows(), strict=True) if not is_total(row)] if found else []
    return {name: _words(row[names.index(name)] for row in rows) for name in found}


def _words(cells: Iterable[str]) -> tuple[str, ...]:
    times = Counter(cell for cell in map(bare, cells) if cell and len(cell) <= SHOWN and is_word(cell))
    return tuple(word for word, n in times.items() if n >= LEAST_TIMES or stands_for_missing(word))


def notes_of_codes(
    columns: Mapping[str, Sequence[str]], text: Iterable[str], cells: Mapping[str, Sequence[str]], all_rows: Rows
) -> list[str]:
    """Say of each column of text whether NA, which is read as a missing value, may be a code of two letters as the
    others: `cells` are those of the first rows, and `columns` those that are there. Where NA is missing elsewhere too,
    it is no code. All rows are looked at only where the first ones do not tell."""
    found = {name for name in text if are_codes({*columns[name]})}
    if not found:
        return []
    with_na = [name for name in columns if NA in cells[name]]
    if not with_na:
        with_na = [name for name, its in zip(cells, all_rows(), strict=False) if NA in its and name in columns]
    if not found.issuperset(with_na):
        return []
    told = f"'{NA}' is read as a missing value, and all others are codes of two letters"
    return [f"column '{name}': {told} ({flag('no_missing')} {NA} if it is one)" for name in with_na]


def are_codes(cells: Collection[str]) -> bool:
    return len(cells) >= LEAST_CODES and all(map(CODE.fullmatch, cells))


def notes_of_errors(columns: Mapping[str, Iterable[str]], target: str) -> list[str]:
    """Say of columns of text, also of the target, that an error value of a spreadsheet is read as any other text."""
    notes = []
    for name, cells in columns.items():
        errors = sorted(cell for cell in map(bare, {*cells}) if cell[:1] == "#" and ERROR_VALUE.fullmatch(cell))
        if errors := [error for error in errors if error.strip("#")]:
            advice = f"{flag('missing')} {shlex.quote(write_names(errors))}"
            if name == target:
                leave_out = f"{advice} {flag('on_error')} skip leaves its rows out"
                notes.append(f"warning: target column '{name}': {quoted(errors[0])} is read as a class ({leave_out})")
            else:
                notes.append(f"column '{name}': {quoted(errors[0])} is read as a category ({advice} if it is missing)")
    return notes
