"""Tell of numbers in which a point or a comma may be meant otherwise than it is read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence

from nncli.data.cells import quoted
from nncli.errors import flag, write_names

SHORT, POINTS = re.compile(r"\d{1,3}", re.ASCII), re.compile(r"[1-9]\d{0,2}\.\d{3}", re.ASCII)
THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+", re.ASCII)
FEW_OTHERS = 0.03  # of the cells with a comma
OF_A_LIST = re.compile(r"([1-9]\d?),([1-9]\d?)", re.ASCII)
LEAST_LISTS = 3  # different ones, which show an order
Rows = Callable[[], Sequence[Sequence[str]]]


def may_be_thousands(cells: Sequence[str], has_points: bool, delimiter: str | None) -> bool:
    """Tell whether points that may stand between thousands probably do: where no other column has decimal points, and
    the table is cut by semicolons, as where people write decimal commas, or has short cells without a point, as 747
    beside 1.854."""
    whole = [cell.lstrip("+-") for cell in cells if "." not in cell]
    longest = max(map(len, whole), default=0)
    return not has_points and longest <= 3 and (bool(whole) or delimiter == ";")


def doubt_of_few_decimals(cells: Sequence[str]) -> str:
    """Say that a comma may stand between thousands in nearly all cells, though a few have others behind it than three
    figures; the empty string where it may not."""
    commas = [cell.lstrip("+-−–") for cell in cells if "," in cell]
    others = [cell for cell in commas if not THOUSANDS.fullmatch(cell)]
    if not others or len(others) > FEW_OTHERS * len(commas) or any(cell.startswith("0,") for cell in commas):
        return ""
    first = next(cell for cell in commas if THOUSANDS.fullmatch(cell))
    read, meant = first.replace(",", ".", 1), first.replace(",", "")
    advice = f"correct {'that cell' if len(others) == 1 else 'such cells'} and add {flag('thousands')} comma"
    return f"{quoted(first)} is read as {read}, as {quoted(others[0])} stands among them: if {meant} is meant, {advice}"


def doubt_of_lists(name: str, cells: Sequence[str]) -> str:
    """Say that cells with a comma, read as decimals, are probably lists of answers, as 1,3 is of the first and the
    third; the empty string where they are not all of small numbers in their order."""
    lists = [*dict.fromkeys(cell for cell in cells if "," in cell)]
    parts = [found for cell in lists if (found := OF_A_LIST.fullmatch(cell))]
    if len(parts) < max(LEAST_LISTS, len(lists)) or not all(int(found[1]) < int(found[2]) for found in parts):
        return ""
    one, other = parts[0].groups()
    advice = f"{flag('categorical')} {shlex.quote(write_names([name]))} keeps lists"
    return f"{quoted(lists[0])} is read as {one}.{other}, and not as {one} and {other} ({advice})"


def late_points(columns: Mapping[str, Sequence[str]], rows: Rows, names: Sequence[str]) -> list[str]:
    """Warn of cells as 1.234 further down than the first rows, in which these columns hold whole numbers of three
    figures at most: the point may stand between thousands."""
    short = {name: cells for name, cells in columns.items() if cells and all(map(SHORT.fullmatch, {*cells}))}
    notes, found = [], rows() if short else []
    for name, cells in short.items():
        late = next((cell for cell in found[names.index(name)][len(cells) :] if POINTS.fullmatch(cell)), None)
        if late is not None:
            meant, option = late.replace(".", ""), f"{flag('thousands')} point"
            told = f"{quoted(late)} is read as {late}, among whole numbers: if it is {meant}, add {option}"
            notes.append(f"warning: column '{name}': {told}")
    return notes
