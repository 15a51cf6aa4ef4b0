"""Tell how the dates of a column are meant: in which century, in which zone, and which stand for none."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence
from datetime import datetime

from nncli.data.cells import quoted
from nncli.data.dates import DATE, days_of, written
from nncli.data.month_names import in_english
from nncli.data.spellings import Spelling
from nncli.errors import OptionError, flag, mention, write_names

LATEST = 2035  # year that two figures mean: few files tell of later days, and many of births
LATEST_OF_A_RUN = 2049  # where years before and behind that are there, as in Windows
LEAST_GAP = 10  # years that no cell is in: where there are so many, they may lie between two centuries
# for a date that is not known
STAND_INS = (
    "0001-01-01", "1601-01-01", "1753-01-01", "1800-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1904-01-01",
    "1970-01-01", "2099-12-31", "2199-12-31", "2222-02-22", "2999-12-31", "3000-01-01", "9999-01-01", "9999-12-31",
)  # fmt: skip
YEAR = 365.25
MOST_EXAMPLES = 100  # cells among which a telling one is looked for
FAR, FAR_FOR_OTHERS = 5 * YEAR, 100 * YEAR  # from all other dates


def with_century(spelling: Spelling, cells: Sequence[str]) -> Spelling:
    """Decide which hundred years two figures of a year are in: they end in `LATEST`, unless years of the column that
    are near one another would come apart. The decision holds for later rows, on whatever day they are read."""
    if "%y" not in spelling.date_format:
        return spelling
    found = [spelling.days(cell) for cell in dict.fromkeys(cells)]
    years = sorted({int(written(days)[2:4]) for days in found if days is not None}) or [0]
    # how many years a gap has, and the year before it
    gaps = [(after - year, year) for year, after in zip(years, [*years[1:], years[0] + 100], strict=True)]
    last, (largest, _) = LATEST, max(gaps)
    if largest >= LEAST_GAP and not any(gap[0] >= LEAST_GAP and _is_in(gap, last) for gap in gaps):
        last = max(last for last in range(LATEST_OF_A_RUN - 99, LATEST_OF_A_RUN + 1) if _is_in(max(gaps), last))
    return dataclasses.replace(spelling, last_year=last)


def _is_in(gap: tuple[int, int], last: int) -> bool:
    """Tell whether a century that ends with a year ends in a gap of so many years behind another."""
    return (last - gap[1]) % 100 < gap[0]


def about_dates(cells: Sequence[str], spelling: Spelling | None) -> list[str]:
    """Say of a column of dates what may be meant otherwise: times of another zone, and a date far from all others."""
    days = {cell: read for cell in dict.fromkeys(cells) if (read := _days(cell, spelling)) is not None}
    return [*_about_zones(days, spelling), *_about_stand_ins(days)]


def example_of_date(cells: Sequence[str], spelling: Spelling) -> str:
    """Say how one of the cells is read, as few people know what %m means."""
    read = next(((cell, days) for cell in cells if (days := spelling.days(cell)) is not None), None)
    return f"; {quoted(read[0])} is {written(read[1])}" if read else ""


def several_meanings(name: str, cells: Sequence[str], ways: Sequence[Spelling], where: str) -> OptionError:
    """Make the error for dates that can be read in several ways, by a cell that would be another day in each."""

    def meanings(cell: str) -> list[str]:
        found = (with_century(way, cells).days(cell) for way in ways)
        return ["no date" if days is None else written(days) for days in found]

    cell = max(dict.fromkeys(cells[:MOST_EXAMPLES]), key=lambda cell: len({*meanings(cell)} - {"no date"}))
    listed = " or ".join(f"{day} ({way.date_format})" for day, way in zip(meanings(cell), ways, strict=True))
    advice = (
        f"Add {mention('date_format', ways[0].date_format)}, or {'the other' if len(ways) == 2 else 'another of these'}"
    )
    return OptionError("date_format", f"{where}: column '{name}': {quoted(cell)} can be {listed}", advice)


def _days(cell: str, spelling: Spelling | None) -> float | None:
    return days_of(cell) if spelling is None else spelling.days(cell)


def _about_zones(days: dict[str, float], spelling: Spelling | None) -> list[str]:
    own = {cell: local for cell in days if (local := _local(cell, spelling)) is not None}
    elsewhere = [cell for cell, local in own.items() if local != days[cell]]
    if not elsewhere:
        return []
    example = next((cell for cell in elsewhere if own[cell] // 1 != days[cell] // 1), elsewhere[0])
    others = ", and those without one count as UTC" if len(own) < len(days) else ""
    told = f"times with a zone are read in UTC{others}: {quoted(example)} is {written(days[example])}"
    return [f"{told} (delete the zones from the file to use local times)"]


def _local(cell: str, spelling: Spelling | None) -> float | None:
    """Return the days to a time as it is written, without regard to its zone; None where it has none."""
    if spelling is not None:
        plain = in_english(cell, spelling.date_format)
        offset = datetime.strptime(plain, spelling.date_format).utcoffset() if "%z" in spelling.date_format else None
        days = spelling.days(cell)
        return None if offset is None or days is None else days + offset.total_seconds() / 86400
    found = DATE.fullmatch(cell)
    return days_of(cell[: found.start("zone")]) if found and found["zone"] else None


def _about_stand_ins(days: dict[str, float]) -> list[str]:
    """Say which dates at the ends of a column are far from all others."""
    distinct, notes = sorted(set(days.values())), []
    while len(distinct) > 2:
        gaps = {0: distinct[1] - distinct[0], -1: distinct[-1] - distinct[-2]}
        end = max(gaps, key=gaps.__getitem__)
        others = [value for value in distinct if value != distinct[end]]
        is_known = written(distinct[end]).split()[0] in STAND_INS
        if gaps[end] < (FAR if is_known else max(FAR_FOR_OTHERS, others[-1] - others[0])):
            break
        cell = next(cell for cell, value in days.items() if value == distinct[end])
        advice = f"{flag('missing')} {shlex.quote(write_names([cell]))} if it stands for a missing date"
        notes.append(f"{quoted(cell)} is far from all other dates ({advice})")
        distinct = others
    return notes
