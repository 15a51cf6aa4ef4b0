"""Find a text that a delimiter in it has cut in two, as Paris, FR without quotes, in a row that lacks its last cell."""

from __future__ import annotations

from collections.abc import Sequence

from nncli.data.cells import bare, is_number
from nncli.data.dates import days_of


def torn_text(cells: Sequence[str], place: int, kinds: Sequence[str], delimiter: str, decimal: str) -> str:
    """Return the text of which the second part stands in a place where a number or a date should be, among columns of
    these kinds. That part alone has a blank in front, or from there on all cells fit the column before theirs, and the
    last one not its own. The empty string for a row that does not look like that."""
    if not 0 < place < len(kinds) or kinds[place - 1] != "text":
        return ""

    def fits(cell: str, kind: str) -> bool:
        cell = bare(cell)
        found = "number" if is_number(cell, decimal) else "date" if days_of(cell) is not None else "text"
        return not cell or found == kind

    has_blank = [i for i, cell in enumerate(cells) if cell[:1] == " "] == [place]
    pairs = zip(cells[place + 1 :], kinds[place:], strict=False)
    is_shifted = not fits(cells[-1], kinds[-1]) and all(fits(cell, kind) for cell, kind in pairs)
    return delimiter.join(cells[place - 1 : place + 1]) if has_blank or (is_shifted and place + 1 < len(cells)) else ""
