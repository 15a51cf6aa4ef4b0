"""Recognise the lines of texts that fastText and Vowpal Wabbit read, which are no table."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nncli.data.cells import quoted
from nncli.errors import DataError, mention

# a label, and before the first bar perhaps a weight and a tag; behind it the name of a group of words, and words;
# with several bars it may be a table that has bars between its cells. `++` gives no digit back and the look ahead finds
# a second bar once, so that a line takes time by its length, not by the square of it.
LINES = {
    "fastText": re.compile(r"__label__\S+ .*", re.DOTALL),
    "Vowpal Wabbit": re.compile(
        r"[-+]?\d++(\.\d++)?( \d++(\.\d++)?)?( ?'?\w+)? ?\|(?=[^|]*\Z).*?[^\W\d] .*", re.DOTALL
    ),
}


def refuse_lines_of_other_tools(first_cells: Sequence[str], delimiter: str, where: str) -> None:
    """Raise DataError where the cells of the first line of a file show that its lines are those of another tool."""
    line = delimiter.join(first_cells)
    for tool, pattern in LINES.items():
        if pattern.fullmatch(line):
            remedy = (
                "Make it a table of two columns, label and text, with their names in its first line and a tab between "
                f"them, and read that with {mention('quote', 'none')}"
            )
            raise DataError(where, f"expected a table, found lines of {tool}: {quoted(line)}", remedy)
