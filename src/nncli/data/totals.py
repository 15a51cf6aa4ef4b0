"""Find rows that sum up others: totals, subtotals and averages, by what they are called and by arithmetic."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Table, TextColumn
from nncli.errors import DataError, listing
from nncli.system.output import in_quotes

AROUND = " \t:.-–*()"
TOTAL = re.compile(
    r"((grand|sub|sous|over|running|report|column|general)[ -]?)?"
    r"(tota(l|ls|le|les|al|lt|lsumme)|somme|summe|suma|soma|sum|gesamt(summe|ergebnis|betrag)?|insgesamt|zwischensumme)"
    r"([ -](g[eé]n[eé]rale?|generale?|geral|row|sum|amount|overall|gesamt))?"
    r"|итого|всего|razem|celkem|yhteensä|合计|合計|总计|總計|総計|小计|小計|합계",
    re.IGNORECASE,
)
OF_A_GROUP = re.compile(r"(?:(?P<before>.+) (?:total|ergebnis)|(?:sub)?total (?P<behind>.+))", re.IGNORECASE)
MEAN = re.compile(
    r"(overall )?(average|avg|mean)|moyenne|durchschnitt|mittel(wert)?|media|promedio|média|gemiddelde|среднее|平均",
    re.IGNORECASE,
)
BESIDE_MEAN = (  # categories, among which a mean is one too
    r"(?i:max(imum)?|min(imum)?|std|median|mediana?|high|low|alt[ao]|baj[ao]|bass[ao]|baix[ao]|hoch|niedrig)"
)
MOST_SHARE = 0.25  # of the rows that may be called a total: more are a category
LEAST_ROWS = 5  # that a total without a name adds up
CLEAR = 4  # times the largest number, which a total of one column alone comes to: less may be chance
MOST_COLUMNS, MOST_CELLS = 8, 200_000  # that are added up: people write totals into small tables
MOST_VALUES = 20_000  # of a column of text, among which names are looked for
LONGEST = 100  # characters of a name: what is longer is a text, which takes long to look through
MOST_SUMS = 100  # that are looked for
ROUNDED = 1e-5  # of the sum of float32 numbers


def is_total(cells: Iterable[str]) -> bool:
    """Tell whether a row adds up others, as its name says: no case to learn from, and no missing value either."""
    return any(TOTAL.fullmatch(cell.strip(AROUND)) for cell in cells)


def notes_of_totals(table: Table, target: TextColumn) -> list[str]:
    """Warn of rows that seem to sum up others. They are counted from 1."""
    named = dict[int, str]()
    for column in (*table.texts.values(), target):
        named = _named(column) | named
    numbers, sums = table.numbers, list[int]()
    if 0 < numbers.shape[0] * numbers.shape[1] <= MOST_CELLS:
        some = numbers[:][:, :MOST_COLUMNS].astype(np.float64)
        sums = sums_of_others(some, named)
        last = len(some) - 1  # and back, for those above what they sum up
        sums += [last - row for row in sums_of_others(some[::-1], [last - row for row in named])]
        sums += [len(some) - 1] * _ends_with_a_sum(table, some)
    rows = sorted({*named, *sums})
    if not rows:
        return []
    shown = listing([f"{row + 1:,}" + (f" ({in_quotes(named[row])})" if row in named else "") for row in rows])
    if len(rows) == 1:
        return [f"warning: row {shown} of the data seems to sum up others: delete it unless it is a case of its own"]
    return [f"warning: rows {shown} of the data seem to sum up others: delete them unless they are cases of their own"]


def note_of_total_in(name: str, cells: Iterable[str]) -> list[str]:
    """Warn of a row that is called a total or an average in a column that names the rows, and is no input."""
    for cell in cells:
        if (bare := cell.strip(AROUND)) and (TOTAL.fullmatch(bare) or MEAN.fullmatch(bare)):
            told = f"{in_quotes(cell)} says that its row is a total of others: delete it unless that is wrong"
            return [f"warning: column {in_quotes(name)}: {told}"]
    return []


def refuse_total(table: Table, target: TextColumn, name: str, where: str, is_text: bool) -> None:
    """Raise DataError where the last row adds up the others, as a text in it says that no other row has; `name` is that
    of the target."""
    for own, column in (*table.texts.items(), (name, target)):
        last = int(column.codes[len(column.codes) - 1 :][0])
        if last >= 0 and is_total([column.values[last]]) and int((column.codes[:] == last).sum()) == 1:
            n = len(column.codes)
            remedy = f"Leave it out with --rows 1:{n - 1}, or keep it with --rows 1:{n}" if is_text else "Delete it"
            problem = f"column '{own}': '{column.values[last]}' in the last row says that it is a total of the others"
            raise DataError(where, problem, remedy)


def _named(column: TextColumn) -> dict[int, str]:
    """Return the rows that are called a total or an average in a column of text, with the name: those with a name that
    few have, and no two in turn; averages are also a category, unless there is one alone."""
    found = dict[int, str]()
    if len(column.values) > MOST_VALUES:
        return found
    known = {value.casefold() for value in column.values if len(value) <= LONGEST}
    names = [value.strip(AROUND) if len(value) <= LONGEST else "" for value in column.values]
    means = {code for code, name in enumerate(names) if MEAN.fullmatch(name)}
    beside = re.compile(BESIDE_MEAN) if means else None
    if beside and any(map(beside.fullmatch, names)):  # the rows are counted only where it matters
        times = np.bincount(column.codes[:][column.codes[:] >= 0], minlength=len(names))
        if any(n > 1 and beside.fullmatch(name) for name, n in zip(names, times, strict=True)):
            means = set()
    for code, (value, name) in enumerate(zip(column.values, names, strict=True)):
        group, is_mean = OF_A_GROUP.fullmatch(name), code in means
        of_group = group is not None and (group["before"] or group["behind"]).casefold() in known
        if not (is_mean or of_group or TOTAL.fullmatch(name)):
            continue
        rows = np.flatnonzero(column.codes[:] == code)
        most = 1 if is_mean else MOST_SHARE * len(column.codes)
        if len(rows) <= most and (np.diff(rows) > 1).all():
            found |= dict.fromkeys(rows.tolist(), value)
    return found


@np.errstate(over="ignore", invalid="ignore")  # sums that are not finite are no row's
def sums_of_others(numbers: NDArray[np.float64], named: Collection[int] = ()) -> list[int]:
    """Find the rows of a matrix (n, d) that hold the sums of those above, back to the one before, or of all; the rows
    that are `named` are left out of the sums."""
    data, found, start = np.nan_to_num(numbers, nan=0.0), list[int](), 0
    data[[*named]] = 0
    while len(data) - start > LEAST_ROWS and len(found) < MOST_SUMS:
        above = data[start:-1]
        sums, sizes = np.cumsum(above, axis=0), np.cumsum(np.abs(above), axis=0)
        largest, n = np.maximum.accumulate(np.abs(above), axis=0), np.arange(1, len(above) + 1)
        rows = np.flatnonzero(_are_sums(numbers[start + 1 :], sums, sizes, largest, n))
        if not len(rows):
            break
        found.append(start + 1 + int(rows[0]))
        data[found[-1]], start = 0, found[-1] + 1
    last, above, size = len(data) - 1, data[:-1], np.abs(data[:-1])
    if found and last not in found:
        n = np.array([last - len(found)])
        if _are_sums(numbers[-1:], above.sum(0)[None], size.sum(0)[None], size.max(0)[None], n)[0]:
            found.append(last)
    return found


def _are_sums(
    numbers: NDArray[Any], sums: NDArray[Any], sizes: NDArray[Any], largest: NDArray[Any], n: NDArray[Any]
) -> NDArray[np.bool_]:
    """Tell which rows (m, d) hold the sums of n others, beside averages and missing cells, if they are far above the
    largest of those."""
    close, n = ROUNDED * sizes, n[:, None]
    close = np.where(np.isfinite(close), close, -1)
    are_sums = (np.abs(numbers - sums) <= close) & (np.abs(sums) >= 2 * largest) & (largest > 0) & (n >= LEAST_ROWS)
    are_means = np.abs(numbers - sums / n) <= close / n
    are_clear = are_sums & (np.abs(sums) >= CLEAR * largest)
    others = are_sums | are_means | np.isnan(numbers)
    found: NDArray[np.bool_] = others.all(1) & ((are_sums.sum(1) > 1) | are_clear.any(1))
    return found


def _ends_with_a_sum(table: Table, numbers: NDArray[np.float64]) -> bool:
    """Tell whether the last row has a number far above all others where it alone lacks a text."""
    above, last = np.nan_to_num(np.abs(numbers[:-1])), np.abs(numbers[-1])
    lacks = any(column.codes[-1:][0] < 0 and (column.codes[:-1] >= 0).all() for column in table.texts.values())
    return lacks and len(above) >= LEAST_ROWS and bool((last > CLEAR * above.max(0)).any())
