"""Read numbers and dates as people write them: 1,234.50 · $3,954 · 31 kg · 45% · 07:44 · 4/21/2026."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import product
from typing import Any

from nncli.data.month_names import in_english

BLANK = " \u00a0\u202f\u2009"  # between thousands: as typed, no-break, narrow no-break, thin
SEPARATORS = {",": ",", ".": ".", " ": BLANK, "'": "'’"}  # between thousands, with their variants
WORDS = {",": "comma", ".": "point", " ": "blank", "'": "apostrophe"}  # for them, as options take them
NAMES = {",": "a comma", ".": "a point", " ": "a blank", "'": "an apostrophe"}
SIGN, MONEY = "[+−–-]", "$€£¥₹₽₩₺₫₪฿¢"
CODES = "USD|EUR|GBP|JPY|CHF|CNY|INR|CAD|AUD|BRL|SEK|NOK|DKK|PLN|CZK|RUB|kr"
UNIT = rf"[^\W\d_][^\d\s,;:_]{{0,11}}|[%‰°{MONEY}][^\d\s,;:_]{{0,7}}"
BODY = rf"(?:\d[\d.,'’{BLANK}]*|[.,]\d+)(?:[eE][+-]?\d+)?"
PARTS = re.compile(
    rf"(?P<sign>{SIGN}?)(?P<prefix>[A-Z]{{0,3}}[{MONEY}]|(?:{CODES})(?=[\s\d]))?[{BLANK}]?(?P<inner>{SIGN}?)"
    rf"(?P<body>{BODY}(?<!\s))[{BLANK}]?(?P<suffix>{UNIT})?"
)
SIGNS = dict(zip("٫٬．，－＋", ".,.,-+", strict=True))  # Arabic ones, and those of full width
CLOCK = r"(?P<h>\d{1,2}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d(?:\.\d{1,6})?))?(?: ?(?P<half>[AaPp])\.?[Mm]\.?| (?:Uhr|h))?"
TIME = re.compile(CLOCK, re.ASCII)
DURATIONS = {
    "h:m:s": re.compile(r"(\d{1,4}):([0-5]\d):([0-5]\d(?:\.\d{1,6})?)", re.ASCII),
    "m:s": re.compile(r"(\d{1,4}):([0-5]\d(?:\.\d{1,6})?)", re.ASCII),
}
ACCOUNTING = re.compile(r"([^\d()+−-]*)\(([^()+−-]*\d[^()+−-]*)\)([^\d()+−-]*)|([^()+−-]*\d)[-−]")  # (5) and 5- are −5
NO_CENTS = re.compile(rf"(?<=\d)[.,](?:--?|[–—])(?=$|[\s{MONEY}])")  # EUR 5.–
DAYS = (
    "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y", "%m-%d-%Y", "%d-%m-%Y",
    "%d.%m.%y", "%y.%m.%d", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d",
    "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y", "%d. %b %Y", "%d. %B %Y",
)  # fmt: skip
DATE_LIKE = (
    r"\d{1,2}[-/. ]\w{1,9}[-/. ]\d{2}|\d{1,2}(?:er|\.)? (?:de )?[^\W\d_]{3,10}\.? (?:de )?\d{4}|"
    r"[A-Z][a-z]{2,8}\.? \d{1,2}, \d{4}"
)
TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
RELATIVE = frozenset(
    ["%", "‰", "K", "k", "M", "m", "B", "T", "bn", "Bn", "mn", "Mio", "Mrd", "Tsd"]
)  # which may not be left out: 45 is not 45% or 45K
NEARLY_ALL, HALF = 0.9, 0.5  # of the cells of a column
KINDS = ("number", "time", *DURATIONS, "date")
SECONDS_OF_A_DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Spelling:
    """How the cells of a column are written, where that is not the plain way: numbers as `prefix` 1 `thousands` 234
    `decimal` 5 `suffix`, times of day, durations, or dates of a format."""

    kind: str = "number"  # one of KINDS
    decimal: str = "."
    thousands: str = ""  # one of SEPARATORS; empty for none
    prefix: str = ""
    suffix: str = ""
    date_format: str = ""  # as `datetime.strptime` has it
    last_year: int = 0  # of the hundred that two figures can mean; 0: as `datetime.strptime` has it

    def number(self, cell: str) -> str | None:
        """Write the number of a cell as Python does, a time of day in hours, a duration in the unit of its first part;
        None if it is none. Prefix and suffix may be left out, but for a percent sign."""
        if self.kind == "time" or self.kind in DURATIONS:
            time = _hours(cell) if self.kind == "time" else _duration(cell, self.kind)
            return None if time is None else repr(time)
        parts = _parts(cell)
        if parts is None or parts[1] not in ("", self.prefix) or parts[3] not in ("", self.suffix):
            return None
        sign, _, body, suffix = parts
        if not suffix and self.suffix in RELATIVE:
            return None
        plain = _plain(body, self.decimal, self.thousands)
        return None if plain is None else sign + plain

    @property
    def takes_numbers(self) -> bool:
        """Tell whether a number of a table that has numbers itself, as JSON, is one of the column: not where 0.45 may
        be 45%, or 7.5 any unit of time."""
        return self.kind == "number" and self.suffix not in RELATIVE

    def written(self, value: float) -> str:
        """Write a number, or the days from the beginning of 1970 to a date, as cells of the column are written, with
        seven figures; `number` and `days` read it."""
        if self.kind == "date":
            return datetime.fromtimestamp(value * SECONDS_OF_A_DAY, UTC).strftime(self.date_format)
        if self.kind in ("time", "h:m:s"):
            minutes, seconds = divmod(round(value * 3600), 60)
            hours, minutes = divmod(minutes, 60)
            shown = "" if self.kind == "time" and not seconds else f":{seconds:02}"
            return f"{hours:02}:{minutes:02}{shown}" if self.kind == "time" else f"{hours}:{minutes:02}{shown}"
        if self.kind == "m:s":
            minutes, seconds = divmod(round(value * 60), 60)
            return f"{minutes}:{seconds:02}"
        before = self.prefix + " " * self.prefix[-1:].isalpha()
        behind = " " * (self.suffix[:1].isalpha() and self.suffix not in RELATIVE) + self.suffix
        return before + f"{value:.7g}".replace(".", self.decimal) + behind

    def days(self, cell: str) -> float | None:
        """Return the days from the beginning of 1970 to a date, in UTC; None if it is none."""
        return _days(cell, self.date_format, self.last_year)

    def __str__(self) -> str:
        if self.kind == "time":
            return "times of day, read as hours"
        if self.kind in DURATIONS:
            return f"durations {self.kind}, read as {'hours' if self.kind == 'h:m:s' else 'minutes'}"
        if self.kind == "date":
            years = f", with years from {self.last_year - 99} to {self.last_year}" if self.last_year else ""
            return f"dates, read as {self.date_format}{years}"
        said = [f"{NAMES[self.thousands]} between thousands"] if self.thousands else []
        said += [f"{NAMES[self.decimal]} as decimal sign"] if self.decimal != "." else []
        said += [f"'{affix}', which is taken off" for affix in (self.prefix, self.suffix) if affix]
        return "numbers with " + (" and ".join(said) or "− or brackets for minus")


SPELLING_FORM = {**dict.fromkeys(Spelling.__dataclass_fields__, str), "last_year": int}


def spelling_of(stored: Mapping[str, Any]) -> Spelling:
    """Read a spelling from JSON. Raises ValueError for one that no column has."""
    found = Spelling(**stored)
    if found.kind not in KINDS or found.decimal not in (".", ",") or found.thousands not in ("", *SEPARATORS):
        raise ValueError("a spelling that no column has")
    if found.last_year and not (found.date_format and 1900 <= found.last_year <= 2200):
        raise ValueError("a century that no column has")
    return found


def number_spellings(cells: Sequence[str]) -> list[Spelling]:
    """List the ways in which most cells of a column can be read as numbers: at least half, or nearly all where a unit
    is taken off. There are none for a column of something else, and several where cells have more than one meaning."""
    counts = Counter(cells)
    if not _are_negative_for_certain(counts):
        return []
    affixes = Counter[tuple[str, str]]()
    for cell, n in counts.items():
        if (parts := _parts(cell)) is not None:
            affixes[parts[1], parts[3]] += n
    if not affixes:
        return []
    prefix, suffix = affixes.most_common(1)[0][0]
    digits = "".join(parts[2] for cell in counts if (parts := _parts(cell)) is not None)
    ways = [
        Spelling(decimal=decimal, thousands=thousands, prefix=prefix, suffix=suffix)
        for decimal, thousands in product(".,", ("", *SEPARATORS))
        if decimal != thousands
        and (not thousands or any(sign in digits for sign in SEPARATORS[thousands]))
        and (decimal == "." or "," in digits or thousands == ".")  # signs that the column has
    ]
    best = _best(ways, cells, Spelling.number)
    if not best and not (prefix or suffix):  # of addresses as 123.121.192.143, half may look like thousands
        best = _best([way for way in ways if not way.thousands], cells, Spelling.number, HALF)
    return [way for way in best if not way.thousands or _has_thousands(way, counts)]


def is_accounting(cell: str) -> bool:
    """Tell whether a cell has the minus of accountants: brackets around its number, or a minus behind it."""
    return (cell[-1:] in ("-", "−") or "(" in cell) and ACCOUNTING.fullmatch(cell) is not None


def _are_negative_for_certain(cells: Iterable[str]) -> bool:
    """Tell whether those of the cells that may be negative are: not where all numbers are in brackets, as those of
    items, and not where a minus stands only behind whole numbers without separators, as in marks."""
    accounting, others = [cell for cell in cells if is_accounting(cell)], [c for c in cells if not is_accounting(c)]
    trailing = [cell for cell in accounting if "(" not in cell]
    in_brackets = len(accounting) > len(trailing)
    return (not in_brackets or any(map(_parts, others))) and (
        not trailing or any("." in cell or "," in cell for cell in trailing)
    )


def _has_thousands(way: Spelling, cells: Iterable[str]) -> bool:
    """Tell whether some cell is another number, or none, if nothing may stand between thousands."""
    without = dataclasses.replace(way, thousands="")
    return any(way.number(cell) != without.number(cell) for cell in cells)


def looks_like_number(cell: str) -> bool:
    """Tell whether a cell is a number in any spelling but one with a unit: names of columns may be 25% or 5 km."""
    parts = _parts(cell)
    return parts is not None and not parts[3]


def in_another_way(cell: str, own: Spelling) -> str | None:
    """Read a cell that is no number as its column writes them, but is one with other separators between thousands and
    the same decimal sign, or with brackets; None if it is none, or another one with the other decimal sign."""
    if own.kind != "number" or cell[-1:] in ("-", "−"):
        return None
    ways = (_with_signs(cell, own, own.decimal, sign) for sign in ("", *SEPARATORS) if sign != own.decimal)
    found = next(filter(None, ways), None)
    other = _with_signs(cell, own, "," if own.decimal == "." else ".", "")
    return found if other in (None, found) else None


def meanings(cell: str, own: Spelling) -> list[str]:
    """List the numbers that a cell may be with any signs in it, written as its column has them, but without those
    between thousands."""
    if own.kind != "number":
        return []
    ways = [(decimal, sign) for decimal in ".," for sign in ("", *SEPARATORS) if sign != decimal]
    found = {float(number): number for way in ways if (number := _with_signs(cell, own, *way))}
    suffix = own.suffix if own.suffix in RELATIVE else ""
    return [number.replace(".", own.decimal) + suffix for number in found.values()]


def _with_signs(cell: str, own: Spelling, decimal: str, thousands: str) -> str | None:
    return dataclasses.replace(own, decimal=decimal, thousands=thousands).number(cell)


def units_of(cells: Sequence[str]) -> list[str]:
    """List the units, currencies and signs of a column of which nearly all cells are a number with one."""
    units = Counter[str]()
    for cell, n in Counter(cells).items():
        if (parts := _parts(cell)) is not None and (parts[1] or parts[3]):
            units[parts[1] or parts[3]] += n
    return [unit for unit, _ in units.most_common()] if units.total() >= NEARLY_ALL * len(cells) else []


def date_spellings(cells: Sequence[str]) -> list[Spelling]:
    """List the formats in which nearly all cells are dates: several where the day could be the month."""
    first = next(filter(re.compile(DATE_LIKE).match, cells), None)
    ways = [Spelling("date", date_format=day + time) for time in TIMES for day in DAYS]
    if first is None:
        return []
    found = _best([way for way in ways if way.days(first) is not None], cells, Spelling.days)
    short = {way.date_format for way in found if any(in_english(cell, way.date_format) != cell for cell in cells)}
    found = [way for way in found if way.date_format.replace("%B", "%b") not in short - {way.date_format}]
    if not any(way.date_format.startswith("%y") for way in found):
        return found
    clear = [way for way in found if _has_many_days(way, cells)] or found
    return clear[:1] if "." in clear[0].date_format else clear  # with points, the day is first unless years are clear


def _has_many_days(way: Spelling, cells: Iterable[str]) -> bool:
    """Tell whether dates have far more days of a month than years: hardly a column is of one day in many years."""
    found = [datetime.fromtimestamp(days * SECONDS_OF_A_DAY, UTC) for cell in {*cells} if (days := way.days(cell))]
    return len({moment.day for moment in found}) >= 3 * len({moment.year for moment in found}) > 0


def _best(
    ways: Iterable[Spelling],
    cells: Sequence[str],
    read: Callable[[Spelling, str], str | float | None],
    least: float = NEARLY_ALL,
) -> list[Spelling]:
    """Return those of the ways in which most cells can be read, and at least that share of them."""
    counts = Counter(cells)  # equal cells are looked at once
    known = {way: sum(n for cell, n in counts.items() if read(way, cell) is not None) for way in ways}
    most = max(known.values(), default=0)
    return [way for way, n in known.items() if n == most >= least * len(cells)]


def time_spelling(cells: Sequence[str]) -> Spelling | None:
    """Return how nearly all cells are times of day, or else durations; None if they are not."""
    return next(iter(_best(map(Spelling, ("time", *DURATIONS)), cells, Spelling.number)), None)


@lru_cache(10_000)
def _parts(cell: str) -> tuple[str, str, str, str] | None:
    """Cut a cell into its sign, prefix, digits and suffix; None for what is no number."""
    negative = ACCOUNTING.fullmatch(cell)
    if negative:
        cell = "".join(filter(None, negative.groups()))
    cell = NO_CENTS.sub("", cell)
    found = PARTS.fullmatch(cell if cell.isascii() else _western(cell))
    if found is None or (found["sign"] and found["inner"]):
        return None
    sign = "-" if negative or (found["sign"] or found["inner"]) in ("-", "−", "–") else ""
    return sign, found["prefix"] or "", found["body"], found["suffix"] or ""


def _western(cell: str) -> str:
    """Write the digits of any script as 0 to 9."""
    return "".join(str(int(c)) if c.isdecimal() else SIGNS.get(c, c) for c in cell)


@lru_cache(10_000)
def _plain(body: str, decimal: str, thousands: str) -> str | None:
    """Write digits without what stands between thousands, and with a point."""
    between = f"[{SEPARATORS[thousands]}]" if thousands else r"(?!)"
    grouped = rf"[1-9]\d{{0,2}}(?:{between}\d{{3}})+"
    if thousands == ",":
        grouped += r"|[1-9]\d?(?:,\d{2})+,\d{3}"  # in India, hundreds of thousands
    found = re.fullmatch(rf"({grouped}|\d*)(?:{re.escape(decimal)}(\d*))?([eE][+-]?\d+)?", body, re.ASCII)
    if found is None or not (found[1] or found[2]):
        return None
    return re.sub(between, "", found[1]) + (f".{found[2]}" if found[2] else "") + (found[3] or "")


@lru_cache(10_000)
def _hours(cell: str) -> float | None:
    found = TIME.fullmatch(cell)
    if found is None:
        return None
    hour, half = int(found["h"]), (found["half"] or "").lower()
    is_end = hour == 24 and not int(found["m"]) and not float(found["s"] or 0)  # of a day
    if (hour > 23 and not is_end) or (half and not 1 <= hour <= 12):
        return None
    if half:
        hour = hour % 12 + 12 * (half == "p")
    return hour + int(found["m"]) / 60 + float(found["s"] or 0) / 3600


@lru_cache(10_000)
def _duration(cell: str, kind: str) -> float | None:
    """Return a duration in the unit of its first part."""
    found = DURATIONS[kind].fullmatch(cell)
    return None if found is None else sum(float(part) / 60**i for i, part in enumerate(found.groups()))


@lru_cache(10_000)
def _days(cell: str, date_format: str, last_year: int) -> float | None:
    try:
        moment = datetime.strptime(in_english(cell, date_format), date_format)
        if last_year:
            moment = moment.replace(year=last_year - (last_year - moment.year) % 100)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.timestamp() / SECONDS_OF_A_DAY
