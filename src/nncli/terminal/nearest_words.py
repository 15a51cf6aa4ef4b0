"""Print the nearest words of a word."""

from __future__ import annotations

from collections.abc import Sequence

from nncli.errors import listing
from nncli.explain.nearest_words import Neighbours
from nncli.system.output import counted, in_quotes, put
from nncli.terminal.tables import cut, new_table, show

SHOWN_SHARING = 5


def print_neighbours(found: Sequence[Neighbours]) -> None:
    """Print the nearest words in each column of text that has the word."""
    for i, of_column in enumerate(found):
        if i:
            put()
        table = new_table("word", "cosine", "times")
        for one in of_column.nearest:
            table.add_row(cut(one.word), f"{one.cosine:.3f}", "" if one.times is None else f"{one.times:,}")
        show(table)
        times = "" if of_column.times is None else f" ({counted(of_column.times, 'time')})"
        put(f"nearest to {in_quotes(of_column.word)}{times} in column {in_quotes(of_column.column)}")
        if of_column.sharing:
            shown = [in_quotes(word) for word in of_column.sharing[:SHOWN_SHARING]]
            more = len(of_column.sharing) - len(shown)
            put(f"it shares its input with {listing([*shown, *([f'{more:,} more'] if more else [])])}")
