"""Tell of numbers in which a point or a comma may be meant otherwise than it is read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from nncli.data.cells import quoted
from nncli.errors import flag, write_names

OF_A_LIST = re.compile(r"([1-9]\d?),([1-9]\d?)", re.ASCII)
LEAST_LISTS = 3  # different ones, which show an order


def may_be_thousands(cells: Sequence[str], has_points: bool, delimiter: str | None) -> bool:
    """Tell whether points that may stand between thousands probably do: where no other column has decimal points, and
    the table is cut by semicolons, as where people write decimal commas, or has short cells without a point, as 747
    beside 1.854."""
    whole = [cell.lstrip("+-") for cell in cells if "." not in cell]
    longest = max(map(len, whole), default=0)
    return not has_points and longest <= 3 and (bool(whole) or delimiter == ";")


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
