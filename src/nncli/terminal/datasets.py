"""Print the bundled data sets."""

from __future__ import annotations

import functools
import shutil
import sys
import textwrap
from collections.abc import Sequence
from itertools import zip_longest

from nncli.system.output import put

HEADER = ("name", "rows", "columns", "classes", "what it is", "source")
WIDTH, MARGIN = 100, 3  # where there is no terminal, and what the other tables leave free
GAP = "   "


def print_datasets(rows: Sequence[Sequence[str]]) -> None:
    """Print a table like that of any other command, but without rich, which takes longer to load than all the rest."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH
    widths = [max(map(len, column)) for column in zip(HEADER, *rows, strict=True)]
    wrap = functools.partial(textwrap.wrap, break_long_words=False, break_on_hyphens=False)
    room = max(width - MARGIN - sum(widths[:4]) - 5 * len(GAP), 20)
    widths[5] = min(widths[5], room // 2)
    widths[4] = min(widths[4], room - widths[5])
    put(_line(HEADER, widths))
    put("─" * (sum(widths) + 5 * len(GAP) + 1))
    for row in rows:
        for cells in zip_longest(*map(wrap, row, widths), fillvalue=""):
            put(_line(cells, widths))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return a line with numbers to the right and words to the left."""
    name, *numbers, what, source = cells
    padded = [f"{number:>{width}}" for number, width in zip(numbers, widths[1:], strict=False)]
    return GAP.join([f"{name:<{widths[0]}}", *padded, f"{what:<{widths[4]}}", source]).rstrip()
